"""Reading and writing by every index form against PyTorch: values, gradients, views, errors."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr

_RNG = np.random.default_rng(0)
INPUTS: dict[str, Any] = {
    "x": _RNG.normal(size=(3, 4)),
    "t": _RNG.normal(size=(2, 3, 4)),
    "v": _RNG.normal(size=4),
    "s": _RNG.normal(size=()),
    "e": np.zeros((0, 3)),
    "i": np.array([2, 0, 2]),
    "j": np.array([[0, 1], [1, 0]]),
    "g": np.array([-1, -3]),
    "h": np.array([1, 0], np.int32),
    "c": np.array([0, 1, 1], np.uint8),
    "b": np.array([[True, False, True, False], [False] * 4, [True] * 4]),
    "r": np.array([True, False, True]),
    "q": np.array([False, True, True, False]),
    "z": np.int64(1),
    "f": np.zeros((2, 2)),
}

INDEXES = """
0
-1
3
-4
z
True
False
None
...
:
1:
:-1
::2
1:1
5:9
-2:
::-1
None, None
..., None
0, 0
0, -1
0, 4
0, 0, 0
:, 0
:, 1:3
1:, ::2
:, None
None, :, 0
..., 0
0, ...
i
i, i
i, 0
0, i
:, i
i, :
i, None
None, i
i[:, None], i
[0, 2]
[0, 2], [1, 3]
[[0, 1], [1, 0]]
(0, 1)
[True, False, True]
[]
j
j, j
j, 0
:, j
j, 1:3
g
g, g
h
c
b
~b
b, None
r
r, 0
r, :
r, i[:2]
:, q
r, q[:, None] if False else r, 0
None, r
b & b
x > 0
x[0] > 0
m.tensor(1)
m.tensor(True)
m.tensor(False)
m.tensor([], dtype=m.int64)
m.tensor([[]], dtype=m.int64)
range(2)
slice(None, 2)
m.tensor([5])
m.tensor([-4])
m.tensor([1.0])
1.0
"a"
m.zeros(2, dtype=m.bool)
m.zeros(3, 4, 1, dtype=m.bool)
i, j
v
0, r
z, i
i, ..., 0
[0, 1], :
z:
0, True
True, 0
""".strip().splitlines()
INDEXES_3D = """
0, 0, 0
:, 0
:, :, 1
..., 1:3
1, ..., ::2
0, :, i
i[:2] * 0, :, 1
:, i, 1
:, i
:, i, i
h, :, h
h, i[:2], h
h, 0, h
0, i, :
0, :, j
:, j, 0
j, :, j
j, 1
m.ones(2, 3, dtype=m.bool)
t > 0
t.sum(-1) > 0
:, r
:, :, q
:, r, 0
0, r
0, r, i[:2]
None, h, None, 1
h, None, :, 1
:, None, i
..., i, i
[0, 1], [0, 1], [2, 3]
[0, 1], 1, [2, 3]
0, [0, 1], [2, 3]
:, [0, 1], 1:3
m.tensor(0), :, m.tensor([1, 2])
0, m.tensor(1), :
""".strip().splitlines()
CALLS = [f"x[{index}]" for index in INDEXES] + [f"t[{index}]" for index in INDEXES_3D]
CALLS += ["s[...]", "s[None]", "s[()]", "s[0]", "s[True]", "s[False]", "s[m.tensor(True)]"]
CALLS += ["s[None, ..., None]", "e[0]", "e[:, 1]", "e[:0]", "e[e > 0]", "e[m.tensor([0])]"]
CALLS += ["e[[]]", "v[1:][1:]", "x[1:][0][::2]", "x.T[i]", "x.T[1:, r]", "v[v > 9]", "t[1][i, i]"]


# Not written to: nothing is selected (PyTorch then skips its checks), a mask of bytes (it refuses
# numbers), memory that the value shares (it refuses, we take a copy first).
NOT_WRITTEN = re.compile(r"False\]|False\)|\[c\]|^s\[m.tensor|tensor\(\[5|tensor\(\[-4")


def inputs_of(text: str, dtype: str) -> dict[str, Any]:
    used = [n for n in INPUTS if re.search(rf"\b{n}\b", text)]
    arrays = {n: np.asarray(INPUTS[n]) for n in used}
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()}


@pytest.mark.parametrize("text", CALLS)
def test_read(peers: Any, text: str) -> None:
    """Values and both derivatives, and whether the result is a view."""
    code = compile(text, text, "eval")

    def program(m: Any, given: dict[str, Any]) -> Any:
        out = eval(code, {"m": m}, dict(given))
        return out, out._is_view(), out._version

    peers.agree(program, inputs_of(text, "float64"))


@pytest.mark.parametrize("value", ["5", "s", "v", "row", "result * 2", "f"])
@pytest.mark.parametrize("text", [t for t in CALLS if not NOT_WRITTEN.search(t)])
def test_write(peers: Any, text: str, value: str) -> None:
    """Assignment of a number, a 0-d tensor, tensors that broadcast and that do not fit."""
    name = text[0]
    inputs = inputs_of(f"{text} {value}", "float64")
    if value == "row":
        inputs["row"] = np.array([[1.5]])

    def program(m: Any, given: dict[str, Any]) -> Any:
        scope = dict(given)
        scope[name] = scope[name] * 1  # not a leaf, which may not be edited
        if "result" in value:
            scope["result"] = eval(text, {"m": m}, scope).detach()
        source = scope[name]
        exec(f"{text} = {value}", {"m": m}, scope)
        assert scope[name] is source
        return source, source * source

    peers.agree(program, inputs)


WRITES = """
x[0] += 1
x[0] += v
x[:, 1] *= 2
x[i] += 1
x[b] = 0
x[b] += x[b]
x[b] = x[b] * 2
x[x > 0] *= -1
x[1:][0] = v
x[1:][0][1:3] = 7
x[0][0] = s
x.T[0] = 1
x.view(-1)[3:5] = s
x.view(4, 3)[:, 0] += 1
x.flatten()[2] = 5
x.T.reshape(-1)[2] = 5
x.select(1, 2).mul_(3)
x.narrow(0, 1, 2).add_(1)
x.narrow(0, 1, 2).zero_()
x.transpose(0, 1)[1].fill_(s)
x.unsqueeze(0).mul_(2)
x.permute(1, 0).sub_(1)
x[:1].expand(2, 4).add_(1)
x.diagonal().zero_() if hasattr(x, "diagonal") and False else x[0].zero_()
x.mul_(2); x[0] = 1; x.add_(x)
y = x[0]; x.mul_(2); y.add_(1)
y = x[0]; y.add_(1); x.mul_(y.sum())
y = x[1:]; z = y[0]; z.mul_(3); y.add_(1)
y = x.view(12); z = y[::2]; z.mul_(s); x.exp_()
y = x.T; y[1:, 0] = 0; w = y * x.T; w[0] = 1; x = w
y = x[0]; y += s; w = y * y
y = x.clone(); y[0] = 1; x = x * y
y = x.detach(); y[0] = 3
y = x[0].detach(); y.zero_()
y = x.data; y.zero_()
y = x * x; x[0] = 1; x = y
y = x.exp(); y[0] = 1
y = x.exp(); x[0] = 1; x = y
y = x.sin(); x[0] = 1; x = y
y = x.sum(); x[0] = 1; x = x * y
a, y, z = x.split(1); a.add_(1)
a, y, z = x.unbind(); y.zero_()
y = x.chunk(2)[1]; w = y * 2; x = w
x[0] = v; v = v * 2; x = x + v
x[0] = x[1]
x[:2] = x[1:].clone()
x[0] = x[0] * x[1]
x[[0, 1]] = x[[1, 0]]
x[i] = x[i]
x[z] = v[:, None]
x[0] = i
x[0] = 2.7
x[0] = True
x[1] = v.half()
i[0] = 1.7
i[0] = s
i[i > 0] = 9
i += 1
i += 1.5
b[0] = 2
b[0] = False
b &= ~b
x += v
x -= 1
x /= 2
x **= 2
x %= 0.7
v += x
x[0, 0] = v
x[3] = 1
x[0] = t
x["a"] = 1
x[0] = "a"
x[0] = None
x[0] = [1, 2, 3, 4]
x.fill_(s); x[1] = v
x.copy_(v); x[0] *= 2
x.copy_(t)
x.zero_(); x += v
t[:, 0] = x[:2]
t[..., 0] = s
t[0].mul_(x); t[:, 1] = v
t[h, i[:2]] = v
t[:, i] = 0
t[0, :, q] = s
t[t > 0] = 0
t.view(6, 4)[i] = v
s.mul_(2); s.add_(s)
s.fill_(3)
s[...] = 4
s[()] = v[0]
y = s[None]; y.mul_(3)
y = s.view(1); s.mul_(2); x = x * y
x.sub_(x[0].clone())
x[0].add_(x[1])
x.add_(x[:, :1].clone())
x.requires_grad_(); y = x[0]; y.mul_(2)
m.relu(x)[0].add_(1)
""".strip().splitlines()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", WRITES)
def test_edits(peers: Any, text: str, dtype: str) -> None:
    """Programs of edits, views and views of views: values, versions and gradients."""

    def program(m: Any, given: dict[str, Any]) -> Any:
        scope = {k: t * 1 if t.requires_grad else t.clone() for k, t in given.items()}
        exec(text, {"m": m}, scope)
        edited = [scope[k] for k in given if scope[k].requires_grad or not scope[k].ndim]
        return edited, [scope[k]._version for k in given]

    refusals = refused(peers, program, inputs_of(text, dtype))
    if any(refusals):  # a saved value was edited: then both refuse to go back
        assert refusals == [True, True]
    else:
        peers.agree(program, inputs_of(text, dtype), order=1)


# PyTorch refuses these (a saved value was edited, or the base of one of several views); here they
# are recorded rightly, as finite differences say.
FURTHER = """
x *= x
x.squeeze().mul_(x)
y = x.split(2)[0]; x.mul_(2); x = x.sum() + y.sum()
y, z, w = x.unbind(); x.exp_(); x = y * z + w
""".strip().splitlines()


@pytest.mark.parametrize("text", FURTHER)
def test_further_than_pytorch(peers: Any, text: str) -> None:
    def program(m: Any, given: dict[str, Any]) -> Any:
        scope = {k: t * 1 for k, t in given.items()}
        exec(text, {"m": m}, scope)
        return scope["x"]

    inputs = inputs_of("x", "float64")
    theirs = peers.tensor(peers.torch, inputs["x"])
    with pytest.raises(RuntimeError, match="inplace"):
        program(peers.torch, {"x": theirs}).sum().backward()
    ours = peers.tensor(cr, inputs["x"])
    assert cr.autograd.gradcheck(lambda x: program(cr, {"x": x}), (ours,))


def refused(peers: Any, program: Any, inputs: dict[str, Any]) -> list[bool]:
    """Whether going back raises, in each of the libraries."""
    outcome = []
    for m in peers.modules:
        given = {k: peers.tensor(m, v) for k, v in inputs.items()}
        try:
            results = peers.flat(program(m, given))
        except (RuntimeError, IndexError, TypeError, ValueError):
            return []  # the program itself raises
        try:
            for t in results:
                t.sum().backward(retain_graph=True)
        except RuntimeError as error:
            outcome.append("modified by an inplace operation" in str(error))
        else:
            outcome.append(False)
    return outcome


@st.composite
def indexes(draw: Any, shape: tuple[int, ...] = (2, 3, 4)) -> str:
    """The text of an index of a tensor of this shape; it fits more often than not."""
    parts = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        numbers = st.integers(-n, n - 1)
        ends = st.one_of(st.just(""), st.integers(-n - 1, n + 1).map(str))
        parts.append(
            draw(
                st.one_of(
                    numbers.map(str),
                    st.tuples(ends, ends, st.sampled_from(["", "1", "2"])).map(":".join),
                    st.lists(numbers, min_size=1, max_size=3).map(lambda v: f"m.tensor({v})"),
                    st.lists(st.booleans(), min_size=n, max_size=n).map(lambda v: f"m.tensor({v})"),
                    st.just("None"),
                    st.just(":"),
                )
            )
        )
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), "...")
    return ", ".join(parts) or "..."


@given(index=indexes(), value=st.sampled_from(["5", "s", "t.sum(0)", "v"]))
def test_random_indexes(peers: Any, index: str, value: str) -> None:
    def program(m: Any, given: dict[str, Any]) -> Any:
        scope = dict(given)
        out = eval(f"t[{index}]", {"m": m}, scope)
        scope["t"] = scope["t"] * 1
        exec(f"t[{index}] = {value}", {"m": m}, scope)
        return out, scope["t"], out._is_view()

    peers.agree(program, inputs_of("t s v", "float64"), order=1)
