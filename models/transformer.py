"""The Transformer for translation as in the paper, with its positions and its warm-up schedule.

Source: Vaswani et al., "Attention is all you need", 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad
from . import decoding
from .registry import register

_torch = names["torch"]
PAD = 0


def positions(length: int, d_model: int) -> Any:
    """P[t, 2i] = sin(t/10000^(2i/d)), P[t, 2i + 1] = cos(t/10000^(2i/d)): (length, d_model).

    A shift by k is the same rotation everywhere, so that distances can be read by a linear map.

    >>> import chainrule as cr
    >>> cr.models.transformer.positions(2, 4)
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0100, 0.9999]])
    """
    if d_model % 2:
        raise ValueError(f"positions: d_model must be even, pairs of sin and cos; got {d_model}")
    t = _torch["arange"](length, dtype=names["torch"]["zeros"](0).dtype)[:, None]
    rates = (_torch["arange"](0, d_model, 2) * (-math.log(10000.0) / d_model)).exp()
    return _torch["stack"]([(t * rates).sin(), (t * rates).cos()], dim=-1).flatten(1)


class PositionalEncoding(nn.Module):
    """dropout(x + P) for x (N, T, d_model); ValueError for more than ``length`` positions.

    >>> import chainrule as cr
    >>> cr.models.PositionalEncoding(4, dropout=0.0)(cr.zeros(1, 1, 4))
    tensor([[[0., 1., 0., 1.]]])
    """

    table: Tensor

    def __init__(self, d_model: int, dropout: float = 0.1, length: int = 512) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("table", positions(length, d_model), persistent=False)

    def forward(self, x: Tensor) -> Any:
        """Return x with its positions."""
        steps = x.shape[1]
        if steps > len(self.table):
            raise ValueError(
                f"PositionalEncoding: {steps} positions, but the table has {len(self.table)}; "
                f"build with length={steps} or more"
            )
        return self.dropout(x + self.table[:steps])


def warmup(d_model: int, steps: int = 4000, factor: float = 1.0) -> Callable[[int], float]:
    """The paper's rate: factor·d^(−½)·min(n^(−½), n·steps^(−3/2)), for ``LambdaLR`` with lr = 1.

    It rises in a straight line for ``steps`` steps, then falls as 1/√n.

    >>> import chainrule as cr
    >>> rate = cr.models.warmup(512)
    >>> f"{rate(0):.2e} {rate(3999):.2e} {rate(15999):.2e}"
    '1.75e-07 6.99e-04 3.49e-04'
    """

    def rate(done: int) -> float:
        n = done + 1
        return factor / math.sqrt(d_model) * min(1 / math.sqrt(n), n / math.pow(steps, 1.5))

    return rate


class Translator(nn.Module):
    """Embeddings·√d + positions → ``nn.Transformer`` → scores by the target's embedding.

    Sources (N, S) and targets (N, T), 0 for padding → scores (N, T, target_words). The decoder sees
    no later word, and nobody sees padding. The defaults are the paper's base model.

    >>> import chainrule as cr
    >>> model = cr.models.transformer_slim(20)
    >>> model(cr.ones(2, 5).long(), cr.ones(2, 7).long()).shape
    torch.Size([2, 7, 20])
    """

    def __init__(
        self,
        source_words: int,
        target_words: int,
        d_model: int = 512,
        heads: int = 8,
        layers: int = 6,
        feedforward: int = 2048,
        dropout: float = 0.1,
        length: int = 512,
    ) -> None:
        super().__init__()
        self.source = nn.Embedding(source_words, d_model, padding_idx=PAD)
        self.target = nn.Embedding(target_words, d_model, padding_idx=PAD)
        self.positions = PositionalEncoding(d_model, dropout, length)
        self.transformer = nn.Transformer(
            d_model, heads, layers, layers, feedforward, dropout, batch_first=True
        )
        self.scale = math.sqrt(d_model)
        for table in (self.source, self.target):
            nn.init.normal_(table.weight, std=1 / self.scale)  # times √d: as large as positions
            with no_grad():
                table.weight[PAD].fill_(0)

    def _embed(self, table: nn.Embedding, words: Tensor) -> Any:
        return self.positions(table(words) * self.scale)

    def encode(self, source: Tensor) -> tuple[Any, Any]:
        """Return memory (N, S, d_model), and where it is padding (N, S)."""
        padding = source == PAD
        encoder = self.transformer.encoder
        return encoder(self._embed(self.source, source), src_key_padding_mask=padding), padding

    def decode(self, fed: Tensor, memory: Any, padding: Any) -> Any:
        """Return scores (N, T, target_words)."""
        size = fed.shape[1]
        later = _torch["ones"](size, size).bool().triu(1)
        states = self.transformer.decoder(
            self._embed(self.target, fed), memory, tgt_mask=later, tgt_is_causal=True,
            memory_key_padding_mask=padding,
        )  # fmt: skip
        return states @ self.target.weight.T

    def forward(self, source: Tensor, fed: Tensor) -> Any:
        """Return the scores of every next token, true tokens fed."""
        return self.decode(fed, *self.encode(source))

    def translate(
        self, source: Tensor, start: int, end: int, length: int = 30, beam: int = 0
    ) -> list[list[int]]:
        """Return the tokens of each translation: greedy, or by a search of width ``beam``."""
        with no_grad():
            memory, padding = self.encode(source)
            if not beam:
                return decoding.greedy_search(
                    lambda prefixes: self.decode(prefixes, memory, padding)[:, -1],
                    len(source), start, end, length,
                )  # fmt: skip
            rows = zip(memory, padding, strict=True)
            return [self._search(m[None], p[None], start, end, length, beam) for m, p in rows]

    def _search(
        self, memory: Any, padding: Any, start: int, end: int, length: int, beam: int
    ) -> list[int]:
        def step(prefixes: list[list[int]]) -> Any:
            n, fed = len(prefixes), _torch["tensor"](prefixes)
            shared = memory.expand(n, -1, -1), padding.expand(n, -1)
            return self.decode(fed, *shared)[:, -1].log_softmax(-1)

        return decoding.beam_search(step, [start], end, beam, length, penalty=0.6)[0].tokens


def _sample() -> Any:
    return _torch["ones"](1, 10).long(), _torch["ones"](1, 10).long()


@register(
    "translation: encoder and decoder of attention, the base model",
    'Vaswani et al., "Attention is all you need"',
    2017,
    sample=_sample,
    published="65 million parameters, of which 37,000 shared tokens take 19 million",
)
def transformer_base(words: int = 1000, **options: Any) -> Translator:
    """The paper's base model: 6 + 6 layers of width 512."""
    return Translator(words, words, **options)


@register(
    "translation: a small Transformer that trains in seconds",
    'Vaswani et al., "Attention is all you need"',
    2017,
    sample=_sample,
)
def transformer_slim(words: int = 100, **options: Any) -> Translator:
    """One layer each of width 64."""
    sizes: dict[str, Any] = {"d_model": 64, "heads": 4, "layers": 1, "feedforward": 128}
    return Translator(words, words, **(sizes | {"dropout": 0.0, "length": 64} | options))
