"""The recurrent cells as equations, one step each, and a run over time unrolled in the graph.

``nn.LSTM`` and ``nn.GRU`` compute the same numbers faster. Shapes: x (N, in), h and c (N, hidden),
``w_ih`` (gates·hidden, in), ``w_hh`` (gates·hidden, hidden), biases (gates·hidden,).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names

_stack = names["torch"]["stack"]


def rnn_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """Elman's cell: h' = tanh(W x + b + U h + c).

    >>> import chainrule as cr
    >>> cell = cr.nn.RNNCell(3, 4)
    >>> x, h = cr.randn(2, 3), cr.randn(2, 4)
    >>> cr.allclose(cr.models.gates.rnn_step(x, h, *cell.parameters()), cell(x, h))
    True
    """
    return (x @ w_ih.T + b_ih + h @ w_hh.T + b_hh).tanh()


def lstm_step(x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """LSTM: what to write (i·g), what to forget (f), what to show (o). Returns h' and c'.

    i, f, o = σ(…), g = tanh(…), each of W x + b + U h + b'; c' = f·c + i·g; h' = o·tanh(c').
    Source: Hochreiter and Schmidhuber, 1997; the forget gate: Gers et al., 2000.

    >>> import chainrule as cr
    >>> cell = cr.nn.LSTMCell(3, 4)
    >>> x, h, c = cr.randn(2, 3), cr.randn(2, 4), cr.randn(2, 4)
    >>> cr.allclose(cr.models.gates.lstm_step(x, h, c, *cell.parameters())[0], cell(x, (h, c))[0])
    True
    """
    a_i, a_f, a_g, a_o = (x @ w_ih.T + b_ih + h @ w_hh.T + b_hh).chunk(4, -1)
    i, f, g, o = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh(), a_o.sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c


def gru_step(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """GRU as in the library: r acts after the product, and z keeps the old state.

    r, z = σ(W x + b + U h + b'); n = tanh(W_n x + b_n + r·(U_n h + b'_n)); h' = (1 − z)·n + z·h.

    >>> import chainrule as cr
    >>> cell = cr.nn.GRUCell(3, 4)
    >>> x, h = cr.randn(2, 3), cr.randn(2, 4)
    >>> cr.allclose(cr.models.gates.gru_step(x, h, *cell.parameters()), cell(x, h))
    True
    """
    x_r, x_z, x_n = (x @ w_ih.T + b_ih).chunk(3, -1)
    h_r, h_z, h_n = (h @ w_hh.T + b_hh).chunk(3, -1)
    r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
    n = (x_n + r * h_n).tanh()
    return (1 - z) * n + z * h


def gru_step_of_the_notes(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    """GRU as in the lecture and the first paper: r acts before the product, z lets the new one in.

    r, z as in ``gru_step``; n = tanh(W_n x + b_n + U_n (r·h) + b'_n); h' = (1 − z)·h + z·n. The
    two are equally able: since σ(−a) = 1 − σ(a), turning the signs of z's weights exchanges its
    roles, and where r is 1 both compute the same n; the library's form does all of U h in one
    product. Source: Cho et al., 2014.

    >>> import chainrule as cr
    >>> w = [cr.randn(12, 3), cr.randn(12, 4), cr.randn(12), cr.randn(12)]
    >>> cr.models.gates.gru_step_of_the_notes(cr.randn(2, 3), cr.randn(2, 4), *w).shape
    torch.Size([2, 4])
    """
    x_r, x_z, x_n = (x @ w_ih.T + b_ih).chunk(3, -1)
    u_r, u_z, u_n = w_hh.chunk(3, 0)
    b_r, b_z, b_n = b_hh.chunk(3, -1)
    r = (x_r + h @ u_r.T + b_r).sigmoid()
    z = (x_z + h @ u_z.T + b_z).sigmoid()
    n = (x_n + (r * h) @ u_n.T + b_n).tanh()
    return (1 - z) * h + z * n


def unrolled(step: Callable[[Any, Any], Any], x: Tensor, h: Any) -> tuple[Any, Any]:
    """h₁, h₂, … of h' = step(x_t, h) over x (T, N, in): states (T, N, hidden), and the last one.

    Every step is in the graph, so that ``viz`` draws back-propagation through time.

    >>> import chainrule as cr
    >>> cell = cr.nn.GRUCell(3, 4)
    >>> states, last = cr.models.gates.unrolled(cell, cr.randn(5, 2, 3), cr.zeros(2, 4))
    >>> states.shape
    torch.Size([5, 2, 4])
    """
    states = []
    for x_t in x:
        h = step(x_t, h)
        states.append(h)
    return _stack(states), h


class NotesGRU(nn.Module):
    """A layer of ``gru_step_of_the_notes`` with the parameters of ``nn.GRU``: (T, N, in).

    >>> import chainrule as cr
    >>> out, last = cr.models.gates.NotesGRU(3, 4)(cr.zeros(5, 2, 3))
    >>> out.shape, last.shape
    (torch.Size([5, 2, 4]), torch.Size([2, 4]))
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.GRUCell(input_size, hidden_size)

    def forward(self, x: Tensor, h: Any = None) -> tuple[Any, Any]:
        """Return the states of all steps and the last one."""
        weights = list(self.cell.parameters())
        if h is None:
            h = x.new_zeros(x.shape[1], self.cell.hidden_size)
        return unrolled(lambda x_t, h: gru_step_of_the_notes(x_t, h, *weights), x, h)
