"""Rules and expressions in the names of a graph: what an operation computes, what it derives.

The rule that backward runs is applied to `Sym`, so the text beside a number is the rule behind it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..autograd.graph import is_output
from ..autograd.op import rule_names
from ..autograd.sym import Sym, wrap
from .wording import is_symbol

_FOLDED: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
}
_GREEK = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau"
_GREEK += " upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
_GREEK_NAMES = frozenset(_GREEK.split())


def expression(node: Any, operands: Sequence[Sym]) -> Sym:
    """What the operation behind a node computes, of operands as expressions."""
    if is_output(node):
        whole = expression(node.operands()[0], operands)
        return Sym(f"{whole.text()}[{node.params[0]}]")
    name = node.plan.op.name
    build = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv}
    if name in build and len(operands) == 2:
        return wrap(Sym(name, tuple(operands)))
    return Sym(name, tuple(operands), tuple(node.params))


def local_rule(
    node: Any, slot: int, operands: Sequence[Sym], out: str, *, textbook: bool = True
) -> Sym | None:
    """The derivative of a node by its argument number `slot`, as an expression; None without one.

    Elementwise operations give ∂out/∂argument; others give the gradient of the argument, in terms
    of the gradient of the result, unless all are single numbers. `textbook` prefers the form that
    is easy to read to the one that runs.
    """
    op = node.plan.op
    arrays = [o for o in (node, *node.operands()) if getattr(o, "shape", ())]
    g: Any = Sym(bar(out)) if arrays else 1
    try:
        if callable(op.rules):
            parts = op.rules(*_arguments(node, rule_names(op.rules), operands, out, g))
            return simplified(wrap(parts[slot]))
        name = op.inputs[slot]
        rule = ((op.textbook or {}) if textbook else {}).get(name, op.rules[name])
        if not callable(rule):
            return wrap(rule) if op.partial else wrap(rule * wrap(g))
        return simplified(wrap(rule(*_arguments(node, rule_names(rule), operands, out, g))))
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError):
        return None  # a rule that cannot be read as an expression has its number only


def _arguments(
    node: Any, wanted: Sequence[str], operands: Sequence[Sym], out: str, g: Any
) -> list[Any]:
    """What a rule asks for, in the graph's names."""
    op = node.plan.op
    inputs = dict(zip(op.inputs, operands, strict=False))
    params = dict(zip(op.params, node.params, strict=False))
    sizes = [tuple(getattr(operand, "shape", ())) for operand in node.operands()]
    shapes = dict(zip(op.inputs or range(len(sizes)), sizes, strict=False))
    given: list[Any] = []
    for name in wanted:
        if name in inputs:
            given.append(inputs[name])
        elif name in params:
            value = params[name]
            plain = value is None or isinstance(value, (bool, int, float, str, tuple))
            given.append(value if plain else Sym(name))
        elif name.endswith("_shape") and name[:-6] in inputs:
            given.append(shapes[name[:-6]])
        elif name == "shapes":
            given.append(tuple(shapes.values()))
        elif name == "inputs":
            given.append(tuple(operands))
        elif name == "needs":
            given.append((True,) * len(operands))
        else:
            given.append({"out": Sym(out), "g": g}.get(name, Sym(name)))
    return given


def simplified(e: Sym) -> Sym:
    """Compute what consists of numbers, and leave out + 0, · 1 and ^ 1."""
    if not e.args:
        if not isinstance(e.head, (str, int, float)):
            raise TypeError(f"{type(e.head).__name__} in an expression")
        return e
    args = [simplified(a) for a in e.args]
    fold = _FOLDED.get(e.head) if isinstance(e.head, str) and len(args) == 2 else None
    if fold is None:
        return -args[0] if e.head == "neg" else Sym(e.head, tuple(args), e.params)
    a, b = args
    if _is_number(a) and _is_number(b):
        return _computed(e.head, fold, a, b)
    if e.head == "mul" and (_is(a, 0) or _is(b, 0)):
        return Sym(0)
    if e.head == "pow" and _is(b, 0):
        return Sym(1)
    if e.head == "mul" and _is(a, -1):
        return -b
    return wrap(fold(a, b))


def _computed(head: str, fold: Callable[[Any, Any], Any], a: Sym, b: Sym) -> Sym:
    try:
        value = fold(a.head, b.head)
    except ArithmeticError:
        return Sym(head, (a, b))
    return Sym(int(value) if isinstance(value, float) and value.is_integer() else value)


def _is_number(e: Sym) -> bool:
    return not e.args and isinstance(e.head, (int, float))


def _is(e: Sym, value: int) -> bool:
    return _is_number(e) and bool(e.head == value)


def bar(name: str) -> str:
    """The gradient of a value, in a rule: Z̄ for a symbol, ∂loss for a word."""
    return f"{name}\u0304" if len(name) == 1 else f"∂{name}"


def tex_name(name: str) -> str:
    r"""A name in LaTeX: `x`, `\mathit{w}_{0}`, `\theta`, `\mathrm{weight}`.

    >>> tex_name("x"), tex_name("w0")
    ('x', '\\mathit{w}_{0}')
    """
    if name in _GREEK_NAMES:
        return f"\\{name}"
    if len(name) == 1 and name.isalpha():
        return name
    if name.endswith("\u0304"):
        return rf"\bar{{{name[:-1]}}}"
    if name.startswith("∂"):
        return rf"\partial {tex_name(name[1:])}"
    if is_symbol(name):
        index = re.sub(r"['′_]", "", name[1:])
        return rf"\mathit{{{name[0]}}}_{{{index}}}" if index else rf"\mathit{{{name[0]}}}'"
    escaped = re.sub(r"([_#$%&{}])", r"\\\1", name.replace("\\", r"\backslash "))
    return rf"\mathrm{{{escaped}}}"


def tex(e: Sym) -> str:
    """An expression in LaTeX, its names set by `tex_name`."""
    return e.latex({name: tex_name(name) for name in e.names()})
