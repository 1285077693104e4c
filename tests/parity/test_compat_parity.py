"""The surrounding names against PyTorch: limits of types, comparisons and their messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import chainrule as cr

FLOATS = ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"]


@pytest.mark.parametrize("name", FLOATS)
def test_finfo(name: str) -> None:
    ours, theirs = cr.finfo(getattr(cr, name)), torch.finfo(getattr(torch, name))
    assert repr(ours) == repr(theirs)
    for key in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
        assert getattr(ours, key) == getattr(theirs, key), key


@pytest.mark.parametrize("name", INTEGERS)
def test_iinfo(name: str) -> None:
    ours, theirs = cr.iinfo(getattr(cr, name)), torch.iinfo(getattr(torch, name))
    assert repr(ours) == repr(theirs)
    for key in ("bits", "max", "min", "dtype"):
        assert getattr(ours, key) == getattr(theirs, key), key


def test_limits_of_the_wrong_kind() -> None:
    for lib in (torch, cr):
        for wrong in (lambda m: m.finfo(m.int8), lambda m: m.iinfo(m.float32),
                      lambda m: m.iinfo(m.bool)):  # fmt: skip
            with pytest.raises(TypeError):
                wrong(lib)


VALUES = [
    lambda m: m.ones(2),
    lambda m: m.ones(2, dtype=m.int8),
    lambda m: m.tensor(1.0, dtype=m.float64),
    lambda m: m.tensor(3),
    lambda m: m.ones(2, dtype=m.bfloat16),
    lambda m: m.tensor([True]),
    lambda m: 1,
    lambda m: 2.5,
    lambda m: True,
    lambda m: 1j,
]


@pytest.mark.parametrize("a", range(len(VALUES)))
@pytest.mark.parametrize("b", range(len(VALUES)))
def test_result_type(a: int, b: int) -> None:
    ours, theirs = (m.result_type(VALUES[a](m), VALUES[b](m)) for m in (cr, torch))
    assert repr(ours) == repr(theirs)


def comparisons(m: Any) -> list[tuple[Any, Any, dict[str, Any]]]:
    t, nan, inf = m.tensor, float("nan"), float("inf")
    half, narrow = m.float16, m.bfloat16
    return [
        (t([1.0, 2.0, 3.0]), t([1.0, 2.5, 3.0]), {}),
        (t([[1.0, 2.0], [3.0, 4.0]]), t([[1.0, 2.0], [3.5, nan]]), {}),
        (t([1, 2, 3]), t([1, 2, 4]), {}),
        (t([1, 2], dtype=m.uint8), t([1, 250], dtype=m.uint8), {}),
        (t([3.0]), t([2.0]), {"rtol": 0.0, "atol": 0.0}),
        (t(1.0), t(2.0), {}),
        (t(1), t(2), {}),
        (1.0, 2.0, {}),
        (1, 2, {}),
        (1, 2.0, {}),
        (3.0, 2.0, {"rtol": 0.0, "atol": 0.0}),
        (1j, 2j, {}),
        (True, False, {}),
        (None, 1, {}),
        (1.0, 1.0, {}),
        (nan, nan, {}),
        (nan, nan, {"equal_nan": True}),
        (inf, inf, {}),
        (inf, 1.0, {}),
        (t([1.0, nan]), t([1.0, nan]), {}),
        (t([1.0, nan]), t([1.0, nan]), {"equal_nan": True}),
        (t([1.0]), t([1]), {}),
        (t([1.0]), t([1]), {"check_dtype": False}),
        (t([1.0, 2.0]), t([1.0]), {}),
        ([t([1.0]), t([2.0])], [t([1.0]), t([3.0])], {}),
        ([t([1.0])], [t([1.0]), t([3.0])], {}),
        ({"a": t([1.0]), "b": t([2.0])}, {"a": t([1.0]), "b": t([3.0])}, {}),
        ({"a": t([1.0])}, {"b": t([1.0])}, {}),
        ({"a": [t([1.0]), 2.0]}, {"a": [t([1.0]), 2.1]}, {}),
        (np.array([1.0, 2.0]), np.array([1.0, 2.1]), {}),
        (t([1.0]), np.array([1.0]), {}),
        (t([inf, 1.0]), t([inf, 2.0]), {}),
        (t([inf, 1.0]), t([-inf, 1.0]), {}),
        (t([True, False]), t([True, True]), {}),
        (t([1 + 1j]), t([1 + 2j]), {}),
        (t([0.0, 1.0]), t([0.1, 1.0]), {}),
        (t([1.0]), t([0.0]), {}),
        (t([1.0, 2.0], dtype=half), t([1.0, 2.01], dtype=half), {}),
        (t([1.0, 2.0], dtype=narrow), t([1.0, 2.5], dtype=narrow), {}),
        (t([1.0]), t([2.0]), {"rtol": 1e-3}),
        (t([1.0]), t([2.0]), {"msg": "own"}),
        (t([1.0]), t([2.0]), {"msg": lambda text: "seen: " + text}),
        (t([]), t([]), {}),
        (t([1.0], dtype=m.float64), t([1 + 1e-8], dtype=m.float64), {}),
    ]


def said(m: Any, k: int) -> str:
    actual, expected, options = comparisons(m)[k]
    try:
        m.testing.assert_close(actual, expected, **options)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "close"


@pytest.mark.parametrize("k", range(len(comparisons(torch))))
def test_assert_close_says_the_same(k: int) -> None:
    assert said(cr, k).replace("chainrule.autograd.tensor.", "torch.") == said(torch, k)


# -- autocast: result dtypes, and numbers to the rounding of the type ------------------------------


def mixed(m: Any) -> dict[str, Any]:
    """Calls by name, of a function that makes the first input narrow, or not."""
    f = m.nn.functional

    def make(*shape: int) -> Any:
        n = int(np.prod(shape))
        values = (np.arange(n) * 37 % 64 / 128 + 0.25).astype(np.float32)
        return m.from_numpy(values.reshape(shape))

    return {
        "matmul": lambda g: m.matmul(g(make(3, 4)), make(4, 2)),
        "mm": lambda g: m.mm(g(make(3, 4)), make(4, 2)),
        "bmm": lambda g: m.bmm(g(make(2, 3, 4)), make(2, 4, 2)),
        "addmm": lambda g: m.addmm(make(3, 2), g(make(3, 4)), make(4, 2)),
        "baddbmm": lambda g: m.baddbmm(make(2, 3, 2), g(make(2, 3, 4)), make(2, 4, 2)),
        "linear": lambda g: f.linear(g(make(2, 3)), make(4, 3), make(4)),
        "conv1d": lambda g: f.conv1d(g(make(1, 2, 5)), make(3, 2, 3), make(3)),
        "conv2d": lambda g: f.conv2d(g(make(1, 2, 5, 5)), make(3, 2, 3, 3)),
        "conv_transpose2d": lambda g: f.conv_transpose2d(g(make(1, 3, 4, 4)), make(3, 2, 3, 3)),
        "einsum": lambda g: m.einsum("ij,jk", g(make(3, 4)), make(4, 2)),
        "attention": lambda g: f.scaled_dot_product_attention(
            g(make(1, 2, 3, 4)), make(1, 2, 3, 4), make(1, 2, 3, 4)
        ),
        "prelu": lambda g: f.prelu(g(make(2, 3) - 0.5), make(1)),
        "softmax": lambda g: f.softmax(g(make(3, 3)), 1),
        "layer_norm": lambda g: f.layer_norm(g(make(2, 3)), (3,), make(3), make(3)),
        "add": lambda g: g(make(3)) + make(3),
        "sum": lambda g: g(make(3)).sum(),
        "gelu": lambda g: f.gelu(g(make(3))),
        "prod": lambda g: m.prod(g(make(3))),
        "cdist": lambda g: m.cdist(g(make(3, 3)), g(make(2, 3))),
        "mse_loss": lambda g: f.mse_loss(g(make(3)), g(make(3) / 2)),
        "l1_loss": lambda g: f.l1_loss(g(make(3)), g(make(3) / 2)),
        "bce": lambda g: f.binary_cross_entropy(g(make(3)), make(3)),
        "bce_logits": lambda g: f.binary_cross_entropy_with_logits(g(make(3)), g(make(3))),
        "cross_entropy": lambda g: f.cross_entropy(g(make(2, 3)), m.tensor([0, 2])),
        "nll_loss": lambda g: f.nll_loss(g(make(2, 3)), m.tensor([0, 2])),
        "kl_div": lambda g: f.kl_div(g(make(3)), g(make(3)), reduction="sum"),
        "stack": lambda g: m.stack([g(make(3)), make(3)]),
        "lstm": lambda g: recurrent(m, "LSTM", g(make(5, 1, 3))),
        "rnn": lambda g: recurrent(m, "RNN", g(make(5, 1, 3))),
        "gru": lambda g: recurrent(m, "GRU", make(5, 1, 3)),
    }


def recurrent(m: Any, kind: str, x: Any) -> Any:
    m.manual_seed(0)
    return getattr(m.nn, kind)(3, 4)(x)[0]


@pytest.mark.parametrize("name", list(mixed(cr)))
@pytest.mark.parametrize("narrow", [False, True])
def test_autocast(name: str, narrow: bool) -> None:
    got = []
    for m in (cr, torch):
        with m.autocast("cpu"):
            out = mixed(m)[name](lambda x: x.bfloat16() if narrow else x)
        got.append((repr(out.dtype), out.detach().float().numpy()))
    (ours, a), (theirs, b) = got
    assert ours == theirs
    np.testing.assert_allclose(a, b, rtol=2e-2 if "bfloat16" in ours or narrow else 1e-5, atol=1e-2)


def test_scalers_walk_alike() -> None:
    seen = []
    for m in (cr, torch):
        p = m.nn.Parameter(m.tensor([1.0, 2.0]))
        optimizer = m.optim.SGD([p], lr=0.1)
        scaler = m.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
        steps = []
        for factor in (1.0, float("inf"), 1.0, 1.0, float("nan"), 1.0, 1.0, 1.0):
            optimizer.zero_grad()
            scaler.scale((p * p).sum() * factor).backward()
            scaler.step(optimizer)
            scaler.update()
            steps.append((scaler.state_dict(), p.tolist()))
        seen.append(steps)
    assert seen[0] == seen[1]


# -- the profiler's schedule, names of its columns -------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"wait": 1, "warmup": 1, "active": 2},
        {"wait": 0, "warmup": 2, "active": 1, "repeat": 2},
        {"wait": 2, "warmup": 1, "active": 3, "repeat": 1, "skip_first": 3},
        {"wait": 2, "warmup": 1, "active": 1, "repeat": 2, "skip_first": 1, "skip_first_wait": 1},
    ],
)
def test_schedules(options: dict[str, int]) -> None:
    ours, theirs = (m.profiler.schedule(**options) for m in (cr, torch))
    assert [ours(k).name for k in range(30)] == [theirs(k).name for k in range(30)]


def test_columns_of_the_table() -> None:
    heads = []
    for m in (cr, torch):
        with m.profiler.profile(
            activities=[m.profiler.ProfilerActivity.CPU], record_shapes=True, profile_memory=True
        ) as prof:
            m.ones(3, 3) @ m.ones(3, 3)
        rows = prof.key_averages(group_by_input_shape=True)
        lines = rows.table(sort_by="self_cpu_time_total", row_limit=3).splitlines()
        heads.append([h.strip() for h in lines[1].split("  ") if h.strip()])
        assert lines[-1].startswith("Self CPU time total: ")
        for name in ("key", "count", "cpu_time", "cpu_time_total", "self_cpu_time_total"):
            assert hasattr(rows[0], name)
    assert heads[0] == heads[1]


# -- legacy types, queries -------------------------------------------------------------------------


CALLS = [
    lambda m: m.FloatTensor(2, 3).shape,
    lambda m: m.LongTensor([1.7, 2]),
    lambda m: m.ByteTensor([True, 2]),
    lambda m: m.HalfTensor([1.5]),
    lambda m: m.LongTensor(m.ones(1)),
    lambda m: repr(m.FloatTensor),
    lambda m: [m.ones(1, dtype=getattr(m, d)).type() for d in (*FLOATS, "int64", "bool", "int8")],
    lambda m: m.typename(m.ones(1)),
    lambda m: m.typename("a"),
    lambda m: m.is_nonzero(m.ones(2)),
    lambda m: m.set_num_threads(0),
    lambda m: m.set_default_tensor_type(m.LongTensor),
    lambda m: m.cuda.is_available(),
    lambda m: m.cuda.device_count(),
    lambda m: m.cuda.set_device(-1),
    lambda m: m.cuda.set_device("cpu"),
    lambda m: m.cuda.memory_allocated(),
    lambda m: m.cuda.get_rng_state_all(),
    lambda m: m.cuda.is_bf16_supported(),
    lambda m: m.cuda.empty_cache(),
    lambda m: m.accelerator.current_accelerator(),
    lambda m: m.accelerator.set_device_index(0),
    lambda m: m.accelerator.device_count(),
    lambda m: m.backends.cudnn.is_available(),
    lambda m: m.backends.mps.is_available(),
    lambda m: (m.cpu.device_count(), m.cpu.current_device()),
    lambda m: m.distributed.get_rank(),
    lambda m: m.channels_last,
    lambda m: m.get_autocast_dtype("cpu"),
    lambda m: m.amp.GradScaler("cpu").state_dict(),
]


def answer(m: Any, k: int) -> str:
    try:
        return repr(CALLS[k](m))
    except Exception as error:
        return next(c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins")


@pytest.mark.parametrize("k", range(len(CALLS)))
def test_answers(k: int) -> None:
    assert answer(cr, k) == answer(torch, k)


def test_states_of_the_generator_are_exchanged() -> None:
    torch.manual_seed(5)
    torch.randn(3)
    cr.set_rng_state(cr.from_numpy(torch.get_rng_state().numpy()))
    assert cr.rand(4).tolist() == torch.rand(4).tolist()
    torch.set_rng_state(torch.from_numpy(cr.get_rng_state().numpy()))
    assert cr.rand(4).tolist() == torch.rand(4).tolist()
