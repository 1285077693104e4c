"""Routes between two nodes of a picture: counted by dynamic programming, listed when few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .model import Absent, Edge, Picture, Quantity, Summary


@dataclass(frozen=True, slots=True)
class Route:
    """The edges from a source to a target, source first."""

    edges: tuple[Edge, ...]

    def product(self) -> float | None:
        """The product of the local derivatives; None when one is not a number."""
        result = 1.0
        for edge in self.edges:
            number = number_of(edge.local.number) if edge.local else None
            if number is None:
                return None
            result *= number
        return result


def number_of(quantity: Quantity) -> float | None:
    """A quantity as a real number, or None."""
    if isinstance(quantity, (Absent, Summary, complex)):
        return None
    return float(quantity)


def carrying(picture: Picture) -> list[Edge]:
    """The edges that gradient flows through: those with a local derivative."""
    return [edge for edge in picture.edges if edge.local is not None]


def between(picture: Picture, source: int, target: int) -> set[int]:
    """Keys of the nodes on some route from source to target, both included; empty if none."""
    edges = carrying(picture)
    place = {node.key: i for i, node in enumerate(picture.nodes)}
    ahead, behind = {source}, {target}
    for edge in sorted(edges, key=lambda e: place[e.target]):
        if edge.source in ahead:
            ahead.add(edge.target)
    for edge in sorted(edges, key=lambda e: -place[e.target]):
        if edge.target in behind:
            behind.add(edge.source)
    return ahead & behind if target in ahead else set()


def count_routes(picture: Picture, source: int, target: int) -> int:
    """Count the routes from source to target, double edges twice, without listing them.

    For each node, the number of routes to it is the sum over its incoming edges of the number of
    routes to their sources: one pass in topological order, however many millions there are.
    """
    counts = {node.key: 0 for node in picture.nodes}
    counts[source] = 1
    incoming = _by_target(carrying(picture))
    for node in picture.nodes:
        if node.key != source:
            counts[node.key] = sum(counts[e.source] for e in incoming.get(node.key, ()))
    return counts[target]


def list_routes(picture: Picture, source: int, target: int, limit: int) -> list[Route]:
    """List at most `limit` routes, in the order of the nodes and argument slots on them."""
    useful = between(picture, source, target)
    outgoing: dict[int, list[Edge]] = {}
    for edge in carrying(picture):
        if edge.source in useful and edge.target in useful:
            outgoing.setdefault(edge.source, []).append(edge)
    found: list[Route] = []
    stack: list[tuple[int, tuple[Edge, ...]]] = [(source, ())] if useful else []
    while stack and len(found) < limit:
        key, edges = stack.pop()
        if key == target:
            found.append(Route(edges))
            continue
        ahead = sorted(outgoing.get(key, ()), key=lambda e: (e.target, e.slot), reverse=True)
        stack.extend((edge.target, (*edges, edge)) for edge in ahead)
    return found


def consumers(picture: Picture, source: int, target: int) -> list[Edge]:
    """The edges that leave source towards target: the terms that backward adds up."""
    useful = between(picture, source, target)
    return [e for e in carrying(picture) if e.source == source and e.target in useful]


def _by_target(edges: Sequence[Edge]) -> dict[int, list[Edge]]:
    found: dict[int, list[Edge]] = {}
    for edge in edges:
        found.setdefault(edge.target, []).append(edge)
    return found
