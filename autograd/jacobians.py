"""Jacobians of functions: every unit vector sent back, or forward, all of them at once.

One run of the function is recorded; ``vmap`` then takes a batch of unit vectors along it, so that
each operation's rule runs once on all of them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from .handle import make, scalar_of
from .levels import Level, enter, tensors_only, with_aux
from .ops.join import stack
from .pytree import unflatten
from .vmap import vmap

Transform = Callable[..., Any]


def jacrev(
    func: Transform,
    argnums: Any = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Transform:
    """The Jacobian of a function, by one backward for each element of its results.

    For each result a tensor of shape ``result.shape + argument.shape``, in the structure of the
    results, then that of the arguments.

    >>> import chainrule as cr
    >>> cr.func.jacrev(lambda x: x ** 2)(cr.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = Level()
        fresh, spec = enter(level, args, argnums)
        result = level.run(func, fresh, kwargs)
        aux: Any = None
        if has_aux:
            result, aux = with_aux(result, "vjp(f, *primals)")
        outs, shape = tensors_only(result, "vjp(f, *primals)")
        rows = [joined_rows(level, o, chunk_size=chunk_size) for o in outs]
        blocks = [unflatten(row, spec) for row in rows]
        jacobian = unflatten(blocks, shape)
        return (jacobian, level.release(aux)) if has_aux else jacobian

    return wrapper


def jacfwd(
    func: Transform, argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Transform:
    """The Jacobian of a function, by one ``jvp`` for each element of its arguments.

    The result is that of ``jacrev``; this way is the cheaper one where there are more results than
    arguments.

    >>> import chainrule as cr
    >>> cr.func.jacfwd(lambda x: x.sum() * x)(cr.tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = Level()
        fresh, spec = enter(level, args, argnums)
        result = level.run(func, fresh, kwargs)
        aux: Any = None
        if has_aux:
            result, aux = with_aux(result, "jvp(f, primals, tangents)")
        outs, shape = tensors_only(result, "jvp(f, primals, tangents)")
        columns = joined_columns(level, outs)
        jacobian = unflatten([unflatten(row, spec) for row in columns], shape)
        return (jacobian, level.release(aux)) if has_aux else jacobian

    return wrapper


def hessian(func: Transform, argnums: Any = 0) -> Transform:
    """The Hessian of a function with a scalar result: ``jacfwd(jacrev(func))``.

    >>> import chainrule as cr
    >>> cr.func.hessian(lambda x: (x ** 3).sum())(cr.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def joined_rows(
    level: Level, o: Any, *, batched: bool = True, chunk_size: int | None = None
) -> list[Any]:
    """The Jacobian of one result with respect to each variable, row by row or all at once."""
    out = level.reaches_out([o])
    shape = tuple(o.shape)

    def way(e: Any) -> tuple[Any, ...]:
        return tuple(level.pull([o], [e], keep=True, out=out))

    blocks = _each(way, shape, o.dtype.np, batched, chunk_size, 0)
    pairs = zip(blocks or [None] * len(level.nodes), level.nodes, strict=True)
    return [_shaped(block, (*shape, *node.shape), node.dtype) for block, node in pairs]


def joined_columns(
    level: Level, outs: list[Any], *, batched: bool = True, chunk_size: int | None = None
) -> list[list[Any]]:
    """The Jacobian of each result with respect to each variable, by columns."""
    out = level.reaches_out(outs)
    made: list[list[Any]] = [[] for _ in outs]
    for k, node in enumerate(level.nodes):

        def way(e: Any, k: int = k) -> tuple[Any, ...]:
            directions = [e if j == k else None for j in range(len(level.nodes))]
            return tuple(level.push(outs, directions, out=out))

        blocks = _each(way, node.shape, node.dtype, batched, chunk_size, -1)
        for row, o, block in zip(made, outs, blocks or [None] * len(outs), strict=True):
            row.append(_shaped(block, (*tuple(o.shape), *node.shape), o.dtype.np))
    return made


def _each(
    way: Callable[[Any], tuple[Any, ...]],
    shape: tuple[int, ...],
    dtype: Any,
    batched: bool,
    chunk_size: int | None,
    dim: int,
) -> Sequence[Any]:
    """What ``way`` makes of every unit vector of a shape, stacked along ``dim``; () of none."""
    n = int(np.prod(shape))
    units = np.eye(n, dtype=dtype).reshape(n, *shape)
    if not n:
        return ()
    if batched and n > 1:
        results = vmap(way, out_dims=dim, chunk_size=chunk_size)(make(units))
        return cast(Sequence[Any], results)
    rows = [way(make(scalar_of(e[()]))) for e in units]
    return [stack(list(row), dim) for row in zip(*rows, strict=True)]


def _shaped(block: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    return make(np.zeros(shape, dtype)) if block is None else block.reshape(shape)
