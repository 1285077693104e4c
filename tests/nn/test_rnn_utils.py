"""Padding and packing sequences of different lengths."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.autograd import gradcheck
from chainrule.nn.utils import rnn

LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=6)


def sequences(lengths: list[int]) -> list[cr.Tensor]:
    return [cr.randn(n, 2, dtype=cr.float64) for n in lengths]


@given(LENGTHS, st.booleans(), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_there_and_back(lengths: list[int], batch_first: bool, more: int) -> None:
    parts = sequences(lengths)
    packed = rnn.pack_sequence(parts, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [sum(n > t for n in lengths) for t in range(max(lengths))]
    total = max(lengths) + more
    padded, found = rnn.pad_packed_sequence(packed, batch_first, 9.0, total)
    assert found.tolist() == lengths
    assert padded.shape[1 if batch_first else 0] == total
    for part, row in zip(parts, padded.unbind(0 if batch_first else 1), strict=True):
        n = len(part)
        assert cr.equal(row[:n], part)
        assert (row[n:] == 9.0).all()
    for part, again in zip(parts, rnn.unpack_sequence(packed), strict=True):
        assert cr.equal(part, again)


@given(LENGTHS, st.sampled_from(["left", "right"]))
@settings(max_examples=20, deadline=None)
def test_padding_side(lengths: list[int], side: str) -> None:
    padded = rnn.pad_sequence(sequences(lengths), True, float("nan"), side)
    blank = padded.isnan().all(-1)
    assert blank.sum(1).tolist() == [max(lengths) - n for n in lengths]
    for row, n in zip(blank, lengths, strict=True):
        ends = row[n:] if side == "right" else row[: max(lengths) - n]
        assert ends.all()


def test_gradients() -> None:
    parts = [p.requires_grad_() for p in sequences([2, 3, 1])]
    assert gradcheck(lambda *p: rnn.pad_sequence(p, padding_side="left"), parts)
    assert gradcheck(lambda *p: rnn.pack_sequence(p, enforce_sorted=False).data, parts)
    packed = rnn.pack_sequence(parts, enforce_sorted=False)

    def back(data: cr.Tensor) -> cr.Tensor:
        return rnn.pad_packed_sequence(rnn.PackedSequence(data, *packed[1:]))[0]

    assert gradcheck(back, [packed.data.detach().requires_grad_()])


def test_sorted_sequences_need_no_order() -> None:
    packed = rnn.pack_sequence(sequences([3, 2, 2]))
    assert packed.sorted_indices is None
    assert packed.unsorted_indices is None
    assert isinstance(packed, tuple)
    assert packed._fields == ("data", "batch_sizes", "sorted_indices", "unsorted_indices")


def test_errors() -> None:
    with pytest.raises(RuntimeError, match="sorted in decreasing order"):
        rnn.pack_sequence(sequences([1, 2]))
    with pytest.raises(RuntimeError, match="longest sequence has 4 steps"):
        rnn.pack_padded_sequence(cr.zeros(3, 1), [4])
    with pytest.raises(RuntimeError, match="first dimension only"):
        rnn.pad_sequence([cr.zeros(2, 3), cr.zeros(2, 4)])
    with pytest.raises(AssertionError, match="length 2"):
        rnn.PackedSequence(cr.zeros(2))
