"""The plain runner finds what is wrong: each test changes one thing in a sound sample."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coursebook import run
from coursebook.source import read

pytestmark = pytest.mark.skipif(not hasattr(run.os, "fork"), reason="needs fork")


def tried(path: Path) -> list[Any]:
    """The outcomes, in a process that was forked in a test run with many threads."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork with threads, from 3.12 on
        return run.try_notebook(read(path))


def test_a_sound_notebook(sample: Path) -> None:
    outcomes = tried(sample)
    assert [(o.kind, o.problem) for o in outcomes] == [
        ("exercise", ""),
        ("solution", ""),
        ("mistake", ""),
        ("mistake", ""),
        ("another", ""),
    ]
    assert outcomes[0].said[0].startswith("… not yet")
    assert outcomes[1].said[0].startswith("✓ right")
    assert "sign" in outcomes[2].said[0]


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ("slope = 6.0\n# [hole]", "slope = 5.0\n# [hole]", "solution", "does not say 'right'"),
        ("slope = 6.0\n# [hole]", "slope = 1 / 0\n# [hole]", "solution", "solution stops"),
        ("# slope = -6.0", "# slope = 6.0", "mistake", "not seen: ✓"),
        ("# slope = -6.0", "# slope = None", "mistake", "not filled: …"),
        ("# [mistake] sign", "# [mistake] a banana", "mistake", "without these words"),
        ("# slope = -6.0", "# slope = 1 / 0", "mistake", "ZeroDivisionError"),
        ("# slope = -6.0", "# import os; os.kill(os.getpid(), 9)", "mistake", "died"),
        ("# slope = -6.0", "# while True: pass", "mistake", "not done after"),
        ("# slope = 2 * x.item()", "# slope = x.item()", "another", "not accepted: ✗"),
        ("# [another]\n# slope = 2 * x.item()\n", "", "solution", "no \\[another\\]"),
        ("wrt=x)\n", "wrt=x)\nprint(1 + slope)\n", "exercise", "unsolved notebook stops: Type"),
        ("wrt=x)\n", "wrt=x)\ncheck.grad(6.0, of=y, wrt=x)\n", "exercise", "not say 'not yet'"),
        ("check.grad(slope, of=y, wrt=x)\n", "", "solution", "no check after the hole"),
        ("check.grad(slope, of=y, wrt=x)\n", "\n# %%\nx\n\n# %%\ncheck.grad(slope, of=y, wrt=x)\n",
         "solution", "no check in the hole's cell"),
    ],
)  # fmt: skip
def test_finds(
    write: Callable[..., Path], hole: str, monkeypatch: pytest.MonkeyPatch,
    old: str, new: str, kind: str, words: str,
) -> None:  # fmt: skip
    if "while" in new:
        monkeypatch.setattr(run, "SECONDS", 2.0)
    assert old in hole
    outcomes = tried(write(hole.replace(old, new)))
    found = [outcome.problem for outcome in outcomes if outcome.problem and outcome.kind == kind]
    assert found
    assert re.search(words, found[0]), found[0]


def test_a_mistake_in_the_second_of_two_checks(write: Callable[..., Path], hole: str) -> None:
    more = hole.replace("slope = 6.0\n#", "slope, twice = 6.0, 12.0\n#")
    more = more.replace("# slope = ...", "# slope, twice = ..., ...")
    more = more.replace("# slope = -6.0", "# slope, twice = 6.0, -12.0")
    more = more.replace("# slope = 12.0", "# slope, twice = 12.0, 12.0")
    more = more.replace("# slope = 2 * x.item()", "# slope, twice = 6, 12")
    outcomes = tried(write(more, "check.grad(twice, of=2 * y, wrt=x)\n"))
    assert [outcome.problem for outcome in outcomes] == [""] * 5


def test_a_planted_answer_changes_nothing_after_it(write: Callable[..., Path], hole: str) -> None:
    """The children are forks: the solution goes on as if nothing had been planted."""
    spoil = hole.replace("# slope = -6.0", "# slope = -6.0\n# check = None")
    outcomes = tried(write(spoil))
    assert [outcome.kind for outcome in outcomes if outcome.problem] == ["mistake"]


def test_functions_of_a_cell_have_their_source(write: Callable[..., Path], hole: str) -> None:
    cell = "\n# %%\nimport inspect\n\ndef f():\n    return 1\n\ninspect.getsource(f)\n"
    assert not any(outcome.problem for outcome in tried(write(cell, hole)))
