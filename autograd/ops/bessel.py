"""Bessel functions, orthogonal polynomials, and what ``chainrule.special`` has beyond them.

Source: M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), chapters 9, 10
and 22 (the functions), 9.6.27 (the derivatives).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special as scipy_special

from ..declare import Array, elementwise, names, op
from .compare import where
from .forms import offered, twin, without_gradient
from .halves import rounded_once
from .phases import sgn
from .samples import reals

_space = names["special"]


def _modified(name: str, kernel: Any, partial: Any, formula: str, shown: str) -> Any:
    call = elementwise(
        name,
        rounded_once(kernel),
        {"input": partial},
        promote="float",
        samples=reals(0.2, 4),
        where=(),
        doc=f"{formula}\n\n>>> import chainrule as cr\n"
        f">>> cr.special.{name}(cr.tensor([0.0, 1.0]))\ntensor({shown})\n",
    )
    _space[name] = call.op.function
    return call


i0: Any = _modified(
    "i0",
    scipy_special.i0,
    lambda input: i1(input),
    "The modified Bessel function of the first kind of order 0, I₀(x). Derivative I₁(x).",
    "[1.0000, 1.2661]",
)
i1: Any = _modified(
    "i1",
    scipy_special.i1,
    lambda input, out: where(input == 0, 0.5, i0(input) - out / (input + (input == 0))),
    "The modified Bessel function of the first kind of order 1, I₁(x). Derivative I₀ − I₁/x.",
    "[0.0000, 0.5652]",
)
i0e: Any = _modified(
    "i0e",
    scipy_special.i0e,
    lambda input, out: i1e(input) - sgn(input) * out,
    "I₀(x)·e^(−|x|), without overflow.",
    "[1.0000, 0.4658]",
)
i1e: Any = _modified(
    "i1e",
    scipy_special.i1e,
    lambda input, out: where(
        input == 0, 0.5, i0e(input) - out * (sgn(input) + 1 / (input + (input == 0)))
    ),
    "I₁(x)·e^(−|x|), without overflow.",
    "[0.0000, 0.2079]",
)
names["torch"]["i0"], names["tensor"]["i0"] = i0.op.function, i0
twin(i0, "i0_")


# -- without derivatives, as in PyTorch -----------------------------------------------------------


@op(where=(), promote="float")
def underived_special(input: Array, kernel: Any) -> Any:
    """A function of SciPy, elementwise."""
    return kernel(input)


def _plain(name: str, kernel: Any, what: str) -> None:
    kernel = rounded_once(kernel)

    def function(input: Any) -> Any:
        result = underived_special(input.detach(), kernel)
        return without_gradient(input, result, f"special_{name}")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{what}, elementwise; no gradient.\n\n>>> import chainrule as cr\n" + (
        f">>> cr.special.{name}(cr.tensor([1.0])).shape\ntorch.Size([1])\n"
    )
    offered("special")(function)


_plain("airy_ai", lambda x: scipy_special.airy(x)[0].astype(x.dtype), "The Airy function Ai(x)")
for _name, _kernel, _what in (
    ("bessel_j0", scipy_special.j0, "J₀(x), the Bessel function of the first kind of order 0"),
    ("bessel_j1", scipy_special.j1, "J₁(x), the Bessel function of the first kind of order 1"),
    ("bessel_y0", scipy_special.y0, "Y₀(x), the Bessel function of the second kind of order 0"),
    ("bessel_y1", scipy_special.y1, "Y₁(x), the Bessel function of the second kind of order 1"),
    ("modified_bessel_i0", scipy_special.i0, "I₀(x), a modified Bessel function"),
    ("modified_bessel_i1", scipy_special.i1, "I₁(x), a modified Bessel function"),
    ("modified_bessel_k0", scipy_special.k0, "K₀(x), a modified Bessel function"),
    ("modified_bessel_k1", scipy_special.k1, "K₁(x), a modified Bessel function"),
    ("scaled_modified_bessel_k0", scipy_special.k0e, "K₀(x)·eˣ, without underflow"),
    ("scaled_modified_bessel_k1", scipy_special.k1e, "K₁(x)·eˣ, without underflow"),
    ("spherical_bessel_j0", lambda x: np.sinc(x / np.pi).astype(x.dtype), "sin(x)/x, 1 at 0"),
):
    _plain(_name, _kernel, _what)


@op(where=(), promote="float", numbers=True)
def polynomial(input: Array, n: Array, kernel: Any) -> Any:
    """A family of polynomials of degree ``n``."""
    x, degree = np.asarray(input), np.asarray(n)
    whole = np.trunc(degree).astype(np.int64)
    out = kernel(whole, x.astype(np.float64))
    return np.where(whole < 0, 0.0, out).astype(x.dtype)[()]


def _family(name: str, kernel: Any, symbol: str, what: str) -> None:
    def function(input: Any, n: Any) -> Any:
        given = n.detach() if hasattr(n, "_data") else n
        result = polynomial(input.detach(), given, kernel)
        return without_gradient(input, result, f"special_{name}")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"{symbol}, the {what} polynomial of degree ``n``; no gradient.\n\n"
        f">>> import chainrule as cr\n>>> cr.special.{name}(cr.tensor([0.5]), 0)\ntensor([1.])\n"
    )
    offered("special")(function)


def _third(n: Any, x: Any) -> Any:
    """Vₙ(x) = cos((n + ½)θ)/cos(θ/2) = (−1)ⁿ·Wₙ(−x), by Vₙ = Uₙ − Uₙ₋₁."""
    before = np.where(n > 0, scipy_special.eval_chebyu(np.maximum(n - 1, 0), x), 0.0)
    return scipy_special.eval_chebyu(n, x) - before


def _fourth(n: Any, x: Any) -> Any:
    """Wₙ(x) = sin((n + ½)θ)/sin(θ/2) = Uₙ + Uₙ₋₁."""
    before = np.where(n > 0, scipy_special.eval_chebyu(np.maximum(n - 1, 0), x), 0.0)
    return scipy_special.eval_chebyu(n, x) + before


_KINDS = {
    "t": (scipy_special.eval_chebyt, "first"),
    "u": (scipy_special.eval_chebyu, "second"),
    "v": (_third, "third"),
    "w": (_fourth, "fourth"),
}
for _letter, (_kernel, _what) in _KINDS.items():
    _family(f"chebyshev_polynomial_{_letter}", _kernel, f"{_letter.upper()}ₙ(x)",
            f"Chebyshev ({_what} kind)")  # fmt: skip
    _family(
        f"shifted_chebyshev_polynomial_{_letter}",
        lambda n, x, kernel=_kernel: kernel(n, 2 * x - 1),
        f"{_letter.upper()}ₙ(2x − 1)",
        f"shifted Chebyshev ({_what} kind)",
    )
_family("hermite_polynomial_h", scipy_special.eval_hermite, "Hₙ(x)", "physicists' Hermite")
_family("hermite_polynomial_he", scipy_special.eval_hermitenorm, "Heₙ(x)", "Hermite")
_family("laguerre_polynomial_l", scipy_special.eval_laguerre, "Lₙ(x)", "Laguerre")
_family("legendre_polynomial_p", scipy_special.eval_legendre, "Pₙ(x)", "Legendre")
