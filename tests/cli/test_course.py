"""`chainrule course`: the copy leaves what the user has changed, the contents, Jupyter missing."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from chainrule.__main__ import main
from chainrule.cli import course
from chainrule.cli.contents import PLAN, expand, read_head
from chainrule.cli.links import links

HEAD = """# {number:02d} · The lecture figure

| | |
|---|---|
| **You will be able to** | read a graph |
| **You need** | pencil and paper |
| **Time** | 15 minutes |
| **Rows** | G1 |

[`op.py`]({up}autograd/op.py), [`rows.py`]({up}tests/rows.py), [next](02_b.ipynb)"""


def notebook(number: int, up: str, code: str) -> str:
    head = HEAD.format(number=number, up=up)
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "source": head.splitlines(keepends=True)},
        {"cell_type": "code", "source": [code], "outputs": [], "execution_count": None},
    ]
    cells = [{"id": str(k), "metadata": {}, **cell} for k, cell in enumerate(cells)]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The notebooks of an installed library: two exercises, two solutions; no tests/."""
    home = tmp_path / "chainrule"
    (home / "autograd").mkdir(parents=True)
    (home / "autograd" / "op.py").write_text("# op", encoding="utf-8")
    folder = home / "notebooks"
    (folder / "solutions").mkdir(parents=True)
    for number, name in ((1, "01_a.ipynb"), (2, "02_b.ipynb")):
        (folder / name).write_text(notebook(number, "../", "x = ..."), encoding="utf-8")
        solved = notebook(number, "../../", "x = 1")
        (folder / "solutions" / name).write_text(solved, encoding="utf-8")
    return folder


ALL = ["01_a.ipynb", "02_b.ipynb", "solutions/01_a.ipynb", "solutions/02_b.ipynb",
       "library/autograd/op.py"]  # fmt: skip


def test_copy(tmp_path: Path, library: Path) -> None:
    mine = tmp_path / "mine"
    done = course.copy(mine, library)
    assert done == {"new": ALL, "renewed": [], "same": [], "kept": []}
    assert course.copy(mine, library)["same"] == ALL
    assert not list(mine.rglob("*.part"))


def test_links_of_the_copy_lead_somewhere(tmp_path: Path, library: Path) -> None:
    mine = tmp_path / "mine"
    course.copy(mine, library)
    for name in ALL[:4]:
        cells = json.loads((mine / name).read_text(encoding="utf-8"))["cells"]
        text = "".join(cells[0]["source"])
        assert len(links(text)) == 2
        assert all(((mine / name).parent / target).is_file() for target in links(text))
        assert "[`rows.py`]" not in text
        assert "`rows.py`" in text


def test_what_the_user_changed_stays(tmp_path: Path, library: Path) -> None:
    mine = tmp_path / "mine"
    course.copy(mine, library)
    (mine / "01_a.ipynb").write_text("my answers", encoding="utf-8")
    (mine / "02_b.ipynb").unlink()
    for name in ("01_a.ipynb", "solutions/01_a.ipynb"):  # a later release changes both
        text = (library / name).read_text(encoding="utf-8")
        (library / name).write_text(text.replace("x = ", "y = "), encoding="utf-8")
    done = course.copy(mine, library)
    assert done["kept"] == ["01_a.ipynb"]
    assert done["new"] == ["02_b.ipynb"]
    assert done["renewed"] == ["solutions/01_a.ipynb"]
    assert (mine / "01_a.ipynb").read_text(encoding="utf-8") == "my answers"
    assert "y = 1" in (mine / "solutions" / "01_a.ipynb").read_text(encoding="utf-8")
    assert course.copy(mine, library)["kept"] == ["01_a.ipynb"]
    assert "kept yours: 01_a.ipynb" in course.report(mine, done)


def test_a_file_that_was_there_before_stays(tmp_path: Path, library: Path) -> None:
    (tmp_path / "01_a.ipynb").write_text("something else", encoding="utf-8")
    assert course.copy(tmp_path, library)["kept"] == ["01_a.ipynb"]
    (tmp_path / course.RECORD).write_text("not JSON", encoding="utf-8")
    assert course.copy(tmp_path, library)["kept"] == ["01_a.ipynb"]


def test_folders_that_cannot_be(tmp_path: Path, library: Path) -> None:
    with pytest.raises(ValueError, match="name another folder"):
        course.copy(library, library)
    with pytest.raises(ValueError, match="no notebooks in"):
        course.copy(tmp_path / "mine", tmp_path / "empty")


def test_contents(library: Path) -> None:
    lines = course.contents(library).split("\n")
    assert re.fullmatch(r"01  The lecture figure +15 minutes  G1", lines[0])
    assert lines[2:5] == ["2 notebooks, 30 minutes", "", "to come:"]
    assert len(lines) == 5 + len(PLAN) - 2


def test_list_of_the_real_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["course", "--list"]) == 0
    text = capsys.readouterr().out
    assert all(f"{plan.number:02d}  {plan.title}" in text for plan in PLAN)


def test_without_jupyter(
    tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(course, "NOTEBOOKS", library)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["course", str(tmp_path / "mine")]) == 2
    assert "pip install 'chainrule[notebooks]'" in capsys.readouterr().err
    assert (tmp_path / "mine" / "01_a.ipynb").is_file()
    assert main(["course", str(tmp_path / "mine"), "--no-open"]) == 0
    assert "0 files written, 5 as they were" in capsys.readouterr().out


def test_copied_solutions_are_trusted(tmp_path: Path, library: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    mine = tmp_path / "mine"
    course.copy(mine, library)
    assert course.trust(mine, ALL) == 2
    notary = importlib.import_module("nbformat.sign").NotebookNotary()

    def trusted(name: str) -> bool:
        return bool(notary.check_signature(nbformat.read(mine / name, as_version=4)))

    assert trusted("solutions/01_a.ipynb")
    assert not trusted("01_a.ipynb")


@pytest.fixture(autouse=True)
def _own_signatures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test signs a notebook in the data folder of whoever runs it."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))


def test_jupyter_is_started_on_the_folder(
    tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    class Started:
        def __init__(self, words: list[str]) -> None:
            started.append(words)

        def poll(self) -> int:
            return 0

    monkeypatch.setattr(course, "NOTEBOOKS", library)
    monkeypatch.setattr(course, "trust", lambda folder, names: 0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(course.subprocess, "Popen", Started)
    assert main(["course", str(tmp_path / "mine")]) == 0
    assert started[0][1:] == ["-m", "jupyterlab", str(tmp_path / "mine")]


@pytest.mark.parametrize("text", ["G", "G1–G3", "A, L2–L4", "–", ""])
def test_rows(text: str) -> None:
    assert expand(text) == {"G": ("G",), "G1–G3": ("G1", "G2", "G3"),
                            "A, L2–L4": ("A", "L2", "L3", "L4")}.get(text, ())  # fmt: skip


def test_head() -> None:
    head = read_head(HEAD.format(number=7, up=""))
    assert (head.number, head.title, head.goal) == (7, "The lecture figure", "read a graph")
