"""Recurrent layers, cells and packing against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr

KINDS = ["RNN", "LSTM", "GRU"]
VARIANTS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"bias": False, "batch_first": True},
    {"num_layers": 3, "batch_first": True, "bidirectional": True},
]
CASES = [(kind, kw) for kind in KINDS for kw in VARIANTS]
CASES += [("RNN", {"nonlinearity": "relu", "num_layers": 2})]
CASES += [("LSTM", {"proj_size": 2, "num_layers": 2, "bidirectional": True})]
CASES += [("LSTM", {"proj_size": 3, "bias": False})]
LIBRARIES = (cr, torch)


@pytest.fixture(autouse=True)
def plain() -> Any:
    """PyTorch's own kernels: oneDNN's have no second derivative."""
    torch._C._set_mkldnn_enabled(False)
    yield
    torch._C._set_mkldnn_enabled(True)


def made(kind: str, *args: Any, **kw: Any) -> list[Any]:
    """The module of both, from the same seed."""
    found = []
    for lib in LIBRARIES:
        lib.manual_seed(4)
        found.append(getattr(lib.nn, kind)(*args, **kw))
    return found


def arrays(results: Any) -> list[Any]:
    """All tensors in nested results, as arrays."""
    if isinstance(results, (tuple, list)):
        return [a for r in results for a in arrays(r)]
    return [] if results is None else [np.asarray(results.detach().numpy())]


def same(ours: Any, theirs: Any, tol: float = 1e-9) -> None:
    a, b = arrays(ours), arrays(theirs)
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert x.shape == y.shape
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x, y, tol, tol)


def orders(lib: Any, outputs: list[Any], wanted: list[Any]) -> list[Any]:
    """First and second derivatives of a curved function of the outputs."""
    loss = sum((o * o * (k + 1) + o.sin()).sum() for k, o in enumerate(outputs))
    first = lib.autograd.grad(loss, wanted, create_graph=True)
    return [*first, *lib.autograd.grad(sum((g * g).sum() for g in first), wanted)]


def test_initial_values_and_names() -> None:
    for kind, kw in CASES:
        ours, theirs = made(kind, 3, 5, **kw)
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        assert ours._flat_weights_names == theirs._flat_weights_names
        assert [len(r) for r in ours.all_weights] == [len(r) for r in theirs.all_weights]
        same(list(ours.state_dict().values()), list(theirs.state_dict().values()), 1e-6)
        ours.flatten_parameters()


@pytest.mark.parametrize(("kind", "kw"), CASES, ids=str)
@pytest.mark.parametrize("given", [False, True])
def test_sequences(kind: str, kw: dict[str, Any], given: bool) -> None:
    """Batches and single sequences, with and without initial states: two derivatives."""
    rng = np.random.default_rng(0)
    layers = kw.get("num_layers", 1) * (1 + kw.get("bidirectional", False))
    for batch in ((2,), ()):
        shape = (*batch, 4) if kw.get("batch_first") else (4, *batch)
        x = rng.normal(size=(*shape, 3))
        h = rng.normal(size=(layers, *batch, kw.get("proj_size") or 5))
        c = rng.normal(size=(layers, *batch, 5))
        results = []
        for lib, layer in zip(LIBRARIES, made(kind, 3, 5, dtype=None, **kw), strict=True):
            layer.double()
            states = [lib.tensor(s).requires_grad_() for s in (h, c)[: 1 + (kind == "LSTM")]]
            first = lib.tensor(x).requires_grad_()
            hx = None if not given else tuple(states) if kind == "LSTM" else states[0]
            out, last = layer(first, hx)
            outputs = [out, *(last if kind == "LSTM" else [last])]
            wanted = [first, *layer.parameters(), *(states if given else [])]
            results.append([*outputs, *orders(lib, outputs, wanted)])
        same(*results)


@pytest.mark.parametrize(("kind", "kw"), CASES, ids=str)
def test_packed(kind: str, kw: dict[str, Any]) -> None:
    """Sequences of random lengths, sorted or not, with initial states."""
    rng = np.random.default_rng(1)
    lengths = [3, 5, 1, 3, 4]
    layers = kw.get("num_layers", 1) * (1 + kw.get("bidirectional", False))
    parts = [rng.normal(size=(n, 3)) for n in lengths]
    h = rng.normal(size=(layers, 5, kw.get("proj_size") or 5))
    c = rng.normal(size=(layers, 5, 5))
    for order in (None, [1, 4, 0, 3, 2]):
        results = []
        for lib, layer in zip(LIBRARIES, made(kind, 3, 5, **kw), strict=True):
            layer.double()
            rnn = lib.nn.utils.rnn
            given = [lib.tensor(parts[k]).requires_grad_() for k in order or range(5)]
            packed = rnn.pack_sequence(given, enforce_sorted=order is not None)
            states = [lib.tensor(s).requires_grad_() for s in (h, c)[: 1 + (kind == "LSTM")]]
            out, last = layer(packed, tuple(states) if kind == "LSTM" else states[0])
            assert type(out).__name__ == "PackedSequence"
            padded, sizes = rnn.pad_packed_sequence(out, batch_first=True, padding_value=0.5)
            outputs = [padded, *(last if kind == "LSTM" else [last])]
            wanted = [*given, *layer.parameters(), *states]
            results.append([*out, sizes, *outputs, *orders(lib, outputs, wanted)])
            layer(packed)  # without states
        same(*results)


def test_single_precision_in_default_settings() -> None:
    """As a user runs it: float32, oneDNN on."""
    torch._C._set_mkldnn_enabled(True)
    for kind in KINDS:
        results = []
        for lib, layer in zip(LIBRARIES, made(kind, 6, 20, 2), strict=True):
            lib.manual_seed(1)
            x = lib.randn(15, 4, 6)
            out, last = layer(x)
            out.sum().backward()
            results.append([out, last, [p.grad for p in layer.parameters()]])
        same(*results, tol=2e-5)


def test_state_dict_goes_both_ways() -> None:
    ours, theirs = cr.nn.LSTM(3, 5, 2, proj_size=2), torch.nn.LSTM(3, 5, 2, proj_size=2)
    ours.load_state_dict({k: cr.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    same(ours(cr.tensor(x)), theirs(torch.tensor(x)), 1e-6)
    other = torch.nn.LSTM(3, 5, 2, proj_size=2)
    other.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    same(ours(cr.tensor(x)), other(torch.tensor(x)), 1e-6)


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("kw", [{}, {"bias": False}])
def test_cells(kind: str, kw: dict[str, Any]) -> None:
    rng = np.random.default_rng(2)
    for batch in ((2,), ()):
        x, h, c = (rng.normal(size=(*batch, n)) for n in (3, 5, 5))
        for given in (False, True):
            results = []
            for lib, cell in zip(LIBRARIES, made(kind, 3, 5, **kw), strict=True):
                cell.double()
                first, *states = (lib.tensor(a).requires_grad_() for a in (x, h, c))
                hx = tuple(states) if kind == "LSTMCell" else states[0]
                out = cell(first, hx if given else None)
                outputs = list(out) if kind == "LSTMCell" else [out]
                wanted = [first, cell.weight_ih] + ([states[0]] if given else [])
                results.append([*outputs, *orders(lib, outputs, wanted)])
            same(*results)
    ours, theirs = made(kind, 3, 5, **kw)
    assert repr(ours) == repr(theirs)
    same(list(ours.parameters()), list(theirs.parameters()), 1e-6)


def test_relu_cell() -> None:
    ours, theirs = made("RNNCell", 3, 5, nonlinearity="relu")
    assert repr(ours) == repr(theirs)
    x = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    same(ours(cr.tensor(x)), theirs(torch.tensor(x)), 1e-6)


def test_functions() -> None:
    """``lstm`` and its like take PyTorch's arguments by name too."""
    for kind in KINDS:
        results = []
        for lib, layer in zip(LIBRARIES, made(kind, 3, 5), strict=True):
            lib.manual_seed(1)
            x, h = lib.randn(4, 2, 3), lib.zeros(1, 2, 5)
            name = "rnn_tanh" if kind == "RNN" else kind.lower()
            results.append(getattr(lib, name)(
                x, (h, h) if kind == "LSTM" else h, params=list(layer.parameters()),
                has_biases=True, num_layers=1, dropout=0.0, train=True, bidirectional=False,
                batch_first=False,
            ))  # fmt: skip
        same(*results, tol=1e-6)


def portable_bernoulli() -> bool:
    """Whether PyTorch draws dropout here as it does on every machine but Intel's."""
    cr.manual_seed(0)
    torch.manual_seed(0)
    draws = [lib.nn.functional.dropout(lib.ones(64), 0.5) for lib in LIBRARIES]
    return bool(np.array_equal(*[d.numpy() for d in draws]))


def test_dropout_between_layers() -> None:
    """Drawn once a layer but the last, for a value of every step, in the order of the steps."""
    layer = cr.nn.GRU(3, 5, 2, dropout=0.4)
    parts = []
    for k in range(2):
        one = cr.nn.GRU(3 if k == 0 else 5, 5)
        names = [n for n in layer._flat_weights_names if n.endswith(f"l{k}")]
        one.load_state_dict({n[:-1] + "0": layer.state_dict()[n] for n in names})
        parts.append(one)
    x = cr.randn(7, 2, 3)
    cr.manual_seed(9)
    out, _ = layer(x)
    cr.manual_seed(9)
    middle = cr.nn.functional.dropout(parts[0](x)[0], 0.4)
    assert cr.equal(out, parts[1](middle)[0])
    layer.eval()
    assert cr.equal(layer(x)[0], parts[1](parts[0](x)[0])[0])
    if portable_bernoulli():
        results = []
        for lib, module in zip(LIBRARIES, made("GRU", 3, 5, 2, dropout=0.4), strict=True):
            lib.manual_seed(2)
            results.append(module(lib.ones(7, 2, 3)))
        same(*results, tol=1e-5)


BAD = [
    lambda lib: lib.nn.LSTM(3, 5)(lib.zeros(4, 2, 6)),
    lambda lib: lib.nn.LSTM(3, 5)(lib.zeros(4, 2, 3), (lib.zeros(1, 2, 4), lib.zeros(1, 2, 5))),
    lambda lib: lib.nn.LSTM(3, 5)(lib.zeros(4, 2, 3), (lib.zeros(1, 2, 5), lib.zeros(1, 2, 6))),
    lambda lib: lib.nn.GRU(3, 5)(lib.zeros(4, 2, 3), lib.zeros(1, 3, 5)),
    lambda lib: lib.nn.GRU(3, 5)(lib.zeros(4, 2, 3), lib.zeros(1, 5)),
    lambda lib: lib.nn.GRU(3, 5)(lib.zeros(4, 3), lib.zeros(1, 1, 5)),
    lambda lib: lib.nn.LSTM(3, 5)(lib.zeros(4, 3), (lib.zeros(1, 5), lib.zeros(1, 1, 5))),
    lambda lib: lib.nn.RNN(3, 5)(lib.zeros(3)),
    lambda lib: lib.nn.RNN(3, 5)(lib.zeros(0, 2, 3)),
    lambda lib: lib.nn.RNN(3, 5).double()(lib.zeros(4, 2, 3)),
    lambda lib: lib.nn.RNN(3, 5, nonlinearity="elu"),
    lambda lib: lib.nn.RNN(3, 5, proj_size=2),
    lambda lib: lib.nn.LSTM(3, 5, proj_size=-1),
    lambda lib: lib.nn.LSTM(3, 5, bias=1),
    lambda lib: lib.nn.LSTM(3, 5, num_layers=0),
    lambda lib: lib.nn.LSTM(3, 5, num_layers=2, dropout=True),
    lambda lib: lib.nn.LSTMCell(3, 5)(lib.zeros(2, 3, 1)),
    lambda lib: lib.nn.LSTMCell(3, 5)(lib.zeros(2, 4)),
    lambda lib: lib.nn.GRUCell(3, 5)(lib.zeros(2, 3), lib.zeros(3, 5)),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(3, 2), [1, 2]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(3, 2), [2, 0]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(3, 2), [2]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(0, 2), [2, 1]),
    lambda lib: lib.nn.utils.rnn.pad_sequence([]),
    lambda lib: lib.nn.utils.rnn.pad_sequence(3),
    lambda lib: lib.nn.utils.rnn.pad_sequence([lib.zeros(2)], padding_side="up"),
    lambda lib: lib.nn.utils.rnn.pad_packed_sequence(
        lib.nn.utils.rnn.pack_sequence([lib.zeros(3)]), total_length=2
    ),
]


@pytest.mark.parametrize("call", BAD)
def test_errors(call: Any) -> None:
    """The same class of exception, and its first words."""
    errors = []
    for lib in LIBRARIES:
        with pytest.raises(Exception, match=r".") as caught:
            call(lib)
        errors.append(caught.value)
    assert isinstance(errors[0], type(errors[1])), errors
    ours, theirs = (str(e).replace("torch.Size", "").split()[:4] for e in errors)
    assert ours == theirs or "hidden0" in str(errors[0]), errors


def test_padding_and_packing() -> None:
    rng = np.random.default_rng(5)
    parts = [rng.normal(size=(n, 2)) for n in (2, 4, 1)]
    results = []
    for lib in LIBRARIES:
        rnn, given = lib.nn.utils.rnn, [lib.tensor(p).requires_grad_() for p in parts]
        padded = [
            rnn.pad_sequence(given, batch_first, -1.5, side)
            for batch_first in (False, True)
            for side in ("right", "left")
        ]
        packed = rnn.pack_padded_sequence(padded[2], lib.tensor([2, 4, 1]), True, False)
        back = rnn.pad_packed_sequence(packed, total_length=6, padding_value=2.0)
        alone = rnn.unpack_sequence(packed)
        wide = packed.to(lib.float32)
        loss = (back[0] * back[0]).sum() + sum((p**3).sum() for p in padded)
        grads = lib.autograd.grad(loss, given)
        results.append([*padded, *packed, *back, *alone, *wide, *packed.half()[:1], *grads,
                        rnn.invert_permutation(packed.sorted_indices)])  # fmt: skip
        results[-1] += rnn.unpad_sequence(padded[2], lib.tensor([2, 4, 1]), batch_first=True)
        assert packed.to(lib.float64) is packed
        assert not packed.is_cuda
        assert rnn.PackedSequence(packed.data, packed.batch_sizes).unsorted_indices is None
    same(*results)


def test_classifier_trains_alike() -> None:
    """Twenty steps of an LSTM classifier from one seed: PyTorch's losses."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(24, 12, 4)).astype(np.float32)
    y = (x[:, :, 0].sum(1) > 0).astype(np.int64)
    losses = []
    for lib in LIBRARIES:
        lib.manual_seed(7)
        lstm = lib.nn.LSTM(4, 16, 2, batch_first=True, bidirectional=True)
        head = lib.nn.Linear(32, 2)
        optimizer = lib.optim.Adam([*lstm.parameters(), *head.parameters()], lr=0.01)
        found = []
        for _ in range(20):
            out, _ = lstm(lib.tensor(x))
            loss = lib.nn.functional.cross_entropy(head(out[:, -1]), lib.tensor(y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        losses.append(found)
    np.testing.assert_allclose(*losses, atol=1e-4)
    assert losses[0][-1] < 0.5 * losses[0][0]
