"""Every operation from its declaration: finite differences, and all ways of running it agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import Op, gradcheck, gradgradcheck, registry
from chainrule.autograd.ops.samples import Sampler

# Differentiable operations without samples of their own, and what checks them instead.
NO_SAMPLES = {
    "output": "picks one result of several: checked with split and unbind",
    "assign_view": "the history of an edited view: checked by test_engine and test_programs",
    "convert": "changes the dtype, which finite differences in float64 cannot see: test_promotion",
    "cholesky": "its gradient is symmetrised, unlike a difference in one entry: test_linalg_parity",
    "eigh": "likewise: test_linalg_parity checks both orders on symmetric matrices",
    "ctc_loss": "its gradient follows PyTorch's convention for log-probabilities: its parity test",
    "ctc_loss_back": "the way back of ctc_loss, which has none of its own",
    "recurrent": "its gates are a result without gradient: tests/nn/test_recurrent.py",
    "standard_gamma": "ties a random draw to its parameter: test_distributions_parity",
    "dirichlet": "likewise",
    "conj": "real numbers pass it by: test_complex_parity",
    "eig": "complex results, differentiable without their phase: test_linalg_parity",
    "real": "the samples of operations are real: test_complex_parity",
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
    "underived": "has no derivative: going back through it raises, which test_sorting_parity shows",
}


def is_data(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.floating))


class Call:
    """A sample call of an operation, as a function of its floating-point inputs alone."""

    def __init__(self, op: Op, args: tuple[Any, ...]) -> None:
        self.op = op
        self.keywords = args[-1] if isinstance(args[-1], dict) else {}
        self.args = list(args[:-1] if self.keywords else args)
        self.n = len(self.args)
        if op.variadic:
            self.data = list(self.args[0])
        else:
            self.data = [a for k, a in enumerate(self.args) if self.wanted(k)]

    def wanted(self, k: int) -> bool:
        """Whether the argument is an input that a gradient is to be checked for."""
        value, rules = self.args[k], self.op.rules
        if k >= len(self.op.inputs) or not is_data(value) or value.dtype.kind != "f":
            return False
        return callable(rules) or not rules or self.op.inputs[k] in rules

    def tensors(self, dtype: str = "float64", grad: bool = True) -> list[Any]:
        return [cr.tensor(a, dtype=getattr(cr, dtype)).requires_grad_(grad) for a in self.data]

    def __call__(self, *given: Any) -> Any:
        """Run it on tensors."""
        if self.op.variadic:
            return self.op.call(list(given), *self.args[1:], **self.keywords)
        rest = iter(given)
        args = [next(rest) if self.wanted(k) else self.constant(k, given) for k in range(self.n)]
        return self.op.call(*args, **self.keywords)

    def constant(self, k: int, given: tuple[Any, ...]) -> Any:
        """An argument without gradient: a mask, an index, weights in the type of the others."""
        value = self.args[k]
        if k >= len(self.op.inputs) or not isinstance(value, (np.ndarray, np.generic)):
            return value
        return cr.tensor(value, dtype=given[0].dtype if value.dtype.kind == "f" else None)


def results(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def calls(differentiable: bool = True) -> Iterator[Any]:
    for name, op in registry.items():
        if op.samples is not None and (op.differentiable or not differentiable):
            for k, args in enumerate(op.samples(Sampler())):
                yield pytest.param(Call(op, args), id=f"{name}-{k}")


def gradients(call: Call, xs: list[Any], create_graph: bool) -> list[Any]:
    outs = [o for o in results(call(*xs)) if o.requires_grad]
    rng = np.random.default_rng(1)
    seeds = [cr.tensor(rng.normal(size=o.shape), dtype=o.dtype) for o in outs]
    return list(cr.autograd.grad(outs, xs, seeds, create_graph=create_graph, allow_unused=True))


def same(first: Any, second: Any, rtol: float = 1e-12) -> None:
    for a, b in zip(first, second, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.shape == b.shape
            assert a.dtype is b.dtype
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol, 1e-14)


@pytest.mark.parametrize("call", list(calls()))
def test_first_order(call: Call) -> None:
    """Backward against central differences."""
    assert gradcheck(call, call.tensors(), atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("call", list(calls()))
def test_second_order(call: Call) -> None:
    """The gradient of the gradient against central differences of the gradient."""
    assert gradgradcheck(call, call.tensors(), atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("call", list(calls()))
def test_recorded_backward_is_the_fast_one(call: Call) -> None:
    """A rule read on arrays and the same rule read on tensors give the same numbers."""
    xs = call.tensors()
    same(gradients(call, xs, False), gradients(call, xs, True))
    ys = call.tensors()
    outs = [o for o in results(call(*ys)) if o.requires_grad]
    rng = np.random.default_rng(1)
    total = sum((o * cr.tensor(rng.normal(size=o.shape))).sum() for o in outs)
    total.backward()
    same([y.grad for y in ys], gradients(call, xs, False))


@pytest.mark.parametrize("call", list(calls()))
def test_float32(call: Call) -> None:
    """float32 in, float32 out, and gradients of float32 that float64 confirms."""
    xs, doubles = call.tensors("float32"), call.tensors()
    for a, b in zip(results(call(*xs)), results(call(*doubles)), strict=True):
        if b.dtype is cr.float64:
            assert a.dtype is cr.float32
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 2e-5, 1e-5)
    for recorded in (False, True):
        first, second = gradients(call, xs, recorded), gradients(call, doubles, recorded)
        for x, a, b in zip(xs, first, second, strict=True):
            assert a.dtype is cr.float32
            assert a.shape == x.shape
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-4, 1e-5)


@pytest.mark.parametrize("call", list(calls()))
def test_memory_layout(call: Call) -> None:
    """Transposed, strided and expanded inputs give what contiguous ones give."""
    plain = call.tensors()
    turned = [cr.from_numpy(np.array(a.T).T) if a.ndim else cr.tensor(a) for a in call.data]
    spaced = [
        cr.from_numpy(np.repeat(a, 2, axis=-1)[..., ::2]) if a.ndim else cr.tensor(a)
        for a in call.data
    ]
    for layout in (turned, spaced):
        xs = [t.requires_grad_() for t in layout]
        with cr.no_grad():
            same(results(call(*xs)), results(call(*plain)))
        same(gradients(call, xs, False), gradients(call, plain, False))


@pytest.mark.parametrize("call", list(calls(differentiable=False)))
def test_watched_and_unrecorded(call: Call) -> None:
    """Under watch() and under no_grad the numbers are the same; inputs are left as they were."""
    plain = results(call(*call.tensors()))
    xs = call.tensors()
    with cr.watch():
        seen = results(call(*xs))
        if any(o.requires_grad for o in seen):
            same(gradients(call, xs, False), gradients(call, call.tensors(), False))
    same(seen, plain)
    for o in seen:
        node = o.grad_fn
        if node is not None and not node.op.several:
            np.testing.assert_array_equal(o.detach().numpy(), node.value)
            assert "test_ops.py" in node.extra.line
    with cr.no_grad():
        silent = results(call(*xs))
    same(silent, plain)
    assert not any(o.requires_grad for o in silent)
    for x, a in zip(xs, call.data, strict=True):
        np.testing.assert_array_equal(x.detach().numpy(), a)


@pytest.mark.parametrize("call", list(calls()))
def test_gradient_for_some_inputs_only(call: Call) -> None:
    """Each input alone gets the gradient that it gets in company."""
    whole = gradients(call, call.tensors(), False)
    for k in range(len(call.data)):
        xs = call.tensors(grad=False)
        xs[k].requires_grad_()
        outs = [o for o in results(call(*xs)) if o.requires_grad]
        rng = np.random.default_rng(1)
        seeds = [cr.tensor(rng.normal(size=o.shape), dtype=o.dtype) for o in outs]
        same(cr.autograd.grad(outs, [xs[k]], seeds), [whole[k]])
        # and from a graph that is recorded for all, a walk that goes to one
        ys = call.tensors()
        outs = [o for o in results(call(*ys)) if o.requires_grad]
        same(cr.autograd.grad(outs, [ys[k]], seeds), [whole[k]])


@pytest.mark.parametrize("op", list(registry.values()), ids=str)
def test_every_operation_says_how_it_is_drawn_and_tested(op: Op) -> None:
    assert op.symbol
    assert op.doc.strip()
    if op.differentiable and not op.lifts:  # test_vmap checks the ways into a vmap and out of it
        assert op.name in NO_SAMPLES or (op.samples is not None and op.samples(Sampler())), (
            f"{op.name} is differentiable: give it samples, or say in NO_SAMPLES what checks it"
        )


def test_the_list_of_exceptions_is_current() -> None:
    for name in NO_SAMPLES:
        assert name in registry, f"NO_SAMPLES names {name}, which is no operation"
        op = registry[name]
        assert op.samples is None or not op.samples(Sampler())
