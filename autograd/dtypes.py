"""Data types, their promotion, and the default floating type: PyTorch's rules on NumPy's types.

Promotion has categories (bool < integer < floating < complex) and priorities: a tensor with
dimensions decides before a 0-d tensor, which decides before a Python number; a lower priority only
matters when its category is higher. NumPy's own rules differ and are never used between tensors.

Source: the PyTorch documentation, "Tensor Attributes: torch.dtype".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ml_dtypes
import numpy as np


class dtype:
    """A data type, compared by identity; its name prints as PyTorch's.

    >>> import chainrule as cr
    >>> cr.float32, cr.float32.is_floating_point, cr.float32.itemsize
    (torch.float32, True, 4)
    """

    __slots__ = ("category", "is_complex", "is_floating_point", "itemsize", "name", "np", "rank")
    itemsize: int

    def __init__(self, name: str, np_type: Any, category: int, rank: int) -> None:
        self.name, self.np, self.category, self.rank = name, np.dtype(np_type), category, rank
        self.itemsize = self.np.itemsize
        self.is_floating_point, self.is_complex = category == 2, category == 3

    @property
    def is_signed(self) -> bool:
        """Whether the type holds negative numbers."""
        return self.name != "bool" and not self.name.startswith("uint")

    def to_complex(self) -> dtype:
        """The complex type of this precision."""
        return self if self.is_complex else (complex128 if self is float64 else complex64)

    def to_real(self) -> dtype:
        """The real type of this precision."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_by_name, (self.name,))


def _by_name(name: str) -> dtype:
    return BY_NAME[name]


bool_ = dtype("bool", np.bool_, 0, 0)
uint8 = dtype("uint8", np.uint8, 1, 1)
int8 = dtype("int8", np.int8, 1, 1)
int16 = dtype("int16", np.int16, 1, 2)
int32 = dtype("int32", np.int32, 1, 3)
int64 = dtype("int64", np.int64, 1, 4)
uint16 = dtype("uint16", np.uint16, 1, 2)
uint32 = dtype("uint32", np.uint32, 1, 3)
uint64 = dtype("uint64", np.uint64, 1, 4)
float16 = dtype("float16", np.float16, 2, 1)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, 2, 1)
float32 = dtype("float32", np.float32, 2, 2)
float64 = dtype("float64", np.float64, 2, 3)
complex64 = dtype("complex64", np.complex64, 3, 2)
complex128 = dtype("complex128", np.complex128, 3, 3)

ALL: tuple[dtype, ...] = (bool_, uint8, int8, int16, int32, int64, uint16, uint32, uint64)
ALL += (float16, bfloat16, float32, float64, complex64, complex128)
BY_NAME = {d.name: d for d in ALL}
BY_NP: dict[Any, dtype] = {d.np: d for d in ALL}
PYTHON: dict[Any, dtype] = {bool: bool_, int: int64, float: float64, complex: complex128}
F32: Any = np.dtype(np.float32)
F64: Any = np.dtype(np.float64)
ALIASES = {"half": float16, "float": float32, "double": float64, "cfloat": complex64}
ALIASES |= {"cdouble": complex128, "short": int16, "int": int32, "long": int64, "bool": bool_}

_default = float32


def set_default_dtype(d: Any) -> None:
    """Choose the type that Python floats become: a floating-point dtype, float32 at the start.

    >>> import chainrule as cr
    >>> cr.set_default_dtype(cr.float64); cr.tensor(1.5).dtype
    torch.float64
    >>> cr.set_default_dtype(cr.float32)
    """
    global _default
    d = as_dtype(d)
    if not d.is_floating_point:
        raise TypeError(f"set_default_dtype: only floating-point types are supported, got {d}")
    _default = d


def get_default_dtype() -> dtype:
    """The type that Python floats become.

    >>> import chainrule as cr
    >>> cr.get_default_dtype()
    torch.float32
    """
    return _default


def as_dtype(d: Any) -> dtype:
    """A dtype from a dtype, a Python type, or a NumPy type."""
    if isinstance(d, dtype):
        return d
    if d in PYTHON:
        return get_default_dtype() if d is float else PYTHON[d]
    try:
        found = BY_NP.get(np.dtype(d))
    except TypeError:
        found = None
    if found is None:
        names = ", ".join(BY_NAME)
        raise TypeError(f"expected a dtype, got {d!r} ({type(d).__name__}); the types are {names}")
    return found


def of(raw: Any) -> dtype:
    """The dtype of raw data: an array, a NumPy scalar or a Python float (float64)."""
    if type(raw) is float:
        return float64
    return BY_NP.get(raw.dtype) or as_dtype(raw.dtype)


def promote_types(type1: Any, type2: Any) -> dtype:
    """The smallest type that both convert to by PyTorch's table.

    >>> import chainrule as cr
    >>> cr.promote_types(cr.int64, cr.float16), cr.promote_types(cr.uint8, cr.int8)
    (torch.float16, torch.int16)
    """
    a, b = as_dtype(type1), as_dtype(type2)
    if a is b:
        return a
    if a.category != b.category:
        low, high = (a, b) if a.category < b.category else (b, a)
        return promote_types(low.to_complex(), high) if low.is_floating_point else high
    if {a.name, b.name} == {"float16", "bfloat16"}:
        return float32
    if a.category == 1 and a.is_signed != b.is_signed:
        unsigned, signed = (b, a) if a.is_signed else (a, b)
        if unsigned is not uint8:
            raise RuntimeError(f"Promotion for {a} and {b} is not supported")
        return int16 if signed is int8 else signed
    return a if a.rank >= b.rank else b


def result_type(raws: Iterable[Any], numbers: Iterable[Any] = ()) -> dtype:
    """The type in which tensors' data and Python numbers meet: categories, then priorities."""
    best: list[dtype | None] = [None, None, None]  # with dimensions, 0-d, Python number
    for raw in raws:
        level, d = (1, float64) if type(raw) is float else (0 if raw.ndim else 1, of(raw))
        old = best[level]
        best[level] = d if old is None else promote_types(old, d)
    for number in numbers:
        d = PYTHON[type(number)]
        d = _default if d is float64 else _default.to_complex() if d is complex128 else d
        old = best[2]
        best[2] = d if old is None else promote_types(old, d)
    found = [d for d in best if d is not None]
    if not found:
        raise TypeError("result_type: expected at least one tensor or number")
    out = found[0]
    for d in found[1:]:
        if d.category > out.category:  # a lower priority matters only by its category
            out = out.to_complex() if d.is_complex and out.is_floating_point else d
    return out


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a result of one type may be written to another: not to a lower category.

    >>> import chainrule as cr
    >>> cr.can_cast(cr.float64, cr.float32), cr.can_cast(cr.float32, cr.int64)
    (True, False)
    """
    a, b = as_dtype(from_), as_dtype(to)
    return a.category <= b.category
