"""What a picture can be drawn of besides a tensor: a captured program, a module, a function."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.declare import names as torch_names
from ..autograd.handle import make
from ..autograd.tracer import Graph, Var
from .naming import Names


def result_of(y: Any, inputs: tuple[Any, ...], names: Names, what: str) -> tuple[Tensor, Names]:
    """The tensor to draw, and names for its graph: `y` itself, or what it gives for `inputs`.

    A captured Graph runs again on the inputs (which then require gradient), recorded; anything else
    that can be called is called. Raises TypeError where inputs are missing, superfluous, or the
    result is no tensor.
    """
    if isinstance(y, Tensor):
        if inputs:
            raise TypeError(f"{what}(y) takes one tensor; inputs are for a captured graph or model")
        return y, names
    if isinstance(y, Graph):
        return _run(y, inputs, names, what)
    if not callable(y):
        raise TypeError(
            f"{what}() takes a tensor, a captured Graph or a model with its inputs, got "
            f"{type(y).__name__}"
        )
    result = y(*inputs)
    if not isinstance(result, Tensor):
        raise TypeError(f"{what}(): {type(y).__name__} gave {type(result).__name__}, not a tensor")
    return result, names


def _run(graph: Graph, inputs: tuple[Any, ...], names: Names, what: str) -> tuple[Tensor, Names]:
    """Run a captured program again so that it is recorded; its variables give the names."""
    if len(inputs) != len(graph.inputs):
        wanted = ", ".join(map(repr, graph.inputs)) or "none"
        raise TypeError(f"{what}(graph, …) needs the graph's inputs ({wanted}), got {len(inputs)}")
    env: dict[str, Any] = {}
    for var, given in zip(graph.inputs, inputs, strict=True):
        mine = isinstance(given, Tensor) and given.requires_grad
        env[var.name] = given if mine else _leaf(given, var)
    env.update({var.name: make(data) for var, data in graph.constants})
    for equation in graph.equations:
        op = equation.op
        args = [env[i.name] if isinstance(i, Var) else i for i in equation.inputs]
        out = op.call(args, *equation.params) if op.variadic else op.call(*args, *equation.params)
        outs = [out] if op.outputs == 1 else out
        env.update({v.name: t for v, t in zip(equation.outputs, outs, strict=False)})
    results = [env[o.name] for o in graph.outputs if isinstance(o, Var)]
    if len(results) != 1:
        raise TypeError(f"{what}(graph, …) follows one result; this graph has {len(results)}")
    return results[0], env if names is None else names


def _leaf(given: Any, var: Var) -> Tensor:
    """A fresh leaf in the variable's dtype; it requires gradient where that can have one."""
    data = given._data if isinstance(given, Tensor) else given
    leaf: Tensor = torch_names["torch"]["tensor"](np.array(data, var.dtype))
    return leaf.requires_grad_() if var.dtype.kind in "fc" else leaf
