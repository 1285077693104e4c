"""Recurrent layers: Elman, LSTM and GRU, one operation a layer and direction for all steps.

On arrays forward and backward are loops with one product a step (recurrent_kernels.py); a backward
that is itself recorded is made of small operations (recurrent_formulas.py).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..declare import Array, export, op
from ..errors import ShapeError, refuse
from ..handle import Handle
from . import recurrent_formulas as formulas
from . import recurrent_kernels as kernels
from .join import cat, select, stack
from .linalg import linear
from .random import dropout
from .shape import reshape, transpose


def _wide(values: Any) -> list[Any]:
    return [kernels.wide(v) for v in values]


def _back(
    g: Any, input: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any,
    out: Any, cell: str, reverse: bool, sizes: Any, needs: Any,
) -> Any:  # fmt: skip
    """All gradients: recorded, they are formulas; on arrays one kernel, a single equation."""
    given = (input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr)
    if isinstance(input, Handle):
        return formulas.backward(cell, g, *given, reverse, sizes)
    needs = tuple(n and v is not None for n, v in zip(needs, given, strict=True))
    cells = g[2] if len(out) == 4 else None
    grads = recurrent_back(
        g[0], g[1], cells, input, h0, c0, w_ih, w_hh, w_hr, out[0], out[-1],
        cell, reverse, sizes, needs,
    )  # fmt: skip
    found = iter(grads)
    return [next(found) if n else None for n in needs]


@op(where=(), promote="keep", outputs=-1)
def recurrent_back(
    g: Array, g_hidden: Array, g_cell: Array, input: Array, h0: Array, c0: Array, w_ih: Array,
    w_hh: Array, w_hr: Array, seq: Array, slots: Array, cell: str, reverse: bool, sizes: Any,
    needs: Any,
) -> Any:  # fmt: skip
    """Back through time: the wanted gradients of ``recurrent``."""
    kind = input.dtype
    gs = _wide([g, g_hidden] if g_cell is None else [g, g_hidden, g_cell])
    data: Any = _wide([input, h0, c0, w_ih, w_hh, w_hr])
    kept = (kernels.wide(seq), slots)
    grads = kernels.backward(kernels.CELLS[cell], reverse, sizes, needs, gs, kept, *data)
    return [d.astype(kind, copy=False) for d, n in zip(grads, needs, strict=True) if n]


@op(
    lambda g, input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, out, cell, reverse, sizes, needs: _back(
        g, input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, out, cell, reverse, sizes, needs
    ),
    where=(),
    promote="keep",
    outputs=-1,
    reference=formulas.forward,
)
def recurrent(
    input: Array, h0: Array, c0: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array,
    w_hr: Array, cell: str, reverse: bool, sizes: Any,
) -> Any:  # fmt: skip
    """All hidden states (rows, hidden), the last ones, an LSTM's last cells, and the gates.

    ``input`` (rows, features) has the steps one after the other, ``sizes[t]`` sequences at step t;
    sequences are sorted by length. The gates are for the way back: no gradient flows to them.
    """
    refuse("recurrent", input)
    kind = input.dtype
    data: Any = _wide([input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr])
    *results, slots = kernels.forward(kernels.CELLS[cell], reverse, sizes, *data)
    return (*[r.astype(kind, copy=False) for r in results], slots)


class Weights(NamedTuple):
    """The parameters of one layer in one direction."""

    w_ih: Any
    w_hh: Any
    b_ih: Any = None
    b_hh: Any = None
    w_hr: Any = None


def _grouped(params: Any, biases: bool, projected: bool) -> list[Weights]:
    """A flat list of parameters by layer and direction."""
    n = 2 + 2 * biases + projected
    rows = [list(params[k : k + n]) for k in range(0, len(params), n)]
    none = [] if biases else [None, None]
    return [Weights(*row[:2], *none, *row[2:]) for row in rows]


def _layers(
    cell: str, x: Any, states: Any, weights: list[Weights], sizes: Any, drop: float,
    bidirectional: bool,
) -> tuple[Any, list[list[Any]]]:  # fmt: skip
    """All layers on rows; ``states`` are h0 and c0 (layers, batch, hidden), as are the results."""
    ways = 1 + bidirectional
    last: list[list[Any]] = [[] for _ in states]
    for k in range(0, len(weights), ways):
        if k and drop:
            x = dropout(x, drop, True)
        outs = []
        for way in range(ways):
            first = [select(s, 0, k + way) for s in states]
            found = recurrent(x, *first, *[None] * (2 - len(first)), *weights[k + way], cell,
                              way == 1, sizes)  # fmt: skip
            outs.append(found[0])
            for kept, new in zip(last, found[1:], strict=False):
                kept.append(new)
        x = outs[0] if ways == 1 else cat(outs, -1)
    return x, last


def _checked(name: str, x: Any, states: Any, params: Any) -> None:
    for t in (*states, *params):
        if t.dtype is not x.dtype:
            raise RuntimeError(
                f"{name}: expected all tensors to have the dtype of the input, {x.dtype}, but got "
                f"{t.dtype}: convert one of them with .to()"
            )
    if x.shape[-1] != params[0].shape[1]:
        raise ShapeError(
            f"{name}: weight_ih of shape {list(params[0].shape)} does not fit an input of shape "
            f"{list(x.shape)}: their last dimensions must be equal"
        )


PADDED = ("input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional",
          "batch_first")  # fmt: skip
PACKED = ("data", "batch_sizes", *PADDED[1:-1])


def _bound(name: str, args: Any, kwargs: Any) -> tuple[bool, list[Any]]:
    """Whether the call is one on packed data, and its arguments in order."""
    packed = "batch_sizes" in kwargs or (len(args) > 3 and isinstance(args[3], (tuple, list)))
    expected = PACKED if packed else PADDED
    given = dict(zip(expected, args, strict=False)) | kwargs
    missing = [n for n in expected if n not in given]
    if missing or len(given) > len(expected) or len(args) > len(expected):
        raise TypeError(f"{name}() takes the arguments {', '.join(PADDED)}, or {', '.join(PACKED)}")
    return packed, [given[n] for n in expected]


def _run(name: str, cell: str, args: Any, kwargs: Any) -> Any:
    """PyTorch's two signatures: a padded batch, or packed data with its batch sizes."""
    packed, found = _bound(name, args, kwargs)
    if packed:
        x, batch_sizes, hx, params, biases, count, drop, train, both = found
        sizes, batch_first = tuple(batch_sizes.tolist()), False
    else:
        x, hx, params, biases, count, drop, train, both, batch_first = found
    states = list(hx) if cell == "lstm" else [hx]
    params = list(params)
    _checked(name, x, states, params)
    ways = 1 + bool(both)
    projected = len(params) > count * ways * (2 + 2 * bool(biases))
    weights = _grouped(params, bool(biases), projected)
    if not packed:
        x = transpose(x, 0, 1) if batch_first else x
        length, batch, width = x.shape
        if length == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        x, sizes = reshape(x, (length * batch, width)), (batch,) * length
    out, last = _layers(cell, x, states, weights, sizes, drop if train else 0.0, bool(both))
    if not packed:
        out = reshape(out, (length, batch, out.shape[-1]))
        out = transpose(out, 0, 1) if batch_first else out
    return (out, *[stack(found) for found in last])


GATES = {name: 5 * cell.gates for name, cell in kernels.CELLS.items()}  # of the examples


def _declare(name: str, what: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        return _run(name, name, args, kwargs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    state = "(h, h)" if name == "lstm" else "h"
    function.__doc__ = f"""{what} layers: all steps of all layers, from input (T, N, in).

    ``{name}(input, hx, params, has_biases, num_layers, dropout, train, bidirectional,
    batch_first)``; for packed data ``{name}(data, batch_sizes, hx, params, has_biases, num_layers,
    dropout, train, bidirectional)``. Gives the output and the last state of each layer; the
    layers of ``nn`` call it.

    >>> import chainrule as cr
    >>> h, params = cr.zeros(1, 2, 5), [cr.zeros({GATES[name]}, 3), cr.zeros({GATES[name]}, 5)]
    >>> found = cr.{name}(cr.zeros(4, 2, 3), {state}, params, False, 1, 0.0, False, False, False)
    >>> found[0].shape
    torch.Size([4, 2, 5])
    """
    return export("torch")(function)


rnn_tanh = _declare("rnn_tanh", "Elman (tanh)")
rnn_relu = _declare("rnn_relu", "Elman (ReLU)")
lstm = _declare("lstm", "Long short-term memory")
gru = _declare("gru", "Gated recurrent")


def _cell(name: str, gates: int) -> Any:
    """One step of a recurrent layer as a function."""
    formula = formulas.FORMULAS[name]

    def function(
        input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
    ) -> Any:
        h, c = hx if name == "lstm" else (hx, None)
        for what, t, w in (("input", input, w_ih), ("hidden", h, w_hh)):
            if t.shape[-1] != w.shape[1]:
                raise ShapeError(
                    f"{what} has inconsistent {what}_size: got {t.shape[-1]}, expected {w.shape[1]}"
                )
        if input.shape[0] != h.shape[0] or h.shape[1] * gates != w_hh.shape[0]:
            raise ShapeError(
                f"Input batch size {input.shape[0]} doesn't match hidden0 of shape {list(h.shape)}"
                f", or it doesn't match weight_hh of shape {list(w_hh.shape)}"
            )
        h, c, _ = formula.step(linear(input, w_ih, b_ih), linear(h, w_hh, b_hh), h, c)
        return h if c is None else (h, c)

    public = f"{name}_cell"
    function.__name__ = function.__qualname__ = public
    function.__module__ = __name__
    state, result = ("(h, h)", "found[0]") if name == "lstm" else ("h", "found")
    function.__doc__ = f"""One step of ``{name}``: ``{public}(input, hx, w_ih, w_hh, b_ih, b_hh)``.

    Input (N, in), state (N, hidden) (an LSTM's is a pair), weights as in the layer. Raises
    RuntimeError where sizes do not fit.

    >>> import chainrule as cr
    >>> h, w = cr.zeros(2, 5), [cr.zeros({5 * gates}, 3), cr.zeros({5 * gates}, 5)]
    >>> found = cr.{public}(cr.zeros(2, 3), {state}, *w)
    >>> {result}.shape
    torch.Size([2, 5])
    """
    return export("torch")(function)


rnn_tanh_cell = _cell("rnn_tanh", 1)
rnn_relu_cell = _cell("rnn_relu", 1)
lstm_cell = _cell("lstm", 4)
gru_cell = _cell("gru", 3)
