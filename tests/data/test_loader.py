"""Samplers and DataLoader: order, batches, workers, collation."""

from __future__ import annotations

import copy
import random
from collections import Counter, OrderedDict, namedtuple
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import data
from chainrule.data import iterators

Point = namedtuple("Point", ["x", "y"])


def numbers(n: int = 10) -> data.TensorDataset:
    return data.TensorDataset(cr.arange(n))


def order(loader: Any) -> list[int]:
    return [int(k) for (batch,) in loader for k in batch]


# -- samplers -------------------------------------------------------------------------------------


def test_random_sampler_is_lazy() -> None:
    for replacement in (False, True):
        sampler = data.RandomSampler(range(3), replacement, num_samples=10**10)
        assert len(sampler) == 10**10
        assert set(islice(sampler, 100)) == {0, 1, 2}
        assert len(data.BatchSampler(sampler, 7, False)) == -(-(10**10) // 7)


def test_random_sampler_covers_everything() -> None:
    assert sorted(data.RandomSampler(range(50))) == list(range(50))
    assert Counter(data.RandomSampler(range(5), num_samples=10)) == dict.fromkeys(range(5), 2)
    assert len(list(data.RandomSampler(range(5), num_samples=3))) == 3
    assert sorted(data.SubsetRandomSampler([3, 8, 5])) == [3, 5, 8]


def test_weights() -> None:
    drawn = Counter(data.WeightedRandomSampler([1.0, 0.0, 3.0], 4000))
    assert drawn[1] == 0
    assert drawn[2] / drawn[0] == pytest.approx(3, rel=0.15)
    once = list(data.WeightedRandomSampler([1.0, 2.0, 3.0], 3, replacement=False))
    assert sorted(once) == [0, 1, 2]


def test_batches() -> None:
    assert list(data.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert list(data.BatchSampler(range(4), 2, False)) == [[0, 1], [2, 3]]
    assert [len(data.BatchSampler(range(5), 2, drop)) for drop in (True, False)] == [2, 3]


# -- order ----------------------------------------------------------------------------------------


def test_shuffling_follows_the_seed() -> None:
    loader = data.DataLoader(numbers(), batch_size=3, shuffle=True)
    runs = []
    for seed in (1, 1, 2):
        cr.manual_seed(seed)
        runs.append([order(loader), order(loader)])
    assert runs[0] == runs[1] != runs[2]
    assert runs[0][0] != runs[0][1], "another order each epoch"
    assert sorted(runs[0][0]) == list(range(10))


def test_generator_of_ones_own() -> None:
    g = cr.Generator().manual_seed(1)
    before = cr.default_generator.get_state()
    first = order(data.DataLoader(numbers(), shuffle=True, generator=g))
    assert np.array_equal(before, cr.default_generator.get_state()), "the default one rests"
    assert first == order(
        data.DataLoader(numbers(), shuffle=True, generator=cr.Generator().manual_seed(1))
    )


def test_lengths() -> None:
    for n, size, drop in ((10, 3, False), (10, 3, True), (9, 3, False), (2, 5, True)):
        loader = data.DataLoader(numbers(n), batch_size=size, drop_last=drop)
        assert len(loader) == len(list(loader))
    assert len(iter(data.DataLoader(numbers(), 4))) == 3


def test_samplers_given() -> None:
    loader = data.DataLoader(numbers(), batch_size=2, sampler=[4, 1, 7])
    assert [b.tolist() for (b,) in loader] == [[4, 1], [7]]
    loader = data.DataLoader(numbers(), batch_sampler=[[1], [2, 3]])
    assert [b.tolist() for (b,) in loader] == [[1], [2, 3]]
    assert loader.batch_size is None
    loader = data.DataLoader(["a", "b"], batch_size=None, sampler=[1])
    assert list(loader) == ["b"]


def test_fixed_attributes() -> None:
    loader = data.DataLoader(numbers())
    with pytest.raises(ValueError, match="batch_size attribute should not be set after"):
        loader.batch_size = 3
    loader.collate_fn = len
    assert list(loader)[:2] == [1, 1]


def test_options_that_exclude_each_other() -> None:
    for options, words in (
        ({"sampler": [0], "shuffle": True}, "mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "mutually exclusive with batch_size"),
        ({"batch_size": None, "drop_last": True}, "mutually exclusive with drop_last"),
        ({"num_workers": -1}, "non-negative"),
        ({"prefetch_factor": 1}, "only be specified in multiprocessing"),
        ({"persistent_workers": True}, "needs num_workers > 0"),
        ({"multiprocessing_context": "fork"}, "num_workers=0"),
    ):
        with pytest.raises(ValueError, match=words):
            data.DataLoader(numbers(), **options)


# -- what a batch is ------------------------------------------------------------------------------


class Plain(data.TensorDataset):
    """A TensorDataset to the eye, but another class: its samples are fetched one by one."""


def test_gathering_is_stacking() -> None:
    tensors = (
        cr.randn(9, 2, 3),
        cr.arange(9),
        cr.randn(3, 9).T,
        cr.tensor([True, False, True] * 3),
    )
    quick, slow = data.TensorDataset(*tensors), Plain(*tensors)
    assert iterators.gathered(quick, [1, 2]) is not None
    assert iterators.gathered(slow, [1, 2]) is None
    for make in (lambda d: d, lambda d: data.Subset(data.Subset(d, range(8)), [7, 0, 3, 3])):
        batches = zip(data.DataLoader(make(quick), 3), data.DataLoader(make(slow), 3), strict=True)
        for a, b in batches:
            assert type(a) is type(b) is list
            for x, y in zip(a, b, strict=True):
                assert x.dtype is y.dtype
                assert x.tolist() == y.tolist()


def test_batches_do_not_share_memory_with_the_data() -> None:
    d = numbers(4)
    ((x,),) = list(data.DataLoader(d, batch_size=4))
    x.fill_(9)
    assert d.tensors[0].tolist() == [0, 1, 2, 3]


def test_gradient_flows_through_batches() -> None:
    w = cr.ones(4, requires_grad=True)
    for (x,) in data.DataLoader(data.TensorDataset(w), batch_size=3):
        (x * 2).sum().backward()
    assert w.grad.tolist() == [2.0, 2.0, 2.0, 2.0]


def test_index_out_of_range() -> None:
    with pytest.raises(IndexError):
        list(data.DataLoader(numbers(3), sampler=[3]))


def test_collate_function_given() -> None:
    loader = data.DataLoader([1, 2, 3], batch_size=2, collate_fn=sum)
    assert list(loader) == [3, 3]


def test_default_collate() -> None:
    batch = data.default_collate(
        [
            {"x": (np.ones(2), 1.5), "p": Point(1, "a")},
            {"x": (np.zeros(2), 2.5), "p": Point(2, "b")},
        ]
    )
    assert batch["x"][0].tolist() == [[1, 1], [0, 0]]
    assert batch["x"][1].dtype is cr.float64
    assert isinstance(batch["p"], Point)
    assert batch["p"].x.tolist() == [1, 2]
    assert batch["p"].y == ("a", "b")
    assert isinstance(data.default_collate([OrderedDict(a=1)]), OrderedDict)
    with pytest.raises(RuntimeError, match="equal size"):
        data.default_collate([[1], [1, 2]])
    with pytest.raises(TypeError, match="found <class 'object'>"):
        data.default_collate([object()])
    with pytest.raises(RuntimeError, match="equal size"):
        data.default_collate([cr.zeros(2), cr.zeros(3)])


def test_collate_with_rules_of_ones_own() -> None:
    rules = {complex: lambda batch, *, collate_fn_map: len(batch), **data.default_collate_fn_map}
    assert data.collate([(1j, 2), (3j, 4)], collate_fn_map=rules)[0] == 2


def test_default_convert() -> None:
    out = data.default_convert({"a": np.arange(2), "b": ["x", np.float32(1)], "c": (1,)})
    assert out["a"].tolist() == [0, 1]
    assert out["b"][1].dtype is cr.float32
    assert out["c"] == [1]


# -- workers --------------------------------------------------------------------------------------


class Draws(data.Dataset[Any]):
    """Samples made of random numbers from every global source."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, k: int) -> tuple[int, float, float, float]:
        legacy = np.random.random()  # noqa: NPY002  # what users' transforms call
        return k, random.random(), legacy, cr.rand(1).item()


def test_workers_have_random_numbers_of_their_own() -> None:
    cr.manual_seed(1)
    random.seed(1)
    outside = random.getstate()
    loader = data.DataLoader(Draws(), batch_size=2, num_workers=2)
    first = [[t.tolist() for t in b] for b in loader]
    assert random.getstate() == outside, "the process's own state is untouched"
    cr.manual_seed(1)
    assert [[t.tolist() for t in b] for b in loader] == first
    values = [v for b in first for v in b[1]]
    assert len(set(values)) == 8, "no two workers draw alike"


def test_worker_info() -> None:
    class Where(data.Dataset[Any]):
        def __len__(self) -> int:
            return 6

        def __getitem__(self, k: int) -> int:
            info = data.get_worker_info()
            assert info is not None
            assert info.num_workers == 3
            assert info.dataset is self
            return info.id

    seen: list[int] = []
    loader = data.DataLoader(Where(), num_workers=3, worker_init_fn=seen.append)
    assert [int(b) for b in loader] == [0, 1, 2, 0, 1, 2]
    assert seen == [0, 1, 2]
    assert data.get_worker_info() is None


def test_errors_leave_the_process_as_it_was() -> None:
    class Broken(data.Dataset[Any]):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, k: int) -> int:
            random.seed(5)
            raise KeyError("broken")

    random.seed(1)
    state = random.getstate()
    with pytest.raises(KeyError, match="broken"):
        list(data.DataLoader(Broken(), num_workers=1))
    assert data.get_worker_info() is None
    assert random.getstate() == state


class Count(data.IterableDataset[int]):
    def __init__(self, n: int) -> None:
        self.start, self.end = 0, n

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.end))

    def __len__(self) -> int:
        return self.end - self.start


def halves(worker: int) -> None:
    info = data.get_worker_info()
    assert info is not None
    middle = info.dataset.end // 2
    info.dataset.start, info.dataset.end = (
        (0, middle) if worker == 0 else (middle, info.dataset.end)
    )


def test_iterable_datasets() -> None:
    d = Count(5)
    assert [b.tolist() for b in data.DataLoader(d, 2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in data.DataLoader(d, 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(data.DataLoader(d, None)) == [0, 1, 2, 3, 4]
    twice = data.DataLoader(d, 2, num_workers=2)
    assert [b.tolist() for b in twice] == [[0, 1], [0, 1], [2, 3], [2, 3], [4], [4]]
    shared = data.DataLoader(d, 2, num_workers=2, worker_init_fn=halves)
    assert [b.tolist() for b in shared] == [[0, 1], [2, 3], [4]]
    assert (d.start, d.end) == (0, 5), "workers changed their own copies"


def test_length_of_an_iterable_dataset() -> None:
    loader = data.DataLoader(Count(5), 2)
    assert len(loader) == 3
    assert len(data.DataLoader(Count(5), 2, drop_last=True)) == 2
    doubled = data.DataLoader(Count(5), None, num_workers=2)
    assert len(doubled) == 5
    with pytest.warns(UserWarning, match="was reported to be 5"):
        assert len(list(doubled)) == 10
    for options in ({"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}):
        with pytest.raises(ValueError, match="DataLoader with IterableDataset"):
            data.DataLoader(Count(5), **options)


def test_persistent_workers() -> None:
    seen: list[int] = []
    options = {"num_workers": 2, "persistent_workers": True, "worker_init_fn": seen.append}
    loader = data.DataLoader(numbers(5), batch_size=2, **options)
    assert order(loader) == order(loader) == [0, 1, 2, 3, 4]
    assert seen == [0, 1], "started once"
    assert order(data.DataLoader(Count(3), None, collate_fn=lambda k: (cr.tensor([k]),))) == [
        0, 1, 2
    ]  # fmt: skip


def test_a_loader_can_be_copied() -> None:
    loader = copy.deepcopy(data.DataLoader(numbers(4), batch_size=2, shuffle=True))
    assert sorted(order(loader)) == [0, 1, 2, 3]
