"""`explain`: the chain rule of one derivative, in symbols, in rules and in numbers, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..autograd import Tensor
from ..autograd.handle import make
from . import explain_forms as forms
from . import explain_html
from .captured import result_of
from .explain_check import Check, check_derivative
from .explain_element import Element, element_of, find_element
from .explain_phrases import Phrases
from .explain_words import sentences
from .html import page
from .layout import Direction
from .local import Traced, trace
from .model import Edge, Picture, Quantity, as_json
from .naming import Names
from .paths import Route, between, consumers, count_routes, list_routes, number_of
from .theme import ThemeName, find_theme
from .view import View, at_full_size

MOST_ROUTES = 12  # beyond, the sum is written over the consumers of x
_WHOLE_PICTURE = 60


@dataclass(frozen=True, slots=True)
class Term:
    """One summand: a route, or one consumer with the gradient that arrives from it."""

    edges: tuple[Edge, ...]
    factors: tuple[float, ...] | None  # None when arrays are on the way
    product: float | None
    rest: int | None = None  # consumer form: the node whose gradient is the first factor


@dataclass(frozen=True, slots=True)
class Derivation:
    """All that an explanation says, as data; painters turn it into text, LaTeX and HTML."""

    picture: Picture
    y: int
    x: int
    routes: int
    terms: tuple[Term, ...]
    by_consumers: bool
    gradient: Quantity
    check: Check
    element: Element | None = None  # x is this element of the node x
    words: tuple[str, ...] = ()

    def total(self) -> float | None:
        """The sum of the terms, when they are numbers."""
        if self.element is not None:
            return self.element.total
        products = [term.product for term in self.terms]
        return None if None in products else sum(p for p in products if p is not None)


class Explanation(View):
    """The derivation of ∂y/∂x; `print` it, show it in a notebook, or `save` it."""

    _salt = "explain"

    def __init__(
        self,
        derivation: Derivation,
        *,
        theme: str | None = None,
        direction: Direction | None = None,
    ) -> None:
        super().__init__(derivation.picture, theme=theme, direction=direction)
        self.derivation = derivation

    def text(self) -> str:
        """Structure, rules, numbers and check, one below the other."""
        return forms.text(self.derivation)

    def latex(self) -> str:
        """The derivation as an `aligned` block, without dollar signs."""
        return forms.latex(self.derivation)

    def html(self) -> str:
        """One page that opens offline: the figure and the four blocks."""
        body = f"<main>\n{self._figure_html()}{explain_html.html(self.derivation)}</main>\n"
        return page(
            Phrases(self.derivation).title(), body, find_theme(self.theme), explain_html.STYLE
        )

    def _repr_html_(self) -> str:
        blocks = explain_html.html(self.derivation)
        style = f"<style>{explain_html.STYLE}</style>"
        box = '<figure style="margin:0 0 0 -10px;overflow-x:auto">'
        figure = at_full_size(self._figure_html()).replace("<figure>", box, 1)
        return f"<div>{figure}{style}{blocks}</div>"

    def json(self) -> str:
        """Terms, check and picture as data, numbers unrounded."""
        return as_json(self.derivation)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _writers(self) -> dict[str, str]:
        return {**super()._writers(), ".tex": "latex"}


def explain(
    y: Any,
    x: Any,
    *inputs: Any,
    words: bool = False,
    names: Names = None,
    theme: ThemeName | None = None,
    direction: Direction | None = None,
    precision: int | None = None,
) -> Explanation:
    """Derive ∂y/∂x by the chain rule: structure, rules, numbers, sum over routes, and a check.

    The check is a central difference in float64. Routes are counted, and listed up to 12; beyond,
    the sum is written over the consumers of x, as backward forms it. x may be one element,
    `W[2, 1]`: its largest terms are shown. Of a model or captured Graph with its `inputs`, x may be
    the position of an input. `words=True` says what each operation does. Raises ValueError when x
    is not part of the graph of y.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> y = x * x + x
    >>> print("\\n".join(cr.viz.explain(y, x, names={"x": x, "y": y}).text().splitlines()[-8:-3]))
    numbers
      (1)·(3) = 3
      (1)·(3) = 3
      (1) = 1
      3 routes: 3 + 3 + 1 = 7
    """
    find_theme(theme)
    x, inputs = _wanted(x, inputs)
    tensor, names = result_of(y, inputs, names, "explain")
    traced = trace((tensor,), names=names, precision=4 if precision is None else precision)
    node, index = x._node, None
    if node is None or node not in traced.keys:
        node, index = find_element(x, traced)
    derivation = _derive(traced, node, index, words)
    return Explanation(derivation, theme=theme, direction=direction)


def _wanted(x: Any, inputs: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
    """The tensor to derive by; a position among the inputs makes a leaf of that input."""
    if isinstance(x, Tensor):
        return x, inputs
    if isinstance(x, bool) or not isinstance(x, int) or not inputs:
        raise TypeError(
            "explain(y, x): x is a tensor, or the position of an input of the model or captured "
            f"Graph y, got {type(x).__name__}"
        )
    if not 0 <= x < len(inputs):
        raise ValueError(f"explain(): x is a position among {len(inputs)} inputs, got {x}")
    given = inputs[x]
    if not isinstance(given, Tensor):
        raise TypeError(f"explain(): input {x} is no tensor: {type(given).__name__}")
    if not given.requires_grad:
        given = make(given._data).requires_grad_()
    return given, (*inputs[:x], given, *inputs[x + 1 :])


def _derive(traced: Traced, node: Any, index: tuple[int, ...] | None, words: bool) -> Derivation:
    whole = traced.picture
    y_key, x_key = traced.keys[traced.roots[0]], traced.keys[node]
    routes = count_routes(whole, x_key, y_key)
    by_consumers = routes > MOST_ROUTES
    terms = (
        _consumer_terms(whole, x_key, y_key)
        if by_consumers
        else tuple(_route_term(r) for r in list_routes(whole, x_key, y_key, MOST_ROUTES))
    )
    gradient = whole.by_key()[x_key].grad
    check = check_derivative(traced, node, index) if routes else Check(problem="there is no route")
    element = None
    if index is not None:
        element = element_of(traced, node, index) if routes else None
        if element is None:
            at = f"{traced.names[node]}[{', '.join(map(str, index))}]"
            raise ValueError(
                f"explain(): the terms of {at} cannot be worked out: there is no route, numbers "
                "are complex, or data is not kept (run the forward pass under watch())"
            )
    useful = between(whole, x_key, y_key)
    said = tuple(sentences(whole, traced.keys, useful)) if words else ()
    shown = whole if len(whole.nodes) <= _WHOLE_PICTURE else _part(whole, x_key, y_key)
    shown = _with_names(shown, terms)
    return Derivation(
        shown, y_key, x_key, routes, terms, by_consumers, gradient, check, element, said
    )


def _route_term(route: Route) -> Term:
    """The factors of a route, from the output inwards, as the chain rule is written."""
    edges = route.edges[::-1]
    numbers = [number_of(edge.local.number) if edge.local else None for edge in edges]
    if any(number is None for number in numbers):
        return Term(edges, None, None)
    return Term(edges, tuple(n for n in numbers if n is not None), route.product())


def _consumer_terms(picture: Picture, x: int, y: int) -> tuple[Term, ...]:
    nodes = picture.by_key()
    terms = []
    for edge in consumers(picture, x, y):
        local = number_of(edge.local.number) if edge.local else None
        arriving = number_of(nodes[edge.target].grad)
        if local is None or arriving is None:
            terms.append(Term((edge,), None, None, edge.target))
        else:
            terms.append(Term((edge,), (arriving, local), arriving * local, edge.target))
    return tuple(terms)


def _part(picture: Picture, x: int, y: int) -> Picture:
    """Only what lies on routes from x to y, and the direct arguments of that."""
    useful = between(picture, x, y) or {x, y}
    edges = tuple(e for e in picture.edges if e.target in useful and e.target != x)
    kept = useful | {edge.source for edge in edges}
    return replace(picture, nodes=tuple(n for n in picture.nodes if n.key in kept), edges=edges)


def _with_names(picture: Picture, terms: Sequence[Term]) -> Picture:
    """Write the names that the derivation uses beside their nodes, v1 and v2 too."""
    used = {key for term in terms for e in term.edges for key in (e.source, e.target)}
    nodes = (replace(n, auto_name=n.auto_name and n.key not in used) for n in picture.nodes)
    return replace(picture, nodes=tuple(nodes))
