"""The singular value decomposition.

Source of the rule: J. Townsend, "Differentiating the singular value decomposition" (2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, op
from .arrange import tril, triu
from .complexes import is_complex, mH
from .decompositions import quotient
from .diagonals import diag_embed, diagonal
from .forms import offered, return_type
from .join import narrow
from .matrices import matrix, solved
from .shape import unsqueeze

SVDResult = return_type("linalg_svd", "U", "S", "Vh")
OldSVD = return_type("svd", "U", "S", "V")


def _skew(x: Any) -> Any:
    return x - mH(x)


def _svd_rule(g: Any, out: Any, input_shape: Any) -> Any:
    """U·(diag(S̄) + (skew(UᵀŪ)·S + S·skew(VᵀV̄))∘F)·Vᵀ, and what leaves the spaces of U and V."""
    m, n = input_shape[-2:]
    k = m if m < n else n
    u, gu = narrow(out[0], -1, 0, k), narrow(g[0], -1, 0, k)
    vh, gvh = narrow(out[2], -2, 0, k), narrow(g[2], -2, 0, k)
    s, gs = out[1], g[1]
    row, column = unsqueeze(s, -2), unsqueeze(s, -1)
    gaps = (row - column) * (row + column)
    turn = _skew(mH(u) @ gu)
    inside = turn * row + column * _skew(vh @ mH(gvh))
    core = diag_embed(gs) + quotient(tril(inside, -1) + triu(inside, 1), gaps)
    if is_complex(u):  # the phase that U and V may share
        core = core + diag_embed(0.5 * diagonal(turn, 0, -2, -1) / s)
    if m > k:
        return (u @ core + quotient(gu - u @ (mH(u) @ gu), row)) @ vh
    if n > k:
        return u @ (core @ vh + quotient(gvh - (gvh @ mH(vh)) @ vh, column))
    return u @ core @ vh


def _not_converged(a: Any) -> str:
    why = "contained non-finite values" if not np.isfinite(a).all() else "is ill-conditioned"
    return f"linalg.svd: The algorithm failed to converge because the input matrix {why}."


@op(
    lambda g, out, input_shape: (_svd_rule(g, out, input_shape),),
    name="svd",
    where=(),
    promote="keep",
    outputs=3,
    complex_rules="same",
    samples=lambda s: [
        (s(3, 3), False),
        (s(4, 2), False),
        (s(2, 3), False),
        (s(2, 2, 3), False),
        (s(2, 2), True),
    ],
)
def svd_op(input: Array, full_matrices: bool) -> Any:
    """U, the singular values (falling), and Vᵀ, with input = U·diag(S)·Vᵀ."""

    def split(a: Any) -> Any:
        if a.size and not np.isfinite(a).all():
            raise np.linalg.LinAlgError
        return np.linalg.svd(a, full_matrices)

    return tuple(solved(split, input, message=_not_converged))


@op(where=(), promote="keep")
def singular_values(input: Array) -> Any:
    """The singular values, falling, where no gradient is asked for."""
    return solved(lambda a: np.linalg.svd(a, compute_uv=False), input, message=_not_converged)


@offered("linalg")
def svd(A: Any, full_matrices: bool = True, *, driver: Any = None) -> Any:
    """U, S (falling) and Vᵀ with A = U·diag(S)·Vᵀ: the singular value decomposition.

    The gradients of U and V are finite where the singular values differ, and defined for functions
    that do not depend on their signs; those of the columns beyond min(m, n) are left out.

    >>> import chainrule as cr
    >>> cr.linalg.svd(cr.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    matrix("linalg.svd", A)
    return SVDResult(*svd_op(A, bool(full_matrices)))


svd_op.op.function = svd


@offered("linalg")
def svdvals(A: Any, *, driver: Any = None) -> Any:
    """The singular values, falling. Gradient U·diag(S̄)·Vᵀ.

    >>> import chainrule as cr
    >>> cr.linalg.svdvals(cr.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    matrix("linalg.svdvals", A)
    return svd_op(A, False)[1] if A.requires_grad else singular_values(A)


@offered("torch", "tensor", name="svd")
def old_svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """U, S and V (not Vᵀ) of the singular value decomposition (see ``linalg.svd``)."""
    u, s, vh = svd(input, not some)
    if not compute_uv:
        u, vh = (0.0 * t for t in svd(input.detach(), True)[::2])
    return OldSVD(u, s, mH(vh))
