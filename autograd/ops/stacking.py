"""Putting tensors side by side: atleast_*, *stack, *split, meshgrid, products and blocks."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np

from ..declare import export
from ..dtypes import result_type
from ..errors import ShapeError, broadcast_clash
from ..handle import Handle, make
from ..shapes import axis
from ..size import Size
from .forms import offered, tensors_of
from .indexed import index_select
from .join import cat, narrow, stack
from .shape import expand, reshape, unsqueeze


def _raised(name: str, n: int, place: Any, words: str, shown: str) -> Any:
    """``atleast_nd``: where new dimensions go is said by ``place``."""

    def function(*tensors: Any) -> Any:
        single = len(tensors) == 1 and isinstance(tensors[0], Handle)
        made = tuple([place(t) if t.ndim < n else t for t in tensors_of(tensors, name)])
        return made[0] if single else made

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"""Tensors with at least {n} dimensions: {words}

    One tensor gives one, several (or a list) give a tuple. Views.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor(1.0))
    {shown}
    """
    return export("torch")(function)


def _matrix(t: Any) -> Any:
    return reshape(t, (1, 1)) if not t.ndim else unsqueeze(t, 0)


def _volume(t: Any) -> Any:
    if not t.ndim:
        return reshape(t, (1, 1, 1))
    return unsqueeze(unsqueeze(t, 0) if t.ndim == 1 else t, -1)


atleast_1d = _raised(
    "atleast_1d", 1, lambda t: reshape(t, (1,)), "a 0-d tensor becomes one of shape (1,).",
    "tensor([1.])",
)  # fmt: skip
atleast_2d = _raised("atleast_2d", 2, _matrix, "a vector becomes one row.", "tensor([[1.]])")
atleast_3d = _raised(
    "atleast_3d", 3, _volume, "a vector (n) becomes (1, n, 1), a matrix (n, m, 1).",
    "tensor([[[1.]]])",
)  # fmt: skip


def _column(t: Any) -> Any:
    return reshape(t, (t.numel(), 1)) if t.ndim < 2 else t


def _stacked(name: str, lift: Any, dim: int, words: str, shown: str) -> Any:
    """One of NumPy's stacking functions: every tensor lifted, then joined along ``dim``."""

    def function(tensors: Any, *, out: Any = None) -> Any:
        if isinstance(tensors, Handle) or not isinstance(tensors, (tuple, list)):
            raise TypeError(
                f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
                f"{type(tensors).__name__}"
            )
        if not tensors:
            raise RuntimeError(f"{name} expects a non-empty TensorList")
        lifted = [lift(t) for t in tensors_of((list(tensors),), name)]
        along = 0 if dim == 1 and lifted[0].ndim == 1 else dim
        from .join import cat_function

        return cat_function(lifted, along, out=out)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"""{words}

    >>> import chainrule as cr
    >>> cr.{name}([cr.tensor([1, 2]), cr.tensor([3, 4])])
    {shown}
    """
    return export("torch")(function)


hstack = _stacked(
    "hstack", atleast_1d, 1, "Tensors side by side: along columns, vectors end to end.",
    "tensor([1, 2, 3, 4])",
)  # fmt: skip
vstack = _stacked(
    "vstack", atleast_2d, 0, "Tensors one below the other; a vector is one row.",
    "tensor([[1, 2],\n            [3, 4]])",
)  # fmt: skip
dstack = _stacked(
    "dstack", atleast_3d, 2, "Tensors one behind the other, along a third dimension.",
    "tensor([[[1, 3],\n             [2, 4]]])",
)  # fmt: skip
column_stack = _stacked(
    "column_stack", _column, 1, "Tensors side by side; a vector is one column.",
    "tensor([[1, 3],\n            [2, 4]])",
)  # fmt: skip
row_stack = export("torch", name="row_stack")(vstack)


@offered("torch", "tensor")
def tensor_split(
    input: Any, indices_or_sections: Any = None, dim: int = 0, *, sections: Any = None,
    indices: Any = None,
) -> tuple[Any, ...]:  # fmt: skip
    """Nearly equal pieces (the first ones larger by one), or cut at the given indices; views.

    >>> import chainrule as cr
    >>> cr.tensor_split(cr.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    given = next((g for g in (indices_or_sections, sections, indices) if g is not None), None)
    if isinstance(given, Handle):
        given = given.tolist()  # type: ignore[attr-defined]  # every Handle is a Tensor
    if not input.ndim:
        raise RuntimeError(
            "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims"
        )
    k = axis(dim, input.ndim)
    n = input.shape[k]
    if isinstance(given, (tuple, list)):
        cuts = [int(c) for c in given]
    else:
        parts = int(given)  # type: ignore[arg-type]  # an integer from here on
        if parts <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {parts}")
        cuts = [i * (n // parts) + min(i, n % parts) for i in range(1, parts)]
    ends = [0, *[max(c + n, 0) if c < 0 else min(c, n) for c in cuts], n]
    return tuple([narrow(input, k, a, max(b - a, 0)) for a, b in itertools.pairwise(ends)])


def _divided(name: str, least: int, dim: int, words: str) -> Any:
    """``hsplit`` and its kin: ``tensor_split`` along one dimension, into equal parts only."""

    def function(input: Any, indices_or_sections: Any) -> tuple[Any, ...]:
        if input.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor "
                f"with {input.ndim} dimensions!"
            )
        k = 0 if input.ndim == 1 else dim
        if isinstance(indices_or_sections, int) and input.shape[k] % indices_or_sections:
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {k}, but the size of the "
                f"dimension {input.shape[k]} is not divisible by the split_size "
                f"{indices_or_sections}!"
            )
        pieces: tuple[Any, ...] = tensor_split(input, indices_or_sections, k)
        return pieces

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"{words}, or cut at the given indices; views (see ``tensor_split``)."
    return offered("torch", "tensor")(function)


hsplit = _divided("hsplit", 1, 1, "Equal parts side by side")
vsplit = _divided("vsplit", 2, 0, "Equal parts one below the other")
dsplit = _divided("dsplit", 3, 2, "Equal parts along the third dimension")


@export("torch")
def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that tensors of these shapes broadcast to.

    >>> import chainrule as cr
    >>> cr.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    given = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    _fit_together(given, "broadcast_shapes")
    return Size(np.broadcast_shapes(*given))


def _fit_together(shapes: Any, name: str) -> None:
    clash = broadcast_clash(shapes)
    if clash is not None:
        raise ShapeError(
            f"The size of tensor a ({clash[1]}) must match the size of tensor b ({clash[2]}) at "
            f"non-singleton dimension {clash[0]}: {name} of shapes "
            f"{' and '.join(str(list(s)) for s in shapes)}"
        )


@export("torch")
def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """All tensors expanded to the shape that they broadcast to; views.

    >>> import chainrule as cr
    >>> [t.shape for t in cr.broadcast_tensors(cr.zeros(3), cr.zeros(2, 1))]
    [torch.Size([2, 3]), torch.Size([2, 3])]
    """
    given = tensors_of(tensors, "broadcast_tensors")
    shapes = [tuple(t.shape) for t in given]
    _fit_together(shapes, "broadcast_tensors")
    shape = np.broadcast_shapes(*shapes)
    return tuple([expand(t, shape) for t in given])


@export("torch")
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Any, ...]:
    """Coordinate grids of vectors: the k-th result varies along dimension k, as the k-th vector.

    ``indexing="xy"`` exchanges the first two dimensions. Views.

    >>> import chainrule as cr
    >>> cr.meshgrid(cr.arange(2), cr.arange(3), indexing="ij")[0]
    tensor([[0, 0, 0],
            [1, 1, 1]])
    """
    given = tensors_of(tensors, "meshgrid")
    if indexing is None:
        warnings.warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing "
            "argument.",
            UserWarning,
            stacklevel=2,
        )
        indexing = "ij"
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    for t in given:
        if t.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got the shape "
                f"{list(t.shape)}"
            )
        if t.dtype is not given[0].dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    order = list(range(len(given)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = [1, 0]
    shape = tuple([given[k].numel() for k in order])
    lines = [tuple([n if order[d] == k else 1 for d, n in enumerate(shape)]) for k in order]
    lines = [lines[order.index(k)] for k in range(len(given))]
    return tuple([expand(reshape(t, s), shape) for t, s in zip(given, lines, strict=True)])


def _vectors(tensors: Any) -> None:
    for t in tensors:
        if t.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")


@export("torch")
def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of one element from each vector, one a row.

    >>> import chainrule as cr
    >>> cr.cartesian_prod(cr.tensor([1, 2]), cr.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    given = tensors_of(tensors, "cartesian_prod")
    _vectors(given)
    if len(given) == 1:
        return given[0]
    grids = meshgrid(*given, indexing="ij")
    return stack([reshape(t, (-1,)) for t in grids], 1)


@offered("torch")
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All combinations of ``r`` elements of a vector, one a row.

    >>> import chainrule as cr
    >>> cr.combinations(cr.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    _vectors([input])
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if not r:
        return index_select(input, 0, make(np.zeros(0, np.int64)))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.asarray(list(choose(range(input.numel()), r)), np.int64).reshape(-1, r)
    return stack([index_select(input, 0, make(rows[:, k].copy())) for k in range(r)], 1)


@export("torch")
def block_diag(*tensors: Any) -> Any:
    """A matrix with the given matrices along its diagonal, and zeros elsewhere.

    >>> import chainrule as cr
    >>> cr.block_diag(cr.tensor([[1, 2]]), cr.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    given = tensors_of(tensors, "block_diag")
    for k, t in enumerate(given):
        if t.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {k} has "
                f"{t.ndim} dimensions"
            )
    if not given:
        return make(np.zeros((1, 0), np.float32))
    kind = result_type([np.empty((1,), t.dtype.np) for t in given])
    blocks = [atleast_2d(t) for t in given]
    width, start, rows = sum(b.shape[1] for b in blocks), 0, []
    for b in blocks:
        left = make(np.zeros((b.shape[0], start), kind.np))
        right = make(np.zeros((b.shape[0], width - start - b.shape[1]), kind.np))
        rows.append(cat([left, b.to(kind), right], 1))
        start += b.shape[1]
    return cat(rows, 0)
