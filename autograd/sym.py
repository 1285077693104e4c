"""Sym: reads a rule as text and as LaTeX.

A Sym stands where a rule expects an array. Operators and operations applied to it build an
expression, which ``text()`` and ``latex()`` print and ``evaluate()`` computes; so the rule that is
shown is the rule that is run. Little is simplified: products with 1, sums with 0, double minus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .op import Op, registry, rule_names


class Sym:
    """An expression: a name, a number, or an operation applied to expressions."""

    __slots__ = ("args", "head", "params", "shape")

    def __init__(self, head: Any, args: tuple[Any, ...] = (), params: tuple[Any, ...] = ()) -> None:
        self.head, self.args, self.params = head, args, params
        self.shape: Any = ShapeName(self)

    @staticmethod
    def _apply(op: Op, values: Sequence[Any], params: tuple[Any, ...] = ()) -> Sym:
        """An operation named in a rule, applied to expressions."""
        return Sym(op.name, tuple([wrap(v) for v in values]), params)

    def __add__(self, other: Any) -> Sym:
        return _sum(self, wrap(other))

    def __radd__(self, other: Any) -> Sym:
        return _sum(wrap(other), self)

    def __sub__(self, other: Any) -> Sym:
        other = wrap(other)
        return self if other.head == 0 else Sym("sub", (self, other))

    def __rsub__(self, other: Any) -> Sym:
        return Sym("sub", (wrap(other), self))

    def __mul__(self, other: Any) -> Sym:
        return _product(self, wrap(other))

    def __rmul__(self, other: Any) -> Sym:
        return _product(wrap(other), self)

    def __truediv__(self, other: Any) -> Sym:
        other = wrap(other)
        return self if other.head == 1 else Sym("div", (self, other))

    def __rtruediv__(self, other: Any) -> Sym:
        return Sym("div", (wrap(other), self))

    def __pow__(self, other: Any) -> Sym:
        other = wrap(other)
        return self if other.head == 1 else Sym("pow", (self, other))

    def __rpow__(self, other: Any) -> Sym:
        return Sym("pow", (wrap(other), self))

    def __matmul__(self, other: Any) -> Sym:
        return Sym("matmul", (self, wrap(other)))

    def __neg__(self) -> Sym:
        if self.head == "neg":
            inner: Sym = self.args[0]
            return inner
        return wrap(-self.head) if isinstance(self.head, (int, float)) else Sym("neg", (self,))

    def __gt__(self, other: Any) -> Sym:
        return Sym("gt", (self, wrap(other)))

    def __lt__(self, other: Any) -> Sym:
        return Sym("lt", (self, wrap(other)))

    def __ge__(self, other: Any) -> Sym:
        return Sym("ge", (self, wrap(other)))

    def __le__(self, other: Any) -> Sym:
        return Sym("le", (self, wrap(other)))

    def __eq__(self, other: object) -> Any:
        return Sym("eq", (self, wrap(other)))

    def __ne__(self, other: object) -> Any:
        return Sym("ne", (self, wrap(other)))

    __hash__ = object.__hash__

    @property
    def mT(self) -> Sym:
        """The transpose of the last two dimensions."""
        return Sym("transpose", (self,), (-2, -1))

    @property
    def ndim(self) -> int:
        """Rules are read for matrices."""
        return 2

    def __bool__(self) -> bool:
        raise TypeError(
            "a rule may not branch on values: use where(...), so that it can be recorded and "
            f"printed (the condition was {self.text()})"
        )

    def names(self) -> set[str]:
        """The names that stand in the expression."""
        found: set[str] = set()
        stack: list[Sym] = [self]
        while stack:
            e = stack.pop()
            if e.args:
                stack += e.args
            elif isinstance(e.head, str):
                found.add(e.head)
        return found

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The expression computed, each name replaced by its value."""
        if not self.args:
            return values[self.head] if isinstance(self.head, str) else self.head
        args = [a.evaluate(values) for a in self.args]
        if self.head in _OPERATORS:
            return _OPERATORS[self.head](*args)
        params = [p.of(values) if isinstance(p, ShapeName) else p for p in self.params]
        return registry[self.head].call(*args, *params)

    def text(self, names: Mapping[str, str] | None = None) -> str:
        """One line of Unicode: ``1 − out²``."""
        return _text(self, names or {})[0]

    def latex(self, names: Mapping[str, str] | None = None) -> str:
        """TeX, without the dollar signs."""
        return _latex(self, names or {})

    def __repr__(self) -> str:
        return f"Sym({self.text()})"


class ShapeName:
    """The shape of an expression where a rule hands it on."""

    def __init__(self, sym: Any) -> None:
        self.sym = sym

    def of(self, values: Mapping[str, Any]) -> Any:
        """The shape itself."""
        return getattr(self.sym.evaluate(values), "shape", ())

    def __getitem__(self, k: int) -> int:
        if not -2 <= k < 2:
            raise IndexError(k)
        return 1

    def __len__(self) -> int:
        return 2

    def __repr__(self) -> str:
        return f"shape({self.sym.text()})"


_OPERATORS: dict[Any, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: a**b,
    "neg": lambda a: -a,
    "matmul": lambda a, b: a @ b,
    "gt": lambda a, b: a > b,
    "lt": lambda a, b: a < b,
    "ge": lambda a, b: a >= b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}


def wrap(value: Any) -> Sym:
    """A number as an expression; expressions as they are."""
    return value if isinstance(value, Sym) else Sym(value)


def _sum(a: Sym, b: Sym) -> Sym:
    if a.head == 0 and not a.args:
        return b
    return a if b.head == 0 and not b.args else Sym("add", (a, b))


def _product(a: Sym, b: Sym) -> Sym:
    if a.head == 1 and not a.args:
        return b
    return a if b.head == 1 and not b.args else Sym("mul", (a, b))


def rule_sym(
    op: Op,
    name: str,
    *,
    textbook: bool = True,
    params: Sequence[Any] = (),
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Sym | None:
    """The local derivative (or the whole rule, with ``g``) of one input, as an expression.

    The textbook form where one is given, else the rule that runs; None where there is no rule.
    ``params`` and ``shapes`` (by input name) are those of a call; without them the defaults.
    """
    rules = op.rules
    if callable(rules) or name not in rules:
        return None
    rule = (op.textbook or {}).get(name, rules[name]) if textbook else rules[name]
    if not callable(rule):
        return Sym(rule) if op.partial else Sym("g") if rule == 1 else -Sym("g")
    given = dict(zip(op.params, params, strict=False))
    known = {f"{k}_shape": v for k, v in (shapes or {}).items()}
    return wrap(rule(*[_argument(op, n, {**given, **known}) for n in rule_names(rule)]))


def _argument(op: Op, name: str, given: Mapping[str, Any]) -> Any:
    if name in given:
        return given[name]
    if name.endswith("_shape") and name[:-6] in op.inputs:
        return ShapeName(Sym(name[:-6]))
    if name in op.params:
        defaults = dict(zip(op.inputs + op.params, op.defaults, strict=False))
        value = defaults.get(name)
        return value if isinstance(value, (int, float, bool, str)) else Sym(name)
    return Sym(name)


_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_INFIX = {
    "add": (" + ", 1),
    "sub": (" − ", 1),
    "mul": ("·", 2),
    "div": ("/", 2),
    "matmul": (" ", 2),
}
_RELATION = {"gt": ">", "lt": "<", "ge": "≥", "le": "≤", "eq": "=", "ne": "≠"}


def _number(v: Any) -> str:
    if isinstance(v, bool) or v is None:
        return str(v)
    if isinstance(v, float) and not v.is_integer():
        return f"{v:.4g}".replace("-", "−")
    return str(int(v) if isinstance(v, float) else v).replace("-", "−")


def _text(e: Any, names: Mapping[str, str]) -> tuple[str, int]:
    """The text of an expression and how tightly it holds together (9: an atom)."""
    if not e.args:
        if isinstance(e.head, str):
            return names.get(e.head, e.head), 9
        return _number(e.head), 3 if isinstance(e.head, (int, float)) and e.head < 0 else 9
    parts = [_text(a, names) for a in e.args]
    if e.head in _INFIX:
        sign, level = _INFIX[e.head]
        tight = e.head in ("sub", "div")
        left = _paren(parts[0], level)
        right = _paren(parts[1], level + (1 if tight else 0))
        return f"{left}{sign}{right}", level
    if e.head == "neg":
        return f"−{_paren(parts[0], 2)}", 2
    if e.head == "pow":
        exponent = e.args[1]
        if not exponent.args and isinstance(exponent.head, int) and abs(exponent.head) < 10:
            power = str(exponent.head).translate(_SUPERSCRIPT)
            return f"{_paren(parts[0], 5)}{power}", 4
        return f"{_paren(parts[0], 5)}^{_paren(parts[1], 5)}", 4
    if e.head in _RELATION:
        return f"[{parts[0][0]} {_RELATION[e.head]} {parts[1][0]}]", 9
    if e.head == "transpose" and e.params == (-2, -1):
        return f"{_paren(parts[0], 5)}ᵀ", 5
    if e.head == "sqrt":
        return f"√{_paren(parts[0], 5)}", 5
    symbol = registry[e.head].symbol if e.head in registry else e.head
    plain = (symbol.isalpha() and symbol != "ᵀ") or symbol in ("Σ", "sech²")
    given = [p[0] for a, p in zip(e.args, parts, strict=True) if a.args or a.head is not None]
    return f"{symbol if plain else e.head}({', '.join(given)})", 9


def _paren(part: tuple[str, int], level: int) -> str:
    return part[0] if part[1] >= level else f"({part[0]})"


def _latex(e: Any, names: Mapping[str, str]) -> str:
    if not e.args:
        if isinstance(e.head, str):
            name = names.get(e.head, e.head)
            return name if len(name) == 1 or name.startswith("\\") else rf"\mathrm{{{name}}}"
        return _number(e.head).replace("−", "-")
    parts = [_latex(a, names) for a in e.args]

    def grouped(k: int, level: int) -> str:
        tight = _text(e.args[k], names)[1] >= level
        if level == 5 and "^" in parts[k]:  # TeX takes no second superscript
            tight = False
        return parts[k] if tight else rf"\left({parts[k]}\right)"

    if e.head == "add":
        return f"{parts[0]} + {parts[1]}"
    if e.head == "sub":
        return f"{parts[0]} - {grouped(1, 2)}"
    if e.head == "mul":
        return rf"{grouped(0, 2)} \cdot {grouped(1, 2)}"
    if e.head == "matmul":
        return rf"{grouped(0, 2)} \, {grouped(1, 2)}"
    if e.head == "div":
        return rf"\frac{{{parts[0]}}}{{{parts[1]}}}"
    if e.head == "neg":
        return f"-{grouped(0, 2)}"
    if e.head == "pow":
        return f"{grouped(0, 5)}^{{{parts[1]}}}"
    if e.head in _RELATION:
        signs = {"≥": r"\ge", "≤": r"\le", "≠": r"\ne"}
        relation = _RELATION[e.head]
        return rf"\left[{parts[0]} {signs.get(relation, relation)} {parts[1]}\right]"
    if e.head == "transpose" and e.params == (-2, -1):
        return f"{grouped(0, 5)}^T"
    tex = registry[e.head].tex if e.head in registry else ""
    for k in range(len(parts), 4):
        tex = tex.replace(f" + {{{k}}}", "")  # a term that was not given, such as a bias
    complete = not any(f"{{{k}}}" in tex for k in range(len(parts), 4))
    if complete and tex.count("{0}") and tex.count("{") < 9:
        return tex.format(*parts)
    head = str(e.head).replace("_", r"\_")
    given = [p for a, p in zip(e.args, parts, strict=True) if a.args or a.head is not None]
    return rf"\operatorname{{{head}}}\left({', '.join(given)}\right)"
