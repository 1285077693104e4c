"""``vmap``: a function of one example as a function of a batch of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from . import batch_index, batch_nn, batch_rules, modes, views
from . import random as stream
from .batched import Batched, Level
from .batching import enter, leave, shared
from .dispatch import apply
from .graph import next_serial
from .handle import Handle, make
from .ops.join import cat_function, narrow
from .pytree import LEAF, Spec, flatten, unflatten

RULES = (batch_rules, batch_index, batch_nn)  # loaded for the rules that they list
RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """``func``, which takes one example, as a function that takes a batch and runs once.

    ``in_dims`` says which dimension of each argument counts the examples (an integer for all, or a
    structure like the arguments'; None: the same for every example), ``out_dims`` where it goes in
    the results. ``randomness``: random operations raise ("error"), draw for each example
    ("different"), or once for all ("same"). ``chunk_size`` bounds how many examples run at once.
    Raises ValueError for arguments that do not fit, RuntimeError for what needs one value.

    >>> import chainrule as cr
    >>> x, y = cr.tensor([[1.0, 2.0], [3.0, 4.0]]), cr.tensor([5.0, 6.0])
    >>> cr.vmap(cr.dot, in_dims=(0, None))(x, y)
    tensor([17., 39.])
    """
    if randomness not in RANDOMNESS:
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        if modes.tracing and modes.local.capture is not None:
            raise NotImplementedError("vmap cannot be captured yet: capture the function inside")
        leaves, dims, spec = _inputs(func, in_dims, args)
        size = _size(leaves, dims)
        run = functools.partial(_run, func, out_dims, randomness, spec, kwargs)
        if chunk_size is None or chunk_size >= size:
            return run(leaves, dims, size)[0]
        return _chunked(run, leaves, dims, size, chunk_size, randomness)

    return mapped


def _name(func: Any) -> str:
    return str(getattr(func, "__name__", type(func).__name__))


# -- arguments ------------------------------------------------------------------------------------


def _inputs(func: Any, in_dims: Any, args: tuple[Any, ...]) -> tuple[list[Any], list[Any], Spec]:
    """The leaves of the arguments, the dimension of each that is mapped, and their structure."""
    head = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, list, tuple)):
        raise ValueError(
            f"{head}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you "
            "are trying to vmap over a function with no inputs. The latter is unsupported."
        )
    leaves, spec = flatten(args)
    dims = _spread(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{head}: in_dims is not compatible with the structure of `inputs`. in_dims has "
            f"structure {flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    return leaves, [_in_dim(head, t, dim) for t, dim in zip(leaves, dims, strict=True)], spec


def _in_dim(head: str, t: Any, dim: Any) -> Any:
    """A mapped dimension of one argument, checked and counted from the front."""
    if dim is not None and not isinstance(dim, int):
        raise ValueError(
            f"{head}: Got in_dim={dim} for an input but in_dim must be either an integer dimension "
            "or None."
        )
    if dim is None:
        return None
    if not isinstance(t, Handle):
        raise ValueError(
            f"{head}: Got in_dim={dim} for an input but the input is of type {type(t)}. We cannot "
            "vmap over non-Tensor arguments, please use None as the respective in_dim"
        )
    n = t.ndim  # type: ignore[attr-defined]  # every Handle in use is a Tensor
    if not -n <= dim < n:
        raise ValueError(
            f"{head}: Got in_dim={dim} for some input, but that input is a Tensor of "
            f"dimensionality {n} so expected in_dim to satisfy -{n} <= in_dim < {n}."
        )
    return dim % n


def _spread(dims: Any, spec: Spec) -> list[Any] | None:
    """One entry for each leaf from a structure that may stop above them; None: no fit."""
    if dims is None or isinstance(dims, int):
        return [dims] * spec.count
    own = flatten(dims)[1]
    if own.kind is None:  # neither number nor structure: the check of each entry says so
        return [dims] * spec.count
    if spec == LEAF:
        return None
    kinds = {own.kind, spec.kind}
    if own.kind is not spec.kind and kinds != {list, tuple}:
        return None
    if len(own.children) != len(spec.children) or own.context != spec.context:
        return None
    found: list[Any] = []
    parts = list(dims.values()) if isinstance(dims, dict) else list(dims)
    for part, child in zip(parts, spec.children, strict=True):
        more = _spread(part, child)
        if more is None:
            return None
        found += more
    return found


def _size(leaves: Sequence[Any], dims: Sequence[Any]) -> int:
    sizes = [t.shape[d] for t, d in zip(leaves, dims, strict=True) if d is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over: every in_dim is None")
    if any(n != sizes[0] for n in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return int(sizes[0])


# -- the run --------------------------------------------------------------------------------------


@contextmanager
def level_of(size: int, randomness: str) -> Iterator[Level]:
    """A level of examples: the operations of this thread run on all of them until it ends."""
    level = Level(next_serial(), size, randomness)
    outer = modes.local.levels
    if not modes.batching:
        modes.count("batching", 1)  # for good: batched values may outlive their level
    modes.local.levels = (*outer, level)
    modes.count("watching", 1)  # keeps the short ways out: every operation passes ``apply``
    try:
        yield level
    finally:
        modes.local.levels = outer
        modes.count("watching", -1)
        level.shared.clear()


def entered(level: Level, t: Any, dim: int) -> Any:
    """A tensor as the examples that it holds along ``dim``."""
    views.as_array(t)
    outer = modes.local.levels[:-1]
    source = shared(t, outer) if outer and modes.recording() else t
    inner = apply(enter, (source,), (level, dim))
    level.entered.append((inner, inner._data, t, dim))
    return inner


def left(level: Level, t: Any, dim: int) -> Any:
    """The examples of a tensor along ``dim`` of one."""
    return apply(leave, (t,), (level, dim))


def _run(
    func: Any, out_dims: Any, randomness: str, spec: Spec, kwargs: Any, leaves: Sequence[Any],
    dims: Sequence[Any], size: int,
) -> tuple[Any, Any]:  # fmt: skip
    """Run the function in a new level; its results, and the dimensions they were put in."""
    with level_of(size, randomness) as level:
        pairs = zip(leaves, dims, strict=True)
        given = [t if d is None else entered(level, t, d) for t, d in pairs]
        result = func(*unflatten(given, spec), **kwargs)
        outs, out_spec = flatten(result)
        places = _out_dims(func, out_dims, result, outs, out_spec)
        if modes.recording():
            outs = [shared(t, modes.local.levels) if isinstance(t, Handle) else t for t in outs]
    for inner, before, t, dim in level.entered:
        if inner._data is not before:  # it was edited in place, and so was the argument
            views.write(t, left(level, inner, dim), "an in-place operation in vmap")
    done = [_result(func, level, t, d) for t, d in zip(outs, places, strict=True)]
    return unflatten(done, out_spec), (done, places, out_spec)


def _out_dims(func: Any, out_dims: Any, result: Any, outs: Sequence[Any], spec: Spec) -> list[Any]:
    head = f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>)"
    if isinstance(out_dims, tuple) and len(out_dims) == 1 and isinstance(result, Handle):
        out_dims = out_dims[0]
    if not isinstance(out_dims, (int, tuple, list, dict)) and out_dims is not None:
        raise ValueError(
            f"{head}: `out_dims` must be an int, None or a python collection of ints representing "
            "where in the outputs the vmapped dimension should appear."
        )
    places = _spread(out_dims, spec)
    if places is None:
        raise ValueError(
            f"{head}: out_dims is not compatible with the structure of `outputs`. out_dims has "
            f"structure {flatten(out_dims)[1]} but outputs has structure {spec}."
        )
    for t, place in zip(outs, places, strict=True):
        if place is not None and not isinstance(place, int):
            raise ValueError(f"{head}: `out_dims` must be an int, None or a structure of them")
        if not isinstance(t, Handle) and place is not None:
            raise ValueError(
                f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type "
                f"{type(t)}. Did you mean to set out_dims= to None for output?"
            )
    return places


def _result(func: Any, level: Level, t: Any, place: Any) -> Any:
    """A result outside the level."""
    if not isinstance(t, Handle):
        return t
    if place is None:
        if type(t._data) is Batched and level in t._data.levels:
            raise ValueError(
                f"vmap({_name(func)}, ...): `{_name(func)}` can not return a BatchedTensor when "
                "out_dim is None"
            )
        return t
    n = t.ndim + 1  # type: ignore[attr-defined]
    if not -n <= place < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {place})"
        )
    return left(level, t, place % n)


def _chunked(
    run: Any, leaves: Sequence[Any], dims: Sequence[Any], size: int, chunk: int, randomness: str
) -> Any:
    """The batch in stretches of ``chunk`` examples, the results joined."""
    state = stream.default_generator.get_state() if randomness == "same" else None
    found = []
    for start in range(0, size, chunk):
        n = min(chunk, size - start)
        pairs = zip(leaves, dims, strict=True)
        part = [t if d is None else narrow(t, d, start, n) for t, d in pairs]
        if state is not None:
            stream.default_generator.set_state(state)
        found.append(run(part, dims, n)[1])
    _, places, spec = found[0]
    joined = []
    for k, place in enumerate(places):
        parts = [done[k] for done, _, _ in found]
        joined.append(parts[0] if place is None else cat_function(parts, place))
    return unflatten(joined, spec)


def wrapped(level: Level, data: Any) -> Any:
    """Raw values of all examples, the batch first, as a tensor inside the level."""
    return make(Batched(data, (level,)))
