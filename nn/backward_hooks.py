"""Watching a module's backward: identities around it see the gradients come in and go out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import Function, Tensor, is_grad_enabled


class _Door(Function):
    """The identity; its backward shows the gradients to ``watch``, which may replace them."""

    @staticmethod
    def forward(ctx: Any, watch: Any, *tensors: Any) -> Any:
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        ctx.watch = watch
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, *ctx.watch(grads)


class BackwardHook:
    """The doors of one call of a module, and what the hooks are to see."""

    def __init__(
        self, module: Any, hooks: Sequence[Callable[..., Any]], pre_hooks: Sequence[Any]
    ) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_outputs: tuple[Any, ...] | None = None
        self.inputs: list[int] | None = None  # which arguments are tensors; None: no gradient
        self.fixed: dict[int, Any] = {}  # those without gradient, for which hooks see zeros
        self.outputs: list[int] = []
        self.n_inputs = self.n_outputs = 0

    def setup_input_hook(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments behind their door."""
        self.n_inputs = len(args)
        made, self.inputs = _behind(self._leaving, args)
        self.fixed = {k: args[k] for k in self.inputs or () if not args[k].requires_grad}
        return made

    def setup_output_hook(self, result: Any) -> Any:
        """The results behind their door."""
        several = isinstance(result, tuple)
        made, places = _behind(self._entering, result if several else (result,))
        self.n_outputs, self.outputs = len(made), places or []
        if not several:
            return made[0]
        return made if type(result) is tuple else type(result)(*made)

    def _entering(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """Gradients of the outputs: the pre-hooks see them."""
        found = _spread(self.outputs, grads, self.n_outputs)
        for hook in self.pre_hooks:
            changed = hook(self.module, found)
            if changed is not None:
                found = _as_many(changed, found, "Backward pre hook", "grad_output")
        self.grad_outputs = found
        if self.inputs is None:
            if self.hooks:
                warnings.warn(
                    "Full backward hook is firing when gradients are computed with respect to "
                    "module outputs since no inputs require gradients",
                    stacklevel=2,
                )
            nothing: tuple[Any, ...] = (None,) * self.n_inputs
            for hook in self.hooks:
                changed = hook(self.module, nothing, found)
                if changed is not None and any(x is not None for x in changed):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always "
                        "return None or None for all gradients."
                    )
            self.grad_outputs = None
        return tuple([found[k] for k in self.outputs])

    def _leaving(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """Gradients of the inputs: the hooks see both."""
        if self.grad_outputs is None or self.inputs is None:
            return grads  # they came another way than through the outputs
        found = _spread(self.inputs, grads, self.n_inputs)
        if self.fixed:
            zeros = {k: t.detach() * 0 for k, t in self.fixed.items()}
            found = tuple([zeros.get(k, grad) for k, grad in enumerate(found)])
        for hook in self.hooks:
            changed = hook(self.module, found, self.grad_outputs)
            if changed is not None:
                found = _as_many(changed, found, "Backward hook", "grad_input")
        self.grad_outputs = None
        return tuple([found[k] for k in self.inputs])


def _behind(watch: Any, values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int] | None]:
    """The values with their tensors behind a door, and the places of those."""
    places = [k for k, v in enumerate(values) if isinstance(v, Tensor)]
    if not is_grad_enabled() or not any([values[k].requires_grad for k in places]):
        return values, None
    new = list(values)
    for k, t in zip(places, _Door.apply(watch, *[values[k] for k in places]), strict=True):
        new[k] = t
    return tuple(new), places


def _spread(places: list[int], grads: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """The gradients at their places among n, None at the others."""
    found: list[Any] = [None] * n
    for k, grad in zip(places, grads, strict=True):
        found[k] = grad
    return tuple(found)


def _as_many(changed: Any, found: tuple[Any, ...], who: str, what: str) -> tuple[Any, ...]:
    new: tuple[Any, ...] = tuple(changed) if isinstance(changed, (tuple, list)) else (changed,)
    if len(new) != len(found):
        raise RuntimeError(
            f"{who} returned an invalid number of {what}, got {len(new)}, but expected {len(found)}"
        )
    return new
