"""Adafactor, whose memory of squares is a row and a column; Muon, which orthogonalises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.dtypes import bfloat16
from ..autograd.handle import make
from ..autograd.views import bump, check_writable
from .optimizer import Optimizer, number, step_count
from .stepwise import Stepwise, check

BF16 = bfloat16.np


class Adafactor(Stepwise):
    """Adafactor: Adam's division by √v with v ≈ row means × column means of g² for matrices.

    The share of new squares is t^beta2_decay; the update is scaled down to a root mean square of
    at most ``d`` and up by max(eps[1], RMS of θ), with step min(lr, 1/√t). Source: Shazeer and
    Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0], requires_grad=True)
    >>> optimizer = cr.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0,
        *, foreach: bool | None = None, maximize: bool = False,
    ) -> None:  # fmt: skip
        check({"learning rate": lr})
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
            "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _begin(self, p: Any, group: dict[str, Any], state: dict[str, Any]) -> None:
        state["step"], shape, kind = step_count(), tuple(p.shape), p.dtype.np
        if len(shape) > 1:
            state["row_var"] = make(np.zeros((*shape[:-1], 1), kind))
            state["col_var"] = make(np.zeros((*shape[:-2], 1, shape[-1]), kind))
        else:
            state["variance"] = make(np.zeros(shape, kind))

    def _held(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ()  # they have not the parameter's shape: the options hand them over

    def _options(self, group: dict[str, Any], state: dict[str, Any], t: float) -> tuple[Any, ...]:
        held = [state[n]._data for n in ("row_var", "col_var", "variance") if n in state]
        for name in ("row_var", "col_var", "variance"):
            if name in state:
                bump(state[name], "an optimizer's step")
        return group, t, held

    def _update(self, group: dict[str, Any]) -> Callable[..., None]:
        return _adafactor

    def _run(self, update: Callable[..., None], options: Any, *arrays: Any) -> None:
        update(options, *arrays, None, None)  # never in blocks: it needs whole rows and columns


def _adafactor(options: Any, p: Any, g: Any, s: Any, t: Any) -> None:
    group, count, held = options
    kind = p.dtype.type
    first, second = group["eps"]
    first = float(np.finfo(p.dtype).eps) if first is None else first
    g = -g if group["maximize"] else g
    share = count ** group["beta2_decay"]
    size = min(number(group["lr"]), 1 / count**0.5)
    root = max(p.size, 1) ** 0.5
    alpha = max(second, float(np.sqrt(np.sum(p * p))) / root) * size
    if group["weight_decay"]:
        np.multiply(p, kind(1 - number(group["lr"]) * group["weight_decay"]), out=p)
    squares = g * g
    if len(held) == 2:
        row, col = held
        row += kind(share) * (squares.mean(-1, keepdims=True) - row)
        col += kind(share) * (squares.mean(-2, keepdims=True) - col)
        spread = row @ col / np.maximum(row.mean(-2, keepdims=True), kind(first))
    else:
        (variance,) = held
        variance += kind(share) * (squares - variance)
        spread = variance
    update = g / np.sqrt(np.maximum(spread, kind(first * first)))
    norm = max(1.0, float(np.sqrt(np.sum(update * update))) / (root * group["d"]))
    np.subtract(p, kind(alpha / norm) * update, out=p)


class Muon(Optimizer):
    """Muon: momentum whose matrix is replaced by the nearest orthogonal one; for matrices only.

    b ← μ·b + (1 − μ)·g; the direction (with ``nesterov`` blended with g again) goes through
    ``ns_steps`` Newton–Schulz iterations X ← aX + (bXXᵀ + c(XXᵀ)²)X in bfloat16, as in PyTorch.
    The step is lr·√max(1, rows/columns), or 0.2·lr·√max(rows, columns) for
    ``adjust_lr_fn="match_rms_adamw"``; weight decay is decoupled. Source: Jordan et al., "Muon: an
    optimizer for hidden layers", 2024.

    >>> import chainrule as cr
    >>> w = cr.eye(2, requires_grad=True)
    >>> optimizer = cr.optim.Muon([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w.shape
    torch.Size([2, 2])
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        if not number(lr) >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not momentum >= 0.0:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter with size: "
                        f"{p.size()}"
                    )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; ``closure`` computes the loss again and returns it."""
        loss = self._closure(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                check_writable(p, "Muon")
                state, g = self.state[p], np.asarray(p.grad._data)
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = make(np.zeros_like(g))
                b, kind = state["momentum_buffer"]._data, g.dtype.type
                mu = kind(group["momentum"])
                b += (1 - mu) * (g - b)
                bump(state["momentum_buffer"], "an optimizer's step")
                d = g + mu * (b - g) if group["nesterov"] else b
                d = orthogonal(d, group["ns_coefficients"], group["ns_steps"], group["eps"])
                rows, columns = p.shape
                lr = number(group["lr"])
                if group["adjust_lr_fn"] == "match_rms_adamw":
                    size = lr * 0.2 * max(rows, columns) ** 0.5
                else:
                    size = lr * max(1, rows / columns) ** 0.5
                p._data *= kind(1 - lr * group["weight_decay"])
                p._data -= kind(size) * d.astype(g.dtype)
                bump(p, "an optimizer's step")
        return loss


def orthogonal(g: Any, coefficients: tuple[float, float, float], steps: int, eps: float) -> Any:
    """The nearly orthogonal matrix that Newton–Schulz iterations in bfloat16 reach from ``g``."""
    a, b, c = coefficients
    x = g.astype(BF16).astype(np.float32)  # products in float32, each result rounded
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    norm = _rounded(np.sqrt(np.sum(x * x)))
    x = _rounded(x / np.maximum(norm, _rounded(np.float32(eps))))
    for _ in range(steps):
        gram = _rounded(x @ x.T)
        poly = _rounded(b * gram + c * (gram @ gram))
        x = _rounded(a * x + poly @ x)
    return x.T if tall else x


def _rounded(x: Any) -> Any:
    return np.asarray(x, np.float32).astype(BF16).astype(np.float32)
