"""The data room against PyTorch's: orders, batches, what is drawn from which generator."""

from __future__ import annotations

import math
import random
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr

torch = pytest.importorskip("torch")

Both = Callable[[Any, Any], Any]
LIBRARIES = ((cr, cr.data), (torch, torch.utils.data))
SEEDS = [0, 1, 1234]
Point = namedtuple("Point", ["x", "y"])


def made_by_intel() -> bool:
    """Whether PyTorch's exponential_ takes the vendor's path, whose numbers differ by machine."""
    try:
        return "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch warns of more workers than there are processors."""
    loader = torch.utils.data.DataLoader
    monkeypatch.setattr(loader, "check_worker_number_rationality", lambda self: None)


def plain(batch: Any) -> Any:
    """A batch as nested Python values, dtypes noted."""
    if hasattr(batch, "dtype"):
        return str(batch.dtype), batch.tolist()
    if isinstance(batch, dict):
        return {k: plain(v) for k, v in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch).__name__, [plain(b) for b in batch]
    return batch


def compare(make: Both, seed: int = 0) -> Any:
    """Run with both libraries; then both default generators must stand at the same place."""
    found = []
    for lib, data in LIBRARIES:
        lib.manual_seed(seed)
        result = make(lib, data)
        found.append((result, lib.rand(1).item()))
    assert found[0] == found[1]
    return found[0][0]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "make",
    [
        lambda lib, d: list(d.RandomSampler(range(11))),
        lambda lib, d: list(d.RandomSampler(range(5), num_samples=13)),
        lambda lib, d: list(d.RandomSampler(range(5), num_samples=3)),
        lambda lib, d: list(d.RandomSampler(range(9), replacement=True, num_samples=70)),
        lambda lib, d: list(d.RandomSampler(range(9), generator=lib.default_generator)),
        lambda lib, d: list(d.SubsetRandomSampler([7, 3, 5, 1])),
        lambda lib, d: list(d.WeightedRandomSampler([0.1, 0.9, 0.4, 3.0], 20)),
        lambda lib, d: list(d.BatchSampler(d.RandomSampler(range(10)), 4, True)),
        lambda lib, d: [s.indices for s in d.random_split(range(10), [3, 7])],
        lambda lib, d: [s.indices for s in d.random_split(range(11), [0.5, 0.3, 0.2])],
    ],
)
def test_orders(make: Both, seed: int) -> None:
    compare(make, seed)


@pytest.mark.skipif(made_by_intel(), reason="PyTorch draws exponential_ otherwise on Intel CPUs")
def test_weights_without_replacement() -> None:
    compare(lambda lib, d: list(d.WeightedRandomSampler([0.1, 0.9, 0.4], 3, replacement=False)))


def tensors(lib: Any, n: int = 10) -> tuple[Any, Any]:
    x = lib.tensor(np.arange(3 * n, dtype=np.float32).reshape(n, 3))
    return x, lib.tensor(np.arange(n))


LOADERS: dict[str, dict[str, Any]] = {
    "usual": {"batch_size": 4},
    "shuffled": {"batch_size": 4, "shuffle": True},
    "dropped": {"batch_size": 4, "shuffle": True, "drop_last": True},
    "single": {"batch_size": None},
    "one": {},
    "shuffled by workers": {"batch_size": 3, "shuffle": True, "num_workers": 2},
    "pulled ahead": {"batch_size": 2, "shuffle": True, "num_workers": 1, "prefetch_factor": 3},
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", LOADERS)
def test_loader(name: str, seed: int) -> None:
    def make(lib: Any, data: Any) -> Any:
        loader = data.DataLoader(data.TensorDataset(*tensors(lib)), **LOADERS[name])
        epochs = [[plain(b) for b in loader] for _ in range(2)]
        return len(loader), epochs

    compare(make, seed)


@pytest.mark.parametrize("name", ["shuffled", "shuffled by workers"])
def test_loader_with_a_generator(name: str) -> None:
    def make(lib: Any, data: Any) -> Any:
        g = lib.Generator().manual_seed(5)
        dataset = data.TensorDataset(*tensors(lib))
        loader = data.DataLoader(dataset, generator=g, **LOADERS[name])
        return [[plain(b) for b in loader] for _ in range(2)], lib.rand(1, generator=g).item()

    compare(make)


def test_draws_between_batches() -> None:
    """Numbers that the training loop draws don't change the order, nor the other way round."""

    def make(lib: Any, data: Any) -> Any:
        loader = data.DataLoader(data.TensorDataset(*tensors(lib)), batch_size=3, shuffle=True)
        return [(plain(b), lib.rand(2).tolist()) for _ in range(2) for b in loader]

    compare(make)


@pytest.mark.parametrize("workers", [0, 2])
def test_moment_at_which_the_order_is_drawn(workers: int) -> None:
    def make(lib: Any, data: Any) -> Any:
        dataset = data.TensorDataset(*tensors(lib))
        batches = iter(data.DataLoader(dataset, shuffle=True, num_workers=workers))
        return lib.rand(1).item(), plain(next(batches)), lib.rand(1).item()

    compare(make)


def test_subsets_and_concatenations() -> None:
    def make(lib: Any, data: Any) -> Any:
        whole = data.TensorDataset(*tensors(lib))
        first, second = data.random_split(whole, [6, 4])
        both = data.ConcatDataset([second, data.Subset(first, [1, 0])])
        sets = (first, both, first + second)
        return [[plain(b) for b in data.DataLoader(s, 4, shuffle=True)] for s in sets]

    compare(make)


class Noisy:
    """A map-style dataset that draws from every global generator, as transforms do."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib

    def __len__(self) -> int:
        return 7

    def __getitem__(self, k: int) -> tuple[Any, ...]:
        noise = np.random.random()  # noqa: NPY002  # what users' transforms call
        return k, self.lib.rand(2), noise, random.random()


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_random_transforms_in_workers(workers: int) -> None:
    def make(lib: Any, data: Any) -> Any:
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        loader = data.DataLoader(Noisy(lib), batch_size=2, num_workers=workers, shuffle=True)
        batches = [[plain(b) for b in loader] for _ in range(2)]
        return batches, random.random(), np.random.random()  # noqa: NPY002

    compare(make)


def counting(data: Any) -> Any:
    class Count(data.IterableDataset):  # type: ignore[misc, name-defined]  # of either library
        def __init__(self, start: int, end: int) -> None:
            super().__init__()
            self.start, self.end = start, end

        def __iter__(self) -> Iterator[int]:
            return iter(range(self.start, self.end))

    return Count


def shard(data: Any) -> Callable[[int], None]:
    def init(worker: int) -> None:
        info = data.get_worker_info()
        dataset = info.dataset
        each = math.ceil((dataset.end - dataset.start) / info.num_workers)
        start = dataset.start + worker * each
        dataset.start, dataset.end = start, min(start + each, dataset.end)

    return init


@pytest.mark.parametrize("batch_size", [None, 1, 3])
@pytest.mark.parametrize(
    ("workers", "sharded"),
    [(0, False), *[(n, sharded) for n in (1, 2, 4) for sharded in (False, True)]],
)
def test_iterable_datasets(workers: int, sharded: bool, batch_size: int | None) -> None:
    def make(lib: Any, data: Any) -> Any:
        loader = data.DataLoader(
            counting(data)(3, 14),
            batch_size=batch_size,
            num_workers=workers,
            worker_init_fn=shard(data) if sharded else None,
        )
        return [plain(b) for b in loader]

    compare(make)


def test_persistent_workers() -> None:
    def make(lib: Any, data: Any) -> Any:
        loader = data.DataLoader(
            Noisy(lib), batch_size=2, num_workers=2, shuffle=True, persistent_workers=True
        )
        return [[plain(b) for b in loader] for _ in range(3)]

    compare(make)


COLLATED: dict[str, Callable[[Any], list[Any]]] = {
    "tensors": lambda lib: [lib.tensor([1.0, 2.0]), lib.tensor([3.0, 4.0])],
    "scalars": lambda lib: [lib.tensor(1), lib.tensor(2)],
    "floats": lambda lib: [1.5, 2.5],
    "ints": lambda lib: [1, 2],
    "bools": lambda lib: [True, False],
    "texts": lambda lib: ["a", "b"],
    "bytes": lambda lib: [b"a", b"b"],
    "arrays": lambda lib: [np.arange(3), np.arange(3) + 1],
    "NumPy scalars": lambda lib: [np.float32(1.5), np.float32(2.5)],
    "NumPy int": lambda lib: [np.int16(1), np.int16(2)],
    "tuples": lambda lib: [(1, 2.0, "a"), (3, 4.0, "b")],
    "lists": lambda lib: [[1, 2], [3, 4]],
    "dicts": lambda lib: [{"x": 1, "y": [2.0]}, {"x": 3, "y": [4.0]}],
    "named tuples": lambda lib: [Point(1, 2.0), Point(3, 4.0)],
}


@pytest.mark.parametrize("name", COLLATED)
def test_collate(name: str) -> None:
    def make(lib: Any, data: Any) -> Any:
        samples = COLLATED[name](lib)
        return plain(data.default_collate(samples)), plain(data.default_convert(samples))

    compare(make)


def message(make: Both, lib: Any, data: Any) -> tuple[str, str]:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # compared with the other library's
        make(lib, data)
    return type(caught.value).__name__, str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda lib, d: d.DataLoader([1], num_workers=-1),
        lambda lib, d: d.DataLoader([1], timeout=-1),
        lambda lib, d: d.DataLoader([1], prefetch_factor=2),
        lambda lib, d: d.DataLoader([1], num_workers=1, prefetch_factor=-2),
        lambda lib, d: d.DataLoader([1], persistent_workers=True),
        lambda lib, d: d.DataLoader([1], sampler=[0], shuffle=True),
        lambda lib, d: d.DataLoader([1], batch_sampler=[[0]], drop_last=True),
        lambda lib, d: d.DataLoader([1], batch_size=None, drop_last=True),
        lambda lib, d: d.DataLoader([1], batch_size=0),
        lambda lib, d: d.DataLoader([1], drop_last=1),
        lambda lib, d: d.DataLoader([], shuffle=True),
        lambda lib, d: d.DataLoader([1], multiprocessing_context="fork"),
        lambda lib, d: d.DataLoader(counting(d)(0, 1), shuffle=True),
        lambda lib, d: d.DataLoader(counting(d)(0, 1), sampler=3),
        lambda lib, d: d.DataLoader(counting(d)(0, 1), batch_sampler=3),
        lambda lib, d: setattr(d.DataLoader([1]), "batch_size", 2),
        lambda lib, d: d.RandomSampler([1], replacement=1),
        lambda lib, d: d.RandomSampler([1], num_samples=0),
        lambda lib, d: d.WeightedRandomSampler([1.0], 0),
        lambda lib, d: d.WeightedRandomSampler([1.0], 1, replacement=1),
        lambda lib, d: d.WeightedRandomSampler([[1.0]], 1),
        lambda lib, d: d.TensorDataset(lib.zeros(2), lib.zeros(3)),
        lambda lib, d: d.StackDataset(),
        lambda lib, d: d.StackDataset([1], [1, 2]),
        lambda lib, d: d.ConcatDataset([]),
        lambda lib, d: d.ConcatDataset([counting(d)(0, 1)]),
        lambda lib, d: d.ConcatDataset([[1]])[-2],
        lambda lib, d: list(d.ChainDataset([[1]])),
        lambda lib, d: d.random_split(range(4), [1, 2]),
        lambda lib, d: d.random_split(range(4), [-0.5, 1.5]),
        lambda lib, d: d.default_collate([[1, 2], [3]]),
        lambda lib, d: d.default_collate([None]),
        lambda lib, d: d.default_collate([np.array(["a"])]),
        lambda lib, d: type("S", (d.Subset,), {"__getitem__": list})([1], [0]),
        lambda lib, d: d.Dataset()[0],
    ],
)
def test_messages(make: Both) -> None:
    assert message(make, cr, cr.data) == message(make, torch, torch.utils.data)
