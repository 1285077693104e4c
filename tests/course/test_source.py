"""Reading a source: cells, the hole and what may stand in it, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from coursebook.source import SourceError, read

BODY = """
# %%
def f(x):
    # [solution]
    return 2 * x
    # [hole]
    # # the double of x
    # ...
    # [mistake] half
    # if x:
    #     return x / 2
    #
    # return 0
    # [mistake] sign
    # return -2 * x
    # [end]
"""


def test_cells(sample: Path) -> None:
    source = read(sample)
    assert [cell.kind for cell in source.cells] == ["markdown", "code", "code", "code", "markdown"]
    assert (source.name, source.number, source.head.minutes) == ("01_lecture", "01", 15)
    assert source.cells[1].text == "import chainrule as cr\nfrom chainrule.teach import check"
    assert source.cells[4].text.startswith("## In words\n\n1. What")


def test_hole(sample: Path) -> None:
    ((number, hole),) = read(sample).holes
    cell = read(sample).cells[number]
    assert cell.text == "slope = 6.0\ncheck.grad(slope, of=y, wrt=x)"
    assert cell.exercise == "# a number\nslope = ...\ncheck.grad(slope, of=y, wrt=x)"
    assert [(a.words, a.text) for a in hole.mistakes] == [
        ("sign", "slope = -6.0"),
        ("factor", "slope = 12.0"),
    ]
    assert [a.text for a in hole.others] == ["slope = 2 * x.item()"]
    lines = sample.read_text(encoding="utf-8").split("\n")
    assert lines[hole.line - 1] == "# [solution]"
    assert [lines[a.line - 1] for a in hole.mistakes] == ["# [mistake] sign", "# [mistake] factor"]


def test_hole_in_a_function(write: Callable[..., Path]) -> None:
    ((_, hole),) = read(write(BODY)).holes
    assert hole.filled(hole.solution) == "def f(x):\n    return 2 * x"
    assert hole.filled(hole.blank) == "def f(x):\n    # the double of x\n    ..."
    wanted = "def f(x):\n    if x:\n        return x / 2\n\n    return 0"
    assert hole.filled(hole.mistakes[0].text) == wanted


def test_the_same_cells_as_jupytext(sample: Path) -> None:
    jupytext = pytest.importorskip("jupytext")
    theirs = jupytext.reads(sample.read_text(encoding="utf-8"), fmt="py:percent")
    ours = read(sample).cells
    assert [cell.cell_type for cell in theirs.cells] == [cell.kind for cell in ours]
    for mine, other in zip(ours, theirs.cells, strict=True):
        if mine.hole is None:
            assert mine.text == other.source


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("# [end]\n", "", "is \\[solution\\]"),
        ("# [hole]\n# # a number\n# slope = ...\n", "", "is \\[solution\\]"),
        ("# slope = ...\n", "# slope = 0\n", "written with"),
        ("# slope = -6.0", "slope = -6.0", "does not begin with"),
        ("# slope = -6.0", "# slope = = 6", "no Python"),
        ("# slope = -6.0\n", "", "nothing below \\[mistake\\]"),
        ("# [mistake] sign\n", "# [mistake]\n", "needs the words"),
        ("# [mistake] sign\n", "# [mistake] not right\n", "needs the words"),
        ("# [mistake] factor\n# slope = 12.0\n", "", "1 mistakes; a hole has 2"),
        ("# [solution]\n", "check.shape(x, of=x)\n# [solution]\n", "before the hole"),
        ("# [end]\n", "# [end]\n# [solution]\nz = 1\n# [end]\n", "one hole a cell"),
        ("# [mistake] sign\n", "    # [mistake] sign\n", "below each other"),
        ("# %%\nx", "# %% the graph\nx", "no titles"),
    ],
)
def test_refused(write: Callable[..., Path], hole: str, old: str, new: str, words: str) -> None:
    assert old in hole
    with pytest.raises(SourceError, match=rf"^01_lecture\.py:\d+: .*{words}"):
        read(write(hole.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("# # 01 ·", "# # 1 ·", "the first line"),
        ("# # 01 ·", "# # 02 ·", "the title says notebook 02"),
        ("| **Time** | 15 minutes |", "| **Time** | a while |", "15 minutes"),
        ("# | **You need** | pencil and paper |\n", "", "the fields are"),
        ("| **Rows** | G1 |", "| **Rows** | all |", "no row"),
        ("# %% [markdown]", "import os\n# %% [markdown]", "begins with"),
        ("# | | |\n", "", "after the title"),
        ("# # 01", "## 01", "does not begin with '# '"),
    ],
)
def test_head_refused(write: Callable[..., Path], old: str, new: str, words: str) -> None:
    path = write()
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SourceError, match=words):
        read(path)


def test_name_refused(write: Callable[..., Path]) -> None:
    with pytest.raises(SourceError, match="NN_name"):
        read(write(name="lecture.py"))
