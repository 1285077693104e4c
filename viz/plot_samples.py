"""Samples as a model sees them: `latent_space` and `saliency`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, enable_grad, grad
from .numbers import format_number
from .plot_figure import Plot
from .plot_ink import COLOURS, MUTED, PAGE, settings
from .plot_inputs import Array, Classes, array, as_input, at_rest, check_points
from .plot_pictures import heat

_DIRECT = 10  # classes up to here are named where they lie, beyond in a legend
_BARS = 20


def latent_space(
    z: Any,
    labels: Any = None,
    *,
    names: Sequence[str] | None = None,
    title: str = "Latent space",
) -> Plot:
    """Draw codes z (n, d) as points, each class in its colour and form and named where it lies.

    d = 2 is drawn as it is; more are projected on the two principal components, their share of
    the variance on the axes. `data` has the `points` (n, 2). Raises ValueError for other shapes.

    >>> codes = np.array([[3.0, 0.0, 0.0], [-3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    >>> plot = latent_space(codes, [0, 0, 1, 1])
    >>> plot.axes.get_xlabel(), plot.data["points"][0, 0].item()
    ('principal component 1 (90% of the variance)', 3.0)
    """
    codes = array(z)
    if codes.ndim != 2 or codes.shape[1] < 2 or not len(codes):
        raise ValueError(f"latent_space wants codes of shape (n, d) with d ≥ 2, got {codes.shape}")
    points, x, y = _flat(codes)
    check_points("latent_space", points, None if labels is None else array(labels))
    plot = Plot(title, x=x, y=y, size=(5.4, 4.4))
    plot.data["points"] = points
    with settings():
        if labels is None:
            plot.axes.scatter(*points.T, s=14, color=COLOURS[0], edgecolor=PAGE, linewidth=0.4)
        else:
            classes = Classes(labels, names)
            classes.scatter(plot.axes, points, size=16)
            _name(plot, classes, points)
    return plot


def _flat(codes: Array) -> tuple[Array, str, str]:
    """Codes (n, d) in two dimensions, and what the two are."""
    if codes.shape[1] == 2:
        return codes, "z₁", "z₂"
    centred = codes.astype(float) - codes.mean(axis=0)
    u, s, rows = np.linalg.svd(centred, full_matrices=False)
    largest = np.abs(rows[:2]).argmax(axis=1)
    signs = np.sign(rows[:2][range(len(rows[:2])), largest])  # else the sign would be the library's
    points = u[:, :2] * s[:2] * signs
    if points.shape[1] < 2:  # a single code
        points = np.zeros((len(codes), 2))
    share = (s**2 / max(float((s**2).sum()), 1e-300))[:2]
    shares = [*(f"{v:.0%}" for v in share), "0%"]
    x, y = (f"principal component {k + 1} ({shares[k]} of the variance)" for k in range(2))
    return points, x, y


def _name(plot: Plot, classes: Classes, points: Array) -> None:
    for code, name in enumerate(classes.names):
        middle = np.median(points[classes.codes == code], axis=0)
        at = " ".join(format_number(float(v), 3) for v in middle)
        count = int((classes.codes == code).sum())
        plot.notes.append(f"{name}: {count} points, middle at {at}")
        if len(classes.names) <= _DIRECT:
            plot.axes.text(
                *middle, name, ha="center", va="center", fontsize=10, fontweight="bold", zorder=5,
                bbox={"facecolor": PAGE, "alpha": 0.8, "edgecolor": "none", "pad": 1.5},
            )  # fmt: skip
    if len(classes.names) <= _DIRECT:
        for marks in plot.axes.collections:
            marks.set_label(f"_{marks.get_label()}")  # named on the spot: no legend


def saliency(
    model: Any,
    x: Any,
    target: int | None = None,
    *,
    names: Sequence[str] | None = None,
    shape: tuple[int, int] | None = None,
    title: str = "",
) -> Plot:
    """|∂ output[target] / ∂x| for one sample x, as the model takes it: what moves the output most.

    Pictures (H, W), (C, H, W), also behind axes of length 1, or vectors with `shape` (H, W): the
    input and the largest |gradient| over its channels side by side. Vectors: bars, with feature
    `names`. `target` is by default the largest output. No `.grad` is touched; evaluation mode.
    `data["saliency"]` has x's shape. Raises ValueError for several samples.

    Source: Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2013.

    >>> import chainrule as cr
    >>> plot = saliency(lambda x: 3 * x[0] - 2 * x[1], cr.tensor([5.0, 1.0]), names=["a", "b"])
    >>> plot.data["saliency"].tolist()
    [3.0, 2.0]
    """
    tensor = as_input(model, x if isinstance(x, Tensor) else np.asarray(array(x), dtype=np.float32))
    slope, chosen = _gradient(model, tensor, target)
    size = np.abs(slope)
    score = "the output" if chosen is None else f"output {chosen}"
    picture, of_input = _picture(size, shape), _picture(array(tensor), shape)
    heading = title or f"What moves {score} most"
    if picture is None or of_input is None:
        plot = _bars(heading, size.reshape(-1), names)
    else:
        plot = _beside(heading, of_input, picture.max(axis=0))
    plot.data["saliency"] = size
    plot.notes.append(f"|∂ {score} / ∂ input|, largest {format_number(float(size.max()))}")
    return plot


def _gradient(model: Any, tensor: Any, target: int | None) -> tuple[Array, int | None]:
    with at_rest(model), enable_grad():
        leaf = tensor.detach().clone().requires_grad_()
        out = model(leaf)
        if out.dim() > 2 or (out.dim() == 2 and len(out) != 1):
            raise ValueError(
                f"saliency wants one sample with outputs (classes,) or (1, classes), the model "
                f"gave {tuple(out.shape)}: pass x[k:k + 1]"
            )
        scores = out.reshape(-1)
        if not -len(scores) <= (target or 0) < len(scores):
            raise ValueError(f"saliency: target {target} of {len(scores)} outputs")
        single = len(scores) == 1
        target = 0 if single else int(scores.argmax()) if target is None else target % len(scores)
        (slope,) = grad(scores[target], [leaf])
    return array(slope), None if single else target


def _picture(values: Array, shape: tuple[int, int] | None) -> Array | None:
    """A sample as channels (C, H, W), or None for a vector."""
    while values.ndim > 1 and len(values) == 1:
        values = values[0]
    if shape is not None:
        return values.reshape(-1, *shape)
    if values.ndim == 2:
        return values[None]
    return values if values.ndim == 3 else None


def _beside(title: str, channels: Array, size: Array) -> Plot:
    ratio = size.shape[0] / size.shape[1]
    plot = Plot(title, columns=2, size=(6.2, max(1.3, min(2.6 * ratio, 5)) + 0.7))
    with settings():
        if len(channels) == 3:
            low, high = channels.min(), channels.max()
            shown = (channels.transpose(1, 2, 0) - low) / ((high - low) or 1)
        else:
            shown = channels.mean(axis=0)
        plot.axes[0].imshow(shown, cmap="gray_r")
        plot.axes[0].set(xticks=[], yticks=[])
        plot.axes[0].spines[:].set_visible(False)
        for axes, name in zip(plot.axes, ("input", "|gradient|"), strict=True):
            axes.set_title(name)
    heat(plot, plot.axes[1], size, (0.0, float(size.max()) or 1.0))
    return plot


def _bars(title: str, size: Array, names: Sequence[str] | None) -> Plot:
    if names is not None and len(names) != len(size):
        raise ValueError(f"saliency: {len(names)} names for {len(size)} features")
    labels = [str(name) for name in (names or range(len(size)))]
    order = np.arange(len(size)) if len(size) <= _BARS else np.sort(np.argsort(-size)[:_BARS])
    plot = Plot(title, x="|gradient|", size=(5.4, 0.26 * len(order) + 1.0))
    with settings():
        plot.axes.barh([labels[k] for k in order], size[order], color=COLOURS[0], height=0.7)
        plot.axes.invert_yaxis()
        plot.axes.tick_params(axis="y", length=0)
        plot.axes.axvline(0, color=MUTED, linewidth=0.6)
    if len(order) < len(size):
        plot.notes.append(f"the {_BARS} largest of {len(size)} features")
    return plot
