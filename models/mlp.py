"""Multi-layer perceptrons, the network that solves XOR, and deep linear networks."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from typing import Any

from .. import nn
from ..autograd import modes
from ..autograd.declare import names
from .registry import register

_torch = names["torch"]


class MLP(nn.Module):
    """a ← f(W a + b), layer after layer; no activation after the last.

    ``MLP(784, 128, 10)``: inputs (N, 784) (or images, which are flattened) → 128 hidden units →
    scores (N, 10). ``MLP(784, 10)`` is softmax regression. ``activation`` makes one, as a class
    does; ``dropout`` drops hidden units in training. Parameters: Σ (n_in + 1)·n_out.
    Raises ValueError for fewer than two sizes.

    Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors",
    1986.

    >>> import chainrule as cr
    >>> MLP(2, 3, 1)
    MLP(
      (layers): Sequential(
        (0): Linear(in_features=2, out_features=3, bias=True)
        (1): ReLU()
        (2): Linear(in_features=3, out_features=1, bias=True)
      )
    )
    """

    def __init__(
        self, *sizes: int, activation: Callable[[], nn.Module] = nn.ReLU, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"MLP: give the sizes of input and output at least, got {sizes}")
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            if layers:
                layers.append(activation())
                if dropout:
                    layers.append(nn.Dropout(dropout))
            layers.append(nn.Linear(n_in, n_out))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        return self.layers(x.flatten(1))


@register(
    "multi-layer perceptron, 784-128-10",
    'Rumelhart et al., "Learning representations by back-propagating errors"',
    1986,
    sample=(1, 28, 28),
)
def mlp(*sizes: int, **options: Any) -> MLP:
    """A multi-layer perceptron of the given sizes, 784-128-10 without any.

    >>> from chainrule import models
    >>> models.count_parameters(mlp(2, 2, 1))
    9
    """
    return MLP(*(sizes or (784, 128, 10)), **options)


def xor_by_hand() -> MLP:
    """A 2-2-1 ReLU network whose weights compute XOR exactly: ReLU(a + b) − 2·ReLU(a + b − 1).

    Source: Goodfellow, Bengio and Courville, "Deep learning", 2016, section 6.1.

    >>> import chainrule as cr
    >>> x = cr.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> xor_by_hand()(x).flatten().tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    net = MLP(2, 2, 1)
    values = [[[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0], [[1.0, -2.0]], [0.0]]
    with modes.no_grad():
        for parameter, value in zip(net.parameters(), values, strict=True):
            parameter.copy_(_torch["tensor"](value))
    return net


class DeepLinear(nn.Module):
    """Linear layers in a row, which are together one linear layer: ``collapse`` gives it.

    W = W_k ⋯ W₂W₁ and b = W_k(⋯(W₂b₁ + b₂)⋯) + b_k. Depth adds no functions without activations;
    it changes only how the same function is learned.

    >>> import chainrule as cr
    >>> net = DeepLinear(4, 3, 2)
    >>> x = cr.randn(5, 4)
    >>> net.collapse(), net(x).allclose(net.collapse()(x), atol=1e-6)
    (Linear(in_features=4, out_features=2, bias=True), True)
    """

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"DeepLinear: give the sizes of input and output, got {sizes}")
        self.layers = nn.Sequential(*[nn.Linear(n, m) for n, m in pairwise(sizes)])

    def forward(self, x: Any) -> Any:
        return self.layers(x)

    def collapse(self) -> nn.Linear:
        """The one linear layer that computes the same."""
        layers: list[Any] = list(self.layers)
        weight = reduce(lambda product, layer: layer.weight @ product, layers[1:], layers[0].weight)
        bias = reduce(lambda b, layer: layer.weight @ b + layer.bias, layers[1:], layers[0].bias)
        one = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
        one.weight, one.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())
        return one


@register(
    "linear layers without activations",
    'Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear networks"',
    2014,
    sample=(4,),
)
def deep_linear(*sizes: int) -> DeepLinear:
    """A deep linear network of the given sizes, 4-8-8-1 without any.

    >>> from chainrule import models
    >>> models.count_parameters(deep_linear())
    121
    """
    return DeepLinear(*(sizes or (4, 8, 8, 1)))
