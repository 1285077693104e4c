"""Random tensors and dropout: PyTorch's sequence from the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, modes, views
from .. import random as stream
from ..batched import Batched, peek
from ..declare import export
from ..dtypes import as_dtype, get_default_dtype
from ..examples import generator_of
from ..handle import Handle, make
from ..shapes import inverse, sizes
from .arithmetic import mul
from .creation import finish


def source(generator: Any) -> Any:
    """The generator to draw from; a capture may not keep one draw for all its runs."""
    if modes.tracing:
        raise NotImplementedError("random draws cannot be captured yet: draw outside and pass them")
    return generator_of(stream.pick(generator))


def _shape(size: tuple[Any, ...], more: dict[str, Any], name: str) -> tuple[int, ...]:
    if "size" in more:
        size = (more.pop("size"),)
    for harmless in ("layout", "pin_memory", "names", "memory_format"):
        more.pop(harmless, None)
    if more:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(more))}'")
    shape = sizes(size)
    if any(n < 0 for n in shape):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)}"
        )
    return shape


def _draw(method: str, shape: tuple[int, ...], dtype: Any, generator: Any, *args: Any) -> Any:
    target = as_dtype(dtype or get_default_dtype())
    if target.category < 2:
        raise NotImplementedError(f'"{method}" not implemented for {target}: it draws real numbers')
    return getattr(source(generator), method)(shape, target.np, *args)


@export("torch")
def rand(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, out: Any = None, **more: Any,
) -> Any:  # fmt: skip
    """Uniform on [0, 1).

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); cr.rand(2)
    tensor([0.4963, 0.7682])
    """
    a = _draw("uniform", _shape(size, more, "rand"), dtype, generator)
    return finish(a, None, device, requires_grad)


@export("torch")
def randn(
    *size: Any, generator: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, out: Any = None, **more: Any,
) -> Any:  # fmt: skip
    """Normal with mean 0 and variance 1.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); cr.randn(2)
    tensor([ 1.5410, -0.2934])
    """
    a = _draw("normal", _shape(size, more, "randn"), dtype, generator)
    return finish(a, None, device, requires_grad)


@export("torch")
def randint(
    *args: Any, generator: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, out: Any = None, **named: Any,
) -> Any:  # fmt: skip
    """Integers from ``low`` (0) up to but without ``high``: ``randint(low, high, size)``.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); cr.randint(10, (3,))
    tensor([4, 9, 3])
    """
    given = list(args)
    size = named.pop("size", None)
    if size is None:
        size = given.pop()
    low, high = named.pop("low", 0), named.pop("high", None)
    if high is None:
        low, high = given if len(given) == 2 else (low, given[0])
    elif given:
        low = given[0]
    target = as_dtype(dtype or dtypes.int64)
    a = source(generator).randint(int(low), int(high), sizes((size,)), target.np)
    return finish(a, None, device, requires_grad)


@export("torch")
def randperm(
    n: int, *, generator: Any = None, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, out: Any = None,
) -> Any:  # fmt: skip
    """The integers 0 … n−1 in random order.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); cr.randperm(4)
    tensor([0, 1, 3, 2])
    """
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    a = source(generator).permutation(int(n))
    return finish(a, dtype or dtypes.int64, device, requires_grad)


@export("torch")
def rand_like(input: Any, *, dtype: Any = None, generator: Any = None, **more: Any) -> Any:
    """``rand`` in the shape and dtype of ``input``."""
    return rand(tuple(input.shape), dtype=dtype or input.dtype, generator=generator, **more)


@export("torch")
def randn_like(input: Any, *, dtype: Any = None, generator: Any = None, **more: Any) -> Any:
    """``randn`` in the shape and dtype of ``input``."""
    return randn(tuple(input.shape), dtype=dtype or input.dtype, generator=generator, **more)


@export("torch")
def randint_like(input: Any, *args: Any, dtype: Any = None, **more: Any) -> Any:
    """``randint`` in the shape and dtype of ``input``."""
    return randint(*args, tuple(input.shape), dtype=dtype or input.dtype, **more)


@export("torch")
def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Any = None,
    dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None,
) -> Any:  # fmt: skip
    """Normal with given mean and standard deviation, each a number or a tensor.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); cr.normal(0.0, 1.0, (2,))
    tensor([ 1.5410, -0.2934])
    """
    tensors = [p for p in (mean, std) if isinstance(p, Handle)]
    if not tensors:
        if size is None:
            raise TypeError("normal(): numbers as mean and std need a size")
        if std < 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
        a = _draw("normal", sizes((size,)), dtype, generator, float(mean), float(std))
        return finish(a, None, device, requires_grad)
    shape = np.broadcast_shapes(*[tuple(t.shape) for t in tensors])  # type: ignore[attr-defined]
    unit = make(_draw("normal", shape, tensors[0].dtype, generator))  # type: ignore[attr-defined]
    return (unit * std + mean).detach()


@export("torch")
def bernoulli(input: Any, p: float | None = None, *, generator: Any = None, out: Any = None) -> Any:
    """0 or 1, each element 1 with the probability that ``input`` holds (or ``p``).

    >>> import chainrule as cr
    >>> cr.bernoulli(cr.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    g = source(generator)
    if p is not None:
        drawn = g.bernoulli(float(p), tuple(input.shape))
    else:
        probabilities = peek(input._data)
        if np.any((probabilities < 0) | (probabilities > 1)):
            raise RuntimeError("Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
        many = type(input._data) is Batched
        drawn = g.bernoulli_array(input._data if many else probabilities)
    return finish(drawn, input.dtype, None, False)


@export("torch", "tensor")
def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Any = None,
    out: Any = None,
) -> Any:  # fmt: skip
    """Indices drawn with the probabilities (not necessarily summing to 1) of each row.

    >>> import chainrule as cr
    >>> cr.multinomial(cr.tensor([0.0, 1.0]), 3, replacement=True)
    tensor([1, 1, 1])
    """
    weights = input._data if type(input._data) is Batched else np.asarray(input._data)
    drawn = source(generator).multinomial(weights, num_samples, replacement)
    return finish(drawn, dtypes.int64, None, False)


def fill_in_place(name: str, draw: Any, doc: str) -> None:
    """Add a method that overwrites a tensor with what ``draw`` draws for it."""

    def method(self: Any, *args: Any, generator: Any = None, **kwargs: Any) -> Any:
        views.check_inplace(self)
        drawn = draw(source(generator), self, *args, **kwargs)
        return views.write(self, make(drawn.astype(self.dtype.np)), name)

    method.__name__ = method.__qualname__ = name
    method.__doc__, method.__module__ = doc, __name__
    export("tensor")(method)


def _like(self: Any) -> tuple[tuple[int, ...], Any]:
    return tuple(self.shape), self.dtype.np


def _uniform(g: Any, self: Any, from_: float = 0.0, to: float = 1.0, **kw: Any) -> Any:
    return g.uniform(
        *_like(self), float(kw.get("from", kw.get("a", from_))), float(kw.get("b", to))
    )


def _normal(g: Any, self: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    if std < 0:
        raise RuntimeError(f"normal_ expects std >= 0.0, but found std {std}")
    if self.is_contiguous():
        return g.normal(*_like(self), float(mean), float(std))
    shape, steps = tuple(self.shape), self.stride()  # PyTorch fills such memory in its own order
    order = sorted(range(self.ndim), key=lambda d: -steps[d])
    drawn = g.normal([shape[d] for d in order], self.dtype.np, float(mean), float(std), block=False)
    return drawn.transpose(inverse(order))


def _bernoulli(g: Any, self: Any, p: Any = 0.5) -> Any:
    if isinstance(p, Handle):
        return g.bernoulli_array(np.broadcast_to(p._data, self.shape))
    return g.bernoulli(float(p), tuple(self.shape))


def _exponential(g: Any, self: Any, lambd: float = 1.0) -> Any:
    return g.exponential(*_like(self), float(lambd))


def _random(g: Any, self: Any, *bounds: Any, **named: Any) -> Any:
    low, high = (None, *bounds) if len(bounds) == 1 else bounds or (None, None)
    return g.random(*_like(self), named.get("from", low), named.get("to", high))


fill_in_place("uniform_", _uniform, "Uniform draws on [from, to), in place.")
fill_in_place("normal_", _normal, "Normal draws, in place.")
fill_in_place("bernoulli_", _bernoulli, "0 or 1 with probability ``p`` of 1, in place.")
fill_in_place("exponential_", _exponential, "Exponential draws of rate ``lambd``, in place.")
fill_in_place("random_", _random, "Random integers over the dtype's range or [from, to), in place.")


@export("F")
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """In training, zero each element with probability ``p`` and scale the rest by 1/(1 − p).

    Source: Srivastava et al., "Dropout", 2014.

    >>> import chainrule as cr
    >>> cr.nn.functional.dropout(cr.ones(3), 0.5, training=False)
    tensor([1., 1., 1.])
    """
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    kept = source(None).bernoulli(1 - p, tuple(input.shape))
    scale = 1 / (1 - p) if p < 1 else 0.0
    mask = kept.astype(input.dtype.np) * input.dtype.np.type(scale)
    result = mul(input, make(mask if mask.ndim or type(mask) is Batched else mask[()]))
    return views.write(input, result, "dropout_") if inplace else result


export("torch", name="dropout")(lambda input, p, train: dropout(input, p, train))
