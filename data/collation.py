"""Making a batch of a list of samples."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.dtypes import float64

Rules = Mapping[Any, Callable[..., Any]]


def _wrong(found: object) -> TypeError:
    return TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {found}"
    )


def collate(batch: Any, *, collate_fn_map: Rules | None = None) -> Any:
    """Join samples by the type of their elements; containers are joined element by element.

    ``collate_fn_map`` maps a type (or a tuple of types) to ``f(batch, collate_fn_map=...)``.
    Raises TypeError for a type that nothing is known about.
    """
    first = batch[0]
    kind = type(first)
    for known, rule in (collate_fn_map or {}).items():
        if kind is known or isinstance(first, known):
            return rule(batch, collate_fn_map=collate_fn_map)

    def joined(samples: Any) -> Any:
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        return _like_mapping(first, {key: joined([d[key] for d in batch]) for key in first})
    if isinstance(first, Sequence) and not isinstance(first, (str, bytes)):
        if not hasattr(first, "_fields") and any(len(s) != len(first) for s in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return _like_sequence(first, [joined(samples) for samples in zip(*batch, strict=False)])
    raise _wrong(kind)


def _like_mapping(first: Any, made: dict[Any, Any]) -> Any:
    """The joined values in a mapping of the samples' type, with what else it carries."""
    try:
        if isinstance(first, MutableMapping):
            out = copy.copy(first)
            out.update(made)
            return out
        return type(first)(made)
    except TypeError:  # a type that cannot be copied or made so
        return made


def _like_sequence(first: Any, made: list[Any]) -> Any:
    """The joined elements in a sequence of the samples' type; plain tuples become lists."""
    kind: Any = type(first)
    if isinstance(first, tuple):
        return kind(*made) if hasattr(first, "_fields") else made
    try:
        if isinstance(first, MutableSequence):
            out = copy.copy(first)
            for k, item in enumerate(made):
                out[k] = item
            return out
        return kind(made)
    except TypeError:  # such as range
        return made


def _tensors(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return names["torch"]["stack"](list(batch), 0)


def _arrays(batch: Any, *, collate_fn_map: Any = None) -> Any:
    if batch[0].dtype.kind in "SUO":
        raise _wrong(batch[0].dtype)
    return _tensors([names["torch"]["as_tensor"](a) for a in batch])


def _scalars(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return names["torch"]["as_tensor"](list(batch))


def _floats(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return names["torch"]["tensor"](list(batch), dtype=float64)


def _integers(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return names["torch"]["tensor"](list(batch))


def _texts(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return batch


default_collate_fn_map: dict[Any, Callable[..., Any]] = {
    Tensor: _tensors,
    np.ndarray: _arrays,
    (np.bool_, np.number, np.object_): _scalars,
    float: _floats,
    int: _integers,
    str: _texts,
    bytes: _texts,
}


def default_collate(batch: Any) -> Any:
    """Stack tensors and arrays, make tensors of numbers, and join containers by their elements.

    >>> default_collate([(1, 2.5, "a"), (3, 4.5, "b")])
    [tensor([1, 3]), tensor([2.5000, 4.5000], dtype=torch.float64), ('a', 'b')]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def default_convert(data: Any) -> Any:
    """Make tensors of the arrays in one sample, and leave everything else as it is.

    >>> import numpy as np
    >>> default_convert([np.array([1, 2]), "a"])
    [tensor([1, 2]), 'a']
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        text = isinstance(data, np.str_) or data.dtype.kind in "SUO"
        return data if text else names["torch"]["as_tensor"](data)
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(d) for d in data])
    return data
