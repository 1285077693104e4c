"""`what_if`: a figure whose leaves can be dragged; the page computes everything again."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from html import escape
from typing import Any

import numpy as np

from ..autograd.graph import is_output
from ..autograd.sym import Sym
from .captured import recorded, result_of
from .html import page
from .javascript import SAME, NoJavaScriptError, javascript, printable
from .layout import Direction
from .live_figure import LiveFigure, paint_live
from .live_page import HEADING, as_data, button, host
from .local import Traced, trace
from .model import Absent, Edge, Node, Picture, Quantity
from .naming import Names
from .paths import number_of
from .rules import expression, local_rule
from .spoken import spoken
from .theme import ThemeName, find_theme
from .view import View
from .wording import is_symbol, local_text

MOST = 200  # nodes that a page recomputes while a leaf is dragged
_WIDEST = -1.2345e-7  # as wide as numbers get: −1.234×10⁻⁷
_REACH = 2.0  # a slider goes this many times the value to both sides, and at least 2
_TICKS = 400


class WhatIf(View):
    """A figure that recomputes; open it in a notebook or `save` it as a page."""

    def __init__(
        self,
        picture: Picture,
        program: Program,
        *,
        theme: str | None = None,
        direction: Direction | None = None,
    ) -> None:
        super().__init__(picture, theme=theme, direction=direction)
        self.program = program

    def svg(self) -> str:
        """The figure at the values that the program had."""
        return self._figure.svg

    def html(self) -> str:
        """One page that opens offline: sliders, the live figure, and the numbers as text."""
        name = self.picture.title or "What if"
        body = (
            f"<main>\n<h1>{escape(name)}</h1>\n{self._host(page=True)}<details>\n"
            f'<summary>The same as text</summary>\n<pre tabindex="0">{escape(self.text())}</pre>\n'
            "</details>\n</main>\n"
        )
        return page(name, body, find_theme(self.theme), HEADING)

    def javascript(self) -> str:
        """The program that the page runs: forward expressions and local derivatives."""
        return self.program.source()

    def _repr_html_(self) -> str:
        return self._host(page=False)

    @cached_property
    def _figure(self) -> LiveFigure:
        picture = self.picture
        roomy = replace(
            picture,
            nodes=tuple(_roomy_node(n) for n in picture.nodes),
            edges=tuple(_roomy_edge(e) for e in picture.edges),
        )
        theme = find_theme(self.theme)
        return paint_live(picture, roomy, theme, direction=self.direction, salt="what if")

    def _host(self, *, page: bool) -> str:
        theme = find_theme(self.theme)
        call = f"whatIf(host, {self.program.source()}, {as_data(self._data())});"
        return host(
            self._figure,
            theme,
            kind="cr-what-if",
            name=f"What if: {self.picture.title or 'drag a value'}",
            before=_controls(self.picture),
            scripts=("maths.js", "program.js", "numbers.js", "live.js", "what_if.js"),
            call=call,
            page=page,
        )

    def _data(self) -> dict[str, object]:
        nodes = self.picture.nodes
        root = next(n for n in nodes if n.output)
        return {
            "root": root.key,
            "name": root.name,
            "precision": self.picture.precision,
            "values": {n.key: v for n in nodes if (v := _finite(n.value)) is not None},
            "graded": [n.key for n in nodes if not isinstance(n.grad, Absent)],
            "labels": {n.key: _label(n) for n in nodes},
        }


class Program:
    """A graph of single numbers as JavaScript: what the page computes, in the engine's order.

    `forward` maps nodes to their expressions; `local` gives each edge's derivative; `backward`
    lists the edges in the order in which gradient flows; `gated` edges let 0 win over ∞ and nan.
    """

    def __init__(self, traced: Traced) -> None:
        picture = traced.picture
        self.picture = picture
        self.names = {f"v{n.key}": f"v[{n.key}]" for n in picture.nodes}
        self.forward: dict[int, str] = {}
        self.local: list[str | None] = [None] * len(picture.edges)
        self.gated: set[int] = set()
        self.single = [
            traced.keys[n] for n in traced.order if n in traced.keys and n.dtype == np.float32
        ]
        engine = {key: node for node, key in traced.keys.items()}
        incoming: dict[int, list[int]] = {}
        for i, edge in enumerate(picture.edges):
            incoming.setdefault(edge.target, []).append(i)
        for node in picture.nodes:
            if node.op:
                self._add(node, engine[node.key], incoming.get(node.key, []), traced)
        self.backward = [
            i
            for node in reversed(picture.nodes)
            for i in incoming.get(node.key, [])
            if self.local[i] is not None
        ]

    def _add(self, node: Node, made: Any, edges: list[int], traced: Traced) -> None:
        _check_scalar(node, made)
        operands = [
            Sym(f"v{traced.keys[o]}") if hasattr(o, "serial") else Sym(o) for o in made.operands()
        ]
        op, same = made.plan.op, made.plan.op.name in SAME
        try:
            self.forward[node.key] = javascript(
                operands[0] if same else expression(made, operands), self.names
            )
            for i in edges:
                edge = self.picture.edges[i]
                if edge.local is None:
                    continue
                self.local[i] = "1" if same else self._rule(made, edge, operands)
                if op.select is not None:
                    self.gated.add(i)
        except NoJavaScriptError as error:
            raise NoJavaScriptError(f"{node.name} = {node.expression}: {error}") from None

    def _rule(self, made: Any, edge: Edge, operands: list[Sym]) -> str:
        """The local derivative in the form that runs; in the textbook's where that is not read."""
        out = f"v{edge.target}"
        for textbook in (False, True):
            rule = local_rule(made, edge.slot, operands, out, textbook=textbook)
            if rule is None:
                continue
            try:
                return javascript(rule, self.names)
            except NoJavaScriptError:
                if textbook:
                    raise
        raise NoJavaScriptError(
            f"the rule of {made.plan.op.name} is not one expression, so the page cannot compute "
            "it; draw() and step() show it with the numbers that the engine computed"
        )

    def source(self) -> str:
        """A JavaScript object: forward, edges (source, target, rule, gate, text), backward."""
        forward = ",\n".join(f"[{key},v=>{body}]" for key, body in self.forward.items())
        edges = ",\n".join(
            f"[{e.source},{e.target},{f'v=>{rule}' if rule else 'null'},"
            f"{str(i in self.gated).lower()},{as_data(_prefix(e, self.picture.precision))}]"
            for i, (e, rule) in enumerate(zip(self.picture.edges, self.local, strict=True))
        )
        return (
            f"{{forward:[\n{forward}\n],\nedges:[\n{edges}\n],\n"
            f"backward:{as_data(self.backward)},\nsingle:{as_data(self.single)}}}"
        )


def _too_many(count: int) -> ValueError:
    return ValueError(
        f"a page does not recompute {count} nodes while a slider moves (at most {MOST}): take "
        "an intermediate tensor, or draw(y) for the numbers as they are"
    )


def what_if(
    y: Any,
    *inputs: Any,
    names: Names = None,
    theme: ThemeName | None = None,
    direction: Direction | None = None,
    precision: int | None = None,
) -> WhatIf:
    """A figure of single numbers whose leaves can be dragged: all is computed again in the page.

    Values, local derivatives and gradients come from the engine's own rules, printed as JavaScript.
    `y` is a tensor, or a captured Graph or model with its inputs. Raises ValueError for arrays,
    for more than 200 nodes, and for an operation that JavaScript cannot say.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> view = cr.viz.what_if(x * x, names={"x": x})
    >>> view.program.forward, view.program.local
    ({1: '(v[0]*v[0])'}, ['v[0]', 'v[0]'])
    """
    find_theme(theme)
    tensor, names = result_of(y, inputs, names, "what_if")
    if (count := recorded(tensor)) > 2 * MOST:  # some nodes are drawn as one
        raise _too_many(count)
    traced = trace(
        (tensor,), names=names, precision=4 if precision is None else precision,
        fold_constants=False,
    )  # fmt: skip
    if (count := len(traced.picture.nodes)) > MOST:
        raise _too_many(count)
    for node in traced.picture.nodes:
        if node.shape:
            raise ValueError(
                f"what_if() is for graphs of single numbers: {node.name} has the shape "
                f"{list(node.shape)}. draw(y) and step(y) show arrays"
            )
    picture = traced.picture = _plain(traced.picture)
    return WhatIf(picture, Program(traced), theme=theme, direction=direction)


def _plain(picture: Picture) -> Picture:
    """Every value with its name, no frames."""
    nodes = tuple(replace(n, auto_name=n.auto_name and not n.op, group=None) for n in picture.nodes)
    return replace(picture, nodes=nodes, groups=())


def _check_scalar(node: Node, made: Any) -> None:
    """Refuse what a page would compute wrongly."""
    if is_output(made) or made.plan.op.several:
        raise NoJavaScriptError(f"{node.name} is one of several results of an operation on arrays")
    if made.plan.op.name not in printable():
        raise NoJavaScriptError(
            f"{node.name} = {node.expression}: {made.plan.op.name} cannot be written in "
            "JavaScript, so the page cannot compute it; draw() and step() show the engine's "
            "numbers"
        )
    if made.plan.op.name == "where" and made.operands()[0].plan is None:
        raise NoJavaScriptError(
            f"{node.name} = {node.expression}: the comparison behind where() was not recorded, so "
            "the page cannot decide again; run the forward pass under chainrule.watch()"
        )


def _roomy_node(node: Node) -> Node:
    if node.kind == "constant":
        return node
    wide = _WIDEST if not isinstance(node.grad, Absent) else node.grad
    return replace(node, value=_WIDEST, grad=wide)


def _roomy_edge(edge: Edge) -> Edge:
    """Room for any number; rules that are a number stay as they are."""
    if edge.local is None or _prefix(edge, 4) is None:
        return edge
    return replace(edge, local=replace(edge.local, number=_WIDEST))


def _prefix(edge: Edge, precision: int) -> str | None:
    """What stands before the number on an edge, in the last run of text; None: nothing changes."""
    if edge.local is None or not isinstance(edge.local.number, (int, float)):
        return None
    text = local_text(edge.local, precision)
    if text.startswith("× "):
        return "× " if not edge.local.rule else None
    rule, equals, _ = text.rpartition(" = ")
    return equals if is_symbol(rule) else rule + equals


def _finite(quantity: Quantity) -> float | None:
    number = number_of(quantity)
    return number if number is not None and np.isfinite(number) else None


def _label(node: Node) -> str:
    return spoken(f"{node.name} = {node.expression}" if node.expression else node.name)


def _controls(picture: Picture) -> str:
    """A slider and a number field for each leaf, hidden until the script runs."""
    rows = []
    for node in picture.nodes:
        value = _finite(node.value)
        if node.op or node.kind == "constant" or value is None:
            continue
        reach = max(2.0, _REACH * abs(value))
        low, high = value - reach, value + reach
        step = 10.0 ** np.floor(np.log10((high - low) / _TICKS))
        name = escape(node.name)
        look = ' class="math"' if is_symbol(node.name) else ""
        rows.append(
            f'<div class="cr-leaf" data-leaf="{node.key}"><span{look} aria-hidden="true">{name}'
            f'</span><input type="range" min="{low:g}" max="{high:g}" step="{step:g}" '
            f'value="{value:g}" aria-label="{name}, slider"><input type="text" class="cr-field" '
            f'inputmode="text" autocomplete="off" aria-label="{name}, value"></div>'
        )
    return (
        '<div class="cr-bar" data-live hidden><output class="cr-result"></output>'
        f'{button("reset", "Reset")}</div>\n<div class="cr-leaves" data-live hidden>\n'
        + "\n".join(rows)
        + "\n</div>"
    )
