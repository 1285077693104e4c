"""Names, rules and numbers of a derivation as short texts, for all its forms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .model import Edge, Summary
from .numbers import format_count, format_number, format_shape
from .rules import bar
from .stretched import summed_words
from .wording import derivative, norm_text, quantity_text

if TYPE_CHECKING:
    from .explain_element import ElementTerm
    from .explain_view import Derivation, Term

_LONG, _ENDS = 16, 6  # a route of more factors is written with its first and last ones
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Phrases:
    """Names, rules and numbers of one derivation."""

    def __init__(self, derivation: Derivation) -> None:
        self.d = derivation
        self.nodes = derivation.picture.by_key()
        self.precision = derivation.picture.precision
        self.y, self.x = self.nodes[derivation.y], self.nodes[derivation.x]
        self.x_name = self.x.name
        if derivation.element is not None:
            self.x_name = _at(self.x.name, derivation.element.index)
        self.left = derivative(self.y.name, self.x_name)
        pairs = Counter((edge.source, edge.target) for edge in derivation.picture.edges)
        self.double = {pair for pair, count in pairs.items() if count > 1}

    def title(self) -> str:
        """What is derived: ∂f/∂x for f = (x + y)·z."""
        return f"{self.left} for {self.d.picture.title}" if self.d.picture.title else self.left

    def which(self, edge: Edge) -> str:
        """⁽²⁾ for the second of several edges between the same two nodes."""
        if (edge.source, edge.target) not in self.double:
            return ""
        return f"⁽{str(edge.slot + 1).translate(_RAISED)}⁾"

    def factor(self, edge: Edge) -> str:
        """∂q/∂x."""
        source, target = self.nodes[edge.source], self.nodes[edge.target]
        return derivative(target.name, source.name) + self.which(edge)

    def side(self, edge: Edge) -> str:
        """What a rule gives: ∂q/∂x; W̄, where the rule speaks of the gradient that arrives."""
        if not self.whole(edge):
            return self.factor(edge)
        return bar(self.nodes[edge.source].name) + self.which(edge)

    def whole(self, edge: Edge) -> bool:
        """Whether a rule gives the gradient itself, the one that arrives already in it."""
        return bar(self.nodes[edge.target].name) in self.rule(edge)

    def product(self, term: Term) -> str:
        """∂f/∂q · ∂q/∂x; in the consumer form, the first factor is a whole gradient."""
        first = [] if term.rest is None else [derivative(self.y.name, self.nodes[term.rest].name)]
        return " · ".join(shortened([*first, *(self.factor(edge) for edge in term.edges)]))

    def number(self, value: complex) -> str:
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
            if self.d.element is not None:
                moved = {key for key, _, _ in self.d.element.reach}
                edges = tuple(e for e in edges if e.source == self.d.x and e.target in moved)
            found.update(dict.fromkeys(edges))
        return list(found)

    def rule(self, edge: Edge) -> str:
        if edge.local is None:
            return ""
        return edge.local.rule or quantity_text(edge.local.number, self.precision)

    def shapes(self, edge: Edge) -> str:
        """What a rule does to shapes: (8×4)ᵀ (8×3) → (4×3) for a product of matrices."""
        source, target = self.nodes[edge.source], self.nodes[edge.target]
        if not source.shape and not target.shape:
            return ""
        product = self._product_of_shapes(edge)
        if product:
            return f"{product} → ({format_shape(source.shape)})"
        moved = f"({format_shape(target.shape)} → {format_shape(source.shape)})"
        axes = edge.local.summed if edge.local else None
        return f"{moved}, {summed_words(axes, source.name)}" if axes else moved

    def _product_of_shapes(self, edge: Edge) -> str:
        """The rule with shapes in place of names, where it is a product of matrices."""
        target = self.nodes[edge.target]
        shapes = {bar(target.name): target.shape}
        for key in edge.local.mentions if edge.local else ():
            if key in self.nodes:
                shapes.setdefault(self.nodes[key].name, self.nodes[key].shape)
        names = sorted(shapes, key=len, reverse=True)
        end = r"(?!(?!ᵀ)\w|[\u0304.])"  # Xᵀ ends the name X
        pattern = "|".join(rf"(?<![\w∂.]){re.escape(name)}{end}" for name in names)
        text = re.sub(pattern, lambda m: f"({format_shape(shapes[m[0]])})", self.rule(edge))
        matrix = r"\(\d+(?:×\d+)+\)ᵀ?"
        return text if re.fullmatch(rf"{matrix}(?: {matrix})+", text) else ""

    def summed(self) -> str:
        """6 + 2 + (−1)."""
        products = [term.product for term in self.d.terms if term.product is not None]
        shown = [self.number(p) for p in products]
        return " + ".join(f"({s})" if s.startswith("−") and i else s for i, s in enumerate(shown))

    def heading(self) -> str:
        """What the routes are: how many, and how the sum is written."""
        count, terms = self.d.routes, len(self.d.terms)
        if count == 0:
            return f"there is no route from {self.x_name} to {self.y.name}"
        if self.d.element is not None:
            reached = [
                f"{format_count(some)} of {format_count(every)} elements of {self.nodes[key].name}"
                for key, some, every in self.d.element.reach
            ]
            return f"{self.x_name} moves {', '.join(reached)}"
        if self.d.x == self.d.y:
            return "the derivative of a value by itself"
        if self.d.by_consumers:
            return (
                f"{format_count(count)} routes, counted, not listed; backward adds up "
                f"{terms} consumers of {self.x.name}:"
            )
        return "1 route" if count == 1 else f"{count} routes, one term for each"

    def sums(self) -> list[str]:
        """The right sides of the structure, to be added up."""
        if self.d.element is None:
            return [self.product(term) for term in self.d.terms]
        return [
            f"Σₖ {derivative(self.y.name, f'{name}[k]')} · {derivative(f'{name}[k]', self.x_name)}"
            for name in (self.nodes[key].name for key, _, _ in self.d.element.reach)
        ]

    def element_terms(self) -> list[tuple[str, str]]:
        """(∂L/∂Z[0, 1] · ∂Z[0, 1]/∂W[2, 1], (−3)·(2) = −6) for the largest terms."""
        element = self.d.element
        return [(self._symbols(t), self._numbers(t)) for t in element.terms] if element else []

    def _symbols(self, term: ElementTerm) -> str:
        name = _at(self.nodes[term.node].name, term.index)
        return f"{derivative(self.y.name, name)} · {derivative(name, self.x_name)}"

    def _numbers(self, term: ElementTerm) -> str:
        factors = f"({self.number(term.gradient)})·({self.number(term.local)})"
        return f"{factors} = {self.number(term.product)}"

    def element_sum(self) -> str:
        """5 of 1 024 terms make 97 % of the sum."""
        element = self.d.element
        if element is None:
            return ""
        total, shown = self.number(element.total), len(element.terms)
        if shown == element.nonzero:
            idle = element.count - shown
            more = f", {format_count(idle)} more {'is' if idle == 1 else 'are'} 0" if idle else ""
            return f"{_counted(shown, 'term')}{more}: {self.left} = {total}"
        of = f"{shown} of {format_count(element.count)} terms"
        share = element.listed / element.total if element.total else float("inf")
        if 0 < share <= 1:
            percent = f"{100 * share:.3g}" if share < 0.995 else "over 99"
            return f"{of} make {percent} % of the sum: {self.left} = {total}"
        rest = self.number(element.total - element.listed)
        return f"{of}: {self.number(element.listed)}; the others add {rest}: {self.left} = {total}"

    def array_lines(self) -> list[str]:
        """Arrays on the way: shapes and size of the gradient instead of a product."""
        gradient, lines = self.d.gradient, []
        if self.x.shape:
            lines.append(
                f"{self.left} has the shape of {self.x.name}: {format_shape(self.x.shape)}"
            )
        if isinstance(gradient, Summary) and gradient.elements is None:
            spread = quantity_text(gradient, self.precision)
            return [*lines, f"{norm_text(gradient, self.precision)}, elements {spread}"]
        lines.append(f"{self.left} = {quantity_text(gradient, self.precision)}")
        if self.x.dtype.startswith("complex"):
            name = self.x_name
            lines.append(f"as PyTorch defines it: ∂/∂Re {name} + i·∂/∂Im {name}")
        return lines

    def check(self) -> str:
        c = self.d.check
        if c.problem:
            return f"no finite difference: {c.problem}"
        if c.left is not None and c.right is not None:
            return self._kink(c.left, c.right)
        gap = self.number(abs(c.estimate - c.exact))
        verdict = (
            "agrees" if c.agrees else "differs: the rule of some operation on the way is wrong"
        )
        along = f" {c.along}" if c.along else ""
        estimate = self.number(c.estimate)
        exact = f" against {self.number(c.exact)}" if c.along or not c.agrees else ""
        return (
            f"central difference{along}, h = {self.number(c.step)}: {estimate}{exact}, "
            f"{gap} away: {verdict}"
        )

    def _kink(self, left: float, right: float) -> str:
        c = self.d.check
        slack = 1e-3 * max(abs(left), abs(right))
        if min(abs(c.exact - left), abs(c.exact - right)) <= slack:
            verdict = "one of the two"
        elif min(left, right) <= c.exact <= max(left, right):
            verdict = "between them"
        else:
            verdict = "outside of both: the rule of some operation on the way is wrong"
        return (
            f"a kink: slope {self.number(left)} to the left and {self.number(right)} to the right "
            f"(h = {self.number(c.step)}); the gradient says {self.number(c.exact)}, {verdict}"
        )


def _at(name: str, index: Sequence[int]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def shortened(factors: Sequence[str], gap: str = "⋯ {} more ⋯") -> list[str]:
    """A long product with its middle counted instead of written."""
    if len(factors) <= _LONG:
        return list(factors)
    return [*factors[:_ENDS], gap.format(len(factors) - 2 * _ENDS), *factors[-_ENDS:]]
