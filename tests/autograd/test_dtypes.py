"""Dtypes: how they meet, against a table taken from PyTorch 2.13; names, defaults, conversions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import chainrule as cr

NAMES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128"
EVERY = [getattr(cr, name) for name in NAMES.split()]
WORDS = "b u8 i8 i16 i32 i64 f16 bf16 f32 f64 c64 c128"
SHORT = dict(zip(WORDS.split(), EVERY, strict=True))

# promote_types(row, column): rows and columns in the order of NAMES.
TABLE = """
   b   u8   i8  i16  i32  i64  f16 bf16  f32  f64  c64 c128
  u8   u8  i16  i16  i32  i64  f16 bf16  f32  f64  c64 c128
  i8  i16   i8  i16  i32  i64  f16 bf16  f32  f64  c64 c128
 i16  i16  i16  i16  i32  i64  f16 bf16  f32  f64  c64 c128
 i32  i32  i32  i32  i32  i64  f16 bf16  f32  f64  c64 c128
 i64  i64  i64  i64  i64  i64  f16 bf16  f32  f64  c64 c128
 f16  f16  f16  f16  f16  f16  f16  f32  f32  f64  c64 c128
bf16 bf16 bf16 bf16 bf16 bf16  f32 bf16  f32  f64  c64 c128
 f32  f32  f32  f32  f32  f32  f32  f32  f32  f64  c64 c128
 f64  f64  f64  f64  f64  f64  f64  f64  f64  f64 c128 c128
 c64  c64  c64  c64  c64  c64  c64  c64  c64 c128  c64 c128
c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128
"""
# A tensor with dimensions of the row's type meets: 0-d bool, int64, float64 and complex128 tensors;
# then the Python numbers True, 2, 1.5 and 1j. (PyTorch has a complex32, here complex64.)
LOWER = """
   b  i64  f64 c128    b  i64  f32  c64
  u8   u8  f64 c128   u8   u8  f32  c64
  i8   i8  f64 c128   i8   i8  f32  c64
 i16  i16  f64 c128  i16  i16  f32  c64
 i32  i32  f64 c128  i32  i32  f32  c64
 i64  i64  f64 c128  i64  i64  f32  c64
 f16  f16  f16  c64  f16  f16  f16  c64
bf16 bf16 bf16  c64 bf16 bf16 bf16  c64
 f32  f32  f32  c64  f32  f32  f32  c64
 f64  f64  f64 c128  f64  f64  f64 c128
 c64  c64  c64  c64  c64  c64  c64  c64
c128 c128 c128 c128 c128 c128 c128 c128
"""
OTHERS = [
    lambda: cr.tensor(True), lambda: cr.tensor(2), lambda: cr.tensor(1.5, dtype=cr.float64),
    lambda: cr.tensor(1.0, dtype=cr.complex128), lambda: True, lambda: 2, lambda: 1.5, lambda: 1j,
]  # fmt: skip


def rows(table: str) -> list[list[Any]]:
    return [[SHORT[word] for word in line.split()] for line in table.strip().splitlines()]


def test_promote_types() -> None:
    for a, row in zip(EVERY, rows(TABLE), strict=True):
        for b, expected in zip(EVERY, row, strict=True):
            assert cr.promote_types(a, b) is expected, (a, b)


@pytest.mark.parametrize("a", EVERY, ids=repr)
def test_tensors_meet(a: Any) -> None:
    """Two tensors with dimensions, or two without: the table."""
    for b, expected in zip(EVERY, rows(TABLE)[EVERY.index(a)], strict=True):
        for shape in ((2,), ()):
            x, y = cr.ones(shape, dtype=a), cr.ones(shape, dtype=b)
            assert (x * y).dtype is expected
            assert cr.stack([x, y]).dtype is expected
            assert cr.where(cr.tensor(True), x, y).dtype is expected


@pytest.mark.parametrize("a", EVERY, ids=repr)
def test_lower_priorities(a: Any) -> None:
    """A tensor with dimensions meets 0-d tensors and Python numbers."""
    for other, expected in zip(OTHERS, rows(LOWER)[EVERY.index(a)], strict=True):
        for product in (cr.ones(2, dtype=a) * other(), other() * cr.ones(2, dtype=a)):
            assert product.dtype is expected, (a, other())


def test_a_0d_tensor_meets_numbers_as_one_with_dimensions_does() -> None:
    for a, row in zip(EVERY, rows(LOWER), strict=True):
        for other, expected in zip(OTHERS[4:], row[4:], strict=True):
            assert (cr.ones((), dtype=a) * other()).dtype is expected, (a, other())


def test_integers_in_real_functions_become_the_default_dtype() -> None:
    for default in (cr.float32, cr.float64):
        cr.set_default_dtype(default)
        for a in (cr.bool, cr.uint8, cr.int64):
            assert cr.ones(2, dtype=a).exp().dtype is default
            assert (cr.ones(2, dtype=a) / 2).dtype is default
            assert cr.ones(2, dtype=a).sum().dtype is cr.int64


def test_numpy_never_decides() -> None:
    """Results that NumPy would have widened."""
    x = cr.ones(2, dtype=cr.float32)
    assert (x * np.float64(2.0)).dtype is cr.float32
    assert (x + cr.tensor(1)).dtype is cr.float32
    assert (cr.ones(2, dtype=cr.int32) * x).dtype is cr.float32
    assert (x > 0).sum().dtype is cr.int64
    assert x.mean().dtype is cr.float32
    assert (x * x).sum().dtype is cr.float32


def test_casting_and_names() -> None:
    for a, b in itertools.product(EVERY, EVERY):
        assert cr.can_cast(a, b) == (a.category <= b.category)
    assert [repr(d) for d in EVERY[:3]] == ["torch.bool", "torch.uint8", "torch.int8"]
    assert cr.float is cr.float32
    assert cr.long is cr.int64
    assert cr.half is cr.float16
    assert cr.float64.itemsize == 8
    assert cr.float32.is_floating_point
    assert not cr.int8.is_floating_point
    assert cr.complex64.is_complex
    assert not cr.uint8.is_signed
    with pytest.raises(TypeError, match="floating-point"):
        cr.set_default_dtype(cr.int64)
    with pytest.raises(TypeError, match="expected a dtype"):
        cr.zeros(2, dtype="quaternion")


def test_gradients_come_back_in_the_type_of_the_input() -> None:
    x = cr.ones(2, dtype=cr.float32, requires_grad=True)
    w = cr.tensor([1.0, 2.0], dtype=cr.float64, requires_grad=True)
    s = cr.tensor(3.0, dtype=cr.float16, requires_grad=True)
    y = x.to(cr.float64) * w * s
    assert y.dtype is cr.float64
    y.sum().backward()
    assert [t.grad.dtype for t in (x, w, s)] == [cr.float32, cr.float64, cr.float16]
    assert [t.grad.tolist() for t in (x, w, s)] == [[3.0, 6.0], [3.0, 3.0], 3.0]
    (gx,) = cr.autograd.grad((x * w).sum(), x, create_graph=True)
    assert gx.dtype is cr.float32


def test_conversions() -> None:
    x = cr.tensor([-1.7, 0.0, 2.9])
    assert x.to(cr.int64).tolist() == [-1, 0, 2]
    assert x.bool().tolist() == [True, False, True]
    assert x.to(cr.float32) is x
    assert x.to(cr.float32, copy=True) is not x
    assert x.double().dtype is cr.float64
    assert x.to("cpu", cr.float64).dtype is cr.float64
    assert x.to(cr.arange(2)).dtype is cr.int64
    assert cr.tensor([1.5, 2.5]).bfloat16().tolist() == [1.5, 2.5]
    assert cr.tensor([0.1], dtype=cr.float64).item() == 0.1
