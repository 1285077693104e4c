"""`check.order`: is this list an order in which a graph can be gone through?"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Literal

from ..autograd import Leaf, Node, Tensor
from ..autograd.graph import ancestors
from ..viz.naming import caller_variables, name_nodes
from .answers import Unreadable, Unsolved, called, open_hole, unsolved
from .result import Result, show

Direction = Literal["forward", "backward"]
_LISTED = 3  # so many names are written out


def order(
    mine: Any,
    of: Any,
    direction: Direction = "forward",
    name: str | None = None,
    inputs: Callable[[Any], Iterable[Any]] | None = None,
    label: Callable[[Any], str] | None = None,
) -> Result:
    """Check that a list goes through the graph of `of` in order: inputs first, or results first.

    `mine` lists tensors, their names, or a learner's own nodes, for which `inputs` gives the nodes
    that one was made from (and `label` its name). Every node that carries gradient and has a name
    must be there once. Raises TypeError where `of` is no tensor and `inputs` is not given, and
    ValueError for another direction.

    >>> import chainrule as cr
    >>> from chainrule.teach import check
    >>> x = cr.tensor(2.0, requires_grad=True, name="x")
    >>> q = x * x; q.name = "q"
    >>> _ = check.order(["q", "x"], of=q)
    ✗ not right: the order. q stands before x, and q is made from x.
    """
    called_it = name or "the order"
    if direction not in ("forward", "backward"):
        raise ValueError(f"check.order(): direction is 'forward' or 'backward', got {direction!r}")
    if unsolved(of) or unsolved(mine):
        return show(Result("not yet", called_it, open_hole(Unsolved())))
    graph = _own(of, inputs, label) if inputs is not None else _recorded(of)
    try:
        if callable(mine) and not isinstance(mine, (Tensor, Node)):
            mine = called(mine)
        verdict, words, mistake = _judged(graph, mine, direction)
    except Unsolved as state:
        return show(Result("not yet", called_it, open_hole(state)))
    except Unreadable as problem:
        return show(Result("not right", called_it, f"{problem}."))
    return show(Result(verdict, called_it, words, mistake))


class _Graph:
    """Nodes with their inputs and names; `required` are those that must be listed."""

    def __init__(
        self,
        inputs: Mapping[Any, Sequence[Any]],
        names: Mapping[Any, str],
        required: Sequence[Any],
        key: Callable[[Any], Any],
    ) -> None:
        self.inputs, self.names, self.required, self.key = inputs, names, required, key

    def name(self, node: Any) -> str:
        return self.names.get(node, "a value without a name")

    def before(self, node: Any) -> set[Any]:
        """All that a node was made from, at however many steps."""
        found: set[Any] = set()
        stack = list(self.inputs[node])
        while stack:
            i = stack.pop()
            if i not in found:
                found.add(i)
                stack += self.inputs[i]
        return found


def _recorded(of: Any) -> _Graph:
    """A tensor's graph: the nodes that carry gradient."""
    if not isinstance(of, Tensor):
        kind = type(of).__name__
        raise TypeError(f"check.order(): of= is a tensor, or inputs= is needed; got {kind}")
    if of._node is None or not of._node.requires_grad:
        raise ValueError("check.order(): nothing was recorded for of=: no input requires grad")
    nodes = [n for n in ancestors([of._node]) if n.requires_grad]
    variables = caller_variables()
    names, _ = name_nodes(nodes, [of], variables)
    by_name = {n: node for node, n in names.items()}
    for variable, tensor in variables.items():  # two variables may hold one tensor
        if isinstance(tensor, Tensor) and tensor._node in names:
            by_name.setdefault(variable, tensor._node)

    def key(item: Any) -> Any:
        if isinstance(item, Tensor):
            return item._node
        if isinstance(item, (Node, Leaf)):
            return item
        if isinstance(item, str):
            return by_name.get(item.strip(), item)
        return item

    made = {n: [i for i in n.inputs if i.requires_grad] for n in nodes}
    required = [n for n in nodes if n in names or n is of._node]
    return _Graph(made, names, required, key)


class _ById:
    """A learner's node as a key, whether it can be hashed or not."""

    __slots__ = ("node",)

    def __init__(self, node: Any) -> None:
        self.node = node

    def __hash__(self) -> int:
        return id(self.node)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.node is self.node


def _own(
    of: Any, inputs: Callable[[Any], Iterable[Any]], label: Callable[[Any], str] | None
) -> _Graph:
    """A graph of the learner's own nodes."""
    made: dict[Any, list[Any]] = {}
    stack = [_ById(of)]
    while stack:
        node = stack.pop()
        if node not in made:
            made[node] = [_ById(i) for i in inputs(node.node)]
            stack += made[node]
    variables = {id(v): k for k, v in caller_variables().items() if not k.startswith("_")}
    names = {}
    for node in made:
        own = label(node.node) if label is not None else getattr(node.node, "name", None)
        own = own or getattr(node.node, "label", None) or variables.get(id(node.node))
        if isinstance(own, str) and own:
            names[node] = own
    by_name = {n: node for node, n in names.items()}

    def key(item: Any) -> Any:
        return by_name.get(item, item) if isinstance(item, str) else _ById(item)

    return _Graph(made, names, list(made), key)


def _judged(graph: _Graph, mine: Any, direction: Direction) -> Any:
    if isinstance(mine, str):
        mine = mine.replace(",", " ").split()
    if isinstance(mine, Tensor) or not isinstance(mine, Iterable):
        raise Unreadable("A list is asked for, in the order in which you go through the graph")
    given = list(mine)
    items = [graph.key(item) for item in given]
    if not items:
        return "not right", "Your list is empty: everything is missing.", "missing"
    places: dict[Any, int] = {}
    for k, item in enumerate(items):
        if not isinstance(item, Hashable) or item not in graph.inputs:
            said = repr(item) if isinstance(item, str) else f"Number {k + 1} of your list"
            return "not right", f"{said} is not in this graph.", "not in this graph"
        if item in places:
            words = f"{graph.name(item)} is repeated"
            return "not right", f"{words}: every node is visited once.", words
        places[item] = k
    missing = _missing(graph, items, any(isinstance(item, (Node, Leaf)) for item in given))
    if missing:
        listed = ", ".join(missing[:_LISTED]) + (", …" if len(missing) > _LISTED else "")
        words, count = f"missing: {listed}", len(items)
        many = "s" if count > 1 else ""
        return "not right", f"Your list has {count} node{many}; {words}.", words
    return _pairs(graph, items, places, direction)


def _missing(graph: _Graph, items: Sequence[Any], whole: bool) -> list[str]:
    """Names of nodes that are not listed; without `whole`, or others like it, only named ones."""
    listed = set(items)
    whole = whole or any(item not in graph.names for item in items)
    required = graph.inputs if whole else graph.required
    return [graph.name(n) for n in required if n not in listed]


def _pairs(
    graph: _Graph, items: Sequence[Any], places: Mapping[Any, int], direction: Direction
) -> Any:
    """The first pair in the wrong order, the closest one."""
    forward = direction == "forward"
    wrong: list[tuple[int, int, Any, Any]] = []
    right = 0
    for node in items:
        for made_from in graph.before(node):
            if made_from not in places:
                continue
            gap = places[node] - places[made_from]
            if (gap > 0) == forward:
                right += 1
            else:
                wrong.append((abs(gap), min(places[node], places[made_from]), node, made_from))
    if not wrong:
        return "right", f"{len(items)} nodes, each {_meaning(forward)}.", None
    if not right and len(items) > 2:
        words = "the other way round"
        said = "inputs first" if forward else "results first"
        return "not right", f"It is {words}: {direction} goes {said}.", words
    _, _, node, made_from = min(wrong, key=lambda pair: pair[:2])
    a, b = graph.name(node), graph.name(made_from)
    if forward:
        words = f"{a} stands before {b}"
        return "not right", f"{words}, and {a} is made from {b}.", words
    words = f"{b} stands before {a}"
    return "not right", f"{words}, and {b} gets gradient from {a}.", words


def _meaning(forward: bool) -> str:
    return "after all that it is made from" if forward else "after all that use it"
