"""References to the data of constants, which the graph does not keep alive."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np


class Fading:
    """A 0-d array that nobody else may hold: when it has gone, its number is left."""

    __slots__ = ("array", "number")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array, self.number = weakref.ref(array), array[()]

    def __call__(self) -> Any:
        live = self.array()
        return self.number if live is None else live


def fading(array: np.ndarray[Any, Any]) -> Any:
    """What to call for an array, or for None when it has gone; a number stays."""
    return weakref.ref(array) if array.ndim else Fading(array)
