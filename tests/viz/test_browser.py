"""Every kind of page in a real browser: opened from disk with the network off, by day and night."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz
from chainrule.viz.live_page import asset
from chainrule.viz.numbers import format_number

pytestmark = pytest.mark.browser
VIEWS = (
    "draw", "explain", "step", "what_if", "graph", "flow", "why", "backward_graph", "memory",
    "diff", "wiggle", "profile", "summary",
)  # fmt: skip
MORE = (
    "draw_arrays", "explain_arrays", "step_arrays", "step_doubled", "step_network",
    "what_if_network", "graph_failed", "flow_training", "backward_graph_arrays", "second_order",
)  # fmt: skip
ACTIONS = {"step": "last", "step_doubled": "predict", "graph": "unfold"}  # then axe looks again
HAS_AXE = importlib.util.find_spec("axe_core_python") is not None
PageOf = Callable[[str], Path]

# What is written, by its colour and what it stands on; and everything that is in another's way.
LOOK = """
const texts = () => [...document.querySelectorAll("svg[class] text, svg[class] tspan")]
  .filter(t => [...t.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .filter(t => getComputedStyle(t).visibility !== "hidden");
const channels = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
function contrast(a, b) {
  const [x, y] = [light(channels(a)), light(channels(b))].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}
function pale() {
  const page = getComputedStyle(document.body).backgroundColor, found = [];
  for (const text of texts()) {
    const look = getComputedStyle(text);
    const behind = text.classList.contains("badge") ? look.stroke : page;
    const ratio = contrast(look.fill, behind);
    if (ratio < 4.5) found.push([text.textContent, look.fill, behind, ratio]);
  }
  return found;
}
function place(element, share) {
  const r = element.getBoundingClientRect(), less = r.height * share;  // glyphs, not their line
  return { left: r.left + 1, right: r.right - 1, top: r.top + less, bottom: r.bottom - less };
}
const apart = (a, b) =>
  a.left >= b.right || b.left >= a.right || a.top >= b.bottom || b.top >= a.bottom;
const within = (a, b, slack) => a.left >= b.left - slack && a.right <= b.right + slack &&
  a.top >= b.top - slack && a.bottom <= b.bottom + slack;
function inTheWay() {
  const found = [];
  for (const svg of document.querySelectorAll("svg[class]")) {
    const words = [...svg.querySelectorAll("text")]
      .filter(t => t.textContent.trim() && getComputedStyle(t).visibility !== "hidden")
      .map(t => [t.textContent, place(t, 0.22)]);
    const frame = place(svg, 0);
    const shapes = [...svg.querySelectorAll(
      "circle.op, rect.op, rect.box, rect.parameter, rect.module, rect.failed, rect.pill"
    )].map(e => place(e, 0));
    words.forEach(([text, here], i) => {
      if (!within(here, frame, 2)) found.push(["cut off", text]);
      for (const [other, there] of words.slice(i + 1))
        if (!apart(here, there)) found.push(["over each other", text, other]);
      for (const shape of shapes)
        if (!apart(here, shape) && !within(here, shape, 2.5)) found.push(["over an edge", text]);
    });
  }
  return found;
}
0"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core; "" where it is not installed."""
    found = importlib.util.find_spec("axe_core_python")
    if found is None or found.origin is None:
        return ""
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def serious(page: Any, only: str = "") -> list[Any]:
    """What axe-core finds serious or critical."""
    passes, violations = page.run(
        f"axe.run(document, {{{only} resultTypes: ['violations']}}).then(r => [r.passes.length,"
        "r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html.slice(0, 160))])])"
    )
    assert passes > 0 or only
    return [found for found in violations if found[0] in {"serious", "critical"}]


def colours(page: Any) -> dict[str, str]:
    """The page's ground and ink, and the colour of every class of text in its figures."""
    found: dict[str, str] = page.run(
        "(() => { const ground = getComputedStyle(document.body);"
        "const found = { ground: ground.backgroundColor, ink: ground.color };"
        "for (const t of texts()) found[t.getAttribute('class')] = getComputedStyle(t).fill;"
        "return found; })()"
    )
    return found


def test_there_is_a_page_of_every_view(programs: Any) -> None:
    assert set(programs.views()) == {*VIEWS, *MORE}
    assert set(VIEWS) <= set(viz.__all__)


@pytest.mark.parametrize("name", VIEWS + MORE)
def test_a_page_opens_and_reads_well(browser: Any, page_of: PageOf, axe: str, name: str) -> None:
    """No error, no request; light and dark; nothing cut off, pale, or unreadable to axe-core."""
    page = browser.open(page_of(name), size=(1100, 700))
    page.run(f"{LOOK};{axe};0")
    assert page.text("title").strip()
    assert page.run("document.documentElement.scrollWidth") <= 1100  # figures scroll by themselves
    assert page.run("inTheWay()") == []
    day = colours(page)
    assert page.run("pale()") == []
    if axe:
        assert serious(page) == []
    if axe and name in ACTIONS:
        page.click(f"[data-do={ACTIONS[name]}]")
        assert serious(page) == []
    page.prefer(dark=True)
    night = colours(page)
    for role in {"ground", "ink", *(set(day) & set(night))} - {"badge"}:
        assert day[role] != night[role], role
    assert night["ground"] == "rgb(21, 23, 28)"
    assert page.run("pale()") == []
    if axe:
        assert serious(page, "runOnly: ['color-contrast'],") == []
    page.clean()


def test_the_look_at_a_page_sees_what_is_wrong(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("draw"))
    page.run(LOOK)
    page.run("document.querySelector('svg text.value').setAttribute('y', '14')")
    assert page.run("inTheWay().map(([what]) => what)") == ["over each other"]
    page.run("document.querySelector('svg text.value').setAttribute('y', '-400')")
    assert page.run("inTheWay().map(([what]) => what)") == ["cut off"]
    page.run("document.querySelector('svg .box ~ .math').setAttribute('x', '29')")
    assert "over an edge" in page.run("inTheWay().map(([what]) => what)")
    page.run("document.querySelector('svg text.value').style.fill = '#9ab'")
    assert page.run("pale()")[0][3] < 4.5
    page.clean()


@pytest.mark.skipif(not HAS_AXE, reason="axe-core-python is not installed")
def test_axe_sees_what_is_wrong(browser: Any, page_of: PageOf, axe: str) -> None:
    page = browser.open(page_of("summary"))
    page.run(f"{axe};document.querySelector('td').style.color = '#ccc';0")
    assert [found[1] for found in serious(page)] == ["color-contrast"]
    page.clean()


@pytest.mark.parametrize("name", VIEWS)
def test_without_scripts_a_page_is_complete(browser: Any, page_of: PageOf, name: str) -> None:
    page = browser.open(page_of(name), scripts=False)
    tree = page.send("Accessibility.getFullAXTree")["nodes"]
    said = [n.get("name", {}).get("value", "") for n in tree]
    assert not any(n.get("role", {}).get("value") in {"button", "slider"} for n in tree)
    words = {"why": "relu is closed", "summary": "Sequential", "profile": "operations",
             "graph": "Sequential", "memory": "kept for backward", "flow": "Sequential",
             "diff": "values part first", "backward_graph": "backward: "}  # fmt: skip
    wanted = words.get(name, "f = (x + y)·z")
    assert any(wanted in text for text in said), said[:40]
    page.clean()


FOCUS = """
const stops = [...document.querySelectorAll("figure > svg [tabindex]")];
const focused = () => document.activeElement.getAttribute("aria-label");
0"""


def test_nodes_of_a_drawing_take_the_focus(browser: Any, page_of: PageOf) -> None:
    """In topological order, with a ring, a label and the numbers that hover shows."""
    page = browser.open(page_of("draw"))
    page.run(FOCUS)
    said = []
    for _ in range(5):
        page.press("Tab")
        said.append(page.run("focused()").partition(",")[0])
        ring = page.run("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid"
    assert said == ["x", "y", "z", "q equals x plus y", "f equals q times z"]
    assert page.run("focused()") == "f equals q times z, value minus 20, gradient 1"
    page.press("ArrowLeft")
    assert page.run("focused()") == "q equals x plus y, value 5, gradient minus 4"
    page.press("ArrowDown")  # the other argument
    assert page.run("focused()") == "z, input, value minus 4, gradient 5"
    page.press("ArrowUp", "ArrowLeft", "ArrowDown")
    assert page.run("focused()").startswith("y, input")
    page.press("ArrowRight", "ArrowRight")
    assert page.run("focused()").startswith("f equals")
    page.press("ArrowRight")  # nothing is there
    assert page.run("focused()").startswith("f equals")
    page.click("figure > svg [tabindex]")
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "none"
    page.clean()


def test_the_focus_tells_the_numbers_of_an_array(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("draw_arrays"), scripts=False)
    tree = page.send("Accessibility.getFullAXTree")["nodes"]
    nodes = [n for n in tree if n.get("role", {}).get("value") in {"image", "img"}]
    said = {n["name"]["value"]: n.get("description", {}).get("value", "") for n in nodes}
    arrays = [name for name in said if "shape" in name]
    assert arrays
    assert all("mean" in name or "value" in name for name in arrays)
    assert any("numbers" in said[name] for name in arrays)  # the first 8×8, as on hover
    page.clean()


@pytest.mark.parametrize(
    "name", ["draw", "draw_arrays", "step_network", "what_if_network", "graph"]
)
def test_targets_are_large_enough(browser: Any, page_of: PageOf, name: str) -> None:
    page = browser.open(page_of(name))
    page.run("document.querySelector('[data-do=predict]')?.click()")
    small = page.run(
        "const all = document.querySelectorAll("
        "'button, input, summary, [tabindex=\"0\"], [role=button]');"
        "[...all].filter(e => {"
        "const r = e.getBoundingClientRect();"
        "return r.width && (r.width < 24 || r.height < 24);"
        "}).map(e => e.outerHTML.slice(0, 80))"
    )
    assert small == []
    page.clean()


def test_numbers_are_written_as_in_python(browser: Any, tmp_path: Path) -> None:
    rng = random.Random(3)
    numbers = [rng.uniform(-1, 1) * 10.0 ** rng.randint(-12, 12) for _ in range(800)]
    numbers += [0.0, -0.0, 1.0, -4.0, 0.5, 1234.5, 1235.5, 99999.99, 1e5, 1e-3, 9.9996e-4, 2 / 3]
    numbers += [1e300, 5e-324, 12345.0, 0.1 + 0.2, 0.125, 2.5e-7, -99995.0, float(np.float32(0.1))]
    path = tmp_path / "numbers.html"
    path.write_text(f"<script>{asset('numbers.js')}</script>", encoding="utf-8")
    page = browser.open(path)
    for precision in (2, 4, 6):
        written = page.run(f"{numbers!r}.map(x => formatNumber(x, {precision}))")
        assert written == [format_number(x, precision) for x in numbers]
    assert page.run("[NaN, Infinity, -Infinity].map(x => formatNumber(x))") == ["nan", "∞", "−∞"]
    page.close()


def test_all_views_in_one_notebook(
    browser: Any, programs: Any, notebook: Callable[..., Path], axe: str
) -> None:
    """Outputs below each other: no error, no request, nothing that axe-core finds serious."""
    views = programs.views()
    path = notebook(*(views[name]() for name in VIEWS))
    page = browser.open(path)
    page.run(LOOK)
    assert page.run("inTheWay()") == []
    ready = page.run("[...document.querySelectorAll('.cr-live')].map(h => h.dataset.ready)")
    assert ready == ["1"] * 3
    if axe:
        page.run(f"{axe};0")
        ours = "rules: {'document-title': {enabled: false}, 'html-has-lang': {enabled: false}},"
        assert serious(page, ours) == []  # title and language are the notebook's own
    page.clean()


@pytest.mark.parametrize(
    ("body", "ink"),
    [
        ('<body data-jp-theme-light="false">', "rgb(232, 234, 237)"),
        ('<body class="vscode-dark">', "rgb(232, 234, 237)"),
        ('<body data-jp-theme-light="true">', "rgb(31, 36, 48)"),
    ],
)
@pytest.mark.parametrize("name", ["step", "graph"])
def test_a_notebook_s_theme_wins(
    browser: Any, programs: Any, notebook: Callable[..., Path], body: str, ink: str, name: str
) -> None:
    path = notebook(programs.views()[name](), body=body)
    page = browser.open(path, dark='"true"' in body)  # the notebook says otherwise
    assert page.run("getComputedStyle(document.querySelector('.cr-button')).color") == ink
    drawn = page.run("getComputedStyle(document.querySelector('svg .title')).fill")
    assert drawn == ink
    page.clean()


def test_a_tensor_shows_itself(browser: Any, programs: Any, notebook: Callable[..., Path]) -> None:
    f, _ = programs.lecture()
    page = browser.open(notebook(f, cr.ones(3, 3)))
    page.run(LOOK)
    assert page.run("inTheWay()") == []
    assert page.run("document.querySelectorAll('svg .op').length") > 0
    page.clean()
