"""The parts of a model graph as marks: closed modules, the operation that failed, the wires."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from html import escape
from itertools import pairwise
from textwrap import wrap

from .blocks import facts, title_of_block
from .costs import Cost
from .fonts import text_width
from .layering import Box
from .layout import Point
from .marks import LINE, Mark, Shape, Span, TextLine, make_mark
from .model import Node, Picture
from .numbers import format_shape
from .outlines import outline, text_element
from .program import Block, Program, Step
from .wording import shape_text

ARROW = 6.0
_ERROR_LINE = 46


def closed_mark(
    block: Block, cost: Cost, shapes: Sequence[str], show: Collection[str], key: int
) -> Mark:
    """A closed module: a frame with its name, its class, what it holds; under it what comes out."""
    title = [Span(title_of_block(block), "name", style="bold")]
    detail = block.detail or block.kind
    lines: list[tuple[Span, ...]] = [tuple(title)]
    if detail:
        lines.append((Span(_cut(detail, 44), "small"),))
    said = facts(block, cost, show)
    if said:
        lines.append((Span(said, "small", "muted"),))
    width = max(math.ceil(max(sum(span.width for span in line) for line in lines)) + 28.0, 96.0)
    height = LINE * len(lines) + 14.0
    placed = tuple(TextLine(line, 0.0, 17.0 + LINE * k, "middle") for k, line in enumerate(lines))
    mark = Mark(Node(key, "operation", block.title))
    mark.shapes.append(Shape("module", -width / 2, 0.0, width, height, placed))
    labels = list(shapes[:2]) + ([f"… {len(shapes) - 2} more"] if len(shapes) > 2 else [])
    stub = len(labels) * LINE + 8.0 if labels else 10.0
    for k, label in enumerate(labels):
        spans = (Span(label, "small", "muted"),)
        mark.lines.append(TextLine(spans, 8.0, height + 15.0 + LINE * k, "start"))
    mark.stub = (height, height + stub)
    right = max([width / 2, *(line.x + line.width for line in mark.lines)])
    mark.box = Box(height + stub, width / 2, right, spread=width * 0.25)
    return mark


def step_mark(step: Step, node: Node, picture: Picture) -> Mark:
    """A tensor's mark; beside the operation that failed stands what went wrong."""
    mark = make_mark(node, picture, "TB", named=False)
    if not step.error:
        return mark
    shape = mark.shapes[0]
    text = f"{step.label} failed"
    width = math.ceil(text_width(text, 13.0, bold=True)) + 26.0
    said = [TextLine((Span(text, "number", "grad", "bold"),), 0.0, shape.height / 2 + 5, "middle")]
    mark.shapes = [Shape("failed", -width / 2, 0.0, width, shape.height, tuple(said))]
    lines = wrap(step.error, _ERROR_LINE)[:8]
    left, top = 2 - width / 2, shape.height + 16
    mark.lines = [
        TextLine((Span(line, "small", "grad"),), left, top + LINE * k, "start")
        for k, line in enumerate(lines)
    ]
    mark.stub = (0.0, 0.0)
    reach = max([0.0, *(line.x + line.width for line in mark.lines)])
    mark.box = Box(
        shape.height + LINE * len(lines) + 8.0, width / 2, max(width / 2, reach), width / 4
    )
    return mark


def leaving_shapes(program: Program) -> dict[int, list[str]]:
    """For each block the shapes of what leaves it, as texts, each once."""
    found: dict[int, dict[int, str]] = {block.key: {} for block in program.blocks}
    around = {block.key: program.around(block.key) for block in program.blocks}

    def leaves(step: Step, staying: Collection[int]) -> None:
        for block in around.get(step.block, []) if step.block is not None else []:
            if block not in staying:
                text = shape_text(Node(0, "input", "", shape=step.shape, dtype=step.dtype))
                found[block].setdefault(step.key, text or format_shape(()))

    for step in program.steps:
        inside = set(around.get(step.block, [])) if step.block is not None else set()
        for key in step.sources:
            leaves(program.steps[key], inside)
        if step.output and not step.error:
            leaves(step, ())
    return {key: list(dict.fromkeys(texts.values())) for key, texts in found.items()}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def mark_svg(mark: Mark, tooltip: str, wired: bool) -> str:
    """A mark around its own start, as SVG elements without a place."""
    parts = [f"<title>{escape(tooltip)}</title>"] if tooltip else []
    begin, end = mark.stub
    if wired and end > begin:
        parts.append(f'<path class="wire" d="M0 {px(begin)}V{px(end)}"/>')
    for shape in mark.shapes:
        parts.extend(outline(shape))
    parts.extend(text_element(line) for line in mark.lines)
    return "".join(parts)


def wire_svg(points: Sequence[Point], inset: float | None) -> str:
    """A wire from top to bottom: straight down, S-curves where it steps aside; then its arrow head.

    `inset` is how much further it goes to touch a round outline; None: it has no head.
    """
    points = list(points)
    x, y = points[-1]
    if inset is not None:
        points[-1] = (x, y + inset - ARROW + 1.0)
    path = f"M{px(points[0][0])} {px(points[0][1])}"
    for (a, b), (c, d) in pairwise(points):
        if d <= b and a == c:
            continue
        if a == c:
            path += f"V{px(d)}"
        else:
            middle = px(math.floor(b + d) / 2)
            path += f"C{px(a)} {middle} {px(c)} {middle} {px(c)} {px(d)}"
    wire = f'<path class="wire" d="{path}"/>'
    if inset is None:
        return wire
    tip = y + inset
    head = f"M{px(x)} {px(tip)}L{px(x - 3)} {px(tip - ARROW)}H{px(x + 3)}Z"
    return f'{wire}<path class="tip" d="{head}"/>'


def inset_of(form: tuple[str, float, float], offset: float) -> float:
    """How much further than the box's edge a wire that arrives off the middle touches an outline.

    `form` is (form, width, height) of the outline.
    """
    kind, width, height = form
    radius = height / 2
    if kind == "pill":
        offset = max(0.0, offset - (width / 2 - radius))
    if kind not in {"circle", "pill"}:
        return 0.0
    reach = radius - math.sqrt(max(radius * radius - offset * offset, 0.0))
    return math.floor(reach * 2 + 0.5) / 2


def px(length: float) -> str:
    """Half pixels, never −0: what Python and the page's script write alike."""
    return repr(math.floor(length * 2 + 0.5) / 2).removesuffix(".0")


def forms(marks: Mapping[int, Mark]) -> dict[int, tuple[str, float, float]]:
    """The outline of each mark."""
    shapes = {key: mark.shapes[0] for key, mark in marks.items()}
    return {key: (shape.form, shape.width, shape.height) for key, shape in shapes.items()}
