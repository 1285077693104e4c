"""Decompositions, solvers, determinants and norms against PyTorch: values, gradients, errors.

What is unique up to signs is compared through functions that do not depend on them.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import chainrule as cr
from chainrule.autograd import gradcheck, gradgradcheck

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:chainrule")

_RNG = np.random.default_rng(0)
_P = _RNG.normal(size=(3, 3))
INPUTS: dict[str, Any] = {
    "x": _RNG.normal(size=(2, 3)),
    "y": _RNG.normal(size=(4, 3)),
    "A": _RNG.normal(size=(3, 3)) + 3 * np.eye(3),
    "B": _RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3),
    "P": _P @ _P.T + np.eye(3),
    "t": _RNG.normal(size=(2, 4, 3)),
    "v": _RNG.normal(size=3),
    "w": _RNG.normal(size=(2, 3)),
    "Z": np.zeros((2, 2)),
    "N": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "S": np.array([[2.0, 1.0], [1.0, 3.0]]),
    "E": np.zeros((0, 0)),
    "e": np.zeros((0, 3)),
    "i": np.eye(3, dtype=np.int64),
}
TEXTS = """
L.cholesky(P)
L.cholesky(P, upper=True)
L.cholesky(m.stack([P, P + P]))
L.cholesky(x)
L.cholesky(v)
L.cholesky(i)
L.cholesky(E)
L.cholesky(P.half())
m.cholesky_solve(w.mT, L.cholesky(P))
m.cholesky_solve(w.mT, L.cholesky(P, upper=True), upper=True)
m.cholesky_solve(v, L.cholesky(P))
m.cholesky_inverse(L.cholesky(P))
L.det(A)
L.det(B)
m.det(A)
A.det() * v
L.det(x)
L.det(v)
L.det(i)
L.det(E)
L.det(Z.detach())
L.slogdet(A)
L.slogdet(B)
m.slogdet(-A)
L.slogdet(Z.detach())
m.logdet(P)
m.logdet(-P)
m.logdet(Z.detach())
A.logdet()
L.inv(A)
L.inv(B)
m.inverse(A)
A.inverse() @ v
L.inv(x)
L.inv(i)
L.inv(E)
L.pinv(A)
L.pinv(x)
L.pinv(y)
L.pinv(t)
L.pinv(N.detach())
L.pinv(P, hermitian=True) + 0 * P
L.pinv(y.detach(), rtol=0.5)
L.pinv(y.detach(), 0.5)
L.pinv(y.detach(), atol=1.0)
L.pinv(e.detach())
m.pinverse(x)
L.solve(A, v)
L.solve(A, w.mT)
L.solve(A, w, left=False)
L.solve(B, w)
L.solve(B, v)
L.solve(A, B)
L.solve(x, v)
L.solve(A, w)
L.solve(A, v[:2])
L.solve(A.double(), v.half())
L.solve_triangular(A, w.mT, upper=True)
L.solve_triangular(A, w.mT, upper=False)
L.solve_triangular(A, w, upper=True, left=False)
L.solve_triangular(A, w, upper=False, left=False, unitriangular=True)
L.solve_triangular(B, w.mT, upper=True)
L.solve_triangular(A, B, upper=False)
L.solve_triangular(A, w, upper=True)
L.solve_triangular(A, v, upper=True)
L.solve_triangular(A, w.mT)
L.solve_triangular(Z.detach(), Z.detach() + 1, upper=True)
L.lstsq(y, m.ones_like(y)[:, :2]).solution
L.lstsq(x, x[:, :1]).solution
L.lstsq(t, t[..., :1] * 2 + 1).solution
L.lstsq(y, y[:, 0] * 2 + 1).solution
L.lstsq(y.detach(), y[:, :1].detach() + 1)
L.lstsq(y.detach(), y[:, :1].detach() ** 2, driver="gelsd")
L.lstsq(y, y[:, :1] ** 2, driver="gels").residuals
L.lstsq(N.detach(), N.detach())
L.lstsq(y.detach(), y[:, :1].detach(), driver="none")
L.lstsq(y, x)
L.qr(y).R.abs()
L.qr(y).Q @ L.qr(y).R
L.qr(x).Q @ L.qr(x).R
L.qr(x).R.mT @ L.qr(x).R
L.qr(t).R.mT @ L.qr(t).R
L.qr(A, mode="complete").R ** 2
L.qr(y.detach(), "complete").R.abs()
L.qr(y.detach(), mode="r").R.abs()
L.qr(y, "full")
L.qr(v)
L.qr(e.detach())
L.eigvalsh(P)
L.eigvalsh(A)
L.eigvalsh(A, UPLO="U")
L.eigh(P).eigenvalues
L.eigh(P).eigenvectors ** 2
L.eigh(A, "U").eigenvectors.abs()
L.eigh(B)[1] ** 2 * v
L.eigh(P, UPLO="X")
L.eigh(x)
L.eigh(i)
L.eig(x)
L.svdvals(A)
L.svdvals(x)
L.svdvals(y)
L.svdvals(t)
L.svdvals(e.detach())
L.svd(A).U ** 2
L.svd(x, full_matrices=False).Vh ** 2
L.svd(y, full_matrices=False)[0].abs()
L.svd(y, False).U @ L.svd(y, False).Vh
L.svd(t, False).U @ L.svd(t, False).Vh
L.svd(y)[1]
m.svd(x).V ** 2
m.svd(y.detach(), False)[1]
L.svd(v)
L.matrix_norm(A)
L.matrix_norm(A, "nuc")
L.matrix_norm(x, 2)
L.matrix_norm(x, -2)
L.matrix_norm(x, 1)
L.matrix_norm(x, -1)
L.matrix_norm(x, float("inf"))
L.matrix_norm(x, -float("inf"))
L.matrix_norm(t, dim=(0, 1))
L.matrix_norm(t, 1, dim=(0, 1))
L.matrix_norm(t, 1, dim=(2, 0), keepdim=True)
L.matrix_norm(t, 2, dim=(0, 2), keepdim=True)
L.matrix_norm(t, "nuc", (2, 1))
L.matrix_norm(x, 3)
L.matrix_norm(x, "no")
L.matrix_norm(v)
L.matrix_norm(x, dim=(0, 0))
L.matrix_norm(x, dim=1)
L.matrix_norm(i)
L.vector_norm(x)
L.vector_norm(x, 1, dim=0)
L.vector_norm(x, ord=3, dim=(0, 1), keepdim=True)
L.vector_norm(x, 0).detach()
L.vector_norm(x, float("inf"))
L.vector_norm(x, -float("inf"), 1)
L.vector_norm(x, 0.5)
L.vector_norm(x, -1)
L.vector_norm(e.detach())
L.vector_norm(e.detach(), float("inf"))
L.vector_norm(x.detach().float(), dtype=m.float64)
L.vector_norm(x.double(), dtype=m.float32)
L.vector_norm(i)
L.vector_norm(x, "fro")
L.vector_norm(x, dim=5)
L.norm(x)
L.norm(t)
L.norm(t, 2)
L.norm(x, 2)
L.norm(x, "nuc")
L.norm(v, 1)
L.norm(x, 1, dim=1)
L.norm(t, 1, dim=(0, 2))
L.norm(x, "fro", dim=0)
m.norm(x, "nuc")
L.cond(A)
L.cond(A.detach(), 1)
L.cond(A.detach(), "fro")
L.cond(A, -2)
L.cond(x)
L.cond(x, 1)
L.cond(Z.detach())
L.cond(Z.detach(), 1)
L.matrix_power(A, 3)
L.matrix_power(A, 1)
L.matrix_power(A.detach(), 0)
L.matrix_power(A, -2)
L.matrix_power(B, 2)
A.matrix_power(5)
L.matrix_power(x, 2)
L.matrix_rank(x.detach())
L.matrix_rank(N)
L.matrix_rank(N, tol=100.0)
L.matrix_rank(N, atol=1.0, rtol=0.1)
L.matrix_rank(P, hermitian=True)
L.matrix_rank(B)
L.matrix_rank(e)
L.diagonal(B, offset=1)
""".strip().splitlines()


def inputs_of(text: str, dtype: str) -> dict[str, Any]:
    used = [n for n in INPUTS if re.search(rf"\b{n}\b", text)]
    arrays = {n: np.asarray(INPUTS[n]) for n in used}
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()}


@pytest.mark.parametrize("text", TEXTS)
def test_same(peers: Any, text: str) -> None:
    """Values, dtypes, shapes and two derivatives in float64; or the class of the exception."""
    code = compile(text, text, "eval")

    def program(m: Any, given: dict[str, Any]) -> Any:
        return eval(code, {"m": m, "L": m.linalg}, dict(given))

    peers.agree(program, inputs_of(text, "float64"))


KINDS = ["cholesky(P)", "inv(A)", "det(A)", "slogdet(A)", "solve(A, v)", "qr(A)", "eigh(P)"]
KINDS += ["svd(A)", "svdvals(x)", "pinv(x)", "lstsq(y, y[:, :1])", "matrix_rank(x)", "norm(x)"]
KINDS += ["eigvals(A)", "matrix_power(A, 2)", "solve_triangular(A, P, upper=True)", "cond(A)"]


@pytest.mark.parametrize("text", KINDS)
def test_float32(peers: Any, text: str) -> None:
    """float32 in, float32 out."""
    kinds = []
    for m in peers.modules:
        given = {n: m.tensor(a) for n, a in inputs_of(text, "float32").items()}
        out = eval(f"L.{text}", {"L": m.linalg}, given)
        every = out if isinstance(out, tuple) else (out,)
        kinds.append([(repr(o.dtype), tuple(o.shape)) for o in every])
    assert kinds[0] == kinds[1]


def test_exceptions(peers: Any) -> None:
    """LinAlgError by the same name, a RuntimeError, with PyTorch's words."""
    texts = ["L.inv(Z)", "L.solve(Z, Z)", "L.cholesky(-P)", "L.cholesky(m.stack([P, -P]))"]
    texts += ["L.matrix_power(Z, -1)", 'L.svd(Z + float("nan"))', "L.inv(m.stack([S, S, Z]))"]
    for text in texts:
        said = []
        for m in peers.modules:
            given = {n: m.tensor(a) for n, a in inputs_of(text, "float64").items()}
            with pytest.raises(m.linalg.LinAlgError) as caught:
                eval(text, {"m": m, "L": m.linalg}, given)
            assert isinstance(caught.value, RuntimeError)
            said.append(str(caught.value))
        assert said[0] == said[1]


def test_text(peers: Any) -> None:
    """The named tuples print as PyTorch's."""
    for text in ("slogdet(A)", "eigh(A)", "lstsq(A, A)"):
        ours, theirs = (
            repr(eval(f"m.linalg.{text}", {"m": m, "A": m.tensor([[2.0, 0.0], [0.0, 4.0]])}))
            for m in peers.modules
        )
        assert re.sub(r"-(?=[\d])", "", ours) == re.sub(r"-(?=[\d])", "", theirs)


def test_eigenvalues_of_general_matrices(peers: Any) -> None:
    """Values and vectors, complex, and gradients of what does not depend on order and phase."""
    a = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.5], [0.2, 0.0, 2.0]])
    values = [np.sort_complex(m.linalg.eigvals(m.tensor(a)).numpy()) for m in peers.modules]
    np.testing.assert_allclose(*values, rtol=1e-12)
    found, vectors = cr.linalg.eig(cr.tensor(a))
    np.testing.assert_allclose(a @ vectors.numpy(), vectors.numpy() * found.numpy(), atol=1e-12)

    def program(m: Any, given: dict[str, Any]) -> Any:
        values, vectors = m.linalg.eig(given["a"])
        return (values.abs() ** 3).sum(), (vectors.abs() ** 4 * values.abs()).sum()

    peers.agree(program, {"a": a})
    peers.agree(program, {"a": a + 1j * np.flip(a)})


def test_gradient_of_norm_at_zero(peers: Any) -> None:
    for m in peers.modules:
        x = m.zeros(2, 2, requires_grad=True)
        m.linalg.vector_norm(x).backward()
        assert x.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_gradient_of_det_at_singular_matrices() -> None:
    """The cofactors, by central differences, where PyTorch gives 0."""
    for a in (INPUTS["N"], INPUTS["Z"], np.diag([1.0, 2.0, 0.0]), np.ones((3, 3)) * np.arange(3)):
        x = cr.tensor(a, requires_grad=True)
        assert gradcheck(cr.linalg.det, (x,))


def symmetric(f: Any) -> Any:
    return lambda x: f(x @ x.mT + cr.eye(x.shape[-2], dtype=x.dtype))


@pytest.mark.parametrize(
    "f",
    [
        lambda a: cr.linalg.cholesky(a),
        lambda a: cr.linalg.cholesky(a, upper=True),
        lambda a: cr.linalg.eigh(a),
        lambda a: cr.linalg.eigvalsh(a, "U"),
        lambda a: cr.linalg.eigh(a, "U").eigenvectors,
    ],
)
def test_symmetric_gradients(f: Any) -> None:
    """Symmetrised gradients are right for every symmetric change, to second order."""
    x = cr.tensor(INPUTS["A"], requires_grad=True)
    assert gradcheck(symmetric(f), (x,), rtol=1e-5)
    assert gradgradcheck(symmetric(f), (x,), rtol=1e-4)


def test_repeated_values_have_gradients(peers: Any) -> None:
    """Equal eigenvalues or singular values alone do no harm."""
    for m in peers.modules:
        a = m.eye(3, requires_grad=True)
        m.linalg.eigvalsh(a).sum().backward()
        assert a.grad.tolist() == np.eye(3).tolist()
        b = m.eye(3, requires_grad=True)
        m.linalg.svdvals(b).sum().backward()
        np.testing.assert_allclose(np.asarray(b.grad.tolist()), np.eye(3), atol=1e-6)


def test_no_derivative(peers: Any) -> None:
    """Where PyTorch refuses to go back, so do we."""
    for m in peers.modules:
        for call in (
            lambda x, m=m: m.linalg.qr(x, mode="r").R,
            lambda x, m=m: m.linalg.qr(x, mode="complete").R,
        ):
            x = m.tensor(INPUTS["y"], requires_grad=True)
            with pytest.raises(RuntimeError, match="differentia"):
                call(x).sum().backward()
