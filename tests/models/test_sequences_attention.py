"""Translation, Transformer, GPT and BERT: masks, caches, names, and short training runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import models, nn
from chainrule.data import languages, text
from chainrule.models import transformer

F = nn.functional
SPECIALS = (text.PAD, text.START, text.END)


def batches(n: int, size: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(n)
        for k in range(0, n - size + 1, size):
            yield cr.tensor(order[k : k + size])


def descend(model: Any, loss: Any, optimizer: Any, steps: int, schedule: Any = None) -> list[float]:
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        nn.utils.clip_grad_norm_(list(model.parameters()), 1.0)
        optimizer.step()
        if schedule is not None:
            schedule.step()
        losses.append(value.item())
    return losses


def falling(optimizer: Any, steps: int) -> Any:
    """A rate that falls to 0 in a straight line."""
    return cr.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)


class Corpus:
    """The toy translation as tensors: the first ``n`` pairs to learn from, 200 unseen."""

    def __init__(self, n: int) -> None:
        pairs = languages.translations(n + 200)
        self.source = text.Vocabulary((w for s, _ in pairs for w in s), specials=SPECIALS)
        self.target = text.Vocabulary((w for _, t in pairs for w in t), specials=SPECIALS)
        self.x, _ = text.pad([self.source.encode(s) for s, _ in pairs])
        self.y, _ = text.pad([[1, *self.target.encode(t), 2] for _, t in pairs])
        self.n, self.expected = n, [t for _, t in pairs[n:]]

    def exact(self, model: Any, **options: Any) -> float:
        """The share of unseen sentences translated without a mistake."""
        model.eval()
        said = model.translate(self.x[self.n :], 1, 2, **options)
        told = [self.target.decode(s) for s in said]
        return float(np.mean([a == b for a, b in zip(told, self.expected, strict=True)]))

    def loss(self, model: Any, size: int, smoothing: float = 0.0) -> Any:
        order = batches(self.n, size)

        def loss() -> Any:
            k = next(order)
            return models.sequence_loss(model(self.x[k], self.y[k, :-1]), self.y[k, 1:], smoothing)

        return loss


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus(1600)


def test_r13_seq2seq_with_attention_translates(corpus: Corpus) -> None:
    model = models.Seq2Seq(len(corpus.source), len(corpus.target), 32, 64)
    adam = cr.optim.Adam(model.parameters(), lr=0.01)
    descend(model, corpus.loss(model, 64), adam, 140, falling(adam, 140))
    assert corpus.exact(model) >= 0.95
    few = model.translate(corpus.x[:3], 1, 2, beam=3)
    assert few == model.translate(corpus.x[:3], 1, 2)
    _, _, weights = model.decode(corpus.y[:3, :-1], *model.encode(corpus.x[:3]))
    assert cr.allclose(weights.sum(-1), cr.ones(weights.shape[:2]))
    assert (weights[(corpus.x[:3] == 0)[:, None].expand_as(weights)] == 0).all()


def test_r13_seq2seq_without_attention_learns_too(corpus: Corpus) -> None:
    model = models.Seq2Seq(len(corpus.source), len(corpus.target), 32, 96, attention=False)
    adam = cr.optim.Adam(model.parameters(), lr=0.01)
    descend(model, corpus.loss(model, 64), adam, 220)
    assert corpus.exact(model) >= 0.6  # all of a sentence through one vector; with attention .95


def test_r13_teacher_forcing() -> None:
    model = models.Seq2Seq(9, 9, 8, 12)
    x, y = cr.randint(1, 9, (3, 5)), cr.randint(1, 9, (3, 6))
    true = model(x, y)
    # fed the true tokens one by one: the same as all at once
    step_by_step = model(x, y, forcing=0.999999, generator=cr.Generator().manual_seed(0))
    assert cr.allclose(true, step_by_step, atol=1e-6)
    free = model(x, y, forcing=0.0)
    assert cr.allclose(free[:, 0], true[:, 0], atol=1e-6)
    fed = cr.cat([y[:, :1], free.argmax(-1)[:, :-1]], dim=1)
    assert cr.allclose(free, model(x, fed), atol=1e-6)


def test_r14_transformer_translates(corpus: Corpus) -> None:
    model = models.Translator(
        len(corpus.source), len(corpus.target), 64, 4, 1, 128, dropout=0.0, length=32
    )
    adam = cr.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
    schedule = cr.optim.lr_scheduler.LambdaLR(adam, models.warmup(64, 60, factor=0.8))
    descend(model, corpus.loss(model, 64, smoothing=0.1), adam, 150, schedule)
    assert corpus.exact(model) >= 0.95
    assert model.translate(corpus.x[:2], 1, 2, beam=3) == model.translate(corpus.x[:2], 1, 2)


def test_r14_positions_are_the_papers() -> None:
    table = transformer.positions(50, 6).numpy()
    t, i = np.arange(50)[:, None], np.arange(3)[None]
    angle = t / 10000 ** (2 * i / 6)
    assert np.allclose(table[:, 0::2], np.sin(angle), atol=1e-5)
    assert np.allclose(table[:, 1::2], np.cos(angle), atol=1e-5)
    products = table @ table.T  # depend on the distance alone
    assert np.allclose(np.diag(products, 7), products[0, 7], atol=1e-4)
    with pytest.raises(ValueError, match="d_model must be even"):
        transformer.positions(3, 5)
    with pytest.raises(ValueError, match="9 positions, but the table has 8"):
        models.PositionalEncoding(4, length=8)(cr.zeros(1, 9, 4))


def test_r14_warm_up_rises_and_falls() -> None:
    rate = models.warmup(512, 4000)
    rates = [rate(n) for n in range(12000)]
    assert int(np.argmax(rates)) == 3999
    assert rates[3999] == pytest.approx(512**-0.5 * 4000**-0.5)
    assert rates[1999] == pytest.approx(rates[3999] / 2, rel=1e-3)


def test_r14_nobody_looks_ahead_or_at_padding() -> None:
    model = models.transformer_slim(12).eval()
    x, y = cr.tensor([[3, 4, 5, 0]]), cr.tensor([[1, 6, 7, 8]])
    scores = model(x, y)
    later = y.clone()
    later[0, 3] = 9
    assert cr.allclose(scores[:, :3], model(x, later)[:, :3], atol=1e-6)
    assert not cr.allclose(scores[:, 3], model(x, later)[:, 3], atol=1e-3)
    assert cr.allclose(scores, model(x[:, :3], y), atol=1e-5)


# --- GPT ---------------------------------------------------------------------------------------


def test_r14_gpt_learns_and_its_cache_changes_nothing() -> None:
    line = " ".join(" ".join(s) for s in languages.stories(160))
    vocabulary = text.Vocabulary(text.words(line), specials=())
    inputs, expected = text.windows(vocabulary.encode(text.words(line)), 24)
    model = models.gpt_slim(len(vocabulary), n_embd=32, n_layer=1, n_positions=24)
    order = batches(len(inputs), 16)

    def loss() -> Any:
        k = next(order)
        return model.loss(inputs[k], expected[k])

    losses = descend(model, loss, cr.optim.AdamW(model.parameters(), lr=0.01), 100)
    # of 8 words an animal (ln 6) and a number (ln 2) are free, the rest follows: .31 nats a word
    assert losses[0] > 3
    assert np.mean(losses[-10:]) < 0.6
    model.eval()
    prompt = vocabulary.encode(["the", "cow"])
    for options in ({"temperature": 0}, {"temperature": 0.8, "k": 5, "p": 0.9}):
        runs = [
            model.generate(prompt, 40, cache, generator=cr.Generator().manual_seed(3), **options)
            for cache in (True, False)
        ]
        assert runs[0] == runs[1]  # 42 tokens: beyond the 24 positions too
    said = vocabulary.decode(model.generate(prompt, 5, temperature=0))
    assert said == ["moos", "while", "it", "eats", "grass"]


def test_r14_gpt_cache_in_pieces_equals_the_whole() -> None:
    cr.set_default_dtype(cr.float64)
    model = models.gpt_slim(20).eval()
    numbers = cr.randint(0, 20, (2, 11))
    whole, cache = model(numbers), []
    parts = [model(part, cache) for part in numbers.split([4, 1, 5, 1], dim=1)]
    assert cr.allclose(cr.cat(parts, dim=1), whole, rtol=0, atol=1e-12)
    assert cache[0][0].shape == (2, 4, 11, 16)


def test_r14_gpt_names_and_counts_are_the_references() -> None:
    model = models.gpt_slim(50, n_embd=8, n_layer=2, n_positions=10)
    block = [
        "ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight",
        "attn.c_proj.bias", "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias",
        "mlp.c_proj.weight", "mlp.c_proj.bias",
    ]  # fmt: skip
    names = [
        "transformer.wte.weight", "transformer.wpe.weight",
        *(f"transformer.h.{k}.{name}" for k in (0, 1) for name in block),
        "transformer.ln_f.weight", "transformer.ln_f.bias", "lm_head.weight",
    ]  # fmt: skip
    state = model.state_dict()
    assert list(state) == names
    assert state["transformer.h.0.attn.c_attn.weight"].shape == (8, 24)  # (in, out)
    assert state["transformer.h.0.mlp.c_proj.weight"].shape == (32, 8)
    assert models.describe("gpt2").parameters == 124_439_808


def test_r14_gpt_loads_a_published_layout() -> None:
    model = models.gpt_slim(50, n_embd=128, n_layer=2, n_positions=10, n_head=2).eval()
    state = {k.removeprefix("transformer."): v for k, v in model.state_dict().items()}
    del state["lm_head.weight"]  # as the published file: no prefix, no head, masks as buffers
    state["h.0.attn.bias"] = cr.ones(1, 1, 10, 10)
    again = models.GPT.from_reference(state).eval()
    x = cr.randint(0, 50, (2, 7))
    assert again.config.n_head == 2
    assert cr.equal(again(x), model(x))
    assert again.lm_head.weight is again.transformer.wte.weight
    with pytest.raises(RuntimeError, match="no GPT-2 checkpoint"):
        models.GPT.from_reference({})
    del state["h.1.ln_1.bias"]
    with pytest.raises(RuntimeError, match=r"h\.1\.ln_1\.bias"):
        models.GPT.from_reference(state)


def test_r14_gpt_refuses_what_does_not_fit() -> None:
    model = models.gpt_slim(9, n_positions=8)
    with pytest.raises(ValueError, match="9 tokens, but there are 8 positions"):
        model(cr.zeros(1, 9).long())
    with pytest.raises(ValueError, match="prompt is empty"):
        model.generate([], 3)
    with pytest.raises(ValueError, match="n_embd=10 must be a multiple of n_head=4"):
        models.gpt_slim(9, n_embd=10)


# --- BERT --------------------------------------------------------------------------------------


def test_r14_bert_fills_masked_words() -> None:
    sentences = languages.stories(700)
    vocabulary = text.Vocabulary((w for s in sentences for w in s), specials=(text.PAD, text.MASK))
    x, _ = text.pad([vocabulary.encode(s) for s in sentences])
    model = models.bert_slim(len(vocabulary), max_position_embeddings=8)
    order, g = batches(500, 64), cr.Generator().manual_seed(0)

    def loss() -> Any:
        return model.loss(
            *models.mask_words(x[next(order)], 1, len(vocabulary), share=0.25, generator=g)
        )

    adam = cr.optim.Adam(model.parameters(), lr=0.005)
    descend(model, loss, adam, 150, falling(adam, 150))
    # one word of each unseen sentence, hidden: the places that the other words tell
    right = unigram = total = 0
    counts = np.bincount(x[:500].flatten().numpy(), minlength=len(vocabulary))
    for place in (1, 2, 4, 5, 6):
        hidden = x[500:].clone()
        hidden[:, place] = 1
        with cr.no_grad():
            guess = model(hidden)[:, place].argmax(-1)
        right += int((guess == x[500:, place]).sum())
        unigram += int((x[500:, place] == int(counts.argmax())).sum())
        total += len(guess)
    assert unigram / total < 0.15
    assert right / total > 0.8


def test_r14_masking_asks_for_a_share() -> None:
    numbers = cr.randint(2, 50, (200, 100))
    numbers[:, -10:] = 0
    hidden, expected = models.mask_words(numbers, 1, 50, generator=cr.Generator().manual_seed(0))
    asked = expected != -100
    assert not asked[:, -10:].any()
    assert float(asked[:, :90].float().mean()) == pytest.approx(0.15, abs=0.01)
    assert (expected[asked] == numbers[asked]).all()
    assert (hidden[~asked] == numbers[~asked]).all()
    assert float((hidden[asked] == 1).float().mean()) == pytest.approx(0.8, abs=0.03)
    assert float((hidden[asked] == numbers[asked]).float().mean()) == pytest.approx(0.1, abs=0.03)


def test_r14_bert_names_and_counts_are_the_references() -> None:
    model = models.bert_slim(20, next_sentence=True)
    layer = [
        "attention.self.query", "attention.self.key", "attention.self.value",
        "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense",
        "output.dense", "output.LayerNorm",
    ]  # fmt: skip
    names = [
        *(f"bert.embeddings.{k}_embeddings.weight" for k in ("word", "position", "token_type")),
        "bert.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.bias",
        *(f"bert.encoder.layer.0.{name}.{p}" for name in layer for p in ("weight", "bias")),
        "bert.pooler.dense.weight", "bert.pooler.dense.bias",
        "cls.predictions.bias", "cls.predictions.transform.dense.weight",
        "cls.predictions.transform.dense.bias", "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.transform.LayerNorm.bias", "cls.predictions.decoder.weight",
        "cls.predictions.decoder.bias", "cls.seq_relationship.weight", "cls.seq_relationship.bias",
    ]  # fmt: skip
    assert list(model.state_dict()) == names
    assert model.follows(cr.ones(2, 5).long()).shape == (2, 2)
    with pytest.raises(RuntimeError, match="next_sentence=True"):
        models.bert_slim(20).follows(cr.ones(2, 5).long())
    assert models.describe("bert_base").parameters == 109_514_298


def test_r14_bert_loads_a_published_layout() -> None:
    model = models.bert_slim(20, num_attention_heads=1, next_sentence=True).eval()
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    state = {}
    for k, v in model.state_dict().items():
        if not k.startswith("cls.predictions.decoder"):
            ending = ".".join(k.split(".")[-2:])
            state[k.removesuffix(ending) + old.get(ending, ending)] = v
    state["bert.embeddings.position_ids"] = cr.arange(64)[None]
    again = models.BERT.from_reference(state).eval()
    x = cr.randint(1, 20, (2, 7))
    assert cr.equal(again(x), model(x))
    assert again.cls.predictions.decoder.weight is again.bert.embeddings.word_embeddings.weight
    with pytest.raises(RuntimeError, match="no BERT checkpoint"):
        models.BERT.from_reference({})


def test_r14_bert_does_not_see_padding() -> None:
    model = models.bert_slim(20).eval()
    x = cr.tensor([[3, 4, 5, 0, 0]])
    assert cr.allclose(model(x, padding=x == 0)[:, :3], model(x[:, :3]), atol=1e-5)
    with pytest.raises(ValueError, match="65 tokens, but there are 64 positions"):
        model(cr.ones(1, 65).long())


# --- overfit -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["seq2seq", "seq2seq_attention", "transformer_slim"])
def test_overfit_one_translation_batch(name: str) -> None:
    model = models.get_model(name, words=12)
    x, y = cr.randint(1, 12, (4, 6)), cr.randint(3, 12, (4, 7))
    y[:, 0] = 1
    adam = cr.optim.Adam(model.parameters(), lr=0.005)
    losses = descend(model, lambda: models.sequence_loss(model(x, y[:, :-1]), y[:, 1:]), adam, 150)
    assert losses[-1] < 0.02 < losses[0]


@pytest.mark.parametrize("name", ["gpt_slim", "bert_slim"])
def test_overfit_one_batch_of_text(name: str) -> None:
    model = models.get_model(name, vocab_size=20)
    x = cr.randint(2, 20, (4, 9))
    x[:, 0] = cr.arange(2, 6)  # what begins alike could not go on differently
    if name == "bert_slim":
        hidden, expected = x.clone(), cr.full_like(x, -100)
        hidden[:, 3::3], expected[:, 3::3] = 1, x[:, 3::3]
        loss = lambda: model.loss(hidden, expected)  # noqa: E731
    else:
        loss = lambda: model.loss(x[:, :-1], x[:, 1:])  # noqa: E731
    losses = descend(model, loss, cr.optim.Adam(model.parameters(), lr=0.005), 120)
    assert losses[-1] < 0.02 < losses[0]


@pytest.mark.parametrize(
    "name",
    [
        "lstm_classifier", "bidirectional_classifier", "character_model", "forecaster",
        "sentence_cnn", "seq2seq", "seq2seq_attention", "captioner", "speech_reader",
        "strip_reader", "transformer_slim", "gpt_slim", "bert_slim",
    ],
)  # fmt: skip
def test_the_table_describes_sequence_models(name: str) -> None:
    described = models.describe(name)
    assert described.parameters == models.count_parameters(models.get_model(name))
    assert described.multiply_adds > described.parameters / 2
    assert described.paper
    assert 1990 < described.year < 2027
