"""Images in other sizes, and images sampled at given points."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..declare import export
from ..errors import refuse
from . import resample as kernels
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from .reduce import check_tensor
from .resample import REACH, Taps, resample

NEEDS = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4, "lanczos": 4}
PLAIN = ("nearest", "nearest-exact", "area")


def _check(
    input: Any, size: Any, scale: Any, mode: str, align: bool | None, antialias: bool
) -> None:
    check_tensor("interpolate", input)
    if mode not in PLAIN and mode not in NEEDS:
        raise NotImplementedError(
            f"interpolate: there is no mode '{mode}'; the modes are {', '.join(PLAIN)}, "
            f"{', '.join(NEEDS)}"
        )
    if align is not None and mode in PLAIN:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear "
            "| bicubic | trilinear | lanczos"
        )
    if size is not None and scale is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale is None:
        raise ValueError("either size or scale_factor should be defined")
    if antialias and (mode not in REACH or input.ndim != 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires "
            "a 4-D tensor as input"
        )
    if input.ndim not in (3, 4, 5) or NEEDS.get(mode, input.ndim) != input.ndim:
        raise NotImplementedError(
            f"Got {input.ndim}D input, but {mode} mode needs "
            f"{NEEDS.get(mode, '3D, 4D or 5')}D input"
        )


def _each(value: Any, n: int, what: str, input: Any) -> list[Any]:
    """One number a dimension."""
    if not isinstance(value, (tuple, list)):
        return [value] * n
    if len(value) != n:
        raise ValueError(
            f"Input and output must have the same number of spatial dimensions, but got input with "
            f"spatial dimensions of {list(input.shape[2:])} and {what} of {list(value)}"
        )
    return list(value)


def _taps(mode: str, size: int, count: int, scale: Any, align: bool, antialias: bool) -> Taps:
    """The taps of one dimension; a ``scale`` given by the user is used itself."""
    step = 1.0 / scale if scale is not None and scale > 0 else size / count if count else 0.0
    if mode in ("nearest", "nearest-exact"):
        return kernels.nearest(size, count, step, mode == "nearest-exact")
    if antialias:
        return kernels.smooth(size, count, step, align, mode)
    cubic = mode == "bicubic"
    return (kernels.cubic if cubic else kernels.linear)(size, count, step, align)


@export("F")
def interpolate(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:  # fmt: skip
    """``input`` (N, C, *) resized to ``size``, or by ``scale_factor``.

    ``mode``: nearest, nearest-exact, linear (3-D), bilinear, bicubic (a = −0.75), lanczos (4-D),
    trilinear (5-D), area. ``align_corners`` lets the corner elements keep their place; a given
    ``scale_factor`` is used itself unless ``recompute_scale_factor``.

    >>> import chainrule as cr
    >>> x = cr.tensor([[[1.0, 3.0]]])
    >>> cr.nn.functional.interpolate(x, scale_factor=2)
    tensor([[[1., 1., 3., 3.]]])
    >>> cr.nn.functional.interpolate(x, size=3, mode="linear", align_corners=True)
    tensor([[[1., 2., 3.]]])
    """
    _check(input, size, scale_factor, mode, align_corners, antialias)
    n = input.ndim - 2
    sizes = [int(s) for s in input.shape[2:]]
    if mode == "lanczos" and (align_corners or not antialias):
        raise ValueError("Lanczos mode requires antialias=True and align_corners=False")
    scales: list[Any] = [None] * n
    if size is not None:
        if recompute_scale_factor:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        counts = [int(s) for s in _each(size, n, "output size", input)]
    else:
        scales = [float(s) for s in _each(scale_factor, n, "scale_factor", input)]
        counts = [math.floor(s * f) for s, f in zip(sizes, scales, strict=True)]
        if recompute_scale_factor:
            scales = [None] * n
    if min([*sizes, *counts]) <= 0:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {sizes} and output "
            f"{counts}"
        )
    if mode == "area":
        pools = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)
        return pools[n - 1](input, counts)
    refuse("interpolate", input._data, "biu" if input.dtype.name != "uint8" else "")
    pairs = zip(sizes, counts, scales, strict=True)
    return resample(input, tuple(_taps(mode, *p, bool(align_corners), antialias) for p in pairs))


@export("F")
def upsample(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None,
) -> Any:  # fmt: skip
    """``interpolate`` under its old name.

    >>> import chainrule as cr
    >>> cr.nn.functional.interpolate(cr.tensor([[[1.0, 3.0]]]), scale_factor=2)
    tensor([[[1., 1., 3., 3.]]])
    """
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.",
        UserWarning,
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


@export("F")
def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """``interpolate`` with ``mode='nearest'``, under an old name."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        UserWarning,
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, "nearest")


@export("F")
def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """``interpolate`` with ``mode='bilinear'`` and aligned corners, under an old name."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        UserWarning,
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, "bilinear", True)
