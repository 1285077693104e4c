"""`explain`: the chain rule of one derivative, in symbols, in rules and in numbers, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..autograd import Tensor
from . import explain_forms as forms
from .html import page
from .layout import Direction
from .local import Traced, trace
from .model import Edge, Picture, Quantity
from .naming import Names
from .paths import Route, between, consumers, count_routes, list_routes, number_of
from .replay import evaluate
from .theme import ThemeName, find_theme
from .view import View

MOST_ROUTES = 12  # beyond, the sum is written over the consumers of x
_WHOLE_PICTURE = 60
_STEP = 6e-6  # near the cube root of float64's epsilon, where a central difference errs least


@dataclass(frozen=True, slots=True)
class Term:
    """One summand: a route, or one consumer with the gradient that arrives from it."""

    edges: tuple[Edge, ...]
    factors: tuple[float, ...] | None  # None when arrays are on the way
    product: float | None
    rest: int | None = None  # consumer form: the node whose gradient is the first factor


@dataclass(frozen=True, slots=True)
class Check:
    """A central difference beside the gradient; `problem` says why there is none."""

    estimate: float = 0.0
    exact: float = 0.0
    step: float = 0.0
    agrees: bool = False
    along: str = ""
    problem: str = ""


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

    def total(self) -> float | None:
        """The sum of the terms, when they are numbers."""
        products = [term.product for term in self.terms]
        return None if None in products else sum(p for p in products if p is not None)


class Explanation(View):
    """The derivation of ∂y/∂x; `print` it, show it in a notebook, or `save` it."""

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
        head = f"<figure>\n{self.svg()}</figure>\n"
        body = f"<main>\n{head}{forms.html(self.derivation)}</main>\n"
        return page(forms.title(self.derivation), body, find_theme(self.theme), forms.STYLE)

    def _repr_html_(self) -> str:
        blocks = forms.html(self.derivation)
        style = f"<style>{forms.STYLE}</style>"
        return f'<div style="overflow-x:auto">{self.svg()}{style}{blocks}</div>'

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _writers(self) -> dict[str, str]:
        return {**super()._writers(), ".tex": "latex"}


def explain(
    y: Tensor,
    x: Tensor,
    *,
    names: Names = None,
    theme: ThemeName | None = None,
    direction: Direction | None = None,
    precision: int | None = None,
) -> Explanation:
    """Derive ∂y/∂x by the chain rule: structure, rules, numbers, sum over routes, and a check.

    The check is a central difference in float64. Routes are counted, and listed up to 12; beyond,
    the sum is written over the consumers of x, which is how backward forms it. Raises ValueError
    when x is not part of the graph of y.

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
    traced = trace((y,), names=names, precision=4 if precision is None else precision)
    if x._node not in traced.keys:
        raise ValueError(
            f"x (shape {list(x.shape)}) is not part of the graph of y: y was not computed from it, "
            "or it was computed from a copy, by detach() or under no_grad()"
        )
    return Explanation(_derive(traced, x), theme=theme, direction=direction)


def _derive(traced: Traced, x: Tensor) -> Derivation:
    whole = traced.picture
    y_key, x_key = traced.keys[traced.roots[0]], traced.keys[x._node]
    routes = count_routes(whole, x_key, y_key)
    by_consumers = routes > MOST_ROUTES
    terms = (
        _consumer_terms(whole, x_key, y_key)
        if by_consumers
        else tuple(_route_term(r) for r in list_routes(whole, x_key, y_key, MOST_ROUTES))
    )
    gradient = whole.by_key()[x_key].grad
    with np.errstate(all="ignore"):
        check = _check(traced, x) if routes else Check(problem="there is no route")
    shown = whole if len(whole.nodes) <= _WHOLE_PICTURE else _part(whole, x_key, y_key)
    shown = _with_names(shown, terms)
    return Derivation(shown, y_key, x_key, routes, terms, by_consumers, gradient, check)


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


def _check(traced: Traced, x: Tensor) -> Check:
    """Nudge x both ways, compute y again in float64, and compare."""
    root, node = traced.roots[0], x._node
    gradient = traced.grads.get(node)
    exact_in = {n: _widened(traced.values.found.get(n)) for n in traced.order if n.plan is None}
    start = traced.values.found.get(node)
    if gradient is None or not isinstance(gradient, (int, float, np.generic, np.ndarray)):
        return Check(problem="the gradient needs data that is not kept")
    if start is None or np.iscomplexobj(start):
        return Check(problem="the value of x is not kept")
    point = np.asarray(start, np.float64)
    direction = _direction(point.shape)
    step = _STEP * max(1.0, float(np.max(np.abs(point), initial=0.0)))
    try:
        sides = [
            _total(evaluate(traced.order, traced.values, {**exact_in, node: moved})[root])
            for moved in (point + step * direction, point - step * direction)
        ]
    except (ValueError, TypeError, RuntimeError) as error:
        return Check(problem=str(error))
    estimate = (sides[0] - sides[1]) / (2 * step)
    exact = float(np.sum(np.asarray(gradient, np.float64) * direction))
    noise = 1e2 * np.finfo(np.float64).eps * max(map(abs, sides)) / step
    slack = (1e-6 if root.dtype == np.float64 else 1e-3) * max(abs(exact), abs(estimate))
    agrees = bool(abs(estimate - exact) <= slack + noise + 1e-9)
    along = "" if not point.shape else "along a fixed direction"
    return Check(estimate, exact, step, agrees, along)


def _widened(data: Any) -> Any:
    """Floating data in float64, so that a small step is not lost."""
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind == "f":
        return data.astype(np.float64)
    return data


def _direction(shape: Sequence[int]) -> Any:
    """A direction of length 1 in which all elements differ, the same for every run."""
    if not shape:
        return np.float64(1.0)
    count = int(np.prod(shape))
    raw = np.cos(np.arange(1, count + 1) * 1.7)
    return (raw / np.linalg.norm(raw)).reshape(shape) if count else raw.reshape(shape)


def _total(data: Any) -> float:
    return float(np.sum(np.asarray(data, np.float64)))
