"""Build the picture of a recorded graph: values, gradients, local derivatives, names, groups.

The walk is the picture's own: it never touches `.grad`, it works before and after `backward()`, and
recording goes on undisturbed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..autograd import Leaf, Tensor
from ..autograd.graph import ancestors, is_output
from ..autograd.sym import Sym
from .formula import title_of
from .model import Absent, Edge, Kind, Local, Node, Picture, Quantity, Show
from .modules import group_nodes
from .naming import Names, fresh_names, name_nodes
from .quantities import number_name, plain, quantity
from .replay import Values
from .rules import bar, expression, local_rule, tex, tex_name
from .sensitivity import UNKNOWN, gradients, through
from .stretched import summed_axes, summed_rule
from .wording import norm_text, short_line


@dataclass
class Traced:
    """The engine's side of a picture: nodes by key, what they held, and how they are called."""

    order: list[Any]
    roots: list[Any]
    values: Values
    grads: dict[Any, Any]
    names: dict[Any, str]
    tensors: dict[Any, Tensor]
    keys: dict[Any, int] = field(default_factory=dict)
    picture: Picture = field(default_factory=lambda: Picture(()))


def trace(
    outputs: Sequence[Tensor],
    *,
    wrt: Iterable[Tensor] | None = None,
    names: Names = None,
    show: tuple[Show, ...] = ("value", "grad", "local"),
    precision: int = 4,
    fold_constants: bool | None = None,
) -> Traced:
    """Read the graph behind some tensors into a picture.

    Raises RuntimeError when nothing was recorded, TypeError for what is no tensor.
    """
    roots = [_root(output) for output in outputs]
    order = ancestors(roots)
    cut = set(order) if wrt is None else _on_routes(order, roots, wrt)
    given, tensors = name_nodes(order, outputs, names)
    with np.errstate(all="ignore"):  # inf and nan are shown, not warned of
        values = Values(order, tensors.values())
        grads = gradients(roots, order, values)
        traced = Traced(order, roots, values, grads, {}, tensors)
        builder = _Builder(traced, given, cut)
        builder.build(fold_constants)
    nodes = [replace(n, output=n.key in builder.outputs) for n in builder.nodes]
    groups, nodes = group_nodes(nodes, builder.edges, builder.modules, tensors, names)
    single = traced.names[roots[0]] if len(roots) == 1 else ""
    title = title_of(nodes, builder.edges, builder.formulas) if len(roots) == 1 else ""
    traced.picture = Picture(
        tuple(nodes), tuple(builder.edges), groups, title, single, show, precision
    )
    return traced


def _root(output: Any) -> Any:
    if not isinstance(output, Tensor):
        raise TypeError(f"a picture is drawn of tensors, got {type(output).__name__}")
    if output._node is None:
        raise RuntimeError(
            f"nothing was recorded for this tensor (shape {list(output.shape)}): no input "
            "requires grad, or it was computed under no_grad. Set requires_grad=True on an input, "
            "or compute it under chainrule.watch()"
        )
    return output._node


def _on_routes(order: Sequence[Any], roots: Sequence[Any], wrt: Iterable[Tensor]) -> set[Any]:
    """The nodes between the tensors `wrt` and the outputs."""
    wanted = {t._node for t in ([wrt] if isinstance(wrt, Tensor) else wrt)}
    if not wanted & set(order):
        raise ValueError("no tensor in wrt= is part of this graph")
    useful: set[Any] = set()
    for node in order:
        if node in wanted or any(o in useful for o in node.operands() if hasattr(o, "serial")):
            useful.add(node)
    return useful | set(roots)


class _Builder:
    """Turns the engine's nodes into the picture's, oldest first."""

    def __init__(self, traced: Traced, given: Mapping[Any, str], cut: set[Any]) -> None:
        self.traced, self.given, self.cut = traced, given, cut
        self.fresh = fresh_names(given.values())
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.formulas: dict[int, tuple[Any, tuple[Any, ...]]] = {}
        self.modules: dict[int, str] = {}
        self.outputs: set[int] = set()
        self.keys_of: dict[str, int] = {}

    def build(self, fold_constants: bool | None) -> None:
        order = [node for node in self.traced.order if not _hidden(node)]
        needed = self._needed(order)
        fold = len(needed) > 20 if fold_constants is None else fold_constants
        for node in _leaves_near(order) if _has_modules(order) else order:
            if node in needed:
                if node.plan is None or node not in self.cut:
                    self._leaf(node)
                else:
                    self._operation(node, fold)
        self.outputs = {self.traced.keys[root] for root in self.traced.roots}

    def _needed(self, order: Sequence[Any]) -> set[Any]:
        """The nodes on routes and their direct arguments."""
        needed = {node for node in order if node in self.cut}
        for node in list(needed):
            if node.plan is not None:
                needed.update(o for o in _operands(node) if hasattr(o, "serial"))
        return needed

    def _leaf(self, node: Any) -> None:
        value = quantity(self.traced.values.found.get(node), node)
        tensor = self.traced.tensors.get(node)
        constant = not node.requires_grad and node not in self.given and not node.shape
        name, auto = self._name(node)
        kind: Kind = "constant" if constant and node.plan is None else _kind(tensor)
        if kind == "constant":
            name = number_name(value)
        key = self._new(node, name)
        self.nodes.append(
            Node(
                key,
                kind,
                name,
                tex=tex_name(name),
                value=value,
                grad=self._grad(node),
                shape=tuple(node.shape),
                dtype=str(node.dtype),
                auto_name=auto,
                notes=self._notes(node),
                line=_line(node),
            )
        )

    def _operation(self, node: Any, fold: bool) -> None:
        made, numbers = through(node, self.traced.values)
        operands = made.operands()
        labels = [self._label(operand) for operand in operands]
        name, auto = self._name(node)
        formula = expression(node, labels)
        index = f"[{node.params[0]}]" if is_output(node) else ""
        folded = _folded_op(made, operands, self.traced.keys) if fold else None
        sources = [] if folded else self._constant_sources(operands)
        key = self._new(node, name)
        self.formulas[key] = (node, tuple(operands))
        self.nodes.append(
            Node(
                key,
                "operation",
                name,
                op=folded or made.plan.op.symbol + index,
                expression=formula.text(),
                tex=tex(formula),
                value=quantity(self.traced.values.found.get(node), node),
                grad=self._grad(node),
                shape=tuple(node.shape),
                dtype=str(node.dtype),
                auto_name=auto,
                notes=self._notes(node),
                line=_line(node),
            )
        )
        if node.extra is not None and node.extra.module:
            self.modules[key] = node.extra.module
        self._wires(node, made, name, labels, numbers, sources)

    def _constant_sources(self, operands: Sequence[Any]) -> list[int]:
        """Nodes for plain numbers among the operands, one each."""
        found = []
        for operand in operands:
            if hasattr(operand, "serial") or operand is None:
                continue
            key = len(self.nodes)
            value = plain(operand)
            name = number_name(value)
            self.nodes.append(
                Node(key, "constant", name, tex=name.replace("−", "-"), value=value, auto_name=True)
            )
            found.append(key)
        return found

    def _wires(
        self,
        node: Any,
        made: Any,
        name: str,
        labels: Sequence[Sym],
        numbers: Sequence[float | None],
        constants: Sequence[int],
    ) -> None:
        """One edge for each argument, with its local derivative where gradient flows."""
        waiting, flowing = iter(constants), iter(numbers)
        key, part = self.traced.keys[node], node.params[0] if is_output(node) else 0
        wanted = set(made.plan.wanted or range(len(made.inputs)))  # empty stands for all
        flow = -1
        for slot, operand in enumerate(made.operands()):
            number = next(flowing, None) if slot in wanted else None
            flow += slot in wanted
            if not hasattr(operand, "serial"):
                if operand is not None and constants:
                    self.edges.append(Edge(next(waiting), key, slot))
                continue
            local = None
            if slot in wanted:
                rule = local_rule(made, slot, labels, name, part=part)
                if rule is not None and made.plan.op.textbook and not self._holds(rule, number):
                    rule = local_rule(made, slot, labels, name, part=part, textbook=False)
                local = self._local(rule, number)
                if rule is None and (node.shape or operand.shape):
                    local = _jacobian(name)
                elif rule is not None:
                    local = self._summed(local, rule, name, made, operand, flow)
            self.edges.append(Edge(self.traced.keys[operand], key, slot, local))

    def _local(self, rule: Sym | None, number: float | None) -> Local:
        shown: Quantity = Absent.NOT_COMPUTED if number is None else number
        if rule is None:
            return Local("", number=shown)
        names = rule.names() | {n.removeprefix("∂").removesuffix("\u0304") for n in rule.names()}
        mentions = sorted(self.keys_of[name] for name in names if name in self.keys_of)
        return Local(rule.text(), tex(rule), shown, tuple(mentions))

    def _summed(
        self, local: Local, rule: Sym, name: str, made: Any, operand: Any, flow: int
    ) -> Local:
        """The same with the sum over the axes along which an argument was broadcast."""
        known = self.traced.values.arriving.get((made, flow), ())
        partial = made.plan.op.partial
        arriving = tuple(made.shape) if partial else known
        axes = summed_axes(arriving, tuple(operand.shape))
        if not axes:
            return local
        every = len(axes) == len(arriving)
        whole, text, latex = summed_rule(rule, name, axes, whole=not partial, every=every)
        said = self._local(whole, None)
        return replace(local, rule=text, tex=latex, mentions=said.mentions, summed=axes)

    def _holds(self, rule: Sym, number: float | None) -> bool:
        """Whether a rule gives the number beside it: at a tie or a kink textbooks leave it open."""
        if number is None:
            return True
        values = {
            name: self.nodes[self.keys_of[name]].value
            for name in rule.names()
            if name in self.keys_of and self.keys_of[name] < len(self.nodes)
        }
        try:
            found = float(rule.evaluate(values))
        except (ArithmeticError, KeyError, TypeError, ValueError):
            return True
        return math.isclose(found, number, rel_tol=1e-6, abs_tol=1e-9) or math.isnan(number)

    def _label(self, operand: Any) -> Sym:
        """An operand as an expression: its name, or its number."""
        if not hasattr(operand, "serial"):
            return Sym(plain(operand) if operand is not None else "none")
        node = self.nodes[self.traced.keys[operand]]
        if node.kind == "constant" and isinstance(node.value, (int, float)):
            whole = type(node.value) is float and node.value.is_integer()
            return Sym(int(node.value) if whole else node.value)
        return Sym(node.name)

    def _name(self, node: Any) -> tuple[str, bool]:
        if node in self.given:
            return self.given[node], False
        if node in self.traced.roots and len(self.traced.roots) == 1:
            taken = set(self.given.values())
            return next(n for n in ("out", "result", *map("out{}".format, range(99)))
                        if n not in taken), False  # fmt: skip
        if node.plan is None and not node.requires_grad and not node.shape:
            return "", True
        return next(self.fresh), True

    def _new(self, node: Any, name: str) -> int:
        key = len(self.nodes)
        self.traced.keys[node] = key
        self.traced.names[node] = name
        self.keys_of[name] = key
        return key

    def _grad(self, node: Any) -> Quantity:
        if not node.requires_grad or node not in self.traced.grads:
            return Absent.NO_ROUTE
        g = self.traced.grads[node]
        return _held_gradient(node) if g is UNKNOWN else quantity(g, node)

    def _notes(self, node: Any) -> tuple[str, ...]:
        notes = []
        reason = self.traced.values.missing.get(node)
        if reason and node not in self.traced.values.found:
            from_grad = self.traced.grads.get(node) is UNKNOWN
            shown = from_grad and _held_gradient(node) is not Absent.NOT_KEPT
            notes.append(f"{reason}; the gradient is what .grad holds" if shown else reason)
        if node in self.traced.roots and node.shape:
            notes.append("not a single number: gradients are those of the sum of its elements")
        if type(node) is Leaf and node.grad is not None:
            notes += _grad_note(node.grad, self.traced.grads.get(node))
        return tuple(notes)


def _jacobian(name: str) -> Local:
    """The rule of an operation whose own cannot be read as an expression: Jᵀ times the gradient."""
    return Local(f"Jᵀ {bar(name)}", rf"J^T \, {tex_name(bar(name))}")


def _held_gradient(node: Any) -> Quantity:
    """The gradient that a backward call left, where the picture cannot compute its own."""
    held = node.grad if type(node) is Leaf else node.extra and node.extra.grad
    return Absent.NOT_KEPT if held is None else quantity(getattr(held, "_data", held), node)


def _hidden(node: Any) -> bool:
    """An operation with several results is seen in each of them, not by itself."""
    return node.plan is not None and bool(node.plan.op.several)


def _has_modules(order: Sequence[Any]) -> bool:
    return any(node.extra is not None and node.extra.module for node in order)


def _leaves_near(order: Sequence[Any]) -> list[Any]:
    """The same nodes with every leaf right before its first use: parameters in their module."""
    placed: dict[Any, None] = {}
    for node in order:
        if node.plan is not None:
            operands = [o for o in _operands(node) if hasattr(o, "serial") and o.plan is None]
            placed.update(dict.fromkeys(operands))
            placed[node] = None
    placed.update(dict.fromkeys(order))
    return list(placed)


def _operands(node: Any) -> list[Any]:
    made = node.operands()[0] if is_output(node) else node
    found: list[Any] = made.operands()
    return found


def _kind(tensor: Tensor | None) -> Kind:
    return "parameter" if type(tensor).__name__ == "Parameter" else "input"


def _line(node: Any) -> str:
    return short_line(node.extra.line) if node.extra is not None else ""


def _folded_op(node: Any, operands: Sequence[Any], keys: Mapping[Any, int]) -> str | None:
    """The operator with its number inside, "× 2", when one of two arguments is a plain number."""
    if len(operands) != 2 or sum(hasattr(o, "serial") for o in operands) != 1:
        return None
    left, right = operands
    symbol = node.plan.op.symbol
    if hasattr(left, "serial"):
        return f"{symbol} {number_name(plain(right))}"
    return f"{number_name(plain(left))} {symbol}"


def _grad_note(held: Tensor, shown: Any) -> list[str]:
    """Say so where a leaf's `.grad` holds something else than the gradient in the picture."""
    if shown is None or shown is UNKNOWN:
        return []
    if np.allclose(held._data, shown, rtol=1e-4, atol=1e-12, equal_nan=True):
        return []
    text = norm_text(quantity(held._data, held._node or held)).removeprefix("∂ ")
    return [f".grad holds {text}: it adds up over backward calls"]
