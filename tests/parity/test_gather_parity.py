"""Gathering, scattering, masks and indexed writes against PyTorch: values, both gradients, errors.

Each text is run with both libraries (``m``), in float64 and float32.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

_RNG = np.random.default_rng(0)
INPUTS: dict[str, Any] = {
    "x": _RNG.normal(size=(3, 4)),
    "w": _RNG.normal(size=(3, 4)),
    "t": _RNG.normal(size=(2, 3, 4)),
    "v": _RNG.normal(size=4),
    "u": _RNG.normal(size=3),
    "s": _RNG.normal(size=()),
    "e": np.zeros((0, 3)),
    "n": np.array([np.nan, 1.0, -np.inf]),
    "o": np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 3.0]]),
    "i": np.array([[0, 2, 1, 0]]),
    "j": np.array([[0, 2], [3, 1], [1, 1]]),
    "k": np.array([2, 0, 2]),
    "d": np.array([2, 0]),
    "a": np.array([[1, 0], [0, 1], [1, 0]]),
    "h": np.array([1, 0], np.int32),
    "z": np.int64(1),
    "c": _RNG.integers(0, 9, (3, 4)),
    "b": np.array([[True, False, True, False], [False] * 4, [True] * 4]),
    "r": np.array([True, False, True]),
    "q": np.array([False, True, True, False]),
}

TEXTS = """
m.gather(x, 0, i)
x.gather(1, j)
m.gather(input=x, dim=-1, index=j)
m.gather(x, 1, j, sparse_grad=False)
m.gather(c, 1, j)
m.gather(b, 0, i)
m.gather(t, 1, m.zeros(2, 2, 4, dtype=m.int64))
m.gather(v, 0, h)
m.gather(s, 0, z * 0)
m.gather(s, 0, k * 0)
m.gather(v, 0, z)
m.gather(x, 0, k[:0])
m.gather(x, 0, k)
m.gather(x, 0, j)
m.gather(x, 1, j + 3)
m.gather(x, 1, j - 1)
m.gather(x, 1, j.float())
m.gather(x, 2, j)
x.T.gather(0, i.T)
x.scatter(0, i, w[:1])
x.scatter(0, i, w.detach())
x.scatter(1, j, w[:, :2])
x.scatter(1, j, w.detach())
x.scatter(1, d.expand(3, 2), 2.5)
x.scatter(dim=1, index=j, value=1)
c.scatter(0, i, 2.5)
c.scatter(0, i, c)
b.scatter(0, i, True)
x.scatter(0, i, w.double().half())
x.scatter(1, j, w[:, :1])
x.scatter(1, j + 9, 1.0)
x.scatter(1, k[:0], 1.0)
s.scatter(0, z * 0, s * 2)
x.scatter(0, k, v)
x.detach().scatter(1, j, 2.0, reduce="add")
x.detach().scatter(1, j, 2.0, reduce="multiply")
x.detach().scatter(1, j, 2.0, reduce="mean")
x.scatter_add(0, i, w[:1])
x.scatter_add(0, i, w.detach())
x.scatter_add(1, j, w[:, :2])
x.scatter_add(1, j, w.detach())
m.scatter_add(x, 1, j, w[:, :2])
c.scatter_add(1, j, c)
x.scatter_add(1, j, 1.0)
x.scatter_add(1, j + 7, w)
v.scatter_add(0, k, u)
x.index_select(0, k)
m.index_select(x, 1, d)
m.index_select(x, 1, z)
m.index_select(x, -1, h)
m.index_select(t, 1, d)
m.index_select(s, 0, k[1:2])
m.index_select(s, 0, k)
m.index_select(x, 0, k[:0])
m.index_select(x, 0, j)
m.index_select(x, 0, k + 5)
m.index_select(x, 0, k - 1)
m.index_select(x, 0, u)
m.index_select(e, 1, d)
x.index_add(0, k, w)
x.index_add(0, k, w, alpha=2)
x.index_add(1, d, w[:, :2], alpha=-0.5)
c.index_add(0, k, c)
x.index_add(0, d, w)
x.index_add(0, k, w[:, :2])
x.index_add(0, k + 5, w)
x.index_add(0, k, c)
v.index_add(0, z, v[:1])
x.index_copy(0, d, w[:2])
x.index_copy(1, d, w[:, 1:3])
x.index_copy(0, d, w)
x.index_copy(0, d + 7, w[:2])
x.index_copy(0, d, c[:2])
x.index_copy(0, z, w[0])
x.index_fill(0, d, 7)
x.index_fill(1, d - 1, -1.5)
x.index_fill(1, d, s)
x.index_fill(1, d, v)
x.index_fill(1, d + 8, 1)
c.index_fill(0, d, 7.5)
x.index_put((d,), w[0])
x.index_put((d,), s)
x.index_put((d, d), u[:2])
x.index_put((d, d), u[:2], accumulate=True)
x.index_put((k,), w, accumulate=True)
x.index_put((r,), s)
x.index_put([b], s, True)
x.index_put(d, s)
x.index_put((0,), s)
x.index_put((d + 5,), s)
x.index_put((d,), c[0])
m.index_put(x, (k,), s)
x.take(k)
m.take(x, j)
m.take(x, z)
m.take(x, -d)
m.take(x, d + 30)
m.take(x, u)
m.take(e, k)
m.take(e, k[:0])
m.take(s, k * 0)
m.take_along_dim(x, j, 1)
m.take_along_dim(x, i, 0)
m.take_along_dim(x, j)
m.take_along_dim(x, x.argmax(1, keepdim=True), dim=1)
m.take_along_dim(x, k, 0)
x.take_along_dim(x.argsort(0), 0)
x.put(k, u)
x.put(d, u[:2])
x.put(k, u, accumulate=True)
x.put(-d, u[:2])
x.put(k, v)
x.put(k + 20, u)
m.put(x, j, w[:, :2])
x.masked_fill(b, 0)
x.masked_fill(b, -float("inf"))
x.masked_fill(b, s)
x.masked_fill(q, 1.5)
v.masked_fill(b, 1.5)
m.masked_fill(x, r[:, None], True)
m.masked_fill(n, n != n, 0.0)
c.masked_fill(b, 2.7)
c.masked_fill(b, float("inf"))
c.masked_fill(b, s.detach())
b.masked_fill(b, 2)
x.masked_fill(b.byte(), 1)
x.masked_fill(b, v)
x.masked_fill(r, 1.0)
x.half().masked_fill(b, 1e9)
x.masked_fill(b, 1j)
s.masked_fill(b[0, 0], 2.0)
e.masked_fill(e > 0, 1.0)
x.masked_select(b)
m.masked_select(x, q)
m.masked_select(v, b)
m.masked_select(s, b[0, 0])
m.masked_select(x, b.byte())
m.masked_select(c, c > 4)
m.masked_select(x, r)
x.masked_scatter(b, w)
x.masked_scatter(q, w)
v.masked_scatter(b, w)
x.masked_scatter(b, v)
x.masked_scatter(b, c)
x.masked_scatter(b.byte(), w)
m.zeros(3).scatter_(0, d, 1.0)
(x * 2).scatter_(0, i, w[:1])
(x * 2).scatter_add_(0, i, w[:1])
(x * 2).scatter_reduce_(0, i, w[:1], "amax")
(x * 2).index_add_(0, k, w)
(x * 2).index_copy_(0, d, w[:2])
(x * 2).index_fill_(0, d, 3)
(x * 2).index_put_((d,), w[0])
(x * 2).index_put_((k,), w, accumulate=True)
(x * 2).put_(k, u)
(x * 2).masked_fill_(b, s)
(x * 2).masked_fill_(q, 1.0)
(v * 2).masked_fill_(b, 1.0)
(x * 2).masked_scatter_(b, w)
(x * 2)[1].masked_fill_(q, 0.0)
x.masked_fill_(b, 0.0)
x.scatter_(0, i, 1.0)
x.scatter_reduce(0, i, w, "add")
""".strip().splitlines()
REDUCTIONS = ["sum", "prod", "mean", "amax", "amin"]
for _reduce in REDUCTIONS:
    for _self in (True, False):
        _rest = f'"{_reduce}", include_self={_self})'
        TEXTS += [
            f"x.scatter_reduce(0, i, w[:1], {_rest}",
            f"x.scatter_reduce(1, j, w[:, :2], {_rest}",
        ]
        TEXTS += [f"v.scatter_reduce(0, k, u, reduce={_rest}", f"c.scatter_reduce(1, j, c, {_rest}"]
        TEXTS += [
            f"n.scatter_reduce(0, k, u, {_rest}",
            f"s.scatter_reduce(0, z * 0, s * 2, {_rest}",
        ]
        TEXTS += [f"m.ones(2).scatter_reduce(0, d * 0, m.ones(2), {_rest}"]
CASES = [pytest.param(text, id=text) for text in TEXTS]


def inputs_of(text: str, dtype: str) -> dict[str, Any]:
    used = [n for n in INPUTS if re.search(rf"\b{n}\b", text)]
    arrays = {n: np.asarray(INPUTS[n]) for n in used}
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", CASES)
def test_same(peers: Any, text: str, dtype: str) -> None:
    """Values, dtypes, shapes and two derivatives; or the class of the exception."""
    code = compile(text, text, "eval")
    order = 1 if dtype == "float32" and '"prod"' in text else 2  # differences of near equals
    inputs = inputs_of(text, dtype)
    peers.agree(lambda m, given: eval(code, {"m": m}, dict(given)), inputs, order=order)


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("reduce", ["prod", "amax", "amin"])
def test_zeros_and_ties(peers: Any, reduce: str, include_self: bool) -> None:
    """The gradient of a product through its zeros, and of an extreme that several attain."""

    def program(m: Any, given: dict[str, Any]) -> Any:
        start = given["o"][:2] * 0 + 1.0
        return start.scatter_reduce(0, given["a"], given["o"], reduce, include_self=include_self)

    inputs = {"o": INPUTS["o"], "a": INPUTS["a"]}
    peers.agree(program, inputs, order=1 if reduce == "prod" else 2)


def test_two_zeros_have_no_second_derivative(peers: Any) -> None:
    """Two zeros in one product: the first derivative is right, the second is refused by both."""
    for m in peers.modules:
        x = m.tensor([0.0, 0.0, 2.0], requires_grad=True)
        y = m.ones(1).scatter_reduce(0, m.tensor([0, 0, 0]), x, "prod")
        (g,) = m.autograd.grad(y.sum(), x, create_graph=True)
        assert g.tolist() == [0.0, 0.0, 0.0]
        with pytest.raises(RuntimeError, match="Double backward is unsupported"):
            g.sum().backward()


def test_scatter_with_reduce_has_no_gradient(peers: Any) -> None:
    """The old ``reduce`` argument computes, warns, and refuses to go back."""
    for m in peers.modules:
        x = m.ones(3, requires_grad=True)
        with pytest.warns(UserWarning, match="scatter_reduce") if m is not peers.torch else _none():
            y = x.scatter(0, m.tensor([1]), m.tensor([5.0]), reduce="add")
        assert y.tolist() == [1.0, 6.0, 1.0]
        assert y.requires_grad
        with pytest.raises(RuntimeError):
            y.sum().backward()


def _none() -> Any:
    """PyTorch gives this warning once in a process only."""
    import contextlib
    import warnings

    stack = contextlib.ExitStack()
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    return stack


@pytest.mark.parametrize("reduce", REDUCTIONS[1:])
@pytest.mark.parametrize("include_self", [True, False])
def test_index_reduce(peers: Any, reduce: str, include_self: bool) -> None:
    import warnings

    def program(m: Any, given: dict[str, Any]) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return given["x"].index_reduce(
                0, given["k"], given["w"], reduce, include_self=include_self
            )

    peers.agree(program, {n: INPUTS[n] for n in "xkw"}, order=0)


def test_edits_reach_views_and_bases(peers: Any) -> None:
    """An in-place scatter into a view is seen by the base, and differentiates."""

    def program(m: Any, given: dict[str, Any]) -> Any:
        base = given["x"] * 1
        base[1].scatter_(0, given["d"], given["w"][0, :2])
        base.T[0].masked_fill_(given["r"], 3.0)
        base[0:2].index_add_(1, given["k"], given["w"][:2, :3])
        return base

    peers.agree(program, {n: INPUTS[n] for n in "xdwrk"})


def test_src_larger_than_the_index(peers: Any) -> None:
    """PyTorch refuses this gradient; it is that of the part which is used, and zeros."""
    x = peers.tensor(peers.modules[0], INPUTS["x"])
    w = peers.tensor(peers.modules[0], INPUTS["w"])
    i = peers.tensor(peers.modules[0], INPUTS["i"])
    y = (x.scatter_add(0, i, w) * 2).sum()
    y.backward()
    assert w.grad.tolist() == [[2.0] * 4, [0.0] * 4, [0.0] * 4]


def test_scatter_value_has_no_gradient(peers: Any) -> None:
    def program(m: Any, given: dict[str, Any]) -> Any:
        return given["x"].scatter(0, given["i"], 5.0).sum(0) * given["v"]

    peers.agree(program, {n: INPUTS[n] for n in "xiv"})
