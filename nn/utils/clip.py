"""Gradient clipping: shorten gradients that are too long."""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.declare import names
from ...autograd.dtypes import result_type
from ...autograd.handle import make, scalar_of
from ...autograd.views import as_array, bump


def _gradients(parameters: Any) -> list[Any]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in given if p.grad is not None]


def _norm(a: Any, p: float) -> Any:
    """The p-norm of all elements of an array, in its own dtype."""
    if not a.size:
        return a.dtype.type(0)
    size = np.abs(a).ravel()
    if p == 2:
        return np.sqrt(np.dot(size, size))
    if math.isinf(p):
        return size.max() if p > 0 else size.min()
    if p == 0:
        return a.dtype.type(np.count_nonzero(size))
    if p == 1:
        return size.sum()
    return np.power(np.power(size, p).sum(), 1.0 / p)


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Return the norm of all tensors together, as if they were one vector.

    >>> import chainrule as cr
    >>> get_total_norm([cr.tensor([3.0]), cr.tensor([[4.0]])])
    tensor(5.)
    """
    p = float(norm_type)
    arrays = [np.asarray(t._data) for t in ([tensors] if isinstance(tensors, Tensor) else tensors)]
    if not arrays:
        return names["torch"]["tensor"](0.0)
    kind = result_type(arrays).np
    with np.errstate(all="ignore"):
        total = _norm(np.array([_norm(a, p) for a in arrays], kind), p).astype(kind)
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"The total norm of order {p} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite "
            "norm anyway, set `error_if_nonfinite=False`"
        )
    return make(scalar_of(total))


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Multiply the gradients by max_norm/(total_norm + 1e−6) where that is below 1, in place."""
    grads = _gradients(parameters)
    if not grads:
        return
    total = np.asarray(total_norm._data)
    one = total.dtype.type
    with np.errstate(all="ignore"):
        factor = np.minimum(one(float(max_norm)) / (total + one(1e-6)), one(1))
    for g in grads:
        a = as_array(g)
        np.multiply(a, factor.astype(a.dtype), out=a)
        bump(g, "clip_grad_norm_")


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Scale the gradients, in place, so that their common norm is at most ``max_norm``.

    Returns the norm before clipping. Raises RuntimeError for a norm that is not finite if
    ``error_if_nonfinite``. Source: Pascanu et al., "On the difficulty of training recurrent neural
    networks", 2013.

    >>> import chainrule as cr
    >>> w = cr.tensor([1.0, 1.0], requires_grad=True)
    >>> (w * cr.tensor([3.0, 4.0])).sum().backward()
    >>> clip_grad_norm_([w], 1.0), w.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if isinstance(parameters, types.GeneratorType) and not given:
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2
        )
    total = get_total_norm(_gradients(given), norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(given, max_norm, total, foreach)
    return total


def clip_grad_norm(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """The old name of ``clip_grad_norm_``."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clamp every element of the gradients to ±``clip_value``, in place."""
    bound = float(clip_value)
    for g in _gradients(parameters):
        a = as_array(g)
        np.clip(a, -bound, bound, out=a)
        bump(g, "clip_grad_value_")
