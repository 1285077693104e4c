"""One engine in a process of its own: answers one line of JSON with one line of JSON.

``worker.py ENGINE THREADS`` is started by run.py. Requests: ``build`` (build a case, run it, give
its values and find out how often it fits into a sample), ``time`` (one sample), ``memory``.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import cases
import numpy as np

SAMPLE = 0.008  # seconds


def sample(run: cases.Run, loops: int) -> tuple[float, float]:
    """Seconds forward and backward of one repetition; letting the graph go is backward's."""
    forward, backward = run.forward, run.backward
    ahead = back = 0.0
    for _ in range(loops):
        start = perf_counter()
        out = forward()
        middle = perf_counter()
        backward(out)
        out = None
        end = perf_counter()
        ahead += middle - start
        back += end - middle
    return ahead / loops, back / loops


class Worker:
    """What a worker remembers between requests."""

    def __init__(self, engine: str, threads: int) -> None:
        self.name, self.optim = engine, False
        self.engine = cases.Engine(engine)
        if engine == "torch":
            self.engine.lib.set_num_threads(threads)
        self.run: Any = None
        self.loops = 1

    def hello(self) -> dict[str, Any]:
        """The engine's version, and whether it has an optimizer."""
        lib = self.engine.lib
        try:
            optim = hasattr(lib.optim, "SGD")
        except (AttributeError, ImportError):
            optim = False
        version = getattr(lib, "__version__", None) or importlib.metadata.version(self.name)
        return {"version": str(version), "optim": optim}

    def build(self, case: str, optim: bool) -> dict[str, Any]:
        """Build a case; its values after the first steps, checked by run.py before any timing."""
        chosen = next(c for c in cases.CASES if c.name == case)
        self.engine.optim = optim
        self.run = chosen.build(self.engine)
        out = None
        for _ in range(cases.steps_agreeing(chosen)):
            out = self.run.forward()
            self.run.backward(out)
        values = self.run.values(out)
        out = None
        gc.collect()  # only here: what an engine leaves to the collector is its own cost
        sample(self.run, 2)  # warm
        once = sum(sample(self.run, 2))
        self.loops = max(1, round(SAMPLE / once))
        return {"values": values}

    def time(self) -> dict[str, Any]:
        """One sample."""
        ahead, back = sample(self.run, self.loops)
        return {"forward": ahead, "backward": back}

    def memory(self, shape: list[int], nodes: int, traced: bool) -> dict[str, Any]:
        """Bytes a node of a chain; without its array when ``traced``."""
        chain = _long_chain(self.engine, tuple(shape), nodes)
        array = 0.0
        if traced:
            tracemalloc.start()
        used = _traced if traced else resident
        if traced and shape:  # what as many arrays take without an engine
            before = used()
            kept = [np.zeros(shape, np.float32) for _ in range(1000)]
            array = (used() - before) / len(kept) / 2  # y*a goes at once, +b is kept
            del kept
        gc.collect()
        before = used()
        out = chain()
        after = used()
        del out
        return {"bytes": (after - before) / nodes - array}

    def million(self) -> dict[str, Any]:
        """Seconds for a chain of a million operations on 0-d float64, forward and backward."""
        start = perf_counter()
        chain = cases.chain(self.engine, steps=500_000, shape=(), dtype="float64")
        out = chain.forward()
        middle = perf_counter()
        chain.backward(out)
        out = None
        return {"forward": middle - start, "backward": perf_counter() - middle}


def _long_chain(engine: cases.Engine, shape: tuple[int, ...], nodes: int) -> Callable[[], Any]:
    dtype = "float32" if shape else "float64"
    return cases.chain(engine, steps=nodes // 2, shape=shape, dtype=dtype).forward


def _traced() -> int:
    return tracemalloc.get_traced_memory()[0]


def resident() -> int:
    """The process's resident memory in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    if sys.argv[2] == "1" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # the case is left out, with this reason
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
