"""``chainrule.utils``: data loading, checkpointing, TensorBoard, under PyTorch's paths.

>>> import chainrule as cr
>>> cr.utils.data is cr.data
True
"""

from __future__ import annotations

from typing import Any

from .places import PLACES, place

__path__: list[str] = []  # ``import chainrule.utils.data``


def __getattr__(name: str) -> Any:
    if f"utils.{name}" in PLACES:
        return place(f"utils.{name}")
    raise AttributeError(
        f"module 'chainrule.utils' has no attribute '{name}'; it has data, checkpoint, tensorboard"
    )
