"""Verification by a Siamese network: the same or not, by the distance of two embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from ..autograd.declare import names
from ..autograd.random import Generator, pick
from .registry import register

_torch = names["torch"]


class Siamese(nn.Module):
    """One network for both images; the distance of its results says how different they are.

    Two batches (N, 1, size, size) → distances (N,): ‖f(a) − f(b)‖. ``embed`` is f, with results
    (N, features). Train it with ``contrastive_loss`` on pairs, or ``embed`` with
    ``nn.TripletMarginLoss`` on triplets.

    Source: Bromley et al., "Signature verification using a Siamese time delay neural network",
    1993; Hadsell et al., "Dimensionality reduction by learning an invariant mapping", 2006.

    >>> import chainrule as cr
    >>> net = Siamese()
    >>> net(cr.zeros(5, 1, 8, 8), cr.zeros(5, 1, 8, 8)).shape
    torch.Size([5])
    """

    def __init__(self, features: int = 16, in_channels: int = 1, size: int = 8) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.Conv2d(in_channels, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * (size // 2) ** 2, 64),
            nn.ReLU(),
            nn.Linear(64, features),
        )

    def forward(self, first: Any, second: Any) -> Any:
        return nn.functional.pairwise_distance(self.embed(first), self.embed(second))


def contrastive_loss(distance: Any, same: Any, margin: float = 1.0) -> Any:
    """The mean of d² for pairs that are the same, and of max(0, margin − d)² for the others.

    ``distance`` (N,), ``same`` (N,) of 1 and 0.

    >>> import chainrule as cr
    >>> contrastive_loss(cr.tensor([0.5, 0.5, 2.0]), cr.tensor([1.0, 0.0, 0.0]))
    tensor(0.1667)
    """
    far = (margin - distance).clamp(min=0)
    return (same * distance**2 + (1 - same) * far**2).mean()


def pairs(labels: Any, count: int, generator: Generator | None = None) -> tuple[Any, Any, Any]:
    """Draw pairs of samples, half of them of one class: indices, indices, and 1 where the same.

    ``labels`` (samples,) of integers. Raises ValueError unless there are two classes, and two
    samples in one of them.

    >>> import chainrule as cr
    >>> a, b, same = pairs(cr.tensor([0, 0, 1, 1]), 4, cr.Generator().manual_seed(0))
    >>> same.tolist(), (cr.tensor([0, 0, 1, 1])[a] == cr.tensor([0, 0, 1, 1])[b]).tolist()
    ([1.0, 1.0, 0.0, 0.0], [True, True, False, False])
    """
    anchors, positives, negatives = triplets(labels, count, generator)
    half = (count + 1) // 2
    same = _torch["tensor"]([1.0] * half + [0.0] * (count - half))
    return anchors, _torch["cat"]([positives[:half], negatives[half:]]), same


def triplets(labels: Any, count: int, generator: Generator | None = None) -> tuple[Any, Any, Any]:
    """Draw anchors, others of the anchor's class, and others of another class, as indices.

    >>> import chainrule as cr
    >>> labels = cr.tensor([0, 0, 1, 1])
    >>> anchor, positive, negative = triplets(labels, 3, cr.Generator().manual_seed(0))
    >>> bool((labels[anchor] == labels[positive]).all()), bool((anchor == positive).any())
    (True, False)
    """
    classes = np.asarray(labels.tolist() if hasattr(labels, "tolist") else labels)
    members = {c: np.flatnonzero(classes == c) for c in np.unique(classes)}
    usable = np.flatnonzero([len(members[c]) > 1 for c in classes])
    if len(members) < 2 or not len(usable):
        raise ValueError(
            "triplets: they need two classes, and two samples in one of them, got "
            f"{ {int(c): len(rows) for c, rows in members.items()} } (class: samples)"
        )
    g = pick(generator)
    rows = []
    for anchor in usable[g.randint(0, len(usable), (count,))]:
        own = members[classes[anchor]]
        others = np.flatnonzero(classes != classes[anchor])
        positive = own[own != anchor][_below(g, len(own) - 1)]
        rows.append((int(anchor), int(positive), int(others[_below(g, len(others))])))
    anchors, positives, negatives = np.array(rows, np.int64).reshape(-1, 3).T.copy()
    tensor = _torch["from_numpy"]
    return tensor(anchors), tensor(positives), tensor(negatives)


def _below(g: Generator, n: int) -> int:
    return int(g.randint(0, n, (1,))[0])


def _two_images() -> tuple[Any, Any]:
    return _torch["zeros"](1, 1, 8, 8), _torch["zeros"](1, 1, 8, 8)


@register(
    "a Siamese verifier for 8×8 digits: the distance of two embeddings",
    'Bromley et al., "Signature verification using a Siamese time delay neural network"',
    1993,
    sample=_two_images,
)
def siamese(**options: Any) -> Siamese:
    """A Siamese verifier: see ``Siamese``."""
    return Siamese(**options)
