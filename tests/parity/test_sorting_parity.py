"""Sorting and distinct elements against PyTorch: order, ties, nan, gradients, errors, text."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from hypothesis import given as drawn
from hypothesis import strategies as st

import chainrule as cr

_RNG = np.random.default_rng(0)
INPUTS: dict[str, Any] = {
    "x": _RNG.normal(size=(3, 4)),
    "t": _RNG.normal(size=(2, 3, 4)),
    "v": _RNG.normal(size=7),
    "s": _RNG.normal(size=()),
    "e": np.zeros((0, 3)),
    "n": np.array([3.0, np.nan, 1.0, -np.inf, 3.5, np.inf, np.nan]),
    "g": np.array([2.0, 1.0, 2.0, 1.0, 2.0]),
    "o": np.array([0.0, -0.0, 1.0]),
    "c": _RNG.integers(0, 4, (4, 3)),
    "r": np.array([[1, 2], [1, 2], [0, 5], [1, 2]]),
    "b": np.array([True, False, True]),
    "l": np.array([1, 1, 2, 2, 2, 1]),
    "p": np.array([1.0, 1.0, np.nan, np.nan]),
}
TEXTS = """
m.sort(x)
x.sort(0)
x.sort(-1, True)
x.sort(dim=0, descending=True)
x.sort(axis=0)
m.sort(x, stable=True)
m.sort(x, dim=0, descending=True, stable=True)
t.sort(1)
s.sort()
s.sort(1)
e.sort(0)
e.sort(1)
m.sort(n)
m.sort(n, descending=True)
m.sort(g)
m.sort(g, descending=True)
m.sort(b)
c.sort(0)
x.sort(2)
m.sort([1.0])
x.sort().values * 2
x.sort(0)[0].cumsum(0)
m.argsort(x)
x.argsort(0, True)
m.argsort(g, descending=True, stable=True)
m.argsort(n)
s.argsort()
m.msort(x)
m.msort(s)
m.topk(x, 2)
x.topk(k=1, dim=0)
x.topk(3, -1, False)
x.topk(2, largest=False)
t.topk(2, 1)
s.topk(1)
v.topk(0)
v.topk(7)
v.topk(8)
v.topk(-1)
c.float().topk(1, 1).values
n.topk(1).values
n.topk(4, largest=False)
b.topk(1)
x.topk(1, 5)
m.unique(c)
m.unique(x.detach())
m.unique(g.detach(), return_inverse=True)
m.unique(g.detach(), return_counts=True)
m.unique(g.detach(), True, True, True)
m.unique(n.detach(), return_inverse=True, return_counts=True)
m.unique(o.detach(), return_counts=True)
m.unique(b, return_counts=True)
m.unique(e.detach())
m.unique(s.detach(), return_inverse=True)
m.unique(r, dim=0)
m.unique(r, dim=0, return_inverse=True, return_counts=True)
m.unique(r, dim=1, return_inverse=True)
m.unique(r.T, dim=1)
m.unique(t.detach(), dim=1)
m.unique(e.detach(), dim=0)
m.unique(e.detach(), dim=1)
m.unique(s.detach(), dim=0)
m.unique(r, dim=2)
c.unique(sorted=True)
m.unique_consecutive(l)
m.unique_consecutive(l, return_inverse=True, return_counts=True)
m.unique_consecutive(p.detach(), return_counts=True)
m.unique_consecutive(r, dim=0, return_inverse=True, return_counts=True)
l.unique_consecutive(True)
m.unique_consecutive(s.detach(), return_counts=True)
m.unique_consecutive(e.detach(), return_inverse=True)
m.isin(c, l)
m.isin(c, 2)
m.isin(2, c)
m.isin(2, 3)
m.isin(elements=c, test_elements=l, invert=True)
m.isin(n.detach(), n.detach())
m.isin(c, l[:0])
""".strip().splitlines()
CASES = [pytest.param(text, id=text) for text in TEXTS]


def inputs_of(text: str, dtype: str) -> dict[str, Any]:
    used = [n for n in INPUTS if re.search(rf"\b{n}\b", text)]
    arrays = {n: np.asarray(INPUTS[n]) for n in used}
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", CASES)
def test_same(peers: Any, text: str, dtype: str) -> None:
    code = compile(text, text, "eval")
    peers.agree(
        lambda m, given: eval(code, {"m": m}, dict(given)),
        inputs_of(text, dtype),
        zeros=False,
    )


@drawn(st.lists(st.sampled_from([0.0, 1.0, 2.0, -1.0, float("nan"), float("inf")]), max_size=12))
def test_any_line(peers: Any, values: list[float]) -> None:
    """Equals keep their order both ways; nan is the largest."""
    for m in ("float32", "float64"):
        a = np.asarray(values, m)
        for descending in (False, True):
            ours = cr.sort(cr.tensor(a), 0, descending)
            theirs = peers.torch.sort(
                peers.torch.tensor(a), dim=0, descending=descending, stable=True
            )
            assert ours.indices.tolist() == theirs.indices.tolist()
            np.testing.assert_array_equal(ours.values.numpy(), theirs.values.numpy())


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [1, 5, 300])
def test_topk_of_long_lines(peers: Any, k: int, largest: bool) -> None:
    """Long lines are partitioned: the same values, and of equals the first ones."""
    rng = np.random.default_rng(1)
    for a in (rng.normal(size=(2, 5000)), rng.integers(0, 50, (2, 5000)).astype(np.float64)):
        ours = cr.topk(cr.tensor(a), k, largest=largest)
        theirs = peers.torch.topk(peers.torch.from_numpy(a), k, largest=largest)
        np.testing.assert_array_equal(ours.values.numpy(), theirs.values.numpy())
        whole = cr.sort(cr.tensor(a), 1, largest)
        np.testing.assert_array_equal(ours.indices.numpy(), whole.indices.numpy()[:, :k])


def test_text(peers: Any) -> None:
    """The named tuples print as PyTorch's."""
    for text in ("m.sort(x)", "m.topk(x, 1)", "m.sort(x[0])"):
        ours, theirs = (
            repr(eval(text, {"m": m, "x": m.tensor([[2.0, 1.0], [3.0, 4.0]])}))
            for m in peers.modules
        )
        assert ours == theirs


def test_unique_refuses_to_go_back(peers: Any) -> None:
    """Neither has a derivative of unique: the values require grad, and backward raises."""
    for m in peers.modules:
        for call in (m.unique, m.unique_consecutive):
            x = m.tensor([2.0, 1.0, 2.0], requires_grad=True)
            values = call(x)
            assert values.requires_grad
            with pytest.raises(NotImplementedError, match="derivative for"):
                values.sum().backward()


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float16", "bfloat16", "int64", "bool"])
def test_other_types(peers: Any, dtype: str) -> None:
    outs = []
    for m in peers.modules:
        x = m.tensor([3, 1, 2, 1, 0]).to(getattr(m, dtype))
        values, indices = m.sort(x, dim=0, stable=True)
        outs.append((repr(values.dtype), indices.tolist(), values.float().tolist()))
    assert outs[0] == outs[1]
