"""Copies in which a view holds other values, and views written over the tensor they are of."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import views
from ..declare import export, names
from ..handle import make
from .forms import offered
from .shape import clone


def _filled(name: str, input: Any, src: Any, view: Any) -> Any:
    """A copy of ``input`` in which the view that ``view`` finds holds ``src``."""
    out = clone(input)
    place = view(out)
    if tuple(place.shape) != tuple(src.shape):
        raise RuntimeError(
            f"{name}: expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(place.shape)}"
        )
    place.copy_(src)
    return out


@offered("torch", "tensor")
def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """A copy of ``input`` whose slice ``select(dim, index)`` holds ``src``.

    >>> import chainrule as cr
    >>> cr.select_scatter(cr.zeros(2, 2), cr.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    return _filled("select_scatter", input, src, lambda t: t.select(dim, index))


@offered("torch", "tensor")
def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None,
    step: int = 1,
) -> Any:  # fmt: skip
    """A copy of ``input`` whose slice start:end:step of ``dim`` holds ``src``.

    >>> import chainrule as cr
    >>> cr.slice_scatter(cr.zeros(4), cr.ones(2), start=1, end=3)
    tensor([0., 1., 1., 0.])
    """
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    part = slice(start, end, step)

    def view(t: Any) -> Any:
        t.size(dim)  # raises where there is no such dimension
        return t[(slice(None),) * (dim % max(t.ndim, 1)) + (part,)]

    return _filled("slice_scatter", input, src, view)


@offered("torch", "tensor")
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy of ``input`` whose diagonal holds ``src``.

    >>> import chainrule as cr
    >>> cr.diagonal_scatter(cr.zeros(2, 2), cr.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _filled("diagonal_scatter", input, src, lambda t: t.diagonal(offset, dim1, dim2))


@offered("torch", "tensor")
def as_strided_scatter(
    input: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None
) -> Any:
    """A copy of ``input`` in which ``as_strided(size, stride, storage_offset)`` holds ``src``.

    >>> import chainrule as cr
    >>> cr.as_strided_scatter(cr.zeros(4), cr.ones(2), (2,), (2,))
    tensor([1., 0., 1., 0.])
    """
    return _filled(
        "as_strided_scatter", input, src,
        lambda t: names["torch"]["as_strided"](t, size, stride, storage_offset),
    )  # fmt: skip


@export("tensor")
def fill_diagonal_(self: Any, fill_value: Any, wrap: bool = False) -> Any:
    """The main diagonal becomes ``fill_value``, in place; of tall matrices again after n rows.

    >>> import chainrule as cr
    >>> cr.zeros(2, 2).fill_diagonal_(5)
    tensor([[5., 0.],
            [0., 5.]])
    """
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    here = np.zeros(tuple(self.shape), bool)
    if self.ndim == 2 and wrap:
        here.reshape(-1)[:: self.shape[1] + 1] = True
    else:
        np.fill_diagonal(here, True, wrap=False)
    return self.masked_fill_(make(here), fill_value)


def _over(name: str) -> None:
    """The twin that makes a tensor the view of itself that a view operation gives."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        views.check_inplace(self)
        views.as_array(self)
        before = make(self._data, self._node)
        before._view = self._view
        after = names["tensor"][name.removesuffix("_")](before, *args, **kwargs)
        views.bump(self, name)
        views.set_data(self, views.as_array(after))
        self._node = after._node
        if self._view is not None and after._view is not None:
            self._view = after._view
        return self

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"``{name.removesuffix('_')}``, which the tensor itself becomes."
    names["tensor"][name] = method


for _name in ("t", "transpose", "swapaxes", "swapdims", "squeeze", "unsqueeze", "as_strided"):
    _over(_name + "_")
