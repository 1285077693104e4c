"""The list of the syllabus's rows: complete for the notebooks written, the others to come."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import NamedTuple

import pytest

from chainrule.cli.contents import PLAN, Head, Planned

ROOT = Path(__file__).resolve().parents[2]
TOOL = runpy.run_path(str(ROOT / "tools" / "syllabus.py"))
table, problems = TOOL["table"], TOOL["problems"]
FIRST_PART = range(15)


class Row(NamedTuple):
    what: str
    code: str
    tests: str


ROWS = {"G1": Row("figure", "viz.draw", "a.py::b"), "T1": Row("folds", "to come", "to come")}
TWO = (Planned(1, "One", ("G1",)), Planned(2, "Two", ("G1", "T1")))


def head(number: int, *rows: str) -> Head:
    return Head(number, "title", "goal", "needs", 15, rows)


def test_every_row_is_planned() -> None:
    planned = {name for plan in PLAN for name in plan.rows}
    assert planned == set(TOOL["rows"]())
    assert [plan.number for plan in PLAN] == list(range(31))


def test_the_first_part_is_complete() -> None:
    heads = TOOL["heads"]()
    assert set(FIRST_PART) <= {head.number for head in heads}
    assert problems(TOOL["rows"](), heads) == []
    lines = {line.row: line for line in table(TOOL["rows"](), heads)}
    for plan in PLAN:
        for name in plan.rows if plan.number in FIRST_PART else ():
            line = lines[name]
            assert plan.number in line.notebooks
            assert "to come" not in (line.code, line.tests)


def test_table() -> None:
    first, second = table(ROWS, [head(1, "G1")], TWO)
    assert (first.notebooks, first.late, first.where) == ((1,), (2,), "01, to come (02)")
    assert (second.notebooks, second.where) == ((), "to come (02)")


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        ([head(1)], "01 does not name G1, which is planned for it"),
        ([head(1, "G1", "Z9")], "01 names Z9, which is no row"),
        ([head(1, "G1"), head(2, "G1", "T1")], "T1 has a notebook, but its code or tests"),
    ],
)
def test_problems(heads: list[Head], words: str) -> None:
    assert problems(ROWS, [head(1, "G1")], TWO) == []
    assert any(words in problem for problem in problems(ROWS, heads, TWO))


def test_a_row_that_nobody_plans() -> None:
    assert problems(ROWS, [], TWO[:1]) == ["T1 has no notebook, and none is planned"]


def test_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert TOOL["main"]([]) == 0
    text = capsys.readouterr().out
    assert "G1   the lecture figure" in text
    assert "notebook  to come (15)" in text.replace("notebook    ", "notebook  ")
