"""Indexing: reading and writing by every index form, with PyTorch's result shapes.

An index is taken apart into *basic* steps (ints, slices, None, Ellipsis: a view) and *advanced*
ones (integer and boolean tensors, lists: a copy). PyTorch takes integers as basic always, NumPy
takes them as advanced beside an array; so the two parts are done one after the other.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import dtypes, examples, modes, views
from ..declare import Array, export, op
from ..dispatch import apply
from ..errors import ShapeError
from ..handle import Handle, cast, make, scalar_of
from ..op import registry

FULL = slice(None)


class Index:
    """A parsed index: the basic part, and then an array or a slice for each dimension left."""

    __slots__ = ("advanced", "basic")

    def __init__(self, basic: tuple[Any, ...], advanced: tuple[Any, ...] | None) -> None:
        self.basic, self.advanced = basic, advanced

    def read(self, a: Any) -> Any:
        """The elements of an array."""
        out = a[self.basic]
        return out if self.advanced is None else out[self.advanced]

    def write(self, a: Any, value: Any) -> None:
        """Put elements into an array."""
        if self.advanced is None:
            a[self.basic] = value
        else:
            a[self.basic][self.advanced] = value

    def add(self, a: Any, value: Any) -> None:
        """Add elements into an array; an index that stands twice counts twice."""
        if self.advanced is None:
            a[self.basic] += value
        else:
            np.add.at(a[self.basic], self.advanced, value)

    def __repr__(self) -> str:
        return f"[{self.basic}]" + ("" if self.advanced is None else f"[{self.advanced}]")


def _integer(i: Any) -> bool:
    return isinstance(i, (int, np.integer)) and not isinstance(i, (bool, np.bool_))


def parse(index: Any, shape: tuple[int, ...]) -> Index:
    """Take an index apart; raises IndexError with the shape for what does not fit."""
    if _meant_as_tuple(index):
        warnings.warn(
            "Using a non-tuple sequence for multidimensional indexing is deprecated; use "
            "x[tuple(seq)] instead of x[seq].",
            UserWarning,
            stacklevel=3,
        )
        index = tuple(index)
    items = list(index) if isinstance(index, tuple) else [index]
    items = [_plain(i) for i in items]
    used = sum(_width(i) for i in items)
    if items.count(Ellipsis) > 1 if not any(isinstance(i, np.ndarray) for i in items) else False:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if used > len(shape):
        raise IndexError(
            f"too many indices for tensor of dimension {len(shape)} (shape {list(shape)}, "
            f"{used} indices)"
        )
    at = next((k for k, i in enumerate(items) if i is Ellipsis), None)
    if at is not None:
        items[at : at + 1] = [FULL] * (len(shape) - used)
    basic: list[Any] = []
    advanced: list[Any] = []
    dim = 0
    for item in items:
        if item is None:
            basic.append(None)
            advanced.append(FULL)
        elif isinstance(item, slice):
            basic.append(_slice(item))
            advanced.append(FULL)
            dim += 1
        elif _integer(item):
            n = shape[dim]
            if not -n <= item < n:
                raise IndexError(f"index {item} is out of bounds for dimension {dim} with size {n}")
            basic.append(int(item))
            dim += 1
        elif isinstance(item, (bool, np.bool_)):
            basic.append(None)
            advanced.append(np.zeros(int(item), np.int64))
        else:
            arrays = _arrays(item, shape, dim)
            basic += [FULL] * len(arrays)
            advanced += arrays
            dim += len(arrays)
    if not any(isinstance(i, np.ndarray) for i in advanced):
        return Index((*basic, ...), None)
    try:
        np.broadcast_shapes(*[i.shape for i in advanced if isinstance(i, np.ndarray)])
    except ValueError:
        shapes = ", ".join(str(list(i.shape)) for i in advanced if isinstance(i, np.ndarray))
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        ) from None
    return Index((*basic, ...), tuple(advanced))


def _meant_as_tuple(index: Any) -> bool:
    """Whether PyTorch takes a list for one index a dimension: it holds more than numbers."""
    if not isinstance(index, list) or len(index) >= 32:
        return False
    odd = (list, tuple, slice, Handle, np.ndarray)
    return any(i is None or i is Ellipsis or isinstance(i, odd) for i in index)


def _plain(item: Any) -> Any:
    """An index entry without Tensor: a Python int, slice, None, Ellipsis, bool or an array."""
    if isinstance(item, Handle):
        item = item._data
        if type(item) is float:
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        if isinstance(item, np.ndarray) and item.ndim == 0:
            item = item[()]
    if isinstance(item, (list, range, tuple)):
        item = np.asarray([i.item() if hasattr(i, "item") else i for i in item])
        if item.size == 0:
            item = item.astype(np.int64)
    if isinstance(item, (np.ndarray, np.generic)) and item.dtype.kind not in "iub":
        raise IndexError(
            "tensors used as indices must be long, int, byte or bool tensors, got "
            f"{dtypes.of(item)}"
        )
    if item is None or item is Ellipsis or isinstance(item, (slice, np.ndarray, np.generic)):
        return item
    if isinstance(item, bool) or _integer(item):
        return item
    if hasattr(item, "__index__"):
        return item.__index__()
    kind = TypeError if isinstance(item, str) else IndexError
    raise kind(
        f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        f"indices (got {type(item).__name__})"
    )


def _width(item: Any) -> int:
    """How many dimensions an entry takes."""
    if item is None or item is Ellipsis or isinstance(item, (bool, np.bool_)):
        return 0
    if isinstance(item, np.ndarray) and item.dtype.kind == "b":
        return item.ndim
    return 1


def _slice(item: slice) -> slice:
    ends = (item.start, item.stop, item.step)
    parts = [None if p is None else int(p.__index__()) for p in ends]
    if parts[2] is not None and parts[2] <= 0:
        raise ValueError("step must be greater than zero")
    return slice(*parts)


def _arrays(item: Any, shape: tuple[int, ...], dim: int) -> list[Any]:
    """Integer arrays for an array entry: a mask becomes the places where it holds."""
    if item.dtype == np.uint8:
        warnings.warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool "
            "instead.",
            UserWarning,
            stacklevel=4,
        )
        item = item.astype(bool)
    if item.dtype.kind == "b":
        over = shape[dim : dim + item.ndim]
        if item.shape != over:
            raise IndexError(
                f"The shape of the mask {list(item.shape)} at index 0 does not match the shape of "
                f"the indexed tensor {list(shape)} at index {dim}"
            )
        return list(np.nonzero(item))
    n = shape[dim]
    if item.size and (item.max() >= n or item.min() < -n):
        bad = item.max() if item.max() >= n else item.min()
        raise IndexError(f"index {bad} is out of bounds for dimension {dim} with size {n}")
    return [item.astype(np.int64)]


@op(
    {"input": lambda g, input_shape, index: scatter_index(g, input_shape, index)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="[ ]",
    tex="{0}[\\cdot]",
    onnx="Gather",
    samples=lambda s: [
        (s(4, 3), parse(1, (4, 3))),
        (s(4, 3), parse((slice(1, None, 2), None), (4, 3))),
        (s(4, 3), parse([0, 2, 0], (4, 3))),
        (s(2, 3), parse(s.mask(2, 3), (2, 3))),
        (s(3, 2, 4), parse((0, slice(None), [1, 1, 3]), (3, 2, 4))),
    ],
)
def get_index(input: Array, index: Index) -> Any:
    """The elements at a parsed index: a view for a basic one, else a copy."""
    return index.read(input if type(input) is np.ndarray else np.asarray(input))


@op(
    {"input": lambda g, index: get_index(g, index)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="scatter",
    onnx="ScatterND",
    samples=lambda s: [
        (s(3), (4, 3), parse(1, (4, 3))),
        (s(3, 3), (4, 3), parse([0, 2, 0], (4, 3))),
    ],
)
def scatter_index(input: Array, shape: Any, index: Index) -> Any:
    """Zeros of ``shape`` with ``input`` added at an index: the way back of reading there."""
    out = np.zeros(shape, getattr(input, "dtype", np.float64))
    index.add(out, input)
    return out


def _put(input: Any, value: Any, index: Index) -> Any:
    out = np.array(input)
    index.write(out, value)
    return out


@op(
    {
        "input": lambda g, index: put_index(g, 0.0, index),
        "value": lambda g, index: get_index(g, index),
    },
    where=(),
    promote="keep",
    linear_in=("input", "value"),
    symbol="[ ] ←",
    onnx="ScatterND",
    samples=lambda s: [
        (s(4, 3), s(3), parse(1, (4, 3))),
        (s(4, 3), s(), parse((slice(None), 0), (4, 3))),
        (s(4, 3), s(2, 3), parse([0, 2], (4, 3))),
    ],
)
def put_index(input: Array, value: Array, index: Index) -> Any:
    """A copy of ``input`` with ``value`` (broadcast) at a parsed index."""
    return _put(input, value, index)


@export("tensor")
def __getitem__(self: Any, index: Any) -> Any:
    """The elements at an index: a view for ints and slices, a copy for tensors, lists, masks.

    >>> import chainrule as cr
    >>> x = cr.tensor([[1, 2, 3], [4, 5, 6]])
    >>> x[0], x[:, -1], x[x > 4], x[[0, 1], [1, 2]]
    (tensor([1, 2, 3]), tensor([3, 6]), tensor([5, 6]), tensor([2, 6]))
    """
    data = views.as_array(self)
    if modes.batching and examples.has_batched_index(index):
        return registry["take"].call(self, examples.places(tuple(self.shape), index, parse))
    if type(index) is int:
        if not data.ndim:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python to convert a 0-dim "
                "tensor to a number"
            )
        n = data.shape[0]
        if not -n <= index < n:
            raise IndexError(f"index {index} is out of bounds for dimension 0 with size {n}")
        parsed = Index((index, ...), None)
    else:
        parsed = parse(index, data.shape)
    if parsed.advanced is None:
        return views.view_call(get_index.op, self, (parsed,))
    return apply(get_index.op, (self,), (parsed,))


@export("tensor")
def __setitem__(self: Any, index: Any, value: Any) -> None:
    """Write ``value`` (broadcast) at an index, in place and recorded.

    >>> import chainrule as cr
    >>> x = cr.zeros(3); x[1:] = cr.tensor([5.0, 6.0]); x
    tensor([0., 5., 6.])
    """
    if not isinstance(value, (Handle, bool, int, float, complex, np.generic)):
        raise TypeError(
            f"can't assign a {type(value).__name__} to a tensor; make a tensor of it first"
        )
    data = views.as_array(self)
    if modes.batching and examples.has_batched_index(index):
        value = value if isinstance(value, Handle) else make(np.asarray(value))
        examples.write(self, examples.places(tuple(self.shape), index, parse), value)
    else:
        assign(self, parse(index, data.shape), value)


def assign(self: Any, parsed: Index, value: Any, accumulate: bool = False) -> None:
    """Write into a tensor at a parsed index, and give it its new history."""
    views.check_inplace(self)
    if not isinstance(value, Handle):
        value = np.asarray(value)
        value = make(value if value.ndim else scalar_of(value[()]))
    if modes.batching and examples.is_batched(self, value):
        shape = parsed.read(np.broadcast_to(np.zeros((), np.int8), self._data.shape)).shape
        return examples.assign(self, parsed, value, accumulate, shape)
    data = cast(value._data, dtypes.of(self._data))
    target = (
        self._data[parsed.basic].shape
        if parsed.advanced is None
        else (parsed.read(np.broadcast_to(np.zeros((), np.int8), self._data.shape)).shape)
    )
    shape = np.shape(data)
    while len(shape) > len(target) and shape[0] == 1:
        data, shape = np.asarray(data).reshape(shape[1:]), shape[1:]
    try:
        fits = np.broadcast_shapes(shape, target) == target
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to "
            f"indexing result of shape {list(target)}"
        )
    views.check_writable(self, "an indexed assignment")
    before, node = make(self._data, self._node), None
    if modes.recording() and (before.requires_grad or value.requires_grad):
        node = _assigned_node(before, value, parsed)
    views.bump(self, "an indexed assignment")
    if accumulate:
        parsed.add(self._data, data)
    else:
        parsed.write(self._data, data)
    if node is not None and node.value is not None:  # it was recorded before this was written
        node.value = self._data.copy() if self._data.ndim else scalar_of(self._data[()])
    if modes.recording():
        views.rebase(self, node or self._node)


def _assigned_node(before: Any, value: Any, parsed: Index) -> Any:
    """The node of an indexed assignment (its values are written by the caller)."""
    from ..dispatch import record

    operation = put_index.op
    if value.dtype is not before.dtype:
        value = value.to(before.dtype)
    if value.ndim and value.shape[0] == 1:
        size = parsed.read(np.broadcast_to(np.zeros((), np.int8), before.shape)).ndim
        while value.ndim > size:
            value = value.squeeze(0)
    raws = (before._data, value._data)
    return record(operation, (before, value), raws, None, (parsed,), before._data)


@op(name="nonzero_index", where=(), promote="keep")
def _nonzero(input: Array) -> Any:
    """The indices of the elements that are not 0, one a row."""
    return np.argwhere(np.asarray(input))


@export("torch", "tensor")
def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not 0: one a row, or a tuple of one a dimension.

    >>> import chainrule as cr
    >>> cr.nonzero(cr.tensor([0, 3, 5]))
    tensor([[1],
            [2]])
    """
    rows = _nonzero(input)
    if not as_tuple:
        return rows
    if not input.ndim:  # as of one element
        return (make(np.zeros(rows.shape[0], np.int64)),)
    return tuple(make(rows._data[:, k].copy()) for k in range(rows.shape[1]))
