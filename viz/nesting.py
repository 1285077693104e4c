"""A picture cut at its frames: what stands directly in each frame, and the pieces of each wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .layering import Box
from .model import Picture
from .ordering import topological_order

# A node, a frame inside this one, or the port where the wire of a node comes in or goes out.
Item: TypeAlias = tuple[Literal["node", "group", "in", "out"], int]


@dataclass(slots=True)
class Piece:
    """A wire inside one container, carrying the value of the node `origin`."""

    source: Item
    target: Item
    origin: int
    label: Box | None


@dataclass(slots=True)
class Container:
    """The items and wires directly inside one group (or the whole picture)."""

    items: list[Item] = field(default_factory=list)
    place: dict[Item, int] = field(default_factory=dict)
    links: list[Piece] = field(default_factory=list)
    shared: dict[tuple[Item, Item, int], int] = field(default_factory=dict)

    def item(self, item: Item) -> None:
        """Enter an item once."""
        if item not in self.place:
            self.place[item] = len(self.items)
            self.items.append(item)

    def link(self, piece: Piece) -> int:
        """Add a wire; pieces that do not end at a node are shared by all wires from one origin."""
        ends = (piece.source, piece.target, piece.origin)
        if piece.target[0] != "node" and ends in self.shared:
            return self.shared[ends]
        self.item(piece.source)
        self.item(piece.target)
        self.links.append(piece)
        self.shared[ends] = len(self.links) - 1
        return len(self.links) - 1


class Nest:
    """All containers (None is the whole picture), and each edge as a chain of (container, link)."""

    def __init__(
        self, picture: Picture, labels: Sequence[Box | None], dissolved: frozenset[int]
    ) -> None:
        parents = {group.key: group.parent for group in picture.groups}
        self.parent: dict[int, int | None] = {
            key: _kept(parent, parents, dissolved)
            for key, parent in parents.items()
            if key not in dissolved
        }
        self.containers: dict[int | None, Container] = {None: Container()}
        self.depth: dict[int | None, int] = {None: 0}
        for key, parent in self.parent.items():
            self.containers[key] = Container()
            self.depth[key] = self.depth[parent] + 1
        self.home = {n.key: _kept(n.group, parents, dissolved) for n in picture.nodes}
        for node in picture.nodes:
            self._enter(node.key)
        self.pieces = [
            self._cut(edge.source, edge.target, label)
            for edge, label in zip(picture.edges, labels, strict=True)
        ]

    @classmethod
    def untangled(cls, picture: Picture, labels: Sequence[Box | None]) -> Nest:
        """Cut a picture at those frames that can be drawn: no wire leaves one and comes back."""
        dissolved: frozenset[int] = frozenset()
        nest = cls(picture, labels, dissolved)
        while tangled := nest._tangled():
            dissolved |= {min(tangled, key=lambda group: (-nest.depth[group], group))}
            nest = cls(picture, labels, dissolved)
        return nest

    def _enter(self, key: int) -> None:
        """Put a node, and the frames around it, into their containers."""
        inside = self.home[key]
        self.containers[inside].item(("node", key))
        while inside is not None:
            outside = self.parent[inside]
            self.containers[outside].item(("group", inside))
            inside = outside

    def _cut(self, source: int, target: int, label: Box | None) -> list[tuple[int | None, int]]:
        """Follow an edge out of frames and into frames."""
        going_up, going_down = self._around(source), self._around(target)
        common = next(c for c in going_up if c in set(going_down))
        pieces: list[tuple[int | None, int]] = []
        here: Item = ("node", source)
        for container in going_up[: going_up.index(common)]:
            assert container is not None  # None is around everything, so it is never left
            piece = Piece(here, ("out", source), source, None)
            pieces.append((container, self.containers[container].link(piece)))
            here = ("group", container)
        into = going_down[: going_down.index(common)][::-1]
        for container, inner in zip([common, *into], [*into, None], strict=True):
            there: Item = ("node", target) if inner is None else ("group", inner)
            piece = Piece(here, there, source, label if inner is None else None)
            pieces.append((container, self.containers[container].link(piece)))
            here = ("in", source)
        return pieces

    def _around(self, key: int) -> list[int | None]:
        """The containers around a node, from the inside out."""
        chain: list[int | None] = [self.home[key]]
        while chain[-1] is not None:
            chain.append(self.parent[chain[-1]])
        return chain

    def _tangled(self) -> set[int]:
        """Frames on a cycle of their container: wires leave them and enter them again."""
        found: set[int] = set()
        for container in self.containers.values():
            place, count = container.place, len(container.items)
            pairs = [(place[piece.source], place[piece.target]) for piece in container.links]
            fine = set(topological_order(count, pairs))
            fine.update(topological_order(count, [(b, a) for a, b in pairs]))
            found.update(
                key
                for i, (kind, key) in enumerate(container.items)
                if kind == "group" and i not in fine
            )
        return found


def _kept(
    group: int | None, parents: Mapping[int, int | None], dissolved: frozenset[int]
) -> int | None:
    """The nearest frame around that is drawn."""
    while group is not None and group in dissolved:
        group = parents[group]
    return group
