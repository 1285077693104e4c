"""The command ``chainrule tour``: its page, its numbers, and the quality of its network."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest

from chainrule.__main__ import main
from chainrule.cli import tour


def test_the_tour_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour", "--out", str(tmp_path), "--epochs", "2"]) == 0
    text = capsys.readouterr().out
    for number in ("q      x + y         5         −4", "f      q·z         −20          1"):
        assert number in text
    assert text.count("agrees") == 3
    assert "true\\read" in text
    for name in ("index.html", "lecture.svg", "lecture.dot", "lecture-graphviz.svg", "model.svg"):
        assert (tmp_path / name).stat().st_size > 500
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    used = re.findall(r"""(?:src|href)\s*=\s*["']([^"'#]+)""", page)
    assert all(not link.startswith(("http", "//")) for link in used), used  # it opens offline


def test_the_network_reads_digits() -> None:
    """At least 97 % of the test part, the mean of five seeds."""
    runs = [tour.train_digits(seed, epochs=60, progress=False) for seed in range(5)]
    assert statistics.mean(run.accuracy for run in runs) >= 0.97
    for run in runs:
        assert run.confusion.sum() == 450
        assert run.confusion.trace() == round(run.accuracy * 450)
        assert len(run.wrong) == 450 - run.confusion.trace()


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = (tour.train_digits(3, epochs=2, progress=False) for _ in range(2))
    assert first.losses == second.losses
