"""The safetensors format, read and written by hand: a JSON header, then the arrays' bytes.

Nothing in such a file is code, so nothing runs when it is read. Every number in the header is
checked before memory is taken for it: a damaged or hostile file is a ValueError.

Source: https://github.com/huggingface/safetensors (format description in its README).
"""

from __future__ import annotations

import io
import json
import math
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np

from . import dtypes

LIMIT = 100_000_000  # bytes of header, as the reference implementation allows
CODES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "bool": "BOOL"}
CODES |= {f"int{n}": f"I{n}" for n in (8, 16, 32, 64)}
CODES |= {f"uint{n}": f"U{n}" for n in (8, 16, 32, 64)}
TYPES = {code: dtypes.BY_NAME[name].np for name, code in CODES.items()}
ZIP, PICKLE = b"PK\x03\x04", b"\x80"
Arrays = dict[str, np.ndarray[Any, Any]]


def write(file: IO[bytes], arrays: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
    """Write arrays and text to a binary file; wide types first, so that all lie aligned."""
    order = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name in order:
        a = arrays[name]
        places = [at, at + a.nbytes]
        header[name] = {"dtype": CODES[a.dtype.name], "shape": a.shape, "data_offsets": places}
        at += a.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > LIMIT:
        raise ValueError(
            f"save: the description of the data takes {len(text):,} bytes, {LIMIT:,} are allowed; "
            "put long lists of numbers into tensors"
        )
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for name in order:
        a = np.ascontiguousarray(arrays[name])
        if a.size:
            file.write(a.reshape(-1).view(np.uint8).data)


def damaged(what: str, why: str) -> ValueError:
    """The error for a file that cannot be read."""
    return ValueError(f"load: {what} is not a readable file of tensors: {why}")


def read_exactly(file: IO[bytes], n: int, what: str) -> bytearray:
    """The next ``n`` bytes, taken piece by piece: a false size cannot claim memory."""
    out = bytearray()
    while len(out) < n:
        piece = file.read(min(n - len(out), 1 << 24))
        if not piece:
            raise damaged(what, f"it ends {n - len(out):,} bytes early")
        out += piece
    return out


def read_header(file: IO[bytes], what: str) -> tuple[dict[str, Any], dict[str, str], int]:
    """The arrays' descriptions, the metadata, and the number of bytes that follow."""
    start = file.read(8)
    size = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= size <= LIMIT:
        kind = "zip" if start[:4] == ZIP else "pickle" if start[:1] == PICKLE else None
        if kind is None:
            raise damaged(what, "it does not begin with the size of a header")
        raise ValueError(
            f"load: {what} was written by PyTorch (as a {kind} file); reading those comes in a "
            "later release. Write it with safetensors there (safetensors.torch.save_file), and "
            "load that"
        )
    text = read_exactly(file, size, what)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise damaged(what, "its header is not JSON") from None
    if not isinstance(header, dict):
        raise damaged(what, "its header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise damaged(what, "its metadata is not text")
    return header, metadata, check(header, what)


def check(header: dict[str, Any], what: str) -> int:
    """Check every description: type, shape and place agree, and no byte is used twice or left."""
    at = 0
    try:
        entries = sorted(header.items(), key=lambda item: tuple(item[1]["data_offsets"]))
        for name, entry in entries:
            first, end = entry["data_offsets"]
            shape = entry["shape"]
            whole = all(type(n) is int and 0 <= n < 2**62 for n in (first, end, *shape))
            if not whole or entry["dtype"] not in TYPES:
                raise damaged(what, f"the description of {name!r} is not a type, shape and place")
            need = math.prod(shape) * TYPES[entry["dtype"]].itemsize
            if first != at or end - first != need or len(shape) > 64:
                raise damaged(what, f"the shape and the place of {name!r} do not fit")
            at = end
    except (TypeError, KeyError, ValueError) as error:
        if isinstance(error, ValueError) and str(error).startswith("load:"):
            raise
        raise damaged(what, "a description in its header is not complete") from None
    return at


def read(file: IO[bytes], what: str) -> tuple[Arrays, dict[str, str]]:
    """The arrays, each with memory of its own, and the metadata."""
    header, metadata, size = read_header(file, what)
    if file.seekable():  # known to be too short before anything is allocated
        here = file.tell()
        left = file.seek(0, io.SEEK_END) - here
        file.seek(here)
        if left < size:
            raise damaged(what, f"it ends {size - left:,} bytes early")
    arrays: Arrays = {}
    for name, entry in sorted(header.items(), key=lambda item: tuple(item[1]["data_offsets"])):
        first, end = entry["data_offsets"]
        raw: Any = np.frombuffer(read_exactly(file, end - first, what), np.uint8)
        arrays[name] = raw.view(TYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays, metadata


def read_mapped(path: str, what: str) -> tuple[Arrays, dict[str, str]]:
    """``read`` by mapping the file: bytes come from the disk when touched, edits stay private."""
    with open(path, "rb") as file:
        header, metadata, size = read_header(file, what)
        start = file.tell()
        left = os.fstat(file.fileno()).st_size - start
    if left < size:
        raise damaged(what, f"it ends {size - left:,} bytes early")
    arrays: Arrays = {}
    for name, entry in header.items():
        kind, shape, first = TYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"][0]
        if 0 in shape:
            arrays[name] = np.empty(shape, kind)
        else:
            part: Any = np.memmap(path, kind, "c", start + first, shape or (1,))
            arrays[name] = np.asarray(part).reshape(shape)
    return arrays, metadata


def write_atomically(path: str, fill: Callable[[IO[bytes]], None]) -> None:
    """Replace a file as a whole: write beside it, flush to the disk, rename.

    Whenever the program stops, the path holds the old file or the new one.
    """
    path = os.path.realpath(path)  # through a link, not over it
    old = os.stat(path) if os.path.exists(path) else None
    if old is not None and not stat.S_ISREG(old.st_mode):  # a pipe or a device: nothing to replace
        with open(path, "wb") as file:
            fill(file)
        return
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"save: the folder {folder} does not exist")
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        with open(handle, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        if old is not None:
            os.chmod(temporary, stat.S_IMODE(old.st_mode))
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


_BINARY = getattr(os, "O_BINARY", 0)


def _sync_folder(folder: str) -> None:
    """Put the renaming on the disk too, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
