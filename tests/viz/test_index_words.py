"""An element or a part of a tensor is written with its index: P[0], x[:, 1]."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule import viz

X = cr.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
PARTS = [
    (lambda x: x[0], "x[0]"),
    (lambda x: x[-1], "x[-1]"),
    (lambda x: x[1:], "x[1:]"),
    (lambda x: x[:, 1], "x[:, 1]"),
    (lambda x: x[::2], "x[::2]"),
    (lambda x: x[None], "x[None]"),
    (lambda x: x[..., 0], "x[:, 0]"),
    (lambda x: x[cr.tensor([0, 2])], "x[…]"),
    (lambda x: (x + x)[0], "(x + x)[0]"),
    (lambda x: cr.exp(x)[0], "exp(x)[0]"),
]


@pytest.mark.parametrize(("part", "words"), PARTS)
def test_an_index_as_it_was_typed(part, words: str) -> None:
    figure = viz.draw(part(X).sum(), names={"x": X})
    assert f"Σ({words})" in str(figure)
    assert "get_index" not in str(figure)
