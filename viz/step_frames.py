"""The frames of a player: forward one operation at a time, backward one arrival at a time.

Backward visits the nodes in the engine's order, the latest made first; every product that a node
sends to an argument is one frame. `wrong_order` replays what plain recursion would do instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from ..autograd.graph import is_output
from ..autograd.sym import Sym
from .local import Traced
from .mistakes import (
    Arrival,
    Question,
    ask_backward,
    ask_forward,
    ask_seed,
    near,
    number,
    signed,
)
from .model import Absent, Edge, Frame, Node, Picture, Quantity
from .paths import number_of
from .quantities import quantity
from .replay import run
from .rules import bar, expression, local_rule
from .sensitivity import UNKNOWN, contributions
from .stretched import summed_words
from .wording import derivative, norm_text, quantity_text

Phase = Literal["given", "forward", "backward", "end"]
Part: TypeAlias = tuple[str, str]  # a text and what it is: value, grad, local, or nothing

_INFIX = {"add", "sub", "mul", "div", "pow", "neg", "sqrt", "square"}
MOST_WRONG = 240  # frames of the wrong order; naive recursion takes exponentially many


@dataclass(frozen=True, slots=True)
class Step(Frame):
    """A frame of the player: its pass, node and edge, its arithmetic in parts, what it asks.

    `arrivals` maps nodes to how many gradients have arrived and how many will; `wrong` maps nodes
    to the right gradient where the one shown is not.
    """

    phase: Phase = "forward"
    node: int | None = None
    edge: int | None = None
    arithmetic: tuple[Part, ...] = ()
    arrivals: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    wrong: Mapping[int, float] = field(default_factory=dict)
    question: Question | None = None

    def sum_text(self) -> str:
        """The arithmetic on one line: −4 × 1 = −4."""
        return "".join(text for text, _ in self.arithmetic)


def all_frames(traced: Traced, picture: Picture) -> tuple[Step, ...]:
    """The leaves' values, every operation forward, every arrival backward, and the end."""
    return _Walk(traced, picture).frames()


def arrivals_expected(picture: Picture, reached: set[int]) -> dict[int, int]:
    """How many gradients will arrive at each node: its edges into nodes that have one."""
    found: dict[int, int] = {}
    for edge in picture.edges:
        if edge.local is not None and edge.target in reached:
            found[edge.source] = found.get(edge.source, 0) + 1
    return found


class _Walk:
    """Goes through a traced graph forward, then backward, writing frames."""

    def __init__(self, traced: Traced, picture: Picture) -> None:
        self.traced, self.picture = traced, picture
        self.nodes = picture.by_key()
        self.engine = {traced.keys[n]: n for n in traced.order if n in traced.keys}
        self.index = {(e.source, e.target, e.slot): i for i, e in enumerate(picture.edges)}
        self.incoming = picture.arguments()

    def frames(self) -> tuple[Step, ...]:
        steps = [self._given()]
        steps += [self._forward(node) for node in self.picture.nodes if node.op]
        backward = self._backward()
        if not backward:
            return tuple(steps)
        return (*steps, *backward, self._end())

    # -- forward -----------------------------------------------------------------------------------

    def _given(self) -> Step:
        leaves = [n for n in self.picture.nodes if not n.op]
        named = [n for n in leaves if n.kind != "constant" or not n.auto_name]
        what = ", ".join(f"{n.name} = {self._value(n)}" for n in named if not n.shape)
        arrays = [n.name for n in named if n.shape]
        if arrays:
            listed = ", ".join(arrays[:6]) + (", …" if len(arrays) > 6 else "")
            what += f"{'; ' if what else ''}arrays {listed}"
        if len(what) > 110:
            what = f"{len(named)} inputs"
        return Step(
            "The inputs are given. Nothing is computed yet.",
            tuple(n.key for n in named),
            {n.key: {"value": n.value} for n in leaves},
            phase="given",
            arithmetic=((what, "value"),),
        )

    def _forward(self, node: Node) -> Step:
        made, operands = self._made(node)
        words = f"{node.name} is computed from {self._and(self._argument_names(node))}."
        parts: list[Part] = [(f"{node.name} = {node.expression}", "")]
        numbers = self._filled(node, made, operands)
        if numbers and numbers != node.expression:
            parts += [(" = ", ""), (numbers, "")]
        parts += [(" = ", ""), (self._value(node), "value")]
        return Step(
            words,
            (node.key,),
            {node.key: {"value": node.value}},
            phase="forward",
            node=node.key,
            arithmetic=tuple(parts),
            question=self._ask_forward(node, made, operands),
        )

    def _made(self, node: Node) -> tuple[Any, list[Any]]:
        """The operation behind a node, and its operands."""
        engine = self.engine[node.key]
        made = engine.operands()[0] if is_output(engine) else engine
        return made, made.operands()

    def _argument_names(self, node: Node) -> list[str]:
        names = [self.nodes[e.source].name for e in self.incoming[node.key]]
        return list(dict.fromkeys(names)) or ["its arguments"]

    def _numbers(self, operands: Sequence[Any]) -> list[float] | None:
        """The operands as numbers; None when one is an array, not known, or no number."""
        found: list[float] = []
        for operand in operands:
            data = self.traced.values.get(operand)
            if getattr(operand, "shape", ()) or isinstance(data, (str, bool)):
                return None
            if not isinstance(data, (int, float, np.generic)) or np.iscomplexobj(data):
                return None
            found.append(float(data))
        return found

    def _filled(self, node: Node, made: Any, operands: Sequence[Any]) -> str:
        """The expression with numbers in place of names: 5·(−4)."""
        numbers = self._numbers(operands)
        if numbers is None or is_output(self.engine[node.key]):
            return ""
        show = signed if made.plan.op.name in _INFIX else number
        text = expression(made, [Sym(show(n)) for n in numbers]).text()
        return text if len(text) <= 60 else ""

    def _ask_forward(self, node: Node, made: Any, operands: Sequence[Any]) -> Question | None:
        numbers, answer = self._numbers(operands), number_of(node.value)
        if numbers is None or answer is None or isinstance(node.value, bool):
            return None
        swapped = None
        if len(numbers) == 2 and not made.plan.op.several:
            pairs = zip(numbers[::-1], operands, strict=True)
            try:
                with np.errstate(all="ignore"):
                    swapped = float(run(made, [_like(v, o) for v, o in pairs]))
            except (ArithmeticError, TypeError, ValueError, RuntimeError):
                swapped = None
        op = made.plan.op.name
        return ask_forward(node.name, node.expression, op, numbers, answer, swapped)

    # -- backward ----------------------------------------------------------------------------------

    def _backward(self) -> list[Step]:
        root = self.traced.roots[0]
        if not root.requires_grad:
            return []
        with np.errstate(all="ignore"):
            sent = self._sent(root)
        expected: dict[int, int] = {}
        for edge, _, _ in sent:
            source = self.picture.edges[edge].source
            expected[source] = expected.get(source, 0) + 1
        steps = [self._seed(root)]
        totals: dict[int, Any] = {}
        counts: dict[int, int] = {}
        for i, g, part in sent:
            source = self.picture.edges[i].source
            before = totals.get(source)
            totals[source] = part if before is None else _plus(before, part)
            counts[source] = counts.get(source, 0) + 1
            steps.append(
                self._arrival(i, g, part, before, totals[source], counts[source], expected[source])
            )
        return steps

    def _sent(self, root: Any) -> list[tuple[int, Any, Any]]:
        """All that is sent along edges, in the engine's order: edge, gradient, product."""
        found: list[tuple[int, Any, Any]] = []
        pending: dict[Any, Any] = {root: self.traced.grads.get(root, UNKNOWN)}
        for node in reversed(self.traced.order):
            key = self.traced.keys.get(node)
            if node not in pending or key is None or not self.nodes[key].op:
                continue
            g = pending[node]
            made = node.operands()[0] if is_output(node) else node
            slots = made.plan.wanted or tuple(range(len(made.inputs)))
            parts = contributions(node, g, self.traced.values)
            for slot, operand, part in zip(slots, made.inputs, parts, strict=True):
                edge = self.index.get((self.traced.keys.get(operand, -1), key, slot))
                if part is None or edge is None:
                    continue
                found.append((edge, g, part))
                old = pending.get(operand)
                pending[operand] = part if old is None else _plus(old, part)
        return found

    def _seed(self, root: Any) -> Step:
        node = self.nodes[self.traced.keys[root]]
        words = f"Backward begins at {node.name}: its derivative by itself is 1."
        if node.shape:
            words = f"Backward begins at {node.name}: every element counts once."
        d = derivative(node.name, node.name)
        return Step(
            words,
            (node.key,),
            {node.key: {"grad": node.grad}},
            phase="backward",
            node=node.key,
            arithmetic=((f"{d} = ", ""), (self._grad(node.grad), "grad")),
            question=ask_seed(node.name, number_of(node.value)) if not node.shape else None,
        )

    def _arrival(
        self, i: int, g: Any, part: Any, before: Any, after: Any, count: int, of: int
    ) -> Step:
        edge = self.picture.edges[i]
        source, target = self.nodes[edge.source], self.nodes[edge.target]
        shown = [_quantity(x, n) for x, n in ((g, target), (part, source), (after, source))]
        had = None if before is None else _quantity(before, source)
        words = f"{target.name} sends its gradient to {source.name}"
        axes = edge.local.summed if edge.local else None
        words += f", times {derivative(target.name, source.name)}"
        words += f", {summed_words(axes, source.name)}." if axes else "."
        if had is not None:
            words += f" {source.name} had one already: routes add."
        elif of > 1:
            words += f" It is the first of {of} to arrive."
        a = self._numbers_of(edge, shown[0], shown[1], had)
        return Step(
            words,
            (target.key, source.key),
            {source.key: {"grad": shown[2]}},
            phase="backward",
            node=source.key,
            edge=i,
            arithmetic=tuple(self._product(edge, a, shown, had)),
            arrivals={source.key: (count, of)},
            question=ask_backward(a) if a is not None else None,
        )

    def _numbers_of(
        self, edge: Edge, g: Quantity, product: Quantity, had: Quantity | None
    ) -> Arrival | None:
        """The numbers of an arrival when all are single numbers."""
        local = number_of(edge.local.number) if edge.local else None
        gradient, sent = number_of(g), number_of(product)
        before = None if had is None else number_of(had)
        if local is None or gradient is None or sent is None or (had is not None) != (
            before is not None
        ):  # fmt: skip
            return None
        source, target = self.nodes[edge.source], self.nodes[edge.target]
        siblings = tuple(
            (self.nodes[e.source].name, value)
            for e in self.incoming[target.key]
            if e.slot != edge.slot and e.local is not None and e.source != edge.source
            if (value := number_of(e.local.number)) is not None
        )
        elsewhere, point = self._elsewhere(edge, source, target, local)
        rule = edge.local.rule if edge.local else ""
        return Arrival(
            source.name, target.name, self.picture.of, gradient, local, sent, rule, before,
            siblings, elsewhere, point,
        )  # fmt: skip

    def _elsewhere(
        self, edge: Edge, source: Node, target: Node, local: float
    ) -> tuple[float | None, str]:
        """The local derivative with argument and result exchanged: taken at the wrong point."""
        made, operands = self._made(target)
        if sum(hasattr(o, "serial") for o in operands) != 1 or is_output(self.engine[target.key]):
            return None, ""
        x, out = number_of(source.value), number_of(target.value)
        labels = [Sym("x") if hasattr(o, "serial") else Sym(o) for o in operands]
        rule = local_rule(made, edge.slot, labels, "out")
        if rule is None or x is None or out is None or not rule.names() & {"x", "out"}:
            return None, ""
        try:
            with np.errstate(all="ignore"):
                value = float(rule.evaluate({"x": np.float64(out), "out": np.float64(x)}))
        except (ArithmeticError, ValueError, TypeError, KeyError, AttributeError):
            return None, ""
        at = source if "x" in rule.names() else target
        different = math.isfinite(value) and not near(value, local)
        return (value if different else None), f"{at.name} = {self._value(at)}"

    def _product(
        self, edge: Edge, a: Arrival | None, shown: Sequence[Quantity], had: Quantity | None
    ) -> list[Part]:
        """The arithmetic of an arrival: −4 × 1 = −4; then −4 + 2 → −2."""
        if a is not None:
            parts: list[Part] = [
                (number(a.gradient), "grad"), (" × ", ""), (signed(a.local), "local"),
                (" = ", ""), (number(a.product), "grad"),
            ]  # fmt: skip
            if a.before is not None:
                parts += [("     ", ""), (f"{number(a.before)} + {signed(a.product)} → ", ""),
                          (number(a.after), "grad")]  # fmt: skip
            return parts
        rule, name = self._array_rule(edge), self.nodes[edge.source].name
        parts = [(rule, "local"), (": ", "")] if rule else []
        parts.append((self._grad(shown[1]), "grad"))
        if had is not None:
            parts += [(f"     added to {name}: {self._grad(had)} → ", ""),
                      (self._grad(shown[2]), "grad")]  # fmt: skip
        return parts

    def _array_rule(self, edge: Edge) -> str:
        """The whole rule; elementwise ones name the gradient that they multiply."""
        rule, target = edge.local.rule if edge.local else "", self.nodes[edge.target]
        whole = edge.local is not None and edge.local.summed is not None
        if not rule or whole or not self._made(target)[0].plan.op.partial:
            return rule
        if rule == "1":
            return bar(target.name)
        return f"{bar(target.name)}·({rule})" if " " in rule else f"{bar(target.name)}·{rule}"

    def _end(self) -> Step:
        leaves = [n for n in self.picture.nodes if not n.op and not isinstance(n.grad, Absent)]
        said = ", ".join(
            f"{derivative(self.picture.of, n.name)} = {self._grad(n.grad)}" for n in leaves
        )
        if len(said) > 110:
            said = f"{len(leaves)} gradients at the inputs"
        return Step(
            "Done: every gradient is the sum over all routes.",
            tuple(n.key for n in leaves),
            phase="end",
            arithmetic=((said, "grad"),),
        )

    # -- words -------------------------------------------------------------------------------------

    def _value(self, node: Node) -> str:
        return quantity_text(node.value, self.picture.precision)

    def _grad(self, quantity: Quantity) -> str:
        return norm_text(quantity, self.picture.precision).removeprefix("∂ ")

    @staticmethod
    def _and(names: Sequence[str]) -> str:
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _plus(a: Any, b: Any) -> Any:
    return UNKNOWN if a is UNKNOWN or b is UNKNOWN else a + b


def _like(value: float, operand: Any) -> Any:
    """A number as the kernel takes it in the operand's dtype."""
    dtype = getattr(operand, "dtype", np.dtype(np.float64))
    return value if dtype == np.float64 else np.asarray(value, dtype)[()]


def _quantity(data: Any, node: Node) -> Quantity:
    return Absent.NOT_KEPT if data is UNKNOWN else quantity(data, node)
