"""Initial values for parameters; each draws the numbers that PyTorch draws from the same seed.

A layer that sums n inputs multiplies the variance by n·Var(w): the names Xavier and Kaiming stand
for choices of Var(w) that keep it level from layer to layer. All functions write into their tensor
outside the graph and return it; ``generator`` replaces the default one.
"""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..autograd.declare import names
from ..autograd.modes import no_grad
from ..autograd.random import pick
from ..autograd.views import as_array, bump

LINEAR = ("linear", *(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)))


class _Local(threading.local):
    skip = False


_local = _Local()


@contextmanager
def no_init() -> Iterator[None]:
    """Make modules whose random initial values are not drawn: their state is loaded next.

    Inside, in this thread, the functions that draw (uniform, normal, Xavier, Kaiming, ...) leave
    their tensor as it is, and the generator too; constants are written as ever.

    >>> import chainrule as cr
    >>> trained = cr.nn.Linear(512, 512)
    >>> with cr.nn.init.no_init():
    ...     again = cr.nn.Linear(512, 512)
    >>> again.load_state_dict(trained.state_dict())
    <All keys matched successfully>
    """
    before, _local.skip = _local.skip, True
    try:
        yield
    finally:
        _local.skip = before


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which weights make up for what a nonlinearity takes from the variance.

    linear, sigmoid 1; tanh 5/3; relu √2; leaky_relu √(2/(1 + slope²)); selu 3/4.

    >>> calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity in LINEAR or nonlinearity == "sigmoid":
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _calculate_fan_in_and_fan_out(tensor: Any) -> tuple[int, int]:
    """How many inputs an output sums, and the reverse, for a weight (out, in, *window)."""
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def _calculate_correct_fan(tensor: Any, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


@no_grad()
def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    """Fill with draws uniform on [a, b): variance (b − a)²/12.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); uniform_(cr.empty(2))
    tensor([0.4963, 0.7682])
    """
    return tensor if _local.skip else tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    """Fill with normal draws: variance std²."""
    return tensor if _local.skip else tensor.normal_(mean, std, generator=generator)


def _normal_cdf(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


@no_grad()
def trunc_normal_(
    tensor: Any,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Any:
    """Fill with normal draws restricted to [a, b]; for ±2 std their variance is 0.774·std².

    Draws outside are drawn again while the interval holds more than .3 of the probability;
    otherwise by rejection from the uniform distribution.
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of "
            "values may be incorrect.",
            stacklevel=2,
        )
    if _local.skip:
        return tensor
    # On raw arrays: a redraw fills the whole tensor and takes only what is missing from it.
    g, out = pick(generator), as_array(tensor)
    shape, kind = out.shape, out.dtype
    if _normal_cdf((b - mean) / std) - _normal_cdf((a - mean) / std) > 0.3:
        low, high = kind.type(a), kind.type(b)
        contiguous = out.flags.c_contiguous
        new = g.normal(shape, kind, mean, std, block=contiguous)
        missing = np.ones(shape, bool)
        while True:
            np.copyto(out, new, where=missing)
            missing = (out < low) | (out > high)
            if not missing.any():
                break
            new = g.normal(shape, kind, mean, std)
    else:
        _by_rejection(out, g, mean, std, a, b)
    bump(tensor, "trunc_normal_")
    return tensor


def _by_rejection(out: Any, g: Any, mean: float, std: float, a: float, b: float) -> None:
    """Candidates uniform on [a, b], kept with probability density / highest density."""
    mode = max(a, min(mean, b))
    peak = -0.5 * ((mode - mean) / std) ** 2
    shape, kind = out.shape, out.dtype
    pending = np.ones(shape, bool)
    while pending.any():
        new = g.uniform(shape, kind, a, b)
        np.copyto(out, new, where=pending)
        new -= mean
        new /= std
        log_density = new**2 * kind.type(-0.5) - kind.type(peak)
        with np.errstate(divide="ignore"):
            pending &= np.log(g.uniform(shape, kind)) > log_density


@no_grad()
def constant_(tensor: Any, val: float) -> Any:
    """Fill with one value: variance 0.

    >>> import chainrule as cr
    >>> constant_(cr.empty(2), 0.3)
    tensor([0.3000, 0.3000])
    """
    return tensor.fill_(val)


def ones_(tensor: Any) -> Any:
    """Fill with 1: variance 0."""
    return constant_(tensor, 1.0)


@no_grad()
def zeros_(tensor: Any) -> Any:
    """Fill with 0: variance 0."""
    return tensor.zero_()


@no_grad()
def eye_(tensor: Any) -> Any:
    """Fill a matrix with the identity, which keeps its input as it is.

    >>> import chainrule as cr
    >>> eye_(cr.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    return tensor.copy_(names["torch"]["eye"](*tensor.shape))


@no_grad()
def dirac_(tensor: Any, groups: int = 1) -> Any:
    """Fill a convolution's weight with the identity: each channel passes through its window."""
    if tensor.dim() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    each = tensor.shape[0] // groups
    out = np.zeros(tensor.shape)
    centre = tuple(n // 2 for n in tensor.shape[2:])
    for group in range(groups):
        for k in range(min(each, tensor.shape[1])):
            out[(group * each + k, k, *centre)] = 1
    return tensor.copy_(names["torch"]["from_numpy"](out))


def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Fill uniform on ±gain·√(6/(fan_in + fan_out)): variance 2·gain²/(fan_in + fan_out).

    Between what keeps the variance level forward (1/fan_in) and backward (1/fan_out).
    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010.
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(fan_in + fan_out)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Fill normal with variance 2·gain²/(fan_in + fan_out) (see ``xavier_uniform_``)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def _kaiming_std(tensor: Any, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    """Fill uniform on ±gain·√(3/fan): variance gain²/fan, with ``calculate_gain(nonlinearity, a)``.

    Keeps the variance level forward (``fan_in``) or backward (``fan_out``) through rectifiers.
    Source: He et al., "Delving deep into rectifiers", 2015.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Any,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Any:
    """Fill normal with variance gain²/fan (see ``kaiming_uniform_``)."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


@no_grad()
def orthogonal_(tensor: Any, gain: float = 1, generator: Any = None) -> Any:
    """Fill with gain·Q, Q (rows, rest) with orthonormal rows or columns: it keeps lengths.

    Q comes from the QR decomposition of normal draws, with signs that make it uniform (Haar).
    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning", 2013.
    """
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0 or _local.skip:
        return tensor
    out = as_array(tensor)
    drawn = pick(generator).normal((out.shape[0], out.size // out.shape[0]), out.dtype, 0.0, 1.0)
    wide = drawn.shape[0] < drawn.shape[1]
    q, r = np.linalg.qr(drawn.T if wide else drawn)
    q = q * np.sign(np.diagonal(r))
    filled = (q.T if wide else q).reshape(out.shape) * out.dtype.type(gain)
    return tensor.copy_(names["torch"]["from_numpy"](filled))


@no_grad()
def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    """Fill normal with variance std², then zero the share ``sparsity`` of each column.

    Source: Martens, "Deep learning via Hessian-free optimization", 2010.
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    if _local.skip:
        return tensor
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    tensor.normal_(0, std, generator=generator)
    out = as_array(tensor)
    for k in range(columns):  # from the default generator, as PyTorch does
        out[pick(None).permutation(rows)[:zeros], k] = 0
    return tensor


def _old_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under the name it had before its underscore."""
    new = function.__name__

    def deprecated(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(
            f"`nn.init.{new[:-1]}` is now deprecated in favor of `nn.init.{new}`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    deprecated.__name__ = deprecated.__qualname__ = new[:-1]
    deprecated.__doc__ = f"The old name of ``{new}``."
    return deprecated


uniform, normal, constant = _old_name(uniform_), _old_name(normal_), _old_name(constant_)
eye, dirac, sparse = _old_name(eye_), _old_name(dirac_), _old_name(sparse_)
xavier_uniform, xavier_normal = _old_name(xavier_uniform_), _old_name(xavier_normal_)
kaiming_uniform, kaiming_normal = _old_name(kaiming_uniform_), _old_name(kaiming_normal_)
orthogonal = _old_name(orthogonal_)
