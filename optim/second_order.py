"""Newton and Levenberg–Marquardt: steps from curvature, for small problems.

Neither builds a matrix. Curvature is met through products with a vector, which two walks through
the graph give exactly: the Hessian's by differentiating g·v, the Jacobian's by differentiating its
transposed product. Conjugate gradients solve the linear systems from those products.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor, modes
from ..autograd.gradients import grad
from ..autograd.handle import make
from .optimizer import number
from .stepwise import check
from .whole import Whole

Product = Callable[[Any], Any]


class _Curved(Whole):
    """What both optimizers here need: vectors in float64, gradients, a closure."""

    def _double(self, tensors: Any) -> Any:
        return self._vector(tensors, np.float64)

    def _grads(self, outputs: Any, seeds: Any = None, *, create_graph: bool = False) -> Any:
        return grad(
            outputs, self._params, seeds, retain_graph=True, create_graph=create_graph,
            allow_unused=True,
        )  # fmt: skip

    def _run(self, closure: Any, what: str) -> Any:
        if closure is None:
            raise RuntimeError(
                f"{type(self).__name__}.step needs a closure that computes {what} and returns it, "
                "without calling backward: step(closure)"
            )
        with modes.enable_grad():
            return closure()


def conjugate_gradients(
    product: Product, b: Any, most: int, tolerance: float
) -> tuple[Any, float, int]:
    """An x with A x ≈ b for a symmetric A given by its product with a vector.

    Stops at a relative residual of ``tolerance``, after ``most`` products, or where A curves down
    (then with what has been found, or b itself). Returns x, the last curvature and the count.
    Source: Nocedal and Wright, "Numerical optimization", 2006, algorithm 7.1.

    >>> import numpy as np
    >>> A = np.array([[2.0, 0.0], [0.0, 4.0]])
    >>> conjugate_gradients(lambda v: A @ v, np.array([2.0, 4.0]), 10, 1e-12)[0]
    array([1., 1.])
    """
    x, r = np.zeros_like(b), b.copy()
    p, square, bar = r.copy(), float(r @ r), tolerance * float(np.sqrt(b @ b))
    curvature, k = 1.0, 0
    while k < most and square**0.5 > bar:
        k += 1
        q = product(p)
        curvature = float(p @ q)
        if curvature <= 0:
            return (x if k > 1 else b.copy()), curvature, k
        a = square / curvature
        x += a * p
        r -= a * q
        before, square = square, float(r @ r)
        p = r + (square / before) * p
    return x, curvature, k


class Newton(_Curved):
    """Newton's method: θ ← θ − lr·t·d, (H + damping·I) d = g, by conjugate gradients.

    ``step(closure)``: the closure returns the loss and does not call backward. The system is solved
    to ``tolerance`` in at most ``max_cg`` Hessian-vector products; where H curves down, the step
    goes along the descent direction found so far. With ``line_search``, t is halved until the loss
    falls by 1e-4 of what the slope promises. Raises ValueError for negative options. Source:
    Nocedal and Wright, "Numerical optimization", 2006, algorithm 7.1.

    >>> import chainrule as cr
    >>> w = cr.tensor([3.0, 4.0], requires_grad=True)
    >>> optimizer = cr.optim.Newton([w])
    >>> loss = optimizer.step(lambda: ((w - 1) ** 2).sum()); w
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 1.0, damping: float = 0.0, max_cg: int = 100,
        tolerance: float = 1e-10, line_search: bool = True,
    ) -> None:  # fmt: skip
        check({"learning rate": lr, "damping value": damping, "tolerance value": tolerance})
        defaults = {
            "lr": lr, "damping": damping, "max_cg": max_cg, "tolerance": tolerance,
            "line_search": line_search,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Go one Newton step; return the loss before it."""
        loss = self._run(closure, "the loss")
        group = self.param_groups[0]
        first = self._grads(loss, create_graph=True)
        g = self._double(first)
        known = [t for t in first if t is not None and t.requires_grad]

        def product(v: Any) -> Any:
            if not known:  # a loss without curvature
                return group["damping"] * v
            parts = self._split(v)
            seeds = [
                p for p, t in zip(parts, first, strict=True) if t is not None and t.requires_grad
            ]
            return self._double(self._grads(known, seeds)) + group["damping"] * v

        d, curvature, count = conjugate_gradients(product, g, group["max_cg"], group["tolerance"])
        start, value = self._double(self._params), float(loss.item())
        slope, t = -float(g @ d), number(group["lr"])
        for _ in range(30 if group["line_search"] else 0):
            self._move(start - t * d)
            if float(self._run(closure, "the loss").item()) <= value + 1e-4 * t * slope:
                break
            t /= 2
        else:
            self._move(start - t * d if not group["line_search"] else start)
        state = self.state[self._params[0]]
        state.update(step=state.get("step", 0) + 1, products=count, curvature=curvature, t=t)
        return loss.detach()


class LevenbergMarquardt(_Curved):
    """Least squares ½‖r‖²: θ ← θ − d, (JᵀJ + λI) d = Jᵀr, λ moved by what each step gains.

    ``step(closure)``: the closure returns the residuals r (any shape) and does not call backward.
    A step that lowers the sum is taken and λ shrinks, by Nielsen's rule; one that does not is taken
    back and λ grows, up to ``tries`` times. ``damping=0`` is Gauss–Newton, whose every step is
    taken. Raises ValueError for negative options. Source: Madsen, Nielsen and Tingleff, "Methods
    for non-linear least squares problems", 2004, algorithm 3.16.

    >>> import chainrule as cr
    >>> w = cr.tensor([3.0, 4.0], requires_grad=True)
    >>> optimizer = cr.optim.LevenbergMarquardt([w], damping=0)
    >>> loss = optimizer.step(lambda: w - 1); w
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(
        self, params: Any, damping: float = 1e-3, max_cg: int = 200, tolerance: float = 1e-12,
        tries: int = 10,
    ) -> None:  # fmt: skip
        check({"damping value": damping, "tolerance value": tolerance, "tries value": tries})
        defaults = {
            "damping": damping, "max_cg": max_cg, "tolerance": tolerance, "tries": tries
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Go one step; return half the sum of squares before it."""
        group, state = self.param_groups[0], self.state[self._params[0]]
        start = self._double(self._params)
        damping, growth = state.get("damping", group["damping"]), 2.0
        value = 0.0
        for _ in range(1 + (group["tries"] if damping else 0)):
            value, g, squared = self._linearised(closure)
            product = _damped(squared, damping)
            d, _, count = conjugate_gradients(product, g, group["max_cg"], group["tolerance"])
            self._move(start - d)
            state["products"] = count
            if not damping:
                break
            after = np.asarray(self._run(closure, "the residuals")._data).astype(np.float64)
            gain = value - 0.5 * float(np.sum(after**2))
            promised = 0.5 * float(d @ (damping * d + g))
            if gain > 0 and np.isfinite(gain):
                damping *= max(1 / 3, 1 - (2 * gain / promised - 1) ** 3)
                break
            self._move(start)
            damping, growth = damping * growth, growth * 2
        state.update(step=state.get("step", 0) + 1, damping=damping)
        return make(value)

    def _linearised(self, closure: Any) -> tuple[float, Any, Product]:
        """½‖r‖², Jᵀr and the product with JᵀJ at the present parameters."""
        r = self._run(closure, "the residuals")
        if not isinstance(r, Tensor):
            raise TypeError(
                "LevenbergMarquardt: the closure must return the residuals as a tensor, not "
                f"{type(r).__name__}"
            )
        u = make(np.zeros_like(np.asarray(r._data))).requires_grad_()
        back = self._grads(r, u, create_graph=True)  # Jᵀu, recorded so that it differentiates
        used = [t for t in back if t is not None]

        def squared(v: Any) -> Any:
            pairs = zip(self._split(v), back, strict=True)
            seeds = [part for part, t in pairs if t is not None]
            (forward,) = grad(used, u, seeds, retain_graph=True)
            return self._double(self._grads(r, forward))

        residuals = np.asarray(r._data).astype(np.float64)
        return 0.5 * float(np.sum(residuals**2)), self._double(self._grads(r, r.detach())), squared


def _damped(product: Product, damping: float) -> Product:
    """The product with A + damping·I, given that with A."""
    return lambda v: product(v) + damping * v
