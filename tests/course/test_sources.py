"""The course as it is committed: form and words, and generated files that are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest
from coursebook import build, pages
from coursebook.command import NOTEBOOKS, ROOT, paths
from coursebook.kernel import checks, faults
from coursebook.source import read
from coursebook.style import problems

SOURCES = paths(NOTEBOOKS)
every = pytest.mark.parametrize("path", SOURCES, ids=[path.stem for path in SOURCES])


@every
def test_form_words_and_links(path: Path) -> None:
    assert problems(read(path), ROOT) == []


@every
def test_generated_files_are_up_to_date(path: Path) -> None:
    found = build.stale(NOTEBOOKS, read(path))
    assert not found, f"run: python tools/build_course.py {path.name[:2]}"


def test_every_notebook_has_its_source() -> None:
    assert build.strays(NOTEBOOKS, {path.stem for path in SOURCES}) == []


@every
def test_a_committed_solution(path: Path) -> None:
    """Its size, what its checks said, nothing of the machine that executed it."""
    _, place = build.places(NOTEBOOKS, read(path))
    notebook = build.loads(place.read_text(encoding="utf-8"))
    assert build.too_large(notebook) == []
    assert faults(notebook, "✓ right") == []
    assert len(checks(notebook)) >= len(read(path).holes)


@every
def test_an_exercise_gives_nothing_away(path: Path) -> None:
    source = read(path)
    text, _ = build.places(NOTEBOOKS, source)
    notebook = build.loads(text.read_text(encoding="utf-8"))
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    seen = {cell["id"]: cell["source"] for cell in notebook["cells"]}
    places = [cell["id"] for cell in build.solution(source)["cells"]]
    for number, hole in source.holes:
        assert hole.blank in seen[places[number]]
        assert all(hole.solution not in text for name, text in seen.items()
                   if name.startswith(places[number]))  # fmt: skip


@every
def test_formulas_can_be_read(path: Path) -> None:
    pytest.importorskip("latex2mathml")
    for cell in read(path).cells:
        if cell.kind == "markdown":
            for formula in pages.formulas(cell.text):
                drawn = pages.mathml(formula)
                assert "<math" in drawn
                assert "\\" not in drawn.replace("\\\\", ""), f"line {cell.line}: {formula}"
