"""LU and LDL factors, the ``_ex`` forms, Vandermonde matrices, tensors as matrices: as PyTorch."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:chainrule")

_RNG = np.random.default_rng(0)
_P = _RNG.normal(size=(3, 3))
INPUTS: dict[str, Any] = {
    "A": _RNG.normal(size=(3, 3)) + 2 * np.eye(3),
    "B": _RNG.normal(size=(2, 3, 3)),
    "C": _RNG.normal(size=(3, 3)) + 1j * _RNG.normal(size=(3, 3)),
    "P": _P @ _P.T + np.eye(3),
    "Q": _P + _P.T,
    "w": _RNG.normal(size=(2, 4)),
    "t": _RNG.normal(size=(4, 2)),
    "b": _RNG.normal(size=(3, 2)),
    "v": _RNG.normal(size=3),
    "u": _RNG.normal(size=2),
    "Z": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "E": np.zeros((0, 0)),
    "k": np.arange(1, 4),
    "T": _RNG.normal(size=(2, 3, 6)),
    "M": _RNG.normal(size=(2, 3)),
}
TEXTS = """
L.lu(A)
L.lu(B)
L.lu(C)
L.lu(w)
L.lu(t)
L.lu(Z.detach())
L.lu(E)
L.lu(v)
L.lu(A, pivot=False)
L.lu_factor(A)
L.lu_factor(B)
L.lu_factor(C)
L.lu_factor(w)
L.lu_factor(t)
L.lu_factor(Z)
L.lu_factor(k.reshape(1, 3))
L.lu_factor_ex(A)
L.lu_factor_ex(Z.detach())
L.lu_factor_ex(Z, check_errors=True)
m.lu_unpack(*L.lu_factor(A))
m.lu_unpack(*L.lu_factor(w))
m.lu_unpack(*L.lu_factor(t.detach()), unpack_data=False)
m.lu_unpack(*L.lu_factor(A), unpack_pivots=False)
m.lu_unpack(A, k)
L.lu_solve(*L.lu_factor(A), b)
L.lu_solve(*L.lu_factor(A), b, adjoint=True)
L.lu_solve(*L.lu_factor(A), b.mT, left=False)
L.lu_solve(*L.lu_factor(C), C, adjoint=True)
L.lu_solve(*L.lu_factor(C), C, left=False)
L.lu_solve(*L.lu_factor(B), b)
L.lu_solve(*L.lu_factor(A), v)
L.lu_solve(A, k, b)
m.lu_solve(b, *m.lu(A))
m.lu(A)
m.lu(A, get_infos=True)
A.lu()
L.ldl_factor(Q.detach())
L.ldl_factor(P.detach())
L.ldl_factor_ex(Q.detach())
L.ldl_factor(w)
L.ldl_solve(*L.ldl_factor(Q.detach()), b.detach())
L.ldl_solve(*L.ldl_factor((C + C.mH).detach(), hermitian=True), C.detach(), hermitian=True)
L.ldl_solve(*L.ldl_factor((C + C.mT).detach()), C.detach())
L.inv_ex(A)
L.inv_ex(B)
L.inv_ex(C)
L.inv_ex(Z.detach()).info
L.inv_ex(w)
L.cholesky_ex(P)
L.cholesky_ex(P, upper=True)
L.cholesky_ex(-P.detach()).info
L.cholesky_ex(m.stack([P, -P]).detach()).info
L.solve_ex(A, b)
L.solve_ex(A, v)
L.solve_ex(A, b.mT, left=False)
L.solve_ex(Z.detach(), Z.detach()).info
L.solve_ex(A, w)
L.matrix_exp(A)
L.matrix_exp(B)
L.matrix_exp(C)
m.matrix_exp(E)
A.matrix_exp()
L.matrix_exp(w)
L.householder_product(t, u)
L.householder_product(t, u[:1])
L.householder_product(C, C[0])
L.householder_product(w, u)
m.orgqr(t, u)
m.ormqr(t, u, P[:, :2].mT.reshape(2, 3), left=False)
m.ormqr(t, u, w.mT)
m.ormqr(t, u, w.mT, transpose=True)
m.ormqr(t, u, w, left=False)
t.ormqr(u, w, False, True)
m.ormqr(C, C[0], C)
m.ormqr(C, C[0], C, transpose=True)
m.triangular_solve(b, A)
m.triangular_solve(b, A, upper=False)
m.triangular_solve(b, A, transpose=True)
m.triangular_solve(b, A, unitriangular=True)
b.triangular_solve(A, upper=False, transpose=True)
L.vander(v)
L.vander(v, N=2)
L.vander(w, N=5)
L.vander(k)
L.vander(v, N=1)
m.vander(v)
m.vander(v, 2)
m.vander(v, increasing=True)
m.vander(k, 4)
m.vander(v, 0), m.vander(v, 1)
m.vander(w)
L.tensorinv(T)
L.tensorinv(T.permute(2, 0, 1), ind=1)
L.tensorinv(T, ind=1)
L.tensorinv(T, ind=0)
L.tensorsolve(T, M)
L.tensorsolve(T.permute(0, 2, 1), M, dims=(1,))
L.tensorsolve(T, v)
""".strip().splitlines()


def inputs_of(text: str) -> dict[str, Any]:
    """The inputs that a text names."""
    return {n: a for n, a in INPUTS.items() if re.search(rf"(?<![.\w]){n}\b(?!=)", text)}


@pytest.mark.parametrize("text", TEXTS)
def test_same(peers: Any, text: str) -> None:
    """Values, dtypes, shapes and two derivatives; or the exception's class."""

    def program(m: Any, given: dict[str, Any]) -> Any:
        with warnings.catch_warnings():  # of old names, for which PyTorch warns once a process
            warnings.simplefilter("ignore")
            return eval(text, {"m": m, "L": m.linalg}, dict(given))

    # PyTorch's torch.vander edits what it saved, and has no gradient
    peers.agree(program, inputs_of(text), order=0 if text.startswith("m.vander") else 2)


def test_low_rank(peers: Any) -> None:
    """The same draws, so the same approximation; compared through what signs do not touch."""
    a = _RNG.normal(size=(6, 2)) @ _RNG.normal(size=(2, 5)) + 0.01 * _RNG.normal(size=(6, 5))
    for call in (
        lambda m, x: m.svd_lowrank(x, 2),
        lambda m, x: m.svd_lowrank(x.mT, q=3, niter=1),
        lambda m, x: m.svd_lowrank(x, 2, M=m.ones_like(x)),
        lambda m, x: m.pca_lowrank(x, q=2),
        lambda m, x: m.pca_lowrank(x, center=False),
    ):

        def program(m: Any, given: dict[str, Any], call: Any = call) -> Any:
            m.manual_seed(0)
            u, s, v = call(m, given["a"])
            return s, (u * s) @ v.mT

        peers.agree(program, {"a": a}, order=1)


def test_errors_name_the_matrix() -> None:
    """The messages of PyTorch: where LAPACK gave up, in which matrix of the batch."""
    z = cr.stack([cr.eye(2), cr.zeros(2, 2)])
    for call, text in (
        (cr.linalg.lu_factor, r"\(Batch element 1\): U\[1,1\] is zero"),
        (lambda x: cr.linalg.inv_ex(x, check_errors=True), r"The diagonal element 1 is zero"),
        (lambda x: cr.linalg.cholesky_ex(x, check_errors=True), "leading minor of order 1"),
        (lambda x: cr.linalg.solve_ex(x, x, check_errors=True), r"\(Batch element 1\)"),
    ):
        with pytest.raises(RuntimeError, match=text):
            call(z)
