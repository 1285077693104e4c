"""`draw`: the lecture's figure for any program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from ..autograd import Tensor, enable_grad, watch
from .captured import results_of
from .collapse import collapse
from .figure import Engine
from .forward_run import unchanged
from .layout import Direction
from .local import trace
from .model import Picture, Show
from .naming import Names
from .theme import ThemeName, find_theme
from .thumbnail_nodes import MOST, with_thumbnails
from .view import View

_OPEN = 300  # nodes that are drawn without closing modules


class Drawing(View):
    """The picture of a graph; `print` it, show it in a notebook, or `save` it."""


def draw(
    *outputs: Any,
    wrt: Tensor | Iterable[Tensor] | None = None,
    show: Iterable[Show] = ("value", "grad", "local"),
    depth: int | None = None,
    direction: Direction | None = None,
    names: Names = None,
    theme: ThemeName | None = None,
    layout: Engine | None = None,
    fold_constants: bool | None = None,
    precision: int | None = None,
    thumbnails: bool | None = None,
) -> Drawing:
    """Draw how tensors were computed: values, ∂output/∂value, and the local derivatives.

    `draw(model, *inputs)` and `draw(graph, *inputs)` run a model or a captured Graph first. `wrt`
    keeps the routes from these tensors; `show` may add "backward" (arrows); `names` maps names to
    tensors (default: the caller's variables); `depth` closes modules below that level;
    `layout="dot"` asks Graphviz for the places; `thumbnails` draws arrays small, as histograms and
    heat maps (default: up to 60 nodes). Every `.grad` stays as it is.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> print(cr.viz.draw(x.exp(), names={"x": x}).text())
    out = exp(x)
    <BLANKLINE>
    node   made by   value   ∂out/∂node   local derivatives
    x      input         3        20.09
    out    exp(x)    20.09            1   ∂out/∂x = out = 20.09
    <BLANKLINE>
    """
    if not outputs:
        raise TypeError("draw() needs at least one tensor")
    shown = _shown(show)
    if direction not in {None, *get_args(Direction)}:
        raise ValueError(f'direction is "LR" or "TB", got {direction!r}')
    if layout not in {None, *get_args(Engine)}:
        raise ValueError(f'layout is "layers" or "dot", got {layout!r}')
    if precision is not None and not 1 <= precision <= 17:
        raise ValueError(f"precision is a number of digits from 1 to 17, got {precision}")
    find_theme(theme)
    tensors, names = _tensors(outputs, names)
    traced = trace(
        tensors,
        wrt=[wrt] if isinstance(wrt, Tensor) else wrt,
        names=names,
        show=shown,
        precision=4 if precision is None else precision,
        fold_constants=fold_constants,
    )
    picture = _closed(traced.picture, depth)
    if len(picture.nodes) <= MOST if thumbnails is None else thumbnails:
        picture = with_thumbnails(picture, traced)
    return Drawing(picture, theme=theme, direction=direction, layout=layout)


def _shown(show: Iterable[Show]) -> tuple[Show, ...]:
    shown: tuple[Any, ...] = (show,) if isinstance(show, str) else tuple(show)
    known = get_args(Show)
    if unknown := [item for item in shown if item not in known]:
        raise ValueError(f"show knows {', '.join(known)}; got {unknown[0]!r}")
    return shown


def _tensors(outputs: Sequence[Any], names: Names) -> tuple[Sequence[Any], Names]:
    """The tensors to draw: as given, or what a model or captured program makes of its inputs."""
    first, *inputs = outputs
    if isinstance(first, Tensor) or not (callable(first) or hasattr(first, "equations")):
        return outputs, names
    with unchanged(first), enable_grad(), watch():
        return results_of(first, tuple(inputs), names, "draw")


def _closed(picture: Picture, depth: int | None) -> Picture:
    """Close modules as asked, or as far as the drawing needs to stay readable."""
    if depth is not None:
        return collapse(picture, depth)
    if len(picture.nodes) <= _OPEN or not picture.groups:
        return picture
    for level in range(8, -1, -1):
        closed = collapse(picture, level)
        if len(closed.nodes) <= _OPEN or level == 0:
            return closed
    return picture
