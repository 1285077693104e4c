"""Text widths without a font engine: upper bounds over the sans faces that browsers fall back to.

Each class lists the characters whose advance, in thousandths of the font size, is at most the key:
the widest of Arial (Liberation Sans), Noto Sans and DejaVu Sans. A text measured here fits its box
whichever of them is at hand.
"""

from __future__ import annotations

import unicodedata

SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif'
MATH = '"STIX Two Text","Cambria Math","Latin Modern Math",Georgia,"Times New Roman",serif'
MONO = 'ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace'

_CLASSES = {
    0: "\u0304",
    200: "ᵢⱼ\u2009\u202f",
    290: "'ijl′",
    350: " ,.·\xa0:;Iι",
    370: "f-",
    400: "/\\()[]tᵀ⌊⌋⌈⌉",
    430: "!″⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ₀₁₂₃₄₅₆₇₈₉rₖ",
    500: '"J`°',
    530: "∂sz⁻",
    560: "c*?L_|–‖νξεζ",
    600: "kvxyχκςγλ",
    640: "τFTaeoδθου∘│$0123456789bdghnpqu{}√Σσμβηρ",
    690: "ΞαEKPSY∇▪ABVXZπΔΛ",
    740: "CRφU\u2002",
    790: "HNΠψ&DGOQΘΩ",
    840: "Φw#+<=>^~−×÷±∞ωΨ≤≥≠≈⊙↑↓",
    910: "∈☐M",
    1020: "%mW—…←→@",
}
_WIDTHS = {character: width for width, group in _CLASSES.items() for character in group}
_UNLISTED = 850
_FULL_WIDTH = 1050
_BOLD = 1.12


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Give an upper bound, in pixels, of the width of `text` set at `size` pixels.

    >>> text_width("W", 10) > text_width("i", 10)
    True
    """
    thousandths = 0
    for character in text:
        width = _WIDTHS.get(character)
        thousandths += _unlisted(character) if width is None else width
    return thousandths * size / 1000 * (_BOLD if bold else 1.0)


def wrap_name(name: str, limit: int = 18, lines: int = 3) -> list[str]:
    """Break a long name after `.`, `_`, `/`, `-` or a space into lines of up to `limit` letters.

    What does not fit into `lines` lines is cut at the front, where paths repeat themselves.

    >>> wrap_name("encoder.layers.0.attention.weight")
    ['encoder.layers.0.', 'attention.weight']
    """
    pieces: list[str] = []
    rest = name
    while len(rest) > limit:
        cut = max(rest.rfind(mark, 0, limit) for mark in "._/- ") + 1
        cut = cut if cut > limit // 3 else limit
        pieces.append(rest[:cut].rstrip(" "))
        rest = rest[cut:]
    pieces.append(rest)
    if len(pieces) > lines:
        pieces = pieces[-lines:]
        pieces[0] = "…" + pieces[0][1:]
    return pieces


def _unlisted(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    wide = unicodedata.east_asian_width(character) in {"W", "F"}
    return _FULL_WIDTH if wide else _UNLISTED
