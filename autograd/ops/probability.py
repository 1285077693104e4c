"""Special functions of probability: the normal distribution, entropy, incomplete gamma, zeta.

Source: M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions" (1964), chapters 6, 7
and 26.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special as scipy_special

from ..declare import Array, elementwise, names, op
from ..errors import refuse
from ..handle import Handle
from ..op import REFUSED
from .arithmetic import PAIR
from .compare import where
from .exponential import exp, log
from .forms import offered, twin, without_gradient
from .halves import rounded_once
from .logarithms import log1p
from .reduce import total
from .samples import reals
from .shape import unsqueeze
from .special import lgamma

ROOT2, ROOT_2PI = math.sqrt(2), math.sqrt(2 * math.pi)
_space = names["special"]


def _special(name: str, kernel: Any, partials: Any, samples: Any, doc: str, example: str,
             inputs: Any = ("input",)) -> Any:  # fmt: skip
    call = elementwise(
        name,
        rounded_once(kernel),
        partials,
        inputs=inputs,
        promote="float",
        complex_rules=REFUSED,
        samples=samples,
        where=(),
        doc=f"{doc}\n\n>>> import chainrule as cr\n>>> cr.special.{name}({example}\n",
    )
    _space[name] = call.op.function
    return call


entr = _special(
    "entr",
    scipy_special.entr,
    {"input": lambda input: -log(input) - 1},
    reals(0.2, 3),
    "−x·ln x, 0 at 0, −inf below.",
    "cr.tensor([0.0, 1.0, 0.5]))\ntensor([0.0000, -0.0000, 0.3466])",
)
erfcx: Any = _special(
    "erfcx",
    scipy_special.erfcx,
    {"input": lambda input, out: 2 * input * out - 2 / math.sqrt(math.pi)},
    reals(-1, 3),
    "eˣ²·erfc(x), without underflow.",
    "cr.tensor([0.0, 1.0]))\ntensor([1.0000, 0.4276])",
)
ndtr = _special(
    "ndtr",
    scipy_special.ndtr,
    {"input": lambda input: exp(-0.5 * input**2) * (1 / ROOT_2PI)},
    reals(),
    "The distribution function of the standard normal, Φ(x) = ½·erfc(−x/√2).",
    "cr.tensor([0.0, 1.0]))\ntensor([0.5000, 0.8413])",
)
ndtri = _special(
    "ndtri",
    scipy_special.ndtri,
    {"input": lambda out: ROOT_2PI * exp(0.5 * out**2)},
    reals(0.05, 0.95),
    "The inverse of ``ndtr``: ∓inf at 0 and 1, nan outside.",
    "cr.tensor([0.5, 0.8413]))\ntensor([0.0000, 0.9998])",
)
log_ndtr = _special(
    "log_ndtr",
    scipy_special.log_ndtr,
    # φ/Φ by erfcx, which does not underflow far below 0
    {"input": lambda input: math.sqrt(2 / math.pi) / erfcx(-input / ROOT2)},
    reals(),
    "ln Φ(x), exact far below 0 too.",
    "cr.tensor([0.0, -20.0]))\ntensor([  -0.6931, -203.9172])",
)


def _xlog1py_kernel(x: Any, y: Any) -> Any:
    return np.where((np.asarray(x) == 0) & ~np.isnan(y), 0.0, x * np.log1p(y)).astype(
        np.result_type(x, y)
    )[()]


def _log1p_where(input: Any, other: Any) -> Any:
    """ln(1 + other), and 0 where it does not count; of a plain number exact in any dtype."""
    if isinstance(other, (int, float)) and other > -1:
        return math.log1p(other)
    nothing = (input == 0) * (other <= -1)
    return where(nothing, 0.0, log1p(where(nothing, 0.0, other)))


xlog1py = _special(
    "xlog1py",
    _xlog1py_kernel,
    {
        "input": lambda input, other: _log1p_where(input, other),
        "other": lambda input, other: input / (other + 1),
    },
    reals(-2, 2, (-0.5, 3)),
    "``input · ln(1 + other)``, and 0 where ``input`` is 0.",
    "cr.tensor([0.0, 2.0]), cr.tensor([-1.0, 1.0]))\ntensor([0.0000, 1.3863])",
    PAIR,
)


def _second(name: str, kernel: Any, rule: Any, doc: str, samples: Any) -> Any:
    """A function of two arguments of which only ``other`` has a derivative."""

    @rounded_once
    def both(x: Any, y: Any) -> Any:
        return kernel(x, y)

    def declared(input: Array, other: Array) -> Any:
        return both(input, other)

    declared.__doc__ = doc.partition("\n")[0]
    call = op({"other": rule}, name=name, where=(), partial=True, promote="float", numbers=True,
              samples=samples)(declared)  # fmt: skip

    def function(input: Any, other: Any) -> Any:
        if name != "zeta":
            refuse(name, input._data, "biu")
        if not isinstance(input, Handle):
            return call(input, other)
        return without_gradient(input, call(input.detach(), other), name)  # type: ignore[attr-defined]

    function.__name__, function.__doc__ = name, doc
    return call, function


zeta_op, _zeta = _second(
    "zeta",
    scipy_special.zeta,
    lambda input, other: -input * zeta_op(input + 1, other),
    """The Hurwitz zeta function Σₖ (k + other)^(−input); only ``other`` has a gradient.

    >>> import chainrule as cr
    >>> cr.special.zeta(cr.tensor([2.0]), 1)
    tensor([1.6449])
    """,
    None,
)
_space["zeta"] = _zeta


def _density(input: Any, other: Any) -> Any:
    """other^(input − 1)·e^(−other)/Γ(input), in logarithms."""
    return exp((input - 1) * log(other) - other - lgamma(input))


_INCOMPLETE = """The regularised {which} incomplete gamma function {symbol}.

    Only ``other`` has a gradient.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([1.0]), cr.tensor([1.0]))
    tensor([{shown}])
    """
for _name, _alias, _kernel, _rule, _words in (
    ("igamma", "gammainc", scipy_special.gammainc, lambda input, other: _density(input, other),
     ("lower", "P(input, other)", "0.6321")),
    ("igammac", "gammaincc", scipy_special.gammaincc, lambda input, other: -_density(input, other),
     ("upper", "1 − P(input, other)", "0.3679")),
):  # fmt: skip
    _text = _INCOMPLETE.format(which=_words[0], symbol=_words[1], name=_name, shown=_words[2])
    _, _function = _second(_name, _kernel, _rule, _text, None)
    _space[_alias] = offered("torch", "tensor", name=_name)(_function)
    twin(_function, f"{_name}_")


@offered("torch", "tensor")
def mvlgamma(input: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension ``p``.

    ln Γₚ(x) = p(p − 1)/4·ln π + Σⱼ ln Γ(x + (1 − j)/2), j = 1 … p.

    >>> import chainrule as cr
    >>> cr.mvlgamma(cr.tensor([3.0]), 2)
    tensor([1.5502])
    """
    if p < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, got {p}")
    x = input if input.dtype.category > 1 else input.float()
    steps = names["torch"]["arange"](p, dtype=x.dtype) * -0.5
    return total(lgamma(unsqueeze(x, -1) + steps), -1) + p * (p - 1) / 4 * math.log(math.pi)


twin(mvlgamma, "mvlgamma_")
_space["multigammaln"] = mvlgamma
