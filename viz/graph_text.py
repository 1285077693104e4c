"""A model graph as a table: one line a module or operation, indented, with totals."""

from __future__ import annotations

from collections.abc import Collection

from .blocks import Open, closers, costs, title_of_block
from .model import Node
from .numbers import format_count
from .program import Block, Program, Step
from .wording import norm_text, quantity_text, shape_text

_GAP = "   "


def tree_text(
    program: Program, opened: Open, show: Collection[str], notes: Collection[str] = ()
) -> str:
    """The nodes of a state in order, as aligned lines; reads well in a terminal and aloud."""
    spent = costs(program)
    closed = closers(program, opened)
    last = {closed[s.block]: s for s in program.steps if s.block in closed}
    rows = [_heads(show)]
    around: list[int] = []
    for step in program.steps:
        shut = closed.get(step.block) if step.block is not None else None
        if shut is not None and last[shut] is not step:
            continue
        home = program.blocks[shut].parent if shut is not None else step.block
        chain = program.around(home)[::-1]
        for level, key in enumerate(chain):
            if level >= len(around) or around[level] != key:
                rows.append(_block_row(program.blocks[key], None, spent[key][0], level, show))
        around = chain
        if shut is not None:
            row = _block_row(program.blocks[shut], step, spent[shut][0], len(chain), show)
        else:
            row = _step_row(step, len(chain), show)
        rows.append(row)
    notes = [*notes, *(f"{step.op}: {step.error}" for step in program.steps if step.error)]
    title = [program.title, ""] if program.title else []
    return "\n".join([*title, *_align(rows), *([""] if notes else []), *notes]) + "\n"


def _heads(show: Collection[str]) -> list[str]:
    wanted = {"shape": "shape", "value": "value", "grad": "gradient"}
    heads = ["module", "made by", *(word for key, word in wanted.items() if key in show)]
    heads += ["parameters"] if "parameters" in show else []
    return heads + (["multiply-adds"] if "cost" in show else [])


def _facts(step: Step | None, show: Collection[str]) -> list[str]:
    cells = []
    if "shape" in show:
        node = Node(0, "input", "", shape=step.shape, dtype=step.dtype) if step else None
        cells.append(shape_text(node) if node else "")
    if "value" in show:
        cells.append(quantity_text(step.value) if step else "")
    if "grad" in show:
        cells.append(norm_text(step.grad).removeprefix("∂ ").replace("‖∂‖", "norm") if step else "")
    return cells


def _count(number: int) -> str:
    return format_count(number) if number else ""


def _block_row(
    block: Block, leaving: Step | None, spent: int, level: int, show: Collection[str]
) -> list[str]:
    made = block.kind if leaving is None else block.detail or block.kind
    made = "" if made == block.title else made
    row = ["  " * level + title_of_block(block), made, *_facts(leaving, show)]
    row += [_count(block.parameters)] if "parameters" in show else []
    return row + ([_count(spent)] if "cost" in show else [])


def _step_row(step: Step, level: int, show: Collection[str]) -> list[str]:
    name = step.label if not step.op else step.op
    made = step.label if step.op else "output" if step.output else step.kind
    made = "failed" if step.error else made
    row = ["  " * level + name, made, *_facts(step if not step.error else None, show)]
    size = 1
    for n in step.shape:
        size *= n
    row += [_count(size) if step.kind == "parameter" else ""] if "parameters" in show else []
    return row + ([_count(step.cost.multiply_adds)] if "cost" in show else [])


def _align(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        _GAP.join(
            cell.ljust(width) if k < 2 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
