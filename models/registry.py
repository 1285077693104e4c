"""The table of models: each file enters its own with ``register``, and anyone may list them.

What a table of architectures usually quotes (parameters, multiply-adds) is counted here, by making
the model and running it on one sample; ``published`` keeps what the paper or torchvision says.
"""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

from .. import nn
from ..autograd import Tensor, modes
from ..autograd.around import Around
from ..autograd.declare import names
from ..autograd.errors import did_you_mean
from ..autograd.op import Op

Builder = TypeVar("Builder", bound=Callable[..., Any])
Sample = tuple[int, ...] | Callable[[], tuple[Any, ...]]


@dataclass(frozen=True)
class Entry:
    """A registered model: how it is built, what a sample for it is, and where it comes from."""

    name: str
    build: Callable[..., Any]
    what: str
    paper: str
    year: int | None
    sample: Sample
    published: str = ""

    def inputs(self) -> tuple[Any, ...]:
        """The arguments of a forward pass on a batch of one."""
        if callable(self.sample):
            return self.sample()
        return (names["torch"]["zeros"](1, *self.sample),)


@dataclass(frozen=True)
class Description:
    """A model's row in the table; ``str`` writes it on a few lines."""

    name: str
    what: str
    paper: str
    year: int | None
    input: tuple[tuple[int, ...], ...]
    parameters: int
    multiply_adds: int
    published: str = ""

    def __str__(self) -> str:
        sizes = ", ".join("×".join(map(str, shape)) or "a number" for shape in self.input)
        rows = {
            "what": self.what,
            "paper": self.paper + (f" ({self.year})" if self.year else ""),
            "input": sizes,
            "parameters": f"{self.parameters:,}",
            "multiply-adds": f"{self.multiply_adds:,}",
            "published": self.published,
        }
        return "\n".join([self.name, *[f"  {k:14}{v}" for k, v in rows.items() if v]])

    __repr__ = __str__


_entries: dict[str, Entry] = {}


def register(
    what: str, paper: str, year: int | None, sample: Sample, published: str = "", name: str = ""
) -> Callable[[Builder], Builder]:
    """Enter a function that builds a model under its own name (or ``name``) in the table.

    ``sample`` is the shape of one float sample without the batch, or a function that gives the
    arguments of a forward pass on a batch of one. Raises ValueError for a name already taken.

    >>> from chainrule import models, nn
    >>> @models.register("one line", "none", 2026, sample=(3,), name="line_of_the_doctest")
    ... def line() -> nn.Module:
    ...     return nn.Linear(3, 1)
    >>> models.describe("line_of_the_doctest").parameters
    4
    >>> models.forget("line_of_the_doctest")
    """

    def enter(build: Builder) -> Builder:
        key = name or build.__name__
        if key in _entries:
            raise ValueError(f"register: there is a model {key!r} already; choose another name")
        _entries[key] = Entry(key, build, what, paper, year, sample, published)
        return build

    return enter


def forget(name: str) -> None:
    """Take a model out of the table."""
    _entries.pop(entry(name).name)
    _counted.cache_clear()


def entry(name: str) -> Entry:
    """The entry of a name; ValueError, with the closest one, for a name that is not there."""
    if name not in _entries:
        raise ValueError(f"models: there is no model {name!r}.{did_you_mean(name, _entries)}")
    return _entries[name]


def list_models(pattern: str = "*") -> list[str]:
    """The names of all models that fit a pattern, in order of the alphabet; also ``models.list``.

    >>> from chainrule import models
    >>> models.list("vgg1?")
    ['vgg11', 'vgg13', 'vgg16', 'vgg19']
    """
    return sorted(fnmatch.filter(_entries, pattern))


def get_model(name: str, **options: Any) -> Any:
    """A new model by name; options go to its constructor.

    >>> from chainrule import models
    >>> models.get_model("lenet", num_classes=3).classifier[-1].out_features
    3
    """
    return entry(name).build(**options)


def describe(name: str) -> Description:
    """What a model is, its paper, and its counted parameters and multiply-adds on one sample.

    >>> from chainrule import models
    >>> models.describe("lenet5")
    lenet5
      what          LeNet-5 as in the paper: trained subsampling, C3's table, radial output
      paper         LeCun et al., "Gradient-based learning applied to document recognition" (1998)
      input         1×1×32×32
      parameters    60,000
      multiply-adds 415,680
      published     60,000 parameters; 340,908 connections
    """
    return _counted(name)


@functools.cache
def _counted(name: str) -> Description:
    it = entry(name)
    with nn.init.no_init():
        model = it.build().eval()
    inputs = it.inputs()
    return Description(
        name=name,
        what=it.what,
        paper=it.paper,
        year=it.year,
        input=tuple(tuple(t.shape) for t in inputs if isinstance(t, Tensor)),
        parameters=count_parameters(model),
        multiply_adds=count_multiply_adds(model, *inputs),
        published=it.published,
    )


def count_parameters(model: nn.Module, trainable: bool = False) -> int:
    """How many numbers the parameters hold; with ``trainable``, those that are learned only.

    >>> from chainrule import models, nn
    >>> models.count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


def count_multiply_adds(model: Callable[..., Any], *inputs: Any) -> int:
    """Multiply-adds of the products (linear, convolution, attention, recurrent) in one run.

    A convolution makes out·C/groups·k², a linear map out·in, each for the whole batch given.
    Additions of biases, norms, pools and activations are not counted, as is usual.

    >>> import chainrule as cr
    >>> cr.models.count_multiply_adds(cr.nn.Conv2d(3, 8, 3), cr.zeros(1, 3, 10, 10))
    13824
    """
    counter = MultiplyAdds()
    counter.enter()
    try:
        with modes.no_grad():
            model(*inputs)
    finally:
        counter.leave()
    return counter.total


class MultiplyAdds(Around):
    """Stands around every operation and adds up the multiplications of the products."""

    def __init__(self) -> None:
        self.total = 0

    def call(self, op: Op, inputs: Sequence[Any], params: tuple[Any, ...]) -> Any:
        out = self.proceed(op, inputs, params)
        rule = _PRODUCTS.get(op.name)
        if rule is not None:
            self.total += rule(out, *inputs)
        return out


def _linear(out: Any, a: Any, *rest: Any) -> int:
    return int(out.numel() * a.shape[-1])


def _convolution(out: Any, x: Any, weight: Any, *rest: Any) -> int:
    return int(out.numel() * prod(weight.shape[1:]))


def _transposed(out: Any, x: Any, weight: Any, *rest: Any) -> int:
    return int(x.numel() * prod(weight.shape[1:]))


def _attention(out: Any, query: Any, key: Any, value: Any, *rest: Any) -> int:
    pairs = prod(query.shape[:-1]) * key.shape[-2]
    return int(pairs * (key.shape[-1] + value.shape[-1]))


def _recurrent(out: Any, x: Any, h0: Any, c0: Any, w_ih: Any, w_hh: Any, *rest: Any) -> int:
    projection = rest[2].numel() if len(rest) > 2 and rest[2] is not None else 0
    return int(x.shape[0] * (w_ih.numel() + w_hh.numel() + projection))


_PRODUCTS: dict[str, Callable[..., int]] = {
    "linear": _linear,
    "matmul": _linear,
    "convolution": _convolution,
    "convolution_input": _transposed,
    "scaled_dot_product_attention": _attention,
    "recurrent": _recurrent,
}
