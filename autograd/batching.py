"""How operations run under ``vmap``: into a level and out of it, by a rule or in a loop.

An operation among whose operands is a ``Batched`` value passes ``run``: the operands are given one
leading dimension for each level that any of them has, and the operation's batching rule
(batch_rules.py) computes all examples at once; where there is none, a loop does, with a warning.

Gradients from outside: what an operation inside a level takes that was recorded before the level
began passes a recorded operation first: ``vmap_enter`` for mapped arguments, ``vmap_share`` for
all else, whose ways back put the examples' gradients together, or sum them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import batched, modes
from .batched import Batched, Level
from .dispatch import apply
from .handle import Handle, make, scalar_of
from .op import Op
from .shapes import axis


class Call:
    """One operation on batched values, as its rule sees it.

    ``values`` are the operands, ``on`` says which are batched: those have ``lead`` dimensions in
    front, of the batch's ``sizes`` or 1; the others are as every example sees them.
    """

    __slots__ = ("levels", "on", "op", "params", "sizes", "values")

    def __init__(self, op: Op, values: Sequence[Any], params: tuple[Any, ...]) -> None:
        self.on = [type(v) is Batched for v in values]
        levels = next(v.levels for v in values if type(v) is Batched)
        if any([on and v.levels != levels for on, v in zip(self.on, values, strict=True)]):
            found = {x for on, v in zip(self.on, values, strict=True) if on for x in v.levels}
            levels = tuple(sorted(found, key=lambda level: level.serial))
        self.op, self.params, self.levels = op, params, levels
        self.sizes = tuple([level.size for level in levels])
        pairs = zip(self.on, values, strict=True)
        self.values = [aligned(v, levels) if on else v for on, v in pairs]

    @property
    def lead(self) -> int:
        """How many batch dimensions there are."""
        return len(self.levels)

    def param(self, name: str) -> Any:
        """The value of a parameter."""
        return self.params[self.op.params.index(name)]

    def shape(self, k: int) -> tuple[int, ...]:
        """The shape of an operand in one example."""
        shape: tuple[int, ...] = tuple(np.shape(self.values[k]))
        return shape[self.lead :] if self.on[k] else shape

    def ndim(self, k: int) -> int:
        """The number of dimensions of an operand in one example."""
        v = self.values[k]
        return v.ndim - len(self.levels) if self.on[k] else np.ndim(v)

    def full(self, k: int) -> Any:
        """An operand with the whole batch in front, repeated where it is the same for all."""
        v = self.values[k]
        if self.on[k] and v.shape[: self.lead] == self.sizes:
            return v
        return np.broadcast_to(np.asarray(v), (*self.sizes, *self.shape(k)))

    def flat(self, k: int) -> Any:
        """An operand with all levels as one batch dimension."""
        return self.full(k).reshape(math.prod(self.sizes), *self.shape(k))

    def unflat(self, out: Any) -> Any:
        """A result with one batch dimension, its levels separate again."""
        return out.reshape(*self.sizes, *out.shape[1:]) if self.lead != 1 else out

    def kernel(self, values: Sequence[Any], params: Sequence[Any] | None = None) -> Any:
        """The operation's kernel on other operands."""
        given = self.params if params is None else params
        op = self.op
        return op.kernel(values, *given) if op.variadic else op.kernel(*values, *given)


BatchRule = Callable[[Call], Any]
rules: dict[str, BatchRule] = {}  # by operation; filled by batch_rules.py
_looped: set[str] = set()


def aligned(v: Batched, levels: tuple[Level, ...]) -> Any:
    """The values with one leading dimension for each of ``levels``, 1 where they have none."""
    if v.levels == levels:
        return v.value
    sizes = [level.size if level in v.levels else 1 for level in levels]
    return v.value.reshape(*sizes, *v.shape)


def run(op: Op, values: Sequence[Any], params: tuple[Any, ...]) -> Any:
    """An operation on values of which one at least is batched."""
    if op.lifts:
        return op.kernel(*values, *params)
    call = Call(op, values, params)
    rule = rules.get(op.name) or (broadcasting if op.partial else loop)
    out = rule(call)
    if op.outputs == 1:
        return Batched(out if type(out) is np.ndarray else np.asarray(out), call.levels)
    return [Batched(np.asarray(o), call.levels) for o in out]


batched.run = run


def spaced(call: Call, k: int, ndim: int) -> Any:
    """An operand with its batch in front and its example shape brought to ``ndim`` dimensions."""
    v = call.values[k]
    if not call.on[k] or call.ndim(k) == ndim:
        return v
    ones = (1,) * (ndim - call.ndim(k))
    return v.reshape(*v.shape[: call.lead], *ones, *v.shape[call.lead :])


def broadcasting(call: Call) -> Any:
    """Elementwise: examples broadcast against each other, and so does the batch before them."""
    if len(call.values) == 1:
        return call.kernel(call.values)
    n = max([call.ndim(k) for k in range(len(call.values))])
    return call.kernel([spaced(call, k, n) for k in range(len(call.values))])


def warn_slow(name: str) -> None:
    """Say once for each operation that it has no batching rule."""
    if name not in _looped:
        _looped.add(name)
        warnings.warn(
            "There is a performance drop because we have not yet implemented the batching rule "
            f"for {name}. The operation runs on one example after another.",
            UserWarning,
            stacklevel=3,
        )


def loop(call: Call) -> Any:
    """The operation on one example after another: right for every operation, and slow."""
    warn_slow(call.op.name)
    return looped(call)


def looped(call: Call) -> Any:
    """One kernel call an example, the results stacked."""
    n = math.prod(call.sizes)
    columns = [call.flat(k) if on else None for k, on in enumerate(call.on)]
    if not n:  # the shapes are those of an example of zeros
        columns = [None if c is None else np.zeros((1, *c.shape[1:]), c.dtype) for c in columns]
    rows = []
    for i in range(max(n, 1)):
        pairs = zip(columns, call.values, strict=True)
        rows.append(call.kernel([v if c is None else scalar_of(c[i]) for c, v in pairs]))
    if call.op.outputs == 1:
        return call.unflat(stacked(rows, call.op.name)[:n])
    return [call.unflat(stacked(r, call.op.name)[:n]) for r in zip(*rows, strict=True)]


def stacked(rows: Sequence[Any], name: str) -> Any:
    """The results of the examples as one array; raises where their shapes differ."""
    shapes = {np.shape(r) for r in rows}
    if len(shapes) > 1:
        raise RuntimeError(
            f"vmap: {name} gives each example a result of its own shape ({sorted(shapes)}): we do "
            "not support batching operators that can output dynamic shape. Use where, or pad."
        )
    return np.stack([np.asarray(r) for r in rows])


# -- into a level and out of it ------------------------------------------------------------------


def _enter(input: Any, level: Level, dim: int) -> Any:
    if type(input) is not Batched:
        return Batched(np.moveaxis(np.asarray(input), dim, 0), (level,))
    levels = tuple(sorted((*input.levels, level), key=lambda x: x.serial))
    value = np.moveaxis(input.value, axis(dim, input.ndim) + len(input.levels), levels.index(level))
    return Batched(value, levels)


def _leave(input: Any, level: Level, dim: int) -> Any:
    if type(input) is not Batched:
        a = np.asarray(input)
        whole = np.expand_dims(a, axis(dim, a.ndim + 1))
        return np.repeat(whole, level.size, axis(dim, a.ndim + 1))
    to = axis(dim, input.ndim + 1)
    rest = tuple([x for x in input.levels if x is not level])
    if len(rest) == len(input.levels):
        at = to + len(rest)
        return Batched(np.repeat(np.expand_dims(input.value, at), level.size, at), rest)
    value = np.moveaxis(input.value, input.levels.index(level), to + len(rest))
    if rest:
        return Batched(value, rest)
    return value if value.base is None else value.copy()  # users may edit what they are given


def _shed(input: Any, level: Level) -> Any:
    if type(input) is not Batched or level not in input.levels:
        return input * level.size
    at = input.levels.index(level)
    rest = input.levels[:at] + input.levels[at + 1 :]
    value = np.add.reduce(input.value, axis=at)
    return Batched(value, rest) if rest else scalar_of(value)


def _shed_outside(g: Any, level: Level) -> Any:
    """The examples' gradients summed; within the level each example keeps its own."""
    return g if level in modes.local.levels else _call(shed, g, (level,))


def _together(g: Any, level: Level, dim: int) -> Any:
    if level in modes.local.levels:
        raise RuntimeError(
            "vmap: an example's gradient with respect to the whole batch was asked for: inside "
            "vmap, differentiate with respect to what the function was given"
        )
    return _call(leave, g, (level, dim))


def _call(op: Op, value: Any, params: tuple[Any, ...]) -> Any:
    return apply(op, (value,), params) if isinstance(value, Handle) else op.kernel(value, *params)


enter = Op(
    "vmap_enter",
    _enter,
    ("input",),
    {"input": lambda g, level, dim: _together(g, level, dim)},
    params=("level", "dim"),
    promote="keep",
    linear_in=("input",),
    doc="A tensor as the batch of its slices along ``dim``.",
)
leave = Op(
    "vmap_leave",
    _leave,
    ("input",),
    {"input": lambda g, level, dim: _call(enter, g, (level, dim))},
    params=("level", "dim"),
    promote="keep",
    linear_in=("input",),
    doc="The examples of a batch as slices along ``dim`` of one tensor.",
)
join = Op(
    "vmap_join",
    _enter,
    ("input",),
    {"input": lambda g, level, dim: _call(leave, g, (level, dim))},
    params=("level", "dim"),
    promote="keep",
    linear_in=("input",),
    doc="Results computed one example after another as a batch of examples.",
)
share = Op(
    "vmap_share",
    lambda input, level: input,
    ("input",),
    {"input": lambda g, level: _shed_outside(g, level)},
    params=("level",),
    promote="keep",
    linear_in=("input",),
    doc="A value from outside a ``vmap``, the same for every example.",
)
shed = Op(
    "vmap_shed",
    _shed,
    ("input",),
    {"input": lambda g, level: _call(share, g, (level,))},
    params=("level",),
    promote="keep",
    linear_in=("input",),
    doc="The sum over all examples: the way back of ``vmap_share``.",
)
for _lift in (enter, leave, join, share, shed):
    _lift.lifts = True


def admit(inputs: Sequence[Any]) -> Sequence[Any]:
    """The operands of an operation inside a level; what is older than the level is shared."""
    levels = modes.local.levels
    newest = levels[-1].serial
    for i in inputs:
        node = i._node if isinstance(i, Handle) else None
        if node is not None and node.requires_grad and node.serial < newest:
            return [shared(i, levels) if isinstance(i, Handle) else i for i in inputs]
    return inputs


batched.admit = admit


def shared(t: Any, levels: tuple[Level, ...]) -> Any:
    """A tensor as seen inside the levels that are younger than its node."""
    node = t._node
    if node is None or not node.requires_grad or node.serial > levels[-1].serial:
        return t
    known = levels[-1].shared.get(node)
    if known is None:
        inner = t
        for level in levels:
            if node.serial < level.serial:
                inner = apply(share, (inner,), (level,))
        known = levels[-1].shared[node] = inner._node
    return make(t._data, known)
