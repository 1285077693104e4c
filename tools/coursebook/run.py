"""Run a notebook's cells in plain Python, in order, and plant wrong answers on the way.

The solution runs once. At each hole the process forks for every answer: the child puts it into the
hole's cell, runs on to the end of the cell in which a check speaks, and tells what was said.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import re
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from types import ModuleType
from typing import Any

from .source import Answer, Cell, Source

SECONDS = 60.0  # a notebook, and each planted answer
RIGHT, NOT_YET = "right", "not yet"


@dataclass(frozen=True)
class Outcome:
    """What came of one run: the solution, the exercise, or one answer in one hole."""

    kind: str  # "solution", "exercise", "mistake", "another"
    words: str  # what the check had to say about a mistake
    line: int  # in the source; 0 for a whole notebook
    problem: str  # empty when all is well
    said: tuple[str, ...]
    seconds: float


class Room:
    """What a kernel would be: a module named ``__main__`` in which cells run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module = ModuleType("__main__")
        sys.modules["__main__"] = self.module
        vars(self.module)["display"] = shown
        self.log: list[Any] = _log()

    def run(self, number: int, text: str, show: bool = True) -> None:
        """Run a cell; its last expression is shown as Jupyter would."""
        file = f"<{self.name}, cell {number}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        tree = ast.parse(text, file)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, file, "exec"), vars(self.module))
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), file, "eval"), vars(self.module))
            if show and value is not None:
                shown(value)


def shown(*values: Any) -> None:
    """Make the text and the HTML of values, as a notebook does when it shows them."""
    for value in values:
        if hasattr(value, "_repr_html_"):
            value._repr_html_()
        repr(value)


def _log() -> list[Any]:
    from chainrule import teach

    log: list[Any] = teach.log
    return log


def others(results: list[Any], verdict: str) -> list[str]:
    """The words of the checks that did not give this verdict."""
    return [result.text for result in results if result.verdict != verdict]


def words_of(text: str) -> str:
    """What a check says beside its verdict, in small letters: no answer is named by that alone."""
    return re.sub(r"^\W*not right\b", "", text).casefold()


def try_notebook(source: Source, kinds: tuple[str, ...] = ()) -> list[Outcome]:
    """Run solution, exercise and every planted answer; the last two on their own with `kinds`."""
    import chainrule.viz  # noqa: F401 (once, before the forks)

    _log()
    wanted = kinds or ("solution", "exercise", "planted")
    found = []
    if "exercise" in wanted:
        found += in_child(lambda: [_exercise(source)], "exercise")
    if "solution" in wanted or "planted" in wanted:
        found += in_child(lambda: _solution(source, "planted" in wanted), "solution", 10 * SECONDS)
    return found


def _exercise(source: Source) -> Outcome:
    started = time.perf_counter()
    room = Room(source.name)
    problem = ""
    for number, cell in enumerate(source.cells):
        if cell.kind == "code":
            try:
                room.run(number, cell.exercise)
            except Exception as error:
                problem = f"line {cell.line}: the unsolved notebook stops: {_brief(error)}"
                break
    texts = tuple(result.text for result in room.log)
    wrong = others(room.log, NOT_YET)
    if wrong and not problem:
        problem = f"a check of the unsolved notebook does not say '{NOT_YET}': {wrong[0]}"
    if not problem and len(texts) < len(source.holes):
        problem = f"{len(source.holes)} holes, but only {len(texts)} checks spoke"
    return Outcome("exercise", "", 0, problem, texts, time.perf_counter() - started)


def _solution(source: Source, planted: bool) -> list[Outcome]:
    room = Room(source.name)
    found: list[Outcome] = []
    seconds, problem = 0.0, ""
    waiting = 0  # the line of a hole whose check has not spoken yet, and in how many cells it must
    for number, cell in enumerate(source.cells):
        if cell.kind != "code":
            continue
        if planted and cell.hole is not None:
            found += _plant(source, room, number, cell)
        before, started = len(room.log), time.perf_counter()
        try:
            room.run(number, cell.text)
        except Exception as error:
            problem = f"line {cell.line}: the solution stops: {_brief(error)}"
            break
        finally:
            seconds += time.perf_counter() - started
        spoke = len(room.log) > before
        if waiting and not spoke:
            problem = f"line {waiting}: no check in the hole's cell or the next code cell"
            break
        waiting = cell.hole.line if cell.hole is not None and not spoke else 0
    texts = tuple(result.text for result in room.log)
    wrong = others(room.log, RIGHT)
    if not problem and wrong:
        problem = f"a check of the solution does not say '{RIGHT}': {wrong[0]}"
    if not problem and waiting:
        problem = f"line {waiting}: no check after the hole"
    if not problem and source.holes and not any(hole.others for _, hole in source.holes):
        problem = "no [another] in the whole notebook"
    return [Outcome("solution", "", 0, problem, texts, seconds), *found]


def _plant(source: Source, room: Room, number: int, cell: Cell) -> list[Outcome]:
    assert cell.hole is not None
    cases = [("mistake", answer) for answer in cell.hole.mistakes]
    cases += [("another", answer) for answer in cell.hole.others]
    found: list[Outcome] = []
    for kind, answer in cases:
        work = partial(_planted, source, room, number, kind, answer)
        found += in_child(work, kind, SECONDS, answer)
    return found


def _planted(source: Source, room: Room, number: int, kind: str, answer: Answer) -> list[Outcome]:
    """Runs in a child: the answer in its cell, then the next code cell if no check spoke."""
    started = time.perf_counter()
    before, problem, failed = len(room.log), "", ""
    hole = source.cells[number].hole
    assert hole is not None
    after = ((k, cell.text) for k, cell in enumerate(source.cells) if k > number)
    following = [(k, text) for k, text in after if source.cells[k].kind == "code"][:1]
    for k, text in [(number, hole.filled(answer.text)), *following]:
        try:
            room.run(k, text, show=False)
        except Exception as error:
            failed = _brief(error)
        if failed or len(room.log) > before:
            break
    spoken = room.log[before:]
    wrong = others(spoken, RIGHT)
    if not spoken:
        problem = f"stops before a check speaks: {failed}" if failed else "no check spoke"
    elif kind == "another":
        problem = f"not accepted: {wrong[0]}" if wrong else failed and f"then stops: {failed}"
    elif not wrong:
        problem = f"not seen: {spoken[0].text}"
    elif any(result.verdict == NOT_YET for result in spoken):
        problem = f"taken for a hole that is not filled: {wrong[0]}"
    elif answer.words.casefold() not in words_of(wrong[0]):
        problem = f"seen, but without these words: {wrong[0]}"
    seconds = time.perf_counter() - started
    told = tuple(wrong[:1]) or tuple(result.text for result in spoken[:1])
    return [Outcome(kind, answer.words, answer.line, problem, told, seconds)]


def in_child(
    work: Callable[[], list[Outcome]],
    kind: str,
    seconds: float = SECONDS,
    answer: Answer | None = None,
) -> list[Outcome]:
    """The outcomes of `work`, done in a fork; one with a problem when the fork dies or hangs."""
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.perf_counter()
    to_read, to_write = os.pipe()
    with tempfile.TemporaryFile() as printed:
        child = os.fork()
        if child == 0:
            os.close(to_read)
            _work(work, to_write, printed.fileno())
        os.close(to_write)
        data, late = _read(to_read, started + seconds)
        if late:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        printed.seek(0)
        tail = printed.read().decode(errors="replace").strip()[-600:]
    if data and not late:
        return [Outcome(**{**item, "said": tuple(item["said"])}) for item in json.loads(data)]
    problem = f"not done after {seconds:.0f} s" if late else f"the process died ({status}): {tail}"
    words, line = (answer.words, answer.line) if answer is not None else ("", 0)
    return [Outcome(kind, words, line, problem, (), time.perf_counter() - started)]


def _work(work: Callable[[], list[Outcome]], to_write: int, printed: int) -> None:
    """The life of a child; it never returns."""
    status = 1
    try:
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        data = json.dumps([asdict(outcome) for outcome in work()]).encode()
        with os.fdopen(to_write, "wb") as stream:
            stream.write(data)
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _read(pipe: int, until: float) -> tuple[bytes, bool]:
    """All that comes out of a pipe, and whether time was over first."""
    pieces: list[bytes] = []
    with os.fdopen(pipe, "rb", buffering=0) as stream:
        while True:
            left = until - time.perf_counter()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                return b"".join(pieces), True
            piece = stream.read(1 << 16)
            if not piece:
                return b"".join(pieces), False
            pieces.append(piece)


def _brief(error: Exception) -> str:
    """The error, and the line of the cell that met it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if frame.filename.startswith("<")]  # fmt: skip
    where = f" (in {frames[-1].line!r})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
