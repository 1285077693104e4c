"""``chainrule draw``: an expression typed by the user, with all its numbers."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from .. import viz
from ..autograd.dtypes import float64
from ..autograd.ops.creation import tensor
from ..viz.expression import read_expression


def numbers(pairs: Iterable[str]) -> dict[str, float]:
    """``["x=2", "w=-3"]`` as a dictionary; raises ValueError for what is no number."""
    values = {}
    for pair in pairs:
        name, sign, number = pair.partition("=")
        if not sign or not name:
            raise ValueError(f"expected name=value, got {pair!r}: for example x=2")
        if name in values:
            raise ValueError(f"{name} is given twice")
        try:
            values[name] = float(number.replace("−", "-"))
        except ValueError:
            raise ValueError(f"{pair!r}: {number!r} is not a number") from None
    return values


def run(given: argparse.Namespace) -> None:
    """Print the drawing as text, and write the files that were asked for."""
    leaves = {
        name: tensor(value, dtype=float64, requires_grad=True, name=name)
        for name, value in numbers(given.values).items()
    }
    result = read_expression(given.expression).evaluate(leaves)
    drawing = viz.draw(result, names=leaves)
    print(drawing.text())
    if given.explain:
        for leaf in leaves.values():
            print(viz.explain(result, leaf, names=leaves).text())
    for kind in ("svg", "html", "dot"):
        target = getattr(given, kind)
        if target:
            Path(target).write_text(getattr(drawing, kind)(), encoding="utf-8")
            print(f"wrote {target}")
