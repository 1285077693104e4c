"""``detect_anomaly``: the forward line behind a nan or an error in backward; nothing when off."""

from __future__ import annotations

import threading
import traceback
from typing import Any

import pytest

import chainrule as cr
from chainrule.autograd import detect_anomaly, is_anomaly_enabled, modes, set_detect_anomaly

pytestmark = pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")


def line_of(function: Any, offset: int) -> str:
    """``file:line`` of a line of a test function."""
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno + offset}"


def test_the_line_the_shapes_and_the_element() -> None:
    def forward(x: Any) -> Any:
        y = x - 1
        return (y.sqrt() * 0).sum()

    x = cr.tensor([[2.0, 1.0, 3.0]], requires_grad=True)
    with detect_anomaly(), pytest.raises(RuntimeError) as caught:
        forward(x).backward()
    text = str(caught.value)
    assert text.startswith("Function 'SqrtBackward0' returned nan values in its 0th output.")
    assert f"{line_of(forward, 2)}: return (y.sqrt() * 0).sum()" in text
    assert "shape [1, 3] is nan in 1 of 3 elements, first at [0, 1]" in text
    assert "the gradient that came in is 0.0 and its result is 0.0" in text


def test_which_output_is_counted_among_the_tensor_operands() -> None:
    x = cr.tensor([0.0, 1.0], requires_grad=True)
    with detect_anomaly(), pytest.raises(RuntimeError, match="nan values in its 1th output"):
        (cr.tensor([cr.inf, 1.0]) * x * 0).sum().backward()


def test_check_nan_false_lets_nan_pass() -> None:
    x = cr.tensor([0.0], requires_grad=True)
    with detect_anomaly(check_nan=False):
        (x.sqrt() * 0).sum().backward()
    assert x.grad.isnan().all()


def test_a_graph_recorded_outside_is_checked_but_has_no_line() -> None:
    x = cr.tensor([0.0], requires_grad=True)
    y = (x.sqrt() * 0).sum()
    with (
        set_detect_anomaly(True),
        pytest.raises(RuntimeError, match="Nothing is known of the line"),
    ):
        y.backward()


def test_an_error_in_backward_gets_the_line_as_a_note() -> None:
    class Bad(cr.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise ZeroDivisionError("mine")

    def forward(x: Any) -> Any:
        return Bad.apply(x)

    x = cr.ones(1, requires_grad=True)
    with detect_anomaly(), pytest.raises(ZeroDivisionError, match="mine") as caught:
        forward(x).sum().backward()
    told = "".join(traceback.format_exception(caught.value))
    assert "While going back through BadBackward" in told
    assert line_of(forward, 1) in told


def test_zero_dimensional_functions_and_several_results() -> None:
    x = cr.tensor(0.0, dtype=cr.float64, requires_grad=True)
    with detect_anomaly(), pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan"):
        (x.sqrt() * 0).backward()
    v = cr.tensor([0.0, 1.0], requires_grad=True)
    with detect_anomaly(), pytest.raises(RuntimeError, match="'SqrtBackward0'"):
        (v.sqrt().split(1)[0] * 0).sum().backward()


def test_under_create_graph() -> None:
    x = cr.tensor([0.0, 4.0], requires_grad=True)
    with detect_anomaly(), pytest.raises(RuntimeError, match="returned nan values"):
        cr.autograd.grad((x.sqrt() * 0).sum(), x, create_graph=True)


def test_switches() -> None:
    assert not is_anomaly_enabled()
    with detect_anomaly():
        assert is_anomaly_enabled()
        with set_detect_anomaly(False):
            assert not is_anomaly_enabled()
        assert is_anomaly_enabled()
        assert cr.autograd.is_anomaly_check_nan_enabled()
        with detect_anomaly(check_nan=False):
            assert not cr.autograd.is_anomaly_check_nan_enabled()
    assert not is_anomaly_enabled()
    set_detect_anomaly(True)
    assert is_anomaly_enabled()
    set_detect_anomaly(False)
    assert not is_anomaly_enabled()
    assert modes.watching == 0  # the short ways are open again


def test_it_is_on_in_all_threads() -> None:
    seen: list[bool] = []
    with detect_anomaly():
        thread = threading.Thread(target=lambda: seen.append(is_anomaly_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_nothing_is_noted_when_off() -> None:
    x = cr.tensor([1.0], requires_grad=True)
    assert (x * 2).grad_fn.extra is None
    with detect_anomaly():
        assert "(x * 3)" in (x * 3).grad_fn.extra.line
    assert (x * 4).grad_fn.extra is None


def test_the_warning() -> None:
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        detect_anomaly()
