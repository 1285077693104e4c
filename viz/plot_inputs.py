"""What plots are given: tensors, arrays, lists, models; read without disturbing them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Tensor, no_grad
from ..autograd.ops.creation import from_numpy
from .forward_run import unchanged
from .plot_ink import COLOURS, MARKERS, PAGE

Array = npt.NDArray[Any]


def array(value: Any) -> Array:
    """A Tensor, an array, or lists of either, as an array; no gradient is followed.

    >>> import chainrule as cr
    >>> array([cr.tensor(1.0, requires_grad=True), 2.0])
    array([1., 2.])
    """
    if isinstance(value, Tensor):
        return np.asarray(value.detach().cpu().numpy())
    nested = (Tensor, list, tuple)
    if isinstance(value, (list, tuple)) and any(isinstance(v, nested) for v in value):
        return np.asarray([array(v) for v in value])
    return np.asarray(value)


@contextmanager
def at_rest(model: Any) -> Iterator[None]:
    """The model in evaluation mode; its mode, buffers and the random numbers come back after."""
    modules = list(model.modules()) if hasattr(model, "modules") else []
    were = [module.training for module in modules]
    with unchanged(model):
        try:
            for module in modules:
                module.training = False
            yield
        finally:
            for module, training in zip(modules, were, strict=True):
                module.training = training


def evaluate(model: Any, values: Array) -> Array:
    """The model's output on an array, in the model's own dtype, without recording."""
    with at_rest(model), no_grad():
        return array(model(as_input(model, values)))


def as_input(model: Any, values: Any) -> Any:
    """A Tensor of the dtype and on the device of the model's parameters, where it has some."""
    tensor = values if isinstance(values, Tensor) else from_numpy(np.ascontiguousarray(values))
    weight = next(iter(model.parameters()), None) if hasattr(model, "parameters") else None
    if not tensor.dtype.is_floating_point:
        return tensor.to(weight.device) if weight is not None else tensor
    return tensor.to(weight.device, weight.dtype) if weight is not None else tensor


class Classes:
    """Labels (n,) as classes: `codes` 0 … k−1 in the order of `values`, and a name for each."""

    def __init__(self, labels: Any, names: Sequence[str] | None) -> None:
        labels = array(labels).reshape(-1)
        self.values, self.codes = np.unique(labels, return_inverse=True)
        whole = self.values.dtype.kind in "iub"
        if names is not None and whole and self.values.min() >= 0:
            if len(names) <= self.values.max():
                raise ValueError(
                    f"names has {len(names)} entries, but the labels go up to "
                    f"{self.values.max()}: give a name for each class from 0"
                )
            self.names = [str(names[int(v)]) for v in self.values]
        elif names is not None and len(names) != len(self.values):
            raise ValueError(
                f"{len(names)} names for {len(self.values)} classes: give one for each"
            )
        else:
            self.names = [str(v) for v in (self.values if names is None else names)]

    def as_two(self) -> None:
        """Where only one class occurs, take it as the one above or below 0, of two."""
        if len(self.values) == 1:
            self.codes = np.full(len(self.codes), int(self.values[0] > 0))
            other = ["the other class"]
            self.names = other + self.names if self.codes[0] else self.names + other

    def scatter(self, axes: Any, points: Array, size: float = 26.0) -> None:
        """Draw points (n, 2), each class in its colour and form."""
        for code, name in enumerate(self.names):
            chosen = points[self.codes == code]
            if not len(chosen):
                continue
            axes.scatter(
                *chosen.T, s=size, marker=MARKERS[code % len(MARKERS)],
                color=COLOURS[code % len(COLOURS)], edgecolor=PAGE, linewidth=0.7,
                label=name, zorder=3,
            )  # fmt: skip


def check_points(name: str, points: Array, labels: Array | None) -> None:
    """Raise ValueError unless points are (n, 2) and there are as many labels."""
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{name} wants points of shape (n, 2), got {points.shape}")
    if labels is not None and labels.size != len(points):
        raise ValueError(f"{name}: {len(points)} points, but {labels.size} labels: give one each")
