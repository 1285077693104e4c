"""Names from the source: the target of the assignment whose last operation made a value.

Only under `watch()`, which writes the line of each operation down, and only where the line leaves
no doubt: one target, and the outermost operation of the right side is the one that was recorded
last. Python evaluates that one last, so its result is what the target got.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

_PLACE = re.compile(r"^(.*?:\d+): (.*)$", re.DOTALL)
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.MatMult: "matmul",
    ast.Pow: "pow", ast.USub: "neg",
}  # fmt: skip
_LEAVING = {"item", "tolist", "numpy", "len", "int", "float", "bool", "size", "numel", "print"}


def assigned_names(order: Sequence[Any]) -> dict[Any, str]:
    """Names for nodes (oldest first) by the lines that made them."""
    found: dict[Any, str] = {}
    made = [n for n in order if n.plan is not None and not n.plan.op.several]
    for node, after in zip(made, [*made[1:], None], strict=True):
        line = _line(node)
        if line and (after is None or _line(after) != line):
            target = _target(_PLACE.sub(r"\2", line), node.plan.op.name)
            if target:
                found[node] = target
    return found


def _line(node: Any) -> str:
    return (node.extra.line or "") if node.extra is not None else ""


@lru_cache(maxsize=4096)
def _target(code: str, op: str) -> str:
    """What a line of code calls the result of its last operation, if that is `op`; else ""."""
    try:
        statement = ast.parse(code.strip()).body[0]
    except (SyntaxError, ValueError, IndexError):
        return ""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
        last = _outermost(value)
    elif isinstance(statement, ast.AugAssign):
        target, last = statement.target, _OPERATORS.get(type(statement.op), "")
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, last = statement.target, _outermost(statement.value)
    else:
        return ""
    return _path(target) if last == op else ""


def _outermost(value: ast.expr) -> str:
    """The operation that gives an expression its value, as the engine calls it; "" if unsure."""
    called = [n.func for n in ast.walk(value) if isinstance(n, ast.Call)]
    names = {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in called}
    if names & _LEAVING:  # what comes after is done by Python, on numbers
        return ""
    if isinstance(value, (ast.BinOp, ast.UnaryOp)):
        return _OPERATORS.get(type(value.op), "")
    if isinstance(value, ast.Call) and isinstance(value.func, (ast.Name, ast.Attribute)):
        name = value.func.id if isinstance(value.func, ast.Name) else value.func.attr
        return name.rstrip("_")
    return ""


def _path(target: ast.expr) -> str:
    """The name x, or self.w."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        return f"{target.value.id}.{target.attr}"
    return ""
