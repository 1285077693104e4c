"""Every operation under ``vmap``: its declared samples as batches equal the loop, in float64."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import Op, batching, registry
from chainrule.autograd.declare import bind
from chainrule.autograd.ops.samples import Sampler

N = 3

# Operations without a batching rule, whose examples run one after another, and why.
LOOPED = {
    "ctc_loss": "a recursion over each sequence of its own length",
    "ctc_loss_back": "a recursion over each sequence of its own length",
    "recurrent": "rows sorted by sequence length, which a batch in front would break up",
    "recurrent_back": "rows sorted by sequence length, which a batch in front would break up",
    "masked_scatter": "how far each example reads into its source depends on its mask",
    "standard_gamma": "draws numbers",
    "dirichlet": "draws numbers",
    "_standard_gamma_grad": "a scalar series in a C library",
    "ldl_op": "a LAPACK routine for one matrix",
    "ldl_solve_op": "a LAPACK routine for one matrix",
    "underived_special": "has no derivative; computed by SciPy for one array",
    "_dirichlet_grad": "a scalar series in a C library",
}

# Operations that the batches below leave out, and why.
NOT_HERE = {
    "output": "bookkeeping: picks one result of several, under no data of its own",
    "underived": "its rule raises",
    "vmap_enter": "moves a tensor into a vmap: test_vmap.py",
    "vmap_leave": "moves a tensor out of a vmap: test_vmap.py",
    "vmap_join": "moves results of a loop into a vmap: test_vmap.py",
    "vmap_share": "brings a tensor from outside into a vmap: test_vmap.py",
    "vmap_shed": "the way back of vmap_share: test_vmap.py",
    "assign_view": "its parameter is a chain of views: writes into views in test_vmap.py",
    "nonzero_index": "results of dynamic shape raise: test_vmap.py",
    "unique_elements": "results of dynamic shape raise: test_vmap.py",
    **dict.fromkeys(["ldl_op", "ldl_solve_op", "underived_special"], "looped"),
    "polynomial": "its kernel is its parameter: elementwise in SciPy, test_special_parity",
    "ctc_loss": "looped; in test_vmap.py by its function",
    "ctc_loss_back": "looped; in test_vmap.py by its function",
    "recurrent": "looped; in test_vmap.py by its layer",
    "recurrent_back": "looped; in test_vmap.py by its layer",
    "standard_gamma": "draws numbers",
    "dirichlet": "draws numbers",
    "_standard_gamma_grad": "looped",
    "_dirichlet_grad": "looped",
}


def _spd(s: Any) -> Any:
    a = s(3, 3)
    return a @ a.T + 3 * np.eye(3)


def _masks(s: Any) -> list[Any]:
    return [(s.mask(2, 3), s.mask(3)), (s.mask(3), s.mask(3)), (s.mask(), s.mask(2))]


def _values(s: Any) -> list[Any]:
    return [(s(2, 3),), (np.array([np.nan, np.inf, -np.inf, -0.0, 1.0]),), (s(),)]


def _lines(s: Any) -> list[Any]:
    return [(s.distinct(2, 3),), (s.distinct(2, 3), 1, True), (s.distinct(4), -1), (s(),)]


# Samples for the operations that declare none.
MORE: dict[str, Any] = {
    **dict.fromkeys(["logical_and", "logical_or", "logical_xor"], _masks),
    **dict.fromkeys(["bitwise_and", "bitwise_or", "bitwise_xor"], _masks),
    **dict.fromkeys(["logical_not", "bitwise_not"], lambda s: [(s.mask(2, 3),), (s.mask(),)]),
    **dict.fromkeys(["isnan", "isinf", "isfinite", "signbit", "isreal"], _values),
    **dict.fromkeys(["isposinf", "isneginf"], _values),
    **dict.fromkeys(["argmax", "argmin"], _lines),
    **dict.fromkeys(["all", "any"], lambda s: [(s.mask(2, 3),), (s.mask(2, 3), (0, 1), True),
                                               (s.mask(2, 3), 1), (s.mask(),)]),
    "convert": lambda s: [(s(2, 3), cr.float32), (s(), cr.int64), (s.mask(3), cr.float64)],
    **dict.fromkeys(["real", "imag"], lambda s: [(s(2, 3) + 1j * s(2, 3),), (s(2),)]),
    "view_as_real": lambda s: [(s(2, 3) + 1j * s(2, 3),)],
    "complex": lambda s: [(s(2, 3), s(3)), (s(), s(2))],
    "cholesky": lambda s: [(_spd(s), False), (_spd(s), True)],
    "eigh": lambda s: [(_spd(s), "L")],
    "eigh_values": lambda s: [(_spd(s), "L")],
    "eig_op": lambda s: [(s(3, 3),)],
    "qr_plain": lambda s: [(s(3, 2), "reduced"), (s(2, 3), "complete")],
    "singular_values": lambda s: [(s(3, 2),), (s(2, 2, 2),)],
    "landings": lambda s: [(s.index(4, 2, below=3), (3, 2), 0, 1)],
    "touched": lambda s: [(np.array([0, 2]), (3, 2), 0), (np.array([1, 5, 1]), (3, 2), None)],
    "max_pool_index": lambda s: _max_pool_index(s),
    **dict.fromkeys(
        ["gcd", "lcm", "bitwise_left_shift", "bitwise_right_shift"],
        lambda s: [(s.index(2, 3, below=9), s.index(3, below=5))],
    ),
    "step": lambda s: [(s(2, 3), s(3)), (s(), s(2))],
    "zeta": lambda s: [(s(2, 3, low=1.5, high=4.0), s(3, low=0.5, high=2.0))],
    **dict.fromkeys(
        ["igamma", "igammac"],
        lambda s: [(s(2, 3, low=0.5, high=4.0), s(3, low=0.5, high=4.0))],
    ),
    "conj": lambda s: [(s(2, 3) + 1j * s(2, 3),), (s(3),)],
    "view_as_complex": lambda s: [(s(3, 2),), (s(2, 3, 2),)],
    "fft": lambda s: [(s(3, 4), (-1,), False, None), (s(3, 4), (0, 1), True, "ortho")],
    "rfft": lambda s: [(s(3, 4), -1, None), (s(5), 0, "ortho")],
    "irfft": lambda s: [(s(3, 4) + 0j, 1, 6, None), (s(3) + 0j, -1, 5, None)],
    "cholesky_or_nan": lambda s: [(_spd(s), False), (_spd(s), True)],
    "eig": lambda s: [(s(3, 3),)],
}  # fmt: skip
SCALED = {
    "cholesky",
    "cholesky_or_nan",
    "eigh",
    "eigh_values",
    "max_pool_index",
}  # batches of other sizes, no order


def _max_pool_index(s: Any) -> list[Any]:
    found = []
    for x, axes, _ in registry["max_pool"].samples(s)[:3]:
        found.append((x, registry["max_pool"].kernel(x, axes, None), axes))
    return found


def sample_calls(op: Op) -> Iterator[tuple[list[Any], list[Any]]]:
    """Inputs and parameters of the sample calls, defaults and keywords filled in."""
    for args in (MORE.get(op.name) or op.samples)(Sampler()):
        keywords = args[-1] if isinstance(args[-1], dict) else {}
        plain = args[:-1] if keywords else args
        bound = list(bind(op, plain, keywords))
        k = 1 if op.variadic else len(op.inputs)
        yield (list(bound[0]) if op.variadic else bound[:k]), bound[k:]


def is_data(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, float))


def examples(op: Op, value: Any, rng: Any) -> Any:
    """A batch of values like this one: the same elements in other orders, or a little larger."""
    a = np.asarray(value)
    if a.ndim == 0 or op.name in SCALED:
        grown = [a * a.dtype.type(1 + 0.03 * k) for k in range(N)] if a.dtype.kind == "f" else None
        return np.stack(grown or [a] * N)
    flat = a.reshape(-1)
    return np.stack([a] + [rng.permutation(flat).reshape(a.shape) for _ in range(N - 1)])


def cases() -> list[Any]:
    """One case an operation, sample and choice of batched inputs: each alone, and all."""
    found = []
    for name, op in sorted(registry.items()):
        if name in NOT_HERE or not (op.samples or name in MORE):
            continue
        for s, (inputs, _) in enumerate(sample_calls(op)):
            data = [k for k, v in enumerate(inputs) if is_data(v)]
            choices = [(k,) for k in data] + ([tuple(data)] if len(data) > 1 else [])
            if name == "max_pool_index":  # its second input goes with the first
                choices = choices[-1:]
            if name.startswith("masked_") and name != "masked_fill":
                choices = [c for c in choices if 1 not in c]  # own masks: dynamic shapes, raise
            label = f"{name}-{s}"
            found += [
                pytest.param(op, s, c, id=f"{label}-{'+'.join(map(str, c))}") for c in choices
            ]
    return found


def leaf(op: Op, k: int, value: Any) -> Any:
    """A tensor that requires grad where the operation has a rule for it."""
    t = cr.tensor(np.asarray(value))
    ruled = callable(op.rules) or op.variadic or op.inputs[k] in op.rules
    return t.requires_grad_() if t.is_floating_point() and ruled else t


def weighed(outs: list[Any]) -> Any:
    """A number that every element of the differentiable results has a part in."""
    parts = [o for o in outs if o.requires_grad and o.is_floating_point()]
    return sum(
        [(o * cr.tensor(np.cos(np.arange(o.numel())).reshape(tuple(o.shape)))).sum() for o in parts]
    )


@pytest.mark.parametrize(("op", "sample", "on"), cases())
def test_batch_is_loop(op: Op, sample: int, on: tuple[int, ...]) -> None:
    """Values, and gradients of batched inputs and of those that all examples share."""
    inputs, params = list(sample_calls(op))[sample]
    rng = np.random.default_rng(sample)
    data = [examples(op, v, rng) if k in on else v for k, v in enumerate(inputs)]
    given = [leaf(op, k, v) if is_data(inputs[k]) else v for k, v in enumerate(data)]

    def one(*slices: Any) -> Any:
        own = iter(slices)
        args = [next(own) if k in on else v for k, v in enumerate(given)]
        out = op.call(tuple(args), *params) if op.variadic else op.call(*args, *params)
        return tuple(out) if isinstance(out, (tuple, list)) else (out,)

    batching._looped.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fast = cr.vmap(one)(*[given[k] for k in on])
        rows = [one(*[given[k][i] for k in on]) for i in range(N)]
        slow = [cr.stack(column) for column in zip(*rows, strict=True)]
        leaves = [t for t in given if isinstance(t, cr.Tensor) and t.requires_grad]
        sides = []
        for outs in (fast, slow):
            total = weighed(list(outs))
            given_to = leaves if isinstance(total, cr.Tensor) else []
            sides.append(
                cr.autograd.grad(total, given_to, materialize_grads=True) if given_to else ()
            )
    for a, b in zip(fast, slow, strict=True):
        assert a.dtype is b.dtype
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-11, 1e-12)
    for a, b in zip(*sides, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-9, 1e-11)
    slowly = {str(w.message).split(" rule for ")[1].split(".")[0] for w in caught
              if "performance drop" in str(w.message)}  # fmt: skip
    assert slowly <= set(LOOPED), slowly


def test_every_operation_is_accounted_for() -> None:
    """Each has a rule, or is elementwise, or stands above with the reason; none does both."""
    ruled = {n for n, op in registry.items() if n in batching.rules or op.partial or op.lifts}
    assert set(registry) - ruled - set(LOOPED) <= {"output", "underived"}
    assert not ruled & set(LOOPED)
    untested = {n for n, op in registry.items() if not op.samples and n not in MORE}
    assert untested - set(NOT_HERE) == set()
