"""Sequences of different lengths: padded to one length, or packed step by step.

Packed data holds, for each step, the rows of all sequences still running, longest sequence first;
``batch_sizes`` says how many these are. A recurrent layer then computes nothing for padding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Self

import numpy as np

from ...autograd import Tensor
from ...autograd.declare import names
from ...autograd.views import as_array

_torch = names["torch"]
__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _Fields(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Fields):
    """Sequences packed step by step: what ``pack_padded_sequence`` and ``pack_sequence`` make.

    ``data`` (Σ lengths, …); ``batch_sizes`` int64, how many sequences reach each step;
    ``sorted_indices`` puts the sequences longest first, ``unsorted_indices`` puts them back.

    >>> import chainrule as cr
    >>> rnn = cr.nn.utils.rnn
    >>> packed = rnn.pack_sequence([cr.tensor([1, 2, 3]), cr.tensor([4, 5])])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 5, 3]), tensor([2, 2, 1]))
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> Self:
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The data in another dtype or on another device, as ``Tensor.to``."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def cuda(self, *args: Any, **kwargs: Any) -> Self:
        """Raises RuntimeError: there is no such device."""
        return self.to("cuda" if not args else args[0], **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> Self:
        """The same: it is in main memory."""
        return self.to(*args, **{"device": "cpu", **kwargs})

    def pin_memory(self) -> Self:
        """The same: there is no device to pin memory for."""
        return self

    def is_pinned(self) -> bool:
        """False: there is no device to pin memory for."""
        return False

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return bool(self.data.is_cuda)

    def _typed(self, name: str) -> Self:
        return self.to(dtype=getattr(self.data, name)().dtype)

    def double(self) -> Self:
        """The data as float64."""
        return self._typed("double")

    def float(self) -> Self:
        """The data as float32."""
        return self._typed("float")

    def half(self) -> Self:
        """The data as float16."""
        return self._typed("half")

    def long(self) -> Self:
        """The data as int64."""
        return self._typed("long")

    def int(self) -> Self:
        """The data as int32."""
        return self._typed("int")

    def short(self) -> Self:
        """The data as int16."""
        return self._typed("short")

    def char(self) -> Self:
        """The data as int8."""
        return self._typed("char")

    def byte(self) -> Self:
        """The data as uint8."""
        return self._typed("byte")


def _integers(values: Any) -> Any:
    return _torch["from_numpy"](np.array(values, np.int64))


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes ``permutation`` (n,): q[p[i]] = i; None for None.

    >>> import chainrule as cr
    >>> cr.nn.utils.rnn.invert_permutation(cr.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else _integers(np.argsort(as_array(permutation)))


def _filled(rows: Any, index: Any, value: float) -> Any:
    """``rows[index]``, and ``value`` where the index is −1."""
    if (index >= 0).all():
        return rows[_integers(index)]
    fill = _torch["full"]((1, *rows.shape[1:]), value, dtype=rows.dtype)
    index = np.where(index < 0, rows.shape[0], index)
    return _torch["cat"]([rows, fill])[_integers(index)]


def _check_lengths(lengths: Any, batch: int, longest: int, steps: int) -> None:
    if len(lengths) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} "
            f"(batch_size={batch})"
        )
    if (lengths <= 0).any():
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            "that is <= 0"
        )
    if (np.diff(lengths) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to "
            "sidestep this requirement if you do not need ONNX exportability."
        )
    if longest > steps:
        raise RuntimeError(
            f"pack_padded_sequence: the longest sequence has {longest} steps, but the padded input "
            f"only {steps}"
        )


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch (T, N, …), or (N, T, …) with ``batch_first``, of the given lengths.

    With ``enforce_sorted`` the lengths must not grow; without it the sequences are sorted and
    remember their order. Raises RuntimeError for lengths that do not fit.

    >>> import chainrule as cr
    >>> x = cr.tensor([[1, 2, 0], [3, 4, 5]])
    >>> packed = cr.nn.utils.rnn.pack_padded_sequence(x, [2, 3], True, enforce_sorted=False)
    >>> packed.data, packed.sorted_indices
    (tensor([3, 1, 4, 2, 5]), tensor([1, 0]))
    """
    given = np.asarray(as_array(lengths) if isinstance(lengths, Tensor) else lengths, np.int64)
    order = np.arange(len(given)) if enforce_sorted else np.argsort(-given, kind="stable")
    found = given[order]
    if batch_first:
        input = input.transpose(0, 1)
    if 0 in input.shape:
        raise RuntimeError("Cannot pack empty tensors.")
    steps, batch = input.shape[:2]
    longest = int(found.max(initial=0))
    _check_lengths(found, batch, longest, steps)
    running = np.arange(longest)[:, None] < found  # (step, sequence)
    index = np.arange(steps * batch).reshape(steps, batch)[:longest, order][running]
    rows = input.reshape(steps * batch, *input.shape[2:])
    sizes = _integers(running.sum(1))
    return PackedSequence(
        rows[_integers(index)], sizes, None if enforce_sorted else _integers(order)
    )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Any, Any]:
    """The padded batch (T, N, …) of packed sequences, and their lengths, in their first order.

    ``total_length`` pads further; ValueError where it is too small.

    >>> import chainrule as cr
    >>> rnn = cr.nn.utils.rnn
    >>> packed = rnn.pack_sequence([cr.tensor([1.0]), cr.tensor([2.0, 3.0])], enforce_sorted=False)
    >>> rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1., 0.],
            [2., 3.]]), tensor([1, 2]))
    """
    sizes = as_array(sequence.batch_sizes)
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but "
            f"got total_length={total_length} and max sequence length being {len(sizes)}"
        )
    batch = int(sizes[0])
    index = np.full((steps, batch), -1)
    index[: len(sizes)][np.arange(batch) < sizes[:, None]] = np.arange(int(sizes.sum()))
    lengths = (index >= 0).sum(0)
    if sequence.unsorted_indices is not None:
        back = as_array(sequence.unsorted_indices)
        index, lengths = index[:, back], lengths[back]
    index = index.T if batch_first else index
    return _filled(sequence.data, index, padding_value), _integers(lengths)


def pad_sequence(
    sequences: Any,
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Any:
    """Sequences (Lᵢ, …) as one tensor (T, N, …), T the longest; (N, T, …) with ``batch_first``.

    ``padding_side`` is ``"right"`` or ``"left"``. Raises RuntimeError for an empty list or another
    side.

    >>> import chainrule as cr
    >>> a, b = cr.tensor([1, 2, 3]), cr.tensor([4])
    >>> cr.nn.utils.rnn.pad_sequence([a, b], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    found = list(sequences)
    if not found:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    tails = {tuple(s.shape[1:]) for s in found}
    if len(tails) > 1:
        raise RuntimeError(
            "pad_sequence: the sequences may differ in their first dimension only, but got shapes "
            f"{[list(s.shape) for s in found]}"
        )
    lengths = np.array([s.shape[0] for s in found])
    steps = np.arange(lengths.max())
    if padding_side == "left":
        inside = steps >= len(steps) - lengths[:, None]
    else:
        inside = steps < lengths[:, None]
    index = np.full(inside.shape, -1)
    index[inside] = np.arange(int(lengths.sum()))
    rows = _torch["cat"](found)
    return _filled(rows, index if batch_first else index.T, padding_value)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences (Lᵢ, …) of a padded batch: what ``pad_sequence`` was given.

    >>> import chainrule as cr
    >>> x = cr.tensor([[1, 2, 3], [4, 0, 0]])
    >>> cr.nn.utils.rnn.unpad_sequence(x, cr.tensor([3, 1]), batch_first=True)
    [tensor([1, 2, 3]), tensor([4])]
    """
    batch = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    numbers = as_array(lengths).tolist() if isinstance(lengths, Tensor) else list(lengths)
    return [row[:n].clone() for row, n in zip(batch.unbind(0), numbers, strict=True)]


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences (Lᵢ, …), longest first unless ``enforce_sorted=False``.

    >>> import chainrule as cr
    >>> cr.nn.utils.rnn.pack_sequence([cr.tensor([1, 2]), cr.tensor([3])]).batch_sizes
    tensor([2, 1])
    """
    lengths = [s.shape[0] for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """The list of sequences that was packed.

    >>> import chainrule as cr
    >>> rnn = cr.nn.utils.rnn
    >>> rnn.unpack_sequence(rnn.pack_sequence([cr.tensor([1, 2]), cr.tensor([3])]))
    [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
