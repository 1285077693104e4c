"""Complex numbers: their parts, conjugates, angles, and the views between pairs and numbers.

The gradient of a real L with respect to complex z is ∂L/∂Re z + i·∂L/∂Im z, the direction of
steepest ascent, as PyTorch has it. Operations here are not holomorphic, and say their own rules.

Source: K. Kreutz-Delgado, "The Complex Gradient Operator and the CR-Calculus" (2009).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, views
from ..declare import Array, export, names, op
from .forms import offered
from .join import select
from .shape import PROPERTIES, transpose

_COMPLEX = {"float32": np.complex64, "float64": np.complex128}


def is_complex(value: Any) -> bool:
    """Whether a tensor or an array holds complex numbers; names and plain numbers do not."""
    kind = getattr(value, "dtype", None)
    return kind is not None and (kind.kind == "c" if type(kind).__module__ != dtypes.__name__
                                 else kind.is_complex)  # fmt: skip


# -- conjugates ---------------------------------------------------------------------------------


@op(
    {"input": lambda g: conj(g)},
    name="conj",
    where=(),
    linear_in=("input",),
    complex_rules="same",
    symbol="conj",
    tex=r"\overline{{{0}}}",
)
def conj_op(input: Array) -> Any:
    """The complex conjugate, elementwise."""
    return np.conjugate(input)


def conj(input: Any) -> Any:
    """The complex conjugate; what is real stays the object it is."""
    return conj_op(input) if is_complex(input) else input


conj.op = conj_op.op  # type: ignore[attr-defined]  # as the builders do
conj_op.op.call = conj


@offered("torch", "tensor", name="conj")
def conj_function(input: Any) -> Any:
    """The complex conjugate a − b·i, elementwise; real tensors come back as they are.

    It is computed at once (PyTorch marks a view as conjugated), so ``is_conj`` is always False.

    >>> import chainrule as cr
    >>> cr.conj(cr.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return conj(input)


conj_op.op.function = conj_function


@offered("torch", "tensor")
def conj_physical(input: Any) -> Any:
    """The complex conjugate (see ``conj``).

    >>> import chainrule as cr
    >>> cr.conj_physical(cr.tensor([2j]))
    tensor([0.-2.j])
    """
    return conj(input)


@export("torch", "tensor")
def conj_physical_(input: Any) -> Any:
    """``conj_physical``, written into the tensor itself."""
    return views.write(input, conj(input), "conj_physical_") if is_complex(input) else input


for _name, _what in (("resolve_conj", "conjugated"), ("resolve_neg", "negated")):

    def _resolved(input: Any) -> Any:
        return input

    _resolved.__name__ = _name
    _resolved.__doc__ = f"The tensor itself: nothing is ever left to be {_what}."
    offered("torch", "tensor", name=_name)(_resolved)

for _name, _what in (("is_conj", "conjugate"), ("is_neg", "negative")):

    def _never(input: Any) -> bool:
        return False

    _never.__name__ = _name
    _never.__doc__ = f"False: memory never holds the {_what} of what a tensor means."
    offered("torch", "tensor", name=_name)(_never)


def _adjoint(name: str, input: Any) -> Any:
    if input.ndim == 1 or (name == "tensor.H" and input.ndim > 2):
        what = "matrices (2-D tensors)" if name == "tensor.H" else "matrices or batches of matrices"
        raise RuntimeError(f"{name} is only supported on {what}. Got {input.ndim}-D tensor.")
    return conj(transpose(input, -2, -1)) if input.ndim else conj(input)


@offered("torch", "tensor")
def adjoint(input: Any) -> Any:
    """The conjugate transpose of a matrix, or of each of a batch (…, m, n) → (…, n, m).

    >>> import chainrule as cr
    >>> cr.adjoint(cr.tensor([[1j, 2.0]]))
    tensor([[0.-1.j],
            [2.-0.j]])
    """
    return _adjoint("tensor.adjoint()", input)


PROPERTIES["H"] = lambda self: _adjoint("tensor.H", self)
PROPERTIES["mH"] = lambda self: _adjoint("tensor.mH", self)


def mH(x: Any) -> Any:
    """The conjugate transpose inside a rule; of real matrices the transpose."""
    return conj(x.mT)


# -- parts --------------------------------------------------------------------------------------


@op(
    {"input": 1},  # the walker makes it complex again
    name="real",
    where=(),
    view=True,
    promote="keep",
    linear_in=("input",),
    complex_rules="same",
    symbol="Re",
    tex=r"\operatorname{{Re}} {0}",
)
def real_op(input: Array) -> Any:
    """The real parts, a view; real numbers as they are."""
    return input.real if is_complex(input) else input


@op(
    {"input": lambda g: complex_op(0.0 * g, g)},
    name="imag",
    where=(),
    view=True,
    promote="keep",
    linear_in=("input",),
    complex_rules="same",
    symbol="Im",
    tex=r"\operatorname{{Im}} {0}",
)
def imag_op(input: Array) -> Any:
    """The imaginary parts, a view; 0 of real numbers."""
    return input.imag if is_complex(input) else 0.0 * input


@op(
    {"real": lambda g: real_op(g), "imag": lambda g: imag_op(g)},
    name="complex",
    where=(),
    promote="keep",
    linear_in=("real", "imag"),
    complex_rules="same",
    tex=r"{0} + {1}\,i",
)
def complex_op(real: Array, imag: Array) -> Any:
    """Complex numbers from their parts, broadcast."""
    kind = _COMPLEX[dtypes.of(real).name]
    shape = np.broadcast_shapes(np.shape(real), np.shape(imag))
    out: Any = np.empty(shape, kind)
    out.real, out.imag = real, imag
    return out[()] if not shape else out


@offered("torch", "tensor", name="real")
def real(input: Any) -> Any:
    """The real parts of complex numbers, a view; a real tensor itself.

    >>> import chainrule as cr
    >>> cr.real(cr.tensor([1 + 2j]))
    tensor([1.])
    """
    return real_op(input) if is_complex(input) else input


@offered("torch", "tensor", name="imag")
def imag(input: Any) -> Any:
    """The imaginary parts of complex numbers, a view. Raises RuntimeError for real tensors.

    >>> import chainrule as cr
    >>> cr.imag(cr.tensor([1 + 2j]))
    tensor([2.])
    """
    if not is_complex(input):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return imag_op(input)


real_op.op.function, imag_op.op.function = real, imag


def _part(read: Any) -> Any:
    """The attribute: read as a view, set by writing into that view."""

    def put(self: Any, value: Any) -> None:
        names["tensor"]["copy_"](
            read(self), value if hasattr(value, "_data") else names["torch"]["tensor"](value)
        )

    return property(read, put, doc=read.__doc__)


for _name, _read in (("real", real), ("imag", imag)):
    del names["tensor"][_name]  # attributes, not methods
    PROPERTIES[_name] = _part(_read)


def same_parts(name: str, first: Any, second: Any) -> None:
    """Raise RuntimeError where two tensors cannot be the parts of complex numbers."""
    for t in (first, second):
        if t.dtype.name not in _COMPLEX:
            raise RuntimeError(
                "Expected both inputs to be Half, Float or Double tensors but got "
                f"{views.type_word(first.dtype)} and {views.type_word(second.dtype)} "
                f"({name}; halves have no complex type here)"
            )
    if first.dtype is not second.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {views.type_word(first.dtype)} but got scalar type "
            f"{views.type_word(second.dtype)} for second argument ({name})"
        )


@offered("torch", name="complex")
def complex_function(real: Any, imag: Any) -> Any:
    """The numbers real + imag·i from two float32 tensors (complex64) or float64 ones (complex128).

    >>> import chainrule as cr
    >>> cr.complex(cr.tensor([1.0]), cr.tensor([2.0]))
    tensor([1.+2.j])
    """
    same_parts("complex", real, imag)
    return complex_op(real, imag)


complex_op.op.function = complex_function


def real_part(value: Any) -> Any:
    """The real parts inside a rule; what is real as it is."""
    return real_op(value) if is_complex(value) else value


# -- views between numbers and pairs ------------------------------------------------------------


@op(
    {"input": lambda g: complex_op(select(g, -1, 0), select(g, -1, 1))},
    name="view_as_real",
    where=(),
    view=True,
    promote="keep",
    linear_in=("input",),
    complex_rules="same",
)
def as_pairs(input: Array) -> Any:
    """Complex numbers (…) as pairs of real ones (…, 2), in the same memory."""
    a = np.asarray(input)
    return a[..., None].view(a.real.dtype)


@op(
    {"input": lambda g: as_pairs(g)},
    name="view_as_complex",
    where=(),
    view=True,
    promote="keep",
    linear_in=("input",),
    complex_rules="same",
)
def as_numbers(input: Array) -> Any:
    """Pairs of real numbers (…, 2) as complex ones (…), in the same memory."""
    a = np.asarray(input)
    return a.view(np.result_type(a.dtype, np.complex64))[..., 0]


@offered("torch")
def view_as_real(input: Any) -> Any:
    """Complex numbers (…) as pairs (…, 2) of real and imaginary part, a view.

    >>> import chainrule as cr
    >>> cr.view_as_real(cr.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """
    if not is_complex(input):
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return as_pairs(input)


@offered("torch")
def view_as_complex(input: Any) -> Any:
    """Pairs (…, 2) of real and imaginary part as complex numbers (…), a view.

    Raises RuntimeError where the last dimension is not 2 or its two elements are not neighbours.

    >>> import chainrule as cr
    >>> cr.view_as_complex(cr.tensor([[1.0, 2.0]]))
    tensor([1.+2.j])
    """
    if input.dtype.name not in _COMPLEX:
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {views.type_word(input.dtype)}"
        )
    if input.ndim == 0 or input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    steps = input.stride()
    if input.numel() and steps[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if input.numel() and any([s % 2 for s in steps[:-1]]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    return as_numbers(input)


as_pairs.op.function, as_numbers.op.function = view_as_real, view_as_complex
