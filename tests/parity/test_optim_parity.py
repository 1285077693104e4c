"""Optimizers and schedules against PyTorch's: 30 steps with every option, states, messages."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

from optim_runs import STEPS, Both, close, loss_of, parameters, same_state, trained  # noqa: E402


def sgd_options() -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = []
    for momentum, dampening, decay, nesterov, maximize in itertools.product(
        (0, 0.9), (0, 0.3), (0, 0.01), (False, True), (False, True)
    ):
        if (nesterov and (not momentum or dampening)) or (dampening and not momentum):
            continue
        options.append(
            {
                "lr": 0.01,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": decay,
                "nesterov": nesterov,
                "maximize": maximize,
            }
        )
    return options


def label(options: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in options.items() if v)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", sgd_options(), ids=label)
def test_sgd(options: dict[str, Any], dtype: str) -> None:
    def make(lib: Any) -> Any:
        return lambda ps: lib.optim.SGD(ps, **options)

    ours, theirs = trained(cr, make, dtype), trained(torch, make, dtype)
    close(ours[0], theirs[0], dtype)
    same_state(ours[1], theirs[1], dtype)


ADAM: list[dict[str, Any]] = [
    {"weight_decay": decay, "amsgrad": amsgrad, "maximize": maximize, "betas": betas}
    for decay, amsgrad, maximize, betas in itertools.product(
        (0.0, 0.05), (False, True), (False, True), ((0.9, 0.999), (0.3, 0.8))
    )
]
ADAM += [{"eps": 0.1, "lr": 0.5}, {"foreach": True}, {"capturable": False, "fused": None}]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", ADAM, ids=label)
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_adam(name: str, options: dict[str, Any], dtype: str) -> None:
    def make(lib: Any) -> Any:
        return lambda ps: getattr(lib.optim, name)(ps, **{"lr": 0.02, **options})

    ours, theirs = trained(cr, make, dtype), trained(torch, make, dtype)
    close(ours[0], theirs[0], dtype)
    same_state(ours[1], theirs[1], dtype)


def test_large_parameters() -> None:
    """Parameters that are edited block by block, one of them transposed."""
    rng = np.random.default_rng(0)
    a, g = rng.standard_normal((2, 300, 311)).astype(np.float32)
    for name, more in (("SGD", {"momentum": 0.9, "nesterov": True}), ("AdamW", {"amsgrad": True})):
        found = []
        for lib in (cr, torch):
            ps = [lib.tensor(a, requires_grad=True), lib.tensor(a.T.copy()).T.requires_grad_()]
            optimizer = getattr(lib.optim, name)(ps, lr=0.1, weight_decay=0.1, **more)
            for step in range(3):
                for p in ps:
                    p.grad = lib.tensor(g * (step + 1))
                optimizer.step()
            found.append(ps)
        close(found[0], found[1], "float32")


def test_groups_with_options_of_their_own() -> None:
    def make(lib: Any) -> Any:
        def build(ps: list[Any]) -> Any:
            optimizer = lib.optim.SGD(
                [{"params": ps[0], "lr": 0.1}, {"params": ps[1:2], "momentum": 0.5}], lr=0.01
            )
            optimizer.add_param_group({"params": iter(ps[2:]), "weight_decay": 0.1})
            return optimizer

        return build

    ours, theirs = trained(cr, make), trained(torch, make)
    close(ours[0], theirs[0], "float32")
    same_state(ours[1], theirs[1], "float32")
    assert repr(ours[1]) == repr(theirs[1])


def test_named_parameters() -> None:
    def make(lib: Any) -> Any:
        return lambda ps: lib.optim.Adam([(f"p{k}", p) for k, p in enumerate(ps)], lr=0.01)

    ours, theirs = trained(cr, make), trained(torch, make)
    same_state(ours[1], theirs[1], "float32")
    assert ours[1].state_dict()["param_groups"][0]["param_names"] == ["p0", "p1", "p2", "p3"]


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_states_are_exchanged(name: str) -> None:
    """15 steps there, 15 here: the same as 30 there."""
    more = {"momentum": 0.9} if name == "SGD" else {"amsgrad": True}

    def make(lib: Any) -> Any:
        return lambda ps: getattr(lib.optim, name)(ps, lr=0.02, **more)

    theirs, optimizer = trained(torch, make, steps=15)
    saved = optimizer.state_dict()
    state = {
        key: {k: cr.tensor(v.numpy()) for k, v in values.items()}
        for key, values in saved["state"].items()
    }
    ps = parameters(cr)
    for p, q in zip(ps, theirs, strict=True):
        p.data = cr.tensor(q.detach().numpy())
    ours = make(cr)(ps)
    ours.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    for step in range(15, STEPS):
        ours.zero_grad()
        loss_of(cr, ps, step).backward()
        ours.step()
    whole, full = trained(torch, make)
    close(ps, whole, "float32")
    same_state(ours, full, "float32")


def message(make: Both, library: Any) -> tuple[str, str]:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # compared with the other library's
        make(library)
    return type(caught.value).__name__, str(caught.value)


def one(lib: Any) -> list[Any]:
    return [lib.zeros(2, requires_grad=True)]


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.optim.SGD(one(lib), lr=-1.0),
        lambda lib: lib.optim.SGD(one(lib), momentum=-0.5),
        lambda lib: lib.optim.SGD(one(lib), weight_decay=-0.1),
        lambda lib: lib.optim.SGD(one(lib), nesterov=True),
        lambda lib: lib.optim.SGD(one(lib), nesterov=True, momentum=0.9, dampening=0.1),
        lambda lib: lib.optim.SGD(one(lib), lr=lib.tensor([0.1, 0.2])),
        lambda lib: lib.optim.SGD(one(lib), fused=True, differentiable=True),
        lambda lib: lib.optim.SGD(one(lib), fused=True, foreach=True),
        lambda lib: lib.optim.SGD([]),
        lambda lib: lib.optim.SGD(lib.zeros(2)),
        lambda lib: lib.optim.SGD([3]),
        lambda lib: lib.optim.SGD([one(lib)[0] * 2]),
        lambda lib: lib.optim.SGD([{"params": set(one(lib))}]),
        lambda lib: lib.optim.SGD([("a", one(lib)[0]), *one(lib)]),
        lambda lib: lib.optim.SGD([{"params": [("a", one(lib)[0])]}, {"params": one(lib)}]),
        lambda lib: lib.optim.SGD(one(lib)).add_param_group(3),
        lambda lib: lib.optim.SGD([{"params": ps} for ps in [one(lib)] * 2]),
        lambda lib: lib.optim.SGD(one(lib)).load_state_dict({"state": {}, "param_groups": []}),
        lambda lib: lib.optim.SGD(one(lib)).load_state_dict(
            {"state": {}, "param_groups": [{"params": [0, 1]}]}
        ),
        lambda lib: lib.optim.Adam(one(lib), lr=-1.0),
        lambda lib: lib.optim.Adam(one(lib), lr=float("nan")),
        lambda lib: lib.optim.Adam(one(lib), eps=-1.0),
        lambda lib: lib.optim.Adam(one(lib), betas=(1.0, 0.9)),
        lambda lib: lib.optim.Adam(one(lib), betas=(0.9, -0.1)),
        lambda lib: lib.optim.Adam(one(lib), betas=(0, 0.9)),
        lambda lib: lib.optim.Adam(one(lib), weight_decay=-1.0),
        lambda lib: lib.optim.Adam(one(lib), lr=lib.tensor(0.1), foreach=True),
        lambda lib: lib.optim.AdamW(one(lib), fused=True, foreach=True),
        lambda lib: lib.optim.lr_scheduler.StepLR(3, 1),
        lambda lib: lib.optim.lr_scheduler.LambdaLR(lib.optim.SGD(one(lib)), [abs, abs]),
    ],
)
def test_messages(make: Both) -> None:
    ours, theirs = message(make, cr), message(make, torch)
    assert ours == theirs


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_signatures(name: str) -> None:
    def listed(lib: Any) -> list[tuple[str, Any]]:
        found = inspect.signature(getattr(lib.optim, name)).parameters
        return [(p.name, p.default, p.kind) for p in found.values()]  # type: ignore[misc]

    assert listed(cr) == listed(torch)
    assert repr(getattr(cr.optim, name)(one(cr))) == repr(getattr(torch.optim, name)(one(torch)))


def test_warnings_of_the_order() -> None:
    texts = []
    for lib in (cr, torch):
        optimizer = lib.optim.SGD(one(lib), lr=0.1)
        schedule = lib.optim.lr_scheduler.StepLR(optimizer, 2)
        with pytest.warns(UserWarning, match="before `optimizer.step") as caught:
            schedule.step()
        texts.append([str(w.message) for w in caught])
    assert texts[0] == texts[1]
