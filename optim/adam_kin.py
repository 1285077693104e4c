"""Relatives of Adam: NAdam with Nesterov's look ahead, RAdam with a rectified start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.handle import make, scalar_of
from .optimizer import number, step_count, zeros_like
from .stepwise import Stepwise, blend, blend_squares, check, direction


class _Kin(Stepwise):
    """What NAdam and RAdam share with Adam."""

    _usual: dict[str, Any] = {  # noqa: RUF012
        **Stepwise._usual, "capturable": False, "decoupled_weight_decay": False
    }  # fmt: skip

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _decays(group: dict[str, Any]) -> tuple[bool, float, float]:
        """(maximize, what is added to g, by what θ shrinks)."""
        decay = group["weight_decay"]
        if group["decoupled_weight_decay"]:
            return group["maximize"], 0.0, 1 - number(group["lr"]) * decay if decay else 1.0
        return group["maximize"], decay, 1.0


class NAdam(_Kin):
    """NAdam: Adam whose mean looks one step ahead, with a momentum μₜ that grows to β₁.

    θ ← θ − lr·(1−μₜ)/(1−Πμ)·g/(√v̂ + eps) − lr·μₜ₊₁/(1−μₜ₊₁Πμ)·m/(√v̂ + eps),
    μₜ = β₁(1 − ½·0.96^(t·momentum_decay)). Source: Dozat, "Incorporating Nesterov momentum into
    Adam", 2016.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8944], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check({"learning rate": lr, "epsilon value": eps}, betas)
        check({"weight_decay value": weight_decay, "momentum_decay value": momentum_decay})
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        state["step"], state["mu_product"] = step_count(), step_count(1.0)
        state["exp_avg"], state["exp_avg_sq"] = zeros_like(p), zeros_like(p)

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        (beta1, beta2), lr = group["betas"], number(group["lr"])
        slow = group["momentum_decay"]
        now = beta1 * (1.0 - 0.5 * 0.96 ** (t * slow))
        ahead = beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1) * slow))
        held = np.asarray(state["mu_product"]._data)
        kind = held.dtype.type
        state["mu_product"] = make(scalar_of(kind(held) * kind(now)))
        product = float(state["mu_product"]._data)
        along_g = lr * (1.0 - now) / (1.0 - product)
        along_m = lr * ahead / (1.0 - product * ahead)
        decays = self._decays(group)
        return (*decays, beta1, beta2, group["eps"], 1 - beta2**t, along_g, along_m)

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _nadam


def _nadam(options: Any, p: Any, g: Any, m: Any, v: Any, s: Any, t: Any) -> None:
    maximize, decay, shrink, beta1, beta2, eps, correction, along_g, along_m = options
    if shrink != 1:
        np.multiply(p, shrink, out=p)
    g = direction(maximize, decay, p, g, t)
    blend(m, g, 1 - beta1, s)
    blend_squares(v, g, beta2, s)
    np.divide(v, correction, out=s)
    np.sqrt(s, out=s)
    np.add(s, eps, out=s)
    np.multiply(g, along_g, out=t)
    np.divide(t, s, out=t)
    np.subtract(p, t, out=p)
    np.multiply(m, along_m, out=t)
    np.divide(t, s, out=t)
    np.subtract(p, t, out=p)


class RAdam(_Kin):
    """RAdam: Adam that follows the plain mean until enough squares have been seen.

    With ρ∞ = 2/(1−β₂) − 1 and ρₜ = ρ∞ − 2t·β₂ᵗ/(1−β₂ᵗ): for ρₜ > 5, θ ← θ − lr·r·m̂·√(1−β₂ᵗ)/(√v +
    eps), r² = (ρₜ−4)(ρₜ−2)ρ∞/((ρ∞−4)(ρ∞−2)ρₜ); before, θ ← θ − lr·m̂. Source: Liu et al., "On the
    variance of the adaptive learning rate and beyond", 2020.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        check({"learning rate": lr, "epsilon value": eps}, betas)
        check({"weight_decay value": weight_decay})
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        (beta1, beta2), lr = group["betas"], number(group["lr"])
        first, second = 1 - beta1**t, 1 - beta2**t
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * t * beta2**t / second
        rect = 0.0
        if length > 5.0:
            top = (length - 4) * (length - 2) * longest
            rect = (top / ((longest - 4) * (longest - 2) * length)) ** 0.5 * second**0.5
        return (*self._decays(group), beta1, beta2, group["eps"], lr / first, rect)

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _radam


def _radam(options: Any, p: Any, g: Any, m: Any, v: Any, s: Any, t: Any) -> None:
    maximize, decay, shrink, beta1, beta2, eps, size, rect = options
    if shrink != 1:
        np.multiply(p, shrink, out=p)
    g = direction(maximize, decay, p, g, t)
    blend(m, g, 1 - beta1, s)
    blend_squares(v, g, beta2, s)
    np.multiply(m, size, out=t)
    if rect:
        np.sqrt(v, out=s)
        np.add(s, eps, out=s)
        np.divide(rect, s, out=s)
        np.multiply(t, s, out=t)
    np.subtract(p, t, out=p)
