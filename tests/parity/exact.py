"""Values and derivatives of elementwise functions with fifty digits, by mpmath."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np

mp.mp.dps = 50
Exact = Callable[[Any], Any]


def _softplus(x: Any) -> Any:
    return x + mp.log1p(mp.exp(-x)) if x > 0 else mp.log1p(mp.exp(x))


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x)) if x > 0 else mp.exp(x) / (1 + mp.exp(x))


def _tanh_slope(x: Any) -> Any:
    return 1 / mp.cosh(x) ** 2


def _normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _density(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _gaussian(x: Any) -> Any:
    return 2 / mp.sqrt(mp.pi) * mp.exp(-x * x)


def _mish(x: Any) -> Any:
    return x * mp.tanh(_softplus(x))


def _mish_slope(x: Any) -> Any:
    s = _softplus(x)
    return mp.tanh(s) + x * _sigmoid(x) * _tanh_slope(s)


def _one(x: Any) -> Any:
    return mp.mpf(1)


REAL, POSITIVE, UNIT, ABOVE = (-np.inf, np.inf), (0.0, np.inf), (-1.0, 1.0), (1.0, np.inf)
# name: where it is found, its domain, the function and its derivative, with fifty digits
FUNCTIONS: dict[str, tuple[str, tuple[float, float], Exact, Exact]] = {
    "exp": ("m", REAL, mp.exp, mp.exp),
    "exp2": ("m", REAL, lambda x: mp.mpf(2) ** x, lambda x: mp.log(2) * mp.mpf(2) ** x),
    "expm1": ("m", REAL, mp.expm1, mp.exp),
    "log": ("m", POSITIVE, mp.log, lambda x: 1 / x),
    "log2": ("m", POSITIVE, lambda x: mp.log(x) / mp.log(2), lambda x: 1 / (x * mp.log(2))),
    "log10": ("m", POSITIVE, mp.log10, lambda x: 1 / (x * mp.log(10))),
    "log1p": ("m", (-1.0, np.inf), mp.log1p, lambda x: 1 / (1 + x)),
    "sqrt": ("m", POSITIVE, mp.sqrt, lambda x: 1 / (2 * mp.sqrt(x))),
    "rsqrt": ("m", POSITIVE, lambda x: 1 / mp.sqrt(x), lambda x: -1 / (2 * x * mp.sqrt(x))),
    "reciprocal": ("m", REAL, lambda x: 1 / x, lambda x: -1 / (x * x)),
    "square": ("m", REAL, lambda x: x * x, lambda x: 2 * x),
    "sin": ("m", REAL, mp.sin, mp.cos),
    "cos": ("m", REAL, mp.cos, lambda x: -mp.sin(x)),
    "tan": ("m", REAL, mp.tan, lambda x: 1 / mp.cos(x) ** 2),
    "asin": ("m", UNIT, mp.asin, lambda x: 1 / mp.sqrt((1 - x) * (1 + x))),
    "acos": ("m", UNIT, mp.acos, lambda x: -1 / mp.sqrt((1 - x) * (1 + x))),
    "atan": ("m", REAL, mp.atan, lambda x: 1 / (1 + x * x)),
    "sinh": ("m", REAL, mp.sinh, mp.cosh),
    "cosh": ("m", REAL, mp.cosh, mp.sinh),
    "tanh": ("m", REAL, mp.tanh, _tanh_slope),
    "asinh": ("m", REAL, mp.asinh, lambda x: 1 / mp.sqrt(1 + x * x)),
    "acosh": ("m", ABOVE, mp.acosh, lambda x: 1 / mp.sqrt((x - 1) * (x + 1))),
    "atanh": ("m", UNIT, mp.atanh, lambda x: 1 / ((1 - x) * (1 + x))),
    "sigmoid": ("m", REAL, _sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
    "erf": ("m", REAL, mp.erf, _gaussian),
    "erfc": ("m", REAL, mp.erfc, lambda x: -_gaussian(x)),
    "lgamma": ("m", POSITIVE, mp.loggamma, mp.digamma),
    "digamma": ("m", POSITIVE, mp.digamma, lambda x: mp.psi(1, x)),
    "logit": ("m", (0.0, 1.0), lambda x: mp.log(x / (1 - x)), lambda x: 1 / (x * (1 - x))),
    "softplus": ("F", REAL, _softplus, _sigmoid),
    "logsigmoid": ("F", REAL, lambda x: -_softplus(-x), lambda x: _sigmoid(-x)),
    "silu": (
        "F", REAL, lambda x: x * _sigmoid(x),
        lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x)),
    ),
    "mish": ("F", REAL, _mish, _mish_slope),
    "gelu": ("F", REAL, lambda x: x * _normal(x), lambda x: _normal(x) + x * _density(x)),
    "elu": (
        "F", REAL, lambda x: x if x > 0 else mp.expm1(x),
        lambda x: mp.mpf(1) if x > 0 else mp.exp(x),
    ),
    "softsign": ("F", REAL, lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    "tanhshrink": ("F", REAL, lambda x: x - mp.tanh(x), lambda x: mp.tanh(x) ** 2),
}  # fmt: skip


@cache
def points(name: str, dtype: str) -> Any:
    """Finite points of a function's domain: near 0, subnormal, near its ends, moderate, huge."""
    low, high = FUNCTIONS[name][1]
    info = np.finfo(dtype)
    sizes = [info.smallest_subnormal, info.tiny, np.sqrt(info.tiny), info.eps ** 2, info.eps,
             1e-4, 0.1, 0.5, 0.9, 1.0, 1.5, 2.0, 3.0, 5.0, 7.3, 9.0, 13.0, 17.5, 20.0, 21.0, 30.0,
             40.0, 87.0, 88.7, 103.0, 700.0, 709.7, 745.0, 1e4, 1e10, np.sqrt(info.max),
             info.max]  # fmt: skip
    one = np.asarray(1.0, dtype)
    near = [np.nextafter(one, np.asarray(2, dtype)), np.nextafter(one, np.asarray(0, dtype))]
    draw = np.random.default_rng(0)
    many = np.concatenate([sizes, near, np.exp(draw.uniform(-12, 5, 40))]).astype(dtype)
    signed = np.unique(np.concatenate([many, -many]))
    if name in ("sin", "cos", "tan"):
        signed = signed[np.abs(signed) < 1e5]
    return signed[(signed > low) & (signed < high)]


def exact_of(name: str, at: Any, dtype: str) -> tuple[Any, Any]:
    """Exact values and derivatives at the points of an array, as lists of mpmath's numbers."""
    _, _, value, slope = FUNCTIONS[name]
    exact = [mp.mpf(float(x)) for x in at]
    return [_safe(value, x) for x in exact], [_safe(slope, x) for x in exact]


def _safe(function: Exact, x: Any) -> Any:
    with mp.workdps(60 + min(int(abs(x)), 400)):  # what e^-x adds to 1 shows after x/2.3 digits
        try:
            return function(x)
        except (OverflowError, ValueError, mp.libmp.NoConvergence):
            return mp.nan


def ulps(got: Any, exact: Any, dtype: str) -> Any:
    """Errors in units of the last place of the exact value; 0 where both are beyond the range."""
    info = np.finfo(dtype)
    most, least = mp.mpf(float(info.max)), mp.mpf(float(info.smallest_subnormal))
    found = []
    for g, e in zip(np.asarray(got).tolist(), exact, strict=True):
        if mp.isnan(e):
            found.append(0.0)
            continue
        if abs(e) > most:  # rounds to inf, or just does not
            found.append(0.0 if abs(g) == np.inf or abs(g) >= float(info.max) * 0.99 else np.inf)
            continue
        if not np.isfinite(g):
            found.append(np.inf)
            continue
        size = max(abs(e), mp.mpf(float(info.tiny)))
        unit = max(mp.mpf(2) ** (mp.floor(mp.log(size, 2)) - info.nmant), least)
        found.append(float(abs(mp.mpf(g) - e) / unit))
    return np.array(found)
