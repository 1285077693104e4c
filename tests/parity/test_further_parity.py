"""Small functions that published programs call, against PyTorch."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import chainrule as cr
from chainrule.autograd.methods import FUNCTIONS, RENAMED

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:chainrule")

_RNG = np.random.default_rng(0)
INPUTS: dict[str, Any] = {
    "x": _RNG.normal(size=(2, 3)),
    "y": _RNG.normal(size=(4, 2)),
    "A": _RNG.normal(size=(3, 3)),
    "v": _RNG.normal(size=3),
    "w": _RNG.normal(size=4),
    "t": _RNG.normal(size=(2, 3, 4)),
    "k": np.array([[0, 3], [5, 0]]),
    "s": np.asarray(2.0),
}
TEXTS = """
m.argwhere(k)
m.argwhere(s.detach())
k.argwhere()
m.nonzero_static(k, size=3)
m.nonzero_static(k, size=1, fill_value=7)
k.nonzero_static(size=-1)
m.unravel_index(k, (2, 4))
m.unravel_index(k, 7)
m.unravel_index(x, (2, 4))
m.unravel_index(k, (-2, 4))
m.scalar_tensor(3)
m.scalar_tensor(2.5, dtype=m.int64)
m.range(1, 3)
m.range(0, 1, 0.25)
m.logspace(0, 2, 3)
m.logspace(-1, 1, 4, base=2, dtype=m.float64)
m.logspace(0, 1, 1), m.logspace(0, 1, 0)
m.logspace(0, 1, -1)
m.empty_strided((2, 3), (1, 2)).stride()
m.empty_strided((2, 3), (1,))
m.empty_permuted((2, 3, 4), (2, 0, 1)).stride()
x.new_empty_strided((2, 2), (1, 2)).dtype
m.frombuffer(bytearray([1, 2, 3, 4]), dtype=m.int16)
m.frombuffer(bytearray([1, 2, 3, 4]), dtype=m.uint8, count=2, offset=1)
m.frombuffer(bytearray([1, 2, 3]), dtype=m.int16)
m.frombuffer(bytearray([1, 2, 3]), dtype=m.uint8, offset=3)
m.frombuffer(bytearray([1, 2, 3]), dtype=m.uint8, count=9)
m.frombuffer(bytearray(), dtype=m.uint8)
x.new([1.0, 2.0])
x.new(2, 3).shape
m.frobenius_norm(x, dim=(0, 1))
m.frobenius_norm(x, dim=(1,), keepdim=True)
m.nuclear_norm(A)
m.norm_except_dim(x, 2, 0)
m.norm_except_dim(t, 2, 1)
m.norm_except_dim(v, 2, 0)
m.norm_except_dim(x, 2, -1)
m.renorm(x, 2, 0, 1.0)
m.renorm(t, 1, 1, 0.5)
x.renorm(2, 1, 100.0)
m.renorm(v, 2, 0, 1.0)
m.renorm(x, 0, 0, 1.0)
m.renorm(x, 2, 0, -1.0)
m.split_with_sizes(w, [1, 3])
t.split_with_sizes([1, 2], 1)
m.split_with_sizes(w, [1, 2])
m.unsafe_chunk(w, 2)
m.unsafe_split(w, 3)
w.unsafe_split_with_sizes([1, 3])
x.sum_to_size(1, 3)
t.sum_to_size((3, 1))
s.sum_to_size(())
x.sum_to_size(2, 2)
v.sum_to_size(2, 3)
v.broadcast_to((2, 3))
m.constant_pad_nd(x, (1, 0), 2.0)
m.fill(x, 3)
m.fill(x, s)
m.detach(x)
m.pdist(x)
m.pdist(y, 1.0)
m.pdist(y, p=3)
m.pdist(v)
m.pdist(x, -1)
m.nn.functional.pdist(y)
x.to_dense()
x.is_same_size(A), s.detach().is_nonzero()
A.is_nonzero()
m.select_scatter(x, v, 0, 1)
x.select_scatter(w[:2], 1, -1)
m.select_scatter(x, w, 0, 1)
m.select_scatter(x, v, 5, 1)
m.slice_scatter(y, x[:, :2], start=1, end=3)
y.slice_scatter(x[:, :2], 0, 0, 4, 2)
m.slice_scatter(t, t[:, :, :2] * 2, -1, -2)
m.slice_scatter(y, x)
m.diagonal_scatter(A, v)
m.diagonal_scatter(A, v[:2], 1)
t.diagonal_scatter(y, 0, 1, 0)
m.diagonal_scatter(A, w)
m.as_strided_scatter(w, v[:2], (2,), (2,))
w.as_strided_scatter(v[:2], (2,), (2,), 1)
""".strip().splitlines()
# Edits of ``z``, a copy of an input.
EDITS = """
A: z.fill_diagonal_(5.0)
y: z.fill_diagonal_(1.0)
y: z.fill_diagonal_(1.0, wrap=True)
v: z.fill_diagonal_(1.0)
t: z.fill_diagonal_(1.0)
x: z.t_()
x: z.t_().mul_(2)
t: z.transpose_(0, 2).add_(1)
t: z.swapaxes_(0, 1)
t: z.swapdims_(0, 1)
x: z.unsqueeze_(1).exp_()
x: z.unsqueeze_(0).squeeze_(0)
x: z.unsqueeze_(0).squeeze_()
t: z.t_()
x: z.renorm_(2, 0, 1.0)
x: z.clamp_max_(0.2).clamp_min_(-0.2)
x: z.abs_().polygamma_(1)
x: z.greater_(0)
x: z.less_equal_(0)
x: z.not_equal_(0)
x: m.exp_(z)
x: m.neg_(z)
x: m.zero_(z)
x: m.fill_(z, 2.0)
x: m.round_(z)
""".strip().splitlines()


def run(peers: Any, text: str, program: Any) -> None:
    used = {n: a for n, a in INPUTS.items() if re.search(rf"(?<![.\w]){n}\b(?!=)", text)}

    def quiet(m: Any, given: dict[str, Any]) -> Any:
        with warnings.catch_warnings():  # of old names, for which PyTorch warns once a process
            warnings.simplefilter("ignore")
            return program(m, given)

    # as_strided_scatter: PyTorch's gradient of the input is that of the places written over
    plain = "as_strided_scatter" in text or any(n in text for n in RENAMED)
    once = "pdist" in text  # whose second derivative PyTorch lacks
    peers.agree(quiet, used, order=0 if plain else 1 if once else 2)


@pytest.mark.parametrize("text", TEXTS)
def test_same(peers: Any, text: str) -> None:
    """Values, dtypes, shapes and two derivatives; or the exception's class."""
    run(peers, text, lambda m, given: eval(text, {"m": m}, dict(given)))


@pytest.mark.parametrize("text", EDITS)
def test_edits(peers: Any, text: str) -> None:
    """In-place forms: what the tensor has become, and its gradients."""
    name, _, edit = text.partition(": ")

    def program(m: Any, given: dict[str, Any]) -> Any:
        z = given[name] * 1.5
        eval(edit, {"m": m, "z": z})
        return z, z.stride(), z * 2

    run(peers, f"{name} {edit}", program)


def test_gradient_of_as_strided_scatter() -> None:
    """Central differences."""
    w, v = (cr.tensor(INPUTS[n], requires_grad=True) for n in "wv")
    assert cr.autograd.gradcheck(
        lambda w, v: cr.as_strided_scatter(w, v[:2], (2,), (2,), 1).exp(), (w, v)
    )


def test_names() -> None:
    """The twins that are functions too edit their argument and give it back."""
    for name in ("exp_", "zero_", "ceil_"):
        x = cr.rand(3)
        assert getattr(cr, name)(x) is x
    assert all(hasattr(cr, name) for name in FUNCTIONS.split())
    assert all(hasattr(cr.Tensor, name) for name in RENAMED)
