"""A convolutional network for sentences: one-dimensional convolution over word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names
from .registry import register

_torch = names["torch"]


class SentenceCNN(nn.Module):
    """Word vectors → filters over 3, 4 and 5 words → the largest value of each → a linear map.

    Token numbers (N, T), 0 for padding → scores (N, outputs). ``vectors`` (V, d), for instance
    ``WordVectors.table``, start the embedding; ``freeze`` keeps them as they are. Sentences shorter
    than the widest filter are padded. Source: Kim, "Convolutional neural networks for sentence
    classification", 2014.

    >>> import chainrule as cr
    >>> model = cr.models.SentenceCNN(50, 16, outputs=2, filters=8)
    >>> model(cr.ones(4, 9).long()).shape
    torch.Size([4, 2])
    """

    def __init__(
        self,
        vocabulary: int,
        features: int = 100,
        outputs: int = 2,
        widths: Sequence[int] = (3, 4, 5),
        filters: int = 100,
        dropout: float = 0.5,
        vectors: Tensor | None = None,
        freeze: bool = False,
    ) -> None:
        super().__init__()
        if vectors is None:
            self.embedding = nn.Embedding(vocabulary, features, padding_idx=0)
        elif tuple(vectors.shape) != (vocabulary, features):
            raise ValueError(
                f"SentenceCNN: vectors of shape {(vocabulary, features)} expected, got "
                f"{tuple(vectors.shape)}"
            )
        else:
            self.embedding = nn.Embedding.from_pretrained(vectors, freeze, padding_idx=0)
        self.convolutions = nn.ModuleList([nn.Conv1d(features, filters, w) for w in widths])
        self.widest = max(widths)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(filters * len(widths), outputs)

    def forward(self, numbers: Tensor) -> Any:
        """Return the scores (N, outputs)."""
        short = self.widest - numbers.shape[1]
        if short > 0:
            numbers = nn.functional.pad(numbers, (0, short))
        x = self.embedding(numbers).transpose(1, 2)  # (N, features, T): words are the length
        strongest = [convolution(x).relu().amax(-1) for convolution in self.convolutions]
        return self.linear(self.dropout(_torch["cat"](strongest, dim=1)))


@register(
    "one-dimensional convolution over word vectors",
    'Kim, "Convolutional neural networks for sentence classification"',
    2014,
    sample=lambda: (_torch["zeros"](1, 20).long(),),
)
def sentence_cnn(vocabulary: int = 1000, **options: Any) -> SentenceCNN:
    """A ``SentenceCNN`` of 100 filters for each of three widths."""
    return SentenceCNN(vocabulary, **options)
