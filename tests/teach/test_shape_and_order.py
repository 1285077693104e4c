"""check.shape and check.order."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.teach import check


@pytest.mark.parametrize(
    ("mine", "of"),
    [
        ((3, 4), (3, 4)),
        ([3, 4], cr.ones(3, 4)),
        (cr.ones(3, 4).shape, np.ones((3, 4))),
        ("3×4", (3, 4)),
        ("(3, 4)", (3, 4)),
        (5, (5,)),
        ((), 1.0),
        (cr.ones(2), (2,)),
        (np.int64(5), ()),
    ],
)
def test_right_shapes(mine, of) -> None:
    assert check.shape(mine, of=of)


SHAPES = [
    ((4, 3), (3, 4), "transposed"),
    ((4, 2, 3), (2, 3, 4), "the axes are in another order"),
    ((4,), (3, 4), "an axis is missing"),
    ((1, 3, 4), (3, 4), "an axis of size 1 too many"),
    ((3,), (3, 1), "an axis of size 1 too few"),
    ((1, 3), (3, 1), "transposed"),
    ((3, 5), (3, 4), "axis 1 has another size"),
    (12, (3, 4), "12 is the number of elements"),
    (2, (3, 4), "2 is the number of axes"),
    ((), (3, 4), "the shape of one number"),
    ((3, 4), (), "it is one number"),
    ((5, 6), (3, 4), "that is not the one"),
    ("three", (3, 4), "not 'three'"),
    (3.5, (3, 4), "a tuple of sizes"),
    ((3.5, 2), (3, 4), "whole numbers"),
    (True, (1,), "a tuple of sizes"),
]


@pytest.mark.parametrize(("mine", "of", "words"), SHAPES)
def test_wrong_shapes_and_the_words(mine, of, words: str) -> None:
    result = check.shape(mine, of=of)
    assert result.verdict == "not right"
    assert words in result.text


def test_shapes_open_and_misused() -> None:
    assert check.shape(..., of=(3, 4)).verdict == "not yet"
    assert check.shape((..., 4), of=(3, 4)).verdict == "not yet"
    assert check.shape((3, 4), of=...).verdict == "not yet"
    with pytest.raises(TypeError, match="a tensor, an array or a shape"):
        check.shape((3, 4), of="3×4")


def lecture() -> dict[str, cr.Tensor]:
    x = cr.tensor(-2.0, requires_grad=True, name="x")
    y = cr.tensor(5.0, requires_grad=True, name="y")
    z = cr.tensor(-4.0, requires_grad=True, name="z")
    q = x + y
    q.name = "q"
    f = q * z
    f.name = "f"
    return {"x": x, "y": y, "z": z, "q": q, "f": f}


ORDERS = [
    ("x y q z f", "forward", ""),
    ("z y x q f", "forward", ""),
    ("f q z y x", "backward", ""),
    ("f z q x y", "backward", ""),
    ("q x y z f", "forward", "q stands before x, and q is made from x"),
    ("x y f z q", "forward", "f stands before z, and f is made from z"),
    ("f x q y z", "backward", "x stands before q, and x gets gradient from q"),
    ("f q z y x", "forward", "the other way round: forward goes inputs first"),
    ("x y z q f", "backward", "the other way round: backward goes results first"),
    ("x y q f", "forward", "missing: z"),
    ("x y z q q f", "forward", "q is repeated"),
    ("x y z w q f", "forward", "'w' is not in this graph"),
    ("f", "forward", "missing: x, y, z, …"),
]


@pytest.mark.parametrize("form", ["names", "tensors", "text"])
@pytest.mark.parametrize(("names", "direction", "words"), ORDERS)
def test_orders(form: str, names: str, direction, words: str) -> None:
    g = lecture()
    given = {
        "names": names.split(),
        "tensors": [g.get(n, n) for n in names.split()],
        "text": names.replace(" ", ", "),
    }
    result = check.order(given[form], of=g["f"], direction=direction)
    assert result.verdict == ("not right" if words else "right")
    assert words in result.text


def test_orders_with_the_names_of_the_callers_variables() -> None:
    a = cr.tensor(1.0, requires_grad=True)
    b = a + a
    c = b * a
    assert check.order([a, b, c], of=c)
    result = check.order(["b", "a", "c"], of=c)
    assert "b stands before a" in result.text
    result = check.order([a, b * 1, c], of=c)
    assert "Number 2 of your list is not in this graph" in result.text


def test_orders_of_the_engines_own_nodes() -> None:
    a = cr.tensor(1.0, requires_grad=True)
    c = (a + a) * a
    from chainrule.autograd import toposort

    nodes = toposort([c._node])
    assert check.order(nodes, of=c, direction="backward")
    assert not check.order(nodes[::-1], of=c, direction="backward")
    assert "missing" in check.order([nodes[0], nodes[2]], of=c, direction="backward").text


class Own:
    __slots__ = ("label", "parents")
    __hash__ = None  # type: ignore[assignment]  # a learner's class may well compare by value

    def __init__(self, label: str, *parents: Own) -> None:
        self.label, self.parents = label, parents

    def __eq__(self, other: object) -> bool:
        return True


def test_orders_of_a_learners_own_nodes() -> None:
    a = Own("a")
    b = Own("b", a, a)
    c = Own("c", b, a)

    def inputs(node: Own) -> tuple[Own, ...]:
        return node.parents

    assert check.order([a, b, c], of=c, inputs=inputs)
    assert check.order([c, b, a], of=c, inputs=inputs, direction="backward")
    result = check.order([b, a, c], of=c, inputs=inputs)
    assert "b stands before a, and b is made from a" in result.text
    result = check.order([b, c], of=c, inputs=inputs)
    assert "missing: a" in result.text
    result = check.order([a, a, b, c], of=c, inputs=inputs)
    assert "a is repeated" in result.text
    result = check.order([a, b, c, Own("d")], of=c, inputs=inputs)
    assert "not in this graph" in result.text
    result = check.order(["b", "a", "c"], of=c, inputs=inputs, label=lambda n: n.label)
    assert "b stands before a" in result.text


def test_a_long_chain_is_no_trouble() -> None:
    t = first = cr.tensor(1.0, requires_grad=True)
    chain = [t]
    for _ in range(3000):
        t = t * 1.0
        chain.append(t)
    assert check.order(chain, of=t)
    assert not check.order([*chain[:1500], *chain[1501:], chain[1500]], of=t)
    assert first.grad is None


@pytest.mark.parametrize("mine", [..., None, ["x", ...], lambda: ...])
def test_open_orders(mine) -> None:
    assert check.order(mine, of=lecture()["f"]).verdict == "not yet"


def test_strange_orders_and_misuse() -> None:
    f = lecture()["f"]
    assert "A list is asked for" in check.order(3, of=f).text
    assert "A list is asked for" in check.order(f, of=f).text
    assert "empty" in check.order([], of=f).text
    assert "not in this graph" in check.order([[1], {}], of=f).text
    assert "raised ValueError" in check.order(lambda: int("a"), of=f).text
    with pytest.raises(TypeError, match="inputs= is needed"):
        check.order([1], of=3.0)
    with pytest.raises(ValueError, match="direction"):
        check.order([f], of=f, direction="sideways")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing was recorded"):
        check.order([f], of=cr.tensor(1.0))
