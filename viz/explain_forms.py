"""A derivation written as text, as LaTeX and as HTML (fractions in MathML, no script)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from .model import Edge, Node, Summary
from .numbers import format_count, format_number, format_shape
from .rules import tex_name
from .wording import derivative, norm_text, quantity_text

if TYPE_CHECKING:
    from .explain_view import Derivation, Term

_LONG, _ENDS = 16, 6  # a route of more factors is written with its first and last ones
STYLE = """.cr-steps{line-height:1.6}
.cr-steps h2{font-size:1em;margin:.9em 0 .2em}
.cr-steps p,.cr-steps ul{margin:.2em 0}
.cr-steps li{margin:.4em 0}
.cr-steps math{font-size:1.1em}"""
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


class _Words:
    """Names, rules and numbers of one derivation."""

    def __init__(self, derivation: Derivation) -> None:
        self.d = derivation
        self.nodes = derivation.picture.by_key()
        self.precision = derivation.picture.precision
        self.y, self.x = self.nodes[derivation.y], self.nodes[derivation.x]
        pairs = Counter((edge.source, edge.target) for edge in derivation.picture.edges)
        self.double = {pair for pair, count in pairs.items() if count > 1}

    def which(self, edge: Edge) -> str:
        """⁽²⁾ for the second of several edges between the same two nodes."""
        if (edge.source, edge.target) not in self.double:
            return ""
        return f"⁽{str(edge.slot + 1).translate(_RAISED)}⁾"

    def factor(self, edge: Edge) -> str:
        """∂q/∂x."""
        return self.derivative(edge) + self.which(edge)

    def derivative(self, edge: Edge) -> str:
        return derivative(self.nodes[edge.target].name, self.nodes[edge.source].name)

    def product(self, term: Term) -> str:
        """∂f/∂q · ∂q/∂x; in the consumer form, the first factor is a whole gradient."""
        first = [] if term.rest is None else [derivative(self.y.name, self.nodes[term.rest].name)]
        return " · ".join(shortened([*first, *(self.factor(edge) for edge in term.edges)]))

    def number(self, value: float) -> str:
        return format_number(value, self.precision)

    def factors(self, term: Term) -> str:
        """(−4)·(1)."""
        return "·".join(shortened([f"({self.number(value)})" for value in term.factors or ()]))

    def rules(self) -> list[Edge]:
        """Each edge that the terms speak of, once, in the order of the formula."""
        found: dict[Edge, None] = {}
        for term in self.d.terms:
            ends = len(term.edges) > _LONG
            edges = (*term.edges[:_ENDS], *term.edges[-_ENDS:]) if ends else term.edges
            found.update(dict.fromkeys(edges))
        return list(found)

    def rule(self, edge: Edge) -> str:
        if edge.local is None:
            return ""
        return edge.local.rule or quantity_text(edge.local.number, self.precision)

    def summed(self) -> str:
        """6 + 2 + (−1)."""
        products = [term.product for term in self.d.terms if term.product is not None]
        shown = [self.number(p) for p in products]
        return " + ".join(f"({s})" if s.startswith("−") and i else s for i, s in enumerate(shown))

    def heading(self) -> str:
        """What the routes are: how many, and how the sum is written."""
        count, terms = self.d.routes, len(self.d.terms)
        if count == 0:
            return f"there is no route from {self.x.name} to {self.y.name}"
        if self.d.x == self.d.y:
            return "the derivative of a value by itself"
        if self.d.by_consumers:
            return (
                f"{format_count(count)} routes, counted, not listed; backward adds up "
                f"{terms} consumers of {self.x.name}:"
            )
        return "1 route" if count == 1 else f"{count} routes, one term for each"

    def array_lines(self) -> list[str]:
        """Arrays on the way: shapes and size of the gradient instead of a product."""
        shape = format_shape(self.x.shape)
        left = derivative(self.y.name, self.x.name)
        lines = [f"{left} has the shape of {self.x.name}: {shape}"]
        gradient = self.d.gradient
        if isinstance(gradient, Summary) and gradient.elements is None:
            spread = quantity_text(gradient, self.precision)
            lines.append(f"{norm_text(gradient, self.precision)}, elements {spread}")
        else:
            lines.append(f"{left} = {quantity_text(gradient, self.precision)}")
        return lines

    def check(self) -> str:
        c = self.d.check
        if c.problem:
            return f"no finite difference: {c.problem}"
        gap = self.number(abs(c.estimate - c.exact))
        verdict = "agrees" if c.agrees else "differs: is there a kink, or a rule that is wrong?"
        along = f" {c.along}" if c.along else ""
        estimate = self.number(c.estimate)
        exact = "" if not c.along else f" against {self.number(c.exact)}"
        return (
            f"central difference{along}, h = {self.number(c.step)}: {estimate}{exact}, "
            f"{gap} away: {verdict}"
        )


def shortened(factors: Sequence[str], gap: str = "⋯ {} more ⋯") -> list[str]:
    """A long product with its middle counted instead of written."""
    if len(factors) <= _LONG:
        return list(factors)
    return [*factors[:_ENDS], gap.format(len(factors) - 2 * _ENDS), *factors[-_ENDS:]]


def title(derivation: Derivation) -> str:
    """What is derived: ∂f/∂x of f = (x + y)·z."""
    words = _Words(derivation)
    left = derivative(words.y.name, words.x.name)
    return f"{left} for {derivation.picture.title}" if derivation.picture.title else left


def text(derivation: Derivation) -> str:
    """Four blocks with indented lines."""
    words = _Words(derivation)
    left = derivative(words.y.name, words.x.name)
    lines = [title(derivation), "", f"structure: {words.heading()}"]
    sums = [words.product(term) for term in derivation.terms]
    if derivation.routes and derivation.x != derivation.y:
        lines += [f"  {left} = {sums[0]}", *(f"  {' ' * len(left)} + {s}" for s in sums[1:])]
        lines += ["", "rules"]
        lines += [f"  {words.factor(edge)} = {words.rule(edge)}{_shapes(words, edge)}"
                  for edge in words.rules()]  # fmt: skip
    lines += ["", "numbers"]
    total = derivation.total()
    if total is None:
        lines += [f"  {line}" for line in words.array_lines()]
    elif derivation.x == derivation.y or not derivation.routes:
        lines.append(f"  {left} = {quantity_text(derivation.gradient, words.precision)}")
    else:
        lines += _number_lines(words, left, total)
    return "\n".join([*lines, "", "check", f"  {words.check()}"]) + "\n"


def _number_lines(words: _Words, left: str, total: float) -> list[str]:
    terms = words.d.terms
    if len(terms) == 1:
        return [f"  {left} = {words.factors(terms[0])} = {words.number(total)}"]
    lines = [f"  {words.factors(t)} = {words.number(t.product or 0.0)}" for t in terms]
    what = f"{len(terms)} consumers" if words.d.by_consumers else f"{len(terms)} routes"
    return [*lines, f"  {what}: {words.summed()} = {words.number(total)}"]


def _shapes(words: _Words, edge: Edge) -> str:
    """The shapes on both sides of a rule, where there are arrays."""
    source, target = words.nodes[edge.source], words.nodes[edge.target]
    if not source.shape and not target.shape:
        return ""
    return f"   ({format_shape(target.shape)} → {format_shape(source.shape)})"


def latex(derivation: Derivation) -> str:
    """An `aligned` block: structure, rules, numbers, result."""
    words = _Words(derivation)
    left = _tex_fraction(words.y, words.x)
    if not derivation.routes or derivation.x == derivation.y:
        return rf"{left} = {_tex_number(quantity_text(derivation.gradient, words.precision))}"
    steps = [" + ".join(_tex_product(words, term) for term in derivation.terms)]
    rules = [
        shortened([_tex_rule(words, edge) for edge in term.edges], r"\cdots")
        for term in derivation.terms
    ]
    if not derivation.by_consumers:
        steps.append(" + ".join(_tex_times(factors) for factors in rules))
    total = derivation.total()
    if total is not None:
        numbers = [
            _tex_times(
                shortened([_tex_number(words.number(f)) for f in term.factors or ()], r"\cdots")
            )
            for term in derivation.terms
        ]
        steps += [" + ".join(numbers), _tex_number(words.number(total))]
    body = " \\\\\n  ".join(f"&= {step}" for step in steps)
    return f"\\begin{{aligned}}\n{left}\n  {body}\n\\end{{aligned}}"


def _tex_fraction(top: Node, bottom: Node) -> str:
    return rf"\frac{{\partial {tex_name(top.name)}}}{{\partial {tex_name(bottom.name)}}}"


def _tex_product(words: _Words, term: Term) -> str:
    first = [] if term.rest is None else [_tex_fraction(words.y, words.nodes[term.rest])]
    rest = [_tex_fraction(words.nodes[e.target], words.nodes[e.source]) for e in term.edges]
    return r" \, ".join(shortened([*first, *rest], r"\cdots"))


def _tex_rule(words: _Words, edge: Edge) -> str:
    return (edge.local.tex if edge.local else "") or _tex_number(words.rule(edge))


def _tex_times(factors: Sequence[str]) -> str:
    if len(factors) == 1:
        return factors[0]
    return r" \cdot ".join(f if f.isalnum() else rf"\left({f}\right)" for f in factors)


def _tex_number(number: str) -> str:
    """−1.2×10⁻⁷ as -1.2 \\times 10^{-7}."""
    plain = number.replace("−", "-").replace("\u2009", r"\,").replace("∞", r"\infty")
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    raised = re.sub(
        r"×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: rf" \times 10^{{{m[1].translate(digits)}}}", plain
    )
    return raised.replace("±", r"\pm").replace("—", r"\text{none}")


def html(derivation: Derivation) -> str:
    """Four sections; fractions stand in MathML, which browsers set and screen readers speak."""
    words = _Words(derivation)
    left = _math_fraction(words.y.name, words.x.name)
    parts = [("structure", f"<p>{escape(words.heading())}</p>")]
    total = derivation.total()
    if derivation.routes and derivation.x != derivation.y:
        products = "<mo>+</mo>".join(_math_product(words, term) for term in derivation.terms)
        parts[0] = ("structure", parts[0][1] + _math(f"{left}<mo>=</mo>{products}"))
        rules = "".join(
            f"<li>{_math(_math_factor(words, edge) + '<mo>=</mo>' + _mtext(words.rule(edge)))}"
            f"{escape(_shapes(words, edge))}</li>"
            for edge in words.rules()
        )
        parts.append(("rules", f"<ul>{rules}</ul>"))
    if total is None:
        numbers = "".join(f"<p>{escape(line)}</p>" for line in words.array_lines())
    elif derivation.x == derivation.y or not derivation.routes:
        shown = quantity_text(derivation.gradient, words.precision)
        numbers = _math(f"{left}<mo>=</mo>{_mtext(shown)}")
    else:
        lines = _number_lines(words, derivative(words.y.name, words.x.name), total)
        numbers = "".join(f"<p>{escape(line.strip())}</p>" for line in lines)
    parts += [("numbers", numbers), ("check", f"<p>{escape(words.check())}</p>")]
    sections = "".join(f"<section><h2>{name}</h2>{body}</section>\n" for name, body in parts)
    return f'<div class="cr-steps">\n{sections}</div>\n'


def _math(inner: str) -> str:
    return f'<math displaystyle="true"><mrow>{inner}</mrow></math>'


def _mtext(words: str) -> str:
    return f"<mtext>{escape(words)}</mtext>"


def _math_fraction(top: str, bottom: str) -> str:
    def half(name: str) -> str:
        return f"<mrow><mo>∂</mo><mi>{escape(name)}</mi></mrow>"

    return f"<mfrac>{half(top)}{half(bottom)}</mfrac>"


def _math_factor(words: _Words, edge: Edge) -> str:
    fraction = _math_fraction(words.nodes[edge.target].name, words.nodes[edge.source].name)
    mark = words.which(edge)
    return f"<msup>{fraction}{_mtext(f'({edge.slot + 1})')}</msup>" if mark else fraction


def _math_product(words: _Words, term: Term) -> str:
    arriving = [] if term.rest is None else [words.nodes[term.rest].name]
    first = [_math_fraction(words.y.name, name) for name in arriving]
    factors = [*first, *(_math_factor(words, edge) for edge in term.edges)]
    return "<mo>·</mo>".join(shortened(factors, _mtext("⋯ {} more ⋯")))
