"""Painters: golden files, valid XML, no id twice, text inside its box, the same bytes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from chainrule.viz import graphviz_backend
from chainrule.viz.dot import paint_dot
from chainrule.viz.figure import measure
from chainrule.viz.html import paint_html
from chainrule.viz.model import Absent, Edge, Group, Node, Picture
from chainrule.viz.svg import paint_svg
from chainrule.viz.text import paint_text
from chainrule.viz.theme import THEMES, find_theme, tokens

Golden = Callable[[str, str], None]
PICTURES = ["lecture", "square", "odd", "classifier"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(params=PICTURES)
def picture(request: pytest.FixtureRequest) -> Picture:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Picture)
    return found


def test_lecture_goldens(lecture: Picture, golden: Golden) -> None:
    golden("lecture.svg", paint_svg(lecture))
    golden("lecture.txt", paint_text(lecture))
    golden("lecture.dot", paint_dot(lecture))
    golden("lecture.html", paint_html(lecture))
    golden("lecture.json", lecture.to_json() + "\n")


@pytest.mark.parametrize("name", PICTURES[1:])
def test_goldens(name: str, request: pytest.FixtureRequest, golden: Golden) -> None:
    picture = request.getfixturevalue(name)
    golden(f"{name}.svg", paint_svg(picture))
    golden(f"{name}.txt", paint_text(picture))
    golden(f"{name}.dot", paint_dot(picture))


def test_lecture_numbers(lecture: Picture) -> None:
    drawn = _texts(paint_svg(lecture))
    for shown in ["2", "3", "q = 5", "−20", "∂ −4", "∂ 5", "∂ 1", "× 1", "z = −4"]:
        assert shown in drawn
    assert drawn.count("∂ −4") == 3
    assert drawn.count("× 1") == 2
    assert drawn.count("q = 5") == 2  # the value on the wire, and the local derivative of × by z


def _texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_same_bytes_twice(picture: Picture) -> None:
    for paint in (paint_svg, paint_text, paint_dot, paint_html):
        assert paint(picture) == paint(picture)


def test_same_bytes_in_another_process() -> None:
    program = (
        "from chainrule.viz.model import *; from chainrule.viz.svg import paint_svg\n"
        "nodes = [Node(i, 'operation' if i else 'input', 'v') for i in range(9)]\n"
        "edges = [Edge(i // 2, i, 0) for i in range(1, 9)]\n"
        "print(paint_svg(Picture(tuple(nodes), tuple(edges))))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert b"<svg" in runs[0]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_svg_is_xml_with_unique_ids(picture: Picture, theme: str, direction: str) -> None:
    root = ET.fromstring(paint_svg(picture, theme=theme, direction=direction))
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert all(str(name).startswith(str(root.get("id"))) for name in ids)
    assert root.get("role") == "group"
    assert root[0].tag == f"{SVG}title"
    assert root[1].tag == f"{SVG}desc"
    assert root[1].text == paint_text(picture)


def test_different_figures_have_different_ids(lecture: Picture, square: Picture) -> None:
    found = {
        ET.fromstring(svg).get("id")
        for svg in (
            paint_svg(lecture),
            paint_svg(square),
            paint_svg(lecture, theme="dark"),
            paint_svg(lecture, salt="second"),
        )
    }
    assert len(found) == 4


def test_every_node_and_edge_is_drawn(picture: Picture) -> None:
    root = ET.fromstring(paint_svg(picture))
    titles = [g for g in root.iter(f"{SVG}g") if g.find(f"{SVG}title") is not None]
    assert len(titles) == len(picture.nodes)
    arrows = [p for p in root.iter(f"{SVG}path") if p.get("class") == "tip"]
    assert len(arrows) == len(picture.edges)
    pills = [r for r in root.iter(f"{SVG}rect") if r.get("class") == "pill"]
    assert len(pills) == sum(edge.local is not None for edge in picture.edges)


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_text_is_inside_its_box(picture: Picture, direction: str) -> None:
    figure = measure(picture, direction)
    for mark in figure.marks.values():
        for shape in mark.shapes:
            for line in shape.lines:
                assert line.width <= shape.width
                assert shape.y <= line.y - 8
                assert line.y <= shape.y + shape.height
        box = mark.box
        for line in mark.lines:
            left = line.x - (line.width / 2 if line.anchor == "middle" else 0)
            if direction == "LR":
                assert mark.stub[0] <= left
                assert left + line.width <= mark.stub[1]
                assert -box.low <= line.y - 10
                assert line.y <= box.high
            else:
                assert left + line.width <= box.high
                assert mark.stub[0] <= line.y - 10
                assert line.y <= mark.stub[1]
    for pill in figure.pills:
        assert pill is None or sum(span.width for span in pill[0]) <= pill[1] - 10


def test_show_leaves_out_what_is_not_asked_for(lecture: Picture) -> None:
    bare = Picture(lecture.nodes, lecture.edges, title="f", of="f", show=())
    drawn = _texts(paint_svg(bare))
    assert not any("∂" in text or "−20" in text for text in drawn)
    assert "×" in drawn
    assert "−20" not in paint_text(bare)
    assert "−20" not in paint_dot(bare)
    values = Picture(lecture.nodes, lecture.edges, of="f", show=("value",))
    assert "−20" in _texts(paint_svg(values))
    assert not any("∂" in text for text in _texts(paint_svg(values)))


def test_precision(lecture: Picture) -> None:
    node = Node(0, "input", "x", value=2 / 3, grad=1 / 3)
    text = paint_text(Picture((node,), precision=2))
    assert "0.67" in text
    assert "0.667" not in text
    assert "0.33" in text


def test_missing_numbers_do_not_look_like_zero(odd: Picture) -> None:
    drawn = paint_svg(odd)
    assert '<tspan class="muted absent">—</tspan>' in drawn
    assert '<tspan class="muted absent">·</tspan>' in drawn
    assert '<tspan class="grad bold">0</tspan>' in drawn
    assert '<tspan class="badge">nan</tspan>' in drawn
    assert "s = not kept" in _texts(drawn)


def test_names_from_users_are_escaped(odd: Picture) -> None:
    for text in (paint_svg(odd), paint_html(odd)):
        assert "second <output>" not in text
        assert "second &lt;output&gt;" in text
    assert "second &lt;output&gt;" in paint_dot(odd)


class _Page(HTMLParser):
    """Collects what a page would load, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [str(value) for name, value in attrs if name in {"src", "href", "srcset"}]


def test_html_is_one_offline_page_with_a_script_for_keys_alone(picture: Picture) -> None:
    text = paint_html(picture)
    page = _Page()
    page.feed(text)
    assert page.loads == []
    assert page.tags.count("script") == 1
    assert "<script" not in paint_svg(picture)
    assert "link" not in page.tags
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    assert page.tags.count("svg") == 1
    assert "details" in page.tags
    assert "prefers-color-scheme:dark" in text


def test_fixed_themes_have_no_media_query(lecture: Picture) -> None:
    for theme in ("light", "dark", "print"):
        assert "prefers-color-scheme" not in paint_svg(lecture, theme=theme)
        assert "prefers-color-scheme" not in paint_html(lecture, theme=theme)
    assert "#6CB8F0" in paint_svg(lecture, theme="dark")
    assert set(re.findall(r"#[0-9A-F]{6}", paint_svg(lecture, theme="print"))) == {
        "#000000",
        "#FFFFFF",
    }


def test_unknown_theme_names_the_themes(lecture: Picture) -> None:
    with pytest.raises(ValueError, match=r"unknown theme 'solarized'; the themes are auto, light"):
        paint_svg(lecture, theme="solarized")


@pytest.mark.parametrize("name", ["light", "dark"])
def test_contrast(name: str) -> None:
    palette = tokens(find_theme(name).base)
    page = _luminance(palette["page"])
    for token in ("ink", "muted", "parameter", "value", "grad"):
        assert _contrast(_luminance(palette[token]), page) >= 5
    assert _contrast(_luminance(palette["ink"]), _luminance(palette["pill"])) >= 7
    assert _contrast(_luminance(palette["wire"]), page) >= 3
    assert _contrast(_luminance(palette["badge"]), _luminance(palette["grad"])) >= 5


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def test_text_lines_up(lecture: Picture) -> None:
    lines = paint_text(lecture).splitlines()
    assert lines[0] == "f = (x + y)·z"
    head, rows = lines[2], lines[3:]
    assert len(rows) == len(lecture.nodes)
    end = head.index("value") + len("value")
    assert [row[:end].split()[-1] for row in rows] == ["2", "3", "−4", "5", "−20"]


def test_json_reads_back(odd: Picture) -> None:
    data = json.loads(odd.to_json())
    assert [node["name"] for node in data["nodes"]] == [node.name for node in odd.nodes]
    assert data["nodes"][0]["value"] == {"float": "inf"}
    assert data["nodes"][3]["grad"] == {"absent": "no route"}
    assert data["edges"][0]["local"]["number"] == 1.0


@pytest.mark.parametrize(
    ("nodes", "edges", "groups", "message"),
    [
        ([0, 0], [], [], "same key"),
        ([0, 1], [(0, 5)], [], "not there"),
        ([0, 1], [(1, 0)], [], "points backwards"),
        ([0], [], [Group(1, "b", 0)], "must come first"),
        ([0], [], [Group(0, "a"), Group(0, "b")], "have the key 0"),
    ],
)
def test_a_picture_checks_itself(
    nodes: list[int], edges: list[tuple[int, int]], groups: list[Group], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Picture(
            tuple(Node(key, "input", "x") for key in nodes),
            tuple(Edge(a, b, 0) for a, b in edges),
            tuple(groups),
        )


def test_an_empty_picture_can_be_painted() -> None:
    empty = Picture(())
    assert ET.fromstring(paint_svg(empty)) is not None
    assert paint_text(empty)
    assert "digraph" in paint_dot(empty)


needs_graphviz = pytest.mark.skipif(
    graphviz_backend.find_program() is None, reason="neither dot nor graphviz-pure is installed"
)


@needs_graphviz
def test_graphviz_renders_the_source(picture: Picture) -> None:
    drawn = graphviz_backend.render(paint_dot(picture), "svg").decode()
    root = ET.fromstring(drawn)
    names = {"".join(t.itertext()).strip() for t in root.iter(f"{SVG}text")}
    for node in picture.nodes:
        assert any(node.name in name for name in names)
    assert graphviz_backend.render(paint_dot(picture), "png").startswith(b"\x89PNG")


@needs_graphviz
def test_coordinates_from_dot(picture: Picture) -> None:
    root = ET.fromstring(paint_svg(picture, layout="dot"))
    titles = [g for g in root.iter(f"{SVG}g") if g.find(f"{SVG}title") is not None]
    assert len(titles) == len(picture.nodes)
    layout = measure(picture, engine="dot").layout
    assert set(layout.frames) == {group.key for group in picture.groups}
    assert paint_svg(picture, layout="dot") == paint_svg(picture, layout="dot")


@needs_graphviz
def test_graphviz_errors_speak() -> None:
    with pytest.raises(RuntimeError, match="could not render the source"):
        graphviz_backend.render("digraph { a -> ", "svg")
    with pytest.raises(ValueError, match="does not write 'nonsense'"):
        graphviz_backend.render("digraph { a }", "nonsense")


def test_without_graphviz_the_error_names_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz_backend, "find_program", lambda: None)
    with pytest.raises(graphviz_backend.GraphvizMissingError) as caught:
        graphviz_backend.render("digraph { a }")
    assert "apt install graphviz" in str(caught.value)
    assert "pip install graphviz-pure" in str(caught.value)


def test_unknown_layout_is_refused(lecture: Picture) -> None:
    with pytest.raises(ValueError, match="neato"):
        paint_svg(lecture, layout="neato")  # type: ignore[arg-type]


def test_absent_reasons_are_distinct() -> None:
    assert len({reason.value for reason in Absent}) == 3
