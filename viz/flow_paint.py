"""The chart of `flow` as SVG: sizes as points on one logarithmic axis, shares, sparklines."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

from .fonts import text_width
from .graph_marks import px
from .numbers import format_number, superscript
from .style import style_sheet
from .theme import find_theme

_ROW, _HEAD, _MARGIN = 22.0, 62.0, 14.0
_PANEL, _GAP, _SHARE, _SPARK = 168.0, 44.0, 76.0, 92.0
_READABLE = 5 / 6  # of its size: a narrower page scrolls, as smaller letters could not be read
_COLOURS = (
    (".v", "fill", "value"),
    (".v", "stroke", "value"),
    (".g", "fill", "grad"),
    (".g", "stroke", "grad"),
    (".p", "fill", "parameter"),
    (".p", "stroke", "parameter"),
    (".grid", "stroke", "wire"),
    (".band", "fill", "tint"),
    (".gradients", "stroke", "grad"),
    (".updates", "stroke", "parameter"),
)
_FORM = (
    "& .grid{stroke-opacity:.35;stroke-width:1px}& .guide{stroke-dasharray:3 3;stroke-opacity:.9}"
    "& .stem{stroke-width:2px;stroke-opacity:.55}& .line{fill:none;stroke-width:1.5px}"
    "& .small{font-size:11px}& .strong{font-weight:700}"
)


def paint_flow(
    rows: Sequence[Any], title: str, advice: Iterable[str], said: str, theme: str | None
) -> str:
    """Draw the rows: size, gradient and update share one axis; `said` describes all in words."""
    chart = _Chart(rows)
    chart.paint()
    top = _MARGIN + 8
    parts = [f'<text class="ink title" x="{px(_MARGIN)}" y="{px(top + 6)}">{escape(title)}</text>']
    parts += chart.parts
    low = _HEAD + _ROW * len(rows) + 44
    widest = max([text_width(title, 15.0), chart.width])
    for k, line in enumerate(advice):
        y = low + 20 * k
        parts.append(f'<text class="ink small" x="{px(_MARGIN)}" y="{px(y)}">{escape(line)}</text>')
        widest = max(widest, text_width(line, 11.0))
        chart.height = y + 8
    drawn = "\n".join(parts)
    key = "cr-" + hashlib.sha256(f"{drawn}\n{theme or 'auto'}".encode()).hexdigest()[:8]
    whole = math.ceil(widest + 2 * _MARGIN)
    width, height = px(whole), px(math.ceil(chart.height + _MARGIN))
    form = f"{_FORM}&{{min-width:{px(math.ceil(_READABLE * whole))}px}}"
    style = style_sheet(key, find_theme(theme), _COLOURS, form)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{key}" class="{key}" role="img" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(said)}</desc>\n"
        f"<style>{style}</style>\n{drawn}\n</svg>\n"
    )


class _Chart:
    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = rows
        self.parts: list[str] = []
        names = [text_width(_label(r), 12.0) + 16 * r.level for r in rows]
        self.left = _MARGIN + max([*names, 60.0]) + 18
        shown = [v for r in rows for v in (r.size, r.gradient, r.update)]
        exponents = [math.log10(v) for v in shown if v and math.isfinite(v)]
        self.low = math.floor(min(exponents, default=-4.0))
        self.high = max(math.ceil(max(exponents, default=1.0)), self.low + 1)
        self.updates = any(r.update is not None for r in rows)
        self.shares = any(r.saturated is not None or r.dead is not None for r in rows)
        self.course = any(len(r.gradient_course) > 1 for r in rows)
        self.width = self.height = 0.0

    def paint(self) -> None:
        bottom = _HEAD + _ROW * len(self.rows)
        at = self.left
        bands = range((len(self.rows) + 1) // 2)
        self.parts += [""] * len(bands)  # put in when the width is known
        panels: list[tuple[str, str, Callable[[Any], float | None]]] = [
            ("size", "v", lambda r: r.size),
            ("gradient", "g", lambda r: r.gradient),
        ]
        if self.updates:
            panels.append(("update / size", "p", lambda r: r.update))
        self._names()
        for head, colour, value in panels:
            self._panel(at, head, colour, value, bottom)
            falls = head == "gradient" and any(r.fall for r in self.rows)
            at += _PANEL + _GAP + (46 if falls else 0)
        if self.shares:
            self._share(at, "saturated", lambda r: r.saturated)
            self._share(at + _SHARE, "dead", lambda r: r.dead)
            at += 2 * _SHARE + 8
        if self.course:
            steps = max(len(r.gradient_course) for r in self.rows)
            self._sparks(at, f"gradient, {steps} steps", "gradients", lambda r: r.gradient_course)
            at += _SPARK + 34
            if self.updates:
                self._sparks(at, "update / size", "updates", lambda r: r.update_course)
                at += _SPARK + 20
        self.width, self.height = at - _MARGIN, bottom + 24
        for place, k in zip(bands, range(0, len(self.rows), 2), strict=True):
            self.parts[place] = (
                f'<rect class="band" x="{px(_MARGIN - 6)}" y="{px(_HEAD + _ROW * k)}" '
                f'width="{px(at - _MARGIN)}" height="{px(_ROW)}" rx="4"/>'
            )

    def _text(
        self, x: float, y: float, text: str, classes: str = "ink small", end: str = ""
    ) -> None:
        anchor = f' text-anchor="{end}"' if end else ""
        self.parts.append(
            f'<text class="{classes}" x="{px(x)}" y="{px(y)}"{anchor}>{escape(text)}</text>'
        )

    def _middle(self, k: int) -> float:
        return _HEAD + _ROW * k + _ROW / 2

    def _names(self) -> None:
        for k, row in enumerate(self.rows):
            classes = "name muted" if row.level else "ink name"
            kind = f'<tspan class="muted" dx="6">{escape(row.kind)}</tspan>' if row.kind else ""
            self.parts.append(
                f'<text class="{classes}" x="{px(_MARGIN + 16 * row.level)}" '
                f'y="{px(self._middle(k) + 4)}">{escape(row.name)}{kind}</text>'
            )

    def _x(self, at: float, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return at + _PANEL * min(max(share, 0.0), 1.0)

    def _panel(
        self, at: float, head: str, colour: str, value: Callable[[Any], float | None], bottom: float
    ) -> None:
        self._text(at, _HEAD - 10, head, "ink name strong")
        if head.startswith("update"):
            self._text(at + 88, _HEAD - 10, "usual: 10⁻³", "muted small")
        step = max(1, math.ceil((self.high - self.low) / 4))
        for exponent in range(self.low, self.high + 1):
            x = at + _PANEL * (exponent - self.low) / (self.high - self.low)
            if (exponent - self.low) % step == 0:
                line = f'<path class="grid" d="M{px(x)} {px(_HEAD)}V{px(bottom)}"/>'
                self.parts.append(line)
                tick = "1" if exponent == 0 else f"10{superscript(exponent)}"
                self._text(x, bottom + 15, tick, "muted small", "middle")
        if head.startswith("update") and self.low < -3 < self.high:
            x = self._x(at, 1e-3)
            self.parts.append(f'<path class="grid guide" d="M{px(x)} {px(_HEAD)}V{px(bottom)}"/>')
        for k, row in enumerate(self.rows):
            if row.level or not head.startswith("update"):  # layers are not updated themselves
                self._bar(at, self._middle(k), colour, value(row))
            if head == "gradient" and row.fall:
                said = "to 0" if math.isinf(row.fall) else f"{format_number(row.fall, 2)}×"
                x, y = at + _PANEL + 62, self._middle(k) + 4
                self._text(x, y, f"▼ {said}", "grad small strong", "end")

    def _bar(self, at: float, y: float, colour: str, value: float | None) -> None:
        if value is None:
            self._text(at, y + 4, "—", "muted small")
        elif value == 0:
            self._text(at, y + 4, "0", "grad small strong")
        elif not math.isfinite(value):
            self._text(at + 4, y + 4, format_number(value), "badge small")
        else:
            x = self._x(at, value)
            self.parts.append(
                f'<path class="{colour} stem" d="M{px(at)} {px(y)}H{px(x)}"/>'
                f'<circle class="{colour}" cx="{px(x)}" cy="{px(y)}" r="4">'
                f"<title>{escape(format_number(value))}</title></circle>"
            )

    def _share(self, at: float, head: str, value: Callable[[Any], float | None]) -> None:
        self._text(at, _HEAD - 10, head, "ink name strong")
        for k, row in enumerate(self.rows):
            share, y = value(row), self._middle(k)
            if share is None:
                continue
            self._text(at + 30, y + 4, f"{100 * share:.0f} %", "ink small", "end")
            self.parts.append(f'<path class="grid" d="M{px(at + 35)} {px(y)}h26"/>')
            if share > 0:
                bar = f"M{px(at + 35)} {px(y)}h{px(26 * share)}"
                self.parts.append(f'<path class="g" stroke-width="5" d="{bar}"/>')

    def _sparks(
        self, at: float, head: str, colour: str, course: Callable[[Any], tuple[Any, ...]]
    ) -> None:
        self._text(at, _HEAD - 10, head, "ink name strong")
        seen = [v for row in self.rows for v in course(row) if v and math.isfinite(v)]
        if not seen:
            return
        low, high = math.log10(min(seen)), math.log10(max(seen))
        for k, row in enumerate(self.rows):
            points = [
                (n, math.log10(v)) for n, v in enumerate(course(row)) if v and math.isfinite(v)
            ]
            if len(points) < 2:
                continue
            most = max(len(course(row)) - 1, 1)
            path = "L".join(
                f"{px(at + _SPARK * n / most)} "
                f"{px(_HEAD + _ROW * (k + 1) - 4 - 14 * (v - low) / ((high - low) or 1.0))}"
                for n, v in points
            )
            self.parts.append(f'<path class="line {colour}" d="M{path}"/>')


def _label(row: Any) -> str:
    return f"{row.name}  {row.kind}" if row.kind else str(row.name)
