"""A call with one thing changed, run by both libraries, and how the outcomes differ.

``variants(call)`` gives the changed calls with a word for the change; ``differs(peers, call)``
runs one and returns what is unlike PyTorch, or nothing. Random numbers start from the same seed.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from parity_calls import Call, apart, here, show
from parity_uncovered import values_only

import chainrule as cr

NUMPY = {"dim": "axis", "keepdim": "keepdims"}
TYPES = ["float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool"]
HUGE = 2**62
Change = tuple[str, Call]
# Where PyTorch's Python code trips over an argument; here the argument is named.
ACCIDENTS = (AttributeError, UnboundLocalError, AssertionError, KeyError)
PLAIN = (TypeError, ValueError, RuntimeError, IndexError)


def to_ours(value: Any) -> Any:
    """An argument for chainrule: the same values in the same layout."""
    if isinstance(value, torch.Tensor):
        half = value.dtype is torch.bfloat16
        data = (value.float() if half else value).detach().numpy()
        if not data.ndim:
            made = cr.tensor(data)
        else:
            made = cr.from_numpy(np.array(data, order="K"))
            if value.numel() and not half:  # steps of 0 and gaps too
                copy = value.detach().numpy()
                made = cr.from_numpy(_again(copy))
        made = made.bfloat16() if half else made
        return made.requires_grad_() if value.requires_grad else made
    if isinstance(value, (tuple, list)):
        parts = [to_ours(v) for v in value]
        return parts if isinstance(value, list) else tuple(parts)
    if isinstance(value, torch.dtype):
        return getattr(cr, str(value).removeprefix("torch."))
    if isinstance(value, torch.Generator):
        return None
    return value


def _again(data: Any) -> Any:
    """A copy of an array with its steps in memory."""
    if all(s >= 0 for s in data.strides):
        span = sum((n - 1) * s for n, s in zip(data.shape, data.strides, strict=True))
        memory = np.zeros(span // data.itemsize + 1, data.dtype)
        out = np.lib.stride_tricks.as_strided(memory, data.shape, data.strides)
        out[...] = data
        return out
    return data.copy(order="K")


def to_theirs(value: Any, grad: bool) -> Any:
    """An argument for PyTorch: a copy, which requires grad where it can."""
    if isinstance(value, torch.Tensor):
        made = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype)
        made = value.clone() if 0 in value.stride() else made.copy_(value)
        return made.requires_grad_() if grad and made.is_floating_point() else made
    if isinstance(value, (tuple, list)):
        parts = [to_theirs(v, grad) for v in value]
        return parts if isinstance(value, list) else tuple(parts)
    return value


def each(value: Any) -> Iterator[Any]:
    """The tensors in arguments, lists included."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for v in value:
            yield from each(v)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Arguments with every tensor changed."""
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return {k: mapped(v, change) for k, v in value.items()}
    if type(value) in (tuple, list):
        return type(value)([mapped(v, change) for v in value])
    return value


def changed(call: Call, change: Callable[[Any], Any]) -> Call:
    """The call with every tensor changed."""
    return Call(call.space, call.name, mapped(call.args, change), mapped(call.kwargs, change))


def replaced(call: Call, at: int | str, value: Any) -> Call:
    """The call with one argument replaced."""
    if isinstance(at, str):
        return Call(call.space, call.name, call.args, {**call.kwargs, at: value})
    return Call(call.space, call.name, [*call.args[:at], value, *call.args[at + 1 :]], call.kwargs)


def places(call: Call) -> list[tuple[int | str, Any]]:
    """Where an argument stands, and the argument."""
    return [*enumerate(call.args), *call.kwargs.items()]


# -- what to change -------------------------------------------------------------------------------


def types(call: Call) -> Iterator[Change]:
    """Every floating tensor in another type, then the first alone."""
    if not any(t.is_floating_point() for t in each([call.args, list(call.kwargs.values())])):
        return
    for name in TYPES:
        kind = getattr(torch, name)

        def cast(t: Any, kind: Any = kind) -> Any:
            if not t.is_floating_point():
                return t
            return t.to(kind) if kind.is_floating_point else (t * 3).abs().nan_to_num(0).to(kind)

        yield name, changed(call, cast)
        if name in ("float32", "int64") and isinstance(call.args[:1], list) and call.args:
            yield f"first {name}", replaced(call, 0, mapped(call.args[0], cast))


def layouts(call: Call) -> Iterator[Change]:
    """Transposed memory, and every second element of a larger one."""
    if any(t.ndim > 1 for t in each(call.args)):
        turn = lambda t: t.mT.contiguous().mT if t.ndim > 1 else t  # noqa: E731
        yield "turned", changed(call, turn)
    gaps = lambda t: torch.stack([t, t], -1)[..., 0]  # noqa: E731
    yield "gaps", changed(call, gaps)


def shapes(call: Call) -> Iterator[Change]:
    """Empty, 0-d and one-dimensional tensors in the place of those of the call."""
    given = list(each(call.args))
    if not given:
        return
    first = given[0].shape
    for dim in range(len(first)):
        cut = lambda t, d=dim: t.narrow(d, 0, 0) if t.shape == first else t  # noqa: E731
        yield f"empty {dim}", changed(call, cut)
    if first.numel():
        yield "0-d", changed(call, lambda t: t.flatten()[0] if t.shape == first else t)
        yield "all 0-d", changed(call, lambda t: t.flatten()[0] if t.numel() else t)
        yield "1-d", changed(call, lambda t: t.flatten() if t.shape == first else t)
    yield "more", changed(call, lambda t: t[None] if t.shape == first else t)
    if len(given) > 1:
        yield "no fit", replaced(call, 0, mapped(call.args[0], lambda t: torch.cat([t, t, t])
                                                 if t.ndim else t))  # fmt: skip


def numbers(call: Call) -> Iterator[Change]:
    """Another number for every whole number: negative, too large, huge, not whole, a tensor."""
    for at, value in places(call):
        if type(value) is int:
            for other in (-1, -2, value + 1, -value - 4, 7, HUGE, -HUGE, 1.5, True):
                yield f"{at}: {other}", replaced(call, at, other)
            yield f"{at}: tensor", replaced(call, at, torch.tensor(value))
            yield f"{at}: numpy", replaced(call, at, np.int64(value))
        elif type(value) is float:
            for other in (0.0, -1.0, float("nan"), float("inf"), 3):
                yield f"{at}: {other}", replaced(call, at, other)
        elif isinstance(value, (tuple, list)) and value and all(type(v) is int for v in value):
            for k in range(len(value)):
                for other in (-1, value[k] + 1, 7, HUGE, 1.5, "a"):
                    more = [*value[:k], other, *value[k + 1 :]]
                    yield f"{at}[{k}]: {other}", replaced(call, at, type(value)(more))
            yield f"{at}: ()", replaced(call, at, type(value)())
            yield f"{at}: longer", replaced(call, at, type(value)([*value, *value]))


def wrong(call: Call) -> Iterator[Change]:
    """Arguments of another kind, one too few, one too many, one that is not known."""
    for at, value in places(call):
        if at == 0 and call.space == "tensor":
            continue  # a method's own tensor
        for other in (None, "abc", [1.0, 2.0], 3, object):
            if type(value) is not type(other):
                word = getattr(other, "__name__", repr(other))
                yield f"{at}: {word}", replaced(call, at, other)
        if not isinstance(value, torch.Tensor):
            yield f"{at}: tensor of 2", replaced(call, at, torch.ones(2))
        elif value.is_floating_point():
            yield f"{at}: complex", replaced(call, at, value.to(torch.complex128))
        else:
            yield f"{at}: huge index", replaced(call, at, value + HUGE if value.dtype ==
                                                torch.int64 else value)  # fmt: skip
            yield f"{at}: float", replaced(call, at, value.double())
            yield f"{at}: negative", replaced(call, at, -value.long() - 1)
    if call.args:
        fewer = call.args[:-1]
        if fewer or call.space != "tensor":
            yield "one fewer", Call(call.space, call.name, fewer, call.kwargs)
    yield "one more", Call(call.space, call.name, [*call.args, 1], call.kwargs)
    yield "unknown", Call(call.space, call.name, call.args, {**call.kwargs, "nonsense": 1})


def forms(call: Call) -> Iterator[Change]:
    """Keywords for positions, NumPy's names for them, the method for the function."""
    function = call.function(cr)
    try:
        kinds = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        kinds = ()  # type: ignore[assignment]
    known = [p.name for p in kinds if p.kind is p.POSITIONAL_OR_KEYWORD]
    skip = int(call.space == "tensor")
    if len(known) >= len(call.args) > skip:
        for n in range(skip, len(call.args)):
            moved = dict(zip(known[n:], call.args[n:], strict=False))
            if not set(moved) & set(call.kwargs):
                more = {**moved, **call.kwargs}
                yield f"keywords from {n}", Call(call.space, call.name, call.args[:n], more)
                axis = {
                    {"dim": "axis", "keepdim": "keepdims"}.get(k, k): v for k, v in more.items()
                }
                if axis != more:
                    yield f"axis from {n}", Call(call.space, call.name, call.args[:n], axis)
    if call.space in ("torch", "F") and here("tensor", call.name) and call.args:
        if isinstance(call.args[0], torch.Tensor):
            yield "method", Call("tensor", call.name, call.args, call.kwargs)
        if here("tensor", call.name + "_") and isinstance(call.args[0], torch.Tensor):
            yield "twin", Call("tensor", call.name + "_", call.args, call.kwargs)


KINDS = {"types": types, "layouts": layouts, "shapes": shapes, "numbers": numbers, "wrong": wrong,
         "forms": forms}  # fmt: skip


def variants(call: Call, kinds: Any = KINDS) -> Iterator[Change]:
    """The call itself, and with one thing changed."""
    yield "as it is", call
    for kind in kinds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = list(KINDS[kind](call))
        yield from made


# -- running --------------------------------------------------------------------------------------


def run(module: Any, call: Call, args: Any, kwargs: Any) -> Any:
    """What a call gives; for an edit what it returns and the edited tensor."""
    module.manual_seed(0)
    edits = call.name.endswith("_") and not call.name.endswith("__")
    if not edits:
        return call.function(module)(*args, **kwargs)
    first = args[0].clone() if args and isinstance(args[0], (torch.Tensor, cr.Tensor)) else None
    if first is None:
        return call.function(module)(*args, **kwargs)
    result = call.function(module)(first, *args[1:], **kwargs)
    assert result is first, "an edit returns the tensor it edits"
    return first


def settled(value: Any) -> Any:
    """A tensor or tensors, without what cannot be compared."""
    return list(value) if isinstance(value, (torch.Size, cr.Size)) else value


def order_of(word: str, call: Call) -> int:
    """How many derivatives of a changed call are compared."""
    kinds = {t.dtype for t in each([call.args, list(call.kwargs.values())])}
    if values_only(call) or kinds & {torch.float16, torch.bfloat16}:
        return 0  # differences of rounded numbers
    return 1 if torch.float32 in kinds else 2


def goes_back(result: Any, leaves: Any, order: int) -> bool:
    """Whether PyTorch itself has the derivatives of a result."""
    outs = [t for t in each(result) if t.requires_grad]
    xs = [t for t in each(leaves) if t.requires_grad]
    try:
        for _ in range(order):
            grads = torch.autograd.grad(outs, xs, [torch.ones_like(o) for o in outs],
                                        create_graph=True, allow_unused=True)  # fmt: skip
            outs = [g for g in grads if g is not None and g.requires_grad]
            if not outs:
                return True
    except Exception:
        return False
    return True


def names_argument(call: Call, error: Exception | None, kinds: Any = TypeError) -> bool:
    """Whether an error says of which function, and which argument it was."""
    words = ("argument", call.name.rstrip("_"), "hape", "dim", "index", "expected", "xpected")
    return isinstance(error, kinds) and any(w in str(error) for w in words)


def differs(
    peers: Any, call: Call, order: int = 2, zeros: bool = False, *, kinds: bool = True
) -> str | None:
    """What is unlike PyTorch in a call, None where nothing is.

    ``kinds``: whether an argument of a kind that PyTorch refuses (TypeError) must be refused; it
    may also pass for what is needed.
    """
    from conftest import Outcome

    every = [call.args, list(call.kwargs.values())]
    given = [to_theirs(every, order > 0) for _ in range(2)]  # each library gets copies of its own
    args, values = to_ours(given[0])
    kwargs = dict(zip(call.kwargs, values, strict=True))
    ours = Outcome(lambda: run(cr, call, args, kwargs))
    their_args, their_values = given[1]
    their_kwargs = dict(zip(call.kwargs, their_values, strict=True))
    theirs = Outcome(lambda: run(torch, call, their_args, their_kwargs))
    try:
        if order and "is not differentiable with respect to" in str(theirs.error):
            return differs(peers, call, 0, zeros)
        if not kinds and isinstance(theirs.error, (TypeError, *ACCIDENTS)) and ours.error is None:
            return None
        if isinstance(theirs.error, ACCIDENTS) and isinstance(ours.error, PLAIN):
            return None
        if names_argument(call, ours.error) and theirs.error is not None:
            return None
        if isinstance(theirs.error, TypeError) and names_argument(call, ours.error, PLAIN):
            return None
        if ours.error is not None or theirs.error is not None:
            peers.both_raise(ours, theirs)
            return None
        peers.same(settled(ours.value), settled(theirs.value), zeros=zeros)
        if order:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                leaves = [{f"a{k}": t for k, t in enumerate(_leaves(v))}
                          for v in ([args, values], [their_args, their_values])]  # fmt: skip
                try:
                    peers.gradients(ours.value, theirs.value, leaves, order)
                except AssertionError:
                    raise
                except Exception:
                    if goes_back(theirs.value, [their_args, their_values], order):
                        raise
                    return differs(peers, call, order - 1, zeros)
    except Exception as error:  # an AssertionError, or what going back raised
        return f"{type(error).__name__}: {error}"
    return None


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, (torch.Tensor, cr.Tensor)):
        return [value] if value.requires_grad else []
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in _leaves(v)]
    return []


__all__ = ["apart", "differs", "show", "variants"]
