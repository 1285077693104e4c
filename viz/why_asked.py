"""One question about one gradient: reasons are tested in order, the first that holds answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import FrameType
from typing import Any, TypeAlias

import numpy as np

from ..autograd import Leaf, Tensor
from ..autograd.graph import ancestors
from ..autograd.views import check_saved
from .naming import name_nodes, named_tensors
from .numbers import format_number
from .replay import Values
from .sensitivity import UNKNOWN, gradients
from .why_cut import Cut, cut_in_graph, cut_in_source, reached_by, shared_memory
from .why_numbers import (
    HUGE,
    TINY,
    Factor,
    by_module,
    cancelled,
    first_broken_gradient,
    first_broken_value,
    main_route,
    routes,
    saturation,
    size,
    zero_makers,
)

Answer: TypeAlias = tuple[str, list[str], str]  # the reason in a word, sentences, the line
_WATCH = "Ask before backward(), keep the graph with retain_graph=True, or run the forward pass "
_WATCH += "under chainrule.watch()"
_CASTS = {"convert", "mul", "div", "add", "sub", "clone"}


@dataclass
class Setting:
    """What all questions about one result share: its graph, and where they were asked."""

    output: Tensor | None
    variables: Mapping[str, Any]
    frames: Sequence[FrameType] = ()
    computed: bool = False  # the result was made for the question: no `.grad` to look at
    names: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def order(self) -> list[Any]:
        """The graph behind the result, oldest first."""
        node = self.output._node if self.output is not None else None
        return [] if node is None else ancestors([node])

    @cached_property
    def called(self) -> dict[Any, str]:
        """Names of its nodes."""
        outputs = [] if self.output is None else [self.output]
        return name_nodes(self.order, outputs, self.names or self.variables)[0]

    @cached_property
    def values(self) -> Values:
        """What the graph held."""
        outputs = [] if self.output is None else [self.output]
        tensors = name_nodes(self.order, outputs, self.names or self.variables)[1]
        with np.errstate(all="ignore"):
            return Values(self.order, tensors.values())

    @cached_property
    def grads(self) -> dict[Any, Any]:
        """The gradients of the result by all nodes, computed for the answer."""
        if self.output is None or self.output._node is None:
            return {}
        with np.errstate(all="ignore"):
            return gradients([self.output._node], self.order, self.values)

    @cached_property
    def end(self) -> str:
        """What the result is called."""
        if self.output is None:
            return "the result"
        named = {id(t): n for n, t in reversed(list(named_tensors(self.variables)))}
        known = named.get(id(self.output)) or self.called.get(self.output._node)
        return self.output.name or known or "the result"


class Asked:
    """A tensor whose gradient is in question."""

    def __init__(self, x: Tensor, setting: Setting, name: str = "") -> None:
        self.x, self.setting = x, setting
        self.output = setting.output
        names = {id(t): n for n, t in reversed(list(named_tensors(setting.variables)))}
        known = setting.called.get(x._node, "") if x._node is not None else ""
        self.name = name or x.name or names.get(id(x)) or known or "this tensor"

    def held(self) -> Any:
        """The `.grad` that x has, as data; None where it has none."""
        node = self.x._node
        if self.setting.computed:
            found = self.setting.grads.get(node)
            return None if found is UNKNOWN else found
        if isinstance(node, Leaf):
            return node.grad._data if node.grad is not None else None
        kept = node.extra.grad if node is not None and node.extra is not None else None
        return getattr(kept, "_data", kept)

    def state(self) -> str:
        """What the gradient is, in a word."""
        held = self.held()
        if held is None:
            return "None"
        array = np.asarray(held)
        if not np.all(np.isfinite(array)):
            return "nan" if np.isnan(array).any() else "infinite"
        amount = size(array)
        if amount == 0:
            return "zero"
        return "tiny" if amount < TINY else "huge" if amount > HUGE else "what it is"

    def answer(self) -> Answer:
        """The first reason that holds."""
        return (
            self._records_nothing()
            or self._not_connected()
            or self._not_kept()
            or self._not_run()
            or self._numbers()
        )

    def _records_nothing(self) -> Answer | None:
        x = self.x
        if x.requires_grad:
            return None
        if not x.dtype.is_floating_point and not x.dtype.is_complex:
            kind = str(x.dtype).rpartition(".")[2]
            said = f"{self.name} holds {kind} numbers: only floating types have a gradient"
            return "integer", [said, "Make it a floating type first: .float()"], ""
        if type(x).__name__ == "Parameter":
            said = f"{self.name} is a frozen parameter: its requires_grad is False"
            remedy = "Call requires_grad_(True) on it or its module before the forward pass"
            return "frozen", [said, remedy], ""
        said = f"{self.name} does not require grad: nothing is recorded for it"
        remedy = "Set requires_grad=True when it is made, or call requires_grad_() before using it"
        made = _own_line(self.name, self.setting.frames)
        if made is not None:
            return made.kind, [f"{said}; {made.because}"], made.line
        return "requires_grad", [said, remedy], ""

    def _not_connected(self) -> Answer | None:
        x, output, setting = self.x, self.output, self.setting
        if output is None:
            if self.held() is not None:
                return None
            if (kept := self._not_kept()) is not None:
                return kept  # true of every result, also of those that have gone
            said = f"no result that depends on {self.name} is among your variables"
            hint = "Either backward() has not run since .grad was cleared, or it was not used"
            return "backward", [said, hint, "Ask why(x, output) about one result to know more"], ""
        if output is x or reached_by(x._node, output._node):
            return None
        cut = self._cut()
        head = f"{setting.end} is not connected to {self.name}: no gradient can flow back"
        if cut is not None:
            said = f"The way goes as far as {cut.before}; at {cut.after} it is cut: {cut.because}"
            return cut.kind, [head, said], cut.line
        if output._node is None or not output.requires_grad:
            said = (
                f"{setting.end} has no history: it was computed under no_grad, or of such tensors"
            )
            return "no_grad", [head, said], ""
        leaves = [n for n in setting.order if n.plan is None and n.requires_grad]
        known = [setting.called.get(n, f"a tensor of shape {list(n.shape)}") for n in leaves[:4]]
        more = f" and {len(leaves) - 4} more" if len(leaves) > 4 else ""
        said = f"It was computed from {', '.join(known)}{more}, not from {self.name}"
        if type(x).__name__ != "Parameter":
            return "apart", [head, said], ""
        used = (
            f"{self.name} is a parameter that this forward pass did not use: was its layer called?"
        )
        return "unused", [head, said, used], ""

    def _cut(self) -> Cut | None:
        """What cut the way: known from the graph, read in the source, or betrayed by memory."""
        x, output, setting = self.x, self.output, self.setting
        if output is None:
            return None
        cut = cut_in_graph(x._node, output._node, setting.called)
        if cut is not None:
            return cut
        found = (cut_in_source(x, output, frame) for frame in setting.frames)
        cut = next(filter(None, found), None)
        if cut is None or cut.kind == "operation":  # the line alone does not say why
            shared = shared_memory(x, output._node, setting.variables, setting.called)
            cut = replace(shared, line=cut.line if cut else "") if shared else cut
        return cut

    def _not_kept(self) -> Answer | None:
        node = self.x._node
        if isinstance(node, Leaf) or self.held() is not None:
            return None
        if node.extra is not None and node.extra.retain:
            return None
        op = node.plan.op.name
        said = [f"{self.name} was computed ({op}): only leaves keep their gradient"]
        known = {id(t._node) for _, t in named_tensors(self.setting.variables)}
        leaves = [n for n in ancestors([node]) if n.plan is None and n.requires_grad]
        if op in _CASTS and leaves and not any(id(n) in known for n in leaves):
            said.append(
                "the leaf that it was made from is not among your variables: was it made and "
                f"changed in one line? Make {self.name} first, then call {self.name}"
                ".requires_grad_()"
            )
        else:
            said.append(
                f"Call {self.name}.retain_grad() before backward(), or run the forward under "
                "watch()"
            )
        return "not kept", said, (node.extra.line or "") if node.extra is not None else ""

    def _not_run(self) -> Answer | None:
        if self.held() is not None or self.setting.computed:
            return None
        stale = self._edited()
        if stale:
            head = f"backward() cannot go from {self.setting.end} back to {self.name}"
            return "in-place", [head, stale], ""
        said = f"{self.name} is connected to {self.setting.end}, but backward() has not run since"
        remedy = f"Call {self.setting.end}.backward()"
        return "backward", [f"{said} its gradient was cleared", remedy], ""

    def _edited(self) -> str:
        """What the engine says of the first value on the way that was edited in place."""
        for node in reversed(routes(self.x._node, self.setting.order)):
            if node.saved:
                try:
                    check_saved(node)
                except RuntimeError as error:
                    return " ".join(str(error).split())
        return ""

    def _numbers(self) -> Answer:
        setting = self.setting
        held = self.held()
        if self.output is None:
            said = f"its size is {format_number(size(held), 3)}"
            remedy = "Ask why(x, output) about the result that was differentiated to know more"
            return self.state(), [said, remedy], ""
        found = setting.grads.get(self.x._node)
        if found is UNKNOWN or (found is None and held is None):
            return "not kept", [self._lost(), _WATCH], ""
        with np.errstate(all="ignore"):
            return self._read(np.asarray(held if found is None else found))

    def _lost(self) -> str:
        """Which data is missing to follow the graph again."""
        values, called = self.setting.values, self.setting.called
        for node in self.setting.order:
            if node in values.missing and node not in values.found:
                name = called.get(node, f"a tensor of shape {list(node.shape)}")
                why = values.missing[node].partition(":")[0]
                return f"the graph cannot be followed again: {name} was {why}"
        return "what the graph computed was edited or let go, so it cannot be followed again"

    def _read(self, g: Any) -> Answer:
        setting, x = self.setting, self.x._node
        order, values, grads = setting.order, setting.values, setting.grads
        if not np.all(np.isfinite(g)):
            return _broken(setting)
        amount = size(g)
        if amount == 0:
            return self._zero()
        zeros = float(np.mean(g == 0))
        share = (
            [f"{100 * zeros:.0f} % of its elements are exactly 0"]
            if zeros > 0 and g.size > 1
            else []
        )
        if TINY <= amount <= HUGE:
            number = format_number(amount, 3)
            head = f"it is an ordinary gradient: its size (root mean square) is {number}"
            return "ordinary", [head, *share], ""
        factors = main_route(x, order, grads, values)
        kind = "tiny" if amount < TINY else "huge"
        worst = _worst(factors, kind)
        flat = list(filter(None, [saturation(worst, values)]))
        return kind, [*_product(amount, kind, factors), *flat, *share], worst.line

    def _zero(self) -> Answer:
        setting, x = self.setting, self.x._node
        order, values, grads, called = setting.order, setting.values, setting.grads, setting.called
        makers = zero_makers(x, order, grads, values, called)
        if not makers:
            where = cancelled(x, order, grads, values, called)
            if where:
                return "cancel", [f"no route carries a zero, but {where}"], ""
            return "zero", ["the gradient of the result itself is 0"], ""
        said = [f"every route from {setting.end} back to {self.name} carries an exact zero"]
        said += [maker.said for maker in makers[:5]]
        if len(makers) > 5:
            said.append(f"and {len(makers) - 5} more operations likewise")
        return "zero", said, next((maker.line for maker in makers if maker.line), "")


def _own_line(name: str, frames: Sequence[FrameType]) -> Cut | None:
    """How the caller made a tensor that requires no grad, where another one that does was used."""
    for frame in frames:
        variables = dict(frame.f_locals)
        value = variables.get(name)
        if not isinstance(value, Tensor):
            continue
        for other in variables.values():
            if isinstance(other, Tensor) and other is not value and other.requires_grad:
                cut = cut_in_source(other, value, frame)
                if cut is not None:
                    return cut
    return None


def _broken(setting: Setting) -> Answer:
    value = first_broken_value(setting.order, setting.values, setting.called)
    if value is not None:
        return "nan", ["the forward pass already holds nan or infinity", value.said], value.line
    made = first_broken_gradient(setting.order, setting.grads, setting.values)
    if not made:
        return "nan", ["nan or infinity came in with the gradient of the result"], ""
    head = "all values of the forward pass are finite; the backward pass breaks"
    line = next((m.line for m in made if m.line), "")
    return "nan", [head, *(m.said for m in made)], line


def _product(amount: float, kind: str, factors: Sequence[Factor]) -> Iterator[str]:
    parts = by_module(factors)
    grow = "shrink" if kind == "tiny" else "grow"
    many = "1 factor on the way back makes" if len(parts) == 1 else (
        f"{len(parts)} factors on the way back make"
    )  # fmt: skip
    yield f"its size is {format_number(amount, 3)}: {many} it {grow}"
    shown = parts if len(parts) <= 12 else [*parts[:6], None, *parts[-5:]]
    words = [
        f"… {len(parts) - 11} more" if f is None
        else f"{f.module or f.op} × {format_number(f.factor, 2)}"
        for f in shown
    ]  # fmt: skip
    yield "from the result back: " + ", ".join(words)
    below = [f for f in parts if (f.factor < 0.9 if kind == "tiny" else f.factor > 1.1)]
    if len(below) > 1:
        typical = math.exp(sum(math.log(f.factor) for f in below if f.factor > 0) / len(below))
        side = "below 1" if kind == "tiny" else "above 1"
        yield f"{len(below)} of them are {side}, typically {format_number(typical, 2)}"


def _worst(factors: Sequence[Factor], kind: str) -> Factor:
    pick = min if kind == "tiny" else max
    return pick(factors, key=lambda f: f.factor, default=Factor("", 1.0, "", ""))
