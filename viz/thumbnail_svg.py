"""Thumbnails as SVG elements, and their style."""

from __future__ import annotations

from collections.abc import Mapping

from .heat_png import BLACK, NEGATIVE, ODD, POSITIVE, data_uri
from .marks import Mark, Plate
from .model import HeatMap, Histogram
from .outlines import px, text_element

RULES = (
    (".bars.value", "fill", "value"),
    (".bars.grad", "fill", "grad"),
    (".axis", "stroke", "wire"),
    (".zero", "stroke", "ink"),
    (".plate", "stroke", "wire"),
    (".none", "stroke", "wire"),
)
_FORM = (
    "& .axis,& .zero{stroke-width:1px}& .plate,& .none{fill:none;stroke-width:.75px}"
    "& .heat{image-rendering:pixelated}"
)


def plate_form(grey: bool) -> str:
    """CSS without tokens: the colours of heat maps are the same on every page."""
    most, least, odd = (BLACK, "none", "none") if grey else (POSITIVE, NEGATIVE, ODD)
    outlined = f";stroke:{BLACK};stroke-width:.75px" if grey else ""
    keys = (("most", most, ""), ("least", least, outlined), ("odd", odd, outlined))
    return _FORM + "".join(f"& .{name}{{fill:{fill}{line}}}" for name, fill, line in keys)


def has_plates(marks: Mapping[int, Mark]) -> bool:
    """Whether any node is drawn with a thumbnail."""
    return any(mark.plates for mark in marks.values())


def plate_svg(plate: Plate, *, grey: bool = False) -> str:
    """A thumbnail at its place in its node."""
    shown = plate.thumbnail
    parts = _bars(plate, shown) if isinstance(shown, Histogram) else _heat(plate, shown, grey)
    return f'<g transform="translate({px(plate.x)} {px(plate.y)})">{"".join(parts)}</g>'


def _bars(plate: Plate, counts: Histogram) -> list[str]:
    """An outline of bars over an axis; an upright line stands at 0 where that is in the range."""
    width, height = plate.image
    step, most = width / len(counts.counts), max(counts.counts)
    path, level = f"M0 {px(height)}", height
    for k, count in enumerate(counts.counts):
        top = height - (max(1.0, round(2 * (height - 1) * count / most) / 2) if count else 0.0)
        path += (f"V{px(top)}" if top != level else "") + f"H{px(step * (k + 1))}"
        level = top
    parts = [
        f'<path class="bars {plate.colour}" d="{path}V{px(height)}Z"/>',
        f'<path class="axis" d="M0 {px(height + 0.5)}H{px(width)}"/>',
    ]
    if counts.low <= 0 <= counts.high:
        size = max(-counts.low, counts.high)
        share = -counts.low / size / (counts.high / size - counts.low / size)
        parts.append(f'<path class="zero" d="M{px(width * share)} -1V{px(plate.height)}"/>')
    return parts


def _heat(plate: Plate, heat: HeatMap, grey: bool) -> list[str]:
    """The image in a thin frame; beside it the limits, each with a sample of its colour."""
    width, height = (px(length) for length in plate.image)
    top = px((plate.height - plate.image[1]) / 2)
    uri = data_uri(heat, plate.data, plate.colours, grey=grey)
    parts = [
        f'<image class="heat" y="{top}" width="{width}" height="{height}" '
        f'preserveAspectRatio="none" '
        f'href="{uri}"/>',
        f'<rect class="plate" x="0" y="{top}" width="{width}" height="{height}"/>',
    ]
    parts += [f'<path class="{name}" d="M{px(x)} {px(y)}h7v7h-7z"/>' for name, x, y in plate.keys]
    return parts + [text_element(line) for line in plate.lines]
