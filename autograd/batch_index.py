"""Batching rules of indexing: where every example reads and writes.

Where the index is the same for all examples, the batch is skipped over. Where each example has its
own, the examples' tables stand one after the other as one table, and the indices move on by a
table's length from example to example.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .batch_rules import families
from .batching import Call, looped, rules, spaced
from .op import registry
from .shapes import axis
from .views import chain_read

FULL = slice(None)
# view operations that only move elements: where they lead to is a list of places
MOVES = {"reshape", "permute", "transpose", "expand", "squeeze", "unsqueeze", "narrow", "select"}
MOVES |= {"diagonal", "unfold", "as_strided", "get_index", "alias"}
add_at: Any = np.add.at


def _parsed(call: Call) -> tuple[Any, bool]:
    """The index behind the batch, and whether its elements come before the batch.

    NumPy puts the dimensions of index arrays first where a slice stands between two of them.
    """
    index, lead = call.param("index"), call.lead
    basic = ((FULL,) * lead + index.basic) if lead else index.basic
    if index.advanced is None:
        return type(index)(basic, None), False
    at = [k for k, i in enumerate(index.advanced) if isinstance(i, np.ndarray)]
    apart = at[-1] - at[0] + 1 != len(at)
    return type(index)(basic, (FULL,) * lead + index.advanced), apart


def _positions(call: Call, shape: Any) -> Any:
    """Where the indexed elements stand in the flat order of an example."""
    return call.param("index").read(np.arange(math.prod(shape)).reshape(shape))


def get_index(call: Call) -> Any:
    """The elements at an index, in every example."""
    x = call.full(0)
    index, apart = _parsed(call)
    if not apart:
        return index.read(x)
    return x.reshape(*call.sizes, -1)[..., _positions(call, call.shape(0))]


def scatter_index(call: Call) -> Any:
    """The way back of reading: the batch of zeros, added to."""
    g, shape = call.full(0), call.param("shape")
    index, apart = _parsed(call)
    if not apart:
        return call.kernel([g], [(*call.sizes, *shape), index])
    out = np.zeros((math.prod(call.sizes), math.prod(shape)), g.dtype)
    add_at(out, (FULL, _positions(call, shape)), call.flat(0))
    return out.reshape(*call.sizes, *shape)


def put_index(call: Call) -> Any:
    """A copy of every example with a value at an index."""
    out, shape = np.array(call.full(0), order="C"), call.shape(0)
    at = _positions(call, shape)
    out.reshape(*call.sizes, -1)[..., at] = spaced(call, 1, at.ndim)
    return out


def assign_view(call: Call) -> Any:
    """A copy of every example with a value in the view that a chain of operations leads to."""
    if not all([op.name in MOVES for op, _ in call.param("chain")]):
        return looped(call)
    out, shape = np.array(call.full(0), order="C"), call.shape(0)
    at = chain_read(np.arange(math.prod(shape)).reshape(shape), call.param("chain"))
    out.reshape(*call.sizes, -1)[..., at] = spaced(call, 1, np.ndim(at))
    return out


def strided(call: Call) -> Any:
    """Strides count in an example laid out in row order."""
    shape = call.shape(0)
    at = call.kernel([np.arange(math.prod(shape)).reshape(shape)])
    return call.full(0).reshape(*call.sizes, -1)[..., at]


def strided_back(call: Call) -> Any:
    """The way back of ``strided``: places that several elements share add up."""
    shape, *where = call.params
    kernel = registry["strided_read"].kernel
    at = kernel(np.arange(math.prod(shape)).reshape(shape), *where)
    out = np.zeros((math.prod(call.sizes), math.prod(shape)), call.values[0].dtype)
    add_at(out, (FULL, at), call.flat(0))
    return out.reshape(*call.sizes, *shape)


families(strided, "as_strided strided_read")
rules["strided_back"] = strided_back
rules |= {"get_index": get_index, "scatter_index": scatter_index}
rules |= {"put_index": put_index, "assign_view": assign_view}


def _table(call: Call, k: int, rows: int, dim: int) -> Any:
    """The examples' tables as one, its rows the slices along ``dim``."""
    x = np.moveaxis(call.flat(k), dim + 1, 1)
    return x.reshape(len(x) * rows, *x.shape[2:])


def _own(call: Call, k: int, rows: int) -> Any:
    """Each example's indices, moved on to its own table."""
    at = call.flat(k)
    if at.size and (at.min() < -rows or at.max() >= rows):
        bad = at.max() if at.max() >= rows else at.min()
        raise IndexError(
            f"{call.op.name}: index {bad} is out of bounds for a dimension of size {rows}"
        )
    at = np.where(at < 0, at + rows, at)
    return at + (np.arange(len(at)) * rows).reshape(-1, *(1,) * (at.ndim - 1))


def _untabled(call: Call, out: Any, rows: int, dim: int) -> Any:
    """One table as the examples' tables, the slices back along ``dim``."""
    out = out.reshape(math.prod(call.sizes), rows, *out.shape[1:])
    return call.unflat(np.moveaxis(out, 1, dim + 1))


def by_vector(call: Call) -> Any:
    """Operations with a vector of indices along ``dim``."""
    if not call.on[1]:
        n = len(call.param("shape")) if "shape" in call.op.params else call.ndim(0)
        if not n:
            return looped(call)
        params = [axis(p, n) + call.lead if name == "dim" else
                  (*call.sizes, *p) if name == "shape" else p
                  for name, p in zip(call.op.params, call.params, strict=True)]  # fmt: skip
        values = [v if k == 1 else call.full(k) for k, v in enumerate(call.values)]
        return call.kernel(values, params)
    shape = call.param("shape") if "shape" in call.op.params else call.shape(0)
    if not shape or call.ndim(1) != 1 or any(call.ndim(k) != len(shape) for k in _sources(call)):
        return looped(call)
    dim = axis(call.param("dim"), len(shape))
    rows, chosen = shape[dim], call.shape(1)[0]
    given = [_own(call, 1, rows) if k == 1 else
             _table(call, k, rows if k == 0 and "shape" not in call.op.params else chosen, dim)
             for k in range(len(call.values))]  # fmt: skip
    given[1] = given[1].reshape(-1)
    rest = tuple(n for d, n in enumerate(shape) if d != dim)
    params = [0 if name == "dim" else (math.prod(call.sizes) * rows, *rest) if name == "shape"
              else p for name, p in zip(call.op.params, call.params, strict=True)]  # fmt: skip
    out = call.kernel(given, params)
    return _untabled(call, out, chosen if call.op.name == "index_select" else rows, dim)


def _sources(call: Call) -> list[int]:
    """The operands that are tables: all but the index."""
    return [k for k in range(len(call.values)) if k != 1]


families(by_vector, "index_select index_back index_add index_copy")


def touched(call: Call) -> Any:
    """Which places an index vector meets, in every example."""
    shape, dim = call.params
    if dim is not None and (not shape or call.ndim(0) > 1):
        return looped(call)
    n = math.prod(shape) if dim is None else shape[axis(dim, len(shape))]
    out = np.zeros((math.prod(call.sizes), n), np.bool_)
    at = call.flat(0).reshape(len(out), -1)
    if at.size and (at.min() < -n or at.max() >= n):
        return looped(call)  # raises as it does without vmap
    out[np.arange(len(out))[:, None], at] = True
    if dim is None:
        return out.reshape(*call.sizes, *shape)
    k = axis(dim, len(shape))
    return out.reshape(*call.sizes, *[n if d == k else 1 for d in range(len(shape))])


def embedding_rows(call: Call) -> Any:
    """Rows of one table, or of each example's own."""
    if not call.on[0]:
        return call.values[0][call.full(1)]
    if not call.on[1]:
        return np.take(call.full(0), call.values[1], call.lead)
    rows = call.shape(0)[0]
    return call.unflat(_table(call, 0, rows, 0)[_own(call, 1, rows)])


def embedding_back(call: Call) -> Any:
    """Every example's rows, added in a table of its own."""
    rows, *rest = call.params[0]
    n = math.prod(call.sizes)
    out = call.kernel([call.flat(0), _own(call, 1, rows)], [(n * rows, *rest)])
    return out.reshape(*call.sizes, rows, *rest)


def flat_places(call: Call) -> Any:
    """Elements by their place in the flat order: each example is a stretch of one line."""
    shape = call.param("shape") if "shape" in call.op.params else call.shape(0)
    size, n = math.prod(shape), math.prod(call.sizes)
    name = call.op.name
    values = [_own(call, k, size) if k == 1 else call.flat(k) for k in range(len(call.values))]
    if name == "take":
        return values[0].reshape(-1)[values[1]].reshape(*call.sizes, *call.shape(1))
    params = [n * size if p == "shape" else v
              for p, v in zip(call.op.params, call.params, strict=True)]  # fmt: skip
    return np.asarray(call.kernel(values, params)).reshape(*call.sizes, *shape)


rules |= {"touched": touched, "embedding_rows": embedding_rows, "embedding_back": embedding_back}
families(flat_places, "take take_back put")


def nll_loss(call: Call) -> Any:
    """One loss a row, the rows of all examples as one table; summed for each example."""
    rows = call.shape(0)[0]
    n = math.prod(call.sizes)
    index, weight = call.flat(1).reshape(-1), call.values[2]
    weight = None if weight is None else call.flat(2).reshape(-1)
    scores = call.flat(0).reshape(n * rows, call.shape(0)[1])
    each = call.kernel([scores, index, weight], ["none", 1.0])
    each = each.reshape(*call.sizes, rows)
    if call.param("reduction") == "none":
        return each
    divisor = call.param("divisor")
    return np.add.reduce(each, axis=-1) / each.dtype.type(divisor)


def picked_back(call: Call) -> Any:
    """The way back of ``nll_loss``, in one table."""
    rows, classes = call.params[0]
    n = math.prod(call.sizes)
    g = call.full(0) if call.ndim(0) else call.full(0)[..., None]
    g = np.broadcast_to(g, (*call.sizes, rows)).reshape(-1)
    weight = None if call.values[2] is None else call.flat(2).reshape(-1)
    out = call.kernel([g, call.flat(1).reshape(-1), weight], [(n * rows, classes)])
    return out.reshape(*call.sizes, rows, classes)


def dynamic(call: Call) -> Any:
    """For operations whose result has a shape that its values decide."""
    raise RuntimeError(
        "vmap: We do not support batching operators that can output dynamic shape. Attempted to "
        f"vmap over {call.op.name}: each example would get a result of its own size."
    )


def masked_select(call: Call) -> Any:
    """One mask for all examples."""
    if call.on[1]:
        return dynamic(call)
    x, mask = call.full(0), call.values[1]
    shape = np.broadcast_shapes(call.shape(0), np.shape(mask))
    ones = (1,) * (len(shape) - call.ndim(0))
    x = np.broadcast_to(x.reshape(*call.sizes, *ones, *call.shape(0)), (*call.sizes, *shape))
    return x[(FULL,) * call.lead + (np.broadcast_to(mask, shape),)]


def masked_back(call: Call) -> Any:
    """The way back, with one mask for all examples."""
    if call.on[1]:
        return dynamic(call)
    g, mask, shape = call.full(0), call.values[1], call.params[0]
    shape = np.broadcast_shapes(shape, np.shape(mask))
    out = np.zeros((*call.sizes, *shape), g.dtype)
    out[(FULL,) * call.lead + (np.broadcast_to(mask, shape),)] = g
    return out


families(dynamic, "nonzero_index unique_elements")
rules |= {"masked_select": masked_select, "masked_back": masked_back}
rules |= {"nll_loss": nll_loss, "picked_back": picked_back}
