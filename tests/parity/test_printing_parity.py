"""The text of tensors against PyTorch's own repr: shapes, types, kinds of numbers, settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import ml_dtypes  # noqa: E402
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from hypothesis.extra.numpy import array_shapes, arrays  # noqa: E402

import chainrule  # noqa: E402
from chainrule.autograd import printing  # noqa: E402

SHAPES: list[tuple[int, ...]] = [
    (), (0,), (1,), (7,), (40,), (1001,), (2, 3), (3, 1), (0, 3), (2, 0), (5, 300), (300, 5),
    (2, 2, 2), (20, 20, 20), (2, 1, 3, 2), (6, 6, 6, 6), (1, 2000),
]  # fmt: skip
TYPES = [
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool",
    "complex64", "complex128",
]  # fmt: skip
OPTIONS: list[dict[str, Any]] = [
    {}, {"precision": 2}, {"precision": 0}, {"precision": 8}, {"linewidth": 40},
    {"linewidth": 120, "edgeitems": 2}, {"threshold": 10}, {"threshold": 10, "edgeitems": 1},
    {"threshold": 5, "edgeitems": 0}, {"sci_mode": True}, {"sci_mode": False},
    {"profile": "short"}, {"profile": "full"}, {"profile": "short", "linewidth": 60},
]  # fmt: skip

Rng = np.random.Generator
KINDS: dict[str, Callable[[Rng, Any], Any]] = {
    "plain": lambda r, x: x,
    "whole": lambda r, x: np.round(x * 10),
    "spread": lambda r, x: x * 10.0 ** r.integers(-6, 7, size=x.shape),
    "not finite": lambda r, x: np.where(x > 0.5, np.nan, np.where(x < -0.5, -np.inf, x)),
    "large": lambda r, x: np.round(x * 1e5),
    "zeros": lambda r, x: np.where(x > 0, 0.0, np.where(x > -1, -0.0, np.nan)),
    "hundredths": lambda r, x: np.round(x * 100) * 1e-5,
}


def set_both(**options: Any) -> None:
    for module in (torch, printing):
        module.set_printoptions(profile="default")
        module.set_printoptions(**options)


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    set_both()
    yield
    set_both()


def ours(t: Any) -> str:
    plain = t.detach()
    if t.dtype == torch.bfloat16:
        array = plain.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    else:
        array = plain.numpy()
    default = (torch.float32, torch.complex64, torch.int64, torch.bool)
    return printing.tensor_str(
        array,
        dtype_name=str(t.dtype),
        is_default_dtype=t.dtype in default,
        requires_grad=t.requires_grad,
        grad_fn_name=t.grad_fn.name() if t.grad_fn is not None else None,
    )


def tensor(kind: str, shape: tuple[int, ...], dtype: str) -> Any:
    r = np.random.default_rng(len(shape))
    x = np.asarray(KINDS[kind](r, r.standard_normal(shape)))
    if dtype.startswith("complex"):
        x = x + 1j * np.nan_to_num(r.permutation(x.ravel()).reshape(shape), neginf=-3)
    elif not dtype.endswith(("16", "32", "64")) or dtype.startswith("int"):
        x = np.nan_to_num(x, neginf=-5)
    return torch.from_numpy(np.asarray(x)).to(getattr(torch, dtype))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", TYPES)
def test_repr(dtype: str, options: dict[str, Any]) -> None:
    set_both(**options)
    assert printing.get_printoptions() == torch._tensor_str.get_printoptions()
    for shape in SHAPES:
        if options.get("profile") == "full" and math.prod(shape) > 500:
            continue
        for kind in KINDS:
            t = tensor(kind, shape, dtype)
            assert ours(t) == repr(t)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients(shape: tuple[int, ...], dtype: str) -> None:
    leaf = tensor("plain", shape, dtype).requires_grad_()
    for t in (leaf, leaf * 2, (leaf * 2).unsqueeze(0), leaf.detach()):
        assert ours(t) == repr(t)


@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (4, 5)])
def test_parameter(shape: tuple[int, ...]) -> None:
    p = torch.nn.Parameter(torch.ones(shape))
    assert "Parameter containing:\n" + ours(p) == repr(p)


floats = st.floats(width=32) | st.sampled_from([0.0, -0.0, 1.0, 1e8, 1e-4, 1000.0, math.nan])


@given(
    array=arrays(np.float32, array_shapes(min_dims=0, max_dims=3, min_side=0), elements=floats),
    precision=st.integers(0, 10),
    threshold=st.integers(0, 30),
    edgeitems=st.integers(0, 4),
    linewidth=st.integers(1, 120),
    sci_mode=st.none() | st.booleans(),
)
def test_any_floats_and_any_options(array: Any, **options: Any) -> None:
    set_both(**options)
    t = torch.from_numpy(array.copy())
    assert ours(t) == repr(t)


@given(
    array=arrays(
        np.complex64,
        array_shapes(min_dims=0, max_dims=2, min_side=0),
        elements=st.complex_numbers(width=64),
    ),
    threshold=st.integers(0, 30),
    edgeitems=st.integers(0, 4),
    sci_mode=st.none() | st.booleans(),
)
def test_any_complex_numbers(array: Any, **options: Any) -> None:
    set_both(**options)
    t = torch.from_numpy(array.copy())
    assert ours(t) == repr(t)


@pytest.mark.parametrize("value", [1.5, 3, True, [1.5], [[1, 2]], float("nan")])
@pytest.mark.parametrize("spec", ["", ".3f", ">8"])
def test_format_strings(value: Any, spec: str) -> None:
    texts = []
    for lib in (chainrule, torch):
        try:
            texts.append(format(lib.tensor(value), spec))
        except TypeError as error:
            texts.append(str(error))
    assert texts[0] == texts[1]
