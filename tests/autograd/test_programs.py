"""Random programs: small graphs with shared values, views and edits, against finite differences.

A program is a list of statements about ``v0``, ``v1``, ...; a statement that cannot be run (shapes
that do not fit, memory that may not be written) must leave everything as it was, and is skipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.autograd import gradcheck

# {a} and {b} stand for values that exist, {new} for a fresh name.
VALUES = """
{a} + {b}
{a} - {b}
{a} * {b}
{a} / ({b}.square() + 1)
{a} * 0.5
1.5 - {a}
-{a}
{a} ** 2
({a}.square() + 0.5) ** 1.5
{a}.sin()
{a}.cos()
{a}.tanh()
{a}.sigmoid()
({a} * 0.3).exp()
({a}.square() + 0.5).log()
({a}.square() + 0.5).sqrt()
({a}.square() + 0.5).rsqrt()
{a}.relu()
{a}.abs()
{a}.clamp(-0.7, 0.9)
m.maximum({a}, {b})
m.minimum({a}, {b} + 0.1)
m.where({a} > 0.2, {a}, {b})
m.nn.functional.gelu({a})
m.nn.functional.leaky_relu({a}, 0.1)
m.nn.functional.softmax({a}, -1)
{a}.log_softmax(0)
{a}.logsumexp(-1)
{a}.sum()
{a}.sum(0)
{a}.sum(-1, keepdim=True)
{a}.mean()
{a}.mean(0, keepdim=True)
{a}.var(0)
{a}.max(0).values
{a}.amax(-1, keepdim=True)
{a} @ {b}
{a} @ {a}.T
m.nn.functional.linear({a}, {b})
m.cat([{a}, {b}])
m.cat([{a}, {b}, {a}], -1)
m.stack([{a}, {b}])
{a}.clone()
{a}[[0, 2, 0]]
{a}[{a} > 0]
{a}[m.tensor([1, 1])]
{a}.reshape(-1)[:4]
m.nn.functional.mse_loss({a}, {b})
""".strip().splitlines()
VIEWS = """
{a}[0]
{a}[-1]
{a}[1:]
{a}[::2]
{a}[..., 1:]
{a}[..., 0]
{a}[None]
{a}[:, 1]
{a}.T
{a}.view(-1)
{a}.reshape(-1)
{a}.flatten()
{a}.transpose(0, -1)
{a}.unsqueeze(-1)
{a}.squeeze()
{a}.narrow(0, 1, 1)
{a}.expand(2, *{a}.shape)
{a}.split(1)[0]
{a}.unbind()[-1]
{a}.permute(1, 0)
{a}.select(0, 1)
{a}.diagonal()
{a}.chunk(2)[-1]
{a}.movedim(0, -1)
{a}.view(-1)[::2]
{a}[1:][..., :2]
{a}
""".strip().splitlines()
EDITS = """
{a}.add_({b})
{a}.sub_({b})
{a}.mul_({b})
{a}.mul_(0.5)
{a}.sin_()
{a}.tanh_()
{a}.sigmoid_()
{a}.relu_()
{a}.clamp_(-0.8, 0.8)
{a}.zero_()
{a}.fill_(0.3)
{a}.copy_({b})
{a} += {b}
{a} *= {b}
{a}[0] = {b}
{a}[0] = 0.4
{a}[..., 0] *= 2
{a}[1:] += 1
{a}[{a} > 0] = 0.1
{a}[[0, 1]] = {b}
{a}[:, 1] = {b}
{a}[0] = {a}[-1].clone()
{a}.add_({b}, alpha=-0.5)
{a}.div_({b}.square() + 1)
{a}.pow_(2)
{a}.neg_()
{a}.exp_()
{a}.abs_()
{a}[0].fill_(0.2)
{a}[1:].copy_({b})
{a}.T.mul_(0.7)
{a}.view(-1)[1:].add_(0.1)
{a}.masked_fill_({a} > 0.4, 0.3)
{a}.masked_fill_({b} > 0, -0.2)
{a}[{a} > 0] += 1
{a}[{a} < 0.1] = {b}
{a}[[0, 1], [1, 0]] = {b}
{a}[m.tensor([2, 0])] *= {b}
{a}[..., m.tensor([0])] = {b}
{a}.index_put_((m.tensor([0, 0]),), {b}, accumulate=True)
{a}.index_put_((m.tensor([1]), m.tensor([0])), {b})
{a}.index_put_((m.tensor([0, 1, 0]), m.tensor([1, 1, 1])), {b}, accumulate=True)
{a}.index_add_(0, m.tensor([0, 0]), {b}[:2])
{a}.index_fill_(0, m.tensor([1]), 0.6)
{a}.index_copy_(0, m.tensor([1]), {b}[:1])
{a}.scatter_(-1, m.tensor([0]), 0.5)
""".strip().splitlines()
# What finite differences cannot follow: gradients that hooks replace, and values without history.
HOOKS = """
{a}.register_hook(lambda g: g * 2)
{a}.register_hook(lambda g: g.clamp(-1, 1))
{a}.register_hook(lambda g: None)
{a}.register_hook(lambda g: m.zeros_like(g))
{a}.retain_grad()
{a}.requires_grad_()
{a}.detach_()
{a}.detach().mul_(2)
{a}.detach()[0].zero_()
{a}.detach().copy_({b})
""".strip().splitlines()
DETACHED = """
{a}.detach()
{a}.detach() * {b}
{a}.detach()[1:]
{a}.clone(); {new}.data.mul_(1.5)
{a}.clone(); {new}.data[0] = 0.5
{a}.clone(); {new}.data = {new}.data * 2
({a}.detach() + 1).requires_grad_()
""".strip().splitlines()


@st.composite
def programs(draw: Any, *, hooks: bool = False) -> list[str]:
    """The text of a program, a statement an entry."""
    n, statements = 3, []
    tables = {"v": VALUES, "w": VIEWS, "e": EDITS, "h": HOOKS, "d": DETACHED}
    letters = "vvvvwweehd" if hooks else "vvvvwwee"
    kinds = draw(st.lists(st.sampled_from(letters), min_size=2, max_size=10))
    for kind in kinds:
        a, b = (f"v{draw(st.integers(0, n - 1))}" for _ in range(2))
        statement = draw(st.sampled_from(tables[kind])).format(a=a, b=b, new=f"v{n}")
        if kind in "vwd":
            statement, n = f"v{n} = {statement}", n + 1
        statements.append(statement)
    return statements


def run(m: Any, statements: list[str], leaves: Any) -> tuple[dict[str, Any], list[Any]]:
    """The values that a program makes, and for each statement the exception it raised, if any."""
    scope = {f"v{k}": x * 1 for k, x in enumerate(leaves)}
    errors: list[Any] = []
    for statement in statements:
        before = dict(scope)
        try:
            exec(statement, {"m": m}, scope)
            errors.append(None)
        except (RuntimeError, IndexError, TypeError, ValueError, NameError) as error:
            scope = before
            errors.append(error)
    return scope, errors


def total(m: Any, scope: dict[str, Any]) -> Any:
    """One number that depends on every element of every value."""
    result = m.zeros((), dtype=m.float64)
    for k, name in enumerate(sorted(scope)):
        v = scope[name]
        weights = 1 + 0.3 * ((k + 2 * np.arange(v.numel())) % 5).reshape(tuple(v.shape))
        result = result + (v * m.from_numpy(np.asarray(weights))).sum()
    return result


def arrays(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=())]


def tame(scope: dict[str, Any]) -> bool:
    """Whether all values are such that finite differences can be trusted."""
    values = [np.abs(v.detach().numpy()) for v in scope.values()]
    return all(np.isfinite(v).all() and (v < 30).all() for v in values)


def goes_back(result: Any, **options: Any) -> bool:
    """Whether backward runs through; False where a saved value was edited."""
    try:
        result.backward(retain_graph=True, **options)
    except RuntimeError as error:
        if "modified by an inplace operation" not in str(error):
            raise
        return False
    return True


@given(statements=programs(), seed=st.integers(0, 100))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_programs(statements: list[str], seed: int) -> None:
    leaves = [cr.tensor(a).requires_grad_() for a in arrays(seed)]
    scope, errors = run(cr, statements, leaves)
    assume(tame(scope))
    result = total(cr, scope)
    assume(result.requires_grad)
    if not goes_back(result):
        return
    first = [None if x.grad is None else x.grad.clone() for x in leaves]
    # every statement that failed fails in the same way when nothing is recorded
    with cr.no_grad():
        again, errors_again = run(cr, statements, [x.detach() for x in leaves])
    for a, b in zip(errors, errors_again, strict=True):
        assert (a is None) == (b is None) or "view" in str(a)
    if [e is None for e in errors] == [e is None for e in errors_again]:
        for name, v in scope.items():
            np.testing.assert_array_equal(v.detach().numpy(), again[name].numpy())
    assume(all(np.abs(g.numpy()).max(initial=0) < 1e3 for g in first if g is not None))
    # A number that is asked for an element gets memory of its own, even where the asking fails; an
    # edit of it is then seen otherwise. So the program without its failures goes back by itself.
    good = [s for s, e in zip(statements, errors, strict=True) if e is None]
    if goes_back(total(cr, run(cr, good, leaves)[0])):
        assert gradcheck(lambda *xs: total(cr, run(cr, good, xs)[0]), leaves, atol=1e-4)
    # the recorded backward is the same, and goes on
    grads = cr.autograd.grad(result, leaves, create_graph=True, allow_unused=True)
    for g, expected in zip(grads, first, strict=True):
        assert (g is None) == (expected is None)
        if g is not None:
            np.testing.assert_allclose(g.detach().numpy(), expected.numpy(), 1e-9, 1e-11)


@given(statements=programs(hooks=True), seed=st.integers(0, 100))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_hooks_see_the_same_each_way_back(statements: list[str], seed: int) -> None:
    """Plainly, recorded, and with all saved values packed as copies: one gradient."""

    def gradients(recorded: bool = False) -> list[Any]:
        leaves = [cr.tensor(a).requires_grad_() for a in arrays(seed)]
        scope, _ = run(cr, statements, leaves)
        assume(tame(scope))
        result = total(cr, scope)
        assume(result.requires_grad)
        if not goes_back(result, create_graph=recorded):
            return [None]
        return [None if x.grad is None else x.grad.detach().numpy().copy() for x in leaves]

    plain = gradients()
    again = [gradients(recorded=True)]
    if plain != [None]:  # a copy is not edited: with packing, backward may go through
        with cr.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), lambda t: t):
            again.append(gradients())
    for other in again:
        for a, b in zip(plain, other, strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a, b, 1e-9, 1e-11)
