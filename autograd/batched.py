"""Batched: the data under a Tensor inside ``vmap``.

It holds the values of all examples, the batch dimensions first, and shows the shape of *one*
example. Recording sits on top of data, so inside ``vmap`` nodes have per-example shapes, and the
walker and the rules run on Batched values as on arrays: ``vmap(grad(f))`` needs nothing more.
Values are never written in place; an in-place operation gives its tensor a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from .op import Op
from .stand_in import StandIn


class Level:
    """One ``vmap`` under way: how many examples, and what random operations do.

    ``serial`` orders levels, and tells what was recorded before the level began; ``shared`` holds
    the nodes by which such tensors entered it.
    """

    __slots__ = ("active", "entered", "randomness", "serial", "shared", "size")

    def __init__(self, serial: int, size: int, randomness: str) -> None:
        self.serial, self.size, self.randomness = serial, size, randomness
        self.active = True
        self.shared: dict[Any, Any] = {}
        self.entered: list[Any] = []  # (the tensor inside, the argument it came from, its dim)

    def __repr__(self) -> str:
        return f"<vmap over {self.size} examples>"


class Batched(StandIn):
    """Values of all examples: ``value`` has one leading dimension for each of ``levels``."""

    __slots__ = ("__weakref__", "levels", "value")

    def __init__(self, value: Any, levels: tuple[Level, ...]) -> None:
        self.value, self.levels = value, levels

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.value.shape[len(self.levels) :])

    @property
    def ndim(self) -> int:
        """The number of dimensions of one example."""
        return int(self.value.ndim) - len(self.levels)

    @property
    def size(self) -> int:
        """The number of elements of one example."""
        n = 1
        for m in self.shape:
            n *= m
        return n

    @property
    def dtype(self) -> Any:
        """The NumPy dtype of the values."""
        return self.value.dtype

    @property
    def real(self) -> Batched:
        """The real parts."""
        return Batched(self.value.real, self.levels)

    def astype(self, dtype: Any, copy: bool = False) -> Batched:
        """The values in another dtype."""
        return Batched(self.value.astype(dtype, copy=copy), self.levels)

    def copy(self) -> Batched:
        """Itself: the values are never written in place."""
        return self

    def __repr__(self) -> str:
        sizes = "x".join(str(level.size) for level in self.levels)
        return f"<{sizes} examples of shape {list(self.shape)}, {self.dtype}>"

    @staticmethod
    def _apply(op: Op, values: Sequence[Any], params: tuple[Any, ...] = ()) -> Any:
        """Run an operation on all examples at once."""
        return run(op, values, params)

    # -- what needs one value, which there is not -----------------------------------------------

    def item(self) -> NoReturn:
        """Raises: there is one value for each example."""
        raise RuntimeError(
            "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over "
            "calling .item() on a Tensor, please try to rewrite what you're doing with other "
            "operations: inside vmap a tensor has one value for each example."
        )

    tolist = __float__ = __int__ = __complex__ = __index__ = item

    def __bool__(self) -> NoReturn:
        raise RuntimeError(
            "vmap: It looks like you're attempting to use a Tensor in some data-dependent control "
            "flow. We don't support that yet: each example would take its own way. Use where, or "
            "the masked operations."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(
            "vmap: Cannot access data pointer of Tensor that doesn't have storage: the operation "
            "(numpy(), or one that reads values to decide what to do) needs one array, and inside "
            "vmap there is one for each example. Do it outside of vmap."
        )

    _refuse = __array__


def peek(data: Any) -> Any:
    """The values of all examples as one array, for checks that look at every element."""
    return data.value if type(data) is Batched else np.asarray(data)


def _unset(op: Op, values: Sequence[Any], params: tuple[Any, ...]) -> Any:
    raise RuntimeError("vmap is not loaded")  # batching.py puts its function here


run: Callable[[Op, Sequence[Any], tuple[Any, ...]], Any] = _unset
admit: Any = _unset  # ... and here the one that brings older tensors into a level
