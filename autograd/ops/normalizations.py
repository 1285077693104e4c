"""Normalization layers as functions, and unit vectors, similarity and distance."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import modes
from ..batched import peek
from ..declare import export, names, write_out
from ..errors import ShapeError, broadcast_clash, refuse
from ..shapes import axis
from .clip import clamp_op
from .normalize import normalization
from .norms import norm
from .pool import avg_pool
from .pool_kernels import Window
from .reduce import check_tensor, mean, total
from .shape import expand, reshape


def _same_type(name: str, input: Any, *others: Any) -> None:
    for t in others:
        half = input.dtype.itemsize == 2 and t is not None and t.dtype.name == "float32"
        if t is not None and t.dtype is not input.dtype and not half:
            raise RuntimeError(
                f"{name}: mixed dtype: expected parameters of type {input.dtype} like the input, "
                f"got {t.dtype}; convert one of them with .to()"
            )


def _vector(name: str, what: str, t: Any, n: int) -> None:
    if t is not None and tuple(t.shape) != (n,):
        raise ShapeError(
            f"{name}: {what} should contain {n} elements (one for each channel), not "
            f"{list(t.shape)}"
        )


def _moving(running: Any, value: Any, momentum: float) -> None:
    """``running`` ← (1 − momentum)·running + momentum·value, in place and unrecorded."""
    if running is not None:
        fresh = reshape(value, tuple(running.shape)).to(running.dtype)
        running.mul_(1 - momentum).add_(fresh * momentum)


@export("F")
def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """(x − μ)/√(σ² + eps)·weight + bias, channel by channel (dimension 1) over the batch.

    In training μ and the biased σ² are the batch's, and the running statistics move towards them
    (with the unbiased σ²), in place; else μ and σ² are the running statistics. Raises ValueError
    for one value a channel in training. Source: Ioffe and Szegedy, "Batch Normalization", 2015.

    >>> import chainrule as cr
    >>> x = cr.tensor([[1.0], [3.0]])
    >>> cr.nn.functional.batch_norm(x, None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    check_tensor("batch_norm", input)
    if input.ndim < 2:
        raise IndexError(
            f"batch_norm: expected an input of shape (N, C, *), got {list(input.shape)}"
        )
    channels = input.shape[1]
    given = (("running_mean", running_mean), ("running_var", running_var), ("weight", weight))
    for what, t in (*given, ("bias", bias)):
        _vector("batch_norm", what, t, channels)
    _same_type("batch_norm", input, weight, bias)
    shape = (1, channels, *[1] * (input.ndim - 2))
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "Expected running_mean and running_var to be defined when training=False"
            )
        return _fixed(input, running_mean, running_var, weight, bias, shape, eps)
    dims = tuple(k for k in range(input.ndim) if k != 1)
    n = input.numel() // max(channels, 1)
    if n == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    out, middle, var = normalization(input, weight, bias, dims, shape, eps, True)
    if running_mean is not None or running_var is not None:
        with modes.no_grad():
            _moving(running_mean, middle, momentum)
            _moving(running_var, var * (n / max(n - 1, 1)), momentum)
    return out


def _fixed(
    input: Any, middle: Any, var: Any, weight: Any, bias: Any, shape: Any, eps: float
) -> Any:
    """Normalization by given statistics: one product and one sum over the input."""
    kind = input.dtype
    half = kind.itemsize == 2
    scale = (var + eps) ** -0.5
    scale = scale if weight is None else scale * weight
    shift = -middle * scale  # of a copy: a later batch may edit the running mean
    shift = shift if bias is None else shift + bias
    x = input.float() if half else input
    out = x * reshape(scale, shape).to(x.dtype) + reshape(shift, shape).to(x.dtype)
    return out.to(kind) if half else out


def _trailing(name: str, input: Any, normalized_shape: Any, *given: Any) -> tuple[Any, Any]:
    """The dimensions to normalize, and the shape of weight and bias beside the input."""
    check_tensor(name, input)
    whole = isinstance(normalized_shape, (tuple, list))
    wanted = tuple(int(n) for n in normalized_shape) if whole else (int(normalized_shape),)
    k = len(wanted)
    if not k:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
            f"one element, but got normalized_shape = {list(wanted)}"
        )
    for what, t in zip(("weight", "bias"), given, strict=False):
        if t is not None and tuple(t.shape) != wanted:
            raise ShapeError(
                f"Expected {what} to be of same shape as normalized_shape, but got {what} of shape "
                f"{list(t.shape)} and normalized_shape = {list(wanted)}"
            )
    if input.ndim < k or tuple(input.shape[input.ndim - k :]) != wanted:
        stars = ", ".join(["*", *map(str, wanted)])
        raise ShapeError(
            f"Given normalized_shape={list(wanted)}, expected input with shape [{stars}], but got "
            f"input of size{list(input.shape)}"
        )
    _same_type(name, input, *given)
    lead = input.ndim - k
    return tuple(range(lead, input.ndim)), (*[1] * lead, *wanted)


@export("F")
def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """(x − μ)/√(σ² + eps)·weight + bias over the last dimensions, which are ``normalized_shape``.

    Source: Ba, Kiros and Hinton, "Layer Normalization", 2016.

    >>> import chainrule as cr
    >>> cr.nn.functional.layer_norm(cr.tensor([[1.0, 2.0, 3.0]]), (3,))
    tensor([[-1.2247,  0.0000,  1.2247]])
    """
    dims, shape = _trailing("layer_norm", input, normalized_shape, weight, bias)
    return normalization(input, weight, bias, dims, shape, eps, True)[0]


@export("torch", "F")
def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Any:
    """x/√(mean x² + eps)·weight over the last dimensions; eps is the type's own by default.

    Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.

    >>> import chainrule as cr
    >>> cr.nn.functional.rms_norm(cr.tensor([[3.0, 4.0]]), (2,))
    tensor([[0.8485, 1.1314]])
    """
    dims, shape = _trailing("rms_norm", input, normalized_shape, weight)
    refuse("rms_norm", input._data)
    if eps is None:
        half = input.dtype.itemsize == 2
        eps = float(np.finfo(np.float32 if half else input.dtype.np).eps)
    return normalization(input, weight, None, dims, shape, eps, False)[0]


@export("F")
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Each sample's channels in ``num_groups`` groups, each group normalized; (N, C, *).

    Source: Wu and He, "Group Normalization", 2018.

    >>> import chainrule as cr
    >>> cr.nn.functional.group_norm(cr.tensor([[1.0, 3.0, 5.0, 9.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    check_tensor("group_norm", input)
    if input.ndim < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.ndim}"
        )
    n, channels = input.shape[:2]
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if channels % num_groups:
        raise RuntimeError(
            "Expected number of channels in input to be divisible by num_groups, but got input of "
            f"shape {list(input.shape)} and num_groups={num_groups}"
        )
    size = input.numel() // max(n * channels, 1)
    if n * channels // num_groups * size == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    _vector("group_norm", "weight", weight, channels)
    _vector("group_norm", "bias", bias, channels)
    _same_type("group_norm", input, weight, bias)
    each = channels // num_groups
    grouped = reshape(input, (n, num_groups, each, size))
    shape = (1, num_groups, each, 1)
    out = normalization(grouped, weight, bias, (2, 3), shape, eps, True)[0]
    return reshape(out, tuple(input.shape))


@export("F")
def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None,
    bias: Any = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    """Every channel of every sample normalized over its positions; (N, C, *).

    Source: Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016.

    >>> import chainrule as cr
    >>> cr.nn.functional.instance_norm(cr.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    check_tensor("instance_norm", input)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if input.ndim < 3:
        raise RuntimeError(
            f"instance_norm: expected an input of shape (N, C, *), got {list(input.shape)}"
        )
    channels, size = input.shape[1], input.numel() // max(input.shape[0] * input.shape[1], 1)
    if size == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {input.shape}"
        )
    for what, t in (("weight", weight), ("bias", bias)):
        _vector("instance_norm", what, t, channels)
    _same_type("instance_norm", input, weight, bias)
    dims, shape = tuple(range(2, input.ndim)), (1, channels, *[1] * (input.ndim - 2))
    out, middle, var = normalization(input, weight, bias, dims, shape, eps, True)
    if running_mean is not None or running_var is not None:
        with modes.no_grad():
            _moving(running_mean, mean(middle, 0), momentum)
            _moving(running_var, mean(var, 0) * (size / max(size - 1, 1)), momentum)
    return out


@export("F")
def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Elements x / (k + alpha·mean of x² over ``size`` neighbouring channels)^beta; (N, C, *).

    Source: Krizhevsky, Sutskever and Hinton, "ImageNet Classification", 2012.

    >>> import chainrule as cr
    >>> cr.nn.functional.local_response_norm(cr.ones(1, 2, 1), 2, alpha=1.0, beta=1.0).flatten()
    tensor([0.6667, 0.5000])
    """
    check_tensor("local_response_norm", input)
    if input.ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)"
        )
    if not input.numel():
        return input
    n, channels = input.shape[:2]
    length = input.numel() // (n * channels)
    if size <= 0:
        raise RuntimeError(f"local_response_norm: size should be greater than zero, got {size}")
    squares = reshape(input * input, (n, channels, length))
    reach = min(size, 2 * channels)  # a longer window has no more channels in it
    windows = (Window(channels, channels, reach, 1, reach // 2), Window(length, length, 1, 1))
    near = reshape(avg_pool(squares, windows, size), tuple(input.shape))
    return input / (near * alpha + k) ** beta


@export("F")
def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """Vectors x / max(‖x‖ₚ, eps) along ``dim``.

    >>> import chainrule as cr
    >>> cr.nn.functional.normalize(cr.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    length = clamp_op(norm(input, p, dim, keepdim=True), eps, None)
    result = input / expand(length, tuple(input.shape))
    return result if out is None else write_out(out, result)


def _met(name: str, one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that two shapes broadcast to."""
    clash = broadcast_clash([one, two])
    if clash is not None:
        dim, n, m = clash
        raise ShapeError(
            f"The size of tensor a ({n}) must match the size of tensor b ({m}) at non-singleton "
            f"dimension {dim}: {name} of shapes {list(one)} and {list(two)}"
        )
    return np.broadcast_shapes(one, two)


def _length(x: Any, dim: int, eps: float) -> Any:
    """The norm, at least ``eps``; the gradient is the norm's own even there, as in PyTorch."""
    length = norm(x, 2, dim, keepdim=True)
    if modes.tracing:
        return clamp_op(length, eps, None)
    if (peek(length._data) >= eps).all():
        return length
    return length + clamp_op(eps - length.detach(), 0.0, None)


@export("torch", "F")
def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """x₁·x₂ / (max(‖x₁‖, eps)·max(‖x₂‖, eps)) along ``dim``; broadcasts.

    >>> import chainrule as cr
    >>> cr.cosine_similarity(cr.tensor([[1.0, 0.0]]), cr.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    check_tensor("cosine_similarity", x1)
    check_tensor("cosine_similarity", x2)
    shape = _met("cosine_similarity", tuple(x1.shape), tuple(x2.shape))
    a = x1 if tuple(x1.shape) == shape else expand(x1, shape)
    b = x2 if tuple(x2.shape) == shape else expand(x2, shape)
    k = axis(dim, len(shape))
    if a.dtype is not b.dtype:
        wide = (a * 1 + b * 1).dtype
        a, b = a.to(wide), b.to(wide)
    return total(a / _length(a, k, eps) * (b / _length(b, k, eps)), k, False)


@export("torch", "F")
def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    """‖x₁ − x₂ + eps‖ₚ over the last dimension; broadcasts.

    >>> import chainrule as cr
    >>> cr.pairwise_distance(cr.tensor([[0.0, 0.0]]), cr.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    return norm(x1 - x2 + eps, p, -1, keepdim=keepdim)


def _top(name: str, arguments: tuple[str, ...], call: Any) -> None:
    """The form at the package's top level, whose arguments stand in another order."""

    def function(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(arguments, args, strict=False)), **kwargs}
        for switch in ("cudnn_enabled", "cudnn_enable"):
            given.pop(switch, None)
        return call(**given)

    function.__name__ = function.__qualname__ = name
    function.__doc__, function.__module__ = call.__doc__, __name__
    names["torch"][name] = function


_BATCH = ("input", "weight", "bias", "running_mean", "running_var")
_top("batch_norm", (*_BATCH, "training", "momentum", "eps", "cudnn_enabled"), batch_norm)
_top(
    "instance_norm", (*_BATCH, "use_input_stats", "momentum", "eps", "cudnn_enabled"), instance_norm
)
_SIZED = ("weight", "bias", "eps", "cudnn_enabled")
_top("layer_norm", ("input", "normalized_shape", *_SIZED), layer_norm)
_top("group_norm", ("input", "num_groups", *_SIZED), group_norm)
