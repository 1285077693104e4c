"""Recurrent networks, sentences, series: gates by hand, shapes, and short training runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import models, nn
from chainrule.data import audio, captions, languages, load_digits, stratified_split, text
from chainrule.models import decoding, gates

F = nn.functional


def train(parameters: Any, loss: Any, steps: int, lr: float, decay: bool = False) -> list[float]:
    """Adam on ``loss(step)``; the gradient's norm is cut at 1. ``decay``: the rate falls to 0."""
    parameters = list(parameters)
    optimizer, losses = cr.optim.Adam(parameters, lr=lr), []
    fall = cr.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0 if decay else 1.0, steps)
    for step in range(steps):
        optimizer.zero_grad()
        value = loss(step)
        value.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        fall.step()
        losses.append(value.item())
    return losses


def batches(n: int, size: int, seed: int = 0) -> Any:
    """An endless run over shuffled indices."""
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(n)
        for k in range(0, n - size + 1, size):
            yield cr.tensor(order[k : k + size])


# --- R10, R11 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_r11_gate_equations_by_hand_equal_the_layer(kind: str) -> None:
    cr.set_default_dtype(cr.float64)
    layer = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind](3, 5)
    x, h = cr.randn(7, 2, 3), cr.randn(2, 5)
    weights = list(layer.parameters())
    if kind == "lstm":
        c, states = cr.randn(2, 5), []
        out, (last_h, last_c) = layer(x, (h[None], c[None]))
        for x_t in x:
            h, c = gates.lstm_step(x_t, h, c, *weights)
            states.append(h)
        assert cr.allclose(last_c[0], c, rtol=0, atol=1e-12)
    else:
        step = {"rnn": gates.rnn_step, "gru": gates.gru_step}[kind]
        out, last_h = layer(x, h[None])
        states, h = gates.unrolled(lambda x_t, h: step(x_t, h, *weights), x, h)
    states = cr.stack(list(states))
    assert cr.allclose(out, states, rtol=0, atol=1e-12)
    assert cr.allclose(last_h[0], h, rtol=0, atol=1e-12)
    # back-propagation through time, unrolled in the graph, gives the layer's gradients
    ours = cr.autograd.grad(states.sin().sum(), weights)
    theirs = cr.autograd.grad(out.sin().sum(), weights)
    assert all(cr.allclose(a, b, rtol=0, atol=1e-12) for a, b in zip(ours, theirs, strict=True))


def test_r11_numpy_by_hand_lstm() -> None:
    """The gates once more without the library's tensors: i, f, g, o stacked in this order."""
    cell = nn.LSTMCell(2, 3).double()
    w, u, b, b2 = (p.detach().numpy() for p in cell.parameters())
    x, h, c = np.array([[0.5, -1.0]]), np.full((1, 3), 0.1), np.full((1, 3), -0.2)
    a = x @ w.T + b + h @ u.T + b2
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    new = sigmoid(a[:, 3:6]) * c + sigmoid(a[:, :3]) * np.tanh(a[:, 6:9])
    shown = sigmoid(a[:, 9:]) * np.tanh(new)
    ours = cell(cr.tensor(x), (cr.tensor(h), cr.tensor(c)))
    assert np.allclose(ours[0].detach().numpy(), shown, rtol=0, atol=1e-12)
    assert np.allclose(ours[1].detach().numpy(), new, rtol=0, atol=1e-12)


def test_r11_the_two_grus_agree_where_they_must() -> None:
    """Equal with z's signs turned, if r is 1; different where r isn't."""
    cr.set_default_dtype(cr.float64)
    w_ih, w_hh, b_ih, b_hh = cr.randn(15, 3), cr.randn(15, 5), cr.randn(15), cr.randn(15)
    x, h = cr.randn(4, 3), cr.randn(4, 5)
    sign = cr.ones(15)
    sign[5:10] = -1
    turned = w_ih * sign[:, None], w_hh * sign[:, None], b_ih * sign, b_hh * sign

    def gap() -> float:
        ours = gates.gru_step(x, h, w_ih, w_hh, b_ih, b_hh)
        notes = gates.gru_step_of_the_notes(x, h, turned[0], turned[1], b_ih * sign, b_hh * sign)
        return float((ours - notes).abs().max())

    assert gap() > 1e-2
    b_ih[:5] = 1e3  # r = 1
    assert gap() < 1e-12


def test_r11_both_grus_learn_the_same_task() -> None:
    """Remember the first of eight inputs: both forms reach near zero."""
    x = cr.randn(8, 32, 1)
    for layer in (nn.GRU(1, 12), gates.NotesGRU(1, 12)):
        head = nn.Linear(12, 1)
        parameters = [*layer.parameters(), *head.parameters()]
        losses = train(
            parameters, lambda _, f=layer, g=head: F.mse_loss(g(f(x)[0][-1]), x[0]), 150, 0.03
        )
        assert losses[-1] < 0.05 < losses[0]


def test_r10_gradients_through_time_reach_the_first_input() -> None:
    model = models.ManyToOne(3, 6, 2)
    x = cr.randn(1, 9, 3, requires_grad=True)
    model(x).sum().backward()
    assert (x.grad.abs().sum(-1) > 0).all()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_r10_padding_does_not_change_the_answer(kind: str, bidirectional: bool) -> None:
    options = {"kind": kind, "bidirectional": bidirectional, "vocabulary": 9, "layers": 2}
    one, many = models.ManyToOne(4, 5, 3, **options), models.ManyToMany(4, 5, 3, **options)
    numbers = cr.tensor([[1, 2, 3, 4], [5, 6, 0, 0]])
    lengths = cr.tensor([4, 2])
    assert cr.allclose(one(numbers, lengths)[1:], one(numbers[1:, :2]), atol=1e-6)
    assert cr.allclose(many(numbers, lengths)[1:, :2], many(numbers[1:, :2]), atol=1e-6)


def test_r10_one_to_many_draws_waves() -> None:
    """A frequency in, its wave out."""
    rates = cr.linspace(0.2, 0.8, 16)[:, None]
    waves = (rates * cr.arange(12)).sin()[..., None]
    model = models.OneToMany(1, 32, 1)
    forced = lambda _: F.mse_loss(model(rates, 12, targets=waves), waves)  # noqa: E731
    train(model.parameters(), forced, 60, 0.02)
    losses = train(model.parameters(), lambda _: F.mse_loss(model(rates, 12), waves), 140, 0.01)
    assert losses[-1] < 0.02
    assert waves.var() > 0.3


def test_r10_many_to_many_counts_parity() -> None:
    bits = cr.randint(0, 2, (64, 8))
    parity = bits.cumsum(1) % 2
    model = models.ManyToMany(1, 16, 2, kind="lstm")
    x = bits[..., None].float()
    train(
        model.parameters(),
        lambda _: F.cross_entropy(model(x).flatten(0, 1), parity.flatten()), 250, 0.03,
    )  # fmt: skip
    unseen = cr.randint(0, 2, (200, 8))
    right = model(unseen[..., None].float()).argmax(-1) == unseen.cumsum(1) % 2
    assert right.float().mean() > 0.97


def test_unknown_kinds_and_empty_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="rnn, lstm, gru; got 'ltsm'"):
        models.ManyToOne(3, 4, 2, kind="ltsm")
    with pytest.raises(ValueError, match="prompt is empty"):
        models.CharacterModel(5).generate([], 3)


# --- R13: text ---------------------------------------------------------------------------------


def story_text(n: int, seed: int) -> str:
    return " ".join(" ".join(s) for s in languages.stories(n, seed))


def test_r13_character_model_writes_sentences() -> None:
    train_text, test_text = story_text(150, 0), story_text(30, 1)
    vocabulary = text.Vocabulary(train_text, specials=())
    inputs, expected = text.windows(vocabulary.encode(train_text), 40)
    model = models.CharacterModel(len(vocabulary), 16, 64)
    order = batches(len(inputs), 32)

    def loss(_: int) -> Any:
        k = next(order)
        return F.cross_entropy(model(inputs[k])[0].flatten(0, 1), expected[k].flatten())

    train(model.parameters(), loss, 150, 0.01)
    x, y = text.windows(vocabulary.encode(test_text), 40)
    with cr.no_grad():
        reached = float(F.cross_entropy(model(x)[0].flatten(0, 1), y.flatten()))
    counts = np.bincount(expected.flatten().numpy()) / expected.numel()
    unigram = -(counts * np.log(counts)).sum()
    assert reached < 0.35 < unigram / 5  # nats a character; letters by frequency alone cost 2.9
    g = cr.Generator().manual_seed(0)
    prompt = vocabulary.encode("the ")
    written = model.generate(prompt, 200, temperature=0.3, generator=g)
    again = model.generate(prompt, 200, temperature=0.3, generator=cr.Generator().manual_seed(0))
    assert written == again
    words = "".join(vocabulary.decode(written)).split()[:-1]
    assert np.mean([w in train_text.split() for w in words]) > 0.9


@pytest.mark.parametrize("kind", ["cnn", "rnn"])
def test_r12_r13_sentences_are_classified(kind: str) -> None:
    sentences, labels = languages.opinions(700)
    vocabulary = text.Vocabulary(w for s in sentences for w in s)
    numbers, lengths = text.pad([vocabulary.encode(s) for s in sentences])
    y = cr.tensor(labels)
    if kind == "cnn":
        model: Any = models.SentenceCNN(len(vocabulary), 16, 2, widths=(2, 3), filters=16)
        scores = lambda k: model(numbers[k])  # noqa: E731
    else:
        model = models.ManyToOne(16, 16, 2, kind="gru", vocabulary=len(vocabulary))
        scores = lambda k: model(numbers[k], lengths[k])  # noqa: E731
    order = batches(500, 50)

    def loss(_: int) -> Any:
        k = next(order)
        return F.cross_entropy(scores(k), y[k])

    train(model.parameters(), loss, 120, 0.01)
    unseen = cr.arange(500, 700)
    with cr.no_grad():
        model.eval()
        right = scores(unseen).argmax(-1) == y[unseen]
    assert right.float().mean() > 0.95


def test_r12_given_vectors_stay_when_frozen() -> None:
    table = cr.randn(6, 4)
    model = models.SentenceCNN(6, 4, vectors=table, freeze=True, filters=3)
    assert not model.embedding.weight.requires_grad
    assert cr.equal(model.embedding.weight, table)
    assert model(cr.tensor([[1, 2]])).shape == (1, 2)  # shorter than the widest filter
    with pytest.raises(ValueError, match=r"shape \(7, 4\) expected, got \(6, 4\)"):
        models.SentenceCNN(7, 4, vectors=table)


# --- R13: series -------------------------------------------------------------------------------


def test_r13_forecaster_beats_the_last_value() -> None:
    series = languages.sine_mix(700, noise=0.02)
    x, y = (cr.tensor(v).float() for v in languages.supervised(series, 24))
    model = models.Forecaster(hidden=24)
    order = batches(500, 50)

    def loss(_: int) -> Any:
        k = next(order)
        return F.mse_loss(model(x[k]), y[k])

    train(model.parameters(), loss, 120, 0.01)
    with cr.no_grad():
        ours = float(F.mse_loss(model(x[520:]), y[520:]))
    last_value = float(F.mse_loss(x[520:, -1], y[520:]))
    assert ours < last_value / 5
    assert model.forecast(x[:3], 7).shape == (3, 7, 1)


def test_r11_echo_state_network_follows_a_chaotic_series() -> None:
    series = cr.tensor(languages.mackey_glass(2000)).float()[:, None]
    net = models.EchoState(units=200, leak=0.5, seed=1)
    assert not list(net.parameters())
    assert net.fit(series[:1499], series[1:1500]) < 1e-4
    ahead = net.forecast(series[:1500], 50)
    error = float(F.mse_loss(ahead, series[1500:1550]))
    stays = float(F.mse_loss(series[1499:1500].expand(50, 1), series[1500:1550]))
    assert error < stays / 20


def test_r11_echo_state_radius_is_as_asked() -> None:
    net = models.EchoState(2, 60, 3, radius=0.7, dtype=cr.float64)
    assert np.abs(np.linalg.eigvals(net.w.numpy())).max() == pytest.approx(0.7)
    x, h = cr.randn(40, 2, dtype=cr.float64), cr.randn(60, dtype=cr.float64)
    assert net(x, h).shape == (40, 3)
    # the echo-state property: two starts are forgotten
    net.w_out.copy_(cr.ones(3, 63))
    assert cr.allclose(net(x, h)[-1], net(x, -h)[-1], atol=1e-4)
    with pytest.raises(ValueError, match=r"leak must lie in \(0, 1\]"):
        models.EchoState(leak=0.0)


# --- R13, C10: CTC -----------------------------------------------------------------------------


def test_r13_speech_is_read() -> None:
    signals, texts = audio.digit_speech(320)
    spectra = [audio.spectrogram(s, log=True) for s in signals]
    assert spectra[0].shape[1] == 128
    model = models.SpeechReader(hidden=48)
    order = batches(256, 16)

    def loss(_: int) -> Any:
        k = next(order).tolist()
        return model.loss([spectra[j] for j in k], [texts[j] for j in k])

    train(model.parameters(), loss, 200, 0.01)
    read = model.read(spectra[256:])
    assert np.mean([a == b for a, b in zip(read, texts[256:], strict=True)]) >= 0.95
    assert model.read(spectra[256:260], beam=8) == texts[256:260]


def test_c10_strips_of_real_digits_are_read() -> None:
    _, labels = load_digits()
    learn, unseen = stratified_split(labels)
    strips, texts = captions.digit_strips(600, (2, 4), learn)
    x = cr.tensor(strips)
    model = models.StripReader()
    order = batches(600, 32)

    def loss(_: int) -> Any:
        k = next(order)
        return model.loss(x[k], [texts[j] for j in k.tolist()])

    train(model.parameters(), loss, 150, 0.01)
    test_strips, test_texts = captions.digit_strips(200, (2, 4), unseen, seed=1)
    model.eval()
    read = model.read(cr.tensor(test_strips))
    exact = np.mean([a == b for a, b in zip(read, test_texts, strict=True)])
    assert exact > 0.7  # by chance: below .001


def test_r13_captions_of_unseen_pictures() -> None:
    pictures, said = captions.captioned_shapes(700)
    vocabulary = text.Vocabulary(
        (w for s in said for w in s.split()), specials=(text.PAD, text.START, text.END)
    )
    table, _ = text.pad([[1, *vocabulary.encode(s.split()), 2] for s in said])
    x = cr.tensor(pictures)
    model = models.Captioner(len(vocabulary))
    order = batches(600, 40)

    def loss(_: int) -> Any:
        k = next(order)
        return models.sequence_loss(model(x[k], table[k, :-1]), table[k, 1:])

    train(model.parameters(), loss, 120, 0.01, decay=True)
    model.eval()
    told = [" ".join(vocabulary.decode(c)) for c in model.caption(x[600:], 1, 2)]
    assert np.mean([a == b for a, b in zip(told, said[600:], strict=True)]) > 0.7  # chance: 1/72


# --- overfit: one small batch to near zero -----------------------------------------------------


def _classes() -> dict[str, Any]:
    """Models, and their loss on one fixed batch."""
    x, y = cr.randn(6, 8, 3), cr.tensor([0, 1, 2, 0, 1, 2])
    numbers = cr.randint(1, 12, (4, 9))
    numbers[:, 0] = cr.arange(1, 5)  # what begins alike could not go on differently
    one = {kind: models.ManyToOne(3, 16, 3, kind=kind) for kind in ("rnn", "lstm", "gru")}
    both = models.ManyToOne(3, 16, 3, bidirectional=True)
    tagger = models.ManyToMany(3, 32, 3, layers=2)
    tags = cr.randint(0, 3, (6, 8))
    characters = models.CharacterModel(12, 16, 48)
    sentences = models.SentenceCNN(12, 8, 2, filters=8, dropout=0.0)
    forecaster = models.Forecaster(3)
    start = models.OneToMany(3, 32, 3)
    images, words = cr.randn(4, 1, 24, 24), cr.randint(1, 9, (4, 6))
    captioner = models.Captioner(9, 32)
    strips, strip_reader = cr.rand(3, 1, 8, 40), models.StripReader()
    spectra, speech = [cr.randn(n, 128) for n in (30, 25)], models.SpeechReader(hidden=24)
    texts = [[1, 2, 3], [4, 4]]

    def flat(scores: Any, expected: Any) -> Any:
        return F.cross_entropy(scores.flatten(0, 1), expected.flatten())

    return {
        **{k: (m, lambda m=m: F.cross_entropy(m(x), y)) for k, m in one.items()},
        "bidirectional": (both, lambda: F.cross_entropy(both(x), y)),
        "many to many": (tagger, lambda: flat(tagger(x), tags)),
        "one to many": (start, lambda: F.mse_loss(start(x[:, 0], 4, x[:, :4]), x[:, 1:5])),
        "characters": (characters, lambda: flat(characters(numbers[:, :-1])[0], numbers[:, 1:])),
        "sentences": (
            sentences, lambda: F.cross_entropy(sentences(numbers), cr.tensor([0, 1, 1, 0])),
        ),
        "forecaster": (forecaster, lambda: F.mse_loss(forecaster(x[:, :-1]), x[:, -1])),
        "captioner": (
            captioner, lambda: models.sequence_loss(captioner(images, words[:, :-1]), words[:, 1:]),
        ),
        "strips": (strip_reader, lambda: strip_reader.loss(strips, [[1], [2, 2], [3, 0]])),
        "speech": (speech, lambda: speech.loss(spectra, texts)),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "rnn", "lstm", "gru", "bidirectional", "many to many", "one to many", "characters",
        "sentences", "forecaster", "captioner", "strips", "speech",
    ],
)  # fmt: skip
def test_overfit_one_batch(name: str) -> None:
    model, loss = _classes()[name]
    losses = train(model.parameters(), lambda _: loss(), 150, 0.02)
    assert losses[-1] < 0.02 < losses[0]


def test_reading_with_ctc_needs_lengths_that_fit() -> None:
    with pytest.raises(ValueError, match="2 lengths of 0 to 5 expected"):
        decoding.ctc_greedy(cr.zeros(5, 2, 3), [5, 6])
