"""Optimizers against their formulas, written out in float64; groups, states, hooks, edge cases."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.optim import SGD, Adam, AdamW, Optimizer

STEPS = 12


def gradients(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(1).standard_normal((STEPS, *shape))


def start(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(2).standard_normal(shape)


def run(make: Any, shape: tuple[int, ...], dtype: Any = cr.float64) -> Any:
    """Twelve steps with given gradients."""
    p = cr.tensor(start(shape), dtype=dtype, requires_grad=True)
    optimizer = make([p])
    for g in gradients(shape):
        p.grad = cr.tensor(g, dtype=dtype)
        optimizer.step()
    return np.array(p.tolist()).reshape(shape)


def sgd(
    shape: tuple[int, ...], lr: float, momentum: float = 0.0, dampening: float = 0.0,
    weight_decay: float = 0.0, nesterov: bool = False, maximize: bool = False,
) -> Any:  # fmt: skip
    x, b = start(shape), None
    for g in gradients(shape):
        d = (-g if maximize else g) + weight_decay * x
        if momentum:
            b = d if b is None else momentum * b + (1 - dampening) * d
            d = d + momentum * b if nesterov else b
        x = x - lr * d
    return x


def adam(
    shape: tuple[int, ...], lr: float, betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8, weight_decay: float = 0.0, amsgrad: bool = False, maximize: bool = False,
    decoupled: bool = False,
) -> Any:  # fmt: skip
    x = start(shape)
    m, v, most = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for t, g in enumerate(gradients(shape), 1):
        d = -g if maximize else g
        if decoupled:
            x = x * (1 - lr * weight_decay)
        else:
            d = d + weight_decay * x
        m = betas[0] * m + (1 - betas[0]) * d
        v = betas[1] * v + (1 - betas[1]) * d * d
        most = np.maximum(most, v)
        root = np.sqrt((most if amsgrad else v) / (1 - betas[1] ** t))
        x = x - lr * m / (1 - betas[0] ** t) / (root + eps)
    return x


SHAPES = [(4, 3), (), (0, 2), (300, 200)]
SGD_OPTIONS: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.1, "maximize": True},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.4, "weight_decay": 0.1},
    {"momentum": 0.9, "nesterov": True, "maximize": True},
]
ADAM_OPTIONS: list[dict[str, Any]] = [
    {},
    {"betas": (0.2, 0.7), "eps": 0.1},
    {"weight_decay": 0.3, "maximize": True},
    {"amsgrad": True, "betas": (0.9, 0.5)},
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", SGD_OPTIONS)
def test_sgd_is_its_formula(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    found = run(lambda ps: SGD(ps, lr=0.05, **options), shape)
    np.testing.assert_allclose(found, sgd(shape, 0.05, **options), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", ADAM_OPTIONS)
def test_adam_is_its_formula(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    found = run(lambda ps: Adam(ps, lr=0.05, **options), shape)
    np.testing.assert_allclose(found, adam(shape, 0.05, **options), rtol=1e-10, atol=1e-12)
    found = run(lambda ps: AdamW(ps, lr=0.05, **{"weight_decay": 0.3, **options}), shape)
    expected = adam(shape, 0.05, **{"weight_decay": 0.3, **options}, decoupled=True)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("make", [lambda ps: SGD(ps, lr=0.1, momentum=0.9), Adam])
def test_layouts_agree(make: Any) -> None:
    """Parameters and gradients of any strides, edited whole or block by block."""
    for shape in ((7, 5), (300, 200)):
        base = start(shape)
        found = []
        for order in ("C", "F"):
            p = cr.from_numpy(np.array(base, order=order)).requires_grad_()
            optimizer = make([p])
            for g in gradients(shape):
                p.grad = cr.from_numpy(np.array(g, order="F" if order == "C" else "C"))
                optimizer.step()
            found.append(p.detach().numpy())
        np.testing.assert_array_equal(*found)


def test_complex_parameters_are_pairs_of_real_ones() -> None:
    values = start((3, 2)) + 1j * start((2, 3)).T
    for make in (lambda ps: Adam(ps, lr=0.1), lambda ps: SGD(ps, lr=0.1, momentum=0.9)):
        z = cr.from_numpy(values.copy()).requires_grad_()
        pair = [cr.from_numpy(part.copy()).requires_grad_() for part in (values.real, values.imag)]
        one, two = make([z]), make(pair)
        for g in gradients((3, 2)):
            z.grad = cr.from_numpy(g + 2j * g)
            pair[0].grad, pair[1].grad = cr.from_numpy(g), cr.from_numpy(2 * g)
            one.step()
            two.step()
        expected = pair[0].detach().numpy() + 1j * pair[1].detach().numpy()
        np.testing.assert_allclose(z.detach().numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [cr.float16, cr.bfloat16, cr.float32])
@pytest.mark.parametrize("make", [lambda ps: SGD(ps, 0.05, 0.9), lambda ps: Adam(ps, 0.05)])
def test_narrow_types_stay_narrow(make: Any, dtype: Any) -> None:
    found = run(make, (4, 3), dtype)
    wide = run(make, (4, 3))
    np.testing.assert_allclose(found, wide, atol=1e-6 if dtype is cr.float32 else 0.1)


def test_zero_dimensional_parameters_stay_numbers() -> None:
    x = cr.tensor(3.0, dtype=cr.float64, requires_grad=True)
    optimizer = SGD([x], lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        (x * x).backward()
        optimizer.step()
    assert type(x._data) is float
    assert abs(x.item()) < 1e-8
    assert x._node.value == x._data, "the graph sees the new value"


def test_nothing_is_allocated_for_a_step() -> None:
    """The arrays of parameter and state are the same ones after the step."""
    p = cr.ones(50, 50, requires_grad=True)
    optimizer = Adam([p], amsgrad=True)
    p.grad = cr.ones(50, 50)
    optimizer.step()
    state = optimizer.state[p]
    held = [p._data, *(state[k]._data for k in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"))]
    optimizer.step()
    after = [p._data, *(state[k]._data for k in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"))]
    assert all(a is b for a, b in zip(held, after, strict=True))


def test_a_step_between_forward_and_backward_is_noticed() -> None:
    w = cr.ones(2, requires_grad=True)
    y = (w * w).sum()
    w.grad = cr.ones(2)
    SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="edited afterwards by an optimizer's step"):
        y.backward()


def test_parameters_without_gradient_are_left_alone() -> None:
    a, b = cr.ones(2, requires_grad=True), cr.ones(2, requires_grad=True)
    optimizer = Adam([a, b], weight_decay=0.5)
    a.grad = cr.ones(2)
    optimizer.step()
    assert b.tolist() == [1.0, 1.0]
    assert list(optimizer.state_dict()["state"]) == [0]


def test_a_step_is_not_recorded() -> None:
    w = cr.ones(2, requires_grad=True)
    optimizer = SGD([w], lr=0.1, momentum=0.9, weight_decay=0.1)
    (w * 2).sum().backward()
    optimizer.step()
    assert w.is_leaf
    assert w.grad_fn is None


def test_closure() -> None:
    w = cr.tensor([3.0], requires_grad=True)
    optimizer = SGD([w], lr=0.25)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with cr.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert w.tolist() == [1.5]


def test_learning_rate_as_a_tensor() -> None:
    w = cr.tensor([1.0], requires_grad=True)
    lr = cr.tensor(0.5)
    for make in (SGD, Adam):
        optimizer = make([w], lr=lr)
        w.grad = cr.ones(1)
        lr.fill_(0.25)
        before = w.item()
        optimizer.step()
        assert before - w.item() == pytest.approx(0.25)


def test_options_may_change_while_training() -> None:
    w = cr.tensor([1.0], requires_grad=True)
    optimizer = SGD([w], lr=0.5)
    w.grad = cr.ones(1)
    optimizer.param_groups[0]["lr"] = np.float64(0.25)
    optimizer.step()
    assert w.tolist() == [0.75]
    assert w.dtype is cr.float32


def test_zero_grad() -> None:
    w = cr.ones(2, requires_grad=True)
    optimizer = SGD([w])
    w.grad = cr.ones(2)
    held = w.grad
    optimizer.zero_grad(set_to_none=False)
    assert w.grad is held
    assert held.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert w.grad is None


# -- groups and states ----------------------------------------------------------------------------


def test_group_of_one_tensor() -> None:
    w = cr.ones(1, requires_grad=True)
    optimizer = SGD([{"params": w, "lr": 3.0}], lr=1.0)
    assert optimizer.param_groups[0]["params"] == [w]
    assert optimizer.param_groups[0]["lr"] == 3.0


def test_required_option() -> None:
    from chainrule.optim.optimizer import required

    w = cr.ones(1, requires_grad=True)
    assert Optimizer([{"params": w, "lr": 1}], {"lr": required}).param_groups[0]["lr"] == 1
    with pytest.raises(ValueError, match="didn't specify a value of required optimization"):
        Optimizer([w], {"lr": required})


def test_the_same_parameter_twice() -> None:
    w = cr.ones(1, requires_grad=True)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        SGD([w, w])


def test_state_round_trip() -> None:
    ws = [cr.ones(3, requires_grad=True), cr.tensor(1.0, requires_grad=True)]
    optimizer = Adam(ws, lr=0.1, amsgrad=True)
    for w in ws:
        w.grad = cr.ones_like(w)
    optimizer.step()
    again = Adam(ws, lr=9.0)
    again.load_state_dict(optimizer.state_dict())
    assert again.param_groups[0]["lr"] == 0.1
    a, b = optimizer.state[ws[0]], again.state[ws[0]]
    assert a["exp_avg"].tolist() == b["exp_avg"].tolist()
    assert a["exp_avg"]._data is not b["exp_avg"]._data, "a copy"
    again.step()
    assert again.state[ws[1]]["step"].item() == 2.0
    assert optimizer.state[ws[1]]["step"].item() == 1.0


def test_state_takes_the_dtype_of_its_parameter() -> None:
    w = cr.ones(3, requires_grad=True)
    optimizer = SGD([w], momentum=0.9)
    w.grad = cr.ones(3)
    optimizer.step()
    v = cr.ones(3, dtype=cr.float64, requires_grad=True)
    other = SGD([v])
    other.load_state_dict(optimizer.state_dict())
    assert other.state[v]["momentum_buffer"].dtype is cr.float64


@pytest.mark.parametrize("how", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_continue(how: Any) -> None:
    w = cr.ones(3, requires_grad=True)
    optimizer = Adam([w], lr=0.1)
    optimizer.register_step_pre_hook(lambda *a: pytest.fail("hooks are not copied"))
    w.grad = cr.ones(3)
    twin = how(optimizer)
    v = twin.param_groups[0]["params"][0]
    assert v is not w
    v.grad = cr.ones(3)
    twin.step()
    assert v.tolist() != w.tolist()
    assert twin.state[v]["step"].item() == 1.0


def test_old_states_get_the_missing_options() -> None:
    w = cr.ones(1, requires_grad=True)
    optimizer = Adam([w])
    saved = {
        "state": {0: {"step": 3, "exp_avg": cr.zeros(1), "exp_avg_sq": cr.zeros(1)}},
        "param_groups": [
            {"lr": 0.1, "betas": (0.9, 0.99), "eps": 0.1, "weight_decay": 0, "params": [0]}
        ],
    }
    optimizer.load_state_dict(saved)
    w.grad = cr.ones(1)
    optimizer.step()
    assert optimizer.state[w]["step"].item() == 4.0


# -- hooks ----------------------------------------------------------------------------------------


def test_step_hooks() -> None:
    w = cr.ones(1, requires_grad=True)
    optimizer, seen = SGD([w]), []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
    handle = optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    optimizer.step()
    handle.remove()
    optimizer.step(closure=None)
    assert seen == ["before", "after", "before"]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()


def test_hooks_run_once_where_a_step_calls_its_base() -> None:
    class Loud(SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    w = cr.ones(1, requires_grad=True)
    optimizer, seen = Loud([w]), []
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(1))
    optimizer.step()
    assert seen == [1]


def test_state_hooks() -> None:
    w = cr.ones(1, requires_grad=True)
    optimizer, seen = SGD([w], lr=0.5), []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("writing"))
    optimizer.register_state_dict_post_hook(lambda o, s: {**s, "note": 1})
    optimizer.register_state_dict_post_hook(lambda o, s: seen.append("note" in s), prepend=True)
    optimizer.register_load_state_dict_pre_hook(lambda o, s: seen.append(sorted(s)))
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("read"))
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == ["writing", False, ["note", "param_groups", "state"], "read"]


def test_an_optimizer_of_ones_own() -> None:
    class Sign(Optimizer):
        def __init__(self, params: Any, lr: float = 0.5) -> None:
            super().__init__(params, {"lr": lr})

        @cr.no_grad()
        def step(self, closure: Any = None) -> Any:
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(p.grad.sign() * group["lr"])
                    self.state[p]["steps"] = self.state[p].get("steps", 0) + 1

    w = cr.tensor([1.0, -1.0], requires_grad=True)
    optimizer = Sign([w])
    (w * w).sum().backward()
    optimizer.step()
    assert w.tolist() == [0.5, -0.5]
    assert optimizer.state_dict()["state"] == {0: {"steps": 1}}
    with pytest.raises(NotImplementedError):
        Optimizer([w], {}).step()


# -- under capture --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"weight_decay": 0.1, "maximize": True}, {"momentum": 0.9, "nesterov": True}]
)
def test_captured_training_step(options: dict[str, Any]) -> None:
    """Forward, backward and update as one graph: running it again trains on."""
    x, y = cr.randn(8, 3), cr.randn(8, 1)

    def build() -> tuple[Any, Any]:
        cr.manual_seed(4)
        layer = cr.nn.Linear(3, 1)
        return layer, SGD(layer.parameters(), lr=0.1, **options)

    def step(layer: Any, optimizer: Any, x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = cr.nn.functional.mse_loss(layer(x), y)
        loss.backward()
        optimizer.step()
        return loss

    layer, optimizer = build()
    expected = [step(layer, optimizer, x, y).item() for _ in range(5)]
    layer, optimizer = build()
    losses = [step(layer, optimizer, x, y).item()]
    graph = cr.capture(lambda x, y: step(layer, optimizer, x, y), x, y)
    losses.append(expected[1])  # the capture itself is the second step
    losses += [graph.run(x, y).item() for _ in range(3)]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_captures_that_would_be_wrong_are_refused() -> None:
    w = cr.ones(2, requires_grad=True)

    def step(optimizer: Any) -> Any:
        def run(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (w * x).sum()
            loss.backward()
            optimizer.step()
            return loss

        return run

    with pytest.raises(RuntimeError, match="take one step before capturing"):
        cr.capture(step(SGD([w], momentum=0.9)), cr.ones(2))
    with pytest.raises(NotImplementedError, match="Adam: its step cannot be captured yet"):
        cr.capture(step(Adam([w])), cr.ones(2))
