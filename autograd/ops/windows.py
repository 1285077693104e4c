"""Windows for spectra: ``hann_window`` and its kin, and those of ``chainrule.signal.windows``.

A window of n elements is symmetric; a *periodic* one (for spectra) is that of n + 1 without its
last. All are computed in double precision.

Source: F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier
transform" (1978).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import devices
from ..declare import Space, names, tensor_of, write_out
from ..dtypes import as_dtype, get_default_dtype

names.setdefault("signal", Space())
HAMMING, HANN = (0.54, 0.46), (0.5, 0.5)
BLACKMAN, NUTTALL = (0.42, 0.5, 0.08), (0.3635819, 0.4891775, 0.1365995, 0.0106411)
Shape = Callable[[Any, int], Any]  # (places 0 … n − 1, n) -> values


def _cosines(a: Sequence[float]) -> Shape:
    """a₀ − a₁·cos(2πk/(n − 1)) + a₂·cos(4πk/(n − 1)) − …"""

    def shape(k: Any, n: int) -> Any:
        turns = 2 * np.pi * k / (n - 1)
        return sum(((-1) ** i * c * np.cos(i * turns) for i, c in enumerate(a)), np.zeros(n))

    return shape


def _bartlett(k: Any, n: int) -> Any:
    return 1 - np.abs(2 * k / (n - 1) - 1)


def _kaiser(beta: float) -> Shape:
    return lambda k, n: (
        np.i0(beta * np.sqrt(np.maximum(1 - (2 * k / (n - 1) - 1) ** 2, 0))) / np.i0(beta)
    )


def _made(
    shape: Shape, length: int, periodic: bool, dtype: Any, requires_grad: bool, device: Any
) -> Any:
    """The tensor of a window."""
    devices.check(device)
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    n = length + periodic
    values = np.ones(length) if length < 2 else shape(np.arange(n, dtype=np.float64), n)[:length]
    return tensor_of(values.astype(kind.np)).requires_grad_(requires_grad)


# -- chainrule.hann_window and its kin ------------------------------------------------------------


def _window(
    name: str, shape: Callable[..., Shape], options: dict[str, float], formula: str, shown: str
) -> None:
    order = ["window_length", "periodic", *options]

    def function(
        *args: Any, dtype: Any = None, layout: Any = None, device: Any = None,
        pin_memory: bool = False, requires_grad: bool = False, out: Any = None, **named: Any,
    ) -> Any:  # fmt: skip
        if len(args) > len(order) or set(named) - set(order[len(args) :]) or not (args or named):
            raise TypeError(
                f"{name}() takes window_length, {', '.join(order[1:])}; got {len(args)} positional "
                f"arguments and {sorted(named)}"
            )
        given = {"periodic": True, **options, **dict(zip(order, args, strict=False)), **named}
        length = int(given.pop("window_length"))
        if length < 0:
            raise RuntimeError(
                f"{name} requires non-negative window_length, got window_length={length}"
            )
        if dtype is not None and as_dtype(dtype).category != 2:
            raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
        periodic = bool(given.pop("periodic"))
        made = _made(shape(**given), length, periodic, dtype, requires_grad, device)
        return made if out is None else write_out(out, made)

    function.__name__ = function.__qualname__ = name
    text = "".join(f", {k}={v}" for k, v in options.items())
    function.__doc__ = f"""The {name.removesuffix("_window").capitalize()} window {formula}.

    ``{name}(window_length, periodic=True{text}, *, dtype=None, requires_grad=False)``:
    N = window_length − 1, or window_length where ``periodic``.

    >>> import chainrule as cr
    >>> cr.{name}(4)
    tensor({shown})
    """
    names["torch"][name] = function


_window(
    "bartlett_window",
    lambda: _bartlett,
    {},
    "1 − |2k/N − 1|",
    "[0.0000, 0.5000, 1.0000, 0.5000]",
)
_window(
    "hann_window",
    lambda: _cosines(HANN),
    {},
    "½ − ½·cos(2πk/N)",
    "[0.0000, 0.5000, 1.0000, 0.5000]",
)
_window(
    "hamming_window",
    lambda alpha, beta: _cosines((alpha, beta)),
    {"alpha": 0.54, "beta": 0.46},
    "alpha − beta·cos(2πk/N)",
    "[0.0800, 0.5400, 1.0000, 0.5400]",
)
_window(
    "blackman_window",
    lambda: _cosines(BLACKMAN),
    {},
    "0.42 − 0.5·cos(2πk/N) + 0.08·cos(4πk/N)",
    "[-1.3878e-17,  3.4000e-01,  1.0000e+00,  3.4000e-01]",
)
_window(
    "kaiser_window",
    _kaiser,
    {"beta": 12.0},
    "I₀(beta·√(1 − (2k/N − 1)²))/I₀(beta)",
    "[5.2773e-05, 2.1567e-01, 1.0000e+00, 2.1567e-01]",
)


# -- chainrule.signal.windows ---------------------------------------------------------------------


def _signal(
    name: str, shape: Callable[..., Shape], options: dict[str, Any], formula: str, call: str
) -> None:
    order = ["M", *([next(iter(options))] if name in ("general_cosine",) else [])]

    def function(
        *args: Any, sym: bool = True, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, **named: Any,
    ) -> Any:  # fmt: skip
        given = {**options, **dict(zip(order, args, strict=False)), **named}
        if "M" not in given or set(given) - {"M", *options} or len(args) > 1:
            raise TypeError(
                f"{name}() takes M and the keywords {', '.join([*options, 'sym', 'dtype'])}; got "
                f"{len(args)} positional arguments and {sorted(named)}"
            )
        length = int(given.pop("M"))
        if length < 0:
            raise ValueError(f"{name} requires non-negative window length, got M={length}")
        kind = get_default_dtype() if dtype is None else as_dtype(dtype)
        if kind.name not in ("float32", "float64"):
            raise ValueError(f"{name} expects float32 or float64 dtypes, got: {kind}")
        made = shape(**given, **({"sym": sym} if name == "exponential" else {}))
        return _made(made, length, not sym, kind, requires_grad, device)

    function.__name__ = function.__qualname__ = name
    text = "".join(f", {k}={v}" for k, v in options.items())
    function.__doc__ = f"""The window {formula}.

    ``{name}(M, *{text}, sym=True, dtype=None, requires_grad=False)``: M elements, N = M − 1;
    ``sym=False`` gives the periodic window, N = M.

    >>> import chainrule as cr
    >>> cr.signal.windows.{name}({call}).shape
    torch.Size([5])
    """
    names["signal"][name] = function


def _positive(word: str, value: float) -> float:
    if value <= 0:
        raise ValueError(f"{word} must be positive, got: {value} instead.")
    return value


def _exponential(center: float | None, tau: float, sym: bool) -> Shape:
    _positive("Tau", tau)
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    return lambda k, n: np.exp(-np.abs(k - ((n - 1) / 2 if center is None else center)) / tau)


def _gaussian(std: float) -> Shape:
    _positive("Standard deviation", std)
    return lambda k, n: np.exp(-(((k - (n - 1) / 2) / std) ** 2) / 2)


def _general(a: Any) -> Shape:
    if not isinstance(a, (tuple, list)) or not len(a):
        kind = ValueError if isinstance(a, (tuple, list)) else TypeError
        raise kind(f"general_cosine: Coefficients must be a list of numbers, not empty, got {a!r}")
    return _cosines(a)


def _checked_kaiser(beta: float) -> Shape:
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _kaiser(beta)


_signal("bartlett", lambda: _bartlett, {}, "1 − |2k/N − 1|", "5")
_signal("blackman", lambda: _cosines(BLACKMAN), {}, "of three cosines (Blackman)", "5")
_signal("cosine", lambda: lambda k, n: np.sin(np.pi * (k + 0.5) / n), {}, "sin(π(k + ½)/(N + 1))",
        "5")  # fmt: skip
_signal("exponential", _exponential, {"center": None, "tau": 1.0},
        "e^(−|k − center|/tau), by default about the middle", "5")  # fmt: skip
_signal("gaussian", _gaussian, {"std": 1.0}, "e^(−½((k − N/2)/std)²)", "5")
_signal("general_cosine", _general, {"a": None}, "a₀ − a₁·cos(2πk/N) + a₂·cos(4πk/N) − …",
        "5, a=[0.5, 0.5]")  # fmt: skip
_signal("general_hamming", lambda alpha: _cosines((alpha, 1 - alpha)), {"alpha": 0.54},
        "alpha − (1 − alpha)·cos(2πk/N)", "5")  # fmt: skip
_signal("hamming", lambda: _cosines(HAMMING), {}, "0.54 − 0.46·cos(2πk/N)", "5")
_signal("hann", lambda: _cosines(HANN), {}, "½ − ½·cos(2πk/N)", "5")
_signal("kaiser", _checked_kaiser, {"beta": 12.0}, "I₀(beta·√(1 − (2k/N − 1)²))/I₀(beta)", "5")
_signal("nuttall", lambda: _cosines(NUTTALL), {}, "of four cosines (Nuttall)", "5")
