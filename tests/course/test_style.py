"""The rules that all notebooks keep: each of them can fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from coursebook.source import read
from coursebook.style import problems

ROOT = Path(__file__).resolve().parents[2]


def test_a_sound_notebook(sample: Path) -> None:
    assert problems(read(sample), ROOT) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("# Take", "# Simply take", "'Simply' is not a word"),
        ("# # a number", "# # just a number", "'just' is not a word"),
        ("# Take", "# Take \U0001f600", "pictogram"),
        ("# 3. When?\n", "", "three questions"),
        ("## Open exercise", "## Exercise", "the last three headings"),
        ("# ## Open", "# # Twice\n#\n# ## Open", "more than one heading"),
        ("../autograd/walker.py", "../autograd/runner.py", "leads nowhere"),
        ("../autograd/walker.py", "../../../etc/passwd.py", "leads nowhere"),
        ("../autograd/walker.py", "../docs/reference/index.html", "leads nowhere"),
        ("[`walker.py`](../autograd/walker.py)", "the walker", "links no file"),
        ("import chainrule as cr\n", "import chainrule as torch\n", "the second cell"),
        ("y = x * x", "y = x * x\nimport torch.nn", "imports torch.nn; allowed are"),
        ("y = x * x", "y = x * x\nfrom autograd import grad", "imports autograd; allowed are"),
        ("y = x * x", "y = x * x\n" + "x\n" * 25, "27 lines in a cell, 25 are allowed"),
        ("y = x * x", "y = x * x" + " * x" * 30, "more than 100 columns"),
        ("The lecture figure", "A figure", "the table of contents says 'The lecture figure'"),
    ],
)
def test_finds(write: Callable[..., Path], hole: str, closing: str, old: str, new: str,
               words: str) -> None:  # fmt: skip
    path = write(hole, closing)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    found = problems(read(path), ROOT)
    assert any(words in problem for problem in found), found


def test_words_that_only_look_alike(write: Callable[..., Path], hole: str, closing: str) -> None:
    more = "\n# %% [markdown]\n# An adjustment, unjust; `just` in code.\n"
    assert problems(read(write(hole, more, closing)), ROOT) == []


def test_no_hole(write: Callable[..., Path], closing: str) -> None:
    assert problems(read(write(closing)), ROOT) == ["no hole"]
