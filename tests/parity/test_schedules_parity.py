"""Every schedule against PyTorch's: rates, momenta, states, resumption, errors."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

from optim_runs import close  # noqa: E402


def one(lib: Any) -> list[Any]:
    """A list with one parameter."""
    return [lib.zeros(1, requires_grad=True)]


def halved(x: float) -> float:
    return 0.5**x


SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "step": lambda s, o: s.StepLR(o, step_size=3, gamma=0.5),
    "lambda": lambda s, o: s.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda epoch: 0.9**epoch, lambda epoch: epoch]),
    "exponential": lambda s, o: s.ExponentialLR(o, gamma=0.8),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9 + 0.01 * epoch),
    "milestones": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], gamma=0.5),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.5, total_iters=4),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.3, end_factor=0.9, total_iters=6),
    "polynomial": lambda s, o: s.PolynomialLR(o, total_iters=8, power=2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=4, eta_min=0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=3),
    "longer restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, T_mult=2, eta_min=0.01),
    "sequential": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, factor=0.1), s.ExponentialLR(o, 0.9), s.StepLR(o, 2)], [3, 7]
    ),
    "chained": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, factor=0.1, total_iters=3), s.ExponentialLR(o, gamma=0.9)]
    ),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.5, step_size_up=3, step_size_down=2),
    "cyclic 2": lambda s, o: s.CyclicLR(o, [0.01, 0.1], [0.5, 1], 2, mode="triangular2"),
    "cyclic exp": lambda s, o: s.CyclicLR(o, 0.01, 0.5, 3, mode="exp_range", gamma=0.9),
    "cyclic own": lambda s, o: s.CyclicLR(o, 0.01, 0.5, 3, scale_fn=halved, scale_mode="cycle"),
    "one cycle": lambda s, o: s.OneCycleLR(o, max_lr=0.5, total_steps=15),
    "one cycle linear": lambda s, o: s.OneCycleLR(
        o, [0.5, 1.0], epochs=5, steps_per_epoch=3, anneal_strategy="linear", three_phase=True
    ),
}
NOT_STORED = ("lr_lambdas", "_schedulers")


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("tensor_lr", [False, True])
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name: str, tensor_lr: bool, kind: str) -> None:
    traces = []
    for lib in (cr, torch):
        first = lib.tensor(0.1, dtype=lib.float64) if tensor_lr else 0.1
        more = {"momentum": 0.9} if kind == "SGD" else {}
        groups = [{"params": one(lib)}, {"params": one(lib), "lr": 0.5}]
        optimizer = getattr(lib.optim, kind)(groups, lr=first, **more)
        schedule = SCHEDULES[name](lib.optim.lr_scheduler, optimizer)
        trace = [[float(v) for v in schedule.get_last_lr()]]
        for epoch in range(14):
            optimizer.step()
            schedule.step()
            if epoch == 5 and not tensor_lr:  # a change from outside persists, or not
                optimizer.param_groups[0]["lr"] = 7.0
            for group in optimizer.param_groups:
                trace.append([float(group["lr"]), group.get("momentum", 0)])
                trace.append(list(group.get("betas", ())))
        state = {k: v for k, v in schedule.state_dict().items() if k not in NOT_STORED}
        traces.append((trace, state))
    for a, b in zip(traces[0][0], traces[1][0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
    ours, theirs = traces[0][1], traces[1][1]
    assert ours.keys() == theirs.keys()
    assert {k: v for k, v in ours.items() if isinstance(v, (int, str, bool))} == {
        k: v for k, v in theirs.items() if isinstance(v, (int, str, bool))
    }


@pytest.mark.parametrize("name", SCHEDULES)
def test_resumed(name: str) -> None:
    """Half the epochs, then a new optimizer and schedule from the saved states."""
    traces = []
    for again in (False, True):
        optimizer = cr.optim.SGD([{"params": one(cr)}, {"params": one(cr), "lr": 0.5}], lr=0.1,
                                 momentum=0.9)  # fmt: skip
        schedule = SCHEDULES[name](cr.optim.lr_scheduler, optimizer)
        trace = []
        for epoch in range(12):
            if again and epoch == 6:
                saved = optimizer.state_dict(), schedule.state_dict()
                groups = [{"params": one(cr)}, {"params": one(cr), "lr": 0.5}]
                optimizer = cr.optim.SGD(groups, lr=0.1, momentum=0.9)
                schedule = SCHEDULES[name](cr.optim.lr_scheduler, optimizer)
                optimizer.load_state_dict(saved[0])
                schedule.load_state_dict(saved[1])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a new optimizer has not stepped yet
                schedule.step()
            trace.append([(g["lr"], g["momentum"]) for g in optimizer.param_groups])
        traces.append(trace)
    assert traces[0] == traces[1]


@pytest.mark.parametrize(
    "options",
    [
        {}, {"mode": "max", "patience": 2}, {"threshold_mode": "abs", "threshold": 0.3},
        {"patience": 1, "cooldown": 2, "factor": 0.5}, {"patience": 0, "min_lr": [0.05, 0.2]},
    ],
)  # fmt: skip
def test_plateau(options: dict[str, Any]) -> None:
    losses = [3, 2, 1.9, 1.95, 1.9, 1.9, 1.9, 1.5, 1.6, 1.6, 1.6, 1.7, float("nan"), 1.6, 1.2] * 2
    traces = []
    for lib in (cr, torch):
        groups = [{"params": one(lib)}, {"params": one(lib), "lr": 0.5}]
        optimizer = lib.optim.SGD(groups, lr=0.1)
        schedule = lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
        trace = []
        for loss in losses:
            schedule.step(lib.tensor(loss))
            trace.append((schedule.get_last_lr(), schedule.num_bad_epochs, schedule.in_cooldown))
        state = {k: v for k, v in schedule.state_dict().items() if not callable(v)}
        traces.append((trace, state))
    assert traces[0] == traces[1]


@pytest.mark.parametrize("epoch", [0, 1.5, 2.9, 3, 7.25, 20])
@pytest.mark.parametrize("mult", [1, 2])
def test_restarts_at_fractions(epoch: float, mult: int) -> None:
    rates = []
    for lib in (cr, torch):
        optimizer = lib.optim.SGD(one(lib), lr=0.1)
        schedule = lib.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3, mult)
        optimizer.step()
        schedule.step(epoch)
        rates.append((optimizer.param_groups[0]["lr"], schedule.T_i, schedule.last_epoch))
    assert rates[0] == pytest.approx(rates[1])


BAD: dict[str, Callable[[Any, Any], Any]] = {
    "optimizer": lambda s, o: s.CosineAnnealingLR(3, 1),
    "constant": lambda s, o: s.ConstantLR(o, factor=2.0),
    "linear start": lambda s, o: s.LinearLR(o, start_factor=0.0),
    "linear end": lambda s, o: s.LinearLR(o, end_factor=2.0),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
    "restarts 2": lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, T_mult=0),
    "no schedules": lambda s, o: s.SequentialLR(o, [], []),
    "milestones": lambda s, o: s.SequentialLR(o, [s.ExponentialLR(o, 0.9)], [1]),
    "plateau": lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
    "plateau 2": lambda s, o: s.ReduceLROnPlateau(o, mode="best"),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="square"),
    "cyclic 2": lambda s, o: s.CyclicLR(o, [0.1, 0.2, 0.3], 0.2),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.1),
    "one cycle 2": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=-1),
    "one cycle 3": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=5, anneal_strategy="sin"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_options_raise_alike(name: str) -> None:
    told = []
    for lib in (cr, torch):
        optimizer = lib.optim.SGD(one(lib), lr=0.1, momentum=0.9)
        with pytest.raises((ValueError, TypeError)) as error:
            BAD[name](lib.optim.lr_scheduler, optimizer)
        told.append((error.type, str(error.value)))
    assert told[0] == told[1]


NAMES = [n for n in cr.optim.lr_scheduler.__all__ if n != "LRScheduler"]


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name: str) -> None:
    def listed(lib: Any) -> list[tuple[str, Any]]:
        found = inspect.signature(getattr(lib.optim.lr_scheduler, name)).parameters
        return [(p.name, p.default) for p in found.values()]

    assert listed(cr) == listed(torch)


# -- averages of models -------------------------------------------------------------------------

AVERAGES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "mean": lambda u: {},
    "mean by function": lambda u: {"avg_fn": u.get_swa_avg_fn()},
    "moving": lambda u: {"avg_fn": u.get_ema_avg_fn(0.7)},
    "moving, lists": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.7)},
    "buffers too": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.7), "use_buffers": True},
}


@pytest.mark.parametrize("name", AVERAGES)
def test_averaged_model(name: str) -> None:
    ends = []
    for lib in (cr, torch):
        lib.manual_seed(0)
        model = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4), lib.nn.Linear(4, 2))
        optimizer = lib.optim.SGD(model.parameters(), lr=0.1)
        utils = lib.optim.swa_utils
        average = utils.AveragedModel(model, **AVERAGES[name](utils))
        schedule = utils.SWALR(optimizer, swa_lr=0.05, anneal_epochs=3)
        x = lib.tensor(np.random.default_rng(0).normal(size=(8, 3)), dtype=lib.float32)
        for _ in range(5):
            optimizer.zero_grad()
            model(x).pow(2).sum().backward()
            optimizer.step()
            average.update_parameters(model)
            schedule.step()
        utils.update_bn([x, (x + 1, None)], average)
        ends.append((average.state_dict(), optimizer.param_groups[0]["lr"], average))
    assert list(ends[0][0]) == list(ends[1][0])
    close(list(ends[0][0].values()), list(ends[1][0].values()), "float32")
    assert ends[0][1] == pytest.approx(ends[1][1], rel=1e-12)
    assert ends[0][2].training == ends[1][2].training
