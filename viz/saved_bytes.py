"""Measured memory: the arrays that a graph keeps for backward, each buffer once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.saved import Packed
from ..autograd.views import owner_of


def arrays_in(value: Any) -> Iterator[Any]:
    """The arrays inside a saved value: itself, in tuples and lists, or what a hook packed."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, np.ndarray):
            yield item
        elif isinstance(item, Tensor):
            stack.append(item._data)
        elif isinstance(item, (tuple, list)):
            stack.extend(item)
        elif isinstance(item, Packed):
            stack.append(item.value)


def buffers_of(tensors: Iterable[Tensor]) -> set[int]:
    """The identities of the memory behind some tensors."""
    return {id(owner_of(t._data)) for t in tensors if isinstance(t._data, np.ndarray)}


def saved_by(order: Sequence[Any], apart: set[int]) -> dict[Any, int]:
    """Bytes that each node is the first to keep, less the buffers in `apart` (the parameters')."""
    seen = set(apart)
    found: dict[Any, int] = {}
    for node in order:
        for array in arrays_in(node.saved or ()):
            owner = owner_of(array)
            if id(owner) not in seen:
                seen.add(id(owner))
                found[node] = found.get(node, 0) + int(owner.nbytes)
    return found
