"""Grids of points, and images sampled at them."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np

from ..declare import export
from ..errors import ShapeError
from ..examples import per_example
from ..handle import Handle, make
from .arithmetic import abs as abs_op
from .compare import where
from .join import select
from .linalg import matmul_op
from .pool import flat_pick
from .reduce import check_tensor
from .resample import cubic_weights
from .shape import reshape, transpose

PADDINGS = ("zeros", "border", "reflection")


def _align(name: str, align: bool | None) -> bool:
    if align is None:
        warnings.warn(
            f"Default {name} behavior has changed to align_corners=False since 1.3.0. Please "
            "specify align_corners=True if the old behavior is desired.",
            UserWarning,
            stacklevel=3,
        )
    return bool(align)


@export("F")
def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """The points of a regular grid, moved by the matrices ``theta`` (N, d, d + 1).

    ``size`` is that of the image to sample: (N, C, H, W) gives (N, H, W, 2), or one dimension more.
    Coordinates go from −1 to 1: at the centres of the corner pixels with ``align_corners``, else at
    their edges.

    >>> import chainrule as cr
    >>> theta = cr.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> cr.nn.functional.affine_grid(theta, (1, 1, 2, 2), align_corners=True).shape
    torch.Size([1, 2, 2, 2])
    """
    check_tensor("affine_grid", theta)
    align = _align("affine_grid", align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    n, sizes = int(size[0]), [int(s) for s in size[2:]]
    if align and 1 in sizes:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
            "align_corners=True: the single point is the centre, 0.",
            UserWarning,
            stacklevel=2,
        )
    d = len(sizes)
    if d not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
            f"respectively. Got size {list(size)}"
        )
    if tuple(theta.shape) != (n, d, d + 1):
        raise ShapeError(
            f"Expected a batch of {d}D affine matrices of shape {n}x{d}x{d + 1} for size "
            f"{list(size)}. Got {list(theta.shape)}."
        )
    if min(int(s) for s in size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {list(size)}")
    lines = []
    for s in sizes:
        line = np.linspace(-1, 1, s) if s > 1 else np.zeros(1)
        lines.append(line if align else line * (s - 1) / s)
    mesh = np.meshgrid(*lines, indexing="ij")[::-1]  # x first
    points = np.stack([*mesh, np.ones(sizes)], -1).reshape(1, -1, d + 1).astype(theta.dtype.np)
    moved = matmul_op(make(np.ascontiguousarray(points)), transpose(theta, 1, 2))
    return reshape(moved, (n, *sizes, d))


def _to_pixels(x: Any, size: int, align: bool) -> Any:
    """From −1 … 1 to element positions."""
    return (x + 1) * ((size - 1) / 2) if align else ((x + 1) * size - 1) * 0.5


def _bounded(x: Any, size: int) -> Any:
    """Between the first and the last element; no gradient outside, nor at the bounds."""
    return where(x <= 0, 0.0, where(x >= size - 1, float(size - 1), x))


def _reflected(x: Any, size: int, align: bool) -> Any:
    """Reflected at the borders until it lies inside."""
    low, span = (0.0, float(size - 1)) if align else (-0.5, float(size))
    if span == 0:
        return x * 0.0
    away = abs_op(x - low)
    data = np.asarray(away._data)
    flips = np.floor(data / span)
    odd = make(flips % 2 != 0)
    rest = away - make((flips * span).astype(data.dtype))
    return where(odd, (span + low) - rest, rest + low)


def _inside(x: Any, size: int, padding: str, align: bool) -> Any:
    """A position brought to where the padding mode puts it."""
    if padding == "border":
        return _bounded(x, size)
    if padding == "reflection":
        return _bounded(_reflected(x, size, align), size)
    return x


def _neighbours(x: Any, size: int, mode: str, padding: str, align: bool) -> list[Any]:
    """For one coordinate: (indices, weight) of each neighbour; weight None is 1."""
    if mode != "bicubic":
        x = _inside(x, size, padding, align)
    data = np.asarray(x._data)
    if mode == "nearest":
        return [(np.rint(data), None)]
    low = np.floor(data)
    part = x - make(low)
    if mode == "bilinear":
        return [(low, 1 - part), (low + 1, part)]
    found = []
    for k, weight in zip((-1, 0, 1, 2), cubic_weights(part), strict=True):
        at = make(low + k)
        found.append((np.asarray(_inside(at, size, padding, align)._data), weight))
    return found


def _picked(flat: Any, points: Any, sizes: Any) -> Any:
    """The image's elements at integer points, (N, C, L); 0 outside."""
    n, channels, _ = flat.shape
    index, valid = np.zeros(points[0].shape, np.int64), np.ones(points[0].shape, bool)
    for at, size in zip(points, sizes, strict=True):
        valid &= (at >= 0) & (at < size)
        with np.errstate(invalid="ignore"):
            index = index * size + np.where(valid, at, 0).astype(np.int64)
    index = np.where(valid, index, 0)
    length = index.shape[-1]
    many = np.broadcast_to(index[:, None], (n, channels, length))
    values = flat_pick(flat, make(np.ascontiguousarray(many)), (flat.shape[2],))
    return values if valid.all() else where(make(valid[:, None]), values, 0.0)


@export("F")
@per_example
def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Any:  # fmt: skip
    """``input`` (N, C, H, W) at the points ``grid`` (N, H', W', 2): (x, y) from −1 to 1.

    Also (N, C, D, H, W) at (N, D', H', W', 3). ``mode``: bilinear, nearest, bicubic (4-D only);
    ``padding_mode``: zeros, border or reflection.

    >>> import chainrule as cr
    >>> image, point = cr.tensor([[[[1.0, 3.0]]]]), cr.tensor([[[[0.0, 0.0]]]])
    >>> cr.nn.functional.grid_sample(image, point, align_corners=True).item()
    2.0
    """
    check_tensor("grid_sample", input)
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            f"'reflection', but got: '{padding_mode}'"
        )
    align = _align("grid_sample", align_corners)
    _check_grid(input, grid, mode)
    n, channels = input.shape[:2]
    sizes = [int(s) for s in input.shape[2:]]
    out_sizes = tuple(grid.shape[1:-1])
    length = int(np.prod(out_sizes))
    points = reshape(grid, (n, length, len(sizes)))
    near = []
    for k, size in enumerate(sizes):
        line = _to_pixels(select(points, 2, len(sizes) - 1 - k), size, align)  # x is last
        near.append(_neighbours(line, size, mode, padding_mode, align))
    flat = reshape(input, (n, channels, int(np.prod(sizes))))
    out: Any = None
    for corner in itertools.product(*near):
        values = _picked(flat, [at for at, _ in corner], sizes)
        for _, weight in corner:
            if weight is not None:
                values = values * reshape(weight, (n, 1, length))
        out = values if out is None else out + values
    if mode == "nearest":  # steps: the grid's gradient is 0, and not missing
        out = where(
            make(np.zeros((1, 1, 1), bool)), reshape(select(points, 2, 0), (n, 1, length)), out
        )
    return reshape(out, (n, channels, *out_sizes))


def _check_grid(input: Any, grid: Any, mode: str) -> None:
    if not isinstance(grid, Handle):
        raise TypeError(f"grid_sample(): grid must be Tensor, not {type(grid).__name__}")
    g: Any = grid
    if input.dtype is not g.dtype:
        raise RuntimeError(
            "grid_sampler(): expected input and grid to have same dtype, but input has "
            f"{input.dtype} and grid has {g.dtype}"
        )
    if input.ndim not in (4, 5) or g.ndim != input.ndim:
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but "
            f"got input with sizes {list(input.shape)} and grid with sizes {list(g.shape)}"
        )
    if mode == "bicubic" and input.ndim != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    if input.shape[0] != g.shape[0] or g.shape[-1] != input.ndim - 2:
        raise ShapeError(
            "grid_sampler(): expected grid and input to have same batch size and grid to have size "
            f"{input.ndim - 2} in last dimension, but got input with sizes {list(input.shape)} and "
            f"grid with sizes {list(g.shape)}"
        )
    if 0 in input.shape[2:]:
        raise RuntimeError(
            "grid_sampler(): expected input to have non-empty spatial dimensions, but input has "
            f"sizes {list(input.shape)}"
        )
