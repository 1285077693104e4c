"""Dropout of whole channels, and dropout that keeps mean and variance."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..declare import export
from ..handle import make
from ..views import write
from .random import source
from .reduce import check_tensor
from .shape import squeeze, unsqueeze

ALPHA = 1.7580993408473766  # −λα of SELU: what a dropped element becomes


def _check(name: str, input: Any, p: float) -> None:
    check_tensor(name, input)
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _kept(input: Any, p: float, channels: bool) -> Any:
    """1 for what is kept, else 0: an element each, or a channel each."""
    shape = tuple(input.shape)
    if channels:
        if len(shape) < 2:
            raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
        shape = (*shape[:2], *[1] * (len(shape) - 2))
    return source(None).bernoulli(1 - p, shape).astype(input.dtype.np)


def _drop_channels(input: Any, p: float, training: bool) -> Any:
    if p == 0 or not training or not input.numel():
        return input
    if p == 1:
        return input * 0.0
    kept = _kept(input, p, True)
    return input * make(kept / kept.dtype.type(1 - p))


def _finished(input: Any, result: Any, inplace: bool, name: str) -> Any:
    return write(input, result, name) if inplace and result is not input else result


@export("F")
def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """In training, zero each channel of (N, C, L) or (C, L) with probability ``p``, scale the rest.

    >>> import chainrule as cr
    >>> cr.nn.functional.dropout1d(cr.ones(2, 3), 0.5, training=False).sum()
    tensor(6.)
    """
    _check("dropout1d", input, p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    if input.ndim == 3:
        return _finished(input, _drop_channels(input, p, training), inplace, "dropout1d_")
    result = squeeze(_drop_channels(unsqueeze(input, 0), p, training), 0)
    return write(input, result, "dropout1d_") if inplace else result


def _warn(name: str, input: Any, right: tuple[int, int]) -> None:
    if input.ndim not in right:
        warnings.warn(
            f"{name}: Received a {input.ndim}-D input to {name}, which is deprecated and will "
            "result in an error in a future release. To retain the behavior and silence this "
            f"warning, please use dropout instead. Note that {name} exists to provide channel-wise "
            f"dropout on inputs of {right[0]} or {right[1]} dimensions.",
            UserWarning,
            stacklevel=3,
        )


@export("F")
def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """In training, zero each channel of (N, C, H, W) with probability ``p``, scale the rest.

    Three dimensions are read as (N, C, L), with a warning, as PyTorch does.

    >>> import chainrule as cr
    >>> cr.nn.functional.dropout2d(cr.ones(1, 2, 3, 3), 1.0).sum()
    tensor(0.)
    """
    _check("dropout2d", input, p)
    _warn("dropout2d", input, (3, 4))
    if input.ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. To maintain the 1D channel-wise dropout behavior, please switch to using "
            "dropout1d instead.",
            UserWarning,
            stacklevel=2,
        )
    return _finished(input, _drop_channels(input, p, training), inplace, "dropout2d_")


@export("F")
def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """In training, zero each channel of (N, C, D, H, W) with probability ``p``, scale the rest.

    >>> import chainrule as cr
    >>> cr.nn.functional.dropout3d(cr.ones(1, 2, 2, 2, 2), 1.0).sum()
    tensor(0.)
    """
    _check("dropout3d", input, p)
    _warn("dropout3d", input, (4, 5))
    if input.ndim == 5:
        return _finished(input, _drop_channels(input, p, training), inplace, "dropout3d_")
    result = squeeze(_drop_channels(unsqueeze(input, 0), p, training), 0)
    return write(input, result, "dropout3d_") if inplace else result


def _alpha(input: Any, p: float, training: bool, channels: bool) -> Any:
    if p == 0 or not training or not input.numel():
        return input
    if p == 1:
        return input * 0.0
    kept = _kept(input, p, channels)
    a = 1 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
    kind = kept.dtype.type
    shift = (kept - kind(1)) * kind(ALPHA * a) + kind(ALPHA * a * p)
    return input * make(kept * kind(a)) + make(shift)


@export("F")
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout for SELU networks: dropped elements become −1.758, and mean and variance stay.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.

    >>> import chainrule as cr
    >>> cr.nn.functional.alpha_dropout(cr.ones(2), 0.5, training=False)
    tensor([1., 1.])
    """
    _check("alpha_dropout", input, p)
    return _finished(input, _alpha(input, p, training, False), inplace, "alpha_dropout_")


@export("F")
def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Any:
    """``alpha_dropout`` of whole channels.

    >>> import chainrule as cr
    >>> cr.nn.functional.feature_alpha_dropout(cr.ones(1, 2), 0.5, training=False)
    tensor([[1., 1.]])
    """
    _check("feature_alpha_dropout", input, p)
    result = _alpha(input, p, training, True)
    return _finished(input, result, inplace, "feature_alpha_dropout_")


def _top(name: str, function: Any) -> None:
    """The form at the package's top level: ``train`` is asked for."""

    def call(input: Any, p: float, train: bool) -> Any:
        return function(input, p, train)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"``nn.functional.{name}``, with ``p`` and ``train`` given."
    export("torch")(call)


_top("alpha_dropout", alpha_dropout)
_top("feature_alpha_dropout", feature_alpha_dropout)


@export("torch")
def feature_dropout(input: Any, p: float, train: bool) -> Any:
    """In training, zero each channel (dimension 1) with probability ``p``, scale the rest."""
    _check("feature_dropout", input, p)
    return _drop_channels(input, p, train)
