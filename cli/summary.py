"""``chainrule summary``: the table of a model, from its module and class."""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
from collections.abc import Callable
from typing import Any

from ..viz.summary_view import summary


def build(where: str) -> Any:
    """The model of ``module:Class`` or ``module:Class(3, 2)``; raises ValueError where none is."""
    module, sign, rest = where.partition(":")
    name, bracket, arguments = rest.partition("(")
    if not sign or not name:
        raise ValueError(f"expected module:Class, got {where!r}: for example models:LeNet")
    if "" not in sys.path:
        sys.path.insert(0, "")  # a module beside the user
    try:
        home = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(f"{module!r} cannot be imported: {error}") from None
    made: Callable[..., Any] | None = getattr(home, name.strip(), None)
    if not callable(made):
        raise ValueError(f"{module} has no class or function {name.strip()!r}")
    args, options = literals(f"f({arguments}") if bracket else ([], {})
    return made(*args, **options)


def literals(call: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments written in a call; raises ValueError for what is no literal."""
    try:
        tree = ast.parse(call, mode="eval").body
        assert isinstance(tree, ast.Call)
        options = {str(word.arg): ast.literal_eval(word.value) for word in tree.keywords}
        return [ast.literal_eval(value) for value in tree.args], options
    except (SyntaxError, AssertionError):
        raise ValueError(f"cannot read the arguments in {call[1:]!r}") from None


def sizes(text: str) -> tuple[int, ...]:
    """``1,3,224,224`` as a shape; raises ValueError for what is no number."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--input is a shape such as 1,3,224,224, got {text!r}") from None


def run(given: argparse.Namespace) -> None:
    """Print the table."""
    shapes = [sizes(text) for text in given.input]
    print(summary(build(given.model), input_size=shapes, depth=given.depth).text(), end="")
