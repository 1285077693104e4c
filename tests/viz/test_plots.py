"""`Plot`: it shows itself in every form, alike each time, on light and dark pages, side by side."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz
from chainrule.viz.plot_ink import PAIRS
from chainrule.viz.theme import DARK, LIGHT

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)


def curve(title: str = "A curve", **options: Any) -> viz.Plot:
    plot = viz.Plot(title, x="t (s)", y="height (m)", **options)
    plot.axes.plot([0, 1, 2, 3], [4.0, -1.0, 9.0, 2.5], label="ball")
    plot.axes.scatter([1, 2], [0, 1], label="seen", marker="s")
    return plot


def crowded() -> viz.Plot:
    """Too much for a cell's SVG."""
    plot = viz.Plot("Crowded")
    plot.axes.scatter(*np.random.default_rng(0).random((2, 2000)))
    return plot


def ids(svg: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]*)"', svg))


def test_text_tells_axes_and_lines() -> None:
    lines = curve().text().splitlines()
    assert lines[0] == "A curve"
    assert lines[1].startswith("x: t (s), ")
    assert lines[2].startswith("y: height (m), ")
    assert "ball: 4 points, first 4 at 0, min −1 at 1, max 9 at 2, last 2.5 at 3" in lines[3]
    assert "seen: 2" in lines


def test_text_tells_bars_pictures_gaps_and_logarithms() -> None:
    plot = viz.Plot("All", rows=2, columns=2)
    plot.axes[0, 0].bar(["a", "b"], [1.0, -2.0])
    plot.axes[0, 1].imshow([[0.0, 1.5], [1.0, 0.5]])
    plot.axes[1, 0].plot([1.0, np.nan, 3.0], label="broken")
    plot.axes[1, 0].set(yscale="log", title="below")
    plot.axes[1, 1].barh(range(30), range(30))
    text = plot.text()
    assert "bars: a 1, b −2" in text
    assert "picture 2×2, 0 to 1.5" in text
    assert "broken: 2 points in 2 pieces, first 1 at 0" in text
    assert "logarithmic" in text
    assert "below" in text.splitlines()
    assert "bars: 30, the longest: 29 29, 28 28" in text


def test_the_same_bytes_each_time() -> None:
    plot = curve()
    first = plot.svg()
    assert plot.svg() == first == curve().svg()
    assert plot._png() == plot._png() == curve()._png()
    beside = viz.Plot("Many labels")
    for k in range(7):
        beside.axes.plot([0, k], label=f"line {k}")
    assert beside.svg() == beside.svg() == beside.svg()


def test_the_users_settings_leave_it_alone() -> None:
    import matplotlib as mpl

    first = curve().svg()
    with mpl.rc_context({"lines.linewidth": 5, "axes.facecolor": "red", "font.size": 30}):
        plot = viz.Plot("A curve", x="t (s)", y="height (m)")
        assert mpl.rcParams["font.size"] == 30
    plot.axes.plot([0, 1, 2, 3], [4.0, -1.0, 9.0, 2.5], label="ball")
    plot.axes.scatter([1, 2], [0, 1], label="seen", marker="s")
    assert plot.svg() == first


def test_no_two_plots_share_an_id_and_every_reference_leads_somewhere() -> None:
    first, second = curve().svg(), curve("Another curve").svg()
    assert not ids(first) & ids(second)
    for svg in (first, second):
        found = re.findall(r' id="([^"]*)"', svg)
        assert len(found) == len(set(found)) > 1
        assert set(re.findall(r'(?:href="|url\()#([^")]*)', svg)) <= ids(svg)
        key = found[0]
        rules = re.findall(r"^([^@{\n]*)\{", svg[svg.index("<style>") + 7 : svg.index("</style>")])
        assert all(f".{key}" in rule for rule in rules)


def test_the_svg_is_xml_with_title_and_description_and_no_request() -> None:
    plot = curve('A "curve" <of> mine & yours')
    root = ElementTree.fromstring(plot.svg())
    space = "{http://www.w3.org/2000/svg}"
    assert root.attrib["role"] == "img"
    assert root.find(f"{space}title").text == 'A "curve" <of> mine & yours'
    assert root.find(f"{space}desc").text == plot.text()
    assert "http" not in plot.svg().replace("http://www.w3.org/2000/svg", "")
    assert "<use" not in plot.svg()  # what `use` copies is out of the style sheet's reach


def test_ink_and_lines_follow_the_readers_page() -> None:
    svg = curve().svg()
    assert f'[stroke="{LIGHT.value.lower()}"]{{stroke:var(--cr-plot0,{LIGHT.value})}}' in svg
    dark = f"--cr-plot-ink:{DARK.ink}"
    for place in ("@media (prefers-color-scheme:dark)", '[data-jp-theme-light="false"]'):
        assert dark in svg[svg.index(place) :].split("\n")[0]
    black = viz.Plot("Black")
    black.axes.axhline(0.5, color="black")
    assert '[stroke="#000000"]{stroke:var(--cr-plot-ink' in black.svg()


def luminance(colour: str) -> float:
    channels = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("pair", PAIRS)
def test_lines_stand_out_three_to_one_on_both_pages(pair: tuple[str, str]) -> None:
    for colour, page in zip(pair, (LIGHT.page, DARK.page), strict=True):
        high, low = sorted((luminance(colour), luminance(page)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3


def test_a_legend_where_something_is_labelled_and_never_a_frame() -> None:
    plot = curve()
    plot.svg()
    plot.axes.plot([1, 2], label="later")
    svg = plot.svg()
    assert all(f">{word}<" in svg for word in ("ball", "seen", "later"))
    own = curve()
    own.axes.legend(["mine"], frameon=True)
    own.svg()
    assert [t.get_text() for t in own.axes.get_legend().get_texts()] == ["mine"]
    assert not own.axes.get_legend().get_frame_on()
    bare = viz.Plot("Bare")
    bare.axes.plot([1, 2])
    bare.svg()
    assert bare.axes.get_legend() is None


@pytest.mark.parametrize(
    ("suffix", "start"),
    [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("html", b"<!doctype"),
     ("htm", b"<!doctype"), ("txt", b"A curve\n")],
)  # fmt: skip
def test_saves_what_the_suffix_names(tmp_path: Path, suffix: str, start: bytes) -> None:
    path = curve().save(tmp_path / f"curve.{suffix}")
    assert path.read_bytes().startswith(start)
    again = curve().save(tmp_path / f"again.{suffix}")
    assert again.read_bytes() == path.read_bytes()


def test_an_unknown_suffix_is_refused_with_those_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"curve.gif.*\.svg, \.png, \.pdf, \.html, \.htm, \.txt"):
        curve().save(tmp_path / "curve.gif")


def test_the_page_holds_the_plot_and_its_words() -> None:
    plot = curve()
    page = plot.html()
    assert plot.svg() in page
    assert "ball: 4 points" in page[page.index("<details>") :]


def test_a_cell_keeps_one_form_svg_where_it_is_small() -> None:
    small, large = curve(), crowded()
    assert "<svg" in (small._repr_html_() or "")
    assert small._repr_png_() is None
    assert large._repr_html_() is None
    data, size = large._repr_png_() or (b"", {})
    assert data.startswith(b"\x89PNG")
    assert size == {"width": 576, "height": 326}


def test_one_axes_or_an_array() -> None:
    assert curve().axes.get_xlabel() == "t (s)"
    assert viz.Plot("Row", columns=3).axes.shape == (3,)
    grid = viz.Plot("Grid", rows=2, columns=3, x="across", y="up", size=(5, 4))
    assert grid.axes.shape == (2, 3)
    assert (grid.figure.get_supxlabel(), grid.figure.get_supylabel()) == ("across", "up")


def test_small_pictures_are_kept_pixel_by_pixel() -> None:
    plot = viz.Plot("Picture")
    plot.axes.imshow(np.arange(12).reshape(3, 4))
    image = re.search(r"<image [^>]*>", plot.svg())
    assert image is not None
    assert 'width="4" height="3"' in image[0]
    assert "pixelated" in image[0]


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"chainrule\[viz\]"):
        viz.Plot("none")


def test_viz_does_not_load_matplotlib_until_a_plot_is_made(tmp_path: Path) -> None:
    code = "import sys; from chainrule import viz; assert 'matplotlib' not in sys.modules; "
    code += "viz.Plot('t').svg(); assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_learning_curves_hold_the_history() -> None:
    plot = viz.learning_curves({"training": [1.0, 0.5], "test": [1.1, 0.9]})
    assert [list(line.get_ydata()) for line in plot.axes.lines] == [[1.0, 0.5], [1.1, 0.9]]
    assert [list(line.get_xdata()) for line in plot.axes.lines] == [[1, 2], [1, 2]]
    assert (plot.axes.get_xlabel(), plot.axes.get_ylabel()) == ("epoch", "loss")


def test_learning_curves_say_what_the_caller_plots() -> None:
    losses = [cr.tensor(v, requires_grad=True) for v in (1.0, 0.1, 0.01)]
    plot = viz.learning_curves(losses, y="mean squared error (m²)", x="step")
    assert plot.axes.get_ylabel() == "mean squared error (m²)"
    assert plot.axes.get_yscale() == "log"
    assert viz.learning_curves([1.0, 0.0]).axes.get_yscale() == "linear"
    assert viz.learning_curves([1.0, 0.01], log=False).axes.get_yscale() == "linear"
    assert "nats" not in plot.text()


def test_a_confusion_matrix_shows_its_counts() -> None:
    plot = viz.confusion_matrix(cr.tensor([[5, 1], [0, 4]]), ["a", "b"])
    assert [t.get_text() for t in plot.axes.texts] == ["5", "1", "4"]
    with pytest.raises(ValueError, match=r"\(2, 2\) for 3 labels"):
        viz.confusion_matrix([[5, 1], [0, 4]], ["a", "b", "c"])


def test_an_image_strip_shows_its_images() -> None:
    images = np.random.default_rng(0).random((10, 4, 4))
    plot = viz.image_strip(images, [str(k) for k in range(10)], "Digits")
    assert len(plot.axes) == len(plot.figure.axes) == 10
    for axes, image in zip(plot.axes, images, strict=True):
        assert np.array_equal(axes.images[0].get_array(), image)
    with pytest.raises(ValueError, match="10 images, but 1 captions"):
        viz.image_strip(images, ["one"])


def test_a_figure_of_ones_own_becomes_svg_too() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    assert viz.figure_svg(figure).startswith("<svg")
    assert viz.figure_svg(figure) == viz.figure_svg(figure)
    plot = curve()
    assert viz.figure_svg(plot) == plot.svg()
