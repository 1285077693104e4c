"""Matrices from vectors and from tensors, reflections applied, and decompositions of low rank.

Sources: G. H. Golub and C. F. Van Loan, "Matrix Computations" (2013), section 5.1 (reflections);
N. Halko, P.-G. Martinsson, J. A. Tropp, "Finding structure with randomness" (2011), algorithms 4.4
and 5.1 (low rank).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..declare import names, tensor_of
from ..errors import ShapeError
from .complexes import conj, mH
from .decompositions import qr
from .determinants import inv
from .forms import offered, return_type
from .join import cat, narrow, select
from .matrices import matrix
from .reduce import mean
from .shape import expand, movedim, reshape, unsqueeze
from .singular import svd
from .solving import solve
from .triangular import solve_triangular

TriangularResult = return_type("triangular_solve", "solution", "cloned_coefficient")


def _reflected(A: Any, tau: Any, x: Any, order: Any, conjugate: bool) -> Any:
    """(I − τₖ·vₖ·vₖᴴ) applied to ``x`` one after the other; vₖ stands below the diagonal of A."""
    rows, count = A.shape[-2], tau.shape[-1]
    for k in order(range(count)):
        v = _vector(A, k, rows)
        t = unsqueeze(unsqueeze(select(tau, -1, k), -1), -1)
        x = x - (conj(t) if conjugate else t) * (v @ (mH(v) @ x))
    return x


def _vector(A: Any, k: int, rows: int) -> Any:
    """The k-th vector as a column: zeros, a one, and what stands below the diagonal."""
    below = narrow(narrow(A, -1, k, 1), -2, k + 1, rows - k - 1)
    lead = tuple(A.shape[:-2])
    top = np.zeros((*lead, k + 1, 1), A.dtype.np)
    top[..., k, 0] = 1
    return cat([tensor_of(top), below], -2)


def _forward(r: Any) -> Any:
    return r


@offered("torch", "tensor")
def ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Any:
    """Q·other (``left=False``: other·Q; ``transpose``: Qᴴ) with the square Q of the reflections.

    >>> import chainrule as cr
    >>> a, tau = cr.geqrf(cr.tensor([[3.0], [4.0]]))
    >>> cr.ormqr(a, tau, cr.tensor([[3.0], [4.0]]), transpose=True).abs().round()
    tensor([[5.],
            [0.]])
    """
    matrix("ormqr", input, "input")
    matrix("ormqr", other, "other")
    rows = other.shape[-2 if left else -1]
    if rows != input.shape[-2]:
        raise ShapeError(
            f"torch.ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2], got "
            f"{rows} and {input.shape[-2]}"
        )
    if not left:
        return mH(ormqr(input, tau, mH(other), True, not transpose))
    order = _forward if transpose else reversed
    return _reflected(input, tau, other, order, transpose)


@offered("torch", "tensor")
def triangular_solve(
    b: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """X with A·X = b for triangular A, and A (old name; use ``linalg.solve_triangular``)."""
    warnings.warn(
        "torch.triangular_solve is deprecated in favor of torch.linalg.solve_triangular and will "
        "be removed in a future PyTorch release.",
        UserWarning,
        stacklevel=3,
    )
    upside = upper != transpose
    solved = solve_triangular(
        A.mT if transpose else A, b, upper=upside, unitriangular=unitriangular
    )
    return TriangularResult(solved, A.clone())


# -- from vectors, and tensors as matrices ------------------------------------------------------


@offered("linalg", name="vander")
def linalg_vander(x: Any, *, N: int | None = None) -> Any:
    """The powers x⁰, x¹, …, xᴺ⁻¹ of every element, as a new last dimension: (…, n) → (…, n, N).

    >>> import chainrule as cr
    >>> cr.linalg.vander(cr.tensor([2.0, 3.0]), N=3)
    tensor([[1., 2., 4.],
            [1., 3., 9.]])
    """
    if not x.ndim:
        raise RuntimeError("linalg.vander: x must have at least one dimension.")
    n = x.shape[-1] if N is None else int(N)
    if n <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {n}")
    powers = names["torch"]["cumprod"](expand(unsqueeze(x, -1), (*x.shape, n - 1)), -1)
    return cat([names["torch"]["ones_like"](narrow(powers, -1, 0, 1)), powers], -1)


@offered("torch")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers xᴺ⁻¹, …, x¹, x⁰ of the elements of a vector, in rows (or rising).

    >>> import chainrule as cr
    >>> cr.vander(cr.tensor([2, 3]))
    tensor([[2, 1],
            [3, 1]])
    """
    if x.ndim != 1:
        raise RuntimeError(f"x must be a one-dimensional tensor, got shape {list(x.shape)}")
    n = x.shape[0] if N is None else int(N)
    if n < 0:
        raise RuntimeError(f"N must be non-negative, got {n}")
    ones = names["torch"]["ones"](x.shape[0], min(n, 1), dtype=x.dtype)
    if n < 2:
        return ones
    powers = names["torch"]["cumprod"](expand(unsqueeze(x, 1), (x.shape[0], n - 1)), 1)
    rising = cat([ones.to(powers.dtype), powers], 1)
    return rising if increasing else names["torch"]["flip"](rising, (1,))


@offered("linalg")
def tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse of the linear map x ↦ tensordot(A, x): the last dimensions after ``ind`` swapped.

    >>> import chainrule as cr
    >>> cr.linalg.tensorinv(cr.eye(6).reshape(2, 3, 6), ind=2).shape
    torch.Size([6, 2, 3])
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    rows, columns = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    m, n = math.prod(rows), math.prod(columns)
    if m != n:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
            f"prod(self.shape[:ind]), but got {n} != {m}"
        )
    return reshape(inv(reshape(A, (m, n))), (*columns, *rows))


@offered("linalg")
def tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:
    """X with tensordot(A, X, X.ndim) = B; ``dims`` of A are moved to its end first.

    >>> import chainrule as cr
    >>> cr.linalg.tensorsolve(cr.eye(6).reshape(2, 3, 6), cr.ones(2, 3)).shape
    torch.Size([6])
    """
    if dims is not None:
        A = movedim(A, tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    wanted = tuple(A.shape[B.ndim :])
    m, n = math.prod(A.shape[: B.ndim]), math.prod(wanted)
    if m != n:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {n} != {m}"
        )
    return reshape(solve(reshape(A, (m, n)), reshape(B, (-1,))), wanted)


# -- low rank -----------------------------------------------------------------------------------


def _basis(A: Any, q: int, niter: int) -> Any:
    """Orthonormal columns whose span comes close to that of A's first ``q`` singular vectors."""
    start = names["torch"]["randn"](A.shape[-1], q, dtype=A.dtype)
    basis = qr(A @ start).Q
    for _ in range(niter):
        basis = qr(A @ qr(mH(A) @ basis).Q).Q
    return basis


@offered("torch", "tensor")
def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> Any:
    """U, S, V of rank ``q`` with A − M ≈ U·diag(S)·Vᴴ, from random projections.

    ``niter`` power iterations sharpen it. Draws from the generator as PyTorch does.

    >>> import chainrule as cr
    >>> U, S, V = cr.svd_lowrank(cr.outer(cr.ones(4), cr.ones(5)), q=1); S.round()
    tensor([4.])
    """
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    x = A if M is None else A - M
    wide = A.shape[-2] < A.shape[-1]
    x = mH(x) if wide else x
    basis = _basis(x, q, niter)
    u, s, vh = svd(mH(basis) @ x, full_matrices=False)
    u, v = basis @ u, mH(vh)
    return (v, s, u) if wide else (u, s, v)


@offered("torch")
def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """U, S, V of the ``q`` principal components of the rows of A (…, m, n), from projections.

    ``center`` subtracts the mean of every column first.

    >>> import chainrule as cr
    >>> U, S, V = cr.pca_lowrank(cr.eye(3), q=2); S.shape
    torch.Size([2])
    """
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(
            f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if A.dtype.category < 2:
        raise ValueError(f"pca_lowrank: expected a floating-point tensor, got {A.dtype}")
    return svd_lowrank(A - mean(A, -2, True) if center else A, q, niter)
