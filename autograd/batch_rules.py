"""Batching rules by family: how one kernel call computes the operation for all examples.

Most follow from the declaration. An elementwise kernel, or one that works on the last dimensions,
takes a batch in front as it is (``broadcasting``); one with a parameter ``dim`` or ``shape`` takes
the batch in front with that parameter adjusted (``along``). The others stand here by name.
"""

from __future__ import annotations

from string import ascii_letters
from typing import Any

import numpy as np

from .batching import BatchRule, Call, broadcasting, looped, rules, spaced
from .op import registry
from .ops.linalg import _check as check_product
from .shapes import axes, axis, infer

DIMS = {"dim", "dims", "dim0", "dim1", "dim2", "dimension"}


def families(rule: BatchRule, names: str) -> None:
    """Let a rule serve the operations of these names."""
    for name in names.split():
        rules[name] = rule


# -- kernels that broadcast -----------------------------------------------------------------------


def trailing(call: Call) -> Any:
    """For kernels that work on the last dimensions and need the same ones before."""
    n = max([call.ndim(k) for k in range(len(call.values))])
    values: list[Any] = [spaced(call, k, n) for k in range(len(call.values))]
    shapes = [v.shape[: call.lead] for v, on in zip(values, call.on, strict=True) if on]
    if all([shape == call.sizes for shape in shapes]) and len(shapes) == len(values):
        return call.kernel(values)
    full: list[Any] = []
    for k, v in enumerate(values):
        if v is None or not np.ndim(v):
            full.append(v)
        elif call.on[k]:
            full.append(np.broadcast_to(v, (*call.sizes, *v.shape[call.lead :])))
        else:
            a = np.asarray(v)
            ones = (1,) * (n - a.ndim)
            full.append(np.broadcast_to(a.reshape(*ones, *a.shape), (*call.sizes, *ones, *a.shape)))
    return call.kernel(full)


families(
    broadcasting,
    "where lerp addcmul addcdiv leaky_relu gelu elu softplus logsigmoid silu mish clamp hardtanh "
    "hardsigmoid hardswish threshold hardshrink softshrink prelu round_decimals nan_to_num logit "
    "polygamma convert clone smooth_l1_loss binary_cross_entropy logistic_loss bounded huber_loss "
    "alias conj real imag complex view_as_real view_as_complex frexp step polynomial",
)
families(
    trailing,
    "tril triu cholesky qr qr_plain eigh eigh_values eig_op inverse cofactors det slogdet svd "
    "inverse_or_nan singular_values solve solve_triangular cdist scaled_dot_product_attention "
    "max_pool max_pool_index avg_pool avg_pool_back unpool flat_pick flat_add resample "
    "resample_back lstsq single_zeros zeros_checked matrix_exp cholesky_or_nan eig lu_factor",
)


def pinv(call: Call) -> Any:
    """One tolerance serves all examples, of several each example takes its own."""
    plain = not any([np.ndim(call.param(name)) for name in ("atol", "rtol")])
    return trailing(call) if plain else looped(call)


def quantile(call: Call) -> Any:
    """The same quantiles of every example in one call."""
    return looped(call) if call.on[1] else call.kernel([call.full(0), call.values[1]])


def masked_fill(call: Call) -> Any:
    """``value`` may differ between the examples, which the kernel does not take."""
    n = max(call.ndim(0), call.ndim(1))
    x, mask, value = spaced(call, 0, n), spaced(call, 1, n), call.values[2]
    if not call.on[2]:
        return call.kernel([x, mask, value]) if call.on[0] or n else looped(call)
    return np.where(mask, spaced(call, 2, n), x).astype(np.asarray(x).dtype, copy=False)


rules |= {"masked_fill": masked_fill, "pinv": pinv, "quantile": quantile}


# -- kernels with dimensions and shapes -----------------------------------------------------------


def shifted(call: Call, value: Any, ndim: int) -> Any:
    """Dimensions of an example as dimensions of the batch of them."""
    if isinstance(value, (tuple, list)):
        return tuple([axis(d, ndim) + call.lead for d in value])
    return axis(value, ndim) + call.lead


def moved(call: Call, ndim: int) -> list[Any]:
    """The parameters with dimensions counted behind the batch, and shapes that begin with it."""
    found = []
    for name, value in zip(call.op.params, call.params, strict=True):
        if name in DIMS and value is not None:
            found.append(shifted(call, value, ndim))
        else:
            found.append((*call.sizes, *value) if name == "shape" else value)
    return found


def along(call: Call, more: int = 0) -> Any:
    """For kernels with ``dim`` or ``shape``; dimensions count in an example's shape.

    That is ``shape`` where there is one, else the first operand's with ``more`` dimensions.
    """
    has_shape = "shape" in call.op.params
    ndim = len(call.param("shape")) if has_shape else call.ndim(0) + more
    if not ndim:
        return looped(call)
    values = [None if v is None else call.full(k) for k, v in enumerate(call.values)]
    return call.kernel(values, moved(call, ndim))


def reducing(call: Call) -> Any:
    """For reductions over several dimensions, None or none named: all of the example's."""
    n, dim = call.ndim(0), call.param("dim")
    keepdim = "keepdim" in call.op.params and call.param("keepdim")
    x = call.full(0)
    if n:
        dims = axes(dim, n)
        params = [tuple([d + call.lead for d in dims]) if name == "dim" else p
                  for name, p in zip(call.op.params, call.params, strict=True)]  # fmt: skip
        return call.kernel([x], params)
    axes(dim, 0)
    params = [call.lead if name == "dim" else p
              for name, p in zip(call.op.params, call.params, strict=True)]  # fmt: skip
    out = np.asarray(call.kernel([x[..., None]], params))
    return out[..., 0] if keepdim else out


def one_line(call: Call) -> Any:
    """For kernels along one dimension; None stands for all elements in one line."""
    if call.param("dim") is not None:
        return along(call)
    x = call.full(0).reshape(*call.sizes, -1)
    params = [call.lead if name == "dim" else p
              for name, p in zip(call.op.params, call.params, strict=True)]  # fmt: skip
    out = call.kernel([x], params)
    if "keepdim" in call.op.params and call.param("keepdim"):
        return out.reshape(*call.sizes, *(1,) * call.ndim(0))
    return out


def spread(call: Call) -> Any:
    """A sum's way back: the batch stays in front."""
    shape, dim, keepdim = call.params
    if not shape:
        return call.full(0)
    dims = tuple([d + call.lead for d in axes(dim, len(shape))])
    return call.kernel([call.full(0)], [(*call.sizes, *shape), dims, keepdim])


def median(call: Call) -> Any:
    """The median of all elements is that of one line."""
    kernel = registry[call.op.name + "_dim"].kernel
    return kernel(call.full(0).reshape(*call.sizes, -1), call.lead, False)[0]


def roll(call: Call) -> Any:
    """Without dimensions, each example is one line."""
    shifts, dims = call.params
    x = call.full(0)
    if dims:
        return call.kernel([x], [shifts, shifted(call, dims, call.ndim(0))])
    return np.roll(x.reshape(*call.sizes, -1), shifts[0], -1).reshape(x.shape)


families(
    along,
    "flip diagonal diagonal_back gather gather_back scatter scatter_value scatter_add landings "
    "scatter_reduce place picked max_dim min_dim median_dim nanmedian_dim kthvalue mode narrow "
    "pad_back select select_back split unbind softmax log_softmax sort topk cumsum cumprod cummax "
    "cummin logcumsumexp shifted recurrence cross unfold unfold_back fft rfft irfft doubled",
)
families(reducing, "sum mean amax amin var std logsumexp all any norm prod count_nonzero")
families(one_line, "argmax argmin repeat_interleave")
rules |= {"spread": spread, "median": median, "nanmedian": median, "roll": roll}
rules["unsqueeze"] = lambda call: along(call, 1)
rules["diag_embed"] = lambda call: along(call, 1)


def transpose(call: Call) -> Any:
    """Two dimensions of every example exchanged."""
    n = call.ndim(0)
    i, j = (axis(d, n) for d in call.params)
    x = call.values[0]
    return x.swapaxes(i + call.lead, j + call.lead) if n else x


def permute(call: Call) -> Any:
    """The dimensions of every example in another order."""
    lead = call.lead
    return call.values[0].transpose(*range(lead), *[d + lead for d in _order(call)])


def _order(call: Call) -> list[int]:
    n = call.ndim(0)
    registry["permute"].kernel(np.empty((0,) * n, np.int8), call.params[0])  # raises as without
    return [axis(d, n) for d in call.params[0]]


def reshape(call: Call) -> Any:
    """Every example in another shape."""
    n = int(np.prod(call.shape(0)))
    return call.full(0).reshape(*call.sizes, *infer(call.params[0], n))


def expand(call: Call) -> Any:
    """Every example broadcast."""
    x, shape = call.full(0), call.params[0]
    ones = (1,) * (len(shape) - call.ndim(0))
    return call.kernel([x.reshape(*call.sizes, *ones, *call.shape(0))], [(*call.sizes, *shape)])


def squeeze(call: Call) -> Any:
    """Without dimensions of size 1, the batch's kept."""
    x, dim, shape = call.values[0], call.params[0], call.shape(0)
    chosen = range(len(shape)) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
    gone = {axis(d, len(shape)) for d in chosen}
    kept = [n for k, n in enumerate(shape) if k not in gone or n != 1]
    return x.reshape(*x.shape[: call.lead], *kept)


def repeat(call: Call) -> Any:
    """Every example repeated along its dimensions."""
    x, times = call.full(0), tuple(call.params[0])
    ones = (1,) * (len(times) - call.ndim(0))
    x = x.reshape(*call.sizes, *ones, *call.shape(0))
    return call.kernel([x], [(*(1,) * call.lead, *times)])


def diag(call: Call) -> Any:
    """Vectors into matrices, matrices into their diagonals."""
    if call.ndim(0) not in (1, 2):
        return looped(call)
    name = "diag_embed" if call.ndim(0) == 1 else "diagonal"
    return registry[name].kernel(call.full(0), call.params[0], call.lead, call.lead + 1)


def pad(call: Call) -> Any:
    """A border around every example, none around the batch."""
    borders, *rest = call.params
    if not borders:
        return call.values[0]
    none = [(0, 0)] * call.lead
    return call.kernel([call.full(0)], [type(borders)([*none, *borders]), *rest])


rules |= {"transpose": transpose, "permute": permute, "reshape": reshape, "expand": expand}
rules |= {"squeeze": squeeze, "repeat": repeat, "diag": diag}
families(pad, "pad_constant pad_edges pad_edges_back")


def cat(call: Call) -> Any:
    """Tensors joined, example by example; empty ones of one dimension do not count."""
    chosen = [k for k in range(len(call.values)) if call.shape(k) != (0,)] or [0]
    dim = shifted(call, call.params[0], call.ndim(chosen[0]))
    return call.kernel([call.full(k) for k in chosen], [dim])


def stack(call: Call) -> Any:
    """Tensors joined along a new dimension of each example."""
    dim = shifted(call, call.params[0], call.ndim(0) + 1)
    return call.kernel([call.full(k) for k in range(len(call.values))], [dim])


rules |= {"cat": cat, "stack": stack}


# -- products -------------------------------------------------------------------------------------


def matmul(call: Call) -> Any:
    """Products of matrices; one matrix for all examples takes them as one taller matrix."""
    m, n, lead = call.ndim(0), call.ndim(1), call.lead
    if not (m and n):
        return looped(call)  # raises as it does without vmap
    a, b = call.values
    if m == 1:
        a = a[..., None, :]
    if n == 1:
        b = b[..., None]
    check_product(_example(call, a, 0), _example(call, b, 1), "matmul")
    inner = max(m, n, 2)
    a, b = (_spaced(v, on, lead, inner) for v, on in zip((a, b), call.on, strict=True))
    out = _product(a, b)
    return out.reshape(_without(out.shape, m, n))


def _example(call: Call, v: Any, k: int) -> Any:
    """An example of zero size in memory, for checks of shapes."""
    shape = v.shape[call.lead :] if call.on[k] else v.shape
    return np.broadcast_to(np.int8(0), shape)


def _spaced(v: Any, on: bool, lead: int, ndim: int) -> Any:
    if not on:
        return v
    return v.reshape(*v.shape[:lead], *(1,) * (ndim - v.ndim + lead), *v.shape[lead:])


def _without(shape: Any, m: int, n: int) -> tuple[int, ...]:
    """The shape of a product without the dimensions that vectors were given."""
    keep = [*shape[:-2], *([shape[-2]] if m > 1 else []), *([shape[-1]] if n > 1 else [])]
    return tuple(keep)


def _product(a: Any, b: Any) -> Any:
    if a.shape[-1] == 1:  # outer products: one multiplication, and no BLAS call an example
        return a * b
    if b.ndim == 2 and a.ndim > 2 and a.size:
        return np.matmul(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[-1])
    return np.matmul(a, b)


def linear(call: Call) -> Any:
    """X Wᵀ + b: one product for all examples where they have one weight."""
    x, w, b = call.values
    m = call.ndim(0)
    if not m or call.shape(0)[-1] != call.shape(1)[-1]:
        return looped(call)  # raises as it does without vmap
    if not call.on[1]:
        out = _product(x if x.ndim > 1 else x[None], w.T)
        out = out if x.ndim > 1 else out[0]
    else:
        left = _spaced(x[..., None, :] if m == 1 else x, call.on[0], call.lead, max(m, 2))
        right = _spaced(w.swapaxes(-1, -2), True, call.lead, max(m, 2))
        out = _product(left, right)
        out = out[..., 0, :] if m == 1 else out
    if b is not None and call.on[2]:
        b = b.reshape(*b.shape[: call.lead], *(1,) * (m - 1), b.shape[-1])
    return out if b is None else out + b


def einsum(call: Call) -> Any:
    """A letter more for each batch dimension."""
    terms, result = call.params[0].split("->")
    free = [c for c in ascii_letters if c not in call.params[0]][: call.lead]
    parts, values = [], []
    for k, term in enumerate(terms.split(",")):
        on = call.on[k]
        parts.append(("".join(free) if on else "") + term)
        values.append(call.full(k) if on else call.values[k])
    return call.kernel(values, [f"{','.join(parts)}->{''.join(free)}{result}"])


rules |= {"matmul": matmul, "linear": linear, "einsum": einsum}
