"""The command line of tools/build_course.py."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .build import BuildError, places, stale, strays, write
from .run import Outcome, try_notebook
from .source import Source, SourceError, read
from .style import problems

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status is 1 where something is not as it must be."""
    top = argparse.ArgumentParser(
        description="Make the course's notebooks from notebooks/src/*.py, or try one."
    )
    top.add_argument("numbers", nargs="*", metavar="NN", help="notebooks; all when none is named")
    top.add_argument("--try", dest="attempt", action="store_true",
                     help="run solution, exercise and planted answers in plain Python")  # fmt: skip
    top.add_argument("--only", action="append", choices=["solution", "exercise", "planted"],
                     help="with --try: this only")  # fmt: skip
    top.add_argument("--json", action="store_true", help="with --try: print the outcomes as JSON")
    top.add_argument("--execute", action="store_true", help="run the solutions again")
    top.add_argument("--check", action="store_true", help="fail if a file is not up to date")
    top.add_argument("--pages", type=Path, metavar="DIR",
                     help="write the solutions as HTML pages, light and dark")  # fmt: skip
    top.add_argument("--in", dest="folder", type=Path, default=NOTEBOOKS, metavar="DIR",
                     help="the folder that holds src/ (notebooks/)")  # fmt: skip
    given = top.parse_args(argv)
    try:
        sources = [read(path) for path in paths(given.folder, given.numbers)]
        if given.attempt:
            return attempt(sources, tuple(given.only or ()), given.json)
        if given.pages is not None:
            return write_pages(given.folder, sources, given.pages)
        if given.check:
            return check(given.folder, sources, whole=not given.numbers)
        return build(given.folder, sources, given.execute)
    except (SourceError, BuildError) as error:
        print(error, file=sys.stderr)
        return 1


def paths(folder: Path, numbers: Sequence[str] = ()) -> list[Path]:
    """The sources with these numbers, or all; SourceError for a number without a source."""
    found = sorted((folder / "src").glob("*.py"))
    missing = [n for n in numbers if not any(path.name.startswith(f"{n}_") for path in found)]
    if missing:
        raise SourceError(f"no source {missing[0]}_….py in {folder / 'src'}")
    return [path for path in found if not numbers or path.name[:2] in numbers]


def build(folder: Path, sources: Sequence[Source], again: bool) -> int:
    """Write what is not up to date; every notebook is tried, also after one that fails."""
    failed = []
    for source in sources:
        started = time.perf_counter()
        try:
            for name in write(folder, source, again):
                print(f"wrote {name} ({time.perf_counter() - started:.1f} s)", flush=True)
        except BuildError as error:
            failed.append(str(error))
    if failed:
        raise BuildError("\n".join(failed))
    return 0


def check(folder: Path, sources: Sequence[Source], whole: bool) -> int:
    """Print what is not up to date; 1 if anything."""
    found = [words for source in sources for words in stale(folder, source)]
    found += strays(folder, {source.name for source in sources}) if whole else []
    for words in found:
        print(words, file=sys.stderr)
    if found:
        print("run: python tools/build_course.py", file=sys.stderr)
    return 1 if found else 0


def write_pages(folder: Path, sources: Sequence[Source], target: Path) -> int:
    """Write the pages of the solutions, in both themes."""
    from .pages import page

    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        for theme in ("light", "dark"):
            path = target / f"{source.name}-{theme}.html"
            path.write_text(page(places(folder, source)[1], theme), encoding="utf-8")
            print(f"wrote {path}")
    return 0


def attempt(sources: Sequence[Source], only: tuple[str, ...], as_json: bool) -> int:
    """Try notebooks and print what came of it; 1 if a problem was found."""
    bad = False
    for source in sources:
        outcomes = try_notebook(source, only)
        bad = bad or any(outcome.problem for outcome in outcomes)
        if as_json:
            print(json.dumps([asdict(outcome) for outcome in outcomes]))
        else:
            print(f"{source.name}: {source.head.minutes} minutes, {len(source.holes)} holes")
            for outcome in outcomes:
                print(verdict(outcome))
            for words in problems(source, ROOT):
                print(f"  STYLE    {words}")
    return 1 if bad else 0


def verdict(outcome: Outcome) -> str:
    """One line for an outcome; a problem and the words of a check in the lines below it."""
    sign = "PROBLEM" if outcome.problem else "ok"
    what = f"line {outcome.line}: [{outcome.kind}] {outcome.words}".rstrip()
    if not outcome.line:
        what = f"{outcome.kind}: {len(outcome.said)} checks"
    lines = [f"  {sign:7}  {what}  ({outcome.seconds:.1f} s)"]
    if outcome.kind == "mistake" and not outcome.problem:
        lines.append(f"           {outcome.said[0]}")
    if outcome.problem:
        lines.append(f"           {outcome.problem}")
    return "\n".join(lines)
