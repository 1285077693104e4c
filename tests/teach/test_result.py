"""What a check answers, where it is shown, and the log."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

import chainrule as cr
from chainrule import teach
from chainrule.teach import Result, check


def test_a_check_prints_its_words_and_keeps_them(capsys: pytest.CaptureFixture[str]) -> None:
    first = check.value(1.0, of=1.0, name="one")
    second = check.value(..., of=1.0)
    third = check.shape((1,), of=(2,))
    printed = capsys.readouterr().out.splitlines()
    assert printed == [first.text, second.text, third.text]
    assert teach.log == [first, second, third]
    assert [bool(r) for r in teach.log] == [True, False, False]
    assert [r.verdict for r in teach.log] == ["right", "not yet", "not right"]


def test_the_first_words_say_the_verdict() -> None:
    assert check.value(1.0, of=1.0).text.startswith("✓ right")
    assert check.value(None, of=1.0).text.startswith("… not yet")
    assert check.value(2.0, of=1.0).text.startswith("✗ not right")


def test_results_show_no_second_time() -> None:
    result = check.value(2.0, of=1.0, name="w")
    assert repr(result) == "<not right: w>"
    assert str(result) == result.text
    assert result._ipython_display_() is None


def test_the_mistake_stands_in_the_text() -> None:
    x = cr.tensor(3.0, requires_grad=True, name="x")
    y = x * x
    y.name = "y"
    for answer in (-6.0, 3.0, 12.0, 0.0, 9.0, 6.5, 1.0):
        result = check.grad(answer, of=y, wrt=x)
        for words in (result.mistake or "").split("; "):
            assert words in result.text


@pytest.mark.parametrize("verdict", ["right", "not yet", "not right"])
def test_html_is_one_small_element(verdict: Any) -> None:
    html = Result(verdict, "f < g & h", "A <b>word</b>.").html()
    assert html.startswith("<div style=")
    assert len(html) < 400
    assert "f &lt; g &amp; h. A &lt;b&gt;word&lt;/b&gt;." in html
    assert not re.search(r"\bid=|<script|http|class=", html)
    assert f"<b>{teach.result.MARKS[verdict]} {verdict}</b>" in html


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_the_bars_are_seen_on_light_and_dark_pages_and_differ_in_form() -> None:
    forms = set()
    for verdict in ("right", "not yet", "not right"):
        html = Result(verdict, "x").html()  # type: ignore[arg-type]
        found = re.search(r"border-left:(\S+ \S+) (#\w{6})", html)
        assert found is not None
        forms.add(found.group(1))
        light = luminance(found.group(2))
        for page in (luminance("#ffffff"), luminance("#111111")):
            lighter, darker = max(light, page), min(light, page)
            assert (lighter + 0.05) / (darker + 0.05) >= 3
    assert len(forms) == 3


def test_in_ipython_a_result_is_displayed_as_html(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[dict[str, str], bool]] = []

    class Display:
        @staticmethod
        def display(data: dict[str, str], raw: bool) -> None:
            shown.append((data, raw))

    class IPython:
        display = Display

        @staticmethod
        def get_ipython() -> object:
            return object()

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    monkeypatch.setitem(sys.modules, "IPython.display", Display)
    result = check.value(2.0, of=1.0)
    assert capsys.readouterr().out == ""
    ((data, raw),) = shown
    assert raw
    assert data == {"text/plain": result.text, "text/html": result.html()}


def test_ipython_without_a_shell_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class IPython:
        @staticmethod
        def get_ipython() -> None:
            return None

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    result = check.value(2.0, of=1.0)
    assert capsys.readouterr().out == result.text + "\n"


def test_the_room_is_found_from_the_root_when_first_touched() -> None:
    assert cr.teach is teach
    assert set(check.__all__) == {"grad", "order", "shape", "trains", "value"}
