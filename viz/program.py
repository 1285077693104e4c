"""A recorded or captured program in the form that model graphs are made of: steps inside blocks.

A *step* is a tensor and the operation that made it; a *block* is one call of a module. Blocks hold
what ran between a module's first and last operation, so no wire leaves a block and comes back.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd.graph import is_output
from ..autograd.tracer import Graph, Var
from .costs import Cost, cost_of
from .forward_run import Call, Failure
from .model import Absent, Kind, Quantity
from .modules import one_line
from .quantities import quantity
from .wording import quantity_text, short_line


@dataclass(slots=True)
class Step:
    """One tensor: a leaf (`op` is empty), or what an operation made of its `sources`."""

    key: int
    kind: Kind
    label: str
    op: str = ""
    sources: list[int] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    dtype: str = ""
    cost: Cost = field(default_factory=Cost)
    block: int | None = None
    line: str = ""
    value: Quantity = Absent.NOT_COMPUTED
    grad: Quantity = Absent.NOT_COMPUTED
    output: bool = False
    outer: bool = False  # given to the model: it stands outside all blocks
    error: str = ""


@dataclass(slots=True)
class Block:
    """One call of a module, with the block around it; blocks are listed outside in."""

    key: int
    title: str
    path: str
    kind: str = ""  # the module's class
    detail: str = ""  # its class with its sizes
    parent: int | None = None
    parameters: int = 0
    times: int = 1  # how many like it stand in a row
    module: Any = None


@dataclass(slots=True)
class Program:
    """Steps in topological order, and the blocks that they stand in."""

    steps: list[Step]
    blocks: list[Block]
    title: str = ""

    def around(self, block: int | None) -> list[int]:
        """The blocks around a place, from the inside out, itself first."""
        chain = []
        while block is not None:
            chain.append(block)
            block = self.blocks[block].parent
        return chain


def blocks_of_calls(calls: Sequence[Call], title: str) -> list[Block]:
    """One block a call; the outermost has the model's class as its title."""
    blocks = []
    for call in calls:
        name = call.path.rpartition(".")[2] if call.path else title
        outer = calls[call.parent].path if call.parent is not None else ""
        if outer and call.path.startswith(outer + "."):
            name = call.path[len(outer) + 1 :]
        kind = type(call.module).__name__
        numbers = {id(p): p.numel() for p in getattr(call.module, "parameters", tuple)()}
        blocks.append(
            Block(
                call.index, name, call.path, kind, one_line(call.module),
                call.parent, sum(numbers.values()), module=call.module,
            )
        )  # fmt: skip
    return blocks


def homes_by_call(serials: Iterable[int], calls: Sequence[Call]) -> dict[int, int]:
    """For each serial number (rising), the innermost call that it falls into."""
    found: dict[int, int] = {}
    waiting, around = iter(calls), list[Call]()
    following = next(waiting, None)
    for serial in serials:
        while following is not None and following.first < serial:
            around.append(following)
            following = next(waiting, None)
        while around and around[-1].last < serial:
            around.pop()
        inside = [call for call in around if call.last > serial]
        if inside:
            found[serial] = inside[-1].index
    return found


def homes_by_path(
    paths: Iterable[tuple[int, str | None]], details: Mapping[str, str]
) -> tuple[list[Block], dict[int, int]]:
    """Blocks from the module paths of operations in order: what follows on one path is one call."""
    blocks: list[Block] = []
    found: dict[int, int] = {}
    around: list[Block] = []
    for serial, path in paths:
        parts = path.split(".") if path else []
        wholes = [".".join(parts[: k + 1]) for k in range(len(parts))]
        shared = 0
        while shared < min(len(around), len(wholes)) and around[shared].path == wholes[shared]:
            shared += 1
        del around[shared:]
        for k in range(shared, len(wholes)):
            parent = around[-1].key if around else None
            detail = details.get(wholes[k], "")
            kind = detail.partition("(")[0]
            around.append(Block(len(blocks), parts[k], wholes[k], kind, detail, parent))
            blocks.append(around[-1])
        if around:
            found[serial] = around[-1].key
    return blocks, found


def read_nodes(
    order: Sequence[Any],
    roots: Sequence[Any],
    names: Mapping[Any, str],
    homes: Mapping[int, int],
    blocks: list[Block],
    *,
    outer: Container[Any] = (),
    values: bool = True,
    failure: Failure | None = None,
) -> Program:
    """The program behind recorded nodes (oldest first).

    `names` are those of leaves; the leaves in `outer` stand outside all blocks.
    """
    reader = _Reader(names, homes, outer, values)
    for node in order:
        if node.plan is not None and not is_output(node):
            reader.operation(node)
    for node in order:
        if node.plan is None and node in names and node not in reader.places:
            reader.leaf(node)
    for root in roots:
        if root not in reader.places and root.plan is None:
            reader.leaf(root)
        reader.result(root)
    if failure is not None:
        reader.failed(failure)
    program = Program(_leaves_first(reader.steps), blocks)
    _place_leaves(program)
    _count_parameters(program)
    return program


class _Reader:
    def __init__(
        self,
        names: Mapping[Any, str],
        homes: Mapping[int, int],
        outer: Container[Any],
        values: bool,
    ) -> None:
        self.wants_values = values
        self.names, self.homes, self.outer = names, homes, outer
        self.steps: list[Step] = []
        self.places: dict[Any, int] = {}

    def place(self, node: Any) -> Step:
        """The step of a node; one result of several stands for the operation that made them."""
        return self.steps[self.places[_maker(node)]]

    def leaf(self, node: Any) -> None:
        name = self.names.get(node, "")
        owner = node.owner() if node.owner is not None else None
        kind: Kind = "parameter" if type(owner).__name__ == "Parameter" else "input"
        if not name and not node.shape and kind == "input":
            kind = "constant"
            name = quantity_text(quantity(node.value, node))
        if not name:
            name = "parameter" if kind == "parameter" else "constant"
        step = Step(len(self.steps), kind, name, shape=tuple(node.shape))
        step.dtype, step.outer = str(node.dtype), node in self.outer
        step.value = self._value(node)
        if node.requires_grad and node.grad is not None and self.wants_values:
            step.grad = quantity(node.grad._data, node)
        self._enter(node, step)

    def operation(self, node: Any) -> None:
        operands = node.operands()
        tensors = [o for o in operands if hasattr(o, "serial")]
        for operand in tensors:
            if operand.plan is None and operand not in self.places:
                self.leaf(operand)
        op = node.plan.op
        several = bool(op.several)
        shape = tuple(node.value[0][0] if several and node.value else node.shape)
        step = Step(len(self.steps), "operation", _label(op, operands), op.name)
        step.sources = [self.place(operand).key for operand in tensors]
        step.shape, step.dtype = shape, str(node.dtype)
        shapes = [tuple(getattr(o, "shape", ())) for o in operands]
        step.cost = cost_of(op.name, shapes, shape, dict(zip(op.params, node.params, strict=False)))
        step.block = self.homes.get(node.serial)
        extra = node.extra
        if extra is not None:
            step.line = short_line(extra.line)
            if extra.grad is not None and self.wants_values:
                step.grad = quantity(getattr(extra.grad, "_data", extra.grad), node)
        step.value = Absent.NOT_KEPT if several else self._value(node)
        self._enter(node, step)

    def _value(self, node: Any) -> Quantity:
        """What the node held; not worked out for an array that nobody asked for."""
        return (
            quantity(node.value, node) if self.wants_values or not node.shape else Absent.NOT_KEPT
        )

    def result(self, node: Any) -> None:
        """What comes out: a box at the end of its wire."""
        made = self.place(node)
        name = self.names.get(node, "output")
        step = Step(len(self.steps), "input", name, sources=[made.key], outer=True, output=True)
        step.shape, step.dtype = tuple(node.shape), str(node.dtype)
        step.value, step.grad = made.value, made.grad
        self.steps.append(step)

    def failed(self, failure: Failure) -> None:
        step = Step(len(self.steps), "operation", failure.op, failure.op, output=True)
        step.sources = [self.place(n).key for n in failure.sources if _maker(n) in self.places]
        step.error, step.line = failure.sentence, short_line(failure.line)
        step.block = failure.call
        self.steps.append(step)

    def _enter(self, node: Any, step: Step) -> None:
        self.places[node] = step.key
        self.steps.append(step)


def read_equations(graph: Graph, blocks: list[Block], homes: Mapping[int, int]) -> Program:
    """The program of a captured graph; `homes` are by the place of the equation."""
    steps: list[Step] = []
    places: dict[str, int] = {}

    def add(step: Step, names: Iterable[str]) -> None:
        places.update(dict.fromkeys(names, step.key))
        steps.append(step)

    for kind, var in [
        *(("input", v) for v in graph.inputs),
        *(("constant" if not v.shape else "parameter", v) for v, _ in graph.constants),
    ]:
        known: Kind = kind  # type: ignore[assignment]  # one of the literals above
        leaf = Step(len(steps), known, var.name, shape=var.shape, dtype=str(var.dtype))
        leaf.outer = kind == "input"
        add(leaf, [var.name])
    for at, equation in enumerate(graph.equations):
        op, first = equation.op, equation.outputs[0]
        step = Step(len(steps), "operation", _label(op, equation.inputs), op.name)
        step.sources = [places[v.name] for v in equation.inputs if isinstance(v, Var)]
        step.shape, step.dtype, step.line = first.shape, str(first.dtype), short_line(equation.line)
        shapes = [v.shape if isinstance(v, Var) else () for v in equation.inputs]
        params = dict(zip(op.params, equation.params, strict=False))
        step.cost = cost_of(op.name, shapes, first.shape, params)
        step.block = homes.get(at)
        add(step, [v.name for v in equation.outputs])
    for output in graph.outputs:
        if isinstance(output, Var):
            step = Step(len(steps), "input", "output", outer=True, output=True)
            step.sources, step.shape = [places[output.name]], output.shape
            step.dtype = str(output.dtype)
            steps.append(step)
    program = Program(_leaves_first(steps), blocks)
    _place_leaves(program)
    _count_parameters(program)
    return program


def _maker(node: Any) -> Any:
    return node.operands()[0] if is_output(node) else node


def _label(op: Any, operands: Sequence[Any]) -> str:
    """The operation's symbol, with a plain number beside it where it has one: "× 2"."""
    numbers = [o for o in operands if isinstance(o, (int, float)) and not isinstance(o, bool)]
    if len(operands) != 2 or len(numbers) != 1:
        return str(op.symbol)
    text = quantity_text(numbers[0])
    return f"{op.symbol} {text}" if operands[1] is numbers[0] else f"{text} {op.symbol}"


def _leaves_first(steps: list[Step]) -> list[Step]:
    """The same steps, what was given first, other leaves right before their first use."""
    placed = {step.key: None for step in steps if step.outer and not step.sources}
    for step in steps:
        if step.op:
            placed.update(dict.fromkeys(k for k in step.sources if not steps[k].op))
            placed[step.key] = None
    placed.update(dict.fromkeys(step.key for step in steps))
    new = {old: k for k, old in enumerate(placed)}
    ordered = [steps[old] for old in placed]
    for step in ordered:
        step.key = new[step.key]
        step.sources = [new[k] for k in step.sources]
    return ordered


def _place_leaves(program: Program) -> None:
    """A parameter or constant stands in the innermost block that holds all its uses."""
    shared: dict[int, list[int]] = {}
    for step in program.steps:
        around = program.around(step.block)
        for key in step.sources:
            shared[key] = [b for b in shared[key] if b in around] if key in shared else around
    for step in program.steps:
        if not step.op and not step.outer and step.key in shared:
            step.block = next(iter(shared[step.key]), None)


def _count_parameters(program: Program) -> None:
    """Parameters of blocks whose module is not at hand: those used inside."""
    used: dict[int, dict[int, int]] = {}
    for step in program.steps:
        for key in step.sources:
            source = program.steps[key]
            if source.kind == "parameter":
                for around in program.around(step.block):
                    used.setdefault(around, {})[key] = int(np.prod(source.shape))
    for block in program.blocks:
        if block.module is None:
            block.parameters = sum(used.get(block.key, {}).values())
