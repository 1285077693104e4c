"""`graph`: a model as boxes inside boxes, folded to a depth; the page folds and unfolds them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from html import escape
from textwrap import wrap
from typing import Any, Literal, TypeAlias, get_args

from ..autograd import Graph, Tensor
from ..autograd.graph import ancestors
from .blocks import (
    count_drawn,
    failed_blocks,
    fitted,
    fold_repeats,
    open_blocks,
    state_picture,
)
from .forward_run import Failure, run_forward
from .graph_data import fold_data
from .graph_page import fold_host, fold_page
from .graph_paint import Sheet, paint
from .graph_text import tree_text
from .live_figure import LiveFigure
from .modules import module_details
from .naming import Names, name_nodes
from .numbers import format_count
from .program import (
    Program,
    blocks_of_calls,
    homes_by_call,
    homes_by_path,
    read_equations,
    read_nodes,
)
from .theme import ThemeName, find_theme
from .view import View
from .wording import short_line

Shown: TypeAlias = Literal["shape", "parameters", "cost", "value", "grad"]
Fold: TypeAlias = Callable[[str, Any], bool] | Collection[str] | None
_OPEN = 300  # nodes that a drawing has at most, as far as closing modules can help
_MOST = 5_000


class ModelGraph(View):
    """A model's graph; `print` gives it as a table, the page folds and unfolds its modules.

    `opened` are the keys of the modules drawn open, `failure` says where the forward pass stopped.
    """

    def __init__(
        self,
        program: Program,
        opened: frozenset[int],
        show: tuple[Shown, ...],
        notes: tuple[str, ...],
        theme: str | None,
        failure: Failure | None,
    ) -> None:
        super().__init__(state_picture(program, opened, show), theme=theme, direction="TB")
        self.program, self.opened, self.show = program, opened, show
        self.notes, self.failure = notes, failure

    @cached_property
    def _sheet(self) -> Sheet:
        return Sheet(self.program, self.show, self.opened)

    def _drawable(self) -> None:
        count = count_drawn(self.program, self.opened)
        if count > _MOST:
            raise ValueError(
                f"a drawing of {format_count(count)} open nodes helps nobody. Three ways out: "
                "graph(…, depth=1) or fold= closes modules, graph(model.part, …) draws one module "
                "by itself, and a program without modules can be cut: draw(…, wrt=x) shows the "
                "routes to x only. `.text()` lists everything"
            )

    @cached_property
    def _figure(self) -> LiveFigure:
        self._drawable()
        return paint(
            self._sheet, self.opened, title=self.program.title, said=self.text(),
            notes=self.notes, theme=self.theme,
        )  # fmt: skip

    def text(self) -> str:
        """One line a module or operation, indented; then totals, notes, and what went wrong."""
        return tree_text(self.program, self.opened, self.show, self.notes)

    def svg(self) -> str:
        """The drawing as it is folded now. Raises ValueError above 5 000 nodes."""
        return self._figure.svg

    def html(self) -> str:
        """One page that opens offline: modules fold and unfold by click, Enter or Space.

        Raises ValueError above 5 000 nodes.
        """
        data = fold_data(self._sheet, self.opened)
        return fold_page(self.program.title, self._figure, self.text(), data, self.theme)

    def _repr_html_(self) -> str:
        try:
            figure = self._figure
        except ValueError as error:  # too large to draw: a cell's end is no place to raise
            return f"<p>{escape(str(error))}</p>"
        return fold_host(
            self.program.title, figure, fold_data(self._sheet, self.opened), self.theme
        )


def graph(
    model: Any,
    *inputs: Any,
    depth: int | Callable[[str, Any], bool] | None = None,
    fold: Fold = None,
    repeat: bool = False,
    show: Iterable[Shown] = ("shape", "parameters", "cost"),
    theme: ThemeName | None = None,
    names: Names = None,
    options: Mapping[str, Any] | None = None,
) -> ModelGraph:
    """Draw a model: `model(*inputs, **options)` is run, and its modules become nested frames.

    `depth` says how many levels are open (1: the model's own parts are boxes), or is a predicate on
    (path, module) that says which; what `fold` names (paths, classes, or a predicate) stays closed;
    `repeat=True` draws equal blocks in a row once, "× N". A forward pass that raises is drawn up to
    there. A Tensor shows its history, a captured `Graph` its equations. Raises TypeError for other
    things, ValueError for an unknown `show`.

    >>> import chainrule as cr
    >>> model = cr.nn.Sequential(cr.nn.Linear(4, 8), cr.nn.ReLU(), cr.nn.Linear(8, 2))
    >>> print(cr.viz.graph(model, cr.zeros(1, 4)).text())
    Sequential: 58 parameters, 48 multiply-adds
    <BLANKLINE>
    module       made by        shape   parameters   multiply-adds
    input        input            1×4
    Sequential                                  58              48
      0          Linear(4, 8)     1×8           40              32
      1          ReLU             1×8
      2          Linear(8, 2)     1×2           18              16
    output       output           1×2
    <BLANKLINE>
    """
    shown = tuple(show)
    if unknown := [item for item in shown if item not in get_args(Shown)]:
        raise ValueError(f"show knows {', '.join(get_args(Shown))}; got {unknown[0]!r}")
    find_theme(theme)
    failure = None
    values = "value" in shown or "grad" in shown
    if isinstance(model, Graph):
        program = _of_equations(model)
    elif isinstance(model, Tensor):
        program = _of_tensors([model, *inputs], names, values)
    elif callable(model):
        program, failure = _of_model(model, inputs, options or {}, values)
    else:
        raise TypeError(
            f"graph() draws a module (or function) with its inputs, a Tensor's history or a "
            f"captured Graph, got {type(model).__name__}"
        )
    if repeat:
        program = fold_repeats(program)
    wanted = open_blocks(program, 1 if depth is None else depth, fold)
    opened = fitted(program, wanted, _OPEN)
    if fold is None:
        opened |= failed_blocks(program)
    notes = []
    if len(opened) < len(wanted):
        closed = len(wanted) - len(opened)
        notes.append(
            f"{format_count(closed)} modules were closed to keep the drawing below {_OPEN} nodes"
        )
    if failure:
        notes += wrap(_stopped(failure), 96)
    return ModelGraph(program, opened, shown, tuple(notes), theme, failure)


def _stopped(failure: Failure) -> str:
    where = f", called at {short_line(failure.line)}" if failure.line else ""
    return f"the forward pass stopped at {failure.op}{where}"


def _of_model(
    model: Any, inputs: tuple[Any, ...], options: Mapping[str, Any], values: bool
) -> tuple[Program, Failure | None]:
    run = run_forward(model, inputs, options, see_through=True)
    known = hasattr(model, "named_modules")
    title = type(model).__name__ if known else getattr(model, "__name__", "function")
    names = dict(run.inputs)
    for members in ("named_parameters", "named_buffers"):
        for path, tensor in getattr(model, members, tuple)():
            if tensor._node is not None:
                names.setdefault(tensor._node, path)
    serials = [node.serial for node in run.order if node.plan is not None]
    homes = homes_by_call(serials, run.calls)
    blocks = blocks_of_calls(run.calls, title)
    program = read_nodes(
        run.order, run.roots, names, homes, blocks,
        outer=set(run.inputs), values=values, failure=run.failure,
    )  # fmt: skip
    for step in program.steps:
        if not step.op and step.block is not None:
            step.label = step.label.removeprefix(f"{blocks[step.block].path}.")
    spent = sum(step.cost.multiply_adds for step in program.steps)
    tops = {id(block.module): block.parameters for block in blocks if block.parent is None}
    program.title = _title(title, sum(tops.values()), spent)
    return program, run.failure


def _title(name: str, parameters: int, multiply_adds: int) -> str:
    words = [f"{format_count(parameters)} parameters"] if parameters else []
    words += [f"{format_count(multiply_adds)} multiply-adds"] if multiply_adds else []
    return f"{name}: {', '.join(words)}" if words else name


def _of_tensors(tensors: Iterable[Any], names: Names, values: bool) -> Program:
    outputs = list(tensors)
    for tensor in outputs:
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"graph() of several results takes Tensors, got {type(tensor).__name__}"
            )
        if tensor._node is None:
            raise RuntimeError(
                "nothing was recorded for this tensor: set requires_grad=True on an input, or "
                "compute it under chainrule.watch()"
            )
    roots = [tensor._node for tensor in outputs]
    order = ancestors(roots)
    given, _ = name_nodes(order, outputs, names)
    paths = [(n.serial, n.extra and n.extra.module) for n in order if n.plan is not None]
    blocks, homes = homes_by_path(paths, module_details(names))
    leaves = {node: name for node, name in given.items() if node.plan is None}
    outer = {node for node in leaves if not node.requires_grad}
    program = read_nodes(order, roots, leaves, homes, blocks, outer=outer, values=values)
    program.title = given.get(roots[0], "")
    return program


def _of_equations(graph: Graph) -> Program:
    paths = [(k, equation.module) for k, equation in enumerate(graph.equations)]
    blocks, homes = homes_by_path(paths, {})
    program = read_equations(graph, blocks, homes)
    program.title = f"{len(graph.equations)} equations"
    return program
