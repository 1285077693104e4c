"""The text of a tensor: what PyTorch 2.13 prints, recorded as literals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from chainrule.autograd.printing import get_printoptions, set_printoptions, tensor_str

F32 = np.float32
DEFAULTS = {
    "precision": 4,
    "threshold": 1000,
    "edgeitems": 3,
    "linewidth": 80,
    "sci_mode": None,
}


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    set_printoptions(profile="default")
    yield
    set_printoptions(profile="default")


def text(values: Any, dtype: Any = F32, **kwargs: Any) -> str:
    """What a tensor of these values prints where float32 is the default dtype."""
    array = np.asarray(values, dtype)
    name = array.dtype.name
    default = name in ("float32", "complex64", "int64", "bool")
    return tensor_str(array, dtype_name=f"torch.{name}", is_default_dtype=default, **kwargs)


@pytest.mark.parametrize(
    ("values", "dtype", "want"),
    [
        (3, np.int64, "tensor(3)"),
        (2.5, F32, "tensor(2.5000)"),
        ([1.0, 2.0, 3.0], F32, "tensor([1., 2., 3.])"),
        ([1.5, -2.25], F32, "tensor([ 1.5000, -2.2500])"),
        ([[1.0, -2.0], [3.0, 4.5]], F32,
         "tensor([[ 1.0000, -2.0000],\n        [ 3.0000,  4.5000]])"),
        ([1e-5, 1.0], F32, "tensor([1.0000e-05, 1.0000e+00])"),
        ([1.0, 2000.5], F32, "tensor([1.0000e+00, 2.0005e+03])"),
        ([1.0, 1e9], F32, "tensor([1.0000e+00, 1.0000e+09])"),
        ([0.0, math.nan, math.inf], F32, "tensor([0., nan, inf])"),
        ([1.5, math.nan, -math.inf], F32, "tensor([1.5000,    nan,   -inf])"),
        ([True, False], np.bool_, "tensor([ True, False])"),
        ([[1, -20], [300, 4]], np.int64, "tensor([[  1, -20],\n        [300,   4]])"),
        ([1 + 2j, -0.5j], np.complex64, "tensor([1.+2.0000j, -0.-0.5000j])"),
        ([1.0], np.float64, "tensor([1.], dtype=torch.float64)"),
        ([1, 2], np.uint8, "tensor([1, 2], dtype=torch.uint8)"),
        ([1.25], np.float16, "tensor([1.2500], dtype=torch.float16)"),
        ([1.25], ml_dtypes.bfloat16, "tensor([1.2500], dtype=torch.bfloat16)"),
        (np.arange(1001), np.int64, "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
        (np.arange(30), F32,
         "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n"
         "        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,\n"
         "        28., 29.])"),
        (np.arange(24).reshape(2, 3, 4), np.int64,
         "tensor([[[ 0,  1,  2,  3],\n         [ 4,  5,  6,  7],\n         [ 8,  9, 10, 11]],\n"
         "\n        [[12, 13, 14, 15],\n         [16, 17, 18, 19],\n         [20, 21, 22, 23]]])"),
        ([], F32, "tensor([])"),
        (np.zeros((0, 3)), F32, "tensor([], size=(0, 3))"),
        ([], np.int64, "tensor([], dtype=torch.int64)"),
        ([], np.bool_, "tensor([], dtype=torch.bool)"),
        ([], np.complex64, "tensor([], dtype=torch.complex64)"),
    ],
)  # fmt: skip
def test_values(values: Any, dtype: Any, want: str) -> None:
    assert text(values, dtype) == want


def test_long_rows_are_shortened_and_wrapped() -> None:
    lines = text(np.arange(2000).reshape(20, 100)).split("\n")
    assert lines[:2] == [
        "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,",
        "         9.9000e+01],",
    ]
    assert lines[6] == "        ...,"
    assert len(lines) == 13


def test_gradients() -> None:
    assert text([1.0, 1.0], requires_grad=True) == "tensor([1., 1.], requires_grad=True)"
    assert (
        text([2.0, 2.0], requires_grad=True, grad_fn_name="MulBackward0")
        == "tensor([2., 2.], grad_fn=<MulBackward0>)"
    )
    assert (
        text(np.zeros((3, 0)), np.float64, requires_grad=True)
        == "tensor([], size=(3, 0), dtype=torch.float64, requires_grad=True)"
    )


def test_suffixes_that_do_not_fit_start_a_line() -> None:
    third = np.full(16, 1 / 3)
    row = "tensor([" + ", ".join(["0.3333"] * 9) + ",\n        " + ", ".join(["0.3333"] * 7)
    assert (
        text(third, np.float64, grad_fn_name="DivBackward0")
        == row + "],\n       dtype=torch.float64, grad_fn=<DivBackward0>)"
    )


def test_prefix_sets_the_indentation() -> None:
    got = text([[1, 2], [3, 4]], np.int64, prefix="named(")
    assert got == "named([[1, 2],\n       [3, 4]])"


def test_extras_come_first() -> None:
    got = text(np.zeros((0, 2)), np.float64, extras=("device='cuda:0'",))
    assert got == "tensor([], device='cuda:0', size=(0, 2), dtype=torch.float64)"


@pytest.mark.parametrize(
    ("options", "values", "want"),
    [
        ({"precision": 2}, [math.pi], "tensor([3.14])"),
        ({"precision": 0}, [0.5, 2.0], "tensor([0, 2])"),
        ({"sci_mode": True}, [1.0, -2.0], "tensor([ 1.0000e+00, -2.0000e+00])"),
        ({"sci_mode": True}, [0.0], "tensor([0.])"),
        ({"sci_mode": False}, [1e-5, 1.5], "tensor([0.0000, 1.5000])"),
        ({"linewidth": 20}, [1.0, 2.0, 3.0, 4.0], "tensor([1., 2., 3.,\n        4.])"),
        ({"threshold": 3, "edgeitems": 1}, [1.0, 2.0, 3.0, 400.0], "tensor([  1.,  ..., 400.])"),
        ({"threshold": 3, "edgeitems": 1}, [1.0, 2.5, 3.0, 4.0], "tensor([1.,  ..., 4.])"),
        ({"threshold": 3, "edgeitems": 0}, [1.0, 2.0, 3.0, 4.0], "tensor([...], size=(4,))"),
        ({"edgeitems": 0}, 1.0, "tensor(1., size=())"),
        ({"profile": "short"}, [1 / 3], "tensor([0.33])"),
        ({"profile": "short", "precision": 3}, [1 / 3], "tensor([0.333])"),
    ],
)
def test_options(options: dict[str, Any], values: Any, want: str) -> None:
    set_printoptions(**options)
    assert text(values) == want


def test_full_profile_shows_everything() -> None:
    set_printoptions(profile="full")
    assert "..." not in text(np.zeros(5000))


def test_get_printoptions() -> None:
    assert get_printoptions() == DEFAULTS
    set_printoptions(precision=7, sci_mode=True)
    assert get_printoptions() == {**DEFAULTS, "precision": 7, "sci_mode": True}
    set_printoptions(linewidth=99)  # sci_mode falls back to None whenever it is left out
    assert get_printoptions() == {**DEFAULTS, "precision": 7, "linewidth": 99}
    set_printoptions(profile="FULL")
    assert get_printoptions() == {**DEFAULTS, "threshold": math.inf}


def test_unknown_profile() -> None:
    with pytest.raises(ValueError, match=r"unknown profile 'long'.*'default', 'short', 'full'"):
        set_printoptions(profile="long")
    assert get_printoptions() == DEFAULTS
