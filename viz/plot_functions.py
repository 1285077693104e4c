"""`activation`: a function of one number and its derivative, on one pair of axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import enable_grad, grad
from ..autograd.declare import names as public
from ..autograd.ops.creation import from_numpy
from .numbers import format_number
from .plot_figure import Plot
from .plot_ink import MUTED, settings
from .plot_inputs import Array, array, at_rest

_FLAT = 0.05  # a derivative smaller than this lets hardly any gradient through
_JUMP = 0.3  # of the whole height, from one point to the next


def activation(
    f: str | Callable[[Any], Any],
    lo: float = -5,
    hi: float = 5,
    *,
    title: str = "",
    points: int = 401,
) -> Plot:
    """Draw f and its derivative by autograd over lo … hi; where |f′| < 0.05 the ground is grey.

    `f` is a name ("tanh", "gelu"), a function or module that works element by element, shape (n,).
    `data` has `x`, `value`, `derivative`. Raises ValueError for an unknown name or another shape.

    >>> plot = activation("relu", -2, 2, points=5)
    >>> plot.data["value"].tolist(), plot.data["derivative"].tolist()
    ([0.0, 0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 1.0, 1.0])
    """
    if not lo < hi:
        raise ValueError(f"activation wants lo < hi, got {lo} and {hi}")
    name, call = _function(f)
    x = np.linspace(lo, hi, points)
    value, slope = value_and_derivative(call, x, name)
    plot = Plot(title or f"{name} and its derivative", x="x", size=(5.4, 3.2))
    plot.data = {"x": x, "value": value, "derivative": slope}
    with settings():
        for line in (plot.axes.axhline, plot.axes.axvline):
            line(0, color=MUTED, linewidth=0.6)
        plot.axes.plot(x, value, label=f"{name}(x)")
        plot.axes.plot(*_broken(x, slope), label="derivative")
        _shade_flat(plot, x, slope)
        plot.axes.set_xlim(lo, hi)
    return plot


def _function(f: str | Callable[[Any], Any]) -> tuple[str, Callable[[Any], Any]]:
    if isinstance(f, str):
        found = public["F"].get(f) or public["torch"].get(f)
        if found is None:
            raise ValueError(f"activation: no function {f!r} in nn.functional or chainrule")
        return f, found
    given = getattr(f, "__name__", type(f).__name__)
    return ("f" if given == "<lambda>" else given), f


def value_and_derivative(f: Callable[[Any], Any], x: Array, name: str) -> tuple[Array, Array]:
    """Take f and f′ at each of x (n,), in float64; f works element by element."""
    with at_rest(f), enable_grad():
        leaf = from_numpy(x.astype(np.float64)).requires_grad_()
        out = f(leaf)
        if tuple(out.shape) != x.shape:
            raise ValueError(
                f"{name} made shape {tuple(out.shape)} of {x.shape}: "
                f"it must work element by element"
            )
        (slope,) = grad(out.sum(), [leaf], allow_unused=True)
    return array(out), np.zeros_like(x) if slope is None else array(slope)


def _broken(x: Array, y: Array) -> tuple[Array, Array]:
    """The curve with a gap where it jumps: between the two values there is none."""
    steps = np.abs(np.diff(y))
    jumps = np.flatnonzero(steps > _JUMP * max(float(np.ptp(y)), 1e-12)) + 1
    return np.insert(x, jumps, np.nan), np.insert(y, jumps, np.nan)


def _shade_flat(plot: Plot, x: Array, slope: Array) -> None:
    flat = np.abs(slope) < _FLAT
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(int)))
    spans = [(x[a], x[b - 1]) for a, b in edges.reshape(-1, 2) if b - a > 1]
    for k, (low, high) in enumerate(spans):
        label = f"|derivative| < {_FLAT}" if k == 0 else None
        plot.axes.axvspan(low, high, color=MUTED, alpha=0.14, linewidth=0, label=label)
    if spans:
        told = ", ".join(f"{format_number(a)} to {format_number(b)}" for a, b in spans)
        plot.notes.append(f"|derivative| < {_FLAT} from {told}")
