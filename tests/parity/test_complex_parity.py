"""Complex numbers against PyTorch: values, gradients of both orders, views, text, errors."""

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


def _complex(*shape: int) -> Any:
    return _RNG.normal(size=shape) + 1j * _RNG.normal(size=shape)


INPUTS: dict[str, Any] = {
    "z": _complex(2, 3),
    "w": _complex(2, 3),
    "u": _complex(3),
    "v": _complex(3),
    "s": _complex(),
    "A": _complex(3, 3) + 3 * np.eye(3),
    "B": _complex(2, 3, 3),
    "C": _complex(2, 3, 2),
    "W": _complex(4, 3),
    "b": _complex(4),
    "x": _RNG.normal(size=(2, 3)),
    "y": _RNG.uniform(0.5, 2, size=(2, 3)),
    "r": _RNG.normal(size=3),
    "p": _RNG.normal(size=(2, 3, 2)),
    "o": np.array([[0j, 1 + 1j, -2.0], [1j, 0j, -1j]]),
    "k": np.arange(3),
}
TEXTS = """
z + w
z - w
z * w
z / w
z + x
x * z
z / x
x / z
z * 2
z * 2j
x * 2j
k * 1j
2 / z
z + u
s * z
s * x
-z
+z
z ** 2
z ** w
z ** 0.5
2 ** z
x ** s
y ** z
z.square()
z.reciprocal()
z.exp()
z.log()
z.log2()
z.log10()
z.log1p()
z.expm1()
z.exp2()
z.sqrt()
z.rsqrt()
z.sin()
z.cos()
z.tan()
z.sinh()
z.cosh()
z.tanh()
z.asin()
z.acos()
z.atan()
z.asinh()
z.acosh()
z.atanh()
z.sigmoid()
z.sinc()
z.abs()
o.abs()
abs(z) ** 2
z.angle()
x.angle()
m.angle(k)
z.sgn()
x.sgn()
z.sign()
z.conj()
x.conj()
z.conj_physical()
z.resolve_conj()
z.resolve_neg()
z.real
z.imag
x.real
x.imag
m.real(z)
m.imag(z)
z.real + z.imag
z.real.is_complex(), z.is_complex(), x.conj().is_conj(), x.is_neg()
m.isreal(z)
m.isreal(z.real + 0j)
z == w
z != w
z == z
z < w
z.isnan(), z.isinf(), z.isfinite()
z.sum()
z.sum(0)
z.sum(-1, keepdim=True)
z.mean()
z.mean(1)
z.prod()
z.prod(1)
o.prod(0)
z.cumsum(0)
z.cumprod(1)
z.var()
z.std()
z.norm()
z.norm(p=1)
m.linalg.norm(z)
m.linalg.vector_norm(z, 3)
m.linalg.matrix_norm(A, 1)
z.logsumexp(1)
z @ A
A @ u
z @ B
u @ v
z.mm(A)
B.bmm(C)
A.mv(u)
u.dot(v)
m.vdot(u, v)
m.linalg.vecdot(z, w)
m.inner(u, v)
m.outer(u, v)
m.einsum("ij,jk->ik", z, A)
m.einsum("bij,bjk->bik", B, C)
m.einsum("i,i", u, v)
m.addmm(z, z, A)
m.tensordot(z, w, 2)
m.kron(z, w)
m.nn.functional.linear(z, W, b)
m.nn.functional.linear(z, W)
x @ A
z.H
A.mH
B.mH
B.adjoint()
u.H
B.H
u.mH
z.T
B.mT
z.reshape(3, 2)
z.view(-1)
z[0]
z[:, 1]
z[z.abs() > 1]
z[k.long()[:1]]
z.permute(1, 0)
z.flip(0)
z.roll(1)
m.cat([z, w])
m.cat([z, x])
m.stack([z, w])
z.expand(4, 2, 3)
z.unsqueeze(0)
z.clone()
z.contiguous()
z.diagonal()
A.trace()
A.triu()
m.where(x > 0, z, w)
m.where(x > 0, z, 0)
z.masked_fill(x > 0, 1j)
z.gather(1, k.reshape(1, 3))
m.polar(y, x)
m.polar(y, r)
m.complex(x, y)
m.complex(x, r)
m.complex(x, k)
m.complex(x, y.float())
m.view_as_real(z)
m.view_as_real(z.T)
m.view_as_real(x)
m.view_as_complex(p)
m.view_as_complex(p.transpose(0, 1))
m.view_as_complex(p.mT)
m.view_as_complex(x)
m.view_as_complex(k.reshape(1, 3))
m.view_as_real(z) * 2
m.view_as_complex(m.view_as_real(z) * p)
z.to(m.complex64)
x.to(m.complex128)
x.cdouble() * z
z.real.double()
z.cfloat()
m.is_complex(z)
m.result_type(z, x)
m.result_type(x, 1j)
m.zeros(2, dtype=m.complex64)
m.ones(2, 2, dtype=m.cdouble)
m.full((2,), 1j)
m.eye(2, dtype=m.cfloat)
m.tensor([1, 2j])
m.zeros_like(z)
m.linspace(0, 1, 3, dtype=m.complex64)
m.linalg.inv(A)
m.linalg.det(A)
m.linalg.solve(A, u)
m.linalg.solve(A, z.mT)
m.linalg.solve_triangular(A.triu(), z.mT, upper=True)
m.linalg.matrix_power(A, 3)
m.linalg.matrix_power(A, -1)
m.linalg.multi_dot([z, A, A])
m.linalg.pinv(z)
m.linalg.slogdet(A)[1]
m.linalg.cholesky(A @ A.mH)
m.linalg.eigvalsh(A + A.mH)
m.linalg.svdvals(z)
m.linalg.qr(A)[1].abs()
m.linalg.lstsq(W, b).solution
z.tolist()
z[0, 0].item()
m.allclose(z, z)
m.isclose(z, w)
m.equal(z, z)
z.max()
z.sort()
z.floor()
z % 2
z.clamp(0, 1)
m.atan2(z, w)
""".strip().splitlines()


def inputs_of(text: str) -> dict[str, Any]:
    """The inputs that a text names."""
    return {n: a for n, a in INPUTS.items() if re.search(rf"(?<![.\w]){n}\b(?!=)", text)}


@pytest.mark.parametrize("text", TEXTS)
def test_same(peers: Any, text: str) -> None:
    """Values, dtypes, shapes and two derivatives in double precision; or the exception's class."""
    code = compile(text, text, "eval")

    def program(m: Any, given: dict[str, Any]) -> Any:
        return eval(code, {"m": m}, dict(given))

    peers.agree(program, inputs_of(text))


# What PyTorch computes, but gives no gradient (or nan) for.
VALUES = ["o.sgn()", "x.sum(dtype=m.complex128)", "m.where(x > 0, z, x)", "z.angle()", "o.angle()"]


@pytest.mark.parametrize("text", VALUES)
def test_values(peers: Any, text: str) -> None:
    """Values alone."""
    peers.agree(lambda m, given: eval(text, {"m": m}, dict(given)), inputs_of(text), order=0)


FUNCTIONS: list[Any] = [
    lambda z, w: z * w + z / w - z.conj() * w,
    lambda z, w: (z.exp() * w.sin()).abs(),
    lambda z, w: z.angle() * w.real,
    lambda z, w: cr.where(z.real > 0, z, w.imag),
    lambda z, w: z.sgn() * w,
    lambda z, w: z @ w.mH,
    lambda z, w: cr.view_as_real(z)[..., 0] * w,
    lambda z, w: cr.view_as_complex(cr.view_as_real(z) * cr.view_as_real(w)),
    lambda z, w: cr.polar(z.abs(), w.angle()),
    lambda z, w: z.acosh() + w.acos() + z.asinh() + w.atanh(),
    lambda z, w: (z**w).prod(1) + z.cumprod(1).sum(1),
    lambda z, w: cr.complex(z.real, w.imag) * z.norm(),
    lambda z, w: z.sinc() + w.sigmoid() + z.tanh() + w.log1p(),
]


@pytest.mark.parametrize("k", range(len(FUNCTIONS)))
def test_gradcheck(k: int) -> None:
    """Central differences of real and imaginary parts, to second order."""
    z, w = (cr.tensor(INPUTS[n][:, :2].copy(), requires_grad=True) for n in "zw")
    assert gradcheck(FUNCTIONS[k], (z, w), atol=1e-6, rtol=1e-6)
    assert gradgradcheck(FUNCTIONS[k], (z, w), atol=1e-5, rtol=1e-5)


def test_gradcheck_finds_a_missing_conjugate() -> None:
    """A rule in another convention is caught, and the part named."""

    class Square(cr.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Any) -> Any:
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (z,) = ctx.saved_tensors
            return g * 2 * z  # PyTorch's convention needs z.conj()

    z = cr.tensor([1 + 2j], dtype=cr.complex128, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"\[0\]\.(real|imag)"):
        gradcheck(Square.apply, (z,))


@pytest.mark.parametrize(
    "edit",
    [
        "t.real.mul_(2)",
        "t.imag.copy_(r)",
        "m.view_as_real(t)[..., 0] += 1",
        "t[0] = 1j",
        "t.mul_(1j)",
        "t.conj_physical_()",
        "t.real = t.imag",
        "t.imag = 2.0",
        "t.exp_()",
        "t.sgn_()",
    ],
)
def test_writes(peers: Any, edit: str) -> None:
    """Edits of a tensor and of the views of its parts: values and gradients."""

    def program(m: Any, given: dict[str, Any]) -> Any:
        scope = {"m": m, **given, "t": given["z"] * (1 + 1j)}
        exec(edit, scope)
        return scope["t"]

    peers.agree(program, {n: INPUTS[n] for n in ("z", "u", "r") if n != "r" or "r)" in edit})


@pytest.mark.parametrize(
    "text",
    [
        "m.tensor([1 + 2j, -0.5j])",
        "m.tensor([1 + 2j, 3 - 1j], dtype=m.complex128)",
        "m.tensor(1j)",
        "m.tensor([[1e-5 + 1j, 1e5], [float('nan'), float('inf')]])",
        "m.zeros(0, dtype=m.complex64)",
        "m.zeros(2, dtype=m.complex64).requires_grad_()",
        "m.tensor([1 + 2j]).real",
        "m.complex64, m.cdouble, m.complex64.is_complex, m.float32.to_complex()",
    ],
)
def test_text(peers: Any, text: str) -> None:
    """repr, character for character."""
    ours, theirs = (repr(eval(text, {"m": m})) for m in peers.modules)
    assert ours == theirs


def test_forward_mode() -> None:
    """Jvp against vjp by the dot-product test: Re⟨Jt, s⟩ = Re⟨t, Jᴴs⟩."""
    z, t, s = (cr.tensor(INPUTS[n]) for n in ("z", "w", "o"))
    for f in (lambda z: z.exp() * z.conj(), lambda z: z * z.abs(), lambda z: z.sgn() / (z + 3)):
        _, forward = cr.func.jvp(f, (z,), (t,))
        _, pull = cr.func.vjp(f, z)
        (back,) = pull(s)
        left, right = (forward.conj() * s).sum().real, (t.conj() * back).sum().real
        assert left.item() == pytest.approx(right.item(), rel=1e-12)
