"""Read arithmetic typed by a user, "tanh(w*x + b)", and compute it on tensors; never `eval`.

The text is parsed by Python's own parser, then only what stands on a short list is let through:
numbers, names, `+ - * / **`, parentheses, calls of known elementwise functions, `pi` and `e`, and
`name = …` with `;` between, which names what lies in between.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ..autograd import Tensor
from ..autograd.declare import family_of, names
from ..autograd.dtypes import float64
from ..autograd.op import registry

_CONSTANTS = {"pi": math.pi, "e": math.e}
_ALIASES = {"ln": "log", "max": "maximum", "min": "minimum"}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_HINTS: dict[type[ast.AST], str] = {
    ast.BitXor: "powers are written ** here: x**2",
    ast.MatMult: "numbers are multiplied by *",
    ast.Compare: "comparisons have no derivative to draw",
    ast.Attribute: "write the function alone: tanh(x), not cr.tanh(x)",
    ast.Subscript: "indices cannot be used here: give each value a name of its own",
    ast.Starred: "* stands between two values",
}


class ExpressionError(ValueError):
    """An expression that cannot be read or computed; the message has a caret under the spot."""

    def __init__(self, reason: str, source: str, start: int, end: int, hint: str = "") -> None:
        end = max(end, start + 1)
        advice = f"\n{hint}" if hint else ""
        super().__init__(f"{reason}\n    {source}\n    {' ' * start}{'^' * (end - start)}{advice}")
        self.start, self.end = start, end


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: `names` are the values it needs, in the order of their appearance."""

    source: str
    statements: tuple[tuple[str | None, ast.expr], ...]
    names: tuple[str, ...]

    def evaluate(self, values: Mapping[str, float | Tensor]) -> Tensor:
        """Compute the expression; numbers become named float64 leaves that require gradient.

        Raises ExpressionError when a value is missing or superfluous, or arithmetic fails.
        """
        scope = dict(self._leaves(values))
        result: Any = None
        for name, tree in self.statements:
            result = self._compute(tree, scope)
            if name is not None:
                scope[name] = result
                if isinstance(result, Tensor) and result.name is None:
                    result.name = name
        if not isinstance(result, Tensor):
            self._fail(
                "there is nothing to differentiate: the result is a plain number",
                self.statements[-1][1],
            )
        return result

    def _leaves(self, values: Mapping[str, float | Tensor]) -> Iterable[tuple[str, Any]]:
        for name in values:
            if name not in self.names:
                known = (
                    f"its names are {', '.join(self.names)}" if self.names else "it has no names"
                )
                raise ExpressionError(
                    f"{name}={values[name]} was given, but the expression has no {name}",
                    self.source, 0, len(self.source), known,
                )  # fmt: skip
        for name in self.names:
            if name in values:
                yield name, _leaf(name, values[name])
            elif name not in _CONSTANTS:
                self._fail(f"no value for {name!r}", self._first(name), f"add {name}=1, say")

    def _first(self, name: str) -> ast.expr:
        """Where a name stands first."""
        found = (
            node
            for _, tree in self.statements
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and node.id == name
        )
        return min(found, key=lambda node: (node.lineno, node.col_offset))

    def _compute(self, tree: ast.expr, scope: Mapping[str, Any]) -> Any:
        """Walk the tree from its leaves up, with a stack instead of recursion."""
        values: list[Any] = []
        work: list[tuple[ast.expr, bool]] = [(tree, False)]
        while work:
            node, ready = work.pop()
            parts = _parts(node)
            if parts and not ready:
                work.append((node, True))
                work.extend((part, False) for part in reversed(parts))
                continue
            arguments = [values.pop() for _ in parts][::-1]
            try:
                values.append(_apply(node, arguments, scope))
            except (ArithmeticError, ValueError, TypeError, RuntimeError) as error:
                self._fail(f"cannot compute this: {error}", node)
        return values[0]

    def _fail(self, reason: str, node: ast.expr, hint: str = "") -> NoReturn:
        _fail(reason, self.source, node, hint)


def read_expression(source: str) -> Expression:
    """Read and check an expression, without computing it. Raises ExpressionError.

    >>> read_expression("tanh(w*x + b)").names
    ('w', 'x', 'b')
    """
    source = " ".join(source.split())
    if not source:
        raise ExpressionError("the expression is empty", "", 0, 1, 'write, for example, "x*y + 1"')
    try:
        module = ast.parse(source)
    except SyntaxError as error:
        start = (error.offset or 1) - 1
        end = max((error.end_offset or 0) - 1, start + 1)
        raise ExpressionError(
            f"cannot read the expression: {error.msg}", source, start, end, _hint_for(error, source)
        ) from None
    except (RecursionError, MemoryError):
        reason = "the expression is nested too deeply for Python's parser"
        raise ExpressionError(reason, source, 0, 1) from None
    statements = tuple(_statement(node, source) for node in module.body)
    needed: dict[str, None] = {}
    assigned: set[str] = set()
    for name, tree in statements:
        for node in _checked(tree, source):
            if isinstance(node, ast.Name) and node.id not in assigned:
                needed[node.id] = None
        if name is not None:
            assigned.add(name)
    return Expression(source, statements, tuple(needed))


def known_functions() -> tuple[str, ...]:
    """Names of the functions that an expression may call.

    >>> {"tanh", "exp", "max"} <= set(known_functions())
    True
    """
    known = [
        name
        for name, op in registry.items()
        if op.differentiable and name in (names["torch"].keys() | names["F"].keys())
        if op.partial or family_of(op.function).endswith(".activation")
        if len(op.inputs) <= 2 and set(op.inputs) <= set(op.rules)
    ]
    return tuple(sorted({*known, *(a for a, name in _ALIASES.items() if name in registry)}))


def _leaf(name: str, value: float | Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value
    leaf = _tensor(value).requires_grad_()
    leaf.name = name
    return leaf


def _tensor(value: float) -> Tensor:
    """A 0-d float64 tensor."""
    made: Tensor = names["torch"]["tensor"](float(value), dtype=float64)
    return made


def _statement(node: ast.stmt, source: str) -> tuple[str | None, ast.expr]:
    if isinstance(node, ast.Expr):
        return None, node.value
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if isinstance(target, ast.Name):
            return target.id, node.value
        _fail("only a plain name can stand left of =", source, target)
    raise ExpressionError(
        "this is a program, not an expression", source, _column(source, node.col_offset),
        _column(source, node.end_col_offset or 0), "write arithmetic, such as tanh(w*x + b)",
    )  # fmt: skip


def _checked(tree: ast.expr, source: str) -> list[ast.expr]:
    """All parts of an expression in the order of writing, each on the list of what is allowed."""
    found: list[ast.expr] = []
    work = [tree]
    while work:
        node = work.pop()
        _check(node, source)
        found.append(node)
        work.extend(reversed(_parts(node)))
    return found


def _check(node: ast.expr, source: str) -> None:
    if isinstance(node, ast.Constant):
        if type(node.value) not in {int, float}:
            _fail("only numbers can stand here", source, node)
    elif isinstance(node, ast.BinOp):
        if type(node.op) not in _BINARY:
            _fail("this operator is not known here", source, node, _HINTS.get(type(node.op), ""))
    elif isinstance(node, ast.UnaryOp):
        if not isinstance(node.op, (ast.UAdd, ast.USub)):
            _fail("of the signs, only + and − are known", source, node)
    elif isinstance(node, ast.Call):
        _check_call(node, source)
    elif not isinstance(node, ast.Name):
        reason = "only arithmetic and known functions can stand here"
        _fail(reason, source, node, _HINTS.get(type(node), ""))


def _check_call(node: ast.Call, source: str) -> None:
    if not isinstance(node.func, ast.Name):
        _fail(
            "only a function's name can be called",
            source,
            node.func,
            _HINTS.get(type(node.func), ""),
        )
    name = node.func.id
    known = known_functions()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        _fail(f"there is no function {name!r}", source, node.func, hint)
    if node.keywords:
        _fail(f"{name} takes plain arguments here, without =", source, node)
    wanted = len(registry[_ALIASES.get(name, name)].inputs)
    if len(node.args) != wanted:
        count = f"{wanted} argument{'s' if wanted > 1 else ''}"
        _fail(f"{name} takes {count}, {len(node.args)} given", source, node)


def _parts(node: ast.expr) -> Sequence[ast.expr]:
    """What must be computed before this part."""
    if isinstance(node, ast.BinOp):
        return node.left, node.right
    if isinstance(node, ast.UnaryOp):
        return (node.operand,)
    return node.args if isinstance(node, ast.Call) else ()


def _apply(node: ast.expr, arguments: list[Any], scope: Mapping[str, Any]) -> Any:
    """One step of the computation; numbers meet as floats, so that 9**9**9 ends at once."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return scope[node.id] if node.id in scope else _CONSTANTS[node.id]
    if isinstance(node, ast.UnaryOp):
        return -arguments[0] if isinstance(node.op, ast.USub) else arguments[0]
    if isinstance(node, ast.BinOp):
        if not any(isinstance(a, Tensor) for a in arguments):
            arguments = [float(a) for a in arguments]
        return _BINARY[type(node.op)](*arguments)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    function = registry[_ALIASES.get(node.func.id, node.func.id)].function
    if any(isinstance(a, Tensor) for a in arguments):
        return function(*(a if isinstance(a, Tensor) else _tensor(a) for a in arguments))
    return _number_of(function, arguments)


def _number_of(function: Callable[..., Any], arguments: list[Any]) -> float:
    return float(function(*map(_tensor, arguments)).item())


def _fail(reason: str, source: str, node: ast.expr, hint: str = "") -> NoReturn:
    start, end = _column(source, node.col_offset), _column(source, node.end_col_offset or 0)
    raise ExpressionError(reason, source, start, end, hint)


def _column(source: str, offset: int) -> int:
    """Python counts columns in UTF-8 bytes; a caret counts letters."""
    return len(source.encode()[:offset].decode(errors="ignore"))


def _hint_for(error: SyntaxError, source: str) -> str:
    if "decimal literal" in (error.msg or ""):
        return "is a * missing? 2x is written 2*x"
    if source.count("(") > source.count(")"):
        return "a closing parenthesis is missing"
    return ""
