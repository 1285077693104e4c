"""Measurements as Markdown: ratios, both figures, the noise, and the budget."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cases

TIE = 0.15
PARTS = ("forward", "backward", "both")
OURS = "chainrule"
PEERS = ("torch", "micrograd", "numpy")


class Result(NamedTuple):
    """What was measured of one case: seconds (forward, backward) of each sample of each engine."""

    case: cases.Case
    times: dict[str, list[tuple[float, float]]]
    notes: list[str]
    wrong: str

    def samples(self, engine: str, part: str) -> list[float]:
        """Microseconds, of one node or of the whole step."""
        pick = {"forward": lambda t: t[0], "backward": lambda t: t[1], "both": sum}[part]
        return [pick(t) * 1e6 / (self.case.nodes or 1) for t in self.times.get(engine, [])]

    def best(self, engine: str, part: str) -> float:
        """The smallest sample; nan where the engine was left out."""
        return min(self.samples(engine, part), default=float("nan"))


class Memory(NamedTuple):
    """Bytes a node of one engine's chain."""

    engine: str
    shape: tuple[int, ...]
    nodes: int
    traced: bool
    bytes: float


def number(us: float) -> str:
    """Three digits."""
    return f"{us:.0f}" if us >= 100 else f"{us:.1f}" if us >= 10 else f"{us:.2f}"


def cell(samples: Sequence[float]) -> str:
    """Minimum, and median in brackets."""
    if not samples:
        return "–"
    return f"{number(min(samples))} ({number(statistics.median(samples))})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Our minimum over theirs; a tie within 15 %; noisy where minimum and median disagree."""
    if not ours or not theirs:
        return "–"
    least = min(ours) / min(theirs)
    middle = statistics.median(ours) / statistics.median(theirs)
    if (least < 1) != (middle < 1) and max(abs(least - 1), abs(middle - 1)) >= TIE:
        return f"noisy ({least:.2f}×, median {middle:.2f}×)"
    tie = abs(least - 1) < TIE or abs(middle - 1) < TIE
    return f"tie ({least:.2f}×)" if tie else f"{least:.2f}×"


def noise(samples: Sequence[float]) -> str:
    """How far the median lies above the minimum."""
    return f"{statistics.median(samples) / min(samples) - 1:.0%}" if samples else ""


def rows(results: Sequence[Result], peers: Sequence[str]) -> Iterator[str]:
    """The table's lines."""
    heads = [f"{p} | ÷ {p}" for p in peers]
    yield f"| case | µs per | | {OURS} | {' | '.join(heads)} | noise |"
    yield f"|---|---|---|--:|{'--:|--:|' * len(peers)}---|"
    for r in results:
        if r.wrong:
            yield f"| {r.case.name} | **wrong** | {r.wrong} |{' |' * (2 + 2 * len(peers))}"
            continue
        for part in PARTS if r.case.nodes else ("both",):
            ours = r.samples(OURS, part)
            cells = []
            for p in peers:
                theirs = r.samples(p, part)
                cells += [cell(theirs), ratio(ours, theirs)]
            spread = "/".join(filter(None, (noise(r.samples(e, part)) for e in (OURS, *peers))))
            name = r.case.name if part in ("forward", "both") and (
                part == "forward" or not r.case.nodes
            ) else ""  # fmt: skip
            unit = "node" if r.case.nodes else "step"
            yield f"| {name} | {unit} | {part} | {cell(ours)} | {' | '.join(cells)} | {spread} |"


def budget(results: Sequence[Result]) -> Iterator[str]:
    """The project's bounds and where they stand: reported, never enforced."""
    by = {r.case.name: r for r in results if not r.wrong}
    lines: list[tuple[str, float, float, str]] = []
    for name, limit in (("0d_f64", 1.2), ("0d_f32", 2.0)):
        if r := by.get(f"chain_{name}"):
            got = r.best(OURS, "both") / r.best("micrograd", "both")
            lines.append((f"{r.case.name}, both ways ÷ micrograd", got, limit, "×"))
    if r := by.get("mul_4x4"):
        for part in ("forward", "backward"):
            over = r.best(OURS, part) - r.best("numpy", part)
            lines.append((f"mul_4x4, {part}, over the NumPy call", over, 3.0, " µs"))
    for r in by.values():
        got = r.best(OURS, "both") / r.best("torch", "both")
        if "256x256" not in r.case.name:
            lines.append((f"{r.case.name}, both ways ÷ torch", got, 1.0, "×"))
    for name, limit in (("draw_60", 30.0), ("show_60", 150.0), ("layout_300", 300.0)):
        if r := by.get(name):
            lines.append((r.case.title, r.best(OURS, "both") / 1e3, limit, " ms"))
    for name in ("chain", "lenet"):
        plain, watched = by.get(f"{name}_plain"), by.get(f"{name}_watched")
        if plain and watched:
            got = watched.best(OURS, "both") / plain.best(OURS, "both")
            lines.append((f"{plain.case.title}: watch() ÷ plain", got, 2.0, "×"))
    lines = [line for line in lines if line[1] == line[1]]
    if lines:
        yield from ("", "## Budget", "", "| what | measured | bound | |", "|---|--:|--:|---|")
        for what, got, limit, unit in lines:
            verdict = "within" if got <= limit else "**over**"
            yield f"| {what} | {got:.2f}{unit} | {limit:g}{unit} | {verdict} |"


def memory_rows(kept: Sequence[Memory], seconds: dict[str, float]) -> Iterator[str]:
    """Bytes a node."""
    if kept:
        yield from (
            "",
            "## Memory",
            "",
            "Bytes a node of the chain `y = y*a + b` while it is held.",
        )
        yield "*Traced*: what Python allocated, without the arrays themselves; *resident*: growth"
        yield "of the process, arrays included (PyTorch allocates outside Python)."
        yield from ("", "| engine | values | nodes | bytes a node | |", "|---|---|--:|--:|---|")
    for m in kept:
        values = "×".join(map(str, m.shape)) + " float32" if m.shape else "0-d float64"
        how = "traced" if m.traced else "resident"
        yield f"| {m.engine} | {values} | {m.nodes:,} | {m.bytes:.0f} | {how} |"
    if seconds:
        yield ""
        ahead, back = seconds["forward"], seconds["backward"]
        yield f"A chain of 1,000,000 operations on 0-d float64 in chainrule: {ahead:.2f} s forward,"
        yield f"{back:.2f} s backward, letting the graph go included."


def cpu() -> str:
    """The processor's model."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def page(
    tables: dict[int, list[Result]],
    kept: Sequence[Memory],
    seconds: dict[str, float],
    versions: dict[str, str],
    missing: Sequence[str],
    repeats: int,
) -> str:
    """The whole report."""
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        "# chainrule side by side with torch and micrograd",
        "",
        f"{cpu()}; Python {platform.python_version()}, {told}.",
        "",
        f"Each engine in a process of its own, taking turns, {repeats} samples. Cells:",
        "minimum (median) in µs; ratios below 1 are faster than the peer; a difference under 15 %",
        "is a tie; noise is how far the median lies above the minimum, engine by engine. Values",
        "and gradients were compared before anything was timed. micrograd is float64 always.",
        "NumPy: the same arithmetic with the gradient written by hand. A step is forward,",
        "backward and update.",
    ]
    lines += [f"\nLeft out: {name} is not installed." for name in missing]
    for threads, results in tables.items():
        count = "One thread, pinned to one core" if threads == 1 else f"{threads} threads"
        lines += ["", f"## {count}", ""]
        peers = [p for p in PEERS if any(p in r.times for r in results)]
        lines += rows(results, peers)
        notes = [note for r in results for note in r.notes]
        lines += ["", *[f"- {note}" for note in notes]] if notes else []
    if 2 not in tables:
        lines += ["", "No table for two threads: one core, or no such case chosen."]
    lines += ["", "## The cases", "", *cases.titles()]
    lines += budget(tables[1])
    lines += memory_rows(kept, seconds)
    return "\n".join(lines) + "\n"
