"""Text as numbers: tokenizers, vocabularies, byte pairs, and windows for language models."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ..autograd import Tensor
from ..autograd.declare import names

_tensor, _stack = names["torch"]["tensor"], names["torch"]["stack"]

PAD, UNKNOWN, START, END, MASK = "<pad>", "<unk>", "<s>", "</s>", "<mask>"
_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
# GPT-2's rule (contractions, words with the space before them, numbers, signs), in Python's re.
_PIECE = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def characters(text: str) -> list[str]:
    """The characters of a text, one token each.

    >>> from chainrule.data import text
    >>> text.characters("so it")
    ['s', 'o', ' ', 'i', 't']
    """
    return list(text)


def words(text: str, lower: bool = True) -> list[str]:
    """Words (with their apostrophes) and single punctuation marks; white space goes.

    >>> from chainrule.data import text
    >>> text.words("Don't stop, Ada!")
    ["don't", 'stop', ',', 'ada', '!']
    """
    return _WORD.findall(text.lower() if lower else text)


class Vocabulary:
    """Tokens and their numbers: the special ones first, then by falling count, ties by alphabet.

    ``min_count`` and ``size`` (special tokens included) leave rare ones out; they become
    ``<unk>``. Without ``<unk>`` among ``specials`` an unknown token raises KeyError.

    >>> from chainrule.data import text
    >>> v = text.Vocabulary("b a b c b a".split())
    >>> v.tokens, v.encode(["a", "b", "z"]), v.decode([3, 2])
    (('<pad>', '<unk>', 'b', 'a', 'c'), [3, 2, 1], ['a', 'b'])
    """

    def __init__(
        self,
        tokens: Iterable[str],
        specials: Sequence[str] = (PAD, UNKNOWN),
        min_count: int = 1,
        size: int | None = None,
    ) -> None:
        counts = Counter(tokens)
        for special in specials:
            counts.pop(special, None)
        ordered = sorted(counts, key=lambda token: (-counts[token], token))
        kept = [token for token in ordered if counts[token] >= min_count]
        self.tokens: tuple[str, ...] = (*specials, *kept)[:size]
        self.index = {token: k for k, token in enumerate(self.tokens)}
        if len(self.index) < len(self.tokens):
            raise ValueError(f"Vocabulary: a special token is given twice: {list(specials)}")

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self.index

    def __getitem__(self, token: str) -> int:
        found = self.index.get(token, self.index.get(UNKNOWN))
        if found is None:
            raise KeyError(
                f"Vocabulary: no token {token!r} among {len(self)}, and no {UNKNOWN} to stand for "
                "it; add it to the text, or build with specials=('<pad>', '<unk>')"
            )
        return found

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The numbers of tokens."""
        return [self[token] for token in tokens]

    def decode(self, numbers: Iterable[Any]) -> list[str]:
        """The tokens of numbers; IndexError for a number that no token has."""
        found = []
        for number in map(int, numbers):
            if not 0 <= number < len(self):
                raise IndexError(f"Vocabulary: no token {number}; there are {len(self)}")
            found.append(self.tokens[number])
        return found


class BytePairs:
    """Byte-pair encoding of a text's bytes: tokens 0–255 are bytes, each merge adds one token.

    ``BytePairs.train`` merges, ``size − 256`` times, the pair of neighbours that occurs most often
    (ties: the lower numbers); pairs never cross the pieces (words with the space before them).
    Every text can be encoded, and ``decode(encode(text)) == text``. Sources: Sennrich et al.,
    2016; bytes as in Radford et al. (GPT-2), 2019.

    >>> from chainrule.data.text import BytePairs
    >>> pairs = BytePairs.train("low lower lowest low low", size=259)
    >>> [pairs.token(k) for k in pairs.encode(" lowest")]
    [b' low', b'e', b's', b't']
    """

    def __init__(self, merges: Sequence[tuple[int, int]]) -> None:
        self.merges = [(int(a), int(b)) for a, b in merges]
        self._bytes = [bytes([k]) for k in range(256)]
        for a, b in self.merges:
            if not 0 <= max(a, b) < len(self._bytes) or min(a, b) < 0:
                raise ValueError(f"BytePairs: the merge ({a}, {b}) names a token not made yet")
            self._bytes.append(self._bytes[a] + self._bytes[b])
        self._rank = {pair: 256 + k for k, pair in enumerate(self.merges)}
        self._known: dict[str, list[int]] = {}

    @classmethod
    def train(cls, text: str, size: int) -> BytePairs:
        """Learn merges from a text until there are ``size`` tokens, or no pair occurs twice."""
        if size < 256:
            raise ValueError(f"BytePairs.train: size must be 256 or more, the bytes; got {size}")
        pieces = Counter(_PIECE.findall(text))
        coded = [(list(piece.encode()), count) for piece, count in pieces.items()]
        merges: list[tuple[int, int]] = []
        while 256 + len(merges) < size:
            pairs: Counter[tuple[int, int]] = Counter()
            for codes, count in coded:
                for pair in itertools.pairwise(codes):
                    pairs[pair] += count
            if not pairs:
                break
            best = min(pairs, key=lambda pair: (-pairs[pair], pair))
            if pairs[best] < 2:
                break
            coded = [(_merged(codes, best, 256 + len(merges)), count) for codes, count in coded]
            merges.append(best)
        return cls(merges)

    def __len__(self) -> int:
        return len(self._bytes)

    def token(self, number: int) -> bytes:
        """The bytes that a token stands for."""
        return self._bytes[number]

    def encode(self, text: str) -> list[int]:
        """The tokens of a text: in each piece, merges in the order in which they were learned."""
        out = []
        for piece in _PIECE.findall(text):
            if piece not in self._known:
                self._known[piece] = self._encode_piece(piece)
            out += self._known[piece]
        return out

    def _encode_piece(self, piece: str) -> list[int]:
        codes = list(piece.encode())
        while len(codes) > 1:
            pairs = itertools.pairwise(codes)
            first = min(pairs, key=lambda pair: self._rank.get(pair, len(self)))
            if first not in self._rank:
                break
            codes = _merged(codes, first, self._rank[first])
        return codes

    def decode(self, numbers: Iterable[Any]) -> str:
        """The text; bytes that are no UTF-8 (a character cut in two) become U+FFFD."""
        return b"".join(self._bytes[int(k)] for k in numbers).decode(errors="replace")


def _merged(codes: list[int], pair: tuple[int, int], new: int) -> list[int]:
    """``codes`` with every ``pair``, from the left, replaced by ``new``."""
    out, k = [], 0
    while k < len(codes):
        if k + 1 < len(codes) and (codes[k], codes[k + 1]) == pair:
            out.append(new)
            k += 2
        else:
            out.append(codes[k])
            k += 1
    return out


def pad(
    sequences: Sequence[Sequence[int]], value: int = 0, length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Sequences of numbers as one table (N, T) int64 filled up with ``value``, and lengths (N,).

    T is the longest length, or ``length``: ValueError for a sequence longer than it.

    >>> from chainrule.data import text
    >>> text.pad([[5, 6, 7], [8]])
    (tensor([[5, 6, 7],
            [8, 0, 0]]), tensor([3, 1]))
    """
    lengths = [len(sequence) for sequence in sequences]
    longest = max(lengths, default=0)
    if length is not None and longest > length:
        raise ValueError(f"pad: a sequence of {longest} does not fit into length {length}")
    width = longest if length is None else length
    rows = [[*s, *[value] * (width - len(s))] for s in sequences]
    return _tensor(rows).long(), _tensor(lengths).long()


def windows(numbers: Sequence[int], length: int, stride: int | None = None) -> tuple[Any, Any]:
    """Inputs and targets (N, length) of a language model: the target is the next number.

    A window starts every ``stride`` numbers (default: ``length``, no overlap). Raises ValueError
    where not even one fits.

    >>> from chainrule.data import text
    >>> text.windows([1, 2, 3, 4, 5, 6, 7], 3)
    (tensor([[1, 2, 3],
            [4, 5, 6]]), tensor([[2, 3, 4],
            [5, 6, 7]]))
    """
    step = length if stride is None else stride
    if length < 1 or step < 1:
        raise ValueError(f"windows: length and stride must be 1 or more, got {length} and {step}")
    starts = range(0, len(numbers) - length, step)
    if not starts:
        raise ValueError(
            f"windows: {len(numbers)} numbers are too few for a window of {length} and its target"
        )
    line = _tensor(list(numbers)).long()
    inputs = _stack([line[k : k + length] for k in starts])
    return inputs, _stack([line[k + 1 : k + 1 + length] for k in starts])
