"""From scores to sequences: greedy, sampled, beam search, and CTC's two readings.

All that draws takes a ``generator`` (``chainrule.Generator``): the same state, the same text.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad

_torch = names["torch"]
Floats = npt.NDArray[np.floating[Any]]


class Hypothesis(NamedTuple):
    """A sequence found by a search, and its log-probability."""

    tokens: list[int]
    score: float


# --- one token ---------------------------------------------------------------------------------


def greedy(logits: Tensor) -> Tensor:
    """The most probable token: argmax over the last dimension, (…, V) → (…).

    >>> import chainrule as cr
    >>> cr.models.decoding.greedy(cr.tensor([[0.1, 2.0, 1.0]]))
    tensor([1])
    """
    return logits.argmax(-1)


def top_k(logits: Tensor, k: int) -> Tensor:
    """Scores with all but the ``k`` best of a row at −inf; equals of the k-th stay.

    Source: Fan et al., "Hierarchical neural story generation", 2018.

    >>> import chainrule as cr
    >>> cr.models.decoding.top_k(cr.tensor([1.0, 3.0, 2.0]), 2)
    tensor([-inf, 3., 2.])
    """
    if k < 1:
        raise ValueError(f"top_k: k must be 1 or more, got {k}")
    worst = logits.topk(min(k, logits.shape[-1]), -1)[0][..., -1:]
    return logits.masked_fill(logits < worst, -math.inf)


def nucleus(logits: Tensor, p: float) -> Tensor:
    """Scores without the tail: the fewest best tokens whose probabilities reach ``p`` stay.

    The best one always stays. Source: Holtzman et al., "The curious case of neural text
    degeneration", 2020.

    >>> import chainrule as cr
    >>> cr.models.decoding.nucleus(cr.tensor([0.5, 0.3, 0.2]).log(), 0.7).exp()
    tensor([0.5000, 0.3000, 0.0000])
    """
    if not 0 < p <= 1:
        raise ValueError(f"nucleus: p must lie in (0, 1], got {p}")
    ordered, order = logits.sort(-1, descending=True)
    probabilities = ordered.softmax(-1)
    # a token goes where those before it reach p already
    tail = probabilities.cumsum(-1) - probabilities >= p
    tail[..., 0] = False
    return ordered.masked_fill(tail, -math.inf).gather(-1, order.argsort(-1))  # type: ignore[no-any-return]


def sample(
    logits: Tensor,
    temperature: float = 1.0,
    k: int | None = None,
    p: float | None = None,
    generator: Any = None,
) -> Tensor:
    """Draw a token of each row (N, V) → (N,) from softmax(logits/temperature).

    First cut by ``k`` (``top_k``), then by ``p`` (``nucleus``). Temperature 0 is ``greedy``;
    below 1 sharpens, above 1 flattens. Raises ValueError for a negative temperature.

    >>> import chainrule as cr
    >>> g = cr.Generator().manual_seed(0)
    >>> cr.models.decoding.sample(cr.zeros(6, 3), k=2, generator=g).shape
    torch.Size([6])
    """
    if temperature < 0:
        raise ValueError(f"sample: temperature must be 0 or more, got {temperature}")
    if temperature == 0:
        return greedy(logits)
    with no_grad():
        scores = logits / temperature
        if k is not None:
            scores = top_k(scores, k)
        if p is not None:
            scores = nucleus(scores, p)
        drawn = _torch["multinomial"](scores.softmax(-1), 1, generator=generator)
    return drawn.squeeze(-1)  # type: ignore[no-any-return]


# --- a sequence --------------------------------------------------------------------------------

Step = Callable[[list[list[int]]], Any]


def greedy_search(
    step: Callable[[Any], Any], batch: int, start: int, end: int, length: int = 50
) -> list[list[int]]:
    """The most probable token again and again, for ``batch`` sequences at once.

    ``step(prefixes)`` takes tokens (batch, t), each row begun with ``start``, and gives scores
    (batch, V) of the next. Results hold neither start nor end; at most ``length`` tokens.

    >>> import chainrule as cr
    >>> step = lambda prefixes: cr.nn.functional.one_hot(prefixes[:, -1] + 1, 6)
    >>> cr.models.decoding.greedy_search(step, 2, start=1, end=5)
    [[2, 3, 4], [2, 3, 4]]
    """
    prefixes = _torch["full"]((batch, 1), start).long()
    ended = np.zeros(batch, bool)
    with no_grad():
        for _ in range(length):
            token = greedy(step(prefixes))
            prefixes = _torch["cat"]([prefixes, token[:, None]], dim=1)
            ended |= np.asarray(token.numpy() == end)
            if ended.all():
                break
    rows = prefixes[:, 1:].tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]


def beam_search(
    step: Step,
    start: Sequence[int],
    end: int,
    width: int = 4,
    length: int = 50,
    penalty: float = 0.0,
) -> list[Hypothesis]:
    """The ``width`` best sequences that a search with that many open ones at a time finds.

    ``step(prefixes)`` gives log-probabilities (len(prefixes), V) of the next token; all prefixes
    have one length and begin with ``start``. A sequence is finished by ``end`` or after ``length``
    tokens; results hold neither start nor end, best first, by score/((5 + tokens)/6)^penalty.
    Source of the penalty: Wu et al., 2016.

    >>> import chainrule as cr
    >>> step = lambda prefixes: cr.tensor([[0.6, 0.4]] * len(prefixes)).log()
    >>> best = cr.models.decoding.beam_search(step, [0], end=1, width=2, length=3)
    >>> [(h.tokens, round(h.score, 3)) for h in best]
    [([], -0.916), ([0], -1.427)]
    """
    if width < 1:
        raise ValueError(f"beam_search: width must be 1 or more, got {width}")
    head = list(start)
    live, done = [Hypothesis(head, 0.0)], list[Hypothesis]()

    def worth(h: Hypothesis) -> float:
        return h.score / math.pow((5 + len(h.tokens)) / 6, penalty)

    for taken in range(1, length + 1):
        with no_grad():
            table = _array(step([h.tokens for h in live]))
        scores = np.array([h.score for h in live])[:, None] + table
        order = np.argsort(-scores, axis=None, kind="stable")
        open_, live = live, []
        for flat in order[: width + len(open_)]:  # as many may end as are open
            row, token = divmod(int(flat), table.shape[1])
            score = float(scores[row, token])
            if score == -math.inf or len(live) == width:
                break
            body = open_[row].tokens
            if token == end:
                done.append(Hypothesis(body[len(head) :], score))
            elif taken == length:
                done.append(Hypothesis([*body[len(head) :], token], score))
            else:
                live.append(Hypothesis([*body, token], score))
        done = sorted(done, key=worth, reverse=True)[:width]
        # without a penalty, scores only fall: nothing open can overtake a full set of better ones
        full = len(done) == width and penalty == 0
        if not live or (full and live[0].score <= done[-1].score):
            break
    return done


def _array(t: Any) -> Floats:
    return np.asarray(t.detach().numpy() if isinstance(t, Tensor) else t, np.float64)


# --- CTC ---------------------------------------------------------------------------------------


def ctc_greedy(
    log_probs: Tensor, lengths: Sequence[int] | Tensor | None = None, blank: int = 0
) -> list[list[int]]:
    """Best path of each sequence of (T, N, C): argmax, repeats merged, then blanks dropped.

    Source: Graves et al., "Connectionist temporal classification", 2006.

    >>> import chainrule as cr
    >>> path = cr.tensor([1, 1, 0, 1, 2])
    >>> cr.models.decoding.ctc_greedy(cr.nn.functional.one_hot(path, 3).unsqueeze(1))
    [[1, 1, 2]]
    """
    best = log_probs.argmax(-1).numpy()
    sizes = _lengths(lengths, *best.shape)
    texts = []
    for k, size in enumerate(sizes):
        path = best[:size, k]
        changed = np.r_[True, path[1:] != path[:-1]][:size]
        texts.append([int(c) for c in path[changed] if c != blank])
    return texts


def _lengths(lengths: Sequence[int] | Tensor | None, steps: int, batch: int) -> list[int]:
    sizes = [steps] * batch if lengths is None else [int(size) for size in lengths]
    if len(sizes) != batch or not all(0 <= size <= steps for size in sizes):
        raise ValueError(f"CTC decoding: {batch} lengths of 0 to {steps} expected, got {sizes}")
    return sizes


def ctc_beam(
    log_probs: Tensor,
    lengths: Sequence[int] | Tensor | None = None,
    width: int = 10,
    blank: int = 0,
) -> list[list[Hypothesis]]:
    """The ``width`` best texts of each sequence of (T, N, C), by prefix search.

    A text's probability sums over all its paths, so the best text need not be the best path's.
    For every prefix two sums are kept: paths that end in a blank, and in its last character.
    Source: Graves, 2006; in the form of Hannun et al., "First-pass large vocabulary continuous
    speech recognition using bi-directional recurrent DNNs", 2014.

    >>> import chainrule as cr
    >>> p = cr.tensor([[[0.6, 0.4]], [[0.6, 0.4]]]).log()
    >>> best = cr.models.decoding.ctc_beam(p)[0][0]
    >>> best.tokens, round(best.score, 3), cr.models.decoding.ctc_greedy(p)
    ([1], -0.446, [[]])
    """
    if width < 1:
        raise ValueError(f"ctc_beam: width must be 1 or more, got {width}")
    table = _array(log_probs)
    sizes = _lengths(lengths, *table.shape[:2])
    return [_prefixes(table[:size, k], width, blank) for k, size in enumerate(sizes)]


Text = tuple[int, ...]


def _prefixes(table: Floats, width: int, blank: int) -> list[Hypothesis]:
    """The search on one sequence (T, C)."""
    beams: dict[Text, tuple[float, float]] = {(): (0.0, -math.inf)}  # ends in blank, in character
    for row in table.tolist():
        grown: dict[Text, list[float]] = defaultdict(lambda: [-math.inf, -math.inf])
        for text, (in_blank, in_last) in beams.items():
            either = _plus(in_blank, in_last)
            here = grown[text]
            here[0] = _plus(here[0], either + row[blank])
            if text:  # the last character goes on
                here[1] = _plus(here[1], in_last + row[text[-1]])
            for c, score in enumerate(row):
                if c == blank or score == -math.inf:
                    continue
                longer = grown[(*text, c)]
                # the same character anew needs a blank between
                before = in_blank if text and c == text[-1] else either
                longer[1] = _plus(longer[1], before + score)
        possible = [(_plus(*ends), text) for text, ends in grown.items()]
        best = sorted((b for b in possible if b[0] > -math.inf), reverse=True)[:width]
        beams = {text: (grown[text][0], grown[text][1]) for _, text in best}
    return [Hypothesis(list(text), _plus(*ends)) for text, ends in beams.items()]


def _plus(a: float, b: float) -> float:
    """log(eᵃ + eᵇ)."""
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))
