"""How numbers are written in pictures and derivations: four significant digits, readable signs."""

from __future__ import annotations

import math
from collections.abc import Sequence

MINUS = "\u2212"
THIN_SPACE = "\u2009"
NOT_COMPUTED = "·"
NONE = "—"

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SMALLEST_EXPONENT = -3  # below 1e-3 ...
_LARGEST_EXPONENT = 5  # ... and from 1e5 on, numbers are written as a × 10ⁿ
_FLOAT32_EPSILON = 2.0**-23  # a difference this small is rounding noise, not a digit worth showing


def format_number(value: complex | None, precision: int = 4) -> str:
    """Write one number for a reader: `precision` significant digits, integers bare.

    Below 1e-3 and from 1e5 on: scientific, with a superscript exponent. Digits in front of the
    decimal point are never rounded away; zeros behind it are kept only where they say "rounded".
    `None` gives a dash. Raises ValueError for a precision below 1.

    >>> [format_number(v) for v in (-4.0, 2 / 3, 1.2e-7, 1234567, float("-inf"), None)]
    ['−4', '0.6667', '1.2×10⁻⁷', '1.235×10⁶', '−∞', '—']
    """
    if precision < 1:
        raise ValueError(f"precision must be at least 1 significant digit, got {precision}")
    if value is None:
        return NONE
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, complex):
        return _format_complex(value, precision)
    if isinstance(value, int) and abs(value) < 10**_LARGEST_EXPONENT:
        return _with_minus(value < 0, _group_thousands(str(abs(value))))
    number = float(value)
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return _with_minus(number < 0, "∞")
    return _with_minus(number < 0, _format_magnitude(abs(number), precision))


def format_count(count: int) -> str:
    """Write a count in full, thousands apart: 1 797, 25 557 032.

    >>> format_count(1234567).replace(THIN_SPACE, "_")
    '1_234_567'
    """
    return _with_minus(count < 0, _group_thousands(str(abs(count))))


def format_row(values: Sequence[complex], precision: int = 4) -> list[str]:
    """Write numbers that stand side by side with equally many decimals, as far as these are theirs.

    A rounded number is not filled up: 4.5160 beside 0.1406 would be wrong for 4.515625.

    >>> format_row([0.5, -2.0, 3.25]), format_row([4.515625, 0.140625])
    (['0.50', '−2.00', '3.25'], ['4.516', '0.1406'])
    """
    texts = [format_number(v, precision) for v in values]
    if any("×" in t or "i" in t or t in {"True", "False"} for t in texts):
        return texts
    decimals = max((len(t.partition(".")[2]) for t in texts), default=0)
    return [
        _pad_decimals(t, decimals) if _is_exact(t, v) else t
        for t, v in zip(texts, values, strict=True)
    ]


def _is_exact(text: str, value: complex) -> bool:
    """Whether a written number is the number itself, float32 noise aside."""
    number = value.real
    if not math.isfinite(number):
        return False
    written = float(text.replace(MINUS, "-").replace(THIN_SPACE, ""))
    return abs(written - number) <= _FLOAT32_EPSILON * abs(number)


def format_pair(a: float, b: float, precision: int = 4) -> tuple[str, str]:
    """Write two numbers with as many digits as tell them apart (up to 17), at least `precision`.

    >>> format_pair(0.123456, 0.123457)
    ('0.123456', '0.123457')
    """
    first, second = format_number(a, precision), format_number(b, precision)
    while first == second and a != b and precision < 17:
        precision += 1
        first, second = format_number(a, precision), format_number(b, precision)
    return first, second


def format_shape(shape: Sequence[int]) -> str:
    """Write a shape as sizes with a multiplication sign between: 32×10.

    >>> format_shape((32, 10)), format_shape((7,)), format_shape(())
    ('32×10', '7', 'scalar')
    """
    return "×".join(map(str, shape)) if shape else "scalar"


def superscript(exponent: int) -> str:
    """Write an exponent in raised digits: ⁻⁷."""
    return str(exponent).translate(_SUPERSCRIPTS)


def _format_magnitude(number: float, precision: int) -> str:
    if number == 0.0:
        return "0"
    digits, _, exponent_text = f"{number:.{precision - 1}e}".partition("e")
    exponent = int(exponent_text)  # of the rounded number: 99999.99 counts as 1e5
    if number == int(number) and exponent < _LARGEST_EXPONENT:
        return _group_thousands(str(int(number)))
    if exponent < _SMALLEST_EXPONENT or exponent >= _LARGEST_EXPONENT:
        mantissa = _strip_if_exact(digits, number / 10.0**exponent) if exponent > -300 else digits
        return f"{mantissa}×10{superscript(exponent)}"
    if exponent >= precision:
        return _group_thousands(f"{number:.0f}")
    decimals = max(precision - 1 - exponent, 0)
    whole, _, fraction = _strip_if_exact(f"{number:.{decimals}f}", number).partition(".")
    return _group_thousands(whole) + (f".{fraction}" if fraction else "")


def _strip_if_exact(text: str, number: float) -> str:
    """Drop trailing zeros when the short text *is* the number, float32 noise aside."""
    if "." in text and abs(float(text) - number) <= _FLOAT32_EPSILON * abs(number):
        return text.rstrip("0").rstrip(".")
    return text


def _format_complex(value: complex, precision: int) -> str:
    real, imaginary = format_number(value.real, precision), format_number(value.imag, precision)
    sign = "" if imaginary.startswith(MINUS) else "+"
    return f"{real}{sign}{imaginary}i"


def _group_thousands(digits: str) -> str:
    return f"{int(digits):,}".replace(",", THIN_SPACE)


def _pad_decimals(text: str, decimals: int) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}" if decimals else whole


def _with_minus(negative: bool, text: str) -> str:
    return MINUS + text if negative and text != "0" else text
