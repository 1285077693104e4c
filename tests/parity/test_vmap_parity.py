"""``vmap`` against ``torch.vmap`` and ``torch.func``: values, gradients, random draws, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr

LIBS: tuple[Any, Any] = (cr, torch)


def data(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def same(a: Any, b: Any, tol: float = 1e-9) -> None:
    """Equal trees: chainrule's on the left, PyTorch's on the right."""
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (tuple, list)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y, tol)
        return
    assert tuple(a.shape) == tuple(b.shape)
    assert str(a.dtype) == str(b.dtype)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), tol, tol)


def both(run: Callable[..., Any], *arrays: Any) -> None:
    """Run the same program with both libraries."""
    ours, theirs = (run(lib, *[lib.tensor(a) for a in arrays]) for lib in LIBS)
    same(ours, theirs)


# Programs: (what, function of the library and tensors, shapes)
VALUES: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "in_dims": (lambda L, x, y: L.vmap(lambda a, b: a @ b, (1, None))(x, y), ((4, 3), (4,))),
    "in_dims negative": (lambda L, x: L.vmap(lambda a: a.cumsum(0), -1)(x), ((4, 3),)),
    "in_dims nested": (
        lambda L, x, y: L.vmap(lambda t, z: t["a"] * t["b"] + z, ({"a": 0, "b": None}, 1))(
            {"a": x, "b": y[:, 0]}, y
        ),
        ((3, 4), (4, 3)),
    ),
    "out_dims": (
        lambda L, x: L.vmap(lambda a: (a * 2, {"s": a.sum(0)}), 0, (2, {"s": 1}))(x),
        ((3, 4, 5),),
    ),
    "out_dims one": (lambda L, x: L.vmap(lambda a: (a, a + 1), out_dims=-1)(x), ((3, 4),)),
    "unbatched result": (lambda L, x, y: L.vmap(lambda a: (a, y))(x), ((3,), (2,))),
    "nested": (
        lambda L, x, y: L.vmap(lambda a: L.vmap(lambda b: (a * b).sum())(y))(x),
        ((3, 4), (5, 4)),
    ),
    "pairs": (
        lambda L, x, y: L.vmap(L.vmap(lambda a, b: (a - b).norm(), (None, 0)), (0, None), 1)(x, y),
        ((3, 4), (5, 4)),
    ),
    "keyword": (lambda L, x, y: L.vmap(lambda a, b: a + b)(x, b=y), ((3,), (2,))),
    "chunks": (lambda L, x: L.vmap(lambda a: a.exp(), 1, 1, chunk_size=2)(x), ((2, 5),)),
    "index": (lambda L, x: L.vmap(lambda a: a[a.argmax()])(x), ((3, 4),)),
    "gather": (lambda L, x: L.vmap(lambda a: a.gather(0, a.argsort(0)))(x), ((3, 4, 2),)),
    "sort": (lambda L, x: tuple(L.vmap(lambda a: tuple(a.sort(-1)))(x)), ((3, 4, 5),)),
    "statistics": (
        lambda L, x: L.vmap(lambda a: (a.var(0), a.std(), a.mean((0, 1)), a.median(1)[0]))(x),
        ((3, 4, 5),),
    ),
    "layers": (
        lambda L, x, w: L.vmap(lambda a: L.nn.functional.layer_norm(
            L.nn.functional.conv2d(a, w, stride=2), (2, 2)))(x),
        ((3, 2, 4, 5, 5), (3, 4, 3, 3)),
    ),
    "own weights": (
        lambda L, x, w: L.vmap(lambda a, k: L.nn.functional.conv1d(a, k, padding=1))(x, w),
        ((3, 2, 4, 5), (3, 6, 4, 3)),
    ),
    "attention": (
        lambda L, x: L.vmap(lambda a: L.nn.functional.scaled_dot_product_attention(a, a, a))(x),
        ((3, 2, 4, 5),),
    ),
    "linalg": (
        lambda L, x: L.vmap(lambda a: (L.linalg.inv(a), L.linalg.det(a), L.linalg.svdvals(a)))(x),
        ((3, 4, 4),),
    ),
    "einsum": (lambda L, x, y: L.vmap(lambda a: L.einsum("ij,kj->ki", a, y))(x),
               ((3, 2, 4), (5, 4))),
    "in place": (lambda L, x: L.vmap(_in_place)(x), ((3, 4),)),
    "write to argument": (lambda L, x: (L.vmap(lambda a: a.mul_(2))(x), x), ((3, 4),)),
    "new zeros": (lambda L, x: L.vmap(lambda a: a.new_zeros(4).add_(a))(x), ((3, 4),)),
    "zeros_like": (lambda L, x: L.vmap(lambda a: L.zeros_like(a).copy_(a * 2))(x), ((3, 4),)),
}  # fmt: skip


def _in_place(a: Any) -> Any:
    a = a.clone()
    a[1:].mul_(3)
    a[0] = a[2]
    a += 1
    return a


@pytest.mark.parametrize("name", list(VALUES))
def test_values(name: str) -> None:
    run, shapes = VALUES[name]
    both(run, *[data(*s, seed=k) for k, s in enumerate(shapes)])


# -- derivatives -----------------------------------------------------------------------------------


def mlp(L: Any, p: Any, x: Any) -> Any:
    F = L.nn.functional
    return F.linear(F.relu(F.linear(x, p["w1"], p["b1"])), p["w2"], p["b2"])


def convnet(L: Any, p: Any, x: Any) -> Any:
    F = L.nn.functional
    x = F.relu(F.conv2d(x.unsqueeze(0), p["w1"], p["b1"], stride=1, padding=1))
    return F.linear(F.max_pool2d(x, 2).flatten(1), p["w2"], p["b2"]).squeeze(0)


NETS: dict[str, Any] = {
    "mlp": (mlp, {"w1": (6, 4), "b1": (6,), "w2": (3, 6), "b2": (3,)}, (4,)),
    "conv": (convnet, {"w1": (4, 2, 3, 3), "b1": (4,), "w2": (3, 16), "b2": (3,)}, (2, 4, 4)),
}


@pytest.mark.parametrize("net", list(NETS))
@pytest.mark.parametrize("loss", ["cross_entropy", "nll_loss", "mse_loss", "smooth_l1_loss"])
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_per_sample_gradients(net: str, loss: str) -> None:
    model, shapes, size = NETS[net]
    params = {k: data(*s, seed=n) for n, (k, s) in enumerate(shapes.items())}
    x, y = data(5, *size, seed=9), np.array([0, 2, 1, 1, 0])
    t = data(5, 3, seed=10)

    def run(L: Any) -> Any:
        F = L.nn.functional

        def objective(p: Any, a: Any, b: Any, c: Any) -> Any:
            out = model(L, p, a)
            if loss in ("cross_entropy", "nll_loss"):
                return getattr(F, loss)(out.log_softmax(-1)[None], b[None])
            return getattr(F, loss)(out, c)

        p = {k: L.tensor(v) for k, v in params.items()}
        each = L.vmap(L.func.grad_and_value(objective), (None, 0, 0, 0))
        return each(p, L.tensor(x), L.tensor(y), L.tensor(t))

    ours, theirs = (run(L) for L in LIBS)
    same(ours, theirs)


DERIVATIVES: dict[str, Callable[..., Any]] = {
    "jacrev": lambda L, f, x: L.func.jacrev(f)(x[0]),
    "jacfwd": lambda L, f, x: L.func.jacfwd(f)(x[0]),
    "hessian": lambda L, f, x: L.func.hessian(lambda a: f(a).sum())(x[0]),
    "vmap jacrev": lambda L, f, x: L.vmap(L.func.jacrev(f))(x),
    "vmap jacfwd": lambda L, f, x: L.vmap(L.func.jacfwd(f))(x),
    "vmap hessian": lambda L, f, x: L.vmap(L.func.hessian(lambda a: f(a).sum()))(x),
    "vmap vjp": lambda L, f, x: L.vmap(L.func.vjp(f, x[0])[1])(L.eye(2, dtype=L.float64)),
    "vmap jvp": lambda L, f, x: L.vmap(lambda v: L.func.jvp(f, (x[0],), (v,)))(x),
    "grad vmap grad": lambda L, f, x: L.func.grad(
        lambda a: L.vmap(L.func.grad(lambda b: f(b).sum()))(a).pow(2).sum())(x),
    "vmap grad grad": lambda L, f, x: L.vmap(L.vmap(L.func.grad(L.func.grad(L.sin))))(x),
    "is_grads_batched": lambda L, f, x: _batched_grads(L, f, x[0]),
}  # fmt: skip


def _batched_grads(L: Any, f: Any, x: Any) -> Any:
    x = x.detach().requires_grad_()
    return L.autograd.grad(f(x), x, L.eye(2, dtype=L.float64), is_grads_batched=True)


@pytest.mark.parametrize("name", list(DERIVATIVES))
@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
def test_derivatives(name: str) -> None:
    a, x = data(2, 4), data(3, 4, seed=1)

    def run(L: Any) -> Any:
        matrix = L.tensor(a)
        return DERIVATIVES[name](L, lambda t: (matrix @ t).tanh() * t[:2].exp(), L.tensor(x))

    ours, theirs = (run(L) for L in LIBS)
    same(ours, theirs)


def test_gradients_from_outside() -> None:
    """Through vmap to mapped arguments, shared ones and what the function closes over."""
    arrays = data(3, 4), data(4, 2, seed=1), data(2, seed=2)

    def run(L: Any) -> Any:
        x, w, b = (L.tensor(v).requires_grad_() for v in arrays)
        out = L.vmap(lambda a, c: ((a @ w).tanh() + c).pow(2).sum() + w.sum(), (0, None))(x, b)
        return out, L.autograd.grad(out.pow(2).sum(), (x, w, b))

    ours, theirs = (run(L) for L in LIBS)
    same(ours, theirs)


# -- random draws ----------------------------------------------------------------------------------

DRAWS: dict[str, Callable[..., Any]] = {
    "rand": lambda L, a: L.rand(3) + a,
    "randn": lambda L, a: L.randn(3) + a,
    "randint": lambda L, a: L.randint(0, 50, (3,)) + a,
    "dropout": lambda L, a: L.nn.functional.dropout(a),
    "randn_like": lambda L, a: L.randn_like(a),
    "normal_": lambda L, a: a.clone().normal_(),
}


@pytest.mark.parametrize("name", list(DRAWS))
@pytest.mark.parametrize("randomness", ["same", "different"])
def test_draws(name: str, randomness: str) -> None:
    """From one seed both libraries draw the same numbers, for all examples or for each."""

    def run(L: Any) -> Any:
        L.manual_seed(7)
        return L.vmap(lambda a: DRAWS[name](L, a), randomness=randomness)(L.ones(4, 3))

    ours, theirs = (run(L) for L in LIBS)
    same(ours, theirs, 1e-6)


# -- errors ----------------------------------------------------------------------------------------

ERRORS: dict[str, Callable[[Any], Any]] = {
    "no input": lambda L: L.vmap(lambda: 1)(),
    "in_dims None": lambda L: L.vmap(lambda a: a, None)(L.ones(3)),
    "nothing mapped": lambda L: L.vmap(lambda a: a, (None,))(L.ones(3)),
    "sizes": lambda L: L.vmap(lambda a, b: a)(L.ones(3), L.ones(2)),
    "structure": lambda L: L.vmap(lambda a, b: a, (0,))(L.ones(3), L.ones(3)),
    "keys": lambda L: L.vmap(lambda a: a, ({"a": 0},))({"b": L.ones(3)}),
    "no tensor": lambda L: L.vmap(lambda a, b: a)(L.ones(3), 2.0),
    "in_dim range": lambda L: L.vmap(lambda a: a, 1)(L.ones(3)),
    "0-d": lambda L: L.vmap(lambda a: a)(L.tensor(1.0)),
    "in_dims text": lambda L: L.vmap(lambda a: a, "a")(L.ones(3)),
    "in_dim text": lambda L: L.vmap(lambda a: a, ("a",))(L.ones(3)),
    "result": lambda L: L.vmap(lambda a: 1.0)(L.ones(3)),
    "result None": lambda L: L.vmap(lambda a: None)(L.ones(3)),
    "out_dims None": lambda L: L.vmap(lambda a: a, out_dims=None)(L.ones(3)),
    "out_dim range": lambda L: L.vmap(lambda a: a, out_dims=3)(L.ones(3)),
    "out_dims structure": lambda L: L.vmap(lambda a: (a, a), out_dims=(0,))(L.ones(3)),
    "out_dims text": lambda L: L.vmap(lambda a: a, out_dims="a")(L.ones(3)),
    "randomness": lambda L: L.vmap(lambda a: a, randomness="x")(L.ones(3)),
    "chunk_size": lambda L: L.vmap(lambda a: a, chunk_size=0),
    "item": lambda L: L.vmap(lambda a: a.sum().item())(L.ones(3, 2)),
    "bool": lambda L: L.vmap(lambda a: a if a.sum() > 0 else -a)(L.ones(3, 2)),
    "int": lambda L: L.vmap(lambda a: int(a.sum()))(L.ones(3, 2)),
    "numpy": lambda L: L.vmap(lambda a: a.numpy())(L.ones(3, 2)),
    "tolist": lambda L: L.vmap(lambda a: a.tolist())(L.ones(3, 2)),
    "mask": lambda L: L.vmap(lambda a: a[a > 0])(L.ones(3, 2)),
    "nonzero": lambda L: L.vmap(lambda a: a.nonzero())(L.ones(3, 2)),
    "masked_select": lambda L: L.vmap(lambda a: a.masked_select(a > 0))(L.ones(3, 2)),
    "in place": lambda L: L.vmap(lambda a: L.zeros(2).add_(a))(L.ones(3, 2)),
    "copy_": lambda L: L.vmap(lambda a: L.zeros(2).copy_(a))(L.ones(3, 2)),
    "setitem": lambda L: L.vmap(lambda a: L.zeros(2).__setitem__(0, a[0]))(L.ones(3, 2)),
    "draw": lambda L: L.vmap(lambda a: a + L.rand(2))(L.ones(3, 2)),
    "bernoulli same": lambda L: L.vmap(L.bernoulli, randomness="same")(L.ones(3, 2)),
    "normal_ unbatched": lambda L: L.vmap(
        lambda a: L.zeros(2).normal_(), randomness="different")(L.ones(3, 2)),
    "leaf": lambda L: L.vmap(lambda a: a.add_(1))(L.ones(3, 2, requires_grad=True)),
    "shapes": lambda L: L.vmap(lambda a, b: a + b)(L.ones(3, 2), L.ones(3, 4)),
    "dim": lambda L: L.vmap(lambda a: a.sum(1))(L.ones(3, 2)),
    "index": lambda L: L.vmap(lambda a: a[5])(L.ones(3, 2)),
    "matmul": lambda L: L.vmap(lambda a: a @ a)(L.ones(3, 2, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(ERRORS))
def test_errors(name: str) -> None:
    """Both raise, and chainrule a class that programs written for PyTorch catch."""
    theirs = raised(ERRORS[name], torch)
    ours = raised(ERRORS[name], cr)
    assert theirs is not None
    assert isinstance(ours, type(theirs)), (ours, theirs)


def raised(call: Callable[[Any], Any], lib: Any) -> Exception | None:
    try:
        call(lib)
    except Exception as error:
        return error
    return None
