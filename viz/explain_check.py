"""The finite difference beside a derivative: what it says, and when it can say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .forward_run import unchanged
from .local import Traced
from .numbers import format_number
from .replay import evaluate

_STEP = 6e-6  # near the cube root of float64's epsilon, where a central difference errs least
_PHASE = 0.6 + 0.8j  # of the direction in which complex numbers are moved


@dataclass(frozen=True, slots=True)
class Check:
    """A central difference beside the gradient; `problem` says why there is none.

    `left` and `right` are the one-sided quotients where they differ: a kink.
    """

    estimate: float = 0.0
    exact: float = 0.0
    step: float = 0.0
    agrees: bool = False
    along: str = ""
    problem: str = ""
    left: float | None = None
    right: float | None = None


def check_derivative(traced: Traced, node: Any, element: tuple[int, ...] | None = None) -> Check:
    """Nudge a node both ways, compute the result again in float64, and compare.

    Arrays move along a fixed direction, or in one `element`.
    """
    with np.errstate(all="ignore"), unchanged(None):
        return _check(traced, node, element)


def _check(traced: Traced, node: Any, element: tuple[int, ...] | None) -> Check:
    root, gradient = traced.roots[0], traced.grads.get(node)
    if not isinstance(gradient, (int, float, complex, np.generic, np.ndarray)):
        return Check(problem=f"the gradient needs data that is gone: {_gone(traced)}")
    start = traced.values.found.get(node)
    if start is None:
        return Check(problem=f"the value of x is gone: {_gone(traced, node)}")
    if root.dtype.kind == "c":
        return Check(problem="y is complex, and its gradient is that of its real part")
    whole = np.iscomplexobj(start)
    point = np.asarray(start, np.complex128 if whole else np.float64)
    direction = _direction(point.shape, element) * (_PHASE if whole else 1.0)
    step = _STEP * max(1.0, float(np.max(np.abs(point), initial=0.0)))
    leaves = {n: _widened(traced.values.found.get(n)) for n in traced.order if n.plan is None}

    def at(far: float) -> float:
        moved = {**leaves, node: point + far * direction}
        return _total(evaluate(traced.order, traced.values, moved)[root])

    try:
        low, here, high = (at(far) for far in (-step, 0.0, step))
        random = np.isfinite(here) and at(0.0) != here
    except (ValueError, TypeError, RuntimeError) as error:
        return Check(problem=str(error))
    if random:
        return Check(problem="y comes out differently each time it is computed: random draws")
    exact = float(np.sum(np.real(np.conj(np.asarray(gradient)) * direction)))
    along = "" if not point.shape or element is not None else "along a fixed direction"
    along = f"along {format_number(_PHASE)}" if whole and not point.shape else along
    found = _compared((low, here, high), exact, step, along, root.dtype == np.float64)
    if found.left is None or found.right is None:
        return found
    # What a smooth curve's two slopes differ by shrinks with h; at a kink it stays.
    near = step / 8
    bend = (at(near) - 2 * here + at(-near)) / near
    kink = abs(bend) > 0.5 * abs(found.right - found.left)
    return found if kink else replace(found, left=None, right=None)


def _compared(
    values: tuple[float, float, float], exact: float, step: float, along: str, double: bool
) -> Check:
    """What the values left of, at and right of a point say about the derivative there."""
    low, here, high = values
    for value, where in ((here, "x"), (low, "x − h"), (high, "x + h")):
        if not np.isfinite(value):
            return Check(problem=f"y is {format_number(value)} at {where}")
    estimate = (high - low) / (2 * step)
    noise = 1e2 * np.finfo(np.float64).eps * max(map(abs, values)) / step
    if not np.isfinite(exact):
        return Check(
            problem=f"the gradient is {format_number(exact)}, and a quotient of finite numbers is "
            f"finite: {format_number(estimate)} for h = {format_number(step)}"
        )
    slack = (1e-6 if double else 1e-3) * max(abs(exact), abs(estimate)) + noise + 1e-9
    agrees = abs(estimate - exact) <= slack
    left, right = (here - low) / step, (high - here) / step
    bent = abs(right - left) > 1e-2 * max(abs(left), abs(right)) + 8 * noise
    sides = (left, right) if bent else (None, None)
    return Check(estimate, exact, step, bool(agrees), along, "", *sides)


def _gone(traced: Traced, node: Any = None) -> str:
    """Why data is missing: of a node, or of the first node that lacks it."""
    missing = traced.values.missing
    for other in [node] if node is not None else traced.order:
        if other in missing and other not in traced.values.found:
            return f"{traced.names.get(other, 'a value')} was {missing[other]}"
    return "it was not kept"


def _widened(data: Any) -> Any:
    """Floating data in double precision, so that a small step is not lost."""
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind in "fc":
        return data.astype(np.float64 if data.dtype.kind == "f" else np.complex128)
    return data


def _direction(shape: Sequence[int], element: tuple[int, ...] | None) -> Any:
    """A direction of length 1 in which all elements differ, the same for every run."""
    if not shape:
        return np.float64(1.0)
    if element is not None:
        one = np.zeros(shape)
        one[element] = 1.0
        return one
    count = int(np.prod(shape))
    raw = np.cos(np.arange(1, count + 1) * 1.7)
    return (raw / np.linalg.norm(raw)).reshape(shape) if count else raw.reshape(shape)


def _total(data: Any) -> float:
    return float(np.sum(np.asarray(data, np.float64)))
