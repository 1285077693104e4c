"""One neuron and the ways to teach it: perceptron, linear unit, delta rule, least squares.

Inputs x (N, D), targets y (N,); a neuron holds ``weight`` (D,) and ``bias`` ().
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn
from ..autograd import modes
from ..autograd.declare import names
from .registry import register

_torch = names["torch"]


def _zeros(*shape: int) -> nn.Parameter:
    return nn.Parameter(_torch["zeros"](shape))


@register(
    "one unit w·x + b",
    'McCulloch and Pitts, "A logical calculus of the ideas"',
    1943,
    (1,),
    name="linear_unit",
)
class Neuron(nn.Module):
    """y = f(w·x + b): inputs (…, D) → (…,). Without an activation f it is a linear unit.

    ``of(weight, bias)`` makes one with given numbers, as in the lecture's sugars → calories:

    >>> import chainrule as cr
    >>> Neuron.of([2.5], 90.0)(cr.tensor([5.0]))
    tensor(102.5000, grad_fn=<AddBackward0>)
    """

    def __init__(
        self, in_features: int = 1, activation: Callable[[Any], Any] | None = None
    ) -> None:
        super().__init__()
        self.weight, self.bias = _zeros(in_features), _zeros()
        self.activation = activation

    @classmethod
    def of(
        cls, weight: Any, bias: float = 0.0, activation: Callable[[Any], Any] | None = None
    ) -> Neuron:
        """A neuron with these weights and this bias."""
        made = cls(len(weight), activation)
        made.weight = nn.Parameter(_torch["as_tensor"](weight))
        made.bias = nn.Parameter(_torch["tensor"](bias, dtype=made.weight.dtype))
        return made

    def forward(self, x: Any) -> Any:
        z = x @ self.weight + self.bias
        return z if self.activation is None else self.activation(z)


@register(
    "a threshold unit with its learning rule",
    'Rosenblatt, "The perceptron"',
    1958,
    (2,),
    name="perceptron",
)
class Perceptron(nn.Module):
    """ŷ = [w·x + b > 0], taught record by record: w += α(y − ŷ)x, b += α(y − ŷ).

    The rule ends without mistakes if and only if a line parts the classes; no gradient is needed.
    Source: Rosenblatt, "The perceptron", 1958; Novikoff's theorem bounds the mistakes, 1962.

    >>> import chainrule as cr
    >>> from chainrule.data.tables import gate
    >>> x, y = map(cr.from_numpy, gate("and")[:2])
    >>> unit = Perceptron(2)
    >>> unit.fit(x, y)[-1], unit(x)
    (0, tensor([0., 0., 0., 1.]))
    """

    def __init__(self, in_features: int = 2) -> None:
        super().__init__()
        self.weight = _zeros(in_features).requires_grad_(False)
        self.bias = _zeros().requires_grad_(False)

    def forward(self, x: Any) -> Any:
        return (x @ self.weight + self.bias > 0).to(x.dtype)

    def learn(self, x: Any, y: Any, lr: float = 1.0) -> bool:
        """One step of the rule on one record (D,); whether it was a mistake."""
        error = y - self(x)
        self.weight.add_(lr * error * x)
        self.bias.add_(lr * error)
        return bool(error != 0)

    def fit(self, x: Any, y: Any, lr: float = 1.0, epochs: int = 100) -> list[int]:
        """Repeat the rule over all records until none is mistaken: the mistakes of each epoch."""
        mistakes: list[int] = []
        while len(mistakes) < epochs and (not mistakes or mistakes[-1]):
            mistakes.append(sum(self.learn(*record, lr) for record in zip(x, y, strict=True)))
        return mistakes


@register(
    "a linear unit with the delta rule",
    'Widrow and Hoff, "Adaptive switching circuits"',
    1960,
    (2,),
    name="adaline",
)
class Adaline(Neuron):
    """A linear unit taught by the delta rule (LMS): Δw = α·x·e, Δb = α·e, e = y − (w·x + b).

    The step is down the gradient of e²/2, one record at a time: stochastic gradient descent before
    it had the name. Source: Widrow and Hoff, "Adaptive switching circuits", 1960.

    >>> import chainrule as cr
    >>> unit = Adaline(1)
    >>> unit.learn(cr.tensor([2.0]), cr.tensor(3.0), lr=0.1), unit.weight.data, unit.bias.data
    (3.0, tensor([0.6000]), tensor(0.3000))
    """

    def __init__(self, in_features: int = 2) -> None:
        super().__init__(in_features)

    def learn(self, x: Any, y: Any, lr: float = 0.01) -> float:
        """One step on one record (D,); the error e before it."""
        with modes.no_grad():
            error = y - self(x)
            self.weight.add_(lr * error * x)
            self.bias.add_(lr * error)
        return float(error)

    def fit(self, x: Any, y: Any, lr: float = 0.01, epochs: int = 50) -> list[float]:
        """Epochs of the rule over all records in their order: the mean of e² in each."""
        return [
            sum(self.learn(*record, lr) ** 2 for record in zip(x, y, strict=True)) / len(x)
            for _ in range(epochs)
        ]

    def classify(self, x: Any) -> Any:
        """1 where w·x + b ≥ 0, else −1: Adaline as a classifier of targets ±1."""
        with modes.no_grad():
            return _torch["where"](self(x) >= 0, 1.0, -1.0)


# -- least squares --------------------------------------------------------------------------------


def slope_intercept(x: Any, y: Any) -> tuple[Any, Any]:
    """The line through (x, y), both (N,): w = Σ(x − x̄)(y − ȳ)/Σ(x − x̄)², b = ȳ − w·x̄.

    Raises ValueError where all x are one number, which leaves the slope open.

    >>> import chainrule as cr
    >>> w, b = slope_intercept(cr.tensor([0.0, 1.0, 2.0]), cr.tensor([1.0, 3.0, 5.0]))
    >>> w.item(), b.item()
    (2.0, 1.0)
    """
    dx, dy = x - x.mean(), y - y.mean()
    spread = (dx * dx).sum()
    if not spread > 0:
        raise ValueError("slope_intercept: all x are the same number: no slope fits better")
    w = (dx * dy).sum() / spread
    return w, y.mean() - w * x.mean()


def normal_equation(x: Any, y: Any) -> tuple[Any, Any]:
    """Weights (D,) and bias of least squares: XᵀX θ = Xᵀy, X with a column of ones.

    Forming XᵀX squares the condition number, so ``linalg.lstsq`` is the better tool in earnest.
    Raises LinAlgError where XᵀX is singular: fewer records than columns, or dependent columns.

    >>> import chainrule as cr
    >>> w, b = normal_equation(cr.tensor([[0.0], [1.0], [2.0]]), cr.tensor([1.0, 3.0, 5.0]))
    >>> [round(v, 4) for v in (w.item(), b.item())]
    [2.0, 1.0]
    """
    X = _torch["cat"]([x, _torch["ones"](len(x), 1, dtype=x.dtype)], 1)
    theta = names["linalg"]["solve"](X.T @ X, X.T @ y)
    return theta[:-1], theta[-1]


@register(
    "least squares",
    'Legendre, "Nouvelles méthodes pour la détermination des orbites"',
    1805,
    (1,),
    name="linear_regression",
)
class LinearRegression(Neuron):
    """ŷ = w·x + b with the least squared error, by one of three ways that agree.

    ``fit(x, y, method)``: "normal" solves the normal equation; "slope" is the formula for D = 1;
    "gradient" goes down ∂/∂w = (2/n)Σx(ŷ − y), ∂/∂b = (2/n)Σ(ŷ − y).

    >>> import chainrule as cr
    >>> x, y = cr.tensor([[0.0], [1.0], [2.0]]), cr.tensor([1.0, 3.0, 5.0])
    >>> line = LinearRegression(1).fit(x, y, "gradient", lr=0.2, steps=200)
    >>> [round(v, 3) for v in (line.weight.item(), line.bias.item())]
    [2.0, 1.0]
    """

    def __init__(self, in_features: int = 1) -> None:
        super().__init__(in_features)

    def fit(
        self, x: Any, y: Any, method: str = "normal", lr: float = 0.1, steps: int = 1000
    ) -> LinearRegression:
        """Set weight and bias; returns the model itself."""
        if method not in ("normal", "slope", "gradient"):
            raise ValueError(
                f"LinearRegression.fit: method must be normal, slope or gradient, got {method!r}"
            )
        if method == "slope" and x.shape[1] != 1:
            raise ValueError(
                f"LinearRegression.fit: the slope formula is for one column, x has {x.shape[1]}; "
                "use method='normal'"
            )
        with modes.no_grad():
            if method == "gradient":
                for _ in range(steps):
                    error = self(x) - y
                    self.weight.sub_(lr * 2 * (error @ x) / len(x))
                    self.bias.sub_(lr * 2 * error.mean())
                return self
            w, b = normal_equation(x, y) if method == "normal" else slope_intercept(x[:, 0], y)
            self.weight.copy_(w.reshape(-1))
            self.bias.copy_(b)
        return self
