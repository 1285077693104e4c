"""Central differences on a recorded graph, computed again in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd import Tensor, no_grad
from ..autograd.handle import make, scalar_of
from .answers import numbers
from .twin import NoReplay, Twin, again

STEP = 6e-6  # near the cube root of float64's rounding, where central differences are best
MOST = 24  # so many elements are nudged one by one; of more, some directions are
DIRECTIONS = 4
WORK = 40_000  # operations that may be run for it


def central(twin: Twin, exact: Any, seed: Any) -> bool:
    """Whether (f(x + h) − f(x − h)) / 2h agrees with a gradient, in every direction tried."""
    x = twin.values.found.get(_old(twin))
    if x is None or np.asarray(x).dtype.kind not in "fV" or np.iscomplexobj(exact):
        return False
    point = np.asarray(x, np.float64)
    steps = list(_directions(point))
    if len(steps) * 2 * len(twin.order) > WORK:
        steps = steps[: max(1, WORK // (2 * len(twin.order)))]
    h = STEP * max(1.0, float(np.max(np.abs(point), initial=0.0)))
    scale = float(np.linalg.norm(np.ravel(exact)))
    try:
        for v in steps:
            ahead, behind = run(twin, point + h * v), run(twin, point - h * v)
            slope = float(np.sum((ahead - behind) * seed)) / (2 * h)
            noise = 1e-15 * float(np.sum(np.abs(ahead * seed))) / h
            if not abs(slope - float(np.sum(exact * v))) <= 1e-4 * scale + 10 * noise:
                return False
    except NoReplay:
        return False
    return bool(np.all(np.isfinite(exact)))


def _old(twin: Twin) -> Any:
    return twin.old[twin.wrt._node]


def _directions(point: Any) -> Iterator[Any]:
    """Every axis, or a few directions that do not change from call to call."""
    if point.size <= MOST:
        for k in range(point.size):
            v = np.zeros(point.size)
            v[k] = 1.0
            yield v.reshape(point.shape)
        return
    draw = np.random.default_rng(0)
    for _ in range(DIRECTIONS):
        v = draw.standard_normal(point.shape)
        yield v / np.linalg.norm(v.ravel())


def run(twin: Twin, x: Any) -> Any:
    """The value of the graph with other data at `wrt`."""
    start = _old(twin)
    found: dict[Any, Any] = {start: make(scalar_of(np.asarray(x)[()]))}
    with no_grad(), np.errstate(all="ignore"):
        for node in twin.order:
            if node in found or node.plan is None:
                continue
            operands = node.operands()
            if not any(hasattr(o, "serial") and o in found for o in operands):
                continue
            args = [found.get(o, twin.made.get(o)) if hasattr(o, "serial") else o for o in operands]
            found[node] = again(node, [_bare(a) for a in args])
    return numbers(found[twin.old[twin.root._node]])


def _bare(value: Any) -> Any:
    """The same data without its history."""
    return make(value._data) if isinstance(value, Tensor) else value
