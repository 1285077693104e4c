"""List every row of the lecture notes' syllabus: its code, its tests, its notebooks.

Rows of notebooks that are not written yet are shown as to come:

    python tools/syllabus.py          # the table
    python tools/syllabus.py --check  # fail if a notebook that is there leaves out a planned row
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from coursebook.command import NOTEBOOKS, ROOT, paths
from coursebook.source import read

from chainrule.cli.contents import PLAN, Head, Planned

TABLE = ROOT / "tests" / "syllabus" / "rows.py"
TO_COME = "to come"


class Line(NamedTuple):
    """One row of the syllabus: numbers of the notebooks that teach it, and of those to come."""

    row: str
    what: str
    code: str
    tests: str
    notebooks: tuple[int, ...]
    late: tuple[int, ...]

    @property
    def where(self) -> str:
        """``04``, ``13, to come (28)``."""
        there = [f"{number:02d}" for number in self.notebooks]
        late = ", ".join(f"{number:02d}" for number in self.late)
        return ", ".join([*there, *([f"{TO_COME} ({late})"] if late else [])])


def table(
    rows: Mapping[str, Any], heads: Sequence[Head], plan: Sequence[Planned] = PLAN
) -> list[Line]:
    """The rows, with the notebooks whose heads name them and the planned ones not written yet."""
    written = {head.number for head in heads}
    return [
        Line(
            name,
            row.what,
            row.code,
            row.tests,
            tuple(head.number for head in heads if name in head.rows),
            tuple(p.number for p in plan if name in p.rows and p.number not in written),
        )
        for name, row in rows.items()
    ]


def problems(
    rows: Mapping[str, Any], heads: Sequence[Head], plan: Sequence[Planned] = PLAN
) -> list[str]:
    """Rows that a written notebook leaves out or invents, or teaches without code or tests."""
    found = []
    planned = {p.number: p.rows for p in plan}
    for head in heads:
        wanted = planned.get(head.number, ())
        found += [f"{head.number:02d} does not name {name}, which is planned for it"
                  for name in wanted if name not in head.rows]  # fmt: skip
        found += [f"{head.number:02d} names {name}, which is no row"
                  for name in head.rows if name not in rows]  # fmt: skip
    for line in table(rows, heads, plan):
        if line.notebooks and TO_COME in (line.code, line.tests):
            found.append(f"{line.row} has a notebook, but its code or tests are to come")
        if not line.notebooks and not line.late:
            found.append(f"{line.row} has no notebook, and none is planned")
    return found


def rows() -> Mapping[str, Any]:
    """The table of code and tests."""
    found: Mapping[str, Any] = runpy.run_path(str(TABLE))["ROWS"]
    return found


def heads() -> list[Head]:
    """The heads of all sources."""
    return [read(path).head for path in paths(NOTEBOOKS)]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; with --check what is wrong, and then the exit status is 1."""
    top = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    top.add_argument("--check", action="store_true", help="print only what is wrong")
    if top.parse_args(argv).check:
        found = problems(rows(), heads())
        print("\n".join(found), file=sys.stderr, end="\n" if found else "")
        return 1 if found else 0
    lines = table(rows(), heads())
    for line in lines:
        print(f"{line.row:4} {line.what}")
        for title, text in (("code", line.code), ("tests", line.tests), ("notebook", line.where)):
            print(f"       {title:9} {text}")
    done = sum(bool(line.notebooks) and not line.late for line in lines)
    partly = sum(bool(line.notebooks and line.late) for line in lines)
    print(f"{len(lines)} rows: {done} with all their notebooks, {partly} with some, "
          f"{len(lines) - done - partly} with none yet")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
