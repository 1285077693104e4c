"""Module: parameters and a ``forward``, put together into trees."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Self

from ..autograd import Tensor, modes
from ..autograd.declare import names
from ..autograd.devices import device as Device
from ..autograd.dtypes import as_dtype, bfloat16, dtype, float16, float32, float64
from .calls import call, everywhere
from .hooked import Hooked
from .parameter import is_lazy
from .sharing import shared


def _forward_unimplemented(self: Any, *input: Any) -> None:
    """Compute the result from the inputs; subclasses define it, and calling the module runs it."""
    raise NotImplementedError(
        f'Module [{type(self).__name__}] is missing the required "forward" function'
    )


class Module(Hooked):
    """A part of a network: what is assigned to it (parameters, modules) and what it computes.

    Subclasses call ``super().__init__()`` first, assign their parts, and define ``forward``; a
    module is called like a function.

    >>> import chainrule as cr
    >>> class Line(cr.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.w = cr.nn.Parameter(cr.tensor([2.0]))
    ...     def forward(self, x):
    ...         return self.w * x
    >>> line = Line()
    >>> line(cr.tensor([3.0])), [name for name, _ in line.named_parameters()]
    (tensor([6.], grad_fn=<MulBackward0>), ['w'])
    """

    # Whether ``__init__`` goes on to the next class of several bases, as plain classes do.
    call_super_init: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if (args or kwargs) and not self.call_super_init:
            self._refuse(args, kwargs)
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _modules={},
            _is_full_backward_hook=None,
            _backward_hooks=OrderedDict(),
            _backward_pre_hooks=OrderedDict(),
            _forward_hooks=OrderedDict(),
            _forward_hooks_with_kwargs=set(),
            _forward_hooks_always_called=set(),
            _forward_pre_hooks=OrderedDict(),
            _forward_pre_hooks_with_kwargs=set(),
            _state_dict_hooks=OrderedDict(),
            _state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_post_hooks=OrderedDict(),
        )
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def _refuse(self, args: Any, kwargs: Any) -> None:
        """Raise for arguments that a module does not take."""
        name = f"{type(self).__name__}.__init__()"
        if kwargs:
            raise TypeError(f"{name} got an unexpected keyword argument '{next(iter(kwargs))}'")
        raise TypeError(f"{name} takes 1 positional argument but {len(args) + 1} were given")

    forward: Callable[..., Any] = _forward_unimplemented

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__
        try:
            hooked = (
                own["_forward_hooks"]
                or own["_forward_pre_hooks"]
                or own["_backward_hooks"]
                or own["_backward_pre_hooks"]
            )
        except KeyError:
            raise AttributeError(
                f"{type(self).__name__} was called before Module.__init__() call: its __init__ "
                "must begin with super().__init__()"
            ) from None
        if hooked or everywhere or modes.watching:
            return call(self, args, kwargs, bool(hooked or everywhere))
        return self.forward(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        Module.__init__(self)  # what modules pickled by an earlier version lack
        self.__dict__.update(state)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Raise NotImplementedError: the compiler is not there yet."""
        raise NotImplementedError(
            "Module.compile: the compiler is not there yet; call the module as it is, the results "
            "are the same"
        )

    # -- modes ----------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training mode (dropout drops) or evaluation mode, here and below."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Set evaluation mode, here and below."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Start or stop recording gradients for all parameters."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set them to zero."""
        clear_grads(self.parameters(), set_to_none)

    # -- the whole tree -------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` on every module below, children first, then on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Put ``fn(t).data`` under every parameter, gradient and buffer."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for p in self._parameters.values():
            if p is None:
                continue
            if is_lazy(p):
                p.convert(fn)
                continue
            with modes.no_grad():
                grad = p.grad
                p.data = fn(p)
                if grad is not None:
                    grad.data = fn(grad)
                    p.grad = grad
        for name, buffer in self._buffers.items():
            if is_lazy(buffer):
                buffer.convert(fn)  # type: ignore[union-attr]
            elif buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert parameters and buffers: ``to(device)``, ``to(dtype)``, ``to(tensor)``, in place.

        The dtype applies to floating-point and complex ones; integers keep theirs.

        >>> import chainrule as cr
        >>> cr.nn.Linear(1, 1).to(cr.float64).weight.dtype
        torch.float64
        """
        target = kwargs.pop("dtype", None)
        place = kwargs.pop("device", None)
        for harmless in ("non_blocking", "copy", "memory_format"):
            kwargs.pop(harmless, None)
        if kwargs:
            raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
        for a in args:
            if isinstance(a, (dtype, type)):
                target = a
            elif isinstance(a, Tensor):
                target, place = a.dtype, a.device
            elif isinstance(a, (str, Device)):
                place = a
            elif a is not None and not isinstance(a, bool):
                raise TypeError(f"to() expects a dtype, a device or a tensor, got {a!r}")
        return self._convert(None if target is None else as_dtype(target), place)

    def _convert(self, target: dtype | None, place: Any = None) -> Self:
        if target is not None and target.category < 2:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={target}"
            )
        if target is not None and target.is_complex:
            warnings.warn(
                "Complex modules are a new feature under active development whose design may "
                "change, and some modules might not work as expected when using complex tensors "
                "as parameters or buffers.",
                stacklevel=3,
            )

        def convert(t: Any) -> Any:
            real = t.is_floating_point() or t.is_complex()
            return t.to(device=place, dtype=target if real else None)

        return self._apply(convert)

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers, integers too."""
        return self._apply(lambda t: t.type(dst_type))

    def _floating(self, target: dtype) -> Self:
        return self._apply(lambda t: t.to(target) if t.is_floating_point() else t)

    def float(self) -> Self:
        """Convert floating-point parameters and buffers to float32."""
        return self._floating(float32)

    def double(self) -> Self:
        """Convert floating-point parameters and buffers to float64."""
        return self._floating(float64)

    def half(self) -> Self:
        """Convert floating-point parameters and buffers to float16."""
        return self._floating(float16)

    def bfloat16(self) -> Self:
        """Convert floating-point parameters and buffers to bfloat16."""
        return self._floating(bfloat16)

    def cpu(self) -> Self:
        """Move parameters and buffers to main memory, where they are."""
        return self._convert(None, "cpu")

    def cuda(self, device: Any = None) -> Self:
        """Raises RuntimeError: there is no such device."""
        return self._convert(None, "cuda" if device is None else device)

    def share_memory(self) -> Self:
        """Move parameters and buffers to memory that forked processes share, in place.

        What one process writes into them, all see: for workers that train one model together.
        Raises RuntimeError for lazy modules that have not been called yet.
        """
        for t in (*self.parameters(), *self.buffers()):
            if is_lazy(t):
                t.share_memory_()
        return self._apply(shared)

    def to_empty(self, *, device: Any = None, recurse: bool = True) -> Self:
        """Replace parameters and buffers by uninitialised ones of the same shapes."""
        empty_like = names["torch"]["empty_like"]
        return self._apply(lambda t: empty_like(t, device=device), recurse)

    # -- text -----------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What ``repr`` shows between the brackets; to be defined by subclasses."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({k}): {indent(repr(m))}" for k, m in self._modules.items()]
        if not children and len(extra) <= 1:
            return f"{self._get_name()}({''.join(extra)})"
        return f"{self._get_name()}(\n  " + "\n  ".join(extra + children) + "\n)"


def indent(text: str) -> str:
    """A text with two spaces before each line but the first."""
    return text.replace("\n", "\n  ")


def clear_grads(parameters: Any, set_to_none: bool) -> None:
    """Drop gradients, or cut them from their history and set them to zero."""
    for p in parameters:
        if p.grad is None:
            continue
        if set_to_none:
            p.grad = None
        else:
            if p.grad.grad_fn is not None:
                p.grad.detach_()
            else:
                p.grad.requires_grad_(False)
            p.grad.zero_()
