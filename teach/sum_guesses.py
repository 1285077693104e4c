"""Broadcasting undone wrongly: not summed, summed over another axis, or a mean for the sum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .answers import numbers, shape_text
from .case import Case
from .guesses import Guess
from .twin import Flow


def not_summed(case: Case) -> Iterator[Guess]:
    """Broadcasting that was not undone, or undone over the wrong axis."""
    flow = case.flow
    assert flow is not None
    shape, name = flow.wrt.shape, case.labels.wrt
    for full in stretched(flow):
        axes = _summed_axes(full.shape, shape)
        over = _axes(axes)
        said = f"It was not summed: {name} has shape {shape_text(shape)} and was broadcast to "
        said += f"{shape_text(full.shape)}, so its gradient is summed over {over}"
        yield Guess("not summed", said, full)
        kept = np.sum(full, axis=axes, keepdims=True)
        said = f"It was summed over {over}, but kept as an axis of size 1: {name} has none there"
        yield Guess("kept as an axis of size 1", said, kept)
        for wrong in _other_axes(full.ndim, axes):
            said = f"It was summed over the wrong axis: {_axes(wrong)} instead of {over}"
            yield Guess("summed over the wrong axis", said, np.sum(full, axis=wrong))
            yield Guess("summed over the wrong axis", said, np.sum(full, axis=wrong, keepdims=True))


def wrong_axis(case: Case) -> Iterator[Guess]:
    """The sum over another axis where it has the right shape by chance, or a mean for a sum."""
    flow = case.flow
    assert flow is not None
    shape = flow.wrt.shape
    for full in stretched(flow):
        axes = _summed_axes(full.shape, shape)
        over = _axes(axes)
        said = f"The mean was taken over {over}, and undoing broadcasting is a sum"
        yield Guess("undoing broadcasting is a sum", said, np.mean(full, axis=axes).reshape(shape))
        for wrong in _other_axes(full.ndim, axes):
            total = np.sum(full, axis=wrong)
            if total.size == int(np.prod(shape)):
                said = f"It was summed over the wrong axis: {_axes(wrong)} instead of {over}"
                yield Guess("summed over the wrong axis", said, total.reshape(shape))
        first = full[tuple(0 if k in axes else slice(None) for k in range(full.ndim))]
        said = f"It is the first part only: broadcasting is undone by a sum over {over}"
        yield Guess("the first part only", said, first.reshape(shape))


def stretched(flow: Flow) -> Iterator[Any]:
    """Gradients of the broadcast forms of `wrt`: sums over some axes of them are its gradient."""
    total: dict[tuple[int, ...], Any] = {}
    for node, k in flow.edges():
        if node.inputs[k] is not flow.wrt:
            continue
        g = flow.grads.get(node)
        if g is None or isinstance(g, list):
            continue
        part = flow.send(node, g)[k]
        for full in (flow.raw(node, g)[k], g):
            found = numbers(full)
            axes = _summed_axes(found.shape, flow.wrt.shape)
            if not axes:
                continue
            total_here = np.sum(found, axis=axes).reshape(flow.wrt.shape)
            if np.allclose(total_here, numbers(part), rtol=1e-6, atol=1e-12):
                total[found.shape] = total.get(found.shape, 0.0) + found
                break
    yield from total.values()


def _summed_axes(full: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes over which broadcasting to `full` is undone; () where it is none."""
    lead = len(full) - len(shape)
    if lead < 0 or full == shape:
        return ()
    pairs = list(zip(full[lead:], shape, strict=True))
    if any(b not in (1, a) for a, b in pairs):
        return ()
    return (*range(lead), *(lead + k for k, (a, b) in enumerate(pairs) if b == 1 != a))


def _other_axes(ndim: int, axes: tuple[int, ...]) -> list[tuple[int, ...]]:
    every = [(k,) for k in range(ndim)] if len(axes) == 1 else []
    return [a for a in every if a != axes]


def _axes(axes: tuple[int, ...]) -> str:
    return ("axis " if len(axes) == 1 else "axes ") + " and ".join(map(str, axes))
