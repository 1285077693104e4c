"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor, modes
from ..autograd.handle import make, scalar_of
from ..autograd.views import bump, set_data
from .optimizer import Optimizer, number
from .stepwise import check_flags, direction

ndarray = np.ndarray


class SGD(Optimizer):
    """Stochastic gradient descent: θ ← θ − lr·d, d = g + weight_decay·θ.

    With ``momentum`` μ: b ← μ·b + (1 − dampening)·d (at first b = d), and b takes the place of d;
    with ``nesterov``, d + μ·b does. ``maximize`` goes up instead. ``foreach``, ``differentiable``
    and ``fused`` are accepted; they change nothing here. Raises ValueError for negative options.
    Source: Sutskever et al., "On the importance of initialization and momentum", 2013.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if number(lr) < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if number(weight_decay) < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_flags(foreach, differentiable, fused)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        usual = {"nesterov": False, "maximize": False, "foreach": None, "differentiable": False}
        for group in self.param_groups:
            for name, value in {**usual, "fused": False}.items():
                group.setdefault(name, value)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; ``closure`` computes the loss again and returns it."""
        loss = self._closure(closure)
        for group in self.param_groups:
            if modes.tracing:
                with modes.no_grad():
                    _recorded(group, self.state)
                continue
            lr, momentum = number(group["lr"]), number(group["momentum"])
            options = (
                lr,
                momentum,
                1 - number(group["dampening"]),
                number(group["weight_decay"]),
                group["nesterov"],
                group["maximize"],
            )
            for p in group["params"]:
                grad = p.grad
                if grad is None:
                    continue
                if not momentum:
                    if type(p._data) is ndarray:
                        self._edit(p, _descend, options, grad._data)
                    else:
                        _descend_number(options, p, grad._data)
                    continue
                state = self.state[p]
                buffer = state.get("momentum_buffer")
                update = _roll
                if buffer is None:
                    buffer = make(np.empty_like(np.asarray(p._data)))
                    state["momentum_buffer"] = buffer
                    update = _start
                self._edit(p, update, options, grad._data, buffer._data)
                bump(buffer, "an optimizer's step")
        return loss


def _descend(options: Any, p: Any, g: Any, s: Any, t: Any) -> None:
    """θ −= lr·d."""
    np.multiply(direction(options[5], options[3], p, g, t), options[0], out=t)
    np.subtract(p, t, out=p)


def _descend_number(options: Any, p: Any, g: Any) -> None:
    """The same for 0-d data that is a plain number: its own arithmetic is the quickest."""
    d = -g if options[5] else g
    if options[3]:
        d = d + p._data * options[3]
    set_data(p, scalar_of(p._data - d * options[0]))
    bump(p, "an optimizer's step")


def _roll(options: Any, p: Any, g: Any, b: Any, s: Any, t: Any) -> None:
    """B = μ·b + (1 − dampening)·d, then descend along b."""
    momentum, share = options[1:3]
    d = direction(options[5], options[3], p, g, t)
    np.multiply(b, momentum, out=b)
    np.add(b, d if share == 1 else np.multiply(d, share, out=s), out=b)
    _along(options, p, d, b, s)


def _start(options: Any, p: Any, g: Any, b: Any, s: Any, t: Any) -> None:
    """The first step: b = d, without dampening."""
    d = direction(options[5], options[3], p, g, t)
    np.copyto(b, d)
    _along(options, p, d, b, s)


def _along(options: Any, p: Any, d: Any, b: Any, s: Any) -> None:
    lr, momentum, nesterov = options[0], options[1], options[4]
    if nesterov:
        np.multiply(b, momentum, out=s)
        np.add(s, d, out=s)
        np.multiply(s, lr, out=s)
    else:
        np.multiply(b, lr, out=s)
    np.subtract(p, s, out=p)


def _recorded(group: dict[str, Any], states: Any) -> None:
    """The same step in operations on Tensors, so that a capture can write it down."""
    momentum, decay = group["momentum"], group["weight_decay"]
    for p in group["params"]:
        if p.grad is None:
            continue
        d = -p.grad if group["maximize"] else p.grad
        if decay:
            d = d + p * decay
        if momentum:
            state = states[p]
            b = state.get("momentum_buffer")
            if b is None:
                raise RuntimeError(
                    "SGD: the first step with momentum makes its buffers, which every later step "
                    "would repeat if it were captured; take one step before capturing"
                )
            b.mul_(momentum).add_(d * (1 - group["dampening"]))
            d = d + b * momentum if group["nesterov"] else b
        p.sub_(d * group["lr"])
