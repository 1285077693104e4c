"""Multi-head attention and the Transformer against PyTorch, with every kind of mask."""
# ruff: noqa: B023 (closures are called within the turn of the loop that makes them)

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import chainrule as cr

LIBRARIES = (cr, torch)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(4, 3, 8)), RNG.normal(size=(5, 3, 8))
KEYS, VALUES = RNG.normal(size=(5, 3, 6)), RNG.normal(size=(5, 3, 7))
MASKS: list[Any] = [None, "b2", "f2", "b3", "f3", "causal"]
PADDINGS: list[Any] = [None, "b", "f"]


@pytest.fixture(autouse=True)
def plain() -> Iterator[None]:
    """Kernels of PyTorch that have second derivatives; and its advice about speed unheard."""
    with warnings.catch_warnings(), sdpa_kernel([SDPBackend.MATH]):
        warnings.simplefilter("ignore")
        yield


def made(build: Any, seed: int = 0) -> tuple[Any, Any]:
    """Both modules from the same seed, compared, then in float64."""
    found = []
    for lib in LIBRARIES:
        lib.manual_seed(seed)
        found.append(build(lib))
    ours, theirs = found
    a, b = ours.state_dict(), theirs.state_dict()
    assert list(a) == list(b)
    for k in a:
        np.testing.assert_allclose(a[k].numpy(), b[k].numpy(), 1e-6, 1e-6, err_msg=k)
    assert repr(ours) == repr(theirs)
    return ours.double(), theirs.double()


def run(lib: Any, module: Any, call: Any, order: int) -> list[Any]:
    """Results and, by all parameters, their derivatives."""
    results = [o for o in call(lib, module) if o is not None]
    if order:
        wanted = list(module.parameters())
        loss = sum((o * o).sum() for o in results)
        first = lib.autograd.grad(loss, wanted, create_graph=order > 1, allow_unused=True)
        results += first
        if order > 1:
            total = sum((g * g).sum() for g in first if g is not None)
            results += lib.autograd.grad(total, wanted, allow_unused=True)
    return [None if r is None else r.detach().numpy() for r in results]


def agree(modules: tuple[Any, Any], call: Any, order: int = 2) -> None:
    both = zip(LIBRARIES, modules, strict=True)
    ours, theirs = (run(lib, module, call, order) for lib, module in both)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        if a is None or b is None:  # one library says None where the other says zeros
            assert not np.any(b if a is None else a)
            continue
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, 1e-9, 1e-10)


def mask_of(kind: Any, length: int, keys: int, batch: int, heads: int = 2) -> Any:
    rng = np.random.default_rng(7)
    if kind is None:
        return None
    if kind == "causal":
        return np.triu(np.full((length, keys), -np.inf), 1)
    shape = (length, keys) if kind[1] == "2" else (batch * heads, length, keys)
    if kind[0] == "f":
        return rng.normal(size=shape)
    mask = rng.random(shape) < 0.3
    mask[..., 0] = False  # every row may look somewhere
    return mask


def padding_of(kind: Any, keys: int, batch: int) -> Any:
    if kind is None:
        return None
    if kind == "f":
        return np.random.default_rng(8).normal(size=(batch, keys))
    return np.arange(keys) >= np.array([[keys], [keys - 1], [keys]])[:batch]


def tensor(lib: Any, data: Any) -> Any:
    return None if data is None else lib.tensor(data)


ATTENTIONS: list[dict[str, Any]] = [
    {}, {"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True},
    {"add_bias_kv": True, "add_zero_attn": True, "batch_first": True}, {"kdim": 6, "vdim": 7},
]  # fmt: skip


@pytest.mark.parametrize("kw", ATTENTIONS, ids=str)
@pytest.mark.parametrize("own", [True, False])
def test_attention(kw: dict[str, Any], own: bool) -> None:
    """Every pair of masks, with and without weights, to the second derivative."""
    if "kdim" in kw and own:
        kw = {"kdim": 8, "vdim": 7}
    modules = made(lambda lib: lib.nn.MultiheadAttention(8, 2, **kw))
    length, batch = X.shape[:2]
    for mask, padding in product(MASKS, PADDINGS):
        for weights, average in ((True, True), (True, False), (False, True)):
            key, value = (X, X) if own else (Y, Y)
            if "kdim" in kw:
                key, value = (X, VALUES[:4]) if own else (KEYS, VALUES)
            keys = len(key)
            m, p = mask_of(mask, length, keys, batch), padding_of(padding, keys, batch)

            def call(lib: Any, module: Any) -> Any:
                swap = kw.get("batch_first", False)
                known: dict[int, Any] = {}
                for a in (X, key, value):
                    known.setdefault(id(a), lib.tensor(a.swapaxes(0, 1) if swap else a))
                return module(
                    *[known[id(a)] for a in (X, key, value)],
                    key_padding_mask=tensor(lib, p),
                    need_weights=weights,
                    attn_mask=tensor(lib, m),
                    average_attn_weights=average,
                )

            agree(modules, call, 2 if mask in ("b2", "f3") and average else 1)


def test_unbatched() -> None:
    modules = made(lambda lib: lib.nn.MultiheadAttention(8, 2))
    x, y = X[:, 0], Y[:, 0]
    cube = np.tri(4, 5)[None].repeat(2, 0) < 1
    for weights, mask in product((True, False), (None, cube, cube[0])):
        agree(modules, lambda lib, m: m(
            lib.tensor(x), lib.tensor(y), lib.tensor(y), lib.tensor([False] * 4 + [True]),
            weights, tensor(lib, mask),
        ))  # fmt: skip


def test_causal_hint() -> None:
    modules = made(lambda lib: lib.nn.MultiheadAttention(8, 2))

    def call(lib: Any, module: Any) -> Any:
        mask, x = lib.nn.Transformer.generate_square_subsequent_mask(4), lib.tensor(X)
        mask = mask.double()
        return [*module(x, x, x, need_weights=False, attn_mask=mask, is_causal=True),
                *module(x, x, x, attn_mask=mask, is_causal=True)]  # fmt: skip

    agree(modules, call)


def test_rows_that_may_look_nowhere() -> None:
    """With weights they give nan; without, what PyTorch's attention gives."""
    modules = made(lambda lib: lib.nn.MultiheadAttention(8, 2))
    mask = np.zeros((4, 4), bool)
    mask[1] = True
    for weights in (True, False):
        agree(modules, lambda lib, m: list(
            m(*[lib.tensor(X)] * 3, None, weights, lib.tensor(mask))[:1]
        ), 0)  # fmt: skip


def test_static_keys_and_values() -> None:
    rng = np.random.default_rng(1)
    w, out, b = rng.normal(size=(24, 8)), rng.normal(size=(8, 8)), rng.normal(size=24)
    k, v = rng.normal(size=(6, 5, 4)), rng.normal(size=(6, 5, 4))
    found = []
    for lib in LIBRARIES:
        t = lib.tensor
        x, y = t(X), t(Y)
        found.append(lib.nn.functional.multi_head_attention_forward(
            x, y, y, 8, 2, t(w), t(b), None, None, True, 0.0, t(out), None, static_k=t(k),
            static_v=t(v), attn_mask=t(mask_of("f2", 4, 5, 3)),
        ))  # fmt: skip
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-9, 1e-10)


def test_merged_masks() -> None:
    found = []
    for lib in LIBRARIES:
        module, x = lib.nn.MultiheadAttention(8, 2, batch_first=True), lib.zeros(3, 4, 8)
        padding, square = lib.zeros(3, 4), lib.ones(4, 4)
        cube = lib.ones(6, 4, 4)
        masks = [(None, None), (None, padding), (square, None), (square, padding), (cube, padding)]
        found.append([module.merge_masks(m, p, x) for m, p in masks])
    for (a, kind), (b, same) in zip(*found, strict=True):
        assert kind == same
        assert (a is None) == (b is None)
        assert a is None or np.array_equal(a.numpy(), b.numpy())


def activation(lib: Any, name: str) -> Any:
    return {"module": lib.nn.SiLU(), "function": lib.tanh}.get(name, name)


@pytest.mark.parametrize("name", ["relu", "gelu", "module", "function"])
@pytest.mark.parametrize("first", [False, True])
def test_encoder(name: str, first: bool) -> None:
    """A stack in training and evaluation: masks, paddings, normalisation before and after."""
    for batch_first, bias in product((False, True), (True, False)):
        modules = made(lambda lib: lib.nn.TransformerEncoder(
            lib.nn.TransformerEncoderLayer(
                8, 2, 16, 0.0, activation=activation(lib, name), norm_first=first, bias=bias,
                batch_first=batch_first, layer_norm_eps=1e-3,
            ), 2, norm=lib.nn.LayerNorm(8), enable_nested_tensor=False,
        ))  # fmt: skip
        length, batch = (3, 4) if batch_first else (4, 3)
        for mask, padding in product((None, "b2", "causal"), (None, "b")):
            m = mask_of(mask, length, length, batch)
            p = None
            if padding:
                p = np.zeros((batch, length), bool)
                p[0, -1] = True

            def call(lib: Any, module: Any) -> Any:
                return [module(lib.tensor(X), tensor(lib, m), tensor(lib, p))]

            agree(modules, call, 2 if padding and name == "gelu" else 1)
        for module in modules:
            module.eval()
        agree(modules, call, 1)
        with torch.no_grad(), cr.no_grad():
            agree(modules, call, 0)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_transformer(first: bool, batch_first: bool) -> None:
    """Encoder and decoder with every mask; single sequences too."""
    for bias in (True, False):
        modules = made(lambda lib: lib.nn.Transformer(
            8, 2, 2, 2, 16, 0.0, "gelu", norm_first=first, batch_first=batch_first, bias=bias,
        ))  # fmt: skip
        src, tgt = (t.swapaxes(0, 1) if batch_first else t for t in (X, Y))
        padding = np.array([[False] * 4, [False, False, True, True], [False] * 3 + [True]])
        memory = mask_of("b2", 5, 4, 3)

        def call(lib: Any, module: Any) -> Any:
            causal = module.generate_square_subsequent_mask(5, dtype=lib.float64)
            masks = {
                "tgt_mask": causal, "memory_mask": lib.tensor(memory),
                "src_key_padding_mask": lib.tensor(padding),
                "memory_key_padding_mask": lib.tensor(padding),
                "tgt_key_padding_mask": lib.tensor(np.arange(5)[None].repeat(3, 0) > 3),
            }  # fmt: skip
            return [module(lib.tensor(src), lib.tensor(tgt), **masks),
                    module(lib.tensor(src), lib.tensor(tgt), tgt_mask=causal,
                           tgt_is_causal=True)]  # fmt: skip

        agree(modules, call)
        agree(modules, lambda lib, m: [m(lib.tensor(X[:, 0]), lib.tensor(Y[:, 0]))], 1)


def test_own_encoder_and_decoder() -> None:
    modules = made(lambda lib: lib.nn.Transformer(
        8, 2, 1, 1, 16, custom_encoder=lib.nn.Identity(), dropout=0.0
    ))  # fmt: skip
    for lib, module in zip(LIBRARIES, modules, strict=True):
        assert isinstance(module.encoder, lib.nn.Identity)


def portable_bernoulli() -> bool:
    cr.manual_seed(0)
    torch.manual_seed(0)
    draws = [lib.nn.functional.dropout(lib.ones(64), 0.5) for lib in LIBRARIES]
    return bool(np.array_equal(*[d.numpy() for d in draws]))


def test_dropout() -> None:
    """One draw for the attention weights, one after it, one inside the network, one after it."""
    layer = cr.nn.TransformerEncoderLayer(8, 2, 16, 0.3).double()
    x, f = cr.tensor(X), cr.nn.functional
    cr.manual_seed(3)
    out = layer(x)
    cr.manual_seed(3)
    a = layer.self_attn
    q, k, v = (
        t.reshape(4, 3, 2, 4).permute(1, 2, 0, 3)
        for t in f.linear(x, a.in_proj_weight, a.in_proj_bias).chunk(3, -1)
    )
    weights = f.dropout(((q @ k.mT) / 2).softmax(-1), 0.3)
    inner = a.out_proj((weights @ v).permute(2, 0, 1, 3).reshape(4, 3, 8))
    y = layer.norm1(x + f.dropout(inner, 0.3))
    hidden = f.dropout(layer.linear1(y).relu(), 0.3)
    expected = layer.norm2(y + f.dropout(layer.linear2(hidden), 0.3))
    assert cr.allclose(out, expected, rtol=1e-10)
    if portable_bernoulli():
        modules = made(lambda lib: lib.nn.TransformerEncoderLayer(8, 2, 16, 0.3))
        for lib in LIBRARIES:
            lib.manual_seed(3)
        agree(modules, lambda lib, m: [m(lib.tensor(X))], 0)


BAD = [
    lambda nn, lib: nn.MultiheadAttention(0, 1),
    lambda nn, lib: nn.MultiheadAttention(8, 3),
    lambda nn, lib: nn.MultiheadAttention(8, 2)(*[lib.zeros(4)] * 3),
    lambda nn, lib: nn.MultiheadAttention(8, 2)(*[lib.zeros(4, 1, 6)] * 3),
    lambda nn, lib: nn.MultiheadAttention(8, 2)(lib.zeros(4, 1, 8), *[lib.zeros(4, 8)] * 2),
    lambda nn, lib: nn.MultiheadAttention(8, 2)(
        *[lib.zeros(4, 1, 8)] * 3, attn_mask=lib.zeros(3, 4)
    ),
    lambda nn, lib: nn.MultiheadAttention(8, 2)(
        *[lib.zeros(4, 1, 8)] * 3, attn_mask=lib.zeros(3, 4, 4)
    ),
    lambda nn, lib: nn.MultiheadAttention(8, 2)(
        *[lib.zeros(4, 1, 8)] * 3, attn_mask=lib.zeros(4, 4, dtype=lib.int64)
    ),
    lambda nn, lib: nn.MultiheadAttention(8, 2)(*[lib.zeros(4, 1, 8)] * 3, lib.zeros(1, 3)),
    lambda nn, lib: nn.MultiheadAttention(8, 2)(*[lib.zeros(4, 1, 8)] * 3, is_causal=True),
    lambda nn, lib: nn.TransformerEncoderLayer(8, 2, activation="tanh"),
    lambda nn, lib: nn.Transformer(8, 2, 1, 1, 16)(lib.zeros(3, 2, 8), lib.zeros(3, 1, 8)),
    lambda nn, lib: nn.Transformer(8, 2, 1, 1, 16)(lib.zeros(3, 2, 7), lib.zeros(3, 2, 7)),
]


@pytest.mark.parametrize("call", BAD)
def test_errors(call: Any) -> None:
    errors = []
    for lib in LIBRARIES:
        with pytest.raises(Exception, match=r".") as caught:
            call(lib.nn, lib)
        errors.append(caught.value)
    assert isinstance(errors[0], type(errors[1])), errors
    ours, theirs = (str(e).split()[:4] for e in errors)
    assert ours == theirs, errors


def test_state_dict_goes_both_ways() -> None:
    ours, theirs = cr.nn.Transformer(8, 2, 1, 1, 16), torch.nn.Transformer(8, 2, 1, 1, 16)
    ours.load_state_dict({k: cr.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    agree((ours.double().eval(), theirs.double().eval()),
          lambda lib, m: [m(lib.tensor(X), lib.tensor(Y))], 1)  # fmt: skip
    other = torch.nn.Transformer(8, 2, 1, 1, 16)
    other.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})


def test_encoder_trains_alike() -> None:
    """Twenty steps of a Transformer encoder from one seed: PyTorch's losses."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 12, (32, 10))
    labels = (tokens == 3).any(1).astype(np.int64)
    losses = []
    for lib in LIBRARIES:
        lib.manual_seed(5)
        nn = lib.nn
        table = nn.Embedding(12, 16)
        layer = nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True, norm_first=True)
        encoder, head = nn.TransformerEncoder(layer, 2), nn.Linear(16, 2)
        modules = nn.ModuleList([table, encoder, head])
        optimizer = lib.optim.AdamW(modules.parameters(), lr=3e-3)
        padding, found = lib.tensor(tokens == 0), []
        for _ in range(20):
            out = encoder(table(lib.tensor(tokens)), src_key_padding_mask=padding)
            loss = nn.functional.cross_entropy(head(out.mean(1)), lib.tensor(labels))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        losses.append(found)
    np.testing.assert_allclose(*losses, atol=1e-4)
    assert losses[0][-1] < losses[0][0]
