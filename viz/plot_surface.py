"""`loss_surface`: contours of a function of two numbers, and the ways optimizers took on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..autograd.ops.creation import from_numpy
from ..nn.module import Module
from ..nn.utils.stateless import functional_call
from .numbers import format_number
from .plot_figure import Plot
from .plot_ink import BLUE, COLOURS, DASHES, MUTED, PAGE, settings
from .plot_inputs import Array, array, at_rest

Range = tuple[float, float]
Direction = Mapping[str, Any]
_DEEPEST = 0.34  # the tint of the highest level


def loss_surface(
    f: Callable[..., Any],
    *,
    range_x: Range | None = None,
    range_y: Range | None = None,
    paths: Mapping[str, Any] | None = None,
    levels: int | Sequence[float] = 10,
    steps: int | None = None,
    model: Any = None,
    directions: tuple[Direction, Direction] | None = None,
    seed: int = 0,
    title: str = "",
    x: str = "",
    y: str = "",
) -> Plot:
    """Draw contours of f(x, y), or of f(w) with w of shape (2,), and `paths` {label: (n, 2)} on it.

    A path starts at a ring and ends at a filled mark. A number of levels is spread by the square:
    dense near the minimum. With `model`, f(model) is the loss and the plane is θ + a·d₁ + b·d₂
    around its parameters; `directions` are two {parameter name: array}, by default random and as
    long as each filter. `data` has `x`, `y` and `z` (rows: y). Raises ValueError for other shapes.

    Source: Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape", 2018.

    >>> plot = loss_surface(lambda x, y: x**2 + 3 * y**2, range_x=(-1, 1), range_y=(-2, 2), steps=5)
    >>> plot.data["z"][0].tolist(), plot.data["z"][2].tolist()
    ([13.0, 12.25, 12.0, 12.25, 13.0], [1.0, 0.25, 0.0, 0.25, 1.0])
    """
    of_model = model is not None
    reach = (-1.0, 1.0) if of_model else (-3.0, 3.0)
    steps = steps or (25 if of_model else 51)
    xs, ys = np.linspace(*(range_x or reach), steps), np.linspace(*(range_y or reach), steps)
    if of_model:
        z = _around(f, model, directions or random_directions(model, seed), xs, ys)
        title, x, y = title or "Loss around the parameters", x or "along d₁", y or "along d₂"
    else:
        z = _values(f, xs, ys)
        title, x, y = title or "Loss surface", x or "x", y or "y"
    plot = Plot(title, x=x, y=y, size=(5.6, 4.2))
    plot.data = {"x": xs, "y": ys, "z": z}
    with settings():
        _contours(plot, levels)
        for k, (label, path) in enumerate((paths or {}).items()):
            _path(plot, k, label, array(path))
        plot.axes.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
    return plot


def _values(f: Callable[..., Any], xs: Array, ys: Array) -> Array:
    """Take f on the grid: at once where that agrees with single points, else one by one."""
    columns, rows = np.meshgrid(xs, ys)
    with no_grad():
        single = _at_point(f, float(columns[0, 0]), float(rows[0, 0]))
        try:
            z = array(f(from_numpy(columns), from_numpy(rows))).astype(float)
        except Exception:  # f may be written for numbers, or for one vector
            z = np.empty(0)
        spots = [(0, 0), (-1, 0), (0, -1), (len(ys) // 2, len(xs) // 3)]
        if z.shape == columns.shape and all(
            np.isclose(z[k], single(float(columns[k]), float(rows[k])), equal_nan=True)
            for k in spots
        ):
            return z
        return np.array([[single(float(a), float(b)) for a in xs] for b in ys])


def _at_point(f: Callable[..., Any], a: float, b: float) -> Callable[[float, float], float]:
    """Make f a function of two floats, whether it takes two numbers or one vector."""

    def pair(a: float, b: float) -> float:
        return _number(f(from_numpy(np.array(a)), from_numpy(np.array(b))))

    def vector(a: float, b: float) -> float:
        return _number(f(from_numpy(np.array([a, b]))))

    try:
        pair(a, b)
    except TypeError:
        return vector
    return pair


def _number(value: Any) -> float:
    value = array(value)
    if value.size != 1:
        raise ValueError(f"loss_surface: f must give one number a point, it gave {value.shape}")
    return float(value.reshape(()))


class _Loss(Module):
    """A loss as a module around its model, so that parameters can be put in its place."""

    def __init__(self, f: Callable[[Any], Any], model: Any) -> None:
        super().__init__()
        self.model, self.f = model, f

    def forward(self) -> Any:
        return self.f(self.model)


def _around(
    f: Callable[[Any], Any], model: Any, directions: Sequence[Direction], xs: Array, ys: Array
) -> Array:
    first, second = directions
    weights = {name: array(p) for name, p in model.named_parameters()}
    if unknown := sorted({*first, *second} - set(weights)):
        raise ValueError(f"loss_surface: the model has no parameter {', '.join(unknown)}")
    with at_rest(model), no_grad():
        loss = _Loss(f, model)

        def at(a: float, b: float) -> float:
            moved = {}
            for name, start in weights.items():
                step = a * array(first.get(name, 0.0)) + b * array(second.get(name, 0.0))
                tensor = from_numpy(np.asarray(start + step, dtype=start.dtype))
                moved[f"model.{name}"] = tensor.to(model.get_parameter(name).device)
            return _number(functional_call(loss, moved))

        return np.array([[at(float(a), float(b)) for a in xs] for b in ys])


def random_directions(model: Any, seed: int = 0) -> tuple[dict[str, Array], dict[str, Array]]:
    """Two random directions, each filter (first axis) as long as the model's; 0 for vectors.

    >>> import chainrule as cr
    >>> model = cr.nn.Linear(3, 2)
    >>> first, second = random_directions(model)
    >>> bool(np.allclose(np.linalg.norm(first["weight"], axis=1),
    ...                  np.linalg.norm(model.weight.detach().numpy(), axis=1)))
    True
    """
    random = np.random.default_rng(seed)

    def one() -> dict[str, Array]:
        found = {}
        for name, p in model.named_parameters():
            weight = array(p)
            if weight.ndim > 1:
                rows = random.standard_normal(weight.shape).reshape(len(weight), -1)
                norms = np.linalg.norm(weight.reshape(len(weight), -1), axis=1, keepdims=True)
                rows *= norms / np.linalg.norm(rows, axis=1, keepdims=True)
                found[name] = rows.reshape(weight.shape)
        return found

    return one(), one()


def _contours(plot: Plot, levels: int | Sequence[float]) -> None:
    x, y, z = (plot.data[name] for name in "xyz")
    seen = z[np.isfinite(z)]
    if not seen.size:
        raise ValueError("loss_surface: no value on this range is finite")
    low, high = float(seen.min()), float(seen.max())
    if isinstance(levels, int):
        heights = low + (high - low) * np.linspace(0, 1, levels + 1) ** 2
    else:
        heights = np.sort(np.asarray(levels, dtype=float))
    plot.data["levels"] = heights
    row, column = np.unravel_index(np.nanargmin(np.where(np.isfinite(z), z, np.nan)), z.shape)
    plot.notes.append(
        f"lowest on the grid: {format_number(low)} at ({format_number(float(x[column]))}, "
        f"{format_number(float(y[row]))}); highest: {format_number(high)}"
    )
    if len(heights) < 2 or not low < high:
        return
    ends = " to ".join(format_number(float(v)) for v in heights[[0, -1]])
    plot.notes.append(f"contour lines at {len(heights)} levels, {ends}")
    tints = [(BLUE, _DEEPEST * (k + 0.3) / len(heights)) for k in range(len(heights) - 1)]
    plot.axes.contourf(x, y, z, levels=heights, colors=tints)
    lines = plot.axes.contour(x, y, z, levels=heights, colors=[MUTED], linewidths=0.6)
    plot.axes.clabel(lines, heights[1::2], fmt=lambda v: format_number(v, 2), fontsize=8)


def _path(plot: Plot, k: int, label: str, path: Array) -> None:
    if path.ndim != 2 or path.shape[1] != 2 or not len(path):
        raise ValueError(f"loss_surface: path {label!r} must have shape (n, 2), got {path.shape}")
    k += 1  # the surface is in the first colour
    colour, dash = COLOURS[k % len(COLOURS)], DASHES[(k - 1) % len(DASHES)]
    every = {"markersize": 2.5, "marker": "."} if len(path) <= 60 else {}
    plot.axes.plot(*path.T, color=colour, linestyle=dash, label=label, zorder=3, **every)
    for place, fill, marker in ((path[0], PAGE, "o"), (path[-1], colour, "D")):
        style = {"marker": marker, "markersize": 6, "linestyle": "none", "label": "_end"}
        ink = {"markerfacecolor": fill, "markeredgecolor": colour}
        plot.axes.plot(*place, **style, **ink, zorder=4)
    if k == 1:
        plot.axes.annotate("start", path[0], xytext=(7, 3), textcoords="offset points", fontsize=9)
    start, end = (_place(p) for p in (path[0], path[-1]))
    plot.notes.append(f"{label}: {len(path)} positions from {start} to {end}")


def _place(point: Array) -> str:
    return "(" + ", ".join(format_number(float(v)) for v in point) + ")"
