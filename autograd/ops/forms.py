"""The forms in which operations are offered: checked functions, in-place twins, named results."""

from __future__ import annotations

import functools
import inspect
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from .. import dtypes, views
from ..declare import ALIASES, Array, names, op, write_out
from ..handle import Handle


def offered(*spaces: str, name: str | None = None) -> Callable[[Any], Any]:
    """List a composed function: its first argument a Tensor, NumPy's names, ``out=``."""

    def listed(function: Any) -> Any:
        code = function.__code__
        known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        title = name or function.__name__

        @functools.wraps(function)
        def checked(*args: Any, out: Any = None, **kwargs: Any) -> Any:
            for key in [k for k in kwargs if k not in known and k in ALIASES]:
                kwargs[ALIASES[key]] = kwargs.pop(key)
            first = args[0] if args else kwargs.get(known[0])
            if not isinstance(first, Handle):
                raise TypeError(
                    f"{title}(): argument '{known[0]}' (position 1) must be Tensor, not "
                    f"{type(first).__name__}"
                )
            result = function(*args, **kwargs)
            return result if out is None else write_out(out, result)

        for space in spaces:
            names[space][title] = checked
        return checked

    return listed


def twin(function: Any, name: str | None = None) -> Any:
    """List the in-place twin of an out-of-place function, as a Tensor method."""
    title = name or function.__name__ + "_"

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        views.check_inplace(self)
        return views.write(self, function(self, *args, **kwargs), title)

    method.__name__ = method.__qualname__ = title
    method.__doc__ = f"``{title[:-1]}``, written into the tensor itself."
    method.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    names["tensor"][title] = method
    return method


def return_type(name: str, *fields: str) -> Any:
    """A named tuple that prints as ``torch.return_types.<name>`` does."""
    base: Any = namedtuple(name, fields)  # type: ignore[misc]  # the names are data here

    def text(self: Any) -> str:
        pairs = ",\n".join(f"{f}={v!r}" for f, v in zip(fields, self, strict=True))
        return f"torch.return_types.{name}(\n{pairs})"

    return type(name, (base,), {"__slots__": (), "__repr__": text, "__module__": __name__})


def _refuse(why: str) -> NoReturn:
    if " " in why:
        raise RuntimeError(why)
    raise NotImplementedError(
        f"the derivative for '{why}' is not implemented: PyTorch defines none. Detach its input "
        "first if no gradient is wanted"
    )


@op(lambda g, why: (_refuse(why),), where=(), promote="keep", symbol="=")
def underived(input: Array, value: Array, why: str) -> Any:
    """``value``, which came from ``input`` by a way that has no derivative: backward raises.

    ``why`` is the sentence to raise, or the name of an operation whose derivative nobody defined.
    """
    return value


def without_gradient(input: Any, value: Any, why: str) -> Any:
    """A result computed from data alone; where ``input`` requires grad, backward says why not."""
    return underived(input, value, why) if input.requires_grad else value


class OutOfRange(IndexError, RuntimeError):
    """An index outside, where PyTorch raises one or the other by the way it takes."""


def integers(name: str, index: Any) -> Any:
    """The index as an array; raises RuntimeError where it is not int32 or int64."""
    at = np.asarray(index)
    if at.dtype.name not in ("int64", "int32"):
        raise RuntimeError(
            f"{name}(): Expected dtype int32/int64 for index, but got {dtypes.of(at)}; convert it: "
            "index.long()"
        )
    return at


def within(name: str, at: Any, dim: int, size: int, kind: Any = RuntimeError) -> None:
    """Raise where an index lies outside 0 … size − 1."""
    if at.size and (at.min() < 0 or at.max() >= size):
        bad = at.min() if at.min() < 0 else at.max()
        raise kind(f"{name}(): index {bad} is out of bounds for dimension {dim} with size {size}")


def tensors_of(given: Sequence[Any], name: str) -> tuple[Any, ...]:
    """Tensors given one by one or as one list."""
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = given[0]
    for k, item in enumerate(given):
        if not isinstance(item, Handle):
            raise TypeError(
                f"{name}(): expected Tensor as element {k}, but got {type(item).__name__}"
            )
    return tuple(given)
