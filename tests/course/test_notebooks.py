"""Every notebook in a Jupyter kernel, solved and unsolved, and with wrong answers planted."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from coursebook import build, kernel
from coursebook.command import NOTEBOOKS, ROOT, paths
from coursebook.source import read

SOURCES = paths(NOTEBOOKS)
SECONDS = 60  # for a notebook, the start of its kernel included

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.filterwarnings("ignore"),  # of the packages that run the kernel
    pytest.mark.parametrize("path", SOURCES, ids=[path.stem for path in SOURCES]),
]


def timed(notebook: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """The executed notebook, and the seconds that it took."""
    pytest.importorskip("nbclient")
    started = time.perf_counter()
    done = kernel.execute(notebook)
    return done, time.perf_counter() - started


def kinds(notebook: dict[str, Any]) -> list[list[list[str]]]:
    """For each cell, for each output, what it is: ``["image/svg+xml", "text/plain"]``."""
    return [
        [sorted(output.get("data", [output.get("name", "error")])) for output in cell["outputs"]]
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def test_solution(path: Path) -> None:
    """All checks say right; what is committed shows the same kinds of outputs."""
    source = read(path)
    done, seconds = timed(build.solution(source))
    assert kernel.faults(done, "✓ right") == []
    assert build.is_executed(done)
    assert len(kernel.checks(done)) >= len(source.holes)
    assert build.too_large(done) == []
    assert seconds <= SECONDS
    committed = build.loads(build.places(NOTEBOOKS, source)[1].read_text(encoding="utf-8"))
    again = f"run: python tools/build_course.py --execute {source.number}"
    assert kinds(committed) == kinds(done), again


def test_exercise(path: Path) -> None:
    """As students get it: runs to the end, and every check says not yet."""
    source = read(path)
    done, seconds = timed(build.exercise(source))
    assert kernel.faults(done, "… not yet") == []
    assert build.is_executed(done)
    assert len(kernel.checks(done)) >= len(source.holes)
    assert seconds <= SECONDS


def test_planted_answers(path: Path) -> None:
    """Each wrong answer is named, each other route accepted."""
    tool = [sys.executable, str(ROOT / "tools" / "build_course.py")]
    words = [*tool, "--try", path.name[:2], "--only", "planted", "--json"]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert run.stdout, run.stderr
    outcomes = json.loads(run.stdout)
    problems = [f"line {item['line']}: [{item['kind']}] {item['words']}: {item['problem']}"
                for item in outcomes if item["problem"]]  # fmt: skip
    assert not problems, "\n".join(problems)
    holes = [hole for _, hole in read(path).holes]
    wanted = sum(len(hole.mistakes) + len(hole.others) for hole in holes)
    assert len(outcomes) == 1 + wanted
