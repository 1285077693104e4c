"""Several threads: graphs of their own, parameters they share, modes, and random numbers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.autograd import modes

THREADS = 4


@pytest.fixture(autouse=True)
def _switching() -> Iterator[None]:
    """Threads take turns a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)
    assert (modes.paused, modes.watching, modes.tracing) == (0, 0, 0)


def together(work: Callable[[int], Any], n: int = THREADS) -> list[Any]:
    """``work(k)`` in n threads that start at one moment; their results, or their exception."""
    barrier, results, errors = threading.Barrier(n), [None] * n, list[BaseException]()

    def run(k: int) -> None:
        try:
            barrier.wait()
            results[k] = work(k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not any(t.is_alive() for t in threads)
    if errors:
        raise errors[0]
    return results


def test_graphs_of_their_own() -> None:
    data = np.random.default_rng(0).normal(size=(THREADS, 5, 5))

    def work(k: int) -> Any:
        found = []
        for _ in range(20):
            x = cr.tensor(data[k]).requires_grad_()
            y = x
            for _ in range(5):
                y = (y @ x).tanh() + y[0] * 0.5
            y[1] = x[2] * 2
            y.square().sum().backward()
            found.append(x.grad.numpy())
        return found

    expected = [work(k)[0] for k in range(THREADS)]
    for mine, right in zip(together(work), expected, strict=True):
        for g in mine:
            np.testing.assert_array_equal(g, right)


@pytest.mark.parametrize("shape", [(), (3,), (400, 100)])
def test_a_shared_parameter_loses_nothing(shape: tuple[int, ...]) -> None:
    """Every backward adds 1 to every element: 4 threads, 50 rounds."""
    w = cr.zeros(shape, dtype=cr.float64).requires_grad_()

    def work(k: int) -> None:
        for _ in range(50):
            (w * 1.0).sum().backward()

    for _ in range(3):
        w.grad = None
        together(work)
        assert w.grad is not None
        np.testing.assert_array_equal(w.grad.numpy(), np.full(shape, 50.0 * THREADS))


def test_one_graph_walked_by_all() -> None:
    x = cr.ones(8, dtype=cr.float64, requires_grad=True)
    h = (x * 2).exp()

    def work(k: int) -> None:
        for _ in range(20):
            (h * 1.0).sum().backward(retain_graph=True)

    together(work)
    expected = 20 * THREADS * 2 * np.exp(2.0)
    np.testing.assert_allclose(x.grad.numpy(), np.full(8, expected), rtol=1e-12)


def test_hogwild() -> None:
    """Threads that train one model without a lock: it learns, and nothing breaks."""
    cr.manual_seed(0)
    model = nn.Linear(4, 1)
    target = cr.tensor([[1.0, -2.0, 3.0, 0.5]])
    batches = [cr.randn(16, 4) for _ in range(THREADS)]

    def loss_of(x: Any) -> Any:
        return (model(x) - x @ target.T).square().mean()

    def work(k: int) -> None:
        for _ in range(60):
            grads = cr.autograd.grad(loss_of(batches[k]), list(model.parameters()))
            with cr.no_grad():
                for p, g in zip(model.parameters(), grads, strict=True):
                    p.sub_(0.05 * g)

    before = float(loss_of(batches[0]))
    together(work)
    assert float(loss_of(batches[0])) < 0.01 * before


def test_modes_are_of_the_thread() -> None:
    x = cr.ones(2, requires_grad=True)
    inside = threading.Barrier(2)

    def work(k: int) -> list[bool]:
        seen = []
        for _ in range(50):
            if k == 0:
                with cr.no_grad():
                    inside.wait()
                    seen.append((x * 2).requires_grad)
                    inside.wait()
            else:
                inside.wait()
                seen.append((x * 2).requires_grad)
                inside.wait()
        return seen

    off, on = together(work, 2)
    assert not any(off)
    assert all(on)


def test_watch_is_of_the_thread() -> None:
    inside = threading.Barrier(2)

    def work(k: int) -> list[bool]:
        seen = []
        for _ in range(20):
            x = cr.ones(2, requires_grad=True)
            if k == 0:
                with cr.watch():
                    inside.wait()
                    seen.append((x * 2).grad_fn.value is not None)
                    inside.wait()
            else:
                inside.wait()
                seen.append((x * 2).grad_fn.value is not None)
                inside.wait()
        return seen

    watched, plain = together(work, 2)
    assert all(watched)
    assert not any(plain)


def test_a_capture_sees_its_own_thread_only() -> None:
    graphs: list[Any] = []

    def work(k: int) -> None:
        for _ in range(10):
            if k == 0:
                graphs.append(cr.capture(lambda x: (x * 2).sin(), cr.ones(2)))
            else:
                x = cr.ones(2, requires_grad=True)
                (x * 3).exp().sum().backward()

    together(work)
    assert {tuple(e.op.name for e in g.equations) for g in graphs} == {("mul", "sin")}


def test_random_draws_are_whole() -> None:
    """Four threads draw from one generator: together they get what one would have got."""
    generator = cr.Generator().manual_seed(5)
    n = 30
    alone = {generator_row.tobytes() for generator_row in _rows(cr.Generator().manual_seed(5), n)}
    drawn = together(lambda k: [cr.rand(7, generator=generator).numpy() for _ in range(n)])
    rows = [r.tobytes() for mine in drawn for r in mine]
    assert len(set(rows)) == THREADS * n
    assert set(rows) == alone


def _rows(generator: Any, n: int) -> list[Any]:
    return [cr.rand(7, generator=generator).numpy() for _ in range(THREADS * n)]


def test_normals_keep_their_second_half() -> None:
    generator = cr.Generator().manual_seed(5)
    drawn = together(lambda k: [float(cr.randn(1, generator=generator)) for _ in range(50)])
    single = cr.Generator().manual_seed(5)
    expected = sorted(float(cr.randn(1, generator=single)) for _ in range(50 * THREADS))
    assert sorted(v for mine in drawn for v in mine) == expected


def test_hooks_and_multi_grad_hooks() -> None:
    w = cr.ones(3, dtype=cr.float64, requires_grad=True)
    calls: list[Any] = []
    cr.autograd.graph.register_multi_grad_hook([w], lambda gs: calls.append(gs[0].sum().item()))
    w.register_hook(lambda g: g * 2)
    together(lambda k: [(w * k).sum().backward() for _ in range(20)])
    assert sorted(set(calls)) == [0.0, 3.0, 6.0, 9.0]
    assert len(calls) == 20 * THREADS
    assert w.grad.tolist() == [2.0 * 20 * sum(range(THREADS))] * 3


def test_checkpoints() -> None:
    from chainrule.autograd.checkpoint import checkpoint

    w = cr.ones(6, dtype=cr.float64, requires_grad=True)

    def work(k: int) -> None:
        for _ in range(10):
            checkpoint(lambda w: (w * 2).exp(), w, use_reentrant=False).sum().backward()

    together(work)
    expected = 10 * THREADS * 2 * np.exp(2.0)
    np.testing.assert_allclose(w.grad.numpy(), np.full(6, expected), rtol=1e-12)


def test_views_and_edits() -> None:
    def work(k: int) -> Any:
        for _ in range(20):
            w = cr.ones(10, dtype=cr.float64, requires_grad=True)
            x = w * 1
            rows = [x[i] for i in range(10)]
            for i, r in enumerate(rows):
                r.mul_(i + k)
            x.sum().backward()
        return w.grad.tolist()

    for k, found in enumerate(together(work)):
        assert found == [float(i + k) for i in range(10)]
