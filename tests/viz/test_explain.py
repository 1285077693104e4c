"""`explain`: the four blocks, the routes, the check."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import viz
from chainrule.viz.model import Edge, Local, Node, Picture
from chainrule.viz.numbers import THIN_SPACE
from chainrule.viz.paths import between, consumers, count_routes, list_routes

Golden = Callable[[str, str], None]


def leaf(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


def test_lecture_derivation(golden: Golden) -> None:
    x, y, z = leaf(2.0), leaf(3.0), leaf(-4.0)
    q = x + y
    f = q * z
    found = viz.explain(f, x)
    lines = found.text().splitlines()
    assert lines[0] == "∂f/∂x for f = (x + y)·z"
    assert "  ∂f/∂x = ∂f/∂q · ∂q/∂x" in lines
    assert "  ∂f/∂q = z" in lines
    assert "  ∂q/∂x = 1" in lines
    assert "  ∂f/∂x = (−4)·(1) = −4" in lines
    assert lines[-1].endswith("away: agrees")
    # All but the last line, whose tiny difference depends on the machine's arithmetic.
    golden("lecture_explain.txt", "\n".join(lines[:-1]) + "\n")
    golden("lecture_explain.tex", found.latex() + "\n")
    assert viz.explain(f, z).derivation.total() == 5.0
    assert x.grad is None


def test_routes_are_summed() -> None:
    x, y = leaf(3.0), leaf(2.0)
    f = x * x + x * y
    derivation = viz.explain(f, x).derivation
    assert derivation.routes == 3
    assert [term.product for term in derivation.terms] == [3.0, 3.0, 2.0]
    text = viz.explain(f, x).text()
    assert "3 routes: 3 + 3 + 2 = 8" in text
    assert "∂v1/∂x⁽¹⁾" in text
    assert "∂v1/∂x⁽²⁾" in text


def test_negative_summands_are_bracketed() -> None:
    x = leaf(3.0)
    f = x * 2 - x * 5
    assert "2 routes: 2 + (−5) = −3" in viz.explain(f, x).text()


def test_many_routes_are_counted_and_summed_over_consumers() -> None:
    x = leaf(0.5)
    f = x
    for _ in range(30):
        f = f * 0.6 + cr.sin(f) * 0.4
    found = viz.explain(f, x)
    derivation = found.derivation
    assert derivation.routes == 2**30
    assert derivation.by_consumers
    assert len(derivation.terms) == 2
    f.backward()
    assert derivation.total() == pytest.approx(x.grad.item(), rel=1e-12)
    assert f"1{THIN_SPACE}073{THIN_SPACE}741{THIN_SPACE}824 routes, counted" in found.text()


def test_long_routes_are_shortened_and_counted() -> None:
    x = leaf(0.5)
    f = x
    for _ in range(3000):
        f = cr.sin(f)
    found = viz.explain(f, x)
    assert "⋯ 2988 more ⋯" in found.text()
    assert max(map(len, found.text().splitlines())) < 500
    assert found.derivation.check.agrees


def test_no_route_and_itself() -> None:
    x, c = leaf(2.0), cr.tensor(3.0, dtype=cr.float64)
    f = x * c
    assert "there is no route from c to f" in viz.explain(f, c).text()
    assert viz.explain(f, f).derivation.gradient == 1.0
    with pytest.raises(ValueError, match="is not part of the graph of y"):
        viz.explain(f, leaf(1.0))


def test_arrays_show_rules_and_shapes() -> None:
    x = cr.tensor(np.arange(15.0).reshape(5, 3) / 10)
    w = cr.tensor(np.linspace(-1, 1, 6).reshape(3, 2), requires_grad=True)
    z = x @ w
    loss = (z * z).sum()
    text = viz.explain(loss, w).text()
    assert "w̄ = xᵀ z̄   (5×3)ᵀ (5×2) → (3×2)" in text
    assert "∂loss/∂w has the shape of w: 3×2" in text
    assert "central difference along a fixed direction" in text
    assert text.rstrip().endswith("agrees")


def test_the_check_sees_a_wrong_gradient() -> None:
    class Wrong(cr.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(1.0)
    wrong = viz.explain(Wrong.apply(x) * 1.0, x)
    assert "3 against 2, 1 away: differs: the rule of some operation" in wrong.text()
    y = cr.relu(x - 1.0)  # at the kink: the gradient is 0, the central difference one half
    check = viz.explain(y, x).derivation.check
    assert not check.agrees
    assert check.estimate == pytest.approx(0.5, abs=1e-6)
    assert (check.left, check.right) == pytest.approx((0.0, 1.0))
    assert "a kink: slope 0 to the left and 1 to the right" in viz.explain(y, x).text()
    smooth = viz.explain(x.abs() * x, x).derivation.check  # two slopes that meet
    assert smooth.left is None


def test_html_is_complete_and_well_formed() -> None:
    x, y = leaf(2.0), leaf(3.0)
    f = x * y + x
    found = viz.explain(f, x)
    html = found.html()
    assert "<script" not in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    for block in ("structure", "rules", "numbers", "check"):
        assert f"<h2>{block}</h2>" in html
    body = html[html.index("<main>") : html.index("</main>") + len("</main>")]
    assert len(list(ET.fromstring(body).iter("mfrac"))) > 4
    assert found._repr_html_().startswith("<div")
    assert found.latex().startswith("\\begin{aligned}")


def test_big_graphs_show_only_the_routes() -> None:
    x, unrelated = leaf(0.5), leaf(2.0)
    f = cr.sin(x)
    for _ in range(80):
        unrelated = unrelated * 1.01
    f = f * unrelated
    found = viz.explain(f, x)
    assert len(found.picture.nodes) == 4
    assert found.derivation.total() == pytest.approx(np.cos(0.5) * 2.0 * 1.01**80)


# -- routes -------------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn) -> Picture:
    count = draw(st.integers(1, 9))
    edges = []
    for key in range(1, count):
        sources = draw(st.lists(st.integers(0, key - 1), max_size=3))
        edges += [
            Edge(s, key, slot, Local("", number=draw(st.sampled_from([-2.0, 0.5, 3.0]))))
            for slot, s in enumerate(sources)
        ]
    nodes = tuple(Node(i, "operation" if i else "input", f"v{i}") for i in range(count))
    return Picture(nodes, tuple(edges))


@given(graphs())
def test_counting_is_listing(picture: Picture) -> None:
    last = len(picture.nodes) - 1
    routes = list_routes(picture, 0, last, 10**6)
    assert count_routes(picture, 0, last) == len(routes)
    assert len({tuple((e.source, e.target, e.slot) for e in r.edges) for r in routes}) == len(
        routes
    )
    on_routes = {k for r in routes for e in r.edges for k in (e.source, e.target)}
    assert between(picture, 0, last) == (on_routes or ({0} if last == 0 else set()))
    by_consumer = [r.edges[0] for r in routes if r.edges]
    assert set(consumers(picture, 0, last)) == set(by_consumer)


@given(graphs())
def test_products_over_routes_are_matrix_powers(picture: Picture) -> None:
    size = len(picture.nodes)
    matrix = np.zeros((size, size))
    for edge in picture.edges:
        assert edge.local is not None
        matrix[edge.target, edge.source] += edge.local.number
    total = np.linalg.inv(np.eye(size) - matrix)[size - 1, 0]
    products = [r.product() for r in list_routes(picture, 0, size - 1, 10**6)]
    assert sum(p for p in products if p is not None) == pytest.approx(total, rel=1e-9, abs=1e-9)


def test_one_element_is_the_sum_of_its_largest_terms() -> None:
    rng = np.random.default_rng(0)
    x = cr.tensor(rng.normal(size=(40, 3)))
    w = cr.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    z = x @ w
    loss = (z * z).sum()
    found = viz.explain(loss, w[2, 1])
    element = found.derivation.element
    assert element is not None
    gradient = 2 * x.numpy()[:, 2] * z.detach().numpy()[:, 1]
    assert element.index == (2, 1)
    assert (element.count, element.nonzero, len(element.terms)) == (40, 40, 5)
    assert element.total == pytest.approx(gradient.sum(), rel=1e-12)
    largest = sorted(gradient, key=abs)[::-1][:5]
    assert [t.product for t in element.terms] == pytest.approx(largest, rel=1e-12)
    text = found.text()
    assert "w[2, 1] moves 40 of 160 elements of z" in text
    assert "w̄ = xᵀ z̄   (40×3)ᵀ (40×4) → (3×4)" in text
    assert "5 of 40 terms" in text
    assert text.rstrip().endswith("agrees")
    assert r"\partial z" in found.latex() or r"{z}_k" in found.latex()
    assert "Σₖ" in found.html()


SAME_ELEMENT: list[Callable[[Any], Any]] = [
    lambda w: w[1, 0], lambda w: w[-1][0], lambda w: w.T[0, 1], lambda w: w.reshape(-1)[2],
    lambda w: w.unbind(0)[1][0], lambda w: w[1:].flatten()[0], lambda w: w.split(1)[1].squeeze()[0],
]  # fmt: skip


@pytest.mark.parametrize("pick", SAME_ELEMENT)
def test_an_element_may_be_picked_in_any_way(pick: Callable[[Any], Any]) -> None:
    w = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = (w * w).sum() + w[1, 0] * 5.0
    found = viz.explain(y, pick(w))
    element = found.derivation.element
    assert element is not None
    assert element.index == (1, 0)
    assert element.total == 11.0
    assert "2 terms: ∂y/∂w[1, 0] = 11" in found.text()


def test_an_element_twice_in_one_operation() -> None:
    w = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = (w @ w).sum()
    y.backward(retain_graph=True)
    element = viz.explain(y, w[0, 1]).derivation.element
    assert element is not None
    assert element.total == pytest.approx(w.grad[0, 1].item())


def test_terms_that_are_zero_are_counted_only() -> None:
    w = leaf([[1.0, -2.0]])
    x = cr.tensor([[1.0], [2.0], [-3.0]], dtype=cr.float64)
    y = (x @ w).relu().sum()
    text = viz.explain(y, w[0, 0]).text()
    assert "2 terms, 1 more is 0: ∂y/∂w[0, 0] = 3" in text


def test_what_is_no_element_is_said() -> None:
    w, other = leaf([[1.0, 2.0], [3.0, 4.0]]), leaf([5.0])
    y = (w * w).sum()
    with pytest.raises(ValueError, match=r"x is a part of w with shape \[2\]"):
        viz.explain(y, w[0])
    for x in (other[0], (w * 2)[0, 0], cr.ones(2)):
        with pytest.raises(ValueError, match="is not part of the graph of y"):
            viz.explain(y, x)


def test_words_on_request() -> None:
    x, y = leaf(2.0), leaf(3.0)
    f = (x + y) * x
    assert viz.explain(f, x).derivation.words == ()
    found = viz.explain(f, x, words=True)
    said = [
        "× (mul) swaps: each argument gets the gradient times the other one",
        "+ (add) copies the gradient to both arguments",
        "used more than once: x; there the gradients that come back are added up",
    ]
    assert list(found.derivation.words) == said
    for sentence in said:
        assert sentence in found.text()
        assert sentence in found.html()


def test_models_and_captured_programs() -> None:
    model, data = cr.nn.Linear(3, 1), cr.ones(2, 3)
    assert "∂out/∂weight" in viz.explain(model, model.weight, data).text()
    assert "∂out/∂input" in viz.explain(model, 0, data).text()
    graph = cr.capture(lambda a, b: a * b + a, cr.tensor(2.0), cr.tensor(3.0))
    derivation = viz.explain(graph, 0, cr.tensor(2.0), cr.tensor(3.0)).derivation
    assert derivation.total() == 4.0
    with pytest.raises(ValueError, match="a position among 2 inputs, got 2"):
        viz.explain(graph, 2, cr.tensor(2.0), cr.tensor(3.0))


def test_complex_numbers_have_no_product_of_numbers_but_a_check() -> None:
    z = cr.tensor(1 + 2j, requires_grad=True)
    w = (z * z.conj()).real
    found = viz.explain(w, z)
    assert found.derivation.total() is None
    assert "∂w/∂z = 2+4i" in found.text()
    assert "central difference along 0.6+0.8i" in found.text()
    assert found.derivation.check.agrees
    assert "y is complex" in viz.explain(z * z, z).text()


HONEST: list[tuple[str, Callable[[Any], Any], float, str]] = [
    ("domain", lambda x: x.sqrt(), 0.0, "no finite difference: y is nan at x − h"),
    ("nan", lambda x: x.log(), -1.0, "no finite difference: y is nan at x"),
    ("pole", lambda x: 1 / x, 0.0, "no finite difference: y is ∞ at x"),
    ("kink", lambda x: x.abs(), 0.0, "a kink: slope −1 to the left and 1 to the right"),
    ("flat", lambda x: x * x, 0.0, "agrees"),
    ("steep", lambda x: x.abs().sqrt(), 0.0, "no finite difference: the gradient is"),
]


@pytest.mark.parametrize(("name", "f", "at", "said"), HONEST, ids=[h[0] for h in HONEST])
def test_the_check_is_honest(name: str, f: Callable[[Any], Any], at: float, said: str) -> None:
    x = leaf(at)
    with np.errstate(all="ignore"):
        y = f(x)
    assert said in viz.explain(y, x).text()


def test_the_check_of_edited_leaves_and_of_random_draws() -> None:
    x = leaf([1.0, 2.0])
    y = (x.exp() * x).sum()
    with cr.no_grad():
        x.add_(1.0)
    text = viz.explain(y, x).text()
    assert "no finite difference: the gradient needs data that is gone: x was edited in" in text

    class Noisy(cr.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x + cr.rand(())

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    x = leaf(1.0)
    y = Noisy.apply(x) * 2.0
    before = cr.get_rng_state()
    assert "no finite difference: y comes out differently each time" in viz.explain(y, x).text()
    assert bool((cr.get_rng_state() == before).all())


def test_a_ladder_of_2_to_the_40_routes_is_quick() -> None:
    import time

    x = leaf(0.5)
    f = x
    for _ in range(40):
        f = f * 0.6 + f * 0.4
    start = time.perf_counter()
    found = viz.explain(f, x)
    text = found.text()
    assert time.perf_counter() - start < 2.0
    assert found.derivation.routes == 2**40
    assert f"{2**40:,}".replace(",", THIN_SPACE) + " routes, counted, not listed" in text
