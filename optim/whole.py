"""Whole: optimizers that see all parameters as one vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.handle import make, scalar_of
from ..autograd.views import bump, set_data
from .optimizer import Optimizer


class Whole(Optimizer):
    """Base of optimizers that compute one step for all parameters together."""

    @property
    def _params(self) -> list[Any]:
        return [p for group in self.param_groups for p in group["params"]]

    def _vector(self, tensors: Any, dtype: Any = None) -> Any:
        """One tensor for each parameter (None: zeros) as a vector, in a type where one is given."""
        parts = []
        for t, p in zip(tensors, self._params, strict=True):
            data = np.zeros(p.numel(), p.dtype.np) if t is None else np.asarray(t._data)
            parts.append((data if dtype is None else data.astype(dtype)).ravel())
        return np.concatenate(parts)

    def _split(self, x: Any) -> list[Any]:
        """A vector as tensors in the parameters' shapes and types."""
        made, start = [], 0
        for p in self._params:
            part = x[start : start + p.numel()].reshape(tuple(p.shape)).astype(p.dtype.np)
            made.append(make(scalar_of(part[()]) if not part.ndim else part))
            start += p.numel()
        return made

    def _move(self, x: Any) -> None:
        """Set the parameters to the values of a vector."""
        for p, t in zip(self._params, self._split(x), strict=True):
            if type(p._data) is np.ndarray:
                np.copyto(p._data, t._data)
            else:
                set_data(p, t._data)
            bump(p, "an optimizer's step")
