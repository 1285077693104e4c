"""Rules and expressions in the names of a graph: what an operation computes, what it derives.

The rule that backward runs is applied to `Sym`, so the text beside a number is the rule behind it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

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


class _Shaped(Sym):
    """An expression of known shape, for rules that ask: a vector has another than a matrix."""

    __slots__ = ()

    def __init__(self, e: Sym, shape: tuple[int, ...]) -> None:
        super().__init__(e.head, e.args, e.params)
        self.shape = shape

    @property
    def ndim(self) -> int:
        return len(self.shape)


def expression(node: Any, operands: Sequence[Sym]) -> Sym:
    """What the operation behind a node computes, of operands as expressions."""
    if is_output(node):
        whole = expression(node.operands()[0], operands)
        return Sym(f"{whole.text()}[{node.params[0]}]")
    name = node.plan.op.name
    if name == "get_index" and len(operands) == 1:
        return Sym(f"{_grouped(operands[0])}{_index_text(node.params[0])}")
    while operands and not operands[-1].args and operands[-1].head in {None, "none"}:
        operands = operands[:-1]  # arguments that were not given
    build = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv}
    if name in build and len(operands) == 2:
        return wrap(Sym(name, tuple(operands)))
    return Sym(name, tuple(operands), tuple(node.params))


def _grouped(e: Sym) -> str:
    """An expression before an index: P[0], but (a + b)[0]."""
    return f"({e.text()})" if e.args and e.head in {*_FOLDED, "neg", "matmul"} else e.text()


def _index_text(index: Any) -> str:
    """An index as it was typed, [0] or [:, 1:]; […] where arrays pick the elements."""
    if index.advanced is not None:
        return "[…]"
    steps = list(index.basic)
    if steps and steps[-1] is Ellipsis:  # what was left out at the end
        steps.pop()
    return f"[{', '.join(map(_step_text, steps)) or '…'}]"


def _step_text(step: Any) -> str:
    if not isinstance(step, slice):
        return "…" if step is Ellipsis else str(step)
    ends = ["" if end is None else str(end) for end in (step.start, step.stop)]
    return ":".join(ends if step.step is None else [*ends, str(step.step)])


def local_rule(
    node: Any,
    slot: int,
    operands: Sequence[Sym],
    out: str,
    *,
    textbook: bool = True,
    part: int = 0,
) -> Sym | None:
    """The derivative of a node by its argument number `slot`, as an expression; None without one.

    Elementwise operations give ∂out/∂argument; others give the gradient of the argument, in terms
    of the gradient of the result, unless all are single numbers. `textbook` prefers the form that
    is easy to read to the one that runs. `part` says which one of several results `out` names.
    """
    op, tensors = node.plan.op, node.operands()
    sizes = [tuple(getattr(operand, "shape", ())) for operand in tensors]
    given = [
        None if operand is None else _Shaped(e, size)
        for e, size, operand in zip(operands, sizes, tensors, strict=True)
    ]
    arrays = any([node.shape, *sizes])
    g: Any = _Shaped(Sym(bar(out)), node.shape) if arrays else 1
    if op.several:
        g = [g if k == part else Sym(0) for k in range(len(node.value))]
    try:
        if callable(op.rules):
            parts = op.rules(*_arguments(node, rule_names(op.rules), given, sizes, out, g))
            return simplified(wrap(parts[slot]))
        name = op.inputs[slot]
        rule = ((op.textbook or {}) if textbook else {}).get(name, op.rules[name])
        if not callable(rule):
            return wrap(rule) if op.partial else wrap(rule * wrap(g))
        return simplified(wrap(rule(*_arguments(node, rule_names(rule), given, sizes, out, g))))
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError):
        return None  # a rule that cannot be read as an expression has its number only


def _arguments(
    node: Any,
    wanted: Sequence[str],
    operands: Sequence[Sym | None],
    sizes: Sequence[tuple[int, ...]],
    out: str,
    g: Any,
) -> list[Any]:
    """What a rule asks for, in the graph's names."""
    op = node.plan.op
    inputs = dict(zip(op.inputs, operands, strict=False))
    params = dict(zip(op.params, node.params, strict=False))
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
            given.append(tuple(sizes))
        elif name == "inputs":
            given.append(tuple(operands))
        elif name == "needs":
            given.append((True,) * len(operands))
        else:
            given.append({"out": _Shaped(Sym(out), node.shape), "g": g}.get(name, Sym(name)))
    return given


def simplified(e: Sym) -> Sym:
    """Compute what consists of numbers, and leave out + 0, · 1 and ^ 1."""
    if not e.args:
        if isinstance(e.head, (np.ndarray, np.generic)) and e.head.ndim == 0:
            return Sym(e.head.item())  # a view of the number 1
        if not isinstance(e.head, (str, int, float, type(None))):
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


@lru_cache(maxsize=4096)
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
