"""Systems of equations with a triangular matrix, and what Cholesky factors are used for."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, op, tensor_of
from ..errors import ShapeError
from .arrange import tril, triu
from .complexes import mH
from .forms import offered
from .matrices import each, matrix, same_type


def _back(A: Any, g: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    """The gradient of the right side: the transposed system, solved for ḡ."""
    return triangular_op(A.mT, g, not upper, left, unitriangular)


def _matrix_rule(g: Any, A: Any, out: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    """−(A⁻ᵀḡ)·Xᵀ (or −Xᵀ·(ḡA⁻ᵀ)), of which the triangle that was read counts."""
    back = _back(A, g, upper, left, unitriangular)
    whole = -(back @ out.mT) if left else -(out.mT @ back)
    first = 1 if unitriangular else 0
    return triu(whole, first) if upper else tril(whole, -first)


@op(
    {
        "A": lambda g, A, out, upper, left, unitriangular: _matrix_rule(
            g, A, out, upper, left, unitriangular
        ),
        "B": lambda g, A, upper, left, unitriangular: _back(A, g, upper, left, unitriangular),
    },
    name="solve_triangular",
    where=(),
    promote="keep",
    linear_in=("B",),
    samples=lambda s: [
        (s(3, 3) + 3 * np.eye(3), s(3, 2), True, True, False),
        (s(3, 3) + 3 * np.eye(3), s(2, 3), False, False, False),
        (s(2, 2), s(2, 2), False, True, True),
        (s(2, 2, 2) + 3 * np.eye(2), s(2, 1), True, True, False),
        (s(0, 0), s(0, 2), True, True, False),
    ],
)
def triangular_op(A: Array, B: Array, upper: bool, left: bool, unitriangular: bool) -> Any:
    """X with A·X = B (or X·A = B), of which one triangle of A is read; inf and nan if singular."""
    from scipy.linalg import get_blas_funcs

    solve = get_blas_funcs("trsm", (A, B))

    def one(a: Any, b: Any) -> Any:
        if not b.size:
            return b
        return solve(1.0, a, b, side=not left, lower=not upper, diag=unitriangular)

    lead = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    found = each(one, A, B)
    if not found:
        return np.empty(lead + B.shape[-2:], B.dtype)
    return np.ascontiguousarray(np.stack(found).reshape(lead + B.shape[-2:]))


def system(name: str, A: Any, B: Any, left: bool) -> None:
    """Raise RuntimeError where the sizes of a system of equations do not fit."""
    rows = B.shape[-2] if left else B.shape[-1]
    if A.shape[-1] != rows:
        raise ShapeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX' if left else 'XA'} = B "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )


@offered("linalg")
def solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    """X with A·X = B (``left=False``: X·A = B) for a triangular A: (…, n, n) and (…, n, k).

    Only the triangle ``upper`` names is read; ``unitriangular`` takes the diagonal for ones. A zero
    on the diagonal gives inf or nan. Batches broadcast.

    >>> import chainrule as cr
    >>> A, B = cr.tensor([[2.0, 1.0], [0.0, 4.0]]), cr.tensor([[3.0], [4.0]])
    >>> cr.linalg.solve_triangular(A, B, upper=True)
    tensor([[1.],
            [1.]])
    """
    name = "linalg.solve_triangular"
    matrix(name, A, square=True)
    matrix(name, B, "B")
    same_type(name, A, B)
    system(name, A, B, left)
    return triangular_op(A, B, bool(upper), bool(left), bool(unitriangular))


triangular_op.op.function = solve_triangular


@offered("torch", "tensor")
def cholesky_solve(B: Any, L: Any, upper: bool = False) -> Any:
    """X with (L·Lᵀ)·X = B, from a Cholesky factor: (…, n, k) and (…, n, n).

    >>> import chainrule as cr
    >>> cr.cholesky_solve(cr.tensor([[8.0]]), cr.tensor([[2.0]]))
    tensor([[2.]])
    """
    for word, t in (("b", B), ("u", L)):
        if t.ndim < 2:
            raise RuntimeError(
                f"{word} should have at least 2 dimensions, but has {t.ndim} dimensions instead"
            )
    matrix("cholesky_solve", L, square=True)
    same_type("cholesky_solve", L, B)
    system("cholesky_solve", L, B, True)
    low = mH(L) if upper else L
    half = triangular_op(low, B, False, True, False)
    return triangular_op(mH(low), half, True, True, False)


@offered("torch", "tensor")
def cholesky_inverse(L: Any, upper: bool = False) -> Any:
    """The inverse of L·Lᵀ from a Cholesky factor.

    >>> import chainrule as cr
    >>> cr.cholesky_inverse(cr.tensor([[2.0]]))
    tensor([[0.2500]])
    """
    matrix("cholesky_inverse", L, square=True)
    return cholesky_solve(tensor_of(np.eye(L.shape[-1], dtype=L.dtype.np)), L, upper)
