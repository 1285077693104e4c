"""The functional transforms, dual tensors and ``autograd.functional`` against PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr

RNG = np.random.default_rng(7)
X, V, W = RNG.normal(size=(3,)), RNG.normal(size=(3,)), RNG.normal(size=(3, 3))
BOTH: tuple[Any, Any] = (cr, torch)


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for key in tree for leaf in leaves(tree[key])]
    if isinstance(tree, (tuple, list)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


def shape_of(tree: Any) -> Any:
    """A tree with its leaves' dtypes and shapes in place of them."""
    if isinstance(tree, dict):
        return {key: shape_of(value) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(shape_of(part) for part in tree)
    return (
        (str(tree.dtype).rpartition(".")[2], tuple(tree.shape)) if hasattr(tree, "dtype") else tree
    )


def agree(ours: Any, theirs: Any, rtol: float = 1e-9) -> None:
    assert shape_of(ours) == shape_of(theirs)
    for a, b in zip(leaves(ours), leaves(theirs), strict=True):
        if hasattr(b, "detach"):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol, 1e-10)


def both(run: Callable[..., Any], *arrays: Any) -> None:
    """The same program on both sides: equal results, or the same class of exception."""
    results: list[Any] = []
    for lib in BOTH:
        with warnings.catch_warnings():
            if lib is torch:  # it warns of parts of itself that it uses
                warnings.simplefilter("ignore")
            try:
                results.append(run(lib, *[lib.tensor(a) for a in arrays]))
            except Exception as error:
                results.append(error)
    ours, theirs = results
    if isinstance(theirs, Exception):
        assert isinstance(ours, type(theirs)), f"PyTorch raises {theirs!r}, we {ours!r}"
        return
    if isinstance(ours, Exception):
        raise ours
    agree(ours, theirs)


# Functions of a vector, written for both libraries.
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "polynomial": lambda lib, x: x**3 - 2 * x + 1,
    "layer": lambda lib, x: lib.tanh(lib.tensor(W) @ x),
    "softmax": lambda lib, x: lib.softmax(x, -1),
    "logsumexp": lambda lib, x: lib.logsumexp(x * x, 0),
    "norm": lambda lib, x: lib.linalg.norm(x),
    "outer": lambda lib, x: lib.outer(x, x.sin()),
    "cumulative": lambda lib, x: lib.cumsum(x.exp(), 0) * lib.cumprod(x, 0),
    "sort": lambda lib, x: lib.sort(x)[0] * x,
    "max": lambda lib, x: x.max() * x.min(),
    "where": lambda lib, x: lib.where(x > 0, x.exp(), x * x),
    "solve": lambda lib, x: lib.linalg.solve(lib.tensor(W) + 3 * lib.eye(3).double(), x * x),
    "det": lambda lib, x: lib.linalg.det(lib.tensor(W) + lib.diag(x)),
    "inverse": lambda lib, x: lib.linalg.inv(lib.tensor(W) + 3 * lib.diag(x * x + 1)),
    "index": lambda lib, x: x[[2, 0, 0]] * x.flip(0),
    "cat": lambda lib, x: lib.cat([x, lib.stack([x.sum(), x.prod()])]),
    "inplace": lambda lib, x: lib.zeros(5).double().index_add_(0, lib.tensor([0, 4, 0]), x.exp()),
    "gelu": lambda lib, x: lib.nn.functional.gelu(x) + lib.nn.functional.softplus(x),
    "layer_norm": lambda lib, x: lib.nn.functional.layer_norm(x * x, (3,)),
    "cross_entropy": lambda lib, x: lib.nn.functional.cross_entropy(
        x.reshape(1, 3), lib.tensor([1])
    ),
    "conv": lambda lib, x: lib.nn.functional.conv1d(
        x.reshape(1, 1, 3), lib.tensor(W).reshape(3, 1, 3)[:, :, :2]
    ),
    "std": lambda lib, x: x.std() + x.var(unbiased=False),
    "einsum": lambda lib, x: lib.einsum("i,ij,j->", x, lib.tensor(W), x.sin()),
    "atan2": lambda lib, x: lib.atan2(x, x.flip(0) + 4),
    "pow": lambda lib, x: (x * x + 1) ** x,
    "const": lambda lib, x: lib.ones(2).double(),
}


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_jvp(name: str) -> None:
    f = FUNCTIONS[name]
    both(lambda lib, x, v: lib.func.jvp(lambda x: f(lib, x), (x,), (v,)), X, V)


def test_jvp_through_complex_numbers() -> None:
    def f(lib: Any, x: Any) -> Any:
        return lib.complex(x, x * x).mul(lib.complex(x.cos(), x)).exp().abs()

    both(lambda lib, x, v: lib.func.jvp(lambda x: f(lib, x), (x,), (v,)), X, V)
    both(lambda lib, x, v: lib.func.jvp(
        lambda z: z * z.exp() / (z + 1j),
        (lib.complex(x, v),), (lib.complex(v, x),)), X, V)  # fmt: skip


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_jacobians(name: str) -> None:
    f = FUNCTIONS[name]
    both(lambda lib, x: lib.func.jacrev(lambda x: f(lib, x))(x), X)
    both(lambda lib, x: lib.func.jacfwd(lambda x: f(lib, x))(x), X)
    for more in ({}, {"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}):
        both(
            lambda lib, x, m=more: lib.autograd.functional.jacobian(lambda x: f(lib, x), x, **m), X
        )


# Of these PyTorch 2.13 computes, by jacfwd inside jacrev or jacfwd, another Hessian than by jacrev
# twice or by its own ``functional.hessian``, which finite differences confirm.
WRONG_THERE = ("det", "layer_norm")


def reverse_over_forward(lib: Any, name: str) -> Callable[..., Any]:
    inner = lib.func.jacrev if lib is torch and name in WRONG_THERE else lib.func.jacfwd
    return lambda f: lib.func.jacrev(inner(f))


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_nested(name: str) -> None:
    f = FUNCTIONS[name]

    def scalar(lib: Any) -> Callable[[Any], Any]:
        return lambda x: (f(lib, x) ** 2).sum()

    both(lambda lib, x: lib.func.grad_and_value(scalar(lib))(x), X)
    both(lambda lib, x: lib.func.hessian(scalar(lib))(x), X)
    both(lambda lib, x: reverse_over_forward(lib, name)(scalar(lib))(x), X)
    both(lambda lib, x, v: lib.func.jvp(lib.func.grad(scalar(lib)), (x,), (v,)), X, V)
    both(lambda lib, x, v: lib.autograd.functional.hvp(scalar(lib), x, v), X, V)
    both(lambda lib, x, v: lib.autograd.functional.vhp(scalar(lib), x, v), X, V)


def mixed(lib: Any, x: Any, y: Any) -> Any:
    return {"p": x * y, "s": (x.sum(), lib.outer(x, y))}


def raising(lib: Any, x: Any) -> Any:
    return x.exp().reshape(7)


F: list[tuple[str, Callable[..., Any]]] = [
    ("grad", lambda lib, x: lib.func.grad(lambda x: (x**2).sum())(x)),
    ("grad nonscalar", lambda lib, x: lib.func.grad(lambda x: x)(x)),
    ("grad no tensor", lambda lib, x: lib.func.grad(lambda x: 3.0)(x)),
    ("grad of integers", lambda lib, x: lib.func.grad(lambda x: x.sum())(x.long())),
    ("grad of a number", lambda lib, x: lib.func.grad(lambda x: x * 2)(3.0)),
    ("grad of a dict", lambda lib, x: lib.func.grad(lambda d: (d["a"] ** 2).sum())({"a": x})),
    ("grad of a mixed dict", lambda lib, x: lib.func.grad(lambda d: x.sum())({"a": x, "b": 3})),
    ("argnum out of range", lambda lib, x: lib.func.grad(lambda x: x.sum(), argnums=1)(x)),
    ("argnum negative", lambda lib, x: lib.func.grad(lambda x, y: (x * y**2).sum(), -1)(x, x)),
    ("argnums twice", lambda lib, x: lib.func.grad(lambda x, y: x.sum(), (0, -2))(x, x)),
    ("argnums empty", lambda lib, x: lib.func.grad(lambda x, y: x.sum(), ())(x, x)),
    ("argnums text", lambda lib, x: lib.func.grad(lambda x, y: x.sum(), "a")(x, x)),
    ("argnums tuple", lambda lib, x: lib.func.grad(lambda x, y: (x * y).sum(), (1, 0))(x, 2 * x)),
    ("aux", lambda lib, x: lib.func.grad(lambda x: (x.sum(), {"a": x}), has_aux=True)(x)),
    ("aux missing", lambda lib, x: lib.func.grad(lambda x: x.sum(), has_aux=True)(x)),
    ("aux no tensor", lambda lib, x: lib.func.grad(lambda x: (x.sum(), 3), has_aux=True)(x)),
    ("value and aux", lambda lib, x: lib.func.grad_and_value(
        lambda x: (x.sum(), x), has_aux=True)(x)),
    ("integer result", lambda lib, x: lib.func.grad(lambda x: x.sum().long())(x)),
    ("raises inside", lambda lib, x: lib.func.grad(lambda x: raising(lib, x).sum())(x)),
    ("in place on an argument", lambda lib, x: lib.func.grad(lambda x: x.mul_(2).sum())(x.clone())),
    ("vjp", lambda lib, x: lib.func.vjp(lambda x: mixed(lib, x, x), x)[0]),
    ("vjp structure", lambda lib, x: lib.func.vjp(lambda x: {"a": x}, x)[1](x)),
    ("vjp back", lambda lib, x: lib.func.vjp(lambda x: {"a": x**2}, x)[1]({"a": x})),
    ("vjp shape", lambda lib, x: lib.func.vjp(lambda x: x * 2, x)[1](x[:1])),
    ("vjp dtype", lambda lib, x: lib.func.vjp(lambda x: x * 2, x)[1](x.float())),
    ("vjp no tensor", lambda lib, x: lib.func.vjp(lambda x: {"a": 3}, x)),
    ("vjp of nothing", lambda lib, x: lib.func.vjp(lambda x: (), x)),
    ("vjp aux missing", lambda lib, x: lib.func.vjp(lambda x: x, x, has_aux=True)),
    ("vjp of two", lambda lib, x: lib.func.vjp(lambda x, y: x * y, x, 2 * x)[1](x)),
    ("jvp of a list", lambda lib, x: lib.func.jvp(lambda x: x, [x], [x])),
    ("jvp of a tensor", lambda lib, x: lib.func.jvp(lambda x: x, x, x)),
    ("jvp structure", lambda lib, x: lib.func.jvp(lambda x: x, (x,), (x, x))),
    ("jvp shape", lambda lib, x: lib.func.jvp(lambda x: x, (x,), (x[:1],))),
    ("jvp integers", lambda lib, x: lib.func.jvp(lambda x: x, (x.long(),), (x,))),
    ("jvp integer tangent", lambda lib, x: lib.func.jvp(lambda x: x, (x,), (x.long(),))),
    ("jvp strict", lambda lib, x: lib.func.jvp(
        lambda x: lib.ones(2), (x,), (x,), strict=True)),
    ("jvp of nothing", lambda lib, x: lib.func.jvp(lambda: x, (), ())),
    ("jvp no tensor", lambda lib, x: lib.func.jvp(lambda x: 3, (x,), (x,))),
    ("jvp aux", lambda lib, x: lib.func.jvp(lambda x: (x.sin(), x), (x,), (x,), has_aux=True)),
    ("jvp aux missing", lambda lib, x: lib.func.jvp(lambda x: x, (x,), (x,), has_aux=True)),
    ("jvp of trees", lambda lib, x: lib.func.jvp(
        lambda d: mixed(lib, d["a"], d["b"][0]), ({"a": x, "b": [x]},), ({"a": x, "b": [2 * x]},))),
    ("jacrev of trees", lambda lib, x: lib.func.jacrev(
        lambda x, y: mixed(lib, x, y), (0, 1))(x, 2 * x)),
    ("jacfwd of trees", lambda lib, x: lib.func.jacfwd(
        lambda x, y: mixed(lib, x, y), (0, 1))(x, 2 * x)),
    ("jacrev of a dict", lambda lib, x: lib.func.jacrev(lambda d: d["a"] ** 2)({"a": x})),
    ("jacfwd of a dict", lambda lib, x: lib.func.jacfwd(lambda d: d["a"] ** 2)({"a": x})),
    ("jacrev aux", lambda lib, x: lib.func.jacrev(lambda x: (x * 2, x), has_aux=True)(x)),
    ("jacfwd aux", lambda lib, x: lib.func.jacfwd(lambda x: (x * 2, x), has_aux=True)(x)),
    ("jacrev no tensor", lambda lib, x: lib.func.jacrev(lambda x: 3)(x)),
    ("jacfwd no tensor", lambda lib, x: lib.func.jacfwd(lambda x: 3)(x)),
    ("jacrev argnum", lambda lib, x: lib.func.jacrev(lambda x: x, argnums=2)(x)),
    ("jacrev chunk 0", lambda lib, x: lib.func.jacrev(lambda x: x, chunk_size=0)(x)),
    ("jacrev chunks", lambda lib, x: lib.func.jacrev(lambda x: x**2, chunk_size=2)(x)),
    ("jacfwd randomness", lambda lib, x: lib.func.jacfwd(lambda x: x, randomness="zz")(x)),
    ("hessian of two", lambda lib, x: lib.func.hessian(
        lambda x, y: (x * y * y).sum(), (0, 1))(x, x)),
    ("hessian of a dict", lambda lib, x: lib.func.hessian(lambda d: (d["a"] ** 3).sum())({"a": x})),
    ("vmap of grad", lambda lib, x: lib.func.vmap(
        lib.func.grad(lambda r, w: (lib.tanh(w @ r) ** 2).sum()), (0, None))(
            lib.tensor(W), lib.tensor(W))),
    ("per-sample Hessians", lambda lib, x: lib.func.vmap(
        lib.func.hessian(lambda r: (r**3).prod()))(lib.tensor(W))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run"), F)
def test_func(name: str, run: Callable[..., Any]) -> None:
    both(run, X)


def test_linearize() -> None:
    """PyTorch traces ``linearize``; its errors are of the same classes."""

    def moved(lib: Any, x: Any, *tangents: Any) -> Any:
        out, slope = lib.func.linearize(lambda x: x.sin() * x, x)
        return out, slope(*tangents)

    both(lambda lib, x, v: moved(lib, x, v), X, V)
    both(lambda lib, x, v: moved(lib, x, v[:1]), X, V)
    both(lambda lib, x, v: moved(lib, x, v, v), X, V)
    both(lambda lib, x, v: moved(lib, x, v.float()), X, V)
    both(lambda lib, x, v: moved(lib, x.long(), v), X, V)


class Api:
    """``autograd.functional`` of either library."""

    def __init__(self, lib: Any) -> None:
        self.__dict__.update(vars(lib.autograd.functional))
        self.lib = lib


def cube(x: Any) -> Any:
    return (x**3).sum()


def affine(x: Any) -> Any:
    return x.sum()


def product(x: Any, y: Any) -> Any:
    return (x * y * y).sum()


G: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("jacobian of a number", lambda f, x: f.jacobian(lambda x: x, 3)),
    ("jacobian of a list", lambda f, x: f.jacobian(lambda x: x, [x])),
    ("jacobian to a number", lambda f, x: f.jacobian(lambda x: 3, x)),
    ("jacobian to a list", lambda f, x: f.jacobian(lambda x: [x], x)),
    ("jacobian of a tuple", lambda f, x: f.jacobian(lambda x: x * 2, (x,))),
    ("jacobian to a tuple", lambda f, x: f.jacobian(lambda x: (x * 2,), x)),
    ("jacobian 2 by 2", lambda f, x: f.jacobian(lambda x, y: (x * y, y.sum()), (x, 2 * x))),
    ("jacobian recorded", lambda f, x: f.jacobian(
        lambda x: x**2, x.clone().requires_grad_(), create_graph=True)),
    ("jacobian strict", lambda f, x: f.jacobian(lambda x: x**2, x, strict=True)),
    ("jacobian strict, constant", lambda f, x: f.jacobian(
        lambda x: f.lib.ones(2), x, strict=True)),
    ("jacobian strict, one unused", lambda f, x: f.jacobian(
        lambda x, y: x * 2, (x, x), strict=True)),
    ("jacobian unused", lambda f, x: f.jacobian(lambda x, y: x * 2, (x, x))),
    ("jacobian strict, linear", lambda f, x: f.jacobian(
        lambda x: x * 2, x.clone().requires_grad_(), strict=True, create_graph=True)),
    ("jacobian forward", lambda f, x: f.jacobian(lambda x: x * 2, x, strategy="forward-mode")),
    ("jacobian bad strategy", lambda f, x: f.jacobian(lambda x: x * 2, x, strategy="zz")),
    ("jacobian vectorize strict", lambda f, x: f.jacobian(
        lambda x: x, x, vectorize=True, strict=True)),
    ("jacobian forward recorded", lambda f, x: f.jacobian(
        lambda x: x, x, strategy="forward-mode", vectorize=True, create_graph=True)),
    ("jacobian of integers", lambda f, x: f.jacobian(lambda x: x * 2, x.long())),
    ("hessian", lambda f, x: f.hessian(cube, x)),
    ("hessian of two", lambda f, x: f.hessian(product, (x, 2 * x))),
    ("hessian nonscalar", lambda f, x: f.hessian(lambda x: x**3, x)),
    ("hessian one element", lambda f, x: f.hessian(lambda x: cube(x).reshape(1), x)),
    ("hessian to a tuple", lambda f, x: f.hessian(lambda x: (cube(x),), x)),
    ("hessian linear", lambda f, x: f.hessian(affine, x)),
    ("hessian linear strict", lambda f, x: f.hessian(affine, x, strict=True)),
    ("hessian forward", lambda f, x: f.hessian(cube, x, outer_jacobian_strategy="forward-mode")),
    ("hessian forward vectorized", lambda f, x: f.hessian(
        cube, x, vectorize=True, outer_jacobian_strategy="forward-mode")),
    ("hessian bad strategy", lambda f, x: f.hessian(cube, x, outer_jacobian_strategy="z")),
    ("vjp", lambda f, x: f.vjp(lambda x: x**2, x, x)),
    ("vjp of two", lambda f, x: f.vjp(lambda x, y: (x * y, x), (x, x), (x, 2 * x))),
    ("vjp alone", lambda f, x: f.vjp(affine, x)),
    ("vjp alone, vector", lambda f, x: f.vjp(lambda x: x**2, x)),
    ("vjp alone, two", lambda f, x: f.vjp(lambda x: (x.sum(), x.sum()), x)),
    ("vjp shape", lambda f, x: f.vjp(lambda x: x**2, x, x[:1])),
    ("vjp count", lambda f, x: f.vjp(lambda x: x**2, x, (x, x))),
    ("vjp strict", lambda f, x: f.vjp(lambda x: f.lib.ones(3), x, x, strict=True)),
    ("vjp constant", lambda f, x: f.vjp(lambda x: f.lib.ones(3).double(), x, x)),
    ("jvp", lambda f, x: f.jvp(lambda x: x**2, x, x)),
    ("jvp of two", lambda f, x: f.jvp(lambda x, y: (x * y, x), (x, x), (x, 2 * x))),
    ("jvp alone", lambda f, x: f.jvp(lambda y: y * x, x.sum())),
    ("jvp alone, vector", lambda f, x: f.jvp(lambda x: x**2, x)),
    ("jvp shape", lambda f, x: f.jvp(lambda x: x**2, x, x[:1])),
    ("jvp strict", lambda f, x: f.jvp(lambda x: f.lib.ones(3), x, x, strict=True)),
    ("jvp constant", lambda f, x: f.jvp(lambda x: f.lib.ones(3).double(), x, x)),
    ("hvp of two", lambda f, x: f.hvp(product, (x, x), (x, 2 * x))),
    ("vhp of two", lambda f, x: f.vhp(product, (x, x), (x, 2 * x))),
    ("hvp alone", lambda f, x: f.hvp(cube, x[:1])),
    ("hvp alone, vector", lambda f, x: f.hvp(cube, x)),
    ("hvp nonscalar", lambda f, x: f.hvp(lambda x: x**3, x, x)),
    ("hvp linear", lambda f, x: f.hvp(affine, x, x)),
    ("hvp linear strict", lambda f, x: f.hvp(affine, x, x, strict=True)),
    ("vhp linear strict", lambda f, x: f.vhp(affine, x, x, strict=True)),
    ("hvp shape", lambda f, x: f.hvp(cube, x, x[:1])),
    ("requires grad", lambda f, x: [
        t.requires_grad for t in f.vjp(lambda x: x**2, x.clone().requires_grad_(), x)]),
    ("requires grad, recorded", lambda f, x: [
        t.requires_grad
        for t in f.vjp(lambda x: x**2, x.clone().requires_grad_(), x, create_graph=True)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run"), G)
def test_functional(name: str, run: Callable[..., Any]) -> None:
    both(lambda lib, x: run(Api(lib), x), X)


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_duals(name: str) -> None:
    f = FUNCTIONS[name]

    def run(lib: Any, x: Any, v: Any) -> Any:
        ad = lib.autograd.forward_ad
        with ad.dual_level():
            primal, tangent = ad.unpack_dual(f(lib, ad.make_dual(x, v)))
        return (primal,) if tangent is None else (primal, tangent)

    both(run, X, V)


D: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("nested", lambda ad, x: ad.enter_dual_level()),
    ("shape", lambda ad, x: ad.make_dual(x, x[:1])),
    ("integers", lambda ad, x: ad.make_dual(x.long(), x)),
    ("integer tangent", lambda ad, x: ad.make_dual(x, x.long())),
    ("twice", lambda ad, x: ad.make_dual(ad.make_dual(x, x), x)),
    ("plain", lambda ad, x: ad.unpack_dual(x).tangent is None),
    ("detached", lambda ad, x: ad.unpack_dual(ad.make_dual(x, x).detach()).tangent is None),
    ("no tensor", lambda ad, x: ad.unpack_dual(3)),
    ("fields", lambda ad, x: list(ad.UnpackedDualTensor._fields)),
    ("in place", lambda ad, x: ad.unpack_dual(ad.make_dual(x.clone(), x).mul_(3).sin()).tangent),
]


@pytest.mark.parametrize(("name", "run"), D)
def test_dual_level(name: str, run: Callable[..., Any]) -> None:
    def inside(lib: Any, x: Any) -> Any:
        with lib.autograd.forward_ad.dual_level():
            return run(lib.autograd.forward_ad, x)

    both(inside, X)


def test_outside_a_level() -> None:
    both(lambda lib, x: lib.autograd.forward_ad.make_dual(x, x), X)
    both(lambda lib, x: lib.autograd.forward_ad.exit_dual_level(), X)
    both(lambda lib, x: lib.autograd.forward_ad.unpack_dual(x).tangent is None, X)


def test_module_gradients() -> None:
    """A network's Jacobian, Hessian-vector product and per-sample gradients by its parameters."""
    weights = {"0.weight": W, "0.bias": V, "2.weight": W[:1], "2.bias": V[:1]}

    def run(lib: Any, x: Any) -> Any:
        nn, func = lib.nn, lib.func
        net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1)).double()
        params = {name: lib.tensor(value) for name, value in weights.items()}

        def out(params: Any, x: Any) -> Any:
            return func.functional_call(net, params, (x,))

        def loss(params: Any, x: Any) -> Any:
            return (out(params, x) ** 2).sum()

        samples = lib.tensor(W)
        return [
            func.jacrev(out)(params, x),
            func.jacfwd(out)(params, x),
            func.grad(loss)(params, x),
            func.jvp(func.grad(lambda p: loss(p, x)), (params,), (params,))[1],
            func.vmap(func.grad(loss), (None, 0))(params, samples),
        ]

    both(run, X)
