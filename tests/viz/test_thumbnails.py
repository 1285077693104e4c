"""Small pictures of arrays: their numbers, their size in bytes, their colours, their place."""

from __future__ import annotations

import base64
import json
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import chainrule as cr
from chainrule import viz
from chainrule.viz import heat_png
from chainrule.viz.figure import measure
from chainrule.viz.model import HeatMap, Histogram
from chainrule.viz.theme import DARK, LIGHT
from chainrule.viz.thumbnails import corner, heat_map, histogram, pooled_levels, thumbnail

Golden = Callable[[str, str], None]
URI = re.compile(r'href="data:image/png;base64,([^"]*)"')
RNG = np.random.default_rng


def classifier(rows: int = 12, columns: int = 8) -> Any:
    """One linear layer and a softmax: its loss, and the names of its tensors."""
    r = RNG(1)
    x = cr.tensor(r.normal(size=(rows, columns)))
    w = cr.tensor(r.normal(size=(columns, 5)), requires_grad=True)
    b = cr.tensor(r.normal(size=5), requires_grad=True)
    with cr.watch():
        p = (x @ w + b).softmax(1)
        loss = -p[:, 0].log().mean()
    return loss, {"x": x, "w": w, "b": b, "p": p, "loss": loss}


def nodes_of(drawing: Any) -> dict[str, viz.Node]:
    return {node.name: node for node in drawing.picture.nodes}


def long_program(count: int) -> Any:
    """A program with so many nodes, each a matrix of 32×32."""
    values = [cr.tensor(RNG(0).normal(size=(32, 32)), requires_grad=True)]
    with cr.watch():
        while len(values) < count - 1:
            last, before = values[-1], values[max(0, len(values) - 3)]
            values.append(cr.tanh(last) if len(values) % 2 else last + before)
        return values[-1].sum()


# -- histograms -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "bins"), [(5, 6), (16, 8), (100, 20), (144, 24), (5_000, 24)])
def test_bins_of_histograms(size: int, bins: int) -> None:
    values = RNG(size).normal(size=size)
    found = histogram(values)
    assert found is not None
    assert list(found.counts) == np.histogram(values, bins)[0].tolist()
    assert (found.low, found.high) == (values.min(), values.max())


def test_whole_numbers_have_a_bin_each() -> None:
    assert histogram(np.array([3, 0, 3, 1, 3])) == Histogram((1, 1, 0, 3), -0.5, 3.5)
    assert histogram(np.array([True, False, True, True, True])) == Histogram((1, 4), -0.5, 1.5)
    assert histogram(np.array([0, 1000, 7, 7, 7])).counts[0] == 4  # type: ignore[union-attr]


def test_histograms_go_on_to_a_zero_that_is_near() -> None:
    for values, limits in [
        ([0.1, 2.0, 1.0], (0.0, 2.0)),
        ([-0.1, -2.0], (-2.0, 0.0)),
        ([9.0, 10.0], (9.0, 10.0)),
    ]:
        found = histogram(np.array(values))
        assert found is not None
        assert (found.low, found.high) == limits


ODD = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1.7e308, -1.7e308])
NUMBERS = st.one_of(st.floats(-9, 9), st.floats(allow_nan=True, allow_infinity=True), ODD)


@given(arrays.arrays(np.float64, st.integers(1, 60), elements=NUMBERS))
def test_histograms_count_every_finite_element(values: Any) -> None:
    found = histogram(values)
    finite = values[np.isfinite(values)]
    if found is None:
        assert len(set(finite.tolist())) < 2
        return
    assert sum(found.counts) == finite.size
    assert found.low <= finite.min()
    assert finite.max() <= found.high


# -- heat maps ------------------------------------------------------------------------------------


def levels(heat: HeatMap | None) -> Any:
    assert heat is not None
    return np.frombuffer(heat.levels, np.uint8).reshape(heat.rows, heat.columns)


@given(arrays.arrays(np.float64, st.tuples(*[st.integers(1, 9)] * 2), elements=NUMBERS))
def test_levels_are_the_elements(values: Any) -> None:
    heat = heat_map(values)
    if heat is None:
        return
    found, finite = levels(heat).astype(float), np.isfinite(values)
    assert ((found == 0) == ~finite).all()
    assert heat.diverging == (values[finite].min() < 0)
    assert heat.high == np.abs(values[finite]).max()
    assert heat.low == -heat.high if heat.diverging else heat.low >= 0
    shown = (found[finite] - 1) / 254
    wanted = (values[finite] / heat.high - heat.low / heat.high) / (1 - heat.low / heat.high)
    np.testing.assert_allclose(shown, wanted, atol=0.5 / 254 + 1e-9)
    if heat.diverging:
        assert (found[values == 0] == 128).all()


def test_weights_and_gradients_are_centred_on_zero() -> None:
    loss, names = classifier()
    nodes = nodes_of(viz.draw(loss, names=names))
    grad, value = nodes["p"].grad, nodes["p"].value
    assert isinstance(grad, viz.Summary)
    assert isinstance(grad.thumbnail, HeatMap)
    assert grad.thumbnail.low == -grad.thumbnail.high
    assert isinstance(value, viz.Summary)
    assert isinstance(value.thumbnail, HeatMap)
    assert not value.thumbnail.diverging
    assert value.thumbnail.low == 0.0
    weight = cr.nn.Parameter(cr.tensor(RNG(2).random((4, 3))))
    shown = nodes_of(viz.draw((weight**2).sum(), names={"weight": weight}))["weight"].value
    assert isinstance(shown, viz.Summary)
    assert isinstance(shown.thumbnail, HeatMap)
    assert shown.thumbnail.diverging  # though none is negative


def test_outliers_are_clipped_at_the_percentile_and_counted() -> None:
    values = RNG(3).uniform(-1, 1, size=(40, 50))
    heat = heat_map(values)
    assert heat is not None
    assert heat.clipped == 0  # nothing is far off
    values[3, 4], values[7, 8] = 50.0, -20.0
    heat = heat_map(values)
    assert heat is not None
    assert heat.high == np.quantile(np.abs(values), 0.995, method="higher")
    assert heat.clipped == np.count_nonzero(np.abs(values) > heat.high)
    assert levels(heat)[3, 4] == 255
    assert levels(heat)[7, 8] == 1
    x = cr.tensor(values, requires_grad=True)
    drawn = viz.draw((x * 2.0).sum(), names={"x": x}).svg()
    assert f">{heat.clipped} clipped<" in drawn


def farthest(block: Any) -> float:
    """The element farthest from 0; the positive one of two."""
    largest = np.abs(block).max()
    return float(largest if (block == largest).any() else -largest)


@pytest.mark.parametrize("shape", [(65, 3), (64, 64), (130, 70), (3, 1000), (1000, 1), (200, 129)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_larger_matrices_are_max_pooled(shape: tuple[int, int], dtype: str) -> None:
    values = RNG(4).normal(size=shape)
    values = values > 1 if dtype == "bool" else (values * 9).astype(dtype)
    heat = heat_map(values, around_zero=True)
    assert heat is not None
    down, across = heat.pooled
    assert heat.pooled == (-(-shape[0] // 64), -(-shape[1] // 64))
    assert (heat.rows, heat.columns) == (-(-shape[0] // down), -(-shape[1] // across))
    wanted = [
        [
            farthest(values[i : i + down, j : j + across].astype(float))
            for j in range(0, shape[1], across)
        ]
        for i in range(0, shape[0], down)
    ]
    shares = np.clip(np.array(wanted) / heat.high, -1, 1)
    np.testing.assert_allclose(levels(heat), 128 + 127 * shares, atol=0.51)


def test_nan_in_a_block_is_seen() -> None:
    values = np.ones((128, 128))
    values[0], values[70, 70], values[5, 5] = 2.0, np.nan, -np.inf
    found = levels(heat_map(values))
    assert list(zip(*np.nonzero(found == 0), strict=True)) == [(2, 2), (35, 35)]


def test_pooling_levels_again() -> None:
    heat = heat_map(RNG(5).normal(size=(7, 10)))
    assert heat is not None
    smaller, before = pooled_levels(heat), levels(heat).astype(float) - 128
    assert smaller.pooled == (2, 2)
    wanted = [
        [farthest(before[i : i + 2, j : j + 2]) for j in range(0, 10, 2)] for i in range(0, 7, 2)
    ]
    np.testing.assert_array_equal(levels(smaller), np.array(wanted) + 128)


def test_what_is_a_heat_map() -> None:
    r = RNG(6)
    assert isinstance(thumbnail(r.normal(size=(2, 3))), HeatMap)
    assert isinstance(thumbnail(r.normal(size=(1, 1, 5, 4))), HeatMap)  # one image
    assert isinstance(thumbnail(r.normal(size=(4, 1, 3, 3))), Histogram)
    assert isinstance(thumbnail(r.normal(size=9)), Histogram)
    assert thumbnail(np.ones((3, 3))) is None  # nothing to see
    assert thumbnail(np.full(5, np.nan)) is None
    complex_ = thumbnail(r.normal(size=(3, 4)) * 1j)
    assert isinstance(complex_, HeatMap)
    assert not complex_.diverging


# -- files ----------------------------------------------------------------------------------------


def read_png(file: bytes) -> tuple[Any, list[tuple[int, ...]]]:
    """Indices and colours (red, green, blue, opacity) of a PNG with a palette."""
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(file):
        (size,) = struct.unpack(">I", file[at : at + 4])
        name, body = file[at + 4 : at + 8], file[at + 8 : at + 8 + size]
        assert int.from_bytes(file[at + 8 + size : at + 12 + size]) == zlib.crc32(name + body)
        chunks[name] = body
        at += 12 + size
    width, height, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert form == [8, 3, 0, 0, 0]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert (rows[:, 0] == 0).all()
    hues = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3).tolist()
    return rows[:, 1:], [(*h, a) for h, a in zip(hues, chunks[b"tRNS"], strict=True)]


@pytest.mark.parametrize("size", [3, 16, 30, 64])
@pytest.mark.parametrize("sign", [-1, 0])
@pytest.mark.parametrize("room", [700, 2_000])
def test_files_show_the_elements(size: int, sign: int, room: int) -> None:
    values = RNG(size).uniform(sign, 1, size=(size, size))
    values[1, 1] = np.nan
    heat = heat_map(values)
    assert heat is not None
    shown, data, colours = heat_png.fitted(heat, room)
    uri = heat_png.data_uri(shown, data, colours)
    assert len(uri) == heat_png.uri_length(data, colours) <= room
    indices, palette = read_png(heat_png.png(shown, data, colours))
    assert palette[0][3] == 255
    assert indices.shape == (shown.rows, shown.columns)
    signs = {tuple(bytes.fromhex(heat_png.POSITIVE[1:])): 1}
    signs[tuple(bytes.fromhex(heat_png.NEGATIVE[1:]))] = -1
    step = (2 if heat.diverging else 1) / (colours - 1)
    for index, level in zip(indices.ravel(), shown.levels, strict=True):
        *hue, opacity = palette[index]
        assert (index == 0) == (level == 0)
        if level:
            share = (level - 128) / 127 if heat.diverging else (level - 1) / 254
            assert abs(signs[tuple(hue)] * opacity / 255 - share) <= step / 2 + 0.01


@pytest.mark.parametrize("shape", ["normal", "uniform", "tanh", "eye"])
def test_all_64_rows_have_room(shape: str) -> None:
    r = RNG(7)
    noise = r.normal(size=(64, 64))
    values = {"normal": noise, "uniform": r.uniform(-1, 1, size=(64, 64)),
              "tanh": np.tanh(2 * noise), "eye": np.eye(64)}[shape]  # fmt: skip
    heat = heat_map(values)
    assert heat is not None
    assert heat_png.fitted(heat, 1_520)[0] is heat


def embedded(node: str) -> int:
    """Bytes of images and of the numbers in a node's tooltip."""
    title = re.search("<title>(.*?)</title>", node, re.DOTALL)
    assert title is not None
    tables = re.findall(r"numbers(?: × 10\S*)?:\n((?:[-−\d.∞naif ]+(?:\n|$))+)", title[1])
    return sum(map(len, URI.findall(node))) + sum(len(table.encode()) for table in tables)


def test_a_node_embeds_two_kilobytes_at_most() -> None:
    x = cr.tensor(RNG(8).normal(size=(64, 64)), requires_grad=True)
    with cr.watch():
        loss = (cr.tanh(x @ x) * x).sum()
    svg = viz.draw(loss, names={"x": x}).svg()
    nodes = re.findall(r'<g id="[^"]*-n\d+".*?(?=<g id="|<rect class="pill")', svg, re.DOTALL)
    sizes = [embedded(node) for node in nodes]
    assert len(sizes) == 5
    assert max(sizes) > 1_000
    assert max(sizes) <= 2_200


def test_a_page_of_300_matrices_is_below_a_megabyte() -> None:
    drawing = viz.draw(long_program(300), thumbnails=True)
    assert len(drawing.picture.nodes) == 300
    page = drawing.html()
    assert len(URI.findall(page)) > 300
    assert len(page.encode()) < 1_000_000


# -- drawings -------------------------------------------------------------------------------------


def test_thumbnails_are_drawn_unasked_up_to_60_nodes() -> None:
    small, large = long_program(60), long_program(61)
    assert URI.search(viz.draw(small).svg())
    assert not URI.search(viz.draw(large).svg())
    assert URI.search(viz.draw(large, thumbnails=True).svg())
    bare = viz.draw(small, thumbnails=False)
    assert not URI.search(bare.svg())
    assert all(n.value.thumbnail is None for n in bare.picture.nodes if n.shape)  # type: ignore[union-attr]
    assert not URI.search(viz.draw(small, show=("local",)).svg())


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("show", [("value", "grad"), ("value",), ("grad",)])
def test_thumbnails_are_inside_their_nodes(direction: str, show: tuple[str, ...]) -> None:
    loss, names = classifier()
    figure = measure(viz.draw(loss, names=names, show=show).picture, direction)
    found = 0
    for mark in figure.marks.values():
        box = mark.box
        for plate in mark.plates:
            found += 1
            right, low = plate.x + plate.width, plate.y + plate.height
            if direction == "LR":
                assert mark.stub[0] <= plate.x
                assert right <= mark.stub[1]
                assert -box.low <= plate.y
                assert low <= box.high
            else:
                assert plate.x > 0
                assert right <= box.high
                assert mark.stub[0] <= plate.y
                assert low <= mark.stub[1]
            for line in mark.lines:  # text is 10 pixels above its baseline, 3 below
                assert line.y + 3 <= plate.y or low <= line.y - 9
            for words in plate.lines:
                assert words.x + words.width <= plate.width
                assert 8 <= words.y <= plate.height
    assert found >= 4


def test_light_and_dark_pages_have_the_same_files() -> None:
    loss, names = classifier()
    light, dark, paper = (
        viz.draw(loss, names=names, theme=theme).svg() for theme in ("light", "dark", "print")
    )
    assert URI.findall(light) == URI.findall(dark) != []
    for file in URI.findall(paper):
        _, palette = read_png(base64.b64decode(file))
        assert {colour[:3] for colour in palette} <= {(0, 0, 0), (255, 255, 255)}
    for colour in (heat_png.POSITIVE, heat_png.NEGATIVE, heat_png.ODD):
        assert colour in light
        assert colour not in paper
        for page in (LIGHT.page, LIGHT.tint, DARK.page, DARK.tint):
            assert contrast(colour, page) >= 3


def contrast(a: str, b: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        line = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * line[0] + 0.7152 * line[1] + 0.0722 * line[2]

    low, high = sorted((light(a), light(b)))
    return (high + 0.05) / (low + 0.05)


def test_limits_and_zero_are_marked() -> None:
    loss, names = classifier()
    drawing = viz.draw(loss, names=names)
    value = nodes_of(drawing)["w"].value
    assert isinstance(value, viz.Summary)
    assert isinstance(value.thumbnail, HeatMap)
    root = ET.fromstring(drawing.svg())
    texts = ["".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")]
    limit = f"{value.thumbnail.high:.3g}"
    assert limit in texts
    assert f"−{limit}" in texts
    b = nodes_of(drawing)["b"].value
    assert isinstance(b, viz.Summary)
    assert isinstance(b.thumbnail, Histogram)
    zeros = [p for p in root.iter() if p.get("class") == "zero"]
    place = 96 * -b.thumbnail.low / (b.thumbnail.high - b.thumbnail.low)
    assert any(str(z.get("d")).startswith(f"M{place:.1f}".removesuffix(".0")) for z in zeros)


def test_tooltips_hold_the_first_numbers() -> None:
    x = cr.tensor([[0.5, -1.25, 0.0], [3.0, 0.004, 2.0]], requires_grad=True)
    wide = cr.tensor(RNG(9).normal(size=(20, 30)) * 1e-7, requires_grad=True)
    whole = cr.tensor(np.arange(12.0), requires_grad=True)
    drawing = viz.draw((x**2).sum() + wide.sum() + whole.sum(), names={"x": x, "wide": wide})
    svg = drawing.svg()
    assert "all numbers:\n0.50 −1.25 0\n3.00 0.00 2.00\n" in svg
    assert "first 8×8 numbers × 10⁻⁷:\n" in svg
    assert "first 8 numbers:\n0 1 2 3 4 5 6 7\n" in svg
    assert corner(np.arange(120.0).reshape(2, 3, 4, 5))[0] == (0.0, 1.0, 2.0, 3.0, 4.0)  # type: ignore[index]
    assert corner(np.ones((3, 3)) * 1j) is None


def test_what_is_not_finite_is_counted_and_named() -> None:
    values = RNG(10).normal(size=(6, 5))
    values[0, 0] = values[1, 1] = np.nan
    values[2, 2] = -np.inf
    x = cr.tensor(values, requires_grad=True)
    lost = cr.tensor(np.full(7, np.nan), requires_grad=True)
    drawing = viz.draw(x.sum() + lost.sum(), names={"x": x, "lost": lost})
    shown = nodes_of(drawing)["x"].value
    assert isinstance(shown, viz.Summary)
    assert (shown.not_finite, shown.nans) == (3, 2)
    assert shown.mean == pytest.approx(values[np.isfinite(values)].mean())
    for text in (drawing.text(), drawing.svg(), drawing.dot()):
        assert ", 2 nan, 1 ∞" in text
        assert "7 nan" in text
    assert ">not finite<" in drawing.svg()


def test_text_and_data_carry_the_numbers() -> None:
    loss, names = classifier()
    drawing = viz.draw(loss, names=names)
    head, *rows = drawing.text().splitlines()[2:]
    assert head.split()[:6] == ["node", "made", "by", "shape", "value", "range"]
    w = names["w"].detach().numpy()
    (row,) = [row for row in rows if row.startswith("w ")]
    for number in (w.min(), w.max(), w.std()):
        assert f"{number:.4g}".replace("-", "−") in row
    assert "norm" in row
    data = {node["name"]: node for node in json.loads(drawing.json())["nodes"]}
    assert data["w"]["value"]["thumbnail"]["diverging"] is True
    assert "levels" not in data["w"]["value"]["thumbnail"]
    assert sum(data["b"]["value"]["thumbnail"]["counts"]) == 5
    np.testing.assert_array_equal(data["w"]["value"]["corner"], w)
    bare = json.loads(viz.draw(loss, names=names, thumbnails=False).json())
    assert all("thumbnail" not in str(node["value"]) for node in bare["nodes"])


def test_few_elements_are_written_out() -> None:
    x = cr.tensor([[1.0, -2.5], [0.0, 4.0]], requires_grad=True)
    e = cr.zeros(0, 3, requires_grad=True)
    text = viz.draw((x * 2.0).sum() + e.sum(), names={"x": x, "e": e}).text()
    assert "[[1.0 −2.5] [0.0 4.0]]" in text
    assert "[[2 2] [2 2]]" in text
    assert "empty" in text


def test_statistics_of_huge_and_tiny_elements() -> None:
    values = np.array([1.0, -1.0, 3.0, 0.0, 2.0])
    for scale in (1e300, 1.0, 1e-200):
        x = cr.tensor(values * scale, requires_grad=True)
        shown = nodes_of(viz.draw(x.sum(), names={"x": x}))["x"].value
        assert isinstance(shown, viz.Summary)
        wanted = (values.mean(), values.std(), np.linalg.norm(values))
        found = np.array([shown.mean, shown.std, shown.norm]) / scale
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_closed_modules_have_thumbnails_too() -> None:
    cr.manual_seed(0)
    model = cr.nn.Sequential(cr.nn.Conv2d(1, 2, 3), cr.nn.ReLU(), cr.nn.Flatten())
    with cr.watch():
        loss = model(cr.rand(1, 1, 6, 6)).sum()
    closed = viz.draw(loss, depth=1).picture
    shown = [n.value.thumbnail for n in closed.nodes if isinstance(n.value, viz.Summary)]
    assert any(isinstance(t, HeatMap) for t in shown)  # the input, and the flat result
    assert any(isinstance(t, Histogram) for t in shown)


def test_same_bytes_in_another_process() -> None:
    program = (
        "import chainrule as cr\nfrom chainrule import viz\n"
        "cr.manual_seed(0)\nx = cr.randn(40, 50, requires_grad=True)\n"
        "import hashlib\ns = viz.draw((x.tanh() * x).sum(), names={'x': x}).svg()\n"
        "print('data:image' in s, hashlib.sha256(s.encode()).hexdigest())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    assert runs.pop().startswith(b"True")


def test_golden(golden: Golden, programs: Any) -> None:
    """Matrices so small that their files are stored: the same bytes with every zlib."""
    model, x = programs.layers()
    loss = (model(x) ** 2).sum()
    view = viz.draw(loss, names={"m": model, "x": x, "loss": loss})
    for form in ("svg", "text", "json"):
        text = getattr(view, form)()
        suffix = {"text": "txt"}.get(form, form)
        golden(f"layers_draw.{suffix}", text if text.endswith("\n") else text + "\n")
