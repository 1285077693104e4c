"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor
from .optimizer import number
from .stepwise import Stepwise, blend, blend_squares, check_flags, direction


class Adam(Stepwise):
    """Adam: θ ← θ − lr·m̂/(√v̂ + eps), running means m of g and v of g², freed of their start.

    m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²; m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ). ``weight_decay`` adds
    weight_decay·θ to g, or shrinks θ itself by the factor 1 − lr·weight_decay if
    ``decoupled_weight_decay``. ``amsgrad`` uses the largest v so far. ``foreach``,
    ``capturable``, ``differentiable`` and ``fused`` are accepted; they change nothing here. Raises
    ValueError for options out of range. Source: Kingma and Ba, "Adam", 2015.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    _usual: dict[str, Any] = {  # noqa: RUF012
        **Stepwise._usual, "amsgrad": False, "capturable": False, "fused": None,
        "decoupled_weight_decay": False,
    }  # fmt: skip

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        _check_tensor("lr", lr, foreach, capturable)
        if not number(lr) >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for k, beta in enumerate(betas):
            if not 0.0 <= number(beta) < 1.0:
                raise ValueError(f"Invalid beta parameter at index {k}: {beta}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not any(all(isinstance(beta, kind) for beta in betas) for kind in (float, Tensor)):
            raise ValueError("betas must be either both floats or both Tensors")
        for k, beta in enumerate(betas):
            _check_tensor(f"betas[{k}]", beta, foreach, capturable)
        defaults = {
            "lr": lr,
            "betas": (number(betas[0]), number(betas[1])),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)
        check_flags(foreach, differentiable, fused)

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        most = ("max_exp_avg_sq",) if group["amsgrad"] else ()
        return ("exp_avg", "exp_avg_sq", *most)

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        lr, decay = number(group["lr"]), number(group["weight_decay"])
        beta1, beta2 = group["betas"]
        shrink = 1 - lr * decay if group["decoupled_weight_decay"] and decay else 1.0
        added = 0.0 if group["decoupled_weight_decay"] else decay
        size = lr / (1 - beta1**t)
        root = (1 - beta2**t) ** 0.5
        return group["maximize"], shrink, added, beta1, beta2, size, root, group["eps"]

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _adam_max if group["amsgrad"] else _adam


class AdamW(Adam):
    """Adam with decoupled weight decay: θ shrinks by 1 − lr·weight_decay before each update.

    Options are as in Adam. Source: Loshchilov and Hutter, "Decoupled weight decay
    regularization", 2019.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8500], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


def _check_tensor(name: str, value: Any, foreach: bool | None, capturable: bool) -> None:
    """Raise for a tensor as hyper-parameter where PyTorch does not take one."""
    if isinstance(value, Tensor):
        if foreach and not capturable:
            raise ValueError(
                f"{name} as a Tensor is not supported for capturable=False and foreach=True"
            )
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")


def _adam(options: Any, p: Any, g: Any, m: Any, v: Any, s: Any, t: Any) -> None:
    _means(options, p, g, m, v, s, t)
    _move(options, p, m, v, s)


def _adam_max(options: Any, p: Any, g: Any, m: Any, v: Any, most: Any, s: Any, t: Any) -> None:
    _means(options, p, g, m, v, s, t)
    np.maximum(most, v, out=most)
    _move(options, p, m, most, s)


def _means(options: Any, p: Any, g: Any, m: Any, v: Any, s: Any, t: Any) -> None:
    """The running means of g and g², after weight decay."""
    maximize, shrink, added, beta1, beta2 = options[:5]
    if shrink != 1:
        np.multiply(p, shrink, out=p)
    g = direction(maximize, added, p, g, t)
    blend(m, g, 1 - beta1, s)
    blend_squares(v, g, beta2, s)


def _move(options: Any, p: Any, m: Any, v: Any, s: Any) -> None:
    """θ −= size·m / (√v/root + eps)."""
    size, root, eps = options[5:]
    np.sqrt(v, out=s)
    np.divide(s, root, out=s)
    np.add(s, eps, out=s)
    np.divide(m, s, out=s)
    np.multiply(s, size, out=s)
    np.subtract(p, s, out=p)
