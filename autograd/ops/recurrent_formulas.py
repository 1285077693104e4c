"""Recurrent layers as formulas of small operations, forward and back through time.

What the fused operation computes, step by step: it is read when the backward is itself recorded,
and it is what the tests hold the fused operation against.

LSTM:  i, f, o = σ(…), g = tanh(…);  c' = f·c + i·g,  h' = o·tanh(c')
GRU:   r, z = σ(…), n = tanh(W x + r·(W h));  h' = (1 − z)·n + z·h

Sources: Hochreiter & Schmidhuber 1997; Cho et al. 2014; Werbos, "Backpropagation through time",
1990.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .activation import relu, sigmoid
from .join import cat, narrow
from .linalg import linear_op
from .recurrent_kernels import steps
from .trigonometric import tanh


class Formula(NamedTuple):
    """One step: ``(x, rec, h, c) → (h', c', kept)``, and its way back.

    ``x`` and ``rec`` are the projections of input and hidden state. Back, from the gradients of h'
    and c': ``(gh, gc, kept, h, c) → (of x, of rec, directly of h or None, of c)``.
    """

    step: Callable[..., Any]
    back: Callable[..., Any]


def pieces(t: Any, n: int) -> list[Any]:
    """The last dimension cut into ``n`` equal pieces."""
    size = t.shape[-1] // n
    return [narrow(t, -1, k * size, size) for k in range(n)]


def _elman(squash: Any, slope: Any) -> Formula:
    def step(x: Any, rec: Any, h: Any, c: Any) -> Any:
        out = squash(x + rec)
        return out, None, out

    def back(gh: Any, gc: Any, out: Any, h: Any, c: Any) -> Any:
        d = gh * slope(out)
        return d, d, None, None

    return Formula(step, back)


def _lstm(x: Any, rec: Any, h: Any, c: Any) -> Any:
    i, f, g, o = pieces(x + rec, 4)
    i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
    new = f * c + i * g
    squashed = tanh(new)
    return o * squashed, new, (i, f, g, o, squashed)


def _lstm_back(gh: Any, gc: Any, kept: Any, h: Any, c: Any) -> Any:
    i, f, g, o, squashed = kept
    gc = gc + gh * o * (1 - squashed * squashed)
    d = [
        gc * g * i * (1 - i),
        gc * c * f * (1 - f),
        gc * i * (1 - g * g),
        gh * squashed * o * (1 - o),
    ]
    both = cat(d, -1)
    return both, both, None, gc * f


def _gru(x: Any, rec: Any, h: Any, c: Any) -> Any:
    (xr, xz, xn), (hr, hz, m) = pieces(x, 3), pieces(rec, 3)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = tanh(xn + r * m)
    return n + z * (h - n), None, (r, z, n, m)


def _gru_back(gh: Any, gc: Any, kept: Any, h: Any, c: Any) -> Any:
    r, z, n, m = kept
    dn = gh * (1 - z) * (1 - n * n)
    dz = gh * (h - n) * z * (1 - z)
    dr = dn * m * r * (1 - r)
    return cat([dr, dz, dn], -1), cat([dr, dz, dn * r], -1), gh * z, None


FORMULAS = {
    "rnn_tanh": _elman(tanh, lambda out: 1 - out * out),
    "rnn_relu": _elman(relu, lambda out: out > 0),
    "lstm": Formula(_lstm, _lstm_back),
    "gru": Formula(_gru, _gru_back),
}


class Step(NamedTuple):
    """What the way back needs of one step."""

    rows: tuple[int, int, int]
    h: Any
    c: Any
    raw: Any
    kept: Any


def _put(state: Any, new: Any, n: int) -> Any:
    """``state`` with its first ``n`` rows replaced."""
    rest = state.shape[0] - n
    return cat([new, narrow(state, 0, n, rest)]) if rest else new


def forward(
    name: str, x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any,
    reverse: bool, sizes: Any,
) -> tuple[Any, Any, Any, list[Step]]:  # fmt: skip
    """All hidden states, the last hidden and cell states, and the steps."""
    formula, projected = FORMULAS[name], linear_op(x, w_ih, b_ih)
    h, c, tape, rows = h0, c0, [], {}
    for a, b, n in steps(sizes, reverse):
        now = narrow(h, 0, 0, n)
        cell = None if c is None else narrow(c, 0, 0, n)
        rec = linear_op(now, w_hh, b_hh)
        raw, new, kept = formula.step(narrow(projected, 0, a, n), rec, now, cell)
        rows[a] = raw if w_hr is None else linear_op(raw, w_hr)
        tape.append(Step((a, b, n), now, cell, raw, kept))
        h = _put(h, rows[a], n)
        if c is not None:
            c = _put(c, new, n)
    return cat([rows[a] for a in sorted(rows)]), h, c, tape


def backward(
    name: str, g: Any, x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    w_hr: Any, reverse: bool, sizes: Any,
) -> list[Any]:  # fmt: skip
    """The gradients of x, h0, c0, w_ih, w_hh, b_ih, b_hh and w_hr."""
    tape = forward(name, x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, reverse, sizes)[3]
    dh, dc = g[1], g[2] if c0 is not None else None
    outer: dict[int, Any] = {}
    inner, states, arrived, raws = [], [], [], []
    for (a, _, n), h, c, raw, kept in reversed(tape):
        gh = narrow(g[0], 0, a, n) + narrow(dh, 0, 0, n)
        arrived.append(gh)
        raws.append(raw)
        if w_hr is not None:
            gh = gh @ w_hr
        gc = None if dc is None else narrow(dc, 0, 0, n)
        outer[a], rec, direct, gc = FORMULAS[name].back(gh, gc, kept, h, c)
        inner.append(rec)
        states.append(h)
        before = rec @ w_hh
        dh = _put(dh, before if direct is None else before + direct, n)
        if dc is not None:
            dc = _put(dc, gc, n)
    d, rec = cat([outer[a] for a in sorted(outer)]), cat(inner)
    over = None if w_hr is None else cat(arrived).mT @ cat(raws)
    bias, more = (None, None) if b_ih is None else (d.sum(0), rec.sum(0))
    return [d @ w_ih, dh, dc, d.mT @ x, rec.mT @ cat(states), bias, more, over]
