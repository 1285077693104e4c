"""Coordinates of a layered drawing: from boxes and links to places, routes and label places.

Works in two directions: *along* the flow (rank by rank) and *across* it. Long links pass through
invisible cells, one for each level, so nothing is ever drawn through a box; labels are cells too,
so they never overlap anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .ordering import assign_ranks, main_lines, order_levels

_SWEEPS = 14
_SETTLED = 0.3  # pixels: below this, sweeping has ended
_STRAIGHT = 1e5  # how much more than others the wires of a long chain are kept straight
_CELL_SWEEPS = 30_000  # cells placed by all sweeps together


@dataclass(slots=True)
class Box:
    """Something with a size: `length` along the flow, `low`/`high` across it, about its wire.

    `spread` is how far from the wire links may arrive.
    """

    length: float
    low: float
    high: float
    spread: float = 0.0


@dataclass(slots=True)
class Link:
    """A wire from box to box; `leaves` and `arrives` are offsets from the boxes' own wires.

    Without `arrives`, the links that come to a box are spread side by side.
    """

    source: int
    target: int
    leaves: float = 0.0
    arrives: float | None = None
    label: Box | None = None


@dataclass(slots=True)
class Spacing:
    """Distances in pixels."""

    across: float = 14.0
    wires: float = 9.0
    gap: float = 12.0
    steep: float = 0.3  # gaps grow by this share of the longest sidestep of a wire in them
    widest: float = 72.0


@dataclass(slots=True)
class Arrangement:
    """Where everything is: a start along and a wire across for each box, a route for each link."""

    starts: list[float]
    wires: list[float]
    routes: list[list[tuple[float, float]]]
    labels: list[tuple[float, float] | None]
    length: float
    low: float
    high: float


@dataclass(slots=True)
class _Cells:
    """Boxes, pass-through cells and labels, level by level."""

    boxes: list[Box]
    levels: list[list[int]]
    before: list[list[int]] = field(default_factory=list)
    after: list[list[int]] = field(default_factory=list)
    pulls_before: list[list[tuple[int, float, float]]] = field(default_factory=list)
    pulls_after: list[list[tuple[int, float, float]]] = field(default_factory=list)
    chains: list[list[int]] = field(default_factory=list)

    def add(self, box: Box, level: int) -> int:
        self.boxes.append(box)
        self.levels[level].append(len(self.boxes) - 1)
        self.before.append([])
        self.after.append([])
        self.pulls_before.append([])
        self.pulls_after.append([])
        return len(self.boxes) - 1

    def join(self, a: int, b: int, shift: float, weight: float) -> None:
        """Wire a to b in the next level; at rest, across[b] = across[a] + shift."""
        self.after[a].append(b)
        self.before[b].append(a)
        self.pulls_before[b].append((a, shift, weight))
        self.pulls_after[a].append((b, -shift, weight))


def arrange(
    boxes: Sequence[Box],
    links: Sequence[Link],
    *,
    first: frozenset[int] = frozenset(),
    last: frozenset[int] = frozenset(),
    close: frozenset[int] = frozenset(),
    spacing: Spacing | None = None,
) -> Arrangement:
    """Lay boxes and links out in layers. Raises ValueError on a cycle.

    >>> a = arrange([Box(10, 5, 5), Box(10, 5, 5)], [Link(0, 1)])
    >>> a.starts[0] < a.starts[1], a.wires[0] == a.wires[1]
    (True, True)
    """
    spacing = spacing or Spacing()
    pairs = [(link.source, link.target) for link in links]
    ranks = assign_ranks(len(boxes), pairs, first, last, close)
    lines = main_lines(len(boxes), pairs, first, last)
    cells = _make_cells(boxes, links, ranks, lines)
    order_levels(cells.levels, cells.before, cells.after)
    across = _place_across(cells, len(boxes), spacing)
    starts, sizes, length = _place_along(cells, across, spacing)
    return _collect(boxes, links, lines, cells, across, starts, sizes, length)


def _make_cells(
    boxes: Sequence[Box], links: Sequence[Link], ranks: list[int], lines: set[int]
) -> _Cells:
    """Put boxes on even levels; links get a cell on every level between, labels on the last."""
    count = 2 * max(ranks, default=0) + 1
    cells = _Cells([], [[] for _ in range(count)])
    for box, rank in zip(boxes, ranks, strict=True):
        cells.add(box, 2 * rank)
    for index, link in enumerate(links):
        start, end = 2 * ranks[link.source], 2 * ranks[link.target]
        chain = [link.source]
        for level in range(start + 1, end):
            label = link.label if level == end - 1 else None
            chain.append(cells.add(label or Box(0.0, 0.0, 0.0), level))
        chain.append(link.target)
        _join_chain(cells, chain, link, index in lines)
        cells.chains.append(chain)
    return cells


def _join_chain(cells: _Cells, chain: list[int], link: Link, straight: bool) -> None:
    final = len(chain) - 2
    for i, (a, b) in enumerate(pairwise(chain)):
        shift = link.leaves if i == 0 else 0.0
        if i == final:
            shift -= link.arrives or 0.0
        # A long wire is kept straight; its first piece, which carries numbers, more than its last.
        weight = 4.0 if i == 0 else 1.0 if i == final else 8.0
        weight = _STRAIGHT if straight else weight
        cells.join(a, b, shift, weight)


def _separations(cells: _Cells, level: list[int], real: int, spacing: Spacing) -> list[float]:
    """Least distances between the wires of neighbouring cells of a level."""
    found = []
    for a, b in pairwise(level):
        upper, lower = cells.boxes[a], cells.boxes[b]
        thin = (a >= real and upper.length == 0) or (b >= real and lower.length == 0)
        found.append(upper.high + lower.low + (spacing.wires if thin else spacing.across))
    return found


def _place_across(cells: _Cells, real: int, spacing: Spacing) -> list[float]:
    """Sweep over the levels, each time placing one level as near to its neighbours as it may."""
    across = [0.0] * len(cells.boxes)
    separations = [_separations(cells, level, real, spacing) for level in cells.levels]
    for level, gaps in zip(cells.levels, separations, strict=True):
        at = -sum(gaps) / 2
        for cell, gap in zip(level, [*gaps, 0.0], strict=False):
            across[cell] = at
            at += gap
    rounds = max(2, min(_SWEEPS, _CELL_SWEEPS // max(len(cells.boxes), 1)))
    order = range(len(cells.levels))
    both = [cells.pulls_before, cells.pulls_after]
    for sweep in range(rounds):
        backwards = sweep % 2 == 0
        settling = sweep >= 4 or sweep >= rounds - 2
        pulls = both if settling else [cells.pulls_after if backwards else cells.pulls_before]
        moved = 0.0
        for i in reversed(order) if backwards else order:
            moved = max(moved, _relax(cells.levels[i], separations[i], pulls, across))
        if settling and moved < _SETTLED:
            break
    for level, gaps in zip(cells.levels, separations, strict=True):
        _straighten(level, gaps, cells, real, across)
    return across


def _straighten(
    level: list[int], gaps: list[float], cells: _Cells, real: int, across: list[float]
) -> None:
    """Put pass-through cells and labels on the lane their wire comes from, where there is room."""
    for i, cell in enumerate(level):
        if cell < real:
            continue
        origin, shift, _ = cells.pulls_before[cell][0]
        lane = across[origin] + shift
        if i > 0:
            lane = max(lane, across[level[i - 1]] + gaps[i - 1])
        if i + 1 < len(level):
            lane = min(lane, across[level[i + 1]] - gaps[i])
        across[cell] = lane


def _relax(
    level: list[int],
    gaps: list[float],
    pulls: list[list[list[tuple[int, float, float]]]],
    across: list[float],
) -> float:
    """Least squares for one level under its separations: pool adjacent violators.

    Gives the longest way that a cell has moved.
    """
    blocks: list[tuple[float, float, int]] = []  # weighted sum, weight, cells
    offset = 0.0
    offsets = []
    for cell, gap in zip(level, [*gaps, 0.0], strict=False):
        offsets.append(offset)
        total = weight = 0.0
        for table in pulls:
            for neighbour, shift, strength in table[cell]:
                total += strength * (across[neighbour] + shift)
                weight += strength
        if weight == 0.0:
            total, weight = 0.05 * across[cell], 0.05
        total -= weight * offset
        size = 1
        while blocks and blocks[-1][0] * weight >= total * blocks[-1][1]:
            previous = blocks.pop()
            total, weight, size = total + previous[0], weight + previous[1], size + previous[2]
        blocks.append((total, weight, size))
        offset += gap
    i, moved = 0, 0.0
    for total, weight, size in blocks:
        for _ in range(size):
            place = total / weight + offsets[i]
            moved = max(moved, abs(place - across[level[i]]))
            across[level[i]] = place
            i += 1
    return moved


def _place_along(
    cells: _Cells, across: list[float], spacing: Spacing
) -> tuple[list[float], list[float], float]:
    """Columns one after the other; the gap behind each grows with the sidesteps in it."""
    starts, sizes, at = [], [], 0.0
    for index, level in enumerate(cells.levels):
        size = max((cells.boxes[c].length for c in level), default=0.0)
        starts.append(at)
        sizes.append(size)
        at += size
        if index + 1 < len(cells.levels):
            steps = [
                abs(across[n] + shift - across[c])
                for c in level
                for n, shift, _ in cells.pulls_after[c]
            ]
            # Next to a column without boxes or labels half the gap does.
            empty = size == 0.0 or all(
                cells.boxes[c].length == 0.0 for c in cells.levels[index + 1]
            )
            gap = spacing.gap / 2 if empty else spacing.gap
            at += min(gap + spacing.steep * max(steps, default=0.0), spacing.widest)
    return starts, sizes, at


def _collect(
    boxes: Sequence[Box],
    links: Sequence[Link],
    lines: set[int],
    cells: _Cells,
    across: list[float],
    starts: list[float],
    sizes: list[float],
    length: float,
) -> Arrangement:
    low, high = _centre(cells, across)
    level_of = {cell: i for i, level in enumerate(cells.levels) for cell in level}
    arrivals = _spread_arrivals(boxes, links, lines, cells, across)
    routes: list[list[tuple[float, float]]] = []
    labels: list[tuple[float, float] | None] = []
    for link, chain, arrival in zip(links, cells.chains, arrivals, strict=True):
        level = level_of[link.source]
        lane = across[link.source] + link.leaves
        route = [(starts[level] + boxes[link.source].length, lane)]
        route.append((starts[level] + sizes[level], lane))
        for cell in chain[1:-1]:
            level = level_of[cell]
            route += [(starts[level], across[cell]), (starts[level] + sizes[level], across[cell])]
        label = (starts[level] + sizes[level] / 2, across[chain[-2]])
        labels.append(label if link.label else None)
        route.append((starts[level_of[link.target]], across[link.target] + arrival))
        routes.append(route)
    places = [starts[level_of[i]] for i in range(len(boxes))]
    return Arrangement(places, across[: len(boxes)], routes, labels, length, low, high)


def _centre(cells: _Cells, across: list[float]) -> tuple[float, float]:
    """Move the drawing so that its middle is at 0, in place; give its two borders."""
    pairs = list(zip(across, cells.boxes, strict=True))
    low = min((at - box.low for at, box in pairs), default=0.0)
    high = max((at + box.high for at, box in pairs), default=0.0)
    middle = (low + high) / 2
    for i, (at, _) in enumerate(pairs):
        across[i] = at - middle
    return low - middle, high - middle


def _spread_arrivals(
    boxes: Sequence[Box],
    links: Sequence[Link],
    lines: set[int],
    cells: _Cells,
    across: list[float],
) -> list[float]:
    """Give links that arrive at one box places side by side, in the order they come from.

    A straight line arrives in the middle, the others beside it.
    """
    arriving: dict[int, list[int]] = {}
    for index, link in enumerate(links):
        if link.arrives is None:
            arriving.setdefault(link.target, []).append(index)
    offsets = [link.arrives or 0.0 for link in links]
    for target, indices in arriving.items():
        indices.sort(key=lambda i: (across[cells.chains[i][-2]], i))
        reach = boxes[target].spread * min(1.0, (len(indices) - 1) / 2)
        for place, index in enumerate(indices):
            share = 2 * place / (len(indices) - 1) - 1 if len(indices) > 1 else 0.0
            offsets[index] = share * reach
        main = [index for index in indices if index in lines]
        if len(main) == 1:
            middle = offsets[main[0]]
            widest = max(abs(offsets[index] - middle) for index in indices)
            scale = min(1.0, boxes[target].spread / widest) if widest else 1.0
            for index in indices:
                offsets[index] = (offsets[index] - middle) * scale
    return offsets
