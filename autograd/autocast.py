"""Mixed precision: which operations run in a narrow type, and which stay in float32.

Under ``autocast`` the products (linear layers, convolutions, attention) convert their float32
inputs to bfloat16 or float16 and round their result to it; losses and other sums that need the
digits convert narrow inputs to float32. The lists are PyTorch's for the CPU. Gradients go back
through the conversions, so parameters keep float32 gradients.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

from . import dtypes, modes
from .around import Around
from .declare import names
from .handle import Handle
from .op import Op

# operations whose float32 inputs are narrowed, and whose narrow inputs are widened
LOWER = {"matmul", "linear", "convolution", "einsum", "scaled_dot_product_attention", "prelu"}
WIDE = {
    "binary_cross_entropy", "cdist", "cholesky", "ctc_loss", "eigh", "eigh_values", "huber_loss",
    "inverse", "lstsq", "mse_loss", "nll_loss", "prod", "qr", "quantile", "singular_values",
    "smooth_l1_loss", "solve", "solve_triangular", "svd",
}  # fmt: skip
# functions that PyTorch widens as one, whatever they are made of
WIDE_FUNCTIONS = (
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss",
    "cross_entropy", "ctc_loss", "grid_sample", "gru", "gru_cell", "hinge_embedding_loss",
    "huber_loss", "kl_div", "lstm_cell", "rnn_relu_cell", "rnn_tanh_cell",
    "l1_loss", "margin_ranking_loss", "mse_loss", "multi_margin_loss", "multilabel_margin_loss",
    "nll_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss",
)  # fmt: skip
# functions that compare the dtypes of their arguments before an operation sees them
NARROW_FUNCTIONS = (
    "addbmm", "addmm", "baddbmm", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "einsum", "lstm", "prelu", "rnn_relu", "rnn_tanh",
    "scaled_dot_product_attention", "tensordot",
)  # fmt: skip
NARROW = (dtypes.bfloat16, dtypes.float16)


class _Top(threading.local):
    cast: Any = None  # the innermost autocast of this thread


top = _Top()


class Cast(Around):
    """One entered autocast region: the type it narrows to, or None where it is switched off."""

    def __init__(self, target: dtypes.dtype | None, cache: bool = True) -> None:
        self.target, self.cache = target, cache
        self.kept: dict[tuple[int, int], tuple[Any, Any]] = {}  # parameters already narrowed
        self._before: Any = None
        self._meet: Any = None

    def enter(self) -> None:
        """Begin the region."""
        super().enter()
        self._before, top.cast = top.cast, self
        self._meet, modes.local.meet = modes.local.meet, self.meet if self.target else None

    def leave(self) -> None:
        """End the region."""
        top.cast, modes.local.meet = self._before, self._meet
        self.kept.clear()
        super().leave()

    def call(self, op: Op, inputs: Sequence[Any], params: tuple[Any, ...]) -> Any:
        """Run an operation on inputs of the type it is listed for."""
        if top.cast is self and self.target is not None:
            if op.name in LOWER and (op.name != "einsum" or contracts(params[0])):
                inputs = [self.narrow(i) for i in inputs]
            elif op.name in WIDE:
                inputs = [wide(i) for i in inputs]
        return self.proceed(op, inputs, params)

    def meet(self, *tensors: Any) -> list[Any]:
        """The tensors of a product in the narrow type."""
        return [self.narrow(t) for t in tensors]

    def narrow(self, t: Any) -> Any:
        """A float32 tensor in the narrow type; a parameter is converted once a region."""
        if not isinstance(t, Handle) or dtypes.of(t._data) not in (dtypes.float32, *NARROW):
            return t
        x: Any = t
        if x.dtype is self.target:
            return x
        if not (self.cache and x.requires_grad and x.is_leaf and modes.recording()):
            return x.to(self.target)
        key = (id(x), x._version)
        if key not in self.kept:
            self.kept[key] = (x, x.to(self.target))
        return self.kept[key][1]


def contracts(equation: str) -> bool:
    """Whether an einsum sums products: a letter of two operands is not in the result."""
    left, _, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    return any(sum(k in t for t in terms) > 1 and k not in result for k in set("".join(terms)))


def wide(t: Any) -> Any:
    """A narrow tensor in float32; anything else as it is."""
    if isinstance(t, Handle) and dtypes.of(t._data) in NARROW:
        return t.to(dtypes.float32)  # type: ignore[attr-defined]  # every Handle is a Tensor
    return t


def _converted(function: Callable[..., Any], widen: bool) -> Callable[..., Any]:
    """The function, its floating inputs converted as one under autocast."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        on = modes.watching and top.cast is not None and top.cast.target is not None
        if on and (not args or type(args[0]) is not str or contracts(args[0])):
            convert = wide if widen else top.cast.narrow
            args = tuple([inside(a, convert) for a in args])
            kwargs = {name: inside(a, convert) for name, a in kwargs.items()}
        return function(*args, **kwargs)

    return call


def inside(value: Any, convert: Callable[[Any], Any]) -> Any:
    """A tensor, or the tensors of a list, converted."""
    if type(value) in (list, tuple):
        return type(value)([convert(v) for v in value])
    return convert(value)


for _names, _widen in ((NARROW_FUNCTIONS, False), (WIDE_FUNCTIONS, True)):
    for _name in _names:
        for _space in names.values():
            if _name in _space:
                _space[_name] = _converted(_space[_name], _widen)
