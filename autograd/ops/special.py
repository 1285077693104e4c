"""Special functions: the error function's relatives, gamma's logarithm and its derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special as scipy_special

from ..declare import Array, elementwise, export, names, op, write_out
from .exponential import exp
from .halves import rounded_once
from .reduce import check_tensor
from .samples import reals

ROOT_PI = math.sqrt(math.pi)


@rounded_once
def _erfc_kernel(x: Any) -> Any:
    """SciPy's, whose e^(−x²) far above 0 is hundreds of units off: there x² in two parts."""
    out = np.asarray(scipy_special.erfc(x))
    wide = np.asarray(x, np.float64)
    far = (wide > 0.5) & (wide < 30)
    if far.any():
        v = wide[far]
        short = v.astype(np.float32).astype(np.float64)  # its square is exact
        rest = np.exp((short - v) * (v + short))
        out = np.array(out)
        out[far] = np.exp(-short * short) * rest * scipy_special.erfcx(v)
    return out[()]


erfc = elementwise(
    "erfc",
    _erfc_kernel,
    {"input": lambda input: (-2 / ROOT_PI) * exp(-(input**2))},
    scalar=math.erfc,
    promote="float",
    tex=r"\operatorname{{erfc}} {0}",
    onnx="Sub(Erf)",
    samples=reals(),
    doc="""1 − erf(x), exact far above 0 too. Derivative −2/√π · e^(−x²).

    >>> import chainrule as cr
    >>> cr.erfc(cr.tensor([0.0, 1.0]))
    tensor([1.0000, 0.1573])
    """,
)


@rounded_once
def _erfinv_kernel(x: Any) -> Any:
    return np.copysign(scipy_special.erfinv(x), x)  # erfinv(−0) is −0


erfinv = elementwise(
    "erfinv",
    _erfinv_kernel,
    {"input": lambda out: (ROOT_PI / 2) * exp(out**2)},
    promote="float",
    symbol="erf⁻¹",
    tex=r"\operatorname{{erf}}^{{-1}} {0}",
    samples=reals(-0.9, 0.9),
    doc="""The inverse of erf; ±inf at ±1, nan outside [−1, 1]. Derivative √π/2 · e^(erfinv(x)²).

    >>> import chainrule as cr
    >>> cr.erfinv(cr.tensor([0.0, 0.5]))
    tensor([0.0000, 0.4769])
    """,
)


# ln Γ(2 + x)/x = 1 − γ + Σ (−1)ᵏ (ζ(k) − 1) xᵏ⁻¹/k, from k = 2
_ORDERS = np.arange(2, 40)
_LOG_GAMMA = np.polynomial.Polynomial(
    [1 - np.euler_gamma, *((-1.0) ** _ORDERS * scipy_special.zetac(_ORDERS) / _ORDERS)]
)


@rounded_once
def _lgamma_kernel(x: Any) -> Any:
    out = scipy_special.gammaln(x)
    size = np.abs(x)
    out = np.where(size < 1e-300, -np.log(size), out)  # SciPy has inf for the tiniest
    near = (x > 0.5) & (x < 2.5)
    if np.any(near):  # the zeros at 1 and 2, of which SciPy keeps no digits
        wide = np.asarray(x, np.float64)[near]
        low = wide < 1.5
        rest = wide - np.where(low, 1.0, 2.0)
        out[near] = _LOG_GAMMA(rest) * rest - np.where(low, np.log1p(rest), 0.0)
    return np.where(size == np.inf, size, out)[()]  # ... and −inf at −inf


lgamma = elementwise(
    "lgamma",
    _lgamma_kernel,
    {"input": lambda input: digamma(input)},
    promote="float",
    symbol="ln Γ",
    tex=r"\ln \Gamma({0})",
    samples=reals(0.3, 4),
    doc="""ln |Γ(x)|; inf at 0, −1, −2, … Derivative digamma(x).

    >>> import chainrule as cr
    >>> cr.lgamma(cr.tensor([1.0, 5.0]))
    tensor([0.0000, 3.1781])
    """,
)
digamma = elementwise(
    "digamma",
    rounded_once(scipy_special.psi),
    {"input": lambda input: polygamma_op(input, 1)},
    promote="float",
    symbol="ψ",
    tex=r"\psi({0})",
    samples=lambda s: [
        (s(3, low=0.3, high=4.0),),
        (s(2, 3, low=-0.9, high=-0.1),),
        (s(),),
        (s(0),),
    ],
    doc="""ψ(x) = Γ′(x)/Γ(x), the derivative of lgamma; nan at −1, −2, …, ∓inf at ±0.

    >>> import chainrule as cr
    >>> cr.digamma(cr.tensor([1.0, 2.0]))
    tensor([-0.5772,  0.4228])
    """,
)


@op(
    {"input": lambda g, input, n: g * polygamma_op(input, n + 1)},
    name="polygamma",
    where=(),
    promote="float",
    symbol="ψ⁽ⁿ⁾",
    samples=lambda s: [
        (s(3, low=0.3, high=4.0), 0),
        (s(2, 3, low=0.3, high=4.0), 1),
        (s(4, low=-0.8, high=-0.2), 2),
        (s(low=0.5, high=2.0), 3),
        (s(0), 1),
    ],
)
def polygamma_op(input: Array, n: int) -> Any:
    """The ``n``-th derivative of digamma: (−1)ⁿ⁺¹ n! ζ(n + 1, x)."""
    if n == 0:
        return rounded_once(scipy_special.psi)(input)
    kind = getattr(input, "dtype", np.float64)
    wide = np.asarray(input, np.float64)
    zeta = scipy_special.zeta(float(n + 1), wide)
    if n == 1:  # poles on and on: no limit
        zeta = np.where(wide == -np.inf, np.nan, zeta)
    factorial = math.gamma(n + 1) if n <= 170 else math.inf
    return ((1.0 if n % 2 else -1.0) * factorial * zeta).astype(kind)[()]


@export("torch")
def polygamma(n: int, input: Any, *, out: Any = None) -> Any:
    """The ``n``-th derivative of digamma; its own derivative is polygamma(n + 1, x).

    Raises RuntimeError for a negative ``n``.

    >>> import chainrule as cr
    >>> cr.polygamma(1, cr.tensor([1.0]))
    tensor([1.6449])
    """
    check_tensor("polygamma", input)
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n. (got n = {n})")
    result = polygamma_op(input, int(n))
    return result if out is None else write_out(out, result)


@export("tensor", name="polygamma")
def polygamma_method(self: Any, n: int) -> Any:
    """The ``n``-th derivative of digamma (see the function ``polygamma``)."""
    return polygamma(n, self)


polygamma_op.op.function = polygamma
# What torch.special calls by these and other names
_SAME: tuple[str, ...] = (
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "exp2",
    "expm1",
    "log1p",
    "log_softmax",
    "logit",
)
_SAME += ("logsumexp", "polygamma", "round", "sinc", "softmax", "xlogy")
_OTHER = {"expit": "sigmoid", "gammaln": "lgamma", "psi": "digamma"}
_space = names["special"]
for _name in (*_SAME, *_OTHER):
    if _OTHER.get(_name, _name) in names["torch"]:
        _space[_name] = names["torch"][_OTHER.get(_name, _name)]
