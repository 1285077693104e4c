"""Hooks: functions of the user's that see a gradient on its way, and may replace it.

In a walk they run in this order: the hooks of a tensor see the gradient of its value, the node's
prehooks what goes into its backward, the node's hooks what has come out of it; a leaf's last ones
run after its ``grad`` has grown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

_ids = count()


class Extra:
    """What few nodes have: hooks, a kept gradient, a name, and what ``watch()`` wrote down.

    The defaults belong to the class: under ``watch()`` every node gets one, and most stay so.
    """

    hooks: dict[int, Any] | None = None  # run on the gradient of this value
    before: dict[int, Any] | None = None  # run on the gradients before the backward
    after: dict[int, Any] | None = None  # run on what the backward gave
    post: dict[int, Any] | None = None  # leaves: run after accumulation
    retain = False  # keep the gradient of this value
    grad: Any = None  # ... here
    name: str | None = None
    line: str | None = None  # the user's source line, under watch() or detect_anomaly()
    module: str | None = None  # the module path, under watch()
    edited = 0  # serial of the last in-place edit of a 0-d value
    packed = False  # some of what it saved went through saved_tensors_hooks
    metadata: dict[Any, Any] | None = None  # the user's


def extra_of(node: Any) -> Extra:
    """The node's extra record, made when first asked for."""
    if node.extra is None:
        node.extra = Extra()
    extra: Extra = node.extra
    return extra


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


def add_hook(node: Any, hook: Callable[..., Any], slot: str = "hooks") -> RemovableHandle:
    """Register a hook in one of the slots of the node's extra record."""
    if not callable(hook):
        raise TypeError(f"register_hook: expected a function, got {type(hook).__name__}")
    extra = extra_of(node)
    hooks = getattr(extra, slot)
    if hooks is None:
        hooks = {}
        setattr(extra, slot, hooks)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


class Hooked:
    """What users may hang on a node of the graph."""

    __slots__ = ()

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after the node's backward; it may return others.

        >>> import chainrule as cr
        >>> x = cr.tensor(2.0, requires_grad=True)
        >>> y = x * 3
        >>> handle = y.grad_fn.register_hook(lambda gi, go: (gi[0] * 10, None))
        >>> y.backward(); x.grad
        tensor(30.)
        """
        return add_hook(self, fn, "after")

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` before the node's backward; it may return others.

        >>> import chainrule as cr
        >>> x = cr.tensor(2.0, requires_grad=True)
        >>> y = x * 3
        >>> handle = y.grad_fn.register_prehook(lambda go: (go[0] * 10,))
        >>> y.backward(); x.grad
        tensor(30.)
        """
        return add_hook(self, fn, "before")

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dict for whatever the user wants to keep with the node."""
        extra = extra_of(self)
        if extra.metadata is None:
            extra.metadata = {}
        return extra.metadata


# -- running them -------------------------------------------------------------------------------


def _named(hook: Any) -> str:
    return f"hook '{getattr(hook, '__name__', hook)}'"


def _checked(new: Any, old: Any, hook: Any) -> Any:
    """What a hook gave for a gradient, refused where it is none or has another shape or dtype."""
    if not hasattr(new, "_node"):
        raise TypeError(
            f"expected Variable, but hook returned '{type(new).__name__}': {_named(hook)} must "
            "return a tensor, or None to leave the gradient as it is"
        )
    if old is None:
        return new
    if new.dtype is not old.dtype:
        raise RuntimeError(
            f"{_named(hook)} has changed the type of value (was {old.dtype} got {new.dtype})"
        )
    if new.shape != old.shape:
        raise RuntimeError(
            f"{_named(hook)} has changed the size of value: got {list(new.shape)}, expected "
            f"{list(old.shape)}"
        )
    return new


def run_hooks(node: Any, grad: Any, wrap: Callable[[Any], Any], recorded: bool) -> Any:
    """The gradient after the tensor's hooks; kept where the user asked for it (``retain_grad``)."""
    extra = node.extra
    if extra.hooks:
        for hook in list(extra.hooks.values()):
            seen = grad if recorded else wrap(grad)
            new = hook(seen)
            if new is not None:
                new = _checked(new, seen, hook)
                grad = new if recorded else new._data
    if extra.retain and node.plan is not None:
        kept = grad if recorded else wrap(grad)
        extra.grad = kept if extra.grad is None else extra.grad + kept
    return grad


def _tuple_from(result: Any, old: Sequence[Any], hook: Any) -> list[Any]:
    """What a node's hook returned in place of ``old``."""
    if not isinstance(result, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(result).__name__}'")
    if len(result) != len(old):
        raise RuntimeError(
            f"{_named(hook)} has returned an incorrect number of values (got {len(result)}, but "
            f"expected {len(old)})"
        )
    return [n if n is None else _checked(n, o, hook) for n, o in zip(result, old, strict=True)]


def run_before(node: Any, grad: Any, wrap: Callable[[Any], Any], recorded: bool) -> Any:
    """The gradient (a list for several results) after the node's prehooks; None for none."""
    several = type(grad) is list
    grads = [g if g is None or recorded else wrap(g) for g in (grad if several else [grad])]
    for hook in list(node.extra.before.values()):
        result = hook(tuple(grads))
        if result is not None:
            grads = _tuple_from(result, grads, hook)
    raw = [g if g is None or recorded else g._data for g in grads]
    return raw if several else raw[0]


def run_after(
    node: Any, made: Sequence[Any], grad: Any, wrap: Callable[[Any], Any], recorded: bool
) -> list[Any]:
    """The gradients of a node's operands (``made``) after the node's hooks."""
    given = [g if g is None or recorded else wrap(g) for g in made]
    arrived = grad if type(grad) is list else [grad]
    outs = tuple([g if g is None or recorded else wrap(g) for g in arrived])
    for hook in list(node.extra.after.values()):
        result = hook(tuple(given), outs)
        if result is not None:
            given = _tuple_from(result, given, hook)
    return [g if g is None or recorded else g._data for g in given]
