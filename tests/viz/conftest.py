"""Golden files, a browser, small programs, and pictures put together by hand."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chainrule.viz.model import Absent, Edge, Group, Local, Node, Picture, Summary

GOLDENS = Path(__file__).parent / "goldens"


def _beside(name: str) -> Any:
    """A module in this folder, which tests cannot import by name."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


driver = _beside("browser")


@pytest.fixture(scope="session")
def programs() -> Any:
    """Small programs to draw: programs.py."""
    return _beside("programs")


@pytest.fixture(scope="session")
def page_of(programs: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The page of a view of programs.py, saved when it is first asked for."""
    folder, views = tmp_path_factory.mktemp("pages"), programs.views()

    def saved(name: str) -> Path:
        path: Path = folder / f"{name}.html"
        return path if path.exists() else views[name]().save(path)

    return saved


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """A page as a notebook puts outputs together: each view's own HTML, one below the other."""

    def saved(*shown: Any, body: str = "<body>") -> Path:
        path = tmp_path / "notebook.html"
        outputs = "".join(f'<div class="output">{view._repr_html_()}</div>\n' for view in shown)
        head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>notebook</title>'
        path.write_text(f"{head}{body}<main>{outputs}</main></body></html>", encoding="utf-8")
        return path

    return saved


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One running browser for all tests."""
    program = driver.find_browser()
    if program is None:
        pytest.skip(f"no Chromium on the path: {', '.join(driver.NAMES)}")
    with driver.Browser(program) as running:
        yield running


@pytest.fixture
def golden(overwrite: bool) -> Callable[[str, str], None]:
    """Compare a text with a golden file, or write the file when asked to."""

    def check(name: str, text: str) -> None:
        path = GOLDENS / name
        if overwrite:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.read_text(encoding="utf-8") == text, f"{name}: read the diff of --overwrite"

    return check


@pytest.fixture
def lecture() -> Picture:
    """The lecture's f = (x + y)·z at x = 2, y = 3, z = −4."""
    return Picture(
        nodes=(
            Node(0, "input", "x", tex="x", value=2.0, grad=-4.0, dtype="float64"),
            Node(1, "input", "y", tex="y", value=3.0, grad=-4.0, dtype="float64"),
            Node(2, "input", "z", tex="z", value=-4.0, grad=5.0, dtype="float64"),
            _operation(3, "q", "+", "x + y", "x + y", value=5.0, grad=-4.0),
            _operation(4, "f", "×", "q·z", r"q \cdot z", value=-20.0, grad=1.0, output=True),
        ),
        edges=(
            Edge(0, 3, 0, Local("1", "1", 1.0)),
            Edge(1, 3, 1, Local("1", "1", 1.0)),
            Edge(3, 4, 0, Local("z", "z", -4.0, (2,))),
            Edge(2, 4, 1, Local("q", "q", 5.0, (3,))),
        ),
        title="f = (x + y)·z",
        of="f",
    )


@pytest.fixture
def square() -> Picture:
    """Two edges between the same two nodes, and a note."""
    note = "x.grad holds 12 from earlier backward calls"
    return Picture(
        nodes=(
            Node(0, "input", "x", value=3.0, grad=6.0, notes=(note,)),
            _operation(1, "y", "×", "x·x", r"x \cdot x", value=9.0, grad=1.0, output=True),
        ),
        edges=(
            Edge(0, 1, 0, Local("x", "x", 3.0, (0,))),
            Edge(0, 1, 1, Local("x", "x", 3.0, (0,))),
        ),
        title="y = x·x",
        of="y",
    )


@pytest.fixture
def odd() -> Picture:
    """All that is out of the ordinary: nan, ∞, exact zero, nothing there, a very long name."""
    long_name = "a_rather_long_name.of_an.embedding.weight"
    return Picture(
        nodes=(
            Node(0, "input", long_name, value=float("inf"), grad=float("nan")),
            Node(1, "constant", "2", value=2.0, auto_name=True),
            _operation(2, "v1", "max", "max(a, 2)", "", value=1234567.0, grad=0.0, auto_name=True),
            Node(3, "operation", "v2", "log", "log v1", grad=Absent.NO_ROUTE, auto_name=True),
            Node(4, "parameter", "t", value=0.0, grad=Absent.NOT_COMPUTED),
            Node(5, "constant", "scale", value=0.125),
            _operation(6, "L", "−", "v2 − t", "", value=1.2e-7, grad=1.0, output=True),
            _operation(7, "second <output>", "exp", "exp v1", "", value=5.5, grad=1.0, output=True),
            _operation(8, "s", "×", "v2 · scale", "", value=Absent.NOT_KEPT),
        ),
        edges=(
            Edge(0, 2, 0, Local("[a > 2]", "", 1.0)),
            Edge(1, 2, 1),
            Edge(2, 3, 0, Local("1 / v1", "", 8.1e-7, (2,))),
            Edge(3, 6, 0, Local("1", "", 1.0)),
            Edge(4, 6, 1, Local("−1", "", -1.0)),
            Edge(2, 7, 0, Local("exp(v1)", "", 5.5, (2,))),
            Edge(3, 8, 0, Local("scale", "", 0.125, (5,))),
            Edge(5, 8, 1),
        ),
    )


@pytest.fixture
def classifier() -> Picture:
    """A small network: arrays, parameters, groups inside a group."""
    relu_out, weights = _array("float32", 32, 64), _array("float64", 10, 64)
    bias = Summary((3,), "float32", 0.5, 1.5, 2.5, -1.0, 2.0, elements=(0.5, -1.0, 2.0))
    return Picture(
        nodes=(
            Node(0, "input", "images", value=relu_out, grad=Absent.NO_ROUTE, shape=(32, 64)),
            _parameter(1, "0.weight", weights, 1),
            _parameter(2, "0.bias", bias, 1),
            _layer(3, "z", "linear", relu_out, 1),
            _layer(4, "h", "relu", relu_out, 2),
            Node(
                5,
                "input",
                "labels",
                value=_array("int64", 32),
                grad=Absent.NO_ROUTE,
                shape=(32,),
                dtype="int64",
            ),
            _operation(
                6,
                "loss",
                "cross_entropy",
                "cross_entropy(h, labels)",
                "",
                value=2.31,
                grad=1.0,
                output=True,
            ),
        ),
        edges=(
            Edge(0, 3, 0, Local("Z̄ W")),
            Edge(1, 3, 1, Local("Z̄ᵀ X")),
            Edge(2, 3, 2, Local("Σ Z̄")),
            Edge(3, 4, 0, Local("[z > 0]", mentions=(3,))),
            Edge(4, 6, 0, Local("(softmax(h) − y) / n", mentions=(4,))),
            Edge(5, 6, 1),
        ),
        groups=(
            Group(0, "net", None, "Sequential"),
            Group(1, "0", 0, "Linear(64, 10)"),
            Group(2, "1", 0, "ReLU()"),
        ),
        title="digits classifier",
        of="loss",
    )


def _operation(
    key: int,
    name: str,
    op: str,
    expression: str,
    tex: str,
    *,
    value: float | Absent,
    grad: float | Absent = Absent.NOT_COMPUTED,
    output: bool = False,
    auto_name: bool = False,
) -> Node:
    return Node(
        key,
        "operation",
        name,
        op,
        expression,
        tex,
        value,
        grad,
        dtype="float64",
        auto_name=auto_name,
        output=output,
    )


def _array(dtype: str, *shape: int) -> Summary:
    return Summary(shape, dtype, 0.0123, 0.987, 1.234, -3.0, 3.0)


def _parameter(key: int, name: str, value: Summary, group: int) -> Node:
    return Node(key, "parameter", name, value=value, grad=value, shape=value.shape,
                dtype=value.dtype, group=group)  # fmt: skip


def _layer(key: int, name: str, op: str, value: Summary, group: int) -> Node:
    return Node(key, "operation", name, op, f"{op}(…)", value=value, grad=value, shape=value.shape,
                dtype=value.dtype, group=group)  # fmt: skip
