"""Box and Muller's transform, in the arithmetic that PyTorch's CPU kernel uses.

In float32 the result agrees with PyTorch to the last bit: the logarithm, sine and cosine are the
Cephes polynomials (Moshier, 1992), evaluated with fused multiply-adds as on processors with AVX2.
NumPy has no fused multiply-add; float64 holds the product of two float32 exactly, so a float64
step rounded once to float32 stands for it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_CHUNK = 1 << 15  # numbers transformed at a time: some ten float64 temporaries stay cached
_TWO_PI = np.float32(2.0 * math.pi)


def _constants(*values: float) -> tuple[float, ...]:
    return tuple(float(np.float32(v)) for v in values)


_LOG = _constants(
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
_LN2_LOW, _LN2_HIGH = _constants(-2.12194440e-4, 0.693359375)
_SQRT_HALF = np.int32(0x3F3504F3)  # its bits in float32
_WHOLE = np.float32(1.5 * 2**23)  # added to a small whole number, leaves it in the low bits
_COS = _constants(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_SIN = _constants(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_HALF_PI = _constants(-1.5703125, -4.837512969970703125e-4, -7.54978995489188216e-8)  # its parts
_FOUR_OVER_PI = np.float32(4.0 / math.pi)
_SPLIT = 2.0**27 + 1.0  # parts a float64 into two halves of 26 bits


def _round(x: Array) -> Array:
    """float64 rounded in place to what float32 holds."""
    x[...] = x.astype(np.float32)
    return x


def _fma(x: Array, y: Array | float, z: Array | float) -> Array:
    """The sum x y + z rounded once to float32; x is overwritten."""
    x *= y
    x += z
    return _round(x)


def _log(x: Array) -> Array:
    """Natural logarithm of float32 in (0, 1], as float64 values rounded to float32."""
    bits = x.view(np.int32)
    k = (bits - _SQRT_HALF) >> 23  # x = (1 + m) 2**k with 1 + m from sqrt(1/2) to sqrt(2)
    m32 = (bits - (k << 23)).view(np.float32)
    m32 -= 1
    m, exponent = m32.astype(np.float64), k.astype(np.float64)
    square = (m32 * m32).astype(np.float64)
    y = _round(m * _LOG[0] + _LOG[1])
    for c in _LOG[2:]:
        _fma(y, m, c)
    y *= m
    _round(y)
    _fma(y, square, _round(exponent * _LN2_LOW))
    square *= -0.5
    y += square
    m += _round(y)
    return _fma(exponent, _LN2_HIGH, _round(m))


def _sincos(x: Array) -> tuple[Array, Array]:
    """Sine and cosine of float32 in [0, 2 pi]."""
    quarter = np.floor(x * _FOUR_OVER_PI)
    quarter += 1
    quarter *= 0.5
    np.floor(quarter, out=quarter)  # the nearest multiple of pi/2, 0 to 4
    q = quarter.astype(np.float64)
    r = x.astype(np.float64)
    for part in _HALF_PI:
        r += q * part
        _round(r)
    z = _round(r * r)
    c = _round(z * _COS[0] + _COS[1])
    _fma(c, z, _COS[2])
    c *= z
    _fma(_round(c), z, z * -0.5)
    cos = c.astype(np.float32)
    cos += 1
    s = _round(z * _SIN[0] + _SIN[1])
    _fma(s, z, _SIN[2])
    s *= z
    _round(s)
    s *= r
    s += r
    sin = s.astype(np.float32)
    _turn(sin.view(np.int32), cos.view(np.int32), quarter)
    return sin, cos


def _turn(sin: Array, cos: Array, quarter: Array) -> None:
    """Add ``quarter`` times pi/2 to the angle: swap and change signs, on the numbers' bits."""
    quarter += _WHOLE  # now the count stands in the low bits
    count = quarter.view(np.int32)
    differ = (sin ^ cos) & -(count & 1)
    sin ^= differ
    cos ^= differ
    sin ^= (count & 2) << 30
    cos ^= ((count + 1) & 2) << 30


def box_muller32(u: Array) -> Array:
    """Normals from 24-bit uniforms, float32: of each 16, eight radii and eight angles."""
    out = np.empty_like(u)
    for i in range(0, len(u), _CHUNK):
        block = u[i : i + _CHUNK].reshape(-1, 16)
        log = _log(1 - block[:, :8])
        log *= -2.0
        radius = log.astype(np.float32)
        np.sqrt(radius, out=radius)
        sin, cos = _sincos(_TWO_PI * block[:, 8:])
        into = out[i : i + _CHUNK].reshape(-1, 16)
        np.multiply(radius, cos, out=into[:, :8])
        np.multiply(radius, sin, out=into[:, 8:])
    return out


def box_muller64(u: Array) -> Array:
    """Normals from 53-bit uniforms, float64, in the same blocks of 16."""
    out = np.empty_like(u)
    for i in range(0, len(u), _CHUNK):
        block = u[i : i + _CHUNK].reshape(-1, 16)
        radius = np.sqrt(-2.0 * np.log(1.0 - block[:, :8]))
        angle = (2.0 * math.pi) * block[:, 8:]
        into = out[i : i + _CHUNK].reshape(-1, 16)
        np.multiply(radius, np.cos(angle), out=into[:, :8])
        np.multiply(radius, np.sin(angle), out=into[:, 8:])
    return out


def pairs64(u: Array) -> Array:
    """Normals from 53-bit uniforms, float64: of each two, the angle first and then the radius."""
    if len(u) <= 16:  # the C library's functions, to the bit, where the loop is short
        out = []
        for angle, v in zip(u[0::2].tolist(), u[1::2].tolist(), strict=True):
            radius, turn = math.sqrt(-2.0 * math.log1p(-v)), 2.0 * math.pi * angle
            out += [radius * math.cos(turn), radius * math.sin(turn)]
        return np.array(out, np.float64)
    r, theta = np.sqrt(-2.0 * np.log1p(-u[1::2])), (2.0 * math.pi) * u[0::2]
    z = np.empty(len(u), np.float64)
    np.multiply(r, np.cos(theta), out=z[0::2])
    np.multiply(r, np.sin(theta), out=z[1::2])
    return z


def scale_shift(x: Array, scale: float, shift: float) -> Array:
    """The sum x scale + shift, rounded once, in x's type (float32 or float64); x is overwritten."""
    if scale == 1 and shift == 0:
        return x
    one = _scaled32 if x.dtype == np.float32 else _scaled64
    for i in range(0, len(x), _CHUNK):
        part = x[i : i + _CHUNK]
        part[...] = one(part, scale, shift)
    return x


def _scaled32(x: Array, scale: float, shift: float) -> Array:
    wide = x.astype(np.float64)
    wide *= float(np.float32(scale))
    wide += float(np.float32(shift))
    return wide


def _scaled64(x: Array, scale: float, shift: float) -> Array:
    high, low = _product(x, scale)
    if shift == 0:
        return high
    total = high + shift
    from_shift = total - high
    low += (high - (total - from_shift)) + (shift - from_shift)  # what the sum lost (Knuth)
    total += low
    return total


def _product(x: Array, y: float) -> tuple[Array, Array]:
    """The product and the error of its rounding, float64 (Dekker, 1971)."""
    high = x * y
    x_big = x * _SPLIT
    x_big -= x_big - x
    y_big = y * _SPLIT
    y_big -= y_big - y
    x_small, y_small = x - x_big, y - y_big
    low = x_big * y_big
    low -= high
    low += x_big * y_small
    low += x_small * y_big
    low += x_small * y_small
    return high, low
