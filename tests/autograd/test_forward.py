"""Forward mode: tangents of every operation, of users' Functions, of dual tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import Function, forward_ad, registry
from chainrule.autograd.forward import push
from chainrule.autograd.ops.forms import without_gradient
from chainrule.autograd.ops.samples import Sampler

# Differentiable operations that the sweep does not draw, and what checks their tangents.
NOT_DRAWN = {
    "output": "picks one result of several: checked with split, unbind, svd, ...",
    "assign_view": "the history of an edited view: test_through_edited_views",
    "convert": "its samples would all be float64: test_conversion",
    "ctc_loss": "its way back has no derivative, so that it has no tangent: test_no_derivative",
    "ctc_loss_back": "likewise",
    "standard_gamma": "its draw is made on the way in: test_draws",
    "dirichlet": "likewise: test_draws",
    "recurrent": "its arguments are made by the recurrent layers: test_recurrent_layers",
    "cholesky": "made of its samples, it needs a symmetric matrix: test_symmetric_matrices",
    "eigh": "likewise: test_symmetric_matrices",
    "conj": "real numbers pass it by: test_complex_parity",
    "eig": "complex results, differentiable without their phase: test_linalg_parity",
    "real": "its samples are real: test_complex_parity, with the other parts of complex numbers",
    "imag": "likewise",
    "complex": "likewise",
    "view_as_real": "likewise",
    "view_as_complex": "likewise",
    "fft": "its result is complex: test_fourier_parity",
    "rfft": "likewise",
    "irfft": "its argument is complex: test_fourier_parity",
    "zeta": "of its two arguments one has a derivative: test_special_parity",
    "igamma": "likewise",
    "igammac": "likewise",
    "underived": "has no derivative in either direction: test_no_derivative",
}


def f64(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64)


class Call:
    """A sample call of an operation, on tensors of which the differentiable ones require grad."""

    def __init__(self, name: str, args: tuple[Any, ...]) -> None:
        op = registry[name]
        keywords = args[-1] if isinstance(args[-1], dict) else {}
        plain = list(args[:-1] if keywords else args)
        self.xs: list[Any] = []
        if op.variadic:
            given = [[self.lift(v, True) for v in plain[0]], *plain[1:]]
        else:
            inner = plain[: len(op.inputs)]
            names = zip(op.inputs, inner, strict=False)
            given = [self.lift(v, callable(op.rules) or n in op.rules) for n, v in names]
            given += plain[len(op.inputs) :]
        out = op.call(*given, **keywords)
        every = out if isinstance(out, (tuple, list)) else (out,)
        self.outs = [o for o in every if isinstance(o, cr.Tensor) and o.requires_grad]

    def lift(self, value: Any, wanted: bool) -> Any:
        if not isinstance(value, (np.ndarray, np.generic)):
            return value
        if value.dtype.kind not in "fc":
            return cr.tensor(value)
        t = cr.tensor(value, dtype=cr.float64 if value.dtype.kind == "f" else cr.complex128)
        if wanted:
            self.xs.append(t.requires_grad_())
        return t


def samples() -> Iterator[Any]:
    for name, op in registry.items():
        if op.differentiable and op.samples is not None and name not in NOT_DRAWN:
            for k, args in enumerate(op.samples(Sampler())):
                yield pytest.param(name, args, id=f"{name}-{k}")


def draw(rng: np.random.Generator, t: Any) -> Any:
    shape = tuple(t.shape)
    data = rng.normal(size=shape)
    if t.dtype.is_complex:
        data = data + 1j * rng.normal(size=shape)
    return cr.tensor(data, dtype=t.dtype)


def inner(a: Any, b: Any) -> float:
    return float(np.real(np.vdot(a.detach().numpy(), b.detach().numpy())))


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize(("name", "args"), list(samples()))
def test_dot_product(name: str, args: tuple[Any, ...], recorded: bool) -> None:
    """⟨J t, g⟩ = ⟨t, Jᵀ g⟩ in float64, for every operation at each of its samples."""
    call = Call(name, args)
    assert call.outs
    rng = np.random.default_rng(0)
    ts, gs = [draw(rng, x) for x in call.xs], [draw(rng, o) for o in call.outs]
    tangents = {x._node: t if recorded else t._data for x, t in zip(call.xs, ts, strict=True)}
    moved = push([o._node for o in call.outs], tangents, recorded=recorded)
    left = 0.0
    for j, o, g in zip(moved, call.outs, gs, strict=True):
        if j is None:
            continue
        tangent = j if recorded else cr.tensor(np.asarray(j))
        assert tangent.shape == o.shape
        assert tangent.dtype is o.dtype
        left += inner(g, tangent)
    grads = cr.autograd.grad(call.outs, call.xs, gs, retain_graph=True, allow_unused=True)
    right = sum(inner(t, g) for t, g in zip(ts, grads, strict=True) if g is not None)
    assert left == pytest.approx(right, rel=1e-9, abs=1e-9)
    if recorded:
        return
    for x, t in zip(call.xs, ts, strict=True):  # one input at a time: the others count as constant
        moved = push([o._node for o in call.outs], {x._node: t._data}, recorded=False)
        (g,) = cr.autograd.grad(call.outs, x, gs, retain_graph=True, allow_unused=True)
        left = sum(
            inner(g, cr.tensor(np.asarray(j)))
            for g, j in zip(gs, moved, strict=True)
            if j is not None
        )
        assert left == pytest.approx(0.0 if g is None else inner(t, g), rel=1e-9, abs=1e-9)


def test_every_operation_is_drawn_or_explained() -> None:
    for name, op in registry.items():
        if op.lifts:  # the ways into a vmap and out of it: test_func
            continue
        if op.differentiable and name not in NOT_DRAWN:
            assert op.samples is not None, name
            assert op.samples(Sampler()), name
    assert set(NOT_DRAWN) <= {n for n, op in registry.items() if op.differentiable}


def slope(f: Any, x: Any, t: Any, eps: float = 1e-6) -> Any:
    """The derivative in direction t by a central difference."""
    return (f(x + eps * t) - f(x - eps * t)) / (2 * eps)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: cr.linalg.eigh(x @ x.mT + 3 * cr.eye(3, dtype=cr.float64))[0],
        lambda x: cr.linalg.cholesky(x @ x.mT + 3 * cr.eye(3, dtype=cr.float64)),
    ],
)
def test_symmetric_matrices(f: Any) -> None:
    rng = np.random.default_rng(3)
    x, t = f64(rng.normal(size=(3, 3))), f64(rng.normal(size=(3, 3)))
    tangent = cr.func.jvp(f, (x,), (t,))[1]
    np.testing.assert_allclose(tangent.numpy(), slope(f, x, t).numpy(), 1e-6, 1e-8)


def test_through_edited_views() -> None:
    def f(x: Any) -> Any:
        y = x * 1
        row = y[0]
        row.mul_(x[1])
        y[:, 1] = x[:, 0] ** 2
        y.view(-1)[3:].exp_()
        return y

    rng = np.random.default_rng(4)
    x, t = f64(rng.normal(size=(2, 3))), f64(rng.normal(size=(2, 3)))
    tangent = cr.func.jvp(f, (x,), (t,))[1]
    np.testing.assert_allclose(tangent.numpy(), slope(f, x, t).numpy(), 1e-6, 1e-8)


def test_conversion() -> None:
    x = cr.tensor([1.0, 2.0])
    y, t = cr.func.jvp(lambda x: (x.double() * x).float().half(), (x,), (x,))
    assert t.dtype is y.dtype is cr.float16
    assert t.tolist() == [2.0, 8.0]


def test_dtypes_meet() -> None:
    x, w = cr.tensor([1.0, 2.0]), f64([3.0, 4.0])
    y, t = cr.func.jvp(lambda x: x * w, (x,), (cr.ones(2),))
    assert t.dtype is y.dtype is cr.float64
    assert t.tolist() == [3.0, 4.0]


def test_no_derivative() -> None:
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = without_gradient(x, cr.ones(2), "ones")
    with pytest.raises(RuntimeError, match="ones"):
        push([y._node], {x._node: np.ones(2, np.float32)}, recorded=False)
    targets, sizes = cr.tensor([[1, 2]]), (cr.tensor([4]), cr.tensor([2]))

    def ctc(x: Any) -> Any:
        return cr.nn.functional.ctc_loss(x.log_softmax(-1), targets, *sizes)

    with pytest.raises(RuntimeError, match="not implemented"):
        cr.func.jvp(ctc, (cr.ones(4, 1, 3),), (cr.ones(4, 1, 3),))


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers(kind: str) -> None:
    cr.manual_seed(0)
    layer = getattr(cr.nn, kind)(3, 4, num_layers=2).double()
    x, t = (cr.randn(5, 2, 3, dtype=cr.float64) for _ in range(2))
    tangent = cr.func.jvp(lambda x: layer(x)[0], (x,), (t,))[1].detach()
    with cr.no_grad():
        expected = slope(lambda x: layer(x)[0], x, t)
    np.testing.assert_allclose(tangent.numpy(), expected.numpy(), 1e-6, 1e-8)


@pytest.mark.parametrize("draw_from", ["_standard_gamma", "_sample_dirichlet"])
def test_draws(draw_from: str) -> None:
    """A draw that is differentiable in its parameter: jvp against vjp."""

    def f(a: Any) -> Any:
        cr.manual_seed(0)
        return getattr(cr, draw_from)(a)

    a, t, g = f64([0.5, 2.0, 7.0]), f64([1.0, -1.0, 0.5]), f64([0.3, 1.0, -2.0])
    left = inner(g, cr.func.jvp(f, (a,), (t,))[1])
    assert left == pytest.approx(inner(t, cr.func.vjp(f, a)[1](g)[0]))
    assert left != 0


def test_constants_of_affine_operations_stay_out() -> None:
    one, pair = cr.tensor(1.0), cr.tensor([1.0, 2.0])
    mask = cr.tensor([True, False])
    for f in (
        lambda x: x + 5,
        lambda x: cr.where(mask, x, 7.0),
        lambda x: x.masked_fill(mask, 9.0),
        lambda x: cr.nn.functional.pad(x, (1, 1), value=3.0),
        lambda x: cr.cat([x, cr.ones(2)]),
        lambda x: cr.stack([cr.ones(2), x]),
        lambda x: cr.addmm(cr.ones(1, 1), x.reshape(1, 2), cr.ones(2, 1)),
        lambda x: x.index_add(0, cr.tensor([0]), one.reshape(1)),
    ):
        zero = cr.func.jvp(f, (pair,), (cr.zeros(2),))[1]
        assert float(zero.abs().sum()) == 0.0


def test_a_linear_operation_with_a_constant_is_not_taken_for_linear() -> None:
    """``shifted`` fills with a constant: its tangent must not hold it."""
    x = cr.tensor([2.0, 3.0, 4.0], requires_grad=True)
    y = registry["shifted"].call(x, 0, 1, 5.0)
    (t,) = push([y._node], {x._node: np.ones(3, np.float32)}, recorded=False)
    assert t.tolist() == [0.0, 1.0, 1.0]


def test_long_chains() -> None:
    def f(x: Any) -> Any:
        for _ in range(100_000):
            x = x * 1.00001
        return x

    y, t = cr.func.jvp(f, (f64(1.0),), (f64(1.0),))
    assert t.item() == pytest.approx(y.item())


def test_edits_are_noticed() -> None:
    x = cr.tensor([1.0, 2.0])
    y, tangent = cr.func.linearize(lambda x: x.exp(), x)
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        tangent(cr.ones(2))


def test_packed_values() -> None:
    """What ``saved_tensors_hooks`` packed is unpacked for forward mode too."""
    halves = cr.autograd.graph.saved_tensors_hooks(lambda t: t * 0.5, lambda t: t * 2)

    def f(x: Any) -> Any:
        with halves:
            return (x.exp() * x).softmax(0).cumprod(0)

    x, t = f64([1.0, 2.0, 0.5]), f64([1.0, -1.0, 2.0])
    close = cr.func.jvp(f, (x,), (t,))[1] - slope(f, x, t)
    assert float(close.abs().max()) < 1e-8


def test_freed_graph() -> None:
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).exp()
    y.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        push([y._node], {x._node: np.ones(2, np.float32)}, recorded=False)


# -- users' Functions ----------------------------------------------------------------------------


class Exp(Function):
    """With a jvp of its own, three times too large, so that it can be told from the derived one."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        ctx.save_for_forward(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0]

    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        return 3 * t * ctx.saved_tensors[0]


class SumAndProduct(Function):
    """Two inputs and a number, two results, and no jvp."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, k: float) -> Any:
        ctx.save_for_backward(x, y)
        ctx.k = k
        return x + k * y, x * y

    @staticmethod
    def backward(ctx: Any, g: Any, h: Any) -> Any:
        x, y = ctx.saved_tensors
        return g + h * y, ctx.k * g + h * x, None


class Pair(SumAndProduct):
    """The same with a jvp."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, k: float) -> Any:
        ctx.save_for_forward(x, y)
        return SumAndProduct.forward(ctx, x, y, k)

    @staticmethod
    def jvp(ctx: Any, s: Any, t: Any, none: None) -> Any:
        assert none is None
        x, y = ctx.saved_tensors
        return s + ctx.k * t, s * y + x * t


def test_a_function_with_jvp() -> None:
    x = f64([0.0, 1.0])
    y, t = cr.func.jvp(Exp.apply, (x,), (f64([1.0, 1.0]),))
    assert cr.equal(t, 3 * y)
    # its derivative is recorded through ctx.saved_tensors: d(3 eˣ)/dx backwards is 3 eˣ
    slope = cr.func.grad(lambda x: cr.func.jvp(Exp.apply, (x,), (cr.ones_like(x),))[1].sum())(x)
    assert cr.equal(slope, 3 * y)


@pytest.mark.parametrize("which", [SumAndProduct, Pair])
def test_a_function_of_several(which: Any) -> None:
    x, y = f64([1.0, 2.0]), f64([5.0, 7.0])
    s, t = f64([1.0, 10.0]), f64([0.5, 0.25])
    for given, expected in (
        ((s, t), (s + 2 * t, s * y + x * t)),
        ((s, cr.zeros_like(t)), (s, s * y)),
    ):
        moved = cr.func.jvp(lambda x, y: which.apply(x, y, 2.0), (x, y), given)[1]
        for a, b in zip(moved, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-12)
    moved = cr.func.jvp(lambda x: which.apply(x, y, 2.0), (x,), (s,))[1]  # y is a constant
    assert cr.equal(moved[1], s * y)


@pytest.mark.parametrize("marked", [True, False])
def test_a_backward_that_cannot_be_differentiated(marked: bool) -> None:
    def by_hand(ctx: Any, g: Any) -> Any:
        return cr.tensor(3 * g.detach().numpy() * ctx.saved_tensors[0].detach().numpy() ** 2)

    class Cube(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        backward = staticmethod(
            cr.autograd.function.once_differentiable(by_hand) if marked else by_hand
        )

    with pytest.raises(RuntimeError, match="once_differentiable" if marked else "jvp staticmethod"):
        cr.func.jvp(Cube.apply, (f64([1.0]),), (f64([1.0]),))


def test_jvp_with_a_wrong_result() -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def jvp(ctx: Any, t: Any) -> Any:
            return t.sum()

    with pytest.raises(RuntimeError, match="tangent of shape"):
        cr.func.jvp(Wrong.apply, (f64([1.0, 2.0]),), (f64([1.0, 1.0]),))


# -- dual tensors --------------------------------------------------------------------------------


def test_duals() -> None:
    x, t = f64([1.0, 2.0]), f64([1.0, 10.0])
    with forward_ad.dual_level():
        d = forward_ad.make_dual(x, t)
        primal, tangent = forward_ad.unpack_dual(d.sin() * x)
        assert not primal.requires_grad
        assert not tangent.requires_grad
        assert forward_ad.unpack_dual(d).tangent.tolist() == [1.0, 10.0]
        assert forward_ad.unpack_dual(x) == (x, None)
        assert forward_ad.unpack_dual(d.detach()).tangent is None
        d.mul_(3)  # edited in place, as x is with it
        assert forward_ad.unpack_dual(d * d).tangent.tolist() == [18.0, 360.0]
    np.testing.assert_allclose(tangent.numpy(), np.cos([1, 2]) * [1, 10] * [1, 2])
    assert forward_ad.unpack_dual(d).tangent is None


def test_duals_in_modules() -> None:
    """PyTorch's tutorial: parameters replaced by dual tensors give the jvp in parameter space."""
    cr.manual_seed(0)
    model, x = cr.nn.Linear(3, 2).double(), cr.randn(4, 3, dtype=cr.float64)
    tangents = {name: cr.randn(*p.shape, dtype=cr.float64) for name, p in model.named_parameters()}
    params = dict(model.named_parameters())
    with forward_ad.dual_level():
        for name, p in params.items():
            delattr(model, name)
            setattr(model, name, forward_ad.make_dual(p, tangents[name]))
        out = forward_ad.unpack_dual(model(x).tanh())
    w, b = tangents["weight"], tangents["bias"]
    expected = (1 - out.primal**2) * (x @ w.T + b)
    np.testing.assert_allclose(out.tangent.detach().numpy(), expected.detach().numpy(), 1e-12)


def test_duals_with_reverse_mode() -> None:
    """A tangent is a function of what requires grad: backward goes through it."""
    x = f64([1.0, 2.0]).requires_grad_()
    with forward_ad.dual_level():
        d = forward_ad.make_dual(x, cr.ones(2, dtype=cr.float64))
        primal, tangent = forward_ad.unpack_dual(d**3)
        assert forward_ad.unpack_dual(primal).tangent is None
    (g,) = cr.autograd.grad(tangent.sum(), x, retain_graph=True)
    assert g.tolist() == [6.0, 12.0]
    (g,) = cr.autograd.grad(primal.sum(), x)
    assert g.tolist() == [3.0, 12.0]


def test_duals_under_no_grad() -> None:
    with cr.no_grad():
        with forward_ad.dual_level():
            d = forward_ad.make_dual(f64(2.0), f64(1.0))
            assert forward_ad.unpack_dual(d * d).tangent.item() == 4.0
        assert not cr.is_grad_enabled()


def test_dual_errors() -> None:
    x = cr.tensor([1.0, 2.0])
    with pytest.raises(RuntimeError, match="no level exists"):
        forward_ad.make_dual(x, x)
    with pytest.raises(RuntimeError, match="level"):
        forward_ad.exit_dual_level()
    with forward_ad.dual_level():
        with pytest.raises(RuntimeError, match="Nested"):
            forward_ad.enter_dual_level()
        with pytest.raises(RuntimeError, match="different size"):
            forward_ad.make_dual(x, x[:1])
        with pytest.raises(ValueError, match="floating point"):
            forward_ad.make_dual(cr.tensor([1, 2]), x)
        d = forward_ad.make_dual(x, x)
        with pytest.raises(RuntimeError, match="already has a forward gradient"):
            forward_ad.make_dual(d * 2, x)
    assert forward_ad.enter_dual_level() == 0
    forward_ad.exit_dual_level(level=0)
