"""Recurrent layers over sequences: RNN, LSTM and GRU; the cells of one step are in cells.py."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from ..autograd import Tensor, modes
from ..autograd.declare import names
from . import init
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

_empty, _zeros = names["torch"]["empty"], names["torch"]["zeros"]
GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}
SHOWN = ("proj_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")


def _check_dropout(dropout: Any, layers: int) -> None:
    number = isinstance(dropout, numbers.Number) and not isinstance(dropout, bool)
    if not number or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element "
            "being zeroed"
        )
    if dropout > 0 and layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
            f"expects num_layers greater than 1, but got dropout={dropout} and num_layers={layers}",
            stacklevel=4,
        )


def _check_sizes(**given: Any) -> None:
    for name, kind in (("bias", bool), ("batch_first", bool), ("input_size", int),
                       ("hidden_size", int)):  # fmt: skip
        value = given[name]
        if not isinstance(value, kind):
            raise TypeError(
                f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
            )
        if kind is int and value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if given["num_layers"] <= 0:
        raise ValueError("num_layers must be greater than zero")
    if given["proj_size"] < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if given["proj_size"] >= given["hidden_size"]:
        raise ValueError("proj_size has to be smaller than hidden_size")


class RNNBase(Module):
    """What RNN, LSTM and GRU share: parameters, checks, and the run over layers and directions.

    For layer k (and ``_reverse``): ``weight_ih_l{k}`` (gates·hidden, in), ``weight_hh_l{k}``
    (gates·hidden, hidden), ``bias_ih_l{k}``, ``bias_hh_l{k}`` (gates·hidden,), ``weight_hr_l{k}``
    (proj, hidden); all start uniform on ±1/√hidden.

    >>> import chainrule as cr
    >>> cr.nn.LSTM(3, 5)._flat_weights_names
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_dropout(dropout, num_layers)
        _check_sizes(
            bias=bias, batch_first=batch_first, input_size=input_size, hidden_size=hidden_size,
            num_layers=num_layers, proj_size=proj_size,
        )  # fmt: skip
        if mode not in GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        self.mode, self.input_size, self.hidden_size = mode, input_size, hidden_size
        self.num_layers, self.bias, self.batch_first = num_layers, bias, batch_first
        self.dropout, self.bidirectional = float(dropout), bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[: self._ways]:
                names_and_shapes = self._shapes(layer)
                for name, shape in names_and_shapes.items():
                    p = Parameter(_empty(*shape, device=device, dtype=dtype))
                    setattr(self, name + suffix, p)
                self._all_weights.append([name + suffix for name in names_and_shapes])
        self._flat_weights_names = [name for row in self._all_weights for name in row]
        self.reset_parameters()

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """The parameters of a layer in one direction."""
        rows, out = GATES[self.mode] * self.hidden_size, self._width
        width = self.input_size if layer == 0 else out * self._ways
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, out)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return {f"{name}_l{layer}": shape for name, shape in shapes.items()}

    @property
    def _ways(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _width(self) -> int:
        return self.proj_size or self.hidden_size

    def reset_parameters(self) -> None:
        """Draw the parameters again."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    @property
    def _flat_weights(self) -> list[Any]:
        """All parameters, in the order of ``_flat_weights_names``."""
        return [getattr(self, name, None) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters, a list for each layer and direction."""
        return [[getattr(self, name) for name in row] for row in self._all_weights]

    def flatten_parameters(self) -> None:
        """Do nothing: only a GPU wants parameters in one piece of memory."""

    # -- checks ---------------------------------------------------------------------------------

    def check_input(self, input: Tensor, batch_sizes: Any) -> None:
        """Raise for an input of the wrong dtype, dimension or size."""
        kind = getattr(self, self._flat_weights_names[0]).dtype
        if input.dtype is not kind and modes.local.meet is None:  # autocast converts
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({kind}). "
                f"Convert input: input.to({kind}), or convert model: model.to({input.dtype})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got {input.size(-1)}"
            )

    def _state_size(self, input: Tensor, batch_sizes: Any, width: int) -> tuple[int, int, int]:
        if batch_sizes is not None:
            batch = int(batch_sizes[0])
        else:
            batch = int(input.size(0 if self.batch_first else 1))
        return self.num_layers * self._ways, batch, width

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Any) -> tuple[int, int, int]:
        """(layers·directions, batch, hidden or proj)."""
        return self._state_size(input, batch_sizes, self._width)

    def check_hidden_size(
        self, hx: Any, expected_hidden_size: Any, msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """Raise RuntimeError for an initial state of another shape."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Any) -> None:
        """Raise for an input or an initial state that does not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        """The states of the sequences in another order."""
        return hx if permutation is None else hx[:, permutation]

    # -- running --------------------------------------------------------------------------------

    def _first(self, input: Tensor, batch_sizes: Any) -> Any:
        """Initial states of zeros."""
        return self._nothing(self.get_expected_hidden_size(input, batch_sizes), input)

    def _nothing(self, size: tuple[int, int, int], like: Tensor) -> Any:
        return _zeros(*size, dtype=like.dtype, device=like.device)

    def _lifted(self, hx: Any, batched: bool) -> Any:
        """A given state with a batch dimension; raises where its dimension does not fit."""
        if hx.dim() != (3 if batched else 2):
            what = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {what} input, hx should also be {3 if batched else 2}-D but got "
                f"{hx.dim()}-D tensor"
            )
        return hx if batched else hx.unsqueeze(1)

    def _lowered(self, hx: Any) -> Any:
        return hx.squeeze(1)

    def _apply_layers(self, *data: Any) -> tuple[Any, Any]:
        """Output and last states, from ``(input, hx)`` or ``(data, batch_sizes, hx)``."""
        more = (self.batch_first,) if len(data) == 2 else ()
        result = names["torch"][self.mode.lower()](
            *data, self._flat_weights, self.bias, self.num_layers, self.dropout, self.training,
            self.bidirectional, *more,
        )  # fmt: skip
        return result[0], result[1] if len(result) == 2 else result[1:]

    def _packed(self, packed: PackedSequence, hx: Any) -> tuple[Any, Any]:
        data, sizes, order, back = packed
        hx = self._first(data, sizes) if hx is None else self.permute_hidden(hx, order)
        self.check_forward_args(data, hx, sizes)
        out, last = self._apply_layers(data, sizes, hx)
        return PackedSequence(out, sizes, order, back), self.permute_hidden(last, back)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """Run over the sequences: output of every step, and the last state of every layer.

        Input (T, N, in), (N, T, in) with ``batch_first``, (T, in), or a PackedSequence.
        """
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        if input.dim() not in (2, 3):
            name = "RNN" if self.mode.startswith("RNN") else self.mode
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        batched, at = input.dim() == 3, 0 if self.batch_first else 1
        x = input if batched else input.unsqueeze(at)
        hx = self._first(x, None) if hx is None else self._lifted(hx, batched)
        self.check_forward_args(x, hx, None)
        out, last = self._apply_layers(x, hx)
        return (out, last) if batched else (out.squeeze(at), self._lowered(last))

    def extra_repr(self) -> str:
        """The sizes, and the options that differ from their defaults."""
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "dropout": 0}
        text = f"{self.input_size}, {self.hidden_size}"
        for name in SHOWN:
            value = getattr(self, name)
            if value != usual.get(name, False):
                text += f", {name}={value}"
        return text


class RNN(RNNBase):
    """Elman layers: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or ReLU for tanh.

    Input (T, N, in) → output (T, N, directions·hidden) and last states (layers·directions, N,
    hidden). ``dropout`` acts between layers in training. Source: Elman, "Finding Structure in
    Time", 1990.

    >>> import chainrule as cr
    >>> rnn = cr.nn.RNN(10, 20, 2, nonlinearity="relu")
    >>> out, h = rnn(cr.zeros(5, 3, 10))
    >>> rnn, out.shape, h.shape
    (RNN(10, 20, num_layers=2), torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
        *args: Any, **kwargs: Any,
    ) -> None:  # fmt: skip
        _no_projection(kwargs)
        modes = {"tanh": "RNN_TANH", "relu": "RNN_RELU"}
        if nonlinearity not in modes:
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        self.__dict__["nonlinearity"] = nonlinearity
        super().__init__(modes[nonlinearity], input_size, hidden_size, num_layers, *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent layers: h' = (1 − z)·n + z·h.

    r, z = σ(W x + b + W h + b) and n = tanh(W_in x + b_in + r·(W_hn h + b_hn)); gates are stacked
    in the order r, z, n. Shapes as ``RNN``. Source: Cho et al., 2014.

    >>> import chainrule as cr
    >>> out, h = cr.nn.GRU(4, 6, bidirectional=True, batch_first=True)(cr.zeros(2, 7, 4))
    >>> out.shape, h.shape
    (torch.Size([2, 7, 12]), torch.Size([2, 2, 6]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)


def _no_projection(kwargs: dict[str, Any]) -> None:
    if "proj_size" in kwargs:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class LSTM(RNNBase):
    """Long short-term memory: c' = f·c + i·g, h' = o·tanh(c'), with i, f, o = σ(…), g = tanh(…).

    Gates are stacked in the order i, f, g, o; ``proj_size`` maps h' by ``weight_hr``. State and
    result are pairs (h, c); shapes as ``RNN``. Source: Hochreiter & Schmidhuber, 1997.

    >>> import chainrule as cr
    >>> lstm = cr.nn.LSTM(10, 20, num_layers=2)
    >>> out, (h, c) = lstm(cr.zeros(5, 3, 10))
    >>> out.shape, c.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Any) -> tuple[int, int, int]:
        """(layers·directions, batch, hidden)."""
        return self._state_size(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Any) -> None:
        """Raise for an input or an initial state that does not fit."""
        self.check_input(input, batch_sizes)
        expected = (
            self.get_expected_hidden_size(input, batch_sizes),
            self.get_expected_cell_size(input, batch_sizes),
        )
        for k, (state, size) in enumerate(zip(hidden, expected, strict=True)):
            self.check_hidden_size(state, size, f"Expected hidden[{k}] size {{}}, got {{}}")

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        """The states of the sequences in another order."""
        return hx if permutation is None else tuple([t[:, permutation] for t in hx])

    def _first(self, input: Tensor, batch_sizes: Any) -> Any:
        hidden = self.get_expected_hidden_size(input, batch_sizes)
        cell = self.get_expected_cell_size(input, batch_sizes)
        return self._nothing(hidden, input), self._nothing(cell, input)

    def _lifted(self, hx: Any, batched: bool) -> Any:
        if not isinstance(hx, (tuple, list)) or len(hx) != 2:
            raise RuntimeError("lstm expects two hidden states: give a pair (h_0, c_0)")
        if any(t.dim() != (3 if batched else 2) for t in hx):
            what = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {what} input, hx and cx should also be {3 if batched else 2}-D but got "
                f"({hx[0].dim()}-D, {hx[1].dim()}-D) tensors"
            )
        return hx if batched else tuple([t.unsqueeze(1) for t in hx])

    def _lowered(self, hx: Any) -> Any:
        return tuple([t.squeeze(1) for t in hx])
