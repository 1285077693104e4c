"""Gradient checking: an operation's gradients against finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .functional import grad
from .handle import Handle, make
from .tensor import Tensor
from .views import as_array


class GradcheckError(RuntimeError):
    """What ``gradcheck`` raises: which element of which gradient, what was expected, what came."""


def _outputs(result: Any) -> list[Tensor]:
    every = result if isinstance(result, (tuple, list)) else (result,)
    return [o for o in every if isinstance(o, Tensor) and o.requires_grad]


def numerical_jacobian(
    func: Callable[..., Any], inputs: Sequence[Any], at: int, eps: float
) -> list[Any]:
    """D output / d input ``at`` by central differences: one (outputs, inputs) matrix an output."""
    x = as_array(inputs[at])
    columns: list[list[Any]] = []
    for place in np.ndindex(x.shape):
        kept = x[place].item()
        sides = []
        for step in (eps, -eps):
            x[place] = kept + step
            result = func(*inputs)
            every = result if isinstance(result, (tuple, list)) else (result,)
            sides.append([np.array(o._data, np.float64) for o in every if isinstance(o, Tensor)])
        x[place] = kept
        columns.append([(a - b).ravel() / (2 * eps) for a, b in zip(*sides, strict=True)])
    if not columns:
        return []
    return [np.stack([c[k] for c in columns], 1) for k in range(len(columns[0]))]


def analytical_jacobian(output: Tensor, x: Any) -> Any:
    """D output / d input by one backward for each element of the output."""
    rows = []
    for place in np.ndindex(tuple(output.shape)):
        seed = np.zeros(tuple(output.shape), output.dtype.np)
        seed[place] = 1.0
        (g,) = grad(output, x, make(seed), retain_graph=True, allow_unused=True)
        zeros = np.zeros(tuple(x.shape))
        rows.append(zeros.ravel() if g is None else np.array(g._data, np.float64).ravel())
    return np.stack(rows) if rows else np.zeros((0, x.numel()))


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    **ignored: Any,
) -> bool:
    """Compare the gradients of ``func`` with central differences (in float64).

    Raises GradcheckError naming the output, the input and the element that differ, with what was
    expected and what came; with ``raise_exception=False`` it returns False instead.

    >>> import chainrule as cr
    >>> x = cr.tensor([1.0, 2.0], dtype=cr.float64, requires_grad=True)
    >>> cr.autograd.gradcheck(lambda x: x ** 3, (x,))
    True
    """
    given = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    wanted = [k for k, i in enumerate(given) if isinstance(i, Handle) and i.requires_grad]  # type: ignore[attr-defined]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True."
        )
    if any(given[k].dtype.itemsize < 8 for k in wanted):
        warnings.warn(
            "gradcheck: inputs below double precision make finite differences unreliable",
            UserWarning,
            stacklevel=2,
        )
    try:
        _compare(func, given, wanted, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _compare(
    func: Callable[..., Any],
    given: Sequence[Any],
    wanted: list[int],
    eps: float,
    atol: float,
    rtol: float,
) -> None:
    result = func(*given)
    every = result if isinstance(result, (tuple, list)) else (result,)
    tensors = [o for o in every if isinstance(o, Tensor)]
    if not _outputs(result):
        raise ValueError("gradcheck: no output of the function requires grad")
    for k in wanted:
        expected = numerical_jacobian(_detached(func), given, k, eps)
        for j, out in enumerate(tensors):
            if not out.requires_grad or not out.numel() or not given[k].numel():
                continue
            came = analytical_jacobian(out, given[k])
            close = np.isclose(came, expected[j], rtol, atol, equal_nan=True)
            if close.all():
                continue
            worst = np.where(close, -1.0, np.abs(came - expected[j]))
            row, column = np.unravel_index(int(np.nanargmax(worst)), worst.shape)
            raise GradcheckError(
                f"Jacobian mismatch for output {j} with respect to input {k}: d output"
                f"{_place(out, row)} / d input{_place(given[k], column)} should be "
                f"{expected[j][row, column]:.10g} (central difference), backward gave "
                f"{came[row, column]:.10g}; {int((~close).sum())} of {close.size} entries differ"
            )


def _place(t: Any, flat: Any) -> str:
    return str([int(i) for i in np.unravel_index(int(flat), tuple(t.shape))]) if t.ndim else ""


def _detached(func: Callable[..., Any]) -> Callable[..., Any]:
    from .modes import no_grad

    def call(*args: Any) -> Any:
        with no_grad():
            return func(*args)

    return call


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    **ignored: Any,
) -> bool:
    """Compare the gradients of the gradients of ``func`` with central differences.

    >>> import chainrule as cr
    >>> x = cr.tensor([1.0, 2.0], dtype=cr.float64, requires_grad=True)
    >>> cr.autograd.gradgradcheck(lambda x: x.sin(), (x,))
    True
    """
    given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    wanted = [k for k, i in enumerate(given) if isinstance(i, Handle) and i.requires_grad]  # type: ignore[attr-defined]
    outs = _outputs(func(*given))
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        seeds = [make(rng.normal(size=tuple(o.shape)).astype(o.dtype.np)) for o in outs]
        seeds = [s.requires_grad_() for s in seeds]
    else:
        seeds = list(grad_outputs) if isinstance(grad_outputs, (tuple, list)) else [grad_outputs]
    n = len(given)

    def first_order(*args: Any) -> Any:
        from .modes import enable_grad

        with enable_grad():
            xs = args[:n]
            results = _outputs(func(*xs))
            grads = grad(
                results,
                [xs[k] for k in wanted],
                args[n:],
                create_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
        return tuple(g for g in grads if g.requires_grad)

    if not first_order(*given, *seeds):
        return True
    return gradcheck(
        first_order,
        (*given, *seeds),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
    )
