"""Every operation of the registry against PyTorch: values, types, gradients, edges, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from parity_families import common  # noqa: E402
from parity_uncovered import NO_COUNTERPART  # noqa: E402

from chainrule.autograd.declare import names  # noqa: E402
from chainrule.autograd.ops.index import Index  # noqa: E402
from chainrule.autograd.ops.samples import Domain, Sampler  # noqa: E402

registry = common()

F = torch.nn.functional
# What PyTorch answers with inf or nan, NumPy warns of; the package silences it where it can.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:chainrule")


def _reduce(function: Callable[..., Any]) -> Callable[..., Any]:
    """PyTorch's reductions take no ``dim=None`` together with ``keepdim``."""

    def call(x: Any, dim: Any = None, keepdim: bool = False, **more: Any) -> Any:
        dim = more.get("axis", dim)
        keepdim = more.get("keepdims", keepdim)
        if dim is None:
            dim = tuple(range(x.ndim))
        return function(x, dim, keepdim)

    return call


def _spread_measure(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> Any:
        return function(x, dim, correction=correction, keepdim=keepdim)

    return call


def _index(index: Index) -> tuple[Any, Any]:
    advanced = index.advanced
    if advanced is not None:
        advanced = tuple(torch.from_numpy(i) if isinstance(i, np.ndarray) else i for i in advanced)
    return index.basic, advanced


def _read(x: Any, index: Index) -> Any:
    basic, advanced = _index(index)
    return x[basic] if advanced is None else x[basic][advanced]


def _scatter(x: Any, shape: Any, index: Index) -> Any:
    places = _read(torch.arange(int(np.prod(shape))).reshape(shape), index)
    zeros = torch.zeros(int(np.prod(shape)), dtype=x.dtype)
    return zeros.index_add(0, places.reshape(-1), x.reshape(-1)).reshape(shape)


def _put(x: Any, value: Any, index: Index) -> Any:
    basic, advanced = _index(index)
    out = x.clone()
    if advanced is None:
        out[basic] = value
    else:
        out[basic][advanced] = value
    return out


def _spread(x: Any, shape: Any, dim: Any = None, keepdim: bool = False) -> Any:
    if not keepdim:
        dims = range(len(shape)) if dim is None else dim if isinstance(dim, tuple) else (dim,)
        gone = {d % len(shape) for d in dims}
        x = x.reshape([1 if k in gone else n for k, n in enumerate(shape)])
    return x.expand(shape)


def _place(x: Any, at: Any, shape: Any, dim: int, keepdim: bool) -> Any:
    if not keepdim:
        x, at = x.unsqueeze(dim), at.unsqueeze(dim)
    return torch.zeros(shape, dtype=x.dtype).scatter(dim, at, x)


def _picked(x: Any, at: Any, dim: int, keepdim: bool) -> Any:
    return x.gather(dim, at) if keepdim else x.gather(dim, at.unsqueeze(dim)).squeeze(dim)


def _pad(x: Any, shape: Any, dim: int, start: int) -> Any:
    at = torch.arange(start, start + x.shape[dim])
    return torch.zeros(shape, dtype=x.dtype).index_copy(dim, at, x)


def _mse(x: Any, y: Any, reduction: str = "sum", divisor: float = 1) -> Any:
    return F.mse_loss(x, y, reduction="none" if reduction == "none" else "sum") / divisor


def _nll(x: Any, i: Any, w: Any, reduction: str = "none", divisor: float = 1.0) -> Any:
    each = F.nll_loss(x, i, reduction="none") * w
    return each if reduction == "none" else each.sum() / divisor


# Where PyTorch has another name or another signature for the operation (all inputs and parameters
# in order); the others are `torch.<name>`.
THEIRS: dict[str, Callable[..., Any]] = {
    "amax": _reduce(torch.amax),
    "amin": _reduce(torch.amin),
    "any": _reduce(torch.any),
    "all": _reduce(torch.all),
    "cat": torch.cat,
    "clone": torch.clone,
    "embedding_back": lambda g, i, shape: torch.zeros(shape, dtype=g.dtype).index_add(0, i, g),
    "embedding_rows": lambda w, i: F.embedding(i, w),
    "expand": lambda x, shape: x.expand(shape),
    "gelu": lambda x, approximate="none": F.gelu(x, approximate=approximate),
    "get_index": _read,
    "leaky_relu": F.leaky_relu,
    "linear": F.linear,
    "max_dim": lambda x, dim, keepdim=False: tuple(torch.max(x, dim, keepdim)),
    "mean": _reduce(torch.mean),
    "min_dim": lambda x, dim, keepdim=False: tuple(torch.min(x, dim, keepdim)),
    "mse_loss": _mse,
    "nonzero_index": torch.nonzero,
    "pad_back": _pad,
    "permute": torch.permute,
    "picked": _picked,
    "picked_back": lambda g, i, w, shape: _place(g * w, i, shape, 1, False),
    "nll_loss": _nll,
    "place": _place,
    "put_index": _put,
    "scatter_index": _scatter,
    "sech2": lambda x: torch.cosh(x) ** -2,
    "select_back": lambda g, shape, dim, at: _place(
        g.unsqueeze(dim), torch.full_like(g.unsqueeze(dim), at, dtype=torch.int64), shape, dim, True
    ),
    "spread": _spread,
    "squeeze": lambda x, dim=None: x.squeeze() if dim is None else x.squeeze(dim),
    "std": _spread_measure(torch.std),
    "sum": _reduce(torch.sum),
    "trunc_divide": lambda x, y: torch.div(x, y, rounding_mode="trunc"),
    "var": _spread_measure(torch.var),
}
NOT_COVERED = NO_COUNTERPART
# Pieces of other operations: only ever called by the library, with what it has checked before.
INNER = {
    "embedding_back", "embedding_rows", "get_index", "mse_loss", "nll_loss", "pad_back", "picked",
    "picked_back", "place", "put_index", "scatter_index", "sech2", "select_back", "spread",
}  # fmt: skip


COVERED = {name: op for name, op in registry.items() if name not in NOT_COVERED}


def theirs(name: str) -> Callable[..., Any]:
    """PyTorch's form of an operation."""
    found: Callable[..., Any] = THEIRS.get(name) or getattr(torch, name)
    return found


def samples_of(name: str) -> list[tuple[Any, ...]]:
    """The operation's sample calls; plain ones where it declares none."""
    op = registry[name]
    if op.samples is not None:
        return list(op.samples(Sampler()))
    s = Sampler()
    if len(op.inputs) == 2:
        return [(s(2, 3), s(3)), (s(), s(2)), (s(0, 1), s(3))]
    plain: list[tuple[Any, ...]] = [(s(2, 3),), (s(),)]
    if "dim" in op.params:
        plain += [(s(2, 3), 0), (s(2, 3), -1, True), (s(0, 3), 1), (s(), -1)]
    return plain if name in ("argmax", "argmin") else [*plain, (s(0, 2),)]


def program(name: str, args: tuple[Any, ...]) -> tuple[Any, dict[str, Any], list[str]]:
    """A sample call as a program, its named inputs, and which of those get no gradient."""
    op = registry[name]
    keywords = args[-1] if isinstance(args[-1], dict) else {}
    plain = args[:-1] if keywords else args
    inputs: dict[str, Any] = {}

    def name_of(value: Any) -> Any:
        if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
            return [name_of(v) for v in value]
        if isinstance(value, (np.ndarray, np.floating)):
            key = f"a{len(inputs)}"
            inputs[key] = value
            return key
        return value

    shape_of = [name_of(v) for v in plain]

    def run(module: Any, given: dict[str, Any]) -> Any:
        def fill(v: Any) -> Any:
            if isinstance(v, list) and v and isinstance(v[0], str):
                return [given[k] for k in v]
            return given[v] if isinstance(v, str) and v in given else v

        call = theirs(name) if module is torch else op.call
        return call(*[fill(v) for v in shape_of], **keywords)

    rules = op.rules if isinstance(op.rules, dict) else dict.fromkeys(op.inputs)
    return run, inputs, [f"a{k}" for k, n in enumerate(op.inputs) if n not in rules and rules]


def calls(keep: Callable[[str], bool] = lambda name: True) -> Iterator[Any]:
    """Every sample call of every operation, as parameters of a test."""
    for name in COVERED:
        if keep(name):
            for k, args in enumerate(samples_of(name)):
                yield pytest.param(name, args, id=f"{name}-{k}")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "args"), list(calls()))
def test_samples(peers: Any, name: str, args: tuple[Any, ...], dtype: str) -> None:
    run, inputs, constant = program(name, args)
    if name.startswith(("bitwise", "logical")):
        return  # integers and booleans: test_integers
    cast = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in inputs.items()}
    order = 0 if name in NO_GRADIENT else 2
    assert peers.agree(run, cast, order=order, constant=constant) == "agreed"


def twins() -> Iterator[Any]:
    """Every in-place twin of an operation, with the sample calls that it can write."""
    for name, op in COVERED.items():
        if name + "_" in names["tensor"] and not op.variadic:
            for k, args in enumerate(samples_of(name)):
                yield pytest.param(name, args, id=f"{name}_-{k}")


@pytest.mark.parametrize(("name", "args"), list(twins()))
def test_twins(peers: Any, name: str, args: tuple[Any, ...]) -> None:
    """``x.tanh_()`` and the like: values, version and gradients, or both refuse."""
    _, inputs, _ = program(name, args)
    if name.startswith("bitwise"):
        inputs = {k: v > 0 for k, v in inputs.items()}
    rest = [a for a in args if not isinstance(a, (np.ndarray, np.floating, dict))]

    def edit(module: Any, given: dict[str, Any]) -> Any:
        first, *others = given.values()
        first = first.clone()
        assert getattr(first, name + "_")(*others, *rest) is first
        return first, first._version

    compares = name in ("eq", "ne", "lt", "le", "gt", "ge") or name.startswith("logical")
    peers.agree(edit, inputs, order=0 if compares or name in NO_GRADIENT else 2)


# What the public function decides before the operation is called: test_functions_parity.
PUBLIC = {"clamp", "linear", "matmul"}
# Where PyTorch refuses a type and the answer is plain all the same.
TAKES_MORE = {("abs", "bool")}
# PyTorch's softmax of a 0-d or empty integer tensor answers integers; it refuses all others.
ACCIDENTS = {"softmax", "log_softmax"}


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize(("name", "args"), list(calls(lambda name: name not in INNER | PUBLIC)))
def test_integers(peers: Any, name: str, args: tuple[Any, ...], dtype: str) -> None:
    run, inputs, _ = program(name, args)
    first = next(iter(inputs.values()))
    if (name, dtype) in TAKES_MORE or (name in ACCIDENTS and first.size < 2):
        return
    whole = {k: np.abs(np.round(v * 2)).astype(dtype) if v.dtype.kind == "f" else v
             for k, v in inputs.items()}  # fmt: skip
    peers.agree(run, whole, order=0)


@pytest.mark.parametrize(("name", "args"), list(calls()))
def test_memory_layout(peers: Any, name: str, args: tuple[Any, ...]) -> None:
    """Transposed and strided inputs give what contiguous ones do."""
    run, inputs, constant = program(name, args)
    if name.startswith(("bitwise", "logical")):
        inputs = {k: v > 0 for k, v in inputs.items()}
    turned = {k: np.array(v.T, order="C").T for k, v in inputs.items()}
    order = 0 if name in NO_GRADIENT else 1
    assert peers.agree(run, turned, order=order, constant=constant) == "agreed"


# Which zero it is depends on the machine's maximum, and on C's or Python's way to take a remainder.
ZEROS_DIFFER = {"relu", "remainder"}
# PyTorch raises on going back through floor_divide; here its gradient is 0, as that of
# div(rounding_mode="floor") is in both.
NO_GRADIENT = {"floor_divide"}
EDGES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 20.0, -20.0, 100.0, -100.0]
EXTREME = {"float64": [1e300, -1e300, 1e-300, 5e-324, 710.0, -745.0]}
EXTREME |= {"float32": [1e38, -1e38, 1e-38, 1e-45, 88.8, -103.0]}


def _elementwise() -> list[str]:
    more = {"leaky_relu", "gelu", "clamp", "where", "isnan", "isinf", "isfinite"}
    return [
        n for n, op in COVERED.items()
        if not n.startswith("bitwise") and n != "sech2"
        and (isinstance(op.samples, Domain) or n in more
             or n.startswith("logical") or n in ("floor_divide", "trunc_divide"))
    ]  # fmt: skip


def _edge_inputs(name: str, dtype: str) -> tuple[tuple[Any, ...], int]:
    values = np.array([*EDGES, *EXTREME[dtype]], dtype)
    op = registry[name]
    order = 0 if name in NO_GRADIENT else 1
    if name == "gelu":  # of inf PyTorch's vector code makes nan, its scalar code inf
        values = values[values != np.inf]
    if name == "where":
        return (np.arange(len(values)) % 2 == 0, values, values[::-1].copy()), order
    if name == "clamp":
        return (values, -0.5, 1.0), order
    if len(op.inputs) == 2:
        return (values[:, None].copy(), values[None, :].copy()), order
    return (values,), order


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", _elementwise())
def test_edges(peers: Any, name: str, dtype: str) -> None:
    """nan, ±inf, ±0, huge, tiny: values and gradients, on arrays."""
    args, order = _edge_inputs(name, dtype)
    run, inputs, _ = program(name, args)
    peers.agree(run, inputs, order=order, zeros=name not in ZEROS_DIFFER)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", _elementwise())
def test_edges_of_scalars(peers: Any, name: str, dtype: str) -> None:
    """The same one at a time: 0-d values take another way through the engine."""
    args, order = _edge_inputs(name, dtype)
    arrays = [a for a in args if isinstance(a, np.ndarray)]
    for values in np.broadcast(*arrays):
        single = [np.asarray(v) for v in (values if isinstance(values, tuple) else (values,))]
        rest = args[len(arrays) :]
        run, inputs, _ = program(name, (*single, *rest))
        try:
            peers.agree(run, inputs, order=order, zeros=name not in ZEROS_DIFFER)
        except AssertionError as error:
            raise AssertionError(f"{name}{(*values,)}: {error}") from None


def test_what_is_not_covered(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COVERED:
        assert callable(theirs(name)), f"no counterpart of {name} in PyTorch is named"
    with capsys.disabled():
        for name, reason in NOT_COVERED.items():
            print(f"\nnot compared with PyTorch: {name} ({reason})", end="")
