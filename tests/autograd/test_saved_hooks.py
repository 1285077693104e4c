"""``saved_tensors_hooks`` and its kin; what nodes say of what they saved."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.autograd import modes
from chainrule.autograd.graph import (
    GradientEdge,
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    get_gradient_edge,
    increment_version,
    register_multi_grad_hook,
    save_on_cpu,
    saved_tensors_hooks,
)

SECOND = pytest.raises(RuntimeError, match="second time")


def var(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


def same(t: Any) -> Any:
    return t


def test_packed_values_come_back() -> None:
    x, w = var([[1.0, 2.0], [3.0, 4.0]]), var([[0.5, -1.0], [2.0, 1.0]])
    store: dict[int, Any] = {}

    def pack(t: Any) -> int:
        store[len(store)] = t.numpy(force=True).copy()
        return len(store) - 1

    def program() -> Any:
        h = (x @ w).tanh()
        return (cr.cat([h, h.exp()]).softmax(0).max(0).values * w.sum()).sum()

    program().backward()
    expected = x.grad.clone(), w.grad.clone()
    x.grad = w.grad = None
    with saved_tensors_hooks(pack, lambda k: cr.tensor(store[k])):
        y = program()
    assert modes.watching == 0
    assert len(store) >= 6
    y.backward()
    assert cr.equal(x.grad, expected[0])
    assert cr.equal(w.grad, expected[1])


def test_what_is_packed() -> None:
    x = var([1.0, 2.0])
    seen: list[Any] = []

    def count(f: Any) -> list[Any]:
        seen.clear()
        with saved_tensors_hooks(lambda t: seen.append(t) or t, same):  # type: ignore[func-returns-value]
            f()
        return list(seen)

    assert [t is x for t in count(lambda: x * x)] == [True, True]
    assert count(lambda: x * 2) == []
    assert count(lambda: x.sum()) == []
    assert count(lambda: x.detach() * 3) == []
    (out,) = count(lambda: x.exp())
    assert out.grad_fn.name() == "ExpBackward0"
    with cr.no_grad():
        assert count(lambda: x * x) == []


def test_second_derivatives_stay_linked() -> None:
    x = var([1.0, 2.0])
    with saved_tensors_hooks(lambda t: t.detach().clone(), same):
        y = (x**3).sum()
    (g,) = cr.autograd.grad(y, x, create_graph=True)
    (h,) = cr.autograd.grad(g.sum(), x)
    assert h.tolist() == [6.0, 12.0]


def test_an_identity_hook_keeps_no_circle() -> None:
    x = var([1.0, 2.0])
    gc.collect()
    gc.disable()
    try:
        with saved_tensors_hooks(same, same):
            y = x.exp()
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()


def test_nested_hooks_use_the_innermost() -> None:
    x = var(2.0)
    seen: list[str] = []
    with saved_tensors_hooks(lambda t: seen.append("outer") or t, same):  # type: ignore[func-returns-value]
        with saved_tensors_hooks(lambda t: seen.append("inner") or t, same):  # type: ignore[func-returns-value]
            x.exp()
        x.exp()
    assert seen == ["inner", "outer"]


def test_a_function_of_the_users_packs_what_it_saves() -> None:
    class Square(cr.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x, None)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * g

    x = var([1.0, 3.0])
    with saved_tensors_hooks(lambda t: t * 10, lambda t: t / 5):
        y = Square.apply(x)
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 12.0]


@pytest.mark.parametrize(
    "edit", [lambda y, x: y.sin_(), lambda y, x: y.mul_(x), lambda y, x: y.div_(x)]
)
def test_in_place_operations_pack_what_was_there_before(edit: Any) -> None:
    def run() -> Any:
        y = x * 1
        y[0] = 2.0
        edit(y, x)
        return (y * y).sum()

    x = var([1.0, 2.0])
    (expected,) = cr.autograd.grad(run(), x)
    for pack in (same, lambda t: (t,)):
        with saved_tensors_hooks(pack, lambda p: p[0] if isinstance(p, tuple) else p):
            y = run()
        assert cr.equal(cr.autograd.grad(y, x)[0], expected)


def test_errors() -> None:
    x = var([1.0, 2.0])
    with saved_tensors_hooks(lambda t: 5, same):
        y = (x * x).sum()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
        y.backward()
    with (
        saved_tensors_hooks(lambda t: t.mul_(2), same),
        pytest.raises(RuntimeError, match="in place"),
    ):
        (x * 1).exp()
    with (
        pytest.raises(TypeError, match="incompatible function arguments"),
        saved_tensors_hooks(3, same),
    ):  # type: ignore[arg-type]
        pass
    assert modes.watching == 0


def test_disabling() -> None:
    with disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"), saved_tensors_hooks(same, same):
            pass
        with disable_saved_tensors_hooks("nor here"), pytest.raises(RuntimeError, match="nor"):
            saved_tensors_hooks(same, same).__enter__()
    with saved_tensors_hooks(same, same), pytest.raises(RuntimeError, match="late"):
        disable_saved_tensors_hooks("late").__enter__()


def test_save_on_cpu_and_mutation() -> None:
    x = var([1.0, 2.0])
    with save_on_cpu(pin_memory=True):
        y = (x * x).sum()
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0]
    with allow_mutation_on_saved_tensors():
        a = x * 3
        z = a * a
        a.zero_()
    assert cr.autograd.grad(z.sum(), x)[0].tolist() == [18.0, 36.0]


def test_hooks_are_of_the_thread() -> None:
    x = var(2.0)
    seen: list[Any] = []
    with saved_tensors_hooks(lambda t: seen.append(t) or t, same):  # type: ignore[func-returns-value]
        thread = threading.Thread(target=lambda: x.exp())
        thread.start()
        thread.join()
    assert seen == []


# -- grad_fn._saved_… ---------------------------------------------------------------------------


def test_saved_attributes() -> None:
    x, y = var([1.0, 2.0]), var([3.0, 4.0])
    node = (x * y).grad_fn
    assert node._saved_self is x
    assert node._saved_other is y
    assert {"_saved_self", "_saved_other"} <= set(dir(node))
    assert x.exp().grad_fn._saved_result.tolist() == x.exp().tolist()
    assert (x * 1).exp().grad_fn._saved_result.grad_fn.name() == "ExpBackward0"
    assert (var([[1.0]]) @ cr.tensor([[2.0]], dtype=cr.float64)).grad_fn._saved_mat2.item() == 2
    assert x.softmax(0).grad_fn._saved_dim == 0
    with pytest.raises(AttributeError, match="_saved_nothing"):
        node._saved_nothing  # noqa: B018
    out = (x * y).sum()
    node = out.grad_fn.next_functions[0][0]
    out.backward()
    with SECOND:
        node._saved_self  # noqa: B018


def test_hooks_on_one_saved_value() -> None:
    x = var([1.0, 2.0])
    y = x * x
    raw = y.grad_fn._raw_saved_self
    seen: list[Any] = []
    raw.register_hooks(lambda t: seen.append(t) or t * 2, lambda t: t)  # type: ignore[func-returns-value]
    assert len(seen) == 1
    with pytest.raises(RuntimeError, match="already been set"):
        raw.register_hooks(same, same)
    with pytest.raises(TypeError, match="incompatible"):
        y.grad_fn._raw_saved_other.register_hooks(1, 2)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 6.0]  # self is doubled, other is not
    with pytest.raises(RuntimeError, match="after it has been freed"):
        raw.register_hooks(same, same)


# -- nodes, edges -------------------------------------------------------------------------------


def test_metadata_and_names() -> None:
    x = var([1.0])
    node = (x * 2).grad_fn
    node.metadata["k"] = 1
    assert node.metadata == {"k": 1}
    assert node.name() == "MulBackward0"
    accumulate = node.next_functions[0][0]
    assert accumulate.variable is x
    assert accumulate.name() == "torch::autograd::AccumulateGrad"


def test_the_variable_of_a_leaf_whose_tensor_has_gone() -> None:
    y = cr.ones(2, requires_grad=True) * 3
    leaf = y.grad_fn.next_functions[0][0]
    assert leaf.variable.shape == (2,)
    y.sum().backward()
    assert leaf.variable.grad.tolist() == [3.0, 3.0]


def test_gradient_edges() -> None:
    x = var([1.0, 2.0])
    y = x * x
    edge = get_gradient_edge(y)
    assert edge.node is y.grad_fn
    z = (y * 5).sum()
    assert cr.autograd.grad(z, edge, retain_graph=True)[0].tolist() == [5.0, 5.0]
    assert cr.autograd.grad(edge, x, cr.ones(2, dtype=cr.float64))[0].tolist() == [2.0, 4.0]
    leaf = get_gradient_edge(x)
    (x * 7).sum().backward(inputs=[leaf])
    assert x.grad.tolist() == [7.0, 7.0]
    parts = (x * 2).split(1)
    edge = get_gradient_edge(parts[1])
    assert edge.output_nr == 1
    out = (parts[0] + 3 * parts[1]).sum()
    by_hand = GradientEdge(parts[1].grad_fn, 1)
    for e in (edge, by_hand):
        assert cr.autograd.grad(out, e, retain_graph=True)[0].tolist() == [3.0]
    with pytest.raises(RuntimeError, match="does not require"):
        get_gradient_edge(cr.ones(1))
    with pytest.raises(TypeError, match="expected a node"):
        cr.autograd.grad(out, GradientEdge(3, 0))


def test_multi_grad_hooks() -> None:
    xs = [var([1.0]) for _ in range(3)]
    seen: list[Any] = []
    handle = register_multi_grad_hook(
        xs, lambda gs: seen.append([None if g is None else g.item() for g in gs])
    )
    (xs[0] * 2 + xs[2]).sum().backward()
    (xs[0] * 2 + xs[2] + xs[1] * 5).sum().backward()
    assert seen == [[2.0, None, 1.0], [2.0, 5.0, 1.0]]
    handle.remove()
    xs[0].sum().backward()
    assert len(seen) == 2
    seen.clear()
    register_multi_grad_hook(xs, lambda g: seen.append(g.item()), mode="any")
    (xs[0] * 2 + xs[2] * 2).sum().backward()
    assert seen == [2.0]
    with pytest.raises(ValueError, match="'all', 'any'"):
        register_multi_grad_hook(xs, same, mode="some")


def test_increment_version() -> None:
    x = var([1.0, 2.0])
    y = x * 1
    z = y * y
    increment_version(y)
    with pytest.raises(RuntimeError, match="increment_version"):
        z.sum().backward()


def test_accumulator_hooks_in_a_module() -> None:
    """What data-parallel training does: a hook on the accumulator of each parameter."""
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    ready: list[Any] = []
    handles = []
    for p in model.parameters():
        node = p.expand_as(p).grad_fn.next_functions[0][0]
        handles.append(
            node.register_hook(lambda gi, go, p=p: ready.append((p, p.grad is not None)))
        )
    model(cr.randn(4, 3)).sum().backward()
    assert len(ready) == 4
    assert all(there for _, there in ready)
    assert {id(p) for p, _ in ready} == {id(p) for p in model.parameters()}


def test_the_official_recipe_of_a_step_in_backward() -> None:
    """One optimizer a parameter, found by the tensor that the hook is given."""
    model = nn.Linear(3, 2)
    optimizers = {p: cr.optim.SGD([p], lr=0.1) for p in model.parameters()}
    before = [p.detach().clone() for p in model.parameters()]

    def step(p: Any) -> None:
        optimizers[p].step()
        optimizers[p].zero_grad()

    for p in model.parameters():
        p.register_post_accumulate_grad_hook(step)
    model(cr.randn(4, 3)).sum().backward()
    assert all(p.grad is None for p in model.parameters())
    assert all(
        not np.array_equal(a.numpy(), p.detach().numpy())
        for a, p in zip(before, model.parameters(), strict=True)
    )
