"""Ranks and order of a layered drawing: which column a box stands in, and who stands above whom.

The first two of the three classic steps (Sugiyama, Tagawa and Toda 1981; Gansner and others, "A
technique for drawing directed graphs", 1993): longest-path ranks with slack taken up, then
barycentre sweeps that keep the order with the fewest crossings.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

_MAX_SWEEPS = 12
_SWEEP_BUDGET = 40_000  # cells visited by all sweeps together: keeps large graphs quick
_LECTURE_SLACK = 2  # up to here all leaves stay in the first column, as one draws by hand

_LONG_LINE = 4  # links from which a chain is drawn as one straight line

Pairs: TypeAlias = Sequence[tuple[int, int]]


def topological_order(count: int, links: Pairs) -> list[int]:
    """Order boxes 0..count−1 so that links point forwards; boxes on a cycle are left out."""
    waiting = [0] * count
    following: list[list[int]] = [[] for _ in range(count)]
    for source, target in links:
        waiting[target] += 1
        following[source].append(target)
    ready = deque(i for i in range(count) if waiting[i] == 0)
    order: list[int] = []
    while ready:
        box = ready.popleft()
        order.append(box)
        for target in following[box]:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return order


def assign_ranks(
    count: int,
    links: Pairs,
    first: frozenset[int] = frozenset(),
    last: frozenset[int] = frozenset(),
    close: frozenset[int] = frozenset(),
) -> list[int]:
    """Give every box a rank so that links go up at least one rank.

    Boxes in `first` stand alone in rank 0, boxes in `last` in the highest; boxes in `close` (such
    as constants) always stand right before their consumer. Raises ValueError on a cycle.
    """
    order = topological_order(count, links)
    if len(order) != count:
        raise ValueError("a layered drawing needs a graph without cycles")
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for source, target in links:
        sources[target].append(source)
        targets[source].append(target)
    base = 1 if first else 0
    ranks = [0] * count
    for box in order:
        floor = 0 if box in first else base
        ranks[box] = max([floor, *(ranks[s] + 1 for s in sources[box])])
    top = max(ranks, default=0)
    if last and any(ranks[box] == top for box in range(count) if box not in last):
        top += 1
    for box in last:
        ranks[box] = top
    _take_up_slack(order, ranks, sources, targets, first | last, close)
    return ranks


def _take_up_slack(
    order: list[int],
    ranks: list[int],
    sources: list[list[int]],
    targets: list[list[int]],
    pinned: frozenset[int],
    close: frozenset[int],
) -> None:
    """Move boxes with more links ahead than behind towards their consumers, in place."""
    leaves = [b for b in order if not sources[b] and targets[b] and b not in pinned | close]
    slack = [min(ranks[t] for t in targets[b]) - 1 - ranks[b] for b in leaves]
    by_hand = max(slack, default=0) <= _LECTURE_SLACK
    for box in reversed(order):
        if box in pinned or len(targets[box]) <= len(sources[box]):
            continue
        if not sources[box] and by_hand and box not in close:
            continue
        ranks[box] = min(ranks[t] for t in targets[box]) - 1


def main_lines(
    count: int,
    links: Pairs,
    first: frozenset[int] = frozenset(),
    last: frozenset[int] = frozenset(),
) -> set[int]:
    """Indices of the links on long chains, which a drawing keeps straight.

    A box continues the line of its deepest argument, and its own line goes on to the consumer with
    the longest way ahead; where two are alike there is no line, and the box stands between them.
    Short chains are lines only from or to a port (`first`, `last`).
    """
    depth, height = [0] * count, [0] * count
    order = topological_order(count, links)
    incoming: list[list[int]] = [[] for _ in range(count)]
    outgoing: list[list[int]] = [[] for _ in range(count)]
    for index, (source, target) in enumerate(links):
        incoming[target].append(index)
        outgoing[source].append(index)
    for box in order:
        depth[box] = max([box in first, *(depth[links[i][0]] + 1 for i in incoming[box])])
    for box in reversed(order):
        height[box] = max([0, *(height[links[i][1]] + 1 for i in outgoing[box])])
    sources, targets = [source for source, _ in links], [target for _, target in links]
    before = [_only(incoming[box], depth, sources) for box in range(count)]
    onward = [[i for i in out if i in before[targets[i]]] for out in outgoing]
    after = [_only(onward[box], height, targets) for box in range(count)]
    found: set[int] = set()
    for box in order:
        if any(i in after[links[i][0]] for i in incoming[box]) or not after[box]:
            continue
        line: list[int] = []
        length, end = 0, box
        while after[end]:
            line += after[end]
            length, end = length + 1, links[after[end][0]][1]
        if length >= _LONG_LINE or box in first or end in last:
            found.update(line)
    return found


def _only(indices: list[int], rank: list[int], ends: list[int]) -> list[int]:
    """Those of some links that lead to the box of highest rank; none where two boxes share it."""
    top = max((rank[ends[i]] for i in indices), default=0)
    best = [i for i in indices if rank[ends[i]] == top]
    return best if len({ends[i] for i in best}) == 1 else []


def order_levels(levels: list[list[int]], before: list[list[int]], after: list[list[int]]) -> None:
    """Reorder the cells of every level, in place, so that few wires cross.

    `before[c]` and `after[c]` are the neighbours of cell c in the previous and the next level.
    """
    _start_from_the_end(levels, before)
    position = [0] * len(before)
    for level in levels:
        for i, cell in enumerate(level):
            position[cell] = i
    best, fewest = [list(level) for level in levels], _crossings(levels, after, position)
    sweeps = max(2, min(_MAX_SWEEPS, _SWEEP_BUDGET // max(len(before), 1)))
    stale = 0
    for sweep in range(sweeps):
        if fewest == 0 or stale > 3:
            break
        forwards = sweep % 2 == 0
        for level in levels[1:] if forwards else levels[-2::-1]:
            _sort_level(level, before if forwards else after, position)
        crossings = _crossings(levels, after, position)
        stale += 1
        if crossings < fewest:
            best, fewest, stale = [list(level) for level in levels], crossings, 0
    levels[:] = best


def _start_from_the_end(levels: list[list[int]], before: list[list[int]]) -> None:
    """First order: depth-first from the outputs, arguments in slot order (trees do not cross)."""
    visited: dict[int, int] = {}
    for level in reversed(levels):
        for root in level:
            stack = [root]
            while stack:
                cell = stack.pop()
                if cell not in visited:
                    visited[cell] = len(visited)
                    stack.extend(reversed(before[cell]))
    for level in levels:
        level.sort(key=visited.__getitem__)


def _sort_level(level: list[int], neighbours: list[list[int]], position: list[int]) -> None:
    """Sort the cells that have neighbours by their mean place; the others keep their place."""
    movable = [cell for cell in level if neighbours[cell]]
    mean = {
        cell: sum([position[n] for n in neighbours[cell]]) / len(neighbours[cell])
        for cell in movable
    }
    movable.sort(key=mean.__getitem__)
    refill = iter(movable)
    for i, cell in enumerate(level):
        level[i] = next(refill) if neighbours[cell] else cell
    for i, cell in enumerate(level):
        position[cell] = i


def _crossings(levels: list[list[int]], after: list[list[int]], position: list[int]) -> int:
    """Count crossing pairs of wires between neighbouring levels (Barth and others, 2002)."""
    total = 0
    for level, following in pairwise(levels):
        ends = [p for cell in level for p in sorted([position[n] for n in after[cell]])]
        if all(a <= b for a, b in pairwise(ends)):
            continue
        size = 1
        while size < len(following):
            size *= 2
        tree = [0] * (2 * size)
        for end in ends:
            index = end + size
            tree[index] += 1
            while index > 1:
                if index % 2 == 0:
                    total += tree[index + 1]
                index //= 2
                tree[index] += 1
    return total
