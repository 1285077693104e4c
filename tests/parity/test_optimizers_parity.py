"""Every other optimizer against PyTorch's: 30 steps with each option, states, errors."""

from __future__ import annotations

import inspect
import itertools
import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

from optim_runs import close, loss_of, parameters, same_state, trained  # noqa: E402


def options(**choices: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Every combination of the choices."""
    return [dict(zip(choices, v, strict=True)) for v in itertools.product(*choices.values())]


TABLE: dict[str, list[dict[str, Any]]] = {
    "RMSprop": options(
        momentum=(0, 0.9), centered=(False, True), weight_decay=(0, 0.05), maximize=(False, True)
    ),
    "Adagrad": options(
        lr_decay=(0, 0.1), weight_decay=(0, 0.05), initial_accumulator_value=(0, 0.5),
        maximize=(False, True),
    ),
    "Adadelta": options(rho=(0.9, 0.3), weight_decay=(0, 0.05), maximize=(False, True)),
    "Adamax": options(
        betas=((0.9, 0.999), (0.3, 0.8)), weight_decay=(0, 0.05), maximize=(False, True)
    ),
    "NAdam": options(
        momentum_decay=(4e-3, 0.1), weight_decay=(0, 0.05), decoupled_weight_decay=(False, True),
        maximize=(False, True),
    ),
    "RAdam": options(
        betas=((0.9, 0.999), (0.3, 0.8)), weight_decay=(0, 0.05),
        decoupled_weight_decay=(False, True), maximize=(False, True),
    ),
    "Rprop": options(etas=((0.5, 1.2), (0.3, 2.0)), maximize=(False, True)),
    "ASGD": options(
        t0=(1e6, 5.0), lambd=(1e-4, 0.1), weight_decay=(0, 0.05), maximize=(False, True)
    ),
    "Adafactor": options(
        lr=(0.01, 0.5), d=(1.0, 3.0), weight_decay=(0.0, 0.05), maximize=(False, True)
    ),
}  # fmt: skip
EVERY = [(name, k) for name, cases in TABLE.items() for k in range(len(cases))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "k"), EVERY)
def test_thirty_steps(name: str, k: int, dtype: str) -> None:
    def make(lib: Any) -> Any:
        return lambda ps: getattr(lib.optim, name)(ps, **TABLE[name][k])

    ours, theirs = trained(cr, make, dtype), trained(torch, make, dtype)
    close(ours[0], theirs[0], dtype)
    same_state(ours[1], theirs[1], dtype)


@pytest.mark.parametrize("name", [*TABLE, "Adam", "AdamW", "SGD", "LBFGS", "Muon"])
def test_signature_and_groups(name: str) -> None:
    ours, theirs = getattr(cr.optim, name), getattr(torch.optim, name)
    a, b = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    assert list(a) == list(b)
    assert [p.default for p in a.values()] == [p.default for p in b.values()]
    made = [lib([m.zeros(2, 2, requires_grad=True)]) for lib, m in ((ours, cr), (theirs, torch))]
    assert repr(made[0]) == repr(made[1])
    assert list(made[0].param_groups[0]) == list(made[1].param_groups[0])


@pytest.mark.parametrize("name", list(TABLE))
def test_state_goes_to_and_from_pytorch(name: str) -> None:
    def make(lib: Any) -> Any:
        return lambda ps: getattr(lib.optim, name)(ps)

    _, ours = trained(cr, make, "float64", 5)
    qs, theirs = trained(torch, make, "float64", 5)

    def moved(value: Any, lib: Any) -> Any:
        if isinstance(value, dict):
            return {k: moved(v, lib) for k, v in value.items()}
        if hasattr(value, "numpy"):
            return lib.tensor(value.numpy().copy())
        return value

    ps = parameters(cr, "float64")
    with cr.no_grad():
        for p, q in zip(ps, qs, strict=True):
            p.copy_(cr.tensor(q.detach().numpy()))
    fresh = make(cr)(ps)
    fresh.load_state_dict(moved(theirs.state_dict(), cr))
    make(torch)(parameters(torch, "float64")).load_state_dict(moved(ours.state_dict(), torch))
    again = make(torch)(qs)  # loading widens float32 state to the parameters' float64
    again.load_state_dict(theirs.state_dict())
    for lib, optimizer, params in ((cr, fresh, ps), (torch, again, qs)):
        for step in range(5, 12):
            optimizer.zero_grad()
            loss_of(lib, params, step).backward()
            optimizer.step()
    close(ps, qs, "float64")


BAD = [
    ("RMSprop", {"lr": -1}), ("RMSprop", {"alpha": -1}), ("RMSprop", {"momentum": -1}),
    ("Adagrad", {"lr_decay": -1}), ("Adagrad", {"initial_accumulator_value": -1}),
    ("Adadelta", {"rho": 2.0}), ("Adadelta", {"eps": -1}), ("Adamax", {"betas": (1.0, 0.9)}),
    ("Adamax", {"weight_decay": -1}), ("NAdam", {"momentum_decay": -1}), ("NAdam", {"eps": -1}),
    ("RAdam", {"betas": (0.9, 1.0)}), ("RAdam", {"lr": math.nan}), ("Rprop", {"etas": (1.0, 1.2)}),
    ("ASGD", {"lr": -1}), ("Adafactor", {"beta2_decay": 1.0}), ("Adafactor", {"d": 0.5}),
    ("LBFGS", {"lr": -1}), ("Muon", {"momentum": -1}), ("Muon", {"adjust_lr_fn": "no"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given"), BAD)
def test_bad_options_raise_alike(name: str, given: dict[str, Any]) -> None:
    texts = []
    for lib in (cr, torch):
        with pytest.raises(ValueError) as error:  # noqa: PT011  # the texts are compared below
            getattr(lib.optim, name)([lib.zeros(2, 2, requires_grad=True)], **given)
        texts.append(str(error.value))
    assert texts[0] == texts[1]


def rosenbrock(x: Any) -> Any:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("given", [{}, {"history_size": 3}, {"max_iter": 4}, {"lr": 0.5}])
def test_lbfgs(search: str | None, given: dict[str, Any]) -> None:
    paths, counts = [], []
    for lib in (cr, torch):
        x = lib.tensor([-1.2, 1.0], dtype=lib.float64, requires_grad=True)
        y = lib.tensor(0.5, dtype=lib.float64, requires_grad=True)
        rest = lib.zeros(2, dtype=lib.float64, requires_grad=True)
        lr = {"lr": 1e-3} if search is None and "lr" not in given else {}
        optimizer = lib.optim.LBFGS([x, y, rest], line_search_fn=search, **{**lr, **given})

        def closure(x: Any = x, y: Any = y, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = rosenbrock(x) * (0.01 if search is None else 1) + (y - x[0]) ** 2
            loss.backward()
            return loss

        path = []
        for _ in range(5):
            loss = optimizer.step(closure)
            path.append([*x.tolist(), y.item(), loss.item()])
        paths.append(path)
        state = next(iter(optimizer.state_dict()["state"].values()))
        counts.append((state["func_evals"], state["n_iter"], len(state["old_dirs"])))
    assert counts[0] == counts[1]
    np.testing.assert_allclose(paths[0], paths[1], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("given", options(nesterov=(True, False), weight_decay=(0.1, 0.0),
                                          adjust_lr_fn=(None, "match_rms_adamw")))  # fmt: skip
@pytest.mark.parametrize("shape", [(4, 3), (3, 5)])
def test_muon(given: dict[str, Any], shape: tuple[int, int]) -> None:
    ends = []
    for lib in (cr, torch):
        rng = np.random.default_rng(1)
        w = lib.tensor(rng.standard_normal(shape), dtype=lib.float32, requires_grad=True)
        target = lib.tensor(rng.standard_normal(shape), dtype=lib.float32)
        optimizer = lib.optim.Muon([w], lr=0.02, **given)
        for _ in range(10):
            optimizer.zero_grad()
            ((w - target) ** 2).sum().backward()
            optimizer.step()
        ends.append(w.detach().numpy())
    # The iterations run in bfloat16 (8 bits), whose products PyTorch sums in another order.
    np.testing.assert_allclose(ends[0], ends[1], atol=3e-3)


def test_muon_takes_matrices_only() -> None:
    for lib in (cr, torch):
        with pytest.raises(ValueError, match="Muon only supports 2D parameters"):
            lib.optim.Muon([lib.zeros(3, requires_grad=True)])
