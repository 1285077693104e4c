"""``make bench``: chainrule side by side with PyTorch and micrograd, in processes that take turns.

``python benchmarks/run.py [--quick] [--case NAME]`` from any folder, with chainrule installed. The
engines' values and gradients are compared first; only then is anything timed. A whole run writes
benchmarks/results/latest.md. It fails (exit status 1) where values disagree
or chainrule raises, never on time.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cases
import report

HERE = Path(__file__).resolve().parent
ENGINES = ("chainrule", "torch", "micrograd", "numpy")
REPEATS, QUICK = 15, 5


class Process:
    """A worker and the pipe to it."""

    def __init__(self, engine: str, threads: int) -> None:
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        self._child = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), engine, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict.fromkeys(names, str(threads))},
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """One request, one answer."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        if not answer:
            raise RuntimeError(f"a worker ended with status {self._child.wait()}")
        result: dict[str, Any] = json.loads(answer)
        return result

    def close(self) -> None:
        """Let the worker end, and wait for it."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()


def start(engines: Sequence[str], threads: int) -> dict[str, Process]:
    """A worker for each engine."""
    return {name: Process(name, threads) for name in engines}


def agree(found: dict[str, list[float]], tolerance: float) -> str:
    """Why the values of the engines differ; empty where they agree."""
    (first, expected), *others = found.items()
    scale = max([abs(v) for v in expected] or [0.0])
    for name, values in others:
        if len(values) != len(expected):
            return f"{first} gives {len(expected)} numbers, {name} {len(values)}"
        gap = max([abs(a - b) for a, b in zip(expected, values, strict=True)] or [0.0])
        if not gap <= tolerance * scale:  # also where gap is nan
            return f"{first} and {name} differ by {gap:.3g} where values reach {scale:.3g}"
    return ""


def measure(
    case: cases.Case, workers: dict[str, Process], repeats: int, optim: bool
) -> report.Result:
    """Check a case, then time it: one sample of each engine in turn, and again."""
    taking = {name: w for name, w in workers.items() if name in case.engines}
    built = {name: w.ask("build", case=case.name, optim=optim) for name, w in taking.items()}
    lines = [
        f"{case.name}: {n} left out, {a['error']}"
        for n, a in built.items()
        if "error" in a and n != "chainrule"
    ]
    values = {name: answer["values"] for name, answer in built.items() if "values" in answer}
    ours = built["chainrule"].get("error", "")  # a peer may be left out, chainrule may not
    wrong = f"chainrule: {ours}" if ours else agree(values, case.tolerance)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in values}
    for _ in range(0 if wrong else repeats):
        for name, kept in times.items():
            answer = taking[name].ask("time")
            kept.append((answer["forward"], answer["backward"]))
    return report.Result(case, times, lines, wrong)


def memory(engines: Sequence[str], quick: bool) -> list[report.Memory]:
    """Bytes a node, each figure in a fresh process."""
    million, many = (100_000, 20_000) if quick else (1_000_000, 100_000)
    plan: list[tuple[str, tuple[int, ...], int, bool]] = [
        ("chainrule", (), million, True),
        ("chainrule", (4, 4), many, True),
        ("micrograd", (), many, True),
        ("chainrule", (), many, False),
        ("torch", (), many, False),
        ("micrograd", (), many, False),
        ("chainrule", (4, 4), many, False),
        ("torch", (4, 4), many, False),
    ]
    found = []
    for engine, shape, nodes, traced in plan:
        if engine not in engines or not (traced or Path("/proc/self/statm").exists()):
            continue
        worker = Process(engine, 1)
        answer = worker.ask("memory", shape=list(shape), nodes=nodes, traced=traced)
        worker.close()
        found.append(report.Memory(engine, shape, nodes, traced, answer.get("bytes", float("nan"))))
    return found


def table(
    chosen: Sequence[cases.Case],
    engines: Sequence[str],
    threads: int,
    repeats: int,
    said: dict[str, str],
) -> list[report.Result]:
    """All chosen cases with so many threads; progress goes to the error stream."""
    workers = start(engines, threads)
    results = []
    try:
        hello = {name: worker.ask("hello") for name, worker in workers.items()}
        said.update({name: answer["version"] for name, answer in hello.items()})
        optim = all(answer["optim"] for n, answer in hello.items() if n in cases.LIBRARIES)
        for k, case in enumerate(chosen):
            print(f"[{threads} thread] {k + 1}/{len(chosen)} {case.name}", file=sys.stderr)
            results.append(measure(case, workers, repeats, optim))
    finally:
        for worker in workers.values():
            worker.close()
    return results


def main() -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats, smaller memory chains")
    parser.add_argument("--case", choices=[c.name for c in cases.CASES], help="one case only")
    options = parser.parse_args()
    engines = [name for name in ENGINES if importlib.util.find_spec(name)]
    missing = [name for name in ENGINES if name not in engines]
    if "chainrule" in missing:
        parser.error("chainrule is not installed: pip install -e . in the repository first")
    chosen = [c for c in cases.CASES if options.case in (None, c.name)]
    repeats = QUICK if options.quick else REPEATS
    versions: dict[str, str] = {}
    tables = {1: table(chosen, engines, 1, repeats, versions)}
    wide = [c for c in chosen if c.threads]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if wide and (cores or 1) > 1:
        tables[2] = table(wide, engines, 2, repeats, versions)
    kept = [] if options.case else memory(engines, options.quick)
    seconds = {} if options.case or options.quick else million()
    text = report.page(tables, kept, seconds, versions, missing, repeats)
    print(text)
    if not options.case and not options.quick:
        target = HERE / "results" / "latest.md"
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return int(any(r.wrong for results in tables.values() for r in results))


def million() -> dict[str, float]:
    """Seconds of the chain of a million operations, median of three, chainrule alone."""
    worker = Process("chainrule", 1)
    answers = [worker.ask("million") for _ in range(3)]
    worker.close()
    return {k: statistics.median(a[k] for a in answers) for k in ("forward", "backward")}


if __name__ == "__main__":
    sys.exit(main())
