"""Length and direction of complex numbers: sgn, angle and polar."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import elementwise
from .complexes import complex_op, conj, real_op, same_parts
from .forms import offered
from .samples import reals


def sign_kernel(x: Any) -> Any:
    """The sign of real numbers, z/|z| of complex ones."""
    a = np.asarray(x)
    if a.dtype.kind == "c":
        size = np.abs(a)
        return (a / np.where(size == 0, 1, size))[()]
    signs = np.sign(a) if a.dtype.kind != "b" else a
    # NumPy's sign of nan is nan, PyTorch's is 0
    return (np.where(np.isnan(a), 0, signs).astype(a.dtype) if a.dtype.kind in "fV" else signs)[()]


sgn = elementwise(
    "sgn",
    sign_kernel,
    {"input": lambda: 0.0},
    # what of the gradient points along the circle, divided by the circle's radius
    complex_rules={
        "input": lambda g, input, out: (
            (g - out * real_op(g * conj(out))) * (input != 0) / (abs(input) + (input == 0))
        )
    },
    scalar=lambda x: float(x > 0) - float(x < 0),
    tex=r"\operatorname{{sgn}}({0})",
    samples=reals(0.5, 3),
    doc="""z/|z| of complex numbers, 0 at 0; the sign of real ones.

    >>> import chainrule as cr
    >>> cr.sgn(cr.tensor([3 + 4j, 0j]))
    tensor([0.6000+0.8000j, 0.0000+0.0000j])
    """,
)


def _angle_kernel(x: Any) -> Any:
    a = np.asarray(x)
    if a.dtype.kind == "c":
        return np.angle(a)
    return np.where(np.isnan(a), a, np.where(a < 0, a.dtype.type(np.pi), a.dtype.type(0)))[()]


angle = elementwise(
    "angle",
    _angle_kernel,
    {"input": lambda: 0.0},
    complex_rules={
        "input": lambda g, input: (
            complex_op(0.0 * g, g) * (input != 0) / (conj(input) + (input == 0))
        )
    },
    promote="float",
    symbol="arg",
    tex=r"\arg {0}",
    samples=reals(0.5, 3),
    where=("torch", "tensor"),
    doc="""The angle of a complex number in radians, in (−π, π]; of real numbers 0, or π below 0.

    >>> import chainrule as cr
    >>> cr.angle(cr.tensor([1j, -1 + 0j]))
    tensor([1.5708, 3.1416])
    """,
)


@offered("torch")
def polar(abs: Any, angle: Any) -> Any:
    """abs·(cos angle + i·sin angle) from two tensors of one floating type, broadcast.

    >>> import chainrule as cr
    >>> cr.polar(cr.tensor([2.0]), cr.tensor([0.0]))
    tensor([2.+0.j])
    """
    same_parts("polar", abs, angle)
    return complex_op(abs * angle.cos(), abs * angle.sin())
