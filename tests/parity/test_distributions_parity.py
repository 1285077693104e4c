"""Distributions against PyTorch's: samples from one seed, densities, moments, divergences."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr

rng = np.random.default_rng(5)


def real(*shape: int) -> Any:
    return rng.normal(size=shape)


def positive(*shape: int) -> Any:
    return rng.uniform(0.3, 4.0, shape)


def share(*shape: int) -> Any:
    return rng.uniform(0.1, 0.9, shape)


def simplex(*shape: int) -> Any:
    p = rng.uniform(0.1, 1.0, shape)
    return p / p.sum(-1, keepdims=True)


def spd(n: int) -> Any:
    a = rng.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


# name -> two lots of parameters, so that divergences have a p and a q
CASES: dict[str, list[dict[str, Any]]] = {
    "Normal": [{"loc": real(3), "scale": positive(3)} for _ in range(2)],
    "Laplace": [{"loc": real(2, 3), "scale": positive(3)} for _ in range(2)],
    "Cauchy": [{"loc": real(3), "scale": positive(3)}],
    "Gumbel": [{"loc": real(3), "scale": positive(3)} for _ in range(2)],
    "Uniform": [{"low": real(3) - 9, "high": positive(3)},
                {"low": real(3) - 19, "high": positive(3) + 9}],
    "StudentT": [{"df": positive(3) + 2, "loc": real(3), "scale": positive(3)}],
    "Exponential": [{"rate": positive(3)} for _ in range(2)],
    "Gamma": [{"concentration": positive(3), "rate": positive(3)} for _ in range(2)],
    "Chi2": [{"df": positive(3)}],
    "Beta": [{"concentration1": positive(3), "concentration0": positive(3)} for _ in range(2)],
    "HalfNormal": [{"scale": positive(3)} for _ in range(2)],
    "HalfCauchy": [{"scale": positive(3)}],
    "LogNormal": [{"loc": real(3), "scale": positive(3)} for _ in range(2)],
    "Bernoulli": [{"probs": share(3)}, {"logits": real(3)}],
    "Geometric": [{"probs": share(3)}, {"logits": real(3)}],
    "Categorical": [{"probs": simplex(2, 4)}, {"logits": real(2, 4)}],
    "OneHotCategorical": [{"probs": simplex(2, 4)}, {"logits": real(2, 4)}],
    "Poisson": [{"rate": positive(3)} for _ in range(2)],
    "Binomial": [{"total_count": 6, "probs": share(3)}, {"total_count": 6, "logits": real(3)}],
    "Multinomial": [{"total_count": 5, "probs": simplex(2, 4)},
                    {"total_count": 5, "logits": real(4)}],
    "Dirichlet": [{"concentration": positive(2, 3)} for _ in range(2)],
    "MultivariateNormal": [
        {"loc": real(2, 3), "covariance_matrix": spd(3)},
        {"loc": real(3), "precision_matrix": spd(3)},
        {"loc": real(3), "scale_tril": np.linalg.cholesky(spd(3))},
    ],
}  # fmt: skip
EVERY = [(name, k) for name, cases in CASES.items() for k in range(len(cases))]
# PyTorch draws these through ``bernoulli_`` or ``exponential_``, which take another path on Intel.
MACHINE = {"Bernoulli", "Exponential"}


def make(name: str, k: int, lib: Any, grad: bool = False) -> tuple[Any, dict[str, Any]]:
    given = {}
    for key, value in CASES[name][k].items():
        if isinstance(value, np.ndarray):
            given[key] = lib.tensor(value.tolist(), dtype=lib.float64, requires_grad=grad)
        else:
            given[key] = value
    return getattr(lib.distributions, name)(**given), given


def same(a: Any, b: Any, what: str, rtol: float = 1e-9, atol: float = 1e-10) -> None:
    np.testing.assert_allclose(
        a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=atol, err_msg=what
    )


@pytest.mark.parametrize(("name", "k"), EVERY)
def test_samples_from_one_seed(name: str, k: int) -> None:
    ours, _ = make(name, k, cr)
    theirs, _ = make(name, k, torch)
    assert tuple(ours.batch_shape) == tuple(theirs.batch_shape)
    assert tuple(ours.event_shape) == tuple(theirs.event_shape)
    cr.manual_seed(1)
    torch.manual_seed(1)
    a, b = ours.sample((7,)), theirs.sample((7,))
    assert tuple(a.shape) == tuple(b.shape)
    assert str(a.dtype) == str(b.dtype)
    assert not a.requires_grad
    if name not in MACHINE:
        same(a, b, "sample", 1e-6)
        same(ours.sample(), theirs.sample(), "second draw", 1e-6)


@pytest.mark.parametrize(("name", "k"), EVERY)
def test_log_prob_with_gradients(name: str, k: int) -> None:
    ours, given = make(name, k, cr, grad=True)
    theirs, known = make(name, k, torch, grad=True)
    torch.manual_seed(2)
    value = theirs.sample((4,))
    there = theirs.log_prob(value)
    here = ours.log_prob(cr.tensor(value.numpy()))
    same(here, there, "log_prob")
    weight = np.linspace(0.5, 1.5, there.numel()).reshape(there.shape)
    (here * cr.tensor(weight)).sum().backward()
    (there * torch.tensor(weight)).sum().backward()
    for key, t in given.items():
        if isinstance(t, cr.Tensor):
            same(t.grad, known[key].grad, f"d log_prob / d {key}", 1e-8, 1e-9)


@pytest.mark.parametrize(("name", "k"), EVERY)
@pytest.mark.parametrize("what", ["mean", "variance", "stddev", "mode", "entropy", "perplexity"])
def test_moments(name: str, k: int, what: str) -> None:
    ours, theirs = make(name, k, cr)[0], make(name, k, torch)[0]

    def read(d: Any) -> Any:
        value = getattr(d, what)
        return value() if callable(value) else value

    try:
        expected = read(theirs)
    except NotImplementedError:
        pytest.skip("PyTorch has none either")
    # PyTorch takes the log-gamma of Multinomial's count in float32
    same(read(ours), expected, what, 1e-6 if name == "Multinomial" else 1e-8)


@pytest.mark.parametrize(("name", "k"), EVERY)
def test_cdf_and_icdf(name: str, k: int) -> None:
    ours, theirs = make(name, k, cr)[0], make(name, k, torch)[0]
    torch.manual_seed(3)
    value = theirs.sample((4,))
    for what, at in (("cdf", value), ("icdf", torch.rand(value.shape, dtype=torch.float64))):
        try:
            expected = getattr(theirs, what)(at)
        except NotImplementedError:
            continue
        same(getattr(ours, what)(cr.tensor(at.numpy())), expected, what, 1e-8)


@pytest.mark.parametrize("name", [n for n, cases in CASES.items() if len(cases) > 1])
def test_divergence(name: str) -> None:
    ours = [make(name, k, cr, grad=True) for k in range(2)]
    theirs = [make(name, k, torch, grad=True) for k in range(2)]
    try:
        expected = torch.distributions.kl_divergence(theirs[0][0], theirs[1][0])
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            cr.distributions.kl_divergence(ours[0][0], ours[1][0])
        return
    value = cr.distributions.kl_divergence(ours[0][0], ours[1][0])
    same(value, expected, "kl", 1e-8)
    value.sum().backward()
    expected.sum().backward()
    for (_, a), (_, b) in zip(ours, theirs, strict=True):
        for key, t in a.items():
            if isinstance(t, cr.Tensor):
                same(t.grad, b[key].grad, f"d kl / d {key}", 1e-7, 1e-8)


REPARAMETRISED = ["Normal", "Laplace", "Uniform", "Gamma", "Beta", "Dirichlet", "StudentT"]
REPARAMETRISED += ["MultivariateNormal", "LogNormal", "Gumbel"]


@pytest.mark.parametrize("name", REPARAMETRISED)
def test_reparametrised_gradients(name: str) -> None:
    ours, given = make(name, 0, cr, grad=True)
    theirs, known = make(name, 0, torch, grad=True)
    cr.manual_seed(4)
    torch.manual_seed(4)
    a, b = ours.rsample((5,)), theirs.rsample((5,))
    same(a, b, "rsample", 1e-6)
    weight = np.cos(np.arange(b.numel())).reshape(b.shape)
    (a * cr.tensor(weight)).sum().backward()
    (b * torch.tensor(weight)).sum().backward()
    for key, t in given.items():
        # PyTorch's gamma and beta slopes are series good to three or four digits
        exact = name not in ("Gamma", "Beta", "Dirichlet", "StudentT")
        tolerance = (1e-6, 1e-8) if exact else (5e-3, 5e-3)
        same(t.grad, known[key].grad, f"d rsample / d {key}", *tolerance)


@pytest.mark.parametrize(("name", "k"), EVERY)
def test_expand_and_repr(name: str, k: int) -> None:
    ours, theirs = make(name, k, cr)[0], make(name, k, torch)[0]
    shape = (2, *theirs.batch_shape)
    wide, known = ours.expand(shape), theirs.expand(shape)
    assert tuple(wide.batch_shape) == tuple(known.batch_shape)
    if name not in ("LogNormal", "Beta", "HalfNormal", "HalfCauchy"):  # theirs show no parameters
        assert repr(ours) == repr(theirs)
        assert repr(wide) == repr(known)
    torch.manual_seed(5)
    value = known.sample()
    same(wide.log_prob(cr.tensor(value.numpy())), known.log_prob(value), "log_prob, expanded")


@pytest.mark.parametrize("name", ["Bernoulli", "Categorical", "OneHotCategorical", "Binomial"])
@pytest.mark.parametrize("expand", [True, False])
def test_enumerated_outcomes(name: str, expand: bool) -> None:
    ours, theirs = make(name, 0, cr)[0], make(name, 0, torch)[0]
    same(ours.enumerate_support(expand), theirs.enumerate_support(expand), "support")


BAD = [
    ("Normal", {"loc": [0.0], "scale": [-1.0]}),
    ("Gamma", {"concentration": [0.0], "rate": [1.0]}),
    ("Bernoulli", {"probs": [1.5]}),
    ("Categorical", {"probs": [-0.5, 1.5]}),
    ("Uniform", {"low": [1.0], "high": [0.0]}),
    ("Poisson", {"rate": [-1.0]}),
    ("Dirichlet", {"concentration": [-1.0, 2.0]}),
    ("MultivariateNormal", {"loc": [0.0, 0.0], "covariance_matrix": [[1.0, 2.0], [2.0, 1.0]]}),
    ("Normal", {"loc": [float("nan")], "scale": [1.0]}),
]


@pytest.mark.parametrize(("name", "given"), BAD)
def test_bad_parameters_raise_alike(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as theirs:  # noqa: PT011  # its text is compared below
        getattr(torch.distributions, name)(**{k: torch.tensor(v) for k, v in given.items()})
    with pytest.raises(ValueError) as ours:  # noqa: PT011  # its text is compared below
        getattr(cr.distributions, name)(**{k: cr.tensor(v) for k, v in given.items()})
    assert (
        str(ours.value).split(" of distribution")[0]
        == str(theirs.value).split(" of distribution")[0]
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Bernoulli", [2.0] * 3),
        ("Poisson", [0.5] * 3),
        ("Gamma", [-1.0] * 3),
        ("Normal", [1.0] * 2),
    ],
)
def test_bad_values_raise_alike(name: str, value: list[float]) -> None:
    ours, theirs = make(name, 0, cr)[0], make(name, 0, torch)[0]
    with pytest.raises(ValueError, match=r"value|Value|size"):
        theirs.log_prob(torch.tensor(value))
    with pytest.raises(ValueError, match=r"value|Value|size"):
        ours.log_prob(cr.tensor(value))


def test_numbers_as_parameters() -> None:
    cr.manual_seed(6)
    torch.manual_seed(6)
    for name, args in (("Normal", (0.0, 1.0)), ("Uniform", (0, 2)), ("Gamma", (2.0, 1.0))):
        ours, theirs = (getattr(m.distributions, name)(*args) for m in (cr, torch))
        a, b = ours.sample((3,)), theirs.sample((3,))
        assert str(a.dtype) == str(b.dtype)
        same(a, b, name, 1e-6)
        assert repr(ours) == repr(theirs)


def test_transformed_and_independent() -> None:
    def build(d: Any, lib: Any) -> Any:
        base = d.Normal(lib.zeros(2, 3), lib.ones(2, 3))
        affine = d.AffineTransform(1.0, 2.0)
        return d.Independent(d.TransformedDistribution(base, [affine, d.SigmoidTransform()]), 1)

    ours, theirs = build(cr.distributions, cr), build(torch.distributions, torch)
    assert tuple(ours.event_shape) == tuple(theirs.event_shape)
    torch.manual_seed(7)
    value = theirs.sample((4,))
    same(ours.log_prob(cr.tensor(value.numpy())), theirs.log_prob(value), "log_prob", 1e-4, 1e-5)
    for name in ("ExpTransform", "SigmoidTransform", "TanhTransform"):
        a, b = getattr(cr.distributions, name)(), getattr(torch.distributions.transforms, name)()
        x = np.linspace(-2, 2, 9)
        y, z = a(cr.tensor(x)), b(torch.tensor(x))
        same(y, z, name)
        same(a.inv(y), b.inv(z), name)
        same(
            a.log_abs_det_jacobian(cr.tensor(x), y),
            b.log_abs_det_jacobian(torch.tensor(x), z),
            name,
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("poisson", lambda r: [r.uniform(0, 9, 200)]),
        ("poisson", lambda r: [r.uniform(10, 500, 200)]),
        ("binomial", lambda r: [r.integers(0, 20, 200), r.uniform(0, 1, 200)]),
        ("binomial", lambda r: [r.integers(50, 2000, 200), r.uniform(0, 1, 200)]),
        ("_standard_gamma", lambda r: [r.uniform(0.01, 5, 200)]),
        ("_sample_dirichlet", lambda r: [r.uniform(0.3, 5, (50, 4))]),
    ],
)
def test_rejection_follows_the_stream(name: str, draw: Any, dtype: str) -> None:
    arrays = [a.astype(dtype) for a in draw(np.random.default_rng(0))]
    torch.manual_seed(3)
    cr.manual_seed(3)
    for _ in range(2):
        b = getattr(torch, name)(*[torch.from_numpy(a) for a in arrays])
        a = getattr(cr, name)(*[cr.tensor(x) for x in arrays])
        same(a, b, name, 2e-6 if dtype == "float32" else 1e-12, 1e-12)
    assert cr.rand(1).item() == torch.rand(1).item()  # both took as much of the stream


def test_module_paths() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from chainrule.distributions.binomial import Binomial
        from chainrule.distributions.multinomial import Multinomial
        from chainrule.distributions.poisson import Poisson
    assert Binomial is cr.distributions.Binomial
    assert Multinomial is cr.distributions.Multinomial
    assert Poisson is cr.distributions.Poisson
