"""What a Tensor is to the engine: data and a node. tensor.py adds what users see.

Data is a NumPy array, or, for a 0-d result, a Python float (float64) or a NumPy scalar: arithmetic
on those costs a tenth of what it costs on a 0-d array. A 0-d tensor whose memory is to be shared
(by a view, by ``numpy()``) is given an array at that moment.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from . import dtypes
from .graph import Leaf

new = object.__new__


class Handle:
    """Data, and the node that made it (None: nothing was recorded)."""

    __slots__ = ("__dict__", "__weakref__", "_data", "_node")
    _data: Any
    _node: Any


tensor_class: Any = Handle  # tensor.py puts the real class here


def bind(cls: type) -> None:
    """Say which class results are made of."""
    global tensor_class
    tensor_class = cls


def make(data: Any, node: Any = None) -> Any:
    """A Tensor of this data and node."""
    t = new(tensor_class)
    t._data = data
    t._node = node
    return t


def scalar_of(out: Any) -> Any:
    """0-d data in the form it is kept in: float64 as a Python float."""
    return float(out) if type(out) is np.float64 else out


def leaf_of(operand: Any) -> Any:
    """The node that stands for a constant operand: a tensor's leaf, or the number itself."""
    if not isinstance(operand, Handle):
        return operand
    if operand._node is None:
        operand._node = Leaf(operand._data, False)
    return operand._node


def variable(leaf: Leaf) -> Any:
    """The Tensor of a leaf: the one that asked for gradient, or a new one where that has gone."""
    t = leaf.owner() if leaf.owner is not None else None
    if t is None or t._node is not leaf:
        t = make(leaf.value, leaf)
        leaf.owner = weakref.ref(t)
    return t


def cast(data: Any, target: dtypes.dtype) -> Any:
    """Data in another dtype; the same object where nothing changes."""
    kind = type(data)
    if kind is float:
        return data if target is dtypes.float64 else target.np.type(data)
    if kind is int or kind is bool or kind is complex:
        return float(data) if target is dtypes.float64 else np.asarray(data).astype(target.np)[()]
    if data.dtype is target.np or data.dtype == target.np:
        return data
    if target.category < 3 and data.dtype.kind == "c":
        data = data.real
    return scalar_of(data.astype(target.np))
