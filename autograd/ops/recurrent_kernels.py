"""Recurrent layers on arrays: a whole sequence forward, and back through time.

Rows are the steps of all sequences, one step after the other; ``sizes`` says how many sequences are
still running at each step (all of them, unless the sequence is packed). Arrays of gates have the
gate first, (gate, row, hidden), so that each gate of a step is contiguous.

σ(x) = ½·tanh(x/2) + ½, so all gates of a step are one call of tanh: the weights of the σ gates are
halved (which is exact) while they are copied into the layout that the products want. The
derivatives of a step are linear in the gradient that arrives; their factors are computed for many
steps at once, and the loop back through time is left with few multiplications.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

BLOCK = 1 << 15  # elements of an array that are worked on while they are in the cache


@dataclass(frozen=True)
class Cell:
    """A kind of recurrence: its gates, which of them are σ, and its slots for what backward needs.

    ``order`` is the order of the input weights' gates in the slots; those of the recurrent weights
    begin at slot ``shift``. ``step(rec, slots, h, c, out)`` runs one step in place;
    ``factors(slots, h, c, out, into)`` gives the factors of its derivatives.
    """

    name: str
    sigma: tuple[bool, ...]  # gate by gate, in the order of the weights
    slots: int
    step: Callable[..., None]
    factors: Callable[..., None]
    order: tuple[int, ...] = (0,)
    shift: int = 0
    memory: bool = False  # whether there is a cell state beside the hidden state

    @property
    def gates(self) -> int:
        """How many gates the weights are made of."""
        return len(self.sigma)


def _tanh_step(rec: Any, slots: Any, h: Any, c: Any, out: Any) -> None:
    np.add(slots[0], rec[0], out=out)
    np.tanh(out, out=out)


def _relu_step(rec: Any, slots: Any, h: Any, c: Any, out: Any) -> None:
    np.add(slots[0], rec[0], out=out)
    np.maximum(out, 0, out=out)


def _tanh_factors(slots: Any, h: Any, c: Any, out: Any, into: Any) -> None:
    np.multiply(out, out, out=into[0])
    np.subtract(1, into[0], out=into[0])


def _relu_factors(slots: Any, h: Any, c: Any, out: Any, into: Any) -> None:
    np.greater(out, 0, out=into[0], casting="unsafe")


_SCALE = {t: np.array([0.5, 0.5, 1, 0.5], t).reshape(4, 1, 1) for t in (np.float32, np.float64)}
_SHIFT = {t: np.array([0.5, 0.5, 0, 0.5], t).reshape(4, 1, 1) for t in (np.float32, np.float64)}


def _lstm_step(rec: Any, slots: Any, h: Any, c: Any, out: Any) -> None:
    z = slots[:4]
    z += rec
    np.tanh(z, out=z)
    z *= _SCALE[z.dtype.type]
    z += _SHIFT[z.dtype.type]
    i, f, g, o, new, squashed = slots
    np.multiply(f, c, out=new)
    np.multiply(i, g, out=squashed)
    new += squashed
    np.tanh(new, out=squashed)
    np.multiply(o, squashed, out=out)


def _lstm_factors(slots: Any, h: Any, c: Any, out: Any, into: Any) -> None:
    """Of the gates i, f, g (times the cell's gradient), of o and the cell (times the hidden's)."""
    i, _f, g, o, _, squashed = slots
    np.subtract(1, slots[:4], out=into[:4])
    into[:4] *= slots[:4]  # s·(1 − s)
    into[0] *= g
    into[1] *= c
    np.multiply(g, g, out=into[2])
    np.subtract(1, into[2], out=into[2])
    into[2] *= i
    into[3] *= squashed
    np.multiply(squashed, squashed, out=into[4])
    np.subtract(1, into[4], out=into[4])
    into[4] *= o


def _gru_step(rec: Any, slots: Any, h: Any, c: Any, out: Any) -> None:
    new, r, z, m = slots
    gates = slots[1:3]
    gates += rec[:2]
    np.tanh(gates, out=gates)
    gates *= 0.5
    gates += 0.5
    m += rec[2]
    np.multiply(r, m, out=out)
    new += out
    np.tanh(new, out=new)
    np.subtract(h, new, out=out)
    out *= z
    out += new


def _gru_factors(slots: Any, h: Any, c: Any, out: Any, into: Any) -> None:
    """Of n, r, z and of the recurrent product inside n, all times the hidden state's gradient."""
    new, r, z, m = slots
    dn, dr, dz, dm = into
    np.multiply(new, new, out=dn)
    np.subtract(1, dn, out=dn)
    np.subtract(1, z, out=dz)
    dn *= dz
    dz *= z
    np.subtract(h, new, out=dm)
    dz *= dm
    np.multiply(dn, r, out=dm)
    np.subtract(1, r, out=dr)
    dr *= m
    dr *= dm


CELLS = {
    cell.name: cell
    for cell in (
        Cell("rnn_tanh", (False,), 1, _tanh_step, _tanh_factors),
        Cell("rnn_relu", (False,), 1, _relu_step, _relu_factors),
        Cell("lstm", (True, True, False, True), 6, _lstm_step, _lstm_factors,
             order=(0, 1, 2, 3), memory=True),
        Cell("gru", (True, True, False), 4, _gru_step, _gru_factors, order=(2, 0, 1), shift=1),
    )
}  # fmt: skip


def wide(x: Any) -> Any:
    """Half precision as float32."""
    return x.astype(np.float32) if x is not None and x.dtype.itemsize == 2 else x


def steps(sizes: Any, reverse: bool) -> Iterator[tuple[int, int, int]]:
    """The first row, the end and the number of running sequences of each step, as time runs."""
    ends = np.cumsum(sizes).tolist()
    order = range(len(sizes))
    for t in reversed(order) if reverse else order:
        yield ends[t] - sizes[t], ends[t], sizes[t]


def _halved(cell: Cell, blocks: Any) -> Any:
    """Blocks (gate, …), those of σ gates halved, contiguous."""
    half = np.array([0.5 if s else 1.0 for s in cell.sigma], blocks.dtype)
    return np.multiply(blocks, half.reshape(-1, *[1] * (blocks.ndim - 1)), order="C")


def _project(cell: Cell, x: Any, w_ih: Any, b_ih: Any, b_hh: Any, slots: Any) -> None:
    """W x + b of all steps, in the slots where the steps find them."""
    gates, hidden, order = cell.gates, slots.shape[-1], list(cell.order)
    w = _halved(cell, w_ih.reshape(gates, hidden, -1).transpose(0, 2, 1))[order]
    np.matmul(x, w, out=slots[:gates])
    inner = cell.shift  # with a slot of its own, the recurrent bias of the last gate stays inside
    if b_ih is not None:
        b = _halved(cell, b_ih.reshape(gates, hidden))
        more = _halved(cell, b_hh.reshape(gates, hidden))
        if inner:
            slots[gates] = more[-1]
            more[-1] = 0
        b += more
        slots[:gates] += b[order][:, None]
    elif inner:
        slots[gates] = 0


def forward(
    cell: Cell, reverse: bool, sizes: Any, x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any,
    b_ih: Any, b_hh: Any, w_hr: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """All hidden states, the last ones, with a memory the last cell states, and the slots."""
    gates, width = cell.gates, w_hh.shape[1]
    hidden = w_hh.shape[0] // gates
    slots = np.empty((cell.slots, len(x), hidden), x.dtype)
    _project(cell, x, w_ih, b_ih, b_hh, slots)
    w = _halved(cell, w_hh.reshape(gates, hidden, width).transpose(0, 2, 1))
    rec = np.empty((gates, sizes[0], hidden), x.dtype)
    seq = np.empty((len(x), width), x.dtype)
    raw = seq if w_hr is None else np.empty((sizes[0], hidden), x.dtype)
    even = sizes[0] == sizes[-1]
    h, c = h0, c0
    if not even:
        h, c = h.copy(), None if c is None else c.copy()
    for a, b, n in steps(sizes, reverse):
        here, product = slots[:, a:b], rec[:, :n]
        out = seq[a:b] if w_hr is None else raw[:n]
        np.matmul(h[:n], w, out=product)
        cell.step(product, here, h[:n], None if c is None else c[:n], out)
        if w_hr is not None:
            np.matmul(out, w_hr.T, out=seq[a:b])
        if even:
            h, c = seq[a:b], here[4] if cell.memory else None
        else:
            h[:n] = seq[a:b]
            if cell.memory:
                c[:n] = here[4]
    last = (h.copy(), c.copy()) if cell.memory else (h.copy(),)
    return (seq, *last, slots)


def _before(states: Any, first: Any, reverse: bool, sizes: Any) -> Any:
    """For each row the state that its step began with."""
    n, out = sizes[0], np.empty_like(states)
    if n == sizes[-1]:
        if reverse:
            out[:-n], out[len(out) - n :] = states[n:], first
        else:
            out[n:], out[:n] = states[: len(out) - n], first
        return out
    state = first.copy()
    for a, b, m in steps(sizes, reverse):
        out[a:b] = state[:m]
        state[:m] = states[a:b]
    return out


def _factors(cell: Cell, slots: Any, h: Any, c: Any, seq: Any) -> Any:
    """The factors of all steps' derivatives, block by block."""
    rows, hidden = slots.shape[1:]
    into = np.empty((max(cell.slots - 1, 1), rows, hidden), slots.dtype)
    if cell.name == "gru":
        into = np.empty(slots.shape, slots.dtype)
    size = max(BLOCK // max(hidden, 1), 1)
    for a in range(0, rows, size):
        part = slice(a, a + size)
        cell.factors(
            slots[:, part], h[part], None if c is None else c[part], seq[part], into[:, part]
        )
    return into


def backward(
    cell: Cell, reverse: bool, sizes: Any, needs: Any, g: Any, out: Any, x: Any, h0: Any, c0: Any,
    w_ih: Any, w_hh: Any, w_hr: Any,
) -> list[Any]:  # fmt: skip
    """The gradients of x, h0, c0, w_ih, w_hh, b_ih, b_hh and w_hr; None where not wanted."""
    gates, width = cell.gates, w_hh.shape[1]
    hidden = w_hh.shape[0] // gates
    seq, slots = out[0], out[-1]
    h = _before(seq, h0, reverse, sizes)
    c = _before(slots[4], c0, reverse, sizes) if cell.memory else None
    d = _factors(cell, slots, h, c, seq)
    projected = np.empty_like(seq) if w_hr is not None else None
    w = w_hh.reshape(gates, hidden, width)
    parts = np.empty((gates, sizes[0], width), x.dtype)
    back = list(steps(sizes, reverse))[::-1]
    dh, dc = g[1].copy(), g[2].copy() if cell.memory else None
    arrived = np.empty_like(h0)
    for a, b, n in back:
        gh = np.add(g[0][a:b], dh[:n], out=arrived[:n])
        if projected is not None:
            projected[a:b] = gh
            gh = gh @ w_hr
        here = d[:, a:b]
        if dc is None:
            here *= gh
        else:
            gc = dc[:n]
            here[3:] *= gh
            gc += here[4]
            here[:3] *= gc
            gc *= slots[1, a:b]
        np.matmul(here[cell.shift : cell.shift + gates], w, out=parts[:, :n])
        np.add.reduce(parts[:, :n], axis=0, out=dh[:n])
        if cell.shift:  # h' = (1 − z)·n + z·h has a direct way
            gh *= slots[2, a:b]
            dh[:n] += gh
    inner, outer = d[cell.shift : cell.shift + gates], d[:gates]
    place = np.argsort(cell.order)
    ones = np.ones(len(x), x.dtype)
    grads: list[Any] = [None] * 8
    if needs[0]:
        blocks = w_ih.reshape(gates, hidden, -1)
        grads[0] = outer[0] @ blocks[cell.order[0]]
        for k in range(1, gates):
            grads[0] += outer[k] @ blocks[cell.order[k]]
    grads[1], grads[2] = dh, dc
    if needs[3]:
        grads[3] = np.matmul(outer.transpose(0, 2, 1), x)[place].reshape(w_ih.shape)
    if needs[4]:
        grads[4] = np.matmul(inner.transpose(0, 2, 1), h).reshape(w_hh.shape)
    if needs[5]:
        grads[5] = np.matmul(ones, outer)[place].reshape(-1)
    if needs[6]:
        grads[6] = np.matmul(ones, inner).reshape(-1)
    if needs[7] and projected is not None:
        grads[7] = projected.T @ (slots[3] * slots[5])
    return grads
