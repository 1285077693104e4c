"""How numbers are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.viz.fonts import text_width, wrap_name
from chainrule.viz.numbers import (
    THIN_SPACE,
    format_count,
    format_number,
    format_pair,
    format_row,
    format_shape,
)

TABLE = [
    (0, "0"),
    (0.0, "0"),
    (-0.0, "0"),
    (-4, "−4"),
    (-4.0, "−4"),
    (5.0, "5"),
    (1234, "1 234"),
    (12345.0, "12 345"),
    (99999, "99 999"),
    (2 / 3, "0.6667"),
    (-2 / 3, "−0.6667"),
    (0.1, "0.1"),
    (0.1 + 0.2, "0.3"),  # rounding noise is no digit
    (0.10000000149011612, "0.1"),  # 0.1 in float32
    (2.50001, "2.500"),  # a rounded number keeps its zeros
    (3.9999, "4.000"),
    (1234.5678, "1 235"),
    (12345.6, "12 346"),  # digits in front of the point are never rounded away
    (0.001, "0.001"),
    (0.0009999, "9.999×10⁻⁴"),
    (0.00099999999, "0.001"),
    (1.2e-7, "1.2×10⁻⁷"),
    (1.23456e-7, "1.235×10⁻⁷"),
    (1e5, "1×10⁵"),
    (99999.99, "1×10⁵"),
    (-1234567, "−1.235×10⁶"),
    (1e300, "1×10³⁰⁰"),
    (5e-324, "4.941×10⁻³²⁴"),
    (math.nan, "nan"),
    (math.inf, "∞"),
    (-math.inf, "−∞"),
    (True, "True"),
    (1 - 2j, "1−2i"),
    (None, "—"),
]


@pytest.mark.parametrize(("value", "text"), TABLE)
def test_table(value: float | None, text: str) -> None:
    assert format_number(value) == text.replace(" ", THIN_SPACE)


@pytest.mark.parametrize(
    ("precision", "text"), [(1, "3"), (2, "3.1"), (6, "3.14159"), (17, "3.1415926535897931")]
)
def test_precision(precision: int, text: str) -> None:
    assert format_number(math.pi, precision) == text


def test_precision_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 significant digit, got 0"):
        format_number(1.0, 0)


@given(st.floats(-1e308, 1e308, allow_subnormal=False))
def test_written_number_is_the_number(value: float) -> None:
    text = format_number(value).replace("−", "-").replace(THIN_SPACE, "")
    mantissa, _, power = text.partition("×10")
    exponent = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
    read = float(f"{mantissa}e{exponent}")
    assert read == pytest.approx(value, rel=6e-4, abs=0.0)
    assert len(mantissa.lstrip("-").replace(".", "")) <= 7


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_a_pair_is_told_apart(a: float, b: float) -> None:
    first, second = format_pair(a, b)
    assert (first == second) == (a == b) or math.isclose(a, b, rel_tol=2.0**-22)


def test_rows_have_equal_decimals() -> None:
    assert format_row([0.1, -2.5, 3.25]) == ["0.10", "−2.50", "3.25"]
    assert format_row([1234.0, 0.5]) == [f"1{THIN_SPACE}234.0", "0.5"]
    assert format_row([1.0, 2.0]) == ["1", "2"]
    assert format_row([0.5, math.nan, math.inf]) == ["0.5", "nan", "∞"]
    assert format_row([1e-9, 1.0]) == ["1×10⁻⁹", "1"]


@given(st.lists(st.floats(-9e4, 9e4).filter(lambda v: abs(v) > 1e-3), min_size=1, max_size=4))
def test_rows_show_no_digit_that_is_not_there(values: list[float]) -> None:
    """Each number is right to half a unit of its last decimal: 4.5160 is not 4.515625."""
    for value, text in zip(values, format_row(values), strict=True):
        if "×" not in text:
            plain = text.replace("−", "-").replace(THIN_SPACE, "")
            unit = 10.0 ** -len(plain.partition(".")[2])
            assert abs(float(plain) - value) <= 0.5000001 * unit + 2.0**-22 * abs(value)


def test_a_rounded_number_is_not_filled_up() -> None:
    assert format_row([4.515625, 0.140625]) == ["4.516", "0.1406"]
    assert format_row([2.50001, 0.25]) == ["2.500", "0.250"]


def test_counts_and_shapes() -> None:
    assert format_count(25557032) == "25 557 032".replace(" ", THIN_SPACE)
    assert format_shape((32, 10)) == "32×10"
    assert format_shape(()) == "scalar"


def test_text_widths_are_upper_bounds_that_add_up() -> None:
    assert text_width("ab", 10) == pytest.approx(text_width("a", 10) + text_width("b", 10))
    assert text_width("漢字", 10) > text_width("ab", 10)
    assert text_width("e\u0301", 10) == text_width("e", 10)
    assert text_width("0", 10, bold=True) > text_width("0", 10)


@given(st.text(alphabet="abc._/- ", min_size=1, max_size=120))
def test_wrapped_names_are_short_and_keep_their_end(name: str) -> None:
    lines = wrap_name(name)
    assert len(lines) <= 3
    assert all(len(line) <= 18 for line in lines)
    assert name.endswith(lines[-1])
    if len(name) <= 40:
        assert "".join(lines).replace(" ", "").endswith(name.replace(" ", "")[-18:])
