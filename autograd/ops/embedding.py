"""Looking rows up in a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, modes, views
from ..batched import peek
from ..declare import Array, export, op
from ..handle import Handle, make
from .compare import where
from .shape import unsqueeze


@op(
    {"input": lambda g, index, input_shape: embedding_back(g, index, input_shape)},
    where=(),
    promote="keep",
    linear_in=("input",),
    onnx="Gather",
    samples=lambda s: [(s(5, 3), s.index(2, 2, below=5)), (s(4, 2), s.index(3, below=4))],
)
def embedding_rows(input: Array, index: Array) -> Any:
    """The rows of a matrix at integer indices."""
    return input[index]


@op(
    {"input": lambda g, index: embedding_rows(g, index)},
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(4, 3), s.index(4, below=5), (5, 3))],
)
def embedding_back(input: Array, index: Array, shape: Any) -> Any:
    """Zeros of ``shape`` with rows added at indices: the way back of ``embedding_rows``."""
    out = np.zeros(shape, input.dtype)
    np.add.at(out, index, input)
    return out


def renormalize(weight: Any, at: Any, max_norm: float, norm_type: float) -> None:
    """Scale the rows in use down to ``max_norm``, in place and unrecorded."""
    rows = np.unique(at)
    table = np.asarray(weight._data)
    length = np.linalg.norm(table[rows], norm_type, axis=1)
    long = length > max_norm
    if long.any():
        with modes.no_grad():
            scale = (max_norm / (length[long] + 1e-7)).astype(table.dtype)
            table[rows[long]] *= scale[:, None]
            views.bump(weight, "embedding_renorm_")


def by_frequency(rows: Any, at: Any) -> Any:
    """The same rows, with gradients divided by how often each index occurs."""
    _, place, times = np.unique(at, return_inverse=True, return_counts=True)
    share = (1 / times[place]).reshape(*at.shape, 1).astype(rows.dtype.np)
    return rows * make(share) + make(np.asarray(rows._data) * (1 - share))


@export("F")
def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """The rows of ``weight`` at the integers ``input``; shape ``(*input.shape, weight.shape[1])``.

    The row ``padding_idx`` gets no gradient. ``max_norm`` first scales the rows in use down, in
    place; ``scale_grad_by_freq`` divides a row's gradient by its count; ``sparse`` makes no
    difference here. Raises IndexError for an index outside the table.

    >>> import chainrule as cr
    >>> table = cr.tensor([[0.0, 1.0], [2.0, 3.0]])
    >>> cr.nn.functional.embedding(cr.tensor([1, 1]), table)
    tensor([[2., 3.],
            [2., 3.]])
    """
    if not isinstance(input, Handle) or dtypes.of(input._data).name not in ("int64", "int32"):
        raise RuntimeError(
            "embedding: expected the indices as a Long or Int tensor, got "
            f"{input.dtype if isinstance(input, Handle) else type(input).__name__}"  # type: ignore[attr-defined]
        )
    at, n = peek(input._data), weight.shape[0]
    if at.size and (at.max() >= n or at.min() < 0):
        raise IndexError(
            f"index out of range in self: indices from {at.min()} to {at.max()}, the table has "
            f"{n} rows"
        )
    if max_norm is not None:
        renormalize(weight, at, max_norm, norm_type)
    rows = embedding_rows(weight, input)
    if scale_grad_by_freq:
        rows = by_frequency(rows, at)
    if padding_idx is None or not weight.requires_grad:
        return rows
    return where(unsqueeze(input == padding_idx % n, -1), rows.detach(), rows)
