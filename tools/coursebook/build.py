"""Make the exercise and the solution notebook of a source, and tell whether they are up to date."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path
from typing import Any

from chainrule.cli.links import relink

from .source import Cell, Source

Notebook = dict[str, Any]
KILOBYTES = 150  # of a committed solution
_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class BuildError(ValueError):
    """A notebook that must not be committed as it is."""


def exercise(source: Source) -> Notebook:
    """The students' notebook: holes, no outputs, and checks that know mistakes folded away."""
    made = _notebook(source, solved=False)
    cells = []
    for cell, origin in zip(made["cells"], source.cells, strict=True):
        answer, check = _parted(cell["source"], origin) if cell["cell_type"] == "code" else ("", "")
        if not check:
            cells.append(cell)
            continue
        if answer:
            cells.append({**cell, "source": f"{answer}\n\n{_HINT}"})
        folded = {"jupyter": {"source_hidden": True}, "tags": ["hide-input"]}
        shown = f"{_FIRST_LINE}\n{check}"
        cells.append({**cell, "id": f"{cell['id']}c"[-64:], "metadata": folded, "source": shown})
    return {**made, "cells": cells}


_FIRST_LINE = "# Checks your answer. Folded, because it names the usual mistakes."
_HINT = "# The folded cell below checks this one: run both."


def _parted(text: str, cell: Cell) -> tuple[str, str]:
    """What a learner writes, and a check whose list of mistakes would tell too much beforehand."""
    if "mistakes=" not in text:
        return text, ""
    if cell.hole is None:
        return "", text
    after = cell.hole.after.split("\n")
    outside = next((k for k, line in enumerate(after) if line[:1].strip()), None)
    if outside is None or after[outside].startswith(")"):
        return text, ""
    check = "\n".join(after[outside:])
    return text.removesuffix(check).rstrip(), check


def solution(source: Source) -> Notebook:
    """The notebook with its holes filled, not yet executed."""
    return _notebook(source, solved=True)


def _notebook(source: Source, solved: bool) -> Notebook:
    cells = []
    for number, cell in enumerate(source.cells):
        text = cell.text if solved else cell.exercise
        made: Notebook = {
            "id": f"{source.name.replace('_', '-')}-{number:02d}"[-64:],
            "cell_type": cell.kind,
            "metadata": {},
            "source": text,
        }
        if cell.kind == "code":
            made |= {"execution_count": None, "outputs": []}
        elif solved:
            made["source"] = relink(text, one_deeper)
        cells.append(made)
    return {"cells": cells, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}


def one_deeper(target: str) -> str:
    """A link of notebooks/ as seen from notebooks/solutions/; the course's notebooks are in both.

    >>> one_deeper("../autograd/op.py"), one_deeper("02_value.ipynb")
    ('../../autograd/op.py', '02_value.ipynb')
    """
    if target.endswith(".ipynb") and "/" not in target:
        return target
    return posixpath.relpath(posixpath.join("notebooks", target), "notebooks/solutions")


def dumps(notebook: Notebook) -> str:
    """The text of a notebook file, as Jupyter writes it: texts as lists of lines."""
    cells = []
    for cell in notebook["cells"]:
        copy = {**cell, "source": _lines(cell["source"])}
        if "outputs" in copy:
            copy["outputs"] = [_split(output) for output in cell["outputs"]]
        cells.append(copy)
    content = {**notebook, "cells": cells}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _split(output: Notebook) -> Notebook:
    copy = dict(output)
    if "text" in copy:
        copy["text"] = _lines(copy["text"])
    if "data" in copy:
        copy["data"] = {
            kind: _lines(value) if kind.startswith("text/") or kind.endswith("+xml") else value
            for kind, value in output["data"].items()
        }
    return copy


def loads(text: str) -> Notebook:
    """A notebook from the text of its file: the inverse of `dumps`."""
    notebook: Notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = "".join(output["text"])
            for kind, value in output.get("data", {}).items():
                output["data"][kind] = "".join(value) if isinstance(value, list) else value
    return notebook


def without_outputs(notebook: Notebook) -> Notebook:
    """The inputs alone."""
    cells = [
        {**cell, "execution_count": None, "outputs": []} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def is_executed(notebook: Notebook) -> bool:
    """Whether all code cells ran, once and in order."""
    counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return counts == list(range(1, len(counts) + 1))


def places(folder: Path, source: Source) -> tuple[Path, Path]:
    """Where the exercise and the solution of a source are written."""
    name = f"{source.name}.ipynb"
    return folder / name, folder / "solutions" / name


def stale(folder: Path, source: Source) -> list[str]:
    """What is not up to date; the outputs of a solution are not compared."""
    found = []
    first, second = places(folder, source)
    if not first.exists() or first.read_text(encoding="utf-8") != dumps(exercise(source)):
        found.append(f"{first.relative_to(folder)} is not what its source gives")
    if not second.exists():
        return [*found, f"{second.relative_to(folder)} is not there"]
    try:
        written = loads(second.read_text(encoding="utf-8"))
        if without_outputs(written) != solution(source):
            found.append(f"{second.relative_to(folder)} is not what its source gives")
        elif not is_executed(written):
            found.append(f"{second.relative_to(folder)} was not executed")
    except (ValueError, KeyError) as error:
        found.append(f"{second.relative_to(folder)} cannot be read: {error}")
    return found


def strays(folder: Path, names: set[str]) -> list[str]:
    """Notebooks that have no source."""
    found = [*folder.glob("*.ipynb"), *folder.glob("solutions/*.ipynb")]
    return [f"{path.relative_to(folder)} has no source" for path in sorted(found)
            if path.stem not in names]  # fmt: skip


def write(folder: Path, source: Source, again: bool = False) -> list[str]:
    """Write what is not up to date, and the solution `again` if told to; the names written.

    Raises BuildError for a solution that stops, has a check that does not say "right", names a
    path of this machine, or is too large.
    """
    written = []
    first, second = places(folder, source)
    text = dumps(exercise(source))
    if not first.exists() or first.read_text(encoding="utf-8") != text:
        _put(first, text)
        written.append(str(first.relative_to(folder)))
    if again or any(words.startswith("solutions") for words in stale(folder, source)):
        from .kernel import execute, faults

        done = execute(solution(source))
        problems = [*faults(done, "✓ right"), *too_large(done)]
        if problems:
            raise BuildError("\n".join(f"{source.name}: {words}" for words in problems))
        _put(second, dumps(done))
        written.append(str(second.relative_to(folder)))
    return written


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def too_large(notebook: Notebook) -> list[str]:
    """Empty, or that the notebook is too large and which outputs make it so."""
    size = len(dumps(notebook).encode())
    if size <= KILOBYTES * 1024:
        return []
    outputs = [
        (len(json.dumps(output, ensure_ascii=False).encode()), number)
        for number, cell in enumerate(notebook["cells"])
        for output in cell.get("outputs", [])
    ]
    biggest = ", ".join(f"{n / 1024:.0f} KB in cell {k}" for n, k in sorted(outputs)[:-4:-1])
    return [f"{size / 1024:.0f} KB, {KILOBYTES} are allowed; the biggest outputs: {biggest}"]
