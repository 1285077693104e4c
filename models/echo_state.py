"""Echo-state network: a fixed random recurrent layer, of which only the readout is learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad
from .registry import register

_torch = names["torch"]


class EchoState(nn.Module):
    """h' = (1 − a)·h + a·tanh(W_in [1; x] + W h), y = W_out [1; x; h]; only W_out is learned.

    W is sparse and scaled to a spectral radius below 1, so that the state forgets where it began
    and echoes the inputs; W_out is the ridge solution, no gradient descent. Sequences
    (T, inputs) → (T, outputs). Buffers ``w_in``, ``w``, ``w_out``; ``seed`` draws the first two.
    Source: Jaeger, "The echo state approach to analysing and training recurrent neural networks",
    2001.

    >>> import chainrule as cr
    >>> net = cr.models.EchoState(1, 50)
    >>> x = cr.linspace(0, 20, 200).sin()[:, None]
    >>> net.fit(x[:-1], x[1:], washout=20) < 1e-3
    True
    """

    w_in: Tensor
    w: Tensor
    w_out: Tensor

    def __init__(
        self,
        inputs: int = 1,
        units: int = 200,
        outputs: int = 1,
        radius: float = 0.9,
        leak: float = 1.0,
        density: float = 0.1,
        scale: float = 1.0,
        seed: int = 0,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if not 0 < leak <= 1:
            raise ValueError(f"EchoState: leak must lie in (0, 1], got {leak}")
        self.leak = leak
        rng = np.random.default_rng(seed)
        w = rng.uniform(-1, 1, (units, units)) * (rng.random((units, units)) < density)
        largest = np.abs(np.linalg.eigvals(w)).max()
        w *= radius / max(float(largest), 1e-12)
        w_in = rng.uniform(-scale, scale, (units, 1 + inputs))
        for name, value in (("w_in", w_in), ("w", w)):
            self.register_buffer(name, _torch["tensor"](value, dtype=dtype or _default()))
        self.register_buffer("w_out", self.w.new_zeros(outputs, 1 + inputs + units))

    def _step(self, x: Any, h: Any) -> Any:
        drive = self.w_in[:, 0] + self.w_in[:, 1:] @ x + self.w @ h
        return (1 - self.leak) * h + self.leak * drive.tanh()

    def _features(self, x: Tensor, h: Any) -> tuple[Any, Any]:
        """[1; x; h] of every step (T, 1 + inputs + units), and the last state."""
        states = []
        for x_t in x:
            h = self._step(x_t, h)
            states.append(h)
        ones = x.new_ones(len(x), 1)
        return _torch["cat"]([ones, x, _torch["stack"](states)], dim=1), h

    def fit(self, x: Tensor, y: Tensor, washout: int = 100, ridge: float = 1e-6) -> float:
        """Learn the readout: W_out = (FᵀF + ridge·I)⁻¹Fᵀy; returns the mean squared error.

        The first ``washout`` steps, which remember the start, do not count. Computed in float64:
        FᵀF squares the condition of F.
        """
        if not 0 <= washout < len(x):
            raise ValueError(f"fit: washout must be 0 to {len(x) - 1}, got {washout}")
        with no_grad():
            features = self._features(x, self.w.new_zeros(len(self.w)))[0][washout:].double()
            aim = y[washout:].double()
            gram = features.T @ features
            gram += ridge * _torch["eye"](len(gram), dtype=gram.dtype)
            solution = names["linalg"]["solve"](gram, features.T @ aim).T
            self.w_out.copy_(solution)
            return float(((features @ solution.T - aim) ** 2).mean())

    def forward(self, x: Tensor, h: Any = None) -> Any:
        """Return the outputs (T, outputs) along the sequence."""
        start = self.w.new_zeros(len(self.w)) if h is None else h
        return self._features(x, start)[0] @ self.w_out.T

    def forecast(self, x: Tensor, steps: int) -> Any:
        """Read x (T, inputs), then go on alone for ``steps``: each output is the next input."""
        with no_grad():
            features, h = self._features(x, self.w.new_zeros(len(self.w)))
            outs = [features[-1:] @ self.w_out.T]
            for _ in range(steps - 1):
                features, h = self._features(outs[-1], h)
                outs.append(features @ self.w_out.T)
            return _torch["cat"](outs)


def _default() -> Any:
    return names["torch"]["zeros"](0).dtype


@register(
    "a fixed random recurrent layer with a learned linear readout",
    'Jaeger, "The echo state approach to analysing and training recurrent neural networks"',
    2001,
    sample=lambda: (_torch["zeros"](50, 1),),
)
def echo_state(inputs: int = 1, units: int = 200, **options: Any) -> EchoState:
    """An ``EchoState`` of 200 units."""
    return EchoState(inputs, units, **options)
