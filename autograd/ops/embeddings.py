"""One-hot rows, bags of table rows, and products of two inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..batched import peek
from ..declare import export
from ..errors import ShapeError
from ..examples import per_example
from ..handle import make
from .compare import where
from .embedding import by_frequency, embedding_back, embedding_rows, renormalize
from .linalg import matmul_op
from .pool import flat_pick
from .reduce import check_tensor, total
from .shape import reshape, transpose, unsqueeze


@export("F")
def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Each integer as a row of ``num_classes`` zeros with a 1 at its place; int64.

    ``num_classes=-1`` takes one more than the largest. Raises RuntimeError for what is outside.

    >>> import chainrule as cr
    >>> cr.nn.functional.one_hot(cr.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    check_tensor("one_hot", tensor)
    if tensor.dtype.name != "int64":
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype}"
        )
    at = peek(tensor._data)
    if not at.size:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return make(np.zeros((*tensor.shape, num_classes), np.int64))
    if at.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(at.max()) + 1
    elif at.max() >= num_classes:
        raise RuntimeError(
            f"Class values must be smaller than num_classes: got {at.max()} of {num_classes}"
        )
    return (unsqueeze(tensor, -1) == make(np.arange(num_classes))).long()


def _bags(input: Any, offsets: Any, with_last: bool) -> tuple[Any, Any]:
    """The flat indices, and where each bag starts (one more at the end)."""
    at = np.asarray(input._data)
    if at.dtype.kind not in "iu":
        raise RuntimeError(f"embedding_bag: expected integer indices, got {input.dtype}")
    if at.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch "
                f"of fixed length sequences. However, found offsets of type {type(offsets)}"
            )
        return at.reshape(-1), np.arange(len(at) + 1) * at.shape[1]
    if at.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {at.ndim}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    starts = np.asarray(offsets._data)
    if starts.size and (starts[0] != 0 or starts[-1] > len(at) or (np.diff(starts) < 0).any()):
        raise RuntimeError(
            "embedding_bag: offsets must start at 0 and rise to at most the number of indices "
            f"({len(at)}), got {starts.tolist()}"
        )
    return at, starts if with_last else np.append(starts, len(at))


@export("F")
@per_example
def embedding_bag(
    input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None,
    norm_type: float = 2, scale_grad_by_freq: bool = False, mode: str = "mean",
    sparse: bool = False, per_sample_weights: Any = None, include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:  # fmt: skip
    """The sum, mean or maximum of bags of rows of ``weight``: a row of indices a bag, or offsets.

    ``padding_idx`` counts for nothing; ``per_sample_weights`` (with ``mode='sum'``) weighs the
    rows. An empty bag gives 0. ``sparse`` makes no difference here.

    >>> import chainrule as cr
    >>> table = cr.tensor([[1.0], [2.0], [4.0]])
    >>> cr.nn.functional.embedding_bag(cr.tensor([[0, 1], [2, 2]]), table)
    tensor([[1.5000],
            [4.0000]])
    """
    check_tensor("embedding_bag", input)
    if weight.dtype.name == "int64" and input.is_floating_point():
        weight, input = input, weight
    each = per_sample_weights
    if each is not None and each.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({each.shape}) is not None, then it must have "
            f"the same shape as the input ({input.shape})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    at, ends = _bags(input, offsets, include_last_offset)
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and (scale_grad_by_freq or sparse):
        raise ValueError("max mode supports neither scale_grad_by_freq nor sparse weights")
    n = weight.shape[0]
    if padding_idx is not None and not -n <= padding_idx < n:
        raise RuntimeError(
            "embedding_bag: padding_idx must be within the number of embeddings, "
            f"{-n} through {n - 1}, but got {padding_idx}"
        )
    if at.size and (at.min() < 0 or at.max() >= n):
        raise RuntimeError(f"embedding_bag: index {at.max()} is outside a table of {n} rows")
    if max_norm is not None:
        renormalize(weight, at, max_norm, norm_type)
    if each is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}')."
        )
    bag = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    kept = np.ones(len(bag), bool)
    kept[:] = True if padding_idx is None else at[: len(bag)] != padding_idx % n
    at, bag = at[: len(bag)][kept], bag[kept]
    bags = len(ends) - 1
    if mode == "max":
        return _largest(weight, at, bag, bags)
    rows = embedding_rows(weight, make(at))
    rows = by_frequency(rows, at) if scale_grad_by_freq else rows
    if each is not None:
        chosen = flat_pick(reshape(each, (-1,)), make(np.flatnonzero(kept)), (each.numel(),))
        rows = rows * unsqueeze(chosen, 1)
    out = embedding_back(rows, make(bag), (bags, weight.shape[1]))
    if mode == "sum":
        return out
    size = np.maximum(np.bincount(bag, minlength=bags), 1).astype(weight.dtype.np)
    return out / make(size[:, None])


def _largest(weight: Any, at: Any, bag: Any, bags: int) -> Any:
    """The largest element of each bag, column by column; the gradient goes to the first."""
    table = np.asarray(weight._data)
    n, columns = table.shape
    best = np.full((bags, columns), -np.inf, table.dtype)
    rows = table[at]
    np.maximum.at(best, bag, rows)
    source = np.zeros((bags, columns), np.int64)
    k, column = np.nonzero(rows == best[bag])
    source[bag[k[::-1]], column[::-1]] = at[k[::-1]]  # written last to first: the first stays
    full = np.bincount(bag, minlength=bags)[:, None] > 0
    index = source * columns + np.arange(columns)
    values = flat_pick(reshape(weight, (-1,)), make(index.reshape(-1)), (n * columns,))
    values = reshape(values, (bags, columns))
    return values if full.all() else where(make(full), values, 0.0)


@export("torch", "F")
def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """x₁ᵀ·W_o·x₂ + b_o for each output o: (…, I), (…, J), weight (O, I, J) → (…, O).

    >>> import chainrule as cr
    >>> a, b = cr.tensor([1.0, 2.0]), cr.tensor([3.0])
    >>> cr.bilinear(a, b, cr.ones(1, 2, 1))
    tensor([9.])
    """
    check_tensor("bilinear", input1)
    if input1.ndim != input2.ndim:
        raise RuntimeError(
            f"bilinear(): input dimensions do not match: got {input1.ndim} and {input2.ndim}"
        )
    for k in range(input1.ndim - 1):
        if input1.shape[k] != input2.shape[k]:
            raise ShapeError(
                f"bilinear(): input batch dimensions do not match at dim {k}: got "
                f"{input1.shape[k]} and {input2.shape[k]}"
            )
    for k, t in ((1, input1), (2, input2)):
        if t.shape[-1] != weight.shape[k]:
            raise ShapeError(
                f"bilinear(): input{k} size does not match weight size: got {t.shape[-1]} but "
                f"expected {weight.shape[k]}"
            )
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise ShapeError(
            f"bilinear(): bias size does not match weight size: got {list(bias.shape)} but "
            f"expected [{weight.shape[0]}]"
        )
    lead = tuple(input1.shape[:-1])
    a = reshape(input1, (int(np.prod(lead)), input1.shape[-1]))
    b = reshape(input2, (int(np.prod(lead)), input2.shape[-1]))
    out = transpose(total(matmul_op(unsqueeze(a, 0), weight) * b, -1, False), 0, 1)
    out = reshape(out, (*lead, weight.shape[0]))
    return out if bias is None else out + bias
