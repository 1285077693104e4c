"""A user's ``Function`` inside ``vmap``: by its own ``vmap``, or made of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import modes, pytree
from .batched import Level
from .batching import admit, join, leave, shared
from .dispatch import apply
from .examples import is_batched
from .handle import Handle


class VmapInfo(NamedTuple):
    """What a ``vmap`` staticmethod is told: how many examples, and what random draws do."""

    batch_size: int
    randomness: str


def apply_inside(
    cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any], plain: Callable[..., Any], own: bool
) -> Any:
    """Apply a Function inside ``vmap``; ``own`` says that it brings a ``vmap`` of its own."""
    name = cls.__name__
    if not is_batched(*args):
        return plain(*_admitted(args), **kwargs)
    if own and cls.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {name}, but it has both generate_vmap_rule=True and an "
            "overridden vmap staticmethod. Please set generate_vmap_rule=False or delete the "
            "overridden vmap staticmethod to avoid ambiguity."
        )
    if own:
        return _by_rule(cls, args)
    if not cls.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {name}, but it does not have vmap support. Please override "
            "and implement the vmap staticmethod or set generate_vmap_rule=True."
        )
    return plain(*_admitted(args), **kwargs)


def requires_grad(t: Any) -> bool:
    """Whether gradient flows to an argument."""
    return isinstance(t, Handle) and t._node is not None and bool(t._node.requires_grad)


def _admitted(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(admit(args)) if modes.recording() else args


def _by_rule(cls: Any, args: tuple[Any, ...]) -> Any:
    """Call ``cls.vmap`` outside the innermost level, with whole batches and their dimensions."""
    level = max({x for t in args if is_batched(t) for x in t._data.levels}, key=_serial)
    given, dims = [], []
    for t in args:
        # what gradient flows to is given whole: an example's gradient is its own
        whole = is_batched(t) or requires_grad(t)
        if whole:
            inside = shared(t, modes.local.levels) if modes.recording() else t
            t = apply(leave, (inside,), (level, 0))
        given.append(t)
        dims.append(0 if whole else None)
    levels = modes.local.levels
    modes.local.levels = tuple([x for x in levels if x is not level])
    try:
        out, out_dims = cls.vmap(VmapInfo(level.size, level.randomness), tuple(dims), *given)
    finally:
        modes.local.levels = levels
    leaves, spec = pytree.flatten(out)
    places = [out_dims] * len(leaves) if isinstance(out_dims, (int, type(None))) else list(out_dims)
    if len(places) != len(leaves):
        raise RuntimeError(
            f"{cls.__name__}.vmap returned {len(leaves)} outputs and {len(places)} out_dims"
        )
    pairs = zip(leaves, places, strict=True)
    return pytree.unflatten([_back(t, level, d) for t, d in pairs], spec)


def _serial(level: Level) -> int:
    return level.serial


def _back(t: Any, level: Level, dim: Any) -> Any:
    if dim is None or not isinstance(t, Handle):
        return t
    return apply(join, (t,), (level, dim % t.ndim))  # type: ignore[attr-defined]
