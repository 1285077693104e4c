"""Small functions that published programs call: other names, other forms, other constructors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import views
from ..declare import export, names, tensor_of
from ..shapes import axis, sizes
from .arithmetic import abs as abs_op
from .embedding import renormalize
from .forms import offered, twin
from .index import nonzero
from .join import split
from .norms import norm_op
from .reduce import total
from .shape import expand, reshape

TORCH, TENSOR = names["torch"], names["tensor"]


# -- places -------------------------------------------------------------------------------------


@offered("torch", "tensor")
def argwhere(input: Any) -> Any:
    """The indices of the elements that are not 0, one row each: (count, ndim).

    >>> import chainrule as cr
    >>> cr.argwhere(cr.tensor([0, 5, 7]))
    tensor([[1],
            [2]])
    """
    return nonzero(input)


@offered("torch", "tensor")
def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    """``nonzero`` cut off or filled up to ``size`` rows.

    >>> import chainrule as cr
    >>> cr.nonzero_static(cr.tensor([0, 5]), size=2)
    tensor([[ 1],
            [-1]])
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = np.asarray(nonzero(input)._data)[:size]
    out = np.full((size, input.ndim), fill_value, np.int64)
    out[: len(found)] = found
    return tensor_of(out)


@offered("torch")
def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Flat indices as one tensor of indices for each dimension of ``shape``.

    >>> import chainrule as cr
    >>> cr.unravel_index(cr.tensor([3, 5]), (2, 3))
    (tensor([1, 1]), tensor([0, 2]))
    """
    if indices.dtype.category != 1:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    lengths = (shape,) if isinstance(shape, int) else tuple(shape)
    if any([n < 0 for n in lengths]):
        raise ValueError(f"'shape' cannot have negative values, but got {lengths}")
    at = np.asarray(indices._data) % max(math.prod(lengths), 1)
    return tuple([tensor_of(np.asarray(i, np.int64)[()]) for i in np.unravel_index(at, lengths)])


# -- norms --------------------------------------------------------------------------------------


@offered("torch")
def frobenius_norm(input: Any, dim: Any = (), keepdim: bool = False) -> Any:
    """√Σ|x|² over ``dim`` (old name; use ``linalg.norm``).

    >>> import chainrule as cr
    >>> cr.frobenius_norm(cr.tensor([[3.0, 4.0]]), dim=(0, 1))
    tensor(5.)
    """
    return norm_op(input, 2.0, dim if dim != () else None, keepdim)


@offered("torch")
def nuclear_norm(input: Any, dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    """The sum of the singular values (old name; use ``linalg.matrix_norm``).

    >>> import chainrule as cr
    >>> cr.nuclear_norm(cr.eye(2))
    tensor(2.)
    """
    return names["linalg"]["matrix_norm"](input, "nuc", dim, keepdim)


@offered("torch")
def norm_except_dim(v: Any, pow: int = 2, dim: int = 0) -> Any:
    """The norm over all dimensions but ``dim``, kept; over all for dim = −1.

    >>> import chainrule as cr
    >>> cr.norm_except_dim(cr.ones(2, 4), 2, 0)
    tensor([[2.],
            [2.]])
    """
    if dim == -1:
        return norm_op(v, float(pow))
    others = tuple(d for d in range(v.ndim) if d != axis(dim, v.ndim))
    return norm_op(v, float(pow), others, True) if others else abs_op(v)


@offered("torch", "tensor")
def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """Slices along ``dim`` whose p-norm exceeds ``maxnorm``, scaled down to it.

    >>> import chainrule as cr
    >>> cr.renorm(cr.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    if p <= 0:
        raise RuntimeError("renorm: non-positive norm not supported")
    if input.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    others = tuple(d for d in range(input.ndim) if d != axis(dim, input.ndim))
    size = norm_op(input, float(p), others, True)
    scale = TORCH["where"](size > maxnorm, maxnorm / (size + 1e-7), TORCH["ones_like"](size))
    return input * scale


@export("tensor")
def renorm_(self: Any, p: float, dim: int, maxnorm: float) -> Any:
    """``renorm``, written into the tensor itself."""
    views.check_inplace(self)
    return views.write(self, renorm(self.clone(), p, dim, maxnorm), "renorm_")


@export("torch")
def embedding_renorm_(weight: Any, indices: Any, max_norm: float, norm_type: float) -> Any:
    """The rows of ``weight`` at ``indices`` scaled down to ``max_norm``, in place."""
    renormalize(weight, np.asarray(indices._data), max_norm, norm_type)
    return weight


# -- pieces and sizes ---------------------------------------------------------------------------


@offered("torch", "tensor")
def split_with_sizes(input: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Pieces of these lengths along ``dim``, as views.

    >>> import chainrule as cr
    >>> cr.split_with_sizes(cr.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return tuple(split(input, list(split_sizes), dim))


for _name in ("chunk", "split", "split_with_sizes"):  # of which the pieces may be edited

    def _unsafe(input: Any, *args: Any, name: str = _name, **kwargs: Any) -> tuple[Any, ...]:
        return tuple([piece.clone() for piece in TORCH[name](input, *args, **kwargs)])

    _unsafe.__name__ = f"unsafe_{_name}"
    _unsafe.__doc__ = f"``{_name}`` in copies, which may be edited in place."
    offered("torch", "tensor", name=f"unsafe_{_name}")(_unsafe)


@export("tensor")
def sum_to_size(self: Any, *size: Any) -> Any:
    """Summed over the dimensions that broadcasting from ``size`` would stretch.

    >>> import chainrule as cr
    >>> cr.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    shape = sizes(size)
    lead = self.ndim - len(shape)
    fits = lead >= 0 and all(
        [n in (1, m) for n, m in zip(shape, self.shape[max(lead, 0) :], strict=True)]
    )
    if not fits:
        raise RuntimeError(
            f"size {{{list(shape)}}} is not expandable to size {{{list(self.shape)}}}."
        )
    dims = [*range(lead), *[lead + k for k, n in enumerate(shape) if n != self.shape[lead + k]]]
    return reshape(total(self, tuple(dims)) if dims else self, shape)


@export("tensor")
def broadcast_to(self: Any, size: Any) -> Any:
    """A view stretched to ``size`` (see ``expand``).

    >>> import chainrule as cr
    >>> cr.tensor([1, 2]).broadcast_to((2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand(self, tuple(size))


@offered("torch")
def constant_pad_nd(input: Any, pad: Sequence[int], value: float = 0) -> Any:
    """``nn.functional.pad`` with a constant.

    >>> import chainrule as cr
    >>> cr.constant_pad_nd(cr.ones(1), (1, 0))
    tensor([0., 1.])
    """
    return names["F"]["pad"](input, tuple(pad), "constant", value)


@offered("torch")
def fill(input: Any, value: Any) -> Any:
    """A tensor of the shape and dtype of ``input`` with every element ``value``.

    >>> import chainrule as cr
    >>> cr.fill(cr.zeros(2), 3)
    tensor([3., 3.])
    """
    return input.clone().fill_(value)


@export("torch")
def detach(input: Any) -> Any:
    """The same data, cut from the graph (see ``Tensor.detach``).

    >>> import chainrule as cr
    >>> cr.detach(cr.ones(1, requires_grad=True)).requires_grad
    False
    """
    return input.detach()


@export("torch")
def detach_(input: Any) -> Any:
    """Cut from the graph, in place (see ``Tensor.detach_``)."""
    return input.detach_()


@offered("torch", "F")
def pdist(input: Any, p: float = 2.0) -> Any:
    """The p-norm distances of all pairs of rows i < j of an (n, m) tensor: (n(n − 1)/2,).

    >>> import chainrule as cr
    >>> cr.pdist(cr.tensor([[0.0], [3.0], [4.0]]))
    tensor([3., 4., 1.])
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    first, second = (tensor_of(k) for k in np.triu_indices(input.shape[0], 1))
    pick = TORCH["index_select"]
    return norm_op(pick(input, 0, first) - pick(input, 0, second), float(p), -1)


@offered("tensor")
def to_dense(self: Any, dtype: Any = None, *, masked_grad: bool = True) -> Any:
    """The tensor itself, or in another dtype: every tensor is dense."""
    return self if dtype is None else self.to(dtype)


@export("tensor", name="bernoulli")
def bernoulli_method(self: Any, p: Any = None, *, generator: Any = None) -> Any:
    """1 with the probability that each element gives, or ``p``, else 0, in this dtype."""
    return TORCH["bernoulli"](self if p is None else self.new_full(tuple(self.shape), p),
                              generator=generator)  # fmt: skip


for _name in ("is_same_size", "is_nonzero"):

    def _method(self: Any, *args: Any, name: str = _name) -> bool:
        if name == "is_same_size":
            return tuple(self.shape) == tuple(args[0].shape)
        if self.numel() != 1:
            raise RuntimeError(
                "Boolean value of Tensor with more than one value is ambiguous"
                if self.numel()
                else "Boolean value of Tensor with no values is ambiguous"
            )
        return bool(self)

    _method.__name__ = _name
    _method.__doc__ = f"See ``chainrule.{_name}``."
    export("tensor", name=_name)(_method)


twin(TORCH["clamp_max"], "clamp_max_")
twin(TORCH["clamp_min"], "clamp_min_")


@export("tensor")
def polygamma_(self: Any, n: int) -> Any:
    """``polygamma``, written into the tensor itself."""
    views.check_inplace(self)
    return views.write(self, TORCH["polygamma"](n, self), "polygamma_")
