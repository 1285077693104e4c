"""A derivation written as text and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .explain_phrases import Phrases, shortened
from .model import Edge, Node
from .rules import bar, tex_name
from .wording import quantity_text

if TYPE_CHECKING:
    from .explain_view import Derivation, Term

_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def text(derivation: Derivation) -> str:
    """Four blocks with indented lines; a fifth where words were asked for."""
    words = Phrases(derivation)
    lines = [words.title(), "", f"structure: {words.heading()}"]
    if derivation.routes and derivation.x != derivation.y:
        sums = words.sums()
        lines += [f"  {words.left} = {sums[0]}"]
        lines += [f"  {' ' * len(words.left)} + {s}" for s in sums[1:]]
        lines += ["", "rules", *(f"  {_rule_line(words, edge)}" for edge in words.rules())]
    if derivation.words:
        lines += ["", "words", *(f"  {sentence}" for sentence in derivation.words)]
    numbers = [f"  {line}" for line in number_lines(words)]
    return "\n".join([*lines, "", "numbers", *numbers, "", "check", f"  {words.check()}"]) + "\n"


def _rule_line(words: Phrases, edge: Edge) -> str:
    shapes = words.shapes(edge)
    return f"{words.side(edge)} = {words.rule(edge)}{f'   {shapes}' if shapes else ''}"


def number_lines(words: Phrases) -> list[str]:
    """The products and their sum; of arrays, the size of the gradient."""
    derivation, total = words.d, words.d.total()
    if derivation.element is not None:
        return [*(f"{a} = {b}" for a, b in words.element_terms()), words.element_sum()]
    if total is None:
        return words.array_lines()
    if derivation.x == derivation.y or not derivation.routes:
        return [f"{words.left} = {quantity_text(derivation.gradient, words.precision)}"]
    terms = derivation.terms
    if len(terms) == 1:
        return [f"{words.left} = {words.factors(terms[0])} = {words.number(total)}"]
    lines = [f"{words.factors(t)} = {words.number(t.product or 0.0)}" for t in terms]
    what = f"{len(terms)} consumers" if derivation.by_consumers else f"{len(terms)} routes"
    return [*lines, f"{what}: {words.summed()} = {words.number(total)}"]


def latex(derivation: Derivation) -> str:
    """An `aligned` block: structure, rules, numbers, result."""
    words = Phrases(derivation)
    index = () if derivation.element is None else derivation.element.index
    left = _tex_fraction(words.y, words.x, index)
    if not derivation.routes or derivation.x == derivation.y:
        return rf"{left} = {_tex_number(quantity_text(derivation.gradient, words.precision))}"
    if derivation.element is not None:
        steps = [_tex_element(words), _tex_number(words.number(derivation.element.total))]
        return _aligned(left, [f"&= {step}" for step in steps])
    steps = [" + ".join(_tex_product(words, term) for term in derivation.terms)]
    if derivation.total() is None:
        rules = [f"{_tex_side(words, edge)} &= {_tex_rule(words, edge)}" for edge in words.rules()]
        return _aligned(left, [f"&= {steps[0]}", *rules])
    return _aligned(left, [f"&= {step}" for step in [*steps, *_tex_numbers(words)]])


def _tex_numbers(words: Phrases) -> list[str]:
    """The sum in rules, in numbers, and its result; each once."""
    derivation, steps = words.d, list[str]()
    if not derivation.by_consumers:
        rules = [[_tex_rule(words, edge) for edge in term.edges] for term in derivation.terms]
        steps.append(" + ".join(_tex_times(shortened(r, r"\cdots")) for r in rules))
    numbers = [[_tex_number(words.number(f)) for f in t.factors or ()] for t in derivation.terms]
    steps.append(" + ".join(_tex_times(shortened(n, r"\cdots")) for n in numbers))
    steps.append(_tex_number(words.number(derivation.total() or 0.0)))
    return list(dict.fromkeys(steps))


def _aligned(left: str, lines: Sequence[str]) -> str:
    body = " \\\\\n  ".join(lines)
    return f"\\begin{{aligned}}\n{left}\n  {body}\n\\end{{aligned}}"


def _tex_element(words: Phrases) -> str:
    element = words.d.element
    parts = []
    for key, _, _ in element.reach if element else ():
        name = rf"{{{tex_name(words.nodes[key].name)}}}_k"
        x = _tex_at(words.x, element.index if element else ())
        parts.append(
            rf"\sum_k \frac{{\partial {tex_name(words.y.name)}}}{{\partial {name}}} \, "
            rf"\frac{{\partial {name}}}{{\partial {x}}}"
        )
    return " + ".join(parts)


def _tex_at(node: Node, index: Sequence[int]) -> str:
    name = tex_name(node.name)
    return rf"{{{name}}}_{{{','.join(map(str, index))}}}" if index else name


def _tex_fraction(top: Node, bottom: Node, index: Sequence[int] = ()) -> str:
    below = _tex_at(bottom, index)
    return rf"\frac{{\partial {tex_name(top.name)}}}{{\partial {below}}}"


def _tex_product(words: Phrases, term: Term) -> str:
    first = [] if term.rest is None else [_tex_fraction(words.y, words.nodes[term.rest])]
    rest = [_tex_fraction(words.nodes[e.target], words.nodes[e.source]) for e in term.edges]
    return r" \, ".join(shortened([*first, *rest], r"\cdots"))


def _tex_side(words: Phrases, edge: Edge) -> str:
    source, target = words.nodes[edge.source], words.nodes[edge.target]
    return tex_name(bar(source.name)) if words.whole(edge) else _tex_fraction(target, source)


def _tex_rule(words: Phrases, edge: Edge) -> str:
    return (edge.local.tex if edge.local else "") or _tex_number(words.rule(edge))


def _tex_times(factors: Sequence[str]) -> str:
    if len(factors) == 1:
        return factors[0]
    return r" \cdot ".join(f if f.isalnum() else rf"\left({f}\right)" for f in factors)


def _tex_number(number: str) -> str:
    """−1.2×10⁻⁷ as -1.2 \\times 10^{-7}."""
    plain = number.replace("−", "-").replace("\u2009", r"\,").replace("∞", r"\infty")
    raised = re.sub(
        r"×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: rf" \times 10^{{{m[1].translate(_LOWERED)}}}", plain
    )
    return raised.replace("±", r"\pm").replace("—", r"\text{none}")
