"""Systems of linear equations, least squares, pseudoinverses, powers and ranks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, names, op
from ..errors import ShapeError
from ..examples import per_example
from .complexes import mH
from .determinants import inverse_op
from .forms import offered, return_type
from .matrices import each, matrix, same_type, solved, tolerance
from .reduce import total
from .shape import squeeze, transpose, unsqueeze
from .singular import singular_values
from .triangular import system

LstsqResult = return_type("linalg_lstsq", "solution", "residuals", "rank", "singular_values")


@op(
    {
        "A": lambda g, A, out: -(solve_op(A.mT, g) @ out.mT),
        "B": lambda g, A: solve_op(A.mT, g),
    },
    name="solve",
    where=(),
    promote="keep",
    linear_in=("B",),
    samples=lambda s: [
        (s(3, 3) + 3 * np.eye(3), s(3, 2)),
        (s(2, 2, 2) + 3 * np.eye(2), s(2, 1)),
        (s(2, 2) + 3 * np.eye(2), s(3, 2, 2)),
        (s(0, 0), s(0, 1)),
    ],
)
def solve_op(A: Array, B: Array) -> Any:
    """X with A·X = B, for matrices B."""
    return solved(
        np.linalg.solve,
        A,
        B,
        message=lambda a: (
            "torch.linalg.solve: The solver failed because the input matrix is singular."
        ),
    )


def is_vector(A: Any, B: Any) -> bool:
    """Whether B is a vector, or a batch of vectors in the shape of A's batch."""
    return B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))


@offered("linalg")
def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """X with A·X = B (``left=False``: X·A = B): A (…, n, n), B (…, n, k) or (…, n).

    Batches broadcast. Raises LinAlgError where A is singular.

    >>> import chainrule as cr
    >>> cr.linalg.solve(cr.tensor([[2.0, 0.0], [0.0, 4.0]]), cr.tensor([2.0, 8.0]))
    tensor([1., 2.])
    """
    matrix("linalg.solve", A, square=True)
    same_type("linalg.solve", A, B)
    if is_vector(A, B):
        column = unsqueeze(B, -1)
        system("linalg.solve", A, column, True)
        return squeeze(solve_op(A, column), -1)
    system("linalg.solve", A, B, left)
    if left:
        return solve_op(A, B)
    return transpose(solve_op(A.mT, B.mT), -2, -1)


solve_op.op.function = solve


def _pinv_rule(g: Any, a: Any, p: Any, input_shape: Any) -> Any:
    """Golub and Pereyra (1973): the derivative where the rank does not change."""
    if input_shape[-2] <= input_shape[-1]:
        k = mH(g) @ p
        kp = k @ mH(p)
        return -mH(p @ k) + kp - (a @ p) @ kp + (mH(p) @ p) @ (mH(g) - k @ a)
    k = p @ mH(g)
    pk = mH(p) @ k
    return -mH(k @ p) + (mH(g) - a @ k) @ p @ mH(p) + pk - (pk @ p) @ a


@op(
    {"input": lambda g, input, out, input_shape: _pinv_rule(g, input, out, input_shape)},
    name="pinv",
    where=(),
    promote="keep",
    complex_rules="same",
    symbol="⁺",
    tex="{0}^+",
    samples=lambda s: [(s(3, 2),), (s(2, 3),), (s(2, 3, 2),), (s(2, 2) + 3 * np.eye(2),)],
)
def pinv_op(input: Array, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    """The pseudoinverse: singular values up to max(atol, rtol·largest) count as 0."""
    if not input.size:
        return np.zeros((*input.shape[:-2], input.shape[-1], input.shape[-2]), input.dtype)
    if hermitian:
        values, u = np.linalg.eigh(input)
        s, vh = np.abs(values), _adjoint(u) * np.sign(values)[..., None]
    else:
        u, s, vh = np.linalg.svd(input, full_matrices=False)
    small = s <= tolerance(s, input.shape, atol, rtol, input.dtype)
    scale = np.where(small, 0, 1 / np.where(small, 1, s)).astype(input.dtype)
    return _adjoint(vh) @ (scale[..., None] * _adjoint(u))


def _adjoint(a: Any) -> Any:
    return np.conjugate(np.swapaxes(a, -1, -2)) if a.dtype.kind == "c" else np.swapaxes(a, -1, -2)


@offered("linalg")
def pinv(
    A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Any:
    """The Moore–Penrose pseudoinverse A⁺, (…, n, m); its gradient supposes that the rank stays.

    Singular values up to max(atol, rtol·largest) count as 0; ``rtol`` is by default eps·max(m, n).
    ``hermitian`` promises that A is symmetric.

    >>> import chainrule as cr
    >>> cr.linalg.pinv(cr.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    matrix("linalg.pinv", A, square=hermitian)
    return pinv_op(A, atol, rcond if rtol is None else rtol, bool(hermitian))


pinv_op.op.function = pinv


@offered("torch", "tensor")
def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """The pseudoinverse (see ``linalg.pinv``)."""
    return pinv(input, rcond)


@op(
    {
        "A": lambda g, A, B, rcond, A_shape: _pinv_rule(
            g @ mH(B), A, pinv_op(A, None, rcond, False), A_shape
        ),
        "B": lambda g, A, rcond: mH(pinv_op(A, None, rcond, False)) @ g,
    },
    name="lstsq",
    where=(),
    promote="keep",
    outputs=3,
    aux=("rank", "values"),
    complex_rules="same",
    linear_in=("B",),
    samples=lambda s: [
        (s(4, 2), s(4, 1), 1e-12),
        (s(2, 3), s(2, 2), 1e-12),
        (s(2, 3, 2), s(2, 3, 1), 1e-12),
    ],
)
def lstsq_op(A: Array, B: Array, rcond: float) -> Any:
    """The least X among those that make ‖A·X − B‖ least; the rank and singular values of A."""
    lead = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    m, n = A.shape[-2:]
    found = each(lambda a, b: np.linalg.lstsq(a, b, rcond), A, B)
    k = min(m, n)
    shape = (*lead, n, B.shape[-1])
    if not found or not A.size:
        zero = np.zeros(lead, np.int64)
        return np.zeros(shape, A.dtype), zero[()], np.zeros((*lead, k), A.real.dtype)
    x = np.stack([f[0] for f in found]).reshape(shape)
    rank = np.array([f[2] for f in found], np.int64).reshape(lead)[()]
    return x, rank, np.stack([f[3] for f in found]).reshape(*lead, k)


@offered("linalg")
@per_example
def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> Any:
    """The X that makes ‖A·X − B‖ least: A (…, m, n), B (…, m, k) or (…, m).

    Of several, the one of least norm. ``residuals`` (the squared errors) are given for m > n and
    full rank by the drivers "gelsd", "gelss" and "gels"; ``singular_values`` by the first two.

    >>> import chainrule as cr
    >>> cr.linalg.lstsq(cr.tensor([[1.0], [1.0]]), cr.tensor([[1.0], [3.0]])).solution
    tensor([[2.]])
    """
    matrix("linalg.lstsq", A)
    same_type("linalg.lstsq", A, B)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)"
        )
    vector = B.ndim == A.ndim - 1
    right = unsqueeze(B, -1) if vector else B
    if right.ndim < 2 or right.shape[-2] != A.shape[-2]:
        raise ShapeError(
            "torch.linalg.lstsq: input.size(-2) should match other.size(-2), got shapes "
            f"{list(A.shape)} and {list(B.shape)}"
        )
    m, n = A.shape[-2:]
    eps = float(np.finfo(A.dtype.np).eps) * max(m, n)
    x, rank, values = lstsq_op(A, right, eps if rcond is None else float(rcond))
    none = x.detach().new_zeros(0)
    residuals = none
    full = bool(np.all(np.asarray(rank._data) == n))
    if driver not in (None, "gelsy") and m > n and full:
        residuals = total(abs((A @ x - right) ** 2), -2)
    return LstsqResult(
        squeeze(x, -1) if vector else x,
        residuals,
        rank if driver != "gels" else none.long(),
        values if driver in ("gelsd", "gelss") else none,
    )


lstsq_op.op.function = lstsq


@offered("linalg", "torch", "tensor")
def matrix_power(A: Any, n: int) -> Any:
    """A square matrix multiplied by itself ``n`` times; n < 0 takes powers of the inverse.

    >>> import chainrule as cr
    >>> cr.linalg.matrix_power(cr.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    matrix("linalg.matrix_power", A, square=True)
    if n == 0:
        return A.new_zeros(*A.shape) + A.new_tensor(np.eye(A.shape[-1]))
    power, base = None, inverse_op(A) if n < 0 else A
    n = abs(n)
    while True:
        if n & 1:
            power = base if power is None else power @ base
        n >>= 1
        if not n:
            return power.clone() if power is A else power
        base = base @ base


@offered("linalg")
@per_example
def matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Any:
    """The number of singular values above max(atol, rtol·largest); an integer, no gradient.

    >>> import chainrule as cr
    >>> cr.linalg.matrix_rank(cr.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    matrix("linalg.matrix_rank", A, square=hermitian)
    x = A.detach()
    s = names["linalg"]["eigvalsh"](x).abs() if hermitian else singular_values(x)
    values = np.asarray(s._data)
    low = tolerance(values, A.shape, tol if tol is not None else atol, rtol, A.dtype.np)
    return s.new_tensor((values > low).sum(-1)).long()
