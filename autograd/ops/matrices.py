"""What the functions of ``chainrule.linalg`` share: checks of matrices, and their exception."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..declare import names
from ..errors import ShapeError


class LinAlgError(RuntimeError):
    """A matrix that has no such decomposition or solution; PyTorch's class of the same name.

    >>> import chainrule as cr
    >>> try: cr.linalg.inv(cr.zeros(2, 2))
    ... except cr.linalg.LinAlgError: print("singular")
    singular
    """


names["linalg"]["LinAlgError"] = LinAlgError


def matrix(name: str, a: Any, letter: str = "A", *, square: bool = False) -> None:
    """Raise RuntimeError for what is no (square) matrix of floating type, or batch of them."""
    if a.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor {letter} must have at least 2 dimensions, got the shape "
            f"{list(a.shape)}"
        )
    kind = a.dtype
    if kind.category < 2:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {kind}; convert "
            "first: x.float()"
        )
    if kind.itemsize < 4:
        raise RuntimeError(
            f"{name}: Low precision dtypes not supported. Got {kind}; convert first: x.float()"
        )
    if square and a.shape[-1] != a.shape[-2]:
        raise ShapeError(
            f"{name}: {letter} must be batches of square matrices, but they are {a.shape[-2]} by "
            f"{a.shape[-1]} matrices"
        )


def same_type(name: str, a: Any, b: Any) -> None:
    """Raise RuntimeError where two tensors differ in dtype."""
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {a.dtype} and B "
            f"of type {b.dtype} instead"
        )


def solved(compute: Callable[..., Any], *arrays: Any, message: Callable[[Any], str]) -> Any:
    """``compute(*arrays)``; where LAPACK gives up, LinAlgError about the first bad matrix."""
    try:
        return compute(*arrays)
    except np.linalg.LinAlgError:
        a = np.asarray(arrays[0])
        for at in np.ndindex(*a.shape[:-2]):
            try:
                compute(a[at], *[np.zeros((a.shape[-1], 1), a.dtype) for _ in arrays[1:]])
            except np.linalg.LinAlgError:
                number = int(np.ravel_multi_index(at, a.shape[:-2])) if at else 0
                where = f"(Batch element {number}): " if at else ""
                name, _, text = message(a[at]).partition(": ")
                raise LinAlgError(f"{name}: {where}{text}") from None
        raise


def each(compute: Callable[..., Any], *arrays: Any) -> list[Any]:
    """``compute`` on every matrix of batches that broadcast, for routines that take one."""
    lead = np.broadcast_shapes(*[a.shape[:-2] for a in arrays])
    grown = [np.broadcast_to(a, lead + a.shape[-2:]) for a in arrays]
    return [compute(*[a[at] for a in grown]) for at in np.ndindex(*lead)]


def tolerance(values: Any, shape: Any, atol: Any, rtol: Any, kind: Any) -> Any:
    """Below which singular values count as 0: max(atol, rtol · largest)."""
    raw = [t._data if hasattr(t, "_data") else t for t in (atol, rtol)]
    low = np.asarray(0.0 if raw[0] is None else raw[0])
    if raw[1] is None:
        eps = np.finfo(kind).eps * max(shape[-2:])
        part = np.where(low > 0, 0.0, eps)
    else:
        part = np.asarray(raw[1])
    largest = values.max(-1) if values.shape[-1] else np.zeros(values.shape[:-1], values.dtype)
    return np.maximum(low, part * largest)[..., None]


def word(kind: Any) -> str:
    """The name of a NumPy dtype in messages."""
    return dtypes.as_dtype(kind).name
