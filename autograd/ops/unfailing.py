"""Linear algebra that reports failure by a number: the ``_ex`` forms, and LDL factors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..declare import Array, op, tensor_of
from .decompositions import cholesky_op
from .determinants import inverse_or_nan
from .factorizations import first_bad, lapack, stacked
from .forms import offered, return_type
from .matrices import LinAlgError, each, matrix, same_type
from .shape import squeeze, unsqueeze
from .solving import is_vector, solve_op
from .triangular import system

LDLResult = return_type("linalg_ldl_factor", "LD", "pivots")
LDLExResult = return_type("linalg_ldl_factor_ex", "LD", "pivots", "info")
InvExResult = return_type("linalg_inv_ex", "inverse", "info")
CholeskyExResult = return_type("linalg_cholesky_ex", "L", "info")
SolveExResult = return_type("linalg_solve_ex", "result", "info")


@op(where=(), promote="keep", outputs=3, symbol="LDL")
def ldl_op(input: Array, hermitian: bool) -> Any:
    """L and D in one matrix (the lower triangle is read), LAPACK's pivots and info; no gradient."""
    lead, (n, _) = input.shape[:-2], input.shape[-2:]
    name = "hetrf" if hermitian and input.dtype.kind == "c" else "sytrf"
    factor = lapack(name, input)
    found = each(lambda a: factor(np.tril(a), lower=1) if n else (a, np.zeros(0), 0), input)
    return (
        stacked([f[0] for f in found], lead, (n, n), input.dtype),
        stacked([f[1] for f in found], lead, (n,), np.int32),
        stacked([f[2] for f in found], lead, (), np.int32),
    )


@offered("linalg")
def ldl_factor_ex(A: Any, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    """``ldl_factor`` and ``info``, the number of the first element of D that is 0 (0: none is).

    >>> import chainrule as cr
    >>> cr.linalg.ldl_factor_ex(cr.eye(2)).info
    tensor(0, dtype=torch.int32)
    """
    matrix("torch.linalg.ldl_factor_ex", A, square=True)
    factors = LDLExResult(*ldl_op(A.detach(), bool(hermitian)))
    if check_errors and np.any(np.asarray(factors.info._data)):
        where, k = first_bad(factors.info)
        raise RuntimeError(
            f"torch.linalg.ldl_factor_ex: {where}D[{k},{k}] is zero and using it on ldl_solve "
            "would result in a division by zero."
        )
    return factors


@offered("linalg")
def ldl_factor(A: Any, *, hermitian: bool = False) -> Any:
    """L and D of a symmetric A = P·L·D·Lᵀ·Pᵀ in one matrix, and LAPACK's pivots. No gradient.

    >>> import chainrule as cr
    >>> cr.linalg.ldl_factor(cr.tensor([[2.0, 2.0], [2.0, 5.0]])).LD
    tensor([[2., 0.],
            [1., 3.]])
    """
    factors = ldl_factor_ex(A, hermitian=hermitian, check_errors=True)
    return LDLResult(factors.LD, factors.pivots)


@op(where=(), promote="keep")
def ldl_solve_op(LD: Array, pivots: Array, B: Array, hermitian: bool) -> Any:
    """X with A·X = B from what ``ldl_factor`` gave."""
    name = "hetrs" if hermitian and LD.dtype.kind == "c" else "sytrs"
    solve = lapack(name, LD)
    lead = np.broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    found = each(lambda ld, p, b: solve(ld, p[0], b, lower=1)[0], LD, pivots[..., None, :], B)
    return stacked(found, lead, B.shape[-2:], LD.dtype)


@offered("linalg")
def ldl_solve(LD: Any, pivots: Any, B: Any, *, hermitian: bool = False) -> Any:
    """X with A·X = B from what ``ldl_factor`` gave. No gradient.

    >>> import chainrule as cr
    >>> LD, pivots = cr.linalg.ldl_factor(cr.tensor([[2.0, 0.0], [0.0, 4.0]]))
    >>> cr.linalg.ldl_solve(LD, pivots, cr.tensor([[2.0], [8.0]]))
    tensor([[1.],
            [2.]])
    """
    matrix("torch.linalg.ldl_solve", LD, "LD", square=True)
    matrix("torch.linalg.ldl_solve", B, "B")
    system("torch.linalg.ldl_solve", LD, B, True)
    return ldl_solve_op(LD.detach(), pivots, B.detach(), bool(hermitian))


# -- failure as a number ------------------------------------------------------------------------


def _info(name: str, A: Any) -> Any:
    """What LAPACK says of every matrix: 0, or where it gave up."""
    at = -1 if name == "potrf" else 2
    call: Callable[..., Any] = lapack(name, A)
    more = {"lower": True} if name == "potrf" else {}
    found = [call(a, **more)[at] for a in each(lambda a: a, A)] if A.size else []
    lead = A.shape[:-2]
    return stacked(found, lead, (), np.int32) if A.size else np.zeros(lead, np.int32)[()]


def _checked(name: str, info: Any, what: str) -> None:
    if np.any(np.asarray(info._data)):
        where, k = first_bad(info)
        raise LinAlgError(f"{name}: {where}" + what.format(k=k))


@offered("linalg")
def inv_ex(A: Any, *, check_errors: bool = False) -> Any:
    """The inverse, nan where there is none, and ``info``, the first pivot that is 0 (0: none is).

    >>> import chainrule as cr
    >>> cr.linalg.inv_ex(cr.zeros(2, 2)).info
    tensor(1, dtype=torch.int32)
    """
    matrix("linalg.inv_ex", A, square=True)
    info = tensor_of(_info("getrf", np.asarray(A._data)))
    if check_errors:
        _checked("linalg.inv_ex", info, "The diagonal element {k} is zero, the inversion could not "
                 "be completed because the input matrix is singular.")  # fmt: skip
    return InvExResult(inverse_or_nan(A), info)


@op(where=(), promote="keep")
def cholesky_or_nan(input: Array, upper: bool) -> Any:
    """Cholesky factors; nan where a matrix is not positive definite."""

    def one(a: Any) -> Any:
        try:
            return np.linalg.cholesky(a, upper=upper)
        except np.linalg.LinAlgError:
            return np.full_like(a, np.nan)

    return stacked(each(one, input), input.shape[:-2], input.shape[-2:], input.dtype)


@offered("linalg")
def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    """The Cholesky factor and ``info``, the order of the first minor that is not positive (or 0).

    The factor of a matrix that has none is nan, and nothing flows back through that batch.

    >>> import chainrule as cr
    >>> cr.linalg.cholesky_ex(-cr.eye(2)).info
    tensor(1, dtype=torch.int32)
    """
    matrix("linalg.cholesky_ex", A, square=True)
    info = tensor_of(_info("potrf", np.asarray(A._data)))
    if check_errors:
        _checked("linalg.cholesky_ex", info, "The factorization could not be completed because the "
                 "input is not positive-definite (the leading minor of order {k} is not "
                 "positive-definite).")  # fmt: skip
    good = not np.any(np.asarray(info._data))
    factor = cholesky_op(A, bool(upper)) if good else cholesky_or_nan(A.detach(), bool(upper))
    return CholeskyExResult(factor, info)


@offered("linalg")
def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    """X with A·X = B, nan where A is singular, and ``info``, the first pivot that is 0.

    >>> import chainrule as cr
    >>> cr.linalg.solve_ex(cr.zeros(1, 1), cr.ones(1, 1)).info
    tensor(1, dtype=torch.int32)
    """
    matrix("linalg.solve_ex", A, square=True)
    same_type("linalg.solve_ex", A, B)
    vector = left and is_vector(A, B)
    right = unsqueeze(B, -1) if vector else B
    system("linalg.solve_ex", A, right, left)
    info = tensor_of(_info("getrf", np.asarray(A._data)))
    if check_errors:
        _checked("torch.linalg.solve_ex", info, "The solver failed because the input matrix is "
                 "singular.")  # fmt: skip
    if np.any(np.asarray(info._data)):
        inverse = inverse_or_nan(A)
        result = inverse @ right if left else right @ inverse
    else:
        result = solve_op(A, right) if left else solve_op(A.mT, right.mT).mT
    return SolveExResult(squeeze(result, -1) if vector else result, info)
