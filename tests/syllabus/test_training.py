"""Rows T3, T4 and T11: penalties, regularisation in training, and what a model looked at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import data, models, nn, optim
from chainrule.data import tables
from chainrule.models import regularization
from chainrule.nn import functional as F

# -- T3: penalties --------------------------------------------------------------------------------


def sparse_problem() -> tuple[Any, Any]:
    """Twelve columns, of which three matter."""
    x = cr.randn(200, 12)
    return x, x[:, 0] * 2 - x[:, 5] * 1.5 + x[:, 9] + 0.1 * cr.randn(200)


def fitted(penalty: Any, threshold: float = 0.0) -> Any:
    x, y = sparse_problem()
    model = models.Neuron(12)
    descent = optim.SGD(model.parameters(), lr=0.05)
    for _ in range(300):
        descent.zero_grad()
        (F.mse_loss(model(x), y) + penalty(model)).backward()
        descent.step()
        if threshold:
            models.soft_threshold_(model, 0.05 * threshold)
    return model.weight.detach()


def test_T3_l1_gives_zeros_and_l2_does_not() -> None:
    plain = fitted(lambda m: 0.0)
    lasso = fitted(lambda m: 0.0, threshold=0.3)
    ridge = fitted(lambda m: 0.3 * models.l2_penalty(m))
    matter = [0, 5, 9]
    rest = [k for k in range(12) if k not in matter]
    assert (lasso[rest] == 0).all()
    assert (lasso[matter].abs() > 0.5).all()
    assert (ridge[rest] != 0).all()
    assert ridge.norm() < plain.norm()
    assert lasso.abs().sum() < plain.abs().sum()
    # the plain gradient of λ|w| comes near zero and swings around it
    swinging = fitted(lambda m: 0.3 * models.l1_penalty(m))[rest]
    assert swinging.abs().max().item() < 0.05
    assert (swinging != 0).any()


def test_T3_elastic_net_lies_between() -> None:
    net = models.Neuron.of([3.0, -4.0], bias=100.0)
    assert models.elastic_net(net, 0.1, alpha=0.0).item() == pytest.approx(0.1 * 7)
    assert models.elastic_net(net, 0.1, alpha=1.0).item() == pytest.approx(0.1 * 25)
    assert models.elastic_net(net, 0.1, alpha=0.3).item() == pytest.approx(
        0.1 * (0.7 * 7 + 0.3 * 25)
    )
    with pytest.raises(ValueError, match="alpha"):
        models.elastic_net(net, 0.1, alpha=1.5)


def test_T3_weights_only_never_biases() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    net.append(nn.GRU(3, 2))
    shapes = [tuple(p.shape) for p in regularization.weights(net)]
    assert shapes == [(2, 1, 3, 3), (3, 8), (6, 3), (6, 2)]
    for penalty in (models.l1_penalty, models.l2_penalty):
        net.zero_grad()
        penalty(net).backward()
        assert net[3].bias.grad is None
        assert net[3].weight.grad is not None
    shared = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    shared[1].weight = shared[0].weight
    assert len(list(regularization.weights(shared))) == 1  # counted once


def test_T3_weight_decay_is_the_l2_penalty() -> None:
    x, y = sparse_problem()
    one, other = models.Neuron(12), models.Neuron(12)
    decay = optim.SGD([{"params": [one.weight], "weight_decay": 0.2}, {"params": [one.bias]}], 0.05)
    plain = optim.SGD(other.parameters(), 0.05)
    for _ in range(20):
        for model, descent, penalty in ((one, decay, 0.0), (other, plain, 0.1)):
            descent.zero_grad()
            (F.mse_loss(model(x), y) + penalty * models.l2_penalty(model)).backward()
            descent.step()
    assert one.weight.allclose(other.weight, atol=1e-6)


def test_T3_the_bayesian_reading() -> None:
    """−log of the prior's density is the penalty: Gaussian for L2, Laplace for L1."""
    w = cr.tensor([0.7, -1.3, 2.0], dtype=cr.float64, requires_grad=True)
    s, b = 0.8, 0.5
    zero = cr.zeros(3, dtype=cr.float64)
    prior = cr.distributions.Normal(zero, zero + s)
    gauss = -prior.log_prob(w).sum()
    laplace = -cr.distributions.Laplace(zero, zero + b).log_prob(w).sum()
    assert gauss.item() == pytest.approx(
        (w**2).sum().item() / (2 * s * s) + 3 * math.log(s * math.sqrt(2 * math.pi))
    )
    assert laplace.item() == pytest.approx(w.abs().sum().item() / b + 3 * math.log(2 * b))
    assert cr.autograd.grad(gauss, w)[0].allclose(w / s**2)
    assert cr.autograd.grad(laplace, w)[0].allclose(w.sign() / b)
    # the most probable weights under both noise and prior are ridge regression's
    x, y = cr.randn(40, 3, dtype=cr.float64), cr.randn(40, dtype=cr.float64)
    noise = 0.5
    ridge = cr.linalg.solve(x.T @ x + noise**2 / s**2 * cr.eye(3, dtype=cr.float64), x.T @ y)
    ridge.requires_grad_()
    posterior = cr.distributions.Normal(x @ ridge, noise).log_prob(y).sum()
    posterior = posterior + prior.log_prob(ridge).sum()
    assert cr.autograd.grad(posterior, ridge)[0].abs().max().item() < 1e-10


# -- T4: dropout, batch norm, early stopping, noise -----------------------------------------------


def test_T4_dropout_keeps_the_mean() -> None:
    x = cr.ones(200, 200)
    layer = nn.Dropout(0.3)
    out = layer(x)
    assert (out == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert out.mean().item() == pytest.approx(1, abs=0.02)
    kept = out[out != 0]
    assert kept.allclose(cr.ones_like(kept) / 0.7)
    assert layer.eval()(x).equal(x)


def test_T4_batch_norm_in_training_and_evaluation() -> None:
    x = 3 * cr.randn(64, 5) + 7
    layer = nn.BatchNorm1d(5)
    out = layer(x)
    assert out.mean(0).abs().max().item() < 1e-5
    assert out.var(0, correction=0).allclose(cr.ones(5), atol=1e-4)
    assert layer.running_mean.allclose(0.1 * x.mean(0))
    for _ in range(100):
        layer(x)
    layer.eval()
    assert layer(x[:1]).allclose((x[:1] - x.mean(0)) / (x.var(0) + 1e-5).sqrt(), atol=1e-3)


def noisy_digits() -> tuple[Any, Any, Any, Any]:
    """Few images, a third of them with a wrong label: enough rope to over-fit with."""
    images, labels = data.load_digits()
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(labels))[:700]
    x = cr.from_numpy((images[chosen].reshape(-1, 64) / 16).astype(np.float32))
    y = labels[chosen]
    spoiled = y.copy()
    wrong = rng.random(len(y)) < 0.33
    spoiled[wrong] = rng.integers(0, 10, wrong.sum())
    return x[:200], cr.from_numpy(spoiled[:200]), x[200:], cr.from_numpy(y[200:])


def test_T4_early_stopping_brings_the_best_weights_back() -> None:
    x, y, x_test, y_test = noisy_digits()
    net = models.MLP(64, 128, 10)
    descent = optim.Adam(net.parameters(), lr=3e-3)
    stop = models.EarlyStopping(net, patience=10)

    def test_loss() -> float:
        with cr.no_grad():
            return float(F.cross_entropy(net(x_test), y_test).item())

    curve = []
    for _ in range(150):
        models.fit(net, x, y, descent, batch_size=32)
        curve.append(test_loss())
        if stop.step(curve[-1]):
            break
    assert len(curve) < 150  # it stopped
    assert stop.best_epoch == int(np.argmin(curve)) == len(curve) - 1 - 10
    last = models.accuracy(net, x_test, y_test)
    assert test_loss() == curve[-1] > curve[stop.best_epoch]
    stop.restore()
    assert test_loss() == pytest.approx(curve[stop.best_epoch], rel=1e-6)
    assert models.accuracy(net, x_test, y_test) > last


def test_T4_early_stopping_by_hand() -> None:
    net = nn.Linear(1, 1)
    stop = models.EarlyStopping(net, patience=2, min_delta=0.1, mode="max")
    kept = []
    for score in (0.5, 0.7, 0.75, math.nan):
        net.weight.data.fill_(score)
        kept.append(stop.step(score))
    assert kept == [False, False, False, True]  # .75 is not better by .1; NaN never is
    stop.restore()
    assert net.weight.item() == pytest.approx(0.7)
    assert (stop.best, stop.best_epoch) == (0.7, 1)
    with pytest.raises(RuntimeError, match="step first"):
        models.EarlyStopping(net).restore()
    with pytest.raises(ValueError, match="patience"):
        models.EarlyStopping(net, patience=0)
    with pytest.raises(ValueError, match="mode"):
        models.EarlyStopping(net, mode="best")


def test_T4_regularisation_narrows_the_gap() -> None:
    x, y, x_test, y_test = noisy_digits()

    def trained(net: Any) -> tuple[float, float]:
        descent = optim.Adam(net.parameters(), lr=0.01)
        models.fit(net, x, y, descent, epochs=60, batch_size=50)
        return models.accuracy(net, x, y), models.accuracy(net, x_test, y_test)

    plain = trained(models.MLP(64, 128, 10))
    dropped = trained(models.MLP(64, 128, 10, dropout=0.5))
    noisy = trained(nn.Sequential(models.GaussianNoise(0.5), models.MLP(64, 128, 10)))
    assert plain[0] > 0.98  # it has learned the wrong labels by heart
    for train_score, test_score in (dropped, noisy):
        assert train_score - test_score < plain[0] - plain[1] - 0.05
        assert test_score > plain[1] + 0.02


def test_T4_noise_on_the_input_is_an_l2_penalty() -> None:
    """E(w·(x + ε) − y)² = (w·x − y)² + std²‖w‖² for a linear model."""
    x, y = cr.randn(4, 3, dtype=cr.float64), cr.randn(4, dtype=cr.float64)
    w = cr.tensor([1.0, -2.0, 0.5], dtype=cr.float64)
    noise = models.GaussianNoise(0.4)
    many = x.repeat(40_000, 1)
    mean = ((noise(many) @ w - y.repeat(40_000)) ** 2).mean().item()
    assert mean == pytest.approx(
        ((x @ w - y) ** 2).mean().item() + 0.16 * (w**2).sum().item(), rel=0.02
    )


def test_T4_augmentation_helps_on_shifted_digits() -> None:
    images, labels = data.load_digits()
    x = cr.from_numpy((images / 16).astype(np.float32))
    y = cr.from_numpy(labels)
    train, test = (cr.from_numpy(part) for part in data.stratified_split(labels, 0.5))

    def shifted(batch: Any) -> Any:
        moves = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
        return cr.cat([cr.roll(batch, move, (1, 2)) for move in moves])

    scores = []
    for augmented in (False, True):
        cr.manual_seed(0)
        net = models.MLP(64, 96, 10)
        inputs = shifted(x[train]) if augmented else x[train].repeat(5, 1, 1)
        descent = optim.Adam(net.parameters(), lr=2e-3)
        models.fit(net, inputs, y[train].repeat(5), descent, epochs=4, batch_size=64)
        scores.append(models.accuracy(net, shifted(x[test]), y[test].repeat(5)))
    assert scores[1] > scores[0] + 0.1


# -- T11: what the model looked at ----------------------------------------------------------------


def test_T11_a_white_box_says_what_it_looked_at() -> None:
    """For a linear model the saliency is the weight; for a network it agrees with a probe."""
    table, matter = tables.noise_columns(rows=500)
    x, y = cr.from_numpy(table.x), cr.from_numpy(table.y)
    line = models.LogisticRegression(10)
    line.fit(x, y.float(), lr=0.5, steps=200)
    ranking = models.feature_ranking(line.scores, x, y)
    by_weight = line.weight.detach().abs().argsort(descending=True).tolist()
    assert ranking.order == by_weight
    net = models.MLP(10, 24, 2, activation=nn.Tanh)
    descent = optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-3)
    models.fit(net, x, y, descent, epochs=20, batch_size=32)
    order = models.feature_ranking(net, x, y).order
    # the black-box probe: shuffle one column, see how much accuracy goes
    before = models.accuracy(net, x, y)
    drops = []
    for k in range(10):
        spoiled = x.clone()
        spoiled[:, k] = x[cr.randperm(len(x)), k]
        drops.append(before - models.accuracy(net, spoiled, y))
    assert set(order[:3]) == set(np.argsort(drops)[-3:].tolist()) == set(matter.tolist())


def test_T11_scores_by_group() -> None:
    table, group = tables.loans()
    x, y = cr.from_numpy(table.x), cr.from_numpy(table.y)
    seen = models.LogisticRegression(3)  # it never sees the group, but the district tells it
    seen.fit(x, y.float(), lr=0.5, steps=300)
    scores = models.scores_by_group(y, seen.predict(x), group)
    assert set(scores) == {0, 1}
    assert min(s.accuracy for s in scores.values()) > 0.85  # good for both, yet not even-handed
    unfair = models.gaps(scores)
    assert unfair.positive_rate > 0.3
    blind = models.LogisticRegression(2)
    blind.fit(x[:, :2], y.float(), lr=0.5, steps=300)
    fairer = models.gaps(models.scores_by_group(y, blind.predict(x[:, :2]), group))
    assert fairer.positive_rate < unfair.positive_rate / 3
    # what gave it away: the district stands among the columns that the first model looked at
    ranking = models.feature_ranking(seen.scores, x, y)
    assert ranking.totals[2] > 0.5 * ranking.totals[0]
