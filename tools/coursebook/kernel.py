"""Execute a notebook in a Jupyter kernel, and clean what it wrote of all that varies."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import chainrule
from chainrule.viz.style import follow_reader

Notebook = dict[str, Any]
SECONDS = 60  # a cell
VERDICTS = ("✓ right", "… not yet", "✗ not right")
_HERE = Path(chainrule.__file__).parent.resolve()
_VARIES = [
    (re.compile(r"(?:/[\w.-]+)*/ipykernel_\d+/\d+\.py"), "the cell"),
    (re.compile(r"\b0x[0-9a-fA-F]{6,}\b"), "0x…"),
    (re.compile(re.escape(str(_HERE)) + "/"), "chainrule/"),
    (re.compile(re.escape(str(Path(chainrule.__file__).parent)) + "/"), "chainrule/"),
]
_FIGURE = re.compile(
    r'<div[^>]*>\s*(?P<svg><svg [^>]*class="(?P<key>[\w-]+)"(?:(?!<script).)*</svg>)\s*</div>',
    re.DOTALL,
)
_PAPER, _PAPER_DARK = {"paper": "#FFFFFF"}, {"paper": "#15171C"}
# What a machine's own paths begin with.
_LOCAL = re.compile(r"(?<![\w.:/])/(?:home|root|Users|tmp|var|usr|opt|mnt|private)/[\w./-]+")


def execute(notebook: Notebook) -> Notebook:
    """A copy with outputs, made in a fresh kernel in an empty folder.

    An error in a cell becomes its output; `faults` finds it.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    nbformat: Any = import_module("nbformat")  # its functions have no types
    node = nbformat.from_dict(json.loads(json.dumps(notebook)))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = str(Path(folder, "profile"))  # nothing of the user's own
        os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # or its warning becomes an output
        work = Path(folder, "work")
        work.mkdir()
        client = NotebookClient(
            node,
            timeout=SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(work)}},
            extra_arguments=["--HistoryManager.enabled=False", "--log-level=ERROR"],
        )
        with contextlib.suppress(CellExecutionError):  # the cell has the error as its output
            client.execute()
        done: Notebook = json.loads(json.dumps(node))
        return cleaned(done, folder)


def cleaned(notebook: Notebook, folder: str = "") -> Notebook:
    """Outputs joined where the kernel cut a stream, without paths, addresses and metadata."""
    cells = []
    for cell in notebook["cells"]:
        copy = {**cell, "metadata": {}}
        if cell["cell_type"] == "code":
            outputs = [_clean(output, folder) for output in _joined(cell["outputs"])]
            copy["outputs"] = [_as_image(output) for output in outputs]
        cells.append(copy)
    metadata = {**notebook["metadata"], "language_info": {"name": "python"}}
    return {**notebook, "cells": cells, "metadata": metadata}


def _as_image(output: Notebook) -> Notebook:
    """A figure kept once, as an image: viewers that clean HTML show it, and it brings its paper.

    Figures with scripts stay HTML.
    """
    data = output.get("data", {})
    figure = _FIGURE.fullmatch(data.get("text/html", ""))
    if figure is None:
        return output
    root = f".{figure['key']}"
    paper = [
        f"{root}{{background:{_PAPER['paper']};background:var(--cr-paper,{_PAPER['paper']})}}",
        *follow_reader(root, _PAPER, _PAPER_DARK),
    ]
    svg = figure["svg"].replace("</style>", "\n" + "\n".join(paper) + "</style>", 1)
    kept = {form: value for form, value in data.items() if form != "text/html"}
    return {**output, "data": {**kept, "image/svg+xml": svg}}


def _joined(outputs: list[Notebook]) -> list[Notebook]:
    found: list[Notebook] = []
    for output in outputs:
        last = found[-1] if found else {}
        if output["output_type"] == "stream" == last.get("output_type") and (
            output["name"] == last["name"]
        ):
            found[-1] = {**last, "text": last["text"] + output["text"]}
        else:
            found.append(output)
    return found


def _clean(value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        return {key: _clean(item, folder) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, folder) for item in value]
    if not isinstance(value, str):
        return value
    for pattern, words in _VARIES:
        value = pattern.sub(words, value)
    if folder:
        value = value.replace(folder, "the folder")
    return value.replace(sys.prefix, "the environment")


def texts(notebook: Notebook) -> list[tuple[int, str]]:
    """The plain text of each output, with the number of its cell."""
    return [
        (number, output["text"] if "text" in output else output["data"].get("text/plain", ""))
        for number, cell in enumerate(notebook["cells"])
        for output in cell.get("outputs", [])
        if "text" in output or "data" in output
    ]


def checks(notebook: Notebook) -> list[tuple[int, str]]:
    """What the checks said, with the number of the cell."""
    return [(number, text) for number, text in texts(notebook) if text.startswith(VERDICTS)]


def faults(notebook: Notebook, verdict: str) -> list[str]:
    """Errors, warnings, paths of this machine, and checks that do not begin with `verdict`."""
    found = []
    for number, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            where = f"cell {number}"
            if output["output_type"] == "error":
                found.append(f"{where} stops: {output['ename']}: {output['evalue']}")
            if output.get("name") == "stderr":
                found.append(f"{where} writes to stderr: {output['text'].strip()[:300]}")
            local = _LOCAL.search(json.dumps(output, ensure_ascii=False))
            if local is not None:
                found.append(f"{where} shows a path of this machine: {local[0]}")
    spoken = checks(notebook)
    found += [f"cell {number}: expected '{verdict}': {text.splitlines()[0]}"
              for number, text in spoken if not text.startswith(verdict)]  # fmt: skip
    if not spoken:
        found.append("no check spoke")
    return found
