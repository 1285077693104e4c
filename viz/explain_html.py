"""A derivation as HTML: sections with fractions in MathML, which browsers set and readers speak."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .explain_forms import number_lines
from .explain_phrases import Phrases, shortened
from .model import Edge
from .wording import is_symbol

if TYPE_CHECKING:
    from .explain_view import Derivation, Term

STYLE = """.cr-steps{line-height:1.6}
.cr-steps h2{font-size:1em;margin:.9em 0 .2em}
.cr-steps p,.cr-steps ul{margin:.2em 0}
.cr-steps li{margin:.65em 0}
.cr-steps math{font-size:1.1em}"""


def html(derivation: Derivation) -> str:
    """One section for each block."""
    words = Phrases(derivation)
    parts = [("structure", f"<p>{escape(words.heading())}</p>")]
    if derivation.routes and derivation.x != derivation.y:
        parts[0] = ("structure", parts[0][1] + _structure(words))
        rules = "".join(f"<li>{_rule(words, edge)}</li>" for edge in words.rules())
        parts.append(("rules", f"<ul>{rules}</ul>"))
    if derivation.words:
        said = "".join(f"<li>{escape(sentence)}</li>" for sentence in derivation.words)
        parts.append(("words", f"<ul>{said}</ul>"))
    numbers = "".join(f"<p>{escape(line)}</p>" for line in number_lines(words))
    parts += [("numbers", numbers), ("check", f"<p>{escape(words.check())}</p>")]
    sections = "".join(f"<section><h2>{name}</h2>{body}</section>\n" for name, body in parts)
    return f'<div class="cr-steps">\n{sections}</div>\n'


def _structure(words: Phrases) -> str:
    if words.d.element is not None:
        return "".join(f"<p>{escape(f'{words.left} = {s}')}</p>" for s in words.sums())
    left = _math_fraction(words.y.name, words.x.name)
    products = "<mo>+</mo>".join(_math_product(words, term) for term in words.d.terms)
    return _math(f"{left}<mo>=</mo>{products}")


def _rule(words: Phrases, edge: Edge) -> str:
    whole = words.whole(edge)  # <mi>, since MathML gives = no room beside <mtext> alone
    side = f"<mi>{escape(words.side(edge))}</mi>" if whole else _math_factor(words, edge)
    shapes = words.shapes(edge)
    spaced = f"   {escape(shapes)}" if shapes else ""
    rule = words.rule(edge)
    right = f"<mi>{escape(rule)}</mi>" if is_symbol(rule) else _mtext(rule)
    return _math(f"{side}<mo>=</mo>{right}") + spaced


def _math(inner: str) -> str:
    return f'<math displaystyle="true"><mrow>{inner}</mrow></math>'


def _mtext(words: str) -> str:
    return f"<mtext>{escape(words)}</mtext>"


def _math_fraction(top: str, bottom: str) -> str:
    def half(name: str) -> str:
        return f"<mrow><mo>∂</mo><mi>{escape(name)}</mi></mrow>"

    return f"<mfrac>{half(top)}{half(bottom)}</mfrac>"


def _math_factor(words: Phrases, edge: Edge) -> str:
    fraction = _math_fraction(words.nodes[edge.target].name, words.nodes[edge.source].name)
    mark = words.which(edge)
    return f"<msup>{fraction}{_mtext(f'({edge.slot + 1})')}</msup>" if mark else fraction


def _math_product(words: Phrases, term: Term) -> str:
    arriving = [] if term.rest is None else [words.nodes[term.rest].name]
    first = [_math_fraction(words.y.name, name) for name in arriving]
    factors = [*first, *(_math_factor(words, edge) for edge in term.edges)]
    return "<mo>·</mo>".join(shortened(factors, _mtext("⋯ {} more ⋯")))
