"""Special functions, whole numbers and the bits of floats against PyTorch."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import chainrule as cr
from chainrule.autograd import gradcheck, gradgradcheck

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:chainrule")

_RNG = np.random.default_rng(0)
INPUTS: dict[str, Any] = {
    "x": _RNG.normal(size=(2, 3)) * 2,
    "y": _RNG.uniform(0.3, 4, size=(2, 3)),
    "q": _RNG.uniform(0.05, 0.95, size=3),
    "e": np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-300, 30.0, -30.0, 1.0]),
    "k": np.array([12, -7, 0, 18, 255]),
    "j": np.array([8, 3, 0, -27, 2]),
    "b": np.array([1, 3, 2], np.uint8),
    "h": np.array([True, False]),
    "z": np.array([1 + 1j, 2.0]),
    "n": np.arange(5),
    "s": np.asarray(0.7),
}
ONE = ["entr", "erfcx", "ndtr", "ndtri", "log_ndtr", "i0", "i0e", "i1", "i1e"]
PLAIN = ["bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_i0", "airy_ai"]
PLAIN += ["modified_bessel_i1", "modified_bessel_k0", "modified_bessel_k1", "spherical_bessel_j0"]
PLAIN += ["scaled_modified_bessel_k0", "scaled_modified_bessel_k1"]
FAMILIES = [f"{s}chebyshev_polynomial_{k}" for s in ("", "shifted_") for k in "tuvw"]
FAMILIES += ["hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l"]
FAMILIES += ["legendre_polynomial_p"]
TEXTS = [f"S.{f}({a})" for f in ONE for a in ("q", "s", "k", "q.float().detach()", "z", "h")]
TEXTS += [f"S.{f}({a})" for f in ONE if f not in ("ndtri", "entr") for a in ("x", "e.detach()")]
TEXTS += [f"S.{f}({a})" for f in PLAIN for a in ("y.detach()", "k.abs()[:2]", "y")]
TEXTS += [f"S.{f}({a})" for f in FAMILIES for a in ("q.detach(), 4", "s.detach(), n", "q")]
TEXTS += """
S.entr(y)
S.xlog1py(x, y)
S.xlog1py(e.detach(), q[0].detach())
S.xlog1py(x, 2)
S.xlog1py(0, y)
S.zeta(y.detach() + 1, y)
S.zeta(2.0, y)
S.zeta(y.detach() + 1, 1)
S.zeta(y, y)
S.gammainc(y.detach(), y + 1)
S.gammaincc(y.detach(), y + 1)
m.igamma(y.detach(), y + 1)
y.detach().igammac(y + 1)
m.igamma(y, y + 1)
m.igamma(k, k)
S.multigammaln(y + 2, 3)
m.mvlgamma(y + 2, 2)
y.mvlgamma(1)
m.mvlgamma(k.abs() + 3, 2)
m.mvlgamma(y, 0)
m.i0(x)
x.i0()
m.gcd(k, j)
m.lcm(k, j)
m.gcd(b, b)
k.gcd(j)
m.gcd(x, x)
m.gcd(h, h)
m.gcd(k, m.tensor(6))
k.detach().clone().gcd_(j)
k.detach().clone().lcm_(j)
m.bitwise_left_shift(k, 2)
m.bitwise_left_shift(b, b)
k << 3
k >> 1
2 << n
k.bitwise_right_shift(n)
m.bitwise_right_shift(k, 70)
m.bitwise_left_shift(k, 70)
m.bitwise_right_shift(k, -1)
m.bitwise_left_shift(x, x)
m.heaviside(x.detach(), s.detach())
m.heaviside(e.detach(), s.detach())
m.heaviside(k, m.tensor(5))
m.heaviside(k, s.detach())
m.heaviside(x, x)
m.ldexp(x, n[:3])
m.ldexp(x, y)
m.ldexp(k, n)
x.ldexp(n[:3])
m.frexp(x)
m.frexp(e[:4].detach())
m.frexp(k)
x.frexp()
m.nextafter(x.detach(), y.detach())
m.nextafter(e.detach(), s.detach())
m.nextafter(k, k)
m.nextafter(x, y)
m.positive(x)
m.positive(h)
x.positive()
m.rsub(x, y)
m.rsub(x, 3, alpha=2)
m.polygamma(1, y)
""".strip().splitlines()


@pytest.mark.parametrize("text", TEXTS)
def test_same(peers: Any, text: str) -> None:
    """Values, dtypes, shapes and two derivatives; or the exception's class."""
    used = {n: a for n, a in INPUTS.items() if re.search(rf"(?<![.\w]){n}\b(?!=)", text)}

    def program(m: Any, given: dict[str, Any]) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = eval(text, {"m": m, "S": m.special}, dict(given))
            if text in DETACHED or text in GIVEN:  # no gradient: it says so
                out.sum().backward()
            return out

    peers.agree(program, used)


GIVEN = {f"S.{f}(y)" for f in PLAIN}
DETACHED = {"m.heaviside(x, x)", "S.zeta(y, y)", "m.igamma(y, y + 1)"}


@pytest.mark.parametrize("name", [*ONE, "xlog1py"])
def test_gradcheck(name: str) -> None:
    """Central differences, to second order."""
    f = getattr(cr.special, name)
    x = [cr.tensor(INPUTS["q"], requires_grad=True) for _ in range(1 + (name == "xlog1py"))]
    assert gradcheck(f, x, rtol=1e-5)
    assert gradgradcheck(f, x, rtol=1e-4)
