"""One wrong gradient with all that the guesses at its mistake are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .answers import Answer
from .labels import Labels
from .twin import Flow, Twin

# Of larger graphs the guesses that cost a walk an edge are left out.
MOST_NODES = 300
MOST_ELEMENTS = 300_000
MOST_WORK = 20_000  # edges times nodes, where the nodes are arrays


@dataclass
class Case:
    """One wrong answer with all that the guesses are made from."""

    answer: Answer
    truth: Any
    flow: Flow | None
    twin: Twin | None
    labels: Labels

    def label(self, node: Any) -> str:
        """A node of the graph computed again, in words."""
        return self.labels(self.old(node))

    def old(self, node: Any) -> Any:
        """The recorded node behind one of the graph computed again."""
        return node if self.twin is None else self.twin.old.get(node, node)

    def named(self, node: Any) -> bool:
        """Whether a node has a name of its own."""
        return self.labels.named(self.old(node))

    def by(self, of: Any, by: Any) -> str:
        """∂of/∂by, in names where values with names get the same gradients."""
        of = self._above(of, by)
        above = self._above(by, of)
        if not self.named(above):
            above = self._below(by)
        return self.labels.by(self.old(of), self.old(above))

    def _above(self, node: Any, other: Any) -> Any:
        """The next value with a name that hands its gradient on to a node as it is."""
        flow, at = self.flow, node
        while flow is not None and not self.named(at):
            users = flow.users(at)
            if len(users) != 1 or users[0] is other or not self._alike(at, users[0]):
                return node
            at = users[0]
        return at

    def _below(self, node: Any) -> Any:
        """The one value with a name to which a node hands its gradient on as it is."""
        flow = self.flow
        if flow is None or node.plan is None:
            return node
        found = [i for i in node.inputs if i in flow.on_way]
        same = len(found) == 1 and self.named(found[0]) and len(flow.users(found[0])) == 1
        return found[0] if same and self._alike(node, found[0]) else node

    def _alike(self, a: Any, b: Any) -> bool:
        """Whether two nodes get the same gradient."""
        assert self.flow is not None
        pair = [self.flow.grads.get(node) for node in (a, b)]
        return not any(g is None or isinstance(g, list) for g in pair) and np.array_equal(*pair)

    def affordable(self) -> bool:
        """Whether a walk for each edge is not too much."""
        flow = self.flow
        if flow is None or len(flow.on_way) > MOST_NODES:
            return False
        arrays = sum(n.shape != () for n in flow.on_way)
        if arrays * len(flow.edges()) > MOST_WORK:
            return False
        return sum(int(np.prod(n.shape)) for n in flow.on_way) <= MOST_ELEMENTS


def ones(node: Any) -> Any:
    """A gradient of ones for a node."""
    return np.ones(node.shape) if node.shape else 1.0
