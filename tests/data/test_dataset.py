"""Datasets: samples, lengths, joins and splits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import data


def pairs(n: int = 5) -> data.TensorDataset:
    return data.TensorDataset(cr.arange(2.0 * n).reshape(n, 2), cr.arange(n))


def test_tensor_dataset() -> None:
    d = pairs()
    x, y = d[-1]
    assert len(d) == 5
    assert (x.tolist(), y.item()) == ([8.0, 9.0], 4)
    assert [y.item() for _, y in data.DataLoader(d, batch_size=None)] == [0, 1, 2, 3, 4]
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        data.TensorDataset(cr.zeros(2), cr.zeros(3))
    with pytest.raises(IndexError):
        d[5]


def test_base_classes_say_what_to_define() -> None:
    with pytest.raises(NotImplementedError, match="should implement __getitem__"):
        data.Dataset()[0]
    with pytest.raises(NotImplementedError, match="should implement __iter__"):
        iter(data.IterableDataset())
    with pytest.raises(NotImplementedError, match="must define __iter__"):
        iter(data.Sampler())


def test_concatenation() -> None:
    both = data.ConcatDataset([pairs(2), pairs(3)])
    assert len(both) == 5
    assert both.cumulative_sizes == [2, 5]
    assert [both[k][1].item() for k in (0, 1, 2, -1)] == [0, 1, 0, 2]
    assert len(pairs(2) + pairs(3)) == 5
    for k, error in ((5, IndexError), (-6, ValueError)):
        with pytest.raises(error):
            both[k]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_concatenation_is_that_of_lists(lengths: list[int]) -> None:
    parts = [[f"{k}.{i}" for i in range(n)] for k, n in enumerate(lengths)]
    both, flat = data.ConcatDataset(parts), [x for part in parts for x in part]
    assert [both[k] for k in range(len(both))] == flat
    assert [both[k - len(both)] for k in range(len(both))] == flat


def test_chain() -> None:
    class Count(data.IterableDataset[int]):
        def __iter__(self) -> Any:
            return iter(range(2))

        def __len__(self) -> int:
            return 2

    both = Count() + Count()
    assert list(both) == [0, 1, 0, 1]
    assert len(both) == 4
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(data.ChainDataset([[1]]))


def test_stack() -> None:
    by_place, by_name = data.StackDataset([1, 2], "ab"), data.StackDataset(x=[1, 2], y="ab")
    assert by_place[1] == (2, "b")
    assert by_name[0] == {"x": 1, "y": "a"}
    assert by_place.__getitems__([1, 0]) == [(2, "b"), (1, "a")]
    assert by_name.__getitems__([1]) == [{"x": 2, "y": "b"}]
    with pytest.raises(ValueError, match="both types are given"):
        data.StackDataset([1], x=[1])


def test_samples_fetched_together() -> None:
    class Batched:
        def __init__(self, lose: int) -> None:
            self.lose = lose

        def __len__(self) -> int:
            return 4

        def __getitems__(self, indices: list[int]) -> list[int]:
            return [k * 10 for k in indices[self.lose :]]

    part = data.Subset(Batched(0), [3, 1, 0])
    assert part.__getitems__([0, 2]) == [30, 0]
    assert [b.tolist() for b in data.DataLoader(part, 2)] == [[30, 10], [0]]
    with pytest.raises(ValueError, match="Expected 2, got 1"):
        data.Subset(Batched(1), [3, 1, 0]).__getitems__([0, 2])


def test_subset_of_a_list_of_indices() -> None:
    part = data.Subset(pairs(), [4, 2])
    assert part[[1, 0]][1].tolist() == [2, 4]


def test_split_by_lengths_and_by_shares() -> None:
    parts = data.random_split(pairs(10), [7, 3])
    assert sorted(parts[0].indices + parts[1].indices) == list(range(10))
    assert [len(p) for p in data.random_split(range(11), [0.5, 0.3, 0.2])] == [6, 3, 2]
    g = cr.Generator().manual_seed(3)
    again = cr.Generator().manual_seed(3)
    one, two = (data.random_split(range(9), [4, 5], g)[0].indices for g in (g, again))
    assert one == two
    with pytest.raises(ValueError, match="does not equal the length"):
        data.random_split(range(3), [1, 1])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        data.random_split(range(1), [0.5, 0.5])


def test_digits_as_a_dataset() -> None:
    images, labels = data.load_digits()
    d = data.TensorDataset(cr.from_numpy(images), cr.from_numpy(labels))
    x, y = next(iter(data.DataLoader(d, batch_size=64)))
    np.testing.assert_array_equal(x.numpy(), images[:64])
    np.testing.assert_array_equal(y.numpy(), labels[:64])
