"""The bundled digits and the stratified split."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import datasets
from chainrule.data.datasets import load_digits, stratified_split


def test_shapes_and_values() -> None:
    images, labels = load_digits()
    assert (images.shape, images.dtype) == ((1797, 8, 8), np.uint8)
    assert (labels.shape, labels.dtype) == ((1797,), np.int64)
    assert (images.min(), images.max()) == (0, 16)


def test_class_counts_are_those_that_the_source_states() -> None:
    _, labels = load_digits()
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_content_is_the_original() -> None:
    images, labels = load_digits()
    digest = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_calls_do_not_share_memory() -> None:
    first, _ = load_digits()
    first[:] = 0
    second, _ = load_digits()
    assert second.max() == 16


def test_licence_lies_beside_the_data() -> None:
    text = Path(datasets.__file__).with_name("DIGITS_LICENSE.txt").read_text(encoding="utf-8")
    assert "CC BY 4.0" in text
    assert "10.24432/C50P49" in text


def test_split_of_the_digits() -> None:
    _, labels = load_digits()
    train, test = stratified_split(labels)
    assert sorted([*train, *test]) == list(range(1797))
    whole, part = np.bincount(labels), np.bincount(labels[test])
    assert np.abs(part - whole / 4).max() <= 0.5
    assert not np.array_equal(test, np.sort(test)), "the parts come shuffled"


def test_split_follows_the_seed() -> None:
    _, labels = load_digits()
    again = [stratified_split(labels, seed=seed)[1] for seed in (1, 1, 2)]
    assert np.array_equal(again[0], again[1])
    assert not np.array_equal(again[0], again[2])


@given(
    st.dictionaries(st.integers(-3, 3), st.integers(2, 30), min_size=1),
    st.floats(0.01, 0.99),
    st.integers(0, 5),
)
def test_split_shares_out_every_class(counts: dict[int, int], share: float, seed: int) -> None:
    labels = np.repeat(list(counts), list(counts.values()))
    train, test = stratified_split(labels, test=share, seed=seed)
    assert train.dtype == test.dtype == np.int64
    assert sorted([*train, *test]) == list(range(len(labels)))
    for label, count in counts.items():
        held_out = int((labels[test] == label).sum())
        assert 1 <= held_out <= count - 1
        assert abs(held_out - share * count) <= 1


def test_labels_may_be_names() -> None:
    _, test = stratified_split(["cat", "dog"] * 4)
    assert sorted(["cat", "dog"][i % 2] for i in test) == ["cat", "dog"]


def test_no_labels_give_empty_parts() -> None:
    train, test = stratified_split([])
    assert (train.shape, test.shape) == ((0,), (0,))


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5, float("nan")])
def test_share_outside_its_range(share: float) -> None:
    with pytest.raises(ValueError, match="test must lie between 0 and 1"):
        stratified_split([0, 0, 1, 1], test=share)


def test_labels_of_two_dimensions() -> None:
    with pytest.raises(ValueError, match=r"must be 1-d.*got shape \(2, 2\)"):
        stratified_split([[0, 1], [1, 0]])


def test_class_with_one_sample() -> None:
    with pytest.raises(ValueError, match="class 7 has a single sample"):
        stratified_split([0, 0, 7])
