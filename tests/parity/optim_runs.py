"""The same training, ours and PyTorch's: what the parity files of the optimizers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Both = Callable[[Any], Any]
STEPS = 30
SHAPES = [(4, 3), (5,), ()]


def parameters(lib: Any, dtype: str = "float32") -> list[Any]:
    """Three parameters, the last 0-d, and one that never gets a gradient."""
    rng = np.random.default_rng(3)
    kind = getattr(lib, dtype)
    made = [lib.tensor(rng.standard_normal(s), dtype=kind, requires_grad=True) for s in SHAPES]
    return [*made, lib.zeros(2, requires_grad=True)]


def loss_of(lib: Any, ps: list[Any], step: int) -> Any:
    """Something with a gradient that changes from step to step; the second parameter rests."""
    a, b, c = ps[:3]
    loss = (a * a).sum() + ((a - 0.1 * step) * c).sum() * 0.1 + (c - 1) * c
    return loss if step % 3 == 1 else loss + ((b - a.sum() * 0.1) ** 2).mean()


def trained(lib: Any, make: Both, dtype: str = "float32", steps: int = STEPS) -> tuple[Any, Any]:
    ps = parameters(lib, dtype)
    optimizer = make(lib)(ps)
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(lib, ps, step).backward()
        optimizer.step()
    return ps, optimizer


def close(ours: list[Any], theirs: list[Any], dtype: str) -> None:
    tol = 2e-5 if dtype == "float32" else 1e-12
    for p, q in zip(ours, theirs, strict=True):
        assert str(p.dtype) == str(q.dtype)
        assert tuple(p.shape) == tuple(q.shape)
        np.testing.assert_allclose(p.tolist(), q.tolist(), rtol=tol, atol=tol)


def same_state(ours: Any, theirs: Any, dtype: str) -> None:
    a, b = ours.state_dict(), theirs.state_dict()
    assert a["param_groups"] == b["param_groups"]
    assert a["state"].keys() == b["state"].keys()
    for key, state in b["state"].items():
        assert a["state"][key].keys() == state.keys()
        for name, value in state.items():
            if value is None:
                assert a["state"][key][name] is None
            else:
                close([a["state"][key][name]], [value], dtype)
