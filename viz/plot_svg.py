"""matplotlib's SVG made fit for a page: small, its ids its own, colours that follow the reader."""

from __future__ import annotations

import hashlib
import re
from html import escape

from .fonts import SANS
from .plot_ink import FOLLOWING
from .style import follow_reader

_STYLE = re.compile(r' style="([^"]*)"')
_FONT = re.compile(r"(?:(italic|oblique) )?(?:(bold|\d00) )?([\d.]+px) ")
_SHAPE = re.compile(r'<path id="(\w+)" d="([^"]*)"([^>]*)/>')
_USE = re.compile(r'<use href="#(\w+)" x="([^"]*)" y="([^"]*)"([^>]*)/>')
_ROUND = re.compile(r"M 0 ([\d.]+) \s*C ([\d.]+) \1 ")
_PAIR = re.compile(r' ([\w-]+)="([^"]*)"')
_PLACES = re.compile(r' (d|x|y|cx|cy|r|transform)="([^"]*)"')
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_ID = re.compile(r' id="([^"]*)"')
_REFERENCE = re.compile(r'(?:href="|url\()#([^")]*)')
_COLOUR = re.compile(r' (fill|stroke)="(#[0-9a-f]{6})"')
_LONG_PATH = 1500  # characters

# Properties that SVG knows as attributes. As attributes they may be overruled by the style sheet.
_ATTRIBUTES = {
    *("fill", "fill-opacity", "fill-rule", "opacity", "clip-path", "text-anchor"),
    *("font-size", "font-style", "font-weight", "stroke", "stroke-width", "stroke-opacity"),
    *("stroke-linecap", "stroke-linejoin", "stroke-miterlimit"),
    *("stroke-dasharray", "stroke-dashoffset"),
}


def tidy_svg(source: str, title: str, words: str, inches: tuple[float, float]) -> str:
    """Rewrite what matplotlib wrote: `title` and `words` are for readers who do not see it."""
    body = source[source.index(">", source.index("<svg")) + 1 : source.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", body.replace("xlink:href", "href"))
    body = _STYLE.sub(_attributes, body)
    body = _PLACES.sub(_shorter, _without_uses(body))
    body = re.sub(r"<!--.*?-->|\n\s+", lambda m: "" if m[0][0] == "<" else "\n", body)
    key = "cr-" + hashlib.sha256(f"{title}\n{words}\n{body}".encode()).hexdigest()[:8]
    body = _own_ids(body, key)
    width, height = (round(72 * length, 2) for length in inches)
    pixels = f'width="{96 * inches[0]:.0f}" height="{96 * inches[1]:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{key}" class="{key}" role="img" {pixels} '
        f'viewBox="0 0 {width:g} {height:g}" stroke-linejoin="round" stroke-linecap="butt">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(words)}</desc>\n"
        f"<style>{_sheet(key, body)}</style>\n{body.strip()}\n</svg>\n"
    )


def _attributes(found: re.Match[str]) -> str:
    """A style attribute as attributes of its own, without the font's family."""
    kept, rest = [], []
    for declaration in found[1].split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font" and (font := _FONT.match(value)):
            names = ("font-style", "font-weight", "font-size")
            kept += [f' {n}="{v}"' for n, v in zip(names, font.groups(), strict=True) if v]
        elif name in _ATTRIBUTES:
            kept.append(f' {name}="{value}"')
        elif name and not (name == "font-family" and "DejaVu Sans" in value):
            rest.append(f"{name}:{value}")
    if rest:
        kept.append(f' style="{";".join(rest)}"')
    return "".join(kept)


def _without_uses(body: str) -> str:
    """Marks and ticks drawn in place: rules of the sheet do not reach into what `use` copies."""
    shapes = {name: (path, more) for name, path, more in _SHAPE.findall(body)}

    def drawn(found: re.Match[str]) -> str:
        name, x, y, own = found.groups()
        path, shared = shapes[name]
        more = "".join(f' {k}="{v}"' for k, v in dict(_PAIR.findall(shared + own)).items())
        if radius := _radius(path):
            return f'<circle cx="{x}" cy="{y}" r="{radius}"{more}/>'
        return f'<path d="{path}" transform="translate({x} {y})"{more}/>'

    return re.sub(r"<defs>\s*</defs>", "", _SHAPE.sub("", _USE.sub(drawn, body)))


def _radius(path: str) -> str:
    """The radius of a path that is matplotlib's circle: eight curves, the first from the top."""
    start = _ROUND.match(path)
    circle = (
        start and path.count("C") == 8 and abs(float(start[2]) / float(start[1]) - 0.2652) < 1e-4
    )
    return start[1] if start and circle else ""


def _shorter(found: re.Match[str]) -> str:
    """Coordinates to a hundredth of a point, in long paths a tenth; a path on one line."""
    text = " ".join(found[2].split())
    digits = 1 if len(text) > _LONG_PATH else 2

    def rounded(number: re.Match[str]) -> str:
        short = f"{float(number[0]):.{digits}f}".rstrip("0").rstrip(".")
        return "0" if short == "-0" else short

    text = _NUMBER.sub(rounded, text)
    return f' {found[1]}="{text.replace(" L ", "L").replace(" C ", "C").replace(" z", "z")}"'


def _own_ids(body: str, key: str) -> str:
    """Drop ids that nothing refers to; the others become this figure's own."""
    names = {old: f"{key}-{k}" for k, old in enumerate(dict.fromkeys(_REFERENCE.findall(body)))}
    body = _ID.sub(lambda m: f' id="{names[m[1]]}"' if m[1] in names else "", body)
    return _REFERENCE.sub(lambda m: m[0].replace(m[1], names[m[1]]), body)


def _sheet(key: str, body: str) -> str:
    """The colours that occur, each a variable; what has none (black) is ink."""
    root = f".{key}"
    used = dict.fromkeys(found for found in _COLOUR.findall(body) if found[1] in FOLLOWING)
    tokens = {FOLLOWING["#000000"], *(FOLLOWING[colour] for _, colour in used)}
    ink = FOLLOWING["#000000"][1]
    lines = [
        f"{root}{{font-family:{SANS};font-variant-numeric:tabular-nums;max-width:100%;height:auto;"
        f"fill:{ink};fill:var(--cr-plot-ink,{ink})}}"
    ]
    for attribute, colour in used:
        name, base, _ = FOLLOWING[colour]
        rule = f"{attribute}:var(--cr-{name},{base})"
        lines.append(f'{root} [{attribute}="{colour}"]{{{rule}}}')
    light = {name: base for name, base, _ in sorted(tokens)}
    dark = {name: deep for name, _, deep in sorted(tokens)}
    return "\n".join([*lines, *follow_reader(root, light, dark)])
