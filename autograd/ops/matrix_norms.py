"""Norms of vectors and matrices by ``chainrule.linalg``'s names, and condition numbers."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError
from ..handle import Handle
from ..shapes import axes, axis
from .arithmetic import abs as abs_op
from .compare import where
from .complexes import conj
from .determinants import inverse_or_nan
from .extreme import amax, amin
from .forms import offered
from .matrices import matrix
from .norms import norm_op
from .reduce import total
from .shape import movedim, unsqueeze
from .singular import svdvals


def _converted(name: str, A: Any, dtype: Any) -> Any:
    """The input in the dtype that is computed in; raises for integers and for narrowing."""
    if not isinstance(A, Handle) or A.dtype.category < 2:  # type: ignore[attr-defined]
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {A.dtype}; "
            "convert first: x.float()"
        )
    if dtype is None:
        return A
    target = as_dtype(dtype)
    if target.category < 2 or target.itemsize < A.dtype.itemsize:  # type: ignore[attr-defined]
        raise RuntimeError(
            f"{name}: the dtype of the input ({A.dtype}) should be convertible without narrowing "  # type: ignore[attr-defined]
            f"to the specified dtype ({target})"
        )
    return A.to(target)  # type: ignore[attr-defined]


@offered("linalg")
def vector_norm(
    x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """The vector norm (Σ |x|ᵖ)^(1/p), over all elements or over ``dim``; p = ``ord``.

    ord = ±inf: the largest or smallest |x|; 0: how many are not 0. The gradient is 0 where the norm
    is 0; ties of ±inf share it evenly.

    >>> import chainrule as cr
    >>> cr.linalg.vector_norm(cr.tensor([3.0, -4.0])), cr.linalg.vector_norm(cr.ones(4), 1)
    (tensor(5.), tensor(4.))
    """
    if isinstance(ord, str) or not isinstance(ord, (int, float)):
        raise TypeError(
            "linalg_vector_norm(): argument 'ord' (position 2) must be Number, not "
            f"{type(ord).__name__}"
        )
    x = _converted("linalg.vector_norm", x, dtype)
    if not x.numel() and (ord < 0 or math.isinf(ord)):
        gone = axes(dim, x.ndim)
        if not gone or any([x.shape[d] == 0 for d in gone]):
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the "
                "operation does not have an identity"
            )
    return norm_op(x, float(ord), dim, keepdim)


def _two(dim: Any, ndim: int) -> tuple[int, int]:
    if not isinstance(dim, (tuple, list)):
        raise TypeError(f"linalg_matrix_norm(): argument 'dim' must be tuple of ints, not {dim!r}")
    if len(dim) != 2:
        raise RuntimeError(
            f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dim))}"
        )
    a, b = (axis(d, ndim) for d in dim)
    if a == b:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    return a, b


@offered("linalg")
def matrix_norm(
    A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """A matrix norm over the two dimensions ``dim``.

    ``ord``: "fro" √Σa²; "nuc" the sum of the singular values; 2, −2 the largest, smallest of them;
    1, −1 the largest, smallest column sum of |a|; inf, −inf of rows.

    >>> import chainrule as cr
    >>> A = cr.tensor([[1.0, -2.0], [3.0, 4.0]])
    >>> cr.linalg.matrix_norm(A, 1), cr.linalg.matrix_norm(A, float("inf"))
    (tensor(6.), tensor(7.))
    """
    if A.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions, got the shape "
            f"{list(A.shape)}"
        )
    A = _converted("linalg.matrix_norm", A, dtype)
    a, b = _two(dim, A.ndim)
    if ord == "fro":
        return norm_op(A, 2.0, (a, b), keepdim)
    if ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    pick = amin if not isinstance(ord, str) and ord < 0 else amax
    if ord == "nuc" or abs(ord) == 2:
        values = svdvals(movedim(A, (a, b), (-2, -1)))
        result = total(values, -1) if ord == "nuc" else pick(values, -1)
        return _kept(result, a, b) if keepdim else result
    first, second = (a, b) if abs(ord) == 1 else (b, a)
    sums = total(abs_op(A), first, keepdim)
    return pick(sums, second - (not keepdim and first < second), keepdim)


def _kept(result: Any, a: int, b: int) -> Any:
    """The two dimensions that went, back as ones."""
    for d in sorted((a, b)):
        result = unsqueeze(result, d)
    return result


@offered("linalg")
def norm(
    A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Any:
    """A vector norm or a matrix norm, by what ``ord`` and ``dim`` say.

    Neither given: √Σa² of all elements. One dimension: a vector norm; two: a matrix norm; ``ord``
    alone: of the vector or matrix that A is.

    >>> import chainrule as cr
    >>> cr.linalg.norm(cr.tensor([3.0, 4.0])), cr.linalg.norm(cr.eye(2), "nuc")
    (tensor(5.), tensor(2.))
    """
    if isinstance(ord, str):
        return matrix_norm(A, ord, _listed(dim, A.ndim), keepdim, dtype=dtype)
    if ord is not None and dim is None and A.ndim > 2:
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{A.ndim}D."
        )
    pair = isinstance(dim, (tuple, list)) and len(dim) == 2
    if ord is not None and (pair or (dim is None and A.ndim == 2)):
        return matrix_norm(A, ord, dim if pair else (0, 1), keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


def _listed(dim: Any, ndim: int) -> Any:
    if dim is None:
        if ndim not in (1, 2):
            raise RuntimeError(
                "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
                f"{ndim}D."
            )
        return tuple(range(ndim))
    return dim if isinstance(dim, (tuple, list)) else (dim,)


@offered("linalg")
def cond(A: Any, p: Any = None) -> Any:
    """The condition number: ‖A‖ₚ·‖A⁻¹‖ₚ, for p = None or 2 the ratio of the singular values.

    inf for a singular matrix.

    >>> import chainrule as cr
    >>> cr.linalg.cond(cr.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor(2.)
    """
    matrix("linalg.cond", A)
    if p is None or p in (2, -2):
        values = svdvals(A)
        largest, smallest = amax(values, -1), amin(values, -1)
        return smallest / largest if p == -2 else largest / smallest
    if A.shape[-1] != A.shape[-2]:
        raise ShapeError(
            f"linalg.cond(ord={p}): A must be batches of square matrices, but they are "
            f"{A.shape[-2]} by {A.shape[-1]} matrices"
        )
    product = matrix_norm(A, p) * matrix_norm(inverse_or_nan(A), p)
    return where(product != product, math.inf, product)


@offered("linalg")
def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """The dot products Σ conj(x)·y of vectors along ``dim``; the other dimensions broadcast.

    >>> import chainrule as cr
    >>> cr.linalg.vecdot(cr.ones(2, 3), cr.ones(3))
    tensor([3., 3.])
    """
    return total(conj(x) * y, dim)


@offered("linalg", name="matmul")
def linalg_matmul(input: Any, other: Any) -> Any:
    """The matrix product (see ``chainrule.matmul``)."""
    return input @ other
