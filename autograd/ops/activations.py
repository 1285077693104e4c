"""Smooth activations: the ELU family, softplus and its kin, gated ones, softmin and Gumbel."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from ..declare import Array, export, names, op
from ..errors import refuse
from ..handle import make
from ..shapes import axis as axis_of
from ..views import write
from .activation import relu, sigmoid
from .arithmetic import abs as abs_op
from .compare import where
from .exponential import exp, log
from .extreme import argmax, place
from .halves import rounded_once
from .join import narrow
from .random import source
from .reduce import check_tensor
from .softmax import softmax
from .trigonometric import sech2, tanh

SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def finished(input: Any, result: Any, inplace: bool, name: str) -> Any:
    """The result, or ``input`` with the result written into it."""
    return write(input, result, name) if inplace else result


def _around(s: Any, *more: Any) -> list[Any]:
    """Sample calls on both sides of 0, kinks left out."""
    return [(s.distinct(3, 4), *more), (s.distinct(5),), (s.distinct(2, 1, 3), *more), (s(),),
            (s(0, 2),)]  # fmt: skip


@op(
    {
        # the exponent is cut off at 0, so that the branch not taken cannot overflow
        "input": lambda g, input, alpha, scale, input_scale: where(
            input <= 0,
            g * (alpha * scale * input_scale * exp(-relu(-input) * input_scale)),
            g * scale,
        )
    },
    name="elu",
    where=(),
    promote="keep",
    tex=r"\operatorname{{elu}}({0})",
    onnx="Elu",
    samples=lambda s: [*_around(s, 1.5), (s.distinct(4), 1.67, 1.05), (s.distinct(4), 2.0, 1, 0.5)],
)
@rounded_once
def elu_op(input: Array, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    """``scale``·x above 0, ``scale·alpha``·(e^(``input_scale``·x) − 1) below."""
    refuse("elu", input)
    below = np.expm1(np.minimum(input, 0) * input_scale) * (alpha * scale)
    return np.where(np.less_equal(input, 0), below, np.multiply(input, scale))[()]


@export("F")
def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """X above 0, α(eˣ − 1) below. Derivative 1 above 0, αeˣ at 0 and below.

    Source: Clevert, Unterthiner and Hochreiter, "Exponential Linear Units", 2015.

    >>> import chainrule as cr
    >>> cr.nn.functional.elu(cr.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.0000,  2.0000])
    """
    check_tensor("elu", input)
    return finished(input, elu_op(input, alpha, 1.0, 1.0), inplace, "elu_")


@export("F")
def selu(input: Any, inplace: bool = False) -> Any:
    """λx above 0, λα(eˣ − 1) below, λ ≈ 1.0507 and α ≈ 1.6733: keeps mean 0 and variance 1.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.

    >>> import chainrule as cr
    >>> cr.nn.functional.selu(cr.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.1113,  0.0000,  2.1014])
    """
    check_tensor("selu", input)
    return finished(input, elu_op(input, SELU_ALPHA, SELU_SCALE, 1.0), inplace, "selu_")


@export("F")
def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """X above 0, α(e^(x/α) − 1) below: an ELU whose derivative is continuous for every α.

    Raises RuntimeError for α = 0. Source: Barron, "Continuously Differentiable ELUs", 2017.

    >>> import chainrule as cr
    >>> cr.nn.functional.celu(cr.tensor([-1.0, 0.0, 2.0]), 2.0)
    tensor([-0.7869,  0.0000,  2.0000])
    """
    check_tensor("celu", input)
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return finished(input, elu_op(input, alpha, 1.0, 1.0 / alpha), inplace, "celu_")


elu_op.op.function = elu


@op(
    {
        "input": lambda g, input, beta, threshold: where(
            input * beta > threshold, g, g * sigmoid(input * beta)
        )
    },
    where=("F",),
    promote="keep",
    tex=r"\operatorname{{softplus}}({0})",
    onnx="Softplus",
    samples=lambda s: [*_around(s, 2.0, 3.0), (s(4), 0.5)],
)
@rounded_once
def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """ln(1 + e^(βx))/β, a smooth relu; the identity where βx > ``threshold``. Derivative σ(βx).

    >>> import chainrule as cr
    >>> cr.nn.functional.softplus(cr.tensor([-1.0, 0.0, 30.0]))
    tensor([ 0.3133,  0.6931, 30.0000])
    """
    refuse("softplus", input)
    scaled = np.multiply(input, beta)
    smooth = np.log1p(np.exp(np.minimum(scaled, threshold))) / beta
    return np.where(scaled > threshold, input, smooth)[()]


@op(
    {"input": lambda g, input: g * sigmoid(-input)},
    where=("F",),
    promote="keep",
    symbol="ln σ",
    tex=r"\ln \sigma({0})",
    onnx="Log(Sigmoid)",
    samples=_around,
)
@rounded_once
def logsigmoid(input: Array) -> Any:
    """Ln σ(x) = −ln(1 + e⁻ˣ), exact for large |x|. Derivative σ(−x).

    >>> import chainrule as cr
    >>> cr.nn.functional.logsigmoid(cr.tensor([-200.0, 0.0]))
    tensor([-200.0000,   -0.6931])
    """
    refuse("logsigmoid", input)
    return np.minimum(input, 0) - np.log1p(np.exp(-np.abs(input)))


def _silu_slope(input: Any) -> Any:
    gate = sigmoid(input)
    return gate * (1 + input * (1 - gate))


@op(
    {"input": lambda g, input: g * _silu_slope(input)},
    name="silu",
    where=(),
    promote="keep",
    tex=r"\operatorname{{silu}}({0})",
    onnx="Swish",
    samples=_around,
)
@rounded_once
def silu_op(input: Array) -> Any:
    """X·σ(x)."""
    refuse("silu", input)
    return input * expit(input)


@export("F")
def silu(input: Any, inplace: bool = False) -> Any:
    """x·σ(x), also called swish. Derivative σ(x)(1 + x(1 − σ(x))).

    Source: Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units", 2017.

    >>> import chainrule as cr
    >>> cr.nn.functional.silu(cr.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2689,  0.0000,  1.7616])
    """
    check_tensor("silu", input)
    return finished(input, silu_op(input), inplace, "silu_")


silu_op.op.function = silu


def _mish_slope(input: Any) -> Any:
    smooth = softplus(input, 1.0, 20.0)
    return tanh(smooth) + input * sigmoid(input) * sech2(smooth)


@op(
    {"input": lambda g, input: g * _mish_slope(input)},
    name="mish",
    where=(),
    promote="keep",
    tex=r"\operatorname{{mish}}({0})",
    onnx="Mish",
    samples=_around,
)
@rounded_once
def mish_op(input: Array) -> Any:
    """x·tanh(softplus(x))."""
    refuse("mish", input)
    return input * np.tanh(np.logaddexp(0, input))


@export("F")
def mish(input: Any, inplace: bool = False) -> Any:
    """x·tanh(ln(1 + eˣ)).

    Source: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.

    >>> import chainrule as cr
    >>> cr.nn.functional.mish(cr.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.3034,  0.0000,  1.9440])
    """
    check_tensor("mish", input)
    return finished(input, mish_op(input), inplace, "mish_")


mish_op.op.function = mish


@export("F")
def softsign(input: Any) -> Any:
    """x/(1 + |x|), between −1 and 1.

    >>> import chainrule as cr
    >>> cr.nn.functional.softsign(cr.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return input / (abs_op(input) + 1)


@export("F")
def tanhshrink(input: Any) -> Any:
    """X − tanh x.

    >>> import chainrule as cr
    >>> cr.nn.functional.tanhshrink(cr.tensor([0.0, 2.0]))
    tensor([0.0000, 1.0360])
    """
    return input - tanh(input)


@export("F")
def glu(input: Any, dim: int = -1) -> Any:
    """a·σ(b), where a and b are the halves of ``input`` along ``dim``.

    Raises RuntimeError where that size is odd.
    Source: Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2016.

    >>> import chainrule as cr
    >>> cr.nn.functional.glu(cr.tensor([1.0, 2.0, 0.0, 100.0]))
    tensor([0.5000, 2.0000])
    """
    check_tensor("glu", input)
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    k = axis_of(dim, input.ndim)
    n = input.shape[k]
    if n % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {k} is size {n}")
    refuse("glu", input._data)
    return narrow(input, k, 0, n // 2) * sigmoid(narrow(input, k, n // 2, n // 2))


@export("F")
def softmin(input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    """``softmax`` of −``input``: e⁻ˣ / Σ e⁻ˣ along ``dim``.

    >>> import chainrule as cr
    >>> cr.nn.functional.softmin(cr.tensor([1.0, 3.0]), 0)
    tensor([0.8808, 0.1192])
    """
    return softmax(-input, dim, _stacklevel, dtype)


@export("F")
def gumbel_softmax(
    logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Any:
    """``softmax((logits + g)/tau)`` with g drawn from the Gumbel distribution.

    With ``hard`` the result is one-hot, and its gradient that of the soft one.
    Source: Jang, Gu and Poole, "Categorical Reparameterization with Gumbel-Softmax", 2016.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0)
    >>> cr.nn.functional.gumbel_softmax(cr.tensor([1.0, 2.0, 9.0]), hard=True)
    tensor([0., 0., 1.])
    """
    shape = tuple(logits.shape)
    drawn = make(source(None).exponential(shape, logits.dtype.np, 1.0))
    soft = softmax((logits - log(drawn)) / tau, dim)
    if not hard:
        return soft
    chosen = argmax(soft, dim, True)
    one = make(np.ones(tuple(chosen.shape), soft.dtype.np))
    top = place(one, chosen, shape, dim, True)
    return top - soft.detach() + soft


def twin_of(function: Any) -> Any:
    """The form that writes into its argument: ``elu_`` of ``elu``."""

    def twin(input: Any, *args: Any, **kwargs: Any) -> Any:
        return function(input, *args, **kwargs, inplace=True)

    twin.__name__ = twin.__qualname__ = function.__name__ + "_"
    twin.__module__ = function.__module__
    twin.__doc__ = f"``{function.__name__}``, written into its argument."
    return twin


def publish_twins(functions: Any, top: Any) -> None:
    """``elu_`` and its like in nn.functional; those in ``top`` and their twins at the top too."""
    for function in functions:
        names["F"][function.__name__ + "_"] = twin_of(function)
    for function in top:
        names["torch"][function.__name__] = function
        names["torch"][function.__name__ + "_"] = twin_of(function)


publish_twins((elu, selu, celu), (selu, celu))
