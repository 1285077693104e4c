"""Every module against PyTorch's: initial values, text, results, gradients, states."""

from __future__ import annotations

import inspect
import warnings
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from module_cases import CASES, Case

import chainrule as cr

torch = pytest.importorskip("torch")
LIBRARIES = (cr, torch)


def tensor(library: Any, value: Any, kind: str = "float64", grad: bool = False) -> Any:
    value = np.asarray(value)
    if value.dtype.kind == "f":
        return library.tensor(value.astype(kind), requires_grad=grad)
    return library.tensor(value)


def build(library: Any, case: Case, **more: Any) -> Any:
    """The module, its arrays made tensors."""
    library.manual_seed(3)
    kwargs = {**case.kwargs, **more}
    args, kwargs = (
        [tensor(library, v, "float32") if isinstance(v, np.ndarray) else v for v in case.args],
        {k: tensor(library, v, "float32") if isinstance(v, np.ndarray) else v
         for k, v in kwargs.items()},
    )  # fmt: skip
    return getattr(library.nn, case.name)(*args, **kwargs)


def inputs(library: Any, case: Case, kind: str) -> list[Any]:
    rng = np.random.default_rng(5)
    made = []
    for x in case.x:
        value = rng.standard_normal(x) if isinstance(x, tuple) else x
        loss_target = case.name.endswith("Loss") and made and not isinstance(x, tuple)
        t = tensor(library, value, kind, grad=not loss_target)
        made.append(t * 1 if case.kwargs.get("inplace") else t)  # no leaf can be written into
        if case.kwargs.get("inplace"):
            made[-1].retain_grad()
    return made


def flat(result: Any) -> list[Any]:
    return [t for r in result for t in flat(r)] if isinstance(result, (tuple, list)) else [result]


def close(ours: Any, theirs: Any, where: str, tolerance: float) -> None:
    assert (ours is None) == (theirs is None), where
    if ours is None:
        return
    assert str(ours.dtype) == str(theirs.dtype), where
    assert tuple(ours.shape) == tuple(theirs.shape), where
    a, b = np.asarray(ours.detach().numpy()), theirs.detach().to_dense().numpy(force=True)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=where)


def all_close(ours: Any, theirs: Any, where: str, tolerance: float) -> None:
    assert len(ours) == len(theirs), where
    for k, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        close(a, b, f"{where} {k}", tolerance)


def same_state(ours: Any, theirs: Any, tolerance: float) -> None:
    a, b = ours.state_dict(), theirs.state_dict()
    assert list(a) == list(b)
    for key in b:
        close(a[key], b[key], key, tolerance)
    assert dict(a._metadata) == dict(b._metadata)


def run(library: Any, module: Any, case: Case, kind: str) -> dict[str, Any]:
    """Results and gradients in training and in evaluation."""
    x = inputs(library, case, kind)
    library.manual_seed(9)
    out = flat(module(*x, **case.call))
    found: dict[str, Any] = {"out": [t.detach() for t in out], "text": repr(module)}
    wanted = [t for t in out if t.requires_grad]
    leaves = [t for t in x if t.requires_grad] + list(module.parameters())
    rng = np.random.default_rng(6)
    weights = [tensor(library, rng.standard_normal(tuple(t.shape)), kind) for t in wanted]
    if wanted:
        total = sum([(t * w).sum() for t, w in zip(wanted, weights, strict=True)])
        again = case.second and not case.kwargs.get("inplace")
        first = library.autograd.grad(total, leaves, create_graph=again, allow_unused=True)
        found["first"] = first
        if again:
            found["second"] = second(library, first, leaves)
    module.eval()
    library.manual_seed(10)
    x = inputs(library, case, kind)
    found["eval"] = [t.detach() for t in flat(module(*x, **case.call))]
    return found


def second(library: Any, first: Any, leaves: Any) -> Any:
    """The gradient of the sum of the squared first gradients."""
    squares = [(g * g).sum() for g in first if g is not None and g.requires_grad]
    if not squares:
        return [None] * len(leaves)
    return library.autograd.grad(sum(squares), leaves, allow_unused=True)


def zeros_for_none(grads: Any) -> Any:
    """Second gradients where one library says "none" and the other 0."""
    return [0.0 if g is None else g.detach().numpy(force=True) for g in grads]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:`NLLLoss2d`:FutureWarning")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_module(case: Case) -> None:
    ours, theirs = (build(library, case) for library in LIBRARIES)
    assert repr(ours) == repr(theirs)
    if not case.name.startswith("Lazy"):
        same_state(ours, theirs, 1e-6)
    for module in (ours, theirs):
        module.double()
    if not case.name.startswith("Lazy") and list(ours.state_dict()):
        state = {k: cr.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()}
        assert repr(ours.load_state_dict(state)) == "<All keys matched successfully>"
    a, b = run(cr, ours, case, "float64"), run(torch, theirs, case, "float64")
    assert a["text"] == b["text"]
    tolerance = case.tolerance
    all_close(a["out"], b["out"], "result", tolerance)
    all_close(a["eval"], b["eval"], "result in evaluation", tolerance)
    all_close(a.get("first", []), b.get("first", []), "gradient", tolerance)
    if "second" in a or "second" in b:
        pairs = zip(zeros_for_none(a["second"]), zeros_for_none(b["second"]), strict=True)
        for k, (mine, other) in enumerate(pairs):
            np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-8, err_msg=f"second {k}")
    same_state(ours, theirs, tolerance)
    assert type(ours).__name__ == type(theirs).__name__
    fresh = build(torch, case)
    if not case.name.startswith("Lazy"):
        arrays = {k: torch.from_numpy(v.numpy().copy()) for k, v in ours.state_dict().items()}
        fresh.load_state_dict(OrderedDict(arrays))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:`NLLLoss2d`:FutureWarning")
@pytest.mark.parametrize("case", [c for c in CASES if not c.kwargs.get("inplace")][::3], ids=str)
def test_module_in_float32(case: Case) -> None:
    """The same in single precision, results only; dtype= where the constructor takes one."""
    ours, theirs = (build(library, case) for library in LIBRARIES)
    outs = []
    for library, module in ((cr, ours), (torch, theirs)):
        x = inputs(library, case, "float32")
        library.manual_seed(9)
        outs.append(flat(module(*x, **case.call)))
    all_close(*outs, "result", 3e-5)


def with_dtype() -> list[Case]:
    """One configuration of each class whose constructor takes a dtype."""
    found = {}
    for c in CASES:
        if "dtype" in inspect.signature(getattr(torch.nn, c.name)).parameters:
            found.setdefault(c.name, c)
    return list(found.values())


@pytest.mark.parametrize("case", with_dtype(), ids=str)
def test_dtype_of_constructor(case: Case) -> None:
    ours, theirs = (build(lib, case, dtype=lib.float64, device="cpu") for lib in LIBRARIES)
    x = [inputs(lib, case, "float64") for lib in LIBRARIES]
    a, b = flat(ours(*x[0], **case.call)), flat(theirs(*x[1], **case.call))
    same_state(ours, theirs, 1e-9)
    all_close(a, b, "result", 1e-9)


@pytest.mark.parametrize("name", sorted({c.name for c in CASES}))
def test_signature(name: str) -> None:
    """The constructor's arguments: names, order, kinds and defaults."""
    found = []
    for library in LIBRARIES:
        parameters = inspect.signature(getattr(library.nn, name)).parameters.values()
        found.append([(p.name, p.kind, p.default) for p in parameters])
    assert found[0] == found[1] or {p[0] for p in found[1]} == {"args", "kwargs"}


@pytest.mark.parametrize("size", [3, 4, 5])
def test_channels_in_a_row(size: int) -> None:
    """CrossMapLRN2d over many channels: PyTorch's values, and the gradient that belongs to them."""
    x = np.random.default_rng(0).standard_normal((1, 9, 2, 2))
    ours, theirs = (lib.nn.CrossMapLRN2d(size, alpha=0.5) for lib in LIBRARIES)
    close(ours(cr.tensor(x)), theirs(torch.tensor(x)), "result", 1e-9)
    assert cr.autograd.gradcheck(ours, (cr.tensor(x, requires_grad=True),))


def test_every_module_is_in_the_table() -> None:
    """But what has a file of its own: containers, recurrent layers, attention."""
    elsewhere = {"Container", "Module", "ModuleDict", "ModuleList", "ParameterDict"}
    elsewhere |= {"ParameterList", "Sequential", "SyncBatchNorm", "MultiheadAttention"}
    elsewhere |= {n for n in torch.nn.modules.__all__ if n.startswith(("RNN", "GRU", "LSTM"))}
    elsewhere |= {n for n in torch.nn.modules.__all__ if n.startswith("Transformer")}
    elsewhere |= {"LinearCrossEntropyLoss", "LinearCrossEntropyOptions"}
    counts = dict.fromkeys(set(torch.nn.modules.__all__) - elsewhere, 0)
    for c in CASES:
        counts[c.name] += 1
    assert {n: k for n, k in counts.items() if k < 2} == {}


def test_warnings_are_asked_for() -> None:
    """Old arguments warn as PyTorch's do."""
    for library in LIBRARIES:
        with pytest.warns(UserWarning, match="size_average and reduce"):
            loss = library.nn.SmoothL1Loss(False, beta=0.5)
        assert loss.reduction == "sum"
        with pytest.warns(FutureWarning, match="min_val"):
            assert library.nn.Hardtanh(min_value=-3.0).min_val == -3.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cr.nn.LazyLinear(3)
