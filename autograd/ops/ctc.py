"""Connectionist temporal classification: the likelihood of labels without their alignment.

Source: Graves et al., "Connectionist Temporal Classification", 2006.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, export, op
from ..errors import refuse
from ..examples import per_example
from ..handle import Handle, make
from .compare import where
from .loss import reduced
from .losses import tensors
from .shape import squeeze, unsqueeze


class Labels:
    """The labels of a batch with blanks between them, and which steps may skip a blank."""

    def __init__(self, labels: Any, lengths: Any, blank: int) -> None:
        n, longest = labels.shape
        self.lengths = lengths
        self.states = np.full((n, 2 * longest + 1), blank, np.int64)
        self.states[:, 1::2] = labels
        self.skips = np.zeros(self.states.shape, bool)
        self.skips[:, 3::2] = labels[:, 1:] != labels[:, :-1]
        self.valid = np.arange(2 * longest + 1) <= 2 * lengths[:, None]

    def emitted(self, log_probs: Any) -> Any:
        """The log-probability of each state's symbol: (T, N, states)."""
        return np.take_along_axis(log_probs, self.states[None], 2)

    def __repr__(self) -> str:
        return f"labels of lengths {self.lengths.tolist()}"


def _shifted(a: Any, by: int) -> Any:
    out = np.full_like(a, -np.inf)
    if by > 0:
        out[:, by:] = a[:, :-by]
    else:
        out[:, :by] = a[:, -by:]
    return out


def _forward(emitted: Any, labels: Labels) -> Any:
    """Values of log α: alignments of the beginning of the labels with the first steps."""
    alpha = np.full(emitted.shape, -np.inf, emitted.dtype)
    alpha[0, :, :2] = emitted[0, :, :2]
    alpha[0][~labels.valid] = -np.inf
    for t in range(1, len(emitted)):
        last = alpha[t - 1]
        skip = np.where(labels.skips, _shifted(last, 2), -np.inf)
        alpha[t] = np.logaddexp(np.logaddexp(last, _shifted(last, 1)), skip) + emitted[t]
    return alpha


def _backward(emitted: Any, labels: Labels, steps: Any) -> Any:
    """Values of log β: every alignment of the labels' end with the last steps."""
    beta = np.full(emitted.shape, -np.inf, emitted.dtype)
    rows = np.arange(len(steps))
    ends = np.full(emitted.shape[1:], -np.inf, emitted.dtype)
    ends[rows, 2 * labels.lengths] = 0.0
    ends[rows, np.maximum(2 * labels.lengths - 1, 0)] = 0.0
    onward = np.roll(labels.skips, -2, 1)
    onward[:, -2:] = False
    for t in range(len(emitted) - 1, -1, -1):
        if t + 1 < len(emitted):
            next_ = np.where(labels.valid, beta[t + 1], -np.inf)
            skip = np.where(onward, _shifted(next_, -2), -np.inf)
            ahead = np.logaddexp(np.logaddexp(next_, _shifted(next_, -1)), skip)
        else:
            ahead = ends
        beta[t] = np.where((steps - 1 == t)[:, None], ends, ahead) + emitted[t]
    return beta


def _refuse_second(*_: Any) -> Any:
    raise RuntimeError(
        "the derivative of ctc_loss_back is not implemented: ctc_loss has a first derivative only, "
        "as in PyTorch"
    )


@op(
    {
        "log_probs": lambda g, log_probs, alpha, out, labels, steps, zero: ctc_loss_back(
            g, log_probs, alpha, out, labels, steps, zero
        )
    },
    name="ctc_loss",
    where=(),
    promote="keep",
    outputs=2,
    aux=("alpha",),
    symbol="ctc",
)
def ctc(log_probs: Array, labels: Any, steps: Any, zero: bool) -> Any:
    """−log of the probability of each sequence of labels, all its alignments added up: (N,)."""
    refuse("ctc_loss", log_probs)
    with np.errstate(invalid="ignore"):
        alpha = _forward(labels.emitted(log_probs), labels)
    rows, end = np.arange(len(steps)), 2 * labels.lengths
    last = alpha[np.maximum(steps - 1, 0), rows]
    label = np.where(labels.lengths > 0, last[rows, np.maximum(end - 1, 0)], -np.inf)
    loss = -np.logaddexp(last[rows, end], label).astype(log_probs.dtype)
    nothing = np.where(labels.lengths > 0, np.inf, 0.0)  # the probability of no step at all
    return np.where(steps > 0, loss, nothing).astype(log_probs.dtype), alpha


@op(
    {
        "input": lambda g: _refuse_second(g),
        "log_probs": lambda g: _refuse_second(g),
        "out": lambda g: _refuse_second(g),
    },
    where=(),
    promote="keep",
    symbol="ctcᵀ",
)
def ctc_loss_back(
    input: Array, log_probs: Array, alpha: Array, out: Array, labels: Any, steps: Any, zero: bool
) -> Any:
    """e^(log p) − the posterior of each symbol at each step, times ``input``.

    As in PyTorch the first term is that of log-probabilities made by ``log_softmax``, which takes
    it away again; it keeps the gradient small.
    """
    emitted = labels.emitted(log_probs)
    with np.errstate(invalid="ignore"):
        beta = _backward(emitted, labels, steps)
        log_share = alpha + beta - emitted + out[:, None]
        share = np.where(alpha + beta == -np.inf, 0.0, np.exp(log_share))
    posterior = np.zeros_like(log_probs)
    t, n = np.indices(emitted.shape[:2])
    states = np.broadcast_to(labels.states, emitted.shape)
    np.add.at(posterior, (t[..., None], n[..., None], states), share)
    g = input[:, None] * (np.exp(log_probs) - posterior)
    bad = np.isinf(out)
    if bad.any():
        g[:, bad] = 0.0 if zero else np.nan
    g[np.arange(len(log_probs))[:, None] >= steps] = 0.0
    return g


def _lengths(value: Any, n: int, what: str, most: int) -> Any:
    """One length for each of ``n`` sequences, as an array."""
    data = value._data if isinstance(value, Handle) else value
    found = np.atleast_1d(np.asarray(data))
    if found.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss: {what} must be integral, got {found.dtype}")
    if found.shape != (n,):
        raise RuntimeError(f"ctc_loss: {what} must be of size batch_size ({n}), got {found.shape}")
    if found.min(initial=0) < 0 or found.max(initial=0) > most:
        raise RuntimeError(
            f"Expected {what} to have value at least 0 and at most {most}, but got {found.tolist()}"
        )
    return found.astype(np.int64)


def _padded(targets: Any, lengths: Any) -> Any:
    """Targets as (N, longest): padded ones cut, concatenated ones spread over rows."""
    data = np.asarray(targets._data)
    longest = int(lengths.max(initial=0))
    if data.ndim == 2:
        if data.shape[0] != len(lengths) or data.shape[1] < longest:
            raise RuntimeError(
                f"Expected tensor to have size at least {longest} at dimension 1, but got size "
                f"{list(data.shape)} for argument targets"
            )
        return data[:, :longest]
    if data.ndim != 1 or data.size != lengths.sum():
        raise RuntimeError(
            f"ctc_loss: targets must be (N, S), or (sum of target_lengths = {lengths.sum()},); got "
            f"{list(data.shape)}"
        )
    out = np.zeros((len(lengths), longest), np.int64)
    out[np.arange(longest) < lengths[:, None]] = data
    return out


@export("F")
@per_example
def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean", zero_infinity: bool = False,
) -> Any:  # fmt: skip
    """−log p(targets): log-probabilities (T, N, C) or (T, C) against labels without alignment.

    ``targets`` is (N, S) or all labels in one row; ``'mean'`` divides each loss by its number of
    labels. ``zero_infinity`` makes impossible alignments count 0. It has no second derivative.

    >>> import chainrule as cr
    >>> scores = cr.log_softmax(cr.zeros(4, 1, 3), 2)
    >>> cr.nn.functional.ctc_loss(scores, cr.tensor([[1, 2]]), [4], [2])
    tensor(0.8432)
    """
    tensors("ctc_loss", log_probs=log_probs, targets=targets)
    single = log_probs.ndim == 2
    x = unsqueeze(log_probs, 1) if single else log_probs
    if x.ndim != 3:
        raise RuntimeError(
            f"ctc_loss: expected log_probs of shape (T, N, C) or (T, C), got {list(x.shape)}"
        )
    length, n, classes = x.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range: {blank} of {classes} classes")
    if targets.dtype.name not in ("int32", "int64"):
        raise RuntimeError(f"ctc_loss: targets must be int32 or int64, got {targets.dtype}")
    steps = _lengths(input_lengths, n, "input_lengths", length)
    counts = _lengths(target_lengths, n, "target_lengths", targets.numel())
    labels = _padded(targets, counts)
    inside = np.arange(labels.shape[1]) < counts[:, None]
    if (inside & ((labels < 0) | (labels >= classes))).any():
        raise RuntimeError(f"ctc_loss: a target is outside the {classes} classes")
    given = Labels(np.where(inside, labels, blank).astype(np.int64), counts, blank)
    loss = ctc(x, given, steps, zero_infinity)[0]
    if zero_infinity:
        loss = where(loss == float("inf"), 0.0, loss)
    if reduction == "mean":
        return reduced(loss / make(np.maximum(counts, 1).astype(loss.dtype.np)), "mean")
    return reduced(squeeze(loss, 0) if single else loss, reduction)
