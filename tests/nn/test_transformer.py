"""Transformer layers and stacks: copies, modes, causality, learning."""

from __future__ import annotations

import copy
import pickle

import chainrule as cr
from chainrule import nn


def test_the_copies_start_equal_and_are_separate() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2)
    first, second = (dict(layer.named_parameters()) for layer in encoder.layers)
    assert all(cr.equal(first[k], second[k]) for k in first)
    assert all(first[k] is not second[k] for k in first)


def test_evaluation_gives_the_numbers_of_training_without_dropout() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), 2)
    x, padding = cr.randn(3, 5, 8), cr.arange(5).unsqueeze(0).expand(3, 5) > 3
    out = encoder(x, src_key_padding_mask=padding)
    encoder.eval()
    with cr.no_grad():
        assert cr.equal(encoder(x, src_key_padding_mask=padding), out)


def test_decoder_does_not_see_later_targets() -> None:
    model = nn.Transformer(8, 2, 1, 2, 16, 0.0, batch_first=True)
    src, tgt = cr.randn(2, 4, 8), cr.randn(2, 5, 8)
    mask = model.generate_square_subsequent_mask(5)
    out = model(src, tgt, tgt_mask=mask)
    assert cr.allclose(model(src, tgt[:, :3], tgt_mask=mask[:3, :3]), out[:, :3], atol=1e-5)
    assert cr.allclose(model(src, tgt, tgt_mask=mask, tgt_is_causal=True), out, atol=1e-6)


def test_a_causal_mask_is_recognised() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0), 1)
    seen = []
    encoder.layers[0].self_attn.register_forward_pre_hook(
        lambda m, args, kw: seen.append(kw["is_causal"]), with_kwargs=True
    )
    x, causal = cr.randn(4, 2, 8), nn.Transformer.generate_square_subsequent_mask(4)
    encoder(x, causal)
    encoder(x, cr.zeros(4, 4))
    encoder(x, causal, is_causal=False)
    assert seen == [True, False, False]


def test_copies_and_pickles() -> None:
    model = nn.Transformer(8, 2, 1, 1, 16, 0.0).eval()
    x = cr.randn(3, 2, 8)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert cr.equal(other(x, x), model(x, x))


def test_it_fits_one_batch() -> None:
    cr.manual_seed(0)
    model = nn.Transformer(16, 2, 1, 1, 32, 0.0, norm_first=True, batch_first=True)
    head = nn.Linear(16, 5)
    src, tgt, labels = cr.randn(4, 6, 16), cr.randn(4, 3, 16), cr.randint(5, (4, 3))
    optimizer = cr.optim.Adam([*model.parameters(), *head.parameters()], lr=0.01)
    for _ in range(40):
        loss = nn.functional.cross_entropy(head(model(src, tgt)).reshape(12, 5), labels.reshape(12))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
