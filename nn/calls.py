"""Calling a module the long way: with hooks, and under ``watch()`` with the module's path."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..autograd import Tensor, modes
from .backward_hooks import BackwardHook


class GlobalHook(NamedTuple):
    """A hook on all modules: when it runs, and how it is called."""

    kind: str  # "forward_pre", "forward", "backward_pre" or "backward"
    hook: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False


everywhere: dict[int, GlobalHook] = {}


class _Frame(threading.local):
    paths: dict[int, str] | None = None  # of the modules below the outermost one that is running


_frame = _Frame()


def call(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], hooked: bool) -> Any:
    """Run ``forward`` with hooks, and let nodes know the path of the module that made them."""
    if not modes.watching:
        return _hooked(module, args, kwargs)
    outermost = _frame.paths is None
    if outermost:
        _frame.paths = {id(m): path for path, m in module.named_modules()}
    outer = modes.local.module
    assert _frame.paths is not None
    modes.local.module = _frame.paths.get(id(module), outer)
    try:
        if hooked:
            return _hooked(module, args, kwargs)
        return module.forward(*args, **kwargs)
    finally:
        modes.local.module = outer
        if outermost:
            _frame.paths = None


def _of(kind: str) -> list[Callable[..., Any]]:
    return [h.hook for h in everywhere.values() if h.kind == kind]


def _after_hooks(module: Any) -> Iterator[tuple[int, GlobalHook]]:
    """The hooks after ``forward``: those on all modules first."""
    for key, entry in list(everywhere.items()):
        if entry.kind == "forward":
            yield key, entry
    wants, always = module._forward_hooks_with_kwargs, module._forward_hooks_always_called
    for key, hook in list(module._forward_hooks.items()):
        yield key, GlobalHook("forward", hook, key in wants, key in always)


def _hooked(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result, done = None, set[int]()
    try:
        args, kwargs = _before(module, args, kwargs)
        backward, args = _backward(module, args)
        result = module.forward(*args, **kwargs)
        for key, entry in _after_hooks(module):
            done.add(key)
            result = _after(module, entry, args, kwargs, result)
        return result if backward is None else _watch_output(backward, result)
    except Exception:
        for key, entry in _after_hooks(module):
            if entry.always_call and key not in done:
                try:
                    result = _after(module, entry, args, kwargs, result)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception that "
                        f"was silenced as another error was raised in forward: {error}",
                        stacklevel=2,
                    )
        raise


def _backward(module: Any, args: tuple[Any, ...]) -> tuple[BackwardHook | None, Any]:
    """What watches the module's backward, if anyone wants to know, and the arguments it watches."""
    hooks = [*_of("backward"), *module._backward_hooks.values()]
    pre_hooks = [*_of("backward_pre"), *module._backward_pre_hooks.values()]
    if not hooks and not pre_hooks:
        return None, args
    backward = BackwardHook(module, hooks, pre_hooks)
    return backward, backward.setup_input_hook(args)


def _watch_output(backward: BackwardHook, result: Any) -> Any:
    if not isinstance(result, (Tensor, tuple)):
        warnings.warn(
            "For backward hooks to be called, module output should be a Tensor or a tuple of "
            f"Tensors but received {type(result)}",
            stacklevel=4,
        )
    return backward.setup_output_hook(result)


def _before(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments after the pre-hooks."""
    for hook in _of("forward_pre"):
        args = _replaced(args, hook(module, args))
    for key, hook in list(module._forward_pre_hooks.items()):
        if key not in module._forward_pre_hooks_with_kwargs:
            args = _replaced(args, hook(module, args))
            continue
        changed = hook(module, args, kwargs)
        if changed is None:
            continue
        if not isinstance(changed, tuple) or len(changed) != 2:
            raise RuntimeError(
                "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but "
                f"got {changed}."
            )
        args, kwargs = changed
    return args, kwargs


def _replaced(args: tuple[Any, ...], changed: Any) -> tuple[Any, ...]:
    """The arguments, or what a hook returned in their place."""
    if changed is None:
        return args
    return changed if isinstance(changed, tuple) else (changed,)


def _after(
    module: Any, entry: GlobalHook, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> Any:
    """The result after one hook."""
    given = (args, kwargs, result) if entry.with_kwargs else (args, result)
    changed = entry.hook(module, *given)
    return result if changed is None else changed
