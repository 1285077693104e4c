"""What is measured: each case written once, and built for the engine that a worker runs.

A case gives two functions, ``forward() -> result`` and ``backward(result)``, and ``values(result)``
with everything that must agree between the engines. PyTorch and chainrule run the same lines;
micrograd has scalars only, NumPy is the same arithmetic with the gradient written by hand.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pictures

LIBRARIES = ("chainrule", "torch")
EXACT, ROUNDED = 1e-12, 1e-5  # relative: float64, float32
Build = Callable[["Engine"], "Run"]


class Engine:
    """A library under its own name, and the few things in which they differ."""

    def __init__(self, name: str, optim: bool = False) -> None:
        self.name, self.optim = name, optim
        self.lib: Any = importlib.import_module({"micrograd": "micrograd.engine"}.get(name, name))
        self.scalar_only = name == "micrograd"

    def leaf(self, value: Any, dtype: str) -> Any:
        """A value whose gradient is asked for."""
        if self.scalar_only:
            return self.lib.Value(value)
        return self.lib.tensor(value, dtype=getattr(self.lib, dtype), requires_grad=True)

    def constant(self, value: Any, dtype: str) -> Any:
        """A value without gradient."""
        return self.lib.tensor(value, dtype=getattr(self.lib, dtype))

    def clear(self, leaves: Iterable[Any]) -> None:
        """Forget the gradients."""
        for leaf in leaves:
            leaf.grad = 0 if self.scalar_only else None

    def numbers(self, *things: Any) -> list[float]:
        """The elements of tensors (or of micrograd's values) as one flat list."""
        if self.scalar_only:
            return [float(getattr(t, "data", t)) for t in things]
        return [v for t in things for v in np.ravel(t.tolist()).tolist()]

    def descent(self, parameters: list[Any], lr: float) -> Callable[[], None]:
        """One step of gradient descent; ``optim.SGD`` where both libraries have it."""
        if self.scalar_only:

            def step() -> None:
                for p in parameters:
                    p.data -= lr * p.grad

        elif self.optim and len(parameters) < 100:
            step = self.lib.optim.SGD(parameters, lr=lr).step
        else:
            no_grad = self.lib.no_grad

            def step() -> None:
                with no_grad():
                    for p in parameters:
                        p -= lr * p.grad

        return step


class Run(NamedTuple):
    """A case as built for one engine."""

    forward: Callable[[], Any]
    backward: Callable[[Any], None]
    values: Callable[[Any], list[float]]


@dataclass(frozen=True)
class Case:
    """``nodes`` divides the time (0: a whole training step is reported)."""

    name: str
    title: str
    build: Build
    engines: tuple[str, ...]
    nodes: int = 0
    tolerance: float = ROUNDED
    threads: bool = False  # belongs in the table for two threads too


# -- chains -------------------------------------------------------------------------------------


def _numpy_chain(a: Any, b: Any, y0: Any, steps: int) -> Run:
    """The chain and its gradient as one writes them in plain NumPy."""
    grads: list[Any] = []

    def forward() -> Any:
        y, kept = y0, []
        for _ in range(steps):
            kept.append(y)
            y = np.add(np.multiply(y, a), b)
        return y, kept

    def backward(result: Any) -> None:
        g = np.ones_like(y0)
        da, db = np.zeros_like(a), np.zeros_like(b)
        for y in reversed(result[1]):
            np.add(db, g, out=db)
            np.add(da, np.multiply(g, y), out=da)
            g = np.multiply(g, a)
        grads[:] = [da, db, g]

    def values(result: Any) -> list[float]:
        return [v for t in (result[0], *grads) for v in np.ravel(t).tolist()]

    return Run(forward, backward, values)


def chain(e: Engine, *, steps: int, shape: tuple[int, ...], dtype: str) -> Run:
    """``y = y*a + b``, gradients for a, b and the first y."""
    rng = np.random.default_rng(0)
    start = [rng.uniform(lo, hi, shape) for lo, hi in ((0.8, 0.95), (-1, 1), (-1, 1))]
    if e.name == "numpy":
        a, b, y0 = (np.asarray(v, dtype) for v in start)
        return _numpy_chain(a, b, y0, steps)
    a, b, y0 = leaves = [e.leaf(v.tolist() if shape else float(v), dtype) for v in start]
    seed = None if not shape else e.constant(np.ones(shape).tolist(), dtype)

    def forward() -> Any:
        y = y0
        for _ in range(steps):
            y = y * a + b
        return y

    return _run(e, forward, leaves, seed)


def product(e: Engine, *, steps: int) -> Run:
    """``y = y*c`` with a constant c: one NumPy call forward and one backward for each node."""
    rng = np.random.default_rng(0)
    data = rng.uniform(0.9, 1.1, (2, 4, 4)).astype(np.float32)
    if e.name == "numpy":
        first, c = data
        ones = np.ones_like(first)

        def repeat(y: Any) -> Any:
            for _ in range(steps):
                y = np.multiply(y, c)
            return y

        grad: list[Any] = [None]

        def back(_: Any) -> None:
            grad[0] = repeat(ones)

        return Run(
            lambda: repeat(first),
            back,
            lambda y: [*np.ravel(y).tolist(), *np.ravel(grad[0]).tolist()],
        )
    y0, factor = e.leaf(data[0].tolist(), "float32"), e.constant(data[1].tolist(), "float32")

    def forward() -> Any:
        y = y0
        for _ in range(steps):
            y = y * factor
        return y

    return _run(e, forward, [y0], e.constant(np.ones((4, 4)).tolist(), "float32"))


def tanh_chain(e: Engine, *, steps: int, shape: tuple[int, ...], dtype: str) -> Run:
    """``y = tanh(y)``, the gradient for the first y."""
    start = np.random.default_rng(0).uniform(-2, 2, shape)
    y0 = e.leaf(start.tolist() if shape else float(start), dtype)
    seed = None if not shape else e.constant(np.ones(shape).tolist(), dtype)

    def forward() -> Any:
        y = y0
        for _ in range(steps):
            y = y.tanh()
        return y

    return _run(e, forward, [y0], seed)


def expression(e: Engine, *, dtype: str) -> Run:
    """The lecture's (x + y)·z."""
    x, y, z = leaves = [e.leaf(v, dtype) for v in (2.0, 3.0, -4.0)]
    return _run(e, lambda: (x + y) * z, leaves, None)


def _run(e: Engine, forward: Callable[[], Any], leaves: list[Any], seed: Any) -> Run:
    def backward(out: Any) -> None:
        e.clear(leaves)
        if seed is None:
            out.backward()
        else:
            out.backward(seed)

    return Run(forward, backward, lambda out: e.numbers(out, *[leaf.grad for leaf in leaves]))


# -- training steps -----------------------------------------------------------------------------


def scalar_mlp(e: Engine, *, dtype: str) -> Run:
    """The demo of micrograd: 2-16-16-1 with ReLU on 0-d values, max-margin loss, 4 samples, SGD."""
    rng = np.random.default_rng(0)
    layers = [
        [([e.leaf(float(w), dtype) for w in rng.uniform(-1, 1, n_in)], e.leaf(0.0, dtype))
         for _ in range(n_out)]
        for n_in, n_out in ((2, 16), (16, 16), (16, 1))
    ]  # fmt: skip
    parameters = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]
    samples = rng.uniform(-1, 2, (4, 2)).tolist()
    step = e.descent(parameters, 0.05)

    def score(values: list[Any]) -> Any:
        for depth, layer in enumerate(layers):
            sums = [
                sum((w * v for w, v in zip(weights, values, strict=True)), bias)
                for weights, bias in layer
            ]
            values = sums if depth == 2 else [s.relu() for s in sums]
        return values[0]

    def forward() -> Any:
        losses = [
            (1 + -target * score(sample)).relu()
            for sample, target in zip(samples, (1.0, -1.0, 1.0, -1.0), strict=True)
        ]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)

    def backward(loss: Any) -> None:
        e.clear(parameters)
        loss.backward()
        step()

    return Run(forward, backward, lambda loss: e.numbers(loss, *parameters))


def _network(e: Engine, sizes: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    rng = np.random.default_rng(1)
    for n_in, n_out in pairwise(sizes):
        bound = n_in**-0.5
        weight = rng.uniform(-bound, bound, (n_out, n_in))
        yield e.leaf(weight.tolist(), "float32"), e.leaf([0.0] * n_out, "float32")


def network(e: Engine, *, sizes: tuple[int, ...], batch: int, digits: bool) -> Run:
    """A network as one writes it: ``linear``, an activation, a loss, and a step of SGD."""
    functional = e.lib.nn.functional
    linear = functional.linear
    *hidden, last = _network(e, sizes)
    parameters = [p for pair in (*hidden, last) for p in pair]
    rng = np.random.default_rng(2)
    x = e.constant(rng.uniform(-1, 1, (batch, sizes[0])).tolist(), "float32")
    if digits:
        target = e.constant(rng.integers(0, 10, batch).tolist(), "int64")
        activation, loss_of = functional.relu, functional.cross_entropy
    else:
        target = e.constant(rng.uniform(-1, 1, (batch, 1)).tolist(), "float32")
        activation, loss_of = e.lib.tanh, functional.mse_loss
    step = e.descent(parameters, 0.01)

    def forward() -> Any:
        h = x
        for weight, bias in hidden:
            h = activation(linear(h, weight, bias))
        return loss_of(linear(h, *last), target)

    def backward(loss: Any) -> None:
        e.clear(parameters)
        loss.backward()
        step()

    return Run(forward, backward, lambda loss: e.numbers(loss, *parameters))


def lenet(e: Engine, *, batch: int) -> Run:
    """A step of LeNet on 28×28 images: two convolutions, two pools, three linear maps."""
    nn, functional = e.lib.nn, e.lib.nn.functional
    e.lib.manual_seed(0)  # the same initial values in both libraries
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    parameters = list(net.parameters())
    rng = np.random.default_rng(3)
    x = e.constant(rng.uniform(0, 1, (batch, 1, 28, 28)).tolist(), "float32")
    target = e.constant(rng.integers(0, 10, batch).tolist(), "int64")
    step = e.descent(parameters, 0.01)

    def forward() -> Any:
        return functional.cross_entropy(net(x), target)

    def backward(loss: Any) -> None:
        e.clear(parameters)
        loss.backward()
        step()

    return Run(forward, backward, lambda loss: e.numbers(loss, parameters[0], parameters[-1]))


def calls(e: Engine, *, times: int) -> Run:
    """A module that does nothing, called many times: what ``Module.__call__`` costs."""
    identity, x = e.lib.nn.Identity(), e.leaf([1.0], "float32")

    def forward() -> Any:
        y = x
        for _ in range(times):
            y = identity(y)
        return y

    def backward(y: Any) -> None:
        e.clear([x])
        y.backward()

    return Run(forward, backward, lambda y: e.numbers(y, x.grad))


def picture(e: Engine, *, timed: Callable[[Any], pictures.Timed]) -> Run:
    """Something that pictures need; it has no backward and no peer."""
    return Run(timed(e.lib), lambda result: None, lambda result: [])


# -- the list -----------------------------------------------------------------------------------

WITH_NUMPY, WITH_MICROGRAD = (*LIBRARIES, "numpy"), (*LIBRARIES, "micrograd")


def _chains() -> Iterator[Case]:
    kinds: list[tuple[str, tuple[int, ...], str, int]] = [
        ("0d_f64", (), "float64", 200),
        ("0d_f32", (), "float32", 200),
        ("4x4", (4, 4), "float32", 200),
        ("256x256", (256, 256), "float32", 10),
    ]
    for label, shape, dtype, steps in kinds:
        words = f"{'×'.join(map(str, shape)) or '0-d'} {dtype}"
        engines = WITH_NUMPY if shape else WITH_MICROGRAD
        tolerance = EXACT if dtype == "float64" else ROUNDED
        options: dict[str, Any] = {"steps": steps, "shape": shape, "dtype": dtype}
        yield Case(
            f"chain_{label}", f"y = y*a + b, {words}", partial(chain, **options), engines,
            2 * steps, tolerance, threads=label == "256x256",
        )  # fmt: skip
        yield Case(
            f"tanh_{label}", f"y = tanh(y), {words}", partial(tanh_chain, **options), LIBRARIES,
            steps, tolerance, threads=label == "256x256",
        )  # fmt: skip


def _pictures() -> Iterator[Case]:
    for name, (title, timed) in pictures.LINES.items():
        yield Case(name, title, partial(picture, timed=timed), ("chainrule",))


CASES = (
    *_chains(),
    Case("mul_4x4", "y = y*c, c constant, 4×4 float32", partial(product, steps=200),
         WITH_NUMPY, 200),
    Case("chain_1k", "1,000 operations y*a + b on 4 elements",
         partial(chain, steps=500, shape=(4,), dtype="float32"), LIBRARIES, 1000),
    Case("scalar_expr_f64", "(x + y)·z, 0-d float64", partial(expression, dtype="float64"),
         WITH_MICROGRAD, 0, EXACT),
    Case("scalar_expr_f32", "(x + y)·z, 0-d float32", partial(expression, dtype="float32"),
         WITH_MICROGRAD),
    Case("scalar_mlp_f64", "micrograd's demo, 2-16-16-1 on 0-d float64, 4 samples, SGD",
         partial(scalar_mlp, dtype="float64"), WITH_MICROGRAD, 0, EXACT),
    Case("scalar_mlp_f32", "the same on 0-d float32", partial(scalar_mlp, dtype="float32"),
         WITH_MICROGRAD),
    Case("tiny_mlp", "2-16-16-1 tanh, batch 32, MSE, SGD",
         partial(network, sizes=(2, 16, 16, 1), batch=32, digits=False), LIBRARIES, threads=True),
    Case("digits_mlp", "64-64-10 ReLU, batch 64, cross-entropy, SGD",
         partial(network, sizes=(64, 64, 10), batch=64, digits=True), LIBRARIES, threads=True),
    Case("module_call", "nn.Identity called 1,000 times", partial(calls, times=1000), LIBRARIES),
    Case("lenet", "LeNet on 28×28 images, batch 64, cross-entropy, SGD",
         partial(lenet, batch=64), LIBRARIES, threads=True),
    *_pictures(),
)  # fmt: skip


def steps_agreeing(case: Case) -> int:
    """How many training steps the comparison of values runs before it looks."""
    return 1 if case.nodes or case.name.startswith("scalar_expr") else 5


def titles() -> Iterator[str]:
    """What each case is, a line each."""
    for case in CASES:
        yield f"- `{case.name}`: {case.title}"
