"""``chainrule course``: the course's notebooks in a folder of the user's, and its contents."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import importlib.util
import json
import os
import posixpath
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .contents import PLAN, Head, read_head
from .links import relink

PACKAGE = Path(__file__).resolve().parents[1]
NOTEBOOKS = PACKAGE / "notebooks"
READ = "library"  # the folder for files of the library that the notebooks link
RECORD = ".chainrule-course.json"  # what was copied, to know a file that the user has changed
MISSING = "Jupyter is not installed: pip install 'chainrule[notebooks]'"


def run(given: argparse.Namespace) -> None:
    """Print the contents, or copy the notebooks and start Jupyter on them."""
    if given.list:
        print(contents(NOTEBOOKS))
        return
    folder = Path(given.folder)
    done = copy(folder, NOTEBOOKS)
    print(report(folder, done))
    trust(folder, [name for kind in ("new", "renewed", "same") for name in done[kind]])
    if given.no_open:
        return
    if importlib.util.find_spec("jupyterlab") is None:
        raise ImportError(f"{MISSING}, then again: chainrule course {given.folder}")
    print(f"starting: jupyter lab {folder}  (Ctrl-C ends it)", flush=True)
    jupyter = subprocess.Popen([sys.executable, "-m", "jupyterlab", str(folder)])
    while jupyter.poll() is None:
        with contextlib.suppress(KeyboardInterrupt):  # Jupyter asks whether it is meant
            jupyter.wait()


# The contents.


def heads(folder: Path) -> list[Head]:
    """The heads of the notebooks that are there, in order."""
    return [_head(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]


def _head(path: Path) -> Head:
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    return read_head("".join(first["source"]))


def contents(folder: Path) -> str:
    """The table: number, title, minutes, rows of the syllabus; then what is still to come."""
    written = heads(folder)
    there = {head.number for head in written}
    lines = [_line(h.number, h.title, f"{h.minutes} minutes", h.rows) for h in written]
    minutes = sum(head.minutes for head in written)
    lines.append(f"{len(written)} notebooks, {minutes} minutes")
    late = [_line(p.number, p.title, "", p.rows) for p in PLAN if p.number not in there]
    return "\n".join([*lines, *(["", "to come:", *late] if late else [])])


def _line(number: int, title: str, time: str, rows: tuple[str, ...]) -> str:
    return f"{number:02d}  {title:28}  {time:10}  {' '.join(rows)}".rstrip()


# The copy.


def copy(folder: Path, source: Path) -> dict[str, list[str]]:
    """Copy exercises, solutions and the files they link; what the user has changed stays.

    Returns the names under "new", "renewed", "same" and "kept": kept are the user's own. Raises
    ValueError if the notebooks are not there, or if `folder` is where they come from.
    """
    files = dict(_files(source))
    if not files:
        raise ValueError(f"no notebooks in {source}: they come with the wheel and the repository")
    if folder.resolve() == source.resolve():
        raise ValueError(f"{folder} is where the course itself is: name another folder")
    record = _read_record(folder)
    done: dict[str, list[str]] = {"new": [], "renewed": [], "same": [], "kept": []}
    for name, data in files.items():
        path = folder / name
        outcome = _outcome(path, data, record.get(name))
        done[outcome].append(name)
        if outcome in {"new", "renewed"}:
            _write(path, data)
        if outcome != "kept":
            record[name] = _hash(data)
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    _write(folder / RECORD, text.encode())
    return done


def _outcome(path: Path, data: bytes, recorded: str | None) -> str:
    if not path.exists():
        return "new"
    there = path.read_bytes()
    if there == data:
        return "same"
    return "renewed" if _hash(there) == recorded else "kept"


def _write(path: Path, data: bytes) -> None:
    """All or nothing: a full disk leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read_record(folder: Path) -> dict[str, str]:
    """What an earlier copy wrote; nothing where there was none or it cannot be read."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Name in the user's folder, and content, of every file of the copy."""
    linked: set[str] = set()
    for path in sorted([*source.glob("*.ipynb"), *source.glob("solutions/*.ipynb")]):
        name = path.relative_to(source).as_posix()
        yield name, _moved(path, name, source, linked)
    for inside in sorted(linked):
        yield f"{READ}/{inside}", (source.parent / inside).read_bytes()


def _moved(path: Path, name: str, source: Path, linked: set[str]) -> bytes:
    """A notebook whose links lead to files beside it; `linked` collects those of the library.

    Jupyter shows only what is below the folder it was started on.
    """
    at = posixpath.dirname(name)

    def change(target: str) -> str | None:
        inside = posixpath.normpath(posixpath.join("notebooks", at, target))
        if inside.startswith("notebooks/"):
            return target
        if inside.startswith("..") or not (source.parent / inside).is_file():
            return None  # a file of the repository that is not installed: its name remains
        linked.add(inside)
        return posixpath.relpath(f"{READ}/{inside}", at or ".")

    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            text = relink("".join(cell["source"]), change)
            cell["source"] = text.splitlines(keepends=True)
    text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode()


def trust(folder: Path, names: list[str]) -> int:
    """Sign the copied solutions, as ``jupyter trust`` does; how many were signed.

    Jupyter shows no drawings of a notebook that is neither signed nor run by the user. Nothing is
    done where Jupyter is not installed, or where its data folder cannot be written.
    """
    if importlib.util.find_spec("nbformat") is None:
        return 0
    nbformat = importlib.import_module("nbformat")
    notary = importlib.import_module("nbformat.sign").NotebookNotary()
    solutions = [folder / name for name in names if name.startswith("solutions/")]
    with contextlib.suppress(OSError):
        for path in solutions:
            notary.sign(nbformat.read(path, as_version=4))
        return len(solutions)
    return 0


def report(folder: Path, done: dict[str, list[str]]) -> str:
    """What was copied, and which files were left as they are."""
    count = len(done["new"]) + len(done["renewed"])
    lines = [f"{folder}: {count} files written, {len(done['same'])} as they were"]
    lines += [f"kept yours: {name}" for name in done["kept"]]
    if done["kept"]:
        lines.append("For a fresh copy of one, move yours to another name and run this again.")
    return "\n".join(lines)
