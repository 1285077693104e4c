"""L-BFGS: Newton's direction from the last few steps, for whole-batch problems."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.handle import make
from ..autograd.views import as_array
from .optimizer import number
from .whole import Whole

Loss = Callable[[float, Any], tuple[float, Any]]


class LBFGS(Whole):
    """Limited-memory BFGS: up to ``max_iter`` iterations a step, each along −H·g.

    H is built from the last ``history_size`` changes of parameters and gradients;
    ``line_search_fn`` is None (step lr) or "strong_wolfe". ``step(closure)`` needs a closure that
    clears the gradients, computes the loss, calls backward and returns the loss. One parameter
    group. Raises ValueError for more. Source: Nocedal and Wright, "Numerical optimization", 2006,
    algorithms 7.4, 3.5 and 3.6.

    >>> import chainrule as cr
    >>> w = cr.tensor([3.0, 4.0], requires_grad=True)
    >>> optimizer = cr.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - 1) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> first = optimizer.step(closure); w
    tensor([1.0000, 1.0000], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        if not number(lr) >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        defaults = {
            "lr": lr, "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
            "history_size": history_size, "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def _gradient(self) -> Any:
        return self._vector([p.grad for p in self._params])

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Run the iterations; return the loss at the beginning."""
        if closure is None:
            raise RuntimeError(
                "LBFGS.step needs a closure that computes the loss again: step(closure)"
            )
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = self._closure(closure)
        loss = float(first)
        evals = 1
        state["func_evals"] += 1
        g = self._gradient()
        if _largest(g) <= group["tolerance_grad"]:
            return first
        memory = _Memory(state, group["history_size"])
        iterations = 0
        while iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            d = memory.direction(g, state["n_iter"] == 1)
            memory.previous, before = g.copy(), loss
            lr = number(group["lr"])
            t = min(1.0, 1.0 / float(np.abs(g).sum())) * lr if state["n_iter"] == 1 else lr
            slope = float(g @ d)
            if slope > -group["tolerance_change"]:
                break
            used = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                start = self._vector(self._params)

                def at(size: float, along: Any, start: Any = start) -> tuple[float, Any]:
                    self._move(start + along.dtype.type(size) * along)
                    value = float(self._closure(closure))
                    return value, self._gradient()

                loss, g, t, used = strong_wolfe(at, t, d, loss, g, slope)
                self._move(start + d.dtype.type(t) * d)
                done = _largest(g) <= group["tolerance_grad"]
            else:
                self._move(self._vector(self._params) + d.dtype.type(t) * d)
                done = False
                if iterations != group["max_iter"]:
                    loss = float(self._closure(closure))
                    g = self._gradient()
                    done = _largest(g) <= group["tolerance_grad"]
                    used = 1
            memory.d, memory.t = d, t
            evals += used
            state["func_evals"] += used
            if iterations == group["max_iter"] or evals >= group["max_eval"] or done:
                break
            change = group["tolerance_change"]
            if _largest(d * d.dtype.type(t)) <= change or abs(loss - before) < change:
                break
        memory.store(state, before)
        return first


class _Memory:
    """The last steps and changes of gradient, kept in the optimizer's state between calls."""

    def __init__(self, state: dict[str, Any], size: int) -> None:
        self.size = size
        self.d, self.t = _raw(state.get("d")), state.get("t")
        self.dirs = [_raw(v) for v in state.get("old_dirs", ())]
        self.steps = [_raw(v) for v in state.get("old_stps", ())]
        self.rho = [float(v) for v in state.get("ro", ())]
        self.scale = float(state.get("H_diag", 1.0))
        self.previous = _raw(state.get("prev_flat_grad"))

    def store(self, state: dict[str, Any], loss: float) -> None:
        state.update(
            d=make(self.d), t=self.t, old_dirs=[make(v) for v in self.dirs],
            old_stps=[make(v) for v in self.steps], ro=[make(v) for v in self.rho],
            H_diag=make(self.scale), prev_flat_grad=make(self.previous), prev_loss=loss,
        )  # fmt: skip

    def direction(self, g: Any, first: bool) -> Any:
        """−H·g by two loops over the memory."""
        if first or self.d is None:
            self.dirs, self.steps, self.rho, self.scale = [], [], [], 1.0
            return -g
        y, s = g - self.previous, self.d * self.d.dtype.type(self.t)
        curvature = float(y @ s)
        if curvature > 1e-10:
            if len(self.dirs) == self.size:
                for kept in (self.dirs, self.steps, self.rho):
                    kept.pop(0)
            self.dirs.append(y)
            self.steps.append(s)
            self.rho.append(1.0 / curvature)
            self.scale = curvature / float(y @ y)
        kind = g.dtype.type
        q = -g
        weights = [0.0] * len(self.dirs)
        for k in range(len(self.dirs) - 1, -1, -1):
            weights[k] = float(self.steps[k] @ q) * self.rho[k]
            q = q - kind(weights[k]) * self.dirs[k]
        q = q * kind(self.scale)
        for k in range(len(self.dirs)):
            back = float(self.dirs[k] @ q) * self.rho[k]
            q = q + kind(weights[k] - back) * self.steps[k]
        return q


def _raw(value: Any) -> Any:
    return value if value is None else np.array(as_array(value))


def _largest(x: Any) -> float:
    return float(np.abs(x).max()) if x.size else 0.0


def cubic(
    x1: float, f1: float, g1: float, x2: float, f2: float, g2: float, bounds: Any = None
) -> float:
    """The minimum of the cubic through two values and slopes, kept between the bounds."""
    low, high = bounds if bounds is not None else ((x1, x2) if x1 <= x2 else (x2, x1))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if not square >= 0:
        return (low + high) / 2.0
    d2 = math.sqrt(square)
    if x1 <= x2:
        best = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        best = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(best, low), high)


def strong_wolfe(
    at: Loss, t: float, d: Any, f: float, g: Any, slope: float, c1: float = 1e-4, c2: float = 0.9,
    tolerance: float = 1e-9, most: int = 25,
) -> tuple[float, Any, float, int]:  # fmt: skip
    """A step along ``d`` that lowers the loss enough (c1) and flattens it enough (c2).

    Returns the loss and the gradient there, the step, and how often the loss was computed.
    """
    size = _largest(d)
    f_new, g_new = at(t, d)
    evals, slope_new = 1, float(g_new @ d)
    # Bracket: widen until two steps have the minimum between them.
    last = (0.0, f, g, slope)
    bracket: list[Any] = []
    done, count = False, 0
    while count < most:
        here = (t, f_new, g_new, slope_new)
        if f_new > f + c1 * t * slope or (count > 1 and f_new >= last[1]):
            bracket = [last, here]
            break
        if abs(slope_new) <= -c2 * slope:
            bracket, done = [here], True
            break
        if slope_new >= 0:
            bracket = [last, here]
            break
        bounds = (t + 0.01 * (t - last[0]), t * 10)
        following = cubic(last[0], last[1], last[3], t, f_new, slope_new, bounds)
        last, t = here, following
        f_new, g_new = at(t, d)
        evals += 1
        slope_new = float(g_new @ d)
        count += 1
    if count == most:
        bracket = [(0.0, f, g, slope), (t, f_new, g_new, slope_new)]
    # Zoom: narrow the bracket around the minimum.
    stuck = False
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    while not done and count < most:
        if abs(bracket[1][0] - bracket[0][0]) * size < tolerance:
            break
        (t0, f0, _, s0), (t1, f1, _, s1) = bracket
        t = cubic(t0, f0, s0, t1, f1, s1)
        near, far = min(t0, t1), max(t0, t1)
        edge = 0.1 * (far - near)
        if min(far - t, t - near) < edge:  # too close to an end: once is forgiven
            if stuck or t >= far or t <= near:
                t = far - edge if abs(t - far) < abs(t - near) else near + edge
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        f_new, g_new = at(t, d)
        evals += 1
        slope_new = float(g_new @ d)
        count += 1
        here = (t, f_new, g_new, slope_new)
        if f_new > f + c1 * t * slope or f_new >= bracket[low][1]:
            bracket[high] = here
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(slope_new) <= -c2 * slope:
                done = True
            elif slope_new * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = here
    best = bracket[low if len(bracket) > 1 else 0]
    return best[1], best[2], best[0], evals
