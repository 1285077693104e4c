"""How a tensor prints: PyTorch's ``repr``, character for character.

All numbers of one tensor share a column width. Floats print as ``1.`` where every one is a whole
number, in scientific notation where the range is too wide for fixed digits, else with ``precision``
digits after the point. Beyond ``threshold`` elements only the first and last ``edgeitems`` of each
dimension are shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class PrintOptions:
    """The settings of ``set_printoptions``."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}
_options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print: digits, size that is shortened, items kept at the edges, line width.

    ``profile`` is "default", "short" or "full" and comes first, the other arguments change it.
    ``sci_mode`` forces scientific notation on or off; None, also when left out, lets the numbers
    decide. Raises ValueError for an unknown profile.

    >>> import chainrule as cr
    >>> cr.set_printoptions(precision=2); cr.tensor([3.14159])
    tensor([3.14])
    >>> cr.set_printoptions(profile="default")
    """
    global _options
    chosen = _options
    if profile is not None:
        if profile.lower() not in _PROFILES:
            names = ", ".join(repr(name) for name in _PROFILES)
            raise ValueError(f"set_printoptions: unknown profile {profile!r}; take one of {names}")
        chosen = _PROFILES[profile.lower()]
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _options = replace(chosen, sci_mode=sci_mode, **changes)


def get_printoptions() -> dict[str, Any]:
    """The settings now in force, by name.

    >>> from chainrule.autograd.printing import get_printoptions
    >>> get_printoptions()["precision"]
    4
    """
    return asdict(_options)


def tensor_str(
    array: Array,
    *,
    dtype_name: str,
    is_default_dtype: bool,
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
    prefix: str = "tensor(",
    extras: Sequence[str] = (),
) -> str:
    """PyTorch's text for a tensor holding ``array``.

    ``dtype_name`` is what follows ``dtype=`` ("torch.float64"); it is printed unless
    ``is_default_dtype``, which is true for the default float and complex types, int64 and bool.
    ``extras`` ("device='cuda:0'") are printed before size and dtype. A Parameter's text is this
    with "Parameter containing:" and a new line in front.

    >>> import numpy as np
    >>> from chainrule.autograd.printing import tensor_str
    >>> x = np.array([[1.0, -2.5]])
    >>> tensor_str(x, dtype_name="torch.float64", is_default_dtype=False, requires_grad=True)
    'tensor([[ 1.0000, -2.5000]], dtype=torch.float64, requires_grad=True)'
    """
    indent = len(prefix)
    suffixes = list(extras)
    if array.size == 0:
        if array.ndim != 1:
            suffixes.append(f"size={tuple(array.shape)}")
        # Nothing is there to tell int64, bool or complex by: only the default float goes unsaid.
        is_default_dtype = is_default_dtype and array.dtype.kind not in "bic"
        body = "[]"
    else:
        body = _body(array, indent)
        if not _options.edgeitems:  # the brackets may show nothing of the shape
            suffixes.append(f"size={tuple(array.shape)}")
    if not is_default_dtype:
        suffixes.append(f"dtype={dtype_name}")
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    return _append(prefix + body, suffixes, indent)


def _append(text: str, suffixes: Sequence[str], indent: int) -> str:
    """Add the suffixes and the bracket, on a new line where the last one would grow too long."""
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if length + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"


def _body(array: Array, indent: int) -> str:
    shorten = array.size > _options.threshold
    shown = _edges(array) if shorten else array
    if array.dtype.kind == "c":
        real, real_width = _number_format(shown.real)
        imag, imag_width = _number_format(shown.imag)
        width = real_width + imag_width + 1

        def text(value: complex) -> str:
            tail = imag(value.imag).lstrip() + "j"
            return real(value.real) + (tail if tail[0] in "+-" else "+" + tail)

        return _nested(array, indent, shorten, text, width)
    if array.dtype.kind in "biu":
        plain, width = _padded(str, shown.ravel().tolist())
        return _nested(array, indent, shorten, plain, width)
    number, width = _number_format(shown)
    return _nested(array, indent, shorten, number, width)


def _edges(array: Array) -> Array:
    """The elements that a shortened print shows; they alone decide the format."""
    n = _options.edgeitems
    for axis, size in enumerate(array.shape):
        if size > 2 * n:
            keep = [*range(n), *range(size - n, size)]
            array = np.take(array, keep, axis=axis)
    return array


def _padded(text: Callable[[Any], str], values: Sequence[Any]) -> tuple[Callable[[Any], str], int]:
    width = max((len(text(v)) for v in values), default=1)
    return lambda v: text(v).rjust(width), width


def _number_format(shown: Array) -> tuple[Callable[[float], str], int]:
    """How to print each real number of a tensor, and the width of a column."""
    values = shown.astype(np.float64).ravel()
    sized = values[np.isfinite(values) & (values != 0)]
    digits, forced = _options.precision, _options.sci_mode

    def scientific(v: float) -> str:
        return f"{v:.{digits}e}"

    def fixed(v: float) -> str:
        return f"{v:.{digits}f}"

    def whole(v: float) -> str:
        return f"{v:.0f}." if math.isfinite(v) else f"{v:.0f}"

    if not sized.size:
        return whole, 1
    size = np.abs(sized)
    small, large = float(size.min()), float(size.max())
    integral = bool(np.all(size == np.ceil(size)))
    wide = large / small > 1000.0 or large > 1.0e8 or (not integral and small < 1.0e-4)
    wide = wide if forced is None else forced
    return _padded(scientific if wide else whole if integral else fixed, sized.tolist())


def _nested(
    array: Array, indent: int, shorten: bool, text: Callable[[Any], str], width: int
) -> str:
    if array.ndim == 0:
        return text(array.item())
    n = _options.edgeitems
    cut = shorten and len(array) > 2 * n
    if array.ndim == 1:
        return _vector(array, indent, n if cut else None, text, width)
    rows = [*array[:n], *array[len(array) - n :]] if cut else list(array)
    parts = [_nested(row, indent + 1, shorten, text, width) for row in rows]
    if cut:
        parts.insert(n, "...")
    gap = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
    return "[" + gap.join(parts) + "]"


def _vector(
    row: Array, indent: int, edge: int | None, text: Callable[[Any], str], width: int
) -> str:
    per_line = max(1, (_options.linewidth - indent) // (width + 2))
    if edge is None:
        cells = [text(v) for v in row.tolist()]
    elif edge == 0:
        cells = ["..."]
    else:
        cells = [text(v) for v in row[:edge].tolist()]
        cells += [" ..."] + [text(v) for v in row[len(row) - edge :].tolist()]
    lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
