"""Convolution in one, two and three dimensions, and transposed convolution.

Three operations, each linear in both of its tensors and each other's rules, because
⟨g, x ∗ w⟩ = ⟨input gradient(g, w), x⟩ = ⟨weight gradient(g, x), w⟩. Transposed convolution is the
input gradient itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, export, op
from ..errors import ShapeError, refuse
from ..handle import Handle
from . import conv_kernels as kernels
from .halves import rounded_once
from .reduce import check_tensor
from .shape import squeeze, unsqueeze


@op(
    {"input": lambda g, input_shape: channel_spread(g, input_shape)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="Σ",
    samples=lambda s: [(s(2, 3, 4),), (s(1, 2, 2, 3),), (s(2, 3),), (s(0, 3, 2),)],
)
def channel_total(input: Array) -> Any:
    """The sum over everything but the channels (dimension 1)."""
    return np.add.reduce(input, axis=(0, *range(2, input.ndim)))


@op(
    {"input": lambda g: channel_total(g)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="spread",
    samples=lambda s: [(s(3), (2, 3, 4)), (s(2), (1, 2, 2, 3)), (s(3), (2, 3)), (s(3), (0, 3, 2))],
)
def channel_spread(input: Array, shape: Any) -> Any:
    """One value a channel, repeated over ``shape``: the way back of ``channel_total``."""
    return np.broadcast_to(input.reshape(-1, *[1] * (len(shape) - 2)), shape)


_PLAIN = ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)
_STRIDED = ((2, 1), ((1, 1), (0, 1)), (1, 2), 2)


@op(
    {
        "input": lambda g, weight, input_shape, stride, padding, dilation, groups: (
            convolution_input(g, weight, None, input_shape, stride, padding, dilation, groups)
        ),
        "weight": lambda g, input, weight_shape, stride, padding, dilation, groups: (
            convolution_weight(g, input, weight_shape, stride, padding, dilation, groups)
        ),
        "bias": lambda g: channel_total(g),
    },
    where=(),
    promote="keep",
    symbol="∗",
    tex=r"{0} \star {1} + {2}",
    onnx="Conv",
    samples=lambda s: [
        (s(2, 3, 4, 5), s(4, 3, 2, 3), s(4), *_PLAIN),
        (s(1, 2, 5, 6), s(4, 1, 2, 2), None, *_STRIDED),
        (s(2, 2, 6), s(2, 2, 3), s(2), (1,), ((1, 1),), (1,), 1),
        (s(1, 2, 3, 2, 3), s(1, 2, 2, 1, 2), None, (1, 1, 2), ((0, 0),) * 3, (1, 1, 1), 1),
        (s(2, 3, 2, 2), s(2, 3, 1, 1), s(2), *_PLAIN),
        (s(0, 2, 4), s(3, 2, 2), s(3), (1,), ((0, 0),), (1,), 1),
    ],
)
@rounded_once
def convolution(
    input: Array, weight: Array, bias: Array, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """Σ_{c,k} weight[o, c, k] · input[n, c, stride·l + dilation·k − low] + bias[o], l, k ∈ ℕⁿ.

    ``padding`` holds a pair (low, high) for each dimension; ``groups`` splits the channels.
    """
    refuse("convolution", input)
    return kernels.forward(input, weight, bias, stride, padding, dilation, groups)


@op(
    {
        "input": lambda g, weight, stride, padding, dilation, groups: convolution(
            g, weight, None, stride, padding, dilation, groups
        ),
        "weight": lambda g, input, weight_shape, stride, padding, dilation, groups: (
            convolution_weight(input, g, weight_shape, stride, padding, dilation, groups)
        ),
        "bias": lambda g: channel_total(g),
    },
    where=(),
    promote="keep",
    symbol="∗ᵀ",
    tex=r"{0} \star^T {1} + {2}",
    onnx="ConvTranspose",
    samples=lambda s: [
        (s(2, 4, 3, 3), s(4, 3, 2, 3), None, (2, 3, 4, 5), *_PLAIN),
        (s(1, 4, 3, 5), s(4, 1, 2, 2), s(2), (1, 2, 5, 6), *_STRIDED),
        (s(2, 2, 3), s(2, 3, 2), s(3), (2, 3, 8), (3,), ((0, 0),), (1,), 1),
        (s(2, 2, 3), s(2, 1, 2), None, (2, 1, 2), (1,), ((1, 1),), (1,), 1),
    ],
)
@rounded_once
def convolution_input(
    input: Array, weight: Array, bias: Array, shape: Any, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Any:  # fmt: skip
    """``input`` spread over windows by ``weight``: convolution's input gradient, transposed."""
    refuse("convolution", input)
    out = kernels.input_gradient(input, weight, shape, stride, padding, dilation, groups)
    if bias is not None:
        out += bias.reshape(-1, *[1] * (out.ndim - 2))
    return out


@op(
    {
        "input": lambda g, other, stride, padding, dilation, groups: convolution(
            other, g, None, stride, padding, dilation, groups
        ),
        "other": lambda g, input, other_shape, stride, padding, dilation, groups: convolution_input(
            input, g, None, other_shape, stride, padding, dilation, groups
        ),
    },
    where=(),
    promote="keep",
    symbol="∗ʷ",
    tex=r"{0} \star_w {1}",
    samples=lambda s: [
        (s(2, 4, 3, 3), s(2, 3, 4, 5), (4, 3, 2, 3), *_PLAIN),
        (s(1, 4, 3, 5), s(1, 2, 5, 6), (4, 1, 2, 2), *_STRIDED),
        (s(2, 2, 3), s(2, 2, 3), (2, 2, 1), (1,), ((0, 0),), (1,), 1),
        (s(0, 2, 3), s(0, 2, 4), (2, 2, 2), (1,), ((0, 0),), (1,), 1),
    ],
)
@rounded_once
def convolution_weight(
    input: Array, other: Array, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """Σ over samples and positions of ``input`` times the window of ``other`` there, in ``shape``.

    The gradient of ``convolution`` with respect to its weight.
    """
    return kernels.weight_gradient(input, other, shape, stride, padding, dilation, groups)


def numbers(value: Any, n: int, name: str) -> tuple[int, ...]:
    """One integer for each of ``n`` dimensions, from one for all or a sequence."""
    if isinstance(value, (tuple, list)):
        found = tuple(int(v.__index__()) for v in value)
        if len(found) == 1:
            return found * n
        if len(found) != n:
            raise RuntimeError(
                f"expected {name} to be a single integer value or a list of {n} values to match "
                f"the convolution dimensions, but got {name}={list(found)}"
            )
        return found
    return (int(value.__index__()),) * n


def _checked(name: str, n: int, input: Any, weight: Any, bias: Any) -> bool:
    """Whether the input is a batch; raises for tensors that do not fit together."""
    check_tensor(name, input)
    if not isinstance(weight, Handle):
        raise TypeError(f"{name}(): argument 'weight' (position 2) must be Tensor, not "
                        f"{type(weight).__name__}")  # fmt: skip
    w: Any = weight
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input "
            f"of size: {list(input.shape)}"
        )
    if w.ndim != n + 2:
        raise RuntimeError(
            f"{name}: expected weight to have {n + 2} dimensions (out, in/groups, *kernel), but "
            f"got weight of size {list(w.shape)}"
        )
    for what, t in (("weight", w), ("bias", bias)):
        if t is not None and t.dtype is not input.dtype:
            raise RuntimeError(
                f"Input type ({input.dtype}) and {what} type ({t.dtype}) should be the same: "
                f"convert one of them with .to()"
            )
    return bool(input.ndim == n + 2)


def _positive(stride: Any, padding: Any, dilation: Any, groups: int) -> None:
    if any(s <= 0 for s in stride):
        raise RuntimeError(f"non-positive stride is not supported: stride={list(stride)}")
    if any(low < 0 for low, _ in padding):
        raise RuntimeError(
            f"negative padding is not supported: padding={[low for low, _ in padding]}"
        )
    if any(d <= 0 for d in dilation):
        raise RuntimeError(f"dilation should be greater than zero: dilation={list(dilation)}")
    if groups <= 0:
        raise RuntimeError(f"non-positive groups is not supported: groups={groups}")


def _check_bias(bias: Any, channels: int, weight: Any) -> None:
    if bias is not None and tuple(bias.shape) != (channels,):
        raise ShapeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with "
            f"{channels} elements, but got bias of size {list(bias.shape)} instead"
        )


def _pads(padding: Any, n: int, kernel: Any, stride: Any, dilation: Any) -> tuple[Any, ...]:
    """``padding`` as a pair for each dimension; 'same' puts the odd one at the end."""
    if not isinstance(padding, str):
        return tuple((p, p) for p in numbers(padding, n, "padding"))
    if padding == "valid":
        return ((0, 0),) * n
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}': it is 'valid' or 'same'")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return tuple((s // 2, s - s // 2) for s in spans)


def _convolve(
    n: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any,
    dilation: Any, groups: int,
) -> Any:  # fmt: skip
    batched = _checked(f"conv{n}d", n, input, weight, bias)
    stride, dilation = numbers(stride, n, "stride"), numbers(dilation, n, "dilation")
    kernel, shape = tuple(weight.shape[2:]), tuple(weight.shape)
    pads = _pads(padding, n, kernel, stride, dilation)
    _positive(stride, pads, dilation, groups)
    x = input if batched else unsqueeze(input, 0)
    if shape[0] < groups or shape[0] % groups:
        raise ShapeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0 and "
            f"divisible by it, but got weight of size {list(shape)} instead"
        )
    if x.shape[1] != shape[1] * groups:
        raise ShapeError(
            f"Given groups={groups}, weight of size {list(shape)}, expected input"
            f"{list(input.shape)} to have {shape[1] * groups} channels, but got {x.shape[1]} "
            "channels instead"
        )
    _check_bias(bias, shape[0], weight)
    for k in range(n):
        s, (low, high) = x.shape[k + 2], pads[k]
        if s + low + high < dilation[k] * (kernel[k] - 1) + 1 or kernel[k] == 0:
            raise ShapeError(
                f"Calculated padded input size per channel: "
                f"{[m + a + b for m, (a, b) in zip(x.shape[2:], pads, strict=True)]}. Kernel size: "
                f"{[d * (m - 1) + 1 for d, m in zip(dilation, kernel, strict=True)]}. Kernel size "
                "can't be greater than actual input size"
            )
    out = convolution(x, weight, bias, stride, pads, dilation, groups)
    return out if batched else squeeze(out, 0)


@export("torch", "F")
def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """Cross-correlation along one dimension: (N, C, L) or (C, L) by (O, C/groups, K).

    ``padding`` is a number, ``'valid'`` or ``'same'``. Raises RuntimeError where sizes don't fit.

    >>> import chainrule as cr
    >>> cr.conv1d(cr.tensor([[1.0, 2.0, 4.0]]), cr.tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2.]])
    """
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


@export("torch", "F")
def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """Cross-correlation in two dimensions: (N, C, H, W) or (C, H, W) by (O, C/groups, KH, KW).

    Output size ⌊(H + 2·padding − dilation·(KH − 1) − 1)/stride⌋ + 1. ``padding='same'`` keeps the
    size, with the odd row at the bottom and right. Raises RuntimeError where sizes don't fit.

    >>> import chainrule as cr
    >>> cr.conv2d(cr.ones(1, 1, 3, 3), cr.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


@export("torch", "F")
def conv3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """Cross-correlation in three dimensions: (N, C, D, H, W) by (O, C/groups, KD, KH, KW).

    >>> import chainrule as cr
    >>> cr.conv3d(cr.ones(1, 1, 2, 2, 2), cr.ones(1, 1, 2, 2, 2)).item()
    8.0
    """
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups)


def _transposed(
    n: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, more: Any,
    groups: int, dilation: Any,
) -> Any:  # fmt: skip
    batched = _checked(f"conv_transpose{n}d", n, input, weight, bias)
    stride, dilation = numbers(stride, n, "stride"), numbers(dilation, n, "dilation")
    pads = tuple((p, p) for p in numbers(padding, n, "padding"))
    more = numbers(more, n, "output_padding")
    _positive(stride, pads, dilation, groups)
    x = input if batched else unsqueeze(input, 0)
    if x.shape[1] != weight.shape[0] or weight.shape[0] % groups:
        raise ShapeError(
            f"Given transposed=1, weight of size {list(weight.shape)}, expected input"
            f"{list(input.shape)} to have {weight.shape[0]} channels (divisible by "
            f"groups={groups}), but got {x.shape[1]} channels instead"
        )
    channels = weight.shape[1] * groups
    _check_bias(bias, channels, weight)
    sizes = []
    for k in range(n):
        if not 0 <= more[k] < max(stride[k], dilation[k]):
            raise RuntimeError(
                "output padding must be non-negative and smaller than either stride or dilation, "
                f"but got output_padding={list(more)}, stride={list(stride)}, "
                f"dilation={list(dilation)}"
            )
        reach = dilation[k] * (weight.shape[k + 2] - 1) + 1
        sizes.append((x.shape[k + 2] - 1) * stride[k] - 2 * pads[k][0] + reach + more[k])
    if any(s <= 0 for s in sizes):
        raise ShapeError(
            f"Given input size per channel: {list(x.shape[2:])}. Calculated output size per "
            f"channel: {sizes}. Output size is too small"
        )
    shape = (x.shape[0], channels, *sizes)
    out = convolution_input(x, weight, bias, shape, stride, pads, dilation, groups)
    return out if batched else squeeze(out, 0)


@export("torch", "F")
def conv_transpose1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """Transposed convolution (N, C, L) by (C, O/groups, K): the input gradient of ``conv1d``.

    >>> import chainrule as cr
    >>> cr.conv_transpose1d(cr.tensor([[1.0, 2.0]]), cr.ones(1, 1, 2), stride=2)
    tensor([[1., 1., 2., 2.]])
    """
    args = (input, weight, bias, stride, padding, output_padding, groups, dilation)
    return _transposed(1, *args)


@export("torch", "F")
def conv_transpose2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """Transposed convolution (N, C, H, W) by (C, O/groups, KH, KW): ``conv2d``'s input gradient.

    Output size (H − 1)·stride − 2·padding + dilation·(KH − 1) + 1 + output_padding.

    >>> import chainrule as cr
    >>> cr.conv_transpose2d(cr.ones(1, 1, 2, 2), cr.ones(1, 1, 2, 2))
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    args = (input, weight, bias, stride, padding, output_padding, groups, dilation)
    return _transposed(2, *args)


@export("torch", "F")
def conv_transpose3d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    """Transposed convolution in three dimensions: ``conv3d``'s input gradient.

    >>> import chainrule as cr
    >>> cr.conv_transpose3d(cr.ones(1, 1, 1, 1, 2), cr.ones(1, 1, 1, 1, 2)).tolist()
    [[[[[1.0, 2.0, 1.0]]]]]
    """
    args = (input, weight, bias, stride, padding, output_padding, groups, dilation)
    return _transposed(3, *args)
