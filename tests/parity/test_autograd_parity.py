"""Hooks, Function, edges, saved tensors, checkpoint and anomaly mode: the same with PyTorch.

Every case is a program of the module; it returns what is to be compared (tensors become lists), or
raises. Both must give the same, or raise the same class of exception with the same opening words.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import chainrule as cr  # noqa: E402

CASES: list[Callable[[Any], Any]] = []


def case(program: Callable[[Any], Any]) -> Callable[[Any], Any]:
    CASES.append(program)
    return program


def room(m: Any, path: str) -> Any:
    """``torch.autograd.graph`` of either library."""
    return importlib.import_module(f"{m.__name__}.{path}")


def plain(value: Any) -> Any:
    """Tensors as nested lists of numbers, in whatever holds them."""
    if isinstance(value, (cr.Tensor, torch.Tensor)):
        return [np.asarray(value.detach().tolist()).round(4).tolist(), value.requires_grad]
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def outcome(m: Any, program: Callable[[Any], Any]) -> tuple[Any, list[str]]:
    m.manual_seed(0)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            result = plain(program(m))
        except Exception as error:
            kind = NotImplementedError if isinstance(error, NotImplementedError) else None
            kind = kind or next(
                k
                for k in (RuntimeError, TypeError, ValueError, AttributeError)
                if isinstance(error, k)
            )
            result = (kind, " ".join(str(error).split()[:4]) if kind is RuntimeError else "")
    return result, sorted({str(w.message)[:30] for w in seen if w.category is UserWarning})


def function(m: Any, backward: Any, forward: Any = None, **extra: Any) -> Any:
    """A Function class made of its two methods."""
    forward = forward or (lambda ctx, x: ctx.save_for_backward(x) or x * x)  # type: ignore[func-returns-value]
    body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    body |= {k: staticmethod(f) for k, f in extra.items()}
    return type("Mine", (m.autograd.Function,), body)


def double(ctx: Any, g: Any) -> Any:
    return 2 * ctx.saved_tensors[0] * g


def leaf(m: Any, *values: float) -> Any:
    return m.tensor(list(values), requires_grad=True)


# -- hooks --------------------------------------------------------------------------------------


@case
def order_of_all_hooks(m: Any) -> Any:
    seen: list[Any] = []

    def hook(tag: str, factor: float) -> Any:
        def run(*given: Any) -> Any:
            seen.append((tag, plain(given)))
            if isinstance(given[0], tuple):
                return tuple(None if g is None else g * factor for g in given[0])
            return given[0] * factor

        return run

    x = leaf(m, 1.0, 2.0)
    y = x * x
    y.grad_fn.register_prehook(hook("before", 10))
    y.grad_fn.register_hook(hook("after", 100))
    y.register_hook(hook("tensor", 2))
    y.retain_grad()
    accumulate = x.expand_as(x).grad_fn.next_functions[0][0]
    accumulate.register_prehook(hook("leaf before", 3))
    accumulate.register_hook(lambda *g: seen.append(("leaf after", plain(g))))
    x.register_hook(hook("leaf", 5))
    x.register_post_accumulate_grad_hook(lambda p: seen.append(("post", p is x, plain(p.grad))))
    y.sum().backward(retain_graph=True)
    got = m.autograd.grad(y.sum(), [x], retain_graph=True)
    only = m.autograd.grad(y.sum(), y, retain_graph=True)
    y.sum().backward(inputs=[x])
    return seen, x.grad, y.grad, got, only


def _hook_case(bad: Any) -> Any:
    def program(m: Any) -> Any:
        x = leaf(m, 1.0, 2.0)
        x.register_hook(lambda g: bad(m, g))
        (x * 2).sum().backward()
        return x.grad

    return program


for _bad in (
    lambda m, g: 3.0,
    lambda m, g: g.double(),
    lambda m, g: g.sum(),
    lambda m, g: (g,),
    lambda m, g: g.clone() * 2,
    lambda m, g: g.detach().requires_grad_(),
):
    case(_hook_case(_bad))


def _node_case(before: Any, after: Any) -> Any:
    def program(m: Any) -> Any:
        x = leaf(m, 1.0, 2.0)
        y = x * x
        if before:
            y.grad_fn.register_prehook(before)
        if after:
            y.grad_fn.register_hook(after)
        y.sum().backward()
        return x.grad

    return program


for _before, _after in (
    (lambda go: 3.0, None),
    (lambda go: (go[0], go[0]), None),
    (lambda go: (None,), None),
    (lambda go: None, None),
    (lambda go: (go[0] * 3,), lambda gi, go: (gi[0] * go[0], gi[1])),
    (None, lambda gi, go: 3.0),
    (None, lambda gi, go: (gi[0],)),
    (None, lambda gi, go: (gi[0].sum(), gi[1])),
    (None, lambda gi, go: (None, None)),
    (None, lambda gi, go: (None, gi[1])),
):
    case(_node_case(_before, _after))


@case
def removing(m: Any) -> Any:
    x = leaf(m, 1.0)
    y = x * x
    handles = [y.grad_fn.register_hook(lambda gi, go: tuple(g * 2 for g in gi)) for _ in range(2)]
    handles[0].remove()
    y.backward(retain_graph=True)
    first = x.grad.clone()
    with handles[1]:
        pass
    y.backward()
    return first, x.grad


@case
def hooks_around_an_in_place_edit(m: Any) -> Any:
    x = leaf(m, 1.0, 2.0)
    y = x * 2
    seen: list[Any] = []
    y.retain_grad()
    y.register_hook(lambda g: seen.append(("old", plain(g))))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(("new", plain(g))))
    (y * 5).sum().backward()
    return seen, y.grad, y.retains_grad, x.grad


@case
def metadata(m: Any) -> Any:
    node = (leaf(m, 1.0) * leaf(m, 2.0)).grad_fn
    node.metadata["a"] = 3
    x = leaf(m, 1.0)
    numbers = [[e is None for e, _ in f.grad_fn.next_functions]
               for f in (x * 2, x + 1, x - 1, x / 2, x**2, x.exp(), x * m.ones(1))]  # fmt: skip
    return node.metadata, node.name(), [k for _, k in node.next_functions], numbers


@case
def the_variable(m: Any) -> Any:
    x = leaf(m, 1.0)
    node = (x * 2).grad_fn.next_functions[0][0]
    return node.variable is x, node.name(), node.next_functions


@case
def multi_grad_hooks(m: Any) -> Any:
    graph = room(m, "autograd.graph")
    xs = [leaf(m, 1.0) for _ in range(3)]
    seen: list[Any] = []
    handle = graph.register_multi_grad_hook(xs, lambda gs: seen.append(plain(list(gs))))
    (xs[0] * 2 + xs[2]).sum().backward()
    (xs[0] * xs[1] + xs[2]).sum().backward()
    handle.remove()
    graph.register_multi_grad_hook(xs, lambda g: seen.append("any"), mode="any")
    (xs[0] * xs[1] + xs[2]).sum().backward()
    return seen


@case
def multi_grad_hooks_mode(m: Any) -> Any:
    return room(m, "autograd.graph").register_multi_grad_hook([leaf(m, 1.0)], print, mode="x")


@case
def edges(m: Any) -> Any:
    graph = room(m, "autograd.graph")
    x = leaf(m, 1.0, 2.0)
    y = x * 3
    z = (y * y).sum()
    edge, end = graph.get_gradient_edge(y), graph.get_gradient_edge(x)
    first = m.autograd.grad(z, [edge, end], retain_graph=True)
    second = m.autograd.grad(edge, x, m.ones(2), retain_graph=True)
    parts = (x * 2).split(1)
    last = graph.get_gradient_edge(parts[1])
    third = m.autograd.grad((parts[0] + 3 * parts[1]).sum(), last)
    z.backward(inputs=[end])
    return first, second, third, last.output_nr, x.grad


@case
def edge_of_a_constant(m: Any) -> Any:
    return room(m, "autograd.graph").get_gradient_edge(m.ones(2))


@case
def versions(m: Any) -> Any:
    x = m.ones(2)
    room(m, "autograd.graph").increment_version([x, x])
    return x._version


# -- saved tensors ------------------------------------------------------------------------------


@case
def saved_attributes(m: Any) -> Any:
    x, y = leaf(m, 1.0, 2.0), leaf(m, 3.0, 4.0)
    node = (x * y).grad_fn
    power = (x**3).grad_fn
    return (
        node._saved_self is x, node._saved_other is y, x.exp().grad_fn._saved_result,
        power._saved_self is x, power._saved_exponent, x.softmax(0).grad_fn._saved_result,
        (x[None] @ y[:, None]).grad_fn._saved_mat2.shape[0],
    )  # fmt: skip


@case
def saved_attributes_freed(m: Any) -> Any:
    x = leaf(m, 1.0, 2.0)
    y = x * x
    y.sum().backward()
    return y.grad_fn._saved_self


@case
def hooks_on_one_saved_value(m: Any) -> Any:
    x = leaf(m, 1.0, 2.0)
    y = x * x
    y.grad_fn._raw_saved_self.register_hooks(lambda t: t * 2, lambda t: t)
    y.sum().backward()
    return x.grad


@case
def hooks_on_one_saved_value_twice(m: Any) -> Any:
    y = leaf(m, 1.0) * leaf(m, 2.0)  # PyTorch's raw value does not keep its node
    raw = y.grad_fn._raw_saved_self
    for _ in range(2):
        raw.register_hooks(lambda t: t, lambda t: t)


def _pack_case(pack: Any, unpack: Any, f: Any) -> Any:
    def program(m: Any) -> Any:
        x = leaf(m, 0.5, 2.0)
        with room(m, "autograd.graph").saved_tensors_hooks(pack, unpack):
            y = f(m, x).sum()
        (g,) = m.autograd.grad(y, x, create_graph=True)
        return g.detach(), m.autograd.grad(g.sum(), x, allow_unused=True)

    return program


for _pack, _unpack in (
    (lambda t: t, lambda t: t),
    (lambda t: t.detach().clone(), lambda t: t),
    (lambda t: t.detach().numpy().copy() * 2, lambda a: cr.tensor(a)),
    (lambda t: 5, lambda p: p),
    (lambda t: t.mul_(2), lambda t: t),
    (3, lambda t: t),
):
    if _pack != 3 and "numpy" in getattr(getattr(_pack, "__code__", None), "co_names", ()):
        continue
    for _f in (lambda m, x: x * x, lambda m, x: (x * 1).exp().sin(), lambda m, x: (x * 3).sin_()):
        case(_pack_case(_pack, _unpack, _f))


@case
def how_many_are_packed(m: Any) -> Any:
    x, seen = leaf(m, 1.0, 2.0), list[Any]()
    a = m.ones(2, 2)
    with room(m, "autograd.graph").saved_tensors_hooks(
        lambda t: seen.append([list(t.shape), t.requires_grad]) or t,  # type: ignore[func-returns-value]
        lambda t: t,
    ):
        for f in (
            lambda: x * x, lambda: x * 2.0, lambda: x.exp(), lambda: a @ x, lambda: x.sum(),
            lambda: x / (x + 1), lambda: x.sigmoid(), lambda: x.detach() * 2, lambda: x.sin(),
        ):  # fmt: skip
            f()
            seen.append("|")
    return seen


@case
def hooks_disabled(m: Any) -> Any:
    graph = room(m, "autograd.graph")
    with graph.disable_saved_tensors_hooks("not in here"):
        graph.saved_tensors_hooks(lambda t: t, lambda t: t).__enter__()


@case
def mutation_allowed(m: Any) -> Any:
    x = leaf(m, 1.0, 2.0)
    with room(m, "autograd.graph").allow_mutation_on_saved_tensors():
        y = x * 3
        z = (y * y).sum()
        y.mul_(5)
        z.backward()
    return x.grad


@case
def kept_on_the_cpu(m: Any) -> Any:
    x = leaf(m, 1.0, 2.0)
    with room(m, "autograd.graph").save_on_cpu():
        y = (x * x).exp().sum()
    y.backward()
    return x.grad


# -- Function -----------------------------------------------------------------------------------


def _function_case(apply: Any) -> None:
    case(apply)


@case
def once_differentiable(m: Any) -> Any:
    once = m.autograd.function.once_differentiable(double)
    f = function(m, once)
    x = leaf(m, 1.0, 2.0)
    (g,) = m.autograd.grad((f.apply(x) ** 2).sum(), x, create_graph=True)
    g.sum().backward()


@case
def once_differentiable_first_order(m: Any) -> Any:
    f = function(m, m.autograd.function.once_differentiable(double))
    x = leaf(m, 1.0, 2.0)
    f.apply(x).sum().backward()
    return x.grad


@case
def an_input_as_it_is(m: Any) -> Any:
    f = function(m, lambda ctx, g: g * 7, lambda ctx, x: x)
    x = leaf(m, 1.0)
    y = f.apply(x)
    return y is x, y._is_view(), m.autograd.grad(y, x), f.apply(m.ones(1)) is None


@case
def an_input_as_it_is_edited(m: Any) -> Any:
    f = function(m, lambda ctx, g: g * 7, lambda ctx, x: x)
    return f.apply(leaf(m, 1.0) * 1).mul_(2)


@case
def mark_dirty(m: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)

    f = function(m, lambda ctx, g: g * 2, forward)
    x = leaf(m, 1.0, 2.0)
    y = x * 1
    out = f.apply(y)
    whole = x * 1
    f.apply(whole[:1])
    return out is y, y._version, m.autograd.grad(y.sum(), x), m.autograd.grad(whole.sum(), x)


@case
def mark_dirty_of_a_leaf(m: Any) -> Any:
    f = function(m, None, lambda ctx, x: ctx.mark_dirty(x) or x.mul_(2))
    return f.apply(leaf(m, 1.0))


@case
def mark_dirty_but_not_returned(m: Any) -> Any:
    f = function(m, None, lambda ctx, x: ctx.mark_dirty(x) or x.mul_(2).clone())
    return f.apply(leaf(m, 1.0) * 1)


@case
def mark_non_differentiable(m: Any) -> Any:
    seen: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        sign = x.sign()
        ctx.mark_non_differentiable(sign)
        return x * 1, sign, x.long()

    f = function(m, lambda ctx, *g: seen.append(plain(g)) or g[0], forward)  # type: ignore[func-returns-value]
    x = leaf(m, 1.0, -2.0)
    out = f.apply(x)
    return out, m.autograd.grad(out[0].sum(), x), seen


@case
def grads_not_materialized(m: Any) -> Any:
    seen: list[Any] = []

    def forward(ctx: Any, x: Any) -> Any:
        ctx.set_materialize_grads(False)
        return x * 1, x * 2

    f = function(m, lambda ctx, *g: seen.append(plain(g)) or g[1] * 2, forward)  # type: ignore[func-returns-value]
    x = leaf(m, 1.0)
    return m.autograd.grad(f.apply(x)[1].sum(), x), seen


@case
def results_that_are_no_tensors(m: Any) -> Any:
    seen: list[Any] = []

    def forward(ctx: Any, x: Any, k: float) -> Any:
        ctx.k = k
        return x * k, "word", 5, None

    f = function(m, lambda ctx, *g: (seen.append(plain(g)) or g[0] * ctx.k, None), forward)  # type: ignore[func-returns-value]
    x = leaf(m, 1.0)
    out = f.apply(x, 3.0)
    grads = m.autograd.grad(out[0].sum(), x)
    return out, grads, seen, out[0].grad_fn.k, out[0].grad_fn.name()


@case
def a_list_of_results(m: Any) -> Any:
    return function(m, None, lambda ctx, x: [x * 1, x * 2]).apply(leaf(m, 1.0))


@case
def one_result_twice(m: Any) -> Any:
    def forward(ctx: Any, x: Any) -> Any:
        y = x * 2
        return y, y

    f = function(m, lambda ctx, a, b: a + b, forward)
    x = leaf(m, 1.0)
    p, q = f.apply(x)
    return p is q, m.autograd.grad(p.sum() + 2 * q.sum(), x)


@case
def keywords(m: Any) -> Any:
    def forward(ctx: Any, x: Any, k: float = 2.0) -> Any:
        ctx.k = k
        return x * k

    f = function(m, lambda ctx, g: g * ctx.k, forward)
    x = leaf(m, 1.0)
    return m.autograd.grad(f.apply(x, k=3.0), x)


@case
def setup_context(m: Any) -> Any:
    def setup(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.k = inputs[1]
        ctx.save_for_backward(output)
        ctx.save_for_forward(inputs[0])

    f = function(m, lambda ctx, g: (g * ctx.k + 0 * ctx.saved_tensors[0], None),
                 lambda x, k=2: x * k, setup_context=setup)  # fmt: skip
    x = leaf(m, 1.0)
    y = f.apply(x)
    return y, m.autograd.grad(f.apply(x, 5), x), y.grad_fn.needs_input_grad


@case
def needs_input_grad(m: Any) -> Any:
    def forward(ctx: Any, *args: Any) -> Any:
        return args[0] * args[1]

    f = function(m, lambda ctx, g: (None, g, None), forward)
    y = f.apply(m.ones(1), leaf(m, 2.0), "word")
    return y.grad_fn.needs_input_grad, [k for _, k in y.grad_fn.next_functions]


def _returned_case(value: Any) -> Any:
    def program(m: Any) -> Any:
        f = function(m, lambda ctx, g: value(m, g), lambda ctx, x, y: x * y)
        x, y = leaf(m, 1.0, 2.0, 3.0), leaf(m, 4.0, 5.0, 6.0)
        return m.autograd.grad(f.apply(x, y).sum(), [x, y], allow_unused=True)

    return program


for _value in (
    lambda m, g: g,
    lambda m, g: (g, g, g),
    lambda m, g: (g, g, None),
    lambda m, g: (g, None),
    lambda m, g: (g, 3.0),
    lambda m, g: (g, m.ones(5)),
    lambda m, g: (g, g.double()),
    lambda m, g: (g, m.ones(2, 3)),
    lambda m, g: [g, g],
):
    case(_returned_case(_value))


@case
def nothing_to_go_back_by(m: Any) -> Any:
    class Bare(m.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    return m.autograd.grad(Bare.apply(leaf(m, 1.0)), leaf(m, 1.0), allow_unused=True)


@case
def nothing_to_go_back_by_reached(m: Any) -> Any:
    class Bare(m.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    Bare.apply(leaf(m, 1.0)).sum().backward()


@case
def no_forward(m: Any) -> Any:
    return type("None_", (m.autograd.Function,), {}).apply(leaf(m, 1.0))


@case
def an_instance(m: Any) -> Any:
    return function(m, double)()(leaf(m, 1.0))


@case
def vjp_for_backward(m: Any) -> Any:
    class Named(m.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def vjp(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(m, 1.0)
    return m.autograd.grad(Named.apply(x).sum(), x)


@case
def saving_a_number(m: Any) -> Any:
    return function(m, None, lambda ctx, x: ctx.save_for_backward(x, 3) or x).apply(leaf(m, 1.0))


@case
def saved_then_edited(m: Any) -> Any:
    f, x = function(m, double), leaf(m, 1.0)
    y = x * 1
    z = f.apply(y)
    y.mul_(2)
    z.sum().backward()


@case
def saved_and_freed(m: Any) -> Any:
    y = function(m, double).apply(leaf(m, 1.0))
    node = y.grad_fn
    y.sum().backward()
    return node.saved_tensors


@case
def saved_is_the_leaf(m: Any) -> Any:
    x = leaf(m, 1.0)
    return function(m, double).apply(x).grad_fn.saved_tensors[0] is x


@case
def second_order(m: Any) -> Any:
    f, x = function(m, double), leaf(m, 1.0, 2.0)
    (g,) = m.autograd.grad((f.apply(x) * f.apply(f.apply(x))).sum(), x, create_graph=True)
    return g.detach(), m.autograd.grad(g.sum(), x)


@case
def functions_in_functions(m: Any) -> Any:
    inner = function(m, double)

    def forward(ctx: Any, x: Any) -> Any:
        with m.enable_grad():
            a = x.detach().requires_grad_()
            b = inner.apply(a).sum()
        (g,) = m.autograd.grad(b, a)
        ctx.save_for_backward(g)
        return b.detach()

    x = leaf(m, 1.0, 2.0)
    outer = function(m, lambda ctx, g: g * ctx.saved_tensors[0], forward)
    return m.autograd.grad(outer.apply(x), x)


@case
def under_no_grad(m: Any) -> Any:
    with m.no_grad():
        y = function(m, double).apply(leaf(m, 1.0))
    return y


# -- checkpoint ---------------------------------------------------------------------------------


def _checkpoint(m: Any) -> Any:
    return room(m, "utils.checkpoint")


def _checkpoint_case(f: Any, **options: Any) -> None:
    def program(m: Any) -> Any:
        x, y = leaf(m, 0.5, 2.0), leaf(m, 1.0, 3.0)
        out = _checkpoint(m).checkpoint(lambda *xs: f(m, *xs), x, y, **options)
        out.sum().backward()
        return out, x.grad, y.grad

    case(program)


for _reentrant in (True, False, None):
    _checkpoint_case(lambda m, x, y: (x * y).sin().exp(), use_reentrant=_reentrant)
    _checkpoint_case(lambda m, x, y: x.detach() * 2, use_reentrant=_reentrant)
_checkpoint_case(lambda m, x, y: m.nn.functional.dropout(x * y.exp(), 0.5), use_reentrant=True)
_checkpoint_case(lambda m, x, y: m.nn.functional.dropout(x * y.exp(), 0.5), use_reentrant=False)
_checkpoint_case(lambda m, x, y: x, use_reentrant=True, foo=1)
_checkpoint_case(lambda m, x, y: x, use_reentrant=True, debug=True)
_checkpoint_case(lambda m, x, y: x, use_reentrant=False, determinism_check="x")


@case
def checkpoint_and_grad(m: Any) -> Any:
    x = leaf(m, 0.5, 2.0)
    y = _checkpoint(m).checkpoint(lambda x: (x * x).sin(), x, use_reentrant=False)
    (g,) = m.autograd.grad(y.sum(), x, create_graph=True)
    return g.detach(), m.autograd.grad(g.sum(), x)


@case
def checkpoint_and_grad_reentrant(m: Any) -> Any:
    x = leaf(m, 0.5, 2.0)
    y = _checkpoint(m).checkpoint(lambda x: (x * x).sin(), x, use_reentrant=True)
    return m.autograd.grad(y.sum(), x)


@case
def checkpoint_of_a_constant(m: Any) -> Any:
    return _checkpoint(m).checkpoint(lambda x: x * 2, m.ones(2), use_reentrant=True)


@case
def checkpoint_twice(m: Any) -> Any:
    x = leaf(m, 0.5, 2.0)
    y = _checkpoint(m).checkpoint(lambda x: (x * x).sin(), x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


def _fickle_case(first: Any, later: Any, **options: Any) -> None:
    def program(m: Any) -> Any:
        todo = [first]
        x = leaf(m, 0.5, 2.0)
        run = lambda x: (todo.pop() if todo else later)(x)  # noqa: E731
        y = _checkpoint(m).checkpoint(run, x, use_reentrant=False, **options)
        y.sum().backward()
        return x.grad.shape[0]

    case(program)


_fickle_case(lambda x: x.sin().exp(), lambda x: x.sin())
_fickle_case(lambda x: x.sin(), lambda x: x[:1].sin())
_fickle_case(lambda x: x.sin(), lambda x: x.sin().exp())
_fickle_case(lambda x: x.sin(), lambda x: x.sin().exp(), early_stop=False)


@case
def checkpoint_sequential(m: Any) -> Any:
    layers = [m.sin, m.exp, m.tanh, m.cos, m.sigmoid]
    x = leaf(m, 0.5, 2.0)
    y = _checkpoint(m).checkpoint_sequential(layers, 2, x, use_reentrant=False)
    y.sum().backward()
    return y, x.grad


@case
def nested_checkpoints(m: Any) -> Any:
    check = _checkpoint(m).checkpoint
    runs: list[str] = []

    def inner(x: Any) -> Any:
        runs.append("inner")
        return x.sin().exp()

    def outer(x: Any) -> Any:
        runs.append("outer")
        return check(inner, x * 2, use_reentrant=False).tanh()

    x = leaf(m, 0.5, 2.0)
    y = check(outer, x, use_reentrant=False)
    y.sum().backward()
    return y, x.grad, sorted(set(runs))


# -- anomaly mode -------------------------------------------------------------------------------


def _anomaly_case(f: Any, **options: Any) -> None:
    def program(m: Any) -> Any:
        x = leaf(m, 0.0, 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch prints the forward line as a warning
            with m.autograd.detect_anomaly(**options):
                f(m, x).sum().backward()
        return x.grad.isnan().tolist()

    case(program)


_anomaly_case(lambda m, x: x.sqrt() * 0)
_anomaly_case(lambda m, x: x.sqrt() * 0, check_nan=False)
_anomaly_case(lambda m, x: x.sqrt())
_anomaly_case(lambda m, x: m.tensor([m.inf, 1.0]) * x * 0)
_anomaly_case(lambda m, x: x.log() * 0)


@case
def anomaly_switches(m: Any) -> Any:
    seen = [m.is_anomaly_enabled() if hasattr(m, "is_anomaly_enabled") else False]
    with m.autograd.set_detect_anomaly(True):
        pass
    return seen


@case
def anomaly_warns(m: Any) -> Any:
    with m.autograd.detect_anomaly():
        return 1


@pytest.mark.parametrize("number", list(range(len(CASES))))
def test_agrees(number: int) -> None:
    ours, theirs = outcome(cr, CASES[number]), outcome(torch, CASES[number])
    assert ours == theirs, CASES[number].__name__
