"""Optimizers that divide by running sizes of the gradient: Adagrad, Adadelta, RMSprop, Adamax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.handle import make
from .optimizer import number, step_count
from .stepwise import Stepwise, blend, blend_squares, check, check_flags, direction


class RMSprop(Stepwise):
    """RMSprop: θ ← θ − lr·g/(√v + eps), v ← α·v + (1 − α)·g².

    ``centered`` subtracts the squared running mean of g from v; ``momentum`` μ keeps
    b ← μ·b + g/(√v + eps) and moves along b. Source: Hinton, lecture 6e of "Neural networks for
    machine learning", 2012.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.RMSprop([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([5.9605e-08], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0, momentum: float = 0, centered: bool = False,
        capturable: bool = False, foreach: bool | None = None, maximize: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        check({
            "learning rate": lr, "epsilon value": eps, "momentum value": momentum,
            "weight_decay value": weight_decay, "alpha value": alpha,
        })  # fmt: skip
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        more = ("momentum_buffer",) if number(group["momentum"]) > 0 else ()
        return ("square_avg", *more, *(("grad_avg",) if group["centered"] else ()))

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        names = ("lr", "alpha", "eps", "weight_decay", "momentum")
        return (group["maximize"], group["centered"], *[number(group[n]) for n in names])

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _rmsprop


def _rmsprop(options: Any, p: Any, g: Any, v: Any, *rest: Any) -> None:
    maximize, centered, lr, alpha, eps, decay, momentum = options
    *held, s, t = rest
    g = direction(maximize, decay, p, g, t)
    blend_squares(v, g, alpha, s)
    if centered:
        mean = held[-1]
        blend(mean, g, 1 - alpha, s)
        np.multiply(mean, mean, out=s)
        np.subtract(v, s, out=s)
        np.sqrt(s, out=s)
    else:
        np.sqrt(v, out=s)
    np.add(s, eps, out=s)
    np.divide(g, s, out=s)
    if momentum > 0:
        b = held[0]
        np.multiply(b, momentum, out=b)
        np.add(b, s, out=b)
        np.multiply(b, lr, out=s)
    else:
        np.multiply(s, lr, out=s)
    np.subtract(p, s, out=p)


class Adagrad(Stepwise):
    """Adagrad: θ ← θ − lr/(1 + (t−1)·lr_decay) · g/(√Σg² + eps).

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check({
            "learning rate": lr, "lr_decay value": lr_decay, "weight_decay value": weight_decay,
            "initial_accumulator_value value": initial_accumulator_value, "epsilon value": eps,
        })  # fmt: skip
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_flags(foreach, differentiable, fused)
        for group in self.param_groups:  # its sums stand from the beginning
            for p in group["params"]:
                self._begin(p, group, self.state[p])

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        start = group["initial_accumulator_value"]
        state["step"] = step_count()
        state["sum"] = make(np.full_like(np.asarray(p._data), start))

    def share_memory(self) -> None:
        """Nothing to do: threads share memory as it is."""

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("sum",)

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        lr = number(group["lr"]) / (1 + (t - 1) * group["lr_decay"])
        return group["maximize"], group["weight_decay"], lr, group["eps"]

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _adagrad


def _adagrad(options: Any, p: Any, g: Any, total: Any, s: Any, t: Any) -> None:
    maximize, decay, lr, eps = options
    g = direction(maximize, decay, p, g, t)
    np.multiply(g, g, out=s)
    np.add(total, s, out=total)
    np.sqrt(total, out=s)
    np.add(s, eps, out=s)
    np.divide(g, s, out=s)
    np.multiply(s, lr, out=s)
    np.subtract(p, s, out=p)


class Adadelta(Stepwise):
    """Adadelta: θ ← θ − lr·Δ, Δ = √(u + eps)/√(v + eps)·g; running means v of g² and u of Δ².

    Source: Zeiler, "Adadelta: an adaptive learning rate method", 2012.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.Adadelta([w])
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9968], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6,
        weight_decay: float = 0, foreach: bool | None = None, *, capturable: bool = False,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check({"learning rate": lr, "epsilon value": eps, "weight_decay value": weight_decay})
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        names = ("weight_decay", "lr", "rho", "eps")
        return (group["maximize"], *[number(group[n]) for n in names])

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _adadelta


def _adadelta(options: Any, p: Any, g: Any, v: Any, u: Any, s: Any, t: Any) -> None:
    maximize, decay, lr, rho, eps = options
    g = direction(maximize, decay, p, g, t)
    blend_squares(v, g, rho, s)
    np.add(v, eps, out=s)
    np.sqrt(s, out=s)
    delta = np.asarray(np.sqrt(u + eps))  # 0-d results come as scalars
    np.divide(delta, s, out=delta)
    np.multiply(delta, g, out=delta)
    blend_squares(u, delta, rho, s)
    np.multiply(delta, lr, out=delta)
    np.subtract(p, delta, out=p)


class Adamax(Stepwise):
    """Adamax: θ ← θ − lr/(1 − β₁ᵗ)·m/u, with the decaying largest |g| u instead of Adam's root.

    Source: Kingma and Ba, "Adam", 2015, section 7.1.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        check(
            {"learning rate": lr, "epsilon value": eps, "weight_decay value": weight_decay}, betas
        )
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        beta1, beta2 = group["betas"]
        size = number(group["lr"]) / (1 - beta1**t)
        return group["maximize"], group["weight_decay"], beta1, beta2, group["eps"], size

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _adamax


def _adamax(options: Any, p: Any, g: Any, m: Any, u: Any, s: Any, t: Any) -> None:
    maximize, decay, beta1, beta2, eps, size = options
    g = direction(maximize, decay, p, g, t)
    blend(m, g, 1 - beta1, s)
    np.absolute(g, out=s)
    np.add(s, eps, out=s)
    np.multiply(u, beta2, out=u)
    np.maximum(u, s, out=u)
    np.divide(m, u, out=s)
    np.multiply(s, size, out=s)
    np.subtract(p, s, out=p)
