"""Wrong local derivatives: one factor on the way left out, or taken at the wrong place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..autograd.fitting import sum_to
from ..autograd.graph import Piece, is_output
from ..autograd.handle import make
from ..autograd.op import rule_names
from .answers import numbers
from .case import Case
from .guesses import Guess
from .slips import Slip, slips
from .twin import Flow

_SAID = ("wrong sign", "without the route", "the division by")  # a slip that says the same


def local_mistakes(case: Case) -> Iterator[Guess]:
    """Guesses at one operation on the way whose derivative was taken wrongly."""
    flow = case.flow
    assert flow is not None
    edges = [(n, k) for n, k in flow.edges() if _plain(flow, n)]
    yield from _added(case)
    yield from _elsewhere(case, edges)
    for node, k in edges:
        yield from _at_edge(case, node, k)


def _plain(flow: Flow, node: Any) -> bool:
    """Whether a node is an operation with one result, whose gradient is one array."""
    g = flow.grads.get(node)
    return g is not None and not isinstance(g, list) and not is_output(node)


def _changed(case: Case, node: Any, k: int, part: Any) -> Any:
    """The gradient with something else sent along one edge."""
    flow = case.flow
    assert flow is not None
    source = node.inputs[k]
    delta = numbers(part).reshape(source.shape) - numbers(flow.parts(node)[k])
    data = delta if source.shape else delta.item()
    return case.truth + numbers(flow.carry(source, data))


def _added(case: Case) -> Iterator[Guess]:
    """The local derivatives on the only route added, from each value with a name to the next."""
    flow = case.flow
    assert flow is not None
    if any(n.shape for n in flow.on_way) or len(flow.edges()) != len(flow.on_way) - 1:
        return
    stops = {n for n in flow.on_way if case.named(n)} or flow.on_way
    factors, local = [], 1.0
    for node, k in flow.edges():
        if not _plain(flow, node) or not flow.grads[node]:
            return
        local *= float(flow.parts(node)[k]) / float(flow.grads[node])
        if node in stops or node is flow.root:
            factors.append(local)
            local = 1.0
    if len(factors) > 1:
        said = "The local derivatives were added: along a route they multiply"
        yield Guess("added", said, numbers(sum(factors)), beside=("wrong sign",))


def times_a_value(case: Case) -> Iterator[Guess]:
    """The right gradient times the value of something in the graph."""
    flow = case.flow
    assert flow is not None
    for node in flow.order:
        value = flow.value(node) if case.named(node) else None
        if value is None or isinstance(value, tuple) or node.shape not in {(), flow.wrt.shape}:
            continue
        words = f"the value of {case.label(node)} once too often"
        said = f"It was multiplied by {words}"
        same = ("wrong sign", "value of")
        yield Guess(words, said, case.truth * numbers(value), beside=same)


def _elsewhere(case: Case, edges: list[tuple[Any, int]]) -> Iterator[Guess]:
    """A derivative evaluated at the output for the input, or the other way round, or elsewhere."""
    flow = case.flow
    assert flow is not None
    tweaks: dict[str, dict[Any, Any]] = {}
    for node, k in edges:
        if len(node.operands()) != 1 or node.shape != node.inputs[0].shape:
            continue
        for place, send in _points(flow, node):
            tweaks.setdefault(place, {})[node] = send
            said = f"The derivative of {node.plan.op.symbol} was evaluated {place}"
            part = send(flow.grads[node])[k]
            if part is not None:
                yield Guess(place, said, _changed(case, node, k, part))
    for place, every in tweaks.items():
        if len(every) > 1:
            grads = flow.walk({flow.root: flow.grads[flow.root]}, every)
            said = f"The derivatives were evaluated {place}, at each of {len(every)} steps"
            yield Guess(place, said, numbers(flow.arrived(grads)))
    yield from _at_another_value(case, edges)


def _points(flow: Flow, node: Any) -> Iterator[tuple[str, Any]]:
    """What a node sends back when its rule is read at other points than the right one."""
    x, out = flow.value(node.inputs[0]), flow.value(node)
    if x is None or out is None:
        return
    at_out = _saved_at(node, out)
    if at_out is not None:
        yield "at the output instead of the input", lambda g: flow.send(node, g, at_out)
    op = node.plan.op
    for rules in (getattr(op, "rules", None), getattr(op, "textbook", None)):
        rule = rules.get("input") if isinstance(rules, Mapping) and op.partial else None
        if callable(rule) and rule_names(rule) == ("out",):  # written in the result
            yield "at the input instead of the output", _applied(rule, x)


def _applied(rule: Any, x: Any) -> Any:
    return lambda g: [numbers(g) * numbers(rule(numbers(x)))]


def _saved_at(node: Any, x: Any) -> Any:
    """What backward needs when the operation is applied to other data."""
    op = node.plan.op
    if op.aux or op.several or op.variadic or x is None:
        return None
    try:
        with no_grad():
            out = op.call(make(x), *node.params)._data
        return tuple(node.plan.save([x], out, node.params))
    except Exception:
        return None


def _at_another_value(case: Case, edges: list[tuple[Any, int]]) -> Iterator[Guess]:
    """The outer derivative taken at what the inner function was given: cos(x) for cos(x²)."""
    flow = case.flow
    assert flow is not None
    for node, k in edges:
        if len(node.operands()) != 1 or node.inputs[0].plan is None:
            continue
        inner = node.inputs[0]
        for other in [*inner.operands(), flow.wrt]:
            if not hasattr(other, "serial") or other is inner or other.shape != inner.shape:
                continue
            saved = _saved_at(node, flow.value(other))
            if saved is None:
                continue
            part = flow.send(node, flow.grads[node], saved)[k]
            words = f"at {case.label(other)} instead of {case.label(inner)}"
            said = f"The derivative of {node.plan.op.symbol} was evaluated {words}"
            yield Guess(words, said, _changed(case, node, k, part))


def _at_edge(case: Case, node: Any, k: int) -> Iterator[Guess]:
    """One local derivative left out, divided by, turned in sign, or that of the other operand."""
    flow = case.flow
    assert flow is not None
    source, part = node.inputs[k], flow.parts(node)[k]
    if part is None or type(part) is Piece:
        return
    g, arrived, what = numbers(flow.grads[node]), numbers(part), case.by(node, source)
    yield from _swapped(case, node, k, arrived)
    passed = _fitted(g, source.shape)
    if passed is not None:
        whole = case.by(flow.root, source) if np.all(g == 1) else what
        at = f"It is what arrives at {case.label(node)}. " if source is flow.wrt else ""
        said = f"{at}The local derivative {what} was left out"
        same = (whole, "wrong sign")
        value = _changed(case, node, k, passed)
        yield Guess("the local derivative", said, value, beside=same)
    if g.shape == arrived.shape:
        local = arrived / g
        divided = g / local
        if np.all(np.isfinite(divided)):
            said = f"It was divided by the local derivative {what}: multiply"
            yield Guess("divided by the local derivative", said, _changed(case, node, k, divided))
        if node.shape and node.plan.op.partial and len(node.operands()) == 1:
            said = f"The local derivative {what} was multiplied in twice"
            value = _changed(case, node, k, arrived * local)
            yield Guess("multiplied in twice", said, value, beside=("wrong sign",))
        if node is not flow.root and not source.shape and source is flow.wrt:
            said = f"The upstream gradient and {what} were added: along a route they multiply"
            yield Guess("added", said, _changed(case, node, k, g + local))
    for slip in _slips(flow, node, k, g):
        slipped = _fitted(numbers(slip.part), source.shape)
        if slipped is not None:
            value = _changed(case, node, k, slipped)
            yield Guess(slip.words, slip.sentence, value, beside=_SAID)
    said = f"The sign of the local derivative {what} is wrong"
    yield Guess("sign", said, _changed(case, node, k, -arrived), vague=True)


def _fitted(part: Any, shape: tuple[int, ...]) -> Any:
    """What is sent along an edge, broadcasting undone; None where shapes do not fit."""
    if part.shape == shape:
        return part
    try:
        stretched = np.broadcast_shapes(part.shape, shape) == part.shape
    except ValueError:
        return None
    return sum_to(part, shape) if stretched else None


def _swapped(case: Case, node: Any, k: int, arrived: Any) -> Iterator[Guess]:
    """The derivative by the other one of two operands."""
    flow = case.flow
    assert flow is not None
    inputs = node.inputs
    if len(node.operands()) != 2:
        return
    if len(inputs) == 2 and inputs[0] is not inputs[1]:
        other, by = flow.parts(node)[1 - k], case.label(inputs[1 - k])
    elif len(inputs) == 1 and node.plan.op.name == "mul":
        # the other operand is a constant: its derivative is the value of this one
        value = flow.value(inputs[0])
        other = None if value is None else numbers(flow.grads[node]) * numbers(value)
        by = "the other operand"
    else:
        return
    if other is None or type(other) is Piece:
        return
    other = _fitted(numbers(other), arrived.shape)
    if other is None:
        return
    words = f"the derivative by {by}"
    said = f"At {case.label(node)}, {words} was used for {case.label(inputs[k])}"
    yield Guess(words, said, _changed(case, node, k, other))


def _slips(flow: Flow, node: Any, k: int, g: Any) -> Iterator[Slip]:
    """The slips of the operation, where what it was given is known."""
    operands = node.operands()
    inputs = [flow.value(o) for o in operands]
    unknown = any(v is None and o is not None for v, o in zip(inputs, operands, strict=True))
    if unknown or flow.value(node) is None:
        return
    places = [i for i, o in enumerate(operands) if o is node.inputs[k]]
    yield from slips(node.plan.op.name, inputs, flow.value(node), places[0], g, node.params)
