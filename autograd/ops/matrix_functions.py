"""Functions of matrices: the exponential, and products of Householder reflections.

Source of the exponential's rule: Najfeld & Havel, "Derivatives of the matrix exponential and their
computation", 1995.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, export, op
from ..handle import make
from .arrange import tril
from .complexes import mH
from .forms import offered, return_type, without_gradient
from .join import cat, narrow
from .matrices import matrix, same_type
from .shape import unsqueeze

GeqrfResult = return_type("geqrf", "a", "tau")


def _exp_back(g: Any, x: Any) -> Any:
    """The exponential of [[Xᵀ, ḡ], [0, Xᵀ]] has the gradient in its upper right corner."""
    n, turned = x.shape[-1], x.mT
    rows = [cat([turned, g], -1), cat([turned * 0, turned], -1)]
    return narrow(narrow(matrix_exp_op(cat(rows, -2)), -2, 0, n), -1, n, n)


@op(
    lambda g, input: (_exp_back(g, input),),
    name="matrix_exp",
    where=(),
    promote="keep",
    symbol="exp",
    tex=r"e^{{{0}}}",
    samples=lambda s: [
        (s(3, 3),),
        (s(2, 2, 2),),
        (s(1, 1),),
        (np.array([[0.0, 1.0], [0.0, 0.0]]),),
        (s(0, 0),),
    ],
)
def matrix_exp_op(input: Array) -> Any:
    """Σ Xᵏ/k!, of square matrices."""
    from scipy.linalg import expm

    return expm(input).astype(input.dtype, copy=False) if input.size else input.copy()


@export("torch", "tensor")
def matrix_exp(input: Any) -> Any:
    """The exponential Σ Xᵏ/k! of a square matrix, or of each of a batch.

    Raises RuntimeError for what is no square matrix. Source: Higham, "The scaling and squaring
    method for the matrix exponential revisited", 2005.

    >>> import chainrule as cr
    >>> cr.linalg.matrix_exp(cr.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    matrix("linalg.matrix_exp", input, square=True)
    return matrix_exp_op(input)


export("linalg")(matrix_exp)


@export("torch", "tensor")
def geqrf(input: Any) -> Any:
    """LAPACK's form of QR: reflectors below the diagonal of ``a`` with factors ``tau``, R above.

    It has no derivative; ``linalg.qr`` has.

    >>> import chainrule as cr
    >>> cr.geqrf(cr.tensor([[3.0], [4.0]])).tau
    tensor([1.6000])
    """
    from scipy.linalg import lapack

    matrix("geqrf", input, "input")
    x = np.asarray(input._data)
    (call,) = lapack.get_lapack_funcs(("geqrf",), (x,))
    flat = x.reshape(-1, *x.shape[-2:])
    a, tau = np.empty_like(flat), np.empty((len(flat), min(x.shape[-2:])), x.dtype)
    for k, one in enumerate(flat):
        if one.size:
            a[k], tau[k] = call(one)[:2]
    results = (a.reshape(x.shape), tau.reshape(*x.shape[:-2], -1))
    return GeqrfResult(*[without_gradient(input, make(r), "geqrf") for r in results])


@offered("linalg")
def householder_product(A: Any, tau: Any) -> Any:
    """The first k columns of H₁H₂…H_k, Hᵢ = 1 − τᵢvᵢvᵢᴴ: A (…, n, k), tau (…, k) → (…, n, k).

    vᵢ is 1 at i and the column i of A below. Raises RuntimeError where shapes do not fit.

    >>> import chainrule as cr
    >>> a, tau = cr.geqrf(cr.tensor([[3.0], [4.0]]))
    >>> cr.linalg.householder_product(a, tau)
    tensor([[-0.6000],
            [-0.8000]])
    """
    matrix("linalg.householder_product", A, "input")
    same_type("linalg.householder_product", A, tau)
    n, k = A.shape[-2:]
    if n < k or tuple(tau.shape[:-1]) != tuple(A.shape[:-2]) or tau.shape[-1] > k:
        raise RuntimeError(
            "linalg.householder_product: expected input (…, n, k) with n ≥ k and tau (…, ≤ k), "
            f"got {list(A.shape)} and {list(tau.shape)}"
        )
    eye = make(np.broadcast_to(np.eye(n, k, dtype=A.dtype.np), tuple(A.shape)).copy())
    columns, product = tril(A, -1) + eye, eye
    for i in reversed(range(tau.shape[-1])):
        v = narrow(columns, -1, i, 1)
        factor = unsqueeze(narrow(tau, -1, i, 1), -1)
        product = product - factor * (v @ (mH(v) @ product))
    return product


@export("torch", "tensor")
def orgqr(input: Any, input2: Any) -> Any:
    """Another name of ``linalg.householder_product``.

    >>> import chainrule as cr
    >>> cr.orgqr(*cr.geqrf(cr.tensor([[3.0], [4.0]])))
    tensor([[-0.6000],
            [-0.8000]])
    """
    return householder_product(input, input2)
