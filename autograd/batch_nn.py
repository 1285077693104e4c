"""Batching rules of the layers: convolution, normalization, pooling's relatives, losses.

With one weight for all examples the batch of examples joins the batch of samples. With a weight
for each, the examples become groups of channels, which a grouped convolution keeps apart: so
per-sample gradients of convolutions need no loop over a Python call.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .batching import Call, looped, rules, spaced


def _joined(call: Call, k: int) -> Any:
    """The examples joined to the samples: (B·N, ...)."""
    x = call.flat(k)
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def _apart(call: Call, out: Any) -> Any:
    n = math.prod(call.sizes)
    return call.unflat(out.reshape(n, out.shape[0] // n, *out.shape[1:]))


def _grouped(call: Call, k: int) -> Any:
    """The examples as groups of channels: (N, B·C, ...)."""
    x = call.flat(k).swapaxes(0, 1)
    return x.reshape(x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:])


def _ungrouped(call: Call, out: Any) -> Any:
    """Groups of channels as examples: (N, B·C, ...) to (B, N, C, ...)."""
    n = math.prod(call.sizes)
    split = out.reshape(out.shape[0], n, out.shape[1] // n, *out.shape[2:])
    return call.unflat(split.swapaxes(0, 1))


def _with_bias(call: Call, out: Any) -> Any:
    """A bias for each example added to (B, N, C, ...)."""
    bias = call.values[2]
    if bias is None:
        return out
    if call.on[2]:
        bias = bias.reshape(*bias.shape[: call.lead], 1, bias.shape[-1])
    spatial = (1,) * (out.ndim - call.lead - 2)
    return out + bias.reshape(*bias.shape, *spatial)


def convolution(call: Call) -> Any:
    """One weight: more samples. A weight an example: more groups."""
    *_, groups = call.params
    n = math.prod(call.sizes)
    if not n:
        return looped(call)
    named = dict(zip(call.op.params, call.params, strict=True))
    if not call.on[1]:
        bias = None if call.on[2] else call.values[2]
        if "shape" in named:
            named["shape"] = (n * named["shape"][0], *named["shape"][1:])
        out = call.kernel([_joined(call, 0), call.values[1], bias], list(named.values()))
        out = _apart(call, out)
        return _with_bias(call, out) if call.on[2] else out
    weight = call.flat(1)
    weight = weight.reshape(n * weight.shape[1], *weight.shape[2:])
    named["groups"] = n * groups
    if "shape" in named:
        samples, channels, *sizes = named["shape"]
        named["shape"] = (samples, n * channels, *sizes)
    out = call.kernel([_grouped(call, 0), weight, None], list(named.values()))
    return _with_bias(call, _ungrouped(call, out))


def convolution_weight(call: Call) -> Any:
    """Each example's own weight gradient: the examples are groups."""
    n = math.prod(call.sizes)
    if not n:
        return looped(call)
    shape, *rest, groups = call.params
    params = [(n * shape[0], *shape[1:]), *rest, n * groups]
    out = call.kernel([_grouped(call, 0), _grouped(call, 1)], params)
    return call.unflat(out.reshape(n, *shape))


rules |= {"convolution": convolution, "convolution_input": convolution}
rules["convolution_weight"] = convolution_weight


def channel_total(call: Call) -> Any:
    """The sum over everything but an example's channels."""
    axes = (0, *range(2, call.ndim(0)))
    return np.add.reduce(call.full(0), axis=tuple([d + call.lead for d in axes]))


def channel_spread(call: Call) -> Any:
    """One value a channel, repeated in every example."""
    shape = call.params[0]
    x = call.full(0).reshape(*call.sizes, 1, -1, *[1] * (len(shape) - 2))
    return np.broadcast_to(x, (*call.sizes, *shape))


def normalization(call: Call) -> Any:
    """Means and variances within each example; weight and bias for all or for each."""
    dims, shape, eps, centred = call.params
    own = call.on[1] or call.on[2]
    lead = call.sizes if own else (1,) * call.lead
    given = [None if v is None else call.full(k) if own else v for k, v in enumerate(call.values)]
    given[0] = call.full(0)
    moved = tuple([d + call.lead for d in dims])
    return call.kernel(given, [moved, (*lead, *shape), eps, centred])


def mse_loss(call: Call) -> Any:
    """Squared errors, summed within each example."""
    n = max(call.ndim(0), call.ndim(1))
    a, b = (np.asarray(spaced(call, k, n)) for k in (0, 1))
    d = a - b
    if call.param("reduction") == "none":
        return d * d
    flat = d.reshape(*call.sizes, -1)
    return np.einsum("...i,...i->...", flat, flat) / d.dtype.type(call.param("divisor"))


def unfold_columns(call: Call) -> Any:
    """Windows as columns: the examples are samples."""
    return _apart(call, call.kernel([_joined(call, 0)])) if math.prod(call.sizes) else looped(call)


def fold_columns(call: Call) -> Any:
    """Columns added up: the examples are samples."""
    shape, *rest = call.params
    n = math.prod(call.sizes)
    if not n:
        return looped(call)
    return _apart(call, call.kernel([_joined(call, 0)], [(n * shape[0], *shape[1:]), *rest]))


rules |= {"channel_total": channel_total, "channel_spread": channel_spread}
rules |= {"normalization": normalization, "mse_loss": mse_loss}
rules |= {"unfold_columns": unfold_columns, "fold_columns": fold_columns}
