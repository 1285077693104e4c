"""Figures in notebooks: at the end of a cell, and in what nbconvert makes of the whole."""

from __future__ import annotations

import os
import re
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule import viz

CELLS = [
    "import chainrule as cr\nfrom chainrule import viz\nnn = cr.nn\ncr.manual_seed(0)",
    "x, y, z = (cr.tensor(v, requires_grad=True) for v in (2.0, 3.0, -4.0))\n"
    "q = x + y\nf = q * z\nf",
    "viz.draw(f, theme='lecture')",
    "viz.explain(f, x, words=True)",
    "viz.step(f)",
    "viz.what_if(f)",
    "model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))\n"
    "data = cr.randn(5, 4)\nviz.graph(model, data)",
    "viz.flow(model, data)",
    "viz.summary(model, data)",
    "loss = (q.detach() * y).sum()\nviz.why(x, loss)",
    "h = f\nfor _ in range(70):\n    h = h * 1.01\nh",
    "cr.ones(2)",
]


def at_end(tensor: Any) -> str | None:
    shown: str | None = tensor._repr_html_()
    return shown


def test_a_tensor_shows_its_graph_up_to_60_nodes() -> None:
    x = cr.tensor(2.0, requires_grad=True)
    y = x
    for _ in range(58):
        y = cr.sin(y)
    assert "<svg" in str(at_end(y))
    for _ in range(30):
        y = cr.sin(y)
    said = str(at_end(y))
    assert "<svg" not in said
    assert said.startswith("<pre>tensor(")
    assert "<p>computed by 88 operations from 1 leaf that requires grad." in said
    assert "viz.draw(y, wrt=x)" in said


def test_what_has_no_graph_is_shown_as_text() -> None:
    x = cr.randn(3, requires_grad=True)
    with cr.inference_mode():
        alone = x * 2
    for tensor in (x, cr.ones(2), x.detach(), cr.tensor([1, 2]), alone, cr.tensor(float("nan"))):
        assert at_end(tensor) is None


def test_large_arrays_keep_nobody_waiting() -> None:
    w = cr.zeros(1200, 1200, requires_grad=True)
    said = str(at_end(w + 1.0))
    assert "<svg" not in said
    assert "computed by 1 operation from 1 leaf that requires grad of large arrays" in said


def test_a_very_long_history_is_not_counted_to_its_end() -> None:
    y = cr.tensor(1.0, requires_grad=True)
    for _ in range(21_000):
        y = y + 0.5
    assert "computed by more than 20\u2009001 operations." in str(at_end(y))


def test_the_end_of_a_cell_never_raises() -> None:
    seen = []

    def square(t: Any) -> Any:
        y = t * t
        seen.append(at_end(y))  # under vmap there is no one value
        return y

    x = cr.randn(3, requires_grad=True)
    mapped = cr.func.vmap(square)(x)
    y = x.exp()
    y.add_(1.0)
    z = cr.tensor([1 + 2j, 3.0], requires_grad=True)
    total = (x * x).sum()
    total.backward()
    for tensor in (mapped, y, z * z, total, x[x > 100], cr.randn(0, 2, requires_grad=True).sum()):
        assert "<svg" in str(at_end(tensor))
    assert seen == [None]


def cell_of(text: str) -> Any:
    nbformat = pytest.importorskip("nbformat")
    return nbformat.v4.new_code_cell(text)


@pytest.fixture(scope="module")
def executed() -> Any:
    """A notebook with one figure in each cell, run by a kernel."""
    nbclient = pytest.importorskip("nbclient", reason="the notebooks extra is not installed")
    nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")
    specs = pytest.importorskip("jupyter_client.kernelspec")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tools' own
        if "python3" not in specs.KernelSpecManager().find_kernel_specs():
            pytest.skip("there is no kernel python3: pip install ipykernel")
        book = nbformat.v4.new_notebook(cells=[cell_of(text) for text in CELLS])
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = str(Path(cr.__file__).parent.parent)
        try:
            nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
        finally:
            os.environ.pop("PYTHONPATH")
            if before is not None:
                os.environ["PYTHONPATH"] = before
    return book


def html_of(cell: Any) -> str:
    (output,) = cell.outputs
    return str(output["data"].get("text/html", ""))


def test_every_cell_shows_its_figure(executed: Any) -> None:
    shown = [html_of(cell) for cell in executed.cells[1:]]
    svgs = [text.count("<svg xmlns") for text in shown]
    assert svgs == [1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert "<title>f = (x + y)·z</title>" in shown[0]  # the cell's own names, not the notebook's
    assert "swaps: each argument gets the gradient times the other one" in shown[2]
    assert "saved for backward" in shown[7]
    assert "detach() cuts the graph" in shown[8]
    assert "cell:1: loss = (q.detach() * y).sum()" in shown[8]
    assert "computed by 72 operations" in shown[9]
    assert shown[10] == ""
    assert executed.cells[-1].outputs[0]["data"]["text/plain"] == "tensor([1., 1.])"
    assert not [text for text in shown if "ipykernel" in text or "obj" in text]


def test_nbconvert_keeps_the_figures_complete(executed: Any) -> None:
    nbconvert = pytest.importorskip("nbconvert", reason="the notebooks extra is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tools' own
        page, _ = nbconvert.HTMLExporter().from_notebook_node(executed)
    # it writes attributes in another order and in small letters, which browsers mend
    figures = re.findall(r'<svg class="cr-.*?</svg>', page, re.DOTALL)
    assert len(figures) == 7
    for figure in figures:
        ET.fromstring(figure)
    for number in ("−20", "−4"):  # the static figure has its numbers without any script
        assert number in figures[0]
    assert "http" not in "".join(figures).replace("http://www.w3.org/2000/svg", "")


def test_several_figures_of_one_graph_do_not_share_styles() -> None:
    x = cr.tensor(2.0, requires_grad=True)
    y = x * x
    styles = [re.findall(r"\.(cr-[0-9a-f]+)\{font", s) for s in (
        viz.draw(y).svg(), viz.draw(y, theme="dark").svg(), viz.step(y).svg(), viz.graph(y).svg()
    )]  # fmt: skip
    assert len({name for found in styles for name in found}) == 4
