"""What comes in a later release: each name is there, and calling it says so in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn


def later(name: str, instead: str) -> Callable[..., NoReturn]:
    """A function that raises NotImplementedError: what is missing, what to do instead."""

    def function(*args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"chainrule.{name} is not there yet: {instead}")

    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__doc__ = f"Raises NotImplementedError: {instead}."
    function.is_later = True  # type: ignore[attr-defined]  # what coverage() reads
    return function


def later_class(name: str, instead: str) -> type:
    """A class that raises NotImplementedError when made."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        later(name, instead)()

    doc = f"Raises NotImplementedError: {instead}."
    short = name.rpartition(".")[2]
    return type(short, (), {"__init__": __init__, "__doc__": doc, "is_later": True})


compile = later("compile", "eager execution gives the same numbers, call the function as it is")
