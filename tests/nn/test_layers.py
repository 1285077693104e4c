"""Layers, losses, initial values and helpers, checked against their formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.nn import init


def test_linear_is_its_formula() -> None:
    layer = nn.Linear(4, 3, dtype=cr.float64)
    x = cr.randn(5, 4, dtype=cr.float64)
    expected = x.numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-12)


def test_linear_refuses_a_wrong_width() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        nn.Linear(4, 3)(cr.zeros(5, 3))


def test_linear_of_width_zero() -> None:
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        layer = nn.Linear(0, 2)
    assert layer.bias.tolist() == [0.0, 0.0]


def test_gradients_of_a_network() -> None:
    cr.set_default_dtype(cr.float64)
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.GELU(), nn.Linear(4, 3))
    x, y = cr.randn(5, 2, 3, requires_grad=True), cr.tensor([0, 2, 1, 1, 0])
    assert cr.autograd.gradcheck(lambda x: nn.CrossEntropyLoss()(net(x), y), (x,))
    weights = list(net.parameters())
    loss = nn.CrossEntropyLoss()(net(x), y)
    loss.backward()
    for p in weights:
        k = int(np.argmax(np.abs(p.grad.numpy())))
        slope = float(p.grad.numpy().ravel()[k])
        values = []
        for step in (1e-5, -1e-5):
            with cr.no_grad():
                p.reshape(-1)[k] += step
                values.append(nn.CrossEntropyLoss()(net(x), y).item())
                p.reshape(-1)[k] -= step
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(slope, rel=1e-6)


def test_dropout_scales_what_it_keeps() -> None:
    layer = nn.Dropout(0.25)
    out = layer(cr.ones(4000)).numpy()
    assert set(np.unique(out).tolist()) == {0.0, np.float32(1 / 0.75).item()}
    assert 0.2 < (out == 0).mean() < 0.3
    x = cr.ones(3)
    assert layer.eval()(x) is x
    for p in (-0.1, 1.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            nn.Dropout(p)


def test_dropout_in_place() -> None:
    x = cr.ones(100)
    assert nn.Dropout(0.5, inplace=True)(x) is x
    assert 0 < (x.numpy() == 0).mean() < 1


def test_activations_in_place() -> None:
    for layer in (nn.ReLU(inplace=True), nn.LeakyReLU(0.5, inplace=True)):
        x = cr.tensor([-2.0, 2.0])
        assert layer(x) is x
        assert x.tolist()[0] in (0.0, -1.0)


def test_unflatten_refuses_sizes_that_do_not_fit() -> None:
    for sizes in ((4, 2), (5, -1), (-1, -1)):
        with pytest.raises(RuntimeError, match="don't multiply up to the size of dim 1"):
            nn.Unflatten(1, sizes)(cr.zeros(2, 6))


def test_unflatten_undoes_flatten() -> None:
    x = cr.randn(2, 3, 4)
    assert nn.Unflatten(-2, (1, 3))(x).shape == (2, 1, 3, 4)
    assert nn.Unflatten(1, (3, 4))(nn.Flatten()(x)).tolist() == x.tolist()


def test_embedding_rows_and_gradient() -> None:
    table = nn.Embedding(5, 2, padding_idx=0)
    assert table.weight[0].tolist() == [0.0, 0.0]
    table(cr.tensor([1, 0, 1])).sum().backward()
    assert table.weight.grad.tolist() == [[0, 0], [2, 2], [0, 0], [0, 0], [0, 0]]
    with pytest.raises(IndexError, match="the table has 5 rows"):
        table(cr.tensor([5]))
    with pytest.raises(AssertionError, match="2-dimensional"):
        nn.Embedding.from_pretrained(cr.zeros(3))
    frozen = nn.Embedding.from_pretrained(cr.eye(3))
    assert not frozen.weight.requires_grad
    assert nn.Embedding.from_pretrained(cr.eye(3), freeze=False).weight.requires_grad


def test_losses_are_their_formulas() -> None:
    x, y = cr.randn(4, 3), cr.randn(4, 3)
    a, b = x.numpy(), y.numpy()
    np.testing.assert_allclose(nn.MSELoss()(x, y).item(), ((a - b) ** 2).mean(), rtol=1e-6)
    np.testing.assert_allclose(
        nn.L1Loss(reduction="sum")(x, y).item(), np.abs(a - b).sum(), rtol=1e-6
    )
    target = cr.tensor([0, 2, 1, 1])
    logp = a - np.log(np.exp(a).sum(1, keepdims=True))
    expected = -logp[np.arange(4), target.numpy()].mean()
    np.testing.assert_allclose(nn.CrossEntropyLoss()(x, target).item(), expected, rtol=1e-6)
    np.testing.assert_allclose(
        nn.NLLLoss()(nn.LogSoftmax(1)(x), target).item(), expected, rtol=1e-6
    )


def test_losses_keep_their_class_weights() -> None:
    loss = nn.CrossEntropyLoss(cr.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"]
    assert loss.double().weight.dtype is cr.float64
    with pytest.warns(UserWarning, match="please use reduction='sum' instead|reduction= instead"):
        assert nn.MSELoss(size_average=False).reduction == "sum"


# -- initial values -------------------------------------------------------------------------------


def spread(fill: Any, shape: tuple[int, ...] = (400, 250)) -> tuple[float, float]:
    out = fill(cr.empty(*shape)).numpy()
    return float(out.mean()), float(out.var())


@pytest.mark.parametrize(
    ("fill", "variance"),
    [
        (lambda t: init.uniform_(t, -1, 3), 16 / 12),
        (lambda t: init.normal_(t, std=2.0), 4.0),
        (lambda t: init.xavier_uniform_(t, gain=2.0), 8 / 650),
        (lambda t: init.xavier_normal_(t), 2 / 650),
        (lambda t: init.kaiming_uniform_(t, nonlinearity="relu"), 2 / 250),
        (lambda t: init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"), 2 / 400),
        (lambda t: init.trunc_normal_(t, std=3.0, a=-6.0, b=6.0), 9 * 0.7737),
        (lambda t: init.orthogonal_(t, gain=2.0), 4 / 400),
    ],
)
def test_variance_is_the_one_that_the_docstring_states(fill: Any, variance: float) -> None:
    assert spread(fill)[1] == pytest.approx(variance, rel=0.03)


def test_truncation() -> None:
    for a, b in ((-1.0, 1.0), (1.5, 2.5), (-9.0, -1.2)):
        out = init.trunc_normal_(cr.empty(5000), a=a, b=b).numpy()
        assert a <= out.min() < out.max() <= b
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        init.trunc_normal_(cr.empty(3), mean=5.0, std=0.5, a=0.0, b=2.0)


def test_truncated_tail_has_its_mean() -> None:
    out = init.trunc_normal_(cr.empty(40_000), a=1.0, b=3.0).numpy()
    density = lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    below = lambda z: (1 + math.erf(z / math.sqrt(2))) / 2  # noqa: E731
    expected = (density(1) - density(3)) / (below(3) - below(1))
    assert out.mean() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 2, 2)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    m = init.orthogonal_(cr.empty(*shape)).numpy().reshape(shape[0], -1)
    gram = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-6)


def test_inits_write_outside_the_graph() -> None:
    p = nn.Parameter(cr.empty(3, 3))
    for fill in (init.uniform_, init.normal_, init.zeros_, init.ones_, init.eye_,
                 init.xavier_uniform_, init.kaiming_normal_, init.orthogonal_,
                 init.trunc_normal_):  # fmt: skip
        before = p._version
        assert fill(p) is p
        assert p._version > before
        assert p.is_leaf
        assert p.requires_grad
    assert init.constant_(cr.tensor(0.0), 2.5).item() == 2.5


def test_old_names_warn() -> None:
    with pytest.warns(FutureWarning, match=r"`nn.init.xavier_normal` is now deprecated"):
        init.xavier_normal(cr.empty(2, 2))


def test_sparse() -> None:
    out = init.sparse_(cr.empty(10, 4), 0.25).numpy()
    assert ((out == 0).sum(0) == 3).all()


# -- parameters and helpers -----------------------------------------------------------------------


def test_parameters_share_memory() -> None:
    t = cr.ones(2)
    p = nn.Parameter(t)
    with cr.no_grad():
        p.fill_(5)
    assert t.tolist() == [5.0, 5.0]
    assert not t.requires_grad
    assert type(p * 2) is cr.Tensor
    with pytest.raises(TypeError, match="expected a Tensor"):
        nn.Parameter([1.0])
    with pytest.raises(RuntimeError, match="floating point and complex dtype"):
        nn.Parameter(cr.tensor([1]))


def test_parameters_of_one_number() -> None:
    p = nn.Parameter(cr.tensor(2.0, dtype=cr.float64))
    (p * p * 3).backward()
    assert p.grad.item() == 12.0
    assert repr(p).startswith("Parameter containing:\ntensor(2.")


def test_clip_grad_norm() -> None:
    p, q = (nn.Parameter(cr.zeros(2)), nn.Parameter(cr.zeros(())))
    p.grad, q.grad = cr.tensor([3.0, 0.0]), cr.tensor(4.0)
    before = p.grad._version
    assert nn.utils.clip_grad_norm_([p, q], 10.0).item() == 5.0
    assert p.grad.tolist() == [3.0, 0.0], "short enough"
    assert nn.utils.clip_grad_norm_(iter([p, q]), 1.0).item() == 5.0
    np.testing.assert_allclose([*p.grad.tolist(), q.grad.item()], [0.6, 0, 0.8], rtol=1e-5)
    assert p.grad._version > before
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0.0
    with pytest.warns(UserWarning, match="empty generator"):
        nn.utils.clip_grad_norm_((p for p in ()), 1.0)


def test_clip_grad_value() -> None:
    p = nn.Parameter(cr.zeros(3))
    p.grad = cr.tensor([3.0, -0.1, -7.0])
    nn.utils.clip_grad_value_(p, 0.5)
    np.testing.assert_allclose(p.grad.tolist(), [0.5, -0.1, -0.5])


def test_vectors_of_parameters() -> None:
    net = nn.Linear(2, 2)
    vector = nn.utils.parameters_to_vector(net.parameters())
    vector.sum().backward()
    assert net.weight.grad.tolist() == [[1, 1], [1, 1]]
    nn.utils.vector_to_parameters(cr.arange(6.0), net.parameters())
    assert net.bias.tolist() == [4.0, 5.0]
    with pytest.raises(TypeError, match=r"expected torch\.Tensor, but got: list"):
        nn.utils.vector_to_parameters([1.0], net.parameters())
