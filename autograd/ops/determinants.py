"""Determinants and inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, op
from .compare import where
from .complexes import complex_op, conj, imag_op, is_complex, mH
from .forms import offered, return_type
from .matrices import matrix, solved
from .reduce import total
from .shape import unsqueeze

SlogdetResult = return_type("linalg_slogdet", "sign", "logabsdet")
OldSlogdet = return_type("slogdet", "sign", "logabsdet")


def _regular(s: Any) -> list[Any]:
    return [
        (s(3, 3) + 3 * np.eye(3),),
        (s(2, 2, 2) + 3 * np.eye(2),),
        (s(1, 1) + 3,),
        (s(0, 2, 2),),
        (s(0, 0),),
    ]


def _zero_pivot(a: Any) -> str:
    from scipy.linalg import lapack

    info = lapack.get_lapack_funcs("getrf", (a,))(a)[2]
    return (
        f"linalg.inv: The diagonal element {info} is zero, the inversion could not be completed "
        "because the input matrix is singular."
    )


@op(
    {"input": lambda g, out: -(out.mT @ g @ out.mT)},
    name="inverse",
    where=(),
    promote="keep",
    symbol="⁻¹",
    tex="{0}^{{-1}}",
    samples=_regular,
)
def inverse_op(input: Array) -> Any:
    """The inverse of square matrices. Its rule: −A⁻ᵀ·ḡ·A⁻ᵀ."""
    return solved(np.linalg.inv, input, message=_zero_pivot)


@offered("linalg")
def inv(A: Any) -> Any:
    """The inverse of a square matrix, or of a batch of them. Raises LinAlgError if singular.

    >>> import chainrule as cr
    >>> cr.linalg.inv(cr.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    matrix("linalg.inv", A, square=True)
    return inverse_op(A)


@offered("torch", "tensor")
def inverse(input: Any) -> Any:
    """The inverse of a square matrix (see ``linalg.inv``)."""
    return inv(input)


inverse_op.op.function = inv


@op(
    {"input": lambda g, out, input: _cofactor_rule(g, out, inverse_op(input).mT)},
    where=(),
    promote="keep",
    symbol="cof",
    samples=lambda s: _regular(s)[:3],
)
def cofactors(input: Array) -> Any:
    """The matrix of cofactors, det(A)·A⁻ᵀ, of singular matrices too: the gradient of det.

    det and inverse come from the same LU factors, so their product keeps its digits near singular
    matrices; where a pivot is 0 it is det(U)·det(V)·U·diag(Πⱼ≠ᵢ sⱼ)·Vᵀ.
    """
    det = np.asarray(np.linalg.det(input))
    out = np.empty_like(input)
    good = (det != 0) & np.isfinite(det)
    if good.any():
        part = np.linalg.inv(input[good])
        out[good] = det[good][..., None, None] * np.swapaxes(part, -1, -2)
    if not good.all():
        u, s, vh = np.linalg.svd(input[~good])
        n = s.shape[-1]
        rest = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
        sign = np.linalg.det(u) * np.linalg.det(vh)
        out[~good] = sign[..., None, None] * ((u * rest[..., None, :]) @ vh).conj()
    return out


def _cofactor_rule(g: Any, out: Any, b: Any) -> Any:
    """⟨ḡ, B⟩·C − C·ḡᵀ·B, where C are the cofactors and B = A⁻ᵀ."""
    return total(g * b, (-2, -1), True) * out - out @ (g.mT @ b)


def _lifted(g: Any) -> Any:
    """One number a matrix, as a matrix of one element."""
    return unsqueeze(unsqueeze(g, -1), -1)


@op(
    {"input": lambda g, input: _lifted(g) * cofactors(input)},
    name="det",
    where=(),
    promote="keep",
    tex=r"\det {0}",
    onnx="Det",
    samples=_regular,
)
def det_op(input: Array) -> Any:
    """The determinant of square matrices."""
    return np.linalg.det(input)


@offered("linalg", name="det")
def linalg_det(A: Any) -> Any:
    """The determinant of a square matrix, or one for each of a batch.

    Gradient: ḡ times the cofactors, also where A is singular (PyTorch gives 0 there); the second
    derivative needs a regular matrix.

    >>> import chainrule as cr
    >>> cr.linalg.det(cr.tensor([[1.0, 2.0], [3.0, 5.0]]))
    tensor(-1.)
    """
    matrix("linalg.det", A, square=True)
    return det_op(A)


@offered("torch", "tensor")
def det(input: Any) -> Any:
    """The determinant of a square matrix (see ``linalg.det``)."""
    return linalg_det(input)


det_op.op.function = linalg_det


@op(
    lambda g, input: (_lifted(g[1]) * inverse_or_nan(input).mT,),
    name="slogdet",
    where=(),
    promote="keep",
    outputs=2,
    complex_rules=lambda g, out, input: (
        _lifted(complex_op(g[1], imag_op(g[0] * conj(out[0])))) * mH(inverse_or_nan(input)),
    ),
    symbol="ln|det|",
    samples=_regular,
)
def slogdet_op(input: Array) -> Any:
    """The sign of the determinant (its derivative is 0) and ln|det|, without overflow."""
    return tuple(np.linalg.slogdet(input))


@op(
    {"input": lambda g, out: -(out.mT @ g @ out.mT)},
    where=(),
    promote="keep",
    symbol="⁻¹",
    samples=lambda s: _regular(s)[:3],
)
def inverse_or_nan(input: Array) -> Any:
    """The inverse of square matrices; nan where there is none."""
    try:
        return np.linalg.inv(input)
    except np.linalg.LinAlgError:
        if input.ndim == 2:
            return np.full_like(input, np.nan)
        return np.stack([inverse_or_nan.op.kernel(a) for a in input])


@offered("linalg", name="slogdet")
def linalg_slogdet(A: Any) -> Any:
    """The sign of the determinant and ln|det|, without overflow; (0, −inf) of a singular matrix.

    >>> import chainrule as cr
    >>> cr.linalg.slogdet(cr.tensor([[1.0, 0.0], [0.0, -1.0]])).sign
    tensor(-1.)
    """
    matrix("linalg.slogdet", A, square=True)
    return SlogdetResult(*slogdet_op(A))


slogdet_op.op.function = linalg_slogdet


@offered("torch", "tensor")
def slogdet(input: Any) -> Any:
    """The sign of the determinant and ln|det| (see ``linalg.slogdet``)."""
    return OldSlogdet(*linalg_slogdet(input))


@offered("torch", "tensor")
def logdet(input: Any) -> Any:
    """Ln det; nan where the determinant is negative, −inf where it is 0.

    >>> import chainrule as cr
    >>> cr.logdet(cr.eye(2))
    tensor(0.)
    """
    matrix("logdet", input, square=True)
    sign, logarithm = slogdet_op(input)
    if is_complex(sign):
        return sign.log() + logarithm
    return where(sign < 0, float("nan"), logarithm)
