"""What a program looks like with some of its blocks closed: pictures, costs, repeated blocks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

from .costs import Cost
from .model import Edge, Group, Node, Picture
from .numbers import format_count
from .program import Block, Program, Step

Open = frozenset[int]


def level_of(program: Program) -> dict[int, int]:
    """How deep each block stands; the model itself has level 0, where it is a block."""
    base = 0 if program.blocks and program.blocks[0].path == "" else 1
    found: dict[int, int] = {}
    for block in program.blocks:
        found[block.key] = base if block.parent is None else found[block.parent] + 1
    return found


def open_blocks(
    program: Program,
    depth: int | Callable[[str, Any], bool],
    fold: Callable[[str, Any], bool] | Collection[str] | None,
) -> Open:
    """The blocks that are drawn open: down to a depth or where a predicate says so, less `fold`.

    A number opens what is made of modules; a layer without any inside stays closed.
    """
    levels = level_of(program)
    parents = {block.parent for block in program.blocks}

    def wanted(block: Block) -> bool:
        if callable(fold):
            if fold(block.path, block.module):
                return False
        elif fold is not None and (block.path in fold or block.kind in fold):
            return False
        if callable(depth):
            return block.path == "" or bool(depth(block.path, block.module))
        return levels[block.key] < depth and (block.key in parents or block.path == "")

    return frozenset(block.key for block in program.blocks if wanted(block))


def closers(program: Program, opened: Collection[int]) -> dict[int, int]:
    """For each block that is not seen from inside, the outermost closed block around it."""
    found: dict[int, int] = {}
    for block in program.blocks:
        if block.parent is not None and block.parent in found:
            found[block.key] = found[block.parent]
        elif block.key not in opened:
            found[block.key] = block.key
    return found


def count_drawn(program: Program, opened: Collection[int]) -> int:
    """How many nodes a drawing has: what stands in open blocks, and the closed ones."""
    closed = closers(program, opened)
    hidden = {closed[step.block] for step in program.steps if step.block in closed}
    return len(hidden) + sum(step.block not in closed for step in program.steps)


def failed_blocks(program: Program) -> Open:
    """The blocks around an operation that failed."""
    return frozenset(b for s in program.steps if s.error for b in program.around(s.block))


def fitted(program: Program, opened: Open, most: int) -> Open:
    """Close the deepest open blocks until at most `most` nodes are drawn, if that can be done."""
    levels = level_of(program)
    while count_drawn(program, opened) > most:
        deepest = max((levels[b] for b in opened), default=0)
        fewer = frozenset(b for b in opened if levels[b] < deepest)
        if deepest == 0 or fewer == opened:
            break
        opened = fewer
    return opened


def costs(program: Program) -> dict[int, Cost]:
    """The cost of each block, repeats included."""
    found = {block.key: Cost() for block in program.blocks}
    for step in program.steps:
        cost, block = step.cost, step.block
        while block is not None:
            times = program.blocks[block].times
            cost = Cost(cost.multiply_adds * times, cost.elements * times)
            found[block] = found[block].plus(cost)
            block = program.blocks[block].parent
    return found


def short_count(count: int) -> str:
    """A count in at most four digits: 61 706, 25.6 M, 4.09 G.

    >>> print(short_count(4089184256), short_count(850))
    4.09 G 850
    """
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if count >= size:
            return (
                f"{count / size:.3g}\u00a0{letter}" if count < 1000 * size else format_count(count)
            )
    return format_count(count)


def facts(block: Block, cost: Cost, show: Collection[str]) -> str:
    """Parameters and multiply-adds of a block, in words; empty where it has none."""
    words = []
    if "parameters" in show and block.parameters:
        noun = "parameter" if block.parameters == 1 else "parameters"
        words.append(f"{short_count(block.parameters)} {noun}")
    if "cost" in show and cost.multiply_adds:
        words.append(f"{short_count(cost.multiply_adds)} multiply-adds")
    return " · ".join(words)


def detail_of_block(block: Block, cost: Cost, show: Collection[str]) -> str:
    """A block's class and what it holds, for the tab of its frame."""
    kind = block.kind if block.kind != block.title else ""
    return " · ".join(filter(None, [kind, facts(block, cost, show)]))


def title_of_block(block: Block) -> str:
    """A block's name, with "× 12" where it stands for several."""
    return f"{block.title} × {block.times}" if block.times > 1 else block.title


def state_picture(program: Program, opened: Open, show: Collection[str]) -> Picture:
    """The picture with these blocks open; a closed block is one node, its key after the steps'."""
    closed = closers(program, opened)
    spent = costs(program)
    inside: dict[int, list[Step]] = {}
    for step in program.steps:
        if step.block in closed:
            inside.setdefault(closed[step.block], []).append(step)
    nodes, edges = [], dict[tuple[int, int], None]()
    first = len(program.steps)

    def seen(step: Step) -> int:
        return first + closed[step.block] if step.block in closed else step.key

    arguments: dict[int, list[int]] = {}
    for step in program.steps:
        target = seen(step)
        for source in step.sources:
            origin = seen(program.steps[source])
            if origin == target:
                continue
            if target >= first and (origin, target) in edges:
                continue
            edges[origin, target] = None
            arguments.setdefault(target, []).append(origin)
        if step.block not in closed:
            nodes.append(_node_of(step, show))
        elif inside[closed[step.block]][-1] is step:
            block = program.blocks[closed[step.block]]
            nodes.append(_closed(block, spent[block.key], inside[block.key], target, show))
    wires = [
        Edge(source, target, slot)
        for target, sources in arguments.items()
        for slot, source in enumerate(sources)
    ]
    place = {node.key: k for k, node in enumerate(nodes)}
    wires.sort(key=lambda edge: (place[edge.target], edge.slot))
    inhabited = _inhabited(program)
    groups = tuple(
        Group(b.key, title_of_block(b), b.parent, detail_of_block(b, spent[b.key], show))
        for b in program.blocks
        if b.key not in closed and b.key in inhabited
    )
    quantities = tuple(s for s in ("value", "grad") if s in show)
    return Picture(tuple(nodes), tuple(wires), groups, program.title, "", quantities)  # type: ignore[arg-type]


def _inhabited(program: Program) -> set[int]:
    """Blocks with a step inside."""
    found: set[int] = set()
    for step in program.steps:
        found.update(program.around(step.block))
    return found


def _node_of(step: Step, show: Collection[str]) -> Node:
    notes = (step.error,) if step.error else ()
    return Node(
        step.key, step.kind, f"v{step.key}" if step.op else step.label,
        step.label if step.op else "", step.op, value=step.value, grad=step.grad,
        shape=step.shape, dtype=step.dtype, auto_name=bool(step.op), output=step.output,
        group=step.block, notes=notes, line=step.line,
    )  # fmt: skip


def _closed(block: Block, cost: Cost, inside: list[Step], key: int, show: Collection[str]) -> Node:
    output = any(step.output for step in inside)
    leaving = next((step for step in inside if step.output), inside[-1])
    errors = tuple(step.error for step in inside if step.error)
    detail = block.detail or block.kind
    said = " · ".join(filter(None, [detail, facts(block, cost, show)]))
    return Node(
        key, "operation", title_of_block(block), said or block.title, detail,
        value=leaving.value, grad=leaving.grad, shape=leaving.shape, dtype=leaving.dtype,
        output=output, group=block.parent, notes=errors, line=leaving.line,
    )  # fmt: skip


def fold_repeats(program: Program) -> Program:
    """Keep one of equal blocks that stand in a row, and write on it how many there are."""
    members = _members(program)
    signs = _signatures(program, members)
    gone: set[int] = set()
    stands_for: dict[int, int] = {}
    blocks = [replace(block) for block in program.blocks]
    for run in _runs(program, members, signs):
        first, rest = run[0], run[1:]
        if first in gone:
            continue
        for other in rest:
            gone.add(other)
            pairs = zip(_inside(other, members), _inside(first, members), strict=True)
            stands_for.update(pairs)
        blocks[first].times = len(run)
        blocks[first].title = f"{blocks[first].title} … {blocks[run[-1]].title}"
        if len({id(blocks[b].module) for b in run}) == len(run):
            blocks[first].parameters = sum(blocks[b].parameters for b in run)
    return _without(program, blocks, gone, stands_for) if gone else program


def _members(program: Program) -> dict[int | None, list[tuple[str, int]]]:
    """What stands directly in each block, in order: steps and blocks."""
    found: dict[int | None, list[tuple[str, int]]] = {None: []}
    entered: set[int] = set()
    for step in program.steps:
        inner: tuple[str, int] = ("step", step.key)
        for block in [*program.around(step.block), None]:
            found.setdefault(block, [])
            if inner[0] == "step" or inner[1] not in entered:
                found[block].append(inner)
            if block is None or block in entered:
                break
            if inner[0] == "block":
                entered.add(inner[1])
            inner = ("block", block)
        if inner[0] == "block":
            entered.add(inner[1])
    return found


def _inside(block: int, members: dict[int | None, list[tuple[str, int]]]) -> list[int]:
    """All steps in a block, in order."""
    keys: list[int] = []
    for what, key in members.get(block, []):
        keys += [key] if what == "step" else _inside(key, members)
    return keys


def _signatures(
    program: Program, members: dict[int | None, list[tuple[str, int]]]
) -> dict[int, object]:
    """What makes two blocks equal: classes, operations, shapes, and how they are wired inside."""
    found: dict[int, object] = {}
    for block in reversed(program.blocks):
        keys = _inside(block.key, members)
        place = {key: k for k, key in enumerate(keys)}
        steps = [program.steps[key] for key in keys]
        found[block.key] = (
            block.kind,
            tuple(
                (s.kind, s.op, s.shape, s.dtype, *(place.get(k, -1) for k in s.sources))
                for s in steps
            ),
            tuple(found[key] for what, key in members.get(block.key, []) if what == "block"),
        )  # fmt: skip
    return found


def _runs(
    program: Program,
    members: dict[int | None, list[tuple[str, int]]],
    signs: dict[int, object],
) -> Iterable[list[int]]:
    """Equal blocks in a row, outer ones first; leaves between them do not count."""
    for parent in [None, *(block.key for block in program.blocks)]:
        run: list[int] = []
        for what, key in members.get(parent, []):
            if what == "step":
                if program.steps[key].op:
                    yield from [run] if len(run) > 1 else []
                    run = []
                continue
            if run and signs[key] != signs[run[0]]:
                yield from [run] if len(run) > 1 else []
                run = []
            run.append(key)
        yield from [run] if len(run) > 1 else []


def _without(
    program: Program, blocks: list[Block], gone: set[int], stands_for: dict[int, int]
) -> Program:
    """The program less the blocks that others stand for, keys renumbered."""

    def kept(key: int) -> int:
        while key in stands_for:
            key = stands_for[key]
        return key

    staying: dict[int, int] = {}
    for block in blocks:
        if block.key not in gone and (block.parent is None or block.parent in staying):
            staying[block.key] = len(staying)
    left = [s for s in program.steps if s.key not in stands_for]
    new = {step.key: k for k, step in enumerate(left)}
    steps = []
    for step in left:
        sources = [new[kept(k)] for k in step.sources]
        home = staying[step.block] if step.block is not None else None
        steps.append(replace(step, key=new[step.key], sources=sources, block=home))
    for step in program.steps:
        if step.output and step.key in stands_for:
            steps[new[kept(step.key)]].output = True
    renumbered = [
        replace(b, key=staying[b.key], parent=staying[b.parent] if b.parent is not None else None)
        for b in blocks
        if b.key in staying
    ]
    return Program(steps, renumbered, program.title)
