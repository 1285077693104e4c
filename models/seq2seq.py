"""Sequence to sequence: an encoder reads, a decoder writes, with or without attention between.

Token numbers come in batches (N, T), filled up with 0. A target is given twice: ``target[:, :-1]``
begins with the start token and is fed, ``target[:, 1:]`` ends with the end token and is expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad
from ..nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from . import decoding
from .registry import register

_torch = names["torch"]
PAD = 0


def sequence_loss(scores: Any, expected: Any, smoothing: float = 0.0) -> Any:
    """Mean cross-entropy of scores (N, T, V) over all expected tokens (N, T) but the padding.

    >>> import chainrule as cr
    >>> cr.models.sequence_loss(cr.zeros(1, 3, 8), cr.tensor([[5, 2, 0]])).exp()
    tensor(8.)
    """
    return nn.functional.cross_entropy(
        scores.flatten(0, 1), expected.flatten(), ignore_index=PAD, label_smoothing=smoothing
    )


class Attention(nn.Module):
    """Each decoder state looks at all encoder states: c = softmax(h W Mᵀ) M, h̃ = tanh(V [c; h]).

    h (N, T, hidden), memory M (N, S, hidden), ``padding`` (N, S) True where nothing is; returns h̃
    (N, T, hidden) and the weights (N, T, S). Source: Luong et al., "Effective approaches to
    attention-based neural machine translation", 2015, the "general" score.

    >>> import chainrule as cr
    >>> look = cr.models.seq2seq.Attention(4)
    >>> out, weights = look(cr.randn(1, 2, 4), cr.randn(1, 3, 4), cr.tensor([[False, False, True]]))
    >>> weights.shape, weights[..., 2].tolist()
    (torch.Size([1, 2, 3]), [[0.0, 0.0]])
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.score = nn.Linear(hidden, hidden, bias=False)
        self.combine = nn.Linear(2 * hidden, hidden)

    def forward(self, h: Any, memory: Any, padding: Any) -> tuple[Any, Any]:
        """Return the states with what they looked at, and the weights."""
        scores = self.score(h) @ memory.transpose(1, 2)
        weights = scores.masked_fill(padding[:, None], float("-inf")).softmax(-1)
        seen = _torch["cat"]([weights @ memory, h], dim=-1)
        return self.combine(seen).tanh(), weights


class Seq2Seq(nn.Module):
    """A bidirectional GRU reads the source; a GRU that starts from its last states writes.

    Sources (N, S) and targets (N, T) → scores (N, T, target_words). Without ``attention`` the last
    states carry all of the sentence (Sutskever et al., 2014; Cho et al., 2014); with it the decoder
    looks back at every word (Bahdanau et al., 2015).

    >>> import chainrule as cr
    >>> model = cr.models.Seq2Seq(20, 30, embedding=8, hidden=16)
    >>> model(cr.ones(2, 5).long(), cr.ones(2, 7).long()).shape
    torch.Size([2, 7, 30])
    """

    def __init__(
        self,
        source_words: int,
        target_words: int,
        embedding: int = 32,
        hidden: int = 64,
        attention: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.source = nn.Embedding(source_words, embedding, padding_idx=PAD)
        self.target = nn.Embedding(target_words, embedding, padding_idx=PAD)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.GRU(embedding, hidden, batch_first=True, bidirectional=True)
        self.memory = nn.Linear(2 * hidden, hidden)
        self.bridge = nn.Linear(2 * hidden, hidden)
        self.decoder = nn.GRU(embedding, hidden, batch_first=True)
        self.attention = Attention(hidden) if attention else None
        self.output = nn.Linear(hidden, target_words)

    def encode(self, source: Tensor) -> tuple[Any, Any, Any]:
        """Return memory (N, S, hidden), where it is padding (N, S), and the first state."""
        padding = source == PAD
        lengths = (~padding).sum(1)
        words = self.dropout(self.source(source))
        packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)
        states, last = self.encoder(packed)
        states = pad_packed_sequence(states, batch_first=True, total_length=source.shape[1])[0]
        start = self.bridge(_torch["cat"]([last[0], last[1]], dim=-1)).tanh()
        return self.memory(states), padding, start[None]

    def decode(self, fed: Tensor, memory: Any, padding: Any, h: Any) -> tuple[Any, Any, Any]:
        """Return scores (N, T, words), the last state, and attention's weights (or None)."""
        states, h = self.decoder(self.dropout(self.target(fed)), h)
        weights = None
        if self.attention is not None:
            states, weights = self.attention(states, memory, padding)
        return self.output(states), h, weights

    def forward(
        self, source: Tensor, fed: Tensor, forcing: float = 1.0, generator: Any = None
    ) -> Any:
        """Return the scores of every next token.

        Teacher forcing: at each step the true token is fed with probability ``forcing``, else the
        most probable one of the step before.
        """
        memory, padding, h = self.encode(source)
        if forcing >= 1:  # all inputs are known: one run of the layer
            return self.decode(fed, memory, padding, h)[0]
        scores, token = list[Any](), fed[:, :1]
        for t in range(fed.shape[1]):
            if t:
                own = decoding.greedy(scores[-1])
                true = _torch["rand"](own.shape, generator=generator) < forcing
                token = _torch["where"](true, fed[:, t : t + 1], own)
            step, h, _ = self.decode(token, memory, padding, h)
            scores.append(step)
        return _torch["cat"](scores, dim=1)

    def translate(
        self, source: Tensor, start: int, end: int, length: int = 30, beam: int = 0
    ) -> list[list[int]]:
        """Return the tokens of each translation: greedy, or by a search of width ``beam``."""
        with no_grad():
            if beam:
                return [self._search(row[None], start, end, length, beam) for row in source]
            encoded = self.encode(source)
            return decoding.greedy_search(
                lambda prefixes: self.decode(prefixes, *encoded)[0][:, -1],
                len(source), start, end, length,
            )  # fmt: skip

    def _search(self, row: Tensor, start: int, end: int, length: int, beam: int) -> list[int]:
        memory, padding, h = self.encode(row)

        def step(prefixes: list[list[int]]) -> Any:
            n, fed = len(prefixes), _torch["tensor"](prefixes)
            shared = memory.expand(n, -1, -1), padding.expand(n, -1), h.repeat(1, n, 1)
            return self.decode(fed, *shared)[0][:, -1].log_softmax(-1)

        found: Sequence[decoding.Hypothesis] = decoding.beam_search(
            step, [start], end, beam, length
        )
        return found[0].tokens


def _sample() -> Any:
    return _torch["ones"](1, 10).long(), _torch["ones"](1, 10).long()


@register(
    "translation: GRU encoder and decoder with attention",
    'Bahdanau et al., "Neural machine translation by jointly learning to align and translate"',
    2015,
    sample=_sample,
)
def seq2seq_attention(words: int = 100, **options: Any) -> Seq2Seq:
    """A ``Seq2Seq`` with attention."""
    return Seq2Seq(words, words, **options)


@register(
    "translation: GRU encoder and decoder, the last state between them",
    'Sutskever et al., "Sequence to sequence learning with neural networks"',
    2014,
    sample=_sample,
)
def seq2seq(words: int = 100, **options: Any) -> Seq2Seq:
    """A ``Seq2Seq`` without attention."""
    return Seq2Seq(words, words, attention=False, **options)
