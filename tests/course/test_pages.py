"""The solutions as pages in a real browser: narrow and wide, light and dark, the network off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coursebook.command import NOTEBOOKS, paths
from coursebook.pages import page
from photograph_course import driver as browser_driver

driver = browser_driver()
PROGRAM = driver.find_browser()
SOURCES = paths(NOTEBOOKS)
WIDTHS = (1280, 420)

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason=f"no Chromium on the path: {driver.NAMES}"),
    pytest.mark.filterwarnings("ignore"),  # of the packages that make the pages
]

# Elements that reach beyond the page's width, but for those inside a box that scrolls.
OUTSIDE = """(() => {
  const scrolls = element => element && element !== document.documentElement && (
    ['auto', 'scroll', 'hidden'].includes(getComputedStyle(element).overflowX)
    || scrolls(element.parentElement));
  return [...document.querySelectorAll('main *')]
    .filter(e => !e.closest('svg svg, svg *') && e.getBoundingClientRect().right > innerWidth + 1)
    .filter(e => !scrolls(e.parentElement))
    .map(e => e.outerHTML.slice(0, 120)).slice(0, 3);
})()"""
CUT = """[...document.querySelectorAll('.jp-OutputArea-output, .jp-OutputArea-output *')]
  .filter(e => getComputedStyle(e).overflowX === 'hidden' && e.tagName !== 'svg'
    && !e.closest('svg *') && e.clientWidth && e.scrollWidth > e.clientWidth + 1)
  .map(e => e.outerHTML.slice(0, 120)).slice(0, 3)"""
BROKEN = """[...document.images].filter(image => !image.complete || !image.naturalWidth)
  .map(image => image.outerHTML.slice(0, 120))"""
EMPTY = """[...document.querySelectorAll('main svg')]
  .filter(svg => !svg.closest('svg svg, [hidden], details:not([open])')
    && !(svg.getBoundingClientRect().width > 0 && svg.getBoundingClientRect().height > 0))
  .map(svg => svg.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with driver.Browser(PROGRAM) as running:
        yield running


def faults(browser: Any, path: Path, width: int, dark: bool) -> list[str]:
    """What is wrong with a page at this width."""
    shown = browser.open(path, dark=dark, size=(width, 900))
    try:
        found = [f"console: {words}" for words in shown.problems()]
        found += [f"request: {url}" for url in shown.requests() if not url.startswith("data:")]
        if (wide := shown.run("document.documentElement.scrollWidth")) > width:
            found.append(f"the page is {wide} wide")
        for name, script in (("outside", OUTSIDE), ("cut off", CUT), ("broken", BROKEN),
                             ("empty", EMPTY)):  # fmt: skip
            found += [f"{name}: {words}" for words in shown.run(script)]
        return found
    finally:
        shown.close()


@pytest.mark.parametrize("path", SOURCES, ids=[path.stem for path in SOURCES])
def test_page(path: Path, browser: Any, tmp_path: Path) -> None:
    pytest.importorskip("nbconvert")
    solution = NOTEBOOKS / "solutions" / f"{path.stem}.ipynb"
    found = []
    for theme in ("light", "dark"):
        file = tmp_path / f"{theme}.html"
        file.write_text(page(solution, theme), encoding="utf-8")
        for width in WIDTHS:
            problems = faults(browser, file, width, theme == "dark")
            found += [f"{theme}, {width}: {problem}" for problem in problems]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<div style='width:2000px'>wide</div>", "the page is"),
        ("<img src='nowhere.png'>", "broken"),
        ("<script>console.error('oh')</script>", "console"),
        ("<script src='https://example.com/x.js'></script>", "request"),
        ("<svg width='0' height='0'></svg>", "empty"),
        ("<div class='jp-OutputArea-output' style='overflow:hidden'>"
         "<pre style='width:2000px'>wide</pre></div>", "cut off"),
    ],
)  # fmt: skip
def test_a_fault_is_seen(browser: Any, tmp_path: Path, body: str, words: str) -> None:
    file = tmp_path / "page.html"
    head = "<!doctype html><link rel='icon' href='data:,'><main>"
    file.write_text(f"{head}{body}</main>", encoding="utf-8")
    assert any(problem.startswith(words) for problem in faults(browser, file, 420, False))
    file.write_text(f"{head}<p>well</p></main>", encoding="utf-8")
    assert faults(browser, file, 420, False) == []
