"""Normalization: to mean 0 and variance 1 over some dimensions, then scaled and shifted.

One operation serves batch, layer, group, instance and root-mean-square normalization. Its gradient

    dx = r·(w·g − mean(w·g) − x̂·mean(w·g·x̂)),   x̂ = (x − μ)·r,   r = 1/√(σ² + eps)

is computed in few passes over arrays; read on anything else, it is this formula in operations,
with μ and σ² as functions of x, so that it can be differentiated again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, op
from ..errors import refuse
from ..shapes import count
from .reduce import mean as mean_of
from .reduce import total
from .shape import reshape

ROW = 8192  # elements that the BLAS adds up in one go; NumPy's pairwise sums are for more


def _sum(x: Any, dims: Any) -> Any:
    """Σ x over dimensions, which are kept; along rows and columns by the BLAS, which is fastest."""
    last = x.ndim - 1
    if last in dims and x.shape[last] <= ROW:
        rows = (x @ np.ones(x.shape[last], x.dtype))[..., None]
        rest = tuple(d for d in dims if d != last)
        return np.add.reduce(rows, axis=rest, keepdims=True) if rest else rows
    if dims == (0,) and x.ndim == 2 and len(x) <= ROW:
        return (np.ones(len(x), x.dtype) @ x)[None]
    return np.add.reduce(x, axis=dims, keepdims=True)


def _dot(a: Any, b: Any, dims: Any) -> Any:
    """Σ a·b over dimensions, which are kept, without an array for the product."""
    last = a.ndim - 1
    if last in dims and a.shape[last] <= ROW:
        rows = np.matmul(a[..., None, :], b[..., :, None])[..., 0]
        rest = tuple(d for d in dims if d != last)
        return np.add.reduce(rows, axis=rest, keepdims=True) if rest else rows
    letters = "abcdefgh"[: a.ndim]
    kept = "".join(c for k, c in enumerate(letters) if k not in dims)
    out = np.einsum(f"{letters},{letters}->{kept}", a, b)
    return np.asarray(out).reshape([1 if k in dims else n for k, n in enumerate(a.shape)])


def _wide(x: Any) -> Any:
    """Half precision as float32: statistics need the range and the digits."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 else x


def _summed(shape: Any, wanted: Any) -> tuple[int, ...]:
    """The dimensions along which a value of shape ``wanted`` was broadcast."""
    return tuple(k for k, (n, m) in enumerate(zip(shape, wanted, strict=True)) if m == 1 != n)


def _constant(shape: Any, dims: Any) -> bool:
    """Whether the weight is the same along all normalized dimensions."""
    return all(shape[d] == 1 for d in dims)


def _folded(sizes: Any, dims: Any, shape: Any) -> tuple[Any, Any, Any]:
    """Sizes, dims and weight's shape with neighbours of one kind merged: longer inner loops."""
    merged: list[list[Any]] = []
    for k, (n, m) in enumerate(zip(sizes, shape, strict=True)):
        kind = (k in dims, m == 1)
        if merged and merged[-1][2] == kind:
            merged[-1][0] *= n
            merged[-1][1] *= m
        else:
            merged.append([n, m, kind])
    found = tuple(k for k, (_, _, kind) in enumerate(merged) if kind[0])
    return tuple(n for n, _, _ in merged), found, tuple(m for _, m, _ in merged)


def _forward(
    x: Any, weight: Any, bias: Any, dims: Any, shape: Any, eps: float, centred: bool
) -> tuple[Any, Any, Any]:
    sizes, kept = x.shape, [1 if k in dims else n for k, n in enumerate(x.shape)]
    folded, dims, shape = _folded(sizes, dims, shape)
    kind, x = x.dtype, _wide(x).reshape(folded)
    n, real = max(count(x.shape, dims), 1), x.dtype.type
    w, b = (None if t is None else _wide(t).reshape(shape) for t in (weight, bias))
    middle = _sum(x, dims) / real(n)
    if not centred:
        middle = np.zeros_like(middle)
    out = x - middle
    var = _dot(out, out, dims) / real(n)
    rate = 1 / np.sqrt(var + real(eps))
    if w is not None and all(shape[d] == 1 for d in dims):
        out *= rate * w
    else:
        out *= rate
        if w is not None:
            out *= w
    if b is not None:
        out += b
    out = out.reshape(sizes).astype(kind, copy=False)
    return out, middle.reshape(kept), var.reshape(kept)


def _fast(
    g: Any, x: Any, weight: Any, middle: Any, var: Any, dims: Any, shape: Any, eps: float,
    centred: bool, needs: Any,
) -> list[Any]:  # fmt: skip
    sizes, kinds = x.shape, [x.dtype, None if weight is None else weight.dtype]
    folded, dims, shape = _folded(sizes, dims, shape)
    g, x = _wide(g).reshape(folded), _wide(x).reshape(folded)
    small = [1 if k in dims else m for k, m in enumerate(folded)]
    middle, var = middle.reshape(small), var.reshape(small)
    w = None if weight is None else _wide(weight).reshape(shape)
    n, over = x.dtype.type(max(count(folded, dims), 1)), _summed(folded, shape)
    rate = 1 / np.sqrt(var + x.dtype.type(eps))
    hat = x - middle
    hat *= rate
    same = w is not None and over == dims  # then the sums for dx are those for weight and bias
    dx: Any = None
    dw: Any = _dot(g, hat, over) if needs[1] or same else None
    db: Any = _sum(g, over) if needs[2] or same else None
    if needs[0]:
        scaled = g if w is None else g * w
        first = db * w if same else _sum(scaled, dims) if centred else None
        second = dw * w if same else _dot(scaled, hat, dims)
        hat *= -second / n
        hat += scaled
        if centred:
            hat -= first / n
        hat *= rate
        dx = hat.reshape(sizes).astype(kinds[0], copy=False)
    if needs[1]:
        dw = dw.reshape(weight.shape).astype(kinds[1], copy=False)
    return [dx, dw, db]


def _formula(
    g: Any, x: Any, weight: Any, dims: Any, shape: Any, eps: float, centred: bool, needs: Any
) -> list[Any]:
    middle = mean_of(x, dims, True) if centred else 0.0
    rate = (mean_of((x - middle) * (x - middle), dims, True) + eps) ** -0.5
    hat = (x - middle) * rate
    scaled = g if weight is None else g * reshape(weight, shape)
    slope = scaled - hat * mean_of(scaled * hat, dims, True)
    if centred:
        slope = slope - mean_of(scaled, dims, True)
    over = _summed(x.shape, shape)
    dw = db = None
    if needs[1]:
        dw = reshape(total(g * hat, over, True) if over else g * hat, weight.shape)
    if needs[2]:
        db = total(g, over, True) if over else g
    return [slope * rate, dw, db]


def _back(
    g: Any, input: Any, weight: Any, mean: Any, var: Any, bias_shape: Any, dims: Any, shape: Any,
    eps: float, centred: bool, needs: Any,
) -> list[Any]:  # fmt: skip
    """The gradients of input, weight and bias: in few passes on arrays, else as the formula."""
    if type(g) is np.ndarray and type(input) is np.ndarray:
        grads = _fast(g, input, weight, mean, var, dims, shape, eps, centred, needs)
    else:
        grads = _formula(g, input, weight, dims, shape, eps, centred, needs)
    grads[2] = reshape(grads[2], bias_shape) if needs[2] else None
    return grads


@op(
    lambda g, input, weight, mean, var, bias_shape, dims, shape, eps, centred, needs: _back(
        g, input, weight, mean, var, bias_shape, dims, shape, eps, centred, needs
    ),
    where=(),
    promote="keep",
    outputs=3,
    aux=("mean", "var"),
    symbol="normalize",
    tex=r"\frac{{{0} - \mu}}{{\sqrt{{\sigma^2 + \varepsilon}}}} \cdot {1} + {2}",
    onnx="LayerNormalization",
    samples=lambda s: [
        (s(4, 3, 2), s(3), s(3), (0, 2), (1, 3, 1), 0.1),
        (s(4, 3), s(3), None, (1,), (1, 3), 0.1),
        (s(2, 3, 4), s(3, 4), s(3, 4), (1, 2), (1, 3, 4), 0.1),
        (s(2, 2, 2, 3), s(4), s(4), (2, 3), (1, 2, 2, 1), 0.1),
        (s(2, 3, 4), None, None, (2,), (1, 1, 1), 0.1),
        (s(2, 4), s(4), None, (1,), (1, 4), 0.1, False),
        (s(2, 4), None, s(4), (1,), (1, 4), 0.1),
        (s(0, 4), s(4), s(4), (1,), (1, 4), 0.1),
    ],
)
def normalization(
    input: Array, weight: Array, bias: Array, dims: Any, shape: Any, eps: float,
    centred: bool = True,
) -> Any:  # fmt: skip
    """(x − μ)/√(σ² + eps) · weight + bias, with μ and the biased σ² over ``dims``.

    ``shape`` is that of weight and bias where they meet the input; with ``centred=False`` μ is 0.
    Comes with μ and σ².
    """
    refuse("normalization", input)
    return _forward(input, weight, bias, dims, shape, eps, centred)
