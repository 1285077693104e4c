"""`backward_graph`: the backward pass as a graph of its own, linked to the forward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..autograd import Tensor, enable_grad
from ..autograd.graph import Leaf, is_output, toposort
from ..autograd.handle import Handle, make, scalar_of
from ..autograd.op import Op
from ..autograd.profiling import Recorder
from ..autograd.walker import walk
from .captured import result_of
from .layout import Direction
from .local import Traced, trace
from .model import Group, Kind, Node, Picture
from .naming import Names
from .numbers import superscript
from .theme import ThemeName, find_theme
from .view import View


@dataclass(frozen=True, slots=True)
class Link:
    """A node of the backward graph, and the forward node whose rule made it.

    `order` is 1 for the gradient, 2 for the gradient of the gradient.
    """

    key: int
    forward: str
    expression: str
    order: int


class BackwardGraph(View):
    """The recorded backward; each frame holds what the rule of one forward node computed."""

    def __init__(
        self,
        picture: Picture,
        links: tuple[Link, ...],
        gradients: Mapping[str, Tensor],
        *,
        theme: str | None = None,
        direction: Direction | None = None,
    ) -> None:
        super().__init__(picture, theme=theme, direction=direction)
        self.links, self.gradients = links, gradients


class _Linker(Recorder):
    """Notes which node's rule ran when an operation was recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.origin: dict[Any, Any] = {}  # node of the backward: node whose gradient made it
        self.results: dict[Any, Tensor] = {}
        self._current: Any = None

    def call(self, op: Op, inputs: Sequence[Any], params: tuple[Any, ...]) -> Any:
        out = self.proceed(op, inputs, params)
        for part in out if isinstance(out, tuple) else (out,):
            if isinstance(part, Handle) and part._node is not None and part._node.plan is not None:
                self.origin.setdefault(part._node, self._current)
                self.results.setdefault(part._node, make(part._data, part._node))
        return out

    def timed(self, node: Any, plan: Any) -> Any:
        # The walker says so right before it goes through a node; sums of gradients follow.
        self._current = node
        return plan


def backward_graph(
    y: Any,
    *inputs: Any,
    wrt: Tensor | Iterable[Tensor] | None = None,
    order: int = 1,
    names: Names = None,
    theme: ThemeName | None = None,
    direction: Direction | None = None,
) -> BackwardGraph:
    """Draw the backward pass of y as a graph, framed by the forward operations it belongs to.

    `wrt` are the tensors whose gradients are drawn (default: all leaves); with `order=2` it is the
    backward of that gradient, which needs a single `wrt`. No `.grad` is touched. Raises ValueError
    when there is nothing to draw because all gradients are constants, RuntimeError after a backward
    pass that let go of the graph.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> y = x.sin() * 2
    >>> report = cr.viz.backward_graph(y, names={"x": x, "y": y})
    >>> [(link.forward, link.expression) for link in report.links]
    [('v1', 'sin(x)'), ('v1', 'sin(x)')]
    >>> report.gradients["∂y/∂x"].item() == 2 * x.cos().item()
    True
    """
    find_theme(theme)
    if order < 1:
        raise ValueError(f"order is 1 (the gradient) or more, got {order}")
    tensor, names = result_of(y, inputs, names, "backward_graph")
    traced = trace((tensor,), names=names, fold_constants=False)
    targets = _targets(traced, wrt)
    if order > 1 and len(targets) != 1:
        raise ValueError(
            f"backward_graph(order={order}) follows the gradient of one tensor: say which with "
            f"wrt=, there are {len(targets)}"
        )
    levels, outputs = [traced], [tensor]
    origins: dict[Any, Any] = {}
    level_of: dict[Any, int] = {}
    passing: dict[str, Tensor] = {}  # what has no name of its own: g1, g2, …
    gradients: dict[str, Tensor] = {}
    of = traced.names[traced.roots[0]]
    for level in range(1, order + 1):
        linker, grads = _recorded_backward(outputs)
        named = _gradient_names(traced, grads, of, targets, level)
        wanted = [_derivative(traced, of, traced.names[n], targets, level) for n in targets]
        gradients = {name: named[name] for name in wanted if name in named}
        made = {g._node: g for g in gradients.values() if g._node is not None}
        outputs = [g for node, g in made.items() if node.requires_grad]
        if not outputs:
            raise ValueError(
                f"backward_graph(): all gradients of order {level} are constants; nothing is "
                "computed on the way back"
            )
        called = {g._node for g in named.values()}
        for node, result in linker.results.items():
            if node not in called:
                passing[f"g{len(passing) + 1}"] = result
        known = {**_known(traced), **_known(levels[-1]), **named, **passing}
        levels.append(trace(outputs, names=known, fold_constants=False))
        origins.update(linker.origin)
        level_of.update(dict.fromkeys(linker.origin, level))
    picture, links = _framed(levels, origins, level_of, set(passing))
    picture = _titled(picture, levels[-1], gradients, named)
    return BackwardGraph(picture, links, gradients, theme=theme, direction=direction)


def _targets(traced: Traced, wrt: Tensor | Iterable[Tensor] | None) -> list[Any]:
    """The nodes whose gradients are asked for."""
    if wrt is None:
        return [n for n in traced.order if type(n) is Leaf and n.requires_grad]
    found = [t._node for t in ([wrt] if isinstance(wrt, Tensor) else wrt)]
    if any(node not in traced.keys for node in found):
        raise ValueError("backward_graph(): a tensor in wrt= is not part of the graph of y")
    return found


def _recorded_backward(outputs: Sequence[Tensor]) -> tuple[_Linker, dict[Any, Tensor]]:
    """Send ones back from the outputs, recorded: the gradient at every node."""
    seeds = []
    for t in outputs:
        ones = make(scalar_of(np.ones(tuple(t.shape), t.dtype.np)[()]))
        seeds.append((t._node, ones))
    wanted = {n for n in toposort([n for n, _ in seeds]) if n.plan is None or not n.plan.op.several}
    linker = _Linker()
    linker.enter()
    try:
        with enable_grad():
            found = walk(seeds, wanted, keep=True, recorded=True, into_leaves=False)
    finally:
        linker.leave()
    return linker, found


def _gradient_names(
    traced: Traced, grads: Mapping[Any, Tensor], of: str, targets: Sequence[Any], level: int
) -> dict[str, Tensor]:  # fmt: skip
    """Names of gradients, those near the output first: a gradient handed on keeps its name."""
    named: dict[str, Tensor] = {}
    for node, g in sorted(grads.items(), key=lambda item: -item[0].serial):
        if name := traced.names.get(node):
            named[_derivative(traced, of, name, targets, level)] = g
    return named


def _derivative(traced: Traced, of: str, by: str, targets: Sequence[Any], level: int) -> str:
    """∂f/∂q; of a higher order, after the derivatives by the one target: ∂²f/∂x∂q, ∂²f/∂x²."""
    if level == 1:
        return f"∂{of}/∂{by}"
    first = traced.names[targets[0]]
    if by == first:
        return f"∂{superscript(level)}{of}/∂{by}{superscript(level)}"
    power = superscript(level - 1) if level > 2 else ""
    return f"∂{superscript(level)}{of}/∂{first}{power}∂{by}"


def _known(traced: Traced) -> dict[str, Tensor]:
    """The values that a graph had, under their names."""
    found: dict[str, Tensor] = {}
    for node, name in traced.names.items():
        data = traced.values.found.get(node)
        if name and data is not None:
            held = traced.tensors.get(node)
            found[name] = held if held is not None else make(data, node)
    return found


def _framed(
    levels: Sequence[Traced],
    origins: Mapping[Any, Any],
    level_of: Mapping[Any, int],
    passing: set[str],
) -> tuple[Picture, tuple[Link, ...]]:
    """The last graph without its forward part: values from there are inputs, rules are frames."""
    last = levels[-1]
    of_key = {key: node for node, key in last.keys.items()}
    made = {key: _shown_origin(node, origins) for key, node in of_key.items()}
    back = {key for key, origin in made.items() if origin is not None}
    edges = tuple(edge for edge in last.picture.edges if edge.target in back)
    used = back | {edge.source for edge in edges}
    frames: dict[tuple[Any, int], Group] = {}
    orders: dict[int, Group] = {}
    nodes, links = [], []
    shown = [(traced.keys, traced.picture.by_key()) for traced in levels]
    for node in last.picture.nodes:
        if node.key not in used:
            continue
        origin = made.get(node.key)
        if origin is None:
            nodes.append(_as_input(node))
            continue
        level = level_of[of_key[node.key]]
        name, expression = _called(origin, shown)
        if (origin, level) not in frames:
            parent = _order_frame(orders, frames, level) if len(levels) > 2 else None
            title = f"backward of {name}" + (f" = {expression}" if expression else "")
            frames[origin, level] = Group(len(frames) + len(orders), title, parent)
        auto = node.auto_name or node.name in passing
        notes = tuple(note for note in node.notes if not note.startswith("not a single number"))
        group = frames[origin, level].key
        nodes.append(replace(node, group=group, auto_name=auto, notes=notes))
        links.append(Link(node.key, name, expression, level))
    groups = sorted([*frames.values(), *orders.values()], key=lambda group: group.key)
    picture = replace(
        last.picture, nodes=tuple(nodes), edges=edges, groups=tuple(groups),
        show=("value",),
    )  # fmt: skip
    return picture, tuple(links)


def _titled(
    picture: Picture, last: Traced, gradients: Mapping[str, Tensor], named: Mapping[str, Tensor]
) -> Picture:
    """The gradients as title; a gradient that is handed on unchanged says what else it is."""
    names: dict[int, list[str]] = {}
    for name, g in named.items():
        if g._node in last.keys:
            names.setdefault(last.keys[g._node], []).append(name)

    def noted(node: Node) -> Node:
        also = [name for name in names.get(node.key, ()) if name != node.name]
        return replace(node, notes=(*node.notes, f"also {', '.join(also)}")) if also else node

    shown = list(gradients)
    title = f"backward: {', '.join(shown[:4])}" + (", …" if len(shown) > 4 else "")
    return replace(picture, nodes=tuple(map(noted, picture.nodes)), title=title)


def _shown_origin(node: Any, origins: Mapping[Any, Any]) -> Any:
    """The forward node whose rule made a node; of one of several results, of all of them."""
    if node.plan is not None and is_output(node) and node not in origins:
        return origins.get(node.operands()[0])
    return origins.get(node)


def _order_frame(orders: dict[int, Group], frames: Mapping[Any, Group], level: int) -> int:
    """The frame around all that belongs to one order of derivative."""
    if level not in orders:
        title = "the gradient" if level == 1 else f"order {level}: the gradient of that"
        orders[level] = Group(len(frames) + len(orders), title)
    return orders[level].key


def _called(origin: Any, shown: Sequence[tuple[Any, Mapping[int, Node]]]) -> tuple[str, str]:
    """Name and expression of a forward node, from the first graph that shows it."""
    for keys, nodes in shown:
        if origin in keys:
            node = nodes[keys[origin]]
            return node.name, node.expression
    return str(origin.plan.op.name), ""


def _as_input(node: Node) -> Node:
    """A value of the forward pass, as the backward finds it."""
    if node.kind == "constant":
        return node
    kind: Kind = "parameter" if node.kind == "parameter" else "input"
    note = f"{node.name} = {node.expression}, from the forward pass" if node.expression else ""
    notes = (*node.notes, note) if note else node.notes
    return replace(
        node, kind=kind, op="", expression="", tex="", auto_name=False, output=False, group=None,
        notes=notes,
    )  # fmt: skip
