"""The operations, one file a family; importing this declares them all."""

from . import (
    activation,
    arithmetic,
    compare,
    conversion,
    creation,
    exponential,
    index,
    linalg,
    loss,
    random,
    reduce,
    shape,
    softmax,
    trigonometric,
)
from .clip import clamp

__all__ = [
    "activation",
    "arithmetic",
    "clamp",
    "compare",
    "conversion",
    "creation",
    "exponential",
    "index",
    "linalg",
    "loss",
    "random",
    "reduce",
    "shape",
    "softmax",
    "trigonometric",
]
