"""Decompositions of matrices: Cholesky, QR, eigenvalues.

Sources of the rules: S. F. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra
functions with application in optimum experimental design" (2010); M. Seeger et al., "Auto-
Differentiating Linear Algebra" (2017).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..declare import Array, op
from ..op import registry
from .arrange import tril, triu
from .compare import where
from .complexes import conj, is_complex, mH, real_op
from .diagonals import diag_embed, diagonal
from .forms import offered, return_type, without_gradient
from .join import cat, narrow
from .matrices import LinAlgError, matrix, solved
from .shape import unsqueeze
from .triangular import triangular_op

EighResult = return_type("linalg_eigh", "eigenvalues", "eigenvectors")
EigResult = return_type("linalg_eig", "eigenvalues", "eigenvectors")
QRResult = return_type("linalg_qr", "Q", "R")
OldQR = return_type("qr", "Q", "R")


def _cholesky_rule(g: Any, out: Any, upper: bool) -> Any:
    """L⁻ᵀ·sym(Lᵀ·L̄)·L⁻¹, where sym halves the strict triangle into both sides."""
    low, glow = (mH(out), mH(g)) if upper else (out, g)
    both = 0.5 * mirrored(mH(low) @ glow, tril, -1)
    return triangular_op(low, triangular_op(mH(low), both, True, True, False), False, False, False)


def mirrored(x: Any, triangle: Any, first: int) -> Any:
    """The Hermitian matrix that has a triangle of ``x``, and the real parts of its diagonal."""
    strict = triangle(x, first)
    diagonal = triangle(x) - strict
    return strict + mH(strict) + (0.5 * (diagonal + mH(diagonal)) if is_complex(x) else diagonal)


def _not_positive(a: Any) -> str:
    from scipy.linalg import lapack

    info = lapack.get_lapack_funcs("potrf", (a,))(a, lower=True)[1]
    return (
        "linalg.cholesky: The factorization could not be completed because the input is not "
        f"positive-definite (the leading minor of order {info} is not positive-definite)."
    )


@op(
    {"input": lambda g, out, upper: _cholesky_rule(g, out, upper)},
    name="cholesky",
    where=(),
    promote="keep",
    complex_rules="same",
    symbol="chol",
)
def cholesky_op(input: Array, upper: bool = False) -> Any:
    """The triangular L with input = L·Lᵀ (or Uᵀ·U); only that triangle of the input is read.

    The gradient is symmetric, as if both triangles had been read.
    """

    def factor(a: Any) -> Any:
        return np.linalg.cholesky(a, upper=True) if upper else np.linalg.cholesky(a)

    return solved(factor, input, message=_not_positive)


@offered("linalg", name="cholesky")
def cholesky(A: Any, *, upper: bool = False) -> Any:
    """The lower triangular L with A = L·Lᵀ of a positive definite matrix, or a batch (…, n, n).

    ``upper=True`` gives Lᵀ. The gradient is symmetric. Raises LinAlgError where A is not positive
    definite.

    >>> import chainrule as cr
    >>> cr.linalg.cholesky(cr.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    matrix("linalg.cholesky", A, square=True)
    return cholesky_op(A, bool(upper))


cholesky_op.op.function = cholesky


@offered("torch", "tensor", name="cholesky")
def old_cholesky(input: Any, upper: bool = False) -> Any:
    """The Cholesky factor (old name; use ``linalg.cholesky``)."""
    warnings.warn(
        "torch.cholesky is deprecated in favor of torch.linalg.cholesky and will be removed in a "
        "future PyTorch release.",
        UserWarning,
        stacklevel=3,
    )
    return cholesky(input, upper=upper)


def _qr_rule(g: Any, out: Any) -> Any:
    """(Q̄ + Q·sym(triu(R̄Rᵀ − QᵀQ̄)))·R⁻ᵀ."""
    (gq, gr), (q, r) = g, out
    inside = gq + q @ mirrored(gr @ mH(r) - mH(q) @ gq, triu, 1)
    return triangular_op(mH(r), inside, False, False, False)


@op(
    lambda g, out: (_qr_rule(g, out),),
    name="qr",
    where=(),
    promote="keep",
    outputs=2,
    complex_rules="same",
    samples=lambda s: [(s(3, 3),), (s(4, 2),), (s(2, 3, 2),), (s(1, 1),)],
)
def qr_op(input: Array) -> Any:
    """The reduced QR decomposition of matrices that have no more columns than rows."""
    return tuple(np.linalg.qr(input))


@op(where=(), promote="keep", outputs=2, symbol="qr")
def qr_plain(input: Array, mode: str) -> Any:
    """The QR decomposition in the modes that have no derivative: "complete" and "r"."""
    if mode == "r":
        return np.zeros(0, input.dtype), np.linalg.qr(input, "r")
    return tuple(np.linalg.qr(input, "complete"))


@offered("linalg", name="qr")
def qr(A: Any, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and the upper triangular R with A = Q·R: (…, m, n).

    ``mode``: "reduced" (Q has min(m, n) columns), "complete" (m columns), or "r" (R alone; no
    gradient). "complete" has a gradient where m ≤ n only.

    >>> import chainrule as cr
    >>> cr.linalg.qr(cr.tensor([[3.0], [4.0]])).R.abs()
    tensor([[5.]])
    """
    matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', "
            "or 'complete'"
        )
    m, n = A.shape[-2:]
    if mode == "r" or (mode == "complete" and m > n):
        q, r = qr_plain(A.detach(), mode)
        if A.requires_grad:
            text = (
                "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. "
                "Please use linalg.qr(A, mode='reduced') if you are going to differentiate through "
                "linalg.qr."
                if mode == "r"
                else "The QR decomposition is not differentiable when mode='complete' and nrows > "
                "ncols."
            )
            q = q if mode == "r" else without_gradient(A, q, text)
            r = without_gradient(A, r, text)
        return QRResult(q, r)
    if m >= n:
        return QRResult(*qr_op(A))
    q, r = qr_op(narrow(A, -1, 0, m))  # the columns beyond the square follow from Q
    return QRResult(q, cat([r, mH(q) @ narrow(A, -1, m, n - m)], -1))


qr_op.op.function = qr


@offered("torch", "tensor", name="qr")
def old_qr(input: Any, some: bool = True) -> Any:
    """The QR decomposition (old name; use ``linalg.qr``)."""
    warnings.warn(
        "torch.qr is deprecated in favor of torch.linalg.qr and will be removed in a future "
        "PyTorch release.",
        UserWarning,
        stacklevel=3,
    )
    return OldQR(*qr(input, "reduced" if some else "complete"))


def quotient(numerator: Any, denominator: Any) -> Any:
    """A fraction in which 0/0 counts as 0: equal values that nobody tells apart do no harm."""
    both = (numerator == 0) * (denominator == 0)
    return numerator / where(both, 1.0, denominator)


def _eigh_rule(g: Any, out: Any) -> Any:
    """V·(diag(λ̄) + ½(VᵀV̄ − V̄ᵀV)∘F)·Vᵀ, Fᵢⱼ = 1/(λⱼ − λᵢ), 0 on the diagonal: symmetric."""
    (gl, gv), (values, v) = g, out
    gaps = unsqueeze(values, -2) - unsqueeze(values, -1)
    turn = mH(v) @ gv
    skew = 0.5 * (turn - mH(turn))
    if is_complex(v):  # the phases, which nobody may depend on
        skew = tril(skew, -1) + triu(skew, 1)
    return v @ (diag_embed(gl) + quotient(skew, gaps)) @ mH(v)


@op(
    lambda g, out: (_eigh_rule(g, out),),
    name="eigh",
    where=(),
    promote="keep",
    outputs=2,
    complex_rules="same",
)
def eigh_op(input: Array, UPLO: Any = "L") -> Any:
    """Eigenvalues, rising, and eigenvectors of symmetric matrices; one triangle is read."""
    return tuple(
        solved(
            lambda a: np.linalg.eigh(a, UPLO),
            input,
            message=lambda a: (
                "linalg.eigh: The algorithm failed to converge because the input matrix is "
                "ill-conditioned or has too many repeated eigenvalues."
            ),
        )
    )


@op(where=(), promote="keep")
def eigh_values(input: Array, UPLO: Any) -> Any:
    """The eigenvalues of symmetric matrices, rising, where no gradient is asked for."""
    return np.linalg.eigvalsh(input, UPLO)


def _triangle(UPLO: str) -> str:
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper()


@offered("linalg")
def eigh(A: Any, UPLO: str = "L") -> Any:
    """Eigenvalues λ (rising) and orthonormal eigenvectors V of symmetric A = V·diag(λ)·Vᵀ.

    Only the triangle ``UPLO`` is read. The gradient of V is finite where the eigenvalues differ.

    >>> import chainrule as cr
    >>> cr.linalg.eigh(cr.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    side = _triangle(UPLO)
    matrix("linalg.eigh", A, square=True)
    return EighResult(*eigh_op(A, side))


eigh_op.op.function = eigh


@offered("linalg")
def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of a symmetric matrix, rising (see ``eigh``).

    >>> import chainrule as cr
    >>> cr.linalg.eigvalsh(cr.tensor([[2.0, 1.0], [1.0, 2.0]]))
    tensor([1., 3.])
    """
    side = _triangle(UPLO)
    matrix("linalg.eigvalsh", A, square=True)
    return eigh_op(A, side)[0] if A.requires_grad else eigh_values(A, side)


def _eig_rule(g: Any, out: Any) -> Any:
    """V⁻ᴴ·(diag(λ̄) + (VᴴV̄ − VᴴV·Re diag(VᴴV̄))/E)·Vᴴ with Eᵢⱼ = conj(λⱼ − λᵢ), off the diagonal."""
    (gl, gv), (values, v) = g, out
    gaps = conj(unsqueeze(values, -2) - unsqueeze(values, -1))
    turn = mH(v) @ gv
    lengths = real_op(diagonal(turn, 0, -2, -1))  # the columns of V keep their length 1
    inside = turn - (mH(v) @ v) * unsqueeze(lengths, -2)
    inside = tril(inside, -1) + triu(inside, 1)
    return solve_general(mH(v), (diag_embed(gl) + quotient(inside, gaps)) @ mH(v))


def solve_general(a: Any, b: Any) -> Any:
    """A⁻¹·B inside a rule (the operation is declared in a later file)."""
    return registry["solve"].call(a, b)


@op(
    lambda g, out: (_eig_rule(g, out),),
    where=(),
    promote="keep",
    outputs=2,
    complex_rules="same",
    name="eig",
)
def eig_op(input: Array) -> Any:
    """Eigenvalues and eigenvectors of general matrices, complex."""
    kind = np.result_type(input.dtype, np.complex64)
    if input.size and not np.isfinite(input).all():
        raise LinAlgError(
            "linalg.eig: The algorithm failed to converge because the input matrix contained "
            "non-finite values."
        )
    values, vectors = np.linalg.eig(input)
    return values.astype(kind), vectors.astype(kind)


@offered("linalg")
def eig(A: Any) -> Any:
    """Eigenvalues λ and eigenvectors V (complex, of length 1) of a general square A·V = V·diag(λ).

    The gradient is finite where the eigenvalues differ, and meant for functions that do not depend
    on the phases of the eigenvectors.

    >>> import chainrule as cr
    >>> cr.linalg.eig(cr.tensor([[0.0, -1.0], [1.0, 0.0]])).eigenvalues.tolist()
    [1j, -1j]
    """
    matrix("linalg.eig", A, square=True)
    return EigResult(*eig_op(A))


eig_op.op.function = eig


@offered("linalg")
def eigvals(A: Any) -> Any:
    """The eigenvalues (complex) of a general square matrix (see ``eig``).

    >>> import chainrule as cr
    >>> cr.linalg.eigvals(cr.tensor([[1.0, 0.0], [0.0, 2.0]])).tolist()
    [(1+0j), (2+0j)]
    """
    return eig(A)[0]
