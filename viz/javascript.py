"""The fourth printing of a `Sym`: JavaScript on single numbers, for figures that recompute."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..autograd.sym import Sym

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_RELATION = {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "eq": "===", "ne": "!=="}
# In JavaScript's Math under the same name, with the same meaning.
_MATH_NAMES = "exp log sqrt sin cos tan tanh sinh cosh asin acos atan asinh acosh atanh atan2 expm1"
_MATH_NAMES += " log1p log2 log10 hypot abs sign floor ceil trunc"
_MATH = frozenset(_MATH_NAMES.split())
_TEMPLATES = {
    "neg": "-{0}",
    "square": "({0})**2",
    "reciprocal": "1/({0})",
    "rsqrt": "1/Math.sqrt({0})",
    "exp2": "2**({0})",
    "sgn": "Math.sign({0})",
    "maximum": "Math.max({0},{1})",
    "minimum": "Math.min({0},{1})",
    "where": "(({0})?({1}):({2}))",
    "isnan": "+Number.isNaN({0})",
    "isfinite": "+Number.isFinite({0})",
    "logical_not": "+!({0})",
    "frac": "({0})-Math.trunc({0})",
    "trunc_divide": "Math.trunc(({0})/({1}))",
    "deg2rad": "({0})*(Math.PI/180)",
    "rad2deg": "({0})*(180/Math.PI)",
    "lerp": "({0})+({2})*(({1})-({0}))",
    "addcmul": "({0})+({3})*({1})*({2})",
    "addcdiv": "({0})+({3})*({1})/({2})",
}
# In assets/maths.js under the same name.
_HELPER_NAMES = "sigmoid relu softplus logaddexp logaddexp2 sinc sinc_slope round remainder"
_HELPER_NAMES += " erf erfc erfinv lgamma digamma polygamma gelu elu clamp smooth_l1_loss"
_HELPER_NAMES += " huber_loss xlogy sech2 pow floor_divide fmod copysign fmax fmin leaky_relu"
_HELPER_NAMES += " silu mish logsigmoid hardtanh hardsigmoid hardswish hardshrink softshrink"
_HELPER_NAMES += " threshold prelu bounded logit logistic_loss mse_loss binary_cross_entropy"
_HELPERS = frozenset(_HELPER_NAMES.split())
# What moves or sums elements leaves a single number as it is.
_SAME_NAMES = "sum mean prod amax amin median nanmedian clone alias reshape expand squeeze permute"
_SAME_NAMES += " transpose spread real conj convert"
SAME = frozenset(_SAME_NAMES.split())


class NoJavaScriptError(ValueError):
    """An operation that has no printing in JavaScript."""


def javascript(e: Sym, names: Mapping[str, str] | None = None) -> str:
    """An expression as JavaScript; `names` maps names to what they are called there.

    The expression is of single numbers; functions that Math lacks are those of `assets/maths.js`.
    Raises NoJavaScriptError, a ValueError, for an operation that cannot be written so.

    >>> x, y = Sym("x"), Sym("y")
    >>> javascript(x * y + Sym("tanh", (x,)), {"x": "v[0]", "y": "v[1]"})
    '((v[0]*v[1])+Math.tanh(v[0]))'
    """
    names = names or {}
    if not e.args:
        return names.get(e.head, e.head) if isinstance(e.head, str) else literal(e.head)
    parts = [javascript(a, names) for a in e.args]
    if e.head in _INFIX:
        return f"({parts[0]}{_INFIX[e.head]}{parts[1]})"
    if e.head in _RELATION:
        return f"(+({parts[0]}{_RELATION[e.head]}{parts[1]}))"
    if e.head in SAME:
        return parts[0]
    if e.head in _MATH:
        return f"Math.{e.head}({','.join(parts)})"
    if e.head in _TEMPLATES:
        return f"({_TEMPLATES[e.head].format(*parts, *map(literal, e.params))})"
    if e.head in _HELPERS:
        return f"M.{e.head}({','.join([*parts, *map(literal, e.params)])})"
    raise NoJavaScriptError(
        f"{e.head} cannot be written in JavaScript, so the page cannot compute it; draw() and "
        "step() show it with the numbers that the engine computed"
    )


def literal(value: Any) -> str:
    """A plain value as JavaScript.

    >>> [literal(v) for v in (2, -0.5, float("inf"), None, True, "mean")]
    ['2', '(-0.5)', 'Infinity', 'null', 'true', '"mean"']
    """
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value)
    if not isinstance(value, (int, float)):
        raise NoJavaScriptError(
            f"{type(value).__name__} {value!r} is no single number: the page computes with single "
            "numbers only"
        )
    if math.isnan(value):
        return "NaN"
    text = "Infinity" if math.isinf(value) else repr(abs(value))
    return f"(-{text})" if math.copysign(1.0, value) < 0 else text


def printable() -> frozenset[str]:
    """Names of the operations that `javascript` prints.

    >>> {"add", "tanh", "gelu"} <= printable()
    True
    """
    return frozenset(_INFIX) | _RELATION.keys() | _MATH | _TEMPLATES.keys() | _HELPERS | SAME
