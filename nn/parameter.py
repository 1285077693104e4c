"""Parameter and Buffer: the tensors that a module registers when they are assigned to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.dtypes import get_default_dtype
from ..autograd.views import as_array


def _adopt(t: Any, data: Tensor | None, requires_grad: bool, kind: str) -> None:
    """Put the memory of ``data`` under ``t``, as a leaf."""
    if data is None:
        t._data = np.empty(0, get_default_dtype().np)
    elif isinstance(data, Tensor):
        t._data = as_array(data)
    else:
        raise TypeError(
            f"{kind}: expected a Tensor as data, got {type(data).__name__}; make one first "
            "(tensor, from_numpy)"
        )
    t._node = None
    if requires_grad:
        t.requires_grad_()


class Parameter(Tensor):
    """A tensor that a module counts among its parameters: a leaf that requires grad.

    It shares the memory of ``data`` (None: an empty tensor). Raises RuntimeError for integers that
    are to require grad.

    >>> import chainrule as cr
    >>> cr.nn.Parameter(cr.tensor([1.0, 2.0]))
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        _adopt(self, data, requires_grad, "Parameter")

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that a module keeps beside its parameters, such as running statistics.

    ``persistent=False`` keeps it out of the ``state_dict``.

    >>> import chainrule as cr
    >>> m = cr.nn.Module()
    >>> m.mean = cr.nn.Buffer(cr.zeros(2))
    >>> list(m.state_dict())
    ['mean']
    """

    __slots__ = ()
    persistent: bool

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        _adopt(self, data, data is not None and data.requires_grad, "Buffer")
        self.__dict__["persistent"] = persistent


def typename(obj: object) -> str:
    """The name that messages give to a value: ``torch.FloatTensor``, or its class."""
    if isinstance(obj, Tensor) and not isinstance(obj, Parameter):
        return str(obj.type())
    module, name = type(obj).__module__, type(obj).__qualname__
    return name if module in ("builtins", "__builtin__") else f"{module}.{name}"
