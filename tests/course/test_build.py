"""The notebooks made of a source: holes, links, the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coursebook import build, command, kernel
from coursebook.source import read

LINKS = """
# %% [markdown]
# [`walker.py`](../autograd/walker.py), [next](02_value.ipynb#holes), $[a](b)$, `[a](b)`,
# [there](https://numpy.org) and [solved](solutions/01_lecture.ipynb)
"""


def output(**data: str) -> dict[str, Any]:
    """What a cell shows."""
    found = {kind.replace("_", "/"): value for kind, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": found}


def executed(source: Any, *outputs: dict[str, Any]) -> dict[str, Any]:
    """A solution with these outputs in its last code cell, without a kernel."""
    notebook = build.solution(source)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells):
        cell["execution_count"] = number + 1
    cells[-1]["outputs"] = list(outputs)
    return notebook


def test_exercise(sample: Path) -> None:
    notebook = build.exercise(read(sample))
    text = build.dumps(notebook)
    assert "slope = ..." in text
    for word in ("6.0", "12.0", "[mistake]", "[another]", "[hole]", "2 * x.item()"):
        assert word not in text
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    ids = [cell["id"] for cell in notebook["cells"]]
    assert ids[:2] == ["01-lecture-00", "01-lecture-01"]
    assert len(set(ids)) == len(ids)


def test_solution(sample: Path) -> None:
    text = build.dumps(build.solution(read(sample)))
    assert "slope = 6.0" in text
    for word in ("...", "12.0", "[mistake]", "[another]", "[solution]", "[end]"):
        assert word not in text


def test_it_is_a_notebook(sample: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    for made in (build.exercise, build.solution):
        text = build.dumps(made(read(sample)))
        nbformat.validate(nbformat.reads(text, as_version=4))
        assert nbformat.writes(nbformat.reads(text, as_version=4)) + "\n" == text


def test_links(write: Callable[..., Path]) -> None:
    source = read(write(LINKS))
    assert build.exercise(source)["cells"][2]["source"] == source.cells[2].text
    moved = build.solution(source)["cells"][2]["source"]
    assert "(../../autograd/walker.py)" in moved
    assert "(02_value.ipynb#holes), $[a](b)$, `[a](b)`" in moved
    assert "(https://numpy.org) and [solved](01_lecture.ipynb)" in moved


def test_written_and_read_again(sample: Path) -> None:
    shown = output(text_plain="a\nb\n", text_html="<p>\n</p>", image_png="aGk=")
    stream = {"output_type": "stream", "name": "stdout", "text": "one\ntwo\n"}
    notebook = executed(read(sample), shown, stream)
    assert build.loads(build.dumps(notebook)) == notebook
    assert build.without_outputs(notebook) == build.solution(read(sample))
    assert build.is_executed(notebook)
    assert not build.is_executed(build.solution(read(sample)))


def test_up_to_date(sample: Path, write: Callable[..., Path], hole: str) -> None:
    folder = sample.parent.parent
    source = read(sample)
    first, second = build.places(folder, source)
    assert len(build.stale(folder, source)) == 2
    second.parent.mkdir()
    first.write_text(build.dumps(build.exercise(source)), encoding="utf-8")
    second.write_text(build.dumps(build.solution(source)), encoding="utf-8")
    assert build.stale(folder, source) == ["solutions/01_lecture.ipynb was not executed"]
    second.write_text(build.dumps(executed(source, output(text_plain="3"))), encoding="utf-8")
    assert build.stale(folder, source) == []
    assert build.write(folder, source) == []
    changed = read(write(hole))
    assert [words.split(" is ")[0] for words in build.stale(folder, changed)] == [
        "01_lecture.ipynb",
        "solutions/01_lecture.ipynb",
    ]
    first.write_text(first.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert build.stale(folder, source) == ["01_lecture.ipynb is not what its source gives"]
    second.write_text("{", encoding="utf-8")
    assert "cannot be read" in build.stale(folder, source)[1]
    (folder / "02_gone.ipynb").write_text("{}", encoding="utf-8")
    assert build.strays(folder, {"01_lecture"}) == ["02_gone.ipynb has no source"]


def test_check_on_the_command_line(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = sample.parent.parent
    assert command.main(["--check", "--in", str(folder)]) == 1
    assert "solutions/01_lecture.ipynb is not there" in capsys.readouterr().err
    assert command.main(["--check", "--in", str(folder), "07"]) == 1
    assert "no source 07_" in capsys.readouterr().err


def test_too_large(sample: Path) -> None:
    source = read(sample)
    assert build.too_large(executed(source, output(text_plain="a" * 1000))) == []
    big = executed(source, output(text_plain="a" * 90_000), output(text_html="b" * 70_000))
    (words,) = build.too_large(big)
    assert "150 are allowed" in words
    assert "88 KB in cell 3, 68 KB in cell 3" in words


def test_cleaned(sample: Path) -> None:
    stream = {"output_type": "stream", "name": "stdout", "text": "one\n"}
    library = Path(kernel.chainrule.__file__).resolve().parent
    shown = output(
        text_plain=f"<F at 0x7f3a5c0b9d10> in {library}/nn/x.py, /tmp/ipykernel_12/345.py:3"
    )
    notebook = executed(read(sample), stream, stream, shown, {**stream, "name": "stderr"})
    notebook["cells"][1]["metadata"] = {"execution": {"iopub.execute_input": "2026-01-01"}}
    notebook["metadata"] = {**notebook["metadata"], "language_info": {"version": "3.11.7"}}
    clean = kernel.cleaned(notebook)
    outputs = clean["cells"][3]["outputs"]
    assert [item.get("text") for item in outputs] == ["one\none\n", None, "one\n"]
    assert outputs[1]["data"]["text/plain"] == "<F at 0x…> in chainrule/nn/x.py, the cell:3"
    assert clean["cells"][1]["metadata"] == {}
    assert clean["metadata"]["language_info"] == {"name": "python"}


def test_faults(sample: Path) -> None:
    right = output(text_plain="✓ right: y.")
    source = read(sample)
    assert kernel.faults(executed(source, right), "✓ right") == []
    assert kernel.faults(executed(source), "✓ right") == ["no check spoke"]
    cases = [
        (
            output(text_plain="✗ not right: y.\nMore."),
            "cell 3: expected '✓ right': ✗ not right: y.",
        ),
        ({"output_type": "stream", "name": "stderr", "text": "Warning"}, "stderr: Warning"),
        ({"output_type": "error", "ename": "E", "evalue": "no", "traceback": []}, "stops: E: no"),
        (output(text_plain="saved /home/me/x.svg"), "a path of this machine: /home/me/x.svg"),
    ]
    for item, words in cases:
        (found,) = kernel.faults(executed(source, right, item), "✓ right")
        assert words in found


@pytest.mark.notebook
def test_executed_in_a_kernel(write: Callable[..., Path], hole: str, closing: str) -> None:
    pytest.importorskip("nbclient")
    more = "\n# %%\nobject()\n\n# %%\nfrom chainrule import viz\nviz.draw(y)\n"
    path = write(hole, more, closing)
    folder = path.parent.parent
    names = ["01_lecture.ipynb", "solutions/01_lecture.ipynb"]
    assert build.write(folder, read(path)) == names
    first = [(folder / name).read_bytes() for name in names]
    assert build.write(folder, read(path)) == []
    assert build.write(folder, read(path), again=True) == names[1:]
    assert [(folder / name).read_bytes() for name in names] == first
    assert json.loads(first[1])["cells"][3]["outputs"][0]["data"]["text/plain"][0].startswith("✓")
    wrong = write(hole.replace("slope = 6.0\n# [hole]", "slope = 5.0\n# [hole]"), closing)
    with pytest.raises(build.BuildError, match="01_lecture: cell 3: expected '✓ right': ✗ not"):
        build.write(folder, read(wrong))
    assert (folder / names[1]).read_bytes() == first[1]


FOLDED = """
# %%
x = cr.tensor(3.0, requires_grad=True)
# [solution]
square = 9.0
# [hole]
# square = ...
# [mistake] doubled
# square = 6.0
# [mistake] sign
# square = -9.0
# [end]
slips = {"doubled, not squared": 2 * x}
check.value(square, of=x * x, mistakes=slips)
"""


def test_a_check_that_tells_much_is_folded_away_in_the_exercise(
    write: Callable[..., Path],
) -> None:
    source = read(write(FOLDED))
    answer, check = build.exercise(source)["cells"][-2:]
    assert answer["source"].splitlines()[1] == "square = ..."
    assert "slips" not in answer["source"]
    assert "folded cell below" in answer["source"]
    assert check["metadata"]["jupyter"] == {"source_hidden": True}
    assert check["source"].splitlines()[1].startswith("slips = ")
    assert check["id"] != answer["id"]
    solved = build.solution(source)["cells"][-1]
    assert solved["metadata"] == {}
    assert "square = 9.0" in solved["source"]
    assert "slips" in solved["source"]
