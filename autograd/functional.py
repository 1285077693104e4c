"""Derivatives of functions in PyTorch's older form, ``autograd.functional``.

The function's inputs and outputs are a tensor or a tuple of tensors. Results have no history
unless ``create_graph`` is set. (``chainrule.func`` has the newer form, which nests.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .gradients import one
from .handle import Handle
from .jacobians import joined_columns, joined_rows
from .levels import Level

MODES = ("forward-mode", "reverse-mode")
HINT = (
    ' Hint: If your function has more outputs than inputs, "forward-mode" tends to be more '
    'performant. Otherwise, prefer to use "reverse-mode".'
)


class _Run:
    """One run of the user's function on fresh variables."""

    def __init__(self, name: str, func: Callable[..., Any], inputs: Any, live: bool) -> None:
        self.name = name
        self.single_in = not isinstance(inputs, tuple)
        given = _tensors(inputs, "inputs", name)
        self.level = Level(live)
        self.inputs = [self.level.variable(t) for t in given]
        self.result = self.level.run(func, self.inputs, {})
        self.outs = list(_tensors(self.result, "outputs of the user-provided function", name))
        self.single_out = not isinstance(self.result, tuple)

    def check_outputs(self, strict: bool) -> None:
        """With ``strict``: every output must depend on an input."""
        for k, o in enumerate(self.outs if strict else ()):
            if not o.requires_grad:
                raise RuntimeError(
                    f"Output {k} of the user-provided function does not require gradients. The "
                    "outputs must be computed in a differentiable manner from the input when "
                    "running in strict mode."
                )

    def check_routes(self, k: int) -> None:
        """Raise for an input that output ``k`` does not depend on."""
        for j, node in enumerate(self.level.nodes):
            if not self.level.depends(self.outs[k], node):
                raise RuntimeError(
                    f"Output {k} of the user-provided function is independent of input {j}. This "
                    "is not allowed in strict mode."
                )

    def check_scalar(self) -> Any:
        """The one output, of one element, that ``hessian``, ``hvp`` and ``vhp`` need."""
        if not self.single_out:
            raise RuntimeError(f"The function given to {self.name} should return a single Tensor")
        (out,) = self.outs
        if out.numel() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {self.name} should contain a single "
                "element"
            )
        return out

    def as_inputs(self, values: Any) -> Any:
        """One value an input, in the form of the inputs."""
        return next(iter(values)) if self.single_in else tuple(values)

    def as_outputs(self, values: Any) -> Any:
        """One value an output, in the form of the outputs."""
        return next(iter(values)) if self.single_out else tuple(values)

    def released(self) -> Any:
        """The outputs, for the caller."""
        return self.as_outputs(self.level.release(self.outs))


def _tensors(value: Any, what: str, name: str) -> tuple[Any, ...]:
    every = value if isinstance(value, tuple) else (value,)
    for k, t in enumerate(every):
        if not isinstance(t, Handle):
            at = f"value at index {k}" if isinstance(value, tuple) else f"given {what}"
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but "
                f"the {at} has type {type(t)}."
            )
    return every


def _vector(v: Any, like: Any, whose: str) -> list[Any]:
    """The direction or cotangent: given, or a one where there is a single element."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if the {whose} a single Tensor with a single "
                "element."
            )
        return [one(like[0])]
    every = list(v) if isinstance(v, tuple) else [v]
    if len(every) != len(like):
        if len(like) == 1:
            raise RuntimeError("The given v should contain a single Tensor.")
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(like)} but got {len(every)}."
        )
    for k, (t, x) in enumerate(zip(every, like, strict=True)):
        if t.shape != x.shape:
            entry = f"Entry {k} in v" if len(like) > 1 else "v"
            raise RuntimeError(f"{entry} has invalid size: should be {x.shape} but got {t.shape}.")
    return every


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``(func(inputs), vᵀ·J)``: the gradient of the outputs' product with ``v``.

    ``v`` has the form of the outputs and may be left out for a single element. With ``strict`` an
    output or input on which nothing depends is an error; otherwise its gradient is zero.

    >>> import chainrule as cr
    >>> cr.autograd.functional.vjp(lambda x: x ** 2, cr.tensor([1.0, 2.0]), cr.tensor([1.0, 1.0]))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    run = _Run("vjp", func, inputs, create_graph)
    run.check_outputs(strict)
    seeds = _vector(v, run.outs, "user-provided function returns")
    if strict:
        for k in range(len(run.outs)):
            run.check_routes(k)
    return run.released(), run.as_inputs(run.level.pull(run.outs, seeds, keep=False))


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``(func(inputs), J·v)``: the derivative of the outputs in the direction ``v``.

    ``v`` has the form of the inputs and may be left out for a single element.

    >>> import chainrule as cr
    >>> cr.autograd.functional.jvp(lambda x: x ** 2, cr.tensor([1.0, 2.0]), cr.tensor([1.0, 0.0]))
    (tensor([1., 4.]), tensor([2., 0.]))
    """
    run = _Run("jvp", func, inputs, create_graph)
    run.check_outputs(strict)
    given = _vector(v, run.inputs, "input to the user-provided function is")
    return run.released(), run.as_outputs(run.level.push(run.outs, given))


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of ``func``: shape ``output.shape + input.shape``.

    For tuples of outputs and of inputs, a tuple of tuples. ``strategy="forward-mode"`` (with
    ``vectorize``) goes column by column.

    >>> import chainrule as cr
    >>> cr.autograd.functional.jacobian(lambda x: x ** 2, cr.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    _check_strategy(strategy, vectorize, strict, create_graph, "jacobian", HINT)
    run = _Run("jacobian", func, inputs, create_graph)
    run.check_outputs(strict)
    if strict:
        for k in range(len(run.outs)):
            run.check_routes(k)
    if strategy == "forward-mode":
        blocks = joined_columns(run.level, run.outs)
    else:
        blocks = [joined_rows(run.level, o, batched=vectorize) for o in run.outs]
    if strict and create_graph:
        for row in blocks:
            for k, block in enumerate(row):
                if not block.requires_grad:
                    raise RuntimeError(
                        "The jacobian of the user-provided function is independent of input "
                        f"{k}. This is not allowed in strict mode when create_graph=True."
                    )
    return run.as_outputs([run.as_inputs(row) for row in blocks])


def _check_strategy(
    strategy: str, vectorize: bool, strict: bool, create_graph: bool, name: str, hint: str = ""
) -> None:
    if strategy not in MODES:
        raise AssertionError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode".{hint}'
        )
    where = f"autograd.functional.{name}"
    if strategy == "forward-mode":
        if create_graph and name == "jacobian":
            raise NotImplementedError(
                f'{where}: `create_graph=True` and `strategy="forward-mode"` are not supported '
                "together. Please either set `create_graph=False` or "
                '`strategy="reverse-mode"`; func.jacfwd can be differentiated again.'
            )
        if strict:
            raise RuntimeError(
                f'{where}: `strict=True` and `strategy="forward-mode"` are not supported together '
                '(yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
            )
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only "
                "implemented for `vectorize=True`."
            )
    if vectorize and strict:
        raise RuntimeError(
            f"{where}: `strict=True` and `vectorized=True` are not supported together. Please "
            "either set `strict=False` or `vectorize=False`."
        )


class _Second:
    """The gradient of a scalar function as a function: what the Hessian is the Jacobian of."""

    def __init__(
        self, name: str, func: Callable[..., Any], inputs: Any, create_graph: bool, strict: bool
    ) -> None:
        self.outer = Level(create_graph)
        self.single = not isinstance(inputs, tuple)
        self.inputs = [self.outer.variable(t) for t in _tensors(inputs, "inputs", name)]
        self.strict = strict
        self.grads: list[Any] = []
        self.value: Any = None
        self.name, self.func = name, func
        self.outer.run(self._gradient, (), {})

    def _gradient(self) -> None:
        run = _Run(self.name, self.func, tuple(self.inputs), True)
        run.check_outputs(self.strict)
        out = run.check_scalar()
        if self.strict:
            run.check_routes(0)
        self.grads = run.level.pull([out], [one(out)], keep=True)
        self.value = run.level.release(out)
        for k, (g, node) in enumerate(zip(self.grads, self.outer.nodes, strict=True)):
            if self.strict and not self.outer.depends(g, node):
                raise RuntimeError(
                    f"While computing the {self.name}, found that the jacobian of the "
                    f"user-provided function with respect to input {k} is independent of the "
                    "input. This is not allowed in strict mode. You should ensure that your "
                    "function is twice differentiable."
                )

    def as_inputs(self, values: Any) -> Any:
        """One value an input, in the form of the inputs."""
        return next(iter(values)) if self.single else tuple(values)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function with one output of one element: shape ``input.shape`` twice.

    For a tuple of inputs, a tuple of tuples.

    >>> import chainrule as cr
    >>> cr.autograd.functional.hessian(lambda x: (x ** 3).sum(), cr.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    _check_strategy(outer_jacobian_strategy, vectorize, strict, create_graph, "hessian")
    second = _Second("hessian", func, inputs, create_graph, strict)
    if outer_jacobian_strategy == "forward-mode":
        blocks = joined_columns(second.outer, second.grads)
    else:
        blocks = [joined_rows(second.outer, g, batched=vectorize) for g in second.grads]
    return second.as_inputs([second.as_inputs(row) for row in blocks])


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``(func(inputs), vᵀ·H)`` for a function with one output of one element: reverse twice.

    >>> import chainrule as cr
    >>> x, v = cr.tensor([1.0, 2.0]), cr.tensor([1.0, 1.0])
    >>> cr.autograd.functional.vhp(lambda x: (x ** 3).sum(), x, v)
    (tensor(9.), tensor([ 6., 12.]))
    """
    second = _Second("vhp", func, inputs, create_graph, strict)
    seeds = _vector(v, second.inputs, "input to the user-provided function is")
    product = second.outer.pull(second.grads, seeds, keep=create_graph)
    return second.outer.release(second.value), second.as_inputs(product)


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """``(func(inputs), H·v)`` for a function with one output of one element: forward over reverse.

    >>> import chainrule as cr
    >>> x, v = cr.tensor([1.0, 2.0]), cr.tensor([1.0, 1.0])
    >>> cr.autograd.functional.hvp(lambda x: (x ** 3).sum(), x, v)
    (tensor(9.), tensor([ 6., 12.]))
    """
    second = _Second("hvp", func, inputs, create_graph, strict)
    directions = _vector(v, second.inputs, "input to the user-provided function is")
    product = second.outer.push(second.grads, directions)
    return second.outer.release(second.value), second.as_inputs(product)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
