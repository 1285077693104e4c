"""Word vectors from files: word2vec (text and binary) and GloVe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.errors import did_you_mean
from .text import Vocabulary

_from_numpy = names["torch"]["from_numpy"]
Name = str | PathLike[str]
Floats = npt.NDArray[np.float32]


class WordVectors:
    """Words and their vectors (V, d) float32.

    >>> import numpy as np
    >>> from chainrule.data.vectors import WordVectors
    >>> v = WordVectors(["man", "woman", "king"], np.array([[1, 0], [1, 1], [3, 0]], "float32"))
    >>> v["woman"], v.nearest("man", 1)
    (tensor([1., 1.]), [('king', 1.0)])
    """

    def __init__(self, words: Sequence[str], vectors: Floats) -> None:
        if len(words) != len(vectors):
            raise ValueError(f"WordVectors: {len(words)} words for {len(vectors)} vectors")
        self.words = list(words)
        self.index = {word: k for k, word in enumerate(self.words)}
        self.vectors: Tensor = _from_numpy(np.ascontiguousarray(vectors, np.float32))

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> Any:
        return self.vectors[self._place(word)]

    def _place(self, word: str) -> int:
        if word not in self.index:
            raise KeyError(f"WordVectors: no vector for {word!r}.{did_you_mean(word, self.index)}")
        return self.index[word]

    def nearest(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """The n words of the largest cosine with a word, and the cosines."""
        return self._closest(self._units()[self._place(word)], {word}, n)

    def analogy(self, a: str, b: str, c: str, n: int = 1) -> list[tuple[str, float]]:
        """The n words closest to b − a + c (of unit vectors): a is to b as c is to ...

        Source: Mikolov et al., "Linguistic regularities in continuous space word
        representations", 2013.
        """
        units = self._units()
        aim = units[self._place(b)] - units[self._place(a)] + units[self._place(c)]
        return self._closest(aim / max(float(np.linalg.norm(aim)), 1e-12), {a, b, c}, n)

    def _units(self) -> Floats:
        table: Floats = self.vectors.numpy()
        size = np.sqrt((table * table).sum(1, keepdims=True))
        units: Floats = table / np.maximum(size, np.float32(1e-12))
        return units

    def _closest(self, aim: Floats, without: set[str], n: int) -> list[tuple[str, float]]:
        cosines = self._units() @ aim
        order = (k for k in np.argsort(-cosines, kind="stable") if self.words[k] not in without)
        return [(self.words[k], float(cosines[k])) for k, _ in zip(order, range(n), strict=False)]

    def table(self, vocabulary: Vocabulary, seed: int = 0) -> tuple[Tensor, list[str]]:
        """A table (len(vocabulary), d) for ``nn.Embedding``, and the tokens without a vector.

        Those are drawn normal with the deviation of the given vectors; token 0 is zeros if it
        has none, the padding.
        """
        known: Floats = self.vectors.numpy()
        drawn = np.random.default_rng(seed).normal(
            0, known.std(), (len(vocabulary), known.shape[1])
        )
        drawn[0] = 0
        missing = []
        for k, token in enumerate(vocabulary.tokens):
            if token in self.index:
                drawn[k] = known[self.index[token]]
            else:
                missing.append(token)
        return _from_numpy(drawn.astype(np.float32)), missing


def _damaged(path: Path, where: str, what: str) -> ValueError:
    return ValueError(f"{path.name}, {where}: {what}; the file is damaged or of another format")


def _row(path: Path, number: int, fields: Sequence[str]) -> Floats:
    try:
        row = np.array([float(field) for field in fields], np.float32)
    except ValueError:
        raise _damaged(path, f"line {number}", "a field is not a number") from None
    if not np.isfinite(row).all():
        raise _damaged(path, f"line {number}", "a number is not finite")
    return row


def _collect(path: Path, rows: Iterable[tuple[str, Floats]]) -> WordVectors:
    """The vectors of all rows; ValueError for a word that comes twice, and for no row at all."""
    words: dict[str, Floats] = {}
    for word, row in rows:
        if word in words:
            raise _damaged(path, f"entry {len(words) + 1}", f"the word {word!r} comes twice")
        words[word] = row
    if not words:
        raise ValueError(f"{path.name}: there is no vector in it")
    return WordVectors(list(words), np.stack(list(words.values())))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _damaged(path, f"byte {error.start}", "this is no UTF-8 text") from None
    return text.removesuffix("\n").split("\n") if text else []


def read_glove(path: Name) -> WordVectors:
    """Vectors of a GloVe text file: a word and d numbers a line.

    The first line says what d is; a word may hold spaces (a few of the published ones do). Raises
    ValueError, with the line, for a damaged file. Source: Pennington et al., "GloVe", 2014.

    >>> import pathlib, tempfile
    >>> from chainrule.data import vectors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "glove.txt")
    ...     _ = file.write_text("the 0.5 1.0\\nof 1.5 0.25\\n")
    ...     vectors.read_glove(file)["of"]
    tensor([1.5000, 0.2500])
    """
    path = Path(path)
    lines = _lines(path)
    size = len(lines[0].split(" ")) - 1 if lines else 0
    if lines and size < 1:
        raise _damaged(path, "line 1", "a word and its numbers were expected")

    def rows() -> Iterable[tuple[str, Floats]]:
        for number, line in enumerate(lines, 1):
            fields = line.rstrip(" ").split(" ")
            if len(fields) < size + 1:
                raise _damaged(
                    path, f"line {number}", f"{len(fields) - 1} numbers where line 1 has {size}"
                )
            yield " ".join(fields[:-size]), _row(path, number, fields[-size:])

    return _collect(path, rows())


def read_word2vec(path: Name, binary: bool | None = None) -> WordVectors:
    """Vectors of a word2vec file: a line "count size", then words and numbers.

    Text (a word and its numbers a line) or binary (word, a space, little-endian float32s);
    ``binary=None`` takes names that end in ``.bin`` for binary. Raises ValueError, with the place,
    for a damaged file. Source: Mikolov et al., "Efficient estimation of word representations in
    vector space", 2013.

    >>> import pathlib, tempfile
    >>> from chainrule.data import vectors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "vectors.txt")
    ...     _ = file.write_text("2 3\\nthe 1 2 3\\nof 4 5 6\\n")
    ...     vectors.read_word2vec(file).vectors.shape
    torch.Size([2, 3])
    """
    path = Path(path)
    if path.suffix == ".bin" if binary is None else binary:
        return _read_binary(path)
    lines = _lines(path)
    count, size = _header(path, lines[0] if lines else "")
    if len(lines) - 1 != count:
        raise _damaged(path, "line 1", f"{count} words are announced, {len(lines) - 1} follow")

    def rows() -> Iterable[tuple[str, Floats]]:
        for number, line in enumerate(lines[1:], 2):
            fields = line.rstrip(" ").split(" ")
            if len(fields) != size + 1:
                raise _damaged(
                    path, f"line {number}", f"{len(fields) - 1} numbers instead of {size}"
                )
            yield fields[0], _row(path, number, fields[1:])

    return _collect(path, rows())


def _header(path: Path, line: str) -> tuple[int, int]:
    fields = line.split()
    if len(fields) != 2 or not all(f.isascii() and f.isdigit() and len(f) < 12 for f in fields):
        raise _damaged(path, "line 1", f"two numbers (count, size) expected, got {line[:40]!r}")
    count, size = map(int, fields)
    if size < 1:
        raise _damaged(path, "line 1", "the vectors' size is 0")
    return count, size


def _read_binary(path: Path) -> WordVectors:
    data = path.read_bytes()
    end = data.find(b"\n", 0, 64)
    count, size = _header(path, data[: max(end, 0)].decode("latin-1"))
    # a word takes 2 bytes at least: an absurd count is found out before anything is read
    if count * (4 * size + 2) > len(data):
        raise _damaged(path, "line 1", f"{count} vectors of {size} do not fit in {len(data)} bytes")

    def rows() -> Iterable[tuple[str, Floats]]:
        at = end + 1
        for k in range(1, count + 1):
            space = data.find(b" ", at)
            last = space + 1 + 4 * size
            if space < 0 or last > len(data):
                raise _damaged(path, f"entry {k} of {count}", "the file ends here")
            try:
                word = data[at:space].decode().lstrip("\n")
            except UnicodeDecodeError:
                raise _damaged(path, f"entry {k} of {count}", "the word is no UTF-8") from None
            row = np.frombuffer(data, "<f4", size, space + 1)
            if not np.isfinite(row).all():
                raise _damaged(path, f"entry {k} of {count}", "a number is not finite")
            yield word, row
            at = last
        if data[at:].strip(b"\n"):
            raise _damaged(path, f"byte {at}", f"more data after the {count} vectors")

    return _collect(path, rows())


def write_word2vec(vectors: WordVectors, path: Name, binary: bool = False) -> None:
    """Write vectors in word2vec's format, which ``read_word2vec`` and other tools read.

    Text keeps every float32 exactly. Raises ValueError for a word with white space in it.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from chainrule.data import vectors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "v.txt")
    ...     vectors.write_word2vec(vectors.WordVectors(["a"], np.array([[0.5, 2.0]])), file)
    ...     file.read_text()
    '1 2\\na 0.5 2.0\\n'
    """
    table: Floats = vectors.vectors.numpy()
    for word in vectors.words:
        if word.split() != [word]:
            raise ValueError(f"write_word2vec: {word!r} has white space, which the format cannot")
    head = f"{len(table)} {table.shape[1]}\n".encode()
    pairs = zip(vectors.words, table, strict=True)
    if binary:
        body = [w.encode() + b" " + row.astype("<f4").tobytes() + b"\n" for w, row in pairs]
    else:
        body = [" ".join([w, *(str(v) for v in row)]).encode() + b"\n" for w, row in pairs]
    Path(path).write_bytes(b"".join([head, *body]))
