"""``checkpoint``: the same gradients for less memory, with the same random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.autograd.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
    set_checkpoint_debug_enabled,
    set_checkpoint_early_stop,
)
from chainrule.autograd.graph import ancestors, saved_tensors_hooks

FORMS = [True, False]


def kept(*outputs: Any) -> int:
    """Bytes of the arrays that a graph keeps for its backward, each counted once."""
    arrays: dict[int, int] = {}

    def look(value: Any) -> None:
        if isinstance(value, np.ndarray):
            base = value if value.base is None else value.base
            arrays[id(base)] = base.nbytes
        elif isinstance(value, cr.Tensor):
            look(value._data)
        elif isinstance(value, (tuple, list)):
            for v in value:
                look(v)
        elif isinstance(value, dict):
            look(list(value.values()))
        elif hasattr(value, "unpack"):  # packed: what the pack hook returned, and what unpacks it
            look(value.value)
            call = getattr(value.unpack, "__self__", None)
            if call is not None:
                look([a.kept for a in call.args if hasattr(a, "kept")])
                look([box.tensor for box in call.boxes.values()])
        elif hasattr(value, "back"):  # a user's Function
            look([origin[0] for origin in value.back if origin is not None])

    for node in ancestors([o._node for o in outputs]):
        if node.plan is not None:
            look(node.saved)
    return sum(arrays.values())


def net(depth: int = 6, width: int = 32) -> Any:
    cr.manual_seed(1)
    return nn.Sequential(*[nn.Sequential(nn.Linear(width, width), nn.Tanh()) for _ in range(depth)])


def grads_of(model: Any) -> list[Any]:
    found = [p.grad.numpy().copy() for p in model.parameters()]
    model.zero_grad()
    return found


def test_memory_is_what_the_arguments_take() -> None:
    model, x = net(), cr.randn(64, 32, requires_grad=True)
    parameters = sum(p.nbytes for p in model.parameters())
    row = x.nbytes
    plain = model(x).sum()
    assert kept(plain) - parameters >= 6 * row  # the result of every tanh
    y = x
    for layer in model:
        y = checkpoint(layer, y, use_reentrant=False)
    assert kept(y) <= 6 * row  # one argument a layer; the weights are the module's
    two = checkpoint_sequential(model, 2, x, use_reentrant=False)
    assert kept(two) < 0.6 * kept(plain)  # the last part is not checkpointed
    one = checkpoint(model, x, use_reentrant=False)
    assert kept(one) == row


@pytest.mark.parametrize("reentrant", FORMS)
def test_gradients_are_the_same(reentrant: bool) -> None:
    model, x = net(), cr.randn(8, 32, requires_grad=True)
    model(x).square().sum().backward()
    expected, gx = grads_of(model), x.grad.clone()
    for run in (
        lambda: checkpoint(model, x, use_reentrant=reentrant),
        lambda: checkpoint_sequential(model, 3, x, use_reentrant=reentrant),
    ):
        x.grad = None
        run().square().sum().backward()
        for a, b in zip(grads_of(model), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
        np.testing.assert_allclose(x.grad.numpy(), gx.numpy(), rtol=1e-6)


@pytest.mark.parametrize("reentrant", FORMS)
def test_dropout_masks_are_identical(reentrant: bool) -> None:
    layer = nn.Sequential(nn.Linear(20, 20), nn.Dropout(0.5), nn.Tanh())
    x = cr.randn(5, 20, requires_grad=True)
    cr.manual_seed(7)
    y = layer(x)
    after = cr.rand(3)
    y.sum().backward()
    expected = x.grad.clone()
    x.grad = None
    cr.manual_seed(7)
    z = checkpoint(layer, x, use_reentrant=reentrant)
    assert cr.equal(z, y)
    assert cr.equal(cr.rand(3), after)
    between = cr.random.get_rng_state() if hasattr(cr, "random") else None
    z.sum().backward()
    assert cr.equal(x.grad, expected)
    if between is not None:  # the second run leaves the stream where it was
        assert cr.equal(cr.random.get_rng_state(), between)


def test_the_random_state_may_be_let_go() -> None:
    x = cr.ones(1000, requires_grad=True)
    y = checkpoint(
        lambda x: (x * cr.rand(1000)).square(), x, use_reentrant=False, preserve_rng_state=False
    )
    y.sum().backward()
    assert not cr.allclose(x.grad, 2 * y.detach())


def test_grad_second_derivatives_and_hooks() -> None:
    x = cr.tensor([1.0, 2.0], dtype=cr.float64, requires_grad=True)
    w = cr.tensor([0.5, -1.0], dtype=cr.float64, requires_grad=True)

    def f(x: Any) -> Any:
        return (x * w).tanh().exp()

    seen: list[Any] = []
    y = checkpoint(f, x, use_reentrant=False)
    y.register_hook(lambda g: seen.append(g.tolist()))
    got = cr.autograd.grad(y.sum(), [x, w], create_graph=True)
    expected = cr.autograd.grad(f(x).sum(), [x, w], create_graph=True)
    for a, b in zip(got, expected, strict=True):
        assert cr.allclose(a, b)
    for k in range(2):
        a, b = (cr.autograd.grad(g[k].sum(), [x, w], retain_graph=True) for g in (got, expected))
        assert all(cr.allclose(p, q) for p, q in zip(a, b, strict=True))
    assert seen[0] == [1.0, 1.0]
    assert cr.autograd.gradcheck(lambda x: checkpoint(f, x, use_reentrant=False), (x,))
    assert cr.autograd.gradgradcheck(lambda x: checkpoint(f, x, use_reentrant=False), (x,))


def test_going_back_twice() -> None:
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    runs: list[int] = []

    def f(x: Any) -> Any:
        runs.append(1)
        return x.sin().exp()

    y = checkpoint(f, x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert len(runs) == 3  # each backward runs it once
    assert cr.allclose(x.grad, 2 * x.detach().cos() * x.detach().sin().exp())
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_parameters_edited_between_two_walks_are_read_anew() -> None:
    """A retained graph computes with what the parameters are now: edits are not seen."""
    x = cr.ones(2, requires_grad=True)
    y = checkpoint(lambda x: (x.exp() * x).sin(), x, use_reentrant=False).sum()
    cr.autograd.grad(y, x, retain_graph=True)
    with cr.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        cr.autograd.grad(y, x)


def test_nested() -> None:
    model, x = net(4, 8), cr.randn(4, 8, requires_grad=True)
    runs: list[str] = []

    def inner(x: Any) -> Any:
        runs.append("inner")
        return model[2](model[1](x).sin())

    def outer(x: Any) -> Any:
        runs.append("outer")
        h = model[0](x) * 2
        return model[3](checkpoint(inner, h, use_reentrant=False)).exp()

    outer(x).sum().backward()
    expected, gx = grads_of(model), x.grad.clone()
    x.grad = None
    runs.clear()
    y = checkpoint(outer, x, use_reentrant=False)
    assert runs == ["outer", "inner"]
    assert kept(y) == x.nbytes  # the inner one's argument is packed by the outer one
    y.sum().backward()
    for a, b in zip(grads_of(model), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert cr.allclose(x.grad, gx)
    assert set(runs) == {"outer", "inner"}


def test_inside_other_hooks() -> None:
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    packed: list[Any] = []
    with saved_tensors_hooks(lambda t: packed.append(t) or t, lambda t: t):  # type: ignore[func-returns-value]
        y = checkpoint(lambda x: x.sin().exp(), x, use_reentrant=False) * x
    assert len(packed) == 3  # the argument, and the two of the product
    y.sum().backward()
    e = x.detach()
    assert cr.allclose(x.grad, e.sin().exp() * (1 + e * e.cos()))


def test_in_place_operations_inside() -> None:
    x = cr.tensor([1.0, 2.0], dtype=cr.float64, requires_grad=True)

    def f(x: Any) -> Any:
        y = x * 2
        y.mul_(x).sin_()
        y[0] = y[1] * 3
        y.mul_(y.detach() + 1)
        return y.exp()

    (expected,) = cr.autograd.grad(f(x).sum(), x)
    for early in FORMS:
        y = checkpoint(f, x, use_reentrant=False, early_stop=early)
        assert cr.allclose(cr.autograd.grad(y.sum(), x)[0], expected)


def test_several_arguments_and_results() -> None:
    x = cr.ones(2, requires_grad=True)

    def f(a: Any, k: int, b: Any, *, scale: float) -> Any:
        return a * b * scale, {"k": (a * k).sin()}

    product, rest = checkpoint(f, x, 3, cr.ones(2) * 2, scale=5.0, use_reentrant=False)
    (product.sum() + rest["k"].sum()).backward()
    assert cr.allclose(x.grad, 10 + 3 * cr.ones(2).mul(3).cos())
    x.grad = None
    a, b = checkpoint(lambda x, k: (x * k, x.detach()), x, 3, use_reentrant=True)
    assert not b.requires_grad or b.grad_fn is a.grad_fn
    a.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_the_reentrant_form_refuses_grad() -> None:
    x = cr.ones(2, requires_grad=True)
    y = checkpoint(cr.sin, x, use_reentrant=True).sum()
    with pytest.raises(RuntimeError, match=r"incompatible with \.grad\(\)"):
        cr.autograd.grad(y, x)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad"):
        assert not checkpoint(cr.sin, x.detach(), use_reentrant=True).requires_grad
    with pytest.warns(UserWarning, match="passed explicitly"):
        checkpoint(cr.sin, x)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: foo"):
        checkpoint(cr.sin, x, use_reentrant=True, foo=1)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(cr.sin, x, use_reentrant=True, debug=True)


class Fickle:
    """A function that does something else from the second call on."""

    def __init__(self, first: Any, later: Any) -> None:
        self.todo = [first]
        self.later = later

    def __call__(self, x: Any) -> Any:
        return (self.todo.pop() if self.todo else self.later)(x)


def test_a_different_second_run() -> None:
    x = cr.ones(3, requires_grad=True)
    fewer = Fickle(lambda x: x.sin().cos(), lambda x: x.sin())
    with pytest.raises(CheckpointError, match=r"forward: 2\n.*recomputation: 1"):
        checkpoint(fewer, x, use_reentrant=False).sum().backward()
    more = Fickle(lambda x: x.sin(), lambda x: x.sin().cos())
    with (
        set_checkpoint_early_stop(False),
        pytest.raises(CheckpointError, match="save more tensors"),
    ):
        checkpoint(more, x, use_reentrant=False).sum().backward()
    other = Fickle(lambda x: x.sin(), lambda x: x[:2].sin())
    with pytest.raises(CheckpointError, match=r"position 0:\nsaved metadata: shape \[3\]"):
        checkpoint(other, x, use_reentrant=False).sum().backward()
    other = Fickle(lambda x: x.sin().sum(), lambda x: x.sum().sin())
    y = checkpoint(other, x, use_reentrant=False, determinism_check="none")
    y.backward()
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(cr.sin, x, use_reentrant=False, determinism_check="some")


def test_debug_names_the_lines() -> None:
    x = cr.ones(3, requires_grad=True)
    fewer = Fickle(lambda x: x.sin().cos(), lambda x: x.sin())
    y = checkpoint(fewer, x, use_reentrant=False, debug=True).sum()
    with pytest.raises(CheckpointError, match=r"0: .*test_checkpoint.py:\d+: fewer = Fickle"):
        y.backward()
    with set_checkpoint_debug_enabled(True):
        y = checkpoint(Fickle(cr.sin, lambda x: x[:1].sin()), x, use_reentrant=False)
    with pytest.raises(CheckpointError, match=r"saved at .*test_checkpoint\.py"):
        y.sum().backward()


def test_contexts_of_the_two_runs() -> None:
    from contextlib import contextmanager

    entered: list[str] = []

    @contextmanager
    def named(name: str) -> Any:
        entered.append(name)
        yield
        entered.append(f"/{name}")

    x = cr.ones(3, requires_grad=True)
    y = checkpoint(
        cr.sin, x, use_reentrant=False, context_fn=lambda: (named("forward"), named("again"))
    )
    y.sum().backward()
    assert entered == ["forward", "/forward", "again", "/again"]


def test_under_no_grad_nothing_is_kept() -> None:
    x = cr.ones(3, requires_grad=True)
    with cr.no_grad():
        assert not checkpoint(cr.sin, x, use_reentrant=False).requires_grad


def test_early_stop() -> None:
    x = cr.ones(3, requires_grad=True)
    ends: list[int] = []

    def f(x: Any) -> Any:
        y = x.sin()
        ends.append(0)
        return y * 2

    checkpoint(f, x, use_reentrant=False).sum().backward()
    assert len(ends) == 1  # the second run stopped when sin had saved its argument
    checkpoint(f, x, use_reentrant=False, early_stop=False).sum().backward()
    assert len(ends) == 3
