"""`why`: why is this gradient None, zero, nan, tiny or huge? Answered in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np

from ..autograd import Leaf, Tensor
from ..autograd.graph import ancestors
from .naming import caller_frame, name_nodes, named_tensors
from .numbers import format_number
from .replay import Values
from .report import Report
from .sensitivity import UNKNOWN, gradients
from .why_cut import Cut, cut_in_graph, cut_in_source, reached_by, shared_memory
from .why_numbers import (
    HUGE,
    TINY,
    Factor,
    by_module,
    first_broken_gradient,
    first_broken_value,
    main_route,
    size,
    zero_makers,
)

_WATCH = "Run the forward pass under chainrule.watch() to see the line."


class Why(Report):
    """The answer: `reason` in a word, `sentences` for the reader, `line` the user's line or ""."""

    def __init__(
        self, question: str, reason: str, sentences: Sequence[str], line: str, theme: str | None
    ) -> None:
        super().__init__(theme=theme)
        self.heading, self.reason, self.line = question, reason, line
        self.sentences = tuple(sentences)

    def text(self) -> str:
        """The question, the answer, and the line."""
        where = [f"  at {self.line}"] if self.line else []
        return "\n".join([self.heading, *(f"  {s}" for s in self.sentences), *where]) + "\n"

    def body(self) -> str:
        """The same as HTML."""
        said = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.sentences)
        where = f'<p class="cr-muted"><code>{escape(self.line)}</code></p>' if self.line else ""
        return f'<div class="cr-report"><h1>{escape(self.heading)}</h1>{said}{where}</div>\n'


def why(x: Tensor, output: Tensor | None = None, *, theme: str | None = None) -> Why:
    """Explain the gradient of `output` by `x`: not connected, not kept, not run, zero, tiny, nan.

    Without `output`, the caller's variables are searched for the newest result that depends on x.
    Gradients are computed for the answer; `.grad` stays as it is. Raises TypeError for what is no
    tensor.

    >>> import chainrule as cr
    >>> x = cr.tensor([-1.0, -2.0], requires_grad=True)
    >>> loss = x.relu().sum()
    >>> loss.backward()
    >>> answer = cr.viz.why(x, loss)
    >>> answer.reason, answer.sentences[1]
    ('zero', 'relu is closed: all of its 2 inputs are where its slope is 0.')
    """
    for what in (x,) if output is None else (x, output):
        if not isinstance(what, Tensor):
            raise TypeError(f"why() asks about tensors, got {type(what).__name__}")
    frame = caller_frame()
    variables = dict(frame.f_locals) if frame is not None else {}
    asked = _Asked(x, output, variables)
    question = f"Why is the gradient of {asked.name} {asked.state()}?"
    reason, sentences, line = asked.answer(frame)
    return Why(question, reason, [_finished(s) for s in sentences], line, theme)


def _finished(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", ":")) else sentence + "."


_Answer = tuple[str, list[str], str]


class _Asked:
    def __init__(self, x: Tensor, output: Tensor | None, variables: Mapping[str, Any]) -> None:
        self.x, self.variables = x, variables
        self.given = output is not None
        self.output = output if output is not None else _newest_result(x, variables)
        names = {id(t): name for name, t in reversed(list(named_tensors(variables)))}
        self.name = x.name or names.get(id(x), "this tensor")
        self.end = "the result"
        if self.output is not None:
            self.end = self.output.name or names.get(id(self.output), "the result")

    def held(self) -> Any:
        """The `.grad` that x has, as data; None where it has none."""
        node = self.x._node
        if isinstance(node, Leaf):
            return node.grad._data if node.grad is not None else None
        kept = node.extra.grad if node is not None and node.extra is not None else None
        return getattr(kept, "_data", kept)

    def state(self) -> str:
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

    def answer(self, frame: Any) -> _Answer:
        """The first reason that holds."""
        return (
            self._records_nothing()
            or self._not_connected(frame)
            or self._not_kept()
            or self._not_run()
            or self._numbers()
        )

    def _records_nothing(self) -> _Answer | None:
        x = self.x
        if x.requires_grad:
            return None
        if not x.dtype.is_floating_point and not x.dtype.is_complex:
            kind = str(x.dtype).rpartition(".")[2]
            said = f"{self.name} holds {kind} numbers: only floating types have a gradient"
            return "integer", [said, "Make it a floating type first: .float()"], ""
        frame = caller_frame()
        made = _own_line(self.name, frame)
        said = f"{self.name} does not require grad: nothing is recorded for it"
        remedy = "Set requires_grad=True when it is made, or call requires_grad_() before using it"
        if made is not None and made[0] is not None:
            return made[0].kind, [f"{said}; {made[0].because}"], made[0].line
        return "requires_grad", [said, remedy], ""

    def _not_connected(self, frame: Any) -> _Answer | None:
        x, output = self.x, self.output
        if output is None:
            if self.held() is not None:
                return None
            said = f"no result that depends on {self.name} is among your variables"
            hint = "Either backward() has not run since .grad was cleared, or it was not used"
            return "backward", [said, hint, "Ask why(x, output) about one result to know more"], ""
        if output is x or reached_by(x._node, output._node):
            return None
        names = self._names()
        cut: Cut | None = cut_in_graph(x._node, output._node, names)
        if cut is None:
            cut = cut_in_source(x, output, frame)
            if cut is None or cut.kind == "operation":  # the line alone does not say why
                shared = shared_memory(x, output._node, self.variables, names)
                cut = replace(shared, line=cut.line if cut else "") if shared else cut
        head = f"{self.end} is not connected to {self.name}: no gradient can flow back"
        if cut is not None:
            said = f"The way goes as far as {cut.before}; at {cut.after} it is cut: {cut.because}"
            return cut.kind, [head, said], cut.line
        if output._node is None or not output.requires_grad:
            said = f"{self.end} has no history: it was computed under no_grad, or of such tensors"
            return "no_grad", [head, said], ""
        leaves = [n for n in ancestors([output._node]) if n.plan is None and n.requires_grad]
        known = [names.get(n, f"a tensor of shape {list(n.shape)}") for n in leaves[:4]]
        return "apart", [head, f"It was computed from {', '.join(known)}, not from {self.name}"], ""

    def _names(self) -> dict[Any, str]:
        if self.output is None or self.output._node is None:
            return {}
        order = ancestors([self.output._node])
        found, _ = name_nodes(order, [self.output], self.variables)
        return found

    def _not_kept(self) -> _Answer | None:
        node = self.x._node
        if isinstance(node, Leaf) or self.held() is not None:
            return None
        if node.extra is not None and node.extra.retain:
            return None
        said = f"{self.name} was computed ({node.plan.op.name}): only leaves keep their gradient"
        remedy = (
            f"Call {self.name}.retain_grad() before backward(), or run the forward under watch()"
        )
        line = (node.extra.line or "") if node.extra is not None else ""
        return "not kept", [said, remedy], line

    def _not_run(self) -> _Answer | None:
        if self.held() is not None:
            return None
        said = f"{self.name} is connected to {self.end}, but backward() has not run since"
        return "backward", [f"{said} its gradient was cleared", f"Call {self.end}.backward()"], ""

    def _numbers(self) -> _Answer:
        x, output = self.x, self.output
        held = np.asarray(self.held())
        if output is None:
            said = f"its size is {format_number(size(held), 3)}"
            remedy = "Ask why(x, output) about the result that was differentiated to know more"
            return self.state(), [said, remedy], ""
        order = ancestors([output._node])
        _, tensors = name_nodes(order, [output], self.variables)
        tensors.setdefault(x._node, x)
        with np.errstate(all="ignore"):
            values = Values(order, tensors.values())
            grads = gradients([output._node], order, values)
            found = grads.get(x._node)
            if found is UNKNOWN:
                said = (
                    "what the graph computed was edited or let go, so it cannot be followed again"
                )
                return "not kept", [said, _WATCH], ""
            return self._read(np.asarray(held if found is None else found), order, values, grads)

    def _read(
        self, g: Any, order: Sequence[Any], values: Values, grads: Mapping[Any, Any]
    ) -> _Answer:
        x = self.x._node
        if not np.all(np.isfinite(g)):
            return _broken(order, values, grads)
        amount = size(g)
        if amount == 0:
            makers = zero_makers(x, order, grads, values)
            said = [f"every route from {self.end} back to {self.name} carries an exact zero"]
            said += [maker.said for maker in makers[:5]]
            if len(makers) > 5:
                said.append(f"and {len(makers) - 5} more operations likewise")
            line = next((maker.line for maker in makers if maker.line), "")
            return (
                "zero",
                said if makers else [*said, "the gradient of the result itself is 0"],
                line,
            )
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
        return kind, [*_product(amount, kind, factors), *share], _worst(factors, kind).line


def _newest_result(x: Tensor, variables: Mapping[str, Any]) -> Tensor | None:
    """The newest tensor among some variables that depends on x; a single number before others."""
    found = [
        t for _, t in named_tensors(variables)
        if t is not x and t._node is not None and reached_by(x._node, t._node)
    ]  # fmt: skip
    return max(found, key=lambda t: (not t.shape, t._node.serial), default=None)


def _own_line(name: str, frame: Any) -> tuple[Cut | None] | None:
    """How the caller made a tensor that requires no grad, where another one that does was used."""
    if frame is None:
        return None
    value = frame.f_locals.get(name)
    if not isinstance(value, Tensor):
        return None
    for other in frame.f_locals.values():
        if isinstance(other, Tensor) and other is not value and other.requires_grad:
            cut = cut_in_source(other, value, frame)
            if cut is not None:
                return (cut,)
    return None


def _broken(order: Sequence[Any], values: Values, grads: Mapping[Any, Any]) -> _Answer:
    value = first_broken_value(order, values)
    if value is not None:
        return "nan", ["the forward pass already holds nan or infinity", value.said], value.line
    made = first_broken_gradient(order, grads, values)
    if made is None:
        return "nan", ["nan or infinity came in with the gradient of the result"], ""
    head = "all values of the forward pass are finite; the backward pass breaks"
    return "nan", [head, made.said], made.line


def _product(amount: float, kind: str, factors: Sequence[Factor]) -> Iterator[str]:
    parts = by_module(factors)
    word = "shrink" if kind == "tiny" else "grow"
    yield (
        f"its size is {format_number(amount, 3)}: {len(parts)} factors on the way back make it "
        f"{word}"
    )
    shown = parts if len(parts) <= 12 else [*parts[:6], None, *parts[-5:]]
    words = [
        f"… {len(parts) - 11} more" if f is None
        else f"{f.module or f.op} × {format_number(f.factor, 2)}"
        for f in shown
    ]  # fmt: skip
    yield "from the result back: " + ", ".join(words)
    below = [f for f in parts if (f.factor < 0.9 if kind == "tiny" else f.factor > 1.1)]
    if below:
        typical = math.exp(sum(math.log(f.factor) for f in below if f.factor > 0) / len(below))
        side = "below 1" if kind == "tiny" else "above 1"
        yield f"{len(below)} of them are {side}, typically {format_number(typical, 2)}"


def _worst(factors: Sequence[Factor], kind: str) -> Factor:
    pick = min if kind == "tiny" else max
    return pick(factors, key=lambda f: f.factor, default=Factor("", 1.0, "", ""))
