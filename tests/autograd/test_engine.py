"""The engine itself: long chains, many consumers, memory, repeated and higher-order backward."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import gradcheck


def var(value: Any, dtype: Any = cr.float64) -> Any:
    return cr.tensor(value, dtype=dtype, requires_grad=True)


# -- size -----------------------------------------------------------------------------------------


def test_a_chain_of_a_million_operations() -> None:
    """Forward and backward without recursion; all freed when the last name goes, without gc."""
    n = 1_000_000
    x = var(0.0)
    gc.collect()
    gc.disable()
    try:
        y = x
        for _ in range(n):
            y = y + 1.0
        assert y.item() == n
        y.backward(retain_graph=True)
        assert x.grad.item() == 1.0
        last = weakref.ref(y._node)
        early = weakref.ref(max(cr.autograd.ancestors([y._node])[2:3], key=lambda n: n.serial))
        assert early() is not None
        del y
        assert last() is None
        assert early() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("shape", [(), (1,), (4, 4)])
def test_memory_of_a_node(shape: tuple[int, ...]) -> None:
    """At most 500 bytes a node beyond its array, for an operation that saves both arguments."""
    n = 20_000
    x = cr.zeros(*shape, dtype=cr.float64).requires_grad_() if shape else var(0.0)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        y = x
        for _ in range(n):
            y = y * x
        taken = (tracemalloc.get_traced_memory()[0] - before) / n
    finally:
        tracemalloc.stop()
    assert taken - sys.getsizeof(np.ones(shape)) * bool(shape) <= 500


def test_a_value_with_many_consumers() -> None:
    n = 100_000
    x = var(2.0)
    terms = [x * 3.0 for _ in range(n)]
    total = cr.stack(terms).sum()
    total.backward()
    assert x.grad.item() == 3.0 * n
    w = var(np.ones(4))
    y = w
    total = cr.zeros((), dtype=cr.float64)
    for _ in range(n // 10):
        total = total + (y * 2.0)[1]
    total.backward()
    assert w.grad.tolist() == [0, 2.0 * (n // 10), 0, 0]


def test_a_chain_of_views_and_of_edits_is_not_recursive() -> None:
    x = var(np.ones(3))
    y = x * 1
    v = y
    for _ in range(3000):
        v = v[:]
    v.mul_(2.0)
    for _ in range(5):
        v.add_(1.0)
    del v
    for _ in range(3000):
        y.add_(1.0)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_nothing_keeps_a_graph_alive() -> None:
    gc.collect()
    gc.disable()
    try:
        x = var(np.ones((50, 50)))
        h = (x @ x).tanh()
        y = h.sum()
        array, node = weakref.ref(h._data), weakref.ref(h._node)
        y.backward()
        del h
        assert array() is None or node() is not None
        del y
        assert node() is None
        assert array() is None
        z = (x * x).sum()
        (g,) = cr.autograd.grad(z, x, create_graph=True)
        second = weakref.ref(g._node)
        del g, z
        assert second() is None
    finally:
        gc.enable()


def test_backward_frees_saved_values_as_it_goes() -> None:
    x = var(np.ones(10))
    y = x.exp()
    z = y.sin()
    held = weakref.ref(y._data)
    total = z.sum()
    del y, z
    assert held() is not None
    total.backward()
    assert held() is None


# -- edges ----------------------------------------------------------------------------------------


def test_an_input_used_twice_counts_twice() -> None:
    x = var(3.0)
    y = x * x
    assert y.grad_fn.inputs == (x._node, x._node)
    y.backward()
    assert x.grad.item() == 6.0
    v = var([1.0, 2.0])
    (v @ v).backward()
    assert v.grad.tolist() == [2.0, 4.0]
    w = var([1.0, 2.0])
    cr.cat([w, w, w]).sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_diamond_and_ladder() -> None:
    """2²⁰ routes through 20 steps: each node is visited once."""
    x = var(1.0)
    y = x
    for _ in range(20):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**20


def test_unused_branches_and_constants() -> None:
    x, w = var(2.0), var(5.0)
    y = x * 3 + w.detach() * x
    y.backward()
    assert x.grad.item() == 8.0
    assert w.grad is None


# -- going back more than once --------------------------------------------------------------------


def test_retain_graph() -> None:
    x = var([1.0, 2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    assert x.grad.tolist() == [4.0, 8.0]
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_a_graph_without_saved_values_may_be_walked_again() -> None:
    x = var([1.0, 2.0])
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_two_graphs_that_share_a_part() -> None:
    x = var([1.0, 2.0])
    h = x.exp()
    a, b = h.sin().sum(), h.cos().sum()
    a.backward(retain_graph=True)
    b.backward()
    e = np.exp([1.0, 2.0])
    np.testing.assert_allclose(x.grad.numpy(), (np.cos(e) - np.sin(e)) * e)
    with pytest.raises(RuntimeError, match="second time"):
        a.backward()


def test_third_order() -> None:
    x = var(0.7)
    y = x.sin() * x**3
    for _ in range(3):
        (y,) = cr.autograd.grad(y, x, create_graph=True)
    s, c, v = np.sin(0.7), np.cos(0.7), 0.7
    expected = -c * v**3 - 9 * v**2 * s + 18 * v * c + 6 * s
    assert y.item() == pytest.approx(expected, rel=1e-12)
    a = var([0.3, -0.2])
    (g,) = cr.autograd.grad((a**4).sum(), a, create_graph=True)
    (h,) = cr.autograd.grad(g.sum(), a, create_graph=True)
    (t,) = cr.autograd.grad(h.sum(), a)
    np.testing.assert_allclose(t.numpy(), 24 * np.array([0.3, -0.2]), rtol=1e-12)


def test_backward_with_create_graph_makes_grad_differentiable() -> None:
    x = var(2.0)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    g = x.grad
    x.grad = None
    g.backward()
    assert x.grad.item() == 12.0


def test_mixed_derivatives() -> None:
    x, y = var(2.0), var(3.0)
    f = x**2 * y**3
    gx, gy = cr.autograd.grad(f, [x, y], create_graph=True)
    (gxy,) = cr.autograd.grad(gx, y, retain_graph=True)
    (gyx,) = cr.autograd.grad(gy, x)
    assert gxy.item() == gyx.item() == 2 * 2 * 3 * 9


# -- accumulation ---------------------------------------------------------------------------------


def test_gradients_add_up_in_place() -> None:
    x = var([1.0, 2.0])
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first
    assert first.tolist() == [5.0, 5.0]
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert first.tolist() == [5.0, 5.0]


def test_gradients_are_nobody_elses_arrays() -> None:
    """Editing one leaf's .grad changes no other, nor the gradient that the user gave."""
    a, b = var(np.ones(3)), var(np.ones(3))
    given = cr.ones(3, dtype=cr.float64)
    (a + b).backward(given)
    a.grad.mul_(10)
    assert b.grad.tolist() == [1.0, 1.0, 1.0]
    assert given.tolist() == [1.0, 1.0, 1.0]
    given.mul_(7)
    assert b.grad.tolist() == [1.0, 1.0, 1.0]

    x = var(np.ones((2, 3)))
    w = cr.full((2, 3), 2.0, dtype=cr.float64)
    (x * w).sum().backward()  # the gradient is w itself
    x.grad.zero_()
    assert w.tolist() == [[2.0] * 3] * 2
    y = var(np.ones((2, 3)))
    y.sum().backward()  # an expanded array, without memory of its own
    y.grad[0, 0] = 5.0
    assert y.grad.tolist() == [[5.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    p, q = var(np.ones(2)), var(np.ones(2))
    (p.view(2) + q.reshape(2)).backward(cr.ones(2, dtype=cr.float64))
    p.grad.add_(1)
    assert q.grad.tolist() == [1.0, 1.0]
    (r,) = cr.autograd.grad(p.sum(), p)
    r[0] = 9.0  # writable, too


def test_gradients_of_grad_are_nobody_elses_arrays() -> None:
    a, b = var(np.ones(3)), var(np.ones(3))
    given = cr.ones(3, dtype=cr.float64)
    ga, gb = cr.autograd.grad(a + b, [a, b], given)
    ga.mul_(10)
    assert gb.tolist() == [1.0, 1.0, 1.0]
    assert given.tolist() == [1.0, 1.0, 1.0]
    (gx,) = cr.autograd.grad(a, a, given)
    gx.mul_(10)
    assert given.tolist() == [1.0, 1.0, 1.0]


def test_a_given_gradient_weighs_the_elements() -> None:
    x = var([1.0, 2.0, 3.0])
    y = x * x
    y.backward(cr.tensor([1.0, 0.0, 10.0], dtype=cr.float64))
    assert x.grad.tolist() == [2.0, 0.0, 60.0]


def test_setting_grad() -> None:
    x = var([1.0, 2.0])
    x.grad = cr.ones(2, dtype=cr.float64)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    del x.grad
    assert x.grad is None
    x.grad = x.detach()
    assert x.grad.tolist() == [1.0, 2.0]


def test_inputs_of_backward() -> None:
    x, w = var(2.0), var(3.0)
    h = x * w
    y = h * h
    y.backward(inputs=[w], retain_graph=True)
    assert x.grad is None
    assert w.grad.item() == 24.0
    y.backward(inputs=h)
    assert h.grad.item() == 12.0
    assert w.grad.item() == 24.0
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * w).backward(inputs=[])


def test_several_outputs_at_once() -> None:
    x = var(2.0)
    a, b = x * 3, x * x
    cr.autograd.backward([a, b])
    assert x.grad.item() == 7.0
    (g,) = cr.autograd.grad([x * 3, x * x], x)
    assert g.item() == 7.0
    v = var([1.0, 2.0])
    (g,) = cr.autograd.grad([v * 2, v * v], v, [cr.ones(2).double(), 2 * cr.ones(2).double()])
    assert g.tolist() == [6.0, 10.0]


def test_flags_of_grad() -> None:
    x, unused = var(2.0), var(np.ones((2, 2)))
    y = x * x
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        cr.autograd.grad(y, [x, unused], retain_graph=True)
    g, none = cr.autograd.grad(y, [x, unused], allow_unused=True, retain_graph=True)
    assert g.item() == 4.0
    assert none is None
    _, zeros = cr.autograd.grad(y, [x, unused], materialize_grads=True)
    assert zeros.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert x.grad is None  # grad touches no .grad
    with pytest.raises(RuntimeError, match="second time"):
        cr.autograd.grad(y, x)
    with pytest.raises(ValueError, match="materialize_grads"):
        cr.autograd.grad(y, x, allow_unused=False, materialize_grads=True)
    v = var([1.0, 2.0])
    rows = cr.eye(2, dtype=cr.float64)
    (jacobian,) = cr.autograd.grad(v * v, v, rows, is_grads_batched=True)
    assert jacobian.tolist() == [[2.0, 0.0], [0.0, 4.0]]


def test_grad_of_an_intermediate_value() -> None:
    x = var(2.0)
    h = x * 3
    y = h * h
    g, gx = cr.autograd.grad(y, [h, x])
    assert (g.item(), gx.item()) == (12.0, 36.0)


# -- in float64, 0-d: Python floats under the tensor ----------------------------------------------


@pytest.mark.parametrize("dtype", [cr.float64, cr.float32])
def test_scalars_overflow_and_divide_as_arrays_do(dtype: Any) -> None:
    big = 1e300 if dtype is cr.float64 else 1e30
    zero, inf = cr.tensor(0.0, dtype=dtype), cr.tensor(float("inf"), dtype=dtype)
    one, huge = cr.tensor(1.0, dtype=dtype), cr.tensor(big, dtype=dtype)
    calls = [
        lambda t: t(one) / t(zero), lambda t: -t(one) / t(zero), lambda t: t(zero) / t(zero),
        lambda t: t(huge) * t(huge), lambda t: t(huge) ** 2, lambda t: t(zero) ** -1,
        lambda t: (-t(one)) ** 0.5, lambda t: t(zero).log(), lambda t: (-t(one)).log(),
        lambda t: (-t(one)).sqrt(), lambda t: t(huge).exp(), lambda t: (-t(huge)).exp(),
        lambda t: t(inf) - t(inf), lambda t: t(inf).sin(), lambda t: t(inf) * t(zero),
        lambda t: t(huge).square(), lambda t: t(zero).reciprocal(), lambda t: t(zero).rsqrt(),
        lambda t: t(inf).tanh(), lambda t: (-t(huge)).sigmoid(), lambda t: t(zero) // t(zero),
        lambda t: t(one) % t(zero), lambda t: 1 / t(zero), lambda t: 2.0 ** t(huge),
    ]  # fmt: skip
    for call in calls:
        scalar, array = call(lambda t: t), call(lambda t: t.reshape(1))
        np.testing.assert_equal(scalar.item(), array.item())
        assert scalar.dtype is dtype
        for start in (zero, one, huge, inf):  # and their gradients
            x, y = start.clone().requires_grad_(), start.reshape(1).clone().requires_grad_()
            for f in ("sqrt", "log", "reciprocal", "rsqrt", "exp", "tanh"):
                (gx,) = cr.autograd.grad(getattr(x, f)(), x)
                (gy,) = cr.autograd.grad(getattr(y, f)(), y)
                np.testing.assert_equal(gx.item(), gy.item(), f"{f}({start.item()})")


def test_a_scalar_shares_its_memory_once_it_is_asked_to() -> None:
    x = cr.tensor(2.0, dtype=cr.float64)
    y = x.detach()
    x.fill_(5.0)
    assert y.item() == 5.0
    a = cr.tensor(1.0).numpy()
    assert a.shape == ()
    z = cr.tensor(1.0, dtype=cr.float64)
    shared = z.numpy()
    shared[...] = 7.0
    assert z.item() == 7.0
    assert (z * 2).item() == 14.0


def test_an_operation_after_numpy_still_gives_gradients() -> None:
    x = var(2.0)
    array = x.detach().numpy()
    y = x * x
    y.backward()
    assert x.grad.item() == 4.0
    array[...] = 3.0
    assert x.item() == 3.0


# -- copies ---------------------------------------------------------------------------------------


def test_deepcopy_of_leaves() -> None:
    x = var([1.0, 2.0])
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    assert y.tolist() == x.tolist()
    assert y.requires_grad
    assert y.is_leaf
    assert y.grad.tolist() == [2.0, 4.0]
    y.grad.zero_()
    with cr.no_grad():
        y.zero_()
    assert x.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [2.0, 4.0]
    pair = copy.deepcopy([x, x])
    assert pair[0] is pair[1]
    assert copy.deepcopy(cr.tensor(3)).item() == 3
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(x * 2)


def test_pickle_of_leaves() -> None:
    for x in (var([1.0, 2.0]), var(3.0), cr.arange(3), cr.tensor(True), cr.ones(2).bfloat16()):
        y = pickle.loads(pickle.dumps(x))
        assert y.tolist() == x.tolist()
        assert y.dtype is x.dtype
        assert y.requires_grad == x.requires_grad
    assert pickle.loads(pickle.dumps(cr.float32)) is cr.float32
    assert pickle.loads(pickle.dumps(cr.ones(2, 3).shape)) == (2, 3)
    with pytest.raises(RuntimeError, match="leaf"):
        pickle.dumps(var(1.0) * 2)


# -- watch() --------------------------------------------------------------------------------------


def test_watch_keeps_values_lines_and_gradients() -> None:
    x = var(np.arange(3.0))
    with cr.watch():
        h = x * 2
        y = h.sum()
        y.backward()
    node = h.grad_fn
    assert node.value.tolist() == [0.0, 2.0, 4.0]
    assert node.extra.line.endswith("h = x * 2")
    assert "test_engine.py" in node.extra.line
    assert h.grad.tolist() == [1.0, 1.0, 1.0]
    assert y.grad_fn.inputs == (node,)
    with cr.watch():
        c = cr.ones(2) + cr.ones(2)  # constants are recorded too, for the picture
    assert c._node is not None
    assert not c.requires_grad
    assert (x * 2).grad_fn.value is None  # outside, only 0-d values are kept
    assert (x.sum() * 2).grad_fn.value == 6.0


def test_watched_values_are_copies() -> None:
    x = var(np.arange(3.0))
    with cr.watch():
        h = x * 2
        h.add_(1)
    assert h.grad_fn.inputs[0].value.tolist() == [0.0, 2.0, 4.0]
    assert h.grad_fn.value.tolist() == [1.0, 3.0, 5.0]


def test_checked_against_differences_under_watch() -> None:
    with cr.watch():
        assert gradcheck(lambda x: (x * x).sum(0), (var(np.ones((2, 2))),))


# -- names and nodes ------------------------------------------------------------------------------


def test_names_of_nodes() -> None:
    x = var([1.0, 2.0])
    y = x * 2
    assert y.grad_fn.name() == "MulBackward0"
    assert "MulBackward0" in repr(y.grad_fn)
    assert y.grad_fn.next_functions[0][0].name() == "torch::autograd::AccumulateGrad"
    assert x.grad_fn is None
    assert x.is_leaf
    assert not y.is_leaf
    z = cr.tensor(1.0, name="rate")
    assert z.name == "rate"
    z.name = "speed"
    assert z.name == "speed"


def test_operands_are_in_call_order() -> None:
    x, c = var([1.0, 2.0]), cr.ones(2, dtype=cr.float64)
    node = (c - x).grad_fn
    assert node.operands() == [c._node, x._node]
    assert (3.0 - x).grad_fn.operands() == [3.0, x._node]
    three = cr.where(cr.tensor([True, False]), x, c).grad_fn.operands()
    assert three[1:] == [x._node, c._node]


def test_requires_grad_spreads() -> None:
    x = var(1.0)
    assert (x * 2).requires_grad
    assert not (x > 0).requires_grad
    assert not x.detach().requires_grad
    assert not (cr.ones(2) * 2).requires_grad
    y = cr.ones(2)
    y.requires_grad = True
    assert (y + 1).requires_grad
    y.requires_grad_(False)
    assert not (y + 1).requires_grad
    with pytest.raises(RuntimeError, match="leaf"):
        (x * 2).requires_grad_(False)
