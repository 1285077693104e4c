"""One derivative being taken of a function: its own variables, and the way out of it.

Every transform (``func.grad``, ``func.jvp``, ``autograd.functional.*``) runs the function on fresh
variables: a leaf, or, where an argument is itself being differentiated outside, an alias of it. So
a nested derivative has nodes of its own and cannot be mixed up with the outer one. What comes back
keeps its history only if that leads outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from . import modes, views
from .fitting import fit
from .forward import Probe, alias, push
from .graph import Leaf, between, toposort
from .handle import Handle, make, scalar_of
from .pytree import Spec, flatten, tree_map, unflatten
from .walker import walk

_level_of: WeakKeyDictionary[Leaf, Level] = WeakKeyDictionary()  # of the leaves made here


class Level:
    """The variables of one derivative; active while its function runs.

    ``live`` says whether the derivative may itself be differentiated: whether the caller records.
    """

    def __init__(self, live: bool | None = None) -> None:
        self.nodes: list[Any] = []
        self.own: set[Any] = set()
        self.active = False
        self.live = modes.recording() if live is None else live

    def variable(self, t: Any) -> Any:
        """A fresh variable with the value of ``t``."""
        if not isinstance(t, Handle):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(t)}")
        if self.live and t.requires_grad:  # type: ignore[attr-defined]  # every Handle is a Tensor
            with modes.enable_grad():
                made = views.view_call(alias, t, ())
        else:
            check_differentiable(t)
            made = self.leaf(t._data)
        self.nodes.append(made._node)
        self.own.add(made._node)
        return made

    def leaf(self, data: Any) -> Any:
        """A leaf of this level."""
        made = make(data, Leaf(data, True))
        _level_of[made._node] = self
        return made

    def run(self, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call the function with recording on."""
        self.active = True
        try:
            with modes.enable_grad():
                return func(*args, **kwargs)
        finally:
            self.active = False

    # -- inside and outside ----------------------------------------------------------------------

    def reaches_out(self, tensors: Iterable[Any]) -> bool:
        """Whether any of these depends on something outside that requires grad."""
        if not self.live:
            return False
        stack = [t._node for t in tensors if isinstance(t, Handle) and t._node is not None]
        seen: set[Any] = set()
        while stack:
            node = stack.pop()
            if node in seen or not node.requires_grad:
                continue
            seen.add(node)
            if node.plan is None:
                level = _level_of.get(node)
                if level is None and type(node) is not Probe:
                    return True
                if level is not None and level is not self and level.active:
                    return True
            else:
                stack.extend(node.inputs)
        return False

    def depends(self, t: Any, node: Any) -> bool:
        """Whether a tensor depends on one of the variables."""
        own = t._node
        return own is not None and own.requires_grad and bool(between(toposort([own]), {node}))

    def release(self, tree: Any) -> Any:
        """The results as the caller may see them: without history that leads nowhere."""

        def let_go(t: Any) -> Any:
            if not isinstance(t, Handle) or not t.requires_grad:  # type: ignore[attr-defined]
                return t
            return t if self.reaches_out([t]) else make(t._data)

        return tree_map(let_go, tree)

    # -- the two directions ----------------------------------------------------------------------

    def pull(
        self, outs: Sequence[Any], seeds: Sequence[Any], *, keep: bool, out: bool | None = None
    ) -> list[Any]:
        """Gradients of the variables; ``out`` says whether the outputs reach outside."""
        recorded = self._recorded(outs, seeds, out)
        roots = []
        for o, seed in zip(outs, seeds, strict=True):
            if o._node is not None and o._node.requires_grad:
                roots.append((o._node, suited(seed, o, recorded)))
        with modes.enable_grad() if recorded else modes.no_grad():
            found = walk(
                roots, self.own, keep=keep or recorded, recorded=recorded, into_leaves=False
            )
        return [self._result(found.get(n), n.shape, n.dtype, recorded) for n in self.nodes]

    def push(
        self, outs: Sequence[Any], tangents: Sequence[Any], *, out: bool | None = None
    ) -> list[Any]:
        """Tangents of the outputs, from one for each variable (None is zero)."""
        recorded = self._recorded(outs, [t for t in tangents if t is not None], out)
        given = {
            node: suited(t, node, recorded)
            for node, t in zip(self.nodes, tangents, strict=True)
            if t is not None
        }
        flows = [o._node is not None and o._node.requires_grad for o in outs]
        found = push(
            [o._node for o, flow in zip(outs, flows, strict=True) if flow], given, recorded=recorded
        )
        rest = iter(found)
        every = [next(rest) if flow else None for flow in flows]
        return [
            self._result(t, tuple(o.shape), o.dtype.np, recorded)
            for o, t in zip(outs, every, strict=True)
        ]

    def _recorded(self, outs: Sequence[Any], given: Sequence[Any], out: bool | None) -> bool:
        if not (self.live and modes.recording()):
            return False
        if any([t.requires_grad for t in given if isinstance(t, Handle)]):  # type: ignore[attr-defined]
            return True
        return self.reaches_out(outs) if out is None else out

    def _result(self, value: Any, shape: tuple[int, ...], dtype: Any, recorded: bool) -> Any:
        if value is None:
            return make(scalar_of(np.zeros(shape, dtype)[()]))
        if recorded:
            return self.release(value)
        return make(value.copy() if type(value) is np.ndarray else value)


def suited(value: Any, place: Any, recorded: bool) -> Any:
    """A gradient or tangent in the form that the walk takes, in the dtype of its place."""
    node = place._node if isinstance(place, Handle) else place
    if not isinstance(value, Handle):
        value = scalar_of(value)
    if not recorded and isinstance(value, Handle):
        value = value._data
    elif recorded and not isinstance(value, Handle):
        value = make(value)
    data = value._data if recorded else value
    if getattr(data, "dtype", np.dtype(np.float64)) == node.dtype:
        return value
    return fit(value, node)


def check_differentiable(t: Any) -> None:
    """Raise for a tensor of integers or booleans."""
    if not (t.is_floating_point() or t.is_complex()):
        raise RuntimeError(
            "only Tensors of floating point dtype can require gradients: got "
            f"{t.dtype}, of shape {list(t.shape)}; convert it first (x.float())"
        )


def check_pair(primal: Any, tangent: Any) -> None:
    """Raise unless a tangent fits its primal: two floating tensors of one shape."""
    for what, t in (("primal", primal), ("tangent", tangent)):
        if not isinstance(t, Handle):
            raise TypeError(f"Expected {what} to be a Tensor, but got: {type(t).__name__}")
        if not (t.is_floating_point() or t.is_complex()):  # type: ignore[attr-defined]
            raise ValueError(
                f"Expected {what} to be floating point or complex, but got: {t.dtype}"  # type: ignore[attr-defined]
            )
    if tuple(primal.shape) != tuple(tangent.shape):
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original "
            f"Tensor, this is not supported. Tensor is of size {list(primal.shape)} while the "
            f"given forward gradient is of size {list(tangent.shape)}."
        )


def tensors_only(outs: Any, where: str) -> tuple[list[Any], Any]:
    """The tensors that a function returned, and their structure; raises for anything else."""
    leaves, spec = flatten(outs)
    for leaf in leaves:
        if not isinstance(leaf, Handle):
            raise RuntimeError(
                f"{where}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(leaf)}"
            )
    return leaves, spec


def enter(level: Level, args: tuple[Any, ...], argnums: Any) -> tuple[list[Any], Spec]:
    """The arguments with fresh variables in the chosen places, and the structure of those."""
    chosen = places(argnums, len(args))
    picked = args[chosen] if isinstance(chosen, int) else tuple([args[k] for k in chosen])
    leaves, spec = flatten(picked)
    fresh = unflatten([level.variable(leaf) for leaf in leaves], spec)
    every = list(args)
    if isinstance(chosen, int):
        every[chosen] = fresh
    else:
        for k, value in zip(chosen, fresh, strict=True):
            every[k] = value
    return every, spec


def places(argnums: Any, n: int) -> Any:
    """``argnums`` counted from the front."""
    if isinstance(argnums, int):
        if not -n <= argnums < n:
            raise RuntimeError(f"Got argnum={argnums}, but only {n} positional inputs")
        return argnums % n
    if not isinstance(argnums, tuple) or not all(isinstance(k, int) for k in argnums):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if not argnums:
        raise RuntimeError("argnums must be non-empty")
    found = tuple([places(k, n) for k in argnums])
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {found}")
    return found


def with_aux(result: Any, where: str) -> tuple[Any, Any]:
    """A function's result and what it returned beside it."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(
            f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return result
