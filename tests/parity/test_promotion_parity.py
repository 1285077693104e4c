"""Which dtype results have: every pair of dtypes, as tensors, 0-d tensors and Python numbers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import chainrule as cr  # noqa: E402

REAL = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32"]
REAL += ["float64"]
EVERY = [*REAL, "complex64", "complex128"]
NUMBERS: list[Any] = [True, 2, 1.5]

# What promotes like addition is here once for each way that the table of operations has.
BINARY = ["add", "mul", "div", "maximum", "eq", "lt", "remainder", "floor_divide"]
UNARY = ["exp", "log", "sqrt", "sin", "tanh", "sigmoid", "neg", "abs", "square", "reciprocal"]
UNARY += ["sum", "isnan", "logical_not", "sign", "erf", "argmax", "amax", "rsqrt"]
# PyTorch refuses these types; the answer is plain all the same.
TAKES_MORE = {("abs", "bool"), ("maximum", "number")}


def pair(dtype: str, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The same ones in both libraries."""
    return (
        cr.ones(shape, dtype=getattr(cr, dtype)),
        torch.ones(shape, dtype=getattr(torch, dtype)),
    )


def outcome(f: Any) -> str:
    """The dtype of a result, or that it raised."""
    try:
        result = f()
    except (RuntimeError, TypeError, ValueError):
        return "raises"
    return repr(result if isinstance(result, (cr.dtype, torch.dtype)) else result.dtype)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("first", REAL)
def test_tensors(name: str, first: str) -> None:
    wrong = []
    for second, left, right in itertools.product(REAL, [(2,), ()], [(2,), ()]):
        (a, ta), (b, tb) = pair(first, left), pair(second, right)
        ours = outcome(lambda a=a, b=b: getattr(cr, name)(a, b))
        theirs = outcome(lambda a=ta, b=tb: getattr(torch, name)(a, b))
        if ours != theirs:
            wrong.append(f"{first}{left} {second}{right}: {ours}, PyTorch {theirs}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("first", REAL)
def test_numbers(name: str, first: str) -> None:
    if name == "maximum":
        return  # of tensors only
    wrong = []
    for number, shape in itertools.product(NUMBERS, [(2,), ()]):
        a, ta = pair(first, shape)
        ours = outcome(lambda a=a, n=number: getattr(cr, name)(a, n))
        theirs = outcome(lambda a=ta, n=number: getattr(torch, name)(a, n))
        if ours != theirs:
            wrong.append(f"{first}{shape} {number}: {ours}, PyTorch {theirs}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("default", ["float32", "float64"])
def test_numbers_follow_the_default_dtype(default: str) -> None:
    cr.set_default_dtype(getattr(cr, default))
    torch.set_default_dtype(getattr(torch, default))
    try:
        for dtype in ("bool", "int64", "float16", "float32", "float64"):
            a, ta = pair(dtype, (2,))
            assert outcome(lambda a=a: a * 1.5) == outcome(lambda a=ta: a * 1.5)
            assert outcome(lambda a=a: 2 / a) == outcome(lambda a=ta: 2 / a)
            assert outcome(lambda a=a: a.exp()) == outcome(lambda a=ta: a.exp())
        assert repr(cr.tensor(1.5).dtype) == repr(torch.tensor(1.5).dtype)
        assert repr(cr.ones(1).dtype) == repr(torch.ones(1).dtype)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("shape", [(2,), ()])
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, shape: tuple[int, ...]) -> None:
    wrong = []
    for dtype in REAL:
        if (name, dtype) in TAKES_MORE:
            continue
        a, ta = pair(dtype, shape)
        ours = outcome(lambda a=a: getattr(cr, name)(a))
        theirs = outcome(lambda a=ta: getattr(torch, name)(a))
        if ours != theirs:
            wrong.append(f"{dtype}: {ours}, PyTorch {theirs}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["gelu", "leaky_relu", "relu", "softmax", "log_softmax"])
def test_activations(name: str) -> None:
    more = {"dim": -1} if "softmax" in name else {}
    for dtype, shape in itertools.product(
        ["float16", "bfloat16", "float32", "float64"], [(2,), ()]
    ):
        a, ta = pair(dtype, shape)
        ours = outcome(lambda a=a: getattr(cr.nn.functional, name)(a, **more))
        assert ours == outcome(lambda a=ta: getattr(torch.nn.functional, name)(a, **more)), dtype


@pytest.mark.parametrize("first", REAL)
def test_joining_and_choosing(first: str) -> None:
    wrong = []
    for second, shape in itertools.product(REAL, [(2,), ()]):
        (a, ta), (b, tb) = pair(first, shape), pair(second, shape)
        calls: dict[str, Any] = {
            "stack": lambda m, a, b: m.stack([a, b]),
            "where": lambda m, a, b: m.where(m.ones(2, dtype=m.bool), a, b),
            "clamp": lambda m, a, b: m.clamp(a, b, b),
        }
        if shape:
            calls["cat"] = lambda m, a, b: m.cat([a, b])
        for name, call in calls.items():
            if name == "clamp" and "bool" in (first, second):
                continue  # PyTorch clamps no booleans
            ours = outcome(lambda call=call, a=a, b=b: call(cr, a, b))
            theirs = outcome(lambda call=call, a=ta, b=tb: call(torch, a, b))
            if ours != theirs:
                wrong.append(f"{name} {first} {second}{shape}: {ours}, PyTorch {theirs}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("first", REAL)
def test_where_with_numbers(first: str) -> None:
    for number, shape in itertools.product(NUMBERS, [(2,), ()]):
        a, ta = pair(first, shape)
        for call in (
            lambda m, a, n: m.where(m.ones(2, dtype=m.bool), a, n),
            lambda m, a, n: m.where(m.ones(2, dtype=m.bool), n, a),
        ):
            ours = outcome(lambda call=call, a=a, n=number: call(cr, a, n))
            assert ours == outcome(lambda call=call, a=ta, n=number: call(torch, a, n)), (a, number)


@pytest.mark.parametrize("first", EVERY)
def test_promote_types(first: str) -> None:
    for second in EVERY:
        ours = outcome(lambda s=second: cr.promote_types(getattr(cr, first), getattr(cr, s)))
        theirs = torch.promote_types(getattr(torch, first), getattr(torch, second))
        assert ours == repr(theirs), (first, second)
        ours_cast = cr.can_cast(getattr(cr, first), getattr(cr, second))
        assert ours_cast == torch.can_cast(getattr(torch, first), getattr(torch, second))


@pytest.mark.parametrize("first", REAL)
def test_in_place(first: str) -> None:
    """The result stays in the type of the tensor, or both refuse."""
    wrong = []
    for second, left, right in itertools.product(REAL, [(2,), ()], [(2,), ()]):
        (a, ta), (b, tb) = pair(first, left), pair(second, right)
        for name in ("add_", "mul_", "div_", "copy_"):
            ours = outcome(lambda a=a, b=b, name=name: getattr(a.clone(), name)(b))
            theirs = outcome(lambda a=ta, b=tb, name=name: getattr(a.clone(), name)(b))
            if ours != theirs:
                wrong.append(f"{first}{left}.{name} {second}{right}: {ours}, PyTorch {theirs}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("first", REAL)
def test_conversions(first: str) -> None:
    """Values and types of every conversion."""
    values = np.array([-1.7, 0.0, 0.5, 1.0, 2.9, 100.0])
    if first == "bool" or first.startswith("uint"):
        values = np.abs(values)
    ours, theirs = cr.from_numpy(values), torch.from_numpy(values)
    ours, theirs = ours.to(getattr(cr, first)), theirs.to(getattr(torch, first))
    for second in REAL:
        if second == "uint8" and first != "bool":
            start, torch_start = ours.abs(), theirs.abs()
        else:
            start, torch_start = ours, theirs
        a, b = start.to(getattr(cr, second)), torch_start.to(getattr(torch, second))
        assert repr(a.dtype) == repr(b.dtype)
        assert a.double().tolist() == b.double().tolist(), second


@pytest.mark.parametrize("first", [d for d in REAL if "float" in d])
def test_gradients_keep_the_type_of_their_tensor(first: str) -> None:
    for second, shape in itertools.product([d for d in REAL if "float" in d], [(2,), ()]):
        a, b = pair(first, (2,))[0].requires_grad_(), pair(second, shape)[0].requires_grad_()
        (a * b + a / b).sum().backward()
        assert a.grad is not None
        assert b.grad is not None
        assert (a.grad.dtype, b.grad.dtype) == (a.dtype, b.dtype)
        assert (a.grad.shape, b.grad.shape) == (a.shape, b.shape)
