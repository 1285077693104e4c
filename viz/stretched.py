"""Where an argument was broadcast, backward sums: which axes, and how a rule says so."""

from __future__ import annotations

from collections.abc import Sequence

from ..autograd.sym import Sym
from .rules import bar, tex

_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
KEY = "Σ on an edge: summed over the axes along which its argument was broadcast"


def summed_axes(arriving: Sequence[int], shape: Sequence[int]) -> tuple[int, ...]:
    """The axes of an arriving gradient that are summed to give it the shape of an argument.

    >>> summed_axes((3, 4), (4,)), summed_axes((3, 4), (3, 1)), summed_axes((3, 4), (3, 4))
    ((0,), (1,), ())
    """
    lead = len(arriving) - len(shape)
    if lead < 0:
        return ()
    wanted = (1,) * lead + tuple(shape)
    return tuple(k for k, (a, b) in enumerate(zip(arriving, wanted, strict=True)) if a != b == 1)


def summed_rule(
    rule: Sym, out: str, axes: Sequence[int], *, whole: bool, every: bool
) -> tuple[Sym, str, str]:
    """The gradient before the sum, and the sum as text and as TeX: Σ₀ ∂v.

    `whole` says whether the rule speaks of the arriving gradient already; with `every` the sum is
    over all axes and names none.
    """
    inner = rule if whole else _times(Sym(bar(out)), rule)
    text, latex = inner.text(), tex(inner)
    if inner.args and inner.head in {"add", "sub"}:
        text, latex = f"({text})", rf"\left({latex}\right)"
    low = "" if every else ",".join(str(k).translate(_LOWERED) for k in axes)
    below = "" if every else rf"_{{{','.join(map(str, axes))}}}"
    return inner, f"Σ{low} {text}", rf"\sum{below} {latex}"


def _times(g: Sym, rule: Sym) -> Sym:
    return -g if not rule.args and rule.head == -1 else g * rule


def summed_words(axes: Sequence[int], name: str) -> str:
    """Say which axes are summed over, and why.

    >>> summed_words((0,), "b")
    'summed over axis 0: b was broadcast'
    """
    listed = f"axes {', '.join(map(str, axes))}" if len(axes) > 1 else f"axis {axes[0]}"
    return f"summed over {listed}: {name} was broadcast"
