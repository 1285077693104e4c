"""Gradient checking: an operation's gradients against finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .gradients import grad
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
    """D output / d input ``at`` by central differences: one (outputs, inputs) matrix an output.

    A complex number counts as two real ones, its parts.
    """
    x = as_array(inputs[at])
    units = (1, 1j) if x.dtype.kind == "c" else (1,)
    columns: list[list[Any]] = []
    for place in np.ndindex(x.shape):
        kept = x[place].item()
        for unit in units:
            sides = []
            for step in (eps * unit, -eps * unit):
                x[place] = kept + step
                result = func(*inputs)
                every = result if isinstance(result, (tuple, list)) else (result,)
                sides.append([_parts(o._data) for o in every if isinstance(o, Tensor)])
            x[place] = kept
            columns.append([(a - b) / (2 * eps) for a, b in zip(*sides, strict=True)])
    if not columns:
        return []
    return [np.stack([c[k] for c in columns], 1) for k in range(len(columns[0]))]


def analytical_jacobian(output: Tensor, x: Any) -> Any:
    """D output / d input by one backward for each element of the output (each part, if complex)."""
    rows = []
    for seed in _units(output):
        (g,) = grad(output, x, make(seed), retain_graph=True, allow_unused=True)
        rows.append(_parts(np.zeros(tuple(x.shape), x.dtype.np) if g is None else g._data))
    return np.stack(rows) if rows else np.zeros((0, x.numel() * (1 + x.is_complex())))


def _units(t: Any) -> Any:
    """Every array like ``t`` that is 1 in one place (complex: 1 or i) and 0 elsewhere."""
    if t.is_complex():
        units: Any = np.eye(2 * t.numel()).view(np.complex128)
    else:
        units = np.eye(t.numel())
    return units.astype(t.dtype.np).reshape(len(units), *t.shape)


def _parts(data: Any) -> Any:
    """The numbers of an array in double precision, complex ones as real and imaginary parts."""
    a = np.asarray(data)
    if a.dtype.kind == "c":
        return np.array(a, np.complex128).ravel().view(np.float64)
    return np.array(a, np.float64).ravel()


class _Options(NamedTuple):
    """What ``gradcheck`` is asked to compare, and how closely."""

    eps: float
    atol: float
    rtol: float
    nondet_tol: float = 0.0
    check_grad_dtypes: bool = False
    check_batched_grad: bool = False
    check_forward_ad: bool = False
    check_backward_ad: bool = True
    fast_mode: bool = False

    def close(self, came: Any, expected: Any) -> Any:
        """Which elements agree."""
        return np.isclose(came, expected, self.rtol, self.atol, equal_nan=True)


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of ``func`` with central differences (in float64, complex128).

    Raises GradcheckError naming the output, the input and the element that differ, with what was
    expected and what came; with ``raise_exception=False`` it returns False instead.
    ``nondet_tol``: how far two backwards may differ; ``fast_mode``: compare in one random direction
    first, element by element only where that differs; ``check_forward_ad``: also forward mode;
    ``check_batched_grad``: also several backwards at once. An output that got no gradient is always
    among what is checked; ``masked`` is about sparse tensors, of which there are none.

    >>> import chainrule as cr
    >>> x = cr.tensor([1.0, 2.0], dtype=cr.float64, requires_grad=True)
    >>> cr.autograd.gradcheck(lambda x: x ** 3, (x,))
    True
    """
    if not (check_backward_ad or check_forward_ad):
        raise ValueError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if check_batched_grad and not check_backward_ad:
        raise ValueError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise ValueError("Setting check_batched_forward_grad=True requires check_forward_ad=True")
    given = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    wanted = [k for k, i in enumerate(given) if isinstance(i, Handle) and i.requires_grad]  # type: ignore[attr-defined]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True."
        )
    if any(given[k].dtype.to_real().itemsize < 8 for k in wanted):
        warnings.warn(
            "gradcheck: inputs below double precision make finite differences unreliable",
            UserWarning,
            stacklevel=2,
        )
    options = _Options(
        eps, atol, rtol, nondet_tol, check_grad_dtypes, check_batched_grad, check_forward_ad,
        check_backward_ad, fast_mode,
    )  # fmt: skip
    try:
        _compare(func, given, wanted, options)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _compare(
    func: Callable[..., Any], given: Sequence[Any], wanted: list[int], options: _Options
) -> None:
    result = func(*given)
    every = result if isinstance(result, (tuple, list)) else (result,)
    tensors = [o for o in every if isinstance(o, Tensor)]
    if not _outputs(result):
        raise ValueError("gradcheck: no output of the function requires grad")
    for k in wanted:
        if options.fast_mode and _agree_in_one_direction(func, tensors, given, k, options):
            continue
        expected = numerical_jacobian(_detached(func), given, k, options.eps)
        forward = _forward_jacobian(func, given, k) if options.check_forward_ad else None
        for j, out in enumerate(tensors):
            if not out.requires_grad or not out.numel() or not given[k].numel():
                continue
            if options.check_backward_ad:
                came = analytical_jacobian(out, given[k])
                _same(came, expected[j], options, j, k, out, given[k], "backward")
                _further(out, given[k], came, options, j, k)
            if forward is not None:
                _same(forward[j], expected[j], options, j, k, out, given[k], "forward mode")


def _same(
    came: Any, expected: Any, options: _Options, j: int, k: int, out: Any, x: Any, who: str
) -> None:
    """Raise where two Jacobians differ, naming the element that differs most."""
    close = options.close(came, expected)
    if close.all():
        return
    worst = np.where(close, -1.0, np.nan_to_num(np.abs(came - expected), nan=np.inf))
    row, column = np.unravel_index(int(np.argmax(worst)), worst.shape)
    raise GradcheckError(
        f"Jacobian mismatch for output {j} with respect to input {k}: d output"
        f"{_place(out, row)} / d input{_place(x, column)} should be "
        f"{expected[row, column]:.10g} (central difference), {who} gave "
        f"{came[row, column]:.10g}; {int((~close).sum())} of {close.size} entries differ"
    )


def _further(out: Tensor, x: Any, came: Any, options: _Options, j: int, k: int) -> None:
    """What else was asked of the backward of one output: repeatable, typed, batched."""
    seed = make(_random(np.random.default_rng(1), out))
    twice = [grad(out, x, seed, retain_graph=True, allow_unused=True)[0] for _ in range(2)]
    first, second = (np.zeros(1) if g is None else np.asarray(g._data) for g in twice)
    apart = np.abs(first - second)[np.isfinite(first) & np.isfinite(second)].max(initial=0)
    if apart > options.nondet_tol:
        raise GradcheckError(
            f"Backward is not reentrant: for output {j} and input {k}, two backwards with the same "
            f"gradient differ by {apart:.3g}, although backward matches the central difference. "
            f"The tolerance for nondeterminism was {options.nondet_tol}."
        )
    seeds = _units(out)
    if options.check_grad_dtypes:
        (g,) = grad(out, x, make(seeds[0]), retain_graph=True, allow_unused=True)
        if g is not None and g.dtype is not x.dtype:
            raise GradcheckError(
                f"Gradient of output {j} has dtype {g.dtype}, its input {k} has {x.dtype}"
            )
    if options.check_batched_grad:
        (g,) = grad(
            out, x, make(seeds), retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        rows = np.zeros_like(came) if g is None else _parts(g._data).reshape(came.shape)
        if not options.close(rows, came).all():
            raise GradcheckError(
                f"Batched backward of output {j} differs from one at a time, for input {k}"
            )


def _forward_jacobian(func: Callable[..., Any], given: Sequence[Any], at: int) -> list[Any]:
    """D output / d input ``at`` by forward mode, one direction an element."""
    from .func import jvp

    def of_one(x: Any) -> Any:
        result = func(*given[:at], x, *given[at + 1 :])
        every = result if isinstance(result, (tuple, list)) else (result,)
        return tuple(o for o in every if isinstance(o, Tensor))

    x = given[at].detach()
    columns = []
    for direction in _units(x):
        _, tangents = jvp(of_one, (x,), (make(direction),))
        columns.append([_parts(t._data) for t in tangents])
    return [np.stack([c[j] for c in columns], 1) for j in range(len(columns[0]) if columns else 0)]


def _agree_in_one_direction(
    func: Callable[..., Any],
    tensors: Sequence[Any],
    given: Sequence[Any],
    k: int,
    options: _Options,
) -> bool:
    """Whether vᵀ·J·u is the same by central difference and by backward, u and v drawn at random."""
    if given[k].is_complex() or any(t.is_complex() for t in tensors):
        return False  # element by element at once
    draw = np.random.default_rng(0)
    x = as_array(given[k])
    u = np.asarray(draw.normal(size=x.shape))
    u = u / max(float(np.linalg.norm(u)), 1e-30)
    kept, sides = x.copy(), []
    for step in (options.eps, -options.eps):
        x[...] = kept + step * u
        result = _detached(func)(*given)
        every = result if isinstance(result, (tuple, list)) else (result,)
        sides.append([np.array(o._data) for o in every if isinstance(o, Tensor)])
    x[...] = kept
    for out, a, b in zip(tensors, *sides, strict=True):
        if not out.requires_grad:
            continue
        v = np.asarray(draw.normal(size=a.shape)).astype(a.dtype)
        expected = (v * (a - b)).sum() / (2 * options.eps)
        (g,) = grad(out, given[k], make(v), retain_graph=True, allow_unused=True)
        came = 0.0 if g is None else (np.array(g._data) * u).sum()
        if not options.close(came, expected):
            return False
    return not options.check_forward_ad


def _place(t: Any, flat: Any) -> str:
    if t.is_complex():
        return f"{_index(t, flat // 2)}.{'imag' if flat % 2 else 'real'}"
    return _index(t, flat)


def _index(t: Any, flat: Any) -> str:
    return str([int(i) for i in np.unravel_index(int(flat), tuple(t.shape))]) if t.ndim else ""


def _random(rng: Any, t: Any) -> Any:
    draws = rng.normal(size=tuple(t.shape))
    if t.is_complex():
        draws = draws + 1j * rng.normal(size=tuple(t.shape))
    return np.asarray(draws).astype(t.dtype.np)


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
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
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
        laid = np.asfortranarray if gen_non_contig_grad_outputs else np.ascontiguousarray
        drawn = [laid(_random(rng, o)).reshape(o.shape) for o in outs]
        seeds = [make(d) for d in drawn]
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
        nondet_tol=nondet_tol,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
    )
