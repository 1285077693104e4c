"""``backward`` and ``grad``: what users call to send gradients back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import modes, views, walker
from .dtypes import BY_NP
from .edges import GradientEdge, at_edge
from .graph import Leaf
from .handle import Handle, make


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of ``tensors`` into the ``grad`` of the leaves they came from.

    ``inputs`` restricts the leaves; ``create_graph`` records the backward for higher orders.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> cr.autograd.backward(x * x)
    >>> x.grad
    tensor(6.)
    """
    if modes.batching and modes.local.levels:
        raise RuntimeError(
            "backward() called inside a functorch transform. This is not supported: inside vmap "
            "use func.grad, func.vjp or autograd.grad, or call backward() outside of it"
        )
    outputs = _tensors(tensors)
    seeds = _seeds(outputs, grad_tensors, create_graph)
    wanted = None
    if inputs is not None:
        chosen = _tensors(inputs, outputs)
        if not chosen:
            raise RuntimeError("'inputs' argument to backward() cannot be empty.")
        wanted = {_node(t, k) for k, t in enumerate(chosen)}
        for t in chosen:
            if not isinstance(t._node, Leaf):
                t.retain_grad()
    keep = create_graph if retain_graph is None else retain_graph
    before = modes.record(create_graph)
    try:
        walker.walk(seeds, wanted, keep=keep, recorded=create_graph)
    finally:
        modes.record(before)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, touching no ``.grad``.

    An input that the outputs do not depend on is an error, or None with ``allow_unused``, or zeros
    with ``materialize_grads``. Raises RuntimeError for an input that does not require grad.

    >>> import chainrule as cr
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> (g,) = cr.autograd.grad(x ** 3, x, create_graph=True)
    >>> cr.autograd.grad(g, x)
    (tensor(12.),)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True"
        )
    outs = _tensors(outputs)
    ins = _tensors(inputs, outs)
    nodes = [_node(t, k) for k, t in enumerate(ins)]
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        return _batched(
            lambda *g: grad(outs, ins, g, retain_graph, create_graph,
                            allow_unused=allow_unused, materialize_grads=materialize_grads),
            _tuple(grad_outputs),
        )  # fmt: skip
    seeds = _seeds(outs, grad_outputs, create_graph)
    with modes.enable_grad() if create_graph else modes.no_grad():
        found = walker.walk(seeds, set(nodes), keep=keep, recorded=create_graph, into_leaves=False)
    result: list[Any] = []
    taken = {id(views.owner_of(g)) for _, g in seeds if isinstance(g, np.ndarray)}
    for k, (t, node) in enumerate(zip(ins, nodes, strict=True)):
        g = found.get(node)
        if g is None and materialize_grads:
            g = np.zeros(t.shape, t.dtype.np) if t.ndim else t.dtype.np.type(0)
        elif g is None and not allow_unused:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph "
                f"(input {k}, shape {list(t.shape)}). Set allow_unused=True if this is the "
                "desired behavior."
            )
        result.append(g if g is None or isinstance(g, Handle) else make(_owned(g, taken)))
    return tuple(result)


def _batched(go: Any, grads: tuple[Any, ...]) -> tuple[Any, ...]:
    """One walk for a batch of gradients; inputs that nothing reaches are None for all."""
    from .vmap import vmap  # which is built on this module's rooms

    reached: list[bool] = []

    def rows(*g: Any) -> tuple[Any, ...]:
        found = go(*g)
        reached[:] = [t is not None for t in found]
        return tuple([t for t in found if t is not None])

    found = iter(vmap(rows, tuple([None if g is None else 0 for g in grads]))(*grads))
    return tuple([next(found) if on else None for on in reached])


def _owned(g: Any, taken: set[int]) -> Any:
    """An array that nobody else holds: users may edit what they are given."""
    if not isinstance(g, np.ndarray):
        return g
    if g.base is not None or id(g) in taken:
        g = g.copy()
    taken.add(id(g))
    return g


def _tuple(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    if isinstance(value, GradientEdge):
        return (value,)
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _tensors(value: Any, outputs: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Tensors, and what stands for edges; the outputs say where to look for an edge's result."""
    every = _tuple(value)
    return tuple([at_edge(t, outputs) if isinstance(t, GradientEdge) else t for t in every])


def _node(t: Any, k: int) -> Any:
    if not isinstance(t, Handle):
        raise TypeError(f"expected a tensor as input {k}, got {type(t).__name__}")
    if t._node is None or not t._node.requires_grad:
        raise RuntimeError(
            f"One of the differentiated Tensors does not require grad (input {k}, shape "
            f"{list(t.shape)}): set requires_grad=True before it is used"  # type: ignore[attr-defined]
        )
    return t._node


def _seeds(outputs: Sequence[Any], grads: Any, create_graph: bool) -> list[tuple[Any, Any]]:
    """The roots of the walk with the gradients they start from."""
    given = _tuple(grads) if grads is not None else (None,) * len(outputs)
    if len(given) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(given)} gradients")
    seeds = []
    for k, (t, g) in enumerate(zip(outputs, given, strict=True)):
        if not isinstance(t, Handle):
            raise TypeError(f"expected a tensor to go back from, got {type(t).__name__}")
        node = t._node
        if node is None or not node.requires_grad:
            raise RuntimeError(
                f"element {k} of tensors does not require grad and does not have a grad_fn: "
                "nothing it was computed from requires grad, or it was computed under no_grad"
            )
        seeds.append((node, _seed(t, g, k, create_graph)))
    return seeds


def one(t: Any) -> Any:
    """A gradient of ones for ``t``."""
    return np.ones(t.shape, t.dtype.np)[()]


def _seed(t: Any, g: Any, k: int, create_graph: bool) -> Any:
    if g is None and type(t._data) is float:
        return make(1.0) if create_graph else 1.0
    shape = t.shape
    if g is None:
        if t.numel() != 1:
            raise RuntimeError(
                f"grad can be implicitly created only for scalar outputs, this one has shape "
                f"{list(shape)}. Reduce it (.sum(), .mean()), give a gradient of that shape "
                "(y.backward(torch.ones_like(y))), or use autograd.functional.jacobian."
            )
        if t.is_complex():
            raise RuntimeError(
                "grad can be implicitly created only for real scalar outputs but got "
                f"{t.dtype}; give a gradient"
            )
        data: Any = one(t)
        return make(data) if create_graph else data
    if not isinstance(g, Handle):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if g.shape != shape:  # type: ignore[attr-defined]  # every Handle in use is a Tensor
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{k}] has a shape of {g.shape} and "  # type: ignore[attr-defined]
            f"output[{k}] has a shape of {shape}."
        )
    if g.dtype is not t.dtype:  # type: ignore[attr-defined]
        g = g.to(BY_NP[t._node.dtype])  # type: ignore[attr-defined]
    return g if create_graph else g._data
