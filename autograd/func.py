"""Functions that make functions: the derivative of a function, as another function.

``grad``, ``vjp``, ``jvp`` and ``linearize`` here, ``jacrev``, ``jacfwd`` and ``hessian`` in
jacobians.py and ``vmap`` in vmap.py take a function of tensors (or of trees of tensors: dicts,
lists, tuples) and compose with one another in any order. Users find them as ``chainrule.func``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .gradients import one
from .handle import Handle
from .levels import Level, check_pair, enter, tensors_only, with_aux
from .pytree import flatten, unflatten

Transform = Callable[..., Any]


def grad(func: Transform, argnums: Any = 0, has_aux: bool = False) -> Transform:
    """The gradient of a function with a scalar result, with respect to its argument ``argnums``.

    The gradient has the structure of the argument (a tuple of them for a tuple of ``argnums``).
    With ``has_aux``, ``func`` returns ``(result, aux)`` and the gradient comes with ``aux``. Raises
    RuntimeError for a result that is no scalar tensor.

    >>> import chainrule as cr
    >>> second = cr.func.grad(cr.func.grad(lambda x: x ** 3))
    >>> second(cr.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        grads, value = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return wrapper


def grad_and_value(func: Transform, argnums: Any = 0, has_aux: bool = False) -> Transform:
    """``grad``, with the value of the function: ``(gradient, value)``.

    With ``has_aux`` the second is ``(value, aux)``.

    >>> import chainrule as cr
    >>> cr.func.grad_and_value(lambda x: (x ** 2).sum())(cr.tensor([1.0, 2.0]))
    (tensor([2., 4.]), tensor(5.))
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = Level()
        fresh, spec = enter(level, args, argnums)
        value = level.run(func, fresh, kwargs)
        aux: Any = None
        if has_aux:
            value, aux = with_aux(value, "grad_and_value(f)(*args)")
            tensors_only(aux, "grad_and_value(f)(*args), aux")
        _check_scalar(value)
        grads = unflatten(level.pull([value], [one(value)], keep=False), spec)
        value = level.release(value)
        return grads, (value, level.release(aux)) if has_aux else value

    return wrapper


def vjp(func: Transform, *primals: Any, has_aux: bool = False) -> Any:
    """``(func(*primals), vjp_fn)``: the results, and what sends gradients back through them.

    ``vjp_fn(cotangents)`` takes the structure of the results and returns a tuple with one gradient
    for each primal; it may be called any number of times. With ``has_aux``, ``aux`` comes third.
    Raises RuntimeError where structures or shapes differ.

    >>> import chainrule as cr
    >>> y, pull = cr.func.vjp(lambda x: x ** 2, cr.tensor([1.0, 2.0]))
    >>> pull(cr.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    level = Level()
    leaves, spec = flatten(primals)
    fresh = unflatten([level.variable(leaf) for leaf in leaves], spec)
    result = level.run(func, fresh, {})
    aux: Any = None
    if has_aux:
        result, aux = with_aux(result, "vjp(f, *primals)")
    outs, shape = tensors_only(result, "vjp(f, *primals)")
    if not outs:
        raise RuntimeError(
            "vjp(f, *primals): Expected f to be a function that has non-empty output (got output "
            f"= {result!r})"
        )

    def vjp_fn(
        cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None
    ) -> tuple[Any, ...]:
        """One gradient for each primal."""
        seeds, found = flatten(cotangents)
        if found != shape:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {found}, primal output: {shape}"
            )
        for k, (seed, o) in enumerate(zip(seeds, outs, strict=True)):
            if tuple(seed.shape) != tuple(o.shape):
                raise RuntimeError(
                    f"Mismatch in shape: cotangents[{k}] has a shape of {list(seed.shape)} and "
                    f"output[{k}] has a shape of {list(o.shape)}."
                )
        grads: tuple[Any, ...] = unflatten(level.pull(outs, seeds, keep=retain_graph), spec)
        return grads

    released = level.release(result)
    return (released, vjp_fn, level.release(aux)) if has_aux else (released, vjp_fn)


def jvp(
    func: Transform, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """``(func(*primals), J·tangents)``: the results, and their derivative in one direction.

    ``primals`` and ``tangents`` are tuples of one structure; the results of ``func`` may form any
    tree. With ``strict`` a result that does not depend on the primals is an error, otherwise its
    tangent is zero. What ``func`` computes under ``no_grad`` counts as constant.

    >>> import chainrule as cr
    >>> cr.func.jvp(cr.sin, (cr.tensor(0.0),), (cr.tensor(2.0),))
    (tensor(0.), tensor(2.))
    """
    where = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{where}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    leaves, spec = flatten(primals)
    directions, found = flatten(tangents)
    if found != spec:
        raise RuntimeError(
            f"{where}: Expected primals and tangents to have the same python structure. For "
            "example, if primals is a tuple of 3 tensors, tangents also must be. Got primals with "
            f"structure {spec} and tangents with structure {found}"
        )
    if not leaves:
        raise RuntimeError(f"{where}: Expected primals to contain at least one Tensor.")
    for primal, t in zip(leaves, directions, strict=True):
        check_pair(primal, t)
    level = Level()
    fresh = unflatten([level.variable(leaf) for leaf in leaves], spec)
    result = level.run(func, fresh, {})
    aux: Any = None
    if has_aux:
        result, aux = with_aux(result, where)
    outs, shape = tensors_only(result, where)
    if strict and any(not o.requires_grad for o in outs):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the "
            "inputs. This is not allowed with strict=True."
        )
    moved = unflatten(level.push(outs, directions), shape)
    released = level.release(result)
    return (released, moved, level.release(aux)) if has_aux else (released, moved)


def linearize(func: Transform, *primals: Any) -> tuple[Any, Transform]:
    """``(func(*primals), jvp_fn)``: the results, and ``jvp`` at this point, any number of times.

    The function runs once; ``jvp_fn(*tangents)`` sends tangents along what was recorded. Raises
    RuntimeError where structures, shapes or dtypes differ.

    >>> import chainrule as cr
    >>> y, slope = cr.func.linearize(lambda x: x ** 2, cr.tensor(3.0))
    >>> slope(cr.tensor(1.0)), slope(cr.tensor(10.0))
    (tensor(6.), tensor(60.))
    """
    level = Level()
    leaves, spec = flatten(primals)
    for leaf in leaves:
        check_pair(leaf, leaf)
    result = level.run(func, unflatten([level.variable(leaf) for leaf in leaves], spec), {})
    outs, shape = tensors_only(result, "linearize(f, *primals)")

    def jvp_fn(*tangents: Any) -> Any:
        """The derivative of the results in this direction."""
        given, found = flatten(tangents)
        if found != spec:
            raise RuntimeError(
                f"Expected the tangents {found} to have the same argspec as the primals {spec}"
            )
        for k, (t, leaf) in enumerate(zip(given, leaves, strict=True)):
            for what, got, want in (
                ("shape", t.shape, leaf.shape),
                ("dtype", t.dtype, leaf.dtype),
            ):
                if got != want:
                    raise RuntimeError(
                        f"tangent:{k} with {what} {got} in flattened pytree doesn't match the "
                        f"{what} {want} of the corresponding primal."
                    )
        return unflatten(level.push(outs, given), shape)

    return level.release(result), jvp_fn


def _check_scalar(value: Any) -> None:
    where = "grad_and_value(f)(*args): Expected f(*args) to return"
    if not isinstance(value, Handle):
        raise RuntimeError(f"{where} a Tensor, got {type(value)}")
    if value.ndim:  # type: ignore[attr-defined]  # every Handle in use is a Tensor
        raise RuntimeError(
            f"{where} a scalar Tensor, got tensor with {value.ndim} dims. Maybe you wanted to use "  # type: ignore[attr-defined]
            "the vjp or jacrev APIs instead?"
        )
    if value.is_complex():  # type: ignore[attr-defined]
        raise RuntimeError(
            f"grad can be implicitly created only for real scalar outputs but got {value.dtype}"  # type: ignore[attr-defined]
        )
