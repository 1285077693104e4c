"""What a screen reader says of a drawing: one label a node, in topological order."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz
from chainrule.viz.spoken import spoken

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("q = x + y", "q equals x plus y"),
        ("−4", "minus 4"),
        ("−1.2×10⁻⁷", "minus 1.2 times 10 to the minus 7"),
        ("Σ(v1²)", "sum (v1 squared)"),
        ("−2 … 3", "minus 2 to 3"),
    ],
)
def test_formulas_become_words(text: str, words: str) -> None:
    assert spoken(text) == words


def labels(drawing: viz.Drawing) -> list[str]:
    root = ET.fromstring(drawing.svg())
    assert root.get("role") == "group"
    return [str(e.get("aria-label")) for e in root.iter(f"{SVG}g") if e.get("tabindex") == "0"]


def test_nodes_say_what_they_are_in_topological_order() -> None:
    x, y = (cr.tensor(v, requires_grad=True) for v in (2.0, 1.0))
    q = x + y * 3
    assert labels(viz.draw(q, names={"x": x, "y": y, "q": q})) == [
        "x, input, value 2, gradient 1",
        "y, input, value 1, gradient 3",
        "v1 equals y times 3, value 3, gradient 1",
        "q equals x plus v1, value 5, gradient 1",
    ]
    only = viz.draw(q, show=("value",), names={"x": x, "y": y, "q": q})
    assert labels(only)[-1] == "q equals x plus v1, value 5"


def test_arrays_say_shape_mean_range_and_norm() -> None:
    x = cr.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    c = cr.tensor([1.0, -2.0, 0.5], dtype=cr.float64)
    said = labels(viz.draw((x * c).sum(), names={"x": x, "c": c}))
    assert "x, input, shape 2 by 3, mean 2.5, range 0 to 5, gradient norm 3.240" in said
    assert "c, input, shape 3, value 1, minus 2, 0.5, no gradient" in said


def test_an_overlay_says_its_own_numbers() -> None:
    x = cr.tensor(3.0, requires_grad=True)
    said = viz.wiggle(x * x, x, 0.5, names={"x": x}).svg()
    assert "out equals x times x, true change 3.25, predicted change 3" in said
