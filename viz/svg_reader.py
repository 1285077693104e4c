"""Read an SVG of ours back into shapes and words with their styles, for painters without CSS.

The subset that viz writes: rect, circle, path, png images, text with tspans, translated groups, and
a style sheet of class selectors. Anything else is left out.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from xml.etree import ElementTree

Style: TypeAlias = Mapping[str, str]
Point: TypeAlias = tuple[float, float]
Segment: TypeAlias = tuple[str, tuple[Point, ...]]  # M, L, C or Z with absolute points
_ROUND = 0.5522847498  # how far the control points of a quarter circle lie, of its radius
_OWN = {"opacity", "display", "paint-order"}  # properties that children do not inherit
_SKIPPED = {"title", "desc", "style", "defs", "metadata"}
_ATTRIBUTES = ("fill", "stroke", "stroke-width", "stroke-dasharray", "text-anchor", "opacity")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COMPOUND = re.compile(r"[#.]?[\w-]+")
_TOKEN = re.compile(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?")
_VARIABLE = re.compile(r"var\(--[\w-]+,\s*([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Shape:
    """An outline in the coordinates of the whole figure."""

    segments: tuple[Segment, ...]
    style: Style


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text from (x, y) on its baseline: runs of (text, style, space before it)."""

    x: float
    y: float
    runs: tuple[tuple[str, Style, float], ...]
    style: Style


@dataclass(frozen=True, slots=True)
class Image:
    """A png file over a rectangle; its cells are not blurred."""

    x: float
    y: float
    width: float
    height: float
    png: bytes


Mark: TypeAlias = Shape | Words | Image


@dataclass(frozen=True, slots=True)
class Sheet:
    """A figure as a list of marks, back to front, and its size in pixels."""

    width: float
    height: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A selector as compounds, outermost first, each with whether it is a direct parent."""

    parts: tuple[tuple[bool, frozenset[str]], ...]
    style: Style

    def fits(self, path: Sequence[frozenset[str]]) -> bool:
        """Whether the last element of a path of elements (tag and .classes) is selected."""
        return _fits(self.parts, path)


def read_svg(svg: str) -> Sheet:
    """Read an SVG that viz wrote.

    >>> sheet = read_svg('<svg width="9" height="8"><rect width="4" height="3"/></svg>')
    >>> sheet.width, [code for code, _ in sheet.marks[0].segments]
    (9.0, ['M', 'L', 'L', 'L', 'Z'])
    """
    root = ElementTree.fromstring(svg)
    sheet = "".join(e.text or "" for e in root.iter() if _tag(e) == "style")
    marks = tuple(_walk(root, (), {}, (0.0, 0.0), tuple(_rules(sheet))))
    return Sheet(_number(root, "width"), _number(root, "height"), marks)


def _tag(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _number(element: ElementTree.Element, name: str) -> float:
    return float(element.get(name, "0").removesuffix("px"))


def _rules(sheet: str) -> Iterator[_Rule]:
    """The rules outside media queries, in order; selectors with states or attributes never fit."""
    plain = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", sheet)
    for selectors, body in _RULE.findall(plain):
        style = dict(_declarations(body))
        for selector in selectors.split(","):
            if ":" in selector or "[" in selector:
                continue
            words = selector.replace(">", " > ").split()
            direct = [k > 0 and words[k - 1] == ">" for k in range(len(words))]
            parts = [
                (near, frozenset(_COMPOUND.findall(word)))
                for near, word in zip(direct, words, strict=True)
                if word != ">"
            ]
            yield _Rule(tuple(parts), style)


def _declarations(body: str) -> Iterator[tuple[str, str]]:
    for line in body.split(";"):
        name, colon, value = line.partition(":")
        if colon and not name.strip().startswith("--"):
            yield name.strip(), _VARIABLE.sub(r"\1", value.strip())


def _fits(parts: Sequence[tuple[bool, frozenset[str]]], path: Sequence[frozenset[str]]) -> bool:
    if not path or not parts[-1][1] <= path[-1]:
        return False
    rest, above = parts[:-1], path[:-1]
    if not rest or parts[-1][0]:
        return not rest or _fits(rest, above)
    return any(_fits(rest, above[:k]) for k in range(len(above), 0, -1))


def _styled(
    element: ElementTree.Element,
    path: Sequence[frozenset[str]],
    inherited: Style,
    rules: Sequence[_Rule],
) -> dict[str, str]:
    """What holds for an element: inherited, then attributes, then rules by weight and order."""
    style = {k: v for k, v in inherited.items() if k not in _OWN}
    style.update({a: v for a in _ATTRIBUTES if (v := element.get(a)) is not None})
    found = [rule for rule in rules if rule.fits(path)]
    for rule in sorted(found, key=lambda r: sum(len(part) for _, part in r.parts)):
        style.update(rule.style)
    return style


def _walk(
    element: ElementTree.Element,
    above: tuple[frozenset[str], ...],
    inherited: Style,
    origin: Point,
    rules: Sequence[_Rule],
) -> Iterator[Mark]:
    tag = _tag(element)
    if tag in _SKIPPED:
        return
    names = {tag, *(f".{name}" for name in element.get("class", "").split())}
    path = (*above, frozenset(names))
    style = _styled(element, path, inherited, rules)
    if style.get("display") == "none":
        return
    origin = _moved(element, origin)
    seen = style.get("visibility", "visible") == "visible"
    if tag == "text" and seen:
        yield _words(element, path, style, origin, rules)
    elif tag in {"rect", "circle", "path"} and seen:
        yield Shape(tuple(_outline(tag, element, origin)), style)
    elif tag == "image" and seen:
        yield from _image(element, origin)
    if tag in {"svg", "g"}:
        for child in element:
            yield from _walk(child, path, style, origin, rules)


def _image(element: ElementTree.Element, origin: Point) -> Iterator[Image]:
    head, comma, data = element.get("href", "").partition(",")
    if comma and head == "data:image/png;base64":
        x, y = origin[0] + _number(element, "x"), origin[1] + _number(element, "y")
        size = _number(element, "width"), _number(element, "height")
        yield Image(x, y, *size, b64decode(data))


def _moved(element: ElementTree.Element, origin: Point) -> Point:
    found = re.fullmatch(r"translate\(([-\d.]+)[ ,]+([-\d.]+)\)", element.get("transform", ""))
    if found is None:
        return origin
    return origin[0] + float(found[1]), origin[1] + float(found[2])


def _words(
    element: ElementTree.Element,
    path: tuple[frozenset[str], ...],
    style: Style,
    origin: Point,
    rules: Sequence[_Rule],
) -> Words:
    kept = any(key.endswith("space") for key in element.attrib)
    runs = [(_text(element.text, kept), style, 0.0)]
    for child in element:
        names = {"tspan", *(f".{name}" for name in child.get("class", "").split())}
        own = _styled(child, (*path, frozenset(names)), style, rules)
        runs.append((_text(child.text, kept), own, _number(child, "dx")))
    x, y = origin[0] + _number(element, "x"), origin[1] + _number(element, "y")
    return Words(x, y, tuple(run for run in runs if run[0]), style)


def _text(words: str | None, kept: bool) -> str:
    return (words or "") if kept else " ".join((words or "").split())


def _outline(tag: str, element: ElementTree.Element, origin: Point) -> Iterator[Segment]:
    def at(x: float, y: float) -> Point:
        return origin[0] + x, origin[1] + y

    if tag == "path":
        yield from _path(element.get("d", ""), origin)
    elif tag == "circle":
        x, y, r = (_number(element, name) for name in ("cx", "cy", "r"))
        yield from _rounded(*at(x - r, y - r), 2 * r, 2 * r, r)
    else:
        x, y, width, height = (_number(element, name) for name in ("x", "y", "width", "height"))
        radius = min(_number(element, "rx"), width / 2, height / 2)
        yield from _rounded(*at(x, y), width, height, radius)


def _rounded(x: float, y: float, width: float, height: float, r: float) -> Iterator[Segment]:
    """A rectangle, its corners rounded, clockwise from the left end of its top."""
    right, low, k = x + width, y + height, r * (1 - _ROUND)
    if not r:
        yield "M", ((x, y),)
        yield from (("L", (p,)) for p in ((right, y), (right, low), (x, low)))
        yield "Z", ()
        return
    yield "M", ((x + r, y),)
    yield "L", ((right - r, y),)
    yield "C", ((right - k, y), (right, y + k), (right, y + r))
    yield "L", ((right, low - r),)
    yield "C", ((right, low - k), (right - k, low), (right - r, low))
    yield "L", ((x + r, low),)
    yield "C", ((x + k, low), (x, low - k), (x, low - r))
    yield "L", ((x, y + r),)
    yield "C", ((x, y + k), (x + k, y), (x + r, y))
    yield "Z", ()


_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "Z": 0}


def _path(d: str, origin: Point) -> Iterator[Segment]:
    """The commands M, L, H, V, C and Z of a path, relative ones too, as absolute segments."""
    tokens = _TOKEN.findall(d)
    here = start = (0.0, 0.0)
    code, k = "M", 0
    while k < len(tokens):
        if tokens[k].isalpha():
            code, k = tokens[k], k + 1
        size = _TAKES[code.upper()]
        numbers = [float(token) for token in tokens[k : k + size]]
        k += size
        base = here if code.islower() else (0.0, 0.0)
        points = _points(code.upper(), numbers, base, here)
        moved = tuple((origin[0] + x, origin[1] + y) for x, y in points)
        yield {"H": "L", "V": "L"}.get(code.upper(), code.upper()), moved
        here = points[-1] if points else start
        if code.upper() == "M":
            start, code = here, "L" if code == "M" else "l"


def _points(code: str, numbers: Sequence[float], base: Point, here: Point) -> list[Point]:
    if code == "H":
        return [(base[0] + numbers[0], here[1])]
    if code == "V":
        return [(here[0], base[1] + numbers[0])]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [(base[0] + x, base[1] + y) for x, y in pairs]
