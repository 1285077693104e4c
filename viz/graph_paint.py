"""Paint a model graph in any of its states, and hand the same facts to the page's script."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from html import escape

from .blocks import Open, costs, detail_of_block, state_picture, title_of_block
from .fonts import text_width
from .graph_marks import (
    closed_mark,
    forms,
    inset_of,
    leaving_shapes,
    mark_svg,
    px,
    step_mark,
    wire_svg,
)
from .live_figure import LiveFigure
from .marks import SMALL
from .outlines import header
from .program import Program
from .scenes import Placed, compose, make_scenes
from .style import style_sheet
from .theme import find_theme
from .wording import tooltip

MARGIN = 14.0
_TITLE, _NOTE = 30.0, 18.0
_SHIPPED = 2_500  # nodes and groups whose places are worked out at most
_COLOURS = (
    (".module", "fill", "page"),
    (".module", "stroke", "muted"),
    (".failed", "fill", "page"),
    (".failed", "stroke", "grad"),
    ("[role=button]:focus-visible .hit", "stroke", "value"),
)
_FORM = (
    "& .module{stroke-width:1.25px}& .failed{stroke-width:2px}& .name.bold{font-weight:700}"
    "& .hit{fill:none;pointer-events:all;stroke-width:2px}& .sign{font-weight:700}"
    "& [role=button]{cursor:pointer;outline:none}& [role=button]:hover .module{stroke-width:2.25px}"
)


class Sheet:
    """The marks and scenes of a program; `body` paints a state."""

    def __init__(self, program: Program, show: Collection[str], opened: Open) -> None:
        self.program, self.show = program, show
        picture = state_picture(program, frozenset(b.key for b in program.blocks), show)
        spent = costs(program)
        shapes = leaving_shapes(program) if "shape" in show else {}
        nodes = {n.key: n for n in picture.nodes}
        self.marks = {s.key: step_mark(s, nodes[s.key], picture) for s in program.steps}
        self.closed = {
            b.key: closed_mark(b, spent[b.key], shapes.get(b.key, []), show, len(nodes) + b.key)
            for b in program.blocks
        }
        self.tabs = {
            b.key: (title_of_block(b), detail_of_block(b, spent[b.key], show))
            for b in program.blocks
        }
        self.tips = {n.key: tooltip(n, picture) for n in picture.nodes}
        self.used = {key for step in program.steps for key in step.sources}
        widths = {
            key: text_width(title, 12.0, bold=True) + text_width(detail, SMALL) + 26.0
            for key, (title, detail) in self.tabs.items()
        }
        self.scenes = make_scenes(
            picture,
            {key: mark.box for key, mark in self.marks.items()},
            {key: mark.box for key, mark in self.closed.items()},
            widths,
            self._worth(opened),
        )

    def _worth(self, opened: Open) -> list[int | None]:
        """The groups whose inside is worked out: the open ones, then the outer ones first."""
        inside: dict[int | None, int] = {}
        for step in self.program.steps:
            inside[step.block] = inside.get(step.block, 0) + 1
        for block in self.program.blocks:
            inside[block.parent] = inside.get(block.parent, 0) + 1
        depth: dict[int | None, int] = {None: 0}
        for block in self.program.blocks:
            depth[block.key] = depth[block.parent] + 1
        order = sorted(depth, key=lambda b: (b is not None and b not in opened, depth[b], b or 0))
        chosen: list[int | None] = []
        total = 0
        for block_key in order:
            total += inside.get(block_key, 0)
            if block_key is None or block_key in opened or total <= _SHIPPED:
                chosen.append(block_key)
        return chosen

    def place(self, opened: Collection[int]) -> Placed:
        """Where everything stands when these blocks are open."""
        return compose(self.scenes, opened)

    def body(self, opened: Collection[int]) -> tuple[str, float, float]:
        """The SVG elements of a state, from (0, 0), with its width and height."""
        placed = self.place(opened)
        outlines, shut = forms(self.marks), forms(self.closed)
        parts = []
        for key, (x, y, width, height) in placed.frames.items():
            parts.append(
                f'<rect class="frame" data-f="{key}" x="{px(x)}" y="{px(y)}" width="{px(width)}" '
                f'height="{px(height)}" rx="8"/>'
            )
        for points, (kind, key), lane in placed.wires:
            inset = None
            if kind in {"node", "group"}:
                form = outlines[key] if kind == "node" else shut[key]
                inset = inset_of(form, abs(points[-1][0] - lane))
            parts.append(wire_svg(points, inset))
        for key, (x, y, width, _) in placed.frames.items():
            parts.append(
                f'<g class="opened" data-b="{key}" transform="translate({px(x)} {px(y)})">'
                f"{header(width)}{self.tab(key)}</g>"
            )
        for key, (x, y) in placed.nodes.items():
            parts.append(f'<g transform="translate({px(x)} {px(y)})">{self._mark(key)}</g>')
        for key, (x, y) in placed.closed.items():
            parts.append(
                f'<g class="closed" data-b="{key}" transform="translate({px(x)} {px(y)})">'
                f"{self.closed_svg(key)}</g>"
            )
        return "\n".join(parts), placed.width, placed.height

    def tab(self, key: int) -> str:
        """The title of an open module, from its corner."""
        title, detail = self.tabs[key]
        small = f'<tspan class="small muted" dx="8">{escape(detail)}</tspan>' if detail else ""
        return f'<text class="name muted tab" x="12" y="17">{escape(title)}{small}</text>'

    def _mark(self, key: int) -> str:
        return mark_svg(self.marks[key], self.tips[key], key in self.used)

    def closed_svg(self, key: int) -> str:
        """A closed module."""
        return mark_svg(self.closed[key], "", bool(self.closed[key].lines))

    def spoken(self, key: int) -> str:
        """What a screen reader says for a module."""
        title, detail = self.tabs[key]
        return f"{title}: {detail}" if detail else title


def paint(
    sheet: Sheet,
    opened: Collection[int],
    *,
    title: str,
    said: str,
    notes: Collection[str],
    theme: str | None,
) -> LiveFigure:
    """One state as a complete SVG: title, figure, notes under it; `said` describes it in words."""
    body, wide, high = sheet.body(opened)
    head = MARGIN + (_TITLE if title else 0.0)
    width = max([wide, text_width(title, 15.0), *(text_width(n, 11.0) for n in notes)])
    lines = [
        f'<text class="small muted" x="{px(MARGIN)}" y="{px(head + high + 22 + _NOTE * k)}">'
        f"{escape(note)}</text>"
        for k, note in enumerate(notes)
    ]
    top = f'<text class="ink title" x="{px(MARGIN)}" y="{px(MARGIN + 12)}">{escape(title)}</text>'
    parts = [
        top if title else "",
        f'<g class="stage" transform="translate({px(MARGIN)} {px(head)})">\n{body}\n</g>',
        f'<g class="notes">{"".join(lines)}</g>' if lines else "",
    ]
    drawn = "\n".join(filter(None, parts))
    key = "cr-" + hashlib.sha256(f"{drawn}\n{said}\n{theme or 'auto'}".encode()).hexdigest()[:8]
    total = px(math.ceil(width + 2 * MARGIN))
    tall = px(math.ceil(head + high + MARGIN + (_NOTE * len(lines) + 8 if lines else 0)))
    style = style_sheet(key, find_theme(theme), _COLOURS, _FORM)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{key}" role="img" '
        f'width="{total}" height="{tall}" viewBox="0 0 {total} {tall}">\n'
        f"<title>{escape(title or 'Model graph')}</title>\n<desc>{escape(said)}</desc>\n"
        f"<style>{style}</style>\n{drawn}\n</svg>\n"
    )
    return LiveFigure(svg, key)
