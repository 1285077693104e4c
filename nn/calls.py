"""Calling a module the long way: with hooks, and under ``watch()`` with the module's path."""

from __future__ import annotations

import threading
import warnings
from typing import Any

from ..autograd import modes


class _Frame(threading.local):
    paths: dict[int, str] | None = None  # of the modules below the outermost one that is running


_frame = _Frame()


def call(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
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
        return _hooked(module, args, kwargs)
    finally:
        modes.local.module = outer
        if outermost:
            _frame.paths = None


def _hooked(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if not module._forward_hooks and not module._forward_pre_hooks:
        return module.forward(*args, **kwargs)
    result, done = None, set[int]()
    try:
        args, kwargs = _before(module, args, kwargs)
        result = module.forward(*args, **kwargs)
        for key, hook in list(module._forward_hooks.items()):
            done.add(key)
            result = _after(module, key, hook, args, kwargs, result)
        return result
    except Exception:
        for key, hook in list(module._forward_hooks.items()):
            if key in module._forward_hooks_always_called and key not in done:
                try:
                    result = _after(module, key, hook, args, kwargs, result)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception that "
                        f"was silenced as another error was raised in forward: {error}",
                        stacklevel=2,
                    )
        raise


def _before(
    module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments after the pre-hooks."""
    for key, hook in list(module._forward_pre_hooks.items()):
        if key in module._forward_pre_hooks_with_kwargs:
            changed = hook(module, args, kwargs)
            if changed is None:
                continue
            if not isinstance(changed, tuple) or len(changed) != 2:
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but "
                    f"got {changed}."
                )
            args, kwargs = changed
        else:
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
    return args, kwargs


def _after(
    module: Any, key: int, hook: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
) -> Any:
    """The result after one hook."""
    if key in module._forward_hooks_with_kwargs:
        changed = hook(module, args, kwargs, result)
    else:
        changed = hook(module, args, result)
    return result if changed is None else changed
