"""What flows through a model: sizes of activations, gradients and updates, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from ..autograd import Tensor
from .forward_run import tensors_in

SATURATED = 0.97  # |tanh| beyond this has a slope below 0.06
_CLOSING = {"ReLU", "ReLU6", "Threshold", "Hardshrink", "Softshrink"}


@dataclass(slots=True)
class Layer:
    """One call of a layer in one step; sizes are root mean squares, None where unknown."""

    path: str
    kind: str
    activation: float | None = None
    gradient: float | None = None  # of the loss by the activation
    saturated: float | None = None  # share of elements; tanh and sigmoid only
    dead: float | None = None  # share of units that were 0 for the whole batch; ReLU only


@dataclass(slots=True)
class Weight:
    """One parameter in one step: its size, its gradient's, and how far the update moved it."""

    path: str
    size: float
    gradient: float | None = None
    update: float | None = None  # size of the update over size of the parameter


@dataclass(slots=True)
class FlowStep:
    """All layers in the order of the forward pass, and all parameters, in one step."""

    layers: dict[str, Layer] = field(default_factory=dict)
    weights: dict[str, Weight] = field(default_factory=dict)


def size_of(data: Any) -> float:
    """The root mean square of an array, in double precision; 0 for an empty one."""
    array = np.asarray(data, dtype=np.float64)
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.mean(array * array))) if array.size else 0.0


class FlowHistory:
    """Watches a model while it trains: `with FlowHistory(model, optimizer) as history: …`.

    A step ends when the optimizer has stepped; its updates are measured, whatever the optimizer.
    `every` keeps one step of so many. `viz.flow(model, history=history)` shows it.

    >>> import chainrule as cr
    >>> model = cr.nn.Linear(2, 1)
    >>> optimizer = cr.optim.SGD(model.parameters(), lr=0.1)
    >>> with FlowHistory(model, optimizer) as history:
    ...     for _ in range(3):
    ...         optimizer.zero_grad()
    ...         model(cr.ones(4, 2)).square().mean().backward()
    ...         optimizer.step()
    >>> len(history.steps), list(history.steps[0].weights)
    (3, ['weight', 'bias'])
    """

    def __init__(self, model: Any, optimizer: Any = None, *, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"every is 1 (keep all steps) or more, got {every}")
        self.model, self.optimizer, self.every = model, optimizer, every
        self.steps: list[FlowStep] = []
        self._now = FlowStep()
        self._count = 0
        self._before: dict[str, Any] = {}
        self._handles: list[Any] = []

    def __enter__(self) -> Self:
        modules = list(self.model.named_modules())
        leaves = [(path, module) for path, module in modules if not list(module.children())]
        self._handles.append(self.model.register_forward_pre_hook(self._begin))
        for path, module in leaves:
            hook = self._hook(path or type(module).__name__)
            self._handles.append(module.register_forward_hook(hook))
        if self.optimizer is not None:
            self._handles.append(self.optimizer.register_step_pre_hook(self._remember))
            self._handles.append(self.optimizer.register_step_post_hook(self._stepped))
        return self

    def __exit__(self, *exc: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def finish(self, gradients: Iterable[tuple[str, Any]] | None = None, lr: float = 0.0) -> None:
        """End a step by hand: with these gradients (default: each parameter's `.grad`)."""
        found = dict(gradients) if gradients is not None else {}
        for path, parameter in self.model.named_parameters():
            grad = found.get(path) if gradients is not None else parameter.grad
            size = size_of(parameter._data)
            weight = Weight(path, size)
            if grad is not None:
                weight.gradient = size_of(grad._data)
                if lr:
                    weight.update = _ratio(lr * weight.gradient, size)
            self._now.weights[path] = weight
        self._keep()

    def _keep(self) -> None:
        if self._count % self.every == 0:
            self.steps.append(self._now)
        self._count += 1
        self._now = FlowStep()

    def _begin(self, module: Any, args: Any) -> None:
        self._now.layers.clear()

    def _hook(self, path: str) -> Callable[[Any, Any, Any], None]:
        def seen(module: Any, args: Any, result: Any) -> None:
            tensor = next(tensors_in(result), None)
            if tensor is None or tensor._data is None:
                return
            key, count = path, 2
            while key in self._now.layers:
                key, count = f"{path} (call {count})", count + 1
            layer = _measure(key, module, tensor, list(self._now.layers.values()))
            self._now.layers[key] = layer
            if tensor.requires_grad:
                tensor.register_hook(lambda grad: _note_gradient(layer, grad))

        return seen

    def _remember(self, optimizer: Any, *rest: Any) -> None:
        for path, parameter in self.model.named_parameters():
            data = parameter._data
            self._before[path] = data.copy() if isinstance(data, np.ndarray) else data

    def _stepped(self, optimizer: Any, *rest: Any) -> None:
        for path, parameter in self.model.named_parameters():
            before = self._before[path]
            size = size_of(before)
            weight = Weight(path, size)
            if parameter.grad is not None:
                weight.gradient = size_of(parameter.grad._data)
                weight.update = _ratio(size_of(np.asarray(parameter._data) - before), size)
            self._now.weights[path] = weight
        self._before.clear()
        self._keep()


def _ratio(change: float, size: float) -> float | None:
    return change / size if size else None


def _note_gradient(layer: Layer, grad: Any) -> None:
    layer.gradient = size_of(grad._data)


def _measure(key: str, module: Any, tensor: Tensor, before: list[Layer]) -> Layer:
    kind = type(module).__name__
    array = np.asarray(tensor._data, dtype=np.float64)
    layer = Layer(key, kind, size_of(array))
    images = array.ndim >= 4 or (array.ndim == 3 and before and before[-1].kind.endswith("1d"))
    note_shares(layer, kind, array, 1 if images else array.ndim - 1)
    return layer


def note_shares(layer: Layer, kind: str, array: Any, units: int) -> None:
    """Write down which share of a layer is saturated or dead; `units` is the axis of its units."""
    if not array.size:
        return
    if kind in {"Tanh", "Sigmoid"}:
        centred = array if kind == "Tanh" else 2 * array - 1
        layer.saturated = float(np.mean(np.abs(centred) > SATURATED))
    if kind in _CLOSING:
        others = tuple(k for k in range(array.ndim) if k != units)
        layer.dead = float(np.mean(np.all(array == 0, axis=others)))
