"""Regions of interest: pooling a feature map inside boxes to one size, and grids of anchors.

The signatures are those of ``torchvision.ops``; gradients flow to the features, and boxes are
constants, as there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import views
from ..autograd.declare import names, tensor_of
from ..autograd.errors import ShapeError
from .declared import Layer, layer
from .detection import box_convert

_torch = names["torch"]
Floats = npt.NDArray[np.floating[Any]]


def _regions(boxes: Any, caller: str) -> tuple[Any, Floats]:
    """The image of each region (K,) and its corners (K, 4): from (K, 5), or a list of (L, 4)."""
    if isinstance(boxes, (list, tuple)):
        arrays = [np.asarray(views.as_array(b.detach())).reshape(-1, 4) for b in boxes]
        images = np.repeat(np.arange(len(arrays)), [len(a) for a in arrays])
        return images, np.concatenate(arrays) if arrays else np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 5:
        raise ShapeError(
            f"{caller}: boxes must be (K, 5), image and corners, or a list with one (L, 4) an "
            f"image, got {list(boxes.shape)}"
        )
    array = views.as_array(boxes.detach())
    return array[:, 0].astype(np.int64), array[:, 1:]


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)


# -- RoI pooling ----------------------------------------------------------------------------------


def _bins(low: Floats, high: Floats, count: int, length: int) -> tuple[Any, Any]:
    """First and last pixel (exclusive) of each of ``count`` bins between whole pixels: (K, count).

    C's round, half away from zero; Python's goes to the even number.
    """
    start, stop = (np.floor(np.abs(v) + 0.5) * np.sign(v) for v in (low, high))
    step = np.maximum(stop - start + 1, 1)[:, None] / count
    k = np.arange(count)
    first = np.floor(k * step) + start[:, None]
    last = np.ceil((k + 1) * step) + start[:, None]
    return np.clip(first, 0, length).astype(np.int64), np.clip(last, 0, length).astype(np.int64)


def _highest(maps: Any, images: Any, rows: tuple[Any, Any], columns: tuple[Any, Any]) -> Any:
    """Where in its map (K, h, w, C) each bin has its maximum, the first in reading order.

    Goes through the pixels of all bins side by side: the first of each, the second of each, …
    """
    (top, bottom), (left, right) = rows, columns
    height, width = maps.shape[2:]
    pixels = maps.reshape(*maps.shape[:2], -1).transpose(0, 2, 1)  # (N, H·W, C)
    best = np.full((*top.shape, left.shape[1], maps.shape[1]), -np.inf, maps.dtype)
    places = np.zeros(best.shape, np.int64)
    for dy in range((bottom - top).max()):
        for dx in range((right - left).max()):
            y, x = top + dy, left + dx
            inside = (y < bottom)[:, :, None] & (x < right)[:, None]
            place = y.clip(max=height - 1)[:, :, None] * width + x.clip(max=width - 1)[:, None]
            value = pixels[images[:, None, None], place]
            better = inside[..., None] & (value > best)
            np.copyto(best, value, where=better)
            np.copyto(places, place[..., None], where=better)
    return places


def roi_pool(
    input: Any, boxes: Any, output_size: int | Sequence[int], spatial_scale: float = 1.0
) -> Any:
    """RoI max pooling: features (N, C, H, W) and K regions → (K, C, h, w).

    Each region, scaled and rounded to whole pixels (both ends included), is cut into h×w bins,
    and a bin becomes its maximum, an empty one 0. ``boxes`` is (K, 5) with the image's number
    first, or a list with one (L, 4) an image. Source: Girshick, "Fast R-CNN", 2015.

    >>> import chainrule as cr
    >>> x = cr.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_pool(x, [cr.tensor([[0.0, 0.0, 3.0, 3.0]])], 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    ph, pw = _pair(output_size)
    images, corners = _regions(boxes, "roi_pool")
    channels, height, width = input.shape[1:]
    if not len(images):
        return input.sum() * 0 + input.new_zeros((0, channels, ph, pw))
    scaled = corners * spatial_scale
    columns = _bins(scaled[:, 0], scaled[:, 2], pw, width)
    rows = _bins(scaled[:, 1], scaled[:, 3], ph, height)
    # The choice is made on values, so the gradient goes to the chosen pixel alone.
    places = _highest(views.as_array(input.detach()), images, rows, columns)
    maps_before = images[:, None] * channels + np.arange(channels)
    flat = places.transpose(0, 3, 1, 2) + maps_before[:, :, None, None] * (height * width)
    filled = (rows[1] > rows[0])[:, None, :, None] & (columns[1] > columns[0])[:, None, None]
    highest = input.flatten()[tensor_of(flat)]
    return _torch["where"](tensor_of(filled), highest, _torch["zeros_like"](highest))


# -- RoI align ------------------------------------------------------------------------------------


def _interpolation(low: Floats, size: Floats, count: int, length: int, ratio: int) -> Floats:
    """The matrices (K, count, length) of bilinear interpolation along one axis.

    Row i of a region's matrix averages, over the sampling points of its bin i, the weights of the
    two pixels beside each point. Points more than a pixel outside weigh nothing; those between are
    moved to the border.
    """
    matrices = np.zeros((len(low), count, length))
    for k, (start, extent) in enumerate(zip(low, size, strict=True)):
        points = ratio if ratio > 0 else max(math.ceil(extent / count), 1)
        at = start + (np.arange(count * points) + 0.5) * extent / (count * points)
        inside = (at >= -1) & (at <= length)
        if ratio <= 0 and extent <= 0:
            inside[:] = False  # no sampling point lies in a region without extent
        at = np.clip(at, 0, length - 1)
        weights = np.maximum(1 - np.abs(at[:, None] - np.arange(length)), 0)  # the hat function
        matrices[k] = (weights * inside[:, None]).reshape(count, points, length).mean(1)
    return matrices


def roi_align(
    input: Any,
    boxes: Any,
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Any:
    """RoI align: features (N, C, H, W) and K regions → (K, C, h, w), without any rounding.

    Each bin is the mean of the feature map at ``sampling_ratio``² points in it (−1: one a pixel),
    interpolated bilinearly. Interpolation is separable, so a region's result is A·X·Bᵀ with
    A (h, H) and B (w, W). ``aligned`` moves the regions by half a pixel, to pixels' centres.
    Source: He et al., "Mask R-CNN", 2017.

    >>> import chainrule as cr
    >>> x = cr.arange(16.0).reshape(1, 1, 4, 4)
    >>> roi_align(x, [cr.tensor([[0.0, 0.0, 2.0, 2.0]])], 2)  # means at .5 and 1.5, both ways
    tensor([[[[2.5000, 3.5000],
              [6.5000, 7.5000]]]])
    """
    ph, pw = _pair(output_size)
    images, corners = _regions(boxes, "roi_align")
    if not len(images):
        return input.sum() * 0 + input.new_zeros((0, input.shape[1], ph, pw))
    scaled = corners.astype(np.float64) * spatial_scale - (0.5 if aligned else 0.0)
    size = scaled[:, 2:] - scaled[:, :2]
    if not aligned:
        size = np.maximum(size, 1.0)
    dtype = views.as_array(input).dtype
    a, b = (
        _interpolation(scaled[:, axis], size[:, axis], count, length, sampling_ratio)
        for axis, count, length in ((1, ph, input.shape[2]), (0, pw, input.shape[3]))
    )
    a, b = (tensor_of(m.astype(dtype)[:, None]) for m in (a, b))
    return a @ input[tensor_of(images)] @ b.transpose(-1, -2)


@layer
class RoIPool(Layer):
    """``roi_pool`` as a module: features (N, C, H, W) and boxes → (K, C, h, w).

    >>> import chainrule as cr
    >>> pool = RoIPool(output_size=2, spatial_scale=0.5)
    >>> pool(cr.zeros(1, 3, 4, 4), [cr.tensor([[0.0, 0.0, 6.0, 6.0]])]).shape
    torch.Size([1, 3, 2, 2])
    """

    output_size: Any
    spatial_scale: float = 1.0
    _shown = "output_size={output_size}, spatial_scale={spatial_scale}"

    def forward(self, input: Any, boxes: Any) -> Any:
        return roi_pool(input, boxes, self.output_size, self.spatial_scale)


@layer
class RoIAlign(Layer):
    """``roi_align`` as a module: features (N, C, H, W) and boxes → (K, C, h, w).

    >>> import chainrule as cr
    >>> align = RoIAlign(output_size=2, spatial_scale=0.5, sampling_ratio=2)
    >>> align(cr.zeros(1, 3, 4, 4), [cr.tensor([[0.0, 0.0, 6.0, 6.0]])]).shape
    torch.Size([1, 3, 2, 2])
    """

    output_size: Any
    spatial_scale: float = 1.0
    sampling_ratio: int = -1
    aligned: bool = False
    _shown = (
        "output_size={output_size}, spatial_scale={spatial_scale}, "
        "sampling_ratio={sampling_ratio}, aligned={aligned}"
    )

    def forward(self, input: Any, boxes: Any) -> Any:
        options = self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned
        return roi_align(input, boxes, *options)


# -- anchors --------------------------------------------------------------------------------------


def anchor_grid(shapes: Any, grid: tuple[int, int], stride: float) -> Any:
    """Anchor boxes of each shape around the centre of each cell: (H·W·A, 4) as x1 y1 x2 y2.

    ``shapes`` are A pairs (width, height) in pixels, ``grid`` is (H, W) cells of ``stride`` pixels.
    The order is that of a feature map (H, W, A): by row, by column, then by shape.

    >>> anchor_grid([(4.0, 2.0)], (1, 2), 8)  # centres (4, 4) and (12, 4)
    tensor([[ 2.,  3.,  6.,  5.],
            [10.,  3., 14.,  5.]])
    """
    shapes = np.asarray(shapes, np.float32).reshape(-1, 2)
    y, x, k = np.indices((*grid, len(shapes)))
    centres = np.stack([x + 0.5, y + 0.5], -1) * stride
    table = np.concatenate([centres, shapes[k]], -1).reshape(-1, 4).astype(np.float32)
    return box_convert(tensor_of(table), "cxcywh", "xyxy")


def anchor_shapes(sizes: Sequence[float], ratios: Sequence[float] = (1.0,)) -> list[Any]:
    """Shapes (width, height) of area size² and height/width ratio, each size with each ratio.

    >>> anchor_shapes([8.0], [1.0, 4.0])
    [(8.0, 8.0), (4.0, 16.0)]
    """
    return [(s / math.sqrt(r), s * math.sqrt(r)) for s in sizes for r in ratios]


def cluster_shapes(shapes: Any, k: int, steps: int = 50) -> Any:
    """The k typical shapes (k, 2) of boxes (N, 2) of width and height, smallest area first.

    k-means with the distance 1 − IoU of boxes laid on the same centre, so that large boxes count
    no more than small ones. It starts from k boxes evenly spaced by area.
    Source: Redmon and Farhadi, "YOLO9000", 2017, section 2.

    >>> import chainrule as cr
    >>> cluster_shapes(cr.tensor([[2.0, 2.0], [2.0, 4.0], [10.0, 10.0], [10.0, 12.0]]), 2)
    tensor([[ 2.,  3.],
            [10., 11.]])
    """
    data = np.asarray(views.as_array(shapes))
    if len(data) < k:
        raise ValueError(f"cluster_shapes: {k} clusters of only {len(data)} boxes")
    ordered = data[np.argsort(data.prod(1), kind="stable")]
    means = ordered[np.linspace(0, len(data) - 1, k + 2).round().astype(int)[1:-1]]
    for _ in range(steps):
        shared = np.minimum(data[:, None], means).prod(2)
        iou = shared / (data.prod(1)[:, None] + means.prod(1) - shared)
        nearest = iou.argmax(1)
        moved = [data[nearest == j].mean(0) if (nearest == j).any() else means[j] for j in range(k)]
        if np.array_equal(moved, means):
            break
        means = np.stack(moved)
    return tensor_of(means[np.argsort(means.prod(1), kind="stable")].astype(data.dtype))
