"""Draw the README's pictures again: python tools/draw_images.py [docs/images]."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import chainrule as cr
from chainrule import viz


def lecture() -> Any:
    """The lecture's graph: f = (x + y)·z."""
    x, y, z = (cr.tensor(v, requires_grad=True) for v in (2.0, 3.0, -4.0))
    for t, name in ((x, "x"), (y, "y"), (z, "z")):
        t.name = name
    return (x + y) * z


def main(folder: str = "docs/images") -> None:
    """Write each picture as SVG."""
    target = Path(folder)
    f = lecture()
    f.name = "f"
    cr.manual_seed(0)
    lenet, images = cr.models.lenet(), cr.randn(16, 1, 28, 28)
    labels = cr.randint(10, (16,))
    pictures = {
        "step": viz.step(f),
        "backward": viz.backward_graph(lecture()),
        "lenet": viz.graph(lenet, images[:1]),
        "flow": viz.flow(lenet, images, labels, loss_fn=cr.nn.functional.cross_entropy, lr=0.1),
    }
    for name, picture in pictures.items():
        (target / f"{name}.svg").write_text(picture.svg(), encoding="utf-8")
        print(target / f"{name}.svg")


if __name__ == "__main__":
    main(*sys.argv[1:])
