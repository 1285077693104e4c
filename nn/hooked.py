"""Registering hooks on a module, or on all modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ..autograd.hooks import RemovableHandle
from .calls import GlobalHook, everywhere
from .state import State, keep
from .tree import registrations

MIXED = (
    "Cannot use both regular backward hooks and full backward hooks on a single Module. Please use "
    "only one of them."
)


class Hooked(State):
    """The hooks of a module: before and after ``forward``, before and after its backward."""

    _forward_hooks: OrderedDict[int, Any]
    _forward_pre_hooks: OrderedDict[int, Any]
    _backward_hooks: OrderedDict[int, Any]
    _backward_pre_hooks: OrderedDict[int, Any]
    _is_full_backward_hook: bool | None
    # The ids of the hooks that want keyword arguments, and of those that run after an error too.
    _forward_hooks_with_kwargs: set[int]
    _forward_hooks_always_called: set[int]
    _forward_pre_hooks_with_kwargs: set[int]

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``; what it returns replaces the arguments.

        ``with_kwargs``: ``hook(module, args, kwargs)``, which returns both or None.
        """
        handle = _keep(self._forward_pre_hooks, hook, prepend)
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs.add(handle.id)
        return handle

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``; it may return another output.

        ``with_kwargs``: ``hook(module, args, kwargs, output)``. ``always_call``: also when
        ``forward`` raises.

        >>> import chainrule as cr
        >>> net, sizes = cr.nn.Sequential(cr.nn.Linear(2, 3), cr.nn.ReLU()), []
        >>> with net[0].register_forward_hook(lambda m, args, out: sizes.append(tuple(out.shape))):
        ...     y = net(cr.zeros(5, 2))
        >>> sizes
        [(5, 3)]
        """
        handle = _keep(self._forward_hooks, hook, prepend)
        if with_kwargs:
            self._forward_hooks_with_kwargs.add(handle.id)
        if always_call:
            self._forward_hooks_always_called.add(handle.id)
        return handle

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are known.

        A tuple that it returns replaces them.
        """
        return _keep(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the module's backward is done.

        Both are tuples, None for what needs no gradient; a tuple that it returns replaces
        ``grad_input``. Only positional inputs count.

        >>> import chainrule as cr
        >>> layer, seen = cr.nn.Linear(2, 1, bias=False), []
        >>> handle = layer.register_full_backward_hook(lambda m, gi, go: seen.append(go[0].item()))
        >>> (3 * layer(cr.ones(2, requires_grad=True))).sum().backward()
        >>> seen
        [3.0]
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError(MIXED)
        self._is_full_backward_hook = True
        return _keep(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The old form of ``register_full_backward_hook``, and here the same.

        (PyTorch's old form gives the gradients of the module's last operation instead.)
        """
        if self._is_full_backward_hook is True:
            raise RuntimeError(MIXED)
        self._is_full_backward_hook = False
        return keep(self._backward_hooks, hook)


def _keep(hooks: Any, hook: Callable[..., Any], prepend: bool) -> RemovableHandle:
    handle = keep(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


# -- on all modules -------------------------------------------------------------------------------


def _on_all(kind: str, hook: Callable[..., Any], **options: bool) -> RemovableHandle:
    handle = RemovableHandle(everywhere)
    everywhere[handle.id] = GlobalHook(kind, hook, **options)
    return handle


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before the ``forward`` of every module."""
    return _on_all("forward_pre", hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the ``forward`` of every module.

    >>> import chainrule as cr
    >>> names = []
    >>> with register_module_forward_hook(lambda m, args, out: names.append(type(m).__name__)):
    ...     y = cr.nn.Sequential(cr.nn.ReLU(), cr.nn.Tanh())(cr.zeros(1))
    >>> names
    ['ReLU', 'Tanh', 'Sequential']
    """
    return _on_all("forward", hook, with_kwargs=with_kwargs, always_call=always_call)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the backward of every module."""
    return _on_all("backward_pre", hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` after the backward of every module."""
    return _on_all("backward", hook)


register_module_backward_hook = register_module_full_backward_hook


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` when one is registered; it may return another."""
    return keep(registrations["parameter"], hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` when one is registered; it may return another."""
    return keep(registrations["buffer"], hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` when one is registered; it may return another."""
    return keep(registrations["module"], hook)
