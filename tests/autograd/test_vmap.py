"""``vmap``: trees, levels, gradients through it and inside it, in-place writes, random draws."""

from __future__ import annotations

import gc
import threading
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import batching
from chainrule.nn import functional as F

func = cr.func
D = cr.float64


def rand(*shape: int, seed: int = 0) -> Any:
    return cr.tensor(np.random.default_rng(seed).normal(size=shape))


def same(a: Any, b: Any, tol: float = 1e-11) -> None:
    """Two trees of tensors, equal to rounding."""
    if isinstance(a, dict):
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (tuple, list)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y, tol)
        return
    assert a.shape == b.shape
    assert a.dtype is b.dtype
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), tol, tol)


def loop(f: Callable[..., Any], n: int, *args: Any) -> Any:
    """The function of every example, stacked; an argument is a tensor to slice, or a constant."""
    rows = [f(*[a[k] if isinstance(a, cr.Tensor) else a for a in args]) for k in range(n)]
    if isinstance(rows[0], tuple):
        return tuple(cr.stack(column) for column in zip(*rows, strict=True))
    return cr.stack(rows)


# -- arguments and results -------------------------------------------------------------------------


def test_dims() -> None:
    x = rand(3, 4, 5)
    for dim in (0, 1, 2, -1, -2):
        for out in (0, 1, -1):
            want = (x.movedim(dim, 0) * 2).movedim(0, out)
            same(cr.vmap(lambda a: a * 2, dim, out)(x), want)


def test_trees() -> None:
    x, y = rand(3, 4), rand(4, 3, seed=1)
    tree = {"a": (x, [y, 2.5]), "b": None}
    dims = ({"a": (0, [1, None]), "b": None},)

    def f(t: Any) -> Any:
        return {"sum": t["a"][0] + t["a"][1][0], "n": (t["a"][1][1], t["b"])}

    out = cr.vmap(f, in_dims=dims, out_dims={"sum": 1, "n": None})(tree)
    same(out["sum"], (x + y.T).T)
    assert out["n"] == (2.5, None)


def test_unbatched_result_is_repeated() -> None:
    y = rand(2)
    out = cr.vmap(lambda a: (a, y, y), out_dims=(0, 0, None))(rand(3))
    same(out[1], y.expand(3, 2))
    assert out[2] is y
    out[1].add_(1)  # it is memory of its own
    assert not np.allclose(out[1].numpy()[0], y.numpy())


def test_result_has_memory_of_its_own() -> None:
    x = rand(3, 2)
    before = x.clone()
    cr.vmap(lambda a: a)(x).add_(1)
    same(x, before)


def test_keywords_pass_unmapped_and_name_stays() -> None:
    def shift(a: Any, *, by: Any) -> Any:
        """Add."""
        return a + by

    mapped = cr.vmap(shift)
    assert (mapped.__name__, mapped.__doc__) == ("shift", "Add.")
    same(mapped(rand(3, 2), by=rand(2, seed=1)), rand(3, 2) + rand(2, seed=1))


def test_chunks() -> None:
    x = rand(2, 7)
    for size in (1, 2, 3, 7, 9):
        same(cr.vmap(lambda a: (a.sin(), a * 2), 1, (0, 1), chunk_size=size)(x),
             (x.T.sin(), x * 2))  # fmt: skip


def test_empty_batch() -> None:
    assert cr.vmap(lambda a: a.sum())(cr.zeros(0, 3)).shape == (0,)
    assert cr.vmap(lambda a: a.T @ a)(cr.zeros(0, 2, 3)).shape == (0, 3, 3)


ERRORS: list[tuple[Any, str, Callable[[], Any]]] = [
    (ValueError, "got no inputs", lambda: cr.vmap(lambda: 1)()),
    (ValueError, "expected `in_dims` to be int", lambda: cr.vmap(cr.sin, None)(rand(3))),
    (ValueError, "at least one Tensor", lambda: cr.vmap(cr.sin, (None,))(rand(3))),
    (ValueError, r"sizes \[3, 2\]", lambda: cr.vmap(cr.add)(rand(3), rand(2))),
    (ValueError, "not compatible", lambda: cr.vmap(cr.add, (0,))(rand(3), rand(3))),
    (ValueError, "not compatible", lambda: cr.vmap(cr.sin, ({"a": 0},))({"b": rand(3)})),
    (ValueError, "non-Tensor", lambda: cr.vmap(cr.add)(rand(3), 2.0)),
    (ValueError, "dimensionality 1", lambda: cr.vmap(cr.sin, 1)(rand(3))),
    (ValueError, "integer dimension or None", lambda: cr.vmap(cr.sin, ("a",))(rand(3))),
    (ValueError, "only return Tensors", lambda: cr.vmap(lambda a: 1.0)(rand(3))),
    (ValueError, "only return Tensors", lambda: cr.vmap(lambda a: None)(rand(3))),
    (ValueError, "out_dim is None", lambda: cr.vmap(cr.sin, out_dims=None)(rand(3))),
    (ValueError, "not compatible", lambda: cr.vmap(lambda a: (a, a), 0, (0,))(rand(3))),
    (ValueError, "must be an int, None", lambda: cr.vmap(cr.sin, 0, "a")(rand(3))),
    (IndexError, "out of range", lambda: cr.vmap(cr.sin, out_dims=3)(rand(3))),
    (RuntimeError, "Only allowed values", lambda: cr.vmap(cr.sin, randomness="x")),
    (ValueError, "chunk_size", lambda: cr.vmap(cr.sin, chunk_size=0)),
    (RuntimeError, ".item", lambda: cr.vmap(lambda a: a.sum().item())(rand(3, 2))),
    (RuntimeError, ".item", lambda: cr.vmap(lambda a: float(a.sum()))(rand(3, 2))),
    (RuntimeError, "control flow", lambda: cr.vmap(lambda a: a if a > 0 else -a)(rand(3))),
    (RuntimeError, "data pointer", lambda: cr.vmap(lambda a: a.numpy())(rand(3, 2))),
    (RuntimeError, "dynamic shape", lambda: cr.vmap(lambda a: a[a > 0])(rand(3, 2))),
    (RuntimeError, "dynamic shape", lambda: cr.vmap(lambda a: a.nonzero())(rand(3, 2))),
    (RuntimeError, "dynamic shape", lambda: cr.vmap(cr.unique)(rand(3, 2))),
    (RuntimeError, "inplace", lambda: cr.vmap(lambda a: cr.zeros(2, dtype=D).add_(a))(rand(3, 2))),
    (RuntimeError, "inplace", lambda: cr.vmap(lambda a: cr.zeros(2, dtype=D).copy_(a))(rand(3, 2))),
    (RuntimeError, "inplace", lambda: cr.vmap(_into_unbatched)(rand(3, 2))),
    (RuntimeError, "randomness error mode", lambda: cr.vmap(F.dropout)(rand(3, 2))),
    (RuntimeError, "same randomness", lambda: cr.vmap(cr.bernoulli, randomness="same")(
        cr.ones(3, 2))),
    (RuntimeError, "functorch transform", lambda: cr.vmap(
        lambda a: (a * rand(2).requires_grad_()).sum().backward())(rand(3, 2))),
    (NotImplementedError, "captured", lambda: cr.capture(cr.vmap(cr.sin), rand(3))),
]  # fmt: skip


def _into_unbatched(a: Any) -> Any:
    out = cr.zeros(2, dtype=D)
    out[0] = a[0]
    return out


@pytest.mark.parametrize(("kind", "text", "call"), ERRORS)
def test_errors(kind: type[Exception], text: str, call: Callable[[], Any]) -> None:
    with pytest.raises(kind, match=text):
        call()
    same(cr.vmap(cr.sin)(rand(3)), rand(3).sin())  # no level was left behind


def test_repr() -> None:
    seen = []
    cr.vmap(lambda a: (seen.append(repr(a)), a)[1])(cr.ones(2, 3))
    assert seen[0].startswith("BatchedTensor(lvl=1, bdim=0, value=\n    tensor([[1., 1., 1.]")


# -- levels ----------------------------------------------------------------------------------------


def test_nested_levels_are_kept_apart() -> None:
    x, y, z = rand(3, 4), rand(5, 4, seed=1), rand(4, seed=2)

    def outer(a: Any) -> Any:
        return cr.vmap(lambda b: (a * b).sum() + (b * z).sum() + a.sum())(y)

    same(cr.vmap(outer)(x), x @ y.T + (y @ z)[None] + x.sum(1)[:, None])
    both = cr.vmap(cr.vmap(cr.dot, (None, 0)), (0, None))
    same(both(x, y), x @ y.T)


@pytest.mark.parametrize("f", [
    lambda a, b: a @ b, lambda a, b: cr.cat([a, b.T], 0).softmax(1),
    lambda a, b: a.sum(0) + b[0, 0],
    lambda a, b: cr.einsum("ij,jk->ki", a, b),
    lambda a, b: F.linear(a, b.T, b[0, 0] + a.sum(1)[:3]),
    lambda a, b: cr.linalg.inv(a @ b + 5 * cr.eye(3, dtype=D)), lambda a, b: a.reshape(-1)[2] * b,
    lambda a, b: a.gather(1, b.argsort(0).T[:, :2]) * b.T[:, :2],
    lambda a, b: cr.where(a > b.T, a, b.T).cumsum(1),
])  # fmt: skip
def test_two_levels_on_two_operands(f: Callable[..., Any]) -> None:
    """The outer level on one operand, the inner on the other, with gradients of both."""
    x, y = rand(2, 3, 4).requires_grad_(), rand(5, 4, 3, seed=1).requires_grad_()
    fast = cr.vmap(lambda a: cr.vmap(lambda b: f(a, b))(y))(x)
    slow = cr.stack([cr.stack([f(a, b) for b in y]) for a in x])
    same(fast, slow)
    weight = rand(*fast.shape, seed=3)
    for a, b in zip(*[cr.autograd.grad((o * weight).sum(), (x, y)) for o in (fast, slow)],
                    strict=True):  # fmt: skip
        same(a, b, 1e-9)


def test_three_levels() -> None:
    x = rand(2, 3, 4)
    same(cr.vmap(cr.vmap(cr.vmap(lambda a: a.exp() * 2)))(x), x.exp() * 2)


def test_threads_have_levels_of_their_own() -> None:
    found: dict[int, Any] = {}

    def work(k: int) -> None:
        for _ in range(20):
            found[k] = cr.vmap(lambda a: (a * k).sum())(cr.ones(k + 1, 3))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k in range(4):
        assert found[k].tolist() == [3.0 * k] * (k + 1)


def test_nothing_is_kept_alive() -> None:
    x, w = rand(3, 4), rand(4, seed=1).requires_grad_()
    data = weakref.ref(cr.vmap(lambda a: (a * w).exp())(x)._node)
    gc.collect()
    assert data() is None


# -- gradients -------------------------------------------------------------------------------------


def mlp(params: Any, x: Any) -> Any:
    w1, b1, w2, b2 = params
    return F.linear(F.relu(F.linear(x, w1, b1)), w2, b2)


def convnet(params: Any, x: Any) -> Any:
    w, b, gain, shift, last = params
    x = F.conv2d(x.unsqueeze(0), w, b, padding=1)
    x = F.max_pool2d(F.relu(F.group_norm(x, 2, gain, shift)), 2)
    return F.linear(x.flatten(1), last).squeeze(0)


NETS: dict[str, Any] = {
    "mlp": (mlp, [(6, 4), (6,), (3, 6), (3,)], (4,)),
    "conv": (convnet, [(4, 2, 3, 3), (4,), (4,), (4,), (3, 16)], (2, 4, 4)),
}
LOSSES: dict[str, Any] = {
    "cross_entropy": F.cross_entropy,
    "smoothed": lambda o, y: F.cross_entropy(o[None], y[None], label_smoothing=0.1,
                                             weight=cr.tensor([1.0, 2.0, 0.5], dtype=D)),
    "nll": lambda o, y: F.nll_loss(o.log_softmax(-1), y, reduction="sum"),
    "mse": lambda o, y: F.mse_loss(o, o.detach().roll(1)),
    "margin": lambda o, y: F.multi_margin_loss(o, y),
}  # fmt: skip


@pytest.mark.parametrize("net", list(NETS))
@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("required", [False, True])
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_per_sample_gradients(net: str, loss: str, required: bool) -> None:
    """``vmap(grad(loss))``: one gradient of the parameters for each example."""
    model, shapes, size = NETS[net]
    params = tuple(rand(*s, seed=k) * 0.5 for k, s in enumerate(shapes))
    if required:
        params = tuple(p.requires_grad_() for p in params)
    x, y = rand(5, *size, seed=9), cr.tensor([0, 2, 1, 1, 0])

    def objective(p: Any, a: Any, b: Any) -> Any:
        return LOSSES[loss](model(p, a), b)

    fast = cr.vmap(func.grad(objective), in_dims=(None, 0, 0))(params, x, y)
    slow = loop(lambda a, b: func.grad(objective)(params, a, b), 5, x, y)
    same(fast, slow, 1e-9)
    if required and net == "mlp" and loss != "margin":  # and once more, from outside
        for a, b in zip(*[cr.autograd.grad(sum((g * g).sum() for g in side), params)
                          for side in (fast, slow)], strict=True):  # fmt: skip
            same(a, b, 1e-8)


def test_per_sample_gradients_by_autograd_grad() -> None:
    """Inside vmap each example has its own gradient, whoever owns the variable."""
    x, w = rand(3, 4), rand(4, 2, seed=1).requires_grad_()

    def f(a: Any) -> Any:
        return cr.autograd.grad((a @ w).tanh().sum(), w)[0]

    same(cr.vmap(f)(x), loop(f, 3, x))


def test_gradients_from_outside() -> None:
    """Through vmap to what is mapped, shared, closed over and twice used."""
    x, w, b = (rand(*s, seed=k).requires_grad_() for k, s in enumerate([(3, 4), (4, 2), (2,)]))

    def f(a: Any, c: Any) -> Any:
        h = (a @ w).tanh() + c
        return (h * h).sum() + (w * w).sum() + a[0] * c[1]

    fast = cr.vmap(f, (0, None))(x, b)
    slow = cr.stack([f(a, b) for a in x])
    first = [cr.autograd.grad((o * o).sum(), (x, w, b), create_graph=True) for o in (fast, slow)]
    same(*first)
    second = [cr.autograd.grad(sum(g.sin().sum() for g in gs), (x, w, b)) for gs in first]
    same(*second, 1e-9)


def test_backward_into_leaves() -> None:
    x, w = rand(3, 4).requires_grad_(), rand(4, seed=1).requires_grad_()
    cr.vmap(lambda a: (a * w).exp().sum())(x).sum().backward()
    x2, w2 = x.detach().requires_grad_(), w.detach().requires_grad_()
    (x2 * w2).exp().sum().backward()
    same((x.grad, w.grad), (x2.grad, w2.grad))


def test_derivatives_compose() -> None:
    a = rand(5, 4)
    x, v = rand(3, 4, seed=1), rand(3, 4, seed=2)

    def f(t: Any) -> Any:
        return (a @ t).tanh()

    def g(t: Any) -> Any:
        return f(t).pow(3).sum()

    for transform in (func.jacrev(f), func.jacfwd(f), func.hessian(g), func.grad(g),
                      func.jacfwd(func.grad(g)), func.jacrev(func.jacrev(g))):  # fmt: skip
        same(cr.vmap(transform)(x), loop(transform, 3, x), 1e-9)
    same(cr.vmap(lambda t, u: func.jvp(f, (t,), (u,)))(x, v),
         loop(lambda t, u: func.jvp(f, (t,), (u,)), 3, x, v), 1e-9)  # fmt: skip
    _, back = func.vjp(f, x[0])
    same(cr.vmap(back)(cr.eye(5, dtype=D))[0], func.jacrev(f)(x[0]), 1e-9)
    whole = func.grad(lambda m: cr.vmap(func.grad(lambda t: (m @ t).tanh().sum()))(x).pow(2).sum())
    each = func.grad(lambda m: sum(
        func.grad(lambda t: (m @ t).tanh().sum())(t).pow(2).sum() for t in x))  # fmt: skip
    same(whole(a), each(a), 1e-9)


def test_batched_grads() -> None:
    x, y, z = rand(4).requires_grad_(), rand(4, seed=1).requires_grad_(), rand(2).requires_grad_()
    out = (x * x).sin() * y
    rows = cr.autograd.grad(out, (x, y, z), cr.eye(4, dtype=D), is_grads_batched=True,
                            allow_unused=True, retain_graph=True)  # fmt: skip
    assert rows[2] is None
    for k in range(4):
        one = cr.autograd.grad(out, (x, y), cr.eye(4, dtype=D)[k], retain_graph=True)
        same((rows[0][k], rows[1][k]), one)
    (first,) = cr.autograd.grad(out, x, cr.eye(4, dtype=D), create_graph=True,
                                is_grads_batched=True)  # fmt: skip
    (second,) = cr.autograd.grad(first.sum(), x)
    want = (2 * (x * x).cos() - 4 * x * x * (x * x).sin()) * y
    same(second, want, 1e-9)


def test_no_grad_inside() -> None:
    w = rand(3).requires_grad_()
    with cr.no_grad():
        assert not cr.vmap(lambda a: a * w)(rand(2, 3)).requires_grad

    def f(a: Any) -> Any:
        with cr.no_grad():
            k = (a * w).exp()
        return a * k

    assert not cr.vmap(f)(rand(2, 3)).requires_grad


# -- functions of the user's own -------------------------------------------------------------------


class Plain(cr.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any, w: Any) -> Any:
        return x * x * w

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, w = ctx.saved_tensors
        return 2 * g * x * w, g * x * x


class Ruled(Plain):
    generate_vmap_rule = False
    seen: tuple[Any, ...] = ()

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, w: Any) -> Any:
        Ruled.seen = (info.batch_size, info.randomness, in_dims)
        w = w if in_dims[1] is None else w.movedim(in_dims[1], 0)
        return Ruled.apply(x.movedim(in_dims[0], 0), w), 0


@pytest.mark.parametrize("cls", [Plain, Ruled])
def test_function(cls: Any) -> None:
    x, w = rand(3, 4).requires_grad_(), rand(4, seed=1).requires_grad_()
    fast = cr.vmap(cls.apply, (0, None))(x, w)
    slow = x * x * w
    same(fast, slow)
    for a, b in zip(*[cr.autograd.grad((o * o).sum(), (x, w)) for o in (fast, slow)], strict=True):
        same(a, b)
    each = cr.vmap(func.grad(lambda k, a: cls.apply(a, k).sum()), (None, 0))(w, x)
    same(each, x * x)


def test_function_errors() -> None:
    class Neither(Plain):
        generate_vmap_rule = False

    class Both(Ruled):
        generate_vmap_rule = True

    for cls, text in ((Neither, "does not have vmap support"), (Both, "has both")):
        with pytest.raises(RuntimeError, match=text):
            cr.vmap(cls.apply, (0, None))(rand(3), rand(3))


def test_rule_is_told_the_batch() -> None:
    cr.vmap(Ruled.apply, (1, None), randomness="same")(rand(3, 4), rand(3, seed=1))
    assert Ruled.seen == (4, "same", (0, None))


# -- in place, and new tensors ---------------------------------------------------------------------


def _views(x: Any, w: Any) -> Any:
    x = x * 1
    v = x[1:].reshape(-1)[::2]
    u = x.T
    v.mul_(w.sum())
    x[0] = w
    u[0, 1] += x[1, 1]
    return x * v.sum() + u.T


def _indexed(x: Any, w: Any) -> Any:
    x = x.clone()
    x[:, 0], x[-1] = w.sum(), w * 2
    x[[0, 2], [1, 2]] = w[:2]
    x[x.detach()[0].argmax()] = -w
    return x


def _fresh(x: Any, w: Any) -> Any:
    a, b, c = cr.zeros_like(x), x.new_ones(3), cr.full_like(w, 2.0)
    a.copy_(x * w)
    b.add_(w).mul_(c.sum())
    c.fill_(w.sum())
    return a + b + c


def _masked(x: Any, w: Any) -> Any:
    return x.clone().masked_fill_(x > 0, 0.5).clamp_(min=-0.5).add_(w)


@pytest.mark.parametrize("f", [_views, _indexed, _fresh, _masked])
def test_in_place(f: Callable[..., Any]) -> None:
    """Writes into batched tensors and their views, values and gradients."""
    x, w = rand(4, 3, 3).requires_grad_(), rand(3, seed=1).requires_grad_()
    fast = cr.vmap(f, (0, None))(x, w)
    slow = cr.stack([f(a, w) for a in x])
    same(fast, slow)
    for a, b in zip(*[cr.autograd.grad((o * o).sum(), (x, w)) for o in (fast, slow)], strict=True):
        same(a, b)


def test_in_place_on_an_argument_reaches_it() -> None:
    x = rand(2, 3)
    before = x.clone()
    same(cr.vmap(lambda a: a.add_(1), 1)(x), (before + 1).T)
    same(x, before + 1)
    with pytest.raises(RuntimeError, match="leaf Variable"):
        cr.vmap(lambda a: a.add_(1))(x.requires_grad_())


def test_saved_and_edited_argument_raises() -> None:
    w = rand(3).requires_grad_()
    x = w * 2
    out = cr.vmap(lambda a: a * a)(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


# -- indexing with a tensor for each example -------------------------------------------------------

INDEX: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "0-d": (lambda x, i: x[i], ()),
    "vector": (lambda x, i: x[i], (2,)),
    "matrix": (lambda x, i: x[i], (2, 2)),
    "behind": (lambda x, i: x[:, i], (2,)),
    "mixed": (lambda x, i: x[1:, None, i, 0], (2,)),
    "apart": (lambda x, i: x[i, :, i], (2,)),
    "pair": (lambda x, i: x[i, [0, 1]], (2,)),
    "ellipsis": (lambda x, i: x[..., i], (2,)),
    "negative": (lambda x, i: x[-1 - i], (2,)),
    "take": (lambda x, i: x.take(i), (2,)),
    "select": (lambda x, i: x.index_select(1, i), (2,)),
    "embedding": (lambda x, i: F.embedding(i, x[0], padding_idx=1), (2, 2)),
    "one_hot": (lambda x, i: F.one_hot(i, 4).to(D) * x[0, 0, 0], (2,)),
    "along": (lambda x, i: cr.take_along_dim(x[0], i[:, None], 0), (2,)),
}


@pytest.mark.parametrize("name", list(INDEX))
def test_batched_index(name: str) -> None:
    f, shape = INDEX[name]
    x = rand(4, 3, 3, 3).requires_grad_()
    i = cr.tensor(np.random.default_rng(3).integers(0, 3, (4, *shape)))
    fast, slow = cr.vmap(f)(x, i), loop(f, 4, x, i)
    same(fast, slow)
    same(*[cr.autograd.grad((o * o).sum(), x)[0] for o in (fast, slow)])
    if name not in ("one_hot",):  # one table for all examples
        table = x.detach()[0].requires_grad_()
        fast, slow = cr.vmap(f, (None, 0))(table, i), loop(lambda k: f(table, k), 4, i)
        same(fast, slow)
        same(*[cr.autograd.grad((o * o).sum(), table)[0] for o in (fast, slow)])


def test_batched_index_out_of_bounds() -> None:
    with pytest.raises(IndexError, match="out of bounds"):
        cr.vmap(lambda x, i: x[i])(rand(2, 3), cr.tensor([0, 3]))


# -- functions that read values run in a loop ------------------------------------------------------

READERS: dict[str, Callable[[Any], Any]] = {
    "grid_sample": lambda x: F.grid_sample(x.reshape(1, 1, 3, 3), x.tanh()[None, :2, :2, None]
                                           .expand(1, 2, 2, 2), padding_mode="reflection",
                                           align_corners=False),
    "histc": lambda x: cr.histc(x, 4, -2, 2),
    "isin": lambda x: cr.isin(x, x[0]),
    "searchsorted": lambda x: cr.searchsorted(x[0].sort()[0], x),
    "lstsq": lambda x: cr.linalg.lstsq(x, x[:, :1] * 2).solution,
    "ctc_loss": lambda x: F.ctc_loss(x.log_softmax(-1), cr.tensor([1, 2]), cr.tensor(3),
                                     cr.tensor(2)),
    "lstm": lambda x: cr.nn.LSTM(3, 2, dtype=D)(x)[0],
    "masked_scatter": lambda x: x.masked_scatter(cr.eye(3) > 0, x.exp()),
}  # fmt: skip


@pytest.mark.parametrize("name", list(READERS))
def test_readers(name: str) -> None:
    """What needs values is computed one example after another, with one warning."""
    f = READERS[name]
    x = rand(4, 3, 3).requires_grad_()
    batching._looped.clear()
    cr.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fast = cr.vmap(f, randomness="same")(x)
    assert len([w for w in caught if "performance drop" in str(w.message)]) <= 1
    rows = []
    for a in x:
        cr.manual_seed(0)
        rows.append(f(a))
    slow = cr.stack(rows)
    same(fast, slow)
    if slow.requires_grad:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            same(*[cr.autograd.grad((o * o).sum(), x)[0] for o in (fast, slow)])


# -- randomness ------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [
    lambda a: cr.rand(3) + a, lambda a: F.dropout(a), lambda a: a.clone().normal_(),
    lambda a: cr.randint(0, 99, (3,)) + a, lambda a: cr.randn_like(a),
    lambda a: cr.randperm(30) + a[0],
    lambda a: F.gumbel_softmax(a), lambda a: cr.exp(a).multinomial(2),
    lambda a: F.alpha_dropout(a, 0.5, True),
])  # fmt: skip
def test_randomness(draw: Callable[[Any], Any]) -> None:
    """The same draw for all examples, a draw for each, or an error."""
    x = cr.ones(20, 3)
    one = draw(x[0])
    if one.shape != (2,):  # multinomial, where each example has weights of its own
        alike = cr.vmap(draw, randomness="same")(x)
        assert alike.shape == (20, *one.shape)
        assert (alike == alike[:1]).all()
    apart = cr.vmap(draw, randomness="different")(x)
    assert apart.shape == (20, *one.shape)
    assert not (apart == apart[:1]).all()
    with pytest.raises(RuntimeError, match="randomness error mode"):
        cr.vmap(draw)(x)


def test_randomness_of_two_levels() -> None:
    x = cr.zeros(3, 4)

    def inner(a: Any) -> Any:
        return cr.vmap(lambda b: b + cr.randn(()), randomness="same")(a)

    out = cr.vmap(inner, randomness="different")(x)
    assert (out == out[:, :1]).all()
    assert not (out == out[:1]).all()
