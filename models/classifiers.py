"""Linear classifiers: logistic regression, softmax regression, the multi-class SVM, and the
hierarchical softmax for many classes.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from typing import Any

from .. import nn
from ..autograd import modes
from ..autograd.declare import names
from ..nn import functional as F
from ..nn.course_losses import weston_watkins_loss
from .registry import register

_torch = names["torch"]


@register(
    "σ(w·x + b), two classes",
    'Cox, "The regression analysis of binary sequences"',
    1958,
    (2,),
    name="logistic_regression",
)
class LogisticRegression(nn.Module):
    """P(y = 1 | x) = σ(w·x + b): inputs (N, D) → probabilities (N,), from zero weights.

    Its mean loss −(y·log ŷ + (1 − y)·log(1 − ŷ)) is convex in w and b, with the gradients of
    ``gradients``.

    >>> import chainrule as cr
    >>> model = LogisticRegression(2)
    >>> model(cr.tensor([[3.0, 1.0]])).item()
    0.5
    """

    def __init__(self, in_features: int = 2) -> None:
        super().__init__()
        self.weight = nn.Parameter(_torch["zeros"](in_features))
        self.bias = nn.Parameter(_torch["zeros"](()))

    def scores(self, x: Any) -> Any:
        """The logits z = w·x + b (N,)."""
        return x @ self.weight + self.bias

    def forward(self, x: Any) -> Any:
        return _torch["sigmoid"](self.scores(x))

    def loss(self, x: Any, y: Any) -> Any:
        """The mean binary cross-entropy, from the logits: nothing overflows."""
        return F.binary_cross_entropy_with_logits(self.scores(x), y)

    def gradients(self, x: Any, y: Any) -> tuple[Any, Any]:
        """By hand: ∂L/∂w = Σx(ŷ − y)/n (D,) and ∂L/∂b = Σ(ŷ − y)/n."""
        with modes.no_grad():
            error = self(x) - y
            return error @ x / len(x), error.mean()

    def fit(self, x: Any, y: Any, lr: float = 0.1, steps: int = 1000) -> list[float]:
        """Gradient descent with ``gradients``; the loss before each step."""
        losses = []
        with modes.no_grad():
            for _ in range(steps):
                losses.append(self.loss(x, y).item())
                dw, db = self.gradients(x, y)
                self.weight.sub_(lr * dw)
                self.bias.sub_(lr * db)
        return losses

    def predict(self, x: Any) -> Any:
        """1 where the probability is at least one half, else 0 (N,)."""
        with modes.no_grad():
            return (self.scores(x) >= 0).long()


class _LinearScores(nn.Module):
    """Scores x Wᵀ + b of C classes: inputs (N, D) → (N, C)."""

    def __init__(self, in_features: int, num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, num_classes)

    def forward(self, x: Any) -> Any:
        return self.linear(x)

    def predict(self, x: Any) -> Any:
        """The class with the largest score (N,)."""
        with modes.no_grad():
            return self(x).argmax(-1)


@register(
    "softmax of linear scores, C classes",
    'Bridle, "Probabilistic interpretation"',
    1990,
    (64,),
    name="softmax_regression",
)
class SoftmaxRegression(_LinearScores):
    """P(y = c | x) = softmax(x Wᵀ + b)_c: inputs (N, D) → scores (N, C), the loss −log P(y | x).

    With Z = XWᵀ + b, the mean loss has ∂L/∂Z = (P − Y)/N, Y one-hot; two classes make it logistic
    regression on the difference of the scores.

    >>> import chainrule as cr
    >>> model = SoftmaxRegression(4, 3)
    >>> model.probabilities(cr.zeros(1, 4)).sum().item()
    1.0
    """

    def __init__(self, in_features: int = 64, num_classes: int = 10) -> None:
        super().__init__(in_features, num_classes)

    def loss(self, x: Any, y: Any) -> Any:
        """The mean cross-entropy with classes y (N,)."""
        return F.cross_entropy(self(x), y)

    def probabilities(self, x: Any) -> Any:
        """Softmax of the scores (N, C)."""
        with modes.no_grad():
            return self(x).softmax(-1)


@register(
    "linear scores with a margin of 1 between classes",
    'Weston and Watkins, "Multi-class pattern recognition"',
    1999,
    (64,),
    name="multiclass_svm",
)
class MulticlassSVM(_LinearScores):
    """Linear scores s (N, C) taught to leave a margin: Σ_{j≠y} max(0, s_j − s_y + 1) + λ‖W‖².

    ``squared`` takes the squares of the hinges; ``penalty`` is λ, on the weights only. Unlike the
    softmax, rows beyond the margin push no more. Source: Weston and Watkins, 1999.

    >>> import chainrule as cr
    >>> svm = MulticlassSVM(2, 3, penalty=0.0)
    >>> round(svm.loss(cr.zeros(1, 2), cr.tensor([0])).item(), 4) >= 0
    True
    """

    def __init__(
        self,
        in_features: int = 64,
        num_classes: int = 10,
        penalty: float = 1e-4,
        squared: bool = False,
    ) -> None:
        super().__init__(in_features, num_classes)
        self.penalty, self.squared = penalty, squared

    def loss(self, x: Any, y: Any) -> Any:
        """The mean hinge loss with classes y (N,), and the penalty."""
        hinge = weston_watkins_loss(self(x), y, squared=self.squared)
        return hinge + self.penalty * (self.linear.weight**2).sum()


# -- many classes ---------------------------------------------------------------------------------


def huffman_codes(counts: Sequence[float]) -> list[list[tuple[int, int]]]:
    """The path to each class from the root of a Huffman tree: pairs (inner node, left +1/right −1).

    Frequent classes get short paths; equal counts of 2ᵏ classes get k steps each. Inner nodes are
    numbered 0 … V − 2, the root last. Source: Huffman, 1952.

    >>> [len(path) for path in huffman_codes([8, 4, 2, 2])]
    [1, 2, 3, 3]
    """
    if len(counts) < 2:
        raise ValueError(f"huffman_codes: a tree needs two classes or more, got {len(counts)}")
    paths: list[list[tuple[int, int]]] = [[] for _ in counts]
    order = itertools.count()
    heap = [(count, next(order), [k]) for k, count in enumerate(counts)]
    heapq.heapify(heap)
    for node in range(len(counts) - 1):
        a, b = heapq.heappop(heap), heapq.heappop(heap)
        for side, (_, _, members) in ((1, a), (-1, b)):
            for k in members:
                paths[k].append((node, side))
        heapq.heappush(heap, (a[0] + b[0], next(order), a[2] + b[2]))
    return [path[::-1] for path in paths]


def _hidden_and_word() -> tuple[Any, Any]:
    return _torch["zeros"](1, 16), _torch["tensor"]([3])


@register(
    "a softmax over V classes in log V steps",
    'Morin and Bengio, "Hierarchical probabilistic neural network language model"',
    2005,
    _hidden_and_word,
    name="hierarchical_softmax",
)
class HierarchicalSoftmax(nn.Module):
    """log P(y | h) = Σ_k log σ(±(w_k·h + b_k)) over the inner nodes k on the path to leaf y.

    Features h (N, D) and classes y (N,) → log-probabilities (N,), from about log₂V products of
    length D instead of the softmax's V. The probabilities of all leaves sum to one at any weights.
    ``counts``: how frequent the classes are, for shorter paths to frequent ones.
    Source: Morin and Bengio, 2005; with Huffman codes: Mikolov et al., 2013.

    >>> import chainrule as cr
    >>> model = HierarchicalSoftmax(4, 1024)
    >>> model.path_lengths().max().item()
    10
    >>> model.log_probabilities(cr.randn(2, 4)).exp().sum(1).allclose(cr.ones(2))
    True
    """

    path: Any
    side: Any

    def __init__(
        self, in_features: int = 16, num_classes: int = 1024, counts: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        codes = huffman_codes([1] * num_classes if counts is None else counts)
        if len(codes) != num_classes:
            raise ValueError(
                f"HierarchicalSoftmax: {len(codes)} counts for {num_classes} classes; give one each"
            )
        depth = max(map(len, codes))
        padded = [code + [(0, 0)] * (depth - len(code)) for code in codes]
        table = _torch["tensor"](padded)
        self.register_buffer("path", table[..., 0])  # (V, depth): inner nodes
        self.register_buffer("side", table[..., 1])  # (V, depth): ±1, and 0 past the leaf
        self.nodes = nn.Linear(in_features, num_classes - 1)

    def path_lengths(self) -> Any:
        """How many inner nodes stand above each class (V,)."""
        return self.side.abs().sum(1)

    def _log_probability(self, scores: Any, side: Any) -> Any:
        return (F.logsigmoid(side * scores) * side.abs()).sum(-1)

    def forward(self, hidden: Any, target: Any) -> Any:
        path = self.path[target]  # (N, depth)
        nodes: Any = self.nodes
        weight, bias = nodes.weight[path], nodes.bias[path]
        scores = (weight @ hidden.unsqueeze(-1)).squeeze(-1) + bias
        return self._log_probability(scores, self.side[target])

    def loss(self, hidden: Any, target: Any) -> Any:
        """−log P(target | hidden), its mean."""
        return -self(hidden, target).mean()

    def log_probabilities(self, hidden: Any) -> Any:
        """Those of all classes (N, V): the whole tree, V − 1 products."""
        scores = self.nodes(hidden)[:, self.path]
        return self._log_probability(scores, self.side)
