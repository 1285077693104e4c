"""Recurrent networks by what goes in and what comes out, and two uses of them.

One to many, many to one, many to many; a character model that writes text; a forecaster of series.
``kind`` is "rnn", "lstm" or "gru". Batches come first: (N, T, …).
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
KINDS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def recurrent(kind: str, *sizes: int, **options: Any) -> Any:
    """A batch-first recurrent layer by name; ValueError for another name.

    >>> from chainrule.models.recurrent import recurrent
    >>> recurrent("gru", 3, 8, bidirectional=True)
    GRU(3, 8, batch_first=True, bidirectional=True)
    """
    if kind not in KINDS:
        raise ValueError(f"recurrent: kind must be one of {', '.join(KINDS)}; got {kind!r}")
    return KINDS[kind](*sizes, batch_first=True, **options)


class _Reader(nn.Module):
    """What reads a sequence: an embedding of symbols or none, a recurrent layer, a linear map."""

    def __init__(
        self,
        features: int,
        hidden: int,
        outputs: int,
        kind: str = "lstm",
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        vocabulary: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding = None if vocabulary is None else nn.Embedding(vocabulary, features)
        options = {"num_layers": layers, "bidirectional": bidirectional, "dropout": dropout}
        self.recurrent = recurrent(kind, features, hidden, **options)
        self.linear = nn.Linear(hidden * (2 if bidirectional else 1), outputs)


class ManyToOne(_Reader):
    """A sequence to one vector of scores: h_T of a recurrent layer, then a linear map.

    Input (N, T, features), or token numbers (N, T) with ``vocabulary``; ``lengths`` (N,) says
    where padded sequences end. Output (N, outputs). Bidirectional: the last states of both ways,
    side by side.

    >>> import chainrule as cr
    >>> model = cr.models.ManyToOne(3, 8, 2, kind="gru", bidirectional=True)
    >>> model(cr.zeros(4, 6, 3), lengths=cr.tensor([6, 5, 2, 1])).shape
    torch.Size([4, 2])
    """

    def forward(self, x: Any, lengths: Any = None) -> Any:
        """Return the scores (N, outputs)."""
        x = x if self.embedding is None else self.embedding(x)
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        last = self.recurrent(x)[1]
        last = last[0] if isinstance(last, tuple) else last  # of an LSTM h, not c
        ways = 2 if self.recurrent.bidirectional else 1
        return self.linear(_torch["cat"](list(last[-ways:]), dim=-1))


class ManyToMany(_Reader):
    """Scores at every step: a recurrent layer, then one linear map for all steps.

    Input and ``lengths`` as ``ManyToOne``; output (N, T, outputs).

    >>> import chainrule as cr
    >>> cr.models.ManyToMany(3, 8, 5)(cr.zeros(4, 6, 3)).shape
    torch.Size([4, 6, 5])
    """

    def forward(self, x: Any, lengths: Any = None) -> Any:
        """Return the scores (N, T, outputs)."""
        x = x if self.embedding is None else self.embedding(x)
        if lengths is None:
            return self.linear(self.recurrent(x)[0])
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states = pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=x.shape[1]
        )[0]
        return self.linear(states)


class OneToMany(nn.Module):
    """One vector to a sequence: the vector makes h₀, each output is the next input.

    Input (N, features) and ``steps``; output (N, steps, outputs). With ``targets`` (N, steps,
    outputs) the true values are fed instead of the outputs (teacher forcing).

    >>> import chainrule as cr
    >>> cr.models.OneToMany(3, 8, 2)(cr.zeros(4, 3), steps=6).shape
    torch.Size([4, 6, 2])
    """

    def __init__(self, features: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.start = nn.Linear(features, hidden)
        self.cell = nn.GRUCell(outputs, hidden)
        self.linear = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor, steps: int, targets: Any = None) -> Any:
        """Return the sequence (N, steps, outputs)."""
        h = self.start(x).tanh()
        out, outs = self.linear(h), []
        for t in range(steps):
            outs.append(out)
            h = self.cell(out if targets is None else targets[:, t], h)
            out = self.linear(h)
        return _torch["stack"](outs, dim=1)


class CharacterModel(nn.Module):
    """The next character from those before: embedding, recurrent layers, scores of all characters.

    Numbers (N, T) and an optional state → scores (N, T, vocabulary) and the state after them.
    Source: Karpathy, "The unreasonable effectiveness of recurrent neural networks", 2015.

    >>> import chainrule as cr
    >>> scores, state = cr.models.CharacterModel(30)(cr.zeros(2, 7).long())
    >>> scores.shape
    torch.Size([2, 7, 30])
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int = 32,
        hidden: int = 128,
        layers: int = 1,
        kind: str = "lstm",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.recurrent = recurrent(kind, embedding, hidden, num_layers=layers, dropout=dropout)
        self.linear = nn.Linear(hidden, vocabulary)

    def forward(self, numbers: Tensor, state: Any = None) -> tuple[Any, Any]:
        """Return the scores of every next character, and the state."""
        out, state = self.recurrent(self.embedding(numbers), state)
        return self.linear(out), state

    def generate(self, prompt: Sequence[int], length: int, **options: Any) -> list[int]:
        """Write ``length`` characters after the prompt; options are those of ``decoding.sample``.

        The state carries what was read, so each character costs one step.
        """
        if not len(prompt):
            raise ValueError("generate: the prompt is empty; give one character at least")
        written, numbers, state = list[int](), _torch["tensor"]([list(prompt)]), None
        with no_grad():
            for _ in range(length):
                scores, state = self(numbers, state)
                numbers = decoding.sample(scores[:, -1], **options)[:, None]
                written.append(int(numbers))
        return written


class Forecaster(nn.Module):
    """The next value of a series from a window of it: ŷ = x_T + linear(h_T).

    Windows (N, T, features) → (N, features). Learning the change, not the value, starts from the
    last-value forecast, the one to beat.

    >>> import chainrule as cr
    >>> cr.models.Forecaster()(cr.zeros(4, 10, 1)).shape
    torch.Size([4, 1])
    """

    def __init__(self, features: int = 1, hidden: int = 32, kind: str = "gru") -> None:
        super().__init__()
        self.recurrent = recurrent(kind, features, hidden)
        self.linear = nn.Linear(hidden, features)

    def forward(self, x: Tensor) -> Any:
        """Return the value after the window."""
        return x[:, -1] + self.linear(self.recurrent(x)[0][:, -1])

    def forecast(self, x: Tensor, steps: int) -> Any:
        """Return ``steps`` values (N, steps, features), each fed back as the window moves on."""
        outs = []
        with no_grad():
            for _ in range(steps):
                value = self(x)[:, None]
                outs.append(value)
                x = _torch["cat"]([x[:, 1:], value], dim=1)
        return _torch["cat"](outs, dim=1)


# --- the table ---------------------------------------------------------------------------------


def _numbers(length: int) -> Any:
    return lambda: (_torch["zeros"](1, length).long(),)


register(
    "a sequence to a class: an LSTM's last state", "Hochreiter and Schmidhuber, "
    '"Long short-term memory"', 1997, sample=(20, 8), name="lstm_classifier",
)(lambda: ManyToOne(8, 64, 2))  # fmt: skip
register(
    "a sequence, read in both directions, to a class",
    'Schuster and Paliwal, "Bidirectional recurrent neural networks"',
    1997, sample=(20, 8), name="bidirectional_classifier",
)(lambda: ManyToOne(8, 64, 2, bidirectional=True))  # fmt: skip
register(
    "the next character of a text", 'Karpathy, "The unreasonable effectiveness of recurrent neural '
    'networks"', 2015, sample=_numbers(64), name="character_model",
)(lambda: CharacterModel(64))  # fmt: skip
register(
    "the next value of a series", 'Cho et al., "Learning phrase representations using RNN '
    'encoder-decoder"', 2014, sample=(30, 1), name="forecaster",
)(Forecaster)  # fmt: skip
