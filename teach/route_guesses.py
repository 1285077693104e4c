"""Routes left out, counted twice or multiplied: gradients add up over all routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..autograd.graph import Piece
from .answers import numbers
from .case import Case
from .guesses import Guess
from .twin import Flow


def routes(case: Case) -> Iterator[Guess]:
    """Guesses at one route too few or too many; none where there is one route only."""
    flow = case.flow
    assert flow is not None
    first = _arriving(flow)
    if len(first) > 1:
        yield from _left_out(case, first)
    yield from _cut(case)
    if len(first) > 1:
        yield from _miscounted(case, [(_route(case, node), part) for node, part in first])
    for source in [n for n in flow.order if n in flow.on_way and n is not flow.wrt]:
        onward = _onward(flow, source)
        if len(onward) > 1:
            named = [(_route(case, node), part) for node, part in onward]
            yield from _miscounted(case, named, f" from {case.label(source)}")


def _arriving(flow: Flow) -> list[tuple[Any, Any]]:
    """The last edges of the routes: (consumer of wrt, what arrives along the edge)."""
    found = []
    for node, k in flow.edges():
        part = flow.parts(node)[k] if node.inputs[k] is flow.wrt else None
        if part is not None and type(part) is not Piece:
            found.append((node, numbers(part)))
    return found


def _onward(flow: Flow, source: Any) -> list[tuple[Any, Any]]:
    """The routes that lead on from a node: (its consumer, what comes through it to wrt)."""
    if source is flow.root or isinstance(flow.grads.get(source), list):
        return []
    found = []
    for node, k in flow.edges():
        if node.inputs[k] is source and len(flow.users(source)) > 1:
            part = flow.parts(node)[k]
            if part is not None and type(part) is not Piece:
                found.append((node, numbers(flow.carry(source, part))))
    return found


def _left_out(case: Case, first: list[tuple[Any, Any]]) -> Iterator[Guess]:
    """Without one of the edges that leave wrt; then with one of them only."""
    wrt = case.labels.wrt
    for node, part in first:
        same = [p for n, p in first if n is node]
        if len(same) > 1:
            words = f"without one of the {len(same)} routes through {case.label(node)}"
            said = f"It is the gradient {words}: {wrt} is used {len(same)} times there, and each "
            yield Guess(words, f"{said}use counts", case.truth - part)
        if len(same) < len(first):
            yield _without(_route(case, node), case.truth - sum(same))
    if len(first) > 2:
        for node, part in first:
            words = f"only the route {_route(case, node)}"
            said = f"It is {words}: there are {len(first)} routes, and they add up"
            yield Guess(words, said, part)


def _without(route: str, value: Any) -> Guess:
    words = f"without the route {route}"
    return Guess(words, f"It is the gradient {words}: routes add up", value)


def _route(case: Case, node: Any) -> str:
    """A route by the node that it goes through first: by a name, or by what is computed there.

    Where other routes come in at once, the route has no node of its own: it leads straight there.
    """
    flow = case.flow
    assert flow is not None
    at = node
    while not _meeting(flow, at) and not case.named(at) and at is not flow.root:
        users = flow.users(at)
        if len(users) != 1 or _meeting(flow, users[0]):
            break  # routes part or meet here: what comes after is not this route alone
        at = users[0]
    if _meeting(flow, node) or node is flow.root:
        return f"straight into {case.label(node)}"
    return f"through {case.label(at if case.named(at) else node)}"


def _meeting(flow: Flow, node: Any) -> bool:
    """Whether routes from several nodes come together in a node."""
    return len({i for i in node.inputs if i in flow.on_way}) > 1


def _cut(case: Case) -> Iterator[Guess]:
    """Without all that comes through one node (named nodes first), or along one edge inside."""
    flow = case.flow
    assert flow is not None
    inside = [n for n in flow.order if n in flow.on_way and n not in (flow.wrt, flow.root)]
    gone: list[Any] = []
    for node in sorted(inside, key=lambda n: (not case.named(n), n.serial)):
        g = flow.grads.get(node)
        if g is None or isinstance(g, list) or node.plan.op.several or _narrow(flow, node):
            continue
        lost = numbers(flow.carry(node, g))
        if not any(np.allclose(lost, other) for other in gone):  # else it has a name already
            gone.append(lost)
            yield _without(f"through {case.label(node)}", case.truth - lost)
    for source in inside:
        for node, lost in _onward(flow, source):
            if not any(np.allclose(lost, other) for other in gone):
                route = f"from {case.label(source)} {_route(case, node)}"
                yield _without(route, case.truth - lost)


def _narrow(flow: Flow, node: Any) -> bool:
    """Whether every route from wrt to the root goes through a node."""
    reached = {flow.wrt}
    for n in flow.order:
        if n in flow.on_way and n is not node and n.plan is not None and n is not flow.wrt:
            reached.update([n] if any(i in reached for i in n.inputs) else [])
    return flow.root not in reached


def _miscounted(case: Case, ways: list[tuple[str, Any]], where: str = "") -> Iterator[Guess]:
    """A route counted twice; routes multiplied, averaged, or subtracted.

    `ways` are the routes that lead on from wrt, or from another node (`where`), and what each
    brings.
    """
    for route, part in ways:
        words = f"the route{where} {route} was counted twice"
        said, same = f"It is too much: {words}", ("was counted twice",)
        yield Guess(words, said, case.truth + part, beside=same)
    parts = np.stack([part for _, part in ways])
    rest = case.truth - np.sum(parts, axis=0)  # what does not come through here
    said = f"What arrives on the routes{where} was multiplied: routes add up"
    yield Guess("multiplied", said, rest + np.prod(parts, axis=0))
    if np.any(parts != parts[0]):
        words = f"the mean over the {len(parts)} routes{where}"
        yield Guess(words, f"It is {words}: routes add up", rest + np.mean(parts, axis=0))
    for route, part in ways:
        said = f"What arrives on the route{where} {route} has the wrong sign"
        yield Guess("the wrong sign", said, case.truth - 2 * part, beside=("wrong sign",))
