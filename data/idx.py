"""IDX files, the format of MNIST: a type, the sizes, and the numbers, biggest byte first."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

# The third byte of a file says the type of its numbers.
TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_GZIP = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str]) -> Any:
    """Return the array of an IDX file, plain or gzipped, in the machine's byte order.

    Two zero bytes, the type, the number of dimensions, each size as a 32-bit integer, then the
    numbers. Raises ValueError for a file that is damaged, cut short, too long or of another
    kind.

    >>> write_idx("small.idx", np.array([[1, 2], [3, 4]], np.uint8))
    >>> read_idx("small.idx").tolist()
    [[1, 2], [3, 4]]
    """
    name = os.path.basename(os.fspath(path))
    raw = Path(path).read_bytes()
    if raw[:2] == _GZIP:
        raw = _unzipped(raw, name)
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in TYPES:
        raise ValueError(
            f"read_idx: {name!r} is no IDX file: it begins with {raw[:4].hex(' ') or 'nothing'}, "
            "not with two zero bytes and a type from 08 to 0e"
        )
    kind, ndim = TYPES[raw[2]], raw[3]
    start = 4 + 4 * ndim
    if len(raw) < start:
        raise ValueError(f"read_idx: {name!r} is cut short: it ends inside its {ndim} sizes")
    shape = struct.unpack(f">{ndim}I", raw[4:start])
    need, have = math.prod(shape) * kind.itemsize, len(raw) - start
    if need != have or ndim > 64:
        sizes = "×".join(map(str, shape)) or "one number"
        raise ValueError(
            f"read_idx: {name!r} is damaged: {sizes} of {kind.name} take {need:,} bytes, and "
            f"{have:,} follow its header"
        )
    found = np.frombuffer(raw, kind, offset=start).reshape(shape)
    return found.astype(kind.newbyteorder("="))


def _unzipped(raw: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"read_idx: {name!r} is a damaged gzip file: {error}") from None


def write_idx(path: str | os.PathLike[str], array: Any) -> None:
    """Write an array as an IDX file, gzipped where the name ends in ``.gz``.

    Raises TypeError for a type that the format does not have.

    >>> write_idx("numbers.idx.gz", np.array([0.5, 2.0]))
    >>> read_idx("numbers.idx.gz").tolist()
    [0.5, 2.0]
    """
    values = np.asarray(array)
    codes = [c for c, t in TYPES.items() if t == values.dtype.newbyteorder(">")]
    if not codes:
        allowed = ", ".join(t.name for t in TYPES.values())
        raise TypeError(f"write_idx: the format has {allowed}, not {values.dtype}; convert first")
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, codes[0], values.ndim, *values.shape)
    raw = header + values.astype(TYPES[codes[0]]).tobytes()
    if os.fspath(path).endswith(".gz"):
        raw = gzip.compress(raw, mtime=0)
    Path(path).write_bytes(raw)
