"""Where the tests draw an operation's inputs from: a domain, or whole argument lists.

An elementwise operation names the interval of each input (``samples=reals(-3, 3)``); any other
gives a function of a sampler ``s`` that returns argument tuples, a dict at the end for keywords:
``samples=lambda s: [(s(2, 3),), (s(2, 3), 1, {"keepdim": True})]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Sampler:
    """Seeded draws of float64 arrays, kept away from each other so that kinks are not hit."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape: int, low: float = -2.0, high: float = 2.0) -> Any:
        return self.rng.uniform(low, high, shape)

    def distinct(self, *shape: int) -> Any:
        """Values with gaps of at least 0.1, in random order (for max, sort, relu)."""
        n = int(np.prod(shape))
        return (self.rng.permutation(n) - n / 2 + 0.37).reshape(shape) * 0.21

    def index(self, *shape: int, below: int) -> Any:
        """Integers from 0 to ``below`` - 1."""
        return self.rng.integers(0, below, shape)

    def mask(self, *shape: int) -> Any:
        """Booleans."""
        return self.rng.random(shape) < 0.5


class Domain:
    """The interval that each input of an elementwise operation is drawn from."""

    def __init__(self, *intervals: tuple[float, float]) -> None:
        self.intervals = intervals

    def __call__(self, s: Sampler) -> list[tuple[Any, ...]]:
        def draw(*shapes: tuple[int, ...]) -> tuple[Any, ...]:
            pairs = zip(shapes, self.intervals, strict=True)
            return tuple([s(*shape, low=low, high=high) for shape, (low, high) in pairs])

        if len(self.intervals) == 1:
            return [draw(shape) for shape in ((), (3,), (2, 3), (0, 2), (2, 1, 2))]
        pairs = [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2, 2))]
        pairs += [((0, 3), (3,)), ((2, 2), ())]
        return [draw(a, b) for a, b in pairs]


def reals(low: float = -3.0, high: float = 3.0, *more: tuple[float, float]) -> Domain:
    """One interval, or one for each input."""
    return Domain((low, high), *more)


def two(low: float = -3.0, high: float = 3.0) -> Domain:
    """The same interval for both inputs."""
    return Domain((low, high), (low, high))
