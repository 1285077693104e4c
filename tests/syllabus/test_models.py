"""Rows R1 to R9: the classical models, with the lecture's numbers and short training runs."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import data, models, nn, optim
from chainrule.data import tables
from chainrule.nn import functional as F


def tensors(table: tables.Table) -> tuple[Any, Any]:
    return cr.from_numpy(table.x), cr.from_numpy(table.y)


def digits_split(seed: int) -> tuple[Any, Any, Any, Any]:
    """Training and test part of the real handwritten digits, pixels between 0 and 1."""
    images, labels = data.load_digits()
    train, test = data.stratified_split(labels, test=0.25, seed=seed)
    x = cr.from_numpy((images.reshape(-1, 64) / 16).astype(np.float32))
    y = cr.from_numpy(labels)
    return x[train], y[train], x[test], y[test]


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any, Any, Any]:
    return digits_split(0)


# -- R1: the perceptron ---------------------------------------------------------------------------


@pytest.mark.parametrize("gate", ["and", "or", "nand"])
def test_R1_the_perceptron_learns_and_and_or(gate: str) -> None:
    x, y = tensors(tables.gate(gate))
    unit = models.Perceptron(2)
    mistakes = unit.fit(x, y)
    assert mistakes[-1] == 0
    assert len(mistakes) < 20
    assert unit(x).tolist() == y.tolist()


def test_R1_the_perceptron_cannot_learn_xor() -> None:
    x, y = tensors(tables.gate("xor"))
    unit = models.Perceptron(2)
    mistakes = unit.fit(x, y, epochs=200)
    assert len(mistakes) == 200
    assert min(mistakes) > 0
    assert (unit(x) == y).sum().item() < 4


def test_R1_the_rule_by_hand() -> None:
    unit = models.Perceptron(2)
    assert unit.learn(cr.tensor([2.0, -1.0]), cr.tensor(1.0), lr=0.5)  # said 0, was 1
    assert (unit.weight.tolist(), unit.bias.item()) == ([1.0, -0.5], 0.5)
    assert not unit.learn(cr.tensor([2.0, -1.0]), cr.tensor(1.0), lr=0.5)  # right: no change
    assert unit.weight.tolist() == [1.0, -0.5]
    assert unit.learn(cr.tensor([1.0, 0.0]), cr.tensor(0.0), lr=0.5)  # said 1, was 0
    assert (unit.weight.tolist(), unit.bias.item()) == ([0.5, -0.5], 0.0)


def test_R1_study_play_sleep() -> None:
    table = tables.students()
    assert table.x.tolist() == [[7, 3, 7], [2, 5, 8], [4, 3, 7]]
    x, y = tensors(table)
    assert y.tolist() == [1, 0, 1]
    unit = models.Perceptron(3)
    assert unit.fit(x, y)[-1] == 0
    assert unit(x).tolist() == [1, 0, 1]
    # the same three inputs in one neuron with a sigmoid, by gradient descent
    neuron = models.Neuron(3, cr.sigmoid)
    descent = optim.SGD(neuron.parameters(), lr=0.1)
    for _ in range(500):
        descent.zero_grad()
        F.binary_cross_entropy(neuron(x), y).backward()
        descent.step()
    assert (neuron(x) > 0.5).float().tolist() == [1, 0, 1]
    assert F.binary_cross_entropy(neuron(x), y).item() < 0.1


# -- R2 to R4: linear units -----------------------------------------------------------------------


def test_R2_sugars_to_calories() -> None:
    unit = models.Neuron.of([2.5], 90.0)
    assert unit(cr.tensor([5.0])).item() == 102.5
    x, y = tensors(tables.cereals())
    line = models.LinearRegression(1).fit(x, y)
    assert line.weight.item() == pytest.approx(2.5, abs=0.3)
    assert line.bias.item() == pytest.approx(90, abs=3)


def test_R3_delta_rule() -> None:
    w, x, target, rate = [0.5, -1.0], [2.0, 3.0], 1.0, 0.1
    unit = models.Adaline(2)
    with cr.no_grad():
        unit.weight.copy_(cr.tensor(w))
    e = target - (w[0] * x[0] + w[1] * x[1])
    assert unit.learn(cr.tensor(x), cr.tensor(target), rate) == pytest.approx(e)
    assert unit.weight.tolist() == pytest.approx([w[k] + rate * x[k] * e for k in range(2)])
    assert unit.bias.item() == pytest.approx(rate * e)


def test_R3_the_delta_rule_is_gradient_descent() -> None:
    x, y = cr.randn(20, 3), cr.randn(20)
    unit = models.Adaline(3)
    twin = models.Neuron(3)
    descent = optim.SGD(twin.parameters(), lr=0.05)
    for record, target in zip(x, y, strict=True):
        unit.learn(record, target, 0.05)
        descent.zero_grad()
        (0.5 * (target - twin(record)) ** 2).backward()
        descent.step()
    assert unit.weight.allclose(twin.weight, atol=1e-6)
    assert unit.bias.allclose(twin.bias, atol=1e-6)


def test_R3_adaline_finds_the_plane() -> None:
    x = cr.randn(200, 2)
    y = x @ cr.tensor([1.5, -0.7]) + 0.3 + 0.05 * cr.randn(200)
    unit = models.Adaline(2)
    errors = unit.fit(x, y, lr=0.02, epochs=10)
    assert errors[-1] < 0.005 < 1 < errors[0] * 4
    assert unit.weight.tolist() == pytest.approx([1.5, -0.7], abs=0.03)
    separated = cr.where(x[:, 0] > x[:, 1], 1.0, -1.0)
    unit.fit(x, separated, epochs=10)
    assert (unit.classify(x) == separated).float().mean().item() > 0.95


def test_R4_three_ways_to_least_squares() -> None:
    table = tables.cereals(40)
    x = cr.tensor(table.x, dtype=cr.float64)
    y = cr.tensor(table.y, dtype=cr.float64)
    lines = [
        models.LinearRegression(1).double().fit(x, y, "slope"),
        models.LinearRegression(1).double().fit(x, y, "normal"),
        models.LinearRegression(1).double().fit(x, y, "gradient", lr=0.0125, steps=3000),
    ]
    wanted = np.polyfit(table.x[:, 0].astype(float), table.y.astype(float), 1)
    for line in lines:
        assert [line.weight.item(), line.bias.item()] == pytest.approx(wanted, rel=1e-7)


def test_R4_several_columns() -> None:
    x = cr.randn(100, 4, dtype=cr.float64)
    y = cr.randn(100, dtype=cr.float64)
    ones = cr.cat([x, cr.ones(100, 1, dtype=cr.float64)], 1)
    exact = cr.linalg.lstsq(ones, y[:, None]).solution[:, 0]
    normal = models.LinearRegression(4).double().fit(x, y)
    descent = models.LinearRegression(4).double().fit(x, y, "gradient", lr=0.1, steps=400)
    for line in (normal, descent):
        assert cr.cat([line.weight, line.bias.reshape(1)]).allclose(exact, atol=1e-8)
    # at the minimum the residuals are orthogonal to every column
    assert ((y - normal(x)) @ ones).abs().max().item() < 1e-10
    with pytest.raises(ValueError, match="one column"):
        models.LinearRegression(4).fit(x, y, "slope")


# -- R5: logistic regression ----------------------------------------------------------------------


def test_R5_the_three_input_score() -> None:
    model = models.LogisticRegression(3)
    with cr.no_grad():
        model.weight.copy_(cr.tensor([0.042, 0.008, 0.2]))
        model.bias.fill_(-1.53)
    age, income, education = 40.0, 30.0, 2.0
    z = 0.042 * age + 0.008 * income + 0.2 * education - 1.53
    assert model(cr.tensor([[age, income, education]])).item() == pytest.approx(
        1 / (1 + math.exp(-z))
    )


def start() -> Any:
    model = models.LogisticRegression(2)
    with cr.no_grad():
        model.weight.fill_(1.0)
    return model


def test_R5_insurance_at_the_start() -> None:
    table = tables.insurance()
    assert np.column_stack([table.x, table.y])[:5].tolist() == [
        [22, 1, 0],
        [25, 0, 0],
        [47, 1, 1],
        [28, 1, 0],
        [27, 0, 1],
    ]
    assert len(table.y) == 13
    x, y = tensors(table)
    p = start()(x).clamp(0.01, 0.99)  # w = (1, 1), b = 0: as good as certain of every row
    losses = F.binary_cross_entropy(p, y, reduction="none")
    wrong = y == 0
    assert [round(v, 1) for v in losses[wrong].tolist()] == [4.6] * int(wrong.sum())
    assert [round(v, 2) for v in losses[~wrong].tolist()] == [0.01] * int((~wrong).sum())


def test_R5_gradients_by_hand() -> None:
    x, y = tensors(tables.insurance())
    x = x / cr.tensor([50.0, 1.0])
    model = start()
    error = model(x).detach() - y
    dw, db = model.gradients(x, y)
    assert dw.tolist() == pytest.approx([(x[:, k] * error).mean().item() for k in range(2)])
    assert db.item() == pytest.approx(error.mean().item())
    model.loss(x, y).backward()
    assert model.weight.grad.allclose(dw, atol=1e-6)
    assert model.bias.grad.allclose(db, atol=1e-6)


def test_R5_one_update_and_the_falling_loss() -> None:
    x, y = tensors(tables.insurance())
    model = start()
    before = model.loss(x, y).item()
    model.fit(x / cr.tensor([50.0, 1.0]), y, lr=0.5, steps=1)
    # as in the notes, both weights and the bias go down: w from (1, 1), b from 0
    assert all(w < 1 for w in model.weight.tolist())
    assert model.bias.item() < 0
    assert model.loss(x, y).item() < before
    scaled = x / cr.tensor([50.0, 1.0])
    losses = start().fit(scaled, y, lr=1.0, steps=500)
    assert all(b < a for a, b in pairwise(losses))
    assert losses[0] > 2 * losses[-1]


def test_R5_insurance_is_learned() -> None:
    x, y = tensors(tables.insurance())
    x = (x - x.mean(0)) / x.std(0)
    model = models.LogisticRegression(2)
    model.fit(x, y, lr=0.5, steps=2000)
    right = model.predict(x) == y
    assert right.sum().item() >= 11
    assert not right[4]  # (27, 0, 1) of the notes: no line has it right and its neighbours too
    assert model.weight[0].item() > 1  # age tells
    dw, db = model.gradients(x, y)
    assert max(dw.abs().max().item(), db.abs().item()) < 1e-3  # at the minimum


# -- R6: many classes -----------------------------------------------------------------------------


def test_R6_softmax_regression_reads_digits(digits: Any) -> None:
    x, y, x_test, y_test = digits
    model = models.SoftmaxRegression(64, 10)
    models.fit(model, x, y, optim.Adam(model.parameters(), lr=0.01), epochs=20)
    assert models.accuracy(model, x_test, y_test) > 0.93
    assert (model.predict(x_test) == y_test).float().mean().item() > 0.93
    assert model.probabilities(x_test).sum(1).allclose(cr.ones(len(x_test)))


@pytest.mark.parametrize("squared", [False, True])
def test_R6_multiclass_svm_reads_digits(digits: Any, squared: bool) -> None:
    x, y, x_test, y_test = digits
    model = models.MulticlassSVM(64, 10, squared=squared)
    descent = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(20):
        for chosen in cr.randperm(len(x)).split(64):
            descent.zero_grad()
            model.loss(x[chosen], y[chosen]).backward()
            descent.step()
    assert models.accuracy(model, x_test, y_test) > 0.93


def test_R6_svm_and_softmax_differ_beyond_the_margin() -> None:
    scores = cr.tensor([[9.0, 1.0, 0.0]], requires_grad=True)
    nn.course_losses.weston_watkins_loss(scores, cr.tensor([0])).backward()
    assert scores.grad.abs().sum().item() == 0  # satisfied
    scores.grad = None
    F.cross_entropy(scores, cr.tensor([0])).backward()
    assert scores.grad.abs().sum().item() > 0  # never quite


def test_R6_hierarchical_softmax_takes_log_v_steps() -> None:
    for classes in (2, 16, 1024, 4096):
        model = models.HierarchicalSoftmax(4, classes)
        assert set(model.path_lengths().tolist()) == {int(math.log2(classes))}
    hidden, words = cr.randn(1, 8), cr.tensor([7])
    tree, flat = models.HierarchicalSoftmax(8, 1024), nn.Linear(8, 1024)
    assert models.count_multiply_adds(tree, hidden, words) == 10 * 8
    assert models.count_multiply_adds(flat, hidden) == 1024 * 8


def test_R6_hierarchical_softmax_is_a_distribution() -> None:
    model = models.HierarchicalSoftmax(5, 11, counts=range(1, 12)).double()
    hidden = cr.randn(6, 5, dtype=cr.float64)
    whole = model.log_probabilities(hidden)
    assert whole.exp().sum(1).allclose(cr.ones(6, dtype=cr.float64))
    targets = cr.arange(6)
    assert model(hidden, targets).allclose(whole.gather(1, targets[:, None])[:, 0])
    assert model.path_lengths()[10] < model.path_lengths()[0]  # the frequent word is nearer
    assert cr.autograd.gradcheck(lambda h: model(h, targets), hidden.requires_grad_())


def test_R6_hierarchical_softmax_reads_digits(digits: Any) -> None:
    x, y, x_test, y_test = digits
    model = models.HierarchicalSoftmax(64, 10)
    descent = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(20):
        for chosen in cr.randperm(len(x)).split(64):
            descent.zero_grad()
            model.loss(x[chosen], y[chosen]).backward()
            descent.step()
    right = model.log_probabilities(x_test).argmax(1) == y_test
    assert right.float().mean().item() > 0.8


# -- R7: multi-layer perceptrons ------------------------------------------------------------------


def test_R7_xor_by_hand_and_learned() -> None:
    x, y = tensors(tables.gate("xor"))
    assert models.xor_by_hand()(x).flatten().tolist() == y.tolist()
    net = models.MLP(2, 4, 1, activation=nn.Tanh)
    descent = optim.Adam(net.parameters(), lr=0.05)
    models.fit(net, x, y[:, None], descent, 300, loss=F.binary_cross_entropy_with_logits)
    p = net(x).sigmoid().flatten()
    assert (p - y).abs().max().item() < 0.05


def test_R7_an_mlp_reads_digits() -> None:
    scores = []
    for split in (0, 1):
        x, y, x_test, y_test = digits_split(split)
        net = nn.Sequential(models.GaussianNoise(0.2), models.MLP(64, 256, 10, dropout=0.2))
        descent = optim.AdamW(net.parameters(), lr=5e-3)
        steps = 30 * math.ceil(len(x) / 64)
        schedule = optim.lr_scheduler.CosineAnnealingLR(descent, steps)
        models.fit(net, x, y, descent, 30, 64, schedule=schedule)
        scores.append(models.accuracy(net, x_test, y_test))
    assert np.mean(scores) >= 0.97


def test_R7_the_sizes_of_the_lecture() -> None:
    assert models.count_parameters(models.MLP(784, 10)) == 7_850
    assert models.count_parameters(models.MLP(784, 100, 10)) == 79_510
    net = models.MLP(784, 300, 100, 10)
    assert net(cr.zeros(2, 28, 28)).shape == (2, 10)
    assert models.describe("mlp").parameters == 785 * 128 + 129 * 10


# -- R8: autoencoders and matrix factorisation ----------------------------------------------------


def train(model: Any, x: Any, epochs: int, lr: float = 3e-3, batch: int = 64) -> None:
    descent = optim.Adam(model.parameters(), lr=lr)
    model.train()
    for _ in range(epochs):
        for chosen in cr.randperm(len(x)).split(batch):
            descent.zero_grad()
            model.loss(x[chosen]).backward()
            descent.step()
    model.eval()


def test_R8_a_deep_autoencoder_beats_the_linear_one(digits: Any) -> None:
    x, _, x_test, y_test = digits
    deep = models.DeepAutoencoder([64, 64, 32, 2])
    train(deep, x, 40)
    mean = x.mean(0)
    best_linear = models.truncated_svd(x - mean, 2)[2].item() / x.numel()
    assert deep.loss(x).item() < best_linear  # 2 numbers instead of 64, and better than PCA's
    assert deep.loss(x_test).item() < 0.8 * ((x_test - mean) ** 2).mean().item()
    codes = deep.encoder(x_test).detach()
    assert codes.shape == (len(x_test), 2)
    # neighbours in the plane mostly show the same digit
    distance = cr.cdist(codes, codes) + 1e9 * cr.eye(len(codes))
    assert (y_test[distance.argmin(1)] == y_test).float().mean().item() > 0.45


def test_R8_a_denoising_autoencoder_takes_the_noise_off(digits: Any) -> None:
    x, _, x_test, _ = digits
    net = models.DenoisingAutoencoder([64, 128, 32], std=0.3)
    train(net, x, 25)
    noisy = x_test + 0.3 * cr.randn(*x_test.shape)
    before = F.mse_loss(noisy, x_test).item()
    after = F.mse_loss(net(noisy), x_test).item()
    assert before == pytest.approx(0.09, rel=0.05)
    assert after < before / 2.5
    blurred = F.mse_loss(noisy.clamp(0, 1), x_test).item()
    assert after < blurred / 1.5  # and better than cutting off what can't be


def test_R8_a_linear_autoencoder_is_matrix_factorisation() -> None:
    cr.manual_seed(3)
    x = cr.randn(60, 3, dtype=cr.float64) @ cr.randn(3, 8, dtype=cr.float64)
    x = x + 0.3 * cr.randn(60, 8, dtype=cr.float64)
    _, _, least = models.truncated_svd(x, 3)
    net = models.LinearAutoencoder(8, 3).double()
    descent = optim.LBFGS(net.parameters(), max_iter=400, line_search_fn="strong_wolfe")

    def closure() -> Any:
        descent.zero_grad()
        loss = ((net(x) - x) ** 2).sum()
        loss.backward()
        return loss

    descent.step(closure)
    U, V = models.as_factorization(net, x)
    assert (U @ V.T).allclose(net(x).detach())
    error = ((U @ V.T - x) ** 2).sum().item()
    assert least.item() * (1 - 1e-9) <= error < least.item() * (1 + 1e-4)


def test_R8_matrix_factorisation_completes_ratings() -> None:
    table, known = tables.ratings()
    i, j = map(cr.from_numpy, np.nonzero(known))
    x, mask = cr.from_numpy(table), cr.from_numpy(known)
    model = models.MatrixFactorization(*table.shape, rank=3)
    descent = optim.Adam(model.parameters(), lr=0.03)
    for _ in range(400):
        descent.zero_grad()
        model.loss(i, j, x[mask], penalty=0.05).backward()
        descent.step()
    unseen = ~mask
    guess = model.table().detach().clamp(1, 5)
    rmse = ((guess - x)[unseen] ** 2).mean().sqrt().item()
    column_means = (x * mask).sum(0) / mask.sum(0)
    baseline = ((column_means - x)[unseen] ** 2).mean().sqrt().item()
    assert rmse < baseline / 2
    assert model(i[:5], j[:5]).allclose(model.table()[i[:5], j[:5]])


def test_R8_outliers_by_row_and_column() -> None:
    table, strange = tables.outliers()
    x = cr.from_numpy(table)
    net = models.LinearAutoencoder(8, 2)
    train(net, x, 30, lr=0.02, batch=32)
    rows, columns = models.outlier_scores(net, x)
    assert rows.shape == (300,)
    assert columns.shape == (8,)
    worst = rows.argsort(descending=True)[:9].numpy()
    assert strange[worst].sum() >= 5  # of the six
    assert columns.argmax().item() == 7  # the column that depends on no other


# -- R9: layer-wise pre-training ------------------------------------------------------------------


def test_R9_pretraining_beats_from_scratch_on_few_labels(digits: Any) -> None:
    x, y, x_test, y_test = digits
    few = cr.cat([(y == c).nonzero()[:3, 0] for c in range(10)])  # 30 labels of 1,347
    scores: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(2):
        for pretrained in (True, False):
            cr.manual_seed(seed)
            net = models.StackedNetwork([64, 64, 64, 64], 10)
            if pretrained:
                errors = net.pretrain(x, epochs=10)
                assert errors[0] < 0.05  # the first layer has learned to reconstruct
            net.fine_tune(x[few], y[few], epochs=60, lr=3e-3, batch_size=10)
            scores[pretrained].append(models.accuracy(net, x_test, y_test))
    assert min(scores[True]) > 0.6
    assert np.mean(scores[True]) > np.mean(scores[False]) + 0.08
