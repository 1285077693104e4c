"""Products of vectors, matrices and batches: outer, inner, addmm and its kin, tensordot, kron."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..declare import Array, export, op, tensor_of, write_out
from ..errors import ShapeError, matmul_mismatch
from ..shapes import axis
from .forms import offered, tensors_of, twin
from .linalg import bmm, matmul, mm, mv
from .masks import masked_fill
from .reduce import total
from .shape import expand, permute, reshape, squeeze, unsqueeze


@offered("torch", "tensor")
def outer(input: Any, vec2: Any) -> Any:
    """The products of every element of one vector with every element of another.

    >>> import chainrule as cr
    >>> cr.outer(cr.tensor([1, 2]), cr.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    for word, t in (("self", input), ("vec2", vec2)):
        if t.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {word}, but got {t.ndim}-D")
    return unsqueeze(input, 1) * unsqueeze(vec2, 0)


ger = offered("torch", "tensor", name="ger")(outer)


def _same_type(name: str, *tensors: Any) -> None:
    kinds = [t.dtype for t in tensors]
    if any([k is not kinds[0] for k in kinds]):
        raise RuntimeError(
            f"{name}: both inputs should have same dtype, got {', '.join(map(str, kinds))}; "
            "convert one: x.to(y.dtype)"
        )


@offered("torch", "tensor")
def inner(input: Any, other: Any) -> Any:
    """The products summed over the last dimension of both; a 0-d tensor multiplies.

    >>> import chainrule as cr
    >>> cr.inner(cr.tensor([1, 2]), cr.tensor([3, 4]))
    tensor(11)
    """
    if not input.ndim or not other.ndim:
        return input * other
    _same_type("inner", input, other)
    if input.shape[-1] != other.shape[-1]:
        raise ShapeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


@offered("torch", "tensor")
def vdot(input: Any, other: Any) -> Any:
    """The dot product of two vectors (complex ones: the first conjugated).

    >>> import chainrule as cr
    >>> cr.vdot(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0]))
    tensor(11.)
    """
    if input.ndim != 1 or other.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {other.ndim}D tensors")
    return matmul(input.conj() if input.is_complex() else input, other)


def _scaled(x: Any, factor: Any) -> Any:
    """``factor`` · x; an integer tensor takes the whole part of the factor."""
    if factor == 1:
        return x
    return x * (int(factor) if dtypes.of(x._data).category == 1 else factor)


def _plus(name: str, input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """β·input + α·product; with β = 0 ``input`` is left out, nan and all."""
    shape = tuple(product.shape)
    grown = expand(input, shape)  # raises where the input does not fit
    if beta == 0:
        left_out = masked_fill(grown, tensor_of(np.True_), 0) if input.requires_grad else None
        scaled = _scaled(product, alpha)
        return scaled if left_out is None else scaled + left_out
    addend = input if input.ndim == len(shape) else grown
    return _scaled(addend, beta) + _scaled(product, alpha)


def _needs(name: str, pairs: Sequence[tuple[str, Any, int]]) -> None:
    for word, t, n in pairs:
        if t.ndim != n:
            kind = {1: "vector", 2: "matrix", 3: "3D tensor"}[n]
            raise RuntimeError(f"{name}: {word} must be a {kind}, got {t.ndim}-D tensor")


def _added(
    name: str, words: tuple[str, str], sizes: tuple[int, int], product: Any, doc: str
) -> Any:
    """β·input + α·(a product), as PyTorch names such functions."""

    def function(input: Any, first: Any, second: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
        _needs(name, list(zip(words, (first, second), sizes, strict=True)))
        if name != "addr":
            _same_type(name, input, first, second)
        return _plus(name, input, product(first, second), beta, alpha)

    def called(*args: Any, **kwargs: Any) -> Any:
        given = {names.get(k, k): v for k, v in kwargs.items()}
        return listed(*args, **given)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = doc
    listed = offered(name=name)(function)
    names = {words[0]: "first", words[1]: "second"}
    called.__name__ = called.__qualname__ = name
    called.__module__, called.__doc__ = __name__, doc
    back = {new: old for old, new in names.items()}
    known = inspect.signature(function).parameters.values()
    called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [p.replace(name=back.get(p.name, p.name)) for p in known]
    )
    export("torch", "tensor")(called)
    twin(called)
    return called


addmm = _added(
    "addmm", ("mat1", "mat2"), (2, 2), mm,
    """β·input + α·(mat1 @ mat2).

    With ``beta=0`` the input is left out, nan and all.

    >>> import chainrule as cr
    >>> cr.addmm(cr.ones(2), cr.eye(2), cr.tensor([[1.0, 2.0], [3.0, 4.0]]), alpha=10)
    tensor([[11., 21.],
            [31., 41.]])
    """,
)  # fmt: skip
addmv = _added(
    "addmv", ("mat", "vec"), (2, 1), mv,
    """β·input + α·(mat @ vec).

    >>> import chainrule as cr
    >>> cr.addmv(cr.ones(2), cr.eye(2), cr.tensor([1.0, 2.0]))
    tensor([2., 3.])
    """,
)  # fmt: skip
addr = _added(
    "addr", ("vec1", "vec2"), (1, 1), outer,
    """β·input + α·(vec1 ⊗ vec2), the outer product.

    >>> import chainrule as cr
    >>> cr.addr(cr.ones(2, 2), cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0]))
    tensor([[4., 5.],
            [7., 9.]])
    """,
)  # fmt: skip
baddbmm = _added(
    "baddbmm", ("batch1", "batch2"), (3, 3), bmm,
    """β·input + α·(batch1 @ batch2), matrix by matrix.

    >>> import chainrule as cr
    >>> cr.baddbmm(cr.ones(1, 1, 1), cr.ones(1, 1, 2), cr.ones(1, 2, 1))
    tensor([[[3.]]])
    """,
)  # fmt: skip
addbmm = _added(
    "addbmm", ("batch1", "batch2"), (3, 3), lambda a, b: total(bmm(a, b), 0).to(a.dtype),
    """β·input + α·Σ(batch1 @ batch2), the products summed over the batch.

    >>> import chainrule as cr
    >>> cr.addbmm(cr.zeros(1, 1), cr.ones(3, 1, 2), cr.ones(3, 2, 1))
    tensor([[6.]])
    """,
)  # fmt: skip


def _contracted(a: Any, b: Any, dims: Any) -> tuple[list[int], list[int]]:
    """The dimensions of each tensor that are summed over."""
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        return list(range(a.ndim - dims, a.ndim)), list(range(dims))
    first, second = ([int(i) for i in (d if isinstance(d, (tuple, list)) else (d,))] for d in dims)
    if len(first) != len(second):
        raise RuntimeError("both dimension lists should have same length")
    return [axis(d, a.ndim) for d in first], [axis(d, b.ndim) for d in second]


@offered("torch")
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """Products summed over pairs of dimensions: the last ``dims`` of a with the first of b.

    ``dims`` may be two lists of dimensions instead. The result has the other dimensions of ``a``,
    then those of ``b``.

    >>> import chainrule as cr
    >>> cr.tensordot(cr.ones(2, 3, 4), cr.ones(4, 3), dims=([1, 2], [1, 0]))
    tensor([12., 12.])
    """
    _same_type("tensordot", a, b)
    first, second = _contracted(a, b, dims)
    for i, j in zip(first, second, strict=True):
        n, m = a.shape[i], b.shape[j]
        if n == m:
            continue
        if m == 1:
            a = total(a, i, True)
        elif n == 1:
            b = total(b, j, True)
        else:
            raise ShapeError(
                f"contracted dimensions need to match, but first has size {n} in dim {i} and "
                f"second has size {m} in dim {j}"
            )
    left = [d for d in range(a.ndim) if d not in first]
    right = [d for d in range(b.ndim) if d not in second]
    inside = int(np.prod([a.shape[d] for d in first]))
    rows, columns = [a.shape[d] for d in left], [b.shape[d] for d in right]
    x = reshape(permute(a, (*left, *first)), (int(np.prod(rows)), inside))
    y = reshape(permute(b, (*second, *right)), (inside, int(np.prod(columns))))
    return reshape(mm(x, y), (*rows, *columns))


@offered("torch", "tensor")
def kron(input: Any, other: Any) -> Any:
    """The Kronecker product: ``other`` once for every element of ``input``, times it.

    >>> import chainrule as cr
    >>> cr.kron(cr.eye(2), cr.tensor([[1.0, 2.0]]))
    tensor([[1., 2., 0., 0.],
            [0., 0., 1., 2.]])
    """
    n = max(input.ndim, other.ndim)
    a, b = (((1,) * (n - t.ndim) + tuple(t.shape)) for t in (input, other))
    x = reshape(input, tuple([s for m in a for s in (m, 1)]))
    y = reshape(other, tuple([s for m in b for s in (1, m)]))
    return reshape(x * y, tuple([i * j for i, j in zip(a, b, strict=True)]))


def _cheapest(sizes: list[int]) -> list[list[int]]:
    """Where to cut each stretch of a chain of matrices (Cormen et al., section 14.2)."""
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    cut = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [
                cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            ]
            cost[i][j] = min(options)
            cut[i][j] = i + options.index(cost[i][j])
    return cut


@export("linalg")
def multi_dot(tensors: Any, *, out: Any = None) -> Any:
    """The product of a chain of matrices, in the order that needs the fewest multiplications.

    The first and the last may be vectors. Source: Cormen et al., "Introduction to Algorithms".

    >>> import chainrule as cr
    >>> cr.linalg.multi_dot([cr.ones(2, 3), cr.ones(3, 1), cr.ones(1, 2)])
    tensor([[3., 3.],
            [3., 3.]])
    """
    given = list(tensors_of((list(tensors),), "multi_dot"))
    if len(given) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(given)}")
    ends = given[0].ndim == 1, given[-1].ndim == 1
    if ends[0]:
        given[0] = unsqueeze(given[0], 0)
    if ends[1]:
        given[-1] = unsqueeze(given[-1], 1)
    for k, t in enumerate(given):
        if t.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {k} must be 2D but got {t.ndim}D")
    for k in range(len(given) - 1):
        if given[k].shape[1] != given[k + 1].shape[0]:
            text = matmul_mismatch(tuple(given[k].shape), tuple(given[k + 1].shape))
            raise ShapeError(f"multi_dot(): tensors {k} and {k + 1} cannot be multiplied: {text}")
    cut = _cheapest([given[0].shape[0], *[t.shape[1] for t in given]])

    def product(i: int, j: int) -> Any:
        return given[i] if i == j else mm(product(i, cut[i][j]), product(cut[i][j] + 1, j))

    result = product(0, len(given) - 1)
    if ends[1]:
        result = squeeze(result, 1)
    if ends[0]:
        result = squeeze(result, 0)
    return result if out is None else write_out(out, result)


@export("torch")
def chain_matmul(*matrices: Any, out: Any = None) -> Any:
    """The product of matrices (old name; use ``linalg.multi_dot``)."""
    warnings.warn(
        "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use "
        "torch.linalg.multi_dot instead, which accepts a list of two or more tensors rather than "
        "multiple parameters.",
        UserWarning,
        stacklevel=2,
    )
    return multi_dot(tensors_of(matrices, "chain_matmul"), out=out)


@op(
    {
        "input": lambda g, other, dim: cross_op(other, g, dim),
        "other": lambda g, input, dim: cross_op(g, input, dim),
    },
    name="cross",
    where=(),
    symbol="×",
    tex=r"{0} \times {1}",
    samples=lambda s: [
        (s(3), s(3), 0),
        (s(2, 3), s(2, 3), -1),
        (s(3, 2), s(3, 1), 0),
        (s(1, 3), s(4, 3), 1),
        (s(0, 3), s(0, 3), 1),
    ],
)
def cross_op(input: Array, other: Array, dim: int) -> Any:
    """The vector product along ``dim``, which has length 3."""
    a, b = np.broadcast_arrays(input, other)
    a, b = np.moveaxis(a, dim, 0), np.moveaxis(b, dim, 0)
    parts = [a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return np.stack(parts, dim % a.ndim)


@offered("linalg", name="cross")
def linalg_cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """The vector product along a dimension of length 3; the others broadcast.

    >>> import chainrule as cr
    >>> cr.linalg.cross(cr.tensor([1.0, 0.0, 0.0]), cr.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    if input.ndim != other.ndim:
        raise RuntimeError(
            "linalg.cross: inputs must have the same number of dimensions, got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    k = axis(dim, input.ndim)
    if input.shape[k] != 3 or other.shape[k] != 3:
        raise ShapeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[k]} and "
            f"{other.shape[k]}"
        )
    if input.dtype is not other.dtype:
        raise RuntimeError(f"expected scalar type {input.dtype} but found {other.dtype}")
    return cross_op(input, other, k)


@offered("torch", "tensor")
def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """The vector product along ``dim`` (default: the first of length 3, with a warning).

    >>> import chainrule as cr
    >>> cr.cross(cr.tensor([1.0, 0.0, 0.0]), cr.tensor([0.0, 1.0, 0.0]), dim=0)
    tensor([0., 0., 1.])
    """
    if dim is None:
        dim = next((k for k, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError(f"no dimension of size 3 in input (shape {list(input.shape)})")
        warnings.warn(
            "Using torch.cross without specifying the dim arg is deprecated.",
            UserWarning,
            stacklevel=3,
        )
    return linalg_cross(input, other, dim=dim)


cross_op.op.function = cross
