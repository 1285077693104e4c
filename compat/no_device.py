"""What every kind of accelerator has in common here: there is none on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

WHY = "chainrule runs on the CPU of this machine; ask is_available() first, or use device('cpu')"


class NoDevice(RuntimeError, AssertionError):
    """The device asked for is not there (PyTorch raises one class or the other)."""


def absent(kind: str, name: str) -> Callable[..., NoReturn]:
    """A function of an accelerator that is not there: calling it raises NoDevice."""

    def function(*args: Any, **kwargs: Any) -> NoReturn:
        raise NoDevice(f"{kind}.{name}(): no {kind.upper()} device is available: {WHY}")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Raises NoDevice: there is no {kind.upper()} device."
    return function


def no_op(name: str) -> Callable[..., None]:
    """A function that has nothing to do without a device, as in PyTorch."""

    def function(*args: Any, **kwargs: Any) -> None:
        return None

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Does nothing: there is no device."
    return function


def zero(name: str) -> Callable[..., int]:
    """A measure that is 0 without a device."""

    def function(*args: Any, **kwargs: Any) -> int:
        return 0

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "0: there is no device."
    return function


def part(path: str, doc: str, **names: Any) -> ModuleType:
    """A small module made of names, such as ``cuda.nccl``."""
    module = ModuleType(f"{sys.modules[__name__].__name__.split('.')[0]}.{path}", doc)
    vars(module).update(names)
    return module


class device_scope:
    """``with cuda.device(0):`` raises NoDevice on entry; a negative index or None does nothing."""

    kind = "cuda"

    def __init__(self, device: Any) -> None:
        self.idx = device

    def __enter__(self) -> None:
        if self.idx is not None and not (isinstance(self.idx, int) and self.idx < 0):
            raise NoDevice(f"{self.kind}.device({self.idx!r}): there is no such device: {WHY}")

    def __exit__(self, *exc: object) -> None:
        return None
