"""Sequence models trained for 20 steps in both libraries, from the same seed: the same losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import models

torch = pytest.importorskip("torch")

STEPS, TOLERANCE = 20, 1e-4
WORDS = 15


def numbers(library: Any, *shape: int, low: int = 1) -> Any:
    return library.tensor(np.random.default_rng(0).integers(low, WORDS, shape))


def losses(library: Any, model: Any, loss: Callable[[], Any], lr: float = 1e-2) -> list[float]:
    adam = library.optim.Adam(model.parameters(), lr=lr)
    out = []
    for _ in range(STEPS):
        adam.zero_grad()
        value = loss()
        value.backward()
        adam.step()
        out.append(float(value.detach()))
    return out


def compare(run: Callable[[Any], list[float]]) -> None:
    """Run with both after the same seed; the losses fall, and agree."""
    results = []
    for library in (cr, torch):
        library.manual_seed(0)
        results.append(run(library))
    ours, theirs = map(np.array, results)
    assert theirs[-1] < 0.9 * theirs[0]
    assert np.abs(ours - theirs).max() < TOLERANCE


# The same models in PyTorch's terms, drawing their initial values in the same order.


def lstm_classifier(library: Any) -> Any:
    """ManyToOne(4, 12, 3, bidirectional, vocabulary)."""
    nn = library.nn

    class Peer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(WORDS, 4)
            self.recurrent = nn.LSTM(4, 12, batch_first=True, bidirectional=True)
            self.linear = nn.Linear(24, 3)

        def forward(self, x: Any, lengths: Any) -> Any:
            packed = nn.utils.rnn.pack_padded_sequence(
                self.embedding(x), lengths, batch_first=True, enforce_sorted=False
            )
            _, (h, _) = self.recurrent(packed)
            return self.linear(library.cat([h[0], h[1]], -1))

    return Peer()


def gpt(library: Any) -> Any:
    """gpt_slim(15, n_embd=16, n_layer=2, n_positions=12)."""
    nn, F = library.nn, library.nn.functional

    class Conv1D(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, a: int, b: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(library.empty(a, b))
            self.bias = nn.Parameter(library.zeros(b))
            nn.init.normal_(self.weight, std=0.02)

        def forward(self, x: Any) -> Any:
            return x @ self.weight + self.bias

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(16), nn.LayerNorm(16)
            self.c_attn, self.a_proj = Conv1D(16, 48), Conv1D(16, 16)
            self.c_fc, self.m_proj = Conv1D(16, 64), Conv1D(64, 16)

        def forward(self, x: Any) -> Any:
            n, t, _ = x.shape
            parts = self.c_attn(self.ln_1(x)).chunk(3, -1)
            q, k, v = (p.reshape(n, t, 4, 4).transpose(1, 2) for p in parts)
            scores = q @ k.transpose(2, 3) / 2
            ahead = library.ones(t, t).triu(1).bool()
            seen = scores.masked_fill(ahead, -math.inf).softmax(-1) @ v
            x = x + self.a_proj(seen.transpose(1, 2).reshape(n, t, 16))
            return x + self.m_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))

    class Peer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.wte, self.wpe = nn.Embedding(WORDS, 16), nn.Embedding(12, 16)
            self.h = nn.ModuleList([Block(), Block()])
            self.ln_f = nn.LayerNorm(16)
            nn.Linear(16, WORDS, bias=False)  # the head draws, then it is tied
            for table in (self.wte, self.wpe):
                nn.init.normal_(table.weight, std=0.02)
            for block in self.h:
                for part in (block.a_proj, block.m_proj):
                    nn.init.normal_(part.weight, std=0.02 / 2)

        def forward(self, x: Any) -> Any:
            h = self.wte(x) + self.wpe(library.arange(x.shape[1]))
            for block in self.h:
                h = block(h)
            return self.ln_f(h) @ self.wte.weight.T

    return Peer()


def translator(library: Any) -> Any:
    """Translator(15, 15, 16, 2, 1, 32, dropout=0)."""
    nn = library.nn

    class Peer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.source = nn.Embedding(WORDS, 16, padding_idx=0)
            self.target = nn.Embedding(WORDS, 16, padding_idx=0)
            self.transformer = nn.Transformer(16, 2, 1, 1, 32, 0.0, batch_first=True)
            for table in (self.source, self.target):
                nn.init.normal_(table.weight, std=0.25)
                with library.no_grad():
                    table.weight[0].fill_(0)

        def places(self, x: Any) -> Any:
            t, i = np.arange(x.shape[1])[:, None], np.arange(8)[None]
            angle = t / 10000 ** (2 * i / 16)
            table = np.stack([np.sin(angle), np.cos(angle)], -1).reshape(x.shape[1], 16)
            return 4 * x + library.tensor(table.astype(np.float32))

        def forward(self, x: Any, y: Any) -> Any:
            mask = nn.Transformer.generate_square_subsequent_mask(y.shape[1])
            states = self.transformer(
                self.places(self.source(x)), self.places(self.target(y)), tgt_mask=mask,
                src_key_padding_mask=(x == 0).float() * -1e9,
                memory_key_padding_mask=(x == 0).float() * -1e9,
            )  # fmt: skip
            return states @ self.target.weight.T

    return Peer()


def test_lstm_classifier_trains_alike() -> None:
    def run(library: Any) -> list[float]:
        if library is cr:
            model: Any = models.ManyToOne(4, 12, 3, bidirectional=True, vocabulary=WORDS)
        else:
            model = lstm_classifier(library)
        x, y = numbers(library, 9, 7), library.tensor([0, 1, 2] * 3)
        lengths = library.tensor([7, 3, 5, 1, 2, 7, 6, 4, 2])
        loss = library.nn.functional.cross_entropy
        return losses(library, model, lambda: loss(model(x, lengths), y))

    compare(run)


def test_gpt_trains_alike() -> None:
    def run(library: Any) -> list[float]:
        if library is cr:
            model: Any = models.gpt_slim(WORDS, n_embd=16, n_layer=2, n_positions=12)
        else:
            model = gpt(library)
        x, loss = numbers(library, 5, 12), library.nn.functional.cross_entropy
        return losses(
            library, model, lambda: loss(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
        )

    compare(run)


def test_transformer_trains_alike() -> None:
    def run(library: Any) -> list[float]:
        if library is cr:
            model: Any = models.Translator(WORDS, WORDS, 16, 2, 1, 32, dropout=0.0, length=12)
        else:
            model = translator(library)
        x, y = numbers(library, 6, 8), numbers(library, 6, 9)
        x[:3, 5:] = 0
        loss = library.nn.functional.cross_entropy
        return losses(
            library, model, lambda: loss(model(x, y[:, :-1]).flatten(0, 1), y[:, 1:].flatten())
        )

    compare(run)


def test_character_model_trains_alike() -> None:
    """The same layers by the same names: here the state dict goes over too."""
    ours = models.CharacterModel(WORDS, 8, 12, layers=2)
    theirs = {
        "embedding": torch.nn.Embedding(WORDS, 8),
        "recurrent": torch.nn.LSTM(8, 12, 2, batch_first=True),
        "linear": torch.nn.Linear(12, WORDS),
    }
    peer = torch.nn.ModuleDict(theirs)
    peer.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    x, t = numbers(cr, 4, 10), numbers(torch, 4, 10)

    def their_loss() -> Any:
        out = peer["linear"](peer["recurrent"](peer["embedding"](t[:, :-1]))[0])
        return torch.nn.functional.cross_entropy(out.flatten(0, 1), t[:, 1:].flatten())

    def our_loss() -> Any:
        scores = ours(x[:, :-1])[0].flatten(0, 1)
        return cr.nn.functional.cross_entropy(scores, x[:, 1:].flatten())

    a, b = losses(cr, ours, our_loss), losses(torch, peer, their_loss)
    assert b[-1] < b[0]
    assert np.abs(np.subtract(a, b)).max() < TOLERANCE
