"""Reading Python data: nested lists of numbers, arrays and tensors, as one array."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..dtypes import get_default_dtype
from ..handle import Handle


def infer_data(data: Any, target: dtypes.dtype | None = None) -> Any:
    """An array of nested Python data in PyTorch's dtypes: floats become the default type.

    Where a ``target`` is given, numbers go there directly, not by way of the default type.
    """
    kind = type(data)
    if kind in dtypes.PYTHON:
        try:
            return np.asarray(data, python_dtype(kind).np if target is None else None)
        except OverflowError:
            raise _odd(data) from None
    if isinstance(data, Handle):
        return data._data
    if isinstance(data, (np.ndarray, np.generic)):
        return data
    if not isinstance(data, (list, tuple, range)) and hasattr(data, "__array__"):
        return np.asarray(data)
    if not isinstance(data, (list, tuple, range)):
        if hasattr(data, "__float__"):
            return np.asarray(float(data), get_default_dtype().np)
        raise _odd(data)
    return _nested(data, target)


def python_dtype(kind: type) -> dtypes.dtype:
    """The dtype that a kind of Python number becomes."""
    if kind is float:
        return get_default_dtype()
    return get_default_dtype().to_complex() if kind is complex else dtypes.PYTHON[kind]


def _nested(data: Any, target: dtypes.dtype | None) -> Any:
    kinds: set[Any] = set()
    plain = _strip(data, kinds)
    try:
        a = np.array(plain)
    except ValueError:
        raise ValueError(_ragged(plain)) from None
    if a.dtype in (object, np.uint64):
        raise _odd(plain)
    if a.dtype.kind in "US":
        raise ValueError("too many dimensions 'str'")
    if target is not None:
        return a
    if not kinds:
        return a.astype(get_default_dtype().np)
    for kind in kinds:
        d = kind if isinstance(kind, dtypes.dtype) else python_dtype(kind)
        target = d if target is None else dtypes.promote_types(target, d)
    assert target is not None
    return a.astype(target.np)


def _strip(data: Any, kinds: set[Any]) -> Any:
    """Nested lists without Tensors, and the kinds of number met in them."""
    if isinstance(data, (list, tuple, range)):
        return [_strip(d, kinds) for d in data]
    if isinstance(data, Handle):
        kinds.add(dtypes.of(data._data))
        return data._data if type(data._data) is float else data._data.tolist()
    if isinstance(data, (np.ndarray, np.generic)):
        kinds.add(dtypes.as_dtype(data.dtype))
        return data.tolist()
    if type(data) in dtypes.PYTHON:
        kinds.add(type(data))
    elif hasattr(data, "__float__") and not isinstance(data, str):
        kinds.add(float)
        return float(data)
    return data


def _ragged(plain: Any) -> str:
    for k, row in enumerate(plain):
        if isinstance(row, list) != isinstance(plain[0], list):
            return "expected a rectangular list: numbers and lists stand side by side"
        if isinstance(row, list) and len(row) != len(plain[0]):
            return (
                f"expected sequence of length {len(plain[0])} at dim 1 (got {len(row)}), in row {k}"
            )
    return "expected a rectangular nested list"


def _odd(plain: Any) -> Exception:
    while isinstance(plain, list) and plain:
        plain = next((p for p in plain if isinstance(p, list) or type(p) not in dtypes.PYTHON), 0)
    if isinstance(plain, (int, np.integer)):
        return ValueError("Overflow when unpacking long long: int64 holds less than 2**63")
    if isinstance(plain, str):
        return TypeError("new(): invalid data type 'str'")
    return RuntimeError(f"Could not infer dtype of {type(plain).__name__}")
