"""Parameter and Buffer: the tensors that a module registers when they are assigned to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.dtypes import as_dtype, dtype, get_default_dtype, of
from ..autograd.graph import Leaf
from ..autograd.handle import Handle, make
from ..autograd.views import as_array

SLOT: Any = Handle._data  # where every tensor keeps its data


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


class UninitializedTensorMixin:
    """A tensor that waits for its shape: it has a dtype, but no data until ``materialize``."""

    __slots__ = ()
    cls_to_become: Any

    def _wait(self: Any, requires_grad: bool, dtype: dtype | None) -> None:
        """Set up dtype and leaf."""
        data = np.empty(0, (dtype or get_default_dtype()).np)
        SLOT.__set__(self, data)
        self._node = Leaf(data, requires_grad) if requires_grad else None

    @property
    def _data(self) -> Any:
        kind = type(self).__name__
        raise ValueError(
            f"Attempted to use an uninitialized parameter or buffer ({kind}). This error happens "
            "when you are using a lazy module or handle such tensors yourself. Call `forward` with "
            "a batch first: it finds the shapes"
        )

    @property
    def shape(self) -> Any:
        """Raises RuntimeError: there is none yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    @property
    def dtype(self) -> dtype:
        """The type that the elements will have."""
        return of(SLOT.__get__(self))

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become a tensor of this shape, its values yet to be set; dtype as before if None."""
        if device is not None and str(device) != "cpu":
            raise RuntimeError(f"materialize: there is no device {device}, data is on the cpu")
        kind, requires_grad = as_dtype(dtype) if dtype else self.dtype, self.requires_grad
        self.__class__ = self.cls_to_become
        self._data, self._node = np.empty(tuple(shape), kind.np), None
        self.requires_grad_(requires_grad)

    def convert(self: Any, fn: Any) -> None:
        """Take over the dtype that ``fn`` gives to a tensor of this one's."""
        kind = fn(make(SLOT.__get__(self))).dtype
        self._wait(self.requires_grad, kind)

    def share_memory_(self) -> None:
        """Raises RuntimeError: there is nothing to share."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        made = type(self)(self.requires_grad, None, self.dtype)
        memo[id(self)] = made
        return made

    def __reduce_ex__(self: Any, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self.requires_grad, None, self.dtype)


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc]
    """A parameter of a lazy module, before the first call has told its shape.

    >>> import chainrule as cr
    >>> p = cr.nn.UninitializedParameter(dtype=cr.float64)
    >>> p, p.requires_grad
    (<UninitializedParameter>, True)
    >>> p.materialize((2, 3))
    >>> type(p).__name__, p.shape, p.dtype
    ('Parameter', torch.Size([2, 3]), torch.float64)
    """

    __slots__ = ()
    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        self._wait(requires_grad, dtype)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):  # type: ignore[misc]
    """A buffer of a lazy module, before the first call has told its shape.

    >>> import chainrule as cr
    >>> cr.nn.UninitializedBuffer()
    <UninitializedBuffer>
    """

    __slots__ = ()
    cls_to_become = Tensor

    def __init__(
        self,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> None:
        self._wait(requires_grad, dtype)
        self.__dict__["persistent"] = persistent


def is_lazy(param: Any) -> bool:
    """Whether a tensor still waits for its shape.

    >>> is_lazy(UninitializedParameter()), is_lazy(Parameter())
    (True, False)
    """
    return isinstance(param, UninitializedTensorMixin)
