"""Stepwise: optimizers that are declared by their state and one update of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor, modes
from ..autograd.views import bump
from .optimizer import Optimizer, number, step_count, zeros_like


class Stepwise(Optimizer):
    """Base of optimizers whose step treats each parameter alone.

    A subclass says what it remembers (``_held``: names of state tensors of the parameter's shape),
    the plain numbers that one update needs (``_options``), and the update itself (``_update``: a
    function of those numbers and of raw arrays, which it edits in place).
    """

    _usual: dict[str, Any] = {"foreach": None, "maximize": False, "differentiable": False}  # noqa: RUF012

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self._usual.items():
                group.setdefault(name, value)
            for p in group["params"]:
                own = self.state.get(p)
                if own and not isinstance(own.get("step", own), (Tensor, dict)):
                    own["step"] = step_count(float(own["step"]))

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the state tensors, in the order in which the update takes them."""
        raise NotImplementedError

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        """What the t-th update needs to know, as plain numbers."""
        raise NotImplementedError

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        """The update: ``f(options, p, g, *held, s, t)`` on arrays, s and t being scratch."""
        raise NotImplementedError

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        """Fill the empty state of a parameter."""
        state["step"] = step_count()
        for name in self._held(group):
            state[name] = zeros_like(p)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; ``closure`` computes the loss again and returns it."""
        if modes.tracing:
            raise NotImplementedError(
                f"{type(self).__name__}: its step cannot be captured yet, as it changes from step "
                "to step; capture a step with SGD, or the gradients alone"
            )
        loss = self._closure(closure)
        for group in self.param_groups:
            update, names = self._update(group), self._held(group)
            for p in group["params"]:
                grad = p.grad
                if grad is None:
                    continue
                state = self.state[p]
                if not state:
                    self._begin(p, group, state)
                t = advance(state["step"])
                held = [state[name] for name in names]
                options = self._options(group, state, t)
                self._edit(p, update, options, grad._data, *[h._data for h in held])
                for h in held:
                    bump(h, "an optimizer's step")
        return loss


def advance(count: Any) -> float:
    """Add 1 to a step count and return it."""
    t = float(count._data) + 1
    count._data = t if type(count._data) is float else count._data.dtype.type(t)
    bump(count, "an optimizer's step")
    return t


def direction(maximize: bool, decay: float, p: Any, g: Any, t: Any) -> Any:
    """±g + decay·θ: the gradient itself where nothing is to be added, else in ``t``."""
    if decay:
        np.multiply(p, decay, out=t)
        (np.subtract if maximize else np.add)(t, g, out=t)
        return t
    return np.negative(g, out=t) if maximize else g


def blend(m: Any, g: Any, share: float, s: Any) -> None:
    """The running mean m += share·(g − m), from whichever end is exact."""
    np.subtract(g, m, out=s)
    if share < 0.5:
        np.multiply(s, share, out=s)
        np.add(m, s, out=m)
    else:
        np.multiply(s, 1 - share, out=s)
        np.subtract(g, s, out=m)


def blend_squares(v: Any, g: Any, beta: float, s: Any) -> None:
    """The running mean of squares v = β·v + (1 − β)·g²."""
    np.multiply(g, g, out=s)
    np.multiply(s, 1 - beta, out=s)
    np.multiply(v, beta, out=v)
    np.add(v, s, out=v)


def check(low: dict[str, Any], betas: tuple[Any, ...] = ()) -> None:
    """Raise ValueError for options below 0 (by PyTorch's words for them), or betas out of range."""
    for words, value in low.items():
        if isinstance(value, Tensor) and value.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not number(value) >= 0.0:
            raise ValueError(f"Invalid {words}: {value}")
    for k, beta in enumerate(betas):
        if not 0.0 <= number(beta) < 1.0:
            raise ValueError(f"Invalid beta parameter at index {k}: {beta}")


def check_flags(foreach: bool | None, differentiable: bool, fused: bool | None) -> None:
    """Raise for implementations that PyTorch does not combine."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
