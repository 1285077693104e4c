"""Plots in a real browser: the reader's page sets their colours, and nothing is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chainrule import viz
from chainrule.viz.theme import DARK, LIGHT

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.browser
COLOURS = """(() => {
  const found = {};
  for (const figure of document.querySelectorAll("svg")) {
    const look = (query, what) =>
      [...figure.querySelectorAll(query)].map(e => getComputedStyle(e)[what]);
    found[figure.querySelector("title").textContent] = {
      ink: [...new Set(look("text", "fill"))], strokes: look("path,circle", "stroke"),
    };
  }
  return found;
})()"""


def plots() -> list[viz.Plot]:
    first, second = viz.Plot("first", x="t"), viz.Plot("second")
    first.axes.plot([1, 2, 3], label="line")
    first.axes.axhline(1.5, color="black")
    second.axes.scatter([1, 2], [1, 2], edgecolor="black", marker="s")
    return [first, second]


def rgb(colour: str) -> str:
    return "rgb({}, {}, {})".format(*(int(colour[k : k + 2], 16) for k in (1, 3, 5)))


def shown(browser: Any, path: Path, body: str, *, dark: bool) -> Any:
    path.write_text(body, encoding="utf-8")
    page = browser.open(path, dark=dark)
    assert page.problems() == []
    assert page.requests() == []
    found = page.run(COLOURS)
    page.close()
    return found


def test_colours_follow_the_system_and_the_notebook(browser: Any, tmp_path: Path) -> None:
    inner = "".join(plot._repr_html_() or "" for plot in plots())
    head = "<!doctype html><meta charset=utf-8>"
    cases = [
        (f"{head}<body>{inner}", False, LIGHT),
        (f"{head}<body>{inner}", True, DARK),
        (f'{head}<body data-jp-theme-light="true">{inner}', True, LIGHT),
        (f'{head}<body data-jp-theme-light="false">{inner}', False, DARK),
        (f'{head}<body class="vscode-dark">{inner}', False, DARK),
    ]
    for body, dark, palette in cases:
        found = shown(browser, tmp_path / "page.html", body, dark=dark)
        assert list(found) == ["first", "second"]
        for figure in found.values():
            assert figure["ink"] == [rgb(palette.ink)]
            assert set(figure["strokes"]) <= {rgb(palette.ink), rgb(palette.value), "none"}
            assert rgb(palette.ink) in figure["strokes"]  # ticks and marks too
        assert rgb(palette.value) in found["first"]["strokes"]
    page = plots()[0].html()
    assert shown(browser, tmp_path / "own.html", page, dark=True)["first"]["ink"] == [rgb(DARK.ink)]
