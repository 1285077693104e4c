"""The gradient that an answer is compared with, and how sure its numbers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd import grad as autograd_grad
from ..autograd.graph import Piece, ancestors
from ..autograd.handle import make, scalar_of
from ..viz.replay import Values
from .answers import numbers
from .compare import near
from .nudge import central
from .twin import Flow, NoReplay, Twin

_FREED = (
    "check.grad(): backward() has freed this graph, and its values are gone: check before "
    "backward(), or call backward(retain_graph=True)"
)
_NO_ROUTE = "check.grad(): of= was not computed from wrt=, or from a copy made by detach()"


@dataclass
class Truth:
    """A gradient, the walk it came from, what it is uncertain by, and whether differences agree.

    `twin` is None where the graph cannot be computed again, `flow` where it cannot be walked.
    """

    exact: Any
    flow: Flow | None = None
    twin: Twin | None = None
    floor: float = 0.0
    agrees: bool = False

    @classmethod
    def by(cls, of: Tensor, wrt: Tensor, upstream: Any) -> Truth:
        """By autograd, and by a walk of our own, in float64 where that can be; touches no `.grad`.

        Raises ValueError where there is no gradient.
        """
        seed = np.ones(tuple(of.shape)) if upstream is None else numbers(upstream)
        twin, flow = _again(of, wrt, seed)
        engine = _engine(of, wrt, upstream, may_be_freed=flow is not None)
        if flow is None:
            return cls(engine)
        exact, size = numbers(flow.arrived(flow.grads)), _size(flow)
        noise = 1e-13 * size
        if engine is not None:
            noise *= 1e6 if wrt.dtype.np.itemsize <= 4 else 1
            if not np.all(near(engine, exact, 1e-2, 100 * noise)):
                return cls(engine)
            noise += 4 * float(np.max(np.abs(engine - exact), initial=0.0))
        noise = noise if np.isfinite(noise) else 0.0
        return cls(exact, flow, twin, noise, twin is not None and central(twin, exact, seed))


def _again(of: Tensor, wrt: Tensor, seed: Any) -> tuple[Twin | None, Flow | None]:
    """The walk through the graph computed again in float64; else through the graph as it stands.

    None where that fails too: the graph was freed, or values are gone.
    """
    try:
        twin = Twin(of, wrt)
        root, leaf = twin.root._node, twin.wrt._node
        return twin, Flow(twin.new_order(), twin.new_values(), root, leaf, _seed(seed, root))
    except (NoReplay, ValueError, TypeError, AttributeError):
        pass
    try:
        order = ancestors([of._node])
        values = Values(order, [of, wrt])
        return None, Flow(order, values, of._node, wrt._node, _seed(seed, of._node))
    except NoReplay:
        return None, None


def _seed(seed: Any, root: Any) -> Any:
    return scalar_of(np.asarray(seed).astype(root.dtype)[()])


def _engine(of: Tensor, wrt: Tensor, upstream: Any, may_be_freed: bool) -> Any:
    """The gradient by autograd; None where the graph was freed, and that may be."""
    given = None
    if upstream is not None:
        given = make(scalar_of(numbers(upstream).astype(of.dtype.np)[()]))
    try:
        (found,) = autograd_grad(of, wrt, given, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        if "second time" not in str(error):
            raise ValueError(f"check.grad(): autograd cannot answer: {error}") from error
        if not may_be_freed:
            raise ValueError(_FREED) from error
        return None
    if found is None:
        raise ValueError(_NO_ROUTE)
    return numbers(found)


def _size(flow: Flow) -> float:
    """How large the terms are that add up to the gradient."""
    total = 0.0
    for node, k in flow.edges():
        g = flow.grads.get(node)
        if node.inputs[k] is flow.wrt and g is not None:
            part = flow.raw(node, g)[k]
            if part is not None and type(part) is not Piece:
                total += float(np.sum(np.abs(numbers(part))))
    return total
