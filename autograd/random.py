"""PyTorch's random stream on the CPU, in NumPy: the same seed draws the same numbers.

How each distribution uses the 32-bit words r of the twister, and the 24-bit and 53-bit uniforms u
made of them (see ``twister``), stands at its method. On some Intel processors PyTorch's own
``bernoulli_`` and ``exponential_`` call a vendor library and draw other numbers; these follow the
portable path everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .normals import box_muller32, box_muller64, pairs64, scale_shift
from .twister import _CHUNK, Array, Twister

Shape = int | Sequence[int]

_F32, _F64, _I64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
_BITS64 = 2**64 - 1
_DIGITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


class Generator(Twister):
    """A source of random numbers with its own state: PyTorch's CPU generator, word for word.

    Methods that draw return NumPy arrays. One draw is atomic, so threads may share a generator;
    the order in which they get their numbers is then up to the scheduler.

    >>> from chainrule.autograd.random import Generator
    >>> g = Generator().manual_seed(0)
    >>> [round(float(u), 4) for u in g.uniform(3, "float32")]
    [0.4963, 0.7682, 0.0885]
    """

    __slots__ = ()

    # --- uniforms -----------------------------------------------------------------------------

    def uniform(self, shape: Shape, dtype: Any, low: float = 0.0, high: float = 1.0) -> Array:
        """u(high - low) + low: 53-bit u for float64, 24-bit u for the narrower types.

        A value that rounds to ``high`` becomes ``low``, so the interval stays half open.
        """
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            return _as_complex(self.uniform(_pairwise(shape), _part(dtype), low, high), dtype)
        _floating("uniform_", dtype)
        if not low <= high:
            raise RuntimeError(
                f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}"
            )
        out = self.uniform53(_count(shape)) if dtype == _F64 else self.uniform24(_count(shape))
        plain = low == 0 and high == 1
        if not plain:
            kind = out.dtype.type
            out = scale_shift(out, float(kind(high) - kind(low)), low)
        out = _cast(out, dtype)
        if not (plain and dtype.itemsize > 2):
            for i in range(0, len(out), _CHUNK):
                part = out[i : i + _CHUNK]
                part[part == np.asarray(high, dtype)] = np.asarray(low, dtype)
        return out.reshape(shape)

    # --- normals ------------------------------------------------------------------------------

    def normal(
        self, shape: Shape, dtype: Any, mean: float = 0.0, std: float = 1.0, block: bool = True
    ) -> Array:
        """Normal numbers by Box and Muller (1958), as ``randn`` and ``normal_`` draw them.

        From 16 numbers on: uniforms first, then in blocks of 16 eight radii and eight angles, the
        last block drawn again where 16 doesn't divide the size. Fewer, or ``block=False`` (what
        ``normal_`` does to a tensor that isn't contiguous): pairs in float64, the unused second
        kept for the next call.
        """
        dtype = np.dtype(dtype)
        if dtype.kind == "c":
            part = self.normal(_pairwise(shape), _part(dtype), mean, std / math.sqrt(2.0), block)
            return _as_complex(part, dtype)
        _floating("normal_", dtype)
        if not std >= 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
        n = _count(shape)
        if n < 16 or not block:
            return _cast(scale_shift(self._pairs(n), std, mean), dtype).reshape(shape)
        whole = n - n % 16
        # Two-byte types draw the last 16 numbers in place of the odd block, not after it.
        skip = 0 if dtype.itemsize == 2 else n % 16
        drawn = n if whole == n else whole + skip + 16
        u = self.uniform53(drawn) if dtype == _F64 else self.uniform24(drawn)
        if whole != n:
            u = np.concatenate([u[:whole], u[-16:]])
        z = box_muller64(u) if dtype == _F64 else box_muller32(u)
        z = scale_shift(z, std, mean)
        if whole != n:
            z[n - 16 : n], z = z[-16:].copy(), z[:n]
        return _cast(z, dtype).reshape(shape)

    def _pairs(self, n: int) -> Array:
        with self._lock:
            start = 0 if self._second is None or n == 0 else 1
            more = n - start
            z = pairs64(self._uniform53(more + more % 2)) if more else np.empty(0)
            if start:
                z = np.concatenate([[self._second], z])
                self._second = None
            if more % 2:
                self._second = float(z[-1])
        return z[:n]

    def log_normal(self, shape: Shape, dtype: Any, mean: float = 1.0, std: float = 2.0) -> Array:
        """The exponential of normal pairs in float64, at any size."""
        dtype = _floating("log_normal_", dtype)
        if not std > 0:
            raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
        z = scale_shift(self._pairs(_count(shape)), std, mean)
        return _cast(np.exp(z), dtype).reshape(shape)

    # --- integers -----------------------------------------------------------------------------

    def randint(self, low: int, high: int, shape: Shape, dtype: Any = _I64) -> Array:
        """Integers low + r mod (high - low); from a range of 2**28 on, with a 64-bit word for r."""
        dtype = np.dtype(dtype)
        if low >= high:
            raise RuntimeError(
                f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
            )
        _fits("from", low, dtype)
        _fits("to - 1", high - 1, dtype)
        return _cast(self._modulo(low, high - low, _count(shape)), dtype).reshape(shape)

    def _modulo(self, low: int, span: int, n: int) -> Array:
        if span < 2**28:
            small = self.words(n).astype(np.uint32) % np.uint32(span)
            return small.astype(np.int64) + low
        raw = self.words64(n)
        if span <= _BITS64:
            raw %= np.uint64(span)
        raw += np.uint64(low & _BITS64)
        return raw.view(np.int64)

    def random(
        self, shape: Shape, dtype: Any, low: int | None = None, high: int | None = None
    ) -> Array:
        """``Tensor.random_``: without bounds, every value that the type holds from 0 on.

        Floating types stop at 2**digits, the last integer up to which all are exact; ``low`` alone
        runs to the type's largest value.
        """
        dtype = np.dtype(dtype)
        top = _largest(dtype)
        if high is not None:
            return self.randint(low or 0, high, shape, dtype)
        n = _count(shape)
        if low is not None:
            _fits("from", low, dtype)
            return _cast(self._modulo(low, top - low + 1, n), dtype).reshape(shape)
        raw = self.words64(n) if dtype.itemsize == 8 else self.words(n)
        raw %= np.uint64(top + 1)
        return raw.astype(dtype).reshape(shape)

    def permutation(self, n: int) -> Array:
        """0 ... n - 1 shuffled by Fisher and Yates: for i from 0, swap i with i + r mod (n - i)."""
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
        if n < 2:
            return np.arange(n)
        here = np.arange(n - 1)
        other = (self.words(n - 1).astype(np.int64) % (n - here) + here).tolist()
        out = list(range(n))  # a list: its swaps are several times faster than an array's
        for i, j in enumerate(other):
            out[i], out[j] = out[j], out[i]
        return np.array(out, np.int64)

    # --- choices and other distributions ------------------------------------------------------

    def bernoulli(self, p: float, shape: Shape) -> Array:
        """True with probability p: one 53-bit u for each element, u < p."""
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        return (self.uniform53(_count(shape)) < p).reshape(shape)

    def bernoulli_array(self, p: Array) -> Array:
        """True with each element's own probability: u < p, 53-bit for float64, else 24-bit."""
        _floating("bernoulli", p.dtype)
        if not bool(np.all((p >= 0) & (p <= 1))):
            raise RuntimeError("bernoulli expects every probability to be in [0, 1]")
        u = self.uniform53(p.size) if p.dtype == _F64 else self.uniform24(p.size)
        kept: Array = u.reshape(p.shape) < (p if p.dtype.itemsize > 2 else p.astype(_F32))
        return kept

    def exponential(self, shape: Shape, dtype: Any, lambd: float = 1.0) -> Array:
        """Numbers -log(1 - u) / lambd with a 53-bit u."""
        dtype = _floating("exponential_", dtype)
        if not lambd > 0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
        out = np.log1p(-self.uniform53(_count(shape))) * (-1.0 / lambd)
        return _cast(out, dtype).reshape(shape)

    def geometric(self, shape: Shape, dtype: Any, p: float) -> Array:
        """Trials up to the first success: ceil(log u / log(1 - p)) with a 53-bit u."""
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
        u = np.maximum(self.uniform53(_count(shape)), 2.0**-54)  # log 0 has no integer
        return _cast(np.ceil(np.log(u) / math.log1p(-p)), np.dtype(dtype)).reshape(shape)

    def cauchy(self, shape: Shape, dtype: Any, median: float = 0.0, sigma: float = 1.0) -> Array:
        """Numbers median + sigma tan(pi (u - 1/2)) with a 53-bit u."""
        dtype = _floating("cauchy_", dtype)
        if not sigma > 0:
            raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
        u = self.uniform53(_count(shape))
        z = np.tan(np.pi * (u - 0.5))
        return _cast(scale_shift(z, sigma, median), dtype).reshape(shape)

    def multinomial(self, p: Array, num_samples: int, replacement: bool = False) -> Array:
        """Indices drawn by the weights p, shape (classes,) or (rows, classes), as int64.

        With replacement and more than one sample: the first class whose cumulative share reaches
        a 53-bit u. Otherwise the largest of p / q with exponential q (Efraimidis and Spirakis,
        2006), largest first.
        """
        _check_weights(p, num_samples, replacement)
        if p.size == 0:
            return np.empty((*p.shape[:-1], num_samples), np.int64)
        if num_samples == 1 or not replacement:
            q = self.exponential(p.shape, p.dtype)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                score = (p / q).astype(_F64)
            order = np.argsort(-score, axis=-1, kind="stable")
            return order[..., :num_samples].astype(np.int64)
        rows = p.reshape(-1, p.shape[-1])
        share: Array = rows.astype(_F64 if rows.dtype == _F64 else _F32).cumsum(axis=-1)
        share /= share[:, -1:]
        u = self.uniform53(len(rows) * num_samples).reshape(len(rows), num_samples)
        found = [np.searchsorted(s.astype(_F64), x) for s, x in zip(share, u, strict=True)]
        return np.array(found, np.int64).reshape(*p.shape[:-1], num_samples)


def _count(shape: Shape) -> int:
    return shape if isinstance(shape, int) else math.prod(int(n) for n in shape)


def _pairwise(shape: Shape) -> tuple[int, ...]:
    return (shape, 2) if isinstance(shape, int) else (*shape, 2)


def _part(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return _F32 if dtype.itemsize == 8 else _F64


def _as_complex(parts: Array, dtype: np.dtype[Any]) -> Array:
    return parts.view(dtype)[..., 0]


def _cast(x: Array, dtype: np.dtype[Any]) -> Array:
    """The array in another type; to two bytes by way of float32, as PyTorch goes."""
    with np.errstate(over="ignore"):
        if dtype.itemsize == 2 and dtype.name in _DIGITS:
            x = x.astype(_F32, copy=False)
        return x.astype(dtype, copy=False)


def _floating(name: str, dtype: Any) -> np.dtype[Any]:
    found: np.dtype[Any] = np.dtype(dtype)
    if found.name not in _DIGITS:
        raise NotImplementedError(
            f"{name} draws floating-point numbers, and {found.name} holds none; use float32"
        )
    return found


def _largest(dtype: np.dtype[Any]) -> int:
    if dtype.kind == "b":
        return 1
    if dtype.name in _DIGITS:
        return int(2 ** _DIGITS[dtype.name])
    return int(np.iinfo(dtype).max)


def _fits(name: str, value: int, dtype: np.dtype[Any]) -> None:
    if dtype.kind in "iu":
        low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    elif dtype.kind == "b":
        low, high = 0, 1
    else:
        return  # PyTorch only warns for floating types
    if not low <= value <= high:
        raise RuntimeError(f"{name} is out of bounds for {dtype.name}: {value}")


def _check_weights(p: Array, num_samples: int, replacement: bool) -> None:
    if p.dtype.name not in _DIGITS:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {p.dtype.name}"
        )
    if p.ndim not in (1, 2):
        raise RuntimeError(f"multinomial: prob_dist must be 1 or 2 dim, got shape {p.shape}")
    if num_samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {num_samples}")
    if not replacement and num_samples > p.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"{num_samples} of {p.shape[-1]}"
        )
    if not bool(np.all(np.isfinite(p) & (p >= 0))):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if p.size and not bool(np.all(p.astype(_F64).sum(axis=-1) > 0)):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")


default_generator = Generator()


def pick(generator: Generator | None) -> Generator:
    """The given generator, or the default one for None."""
    if generator is None:
        return default_generator
    if isinstance(generator, Generator):
        return generator
    raise TypeError(f"generator: expected a Generator or None, got {type(generator).__name__}")


def manual_seed(seed: int) -> Generator:
    """Restart the default generator at ``seed`` and return it.

    >>> import chainrule as cr
    >>> _ = cr.manual_seed(0); cr.rand(3)
    tensor([0.4963, 0.7682, 0.0885])
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Restart the default generator at a seed from the operating system, and return it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed at which the default generator last restarted."""
    return default_generator.initial_seed()
