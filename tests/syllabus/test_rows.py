"""Every row of the syllabus has its code and its tests, and the table in rows.py says where."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
TABLE = runpy.run_path(str(HERE / "rows.py"))
ROWS, TO_COME = TABLE["ROWS"], TABLE["TO_COME"]
WRITTEN = [name for name, row in ROWS.items() if row.tests != TO_COME]


@cache
def functions(file: str) -> list[str]:
    """The names of the test functions of a file below tests/."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in found if name.startswith("test_")]


def found(path: str) -> Any:
    """What a dotted path below chainrule names; AttributeError or ImportError where nothing."""
    value: Any = cr
    dotted = "chainrule"
    for part in path.split("."):
        dotted += "." + part
        try:
            value = getattr(value, part)
        except AttributeError:
            value = importlib.import_module(dotted)
    return value


def test_all_rows_are_there() -> None:
    numbered = {"G": 11, "L": 6, "R": 14, "C": 10, "T": 11}
    wanted = {f"{letter}{k}" for letter, n in numbered.items() for k in range(1, n + 1)}
    assert set(ROWS) == wanted | {"A", "O", "I"}


@pytest.mark.parametrize("name", list(WRITTEN))
def test_the_code_of_a_row_exists(name: str) -> None:
    for path in ROWS[name].code.split():
        assert found(path) is not None


@pytest.mark.parametrize("name", list(WRITTEN))
def test_the_tests_of_a_row_exist(name: str) -> None:
    for place in ROWS[name].tests.split():
        file, prefix = place.split("::")
        assert any(test.startswith(prefix) for test in functions(file)), place


def test_what_is_to_come_has_neither() -> None:
    for row in ROWS.values():
        assert (row.code == TO_COME) == (row.tests == TO_COME)


def test_no_test_names_a_row_that_is_still_to_come() -> None:
    named: dict[str, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        file = path.relative_to(TESTS).as_posix()
        for test in functions(file):
            for row in re.findall(r"(?<=_)([GLRCT]\d+)(?=_)", test.upper()):
                named.setdefault(row, set()).add(f"{file}::{test}")
    late = {row: named[row] for row in named.keys() & (set(ROWS) - set(WRITTEN))}
    assert not late, "rows.py says 'to come', but there are tests; write down where they are"
    assert set(named) <= set(ROWS)
    assert set(WRITTEN) - {"A", "O", "I"} <= set(named)
