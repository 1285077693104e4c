"""Elements rearranged: patches of images as columns, and channels traded for positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, export, op
from ..errors import ShapeError
from . import conv_kernels as kernels
from .pooling import numbers
from .reduce import check_tensor
from .shape import permute, reshape, squeeze, unsqueeze


@op(
    {"input": lambda g, input_shape, kernel, dilation, padding, stride: (
        fold_columns(g, input_shape, kernel, dilation, padding, stride)
    )},
    name="unfold_columns",
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="unfold",
    samples=lambda s: [
        (s(2, 3, 4, 5), (2, 3), (1, 1), (0, 0), (1, 1)),
        (s(1, 2, 5, 4), (2, 2), (2, 1), (1, 2), (2, 1)),
        (s(0, 2, 3, 3), (2, 2), (1, 1), (0, 0), (1, 1)),
        (s(1, 1, 2, 3), (1, 3), (1, 1), (1, 0), (2, 1)),
    ],
)  # fmt: skip
def unfold_columns(input: Array, kernel: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    """Every window of (N, C, H, W) as a column of (N, C·KH·KW, windows)."""
    pads = tuple((p, p) for p in padding)
    x = kernels.unfold(np.asarray(input), kernel, stride, pads, dilation)
    n, channels = x.shape[:2]
    return x.reshape(n, channels * int(np.prod(kernel)), int(np.prod(x.shape[-2:])))


@op(
    {"input": lambda g, kernel, dilation, padding, stride: (
        unfold_columns(g, kernel, dilation, padding, stride)
    )},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="fold",
    onnx="Col2Im",
    samples=lambda s: [
        (s(2, 18, 9), (2, 3, 4, 5), (2, 3), (1, 1), (0, 0), (1, 1)),
        (s(1, 8, 21), (1, 2, 5, 4), (2, 2), (2, 1), (1, 2), (2, 1)),
        (s(0, 4, 4), (0, 1, 3, 3), (2, 2), (1, 1), (0, 0), (1, 1)),
        (s(1, 3, 2), (1, 1, 2, 3), (1, 3), (1, 1), (1, 0), (2, 1)),
    ],
)  # fmt: skip
def fold_columns(
    input: Array, shape: Any, kernel: Any, dilation: Any, padding: Any, stride: Any
) -> Any:
    """Columns added up where their windows lie in ``shape``: the way back of ``unfold_columns``."""
    n, channels, *sizes = shape
    pads = tuple((p, p) for p in padding)
    of = zip(sizes, kernel, stride, pads, dilation, strict=True)
    count = [kernels.out_size(*p) for p in of]
    cols = np.asarray(input).reshape(n, channels, *kernel, *count)
    columns = np.moveaxis(cols, 0, 1 + len(kernel))  # (C, *K, N, *L)
    out = kernels.fold(columns, sizes, kernel, stride, pads, dilation)
    return np.ascontiguousarray(out.swapaxes(0, 1))


def _windows(kernel: Any, dilation: Any, padding: Any, stride: Any, name: str) -> list[Any]:
    given = {"kernel_size": kernel, "dilation": dilation, "padding": padding, "stride": stride}
    found = [numbers(value, 2, name, what) for what, value in given.items()]
    for values, what in zip(found, given, strict=True):
        least = 0 if what == "padding" else 1
        if min(values) < least:
            raise RuntimeError(f"{name}: {what} should be at least {least}, but got {values}")
    return found


@export("F")
def unfold(
    input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """Every window of (N, C, H, W) as a column: (N, C·KH·KW, number of windows).

    >>> import chainrule as cr
    >>> cr.nn.functional.unfold(cr.tensor([[[[1.0, 2.0, 3.0]]]]), (1, 2))
    tensor([[[1., 2.],
             [2., 3.]]])
    """
    check_tensor("unfold", input)
    args = _windows(kernel_size, dilation, padding, stride, "unfold")
    if input.ndim < 3:
        raise IndexError(f"unfold: expected (C, H, W) or (N, C, H, W), got {list(input.shape)}")
    if input.ndim > 4 or 0 in input.shape[input.ndim - 3 :]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}"
        )
    kernel, gap, pads, step = args
    of = zip(input.shape[-2:], kernel, step, [(p, p) for p in pads], gap, strict=True)
    count = [kernels.out_size(*p) for p in of]
    if min(count) <= 0:
        raise ShapeError(
            f"Given input with spatial size {list(input.shape[-2:])}, kernel_size={kernel}, "
            f"dilation={gap}, padding={pads}, stride={step}, calculated shape of the array of "
            f"sliding blocks as {count}, but its components must be at least one."
        )
    x = input if input.ndim == 4 else unsqueeze(input, 0)
    out = unfold_columns(x, *args)
    return out if input.ndim == 4 else squeeze(out, 0)


@export("F")
def fold(
    input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
    stride: Any = 1,
) -> Any:  # fmt: skip
    """Columns (N, C·KH·KW, windows) added up as an image (N, C, *output_size).

    >>> import chainrule as cr
    >>> cr.nn.functional.fold(cr.tensor([[[1.0, 2.0], [2.0, 3.0]]]), (1, 3), (1, 2))
    tensor([[[[1., 4., 3.]]]])
    """
    check_tensor("fold", input)
    kernel, gap, pads, step = _windows(kernel_size, dilation, padding, stride, "fold")
    sizes = numbers(output_size, 2, "fold", "output_size")
    if input.ndim not in (2, 3) or 0 in input.shape[input.ndim - 2 :]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            f"non-zero dimensions for input, but got: {list(input.shape)}"
        )
    block = kernel[0] * kernel[1]
    if input.shape[-2] % block:
        raise ShapeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
            f"but got input.size(1)={input.shape[-2]} and kernel_size={kernel}."
        )
    of = zip(sizes, kernel, step, [(p, p) for p in pads], gap, strict=True)
    count = [kernels.out_size(*p) for p in of]
    if min(count) <= 0 or count[0] * count[1] != input.shape[-1]:
        raise ShapeError(
            f"Given output_size={sizes}, kernel_size={kernel}, dilation={gap}, padding={pads}, "
            f"stride={step}, expected size of input's dimension 2 to match the calculated number "
            f"of sliding blocks {count[0]} * {count[1]}, but got input.size(2)={input.shape[-1]}."
        )
    x = input if input.ndim == 3 else unsqueeze(input, 0)
    shape = (x.shape[0], x.shape[1] // block, *sizes)
    out = fold_columns(x, shape, kernel, gap, pads, step)
    return out if input.ndim == 3 else squeeze(out, 0)


@export("torch", "F")
def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(…, C·r², H, W) → (…, C, H·r, W·r): channels become positions. Source: Shi et al., 2016.

    >>> import chainrule as cr
    >>> cr.pixel_shuffle(cr.tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]), 2)
    tensor([[[1., 2.],
             [3., 4.]]])
    """
    check_tensor("pixel_shuffle", input)
    r = int(upscale_factor)
    if input.ndim < 3 or r <= 0:
        raise RuntimeError(
            "pixel_shuffle expects input to have at least 3 dimensions and a positive "
            f"upscale_factor, but got shape {list(input.shape)} and {r}"
        )
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    k = len(lead)
    split = reshape(input, (*lead, c // (r * r), r, r, h, w))
    order = (*range(k), k, k + 3, k + 1, k + 4, k + 2)
    return reshape(permute(split, order), (*lead, c // (r * r), h * r, w * r))


@export("torch", "F")
def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(…, C, H·r, W·r) → (…, C·r², H, W): the inverse of ``pixel_shuffle``.

    >>> import chainrule as cr
    >>> cr.pixel_unshuffle(cr.ones(1, 1, 4, 4), 2).shape
    torch.Size([1, 4, 2, 2])
    """
    check_tensor("pixel_unshuffle", input)
    r = int(downscale_factor)
    if input.ndim < 3 or r <= 0:
        raise RuntimeError(
            "pixel_unshuffle expects input to have at least 3 dimensions and a positive "
            f"downscale_factor, but got shape {list(input.shape)} and {r}"
        )
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise RuntimeError(
            "pixel_unshuffle expects height and width to be divisible by downscale_factor, but "
            f"input of size {list(input.shape)} is not divisible by {r}"
        )
    k = len(lead)
    split = reshape(input, (*lead, c, h // r, r, w // r, r))
    order = (*range(k), k, k + 2, k + 4, k + 1, k + 3)
    return reshape(permute(split, order), (*lead, c * r * r, h // r, w // r))


@export("torch", "F")
def channel_shuffle(input: Any, groups: int) -> Any:
    """Channels (dimension 1) in ``groups`` groups, dealt out in turn. Source: Zhang et al., 2018.

    >>> import chainrule as cr
    >>> cr.channel_shuffle(cr.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    check_tensor("channel_shuffle", input)
    if input.ndim < 3:
        raise RuntimeError(
            "channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    n, c, *rest = input.shape
    if groups <= 0 or c % groups:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive and divide {c}, got {groups}"
        )
    split = reshape(input, (n, groups, c // groups, *rest))
    order = (0, 2, 1, *range(3, split.ndim))
    return reshape(permute(split, order), tuple(input.shape))


@export("torch", "F")
def native_channel_shuffle(input: Any, groups: int) -> Any:
    """``channel_shuffle``."""
    return channel_shuffle(input, groups)
