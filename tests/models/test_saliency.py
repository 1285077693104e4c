"""Saliency, integrated gradients and scores by group: against formulas and on hard inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import data, models, nn, optim
from chainrule.models import saliency as looks


def net() -> Any:
    return models.MLP(5, 8, 3, activation=nn.Tanh).double()


def randn(*shape: int) -> Any:
    return cr.randn(*shape, dtype=cr.float64)


def test_saliency_is_a_row_of_the_jacobian() -> None:
    model, x = net(), randn(4, 5)
    targets = cr.tensor([0, 2, 1, 1])
    found = looks.saliency(model, x, targets)
    for k in range(4):
        jacobian = cr.autograd.functional.jacobian(model, x[k : k + 1])[0, :, 0]
        assert found[k].allclose(jacobian[targets[k].item()].abs())
    best = model(x).argmax(1)
    assert looks.saliency(model, x).equal(looks.saliency(model, x, best))


def test_saliency_leaves_no_traces() -> None:
    model, x = net(), randn(4, 5)
    with cr.no_grad():
        looks.saliency(model, x)
    assert all(p.grad is None for p in model.parameters())
    assert x.grad is None
    assert not x.requires_grad


def test_saliency_of_images_and_of_single_outputs() -> None:
    conv = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 4))
    assert looks.saliency(conv, cr.randn(2, 1, 8, 8)).shape == (2, 1, 8, 8)
    w = cr.tensor([2.0, -3.0])
    assert looks.saliency(lambda x: x @ w, cr.ones(1, 2)).tolist() == [[2, 3]]
    assert looks.saliency(lambda x: (x @ w)[:, None], cr.ones(1, 2)).tolist() == [[2, 3]]


def test_integrated_gradients_add_up_to_the_score() -> None:
    model, x = net(), randn(6, 5)
    target = cr.tensor([0, 1, 2, 0, 1, 2])
    start = randn(6, 5)
    for baseline in (None, start):
        parts = looks.integrated_gradients(model, x, target, baseline, steps=200)
        at = cr.zeros_like(x) if baseline is None else baseline
        rise = (model(x) - model(at)).gather(1, target[:, None])[:, 0]
        assert parts.sum(1).allclose(rise, atol=1e-4)


def test_integrated_gradients_of_a_linear_model_are_its_terms() -> None:
    w = cr.tensor([2.0, -3.0, 0.5])
    x = cr.randn(4, 3)
    assert looks.integrated_gradients(lambda x: x @ w, x, steps=1).allclose(x * w, atol=1e-6)


def test_integrated_gradients_see_past_saturation() -> None:
    """Where the sigmoid is flat the saliency is nothing, though the input did it all."""

    def score(x: Any) -> Any:
        return (10 * x).sigmoid()

    x = cr.tensor([[4.0]], dtype=cr.float64)
    assert looks.saliency(score, x).item() < 1e-10
    assert looks.integrated_gradients(score, x, steps=400).item() == pytest.approx(0.5, abs=1e-3)


def test_saliency_on_digits_is_where_the_ink_varies() -> None:
    images, labels = data.load_digits()
    x = cr.from_numpy((images.reshape(-1, 64) / 16).astype(np.float32))
    y = cr.from_numpy(labels)
    model = models.MLP(64, 32, 10)
    descent = optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-3)
    models.fit(model, x, y, descent, epochs=10)
    totals = models.feature_ranking(model, x, y).totals
    varies = x.std(0)
    assert totals[varies > 0.2].mean() > 2 * totals[varies < 0.02].mean()


def test_ranking_counts_the_right_ones_only() -> None:
    w = cr.tensor([1.0, 0.0])

    def model(x: Any) -> Any:
        return (x @ w) ** 3

    x, y = cr.tensor([[2.0, 0.0], [-1.0, 0.0], [5.0, 0.0]]), cr.tensor([1, 0, 0])
    ranking = models.feature_ranking(model, x, y)
    assert ranking.totals.tolist() == [3 * 4 + 3 * 1, 0]  # the third is classified wrongly
    assert ranking.order == [0, 1]
    with pytest.raises(ValueError, match="no sample"):
        models.feature_ranking(model, x[2:], y[2:])


def test_scores_by_group_by_hand() -> None:
    truth = [1, 1, 0, 0, 1, 0, 0, 0]
    said = [1, 0, 1, 0, 1, 0, 0, 1]
    group = ["a"] * 4 + ["b"] * 4
    scores = models.scores_by_group(truth, cr.tensor(said), group)
    assert scores["a"] == (4, 0.5, 0.5, 0.5, 0.5)
    assert scores["b"] == (4, 0.75, 0.5, 1.0, pytest.approx(1 / 3))
    wide = models.gaps(scores)
    assert wide == (0, 0.25, 0, 0.5, pytest.approx(1 / 6))
    lonely = models.scores_by_group([1, 1], [1, 1], [0, 1])
    assert math.isnan(lonely[0].false_positive_rate)
    with pytest.raises(ValueError, match="one length"):
        models.scores_by_group([1, 0], [1], [0, 0])
