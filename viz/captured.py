"""What a picture can be drawn of besides a tensor: a captured program, a module, a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.declare import names as torch_names
from ..autograd.graph import ancestors
from ..autograd.handle import make
from ..autograd.hooks import extra_of
from ..autograd.tracer import Equation, Graph, Var
from .forward_run import tensors_in
from .naming import Names, caller_variables


def result_of(y: Any, inputs: tuple[Any, ...], names: Names, what: str) -> tuple[Tensor, Names]:
    """The tensor to draw, and names for its graph: `y` itself, or what it gives for `inputs`.

    A captured Graph runs again on the inputs (which then require gradient), recorded; anything else
    that can be called is called. Raises TypeError where inputs are missing, superfluous, or the
    result is no tensor.
    """
    if isinstance(y, Tensor) and inputs:
        raise TypeError(f"{what}(y) takes one tensor; inputs are for a captured graph or model")
    results, names = results_of(y, inputs, names, what)
    if len(results) != 1:
        raise TypeError(f"{what}() follows one result; {type(y).__name__} has {len(results)}")
    return results[0], names


def recorded(tensor: Tensor) -> int:
    """How many nodes were recorded behind a tensor: known before anything is computed for them."""
    return 0 if tensor._node is None else len(ancestors([tensor._node]))


def results_of(
    y: Any, inputs: tuple[Any, ...], names: Names, what: str
) -> tuple[list[Tensor], Names]:
    """The same with all results, those in tuples, lists and dicts too."""
    if isinstance(y, Tensor):
        return [y], names
    if isinstance(y, Graph):
        return _run(y, inputs, names, what)
    if not callable(y):
        raise TypeError(
            f"{what}() takes a tensor, a captured Graph or a model with its inputs, got "
            f"{type(y).__name__}"
        )
    result = y(*inputs)
    found = list(tensors_in(result))
    if not found:
        raise TypeError(f"{what}(): {type(y).__name__} gave {type(result).__name__}, not a tensor")
    return found, _names_with(y, inputs) if names is None else names


def _names_with(y: Any, inputs: tuple[Any, ...]) -> Mapping[str, Any]:
    """The caller's variables; besides them the model's own paths, and "input" for what is given."""
    known = caller_variables()
    if hasattr(y, "named_parameters") and not any(v is y for v in known.values()):
        known = {**known, type(y).__name__: y}
    given = list(tensors_in(inputs))
    for k, tensor in enumerate(given):
        known.setdefault("input" if len(given) == 1 else f"input{k + 1}", tensor)
    return known


def _run(
    graph: Graph, inputs: tuple[Any, ...], names: Names, what: str
) -> tuple[list[Tensor], Names]:
    """Run a captured program again so that it is recorded; its variables give the names."""
    if len(inputs) != len(graph.inputs):
        wanted = ", ".join(map(repr, graph.inputs)) or "none"
        raise TypeError(f"{what}(graph, …) needs the graph's inputs ({wanted}), got {len(inputs)}")
    env: dict[str, Any] = {}
    for var, given in zip(graph.inputs, inputs, strict=True):
        if given is not None and np.shape(getattr(given, "_data", given)) != var.shape:
            shape = list(np.shape(getattr(given, "_data", given)))
            raise ValueError(f"{what}(graph, …): input {var!r} was given the shape {shape}")
        mine = isinstance(given, Tensor) and given.requires_grad
        env[var.name] = given if mine else _leaf(given, var)
    for var, data in graph.constants:
        if data is None:
            raise ValueError(f"{what}(graph, …): the data of {var!r} was let go")
        # a history without inputs (Graph.of) has its leaves among the constants
        env[var.name] = make(data) if graph.inputs else _leaf(data, None)
    for equation in graph.equations:
        outs = _computed(equation, env)
        env.update({v.name: t for v, t in zip(equation.outputs, outs, strict=False)})
    results = [env[o.name] for o in graph.outputs if isinstance(o, Var)]
    if not results:
        raise TypeError(f"{what}(graph, …): all results of this graph are plain numbers")
    return results, env if names is None else names


def _computed(equation: Equation, env: Mapping[str, Any]) -> list[Any]:
    """The results of one equation; lines and modules are those of the program, not of this run."""
    op = equation.op
    args = [env[i.name] if isinstance(i, Var) else i for i in equation.inputs]
    out = op.call(args, *equation.params) if op.variadic else op.call(*args, *equation.params)
    outs = list(out) if isinstance(out, tuple) else [out]
    for tensor in outs:
        node = getattr(tensor, "_node", None)
        if node is not None and node.plan is not None and (equation.line or equation.module):
            extra = extra_of(node)
            extra.line, extra.module = equation.line, equation.module
    return outs


def _leaf(given: Any, var: Var | None) -> Tensor:
    """A fresh leaf in the variable's dtype; it requires gradient where that can have one."""
    data = given._data if isinstance(given, Tensor) else given
    array = np.array(data, None if var is None else var.dtype)
    leaf: Tensor = torch_names["torch"]["tensor"](array)
    return leaf.requires_grad_() if array.dtype.kind in "fc" else leaf
