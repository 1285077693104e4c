"""Inside ``vmap``: what functions need that read values, draw numbers, or index with tensors."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from . import modes, pytree, views
from .batched import Batched, Level, peek
from .batching import join, leave, shared, warn_slow
from .dispatch import apply
from .handle import Handle, make
from .op import registry

F = TypeVar("F", bound=Callable[..., Any])
FULL = slice(None)


def is_batched(*values: Any) -> bool:
    """Whether one of these is a tensor with a value for each example."""
    return any([isinstance(t, Handle) and type(t._data) is Batched for t in values])


def per_example(function: F) -> F:
    """Let a function that reads values run on one example after another inside ``vmap``."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if modes.batching and modes.local.levels:
            leaves, spec = pytree.flatten((args, kwargs))
            if is_batched(*leaves):
                return _looped(function, leaves, spec)
        return function(*args, **kwargs)

    return called  # type: ignore[return-value]  # same call signature


def _looped(function: Callable[..., Any], leaves: list[Any], spec: Any) -> Any:
    warn_slow(getattr(function, "__name__", "a function"))
    found = {x for t in leaves if is_batched(t) for x in t._data.levels}
    level = max(found, key=lambda x: x.serial)
    levels = modes.local.levels
    columns = [_column(t, level) for t in leaves]
    modes.local.levels = tuple([x for x in levels if x is not level])
    try:
        rows = []
        for k in range(level.size):
            args, kwargs = pytree.unflatten([c(k) for c in columns], spec)
            rows.append(pytree.flatten(function(*args, **kwargs)))
    finally:
        modes.local.levels = levels
    outs = [_joined([row[0][k] for row in rows], level) for k in range(len(rows[0][0]))]
    return pytree.unflatten(outs, rows[0][1])


def _column(t: Any, level: Level) -> Callable[[int], Any]:
    """One argument of every example: those that gradient flows to have their own, too."""
    if not isinstance(t, Handle) or not (is_batched(t) or t.requires_grad):  # type: ignore[attr-defined]
        return lambda k: t
    inside = shared(t, modes.local.levels) if modes.recording() else t
    return list(registry["unbind"].call(apply(leave, (inside,), (level, 0)), 0)).__getitem__


def _joined(column: Sequence[Any], level: Level) -> Any:
    if not isinstance(column[0], Handle):
        return column[0]
    if any(t.shape != column[0].shape for t in column):  # type: ignore[attr-defined]
        raise RuntimeError(
            "vmap: the examples' results differ in shape: we do not support batching operators "
            "that can output dynamic shape"
        )
    return apply(join, (registry["stack"].call(tuple(column), 0),), (level, 0))


# -- indexing --------------------------------------------------------------------------------------


def has_batched_index(index: Any) -> bool:
    """Whether an index holds a tensor with a value for each example."""
    return is_batched(*index) if isinstance(index, (tuple, list)) else is_batched(index)


def places(shape: tuple[int, ...], index: Any, parse: Callable[..., Any]) -> Any:
    """The positions, in the flat order of an example, of what a batched index means."""
    items = list(index) if isinstance(index, (tuple, list)) else [index]
    given = [_stand_in(i) for i in items]
    parsed = parse(tuple(given), shape)
    arrays: list[Any] = []  # in order: each index array, or the tensor in its place
    for item, stand in zip(items, given, strict=True):
        if is_batched(item):
            arrays.append(item)
        elif (width := _arrays_of(stand)) is not None:
            arrays += [None] * width
    grid = np.arange(math.prod(shape)).reshape(shape)[parsed.basic]
    chosen, at, flat = [], [], all(a is not None and not a.ndim for a in arrays)
    own = iter(arrays)
    for d, part in enumerate(parsed.advanced):
        if isinstance(part, np.ndarray):
            t = next(own)
            chosen.append(make(part) if t is None else _checked(t, grid.shape[d]))
            at.append(d)
    place = _positions(grid.shape, at, chosen)
    out = registry["take"].call(make(grid), place)
    first = at[0] if at[-1] - at[0] + 1 == len(at) else 0
    return registry["squeeze"].call(out, first) if flat else out


def _stand_in(item: Any) -> Any:
    """An array of the shape of a batched index, so that the index can be taken apart."""
    if not is_batched(item):
        return item
    if item.dtype.name in ("bool", "uint8"):
        raise RuntimeError(
            "vmap: It looks like you're attempting to use an index of booleans, which gives each "
            "example a result of its own size: we do not support batching operators that can "
            "output dynamic shape. Use where(mask, x, other)."
        )
    return np.zeros(tuple(item.shape) or (1,), np.int64)


def _arrays_of(item: Any) -> int | None:
    """How many index arrays an entry becomes; None for one that is basic."""
    data = item._data if isinstance(item, Handle) else item
    if isinstance(data, (bool, np.bool_)):
        return 1
    if isinstance(data, (list, tuple, range)):
        data = np.asarray(data)
    if not isinstance(data, np.ndarray) or not data.ndim:
        return None
    return data.ndim if data.dtype.kind == "b" else 1


def _checked(t: Any, n: int) -> Any:
    """Index values within a dimension of size ``n``, negative ones counted from its end."""
    values = peek(t._data)
    if values.size and (values.max() >= n or values.min() < -n):
        bad = values.max() if values.max() >= n else values.min()
        raise IndexError(f"index {bad} is out of bounds for a dimension with size {n}")
    t = t.long() if t.ndim else t.long().reshape(1)
    return registry["where"].call(t < 0, t + n, t)


def _positions(shape: tuple[int, ...], at: list[int], chosen: list[Any]) -> Any:
    """Flat positions from index arrays at the dimensions ``at``, everything at the others."""
    together = at[-1] - at[0] + 1 == len(at)
    width = max(t.ndim for t in chosen)
    rest = [d for d in range(len(shape)) if d not in at]
    lead = [d for d in rest if d < at[0]] if together else []
    total: Any = 0
    for d, t in zip(at, chosen, strict=True):
        ones = (1,) * (len(rest) - len(lead))
        spread = t.reshape((1,) * (len(lead) + width - t.ndim) + tuple(t.shape) + ones)
        total = total + spread * math.prod(shape[d + 1 :])
    for k, d in enumerate(rest):
        after = len(rest) - 1 - k + (width if d in lead else 0)
        line = np.arange(shape[d]) * math.prod(shape[d + 1 :])
        total = total + make(line.reshape(-1, *(1,) * after))
    return total


def write(self: Any, at: Any, value: Any, accumulate: bool = False) -> None:
    """Put values at positions in the flat order, example by example."""
    value = value.to(self.dtype).expand(tuple(at.shape))
    views.write(self, registry["put"].call(self, at, value, accumulate), "an indexed assignment")


def assign(self: Any, parsed: Any, value: Any, accumulate: bool, shape: tuple[int, ...]) -> None:
    """Write at an index that is the same for all examples; ``shape`` is that of its elements."""
    value = value.to(self.dtype)
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = value.squeeze(0)
    if accumulate:
        added = registry["scatter_index"].call(value.expand(shape), tuple(self.shape), parsed)
        result = self + added
    else:
        result = registry["put_index"].call(self, value, parsed)
    views.write(self, result, "an indexed assignment")


# -- values for each example -----------------------------------------------------------------------


def filled(like: Any, array: Any) -> Any:
    """New values, one set for each example where ``like`` has that."""
    data = like._data
    if type(data) is not Batched or not modes.local.levels:
        return array
    sizes = tuple([level.size for level in data.levels])
    return Batched(np.broadcast_to(array, (*sizes, *array.shape)), data.levels)


class Draws:
    """A generator inside ``vmap``: draws for each example, or once for all, or not at all."""

    def __init__(self, generator: Any, levels: Sequence[Level]) -> None:
        if any(level.randomness == "error" for level in levels):
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use "
                "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                "operation out of vmap"
            )
        self.generator = generator
        self.levels = tuple([level for level in levels if level.randomness == "different"])
        self.sizes = tuple([level.size for level in self.levels])

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.generator, name)
        at = {"bernoulli": 1, "randint": 2}.get(name, 0)

        def draw(*args: Any, **kwargs: Any) -> Any:
            if not self.levels:
                return method(*args, **kwargs)
            given = list(args)
            shape = given[at]
            given[at] = (*self.sizes, *((shape,) if isinstance(shape, int) else shape))
            return Batched(method(*given, **kwargs), self.levels)

        return draw

    def bernoulli_array(self, p: Any) -> Any:
        """Draws with a probability for each element."""
        levels = p.levels if type(p) is Batched else ()
        if type(p) is Batched and not self.levels:
            raise RuntimeError(
                "Vmap does not currently support same randomness with a batched tensor input. "
                "Please file an issue with your use case."
            )
        every = tuple(sorted({*levels, *self.levels}, key=lambda level: level.serial))
        shape = p.shape
        sizes = [level.size for level in every]
        own = [level.size if level in levels else 1 for level in every]
        data = np.broadcast_to(peek(p).reshape(*own, *shape), (*sizes, *shape))
        drawn = self.generator.bernoulli_array(data)
        return Batched(drawn, every) if every else drawn

    def permutation(self, n: int) -> Any:
        """A permutation for each example."""
        return self._rows(lambda: self.generator.permutation(n))

    def multinomial(self, p: Any, *args: Any) -> Any:
        """Indices drawn for each example."""
        if type(p) is not Batched:
            return self._rows(lambda: self.generator.multinomial(p, *args))
        if not set(p.levels) <= set(self.levels):
            return self.bernoulli_array(p)  # raises
        sizes, levels = self.sizes, self.levels
        own = [level.size if level in p.levels else 1 for level in levels]
        data = np.broadcast_to(p.value.reshape(*own, *p.shape), (*sizes, *p.shape))
        rows = [self.generator.multinomial(data[at], *args) for at in np.ndindex(*sizes)]
        return Batched(np.stack(rows).reshape(*sizes, *rows[0].shape), levels)

    def _rows(self, draw: Callable[[], Any]) -> Any:
        if not self.levels:
            return draw()
        rows = np.stack([draw() for _ in range(math.prod(self.sizes))])
        return Batched(rows.reshape(*self.sizes, *rows.shape[1:]), self.levels)


def generator_of(generator: Any) -> Any:
    """A generator as the ``vmap``s under way let it draw."""
    return Draws(generator, modes.local.levels) if modes.local.levels else generator
