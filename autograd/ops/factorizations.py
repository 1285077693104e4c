"""The LU factorization with pivots: its factors, and systems solved from them.

Source of the rule of LU: S. F. Walter and L. Lehmann, "Algorithmic differentiation of linear
algebra functions with application in optimum experimental design" (2010).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..declare import Array, op, tensor_of
from .arrange import tril, triu
from .complexes import mH
from .forms import offered, return_type
from .join import cat, narrow
from .matrices import each, matrix, same_type
from .triangular import system, triangular_op

LUResult = return_type("linalg_lu", "P", "L", "U")
LUFactorResult = return_type("linalg_lu_factor", "LU", "pivots")
LUFactorExResult = return_type("linalg_lu_factor_ex", "LU", "pivots", "info")
LUUnpackResult = return_type("lu_unpack", "P", "L", "U")


def stacked(parts: list[Any], lead: tuple[int, ...], tail: tuple[int, ...], kind: Any) -> Any:
    """Results of every matrix of a batch as one array."""
    out = np.array(parts, kind) if parts else np.zeros(0, kind)
    return out.reshape((*lead, *tail))[()]


def lapack(name: str, a: Any) -> Any:
    """LAPACK's routine for the type of an array."""
    from scipy.linalg import get_lapack_funcs

    return get_lapack_funcs(name, (a,))


def permutation(pivots: Any, m: int, kind: Any) -> Any:
    """The matrices P with A = P·L·U, from LAPACK's row exchanges counted from 1."""

    def one(row: Any) -> Any:
        order = np.arange(m)
        for k, p in enumerate(row):
            order[[k, p - 1]] = order[[p - 1, k]]
        return np.eye(m, dtype=kind)[:, order]

    lead = pivots.shape[:-1]
    return stacked([one(pivots[at]) for at in np.ndindex(*lead)], lead, (m, m), kind)


def _lu_rule(g: Any, out: Any, permuted: Any, input_shape: Any) -> Any:
    """P·L⁻ᵀ·(tril(LᵀL̄, −1) + triu(ŪUᵀ))·U⁻ᵀ for square A; what stands beyond the square besides."""
    m, n = input_shape[-2:]
    k = m if m < n else n
    square, gsquare = (narrow(narrow(t, -2, 0, k), -1, 0, k) for t in (out, g))
    gl, gu = tril(gsquare, -1), triu(gsquare)
    below, right = gl * 0.0, gl * 0.0
    if m > k:
        l2, gl2 = (narrow(t, -2, k, m - k) for t in (out, g))
        right = l2.mT @ gl2
    if n > k:
        u2, gu2 = (narrow(t, -1, k, n - k) for t in (out, g))
        below = gu2 @ u2.mT
    # L is unit triangular: its strict triangle stands in ``out``
    low_t = square.mT
    lower = tril(square, -1)
    first = lower.mT @ gl + gl - below
    second = gu @ triu(square).mT - right
    core = tril(first, -1) + triu(second)
    inner = triangular_op(triu(square).mT, core, False, False, False)
    whole = triangular_op(low_t, inner, True, True, True)
    if m > k:
        rest = triangular_op(triu(square).mT, gl2, False, False, False)
        whole = cat([whole, rest], -2)
    if n > k:
        whole = cat([whole, triangular_op(low_t, gu2, True, True, True)], -1)
    return permuted @ whole


@op(
    lambda g, out, permuted, input_shape: (_lu_rule(g, out, permuted, input_shape),),
    name="lu_factor",
    where=(),
    promote="keep",
    outputs=4,
    aux=("pivots", "info", "permuted"),
    symbol="LU",
    samples=lambda s: [
        (s(3, 3) + 3 * np.eye(3),),
        (s(4, 2),),
        (s(2, 4),),
        (s(2, 3, 3) + 3 * np.eye(3),),
    ],
)
def lu_op(input: Array) -> Any:
    """L and U in one matrix (the diagonal of L is 1), LAPACK's pivots and info, and P."""
    lead, (m, n) = input.shape[:-2], input.shape[-2:]
    k = min(m, n)
    if not input.size:
        found = [(a, np.zeros(k, np.int32), 0) for a in each(lambda a: a, input)]
    else:
        found = each(lapack("getrf", input), input)
    lu = stacked([f[0] for f in found], lead, (m, n), input.dtype)
    pivots = stacked([f[1] + 1 for f in found], lead, (k,), np.int32)
    info = stacked([f[2] for f in found], lead, (), np.int32)
    return lu, pivots, info, permutation(pivots, m, input.dtype)


def _factored(name: str, A: Any, pivot: bool) -> Any:
    matrix(name, A)
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")
    return lu_op(A)


def first_bad(info: Any) -> tuple[str, int]:
    """Where a failure stands in messages: the batch element and the number LAPACK gave."""
    a = np.asarray(info._data)
    bad = np.flatnonzero(a)
    where = f"(Batch element {bad[0]}): " if a.ndim else ""
    return where, int(a.ravel()[bad[0]])


@offered("linalg")
def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """``lu_factor`` and ``info``, the number of the first pivot that is 0 (0: none is).

    >>> import chainrule as cr
    >>> cr.linalg.lu_factor_ex(cr.tensor([[1.0, 2.0], [2.0, 4.0]])).info
    tensor(2, dtype=torch.int32)
    """
    lu, pivots, info, _ = _factored("torch.linalg.lu_factor_ex", A, pivot)
    if check_errors:
        _no_zero_pivot("torch.linalg.lu_factor_ex", info)
    return LUFactorExResult(lu, pivots, info)


def _no_zero_pivot(name: str, info: Any) -> None:
    if np.any(np.asarray(info._data)):
        where, k = first_bad(info)
        raise RuntimeError(
            f"{name}: {where}U[{k},{k}] is zero and using it on lu_solve would result in a "
            "division by zero. If you still want to perform the factorization, consider calling "
            "linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
        )


@offered("linalg")
def lu_factor(A: Any, *, pivot: bool = True) -> Any:
    """L (without its unit diagonal) and U in one matrix (…, m, n), and the pivots: A = P·L·U.

    ``pivots`` (…, min(m, n)), int32, counts the exchanged rows from 1. Raises RuntimeError where a
    pivot is 0.

    >>> import chainrule as cr
    >>> cr.linalg.lu_factor(cr.tensor([[1.0, 2.0], [2.0, 2.0]])).LU
    tensor([[2.0000, 2.0000],
            [0.5000, 1.0000]])
    """
    lu, pivots, info, _ = _factored("linalg.lu_factor", A, pivot)
    _no_zero_pivot("torch.linalg.lu_factor", info)
    return LUFactorResult(lu, pivots)


lu_op.op.function = lu_factor


@offered("torch", "tensor", name="lu")
def old_lu(A: Any, pivot: bool = True, get_infos: bool = False) -> Any:
    """The LU factors and pivots (old name; use ``linalg.lu_factor``)."""
    warnings.warn(
        "torch.lu is deprecated in favor of torch.linalg.lu_factor / torch.linalg.lu_factor_ex and "
        "will be removed in a future PyTorch release.",
        UserWarning,
        stacklevel=3,
    )
    factors = lu_factor_ex(A, pivot=pivot, check_errors=not get_infos)
    return tuple(factors) if get_infos else tuple(factors)[:2]


def _parts(lu: Any) -> tuple[Any, Any]:
    m, n = lu.shape[-2:]
    k = min(m, n)
    eye = tensor_of(np.eye(m, k, dtype=lu.dtype.np))
    return tril(narrow(lu, -1, 0, k), -1) + eye, triu(narrow(lu, -2, 0, k))


@offered("linalg")
def lu(A: Any, *, pivot: bool = True) -> Any:
    """P, L and U with A = P·L·U: a permutation, unit lower and upper triangular matrices.

    >>> import chainrule as cr
    >>> cr.linalg.lu(cr.tensor([[1.0, 2.0], [2.0, 2.0]])).L
    tensor([[1.0000, 0.0000],
            [0.5000, 1.0000]])
    """
    factors, _, _, p = _factored("linalg.lu", A, pivot)
    return LUResult(p, *_parts(factors))


@offered("torch")
def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> Any:
    """P, L and U from what ``lu_factor`` gave; what is not unpacked is an empty tensor.

    >>> import chainrule as cr
    >>> A = cr.tensor([[1.0, 2.0], [2.0, 2.0]])
    >>> P, L, U = cr.lu_unpack(*cr.linalg.lu_factor(A)); (P @ L @ U).tolist()
    [[1.0, 2.0], [2.0, 2.0]]
    """
    if LU_pivots.dtype.name != "int32":
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype."
            " Note: this function is intended to be used with the output produced by lu_factor"
        )
    kind = LU_data.dtype.np
    none = tensor_of(np.zeros(0, kind))
    low, up = _parts(LU_data) if unpack_data else (none, none)
    p = none
    if unpack_pivots:
        p = tensor_of(permutation(np.asarray(LU_pivots._data), LU_data.shape[-2], kind))
    return LUUnpackResult(p, low, up)


def _lu_solved(LU: Any, p: Any, B: Any, adjoint: bool) -> Any:
    """X with A·X = B (or Aᴴ·X = B) from the factors."""
    if adjoint:
        half = triangular_op(mH(triu(LU)), B, False, True, False)
        return p @ triangular_op(mH(tril(LU, -1)), half, True, True, True)
    half = triangular_op(tril(LU, -1), p.mT @ B, False, True, True)
    return triangular_op(triu(LU), half, True, True, False)


@offered("linalg", name="lu_solve")
def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    """X with A·X = B (``left=False``: X·A = B; ``adjoint``: Aᴴ) from what ``lu_factor`` gave.

    >>> import chainrule as cr
    >>> LU, pivots = cr.linalg.lu_factor(cr.tensor([[2.0, 0.0], [0.0, 4.0]]))
    >>> cr.linalg.lu_solve(LU, pivots, cr.tensor([[2.0], [8.0]]))
    tensor([[1.],
            [2.]])
    """
    matrix("linalg.lu_solve", LU, "LU", square=True)
    same_type("linalg.lu_solve", LU, B)
    if pivots.dtype.name != "int32":
        raise RuntimeError("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    matrix("linalg.lu_solve", B, "B")
    system("linalg.lu_solve", LU, B, left)
    p = tensor_of(permutation(np.asarray(pivots._data), LU.shape[-1], LU.dtype.np))
    if left:
        return _lu_solved(LU, p, B, adjoint)
    return mH(_lu_solved(LU, p, mH(B), not adjoint))


@offered("torch", "tensor", name="lu_solve")
def old_lu_solve(b: Any, LU_data: Any, LU_pivots: Any) -> Any:
    """X with A·X = b from what ``lu_factor`` gave (old order; use ``linalg.lu_solve``)."""
    warnings.warn(
        "torch.lu_solve is deprecated in favor of torch.linalg.lu_solve and will be removed in a "
        "future PyTorch release.",
        UserWarning,
        stacklevel=3,
    )
    return lu_solve(LU_data, LU_pivots, b)
