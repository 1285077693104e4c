"""Bad inputs, applied to all public functions: each raises, and says of what.

No reference library is needed: the calls that must fail are made from the declared samples, with
arguments that no function takes. A message names the function, the argument, or what was expected
and the shape that came. (What PyTorch raises in the same places: tests/parity.)
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.autograd import registry
from chainrule.autograd.declare import names
from chainrule.autograd.ops.samples import Sampler

HUGE = 2**62
CLASSES = (TypeError, ValueError, RuntimeError, IndexError)  # and those that derive from them
SPACES = ("torch", "F", "linalg", "special")
# Words of what was expected, where a message does not name the function.
SAYS = ("argument", "dim", "Dimension", "index", "xpected", "shape", "size", "dtype", "must")


def tensors(value: Any) -> Any:
    """Arrays as Tensors, lists of them too."""
    if isinstance(value, (np.ndarray, np.floating)):
        return cr.tensor(np.array(value))
    if isinstance(value, (tuple, list)) and any(isinstance(v, np.ndarray) for v in value):
        return [tensors(v) for v in value]
    return value


def public(name: str) -> Callable[..., Any] | None:
    """The public function of an operation, None where it has none of its own."""
    for space in SPACES:
        found = names[space].get(name)
        if found is not None and getattr(found, "op", None) is registry[name]:
            return found
    return None


def samples(name: str) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """The declared calls of an operation."""
    declared = registry[name].samples
    for args in declared(Sampler()) if declared is not None else ():
        keywords = dict(args[-1]) if args and isinstance(args[-1], dict) else {}
        plain = args[:-1] if keywords else args
        yield [tensors(v) for v in plain], keywords


NAMES = [n for n, op in registry.items() if op.samples is not None and public(n) is not None]


class Hangs(BaseException):
    """A call took too long."""


@pytest.fixture
def promptly() -> Iterator[None]:
    """Every call answers within seconds."""

    def stop(*_: Any) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def refuses(name: str, args: list[Any], kwargs: dict[str, Any], what: str) -> None:
    """The call raises one of the plain classes, and the message says enough."""
    function = public(name)
    assert function is not None
    try:
        result = function(*args, **kwargs)
    except CLASSES as error:
        text = str(error)
        alike = name in text or any(word in text for word in SAYS)
        assert alike, f"{name}, {what}: the message says nothing of it: {text!r}"
    else:
        raise AssertionError(f"{name}, {what}: gave {result!r}")


@pytest.mark.usefixtures("promptly")
@pytest.mark.parametrize("name", NAMES)
def test_first_argument(name: str) -> None:
    """A string, a class, None and a dict for the first tensor; no argument; one unknown."""
    for args, kwargs in list(samples(name))[:1]:
        for wrong in ("abc", object, None, {}):
            refuses(name, [wrong, *args[1:]], kwargs, f"{wrong!r} for a tensor")
        refuses(name, [], {}, "no argument")
        refuses(name, args, {**kwargs, "nonsense": 1}, "an unknown keyword")


# Operations whose dim is looked at only where there is something to look through.
DIMS = [n for n in NAMES if "dim" in registry[n].params]


@pytest.mark.usefixtures("promptly")
@pytest.mark.parametrize("name", DIMS)
def test_dimension(name: str) -> None:
    """A dimension out of range, huge, a fraction, a string: IndexError or TypeError, with it."""
    at = registry[name].inputs + registry[name].params
    for args, kwargs in list(samples(name))[:1]:
        given = {**dict(zip(at[1:], args[1:], strict=False)), **kwargs}
        for wrong in (7, -8, HUGE, -HUGE):
            with pytest.raises((IndexError, RuntimeError, ValueError)) as error:
                public(name)(args[0], **{**given, "dim": wrong})  # type: ignore[misc]
            assert str(wrong) in str(error.value) or "dim" in str(error.value), name
        for kind in (1.5, "a", object):
            refuses(name, [args[0]], {**given, "dim": kind}, f"dim={kind!r}")


PAIRS = [n for n in NAMES if len(registry[n].inputs) == 2 and registry[n].partial]


@pytest.mark.usefixtures("promptly")
@pytest.mark.parametrize("name", PAIRS)
def test_shapes_that_do_not_broadcast(name: str) -> None:
    with pytest.raises(RuntimeError) as error:
        public(name)(cr.ones(2, 3), cr.ones(2, 4))  # type: ignore[misc]
    text = str(error.value)
    assert name in text or "size of tensor a" in text
    assert "[2, 3]" in text
    assert "[2, 4]" in text


SIZES: list[Callable[[int], Any]] = [
    lambda n: cr.zeros(n), lambda n: cr.ones(n, n), lambda n: cr.empty(2, n),
    lambda n: cr.full((n,), 1.0), lambda n: cr.eye(n), lambda n: cr.arange(n),
    lambda n: cr.rand(n), lambda n: cr.randn(n, 2), lambda n: cr.randint(3, (n,)),
    lambda n: cr.ones(2).repeat(n), lambda n: cr.ones(2).tile((n,)),
    lambda n: cr.ones(2).repeat_interleave(n), lambda n: cr.ones(2).reshape(n, 2),
    lambda n: cr.ones(2).view(n), lambda n: cr.ones(2).expand(n),
    lambda n: cr.ones(4).unfold(0, n, 1),
    lambda n: cr.ones(4).narrow(0, 0, n), lambda n: cr.ones(4).index_select(0, cr.tensor([n])),
    lambda n: cr.ones(4)[n], lambda n: cr.ones(4).select(0, n), lambda n: cr.ones(3).topk(n),
    lambda n: cr.ones(3).kthvalue(n), lambda n: cr.ones(3).gather(0, cr.tensor([n])),
    lambda n: cr.nn.functional.one_hot(cr.tensor([n])),
    lambda n: cr.nn.functional.one_hot(cr.tensor([0]), n),
    lambda n: cr.nn.functional.pad(cr.ones(2), (n, 0)),
    lambda n: cr.nn.functional.interpolate(cr.ones(1, 1, 2), n),
    lambda n: cr.nn.functional.adaptive_avg_pool1d(cr.ones(1, 1, 2), n),
    lambda n: cr.nn.functional.max_pool1d(cr.ones(1, 1, 4), n),
    lambda n: cr.nn.functional.avg_pool1d(cr.ones(1, 1, 4), n),
    lambda n: cr.nn.functional.embedding(cr.tensor([n]), cr.ones(2, 2)),
    lambda n: cr.nn.functional.nll_loss(cr.ones(1, 2), cr.tensor([n])),
    lambda n: cr.bincount(cr.tensor([n])), lambda n: cr.histc(cr.ones(3), n),
    lambda n: cr.linspace(0, 1, n), lambda n: cr.tril_indices(n, n),
    lambda n: cr.diag_embed(cr.ones(2), n),
    lambda n: cr.nn.functional.pixel_shuffle(cr.ones(1, 4, 1, 1), n),
]  # fmt: skip


@pytest.mark.usefixtures("promptly")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n", [HUGE, -HUGE])
@pytest.mark.parametrize("case", range(len(SIZES)))
def test_huge_numbers(case: int, n: int) -> None:
    """Sizes and indices that no memory holds: an error, at once, of a plain class."""
    with pytest.raises((*CLASSES, MemoryError)) as error:
        SIZES[case](n)
    assert not isinstance(error.value, MemoryError), "the operation is not named"
    assert str(error.value)


COMPLEX = [
    lambda z: z.max(), lambda z: z.sort(), lambda z: z.clamp(0, 1), lambda z: z.floor(),
    lambda z: z < z, lambda z: z.argmax(), lambda z: z.median(), lambda z: cr.maximum(z, z),
    lambda z: z.topk(1), lambda z: z % 2, lambda z: z.cummax(0),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(COMPLEX)))
def test_complex_numbers_have_no_order(case: int) -> None:
    with pytest.raises((RuntimeError, TypeError)):
        COMPLEX[case](cr.tensor([1 + 2j, 3j]))
