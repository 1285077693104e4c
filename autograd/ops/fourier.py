"""Discrete Fourier transforms: ``chainrule.fft``.

The matrix of the transform is symmetric, so that its rule is the transform itself; the conjugation
that the gradient of complex numbers needs comes from the engine. Real transforms are the halves of
complex ones. SciPy computes them, single precision in single precision.

Source: J. W. Cooley and J. W. Tukey, "An algorithm for the machine calculation of complex Fourier
series" (1965).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import fft as scipy_fft

from ..declare import Array, Space, names, op, write_out
from ..dtypes import get_default_dtype
from ..shapes import axis
from .arrange import roll
from .complexes import conj
from .creation import arange
from .forms import offered
from .join import narrow, pad_back

names.setdefault("fft", Space())
NORMS = {"backward": "forward", "forward": "backward", "ortho": "ortho"}  # and their opposites


@op(
    {"input": lambda g, dims, inverse, norm: fft_op(g, dims, inverse, norm)},
    name="fft",
    where=(),
    promote="float",
    linear_in=("input",),
    symbol="ℱ",
    tex=r"\mathcal{{F}} {0}",
)
def fft_op(input: Array, dims: Any, inverse: bool, norm: str) -> Any:
    """The transform over ``dims``, complex, of real or complex numbers."""
    if not dims:
        a = np.asarray(input)
        return a.astype(np.result_type(a.dtype, np.complex64))[()]
    out = (scipy_fft.ifftn if inverse else scipy_fft.fftn)(input, axes=dims, norm=norm)
    if np.isrealobj(input):
        out += 0  # of real numbers SciPy mirrors a half: where that made −0 of 0, back to 0
    return out


@op(
    {
        "input": lambda g, input_shape, dim, norm: fft_op(
            pad_back(g, input_shape, dim, 0), (dim,), False, norm
        )
    },
    name="rfft",
    where=(),
    promote="float",
    linear_in=("input",),
    symbol="ℱ",
    tex=r"\mathcal{{F}} {0}",
)
def rfft_op(input: Array, dim: int, norm: str) -> Any:
    """The first n/2 + 1 frequencies of real numbers; the others are their conjugates."""
    return scipy_fft.rfft(input, axis=dim, norm=norm)


@op(
    {"input": lambda g, dim, n, norm: doubled(rfft_op(g, dim, NORMS[norm]), dim, n)},
    name="irfft",
    where=(),
    promote="float",
    linear_in=("input",),
    complex_rules="same",
    symbol="ℱ⁻¹",
    tex=r"\mathcal{{F}}^{{-1}} {0}",
)
def irfft_op(input: Array, dim: int, n: int, norm: str) -> Any:
    """``n`` real numbers from the n/2 + 1 frequencies that determine them."""
    return scipy_fft.irfft(input, n, axis=dim, norm=norm)


@op(
    {"input": lambda g, dim, n: doubled(g, dim, n)},
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(3), 0, 4), (s(3), 0, 5), (s(2, 4), -1, 6), (s(1), 0, 1)],
)
def doubled(input: Array, dim: int, n: int) -> Any:
    """Twice the frequencies that stand for two of ``n``: all but 0 and, of even n, the highest."""
    out = np.moveaxis(2 * np.asarray(input), dim, -1)
    out[..., 0] /= 2
    if n % 2 == 0:
        out[..., -1] /= 2
    return np.moveaxis(out, -1, dim)


# -- checks -------------------------------------------------------------------------------------


def _mode(norm: Any) -> str:
    if norm not in (None, *NORMS):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"; take one of {", ".join(NORMS)}')
    return norm or "backward"


def _checked(name: str, input: Any, *, real: bool = False) -> None:
    kind = input.dtype
    if real and kind.is_complex:
        raise RuntimeError(f"{name} expects a real input tensor, but got {kind}")
    if kind.is_floating_point and kind.itemsize < 4:
        raise RuntimeError(f"Unsupported dtype {kind}: {name} needs float32 or float64")


def _dims(input: Any, s: Any, dim: Any, last: int | None = None) -> tuple[int, ...]:
    """The dimensions to transform: those given, the last as many as sizes, the last few, or all."""
    n = input.ndim
    if s is not None and dim is not None and len(s) != len(dim):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    if dim is None:
        if s is not None:
            if len(s) > n:
                raise RuntimeError(
                    f"Got shape with {len(s)} values but input tensor only has {n} dimensions."
                )
            dim = range(n - len(s), n)
        else:
            dim = range(n) if last is None else range(-last, 0)
    found = tuple(axis(d, n) for d in dim) if n else _no_dims(dim)
    if len(set(found)) != len(found):
        raise RuntimeError(f"FFT dims must be unique, got {tuple(dim)}")
    return found


def _no_dims(dim: Any) -> tuple[int, ...]:
    if len(dim):
        raise IndexError(f"Dimension specified as {dim[0]} but tensor has no dimensions")
    return ()


def _sized(input: Any, dims: Any, sizes: Any) -> Any:
    """The input cut off or padded with zeros to ``sizes`` (None or −1: as it is) along ``dims``."""
    for d, n in zip(dims, sizes, strict=True):
        have = input.shape[d]
        n = have if n is None or n == -1 else int(n)
        if n < 1:
            raise RuntimeError(f"Invalid number of data points ({n}) specified")
        if n < have:
            input = narrow(input, d, 0, n)
        elif n > have:
            shape = tuple(input.shape)
            input = pad_back(input, (*shape[:d], n, *shape[d + 1 :]), d, 0)
    return input


def _all_of(s: Any, dims: Any) -> Any:
    return (None,) * len(dims) if s is None else tuple(s)


# -- what the functions are made of -------------------------------------------------------------


def _complex(name: str, input: Any, s: Any, dims: Any, norm: Any, inverse: bool) -> Any:
    mode = _mode(norm)
    _checked(name, input)
    return fft_op(_sized(input, dims, _all_of(s, dims)), dims, inverse, mode)


def _to_half(name: str, input: Any, s: Any, dims: Any, norm: Any, inverse: bool) -> Any:
    """Real to half complex: the last dimension by halves, the others whole."""
    mode = _mode(norm)
    _checked(name, input, real=True)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    x = _sized(input, dims, _all_of(s, dims))
    half = rfft_op(x, dims[-1], NORMS[mode] if inverse else mode)
    half = conj(half) if inverse else half
    return fft_op(half, dims[:-1], inverse, mode) if len(dims) > 1 else half


def _from_half(name: str, input: Any, s: Any, dims: Any, norm: Any, inverse: bool) -> Any:
    """Half complex to real: the way back of ``_to_half``."""
    mode = _mode(norm)
    _checked(name, input)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    sizes, last = _all_of(s, dims), dims[-1]
    n = sizes[-1]
    n = 2 * (input.shape[last] - 1) if n is None or n == -1 else int(n)
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    x = _sized(input, dims, (*sizes[:-1], n // 2 + 1))
    if len(dims) > 1:
        x = fft_op(x, dims[:-1], inverse, mode)
    return irfft_op(x if inverse else conj(x), last, n, mode if inverse else NORMS[mode])


_WAYS = {"": _complex, "r": _to_half, "h": _from_half}
_WHAT = {
    "fft": "The discrete Fourier transform Xₖ = Σⱼ xⱼ·e^(−2πi·jk/n)",
    "ifft": "The inverse transform xⱼ = 1/n·Σₖ Xₖ·e^(2πi·jk/n)",
    "rfft": "The first n/2 + 1 frequencies of real numbers",
    "irfft": "Real numbers from their first n/2 + 1 frequencies (the inverse of ``rfft``)",
    "hfft": "The transform, real, of a Hermitian signal of which one half is given",
    "ihfft": "The half of the Hermitian signal whose transform is real (the inverse of ``hfft``)",
}
_KIND = {"rfft": _to_half, "ihfft": _to_half, "irfft": _from_half, "hfft": _from_half}
_NORM_TEXT = """``norm``: "backward" divides the inverse by n (default), "forward" the transform,
"ortho" both by √n."""
_EXAMPLE = {
    "fft": ("[1.0, 2.0]", "tensor([ 3.+0.j, -1.+0.j])"),
    "ifft": ("[3.0, -1.0]", "tensor([1.+0.j, 2.+0.j])"),
    "rfft": ("[1.0, 2.0, 3.0]", "tensor([ 6.0000+0.0000j, -1.5000+0.8660j])"),
    "irfft": ("[3.0, -1.0]", "tensor([1., 2.])"),
    "hfft": ("[1.5, 0.5]", "tensor([2., 1.])"),
    "ihfft": ("[2.0, 1.0]", "tensor([1.5000-0.j, 0.5000-0.j])"),
}


def _family(base: str) -> None:
    """The three forms of a transform: over one dimension, over two, over any."""
    way, inverse = _KIND.get(base, _complex), base.startswith("i")

    def one(input: Any, n: Any = None, dim: int = -1, norm: str | None = None) -> Any:
        if not input.ndim:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        return way(base, input, (n,), (axis(dim, input.ndim),), norm, inverse)

    def two(input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
        return way(base + "2", input, s, _dims(input, s, dim), norm, inverse)

    def many(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
        return way(base + "n", input, s, _dims(input, s, dim), norm, inverse)

    data, shown = _EXAMPLE[base]
    example = f">>> import chainrule as cr\n>>> cr.fft.{base}(cr.tensor({data}))\n{shown}\n"
    one.__doc__ = (
        f"{_WHAT[base]}, along ``dim``.\n\nThe input is first cut off or padded with zeros to "
        f"``n`` elements.\n{_NORM_TEXT}\n\n{example}"
    )
    for function, suffix, which in (
        (two, "2", "two dimensions"),
        (many, "n", "dimensions ``dim``"),
    ):
        function.__doc__ = (
            f"{_WHAT[base]}, over {which} (of sizes ``s``).\n\n{_NORM_TEXT}\n\n"
            f">>> import chainrule as cr\n>>> cr.fft.{base}{suffix}(cr.ones(2, 2)).shape\n"
            "torch.Size([2, 2])\n"
        )
    forms: tuple[tuple[Any, str], ...] = ((one, ""), (two, "2"), (many, "n"))
    for function, suffix in forms:
        function.__name__ = function.__qualname__ = base + suffix
        offered("fft")(function)


for _base in _WHAT:
    _family(_base)
for _made, _name in ((fft_op, "fft"), (rfft_op, "rfft"), (irfft_op, "irfft")):
    _made.op.function = names["fft"][_name]


# -- frequencies and shifts ---------------------------------------------------------------------


def _frequencies(name: str, count: Any, doc: str, shown: str) -> None:
    def function(
        n: int, d: float = 1.0, *, out: Any = None, dtype: Any = None, layout: Any = None,
        device: Any = None, requires_grad: bool = False,
    ) -> Any:  # fmt: skip
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise RuntimeError(f"{name} requires a floating point or complex dtype, got {dtype}")
        steps = arange(*count(n), dtype=dtype or get_default_dtype())
        if name == "fftfreq" and n:
            steps = roll(steps, -(n // 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            result = steps * (1.0 / (n * d) if n * d else float("inf"))
        if out is not None:
            return write_out(out, result)
        return result.requires_grad_(requires_grad)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc}\n\n>>> import chainrule as cr\n>>> cr.fft.{name}(4)\n{shown}\n"
    names["fft"][name] = function


_frequencies(
    "fftfreq",
    lambda n: (-(n // 2), n - n // 2),
    "The frequencies of ``fft`` of ``n`` samples, ``d`` apart: 0, 1, …, −2, −1 by 1/(n·d).",
    "tensor([ 0.0000,  0.2500, -0.5000, -0.2500])",
)
_frequencies(
    "rfftfreq",
    lambda n: (n // 2 + 1,),
    "The frequencies of ``rfft`` of ``n`` samples, ``d`` apart: 0, 1, …, n/2 by 1/(n·d).",
    "tensor([0.0000, 0.2500, 0.5000])",
)


def _shift(input: Any, dim: Any, sign: int) -> Any:
    dims = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    found = [axis(d, input.ndim) for d in dims]
    half = [(input.shape[d] + (sign < 0)) // 2 for d in found]
    return roll(input, tuple(half), tuple(found)) if found else input


@offered("fft")
def fftshift(input: Any, dim: Any = None) -> Any:
    """The frequency 0 brought to the middle, along ``dim`` (all dimensions by default).

    >>> import chainrule as cr
    >>> cr.fft.fftshift(cr.tensor([0, 1, -2, -1]))
    tensor([-2, -1,  0,  1])
    """
    return _shift(input, dim, 1)


@offered("fft")
def ifftshift(input: Any, dim: Any = None) -> Any:
    """The frequency 0 brought from the middle to the front: undoes ``fftshift``.

    >>> import chainrule as cr
    >>> cr.fft.ifftshift(cr.tensor([-2, -1, 0, 1]))
    tensor([ 0,  1, -2, -1])
    """
    return _shift(input, dim, -1)
