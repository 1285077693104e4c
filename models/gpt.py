"""GPT-2: a decoder of attention that writes text, with the reference's names.

``transformer.wte``, ``wpe``, ``h.0.ln_1``, ``attn.c_attn``, ``attn.c_proj``, ``ln_2``,
``mlp.c_fc``, ``mlp.c_proj``, ``ln_f``, ``lm_head``: published checkpoints load by name. Source:
Radford et al., "Language models are unsupervised multitask learners", 2019.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad
from . import decoding
from .registry import register

_torch = names["torch"]
_attend = names["F"]["scaled_dot_product_attention"]
Cache = list[tuple[Any, Any]]


@dataclass(frozen=True)
class GPTConfig:
    """The sizes, under the reference's names; the defaults are GPT-2's small model.

    >>> from chainrule.models.gpt import GPTConfig
    >>> GPTConfig(n_layer=2).n_embd
    768
    """

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.n_embd % self.n_head:
            raise ValueError(
                f"GPTConfig: n_embd={self.n_embd} must be a multiple of n_head={self.n_head}"
            )


class Conv1D(nn.Module):
    """y = x W + b with W (in, out): a ``Linear`` whose weight lies transposed.

    The reference was written with convolutions of width 1, and its checkpoints keep that layout;
    copying from a ``Linear`` needs ``weight.T``.

    >>> import chainrule as cr
    >>> cr.models.gpt.Conv1D(3, 5)(cr.zeros(2, 3)).shape
    torch.Size([2, 5])
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_torch["empty"](inputs, outputs))
        self.bias = nn.Parameter(_torch["zeros"](outputs))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x: Any) -> Any:
        """Return x W + b."""
        return x @ self.weight + self.bias


class CausalSelfAttention(nn.Module):
    """Softmax(QKᵀ/√d + mask)V for each head; Q, K, V from one product, nobody looks ahead."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.n_head, config.dropout
        self.c_attn = Conv1D(config.n_embd, 3 * config.n_embd)
        self.c_proj = Conv1D(config.n_embd, config.n_embd)
        self.resid_dropout = nn.Dropout(config.dropout)

    def forward(self, x: Any, past: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
        """Return the output (N, T, E), and keys and values so far (N, heads, past + T, d)."""
        batch, steps, width = x.shape
        shape = (batch, steps, self.heads, width // self.heads)
        q, k, v = (part.view(shape).transpose(1, 2) for part in self.c_attn(x).chunk(3, -1))
        if past is not None:
            k, v = (_torch["cat"]([old, new], dim=2) for old, new in zip(past, (k, v), strict=True))
        before, mask = k.shape[2] - steps, None
        if before and steps > 1:  # row t of the new ones sees all before it and itself
            mask = _torch["ones"](steps, before + steps).bool().tril(before)
        drop = self.dropout if self.training else 0.0
        seen = _attend(q, k, v, mask, drop, is_causal=not before)
        return self.resid_dropout(self.c_proj(seen.transpose(1, 2).flatten(2))), (k, v)


class MLP(nn.Module):
    """W₂·gelu(W₁x), four times as wide between; GPT-2's gelu is the tanh approximation."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.c_fc = Conv1D(config.n_embd, 4 * config.n_embd)
        self.c_proj = Conv1D(4 * config.n_embd, config.n_embd)
        self.act = nn.GELU(approximate="tanh")
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Any) -> Any:
        """Return the transformed positions."""
        return self.dropout(self.c_proj(self.act(self.c_fc(x))))


class Block(nn.Module):
    """x ← x + attention(norm(x)); x ← x + mlp(norm(x))."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.mlp = MLP(config)

    def forward(self, x: Any, past: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
        """Return the output, and the attention's keys and values."""
        seen, kept = self.attn(self.ln_1(x), past)
        x = x + seen
        return x + self.mlp(self.ln_2(x)), kept


class GPTTrunk(nn.Module):
    """Tokens and positions to states: all of the model but its head."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.drop = nn.Dropout(config.dropout)
        self.h = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)

    def forward(self, numbers: Any, cache: Cache | None = None) -> Any:
        """Return states (N, T, E); ``cache`` is extended in place."""
        before = cache[0][0].shape[2] if cache else 0
        last = before + numbers.shape[1]
        if last > self.wpe.num_embeddings:
            raise ValueError(
                f"GPT: {last} tokens, but there are {self.wpe.num_embeddings} positions; give a "
                "shorter text, or build with a larger n_positions"
            )
        x = self.drop(self.wte(numbers) + self.wpe(_torch["arange"](before, last)))
        kept = []
        for k, block in enumerate(self.h):
            x, pair = block(x, cache[k] if cache else None)
            kept.append(pair)
        if cache is not None:
            cache[:] = kept
        return self.ln_f(x)


class GPT(nn.Module):
    """Numbers (N, T) → scores of the next token at each position (N, T, vocab_size).

    Sizes as ``GPTConfig``. The head is the token table, transposed. Weights start normal (0, .02),
    those that add to the residual stream divided by √(2·n_layer).

    >>> import chainrule as cr
    >>> model = cr.models.gpt_slim(vocab_size=30).eval()
    >>> model(cr.zeros(2, 7).long()).shape
    torch.Size([2, 7, 30])
    >>> len(model.generate([1, 2, 3], 5, temperature=0))
    5
    """

    def __init__(self, config: GPTConfig | None = None, **sizes: Any) -> None:
        super().__init__()
        self.config = GPTConfig(**sizes) if config is None else config
        self.transformer = GPTTrunk(self.config)
        self.lm_head = nn.Linear(self.config.n_embd, self.config.vocab_size, bias=False)
        self.lm_head.weight = self.transformer.wte.weight
        for table in (self.transformer.wte, self.transformer.wpe):
            nn.init.normal_(table.weight, std=0.02)
        for name, p in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * self.config.n_layer))

    def forward(self, numbers: Tensor, cache: Cache | None = None) -> Any:
        """Return the scores; a ``cache`` (at first an empty list) keeps keys and values.

        With a cache, give only the tokens that are new.
        """
        return self.lm_head(self.transformer(numbers, cache))

    def loss(self, numbers: Tensor, expected: Tensor) -> Any:
        """Mean cross-entropy of the next tokens."""
        scores = self(numbers)
        return nn.functional.cross_entropy(scores.flatten(0, 1), expected.flatten())

    def stream(
        self, prompt: Sequence[int], length: int, cache: bool = True, **options: Any
    ) -> Iterator[int]:
        """Yield the tokens that ``generate`` returns, each as soon as it is drawn."""
        if not len(prompt):
            raise ValueError("generate: the prompt is empty; give one token at least")
        limit, text, kept = self.config.n_positions, [int(k) for k in prompt], Cache()
        new = text[-limit:]
        for _ in range(length):
            with no_grad():
                scores = self(_torch["tensor"]([new]), kept if cache else None)[:, -1]
            text.append(int(decoding.sample(scores, **options)))
            yield text[-1]
            if kept and kept[0][0].shape[2] < limit:
                new = text[-1:]
            else:  # without room, positions move: the kept keys no longer fit
                new = text[-limit:]
                kept.clear()

    def generate(
        self, prompt: Sequence[int], length: int, cache: bool = True, **options: Any
    ) -> list[int]:
        """Write ``length`` tokens after the prompt; options are those of ``decoding.sample``.

        With the cache a token costs one position instead of all; the text is the same. Beyond
        ``n_positions`` the model sees the last ones. Call ``eval()`` first: dropout acts in
        training.
        """
        return list(self.stream(prompt, length, cache, **options))

    @classmethod
    def from_reference(cls, state: Mapping[str, Any], n_head: int | None = None) -> Self:
        """A model of the sizes and weights of a GPT-2 checkpoint (its state dict).

        With or without the prefix ``transformer.``; masks kept as buffers are dropped. ``n_head``
        is not in the weights: width/64 unless given. Raises RuntimeError for missing names.
        """
        weights = {k.removeprefix("transformer."): v for k, v in state.items()}
        head = weights.pop("lm_head.weight", None)
        masks = (".attn.bias", ".attn.masked_bias")
        weights = {f"transformer.{k}": v for k, v in weights.items() if not k.endswith(masks)}
        try:
            (words, width), places = (weights[f"transformer.{k}.weight"].shape for k in _TABLES)
        except KeyError as error:
            raise RuntimeError(f"from_reference: this is no GPT-2 checkpoint, no {error}") from None
        layers = {k.split(".")[2] for k in weights if k.startswith("transformer.h.")}
        model = cls(
            vocab_size=words, n_positions=places[0], n_embd=width, n_layer=len(layers),
            n_head=n_head or max(width // 64, 1),
        )  # fmt: skip
        weights["lm_head.weight"] = weights["transformer.wte.weight"] if head is None else head
        model.load_state_dict(weights)
        return model


_TABLES = ("wte", "wpe")


def _sample() -> Any:
    return (_torch["zeros"](1, 16).long(),)


@register(
    "a language model: 12 layers of causal attention",
    'Radford et al., "Language models are unsupervised multitask learners"',
    2019,
    sample=_sample,
    published="124 million parameters (124,439,808 with tied head)",
)
def gpt2(**sizes: Any) -> GPT:
    """GPT-2's small model."""
    return GPT(**sizes)


@register(
    "a small GPT that trains here",
    'Radford et al., "Language models are unsupervised multitask learners"',
    2019,
    sample=_sample,
)
def gpt_slim(vocab_size: int = 64, **sizes: Any) -> GPT:
    """Two layers of width 64 and 4 heads, 128 positions, no dropout."""
    small: dict[str, Any] = {"n_positions": 128, "n_embd": 64, "n_layer": 2, "n_head": 4}
    return GPT(vocab_size=vocab_size, **(small | {"dropout": 0.0} | sizes))
