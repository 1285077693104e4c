"""Random numbers by rejection: how many uniforms one takes is known only when it is accepted.

So these go element by element through the stream, in Python: about a microsecond for each uniform.
The algorithms and their constants are the published ones that PyTorch uses on the CPU, and the same
seed gives its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .random import Generator

Array = np.ndarray[Any, Any]
_MOST = 1 << 15  # uniforms pulled at a time
_THIRD = float(np.float32(1) / np.float32(3))  # PyTorch subtracts the single-precision third


class Feed:
    """One draw from a generator, uniform by uniform; what was pulled too many is put back."""

    def __init__(self, generator: Generator, expected: int) -> None:
        self.generator, self.size = generator, min(2 * expected + 16, _MOST)

    def __enter__(self) -> Feed:
        self.generator._lock.acquire()
        self._fill()
        return self

    def _fill(self) -> None:
        self._state = self.generator._bits.state
        self._block = self.generator._uniform53(self.size).tolist()
        self._at = 0

    def __exit__(self, *exc: object) -> None:
        self.generator._bits.state = self._state
        self.generator._uniform53(self._at)
        self.generator._lock.release()

    def uniform(self) -> float:
        """The next 53-bit uniform on [0, 1)."""
        if self._at == self.size:
            self._fill()
        self._at += 1
        value: float = self._block[self._at - 1]
        return value

    def normal(self) -> float:
        """The next normal number, the second of each pair kept in the generator."""
        second = self.generator._second
        if second is not None:
            self.generator._second = None
            return second
        turn = 2.0 * math.pi * self.uniform()
        radius = math.sqrt(-2.0 * math.log1p(-self.uniform()))
        self.generator._second = radius * math.sin(turn)
        return radius * math.cos(turn)


def each(generator: Generator, draw: Callable[..., float], *arrays: Array) -> Array:
    """``draw(feed, *elements)`` for the elements of the arrays, in order, as float64."""
    flat = [a.astype(np.float64).ravel().tolist() for a in arrays]
    with Feed(generator, len(flat[0])) as feed:
        drawn = [draw(feed, *values) for values in zip(*flat, strict=True)]
    return np.array(drawn, np.float64).reshape(arrays[0].shape)


def gamma(feed: Feed, alpha: float) -> float:
    """A draw with density ∝ x^(α−1) e^(−x). Source: Marsaglia and Tsang, ACM TOMS 26 (2000)."""
    scale = 1.0
    if alpha < 1.0:  # a draw for α + 1, times a power of a uniform
        if alpha == 0.0:
            return 0.0
        scale = (1.0 - feed.uniform()) ** (1.0 / alpha)
        alpha += 1.0
    d = alpha - _THIRD
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = feed.normal()
        y = 1.0 + c * x
        if y <= 0:
            continue
        v, u, square = y**3, 1.0 - feed.uniform(), x * x
        if u < 1.0 - 0.0331 * square * square:
            return scale * d * v
        if math.log(u) < 0.5 * square + d * (1.0 - v + math.log(v)):
            return scale * d * v


def poisson(feed: Feed, rate: float) -> float:
    """A count of mean ``rate``: products of uniforms below 10, transformed rejection from there.

    Source: Hörmann, "The transformed rejection method for generating Poisson random variables",
    Insurance: Mathematics and Economics 12 (1993).
    """
    if rate < 10:
        if rate == 0:
            return 0.0
        limit, count, product = math.exp(-rate), 0.0, feed.uniform()
        while product > limit:
            count += 1
            product *= feed.uniform()
        return count
    root, log_rate = math.sqrt(rate), math.log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    log_alpha, v_r = math.log(1.1239 + 1.1328 / (b - 3.4)), 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = feed.uniform() - 0.5, feed.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43) if us else -1
        if us >= 0.07 and v <= v_r:
            return float(k)
        if k < 0 or (us < 0.013 and v > us):
            continue
        left = math.log(v) + log_alpha - math.log(a / (us * us) + b) if v else -math.inf
        if left <= -rate + k * log_rate - math.lgamma(k + 1):
            return float(k)


def binomial(feed: Feed, count: float, p: float) -> float:
    """The successes in ``count`` trials of probability ``p``."""
    if count <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return count
    if p > 0.5:
        return count - binomial(feed, count, 1.0 - p)
    return _waiting(feed, count, p) if count * p < 10 else _transformed(feed, count, p)


def _waiting(feed: Feed, count: float, p: float) -> float:
    """Successes counted by the waiting times between them."""
    total, found, scale = 0.0, 0.0, math.log1p(-p)
    while True:
        u = feed.uniform()
        total += math.ceil(math.log(u) / scale) if u else math.inf
        if total > count:
            return found
        found += 1


def _transformed(feed: Feed, n: float, p: float) -> float:
    """Source: Hörmann, "The generation of binomial random variates", JSCS 46 (1993): BTRS."""
    spread = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c, v_r, r = n * p + 0.5, 0.92 - 4.2 / b, p / (1 - p)
    alpha, m = (2.83 + 5.1 / b) * spread, math.floor((n + 1) * p)
    while True:
        u, v = feed.uniform() - 0.5, feed.uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + c) if us else -1
        if us >= 0.07 and v <= v_r:
            return float(k)
        if k < 0 or k > n:
            continue
        left = math.log(v * alpha / (a / (us * us) + b)) if v else -math.inf
        right = (
            (m + 0.5) * math.log((m + 1) / (r * (n - m + 1)))
            + (n + 1) * math.log((n - m + 1) / (n - k + 1))
            + (k + 0.5) * math.log(r * (n - k + 1) / (k + 1))
            + _tail(m) + _tail(n - m) - _tail(k) - _tail(n - k)
        )  # fmt: skip
        if left <= right:
            return float(k)


def _tail(k: float) -> float:
    """What Stirling's formula leaves out of ln k!, from a series for k > 9."""
    if k <= 9:
        return math.lgamma(k + 1) - (
            0.5 * math.log(2 * math.pi) + (k + 0.5) * math.log(k + 1) - (k + 1)
        )
    square = (k + 1) ** 2
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1)
