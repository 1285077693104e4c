"""Paint a model graph in any of its states, and hand the same facts to the page's script."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection
from html import escape
from typing import Any

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
from .marks import SMALL
from .program import Program
from .scenes import APART, HEAD, STEEP, WIDEST, Placed, Scene, compose, make_scenes
from .style import style_sheet
from .theme import find_theme
from .wording import tooltip

MARGIN = 16.0
_TITLE, _NOTE = 30.0, 18.0
_SHIPPED = 2_500  # nodes and groups whose places are worked out at most
_COLOURS = (
    (".module", "fill", "page"),
    (".module", "stroke", "muted"),
    (".failed", "fill", "page"),
    (".failed", "stroke", "grad"),
)
_FORM = (
    "& .module{stroke-width:1.25px}& .failed{stroke-width:2px}& .name.bold{font-weight:700}"
    "& .hit{fill:none;pointer-events:all}"
)


class Sheet:
    """The marks and scenes of a program: `body` paints a state, `data` is for the script."""

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
        parts += [self._tab(key, x, y) for key, (x, y, _, _) in placed.frames.items()]
        for key, (x, y) in placed.nodes.items():
            parts.append(f'<g transform="translate({px(x)} {px(y)})">{self._mark(key)}</g>')
        for key, (x, y) in placed.closed.items():
            parts.append(
                f'<g class="closed" data-b="{key}" transform="translate({px(x)} {px(y)})">'
                f"{self._closed(key)}</g>"
            )
        return "\n".join(parts), placed.width, placed.height

    def _tab(self, key: int, x: float, y: float) -> str:
        return f'<g class="opened" data-b="{key}" transform="translate({px(x)} {px(y)})">' + (
            self._tab_text(key) + "</g>"
        )

    def _tab_text(self, key: int) -> str:
        title, detail = self.tabs[key]
        small = f'<tspan class="small muted" dx="8">{escape(detail)}</tspan>' if detail else ""
        return f'<text class="name muted tab" x="12" y="17">{escape(title)}{small}</text>'

    def _mark(self, key: int) -> str:
        return mark_svg(self.marks[key], self.tips[key], key in self.used)

    def _closed(self, key: int) -> str:
        return mark_svg(self.closed[key], "", bool(self.closed[key].lines))

    def data(self, opened: Collection[int]) -> str:
        """What the script needs to fold and unfold: marks as SVG, scenes as numbers."""
        blocks = self.program.blocks
        facts_of: dict[str, Any] = {
            "open": sorted(opened),
            "parents": [block.parent for block in blocks],
            "names": [self._spoken(block.key) for block in blocks],
            "marks": {str(k): self._mark(k) for k in self._shipped("node")},
            "closed": {str(k): self._closed(k) for k in self._shipped("group")},
            "tabs": {str(k): self._tab_text(k) for k in self.scenes if k is not None},
            "forms": {str(k): _form(f) for k, f in forms(self.marks).items() if _round(f)},
            "scenes": {"root" if k is None else str(k): _plain(s) for k, s in self.scenes.items()},
            "sizes": [APART, STEEP, WIDEST, HEAD, HEAD - 22.0],
        }
        return json.dumps(facts_of, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")

    def _shipped(self, kind: str) -> list[int]:
        return sorted({k for s in self.scenes.values() for what, k in s.items if what == kind})

    def _spoken(self, key: int) -> str:
        title, detail = self.tabs[key]
        return f"{title}: {detail}" if detail else title


def _round(form: tuple[str, float, float]) -> bool:
    return form[0] in {"circle", "pill"}


def _form(form: tuple[str, float, float]) -> list[object]:
    return [form[0], round(form[1], 3), round(form[2], 3)]


def _plain(scene: Scene) -> list[object]:
    """A scene as nested lists, in the order in which the script reads it."""
    letters = {"node": "n", "group": "g", "in": "i", "out": "o"}
    return [
        [[letters[kind], key] for kind, key in scene.items],
        [list(map(_short, box)) for box in scene.boxes],
        list(map(_short, scene.starts)),
        list(map(_short, scene.wires)),
        scene.links,
        [[[_short(y), _short(x)] for y, x in route] for route in scene.routes],
        _short(scene.length),
        [[_short(a), _short(b), items] for a, b, items in scene.levels],
        [[_short(a), i, _short(b), j] for a, i, b, j in scene.beside],
        math.ceil(scene.tab),
    ]


def _short(number: float) -> float:
    return int(number) if number == int(number) else number


def paint(
    sheet: Sheet,
    opened: Collection[int],
    *,
    title: str,
    said: str,
    notes: Collection[str],
    theme: str | None,
) -> str:
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
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{key}" class="{key}" role="img" '
        f'width="{total}" height="{tall}" viewBox="0 0 {total} {tall}">\n'
        f"<title>{escape(title or 'Model graph')}</title>\n<desc>{escape(said)}</desc>\n"
        f"<style>{style}</style>\n{drawn}\n</svg>\n"
    )
