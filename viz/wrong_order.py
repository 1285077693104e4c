"""What plain recursion does to shared nodes: it passes on before all has arrived."""

from __future__ import annotations

from collections.abc import Sequence

from .mistakes import near, number, signed
from .model import Edge, Picture
from .paths import carrying, number_of
from .step_frames import MOST_WRONG, Part, Step, arrivals_expected


def naive_visits(picture: Picture, root: int) -> int:
    """How many products plain recursion forms: the number of routes from the root to each edge.

    Counted in one pass over the nodes, however many they are.
    """
    visits = {node.key: 0 for node in picture.nodes}
    visits[root] = 1
    edges = carrying(picture)
    place = {node.key: i for i, node in enumerate(picture.nodes)}
    for edge in sorted(edges, key=lambda e: -place[e.target]):
        visits[edge.source] += visits[edge.target]
    return sum(visits[edge.target] for edge in edges)


def wrong_order(picture: Picture, forward: Sequence[Step]) -> tuple[Step, ...]:
    """The frames of plain recursion, each arrival passed on at once; empty where nothing differs.

    Every node passes on all it has whenever something arrives, so what came first is counted again.
    Only for graphs of single numbers.
    """
    root = next((n for n in picture.nodes if n.output), None)
    if root is None or not _single_numbers(picture):
        return ()
    right = {n.key: number_of(n.grad) for n in picture.nodes}
    visits = naive_visits(picture, root.key)
    if visits == len([e for e in carrying(picture) if right[e.target] is not None]):
        return ()  # a tree: each node hears once, so the order does not matter
    walk = _Recursion(picture, root.key, right)
    steps = walk.run()
    if not walk.wrong() and visits <= MOST_WRONG:
        return ()
    return (*forward, *steps, walk.end(visits))


def _single_numbers(picture: Picture) -> bool:
    numbers = (number_of(e.local.number) for e in carrying(picture) if e.local)
    return all(n is not None for n in numbers)


class _Recursion:
    """Goes down every edge as soon as it is met, without the stack of Python."""

    def __init__(self, picture: Picture, root: int, right: dict[int, float | None]) -> None:
        self.picture, self.root, self.right = picture, root, right
        self.names = {n.key: n.name for n in picture.nodes}
        self.totals: dict[int, float] = {root: 1.0}
        self.counts: dict[int, int] = {}
        reached = {key for key, g in right.items() if g is not None}
        self.expected = arrivals_expected(picture, reached)
        self.incoming: dict[int, list[tuple[int, Edge]]] = {}
        for i, edge in enumerate(picture.edges):
            if edge.local is not None:
                self.incoming.setdefault(edge.target, []).append((i, edge))

    def run(self) -> list[Step]:
        name = self.names[self.root]
        seed = Step(
            f"Plain recursion begins at {name} and passes on whatever arrives, at once.",
            (self.root,),
            {self.root: {"grad": 1.0}},
            phase="backward",
            node=self.root,
            arithmetic=((f"∂{name}/∂{name} = ", ""), ("1", "grad")),
        )
        steps = [seed]
        work = list(reversed(self.incoming.get(self.root, [])))
        while work and len(steps) < MOST_WRONG:
            i, edge = work.pop()
            steps.append(self._pass_on(i, edge))
            work += reversed(self.incoming.get(edge.source, []))
        return steps

    def _pass_on(self, i: int, edge: Edge) -> Step:
        source, target = edge.source, edge.target
        local = number_of(edge.local.number) if edge.local else None
        assert local is not None
        g, before = self.totals[target], self.totals.get(source)
        product = g * local
        self.totals[source] = product if before is None else before + product
        self.counts[source] = self.counts.get(source, 0) + 1
        heard, of = self.counts.get(target, 1), self.expected.get(target, 1)
        words = f"{self.names[target]} passes on all it has"
        if heard < of:
            words += f", though only {heard} of {of} arrivals are in."
        elif heard > of or of > 1:
            words += ": what it passed on before is counted again."
        else:
            words += "."
        parts: list[Part] = [(number(g), "grad"), (" × ", ""), (signed(local), "local"),
                             (" = ", ""), (number(product), "grad")]  # fmt: skip
        if before is not None:
            parts += [("     ", ""), (f"{number(before)} + {signed(product)} → ", ""),
                      (number(self.totals[source]), "grad")]  # fmt: skip
        count = self.counts[source]
        expected = self.expected.get(source, 1)
        right = self.right[source]
        late = {source: right} if right is not None and count > expected else {}
        return Step(
            words,
            (target, source),
            {source: {"grad": self.totals[source]}},
            phase="backward",
            node=source,
            edge=i,
            arithmetic=tuple(parts),
            arrivals={source: (count, expected)},
            wrong=late,
        )

    def wrong(self) -> dict[int, float]:
        """The nodes that end with another gradient than the right one, and the right one."""
        return {
            key: right
            for key, total in self.totals.items()
            if (right := self.right[key]) is not None and not near(total, right)
        }

    def end(self, visits: int) -> Step:
        """The last frame: what is wrong."""
        wrong = self.wrong()
        said: list[Part] = []
        for key, right in list(wrong.items())[:4]:
            gap = [("     ", "")] if said else []
            said += [*gap, (f"{self.names[key]}: ", ""), (number(self.totals[key]), "wrong"),
                     (f", right is {number(right)}", "")]  # fmt: skip
        words = "Plain recursion counts early arrivals again. A node must wait for all of them: "
        words += "that is why backward goes through the nodes from the last made to the first."
        if visits > MOST_WRONG:
            right_visits = len(carrying(self.picture))
            words = f"Stopped here: plain recursion forms {visits} products, the right order "
            words += f"{right_visits}. " + "What is shown is not finished, and wrong already."
        return Step(words, tuple(wrong), phase="end", arithmetic=tuple(said), wrong=wrong)
