"""One step of a recurrent layer: RNNCell, LSTMCell, GRUCell."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import Tensor
from ..autograd.declare import names
from . import init
from .module import Module
from .parameter import Parameter

_torch = names["torch"]


class RNNCellBase(Module):
    """What the cells share: ``weight_ih`` (gates·hidden, in), ``weight_hh`` (gates·hidden, hidden).

    With ``bias`` also ``bias_ih`` and ``bias_hh`` (gates·hidden,); all start uniform on ±1/√hidden.

    >>> import chainrule as cr
    >>> [name for name, _ in cr.nn.GRUCell(3, 4, bias=False).named_parameters()]
    ['weight_ih', 'weight_hh']
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows, kind = num_chunks * hidden_size, {"device": device, "dtype": dtype}
        self.weight_ih = Parameter(_torch["empty"](rows, input_size, **kind))
        self.weight_hh = Parameter(_torch["empty"](rows, hidden_size, **kind))
        for name in ("bias_ih", "bias_hh"):
            p = Parameter(_torch["empty"](rows, **kind)) if bias else None
            self.register_parameter(name, p)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters again."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes, and the options that differ from their defaults."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.__dict__.get("nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.__dict__['nonlinearity']}"
        return text

    def _dims(self, what: str, t: Tensor) -> None:
        if t.dim() not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected {what} to be 1D or 2D, got {t.dim()}D instead"
            )

    def _zeros(self, x: Tensor) -> Any:
        return _torch["zeros"](x.shape[0], self.hidden_size, dtype=x.dtype, device=x.device)

    def _step(self, kind: str, x: Any, hx: Any) -> Any:
        own = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return _torch[kind](x, hx, *own)

    def _run(self, kind: str, input: Tensor, hx: Any) -> Any:
        """One step of a cell with one state, a batch or a single vector."""
        self._dims("input", input)
        if hx is not None:
            self._dims("hidden", hx)
        if input.dim() == 2:
            return self._step(kind, input, self._zeros(input) if hx is None else hx)
        x = input.unsqueeze(0)
        return self._step(kind, x, self._zeros(x) if hx is None else hx.unsqueeze(0)).squeeze(0)


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or ReLU for tanh: (N, in) → (N, hidden).

    Without ``hx`` the state starts at 0. Raises ValueError for an input of other dimensions than
    one or two.

    >>> import chainrule as cr
    >>> cell = cr.nn.RNNCell(10, 20)
    >>> cell, cell(cr.zeros(3, 10)).shape
    (RNNCell(10, 20), torch.Size([3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Return the next state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._run(f"rnn_{self.nonlinearity}_cell", input, hx)


class GRUCell(RNNCellBase):
    """One step of ``GRU``: h' = (1 − z)·n + z·h, from input (N, in) and state (N, hidden).

    >>> import chainrule as cr
    >>> cr.nn.GRUCell(10, 20)(cr.zeros(10)).shape
    torch.Size([20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Return the next state."""
        return self._run("gru_cell", input, hx)


class LSTMCell(RNNCellBase):
    """One step of ``LSTM``: (h', c') from input (N, in) and the pair (h, c), both (N, hidden).

    >>> import chainrule as cr
    >>> h, c = cr.nn.LSTMCell(10, 20)(cr.zeros(3, 10))
    >>> h.shape
    torch.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Any, Any]:
        """Return the next hidden and cell state."""
        self._dims("input", input)
        for k, state in enumerate(hx or ()):
            self._dims(f"hx[{k}]", state)
        single = input.dim() == 1
        x: Any = input.unsqueeze(0) if single else input
        if hx is None:
            hx = (self._zeros(x), self._zeros(x))
        elif single:
            hx = tuple([state.unsqueeze(0) for state in hx])
        h, c = self._step("lstm_cell", x, hx)
        return (h.squeeze(0), c.squeeze(0)) if single else (h, c)
