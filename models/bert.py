"""BERT: an encoder of attention that fills masked words, with the reference's names.

``bert.embeddings.word_embeddings``, ``bert.encoder.layer.0.attention.self.query``, …,
``cls.predictions.transform``: published checkpoints load by name. Source: Devlin et al., "BERT:
pre-training of deep bidirectional transformers for language understanding", 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad
from .registry import register

_torch = names["torch"]
_attend = names["F"]["scaled_dot_product_attention"]
IGNORED = -100  # cross_entropy's index for positions that do not count


@dataclass(frozen=True)
class BERTConfig:
    """The sizes, under the reference's names; the defaults are BERT-base's.

    >>> from chainrule.models.bert import BERTConfig
    >>> BERTConfig(num_hidden_layers=2).hidden_size
    768
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    dropout: float = 0.1
    next_sentence: bool = False

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"BERTConfig: hidden_size={self.hidden_size} must be a multiple of "
                f"num_attention_heads={self.num_attention_heads}"
            )


class Embeddings(nn.Module):
    """dropout(norm(word + position + type)): (N, T) → (N, T, hidden)."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.word_embeddings = nn.Embedding(config.vocab_size, width, padding_idx=0)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, numbers: Any, types: Any = None) -> Any:
        """Return the sum; ``types`` (N, T) says which of two sentences a token is of."""
        steps, places = numbers.shape[1], self.position_embeddings.num_embeddings
        if steps > places:
            raise ValueError(f"BERT: {steps} tokens, but there are {places} positions")
        types = _torch["zeros_like"](numbers) if types is None else types
        x = self.word_embeddings(numbers) + self.token_type_embeddings(types)
        return self.dropout(self.LayerNorm(x + self.position_embeddings(_torch["arange"](steps))))


class SelfAttention(nn.Module):
    """Softmax(QKᵀ/√d)V for each head, without the last projection."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.heads, self.drop = config.num_attention_heads, config.dropout
        for name in ("query", "key", "value"):
            setattr(self, name, nn.Linear(config.hidden_size, config.hidden_size))

    def forward(self, x: Any, mask: Any) -> Any:
        """Return what each position saw (N, T, hidden); ``mask`` is True where to look."""
        q, k, v = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        drop = self.drop if self.training else 0.0
        return _attend(q, k, v, mask, drop).transpose(1, 2).flatten(2)


class AddAndNorm(nn.Module):
    """norm(x + dropout(W y + b))."""

    def __init__(self, inputs: int, config: BERTConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=1e-12)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, y: Any, x: Any) -> Any:
        """Return the normalised sum."""
        return self.LayerNorm(x + self.dropout(self.dense(y)))


class Attention(nn.Module):
    """Self-attention and its projection, residual."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.self = SelfAttention(config)
        self.output = AddAndNorm(config.hidden_size, config)

    def forward(self, x: Any, mask: Any) -> Any:
        """Return norm(x + projection(attention(x)))."""
        return self.output(self.self(x, mask), x)


class Intermediate(nn.Module):
    """gelu(W x + b), wider."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)

    def forward(self, x: Any) -> Any:
        """Return the activations."""
        return nn.functional.gelu(self.dense(x))


class Layer(nn.Module):
    """Attention, then a network for each position; each residual and normalised after."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.intermediate = Intermediate(config)
        self.output = AddAndNorm(config.intermediate_size, config)

    def forward(self, x: Any, mask: Any) -> Any:
        """Return the transformed sequence."""
        x = self.attention(x, mask)
        return self.output(self.intermediate(x), x)


class Encoder(nn.Module):
    """The layers one after the other."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList([Layer(config) for _ in range(config.num_hidden_layers)])

    def forward(self, x: Any, mask: Any) -> Any:
        """Return the last layer's output."""
        for layer in self.layer:
            x = layer(x, mask)
        return x


class Pooler(nn.Module):
    """tanh(W x₀ + b) of the first token."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x: Any) -> Any:
        """Return (N, hidden)."""
        return self.dense(x[:, 0]).tanh()


class Trunk(nn.Module):
    """Embeddings and encoder, and the pooler where next sentences are judged."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        if config.next_sentence:
            self.pooler = Pooler(config)

    def forward(self, numbers: Any, types: Any = None, padding: Any = None) -> Any:
        """Return states (N, T, hidden); ``padding`` (N, T) is True where nothing is."""
        mask = None if padding is None else ~padding[:, None, None, :]
        return self.encoder(self.embeddings(numbers, types), mask)


class Transform(nn.Module):
    """norm(gelu(W x + b)), before words are scored."""

    def __init__(self, config: BERTConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=1e-12)

    def forward(self, x: Any) -> Any:
        """Return the transformed states."""
        return self.LayerNorm(nn.functional.gelu(self.dense(x)))


class Predictions(nn.Module):
    """Scores of all words: the word table, transposed, and a bias."""

    def __init__(self, config: BERTConfig, table: nn.Parameter) -> None:
        super().__init__()
        self.bias = nn.Parameter(_torch["zeros"](config.vocab_size))
        self.transform = Transform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.decoder.weight, self.decoder.bias = table, self.bias

    def forward(self, x: Any) -> Any:
        """Return (N, T, vocab_size)."""
        return self.decoder(self.transform(x))


class Heads(nn.Module):
    """Masked words, and whether the second sentence follows the first."""

    def __init__(self, config: BERTConfig, table: nn.Parameter) -> None:
        super().__init__()
        self.predictions = Predictions(config, table)
        if config.next_sentence:
            self.seq_relationship = nn.Linear(config.hidden_size, 2)

    def forward(self, x: Any) -> Any:
        """Return the scores of words."""
        return self.predictions(x)


class BERT(nn.Module):
    """Numbers (N, T) → scores of the word at each position (N, T, vocab_size).

    Sizes as ``BERTConfig``; ``bert(numbers)`` gives the states. Weights start normal (0, .02).

    >>> import chainrule as cr
    >>> model = cr.models.bert_slim(vocab_size=30)
    >>> model(cr.ones(2, 7).long()).shape
    torch.Size([2, 7, 30])
    """

    def __init__(self, config: BERTConfig | None = None, **sizes: Any) -> None:
        super().__init__()
        self.config = BERTConfig(**sizes) if config is None else config
        self.bert = Trunk(self.config)
        self.cls = Heads(self.config, self.bert.embeddings.word_embeddings.weight)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        with no_grad():
            self.bert.embeddings.word_embeddings.weight[0].fill_(0)

    def forward(self, numbers: Tensor, types: Any = None, padding: Any = None) -> Any:
        """Return the scores of words; arguments as ``Trunk``."""
        return self.cls(self.bert(numbers, types, padding))

    def follows(self, numbers: Tensor, types: Any = None, padding: Any = None) -> Any:
        """Scores (N, 2) of "the second sentence follows the first" and "it does not"."""
        if not self.config.next_sentence:
            raise RuntimeError(
                "follows: this model has no such head; build with next_sentence=True"
            )
        return self.cls.seq_relationship(self.bert.pooler(self.bert(numbers, types, padding)))

    def loss(self, numbers: Tensor, expected: Tensor, padding: Any = None) -> Any:
        """Mean cross-entropy at the positions that ``mask_words`` chose."""
        scores = self(numbers, padding=padding).flatten(0, 1)
        return nn.functional.cross_entropy(scores, expected.flatten(), ignore_index=IGNORED)

    @classmethod
    def from_reference(cls, state: Mapping[str, Any], heads: int | None = None) -> Self:
        """A model of the sizes and weights of a BERT checkpoint (its state dict).

        The first checkpoints' ``gamma`` and ``beta`` are read as weight and bias, position numbers
        kept as buffers are dropped; ``heads`` is width/64 unless given. Raises RuntimeError for
        missing names.
        """
        weights = {
            k.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta",
                                                                     "LayerNorm.bias"): v
            for k, v in state.items()
            if not k.endswith("position_ids")
        }  # fmt: skip
        table = "bert.embeddings.{}_embeddings.weight"
        try:
            words, places, types = (
                weights[table.format(k)].shape for k in ("word", "position", "token_type")
            )
            wide = weights["bert.encoder.layer.0.intermediate.dense.weight"].shape[0]
            bias = weights["cls.predictions.bias"]
        except KeyError as error:
            raise RuntimeError(f"from_reference: this is no BERT checkpoint, no {error}") from None
        full = "cls.seq_relationship.weight" in weights
        if not full:
            weights = {k: v for k, v in weights.items() if not k.startswith("bert.pooler.")}
        weights |= {
            "cls.predictions.decoder.weight": weights[table.format("word")],
            "cls.predictions.decoder.bias": bias,
        }
        layers = {k.split(".")[3] for k in weights if k.startswith("bert.encoder.layer.")}
        model = cls(
            vocab_size=words[0], hidden_size=words[1], num_hidden_layers=len(layers),
            num_attention_heads=heads or max(words[1] // 64, 1), intermediate_size=wide,
            max_position_embeddings=places[0], type_vocab_size=types[0], next_sentence=full,
        )  # fmt: skip
        model.load_state_dict(weights)
        return model


def mask_words(
    numbers: Tensor,
    mask: int,
    words: int,
    special: Sequence[int] = (0,),
    share: float = 0.15,
    generator: Any = None,
) -> tuple[Any, Any]:
    """Hide words to be found again: the inputs, and what is expected (−100 where not asked).

    Of all tokens that are not ``special``, ``share`` is asked: 8 of 10 become ``mask``, 1 of 10 a
    random one of ``words`` tokens, 1 of 10 stays.

    >>> import chainrule as cr
    >>> g = cr.Generator().manual_seed(1)
    >>> numbers = cr.arange(5, 11)[None]
    >>> hidden, expected = cr.models.mask_words(numbers, 1, 20, share=0.5, generator=g)
    >>> bool(((expected == numbers) | (expected == -100)).all())
    True
    """

    def draw() -> Any:
        return _torch["rand"](numbers.shape, generator=generator)

    asked = draw() < share
    for token in special:
        asked = asked & (numbers != token)
    how = draw()
    other = _torch["randint"](0, words, tuple(numbers.shape), generator=generator)
    hidden = numbers.masked_fill(asked & (how < 0.8), mask)
    hidden = _torch["where"](asked & (how >= 0.8) & (how < 0.9), other, hidden)
    return hidden, numbers.masked_fill(~asked, IGNORED)


def _sample() -> Any:
    return (_torch["ones"](1, 16).long(),)


@register(
    "an encoder that fills masked words: 12 layers of attention",
    'Devlin et al., "BERT: pre-training of deep bidirectional transformers"',
    2019,
    sample=_sample,
    published="110 million parameters (109,514,298 with the masked-word head)",
)
def bert_base(**sizes: Any) -> BERT:
    """BERT-base with the masked-word head."""
    return BERT(**sizes)


@register(
    "a small BERT that trains here",
    'Devlin et al., "BERT: pre-training of deep bidirectional transformers"',
    2019,
    sample=_sample,
)
def bert_slim(vocab_size: int = 64, **sizes: Any) -> BERT:
    """One layer of width 64 and 4 heads, 64 positions, no dropout."""
    small = {
        "hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4,
        "intermediate_size": 128, "max_position_embeddings": 64, "dropout": 0.0,
    }  # fmt: skip
    return BERT(vocab_size=vocab_size, **(small | sizes))
