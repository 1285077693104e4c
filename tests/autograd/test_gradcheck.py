"""``gradcheck`` and ``gradgradcheck``: each option catches what it is for."""

from __future__ import annotations

from typing import Any

import pytest

import chainrule as cr
from chainrule.autograd import Function, GradcheckError, gradcheck, gradgradcheck


def inputs() -> tuple[Any, Any]:
    shapes = ((3,), (3, 3))
    x, y = (cr.randn(*s, dtype=cr.float64).requires_grad_() for s in shapes)
    return x, y


def good(x: Any, y: Any) -> Any:
    return (x @ y).sin().exp(), x.sum() * y


@pytest.mark.parametrize("option", [
    {}, {"fast_mode": True}, {"check_forward_ad": True}, {"check_batched_grad": True},
    {"check_forward_ad": True, "check_backward_ad": False}, {"check_grad_dtypes": True},
    {"nondet_tol": 1e-12}, {"fast_mode": True, "check_forward_ad": True}, {"masked": False},
])  # fmt: skip
def test_a_right_function_passes(option: dict[str, Any]) -> None:
    assert gradcheck(good, inputs(), **option)


@pytest.mark.parametrize("option", [
    {}, {"fast_mode": True}, {"check_fwd_over_rev": True}, {"gen_non_contig_grad_outputs": True},
])  # fmt: skip
def test_a_right_function_passes_twice(option: dict[str, Any]) -> None:
    assert gradgradcheck(good, inputs(), **option)


def made(backward: Any) -> Any:
    """X ↦ 2x with this backward."""

    class Mine(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    Mine.backward = staticmethod(backward)  # type: ignore[method-assign]
    return Mine.apply


@pytest.mark.parametrize("fast", [False, True])
def test_a_wrong_backward(fast: bool) -> None:
    x, _ = inputs()
    with pytest.raises(GradcheckError, match=r"d output\[\d\] / d input\[\d\] should be 2"):
        gradcheck(made(lambda ctx, g: g * 3), (x,), fast_mode=fast)
    assert not gradcheck(made(lambda ctx, g: g * 3), (x,), fast_mode=fast, raise_exception=False)


def test_a_backward_that_changes_from_call_to_call() -> None:
    calls: list[int] = []

    def drifting(ctx: Any, g: Any) -> Any:
        calls.append(1)
        return g * (2 + 1e-7 * len(calls))

    x, _ = inputs()
    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(made(drifting), (x,))
    calls.clear()
    assert gradcheck(made(drifting), (x,), nondet_tol=1e-5)


def test_a_wrong_forward_mode() -> None:
    class Mine(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

        @staticmethod
        def jvp(ctx: Any, t: Any) -> Any:
            return t * 3

    x, _ = inputs()
    assert gradcheck(Mine.apply, (x,))
    with pytest.raises(GradcheckError, match="forward mode gave 3"):
        gradcheck(Mine.apply, (x,), check_forward_ad=True)


def test_bad_arguments() -> None:
    x, _ = inputs()
    with pytest.raises(ValueError, match="check_forward_ad or check_backward_ad"):
        gradcheck(cr.sin, (x,), check_backward_ad=False)
    with pytest.raises(ValueError, match="requires check_forward_ad"):
        gradcheck(cr.sin, (x,), check_batched_forward_grad=True)
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(cr.sin, (x.detach(),))
    with pytest.raises(TypeError, match="unexpected keyword"):
        gradcheck(cr.sin, (x,), tolerance=1)  # type: ignore[call-arg]
