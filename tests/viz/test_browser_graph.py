"""Model graphs in a real browser: modules fold by mouse and keyboard, in pages and notebooks."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule import models, viz

pytestmark = pytest.mark.browser
PageOf = Callable[[str], Path]
Notebook = Callable[..., Path]
PANEL = '<body style="margin:0"><div id="panel" style="height:300px;overflow:auto">'


class Wide(cr.nn.Module):
    """Two branches beside each other, so that opening one moves the other."""

    def __init__(self) -> None:
        super().__init__()
        self.left = cr.nn.Sequential(cr.nn.Linear(4, 4), cr.nn.ReLU(), cr.nn.Linear(4, 4))
        self.right = cr.nn.Sequential(cr.nn.Linear(4, 4), cr.nn.Tanh(), cr.nn.Linear(4, 4))
        self.last = cr.nn.Sequential(cr.nn.Linear(4, 4), cr.nn.ReLU())

    def forward(self, x: Any) -> Any:
        return self.last(self.left(x) + self.right(x))


def state(page: Any, host: int = 0) -> tuple[list[int], list[int]]:
    """The modules that are open and closed in a figure, by key."""
    return tuple(
        page.run(
            f"[...document.querySelectorAll('.cr-fold')[{host}].querySelectorAll('.{kind}[data-b]')]"
            ".map(g => +g.dataset.b).sort((a, b) => a - b)"
        )
        for kind in ("opened", "closed")
    )  # type: ignore[return-value]


def tower(programs: Any) -> tuple[Any, dict[str, int]]:
    """Three Sequentials of three layers each, and their keys by path."""
    graph = viz.graph(programs.towers(), cr.zeros(1, 4))
    return graph, {block.path: block.key for block in graph.program.blocks}


def test_modules_unfold_and_fold_by_mouse(browser: Any, page_of: PageOf, programs: Any) -> None:
    _, key = tower(programs)
    page = browser.open(page_of("graph"))
    inner = [key[path] for path in ("0", "1", "2")]
    assert state(page) == ([key[""]], inner)
    height = page.run("document.querySelector('svg').clientHeight")
    page.click(f'[data-b="{key["1"]}"]')
    assert state(page)[0] == [key[""], key["1"]]
    assert set(state(page)[1]) == {key["0"], key["2"], *(key[f"1.{i}"] for i in range(3))}
    assert page.run("document.querySelector('svg').clientHeight") > height
    said = page.run("[document.activeElement.dataset.b, document.activeElement.ariaExpanded]")
    assert said == [str(key["1"]), "true"]
    assert page.text(".cr-said") == "1: Sequential · 60 parameters · 48 multiply-adds opened"
    page.click(f'[data-b="{key["1"]}"] .hit')  # the header of the open one
    assert state(page) == ([key[""]], inner)
    assert page.run("document.querySelector('svg').clientHeight") == height
    assert page.text(".cr-said").endswith("closed")
    page.clean()


def test_modules_unfold_and_fold_by_keyboard(browser: Any, page_of: PageOf, programs: Any) -> None:
    _, key = tower(programs)
    page = browser.open(page_of("graph"))
    page.run("document.querySelector('[data-do=unfold]').focus()")
    page.press("Tab", "Tab")  # over the scrolling region to the first module
    focused = "document.activeElement.dataset.b"
    assert page.run(focused) == str(key[""])
    page.press("ArrowDown", "ArrowDown")
    assert page.run(focused) == str(key["1"])
    page.press("Enter")
    assert state(page)[0] == [key[""], key["1"]]
    assert page.run(focused) == str(key["1"])
    page.press("ArrowDown")
    assert page.run(focused) == str(key["1.0"])
    page.press("ArrowUp", " ")
    assert state(page)[0] == [key[""]]
    assert page.run("document.scrollingElement.scrollTop") == 0  # the space bar did not scroll
    ring = page.run("getComputedStyle(document.activeElement.querySelector('.hit')).stroke")
    assert ring == "rgb(0, 114, 178)"
    page.clean()


def test_levels_unfold_and_fold_at_once(browser: Any, page_of: PageOf, programs: Any) -> None:
    _, key = tower(programs)
    page = browser.open(page_of("graph"))
    start = state(page)
    page.run("document.querySelector('[data-do=unfold]').focus()")
    page.press("Enter")
    assert state(page)[0] == sorted(key[path] for path in ("", "0", "1", "2"))
    page.press("Enter")
    assert state(page) == (sorted(key.values()), [])
    assert page.run("document.querySelector('[data-do=unfold]').disabled")
    assert page.run("document.activeElement.dataset.do") == "fold"  # the focus is not lost
    page.press("Enter", "Enter")
    assert state(page) == start
    page.press("Enter")
    assert state(page) == ([], [key[""]])
    assert page.run("document.activeElement.dataset.do") == "unfold"
    page.clean()


@pytest.mark.parametrize("body", ["<body>", PANEL])
def test_what_was_clicked_stays_where_it_is(browser: Any, notebook: Notebook, body: str) -> None:
    """Where the page scrolls, and where a panel of the notebook does."""
    graph = viz.graph(Wide(), cr.zeros(1, 4), depth=1)
    key = {block.path: block.key for block in graph.program.blocks}
    page = browser.open(notebook(graph, body=body), size=(260, 300))
    around = "document.querySelector('#panel') || document.scrollingElement"
    for path in ("left", "right", "left", "right.0", "right"):
        at = f"document.querySelector('[data-b=\"{key[path]}\"]')"
        page.run(f"{at}.scrollIntoView({{block: 'center', inline: 'center'}})")
        before = page.run(f"[{at}.getBoundingClientRect().left, {at}.getBoundingClientRect().top]")
        press = "new KeyboardEvent('keydown', {key: 'Enter', bubbles: true})"
        page.run(f"{at}.dispatchEvent({press})")
        after = page.run(f"[{at}.getBoundingClientRect().left, {at}.getBoundingClientRect().top]")
        room = page.run(
            "(() => { const s = document.querySelector('.cr-scroll'), p = " + around + ";"
            "return [s.scrollLeft > 0 && s.scrollLeft < s.scrollWidth - s.clientWidth - 1,"
            "p.scrollTop > 0 && p.scrollTop < p.scrollHeight - p.clientHeight - 1]; })()"
        )
        for was, now, free in zip(before, after, room, strict=True):
            assert now == pytest.approx(was, abs=1.5) or not free, path
    assert page.run("document.scrollingElement.scrollTop") == 0 or body != PANEL
    page.clean()


_PLAIN = """(() => { const copy = document.querySelector('.stage').cloneNode(true);
for (const e of copy.querySelectorAll('.hit,.sign')) e.remove();
return [...copy.children].map(e => {
  for (const a of ['role', 'tabindex', 'aria-expanded', 'aria-label']) e.removeAttribute(a);
  return e.outerHTML;
}).join(''); })()"""


def plain(text: str) -> str:
    text = re.sub(r"></(rect|path|circle)>", "/>", html.unescape(html.unescape(text)))
    text = text.replace(' xmlns="http://www.w3.org/2000/svg"', "")
    return text.replace("\n", "")


def test_the_page_draws_what_python_draws(browser: Any, tmp_path: Path) -> None:
    """In every state on the way, tooltips and all."""
    graph = viz.graph(models.resnet18().eval(), cr.zeros(1, 3, 32, 32))
    by_path = {block.path: block.key for block in graph.program.blocks}
    clicks = ["layer1", "layer1.0", "layer1.0.bn1", "layer3", "layer3.0", "layer1.0.bn1", "fc"]
    opened = {by_path[""]}
    page = browser.open(graph.save(tmp_path / "resnet.html"))
    for k, path in enumerate(clicks):
        event = "MouseEvent('click'" if k % 2 else "KeyboardEvent('keydown', {key: 'Enter'"
        options = ", {bubbles: true})" if k % 2 else ", bubbles: true})"
        page.run(f"document.querySelector('[data-b=\"{by_path[path]}\"]').dispatchEvent("
                 f"new {event}{options})")  # fmt: skip
        opened ^= {by_path[path]}
        assert plain(page.run(_PLAIN)) == plain(graph._sheet.body(opened)[0]), path
    page.clean()


def test_folding_in_a_notebook(browser: Any, programs: Any, notebook: Notebook) -> None:
    """Two models, one of them twice: each folds by itself."""
    first, key = tower(programs)
    second = viz.graph(models.lenet(), cr.zeros(1, 1, 28, 28))
    page = browser.open(notebook(first, second, first))
    start = [state(page, host) for host in range(3)]
    assert start[0] == start[2] != start[1]
    hosts = "document.querySelectorAll('.cr-fold')"
    page.run(f"{hosts}[2].querySelector('[data-b=\"{key['1']}\"]').focus()")
    page.press("Enter")
    assert [state(page, host) for host in range(2)] == start[:2]
    assert state(page, 2)[0] == [key[""], key["1"]]
    page.run(f"{hosts}[1].querySelector('[data-do=unfold]').click()")
    assert state(page, 0) == start[0]
    assert len(state(page, 1)[0]) > len(start[1][0])
    page.run(f"{hosts}[0].querySelector('[data-do=fold]').click()")
    assert state(page, 0) == ([], [key[""]])
    assert state(page, 2)[0] == [key[""], key["1"]]
    assert page.run("document.documentElement.id") == ""
    page.clean()


def test_keys_of_the_notebook_are_left_to_it(
    browser: Any, programs: Any, notebook: Notebook
) -> None:
    graph, _ = tower(programs)
    page = browser.open(notebook(graph))
    page.run("window.heard = []; document.addEventListener('keydown', e => heard.push(e.key)); 0")
    page.run("document.querySelector('[role=button]').focus()")
    page.press("Enter", "b", "ArrowDown")
    assert page.run("heard") == ["b"]  # ours stay here, the others reach the notebook
    page.clean()


def test_a_notebook_without_scripts_shows_the_figure(
    browser: Any, programs: Any, notebook: Notebook
) -> None:
    graph, _ = tower(programs)
    page = browser.open(notebook(graph, graph), scripts=False)
    tree = page.send("Accessibility.getFullAXTree")["nodes"]
    said = [(n.get("role", {}).get("value"), n.get("name", {}).get("value")) for n in tree]
    assert [name for role, name in said if role == "image"] == [graph.program.title] * 2
    assert not any(role == "button" for role, _ in said)
    page.clean()


def test_a_deep_model_in_a_notebook_is_small() -> None:
    model = models.GPT(n_layer=12, n_head=4, n_embd=32, vocab_size=50, n_positions=64)
    graph = viz.graph(model, cr.zeros(1, 16).long(), depth=9)
    assert len(graph.picture.nodes) > 60
    assert len(graph._repr_html_().encode()) < 400_000


def test_too_many_nodes_say_so_at_a_cell_s_end() -> None:
    x = cr.tensor(1.0, requires_grad=True)
    for _ in range(5_100):
        x = x * 1.0001
    assert "Three ways out" in viz.graph(x)._repr_html_()
