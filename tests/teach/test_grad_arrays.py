"""check.grad on arrays: linear layer with batch mean, softmax with cross-entropy, batch norm."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.nn import functional as F
from chainrule.teach import check

RNG = np.random.default_rng(7)
X = RNG.standard_normal((4, 3)).astype(np.float32)
W = RNG.standard_normal((3, 2)).astype(np.float32)
B = RNG.standard_normal(2).astype(np.float32)
T = RNG.standard_normal((4, 2)).astype(np.float32)


class Linear:
    """loss = mean over rows of the sum of squares of XW + b − T.

    T is a constant that nobody holds: its data goes before the check comes, unless `keep` is set.
    """

    def __init__(self, keep: bool = False) -> None:
        self.X = cr.tensor(X, requires_grad=True, name="X")
        self.W = cr.tensor(W, requires_grad=True, name="W")
        self.b = cr.tensor(B, requires_grad=True, name="b")
        self.out = self.X @ self.W + self.b
        self.out.name = "out"
        self.target = cr.tensor(T) if keep else None
        error = self.out - (self.target if keep else cr.tensor(T))
        self.loss = (error**2).sum(1).mean()
        self.loss.name = "loss"


G = 2 * (X @ W + B - T) / 4  # ∂loss/∂out

LINEAR = [
    ("W", X.T @ G, ""),
    ("b", G.sum(0), ""),
    ("X", G @ W.T, ""),
    ("out", G, ""),
    ("W", -X.T @ G, "Every element has the right size and the wrong sign"),
    ("W", (X.T @ G).T, "transposed"),
    ("W", 4 * X.T @ G, "It is 4 times too large: the division by 4 is missing (the batch mean)"),
    ("W", X.T @ G / 4, "divided by 4 once too often (the batch mean)"),
    ("W", 2 * X.T @ G, "factor 2"),
    ("W", X.T @ G / 2, "factor ½"),
    ("W", X.T @ np.ones_like(G), "the local derivative only"),
    ("W", np.zeros((3, 2)), "zero"),
    ("W", W, "the value of W itself"),
    ("W", X.T @ G[:, :1], "an array of shape"),
    ("W", (X.T @ G).sum(), "summed over all elements"),
    ("W", 1.5, "Your answer is one number, the gradient has the shape of W: (3, 2)"),
    ("b", G, "It was not summed: b has shape (2,) and was broadcast to (4, 2)"),
    ("b", G.sum(1), "summed over the wrong axis: axis 1 instead of axis 0"),
    ("b", G.mean(0), "undoing broadcasting is a sum"),
    ("b", G.sum(0, keepdims=True), "kept as an axis of size 1"),
    ("b", G[0], "the first part only"),
    ("b", G.sum(), "summed over all elements"),
    ("X", G @ W.T * 4, "the batch mean"),
    ("out", G / 2, "factor ½"),
    ("out", G * 4, "the batch mean"),
]


@pytest.mark.parametrize(("by", "answer", "words"), LINEAR)
def test_a_linear_layer_with_a_batch_mean(by: str, answer, words: str) -> None:
    g = Linear()
    result = check.grad(answer, of=g.loss, wrt=getattr(g, by))
    if words == "an array of shape":
        assert "Your shape is (3, 1), the gradient has the shape of W: (3, 2)" in result.text
        return
    assert result.verdict == ("not right" if words else "right")
    assert words in result.text
    if not words:
        assert "It agrees with autograd and with finite differences" in result.text


def test_other_elements_are_counted() -> None:
    g = Linear()
    wrong = X.T @ G
    wrong[1, 0] += 0.25
    result = check.grad(wrong, of=g.loss, wrt=g.W)
    assert "5 of 6 elements are right. The largest difference is 0.25, at [1, 0]" in result.text
    wrong[1, 0] = np.nan
    assert "nan at [1, 0]" in check.grad(wrong, of=g.loss, wrt=g.W).text
    turned = X.T @ G
    turned[0] *= -1
    assert "2 of 6 elements have the right size and the wrong sign" in check.grad(
        turned, of=g.loss, wrt=g.W
    ).text  # fmt: skip


def test_a_module_and_its_fused_operations() -> None:
    cr.manual_seed(0)
    layer = nn.Linear(3, 2)
    x = cr.tensor(X)
    loss = (layer(x) ** 2).mean()
    g = (2 * layer(x) / 8).detach().numpy()
    assert check.grad(g.T @ X, of=loss, wrt=layer.weight)
    assert "transposed" in check.grad(X.T @ g, of=loss, wrt=layer.weight).text
    assert check.grad(g.sum(0), of=loss, wrt=layer.bias)
    assert "not summed" in check.grad(g, of=loss, wrt=layer.bias).text
    loss.backward()
    assert check.grad(layer.weight.grad, of=loss, wrt=layer.weight)


def test_broadcasting_over_rows_columns_and_scalars() -> None:
    r = cr.tensor([[1.0, 2.0]], requires_grad=True)
    c = cr.tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    s = cr.tensor(2.0, requires_grad=True)
    weights = cr.arange(6.0).reshape(3, 2)
    L = (s * (r + c) * weights).sum()
    g = 2 * np.arange(6.0).reshape(3, 2)
    assert check.grad(g.sum(0, keepdims=True), of=L, wrt=r)
    assert check.grad(g.sum(1, keepdims=True), of=L, wrt=c)
    assert "not summed" in check.grad(g, of=L, wrt=r).text
    text = check.grad(g.sum(1, keepdims=True), of=L, wrt=r).text
    assert "wrong axis: axis 1 instead of axis 0" in text
    full = np.array([[1, 2.0]]) + np.array([[1], [2], [3.0]])
    per = full * np.arange(6.0).reshape(3, 2)
    assert check.grad(per.sum(), of=L, wrt=s)
    assert "not summed" in check.grad(per, of=L, wrt=s).text


def test_a_square_array_summed_over_the_wrong_axis() -> None:
    b = cr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    M = cr.tensor(RNG.standard_normal((3, 3)), dtype=cr.float32)
    L = ((b + M) ** 2).sum()
    g = 2 * (b + M).detach().numpy()
    assert check.grad(g.sum(0), of=L, wrt=b)
    assert "summed over the wrong axis" in check.grad(g.sum(1), of=L, wrt=b).text


LOGITS = RNG.standard_normal((6, 4))
TARGET = np.array([0, 3, 1, 1, 2, 0])


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


ONE_HOT = np.eye(4)[TARGET]

SOFTMAX = [
    ((softmax(LOGITS) - ONE_HOT) / 6, ""),
    (softmax(LOGITS) - ONE_HOT, "It is 6 times too large: the division by 6 is missing"),
    ((ONE_HOT - softmax(LOGITS)) / 6, "the wrong sign"),
    (softmax(LOGITS) / 6, "the 1 at the target was not subtracted"),
    (((softmax(LOGITS) - ONE_HOT) / 6).T, "transposed"),
    ((softmax(LOGITS) - ONE_HOT) / 36, "divided by 6 once too often"),
]


@pytest.mark.parametrize(("answer", "words"), SOFTMAX)
def test_softmax_with_cross_entropy(answer, words: str) -> None:
    z = cr.tensor(LOGITS, requires_grad=True)
    loss = F.cross_entropy(z, cr.tensor(TARGET))
    result = check.grad(answer, of=loss, wrt=z)
    assert result.verdict == ("not right" if words else "right")
    assert words in result.text


def test_softmax_with_cross_entropy_step_by_step() -> None:
    z = cr.tensor(LOGITS, requires_grad=True)
    e = cr.exp(z)
    S = e.sum(1, keepdim=True)
    P = e / S
    loss = -cr.log((P * cr.tensor(ONE_HOT)).sum(1)).mean()
    dP = -ONE_HOT / softmax(LOGITS) / 6
    eN = np.exp(LOGITS)
    SN = eN.sum(1, keepdims=True)
    dS = (-dP * eN / SN**2).sum(1, keepdims=True)
    assert check.grad(dP, of=loss, wrt=P)
    assert check.grad(dS, of=loss, wrt=S)
    assert check.grad(dP / SN + dS, of=loss, wrt=e)
    assert "wrong sign" in check.grad(-dS, of=loss, wrt=S).text
    assert "the square is missing" in check.grad(dS * SN, of=loss, wrt=S).text
    assert "without the route through S" in check.grad(dP / SN, of=loss, wrt=e).text
    assert "not summed" in check.grad(-dP * eN / SN**2, of=loss, wrt=S).text
    text = check.grad(dP / SN * eN, of=loss, wrt=z).text
    assert "without the route through S" in text
    assert "without the route" in check.grad(dS * eN, of=loss, wrt=z).text


class BatchNorm:
    """L = Σ of weights times γ·(x − μ)/s + β, with μ and s over the batch of 8."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.xn = rng.standard_normal((8, 3))
        self.weights = rng.standard_normal((8, 3))
        self.x = cr.tensor(self.xn, requires_grad=True, name="x")
        self.gamma = cr.tensor(rng.standard_normal(3), requires_grad=True, name="gamma")
        self.mu = self.x.mean(0)
        self.c = self.x - self.mu
        self.v = (self.c**2).mean(0)
        self.s = cr.sqrt(self.v + 1e-5)
        self.xhat = self.c / self.s
        for name in ("mu", "c", "v", "s", "xhat"):
            getattr(self, name).name = name
        self.L = (self.xhat * self.gamma * cr.tensor(self.weights)).sum()
        self.L.name = "L"

    def gradient(self, by_mu: bool = True, by_v: bool = True):
        """∂L/∂x by hand, with or without a route."""
        c = self.xn - self.xn.mean(0)
        s = np.sqrt((c**2).mean(0) + 1e-5)
        dxhat = self.weights * self.gamma.detach().numpy()
        dc = dxhat / s
        if by_v:
            ds = (-dxhat * c / s**2).sum(0)
            dc = dc + ds / (2 * s) * 2 * c / 8
        return dc - dc.mean(0) if by_mu else dc


def test_batch_norm_and_its_three_routes() -> None:
    g = BatchNorm()
    assert check.grad(g.gradient(), of=g.L, wrt=g.x)
    text = check.grad(g.gradient(by_v=False), of=g.L, wrt=g.x).text
    assert "without the route through v" in text
    text = check.grad(g.gradient(by_mu=False), of=g.L, wrt=g.x).text
    assert "without the route through mu" in text
    assert "wrong sign" in check.grad(-g.gradient(), of=g.L, wrt=g.x).text
    assert "batch mean" in check.grad(8 * g.gradient(), of=g.L, wrt=g.x).text
    dxhat = g.weights * g.gamma.detach().numpy()
    assert check.grad(dxhat, of=g.L, wrt=g.xhat)
    assert check.grad((g.weights * g.xhat.detach().numpy()).sum(0), of=g.L, wrt=g.gamma)
    full = g.weights * g.xhat.detach().numpy()
    assert "not summed" in check.grad(full, of=g.L, wrt=g.gamma).text
    assert "undoing broadcasting is a sum" in check.grad(full.mean(0), of=g.L, wrt=g.gamma).text


def test_the_division_of_an_inner_mean() -> None:
    g = BatchNorm()
    c = g.xn - g.xn.mean(0)
    s = np.sqrt((c**2).mean(0) + 1e-5)
    dxhat = g.weights * g.gamma.detach().numpy()
    ds = (-dxhat * c / s**2).sum(0)
    wrong = dxhat / s + ds / (2 * s) * 2 * c  # without the 1/8 of the variance
    assert "The division by 8 of the mean was left out" in check.grad(wrong, of=g.L, wrt=g.c).text


def test_the_fused_batch_norm() -> None:
    g = BatchNorm()
    layer = nn.BatchNorm1d(3, dtype=cr.float64)
    L = (layer(g.x) * g.gamma * cr.tensor(g.weights, dtype=cr.float64)).sum()
    assert check.grad(g.gradient(), of=L, wrt=g.x, tol=1e-3)
    assert "wrong sign" in check.grad(-g.gradient(), of=L, wrt=g.x).text


def test_relu_and_its_other_side() -> None:
    x = cr.tensor(X, requires_grad=True)
    L = (cr.relu(x) * cr.tensor(X + 2)).sum()
    assert check.grad((X > 0) * (X + 2), of=L, wrt=x)
    assert "the other side" in check.grad((X <= 0) * (X + 2), of=L, wrt=x).text
    assert "was left out" in check.grad(X + 2, of=L, wrt=x).text


def test_a_maximum_sends_gradient_to_one_element() -> None:
    x = cr.tensor(X, requires_grad=True)
    L = 3 * x.amax()
    assert check.grad(3.0 * (X.max() == X), of=L, wrt=x)
    assert "only the element that was chosen" in check.grad(np.full(X.shape, 3.0), of=L, wrt=x).text


def test_the_upstream_gradient_may_be_given() -> None:
    x = cr.tensor(X, requires_grad=True)
    y = x**2
    up = np.arange(12.0).reshape(4, 3)
    assert check.grad(2 * X * up, of=y, wrt=x, grad=up)
    assert check.grad(2 * X * up, of=y, wrt=x, grad=cr.tensor(up))
    text = check.grad(2 * X, of=y, wrt=x, grad=up).text
    assert "not right" in text
    assert check.grad(2 * X, of=y, wrt=x, grad=cr.ones(4, 3))


def test_results_of_several_are_gone_through() -> None:
    x = cr.tensor(X, requires_grad=True)
    first, second = x.split(2)
    L = (first * 2).sum() + (second**2).sum()
    right = np.concatenate([np.full((2, 3), 2.0), 2 * X[2:]])
    assert check.grad(right, of=L, wrt=x)
    assert not check.grad(right * 1.5, of=L, wrt=x)
    values, _ = x.max(dim=1)
    assert check.grad(X.max(1, keepdims=True) == X, of=values.sum(), wrt=x)


def test_dropout_is_not_drawn_again() -> None:
    x = cr.ones(64, requires_grad=True)
    cr.manual_seed(0)
    y = F.dropout(x, 0.5)
    L = (y * 3).sum()
    state = cr.get_rng_state()
    assert check.grad(3 * y.detach().numpy(), of=L, wrt=x)
    assert not check.grad(y.detach().numpy(), of=L, wrt=x)
    assert bool((cr.get_rng_state() == state).all())


def test_a_users_function_is_compared_with_autograd_alone() -> None:
    class Cube(cr.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * g

    x = cr.tensor(X, requires_grad=True)
    L = Cube.apply(x).sum()
    assert check.grad(3 * X**2, of=L, wrt=x)
    assert "wrong sign" in check.grad(-3 * X**2, of=L, wrt=x).text


def test_values_edited_in_place_afterwards() -> None:
    w = cr.tensor(W, requires_grad=True)
    L = (w * 2).sum()
    with cr.no_grad():
        w -= 1.0
    assert check.grad(np.full((3, 2), 2.0), of=L, wrt=w)
    assert "wrong sign" in check.grad(np.full((3, 2), -2.0), of=L, wrt=w).text


def test_a_freed_graph_of_arrays() -> None:
    g = Linear(keep=True)
    g.loss.backward()
    assert check.grad(X.T @ G, of=g.loss, wrt=g.W)
    assert check.grad(g.W.grad, of=g.loss, wrt=g.W)


def test_a_graph_that_is_gone_says_so() -> None:
    w = cr.tensor(W, requires_grad=True)
    h = cr.exp(w)
    L = (h * h).sum()
    L.backward()
    with cr.no_grad():
        w -= 1.0
    with pytest.raises(ValueError, match=r"backward\(\) has freed this graph"):
        check.grad(1.0, of=L, wrt=w)


def test_float32_noise_around_zero_is_zero() -> None:
    x = cr.tensor(RNG.standard_normal((50, 3)), dtype=cr.float32, requires_grad=True)
    b = cr.zeros(3, requires_grad=True)
    h = x + b
    L = (((h - h.mean(0)) ** 3) * cr.tensor(np.float32(1.7))).sum() * 0 + (h - h.mean(0)).sum()
    assert check.grad(np.zeros(3), of=L, wrt=b)
    assert check.grad(np.full(3, 1e-7), of=L, wrt=b)
    assert not check.grad(np.full(3, 1e-2), of=L, wrt=b)
