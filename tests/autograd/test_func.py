"""The functional transforms: alone, nested, on trees, on modules; and autograd.functional."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import functional
from chainrule.autograd.pytree import flatten, tree_map, unflatten
from chainrule.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)

POINT = namedtuple("POINT", "x y")


def f64(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64)


def close(a: Any, b: Any, rtol: float = 1e-12, atol: float = 1e-14) -> None:
    a, b = (np.asarray(v.detach().numpy() if isinstance(v, cr.Tensor) else v) for v in (a, b))
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol, atol)


X = f64([0.5, -1.5, 2.0])
A = f64(np.random.default_rng(5).normal(size=(3, 3)))


def layer(x: Any) -> Any:
    return (A @ x).sin()


def energy(x: Any) -> Any:
    return (x**3).sum() + (A @ x).cos().prod()


# -- trees ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tree",
    [
        1,
        None,
        (),
        {},
        (1, [2, {"a": 3, "b": (4,)}]),
        POINT(1, [2]),
        OrderedDict([("b", 1), ("a", (2, 3))]),
    ],
)
def test_trees(tree: Any) -> None:
    leaves, spec = flatten(tree)
    again = unflatten(leaves, spec)
    assert again == tree
    assert type(again) is type(tree)
    assert spec == flatten(again)[1]
    assert spec.count == len(leaves)
    assert flatten(tree_map(lambda v: (v, v), tree))[1].count == 2 * len(leaves)


def test_trees_that_differ() -> None:
    with pytest.raises(ValueError, match="structure"):
        tree_map(lambda a, b: a, {"x": 1}, {"y": 1})
    with pytest.raises(ValueError, match="leaves"):
        unflatten([1], flatten((1, 2))[1])


# -- one derivative -------------------------------------------------------------------------------


def test_grad() -> None:
    g, value = grad_and_value(energy)(X)
    close(value, energy(X))
    x = X.clone().requires_grad_()
    energy(x).backward()
    close(g, x.grad)
    assert not g.requires_grad
    assert not value.requires_grad
    assert X.grad is None


def test_grad_costs_one_forward_and_one_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    from chainrule.autograd import levels

    calls = []
    walk = levels.walk

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(kwargs["recorded"])
        return walk(*args, **kwargs)

    monkeypatch.setattr(levels, "walk", counted)
    grad(energy)(X)
    assert calls == [False]
    calls.clear()
    grad(energy)(X.clone().requires_grad_())
    assert calls == [True]
    with cr.no_grad():
        grad(energy)(X.clone().requires_grad_())
    assert calls == [True, False]


def test_arguments() -> None:
    def f(x: Any, tree: Any, *, k: float = 1.0) -> Any:
        return (x * tree["a"] * tree["b"][0]).sum() * k

    a, b = X + 1, X * 2
    tree = {"a": a, "b": [b]}
    close(grad(f)(X, tree, k=3.0), 3 * a * b)
    g = grad(f, argnums=1)(X, tree)
    close(g["a"], X * b)
    close(g["b"][0], X * a)
    gx, gt = grad(f, argnums=(0, -1))(X, tree)
    close(gx, a * b)
    close(gt["a"], X * b)
    (single,) = grad(f, argnums=(0,))(X, tree)
    close(single, a * b)
    close(grad(lambda p: (p.x * p.y).sum())(POINT(a, b)).y, a)


def test_aux() -> None:
    def f(x: Any) -> Any:
        return (x**2).sum(), {"doubled": 2 * x, "x": x}

    g, aux = grad(f, has_aux=True)(X)
    close(g, 2 * X)
    close(aux["doubled"], 2 * X)
    assert not aux["doubled"].requires_grad
    assert not aux["x"].requires_grad
    g, (value, aux) = grad_and_value(f, has_aux=True)(X)
    close(value, (X**2).sum())
    value, pull, aux = vjp(f, X, has_aux=True)
    close(pull(f64(1.0))[0], 2 * X)
    value, tangent, aux = jvp(f, (X,), (X,), has_aux=True)
    close(tangent, (2 * X * X).sum())
    for transform in (jacrev, jacfwd):
        jacobian, aux = transform(f, has_aux=True)(X)
        close(jacobian, 2 * X)
        close(aux["x"], X)


def test_unused() -> None:
    close(grad(lambda x, y: y.sum())(X, X), cr.zeros_like(X))
    close(jvp(lambda x: A, (X,), (X,))[1], cr.zeros_like(A))
    close(vjp(lambda x: A, X)[1](A)[0], cr.zeros_like(X))
    close(jacrev(lambda x: A[0])(X), cr.zeros(3, 3))
    close(jacfwd(lambda x: A[0])(X), cr.zeros(3, 3))


def test_vjp_and_jvp_are_transposes() -> None:
    rng = np.random.default_rng(1)
    t, g = f64(rng.normal(size=3)), f64(rng.normal(size=3))
    _, pull = vjp(layer, X)
    _, moved = jvp(layer, (X,), (t,))
    close((pull(g)[0] * t).sum(), (moved * g).sum())
    close(pull(g)[0], pull(g)[0])  # any number of times
    _, slope = linearize(layer, X)
    close(slope(t), moved)
    close(slope(2 * t), 2 * moved)


def test_trees_of_results() -> None:
    out, pull = vjp(lambda x, y: {"p": x * y, "s": (x.sum(),)}, X, 2 * X)
    assert list(out) == ["p", "s"]
    gx, gy = pull({"p": X, "s": (f64(1.0),)})
    close(gx, 2 * X * X + 1)
    close(gy, X * X)
    out, moved = jvp(
        lambda d: POINT(d["a"] * 2, [d["b"]]), ({"a": X, "b": A},), ({"a": X, "b": A},)
    )
    assert type(moved) is POINT
    close(moved.x, 2 * X)
    close(moved.y[0], A)


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_jacobians(transform: Any) -> None:
    close(transform(layer)(X), (A @ X).cos().reshape(3, 1) * A)
    j = transform(lambda x, y: {"p": x * y, "s": (x.sum(),)}, argnums=(0, 1))(X, 2 * X)
    close(j["p"][0], cr.diag(2 * X))
    close(j["p"][1], cr.diag(X))
    close(j["s"][0][0], cr.ones(3))
    close(j["s"][0][1], cr.zeros(3))
    close(transform(lambda d: d["a"] ** 2)({"a": X})["a"], cr.diag(2 * X))
    assert transform(lambda x: x[:0])(X).shape == (0, 3)
    assert transform(lambda x: x * 2)(cr.zeros(0)).shape == (0, 0)
    assert transform(lambda x: cr.outer(x, x))(X).shape == (3, 3, 3)
    assert transform(lambda x: x * 2)(f64(1.0)).shape == ()


def test_chunks() -> None:
    close(jacrev(layer, chunk_size=2)(X), jacrev(layer)(X))
    with pytest.raises(ValueError, match="chunk_size"):
        jacrev(layer, chunk_size=0)


# -- nested ---------------------------------------------------------------------------------------


def test_polynomials() -> None:
    """d^n x⁵ / dx^n in every mixture of the two modes."""
    x = f64(1.5)

    def forward(f: Any) -> Any:
        return lambda x: jvp(f, (x,), (f64(1.0),))[1]

    expected = [5 * 1.5**4, 20 * 1.5**3, 60 * 1.5**2, 120 * 1.5, 120.0]
    for mixture in range(2**5):
        f: Any = lambda x: x**5  # noqa: E731  # it is wrapped below
        for k in range(5):
            f = forward(f) if mixture >> k & 1 else grad(f)
            close(f(x), expected[k])


def test_hessians() -> None:
    H = hessian(energy)(X)
    for outer in (jacfwd, jacrev):
        for inner in (jacfwd, jacrev):
            close(outer(inner(energy))(X), H, 1e-11, 1e-12)
    close(functional.hessian(energy, X), H, 1e-11, 1e-12)
    v = f64([1.0, 2.0, -1.0])
    close(jvp(grad(energy), (X,), (v,))[1], H @ v, 1e-11)
    close(vjp(grad(energy), X)[1](v)[0], H @ v, 1e-11)
    close(grad(lambda x: jvp(energy, (x,), (v,))[1])(X), H @ v, 1e-11)
    close(jvp(lambda x: jvp(energy, (x,), (v,))[1], (X,), (v,))[1], v @ H @ v, 1e-11)
    close(linearize(grad(energy), X)[1](v), H @ v, 1e-11)
    h = hessian(lambda x, y: (x * y * y).sum(), argnums=(0, 1))(X, X)
    close(h[0][0], cr.zeros(3, 3))
    close(h[0][1], cr.diag(2 * X))
    close(h[1][0], cr.diag(2 * X))
    close(h[1][1], cr.diag(2 * X))


def test_perturbation_confusion() -> None:
    """d/dx (x · d/dy (x + y)) is 1, and its kin: a nested derivative sees its own variable."""
    one = f64(1.0)
    close(grad(lambda x: x * grad(lambda y: x + y)(one))(one), 1.0)
    close(jvp(lambda x: x * jvp(lambda y: x + y, (one,), (one,))[1], (one,), (one,))[1], 1.0)
    close(grad(lambda x: x * jvp(lambda y: x * y, (one,), (one,))[1])(f64(3.0)), 6.0)
    close(jvp(lambda x: x * grad(lambda y: x * y)(x), (f64(3.0),), (one,))[1], 6.0)
    close(grad(lambda x: grad(lambda y: x * y * y)(x))(f64(3.0)), 12.0)


def test_the_same_variable_inside_and_outside() -> None:
    """The inner argument is x itself: only the outer derivative sees both."""
    x = f64(3.0)
    close(grad(lambda x: grad(lambda y: x**2 * y**3)(x))(x), 12 * 27.0)
    close(grad(lambda x: grad(lambda y: y**3 * x.detach())(x))(x), 6 * 3.0 * 3.0)


def test_gradients_of_what_is_outside() -> None:
    w = A.clone().requires_grad_()
    g = grad(lambda x: (w @ x).pow(3).sum())(X)
    assert g.requires_grad
    g.sum().backward()
    close(w.grad, grad(lambda w: grad(lambda x: (w @ x).pow(3).sum())(X).sum())(A))
    for make in (
        lambda w: jvp(lambda x: (w @ x).sin(), (X,), (X,))[1],
        lambda w: vjp(lambda x: (w @ x).sin(), X)[1](X)[0],
        lambda w: jacrev(lambda x: (w @ x).sin())(X),
        lambda w: jacfwd(lambda x: (w @ x).sin())(X),
        lambda w: linearize(lambda x: (w @ x).sin(), X)[1](X),
        lambda w: hessian(lambda x: (w @ x).sin().sum())(X),
    ):
        w = A.clone().requires_grad_()
        out = make(w)
        assert out.requires_grad
        (out * out).sum().backward()
        close(w.grad, grad(lambda w, make=make: (make(w) ** 2).sum())(A), 1e-11, 1e-13)


def test_results_that_depend_on_nothing_outside_have_no_history() -> None:
    w = A.clone().requires_grad_()
    assert not grad(lambda x: (x**2).sum())(X).requires_grad
    assert not jvp(lambda x: x**2, (X,), (X,))[1].requires_grad
    out, _ = vjp(lambda x: (x**2, w * 2), X)
    assert not out[0].requires_grad
    assert out[1].requires_grad
    assert not hessian(lambda x: grad(energy)(x).sum())(X).requires_grad
    with cr.no_grad():
        assert not grad(lambda x: (w @ x).sum())(X).requires_grad


def test_tangents_that_require_grad() -> None:
    t = X.clone().requires_grad_()
    moved = jvp(layer, (X,), (t,))[1]
    moved.sum().backward()
    close(t.grad, jacrev(layer)(X).sum(0))
    g = X.clone().requires_grad_()
    vjp(layer, X)[1](g)[0].sum().backward()
    close(g.grad, jacrev(layer)(X).sum(1))


def test_grad_modes() -> None:
    def f(x: Any) -> Any:
        with cr.no_grad():
            constant = x**2
        return (x * constant).sum()

    close(grad(f)(X), X**2)
    with cr.no_grad():
        close(grad(f)(X), X**2)
        assert not cr.is_grad_enabled()
    assert cr.is_grad_enabled()


def test_an_error_inside_leaves_nothing_behind() -> None:
    def broken(x: Any) -> Any:
        raise KeyError("mine")

    with cr.no_grad():
        with pytest.raises(KeyError):
            grad(broken)(X)
        assert not cr.is_grad_enabled()
    close(grad(energy)(X), jacfwd(energy)(X), 1e-11)


def test_with_vmap() -> None:
    batch = cr.stack([X, 2 * X, -X])
    close(vmap(grad(energy))(batch), cr.stack([grad(energy)(x) for x in batch]))
    close(vmap(hessian(energy))(batch), cr.stack([hessian(energy)(x) for x in batch]), 1e-11)
    moved = vmap(lambda x, t: jvp(layer, (x,), (t,))[1])(batch, batch)
    close(moved, cr.stack([jvp(layer, (x,), (x,))[1] for x in batch]))
    whole = jvp(lambda b: vmap(grad(energy))(b), (batch,), (batch,))[1]
    close(whole, cr.stack([jvp(grad(energy), (x,), (x,))[1] for x in batch]), 1e-11)
    jacobian = jacrev(vmap(layer))(batch)
    close(jacobian[1, :, 1], jacrev(layer)(2 * X))
    close(jacobian[1, :, 0], cr.zeros(3, 3))


# -- modules --------------------------------------------------------------------------------------


def network() -> Any:
    cr.manual_seed(0)
    nn = cr.nn
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()


def test_gradients_of_a_module() -> None:
    """``grad`` over a dict of parameters is what backward accumulates."""
    model, x, y = network(), A, f64([[1.0], [0.0], [2.0]])
    params = {k: p.detach() for k, p in model.named_parameters()}

    def loss(params: Any) -> Any:
        return cr.nn.functional.mse_loss(functional_call(model, params, (x,)), y)

    grads, value = grad_and_value(loss)(params)
    assert not value.requires_grad
    cr.nn.functional.mse_loss(model(x), y).backward()
    for name, p in model.named_parameters():
        close(grads[name], p.grad)
    moved = jvp(loss, (params,), (grads,))[1]
    close(moved, sum((g * g).sum() for g in grads.values()))


def test_functional_call() -> None:
    model, x = network(), A
    before = dict(model.named_parameters())
    weights = {k: cr.ones_like(p) for k, p in before.items()}
    out = functional_call(model, weights, x)
    with cr.no_grad():
        for p in model.parameters():
            p.fill_(1.0)
    close(out, model(x))
    assert all(p is before[k] for k, p in model.named_parameters())
    halves = ({"0.weight": weights["0.weight"]}, {"0.bias": weights["0.bias"]})
    close(functional_call(model, halves, (x,)), model(x))
    with pytest.raises(ValueError, match="multiple dictionaries"):
        functional_call(model, (weights, weights), x)
    with pytest.raises(RuntimeError, match="Missing"):
        functional_call(model, halves, x, strict=True)
    with pytest.raises(RuntimeError, match="Unexpected"):
        functional_call(model, {**weights, "z": x}, x, strict=True)
    with pytest.raises(AttributeError):
        functional_call(model, {"nowhere.weight": x}, x)
    with pytest.raises(TypeError):
        functional_call(model, {"0.weight": 3}, x)
    with pytest.raises(RuntimeError):
        functional_call(model, {"0.weight": cr.ones(7, 7)}, x)
    assert all(p is before[k] for k, p in model.named_parameters())


def test_tied_weights() -> None:
    class Tied(cr.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = cr.nn.Linear(2, 2, bias=False)
            self.b = cr.nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x))

    model, x, w = Tied(), cr.ones(1, 2), 2 * cr.eye(2)
    assert functional_call(model, {"b.weight": w}, x).tolist() == [[4.0, 4.0]]
    assert functional_call(model, {"a.weight": w}, x, strict=True).tolist() == [[4.0, 4.0]]
    loose = functional_call(model, {"a.weight": w}, x, tie_weights=False)
    close(loose, 2 * model.b(x), 1e-6)
    with pytest.raises(ValueError, match="tied"):
        functional_call(model, {"a.weight": w, "b.weight": 3 * w}, x)


def test_buffers_come_back() -> None:
    class Counter(cr.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("n", cr.zeros(1))

        def forward(self, x: Any) -> Any:
            self.n = self.n + 1
            return x * self.n

    model, state = Counter(), {"n": cr.tensor([4.0])}
    assert functional_call(model, state, cr.ones(1)).item() == 5.0
    assert state["n"].item() == 5.0
    assert model.n.item() == 0.0


def test_stacked_modules() -> None:
    models = [cr.nn.Linear(3, 2).double() for _ in range(4)]
    params, buffers = stack_module_state(models)
    assert params["weight"].shape == (4, 2, 3)
    assert params["weight"].is_leaf
    assert params["weight"].requires_grad
    assert buffers == {}
    out = vmap(lambda p: functional_call(models[0], p, (A,)))(params)
    close(out, cr.stack([m(A) for m in models]))
    with pytest.raises(RuntimeError, match="at least one"):
        stack_module_state([])
    with pytest.raises(RuntimeError, match="same class"):
        stack_module_state([models[0], cr.nn.ReLU()])
    with pytest.raises(RuntimeError, match="mode"):
        stack_module_state([models[0], cr.nn.Linear(3, 2).double().eval()])
    with pytest.raises(RuntimeError, match="requires_grad"):
        stack_module_state([models[0], cr.nn.Linear(3, 2).double().requires_grad_(False)])


def test_names() -> None:
    with pytest.raises(AttributeError, match="functionalize"):
        _ = cr.func.functionalize
    with pytest.raises(AttributeError, match="jacrev"):
        _ = cr.func.jacref
    assert {"vmap", "functional_call", "grad"} <= set(dir(cr.func))
