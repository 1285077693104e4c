"""Grad modes: nested, as decorators, on generators, and each thread for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr


def var(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


def recorded() -> bool:
    """Whether an operation is recorded just now; the flag must say the same."""
    result = bool((var(1.0) * 2).requires_grad)
    assert result == cr.is_grad_enabled()
    assert bool((var([1.0]) @ cr.ones(1).double()).requires_grad) == result
    return result


def test_contexts_nest() -> None:
    assert recorded()
    with cr.no_grad():
        assert not recorded()
        with cr.enable_grad():
            assert recorded()
            with cr.no_grad():
                assert not recorded()
            assert recorded()
        assert not recorded()
        with cr.set_grad_enabled(True):
            assert recorded()
        assert not recorded()
        with cr.inference_mode():
            assert not recorded()
            assert cr.is_inference_mode_enabled()
            with cr.inference_mode(False):
                assert not cr.is_inference_mode_enabled()
        assert not cr.is_inference_mode_enabled()
        assert not recorded()
    assert recorded()


def test_contexts_end_when_an_error_passes() -> None:
    with pytest.raises(ZeroDivisionError), cr.no_grad():
        _ = 1 / 0
    assert recorded()
    context = cr.no_grad()
    for _ in range(2):  # one object, used again and inside itself
        with context, context:
            assert not recorded()
        assert recorded()


def test_set_grad_enabled_as_a_function() -> None:
    cr.set_grad_enabled(False)
    assert not recorded()
    cr.set_grad_enabled(True)
    assert recorded()
    with cr.set_grad_enabled(False):
        assert not recorded()
    assert recorded()


@pytest.mark.parametrize(
    "decorator", [cr.no_grad, cr.no_grad(), cr.inference_mode(), cr.set_grad_enabled(True)]
)
def test_decorators(decorator: Any) -> None:
    expected = isinstance(decorator, cr.set_grad_enabled)

    @decorator
    def f(x: float, *, y: float = 1.0) -> tuple[bool, float]:
        """Doc."""
        return recorded(), x + y

    assert f(1.0, y=2.0) == (expected, 3.0)
    assert f.__name__ == "f"
    assert f.__doc__ == "Doc."
    assert recorded()

    @decorator
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert recorded()

    @decorator
    def again(n: int) -> bool:
        return recorded() if n == 0 else again(n - 1)

    assert again(5) is expected
    with cr.no_grad():
        assert f(0.0)[0] is expected
        assert not recorded()


def test_generators() -> None:
    """Inside the generator one mode, between its steps the caller's."""

    @cr.no_grad()
    def counting(n: int) -> Iterator[Any]:
        received = []
        for k in range(n):
            assert not recorded()
            try:
                received.append((yield k))
            except KeyError:
                received.append("thrown")
        assert not recorded()
        return received

    g = counting(3)
    assert next(g) == 0
    assert recorded()
    with cr.enable_grad():
        assert g.send("a") == 1  # type: ignore[attr-defined]
    assert g.throw(KeyError()) == 2  # type: ignore[attr-defined]
    with pytest.raises(StopIteration) as stop:
        g.send("b")  # type: ignore[attr-defined]
    assert stop.value.value == ["a", "thrown", "b"]
    assert list(counting(2)) == [0, 1]
    early = counting(5)
    next(early)
    early.close()  # type: ignore[attr-defined]
    assert recorded()


def test_methods_and_classes() -> None:
    class Model:
        @cr.no_grad()
        def predict(self, x: Any) -> Any:
            return x * 2

        @staticmethod
        @cr.inference_mode()
        def fixed(x: Any) -> Any:
            return x * 3

    x = var(1.0)
    assert not Model().predict(x).requires_grad
    assert not Model.fixed(x).requires_grad


def test_backward_of_a_graph_recorded_outside() -> None:
    x = var(3.0)
    y = x * x
    with cr.no_grad():
        y.backward()
    assert x.grad.item() == 6.0
    with cr.no_grad():
        z = var(2.0)
        w = z * z
        assert z.requires_grad
        assert w.is_leaf
        with pytest.raises(RuntimeError, match="does not require grad"):
            w.backward()
    with cr.no_grad():
        (g,) = cr.autograd.grad(_recorded(x), x, create_graph=True)
    assert g.requires_grad


def _recorded(x: Any) -> Any:
    with cr.enable_grad():
        return x * x


def test_backward_itself_records_nothing() -> None:
    x = var(3.0)
    (x * x).backward()
    assert not x.grad.requires_grad
    assert cr.is_grad_enabled()
    (g,) = cr.autograd.grad(x * x, x)
    assert not g.requires_grad


def test_edits_of_leaves_under_no_grad() -> None:
    x = var([1.0, 2.0])
    y = x * x
    with cr.no_grad():
        x.add_(1)
        x[0] = 7
        x -= 1
    assert x.tolist() == [6.0, 2.0]
    assert x.is_leaf
    assert x.requires_grad
    with pytest.raises(RuntimeError, match="inplace"):
        y.sum().backward()


def run(*functions: Callable[[], None]) -> None:
    """Run functions at the same time; pass on what they raise."""
    errors: list[BaseException] = []

    def guarded(f: Callable[[], None]) -> None:
        try:
            f()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    if errors:
        raise errors[0]


def test_modes_are_each_threads_own() -> None:
    inside, checked = threading.Event(), threading.Event()

    def silent() -> None:
        with cr.no_grad():
            inside.set()
            assert checked.wait(30)
            assert not recorded()
        assert recorded()

    def loud() -> None:
        assert inside.wait(30)
        assert recorded()
        with cr.watch():
            assert (var([1.0]) * 2).grad_fn.value is not None
        checked.set()

    run(silent, loud)
    assert recorded()

    with cr.no_grad():  # a new thread starts with recording on
        run(lambda: None if recorded() else pytest.fail("off in a new thread"))


def test_watch_is_each_threads_own() -> None:
    inside, checked = threading.Event(), threading.Event()

    def watching() -> None:
        with cr.watch():
            inside.set()
            assert checked.wait(30)

    def other() -> None:
        assert inside.wait(30)
        node = (var([1.0]) * 2).grad_fn
        checked.set()
        assert node.value is None

    run(watching, other)


def test_threads_go_back_through_graphs_that_share_leaves() -> None:
    """Each accumulates into the leaves; each graph is its own."""
    rng = np.random.default_rng(0)
    w = var(rng.normal(size=(20, 20)))
    data = [cr.tensor(rng.normal(size=(5, 20))) for _ in range(8)]

    def loss(x: Any) -> Any:
        return ((x @ w).tanh() ** 2).sum()

    expected = sum(cr.autograd.grad(loss(x), w)[0] for x in data)
    grads: dict[int, Any] = {}
    barrier = threading.Barrier(4)

    def work(k: int) -> None:
        barrier.wait(30)
        for x in data[2 * k : 2 * k + 2]:
            for _ in range(20):
                (g,) = cr.autograd.grad(loss(x), w)
                grads[k] = g if k not in grads else grads[k] + g

    run(*[lambda k=k: work(k) for k in range(4)])  # type: ignore[misc]
    total = sum(grads.values()) / 20
    np.testing.assert_allclose(total.numpy(), expected.numpy(), rtol=1e-10)


def test_threads_accumulate_into_one_leaf() -> None:
    w = var(np.zeros(10))
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait(30)
        for _ in range(200):
            (w * 2.0).sum().backward()

    run(*[work] * 4)
    assert w.grad.tolist() == [2.0 * 4 * 200] * 10
