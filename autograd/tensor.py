"""Tensor: data, and the node that made it. Thin: operators and methods come from the registry."""

from __future__ import annotations

import copy
import math
import warnings
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from . import devices, dtypes, views
from ._methods import TensorMethods
from .errors import did_you_mean
from .gradients import backward as run_backward
from .graph import Leaf, Node, extra_of, is_output
from .handle import bind, leaf_of, make
from .hooks import RemovableHandle, add_hook
from .layouts import strided
from .python_data import PythonData
from .size import Size


class Tensor(TensorMethods, PythonData):
    """An n-dimensional array that records what is computed from it.

    Make one with ``chainrule.tensor``; with ``requires_grad=True`` every operation on it is
    recorded, and ``backward()`` on a result fills ``grad``.

    >>> import chainrule as cr
    >>> x, y, z = (cr.tensor(v, requires_grad=True) for v in (2.0, 3.0, -4.0))
    >>> f = (x + y) * z
    >>> f.backward()
    >>> f.item(), x.grad.item(), y.grad.item(), z.grad.item()
    (-20.0, -4.0, -4.0, 5.0)
    """

    __slots__ = ()
    __array_priority__ = 1000
    _view: Any = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return object.__new__(cls)

    def __init__(self, *data: Any, device: Any = None) -> None:
        from .ops.creation import legacy

        devices.check(device)
        self._data = legacy(data)
        self._node = None

    @staticmethod
    def _make(data: Any, node: Any = None) -> Tensor:
        made: Tensor = make(data, node)
        return made

    # -- what it is -----------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes of its dimensions."""
        d = self._data
        return Size(()) if type(d) is float else Size(d.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one of its sizes."""
        if dim is None:
            return self.shape
        shape = self.shape
        if not -len(shape) <= dim < len(shape):
            from .errors import dim_out_of_range

            raise dim_out_of_range(dim, len(shape))
        return shape[dim]

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        d = self._data
        return 0 if type(d) is float else int(d.ndim)

    def dim(self) -> int:
        """The number of dimensions."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        d = self._data
        return 1 if type(d) is float else int(d.size)

    nelement = numel
    ndimension = dim

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of its elements."""
        return dtypes.of(self._data)

    @property
    def device(self) -> devices.device:
        """Where its data is."""
        return devices.CPU

    @property
    def itemsize(self) -> int:
        """Bytes an element takes."""
        return self.dtype.itemsize

    def element_size(self) -> int:
        """Bytes an element takes."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes its elements take."""
        return self.numel() * self.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Steps in memory, in elements."""
        a = np.asarray(self._data)
        if a.size:
            steps = tuple(s // a.itemsize for s in a.strides)
        else:  # NumPy's are all 0
            steps = tuple(math.prod([max(n, 1) for n in a.shape[k + 1 :]]) for k in range(a.ndim))
        return steps if dim is None else steps[dim]

    def is_contiguous(self) -> bool:
        """Whether its elements lie in memory in row order."""
        return type(self._data) is not np.ndarray or bool(self._data.flags.c_contiguous)

    def data_ptr(self) -> int:
        """The address of its first element."""
        return int(views.as_array(self).__array_interface__["data"][0])

    def is_floating_point(self) -> bool:
        """Whether its dtype is a floating type."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether its dtype is complex."""
        return self.dtype.is_complex

    is_cpu, layout = True, strided
    is_cuda = is_sparse = is_quantized = is_mps = is_meta = False

    @property
    def _version(self) -> int:
        return views.version(self)

    @property
    def _base(self) -> Tensor | None:
        base: Tensor | None = None if self._view is None else self._view.base
        return base

    def _is_view(self) -> bool:
        return self._view is not None

    @property
    def name(self) -> str | None:
        """The name that pictures and errors use; set it, or give ``tensor(..., name=)``."""
        extra = self._node.extra if self._node is not None else None
        return extra.name if extra is not None else None

    @name.setter
    def name(self, value: str | None) -> None:
        extra_of(leaf_of(self)).name = value

    # -- gradients ------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded."""
        node = self._node
        return node is not None and bool(node.requires_grad)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start or stop recording operations on this leaf, in place."""
        node = self._node
        if requires_grad and not (self.is_floating_point() or self.is_complex()):
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients, got "
                f"{self.dtype}: integers have no small changes. Convert first: x.float()"
            )
        if node is not None and not isinstance(node, Leaf):
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to "
                    "use a computed variable without its gradient, use var.detach()"
                )
            return self
        if node is None:
            if requires_grad:
                self._node = Leaf(self._data, True)
                self._node.owner = weakref.ref(self)
        elif node.requires_grad != requires_grad:
            old, self._node = node, Leaf(self._data, requires_grad)
            self._node.grad, self._node.extra = old.grad, old.extra
            self._node.owner = weakref.ref(self)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return not isinstance(self._node, Node) or not self._node.requires_grad

    @property
    def grad_fn(self) -> Any:
        """The node that recorded the operation it came from; None for leaves."""
        node = self._node
        if not isinstance(node, Node):
            return None
        return node.inputs[0] if is_output(node) and node.inputs else node

    @property
    def output_nr(self) -> int:
        """Which of its operation's results it is."""
        return int(self._node.params[0]) if self._node is not None and is_output(self._node) else 0

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward()`` has accumulated here, None where none has."""
        node = self._node
        if node is None:
            return None
        if isinstance(node, Leaf):
            leaf_grad: Tensor | None = node.grad
            return leaf_grad
        if node.requires_grad and (node.extra is None or not node.extra.retain):
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its "
                ".grad attribute won't be populated during autograd.backward(). If you indeed want "
                "the .grad field to be populated for a non-leaf Tensor, use .retain_grad() on the "
                "non-leaf Tensor.",
                UserWarning,
                stacklevel=2,
            )
        kept: Tensor | None = node.extra.grad if node.extra is not None else None
        return kept

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {value!r}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value.shape != self.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: got {list(value.shape)}, "
                    f"expected {list(self.shape)}"
                )
            if value.dtype is not self.dtype:
                raise RuntimeError(
                    f"assigned grad has data of a different type: got {value.dtype}, "
                    f"expected {self.dtype}"
                )
        node = leaf_of(self)
        if isinstance(node, Leaf):
            node.grad = value
        else:
            extra_of(node).grad = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add d self / d leaf into ``leaf.grad`` for every leaf that requires grad.

        ``gradient`` (the shape of ``self``) weighs the elements; a scalar needs none.

        >>> import chainrule as cr
        >>> w = cr.tensor([1.0, 2.0], requires_grad=True)
        >>> (w * w).sum().backward()
        >>> w.grad
        tensor([2., 4.])
        """
        run_backward(self, gradient, retain_graph, create_graph, inputs)

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf in ``grad`` at the next backward."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if isinstance(self._node, Node):
            extra_of(self._node).retain = True

    @property
    def retains_grad(self) -> bool:
        """Whether this non-leaf keeps its gradient."""
        node = self._node
        return isinstance(node, Node) and node.extra is not None and node.extra.retain

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(grad)`` whenever the gradient of this tensor is known; it may replace it."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return add_hook(self._node, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call ``hook(tensor)`` after backward has added to this leaf's ``grad``."""
        if not isinstance(self._node, Leaf) or not self.requires_grad:
            raise RuntimeError(
                "post accumulate grad hooks cannot be registered on non-leaf tensors"
            )
        return add_hook(self._node, hook, "post")

    def detach(self) -> Tensor:
        """The same data, cut from the graph; edits are shared, and noticed by version."""
        return Tensor._make(views.as_array(self))

    def detach_(self) -> Tensor:
        """Cut this tensor from the graph, in place."""
        if self._view is not None:
            raise RuntimeError(
                "Can't detach views in-place; use .detach() instead: the base would keep its graph"
            )
        self._node = None
        return self

    @property
    def data(self) -> Tensor:
        """The same data, cut from the graph; edits of it go unnoticed (prefer ``detach``)."""
        made = Tensor._make(views.as_array(self))
        made.__dict__["_silent"] = True
        return made

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        views.set_data(self, views.as_array(value))
        if isinstance(self._node, Leaf):
            self._node.shape, self._node.dtype = self._data.shape, self._data.dtype

    def __pos__(self) -> Tensor:
        return self

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # a protocol's question, asked often: no search
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        from ..compat.absent import missing

        known = [n for n in dir(type(self)) if not n.startswith("_")]
        reason = missing("Tensor", name) or did_you_mean(name, known)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'.{reason}")

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment; clone() or detach() first"
            )
        if id(self) in memo:
            return memo[id(self)]
        out = object.__new__(type(self))
        memo[id(self)] = out
        out._data, out._node = copy.deepcopy(self._data, memo), None
        out.requires_grad_(self.requires_grad)
        if self.grad is not None:
            out.grad = copy.deepcopy(self.grad, memo)
        hidden = ("_views", "_view", "_edits", "_silent", "_followers")
        rest = {k: v for k, v in self.__dict__.items() if k not in hidden}
        out.__dict__.update(copy.deepcopy(rest, memo))
        return out

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        if not self.is_leaf:
            raise RuntimeError("only leaf tensors can be pickled; detach() or clone() first")
        return (_rebuild, (type(self), self._data, self.requires_grad))


def _rebuild(cls: type, data: Any, requires_grad: bool) -> Any:
    t: Any = object.__new__(cls)
    t._data, t._node = data, None
    t.requires_grad_(requires_grad)
    return t


bind(Tensor)
