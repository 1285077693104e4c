"""The player in a real browser: by keyboard and mouse, its numbers those of the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chainrule import viz
from chainrule.viz.numbers import format_number

pytestmark = pytest.mark.browser
PageOf = Callable[[str], Path]


def test_the_player_plays_by_keyboard(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("step"))
    assert [page.number(k, "value") for k in range(5)] == ["2", "3", "−4", "·", "·"]
    page.press("ArrowRight")
    assert (page.number(3, "value"), page.number(3, "grad")) == ("5", "·")
    assert page.text(".cr-sum") == "q = x + y = 2 + 3 = 5"
    page.press("b")
    assert (page.number(4, "value"), page.number(4, "grad")) == ("−20", "1")
    page.press("ArrowRight")
    assert (page.text(".cr-sum"), page.number(3, "grad")) == ("1 × (−4) = −4", "−4")
    assert page.run("[...document.querySelectorAll('.back.on')].map(e => e.dataset.edge)") == ["2"]
    page.press("End")
    assert [page.number(k, "grad") for k in range(5)] == ["−4", "−4", "5", "−4", "1"]
    page.press("ArrowLeft", "ArrowLeft")
    assert [page.number(k, "grad") for k in range(3)] == ["−4", "·", "5"]
    page.press("f")
    assert page.text(".cr-count") == "1 / 8"
    page.press("Home")
    assert [page.number(k, "value") for k in range(5)] == ["2", "3", "−4", "·", "·"]
    page.clean()


def test_every_frame_shows_the_engine_s_numbers(
    browser: Any, page_of: PageOf, programs: Any
) -> None:
    loss, names = programs.network()
    frames = viz.step(loss, names=names).frames
    page = browser.open(page_of("step_network"))
    for i in range(len(frames)):
        assert page.text(".cr-count") == f"{i} / {len(frames) - 1}"
        assert page.text(".cr-sum") == frames[i].sum_text()
        for key, change in frames[i].changes.items():
            for field, number in change.items():
                if page.run(f"!!document.querySelector('[data-node=\"{key}\"] .of-{field}')"):
                    assert page.number(key, field) == format_number(number)
        page.press("ArrowRight")
    page.clean()


def test_space_plays_and_stops(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("step"))
    page.press(" ")
    assert page.run("document.querySelector('[data-do=play]').ariaLabel") == "Pause"
    page.run("new Promise(done => setTimeout(done, 1350))")
    page.press(" ")
    assert page.run("document.querySelector('[data-do=play]').ariaLabel") == "Play"
    assert page.text(".cr-count") == "1 / 8"
    page.clean()


def test_nothing_plays_by_itself_and_nothing_moves_for_who_wants_it_still(
    browser: Any, page_of: PageOf
) -> None:
    for still, seconds in ((True, "0s"), (False, "0.15s, 0.15s")):
        page = browser.open(page_of("step"), still=still)
        assert page.text(".cr-count") == "0 / 8"
        wire = "getComputedStyle(document.querySelector('.wire')).transitionDuration"
        assert page.run(wire) == seconds
        page.clean()


def test_the_slider_and_the_buttons(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("step"))
    page.click("[data-do=next]")
    assert page.text(".cr-count") == "1 / 8"
    page.run("(() => { const s = document.querySelector('.cr-slide'); s.value = 5;"
             "s.dispatchEvent(new Event('input')); s.focus(); })()")  # fmt: skip
    assert (page.text(".cr-count"), page.number(2, "grad")) == ("5 / 8", "5")
    page.press("ArrowRight")
    assert page.text(".cr-count") == "6 / 8"  # once, not by the slider and by the player
    page.clean()


def test_arrivals_are_counted(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("step_doubled"))
    page.press("b", "ArrowRight")
    assert (page.number(1, "grad"), page.number(1, "count")) == ("1", "1 of 2 arrivals")
    page.press("ArrowRight")
    assert (page.number(1, "grad"), page.number(1, "count")) == ("2", "2 of 2 arrivals")
    assert page.text(".cr-sum") == "1 × 1 = 1     1 + 1 → 2"
    page.clean()


def test_the_wrong_order_shows_the_wrong_total(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("step_doubled"))
    page.click("[data-do=wrong]")
    page.press("End")
    assert (page.number(0, "grad"), page.number(0, "count")) == ("6", "4 of 2 arrivals, right: 4")
    look = page.run("(() => { const s = document.querySelector('[data-node=\"0\"] rect');"
                    "return [s.closest('g').classList.contains('bad'), getComputedStyle(s).fill];"
                    "})()")  # fmt: skip
    assert look[0] is True
    assert "hatch" in look[1]
    assert page.text(".cr-sum") == "a: 6, right is 4"
    page.click("[data-do=wrong]")
    page.press("End")
    assert page.number(0, "grad") == "4"
    assert page.run("document.querySelectorAll('.bad').length") == 0
    page.clean()


def test_predict_mode_accepts_and_rejects(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("step_doubled"))
    page.press("b", "ArrowRight")
    page.click("[data-do=predict]")
    assert "c sends its gradient along the edge to b" in page.text(".cr-ask label")

    def answer(text: str) -> str:
        page.run("document.querySelector('.cr-ask .cr-field').value = ''")
        page.run("document.querySelector('.cr-ask .cr-field').focus()")
        page.type(text)
        page.press("Enter")
        said: str = page.text(".cr-ask p")
        return said

    assert "That is what arrives on this route alone" in answer("1")
    assert page.number(1, "grad") == "1"
    assert "Type a number" in answer("two")
    assert answer("2,0") == "Right: 2."
    assert page.number(1, "grad") == "2"
    assert "local derivative alone" in answer("1") or "missing" in answer("1")
    assert answer("4/2") == "Right: 2."
    assert answer("4") == "Right: 4."
    assert page.text(".cr-ask label").strip() == "That was the last number."
    assert page.text(".cr-count") == "8 / 8"
    page.clean()


def test_the_page_judges_as_the_library_does(browser: Any, page_of: PageOf, programs: Any) -> None:
    loss, names = programs.network()
    player = viz.step(loss, names=names)
    page = browser.open(page_of("step_network"))
    page.click("[data-do=predict]")
    for i, frame in enumerate(player.frames):
        if frame.question is None or i % 3:
            continue
        for typed in (*[m.value for m in frame.question.mistakes[:4]], 12345.678):
            said = page.run(
                f"(() => {{ const s = document.querySelector('.cr-slide'); s.value = {i - 1};"
                "s.dispatchEvent(new Event('input'));"
                f"document.querySelector('.cr-ask .cr-field').value = '{typed!r}';"
                "document.querySelector('.cr-ask [type=submit]').click();"
                "return document.querySelector('.cr-ask p').textContent; })()"
            )
            assert said == frame.question.judge(typed).words
    page.clean()


def test_several_players_do_not_mix(
    browser: Any, programs: Any, notebook: Callable[..., Path]
) -> None:
    """As in a notebook: two figures on a page, one of them twice."""
    (f, names), (c, more) = programs.lecture(), programs.doubled()
    first, second = viz.step(f, names=names), viz.step(c, names=more)
    page = browser.open(notebook(first, second, first))
    page.run("document.querySelectorAll('[data-do=last]')[1].click()")
    assert page.run("[...document.querySelectorAll('.cr-live')].map(h => h.dataset.at)") == [
        "0", "8", "0",
    ]  # fmt: skip
    page.press("End")  # nobody has the focus: the keys are the notebook's
    assert page.run("document.querySelectorAll('.cr-live')[0].dataset.at") == "0"
    page.run("document.querySelectorAll('[data-do=next]')[2].focus()")
    page.press("End")
    assert page.run("[...document.querySelectorAll('.cr-live')].map(h => h.dataset.at)") == [
        "0", "8", "8",
    ]  # fmt: skip
    page.clean()


def test_nodes_can_be_reached_and_read(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("step"))
    page.press("End")
    labels = page.run("[...document.querySelectorAll('[data-node]')].map(n => n.ariaLabel)")
    assert labels == [
        "x, value 2, gradient minus 4",
        "y, value 3, gradient minus 4",
        "z, value minus 4, gradient 5",
        "q equals x plus y, value 5, gradient minus 4",
        "f equals q times z, value minus 20, gradient 1",
    ]
    page.run("document.querySelector('[data-node=\"0\"]').focus()")
    reached = []
    for _ in range(4):
        page.press("Tab")
        reached.append(page.run("document.activeElement.dataset.node"))
    assert reached == ["1", "2", "3", "4"]
    page.press("ArrowUp")
    assert page.run("document.activeElement.dataset.node") == "3"
    outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.clean()
