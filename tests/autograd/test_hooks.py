"""Hooks and kept gradients: their order, what they replace, when they are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr


def var(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


def test_hooks_run_in_the_order_of_registration_and_see_what_the_last_one_made() -> None:
    x = var(2.0)
    y = x * 3
    seen: list[float] = []
    y.register_hook(lambda g: seen.append(g.item()))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.item()))
    y.register_hook(lambda g: g + 1)
    (y * 5).backward()
    assert seen == [5.0, 50.0]
    assert x.grad.item() == 51.0 * 3


def test_hook_on_a_leaf_sees_the_whole_gradient_once() -> None:
    x = var([1.0, 2.0])
    seen: list[Any] = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * x + x).sum().backward()
    assert seen == [[3.0, 5.0]]
    (x * 2).sum().backward()
    assert seen[1] == [2.0, 2.0]  # the gradient of this walk, not what has accumulated
    assert x.grad.tolist() == [5.0, 7.0]


def test_a_leaf_hook_replaces_what_is_accumulated() -> None:
    x = var([1.0, 2.0])
    with x.register_hook(lambda g: g * 0):
        (x * x).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_removing_hooks() -> None:
    x = var(1.0)
    seen: list[int] = []
    first = x.register_hook(lambda g: seen.append(1))
    second = x.register_hook(lambda g: seen.append(2))
    first.remove()
    first.remove()  # twice does no harm
    (x * 2).backward()
    assert seen == [2]

    def once(g: Any) -> None:
        seen.append(3)
        handle.remove()  # while it runs

    handle = x.register_hook(once)
    (x * 2).backward()
    (x * 2).backward()
    assert seen == [2, 2, 3, 2]
    second.remove()
    (x * 2).backward()
    assert seen == [2, 2, 3, 2]


def test_hooks_do_not_change_the_gradient_of_other_routes() -> None:
    x = var([1.0, 2.0])
    a, b = x * 2, x * 3
    a.register_hook(lambda g: g * 100)
    (a + b).sum().backward()
    assert x.grad.tolist() == [203.0, 203.0]


def test_a_hook_of_a_wrong_shape_is_refused() -> None:
    x = var([1.0, 2.0])
    x.register_hook(lambda g: g.sum())
    with pytest.raises(RuntimeError, match="size"):
        (x * 2).sum().backward()
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        cr.ones(2).register_hook(lambda g: g)
    with pytest.raises(TypeError, match="function"):
        x.register_hook(3)  # type: ignore[arg-type]


def test_hooks_under_create_graph_are_recorded() -> None:
    x = var(2.0)
    y = x * x
    y.register_hook(lambda g: g * x)
    (g,) = cr.autograd.grad(y, x, create_graph=True)  # x · 2x
    (h,) = cr.autograd.grad(g, x)
    assert (g.item(), h.item()) == (8.0, 8.0)


def test_hooks_see_the_gradient_that_grad_returns() -> None:
    x = var(2.0)
    y = x * x
    y.register_hook(lambda g: g * 2)
    (gy,) = cr.autograd.grad(y * 3, y, retain_graph=True)
    assert gy.item() == 6.0
    x.register_hook(lambda g: g * 5)
    (gx,) = cr.autograd.grad(y * 3, x)
    assert gx.item() == 2 * 3 * 2 * 2 * 5.0


def test_post_accumulate_hooks() -> None:
    x = var([1.0, 2.0])
    seen: list[Any] = []

    def step(t: Any) -> None:
        assert t.grad is x.grad
        seen.append((t.tolist(), t.grad.tolist()))
        t.grad = None

    handle = x.register_post_accumulate_grad_hook(step)
    (x * 3).sum().backward()
    (x * 4).sum().backward()
    assert seen == [([1.0, 2.0], [3.0, 3.0]), ([1.0, 2.0], [4.0, 4.0])]
    assert x.grad is None
    handle.remove()
    (x * 3).sum().backward()
    assert len(seen) == 2
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(step)


def test_an_optimizer_step_inside_backward() -> None:
    x = var([1.0, 2.0])

    def step(t: Any) -> None:
        with cr.no_grad():
            t.sub_(0.1 * t.grad)
        t.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * x).sum().backward()
    np.testing.assert_allclose(x.detach().numpy(), [0.8, 1.6])


def test_retain_grad() -> None:
    x = var([1.0, 2.0])
    h = x * 2
    assert not h.retains_grad
    h.retain_grad()
    h.retain_grad()
    assert h.retains_grad
    (h * h).sum().backward()
    assert h.grad.tolist() == [4.0, 8.0]
    x.retain_grad()  # of a leaf: nothing to do
    assert not x.retains_grad
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        cr.ones(2).retain_grad()


def test_retain_grad_keeps_the_gradient_after_the_hooks() -> None:
    x = var(2.0)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 7)
    (h * 3).backward()
    assert h.grad.item() == 21.0


def test_reading_grad_of_a_non_leaf_warns() -> None:
    y = var(1.0) * 2
    with pytest.warns(UserWarning, match="not a leaf"):
        assert y.grad is None


def test_hooks_on_views_and_edited_tensors() -> None:
    x = var(np.ones((2, 2)))
    y = x * 1
    seen: list[Any] = []
    row = y[0]
    row.register_hook(lambda g: seen.append(g.tolist()))
    (row * 2).sum().backward(retain_graph=True)
    assert seen == [[2.0, 2.0]]
    y.mul_(3)
    y.register_hook(lambda g: seen.append(g.sum().item()))
    y.sum().backward()
    assert seen[1:] == [4.0]
    assert x.grad.tolist() == [[5.0, 5.0], [3.0, 3.0]]
