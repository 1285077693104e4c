"""Every view in every form: parses, same bytes twice, no path of this machine, saved to files."""

from __future__ import annotations

import getpass
import json
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule import viz
from chainrule.viz import graphviz_backend, matplotlib_backend
from chainrule.viz.svg_reader import Image, read_svg

nn = cr.nn


def tensors() -> dict[str, Any]:
    """A scalar program and a small network, both with a history."""
    cr.manual_seed(0)
    x, y, z = (cr.tensor(v, requires_grad=True) for v in (2.0, 3.0, -4.0))
    q = x + y
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    data = cr.randn(4, 2)
    return {"x": x, "y": y, "z": z, "q": q, "f": q * z, "model": model, "data": data,
            "loss": (model(data) ** 2).mean()}  # fmt: skip


def captured() -> tuple[Any, Any, Any]:
    """A captured program and its inputs, which are single numbers."""
    a, b = cr.tensor(2.0), cr.tensor(3.0)
    return cr.capture(lambda a, b: (a + b).sin() * a, a, b), a, b


@cache
def view(name: str) -> Any:
    """One view, by function and what it is asked about: made where this file is the caller."""
    t = tensors()
    function, _, what = name.partition(" ")
    show = getattr(viz, function)
    graph, a, b = captured()
    model, data, x, f, loss = t["model"], t["data"], t["x"], t["f"], t["loss"]
    weight = model[0].weight
    if what == "graph":
        first = {"explain": (graph, 0), "wiggle": (graph, 0, 1e-3), "why": (graph,),
                 "diff": (graph, graph)}  # fmt: skip
        if function == "summary":
            return show(graph, (a, b))
        return show(*first.get(function, (graph,)), a, b)
    if what == "model":
        mine = {"explain": (model, weight, data), "wiggle": (model, weight, 1e-3, data),
                "why": (weight, model, data), "diff": (model, model, data)}  # fmt: skip
        return show(*mine.get(function, (model, data)))
    mine = {"explain": (loss, weight), "wiggle": (f, x, 0.1), "why": (x, f), "diff": (f, t["q"]),
            "what_if": (f,), "step": (f,), "backward_graph": (f,)}  # fmt: skip
    return show(*mine.get(function, (loss,)))


FUNCTIONS = ["draw", "explain", "step", "graph", "flow", "why", "backward_graph", "memory", "diff",
             "wiggle", "profile", "what_if", "summary"]  # fmt: skip
VIEWS = [f"{f} {what}" for f in FUNCTIONS for what in ("tensor", "graph", "model")]
VIEWS.remove("what_if model")  # it is for single numbers, and says so
NO_GRAPHS = {"flow", "why", "memory", "summary"}
READ = {
    "svg",
    "g",
    "title",
    "desc",
    "style",
    "defs",
    "pattern",
    "path",
    "rect",
    "circle",
    "text",
    "tspan",
    "image",
}  # what svg_reader knows, so that a png has all that the svg has
FORMS = ["text", "svg", "html", "json", "dot"]

each_view = pytest.mark.parametrize("name", VIEWS)


class Balanced(HTMLParser):
    """Fails at a tag that is closed out of turn or not at all."""

    VOID = frozenset({"meta", "br", "input", "img", "hr", "link"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_html(text: str) -> Balanced:
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    return parser


def machine_paths() -> list[str]:
    here = Path(__file__).resolve()
    return [str(here.parent), str(Path(cr.__file__).parent), str(Path.home()) + "/",
            tempfile.gettempdir() + "/", f"/{getpass.getuser()}/"]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@each_view
def test_forms(name: str, form: str) -> None:
    shown = view(name)
    if form == "dot" and name.partition(" ")[0] in NO_GRAPHS:
        with pytest.raises(ValueError, match=r"not a graph, .* text, svg, html, json"):
            shown.dot()
        return
    text = getattr(shown, form)()
    assert text == getattr(shown, form)()
    assert not [path for path in machine_paths() if path in text]
    assert "0x" not in text
    if form == "svg":
        root = ET.fromstring(text)
        assert root.tag.endswith("svg")
        stops = [e for e in root.iter() if e.get("tabindex")]
        assert root.get("role") == ("group" if stops else "img")  # an image hides what is in it
        assert all(e.get("role") == "img" and e.get("aria-label") for e in stops)
        assert {str(e.tag).rpartition("}")[2] for e in root.iter()} <= READ
        words = [e.text for e in root if e.tag.endswith(("title", "desc"))]
        assert len(words) == 2
        assert all(words)
    elif form == "html":
        assert text.startswith("<!doctype html>")
        assert "<title>" in text
        check_html(text)
    elif form == "json":
        assert isinstance(json.loads(text), dict)
    elif form == "dot":
        assert text.startswith("digraph")
        assert text.count("{") == text.count("}")
    else:
        assert text.endswith("\n")
        assert str(shown) == text


@each_view
def test_a_notebook_shows_it(name: str) -> None:
    shown = view(name)
    check_html(shown._repr_html_())
    assert shown._repr_svg_() == shown.svg()


@pytest.mark.parametrize("name", [n for n in VIEWS if not n.startswith("profile")])
def test_same_program_same_bytes(name: str) -> None:
    again = view.__wrapped__(name)
    for form in ("text", "svg", "html", "json"):
        assert getattr(again, form)() == getattr(view(name), form)()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_files(function: str, tmp_path: Path) -> None:
    shown = view(f"{function} tensor")
    forms = {"svg": "svg", "html": "html", "htm": "html", "txt": "text", "json": "json"}
    if function not in NO_GRAPHS:
        forms |= {"dot": "dot", "gv": "dot"}
    for suffix, form in forms.items():
        path = shown.save(tmp_path / f"view.{suffix}")
        assert path.read_bytes().decode() == getattr(shown, form)()
    with pytest.raises(ValueError, match=r"cannot save as 'view.doc': the suffixes known are"):
        shown.save(tmp_path / "view.doc")


STARTS = {"png": b"\x89PNG", "pdf": b"%PDF", "jpg": b"\xff\xd8\xff"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_pictures_through_matplotlib(function: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    shown = view(f"{function} tensor")
    for suffix in ("png", "pdf") if function == "draw" else ("png",):
        data = shown.save(tmp_path / f"view.{suffix}").read_bytes()
        assert data.startswith(STARTS[suffix])
        assert len(data) > 1000


def test_pictures_are_the_same_bytes_twice_and_as_large_as_the_svg() -> None:
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    import io

    svg = view("what_if tensor").svg()
    assert matplotlib_backend.render(svg, "jpg").startswith(STARTS["jpg"])
    for kind in ("png", "pdf"):
        assert matplotlib_backend.render(svg, kind) == matplotlib_backend.render(svg, kind)
    sheet = read_svg(svg)
    size = image.open(io.BytesIO(matplotlib_backend.render(svg, "png"))).size
    assert size == pytest.approx((2 * sheet.width, 2 * sheet.height), abs=2)
    with pytest.raises(ValueError, match="matplotlib writes png, pdf"):
        matplotlib_backend.render(svg, "bmp")


def test_a_dark_picture_has_a_dark_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    f = tensors()["f"]
    corners = {}
    for theme in ("light", "dark"):
        path = viz.draw(f, theme=theme).save(tmp_path / f"{theme}.png")
        corners[theme] = image.open(path).convert("RGB").getpixel((2, 2))
    assert corners == {"light": (255, 255, 255), "dark": (0x15, 0x17, 0x1C)}


def test_the_svg_is_read_as_it_is_drawn() -> None:
    svg = (
        '<svg width="90" height="40"><style>.k .a{fill:#112233;fill:var(--c,#445566)}'
        ".k .b>.a{fill:#000}.k .a:focus{fill:red}@media print{.k .a{fill:blue}}"
        ".k .gone{display:none}</style>"
        '<g class="k" transform="translate(10 5)"><rect class="a" width="4" height="3" rx="1"/>'
        '<path class="gone" d="M0 0"/><path d="M1 2h3v-1l-1 1C1 1 2 2 3 3Z"/>'
        '<g class="b"><circle class="a" cx="1" cy="2" r="1"/></g>'
        '<text class="a" x="1" y="9" text-anchor="middle"> a <tspan dx="8">b</tspan></text>'
        "</g></svg>"
    )
    rect, path, circle, words = read_svg(svg).marks
    assert rect.style["fill"] == "#445566"
    assert rect.segments[0] == ("M", ((11.0, 5.0),))
    assert [code for code, _ in path.segments] == ["M", "L", "L", "L", "C", "Z"]
    assert path.segments[3][1] == ((13.0, 7.0),)
    assert circle.style["fill"] == "#000"
    assert (words.x, words.y, words.style["text-anchor"]) == (11.0, 14.0, "middle")
    assert [(text, gap) for text, _, gap in words.runs] == [("a", 0.0), ("b", 8.0)]


def test_heat_maps_are_in_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    w = cr.tensor([[1.0, -1.0], [0.0, 1.0], [-1.0, 1.0]], requires_grad=True)
    drawing = viz.draw((w * w).sum())
    marks = [mark for mark in read_svg(drawing.svg()).marks if isinstance(mark, Image)]
    assert marks
    page = image.open(drawing.save(tmp_path / "heat.png")).convert("RGB")
    at = (2 * (marks[0].x + marks[0].width / 4), 2 * (marks[0].y + marks[0].height / 6))
    red, _, blue = page.getpixel((round(at[0]), round(at[1])))
    assert blue > red + 60  # the cell of 1 is blue


def nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matplotlib_backend, "is_there", lambda: False)
    monkeypatch.setattr(graphviz_backend, "find_program", lambda: None)


def test_without_both_the_error_names_both(tmp_path: Path, monkeypatch: Any) -> None:
    nothing_there(monkeypatch)
    with pytest.raises(viz.GraphvizMissingError, match="matplotlib") as error:
        view("draw tensor").save(tmp_path / "view.png")
    for word in ("chainrule[viz]", "dot", "graphviz-pure", ".svg"):
        assert word in str(error.value)
    assert view("draw tensor").save(tmp_path / "view.svg").exists()


def test_graphviz_draws_where_matplotlib_is_not(tmp_path: Path, monkeypatch: Any) -> None:
    if graphviz_backend.find_program() is None:
        pytest.skip("neither dot nor graphviz-pure is installed")
    monkeypatch.setattr(matplotlib_backend, "is_there", lambda: False)
    path = view("draw tensor").save(tmp_path / "view.png")
    assert path.read_bytes().startswith(STARTS["png"])
    with pytest.raises(ValueError, match=r"viz\.graph"):
        view("summary model").save(tmp_path / "table.png")


@pytest.mark.parametrize("theme", ["auto", "light", "dark", "lecture", "print"])
def test_themes(theme: Any) -> None:
    t = tensors()
    f, model, data = t["f"], t["model"], t["data"]
    calls: list[Callable[[], Any]] = [
        lambda: viz.draw(f, theme=theme), lambda: viz.explain(f, t["x"], theme=theme),
        lambda: viz.step(f, theme=theme), lambda: viz.what_if(f, theme=theme),
        lambda: viz.flow(model, data, theme=theme), lambda: viz.why(t["x"], f, theme=theme),
        lambda: viz.summary(model, data, theme=theme), lambda: viz.memory(f, theme=theme),
    ]  # fmt: skip
    for call in calls:
        ET.fromstring(call().svg())
    with pytest.raises(ValueError, match="unknown theme 'pink'"):
        viz.why(t["x"], f, theme="pink")  # type: ignore[arg-type]


def test_too_large_to_draw_is_no_error_at_the_end_of_a_cell() -> None:
    x = y = cr.tensor(0.5, requires_grad=True)
    for _ in range(2600):
        y = cr.sin(y) + 0.1
    drawing = viz.draw(y)
    with pytest.raises(ValueError, match=r"Three ways out: draw\(…, wrt=x\)"):
        drawing.svg()
    assert "Three ways out" in drawing._repr_html_()
    assert drawing._repr_svg_() is None
    assert "central difference" in viz.explain(y, x)._repr_html_()


WRONG_INPUTS: list[tuple[str, tuple[Any, ...], str]] = [
    ("draw", (3,), "a picture is drawn of tensors, got int"),
    ("step", (3,), "takes a tensor, a captured Graph or a model"),
    ("flow", (3,), "takes a module"),
    ("summary", (3,), "takes a module"),
    ("memory", (3,), "takes a tensor, a captured Graph or a model"),
    ("profile", (3,), "a function or model to call"),
    ("graph", (3,), "draws a module"),
    ("explain", (3, 4), "x is a tensor, or the position"),
    ("why", (3.0,), "asks about tensors"),
]


@pytest.mark.parametrize(
    ("function", "args", "said"), WRONG_INPUTS, ids=[w[0] for w in WRONG_INPUTS]
)
def test_what_cannot_be_shown_is_said(function: str, args: tuple[Any, ...], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        getattr(viz, function)(*args)


def test_a_captured_graph_needs_its_inputs() -> None:
    graph, a, _ = captured()
    for show in (viz.draw, viz.step, viz.flow, viz.memory, viz.profile):
        with pytest.raises(TypeError, match=r"needs the graph's inputs \(a:f32\[\], b:f32\[\]\)"):
            show(graph, a)
    with pytest.raises(ValueError, match=r"input a:f32\[\] was given the shape \[2\]"):
        viz.draw(graph, cr.ones(2), a)
    grads = [n.grad for n in viz.draw(type(graph).of(tensors()["f"])).picture.nodes]
    assert grads == [-4.0, -4.0, 5.0, -4.0, 1.0]  # a history is whole: there is nothing to give
