"""Hooks: functions of the user's that see a gradient on its way, and may replace it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from .graph import extra_of

_ids = count()


class RemovableHandle:
    """What registering a hook returns; ``remove()`` takes the hook away again.

    >>> import chainrule as cr
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> with x.register_hook(lambda g: g * 10):
    ...     (x * x).backward()
    >>> x.grad
    tensor(40.)
    """

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.id = next(_ids)
        self._hooks = hooks

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(node: Any, hook: Callable[..., Any], *, post: bool = False) -> RemovableHandle:
    """Register a hook on a node's gradient, or (``post``) after a leaf's accumulation."""
    if not callable(hook):
        raise TypeError(f"register_hook: expected a function, got {type(hook).__name__}")
    extra = extra_of(node)
    slot = "post" if post else "hooks"
    hooks = getattr(extra, slot)
    if hooks is None:
        hooks = {}
        setattr(extra, slot, hooks)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def run_hooks(node: Any, grad: Any, wrap: Callable[[Any], Any], recorded: bool) -> Any:
    """The gradient after the node's hooks; kept where the user asked for it (``retain_grad``)."""
    extra = node.extra
    if extra.hooks:
        for hook in list(extra.hooks.values()):
            seen = grad if recorded else wrap(grad)
            new = hook(seen)
            if new is None:
                continue
            shape = tuple(getattr(new, "shape", ()))
            if shape != tuple(seen.shape):
                raise RuntimeError(
                    f"hook {getattr(hook, '__name__', hook)!r} changed the gradient's size: "
                    f"got {list(shape)}, expected {list(seen.shape)}"
                )
            grad = new if recorded else new._data
    if extra.retain and node.plan is not None:
        kept = grad if recorded else wrap(grad)
        extra.grad = kept if extra.grad is None else extra.grad + kept
    return grad
