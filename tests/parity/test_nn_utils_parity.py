"""Parametrizations, pruning, fusion and functions of matrices against PyTorch."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.utils.prune

import chainrule as cr
from chainrule.autograd import gradcheck, gradgradcheck

LIBRARIES = (cr, torch)


def pair(build: Any, seed: int = 0) -> list[Any]:
    """What ``build`` makes with each library from one seed, without a word of warning."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for lib in LIBRARIES:
            lib.manual_seed(seed)
            found.append(build(lib))
    return found


def same(ours: Any, theirs: Any, tol: float = 1e-6) -> None:
    """Equal tensors, or nested results of them."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        ours, theirs = list(ours.values()), list(theirs.values())
    if isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b, tol)
    elif theirs is None:
        assert ours is None
    else:
        a, b = ours.detach().numpy(), theirs.detach().numpy()
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, tol, tol)


def data(lib: Any, *shape: int) -> Any:
    values = np.random.default_rng(3).normal(size=shape)
    return lib.tensor(values.astype(np.float32))


def both(modules: Any, *shape: int) -> list[Any]:
    """A training call of each library's module."""
    return [run(lib, m, data(lib, *shape)) for lib, m in zip(LIBRARIES, modules, strict=True)]


def run(lib: Any, layer: Any, x: Any) -> list[Any]:
    """Output, state and all gradients of a training call."""
    layer.zero_grad()
    out = layer(x)
    (out * out).sum().backward()
    grads = {k: p.grad for k, p in layer.named_parameters()}
    return [out, dict(layer.state_dict()), grads]


LAYERS: list[Any] = [
    (lambda nn: nn.Linear(4, 6), (3, 4)),
    (lambda nn: nn.Linear(6, 4), (3, 6)),
    (lambda nn: nn.Linear(5, 5), (3, 5)),
    (lambda nn: nn.Conv2d(2, 4, 3), (1, 2, 5, 5)),
    (lambda nn: nn.ConvTranspose1d(3, 2, 3), (2, 3, 4)),
]
NORMS: list[Any] = [
    lambda u, m: u.parametrizations.weight_norm(m),
    lambda u, m: u.parametrizations.weight_norm(m, dim=1),
    lambda u, m: u.parametrizations.weight_norm(m, dim=None),
    lambda u, m: u.parametrizations.spectral_norm(m),
    lambda u, m: u.parametrizations.spectral_norm(m, n_power_iterations=3),
    lambda u, m: u.weight_norm(m),
    lambda u, m: u.weight_norm(m, dim=None),
    lambda u, m: u.spectral_norm(m),
    lambda u, m: u.spectral_norm(m, n_power_iterations=2),
]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("norm", NORMS)
def test_normalized_weights(norm: Any, layer: Any) -> None:
    """Three training calls, one in evaluation mode, and the state after each."""
    build, shape = layer
    modules = pair(lambda lib: norm(lib.nn.utils, build(lib.nn)))
    for _ in range(3):
        results = [
            run(lib, m, data(lib, *shape)) for lib, m in zip(LIBRARIES, modules, strict=True)
        ]
        same(*results, tol=2e-5)
    same(
        *[m.eval()(data(lib, *shape)) for lib, m in zip(LIBRARIES, modules, strict=True)], tol=2e-5
    )
    for m in modules:
        m.load_state_dict(copy.deepcopy(m.state_dict()))


def test_orthogonal() -> None:
    for layer, shape in LAYERS[:3]:
        for kind in ("matrix_exp", "cayley", "householder", None):
            for base in (True, False):
                modules = pair(lambda lib: lib.nn.utils.parametrizations.orthogonal(
                    layer(lib.nn), "weight", kind, use_trivialization=base,  # noqa: B023
                ))  # fmt: skip
                results = [
                    run(lib, m, data(lib, *shape))
                    for lib, m in zip(LIBRARIES, modules, strict=True)
                ]
                same(*results, tol=2e-4)
                weight = modules[0].weight.detach()
                tall = weight if weight.shape[0] >= weight.shape[1] else weight.T
                assert cr.allclose(tall.T @ tall, cr.eye(tall.shape[1]), atol=1e-5)


def symmetric(lib: Any) -> Any:
    class Symmetric(lib.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return x.triu() + x.triu(1).transpose(-1, -2)

        def right_inverse(self, a: Any) -> Any:
            return a.triu()

    return Symmetric()


def doubled(lib: Any) -> Any:
    class Doubled(lib.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return 2 * x

    return Doubled()


def test_register_chain_assign_remove() -> None:
    """The whole life of a parametrization, both libraries step by step."""
    modules = pair(lambda lib: lib.nn.Linear(3, 3))
    for lib, m in zip(LIBRARIES, modules, strict=True):
        p = lib.nn.utils.parametrize
        p.register_parametrization(m, "weight", symmetric(lib))
        p.register_parametrization(m, "bias", doubled(lib))
        assert p.is_parametrized(m, "weight")
        assert p.type_before_parametrizations(m) is lib.nn.Linear
        with lib.no_grad():
            m.weight = data(lib, 3, 3)
        p.register_parametrization(m, "weight", doubled(lib))
        with p.cached():
            assert m.weight is m.weight
        assert m.weight is not m.weight
        with pytest.raises(RuntimeError, match="right_inverse"):
            m.bias = lib.zeros(3)
        with pytest.raises(RuntimeError, match="Serialization"):
            m.__getstate__()
    assert repr(modules[0]) == repr(modules[1])
    same(*[m.weight for m in modules])
    same(*[dict(m.state_dict()) for m in modules])
    copies = [copy.deepcopy(m) for m in modules]
    same(*both(copies, 2, 3), 1e-5)
    for lib, m in zip(LIBRARIES, modules, strict=True):
        original = m.parametrizations.weight.original
        lib.nn.utils.parametrize.remove_parametrizations(m, "weight")
        assert m.weight is original
        lib.nn.utils.parametrize.remove_parametrizations(m, "bias", leave_parametrized=False)
        assert type(m) is lib.nn.Linear
    same(*[dict(m.state_dict()) for m in modules])


def test_transfer_and_old_state() -> None:
    modules = pair(lambda lib: lib.nn.utils.parametrizations.weight_norm(lib.nn.Linear(3, 2)))
    others = pair(lambda lib: lib.nn.Linear(3, 2), 5)
    for lib, m, other in zip(LIBRARIES, modules, others, strict=True):
        lib.nn.utils.parametrize.transfer_parametrizations_and_params(m, other)
        old = {"weight_g": lib.ones(2, 1), "weight_v": data(lib, 2, 3), "bias": lib.zeros(2)}
        m.load_state_dict(old)
    same(*[o.weight for o in others])
    same(*[m.weight for m in modules])


@pytest.mark.filterwarnings("ignore")
def test_removal_of_hooks() -> None:
    for name in ("weight_norm", "spectral_norm"):
        modules = pair(lambda lib: getattr(lib.nn.utils, name)(lib.nn.Linear(3, 2)))  # noqa: B023
        for lib, m in zip(LIBRARIES, modules, strict=True):
            m(data(lib, 2, 3))
            with pytest.raises(RuntimeError, match="Cannot register two"):
                getattr(lib.nn.utils, name)(m)
            getattr(lib.nn.utils, f"remove_{name}")(m)
            assert not m._forward_pre_hooks
            with pytest.raises(ValueError, match="not found"):
                getattr(lib.nn.utils, f"remove_{name}")(m)
        same(*[dict(sorted(m.state_dict().items())) for m in modules])


PRUNINGS: list[Any] = [
    lambda p, m, lib: p.l1_unstructured(m, "weight", 0.3),
    lambda p, m, lib: p.l1_unstructured(m, "weight", 3, importance_scores=data(lib, 6, 4)),
    lambda p, m, lib: p.random_unstructured(m, "weight", 0.4),
    lambda p, m, lib: p.ln_structured(m, "weight", 2, 2, 0),
    lambda p, m, lib: p.ln_structured(m, "weight", 0.5, float("inf"), -1),
    lambda p, m, lib: p.ln_structured(m, "weight", 1, 1, 1),
    lambda p, m, lib: p.random_structured(m, "weight", 2, 0),
    lambda p, m, lib: p.custom_from_mask(m, "weight", (data(lib, 6, 4) > 0).float()),
    lambda p, m, lib: p.identity(m, "weight"),
    lambda p, m, lib: p.l1_unstructured(m, "bias", 0.5),
]


@pytest.mark.parametrize("first", range(len(PRUNINGS)))
def test_pruning(first: int) -> None:
    """Each method after each other one: masks, output, gradients, and the end of it."""
    for second in (None, *range(len(PRUNINGS))):

        def build(lib: Any) -> Any:
            m = lib.nn.Linear(4, 6)
            for k in (first, second):  # noqa: B023
                if k is not None:
                    PRUNINGS[k](lib.nn.utils.prune, m, lib)
            return m

        modules = pair(build)
        same(
            *[run(lib, m, data(lib, 2, 4)) for lib, m in zip(LIBRARIES, modules, strict=True)], 1e-5
        )
        for lib, m in zip(LIBRARIES, modules, strict=True):
            prune = lib.nn.utils.prune
            assert prune.is_pruned(m)
            for name in ("weight", "bias"):
                if hasattr(m, name + "_mask"):
                    prune.remove(m, name)
            assert not prune.is_pruned(m)
        same(*[dict(sorted(m.state_dict().items())) for m in modules])


def test_global_pruning() -> None:
    for method, amount in (("L1Unstructured", 0.3), ("RandomUnstructured", 7)):

        def build(lib: Any) -> Any:
            net = lib.nn.Sequential(lib.nn.Linear(4, 5), lib.nn.Linear(5, 2))
            prune = lib.nn.utils.prune
            pairs = [(net[0], "weight"), (net[1], "weight"), (net[0], "bias")]
            prune.global_unstructured(pairs, getattr(prune, method), amount=amount)  # noqa: B023
            prune.global_unstructured(pairs[:2], prune.L1Unstructured, {pairs[0]: data(lib, 5, 4)},
                                      amount=2)  # fmt: skip
            return net

        modules = pair(build)
        same(
            *[run(lib, m, data(lib, 2, 4)) for lib, m in zip(LIBRARIES, modules, strict=True)], 1e-5
        )


def test_pruning_without_a_module() -> None:
    results = []
    for lib in LIBRARIES:
        prune, t = lib.nn.utils.prune, data(lib, 3, 4)
        mask = (data(lib, 3, 4) > -0.5).float()
        results.append([
            prune.L1Unstructured(2).prune(t), prune.LnStructured(1, 2, 0).prune(t, mask),
            prune.L1Unstructured(0.5).prune(t, importance_scores=-t),
        ])  # fmt: skip
    same(*results)


BAD: list[Any] = [
    lambda u, m, lib: u.prune.l1_unstructured(m, "weight", 1.5),
    lambda u, m, lib: u.prune.l1_unstructured(m, "weight", -1),
    lambda u, m, lib: u.prune.l1_unstructured(m, "weight", "half"),
    lambda u, m, lib: u.prune.l1_unstructured(m, "weight", 100),
    lambda u, m, lib: u.prune.ln_structured(m, "bias", 1, 2, 0),
    lambda u, m, lib: u.prune.ln_structured(m, "weight", 1, 2, 2),
    lambda u, m, lib: u.prune.remove(m, "weight"),
    lambda u, m, lib: u.prune.custom_from_mask(m, "weight", lib.ones(2)),
    lambda u, m, lib: u.prune.global_unstructured(
        [(m, "weight")], u.prune.LnStructured, amount=1, n=2
    ),
    lambda u, m, lib: u.prune.global_unstructured(3, u.prune.L1Unstructured, amount=1),
    lambda u, m, lib: u.prune.l1_unstructured(m, "weight", 1, importance_scores=lib.ones(2)),
    lambda u, m, lib: u.parametrize.register_parametrization(m, "wait", lib.nn.Identity()),
    lambda u, m, lib: u.parametrize.register_parametrization(m, "weight", lib.nn.Linear(4, 3)),
    lambda u, m, lib: u.parametrize.remove_parametrizations(m, "weight"),
    lambda u, m, lib: u.parametrizations.orthogonal(m, "bias"),
    lambda u, m, lib: u.parametrizations.orthogonal(m, "weight", "euler"),
    lambda u, m, lib: u.parametrizations.spectral_norm(m, n_power_iterations=0),
    lambda u, m, lib: u.parametrizations.spectral_norm(m, dim=2),
    lambda u, m, lib: u.parametrizations.spectral_norm(m, "wait"),
    lambda u, m, lib: u.parametrize.remove_parametrizations(
        u.parametrizations.weight_norm(m), "weight", leave_parametrized=False
    ),
    lambda u, m, lib: u.fuse_linear_bn_eval(m, lib.nn.BatchNorm1d(6)),
    lambda u, m, lib: u.fuse_linear_bn_eval(m.eval(), lib.nn.BatchNorm1d(5).eval()),
    lambda u, m, lib: u.skip_init(lib.ones, 2),
    lambda u, m, lib: lib.matrix_exp(lib.ones(2, 3)),
    lambda u, m, lib: lib.matrix_exp(lib.ones(3)),
    lambda u, m, lib: lib.geqrf(lib.ones(3)),
    lambda u, m, lib: lib.linalg.householder_product(lib.ones(2, 3), lib.ones(2)),
]  # fmt: skip


@pytest.mark.parametrize("call", BAD)
def test_errors(call: Any) -> None:
    errors = []
    for lib in LIBRARIES:
        with pytest.raises(Exception, match=r".") as caught:
            call(lib.nn.utils, lib.nn.Linear(4, 6), lib)
        errors.append(caught.value)
    assert isinstance(errors[0], type(errors[1])), errors


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_fusion(bias: bool, affine: bool) -> None:
    def build(lib: Any) -> list[Any]:
        nn, found = lib.nn, []
        cases = [
            (nn.Conv2d(2, 3, 3, bias=bias), nn.BatchNorm2d(3, affine=affine), (2, 2, 5, 5), False),
            (
                nn.ConvTranspose1d(2, 3, 2, bias=bias),
                nn.BatchNorm1d(3, affine=affine),
                (2, 2, 4),
                True,
            ),
        ]
        if affine:
            cases.append((nn.Linear(4, 3, bias=bias), nn.BatchNorm1d(3), (5, 4), None))
        for layer, bn, shape, transpose in cases:
            bn.running_mean.uniform_(-1, 1)
            bn.running_var.uniform_(0.5, 2)
            layer.eval(), bn.eval()
            if transpose is None:
                fused = nn.utils.fuse_linear_bn_eval(layer, bn)
            else:
                fused = nn.utils.fuse_conv_bn_eval(layer, bn, transpose)
            x = data(lib, *shape)
            assert lib.allclose(fused(x), bn(layer(x)), atol=1e-5)
            found += [fused.weight, fused.bias, fused(x)]
        return found

    same(*pair(build), tol=1e-5)


def test_skipping_initial_values_draws_nothing() -> None:
    cr.manual_seed(0)
    first = cr.rand(2)
    cr.manual_seed(0)
    layer = cr.nn.utils.skip_init(cr.nn.Linear, 3, 4, bias=False)
    assert layer.weight.shape == (4, 3)
    assert cr.equal(cr.rand(2), first)


def test_functions_of_matrices() -> None:
    rng = np.random.default_rng(0)
    for shape in ((3, 3), (2, 4, 4), (1, 1), (0, 0)):
        x, results = rng.normal(size=shape), []
        for lib in LIBRARIES:
            t = lib.tensor(x).requires_grad_()
            out = lib.linalg.matrix_exp(t)
            (g,) = lib.autograd.grad((out * out).sum(), t, create_graph=True)
            results.append([out, g, *lib.autograd.grad((g * g).sum(), t)])
        same(*results, 1e-8)
    for shape in ((4, 3), (3, 3), (2, 5, 2)):
        x, results = rng.normal(size=shape), []
        for lib in LIBRARIES:
            a, tau = (p.requires_grad_() for p in lib.geqrf(lib.tensor(x)))
            out = lib.linalg.householder_product(a, tau)
            loss = (out * out * lib.arange(out.numel()).reshape(out.shape)).sum()
            results.append([a, tau, out, lib.orgqr(a, tau), *lib.autograd.grad(loss, (a, tau))])
        same(*results, 1e-8)


def test_their_derivatives() -> None:
    x = cr.randn(2, 3, 3, dtype=cr.float64, requires_grad=True)
    assert gradcheck(cr.linalg.matrix_exp, [x])
    assert gradgradcheck(cr.linalg.matrix_exp, [x])
