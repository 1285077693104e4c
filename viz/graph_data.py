"""What the script of a model graph needs to fold and unfold: marks as SVG, scenes as numbers.

A deep model says the same many times: equal forms and equal lines are written once, in a pool, and
pointed to by number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from html import escape
from typing import TYPE_CHECKING, Any

from .graph_marks import forms, mark_svg
from .live_page import in_script
from .scenes import APART, HEAD, STEEP, WIDEST, Scene

if TYPE_CHECKING:
    from .graph_paint import Sheet

_LETTERS = {"node": "n", "group": "g", "in": "i", "out": "o"}


class _Pool:
    """Values, each once; `at` gives the place of a value."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}

    def at(self, value: Any) -> int:
        text = value if isinstance(value, str) else json.dumps(value)
        if text not in self._places:
            self._places[text] = len(self.values)
            self.values.append(value)
        return self._places[text]


def fold_data(sheet: Sheet, opened: Collection[int]) -> str:
    """The facts of a sheet as JavaScript that may stand inside a script element."""
    blocks = sheet.program.blocks
    texts, shapes = _Pool(), _Pool()
    nodes, groups = _shipped(sheet, "node"), _shipped(sheet, "group")
    round_forms = {k: f for k, f in forms(sheet.marks).items() if f[0] in {"circle", "pill"}}
    marks = {
        str(k): [
            texts.at(mark_svg(sheet.marks[k], "", k in sheet.used)),
            *(texts.at(escape(line)) for line in sheet.tips[k].split("\n")),
        ]
        for k in nodes
    }
    facts: dict[str, Any] = {
        "open": sorted(opened),
        "parents": [block.parent for block in blocks],
        "names": [texts.at(sheet.spoken(block.key)) for block in blocks],
        "marks": marks,
        "closed": {str(k): texts.at(sheet.closed_svg(k)) for k in groups},
        "tabs": {str(k): texts.at(sheet.tab(k)) for k in sheet.scenes if k is not None},
        "forms": {str(k): shapes.at(_form(f)) for k, f in round_forms.items() if k in set(nodes)},
        "scenes": {
            "root" if k is None else str(k): _scene(scene, shapes)
            for k, scene in sheet.scenes.items()
        },
        "sizes": [APART, STEEP, WIDEST, HEAD],
        "texts": texts.values,
        "shapes": shapes.values,
    }
    return in_script(json.dumps(facts, ensure_ascii=False, separators=(",", ":")))


def _shipped(sheet: Sheet, kind: str) -> list[int]:
    return sorted({k for s in sheet.scenes.values() for what, k in s.items if what == kind})


def _form(form: tuple[str, float, float]) -> list[object]:
    return [form[0], round(form[1], 3), round(form[2], 3)]


def _scene(scene: Scene, shapes: _Pool) -> list[object]:
    """Items, the steps whose values the wires carry, the title's width, and the place of the rest.

    The rest is in the order in which the script reads it.
    """
    places = [
        [list(map(_short, box)) for box in scene.boxes],
        list(map(_short, scene.starts)),
        list(map(_short, scene.wires)),
        [[source, target] for source, target, _ in scene.links],
        [[[_short(y), _short(x)] for y, x in route] for route in scene.routes],
        _short(scene.length),
        [[_short(a), _short(b), items] for a, b, items in scene.levels],
        [[_short(a), i, _short(b), j] for a, i, b, j in scene.beside],
    ]
    return [
        [[_LETTERS[kind], key] for kind, key in scene.items],
        [origin for _, _, origin in scene.links],
        math.ceil(scene.tab),
        shapes.at(places),
    ]


def _short(number: float) -> float:
    return int(number) if number == int(number) else number
