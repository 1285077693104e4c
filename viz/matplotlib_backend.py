"""png, pdf and jpg of any figure of viz, where matplotlib is installed: the SVG, painted by it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from .svg_reader import Image, Segment, Shape, Sheet, Style, Words, read_svg

_PIXEL = 0.75  # points to a CSS pixel
_SHARP = 2  # device pixels to a CSS pixel in png and jpg
_SANS = ("Liberation Sans", "Arial", "Helvetica", "DejaVu Sans")
_MATH = ("STIXGeneral", "DejaVu Serif", "DejaVu Sans")
_MONO = ("DejaVu Sans Mono",)
_WRITES = ("png", "pdf", "jpg", "jpeg")


def is_there() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def render(svg: str, kind: str, *, page: str = "#FFFFFF") -> bytes:
    """Paint an SVG of viz as png, pdf or jpg on a page of one colour; the same bytes every time.

    Raises ValueError for another kind.
    """
    if kind not in _WRITES:
        raise ValueError(f"matplotlib writes {', '.join(_WRITES)} here, got {kind!r}")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    sheet = read_svg(svg)
    with mpl.rc_context({"pdf.fonttype": 42, "text.hinting": "no_hinting"}):
        figure = Figure(figsize=(sheet.width / 96, sheet.height / 96), facecolor=page)
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, sheet.width), ylim=(sheet.height, 0))
        axes.set_axis_off()
        _paint(axes, sheet)
        axes.set(xlim=(0, sheet.width), ylim=(sheet.height, 0))  # an image moves them
        out = io.BytesIO()
        facts: Any = {"png": {}, "pdf": {"CreationDate": None}}.get(kind)
        figure.savefig(out, format=kind, dpi=96 * _SHARP, facecolor=page, metadata=facts)
    return out.getvalue()


def _paint(axes: Any, sheet: Sheet) -> None:
    for mark in sheet.marks:
        if isinstance(mark, Shape):
            _shape(axes, mark)
        elif isinstance(mark, Image):
            _image(axes, mark)
        else:
            _words(axes, mark)


def _image(axes: Any, image: Image) -> None:
    from matplotlib.image import imread

    right, low = image.x + image.width, image.y + image.height
    axes.imshow(
        imread(io.BytesIO(image.png)), extent=(image.x, right, low, image.y), aspect="auto",
        interpolation="nearest", zorder=1, clip_on=False,
    )  # fmt: skip


def _shape(axes: Any, shape: Shape) -> None:
    from matplotlib.patches import PathPatch

    style = shape.style
    fill, stroke = _colour(style, "fill", "#000000"), _colour(style, "stroke", "none")
    width = _pixels(style.get("stroke-width", "1")) * _PIXEL
    dashes = [_pixels(d) for d in style.get("stroke-dasharray", "").split() if d != "none"]
    pattern = (0, [d / _pixels(style.get("stroke-width", "1")) for d in dashes]) if dashes else "-"
    hatch = "///" if "url(" in style.get("fill", "") else None
    axes.add_patch(
        PathPatch(
            _path(shape.segments), facecolor=fill, edgecolor=stroke, linewidth=width,
            linestyle=pattern, hatch=hatch, joinstyle="round", capstyle="butt", clip_on=False,
            zorder=1, snap=False,
        )
    )  # fmt: skip


def _path(segments: Sequence[Segment]) -> Any:
    from matplotlib.path import Path

    codes: list[Any] = []
    points: list[tuple[float, float]] = []
    for code, found in segments:
        if code == "Z":
            codes.append(Path.CLOSEPOLY)
            points.append(points[0])
            continue
        kind = {"M": Path.MOVETO, "L": Path.LINETO, "C": Path.CURVE4}[code]
        codes += [kind] * len(found)
        points += found
    return Path(points, codes)


def _words(axes: Any, words: Words) -> None:
    """Runs one behind the other; the whole line is centred or ends where its anchor says."""
    from matplotlib.patheffects import Normal, Stroke

    widths = [_advance(text, style) + gap for text, style, gap in words.runs]
    anchor = words.style.get("text-anchor", "start")
    x = words.x - sum(widths) * {"middle": 0.5, "end": 1.0}.get(anchor, 0.0)
    for (text, style, gap), width in zip(words.runs, widths, strict=True):
        effects = None
        outline = _colour(style, "stroke", "none")
        if outline != "none":
            broad = _pixels(style.get("stroke-width", "1")) * _PIXEL
            effects = [Stroke(linewidth=broad, foreground=outline), Normal()]
        axes.text(
            x + gap, words.y, text, fontproperties=_font(style),
            color=_colour(style, "fill", "#000"), verticalalignment="baseline", parse_math=False,
            path_effects=effects, clip_on=False, zorder=1,
        )  # fmt: skip
        x += width


def _advance(text: str, style: Style) -> float:
    """How wide a run is, in pixels."""
    from matplotlib.textpath import text_to_path

    found = text_to_path.get_text_width_height_descent(text, _font(style), ismath=False)[0]
    return float(found) / _PIXEL


def _font(style: Style) -> Any:
    from matplotlib.font_manager import FontProperties

    family = style.get("font-family", "sans-serif")
    faces = _MATH if family.endswith(" serif") or family.endswith(",serif") else _SANS
    return FontProperties(
        family=_known(_MONO if "mono" in family else faces),
        size=_pixels(style.get("font-size", "13px")) * _PIXEL,
        weight="bold" if style.get("font-weight") in {"600", "700", "bold"} else "normal",
        style="italic" if style.get("font-style") == "italic" else "normal",
    )


@cache
def _known(faces: tuple[str, ...]) -> list[str]:
    """The faces of a list that are installed; matplotlib brings the last ones along."""
    from matplotlib.font_manager import fontManager

    here = set(fontManager.get_font_names())
    return [face for face in faces if face in here]


def _pixels(length: str) -> float:
    return float(length.removesuffix("px"))


def _colour(style: Style, name: str, usual: str) -> Any:
    """A colour of matplotlib's, with its opacity; "none" for none and for patterns."""
    from matplotlib.colors import to_rgba

    value = style.get(name, usual)
    if value == "none" or value.startswith("url("):
        return "none"
    opacity = float(style.get("opacity", 1)) * float(style.get(f"{name}-opacity", 1))
    return to_rgba(value, opacity)
