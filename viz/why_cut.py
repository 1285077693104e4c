"""Where the way from a tensor to a result was cut: by the graph where it knows, else by the source.

A tensor without history does not remember what it was made from. So the caller's own lines are
read: which assignment took a tensor with a gradient and gave one without.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.graph import ancestors, toposort
from ..autograd.views import owner_of

_METHODS = {
    "numpy": "a NumPy array has no history: a round trip through NumPy cuts the graph",
    "item": "item() gives a Python number, which has no history",
    "tolist": "tolist() gives Python numbers, which have no history",
    "detach": "detach() cuts the graph",
    "detach_": "detach_() cuts the graph",
    "data": ".data cuts the graph",
}
_COPIES = {"tensor", "as_tensor", "asarray", "from_numpy", "Tensor", "FloatTensor", "DoubleTensor"}
_NUMPY = "NumPy computes without recording: a round trip through NumPy cuts the graph"
_CASTS = {"long", "int", "short", "byte", "bool", "char"}
_STEPS = {"argmax", "argmin", "argsort", "round_", "nonzero", "bincount", "histc"}
_PAUSES = {"no_grad", "inference_mode", "set_grad_enabled"}


@dataclass(frozen=True, slots=True)
class Cut:
    """What cut the way: the last connected value, the one after it, why, and the user's line."""

    kind: str  # detach, no_grad, integer, comparison, numpy, number, copy, operation
    before: str
    after: str
    because: str
    line: str


@dataclass(slots=True)
class _Assignment:
    names: list[str]
    value: ast.expr
    number: int
    paused: bool


def reached_by(node: Any, output: Any) -> bool:
    """Whether gradient flows from `output` to `node` along the recorded graph."""
    return output is not None and output.requires_grad and node in set(toposort([output]))


def cut_in_graph(node: Any, output: Any, names: Mapping[Any, str]) -> Cut | None:
    """The operation on the way that passes no gradient on (recorded under `watch()`)."""
    if output is None:
        return None
    order = ancestors([output])
    if node not in set(order):
        return None
    live = {node} if node.requires_grad else set[Any]()
    found = None
    for other in order:
        operands = [o for o in other.operands() if hasattr(o, "serial")]
        from_live = [o for o in operands if o in live]
        if any(o in live for o in other.inputs):
            live.add(other)
        elif from_live:
            found = (from_live[0], other)
            break
    if found is None:
        return None
    before, after = found
    op = after.plan.op
    kind, because = "operation", f"{op.name} has no derivative"
    if after.dtype.kind == "b":
        kind, because = "comparison", f"{op.name} gives True or False, which have no derivative"
    elif after.dtype.kind in "iu":
        kind, because = "integer", f"{op.name} gives whole numbers ({after.dtype}), which have none"
    elif not after.requires_grad and op.differentiable:
        kind, because = "no_grad", f"{op.name} ran while recording was off"
    line = after.extra.line if after.extra is not None and after.extra.line else ""
    return Cut(kind, _name(before, names), _name(after, names), because, line)


def _name(node: Any, names: Mapping[Any, str]) -> str:
    if node in names:
        return names[node]
    return "a tensor" if node.plan is None else f"the result of {node.plan.op.name}"


def cut_in_source(x: Tensor, output: Tensor, frame: FrameType | None) -> Cut | None:
    """The assignment among the caller's lines that took a connected tensor and gave a cut one."""
    if frame is None:
        return None
    variables = dict(frame.f_locals)
    start = [name for name, value in variables.items() if value is output]
    assigned = _assignments(frame)
    waiting, seen = list(start), set(start)
    while waiting:
        name = waiting.pop(0)
        made = next((a for a in reversed(assigned) if name in a.names), None)
        if made is None:
            continue
        used = [n.id for n in ast.walk(made.value) if isinstance(n, ast.Name)]
        connected = [u for u in used if _connected(variables.get(u), x)]
        if connected and not _connected(variables.get(name), x):
            return _explained(made, connected[0], name, frame, variables)
        for other in used:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return None


def _connected(value: Any, x: Tensor) -> bool:
    if value is x:
        return bool(x.requires_grad)
    return isinstance(value, Tensor) and reached_by(x._node, value._node)


def _explained(
    made: _Assignment, before: str, after: str, frame: FrameType, variables: Mapping[str, Any]
) -> Cut:
    file = frame.f_code.co_filename
    line = f"{file}:{made.number}: {linecache.getline(file, made.number).strip()}"
    kind, because = _reason(made, variables.get(after), variables)
    return Cut(kind, before, after, because, line)


def _reason(made: _Assignment, value: Any, variables: Mapping[str, Any]) -> tuple[str, str]:
    """Why an expression gave a value without history."""
    if made.paused:
        return "no_grad", "it was computed under no_grad, where nothing is recorded"
    attributes = {n.attr for n in ast.walk(made.value) if isinstance(n, ast.Attribute)}
    for word, said in _METHODS.items():
        if word in attributes:
            kind = {"numpy": "numpy", "item": "number", "tolist": "number"}.get(word, "detach")
            return kind, said
    roots = {n.id for n in ast.walk(made.value) if isinstance(n, ast.Name)}
    if copies := sorted((attributes | roots) & _COPIES):
        return "copy", f"{copies[0]}() copies the numbers into a new tensor, which has no history"
    if any(variables.get(name) is np for name in roots):
        return "numpy", _NUMPY
    if any(isinstance(n, ast.Compare) for n in ast.walk(made.value)):
        return "comparison", "a comparison gives True or False, which have no derivative"
    if attributes & (_CASTS | _STEPS) or (
        isinstance(value, Tensor) and not value.dtype.is_floating_point
    ):
        kind = str(value.dtype).rpartition(".")[2] if isinstance(value, Tensor) else "integers"
        return "integer", f"whole numbers ({kind}) have no derivative"
    if roots & {"float", "int"}:
        return "number", "a Python number has no history"
    said = "what it returns has no history: detached, under no_grad, or not made by chainrule"
    return "operation", said


def _assignments(frame: FrameType) -> list[_Assignment]:
    """The assignments above the line that runs, in the caller's function or module."""
    file = frame.f_code.co_filename
    try:
        tree = ast.parse("".join(linecache.getlines(file, frame.f_globals)))
    except SyntaxError:
        return []
    body: Sequence[ast.stmt] = tree.body
    name, first = frame.f_code.co_name, frame.f_code.co_firstlineno
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            above = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if above <= first <= (node.end_lineno or first):
                body = node.body
    found: list[_Assignment] = []
    _collect(body, found, paused=False, last=frame.f_lineno)
    return found


def _collect(
    body: Sequence[ast.stmt], found: list[_Assignment], *, paused: bool, last: int
) -> None:
    for statement in body:
        if statement.lineno > last or isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            continue
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
            targets = [statement.target]
        value = getattr(statement, "value", None)
        if targets and value is not None:
            names = [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            found.append(_Assignment(names, value, statement.lineno, paused))
        off = paused
        if isinstance(statement, ast.With):
            words = {
                n.attr if isinstance(n, ast.Attribute) else getattr(n, "id", "")
                for item in statement.items
                for n in ast.walk(item.context_expr)
            }
            off = paused or bool(words & _PAUSES)
        for inner in ("body", "orelse", "finalbody"):
            _collect(getattr(statement, inner, []), found, paused=off, last=last)


def shared_memory(
    x: Tensor, output: Any, variables: Mapping[str, Any], names: Mapping[Any, str]
) -> Cut | None:
    """A constant of the graph that lies in the memory of a tensor which depends on x."""
    if output is None:
        return None
    memory = {
        id(owner_of(value._data)): name
        for name, value in variables.items()
        if isinstance(value, Tensor)
        and isinstance(value._data, np.ndarray)
        and (value is x or _connected(value, x))
    }
    for leaf in ancestors([output]):
        if leaf.plan is None and not leaf.requires_grad and isinstance(leaf.value, np.ndarray):
            before = memory.get(id(owner_of(leaf.value)))
            if before is not None:
                because = "it shares memory with it, so it is a detach(), .data or NumPy view of it"
                return Cut("detach", before, _name(leaf, names), because, "")
    return None
