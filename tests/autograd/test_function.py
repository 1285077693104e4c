"""Operations of the user's own: ``Function`` in all its forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import Function, gradcheck, gradgradcheck, once_differentiable


def var(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Exp(Function):
    """Saves its result; the newer form with setup_context."""

    @staticmethod
    def forward(x: Any) -> Any:
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        assert len(inputs) == 1
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (out,) = ctx.saved_tensors
        return g * out


class Polar(Function):
    """Two results; a parameter that is no tensor."""

    @staticmethod
    def forward(ctx: Any, r: Any, angle: Any, turns: int = 1) -> Any:
        ctx.save_for_backward(r, angle)
        ctx.turns = turns
        return r * (angle * turns).cos(), r * (angle * turns).sin()

    @staticmethod
    def backward(ctx: Any, gx: Any, gy: Any) -> Any:
        r, angle = ctx.saved_tensors
        c, s = (angle * ctx.turns).cos(), (angle * ctx.turns).sin()
        return gx * c + gy * s, ctx.turns * r * (gy * c - gx * s), None


@pytest.mark.parametrize("function", [Cube, Exp])
@pytest.mark.parametrize("value", [0.7, [0.3, -1.2], [[0.1], [2.0]]])
def test_against_differences(function: Any, value: Any) -> None:
    assert gradcheck(function.apply, (var(value),))
    assert gradgradcheck(function.apply, (var(value),))


def test_inside_a_larger_graph() -> None:
    x = var([1.0, 2.0])
    y = (Cube.apply(x * 2) + Exp.apply(x)).sum()
    assert y.item() == pytest.approx(8 + 64 + np.e + np.e**2)
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * (2 * np.array([1, 2])) ** 2 * 2 + np.exp([1, 2]))
    assert "Cube" in Cube.apply(x).grad_fn.name()


def test_several_results_and_parameters() -> None:
    r, a = var([1.0, 2.0]), var([0.3, 0.4])
    assert gradcheck(lambda r, a: Polar.apply(r, a, 2), (r, a))
    assert gradgradcheck(lambda r, a: Polar.apply(r, a, 2), (r, a))
    x, _ = Polar.apply(r, a)
    x.sum().backward()  # the other's gradient arrives as zeros
    np.testing.assert_allclose(r.grad.numpy(), np.cos([0.3, 0.4]))
    np.testing.assert_allclose(a.grad.numpy(), -np.array([1, 2]) * np.sin([0.3, 0.4]))


def test_needs_input_grad_and_no_grad() -> None:
    seen: list[Any] = []

    class Product(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            assert not cr.is_grad_enabled()
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            seen.append(ctx.needs_input_grad)
            x, y = ctx.saved_tensors
            return g * y if ctx.needs_input_grad[0] else None, g * x

    x, y = cr.ones(2, dtype=cr.float64), var([1.0, 2.0])
    Product.apply(x, y).sum().backward()
    assert seen == [(False, True)]
    assert y.grad.tolist() == [1.0, 1.0]
    with cr.no_grad():
        assert not Product.apply(x, y).requires_grad
    assert not Product.apply(x, x).requires_grad


def test_none_gradients() -> None:
    class Stopped(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, None

    x, y = var([1.0]), var([2.0])
    Stopped.apply(x * 1, y * 1).sum().backward()
    assert x.grad.tolist() == [1.0]
    assert y.grad is None
    g, none = cr.autograd.grad(Stopped.apply(x, y).sum(), [x, y], allow_unused=True)
    assert g.tolist() == [1.0]
    assert none is None


def test_wrong_numbers_of_gradients() -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 2, got 1\)"):
        Wrong.apply(var(1.0), var(2.0)).backward()

    class NoTensor(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 3.0

    with pytest.raises(RuntimeError, match=r"expected Variable or None .got float."):
        NoTensor.apply(var(1.0)).backward()


def test_a_gradient_of_a_wrong_shape_is_refused() -> None:
    class Wide(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return cr.ones(5, dtype=cr.float64)

    with pytest.raises(RuntimeError, match="shape"):
        Wide.apply(var([1.0, 2.0])).sum().backward()


def test_mark_non_differentiable() -> None:
    class Sorted(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            order = cr.tensor(np.argsort(x.detach().numpy()))
            rank = order * 1.0
            ctx.mark_non_differentiable(order, rank)
            ctx.save_for_backward(order)
            return x[order], order, rank

        @staticmethod
        def backward(ctx: Any, g: Any, g_order: Any, g_rank: Any) -> Any:
            (order,) = ctx.saved_tensors
            out = cr.zeros_like(g)
            out[order] = g
            return out

    x = var([3.0, 1.0, 2.0])
    values, order, rank = Sorted.apply(x)
    assert values.requires_grad
    assert not order.requires_grad
    assert not rank.requires_grad
    (values * cr.tensor([1.0, 10.0, 100.0]).double()).sum().backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


def test_a_saved_tensor_that_was_edited() -> None:
    x = var([1.0, 2.0])
    h = x * 1
    y = Cube.apply(h)
    h.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_second_backward() -> None:
    x = var(2.0)
    y = Cube.apply(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 24.0
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_mark_dirty() -> None:
    class Double(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = var([1.0, 2.0])
    h = x * 3
    y = Double.apply(h)
    assert y is h
    (y * y).sum().backward()
    assert h.tolist() == [6.0, 12.0]
    assert x.grad.tolist() == [72.0, 144.0]


def test_missing_gradients_may_stay_none() -> None:
    seen: list[Any] = []

    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            seen.append((a is None, b is None))
            return b * 3

    x = var(1.0)
    _, b = Two.apply(x)
    b.backward()
    assert seen == [(True, False)]
    assert x.grad.item() == 3.0


def test_an_input_returned_as_it_is() -> None:
    class Same(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 10

    x = var([1.0])
    y = Same.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [10.0]


def test_once_differentiable() -> None:
    class Sine(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * x.cos()

    x = var(0.5)
    (g,) = cr.autograd.grad(Sine.apply(x), x, create_graph=True)
    assert g.item() == pytest.approx(np.cos(0.5))
    with pytest.raises(RuntimeError, match=r"once_differentiable|does not require grad"):
        g.backward()


def test_float32_and_integer_arguments() -> None:
    class Take(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, index: Any) -> Any:
            ctx.save_for_backward(index)
            ctx.n = x.shape[0]
            return x[index]

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (index,) = ctx.saved_tensors
            out = cr.zeros(ctx.n, dtype=g.dtype)
            out[index] = g
            return out, None

    x = cr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = Take.apply(x, cr.tensor([2, 0]))
    assert y.dtype is cr.float32
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 1.0]
    assert x.grad.dtype is cr.float32


def test_what_is_not_written_says_so() -> None:
    class Empty(Function):
        pass

    with pytest.raises(NotImplementedError, match="forward"):
        Empty.apply(var(1.0))

    class Half(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

    with pytest.raises(NotImplementedError, match="backward"):
        Half.apply(var(1.0)).backward()
