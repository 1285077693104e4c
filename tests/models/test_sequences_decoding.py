"""Decoding: cuts and draws, beam search against all sequences, CTC against all paths."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.models import decoding


def test_top_k_keeps_the_best() -> None:
    scores = cr.randn(5, 9)
    kept = decoding.top_k(scores, 3)
    assert (kept > -math.inf).sum(-1).tolist() == [3] * 5
    assert cr.equal(kept.topk(3)[0], scores.topk(3)[0])
    assert cr.equal(decoding.top_k(scores, 50), scores)
    with pytest.raises(ValueError, match="k must be 1 or more"):
        decoding.top_k(scores, 0)


def test_nucleus_is_the_smallest_set_that_reaches_p() -> None:
    scores = cr.randn(40, 7, dtype=cr.float64) * 2
    probabilities = scores.softmax(-1).numpy()
    kept = (decoding.nucleus(scores, 0.8) > -math.inf).numpy()
    for row, chosen in zip(probabilities, kept, strict=True):
        assert row[chosen].sum() >= 0.8
        assert row[chosen].sum() - row[chosen].min() < 0.8  # without its last it does not
        assert row[chosen].min() > row[~chosen].max(initial=0)
    assert cr.equal(decoding.nucleus(scores, 1.0).argmax(-1), scores.argmax(-1))
    with pytest.raises(ValueError, match=r"p must lie in \(0, 1\]"):
        decoding.nucleus(scores, 0.0)


def test_samples_follow_the_probabilities_and_the_seed() -> None:
    scores = cr.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(20000, 4)

    def shares(**options: Any) -> list[float]:
        g = cr.Generator().manual_seed(5)
        drawn = decoding.sample(scores, generator=g, **options)
        assert cr.equal(
            drawn, decoding.sample(scores, generator=cr.Generator().manual_seed(5), **options)
        )
        return list(np.bincount(drawn.numpy(), minlength=4) / 20000)

    assert shares() == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.015)
    assert shares(k=2) == pytest.approx([0.625, 0.375, 0, 0], abs=0.015)
    assert shares(p=0.75) == pytest.approx([0.625, 0.375, 0, 0], abs=0.015)
    cold = np.array([0.25, 0.09, 0.0225, 0.0025]) / 0.365
    assert shares(temperature=0.5) == pytest.approx(list(cold), abs=0.015)
    assert shares(temperature=0) == [1, 0, 0, 0]
    with pytest.raises(ValueError, match="temperature must be 0 or more"):
        decoding.sample(scores, temperature=-1)


def markov(words: int, seed: int) -> tuple[Any, Any]:
    """A step whose scores depend on the last two tokens, and its table."""
    table = np.random.default_rng(seed).normal(0, 2, (words, words, words))
    table = cr.tensor(table).log_softmax(-1)

    def step(prefixes: list[list[int]]) -> Any:
        return cr.stack([table[p[-2] if len(p) > 1 else 0, p[-1]] for p in prefixes])

    return step, table


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_best_of_all_sequences(seed: int) -> None:
    step, table = markov(4, seed)
    best: list[tuple[float, list[int]]] = []
    for size in range(4):
        for body in itertools.product((0, 2, 3), repeat=size):
            tokens = [0, *body, *([1] if size < 3 else [])]  # the third may be the last
            for last in [[]] if size < 3 else [[], [1]][:1]:
                full = tokens + last
                pairs = [(full[k - 2] if k > 1 else 0, full[k - 1], full[k])
                         for k in range(1, len(full))]  # fmt: skip
                best.append((sum(float(table[p]) for p in pairs), list(body)))
    best.sort(reverse=True)
    found = decoding.beam_search(step, [0], end=1, width=30, length=3)
    assert found[0].tokens == best[0][1]
    assert found[0].score == pytest.approx(best[0][0])
    assert [h.tokens for h in found] == [b for _, b in best[:30]]
    scores = [h.score for h in found]
    assert scores == sorted(scores, reverse=True)


def test_a_beam_of_one_is_greedy_and_a_wider_one_may_be_better() -> None:
    gains = []
    for seed in range(20):
        step, _ = markov(6, seed)
        one, four = (decoding.beam_search(step, [0], 1, w, 8)[0] for w in (1, 4))
        rows = decoding.greedy_search(lambda prefixes, s=step: s(prefixes.tolist()), 1, 0, 1, 8)
        assert rows[0] == one.tokens
        gains.append(four.score - one.score)
    assert max(gains) > 0.5
    assert np.mean(gains) > 0


def test_length_penalty_prefers_longer_ones() -> None:
    step = lambda prefixes: cr.tensor([[0.6, 0.4]] * len(prefixes)).log()  # noqa: E731
    short = decoding.beam_search(step, [0], 1, 3, 4)[0]
    long = decoding.beam_search(step, [0], 1, 3, 4, penalty=3.0)[0]
    assert len(short.tokens) < len(long.tokens)
    with pytest.raises(ValueError, match="width must be 1 or more"):
        decoding.beam_search(step, [0], 1, 0)


# --- CTC ---------------------------------------------------------------------------------------


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(c for c, _ in itertools.groupby(path) if c)


@pytest.mark.parametrize("seed", range(8))
def test_prefix_search_equals_the_sum_over_all_paths(seed: int) -> None:
    table = np.random.default_rng(seed).normal(0, 1.5, (5, 1, 3))
    log_probs = cr.tensor(table).log_softmax(-1)
    sums: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(3), repeat=5):
        p = math.exp(sum(float(log_probs[t, 0, c]) for t, c in enumerate(path)))
        sums[collapsed(path)] = sums.get(collapsed(path), 0.0) + p
    found = decoding.ctc_beam(log_probs, width=300)[0]
    assert {tuple(h.tokens) for h in found} == set(sums)
    for text, score in found:
        assert math.exp(score) == pytest.approx(sums[tuple(text)])
    assert tuple(found[0].tokens) == max(sums, key=lambda text: sums[text])


def test_prefix_search_agrees_with_the_loss() -> None:
    """exp(score) is the probability that ctc_loss takes the logarithm of."""
    log_probs = cr.randn(7, 2, 4, dtype=cr.float64).log_softmax(-1)
    for k, hypotheses in enumerate(decoding.ctc_beam(log_probs, [7, 5], width=400)):
        for text, score in hypotheses[:5]:
            loss = cr.nn.functional.ctc_loss(
                log_probs[:, k : k + 1], cr.tensor([text]).long(), cr.tensor([(7, 5)[k]]),
                cr.tensor([len(text)]), reduction="sum",
            )  # fmt: skip
            assert score == pytest.approx(-float(loss))


def test_best_path_merges_repeats_and_drops_blanks() -> None:
    path = cr.tensor([[1, 0], [1, 2], [0, 2], [1, 2], [3, 0], [3, 0]])
    scores = cr.nn.functional.one_hot(path, 4)
    assert decoding.ctc_greedy(scores) == [[1, 1, 3], [2]]
    assert decoding.ctc_greedy(scores, lengths=[3, 0]) == [[1], []]
    assert decoding.ctc_greedy(scores, blank=3) == [[1, 0, 1], [0, 2, 0]]


def test_an_impossible_class_is_never_read() -> None:
    log_probs = cr.tensor([[[0.2, 0.8, 0.0]]] * 3).log()
    assert all(2 not in h.tokens for h in decoding.ctc_beam(log_probs)[0])
