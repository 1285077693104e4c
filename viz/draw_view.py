"""`draw`: the lecture's figure for any program."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from ..autograd import Tensor
from .collapse import collapse
from .figure import Engine
from .layout import Direction
from .local import trace
from .model import Picture, Show
from .naming import Names
from .theme import ThemeName, find_theme
from .view import View

_OPEN = 300  # nodes that are drawn without closing modules
_MOST = 5_000


class Drawing(View):
    """The picture of a graph; `print` it, show it in a notebook, or `save` it."""

    def _drawable(self) -> Drawing:
        count = len(self.picture.nodes)
        if count > _MOST:
            raise ValueError(
                f"a drawing of {count} nodes helps nobody. Three ways out: draw(…, wrt=x) shows "
                "only the routes to x, draw(…, depth=1) closes modules (run the forward pass "
                "under watch()), or draw an intermediate tensor. `.text()` lists all nodes"
            )
        return self

    def svg(self) -> str:
        """The drawing, complete in itself. Raises ValueError above 5 000 nodes."""
        return super(Drawing, self._drawable()).svg()

    def html(self) -> str:
        """One page that opens offline. Raises ValueError above 5 000 nodes."""
        return super(Drawing, self._drawable()).html()


def draw(
    *outputs: Tensor,
    wrt: Tensor | Iterable[Tensor] | None = None,
    show: Iterable[Show] = ("value", "grad", "local"),
    depth: int | None = None,
    direction: Direction | None = None,
    names: Names = None,
    theme: ThemeName | None = None,
    layout: Engine | None = None,
    fold_constants: bool | None = None,
    precision: int | None = None,
) -> Drawing:
    """Draw how tensors were computed: values, ∂output/∂value, and the local derivatives.

    `wrt` keeps the routes from these tensors; `names` maps names to tensors (default: the caller's
    variables); `depth` closes modules below that level; `layout="dot"` asks Graphviz for the
    places. Gradients are computed for the picture and leave every `.grad` alone.

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
    shown = tuple(show)
    known = get_args(Show)
    if unknown := [item for item in shown if item not in known]:
        raise ValueError(f"show knows {', '.join(known)}; got {unknown[0]!r}")
    if direction not in {None, *get_args(Direction)}:
        raise ValueError(f'direction is "LR" or "TB", got {direction!r}')
    if layout not in {None, *get_args(Engine)}:
        raise ValueError(f'layout is "layers" or "dot", got {layout!r}')
    find_theme(theme)
    traced = trace(
        outputs,
        wrt=[wrt] if isinstance(wrt, Tensor) else wrt,
        names=names,
        show=shown,
        precision=4 if precision is None else precision,
        fold_constants=fold_constants,
    )
    picture = _closed(traced.picture, depth)
    return Drawing(picture, theme=theme, direction=direction, layout=layout)


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
