"""The classical models: overfitting a small batch, hard inputs, and their rows in the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import models, nn, optim
from chainrule.data import tables
from chainrule.models import regularization
from chainrule.nn import functional as F

NAMES = [
    "adaline",
    "conv_autoencoder",
    "deep_autoencoder",
    "deep_linear",
    "denoising_autoencoder",
    "hierarchical_softmax",
    "linear_regression",
    "linear_unit",
    "logistic_regression",
    "matrix_factorization",
    "mlp",
    "multiclass_svm",
    "perceptron",
    "softmax_regression",
    "stacked_network",
    "tied_autoencoder",
    "variational_autoencoder",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_in_the_table(name: str) -> None:
    row = models.describe(name)
    model = models.get_model(name)
    assert row.parameters == sum(p.numel() for p in model.parameters()) > 0
    assert 1800 < row.year < 2030
    out = model.eval()(*models.registry.entry(name).inputs())
    assert not cr.isnan(out).any()


@pytest.mark.parametrize("name", NAMES)
def test_every_model_travels_as_a_state_dict(name: str) -> None:
    one, other = models.get_model(name).eval(), models.get_model(name).eval()
    inputs = models.registry.entry(name).inputs()
    for p in one.parameters():
        p.data.uniform_(-0.1, 0.1)
    other.load_state_dict(one.state_dict())
    assert one(*inputs).equal(other(*inputs))


# -- overfit: the loss of one small batch goes to almost nothing ---------------------------------

X, CLASSES = (8, 6), 3


def batch() -> tuple[Any, Any, Any]:
    """Eight random records, with random numbers and random classes."""
    return cr.randn(*X), cr.randn(X[0]), cr.arange(X[0]) % CLASSES


def with_loss(make: Callable[[], Any]) -> tuple[Any, Callable[[], Any]]:
    """A model that has ``loss(x, classes)``."""
    x, _, y = batch()
    model = make()
    return model, lambda: model.loss(x, y)


def numbers(make: Callable[[], Any]) -> tuple[Any, Callable[[], Any]]:
    """A model that is compared with numbers that it can reach: of a plane."""
    x, _, _ = batch()
    model = make()
    y = x @ cr.randn(X[1]) + 0.5
    return model, lambda: F.mse_loss(model(x).reshape(-1), y)


def classes(make: Callable[[], Any]) -> tuple[Any, Callable[[], Any]]:
    """A model of scores, with the cross-entropy."""
    x, _, y = batch()
    model = make()
    return model, lambda: F.cross_entropy(model(x), y)


def two_classes() -> tuple[Any, Callable[[], Any]]:
    x, _, _ = batch()
    y = (x[:, 0] > x[:, 1]).float()
    model = models.LogisticRegression(X[1])
    return model, lambda: model.loss(x, y)


def entries() -> tuple[Any, Callable[[], Any]]:
    i, j = cr.arange(8) % 4, cr.arange(8) // 2
    model, x = models.MatrixFactorization(4, 4, 3), cr.randn(8)
    return model, lambda: model.loss(i, j, x)


OVERFIT: dict[str, tuple[Callable[[], Any], float]] = {
    "Neuron": (lambda: numbers(lambda: models.Neuron(6)), 0.1),
    "DeepLinear": (lambda: numbers(lambda: models.DeepLinear(6, 5, 1)), 0.02),
    "LogisticRegression": (two_classes, 0.3),
    "SoftmaxRegression": (lambda: with_loss(lambda: models.SoftmaxRegression(6, CLASSES)), 0.3),
    "MulticlassSVM": (lambda: with_loss(lambda: models.MulticlassSVM(6, CLASSES, 0.0)), 0.1),
    "HierarchicalSoftmax": (
        lambda: with_loss(lambda: models.HierarchicalSoftmax(6, CLASSES)),
        0.5,
    ),
    "MLP": (lambda: classes(lambda: models.MLP(6, 16, CLASSES)), 0.02),
    "StackedNetwork": (lambda: classes(lambda: models.StackedNetwork([6, 16, 16], CLASSES)), 0.02),
    "MatrixFactorization": (entries, 0.05),
}


@pytest.mark.parametrize("name", list(OVERFIT))
def test_overfits_one_batch(name: str) -> None:
    make, lr = OVERFIT[name]
    model, loss_of = make()
    descent = optim.Adam(model.parameters(), lr=lr)
    first = loss_of().item()
    for _ in range(400):
        descent.zero_grad()
        loss = loss_of()
        loss.backward()
        descent.step()
    assert loss.item() < 0.01 < first


def test_perceptron_and_adaline_fit_a_small_batch() -> None:
    x = cr.randn(8, 6)
    plane = x @ cr.randn(6)
    unit = models.Perceptron(6)
    assert unit.fit(x, (plane > 0).float(), epochs=500)[-1] == 0
    line = models.Adaline(6)
    assert line.fit(x, plane, lr=0.05, epochs=300)[-1] < 1e-4
    exact = models.LinearRegression(2).fit(x[:, :2], x[:, :2] @ cr.tensor([2.0, -1.0]) + 3)
    assert [*exact.weight.tolist(), exact.bias.item()] == pytest.approx([2, -1, 3], abs=1e-5)


# -- gradients and hard inputs -------------------------------------------------------------------


def test_the_perceptron_has_no_gradient() -> None:
    unit = models.Perceptron(3)
    assert not unit(cr.randn(2, 3)).requires_grad
    assert not any(p.requires_grad for p in unit.parameters())


def test_least_squares_says_what_it_cannot_solve() -> None:
    x = cr.ones(5)
    with pytest.raises(ValueError, match="same number"):
        models.slope_intercept(x, cr.randn(5))
    with pytest.raises(ValueError, match="method"):
        models.LinearRegression(1).fit(x[:, None], cr.randn(5), "guess")
    with pytest.raises(RuntimeError, match="singular"):
        models.normal_equation(cr.cat([x[:, None]] * 2, 1), cr.randn(5))


def test_softmax_regression_is_logistic_regression_for_two() -> None:
    x = cr.randn(5, 3)
    many = models.SoftmaxRegression(3, 2)
    two = models.LogisticRegression(3)
    with cr.no_grad():
        two.weight.copy_(many.linear.weight[1] - many.linear.weight[0])
        two.bias.copy_(many.linear.bias[1] - many.linear.bias[0])
    assert many.probabilities(x)[:, 1].allclose(two(x), atol=1e-6)


def test_svm_penalty_is_on_the_weights_only() -> None:
    x, _, y = batch()
    plain, ridge = models.MulticlassSVM(6, 3, 0.0), models.MulticlassSVM(6, 3, 0.5)
    ridge.load_state_dict(plain.state_dict())
    size = (plain.linear.weight**2).sum().item()
    assert ridge.loss(x, y).item() == pytest.approx(plain.loss(x, y).item() + 0.5 * size, rel=1e-5)


def test_huffman_codes_are_prefix_free_and_short() -> None:
    counts = np.array([50, 20, 10, 10, 5, 5])
    paths = models.huffman_codes(counts.tolist())
    signs = ["".join("+" if side > 0 else "-" for _, side in path) for path in paths]
    assert len(set(signs)) == len(signs)
    assert not any(a != b and b.startswith(a) for a in signs for b in signs)
    p = counts / counts.sum()
    mean = sum(p[k] * len(paths[k]) for k in range(len(p)))
    entropy = -(p * np.log2(p)).sum()
    assert entropy <= mean < entropy + 1  # Shannon's bound
    with pytest.raises(ValueError, match="two classes"):
        models.huffman_codes([1])
    with pytest.raises(ValueError, match="one each"):
        models.HierarchicalSoftmax(4, 5, counts=[1, 2])


def test_mlp_and_stack_say_what_is_missing() -> None:
    for make in (models.MLP, models.DeepLinear):
        with pytest.raises(ValueError, match="sizes"):
            make(5)
    net = models.MLP(4, 3, 2, activation=nn.Tanh, dropout=0.5)
    assert [type(layer).__name__ for layer in net.layers] == ["Linear", "Tanh", "Dropout", "Linear"]


def test_factorization_without_biases_is_a_product() -> None:
    model = models.MatrixFactorization(5, 4, 2, biases=False)
    assert model.table().equal(model.U @ model.V.T)
    assert len(list(model.parameters())) == 2
    i, j = cr.tensor([1, 4]), cr.tensor([0, 3])
    assert model(i, j).allclose(model.table()[i, j])
    with pytest.raises(ValueError, match="without bias"):
        models.as_factorization(models.Autoencoder(nn.Linear(3, 2), nn.Linear(2, 3)), cr.ones(1, 3))


def test_truncated_svd_is_the_best_of_its_rank() -> None:
    x = cr.randn(7, 5, dtype=cr.float64)
    U, V, error = models.truncated_svd(x, 2)
    assert ((U @ V.T - x) ** 2).sum().item() == pytest.approx(error.item())
    assert models.truncated_svd(x, 5)[2].item() == pytest.approx(0, abs=1e-20)
    for _ in range(20):
        other = cr.randn(7, 2, dtype=cr.float64)
        best = cr.linalg.lstsq(other, x).solution
        assert ((other @ best - x) ** 2).sum() > error


def test_pretraining_leaves_layers_ready() -> None:
    x = cr.rand(64, 8)
    net = models.StackedNetwork([8, 6, 4], 2)
    before = [p.clone() for p in net.parameters()]
    errors = net.pretrain(x, epochs=30)
    assert len(errors) == 2
    changed = [not p.equal(old) for p, old in zip(net.parameters(), before, strict=True)]
    assert changed == [True] * 4 + [False] * 2  # the head has seen nothing yet
    assert not net.hidden[0][0].weight.isnan().any()


def test_noise_only_while_training() -> None:
    layer = models.GaussianNoise(0.5)
    x = cr.zeros(10_000)
    assert layer(x).std().item() == pytest.approx(0.5, rel=0.05)
    assert layer.eval()(x).equal(x)
    assert "std=0.5" in repr(layer)
    with pytest.raises(ValueError, match="negative"):
        models.GaussianNoise(-1)


def test_soft_threshold_leaves_biases_alone() -> None:
    net = nn.Linear(4, 2)
    bias = net.bias.detach().clone()
    models.soft_threshold_(net, 10.0)
    assert (net.weight == 0).all()
    assert net.bias.equal(bias)
    assert list(regularization.weights(nn.LayerNorm(3))) == []
    assert models.l1_penalty(nn.LayerNorm(3)) == 0


# -- tables --------------------------------------------------------------------------------------


def test_tables_are_the_same_at_every_call() -> None:
    for make in (tables.cereals, tables.houses, tables.insurance, tables.students):
        assert all(np.array_equal(a, b) for a, b in zip(make()[:2], make()[:2], strict=True))
    assert np.array_equal(tables.ratings()[0], tables.ratings()[0])
    assert not np.array_equal(tables.cereals(seed=1).y, tables.cereals(seed=2).y)
    with pytest.raises(ValueError, match="nor"):
        tables.gate("nor")


def test_loans_are_alike_but_for_the_decisions() -> None:
    table, group = tables.loans(20_000)
    for column in (0, 1):
        means = [table.x[group == g, column].mean() for g in (0, 1)]
        assert abs(means[0] - means[1]) < 0.05
    assert np.corrcoef(table.x[:, 2], group)[0, 1] > 0.7
