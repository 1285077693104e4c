"""Rprop, which looks at signs only, and ASGD, which averages the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.handle import make, scalar_of
from .optimizer import number, step_count, zeros_like
from .stepwise import Stepwise, check, direction


class Rprop(Stepwise):
    """Resilient propagation: each weight has a step of its own, moved by the gradient's sign.

    The step grows by etas[1] while the sign stays, shrinks by etas[0] where it changed (and the
    weight rests once), between the two ``step_sizes``. For whole-batch gradients. Source:
    Riedmiller and Braun, "RPROP", 1993.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    _usual: dict[str, Any] = {**Stepwise._usual, "capturable": False}  # noqa: RUF012

    def __init__(
        self, params: Any, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check({"learning rate": lr})
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        state["step"], state["prev"] = step_count(), zeros_like(p)
        state["step_size"] = make(np.full_like(np.asarray(p._data), number(group["lr"])))

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("prev", "step_size")

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        return group["maximize"], *group["etas"], *group["step_sizes"]

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _rprop


def _rprop(options: Any, p: Any, g: Any, before: Any, size: Any, s: Any, t: Any) -> None:
    maximize, down, up, smallest, largest = options
    g = np.negative(g, out=t) if maximize else g
    np.multiply(g, before, out=s)
    turned = s < 0
    np.multiply(size, np.where(s > 0, up, np.where(turned, down, 1.0)).astype(p.dtype), out=size)
    np.clip(size, smallest, largest, out=size)
    np.copyto(before, g)
    before[turned] = 0
    np.sign(before, out=s)
    np.multiply(s, size, out=s)
    np.subtract(p, s, out=p)


class ASGD(Stepwise):
    """Averaged SGD: steps η shrink, and after ``t0`` of them ``ax`` averages the parameters.

    θ ← θ(1 − λη) − η·g, η = lr/(1 + λ·lr·t)^α, ax ← ax + μ(θ − ax), μ = 1/max(1, t − t0). Source:
    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.ASGD([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    _usual: dict[str, Any] = {**Stepwise._usual, "capturable": False}  # noqa: RUF012

    def __init__(
        self, params: Any, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75,
        t0: float = 1e6, weight_decay: float = 0, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        check({"learning rate": lr, "weight_decay value": weight_decay})
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        state["step"], state["eta"] = step_count(), step_count(number(group["lr"]))
        state["mu"], state["ax"] = step_count(1.0), zeros_like(p)

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("ax",)

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        eta, mu = (float(state[name]._data) for name in ("eta", "mu"))
        lr, lambd = number(group["lr"]), group["lambd"]
        kind = np.asarray(state["eta"]._data).dtype.type
        following = lr / (1 + lambd * lr * t) ** group["alpha"]
        for name, value in (("eta", following), ("mu", 1 / max(1.0, t - group["t0"]))):
            rounded = step_count(value)._data  # to the default dtype first, as PyTorch does
            state[name] = make(scalar_of(kind(rounded)))
        return group["maximize"], group["weight_decay"], lambd, eta, mu

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _asgd


def _asgd(options: Any, p: Any, g: Any, mean: Any, s: Any, t: Any) -> None:
    maximize, decay, lambd, eta, mu = options
    g = direction(maximize, decay, p, g, t)
    np.multiply(p, 1 - lambd * eta, out=p)
    np.multiply(g, eta, out=s)
    np.subtract(p, s, out=p)
    if mu == 1:
        np.copyto(mean, p)
    else:
        np.subtract(p, mean, out=s)
        np.multiply(s, mu, out=s)
        np.add(mean, s, out=mean)
