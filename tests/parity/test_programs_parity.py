"""Random programs run with both libraries: the same values and gradients, or both raise."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import chainrule as cr  # noqa: E402
from chainrule.autograd import gradcheck  # noqa: E402

_PATH = Path(__file__).parents[1] / "autograd" / "test_programs.py"
_SPEC = importlib.util.spec_from_file_location("programs", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
programs = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(programs)


# They save their argument, for a derivative that stays exact where PyTorch's, which is made from
# the result alone, loses its digits: so that argument may not be edited.
SAVES_MORE = ["tanh", "sech2"]


def refused(error: Any) -> bool:
    """PyTorch refuses to write where it reads, we to write any part of an expanded tensor."""
    return "memory location" in str(error) or "multiple views" in str(error)


def edits_of(statements: list[str]) -> list[str]:
    """The statements that write into a value, as against those that make one."""
    return [s for s in statements if not re.match(r"v\d+ = ", s)]


def reads_what_it_writes(statement: str, scope: dict[str, Any]) -> bool:
    """Whether an edit reads another view of its target: PyTorch reads what it has just written."""
    names = sorted(set(re.findall(r"v\d+", statement)) & set(scope))
    memory = {scope[name].untyped_storage().data_ptr() for name in names}
    return len(memory) < len(names)


@given(statements=programs.programs(), seed=st.integers(0, 100))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_programs(statements: list[str], seed: int) -> None:
    compare(statements, seed)


@given(statements=programs.programs(hooks=True), seed=st.integers(0, 100))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_programs_with_hooks(statements: list[str], seed: int) -> None:
    """Also hooks that replace gradients, kept gradients, and values cut from their history."""
    compare(statements, seed, hooks=True)


def compare(statements: list[str], seed: int, *, hooks: bool = False) -> None:
    """Run a program with both, and compare values, gradients and kept gradients."""
    data = programs.arrays(seed)
    ours = [cr.tensor(a).requires_grad_() for a in data]
    theirs = [torch.tensor(a).requires_grad_() for a in data]
    scope, errors = programs.run(cr, statements, ours)
    torch_scope, torch_errors = programs.run(torch, statements, theirs)
    for statement, a, b in zip(statements, errors, torch_errors, strict=True):
        if (a is None) != (b is None) and refused(a or b):
            return  # from here on the two programs are different ones
        if b is not None and statement in edits_of(statements):
            return  # PyTorch may have written a part before it raised
        assert (a is None) == (b is None), f"{statement}\nchainrule: {a!r}\nPyTorch: {b!r}"
    if any(reads_what_it_writes(s, torch_scope) for s in edits_of(statements)):
        return
    for name, v in torch_scope.items():
        assert tuple(scope[name].shape) == tuple(v.shape)
        assert scope[name].requires_grad == v.requires_grad, name
        np.testing.assert_allclose(scope[name].detach().numpy(), v.detach().numpy(), 1e-9, 1e-11)
    if not programs.tame(scope):
        return
    try:
        expected = programs.total(torch, torch_scope)
        if not expected.requires_grad:
            return
        expected.backward()
    except RuntimeError as error:
        if "detached in-place" in str(error):
            return  # PyTorch refuses where detach_() met a saved value; we go back
        if "inplace" not in str(error):
            raise
        if not hooks:
            edited_after_saving(statements, errors, scope, ours)
        return
    try:
        programs.total(cr, scope).backward()
    except RuntimeError as error:
        if any(f"{name} saved its" in str(error) for name in SAVES_MORE):
            return
        raise
    for x, y in zip(ours, theirs, strict=True):
        assert (x.grad is None) == (y.grad is None)
        if x.grad is not None:
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), 1e-8, 1e-9)
    for name, v in torch_scope.items():
        if not v.is_leaf and v.retains_grad:
            kept = scope[name].grad
            assert (kept is None) == (v.grad is None), name
            if kept is not None:
                np.testing.assert_allclose(kept.numpy(), v.grad.numpy(), 1e-8, 1e-9)


def edited_after_saving(
    statements: list[str], errors: list[Any], scope: dict[str, Any], leaves: list[Any]
) -> None:
    """PyTorch refuses to go back: so do we, or finite differences say that we are right."""
    if not programs.goes_back(programs.total(cr, scope)):
        return
    good = [s for s, e in zip(statements, errors, strict=True) if e is None]

    def function(*xs: Any) -> Any:
        return programs.total(cr, programs.run(cr, good, xs)[0])

    if programs.goes_back(function(*leaves)):
        assert gradcheck(function, leaves, atol=1e-4)
