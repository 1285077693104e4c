"""A notebook's source: a percent file (``# %%``) whose code cells may hold one hole each.

The solution stands in the file as ordinary code; the rest of a hole stands in comments:

    # [solution]
    df_dq = z.item()
    # [hole]
    # df_dq = ...
    # [mistake] sign
    # df_dq = -z.item()
    # [another]
    # df_dq = f.item() / q.item()
    # [end]
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from chainrule.cli.contents import Head, read_head

MARKER = re.compile(r"(\s*)# \[(solution|hole|mistake|another|end)\](?: (.*))?")
CELL = re.compile(r"# %%(?: \[(markdown)\])?(?: (.*))?")
NAME = re.compile(r"(\d\d)_[a-z0-9_]+\.py")
MISTAKES = 2  # at least, for each hole


class SourceError(ValueError):
    """What is wrong in a source, with file and line."""


@dataclass(frozen=True)
class Answer:
    """A text for a hole; ``words`` is what the check has to say about a mistake."""

    words: str
    text: str
    line: int


@dataclass(frozen=True)
class Hole:
    """A hole and what may stand in it; all texts are indented as they go into the cell."""

    before: str
    after: str
    solution: str
    blank: str
    mistakes: tuple[Answer, ...]
    others: tuple[Answer, ...]
    line: int

    def filled(self, text: str) -> str:
        """The cell with this text in the hole."""
        return "\n".join(filter(None, [self.before, text, self.after])).strip("\n")


@dataclass(frozen=True)
class Cell:
    """One cell: Markdown, or code as in the solution."""

    kind: str  # "markdown" or "code"
    text: str
    line: int  # where its text begins
    hole: Hole | None = None

    @property
    def exercise(self) -> str:
        """The text that students get."""
        return self.text if self.hole is None else self.hole.filled(self.hole.blank)


@dataclass(frozen=True)
class Source:
    """A parsed source."""

    path: Path
    cells: tuple[Cell, ...]
    head: Head

    @property
    def name(self) -> str:
        """``01_lecture_figure``."""
        return self.path.stem

    @property
    def number(self) -> str:
        """``"01"``."""
        return self.name[:2]

    @property
    def holes(self) -> list[tuple[int, Hole]]:
        """Each hole with the index of its cell."""
        return [(k, cell.hole) for k, cell in enumerate(self.cells) if cell.hole is not None]


def read(path: Path) -> Source:
    """Parse a source; raises SourceError with file and line."""
    if NAME.fullmatch(path.name) is None:
        raise SourceError(f"{path.name}: a source is called NN_name.py, in small letters")
    lines = path.read_text(encoding="utf-8").split("\n")
    starts = [k for k, line in enumerate(lines) if CELL.fullmatch(line.rstrip())]
    if not starts or any(line.strip() for line in lines[: starts[0]]):
        raise SourceError(f"{path.name}:1: the file begins with '# %% [markdown]'")
    cells = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        match = CELL.fullmatch(lines[start].rstrip())
        assert match is not None
        if match[2]:
            raise SourceError(f"{path.name}:{start + 1}: {match[2]!r} after '# %%': no titles here")
        body = _trimmed(lines[start + 1 : end])
        where = (path.name, start + 2)
        cells.append(_markdown(body, where) if match[1] else _code(body, where))
    try:
        head = read_head(cells[0].text)
    except ValueError as error:
        raise SourceError(f"{path.name}:{cells[0].line}: {error}") from None
    if f"{head.number:02d}" != path.name[:2]:
        raise SourceError(f"{path.name}: the title says notebook {head.number:02d}")
    return Source(path, tuple(cells), head)


def _trimmed(lines: list[str]) -> list[str]:
    """Without empty lines at the end; those at the beginning would be part of the cell."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return [line.rstrip() for line in lines[:end]]


Where = tuple[str, int]


def _fail(where: Where, offset: int, words: str) -> SourceError:
    return SourceError(f"{where[0]}:{where[1] + offset}: {words}")


def _markdown(lines: list[str], where: Where) -> Cell:
    for offset, line in enumerate(lines):
        if line != "#" and not line.startswith("# "):
            raise _fail(where, offset, f"{line!r} in a Markdown cell does not begin with '# '")
    return Cell("markdown", "\n".join(line[2:] for line in lines), where[1])


def _code(lines: list[str], where: Where) -> Cell:
    marks = [(k, match) for k, line in enumerate(lines) if (match := MARKER.fullmatch(line))]
    hole = _hole(lines, marks, where) if marks else None
    text = "\n".join(lines) if hole is None else hole.filled(hole.solution)
    versions = {"the cell": text}
    if hole is not None:
        versions["the hole"] = hole.filled(hole.blank)
        for answer in (*hole.mistakes, *hole.others):
            versions[f"the answer of line {answer.line}"] = hole.filled(answer.text)
    for what, version in versions.items():
        try:
            tree = ast.parse(version)
        except SyntaxError as error:
            words = f"{what} is no Python: {error.msg} in {(error.text or '').strip()!r}"
            raise _fail(where, 0, words) from None
        if what == "the hole" and not any(
            isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(tree)
        ):
            raise _fail(where, 0, "a hole is written with '...'")
    return Cell("code", text, where[1], hole)


def _hole(lines: list[str], marks: list[tuple[int, re.Match[str]]], where: Where) -> Hole:
    kinds = [match[2] for _, match in marks]
    if kinds[:2] != ["solution", "hole"] or kinds[-1] != "end" or len(set(kinds[:2])) != 2:
        raise _fail(where, marks[0][0], "a hole is [solution], [hole], [mistake] …, [end]")
    if not set(kinds[2:-1]) <= {"mistake", "another"}:
        raise _fail(where, marks[0][0], "one hole a cell")
    indent = marks[0][1][1]
    sections: list[Answer] = []
    for (start, match), (end, _) in pairwise(marks):
        if match[1] != indent:
            raise _fail(where, start, "the markers of a hole stand below each other")
        body = lines[start + 1 : end]
        if match[2] != "solution":
            body = [_uncommented(line, indent, (where[0], where[1] + start + 1 + k))
                    for k, line in enumerate(body)]  # fmt: skip
        if not any(body):
            raise _fail(where, start, f"nothing below [{match[2]}]")
        if match[2] == "mistake" and (match[3] or "not right") == "not right":
            raise _fail(where, start, "[mistake] needs the words by which the check names it")
        sections.append(Answer(match[3] or "", "\n".join(body), where[1] + start))
    before, after = lines[: marks[0][0]], lines[marks[-1][0] + 1 :]
    if any(re.search(r"\bcheck\.\w+\(", line) for line in before):
        raise _fail(where, 0, "a check before the hole of its cell: move it into the cell above")
    answers = list(zip(kinds[2:], sections[2:], strict=False))
    mistakes = tuple(answer for kind, answer in answers if kind == "mistake")
    if len(mistakes) < MISTAKES:
        raise _fail(where, marks[0][0], f"{len(mistakes)} mistakes; a hole has {MISTAKES} or more")
    return Hole(
        before="\n".join(before),
        after="\n".join(after),
        solution=sections[0].text,
        blank=sections[1].text,
        mistakes=mistakes,
        others=tuple(answer for kind, answer in answers if kind == "another"),
        line=where[1] + marks[0][0],
    )


def _uncommented(line: str, indent: str, where: Where) -> str:
    """``    # x = 1`` without its ``# ``; the indentation stays."""
    rest = line.removeprefix(indent)
    if not line.strip() or rest == "#":
        return ""
    if not line.startswith(indent) or not rest.startswith("# "):
        raise _fail(where, 0, f"{line!r} does not begin with '{indent}# '")
    return indent + rest[2:]
