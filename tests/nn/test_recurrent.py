"""Recurrent layers: the fused operation against its formulas, packing, errors."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.autograd import gradcheck, gradgradcheck, registry
from chainrule.autograd.ops import recurrent_formulas

OP = registry["recurrent"]
GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}
EVEN, UNEVEN = (2, 2, 2), (3, 2, 2, 1)
CALLS = [
    (cell, sizes, reverse, bias, projected)
    for cell in GATES
    for sizes in (EVEN, UNEVEN)
    for reverse in (False, True)
    for bias, projected in ((True, False), (False, False), (True, True))
    if cell == "lstm" or not projected
]


def arguments(cell: str, sizes: Any, bias: bool, projected: bool) -> list[Any]:
    """Input, states and parameters of one layer."""
    rng = np.random.default_rng(3)
    width, hidden, out = 2, 3, 2 if projected else 3
    rows, n = GATES[cell] * hidden, sizes[0]
    shapes: list[Any] = [
        (sum(sizes), width), (n, out), (n, hidden) if cell == "lstm" else None, (rows, width),
        (rows, out), (rows,) if bias else None, (rows,) if bias else None,
        (out, hidden) if projected else None,
    ]  # fmt: skip
    return [None if s is None else cr.from_numpy(rng.normal(size=s)) for s in shapes]


def bound(call: Any) -> tuple[Any, list[Any]]:
    """The differentiable results as a function of the given tensors, and these."""
    cell, sizes, reverse, bias, projected = call
    args = arguments(cell, sizes, bias, projected)

    def function(*given: Any) -> Any:
        left = iter(given)
        full = [None if a is None else next(left) for a in args]
        return OP.call(*full, cell, reverse, sizes)[:-1]

    return function, [a.requires_grad_() for a in args if a is not None]


@pytest.mark.parametrize(
    "call",
    [
        ("rnn_tanh", (2, 1), True, True, False),
        ("rnn_relu", EVEN, False, False, False),
        ("lstm", (2, 1), True, True, True),
        ("lstm", (1, 1), False, False, False),
        ("gru", (2, 1), False, True, False),
        ("gru", (1, 1), True, False, False),
    ],
    ids=str,
)
def test_gradients(call: Any) -> None:
    """Backward through time, and its own backward, against finite differences."""
    function, inputs = bound(call)
    assert gradcheck(function, inputs, atol=1e-7, rtol=1e-6)
    assert gradgradcheck(function, inputs, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_fused_is_its_formula(call: Any) -> None:
    """The kernels on arrays and the small operations give the same values and gradients."""
    cell, sizes, reverse, bias, projected = call
    args = arguments(cell, sizes, bias, projected)
    given = [a.requires_grad_() for a in args if a is not None]
    fused = OP.call(*args, cell, reverse, sizes)[:-1]
    seq, h, c, _ = recurrent_formulas.forward(cell, *args, reverse, sizes)
    plain = (seq, h) if c is None else (seq, h, c)
    seeds = [cr.ones_like(o) * (k + 1) for k, o in enumerate(plain)]
    first = cr.autograd.grad(fused, given, seeds, retain_graph=True)
    second = cr.autograd.grad(plain, given, seeds)
    recorded = cr.autograd.grad(fused, given, seeds, create_graph=True)
    for a, b in zip((*fused, *first, *first), (*plain, *second, *recorded), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-10, 1e-12)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_packed_is_each_sequence_alone(kind: Any) -> None:
    layer = kind(3, 4, 2, bidirectional=True).double()
    parts = [cr.randn(n, 3, dtype=cr.float64) for n in (2, 5, 1, 3)]
    packed, last = layer(nn.utils.rnn.pack_sequence(parts, enforce_sorted=False))
    for k, (part, out) in enumerate(zip(parts, nn.utils.rnn.unpack_sequence(packed), strict=True)):
        alone, end = layer(part)
        assert cr.allclose(out, alone)
        pairs = zip(last, end, strict=True) if kind is nn.LSTM else [(last, end)]
        assert all(cr.allclose(a[:, k], b) for a, b in pairs)


@pytest.mark.parametrize(
    ("kind", "cell"), [(nn.RNN, nn.RNNCell), (nn.LSTM, nn.LSTMCell), (nn.GRU, nn.GRUCell)]
)
def test_cells_are_the_layers_steps(kind: Any, cell: Any) -> None:
    layer, one = kind(3, 4), cell(3, 4)
    one.load_state_dict({k[:-3]: v for k, v in layer.state_dict().items()})
    x, state = cr.randn(5, 2, 3), None
    out, _ = layer(x)
    for t in range(5):
        state = one(x[t], state)
        h = state[0] if kind is nn.LSTM else state
        assert cr.allclose(out[t], h, atol=1e-6)


def test_an_edited_output_is_noticed() -> None:
    out, _ = nn.GRU(2, 3)(cr.randn(4, 1, 2))
    out.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        out.sum().backward()


def test_twice_backward_and_freed() -> None:
    layer = nn.LSTM(2, 3)
    out, _ = layer(cr.randn(4, 1, 2))
    loss = out.sum()
    loss.backward(retain_graph=True)
    once = layer.weight_hh_l0.grad.clone()
    loss.backward()
    assert cr.allclose(layer.weight_hh_l0.grad, 2 * once)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_captured() -> None:
    """Forward and backward as one program, which runs again on other inputs."""
    layer = nn.GRU(2, 3).double()

    def program(x: Any) -> Any:
        out, _ = layer(x)
        return cr.autograd.grad((out * out).sum(), [x, layer.weight_hh_l0])

    graph = cr.capture(program, cr.ones(4, 1, 2, dtype=cr.float64).requires_grad_())
    assert {"recurrent", "recurrent_back"} <= {eq.op.name for eq in graph.equations}
    x = cr.randn(4, 1, 2, dtype=cr.float64).requires_grad_()
    for a, b in zip(graph.run(x), program(x), strict=True):
        assert cr.allclose(a, b)


def test_copies_and_pickles() -> None:
    layer = nn.LSTM(2, 3, proj_size=2)
    x = cr.randn(4, 1, 2)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert cr.equal(other(x)[0], layer(x)[0])
        assert other._flat_weights[0] is other.weight_ih_l0
        assert other._flat_weights[0] is not layer.weight_ih_l0


def test_half_precision_computes_in_single() -> None:
    layer, x = nn.LSTM(4, 5), cr.randn(3, 2, 4)
    wide = layer(x)[0]
    out, (h, c) = layer.half()(x.half())
    assert {out.dtype, h.dtype, c.dtype} == {cr.float16}
    assert cr.allclose(out.float(), wide, atol=2e-3)


ERRORS = [
    (lambda: nn.LSTM(3, 4)(cr.zeros(2, 1, 5)), RuntimeError, "Expected 3, got 5"),
    (lambda: nn.GRU(3, 4)(cr.zeros(2, 1, 3), cr.zeros(1, 2, 4)), RuntimeError, "Expected hidden"),
    (lambda: nn.GRU(3, 4)(cr.zeros(2, 1, 3), cr.zeros(2, 4)), RuntimeError, "batched 3-D"),
    (lambda: nn.GRU(3, 4)(cr.zeros(2, 3), cr.zeros(1, 1, 4)), RuntimeError, "unbatched 2-D"),
    (
        lambda: nn.LSTM(3, 4)(cr.zeros(2, 1, 3), (cr.zeros(1, 1, 4),) * 3),
        RuntimeError,
        "two hidden states",
    ),
    (lambda: nn.LSTM(3, 4)(cr.zeros(3)), ValueError, "LSTM: Expected input to be 2D or 3D"),
    (lambda: nn.RNN(3, 4)(cr.zeros(2, 1, 3).double()), ValueError, "RNN input dtype"),
    (lambda: nn.RNN(3, 4)(cr.zeros(0, 1, 3)), RuntimeError, "larger than 0"),
    (lambda: nn.RNN(3, 4, nonlinearity="elu"), ValueError, "Unknown nonlinearity"),
    (lambda: nn.GRU(3, 4, proj_size=2), ValueError, "only supported for LSTM"),
    (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, "smaller than hidden_size"),
    (lambda: nn.LSTM(3, 0), ValueError, "hidden_size must be greater"),
    (lambda: nn.LSTM(3.0, 4), TypeError, "input_size should be of type int"),  # type: ignore[arg-type]
    (lambda: nn.LSTM(3, 4, num_layers=2, dropout=1.5), ValueError, "number in range"),
    (lambda: nn.RNNCell(3, 4)(cr.zeros(1, 1, 3)), ValueError, "1D or 2D"),
    (lambda: nn.GRUCell(3, 4)(cr.zeros(2, 4)), RuntimeError, "inconsistent input_size"),
    (lambda: cr.lstm(cr.zeros(2, 1, 3)), TypeError, "has_biases"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_errors(call: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_dropout_on_one_layer_warns() -> None:
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        nn.LSTM(3, 4, dropout=0.5)
