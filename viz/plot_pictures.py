"""Grids of pictures: `image_strip`, `filters`, `feature_maps`; and heat maps with their limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import no_grad
from .numbers import format_number
from .plot_figure import Plot
from .plot_ink import VERMILION, diverging, sequential, settings
from .plot_inputs import Array, array, as_input, at_rest

_MOST = 64  # pictures in one grid
_ACROSS = 16  # rows and columns of kernels


def image_strip(
    images: Any, captions: Sequence[str] | None = None, title: str = "", columns: int = 8
) -> Plot:
    """Small grey (H, W) or colour (H, W, 3) images in a grid, a caption over each.

    Raises ValueError where captions and images differ in number.

    >>> plot = image_strip(np.zeros((3, 8, 8)), ["a", "b", "c"])
    >>> [axes.get_title() for axes in plot.axes]
    ['a', 'b', 'c']
    """
    images = array(images)
    captions = [""] * len(images) if captions is None else list(captions)
    if len(captions) != len(images):
        raise ValueError(f"image_strip: {len(images)} images, but {len(captions)} captions")
    columns = max(min(columns, len(images)), 1)
    rows = max(-(-len(images) // columns), 1)
    size = (max(columns * 0.95, 2.0), rows * 1.2 + (0.3 if title else 0))
    plot = Plot(title, rows=rows, columns=columns, size=size)
    grid = np.atleast_1d(plot.axes).reshape(-1)
    with settings():
        for axes, image, caption in zip(grid, images, captions, strict=False):
            axes.imshow(image, cmap="gray_r")
            axes.set_title(caption, fontsize=9, color=VERMILION, loc="center")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes in grid[len(images) :]:
            axes.remove()
    plot.axes = grid[: len(images)]
    return plot


def filters(
    weight: Any, *, shape: tuple[int, int] | None = None, title: str = "", gap: int = 1
) -> Plot:
    """Draw the kernels of a weight or of a module with `weight`: blue positive, vermilion negative.

    (out, in, h, w): a row for each filter and a column for each input channel, or a grid where
    there is one channel; (out, in, w) likewise, one pixel high. (out, in), as of Linear: one
    picture, or with `shape` (h, w) one for each output. The limits ±max |w| are the same for all.
    `data["kernels"]` holds (rows, columns, h, w). Raises ValueError for other shapes.

    >>> import chainrule as cr
    >>> plot = filters(cr.nn.Conv2d(1, 6, 3), title="First layer")
    >>> plot.data["kernels"].shape
    (2, 3, 3, 3)
    """
    name = type(weight).__name__ if hasattr(weight, "parameters") else "weight"
    values = array(getattr(weight, "weight", weight))
    kernels, told = _kernels(values, shape)
    if min(kernels.shape) == 0:
        raise ValueError(f"filters: nothing to draw in a weight of shape {values.shape}")
    plot = Plot(title or f"Kernels of {name} {_times(values.shape)}", size=_grid_size(kernels))
    plot.data["kernels"] = kernels
    limit = float(np.nanmax(np.abs(kernels))) or 1.0
    heat(plot, plot.axes, mosaic(kernels, gap), (-limit, limit))
    plot.notes += told
    return plot


def _kernels(values: Array, shape: tuple[int, int] | None) -> tuple[Array, list[str]]:
    if values.ndim == 2 and shape is None:
        return values[None, None], ["rows: outputs, columns: inputs"]
    if shape is not None:
        if values.ndim != 2 or values.shape[1] != shape[0] * shape[1]:
            raise ValueError(
                f"filters: shape {shape} wants a weight (out, {shape[0] * shape[1]}), "
                f"got {values.shape}"
            )
        values = values.reshape(-1, 1, *shape)
    if values.ndim == 3:
        values = values[:, :, None]
    if values.ndim != 4:
        raise ValueError(
            f"filters wants a weight (out, in, h, w), (out, in, w) or (out, in), got {values.shape}"
        )
    out, inputs = values.shape[:2]
    if inputs == 1:
        return _as_grid(values[:_MOST, 0]), _first(out, _MOST, "filters")
    told = ["rows: filters, columns: input channels"]
    told += _first(out, _ACROSS, "filters") + _first(inputs, _ACROSS, "channels")
    return values[:_ACROSS, :_ACROSS], told


def feature_maps(model: Any, x: Any, layer: Any = None, *, title: str = "") -> Plot:
    """Draw the output channels of a layer for one sample x, as the model takes it.

    `layer` is a module of the model or its path ("features.0"); by default the first whose output
    is (1, C, H, W) or (C, H, W). It is read by a forward hook, in evaluation mode. `data["maps"]`
    holds (C, H, W). Raises ValueError where there is no such layer or several samples.

    >>> import chainrule as cr
    >>> model = cr.nn.Sequential(cr.nn.Conv2d(1, 4, 3), cr.nn.ReLU())
    >>> feature_maps(model, cr.zeros(1, 1, 8, 8), layer="1").data["maps"].shape
    (4, 6, 6)
    """
    path, maps = _hooked(model, as_input(model, x), layer)
    shown = maps[:_MOST]
    plot = Plot(title or f"Feature maps of {path}", size=_grid_size(_as_grid(shown)))
    plot.data["maps"] = maps
    low, high = float(shown.min()), float(shown.max())
    limits = (0.0, high or 1.0) if low >= 0 else (-max(-low, high), max(-low, high))
    heat(plot, plot.axes, mosaic(_as_grid(shown), 1), limits)
    plot.notes += [f"{len(maps)} channels of {_times(maps.shape[1:])}"]
    plot.notes += _first(len(maps), _MOST, "channels")
    return plot


def _hooked(model: Any, x: Any, layer: Any) -> tuple[str, Array]:
    """The output (C, H, W) of the layer, and its path with its kind."""
    paths = {
        id(module): f"{path} ({type(module).__name__})" if path else type(module).__name__
        for path, module in model.named_modules()
    }
    if isinstance(layer, str):
        layer = model.get_submodule(layer)
    elif layer is not None and id(layer) not in paths:
        raise ValueError(f"feature_maps: {type(layer).__name__} is not a module of this model")
    found: list[tuple[str, Array]] = []

    def read(module: Any, args: Any, out: Any) -> None:
        if hasattr(out, "dim") and (layer is not None or out.dim() == 4):
            found.append((paths[id(module)], array(out)))

    modules = [layer] if layer is not None else [m for m in model.modules() if m is not model]
    handles = [module.register_forward_hook(read) for module in modules or [model]]
    try:
        with at_rest(model), no_grad():
            model(x)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise ValueError("feature_maps: no layer gave (1, C, H, W): name one with layer=")
    path, out = found[0]
    if out.ndim == 4 and len(out) == 1:
        out = out[0]
    if out.ndim != 3:
        raise ValueError(
            f"feature_maps: {path} gave {out.shape}; it must give (1, C, H, W): "
            f"pass one sample, and a layer of channels"
        )
    return path, out


def mosaic(grid: Array, gap: int) -> Array:
    """Pictures (rows, columns, h, w) side by side in one; nan between them."""
    rows, columns, height, width = grid.shape
    out = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for r, c in np.ndindex(rows, columns):
        top, left = r * (height + gap), c * (width + gap)
        out[top : top + height, left : left + width] = grid[r, c]
    return out


def _as_grid(pictures: Array) -> Array:
    """Pictures (n, h, w) as (rows, columns, h, w), wider than high; nan where there is none."""
    count = len(pictures)
    columns = count if count <= 4 else int(np.ceil(np.sqrt(1.5 * count)))
    rows = -(-count // columns)
    out = np.full((rows * columns, *pictures.shape[1:]), np.nan)
    out[:count] = pictures
    return out.reshape(rows, columns, *pictures.shape[1:])


def _grid_size(grid: Array) -> tuple[float, float]:
    rows, columns, height, width = grid.shape
    ratio = rows * height / (columns * width)
    across = min(5.2, 4.2 / ratio) if ratio else 5.2
    return max(across, 2.0) + 1.0, max(min(across * ratio, 4.2), 0.8) + 0.6


def heat(plot: Plot, axes: Any, values: Array, limits: tuple[float, float]) -> None:
    """One picture without ticks; a map around 0 if `limits` are, and a bar with the limits."""
    around_zero = limits[0] < 0
    with settings():
        colours = diverging() if around_zero else sequential()
        image = axes.imshow(np.ma.masked_invalid(values), cmap=colours,
                            vmin=limits[0], vmax=limits[1])  # fmt: skip
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        ticks = [limits[0], 0.0, limits[1]] if around_zero else list(limits)
        bar = plot.figure.colorbar(image, ax=axes, shrink=0.8, aspect=15, ticks=ticks)
        bar.ax.set_yticklabels([format_number(v, 2) for v in ticks])
        bar.outline.set_visible(False)


def _first(count: int, most: int, what: str) -> list[str]:
    return [f"the first {most} of {count} {what}"] if count > most else []


def _times(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))
