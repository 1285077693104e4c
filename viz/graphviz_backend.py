"""Graphviz when it is wanted: the `dot` program, or the pip-only `graphviz-pure`.

No picture needs it. `dot` is driven through the Python package `graphviz`; `graphviz-pure` installs
a program of that name with the same flags, which is started directly.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_SECONDS = 120
_HELP = (
    "drawing through Graphviz needs a layout program, and none was found. Either install Graphviz "
    "(apt install graphviz, brew install graphviz, or graphviz.org/download), which brings `dot`, "
    "or `pip install graphviz-pure`, which needs no system package. "
    "`.svg()` and `.html()` need neither"
)


class GraphvizMissingError(RuntimeError):
    """No program that lays out DOT source was found."""


def find_program() -> str | None:
    """Path of `dot`, else of `graphviz-pure` (also beside this Python), else None."""
    beside = Path(sys.executable).parent
    names = ("graphviz-pure", "graphviz-pure.exe")
    found = shutil.which("dot") or next(
        (str(beside / name) for name in names if (beside / name).is_file()), None
    )
    return found or shutil.which("graphviz-pure")


def render(source: str, kind: str = "svg", *, program: str | None = None) -> bytes:
    """Lay out and render DOT source; `kind` is svg, png, json, … (pdf with `dot` only).

    Raises GraphvizMissingError without a program, ValueError for a format that it does not write,
    and RuntimeError with the program's own words for source that it does not understand.
    """
    program = program or find_program()
    if program is None:
        raise GraphvizMissingError(_HELP)
    if Path(program).stem == "dot":
        return _render_by_package(source, kind)
    command = [program, f"-T{kind}"]
    done = subprocess.run(
        command, input=source.encode(), capture_output=True, timeout=_SECONDS, check=False
    )
    return _checked(done.stdout, done.stderr.decode(errors="replace"), done.returncode, kind)


def _render_by_package(source: str, kind: str) -> bytes:
    try:
        import graphviz
    except ModuleNotFoundError as error:
        message = "the Python package graphviz is missing: pip install graphviz"
        raise GraphvizMissingError(message) from error
    if kind not in graphviz.FORMATS:
        raise ValueError(f"Graphviz does not write {kind!r}")
    try:
        return bytes(graphviz.Source(source).pipe(format=kind, quiet=True))
    except graphviz.CalledProcessError as error:
        words = error.stderr if isinstance(error.stderr, str) else bytes(error.stderr).decode()
        return _checked(b"", words, error.returncode, kind)


def _checked(output: bytes, words: str, status: int, kind: str) -> bytes:
    if status == 0 and output:
        return output
    if "not recognized" in words:
        known = words.partition("Use one of:")[2].split()
        raise ValueError(
            f"this Graphviz does not write {kind!r}; it writes {', '.join(known)}. "
            "pdf and ps need the system's `dot`"
        )
    raise RuntimeError(f"Graphviz could not render the source: {words.strip()}")
