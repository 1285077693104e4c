"""Every public function and method, called in many ways by both libraries.

The calls are those of the other files and of the declared samples (``parity_calls``), each as it
is and with one thing changed (``parity_variants``): types, layouts in memory, empty and 0-d
tensors, keywords for positions, the method or the in-place twin for the function. Values, types,
shapes and first and second gradients agree, or both raise, exceptions of one class. With
``HYPOTHESIS_PROFILE=soak`` every change of every call is run.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from parity_calls import F, here, pool  # noqa: E402
from parity_selection import chosen  # noqa: E402
from parity_uncovered import NO_COUNTERPART, REASONS, VALUES_ONLY  # noqa: E402
from parity_variants import differs, order_of, show, to_ours, to_theirs  # noqa: E402

import chainrule as cr  # noqa: E402
from chainrule.autograd.declare import names  # noqa: E402

NAMES = list(pool())
VALUES = ("types", "layouts", "shapes", "forms")


def fails(
    peers: Any, name: str, kinds: tuple[str, ...], calls: int, each: int, strict: bool = True
) -> list[str]:
    """What is unlike PyTorch in the calls of a public name."""
    found = []
    with np.errstate(all="ignore"):
        for word, call in chosen(name, kinds, calls, each):
            unlike = differs(peers, call, order_of(word, call), kinds=strict)
            if unlike is not None:
                found.append(f"{word}: {call}\n    {unlike}")
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_values(peers: Any, name: str) -> None:
    """At least ten calls of each, where that many can be made."""
    found = fails(peers, name, VALUES, 2, 4)
    assert not found, "\n".join(found)


# Creation functions and the like, whose arguments are few.
FEW = 10


def test_how_many_calls(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten samples a function or more, but for those that take no tensor."""
    assert all(chosen(name, VALUES, 2, 4) for name in NAMES)
    counts = {name: len(chosen(name, VALUES, 2, 4)) for name in NAMES}
    tensors = [n for n in NAMES if any(isinstance(a, torch.Tensor) for c in pool()[n]
                                       for a in c.args)]  # fmt: skip
    few = [n for n in tensors if counts[n] < FEW]
    assert len(few) < len(tensors) / 15, few
    with capsys.disabled():
        print(f"\n{len(NAMES)} public names, {sum(counts.values())} calls compared with PyTorch")


def test_what_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The list of what is not compared is printed, each with its reason."""
    with capsys.disabled():
        for name, reason in NO_COUNTERPART.items():
            print(f"\nnot compared: {name} ({reason})", end="")
        for reason, listed in VALUES_ONLY.items():
            print(f"\nno gradients compared: {reason} ({listed[:120]})", end="")
        for reason, listed in REASONS.items():
            print(f"\nnot compared: {reason} ({'; '.join(n for _, n in listed)[:120]})", end="")
    assert len(NO_COUNTERPART) + len(REASONS) < 40


# -- out= -----------------------------------------------------------------------------------------

OUT = [n for n in NAMES if n.startswith(("torch.", "linalg.", "special."))]
# Functions that take ``out`` in PyTorch and whose results are not one tensor, or not fixed.
NO_OUT = {
    "torch.unique", "torch.unique_consecutive", "linalg.lstsq", "torch.normal", "torch.bernoulli",
    "torch.sum", "torch.prod", "torch.arange", "torch.linspace",  # whose type follows out
    "torch.rand", "torch.randn", "torch.randint", "torch.randperm", "torch.multinomial",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [n for n in OUT if n not in NO_OUT])
def test_out(peers: Any, name: str) -> None:
    """``out=`` of the right type and shape holds the result; of another type both raise."""
    call = next(
        (c for c in pool()[name] if "out" not in c.kwargs and result_of(c) is not None), None
    )
    if call is None:
        pytest.skip("no call gives one tensor")
    result = result_of(call)
    for dtype in (result.dtype, torch.bool, torch.float64):
        given = to_theirs(call.args, False)
        theirs: Any = torch.empty(result.shape, dtype=dtype)
        try:
            call.function(torch)(*given, **call.kwargs, out=theirs)
        except TypeError:
            return  # PyTorch's takes no out=
        except RuntimeError:
            theirs = None
        args = to_ours(given)
        kwargs = {k: to_ours(v) for k, v in call.kwargs.items()}
        ours = cr.empty(*result.shape, dtype=to_ours(dtype))
        if theirs is None and dtype is torch.float64 and not result.is_floating_point():
            continue  # PyTorch wants the very type; here one that holds the result will do
        if theirs is None:
            with pytest.raises(RuntimeError):
                call.function(cr)(*args, **kwargs, out=ours)
        else:
            assert call.function(cr)(*args, **kwargs, out=ours) is ours
            peers.same(ours, theirs, str(call))


def result_of(call: Any) -> Any:
    """The one tensor that a call gives in PyTorch, None where it gives something else."""
    try:
        torch.manual_seed(0)
        result = call.function(torch)(*to_theirs(call.args, False), **call.kwargs)
    except Exception:
        return None
    return result if isinstance(result, torch.Tensor) and result.numel() > 1 else None


# -- signatures -----------------------------------------------------------------------------------

PYTHON = [n for n in dir(F) if not n.startswith("_") and inspect.isfunction(getattr(F, n))
          and getattr(F, n).__module__ == F.__name__ and here("F", n)]  # fmt: skip
# A parameter more, which comes last or by keyword only.
MORE = {"axis", "out", "more", "numpy_names", "kwargs"}
# What the names that PyTorch keeps to itself (not in its documentation) give by default.
UNDOCUMENTED = {n for n in PYTHON if n.endswith("_with_indices")}


@pytest.mark.parametrize("name", [n for n in PYTHON if n not in UNDOCUMENTED])
def test_signature(name: str) -> None:
    """Parameters of nn.functional's Python functions: names, order, defaults."""
    theirs = inspect.signature(getattr(F, name)).parameters
    ours = inspect.signature(names["F"][name]).parameters
    if "args" in ours or "args" in theirs:
        pytest.skip("the parameters are sorted out inside")
    assert [n for n in ours if n not in MORE] == [n for n in theirs if n not in MORE]
    for key, parameter in theirs.items():
        if key in ours:
            assert show(ours[key].default) == show(parameter.default), key
