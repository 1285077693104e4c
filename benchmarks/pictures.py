"""What pictures cost: drawing, showing and placing graphs, and a forward pass that is watched.

Each function takes chainrule and gives what is timed, a function without arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

Timed = Callable[[], Any]


def graph(lib: Any, nodes: int) -> Any:
    """A value computed through so many nodes, each used by the next two: many wires are long."""
    before, last = (lib.tensor(v, dtype=lib.float64, requires_grad=True) for v in (0.5, -1.0))
    for i in range(nodes - 2):
        before, last = last, (lib.mul, lib.atan2, lib.add)[i % 3](last, before)
    return last


def draw(lib: Any) -> Timed:
    """``draw`` of 60 nodes: values, gradients, local derivatives, rules."""
    y = graph(lib, 60)
    return lambda: lib.viz.draw(y)


def show(lib: Any) -> Timed:
    """What a notebook cell with 60 nodes waits for: draw, layout and SVG."""
    y = graph(lib, 60)
    return lambda: y._repr_html_()


def layout(lib: Any) -> Timed:
    """Measures and places 300 nodes with all their texts."""
    from chainrule.viz.figure import measure

    picture = lib.viz.draw(graph(lib, 300)).picture
    return lambda: measure(picture)


def lenet(lib: Any, *, watch: bool) -> Timed:
    """LeNet forward on 64 images, plainly or under ``watch()``."""
    lib.manual_seed(0)
    net, images = lib.models.LeNet(), lib.randn(64, 1, 28, 28)
    return watched(lib, lambda: net(images)) if watch else lambda: net(images)


def chain(lib: Any, *, watch: bool) -> Timed:
    """200 operations on numbers, plainly or under ``watch()``."""
    x, a = (lib.tensor(v, dtype=lib.float64, requires_grad=True) for v in (0.5, 0.9))

    def forward() -> Any:
        y = x
        for _ in range(100):
            y = y * a + x
        return y

    return watched(lib, forward) if watch else forward


def watched(lib: Any, forward: Timed) -> Timed:
    """The same under ``watch()``."""

    def run() -> Any:
        with lib.watch():
            return forward()

    return run


LINES: dict[str, tuple[str, Callable[[Any], Timed]]] = {
    "draw_60": ("viz.draw of 60 nodes", draw),
    "show_60": ("_repr_html_ of 60 nodes", show),
    "layout_300": ("measuring and placing 300 nodes", layout),
    "chain_plain": ("200 operations on 0-d float64, forward", partial(chain, watch=False)),
    "chain_watched": ("the same under watch()", partial(chain, watch=True)),
    "lenet_plain": ("LeNet forward, batch 64", partial(lenet, watch=False)),
    "lenet_watched": ("the same under watch()", partial(lenet, watch=True)),
}
