"""Schedules: the rates that they set, epoch by epoch."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import chainrule as cr
from chainrule.optim import SGD
from chainrule.optim.lr_scheduler import ExponentialLR, LambdaLR, LRScheduler, StepLR


def optimizer(lr: Any = 1.0) -> SGD:
    return SGD([cr.ones(1, requires_grad=True)], lr=lr)


def rates(make: Any, epochs: int, lr: Any = 1.0) -> list[float]:
    o = optimizer(lr)
    schedule = make(o)
    found = [float(o.param_groups[0]["lr"])]
    for _ in range(epochs):
        o.step()
        schedule.step()
        found.append(float(o.param_groups[0]["lr"]))
    return found


def test_rates() -> None:
    assert rates(lambda o: StepLR(o, 2, 0.5), 5) == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert rates(lambda o: ExponentialLR(o, 0.5), 3) == [1, 0.5, 0.25, 0.125]
    assert rates(lambda o: LambdaLR(o, lambda epoch: epoch + 1), 3) == [1, 2, 3, 4]


def test_rate_as_a_tensor_stays_one() -> None:
    lr = cr.tensor(1.0)
    assert rates(lambda o: StepLR(o, 1, 0.5), 2, lr) == [1.0, 0.5, 0.25]
    assert lr.item() == 0.25


def test_epoch_given() -> None:
    o = optimizer()
    schedule = StepLR(o, 2, 0.5)
    o.step()
    with pytest.warns(UserWarning, match="The epoch parameter"):
        schedule.step(6)
    assert schedule.get_last_lr() == [0.125]


def test_warnings() -> None:
    schedule = StepLR(optimizer(), 2)
    with pytest.warns(UserWarning, match="Detected call of `lr_scheduler.step"):
        schedule.step()
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        schedule.get_lr()
    o = optimizer()
    schedule = StepLR(o, 2)
    o.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden"):
        schedule.step()


def test_errors() -> None:
    with pytest.raises(TypeError, match="int is not an Optimizer"):
        StepLR(3, 1)
    with pytest.raises(KeyError, match="param 'initial_lr' is not specified"):
        StepLR(optimizer(), 1, last_epoch=3)
    with pytest.raises(ValueError, match="Expected 1 lr_lambdas, but got 2"):
        LambdaLR(optimizer(), [lambda e: 1.0, lambda e: 1.0])
    with pytest.raises(NotImplementedError):
        LRScheduler(optimizer())


def test_state_of_callable_objects() -> None:
    class Factor:
        def __init__(self, base: float) -> None:
            self.base = base

        def __call__(self, epoch: int) -> float:
            return self.base**epoch

    a, b = LambdaLR(optimizer(), Factor(0.5)), LambdaLR(optimizer(), Factor(0.1))
    state = a.state_dict()
    assert state["lr_lambdas"] == [{"base": 0.5}]
    b.load_state_dict(state)
    assert b.lr_lambdas[0](1) == 0.5
    assert LambdaLR(optimizer(), lambda e: 1.0).state_dict()["lr_lambdas"] == [None]


def test_two_schedules_multiply() -> None:
    o = optimizer()
    first, second = ExponentialLR(o, 0.5), StepLR(o, 1, 0.1)
    o.step()
    first.step()
    second.step()
    assert o.param_groups[0]["lr"] == pytest.approx(0.05)


def test_the_optimizer_is_freed_and_can_be_copied() -> None:
    import gc
    import weakref

    o = optimizer()
    schedule = StepLR(o, 2)
    twin = copy.deepcopy(o)
    twin.step()
    known = weakref.ref(o)
    gc.disable()
    try:
        del o, schedule
        assert known() is None, "no circle holds it"
    finally:
        gc.enable()
