"""Rows L1 to L6: losses and their worked numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.nn import functional as F
from chainrule.nn import metrics
from chainrule.nn.course_losses import hinge_loss, rmse_loss, weston_watkins_loss


def double(*values: Any) -> Any:
    return cr.tensor(values, dtype=cr.float64)


def test_L1_errors_five_three_one() -> None:
    y, zero = double(5.0, 3.0, 1.0), double(0.0, 0.0, 0.0)
    assert F.l1_loss(y, zero).item() == 3
    assert F.mse_loss(y, zero).item() == pytest.approx(35 / 3)
    assert rmse_loss(y, zero).item() == pytest.approx(math.sqrt(35 / 3))
    assert (metrics.mae(zero, y), metrics.mse(zero, y)) == (3, pytest.approx(35 / 3))
    # Huber with δ = 2: quadratic for the error 1, linear for 3 and 5
    huber = F.huber_loss(y, zero, reduction="none", delta=2.0)
    assert huber.tolist() == [2 * (5 - 1), 2 * (3 - 1), 0.5]


def test_L1_huber_meets_both_sides() -> None:
    e = cr.linspace(-4, 4, 161, dtype=cr.float64, requires_grad=True)
    loss = F.huber_loss(e, cr.zeros_like(e).detach(), reduction="none", delta=1.5)
    inside = e.abs() <= 1.5
    assert loss.allclose(cr.where(inside, e**2 / 2, 1.5 * (e.abs() - 0.75)))
    loss.sum().backward()
    assert e.grad.allclose(e.detach().clamp(-1.5, 1.5))  # no error pulls harder than δ


def test_L1_loss_of_a_record_and_cost_of_a_batch() -> None:
    w = double(0.5).requires_grad_()
    x, y = double(1.0, 2.0, 4.0), double(3.0, 1.0, 2.0)
    n = len(x)
    error = (w * x - y).detach()
    per_record = F.mse_loss(w * x, y, reduction="none")
    assert per_record.allclose(error**2)
    cost = F.mse_loss(w * x, y)
    assert cost.item() == pytest.approx(per_record.mean().item())
    # the factors ½ and 1/2n only scale the gradient: they take away the 2 of the square
    (of_cost,) = cr.autograd.grad(cost, w, retain_graph=True)
    (halved,) = cr.autograd.grad(0.5 * F.mse_loss(w * x, y, reduction="sum"), w)
    (over_2n,) = cr.autograd.grad(F.mse_loss(w * x, y, reduction="sum") / (2 * n), w)
    assert of_cost.item() == pytest.approx(2 * (x * error).mean().item())
    assert halved.item() == pytest.approx((x * error).sum().item())
    assert over_2n.item() == pytest.approx(of_cost.item() / 2)


def test_L1_what_an_outlier_does() -> None:
    y = cr.cat([cr.linspace(-1, 1, 21, dtype=cr.float64), double(100.0)])

    def fitted(loss: Any) -> float:
        """The constant with the least loss."""
        c = double(0.0).requires_grad_()
        descent = cr.optim.SGD([c], lr=0.3)
        for _ in range(800):
            descent.zero_grad()
            loss(c.expand(len(y)), y).backward()
            descent.step()
        return float(c.item())

    assert fitted(F.mse_loss) == pytest.approx(100 / 22, rel=1e-6)  # the mean: dragged along
    assert abs(fitted(rmse_loss) - 100 / 22) < 0.01  # the same minimum
    assert abs(fitted(F.l1_loss)) < 0.2  # the median hardly moves
    assert abs(fitted(F.huber_loss)) < 0.2


def test_L2_binary_cross_entropy() -> None:
    p, y = double(0.01, 0.99, 0.8), double(1.0, 1.0, 0.0)
    rows = F.binary_cross_entropy(p, y, reduction="none")
    assert rows.tolist() == pytest.approx([-math.log(0.01), -math.log(0.99), -math.log(0.2)])
    assert round(rows[0].item(), 1) == 4.6
    assert round(rows[1].item(), 2) == 0.01
    assert F.binary_cross_entropy(p, y).item() == pytest.approx(rows.mean().item())


def test_L3_both_cross_entropies_are_one_number() -> None:
    P = double([0.2, 0.7, 0.1])
    sparse = F.nll_loss(P.log(), cr.tensor([1]))
    categorical = -(double([0.0, 1.0, 0.0]) * P.log()).sum(1).mean()
    assert round(sparse.item(), 2) == 0.36
    assert sparse.item() == pytest.approx(categorical.item(), rel=1e-15)
    assert F.cross_entropy(P.log(), double([0.0, 1.0, 0.0])).item() == pytest.approx(sparse.item())


@pytest.mark.parametrize(("p", "nats"), [(0.1, 2.303), (0.3, 1.204), (0.5, 0.693)])
def test_L3_the_worse_the_dearer(p: float, nats: float) -> None:
    rest = (1 - p) / 2
    loss = F.cross_entropy(double([p, rest, rest]).log(), cr.tensor([0]))
    assert round(loss.item(), 3) == nats


@pytest.mark.parametrize(("p", "bits"), [(0.775, 0.3677), (0.936, 0.095)])
def test_L3_in_bits(p: float, bits: float) -> None:
    loss = F.nll_loss(double([p, 1 - p]).log(), cr.tensor([0])) / math.log(2)
    assert loss.item() == pytest.approx(bits, abs=6e-4)
    assert loss.item() == pytest.approx(-math.log2(p))


P, Q = (0.5, 0.1, 0.4), (0.5, 0.4, 0.1)


def test_L4_entropy_and_divergence() -> None:
    p, q = double(*P), double(*Q)
    kl = F.kl_div(q.log(), p, reduction="sum")
    assert round(kl.item(), 3) == 0.416
    entropy = -(p * p.log()).sum()
    cross = -(p * q.log()).sum()
    assert cross.item() == pytest.approx((entropy + kl).item(), rel=1e-14)
    pair = cr.distributions.Categorical(probs=p), cr.distributions.Categorical(probs=q)
    assert pair[0].entropy().item() == pytest.approx(entropy.item())
    assert cr.distributions.kl_divergence(*pair).item() == pytest.approx(kl.item())
    assert F.kl_div(p.log(), p, reduction="sum").item() == 0


def test_L4_ratios() -> None:
    ratios = double(*P) / double(*Q)
    assert ratios.tolist() == pytest.approx([1, 1 / 4, 4])
    assert ratios.mean().item() == 1.75
    assert ratios.log().mean().item() == pytest.approx(0, abs=1e-15)


def test_L4_divergence_is_not_symmetric() -> None:
    # the notes' P and Q mirror each other, so that both directions give .416 there
    p, q = double(*P), double(*Q)
    assert F.kl_div(q.log(), p, reduction="sum").item() == pytest.approx(
        F.kl_div(p.log(), q, reduction="sum").item()
    )
    p, q = double(0.9, 0.1), double(0.5, 0.5)
    one, other = F.kl_div(q.log(), p, reduction="sum"), F.kl_div(p.log(), q, reduction="sum")
    assert one.item() == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2))
    assert other.item() == pytest.approx(-0.5 * math.log(1.8) - 0.5 * math.log(0.2))
    assert abs(one.item() - other.item()) > 0.1


def test_L5_multiclass_hinge() -> None:
    s, y = double([3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]), cr.tensor([0, 1, 2])
    by_hand = [
        sum(max(0.0, s[i, j].item() - s[i, k].item() + 1) for j in range(3) if j != k)
        for i, k in enumerate([0, 1, 2])
    ]
    assert by_hand == pytest.approx([2.9, 0, 12.9])
    assert weston_watkins_loss(s, y, reduction="none").tolist() == pytest.approx(by_hand)
    assert weston_watkins_loss(s, y).item() == pytest.approx(np.mean(by_hand))
    assert (3 * F.multi_margin_loss(s, y)).item() == pytest.approx(np.mean(by_hand))
    squares = [2.9**2, 0, 6.3**2 + 6.6**2]
    assert weston_watkins_loss(s, y, squared=True, reduction="none").tolist() == pytest.approx(
        squares
    )


def test_L5_gradient_of_the_hinge() -> None:
    s = double([3.2, 5.1, -1.7]).requires_grad_()
    weston_watkins_loss(s, cr.tensor([0])).backward()
    assert s.grad.tolist() == [
        [-1, 1, 0]
    ]  # each class over the margin +1, the true one − their count
    assert cr.autograd.gradcheck(
        lambda s: weston_watkins_loss(s, cr.tensor([1, 0]), squared=True),
        cr.randn(2, 4, dtype=cr.float64, requires_grad=True),
    )


def test_L5_two_classes() -> None:
    s, t = double(0.5, 2.0, -1.0), double(1.0, 1.0, 1.0)
    assert hinge_loss(s, t, reduction="none").tolist() == [0.5, 0, 2]
    assert hinge_loss(s, t, squared=True, reduction="sum").item() == 4.25
    assert nn.course_losses.HingeLoss()(s, -t).item() == pytest.approx((1.5 + 3 + 0) / 3)
    with pytest.raises(ValueError, match="one shape"):
        hinge_loss(s, t[:2])
    with pytest.raises(ValueError, match="reduction"):
        hinge_loss(s, t, reduction="most")


def test_L6_nothing_overflows() -> None:
    z = double([1000.0, -1000.0, 0.0])
    assert F.cross_entropy(z, cr.tensor([1])).item() == 2000
    assert F.cross_entropy(z, cr.tensor([0])).item() == 0
    logit = double(1000.0, -1000.0)
    assert F.binary_cross_entropy_with_logits(logit, double(0.0, 1.0)).item() == 1000
    for loss in (
        F.cross_entropy(z.requires_grad_(), cr.tensor([1])),
        F.binary_cross_entropy_with_logits(logit.requires_grad_(), double(0.0, 1.0)),
    ):
        loss.backward()
    assert z.grad.tolist() == [[1, -1, 0]]
    assert logit.grad.tolist() == [0.5, -0.5]
    with np.errstate(all="ignore"):  # the textbook formula does
        assert math.isnan((z.detach().exp() / z.detach().exp().sum()).max().item())


def test_L6_softmax_of_tens() -> None:
    p = double(10.0, 20, 30, 40, 50, 70).softmax(0)
    assert f"{p[0].item():.1e}" == "8.8e-27"
    assert p[-1].item() == pytest.approx(1)
    assert p.tolist() == pytest.approx([math.exp(v - 70) for v in (10, 20, 30, 40, 50, 70)])


def test_L6_logits_and_probabilities_agree() -> None:
    z = cr.randn(8, 5, dtype=cr.float64)
    y = cr.arange(8) % 5
    assert F.cross_entropy(z, y).allclose(F.nll_loss(z.softmax(1).log(), y))
    assert F.cross_entropy(z + 500, y).allclose(F.cross_entropy(z, y))  # shifts change nothing
    assert z.softmax(1).allclose((z.log_softmax(1)).exp())
    p = z[:, 0].sigmoid()
    assert cr.logit(p).allclose(z[:, 0])
