"""``save`` and ``load``: state dicts and checkpoints in one safetensors file.

The arrays lie in the file under names that tell where they come from; what holds them together
(dictionaries, lists, numbers, text) is a JSON tree in the file's metadata. Loading builds tensors
and plain containers and runs no code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import devices, tensorfile
from .handle import make, scalar_of
from .serial_tree import Reader, Writer
from .tensor import Tensor

FORMAT = "chainrule"
VERSION = "1"


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int | None = None,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write tensors and what holds them to a path or a binary file, as safetensors.

    ``obj`` may nest dict, OrderedDict, list, tuple, set, str, bytes, numbers, None, Tensor,
    Parameter, Size, dtype, device, NumPy arrays and scalars. A path is replaced as a whole: the old
    file stays until the new one is on the disk. Tensors that share memory share it after ``load``.
    Raises TypeError for anything else (a Module: save its ``state_dict()``). The ``pickle``
    arguments are accepted and not used.

    >>> import chainrule as cr
    >>> model = cr.nn.Linear(2, 1)
    >>> cr.save({"model": model.state_dict(), "epoch": 3}, "checkpoint.pt")
    >>> cr.load("checkpoint.pt")["epoch"]
    3
    """
    writer = Writer()
    tree = writer.tree(obj, "")
    writer.place_tensors()
    text = json.dumps(tree, separators=(",", ":"), allow_nan=False)
    metadata = {"format": FORMAT, "version": VERSION, "tree": text}
    if isinstance(f, (str, os.PathLike)):
        path = os.fsdecode(f)
        tensorfile.write_atomically(
            path, lambda file: tensorfile.write(file, writer.arrays, metadata)
        )
    elif hasattr(f, "write"):
        tensorfile.write(f, writer.arrays, metadata)
    else:
        raise AttributeError(
            f"save: expected a path or a file with write(), got {type(f).__name__}"
        )


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read what ``save`` wrote, from a path or a binary file; no code in a file ever runs.

    A plain safetensors file gives a dictionary of tensors. ``map_location`` may be ``"cpu"``, a
    device, a dictionary of them, or ``f(tensor, "cpu")``; ``mmap=True`` reads a path's bytes when
    they are touched; ``weights_only`` is accepted: this is always so. Raises ValueError for files
    that are damaged or not of this kind.

    >>> import chainrule as cr, io
    >>> file = io.BytesIO()
    >>> cr.save([cr.tensor([1.0, 2.0]), {"lr": 0.1}], file)
    >>> at = file.seek(0); cr.load(file)
    [tensor([1., 2.]), {'lr': 0.1}]
    """
    if isinstance(f, (str, os.PathLike)):
        path = os.fsdecode(f)
        what = f"{os.path.basename(path)!r}"
        if mmap:
            arrays, metadata = tensorfile.read_mapped(path, what)
        else:
            with open(path, "rb") as file:
                arrays, metadata = tensorfile.read(file, what)
    elif hasattr(f, "read"):
        what = "the file object"
        if mmap:
            raise ValueError("load: mmap=True needs a path, got a file object")
        arrays, metadata = tensorfile.read(f, what)
    else:
        raise AttributeError(f"load: expected a path or a file with read(), got {type(f).__name__}")
    return assemble(arrays, metadata, what, map_location)


def assemble(arrays: Any, metadata: dict[str, str], what: str, map_location: Any) -> Any:
    """The object of a file's arrays and metadata."""
    if not callable(map_location):
        places = map_location.values() if isinstance(map_location, dict) else [map_location]
        for where in places:
            devices.check(where)
    if metadata.get("format") != FORMAT:
        loaded: Any = {name: make(scalar_of(a[()]) if a.ndim == 0 else a)
                       for name, a in arrays.items()}  # fmt: skip
    elif metadata.get("version") != VERSION:
        raise ValueError(
            f"load: {what} is of version {metadata.get('version')!r}, this release reads "
            f"{VERSION!r}: update chainrule"
        )
    else:
        reader = Reader(arrays, what)
        try:
            loaded = reader.build(json.loads(metadata["tree"]))
        except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
            if str(error).startswith("load:"):
                raise
            raise tensorfile.damaged(what, "its tree does not fit its arrays") from None
    if callable(map_location):
        moved = map_location(make(np.empty(0)), "cpu")
        if isinstance(moved, Tensor) or moved is None:
            return loaded
        raise TypeError("load: map_location(tensor, location) must return a Tensor or None")
    return loaded


_safe: list[Any] = []


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Accept PyTorch's list of classes: files here name no classes, so nothing needs allowing.

    >>> import chainrule as cr
    >>> cr.serialization.add_safe_globals([set]); cr.serialization.get_safe_globals()
    [<class 'set'>]
    >>> cr.serialization.clear_safe_globals()
    """
    _safe.extend(safe_globals)


def get_safe_globals() -> list[Any]:
    """What ``add_safe_globals`` was given.

    >>> import chainrule as cr
    >>> cr.serialization.get_safe_globals()
    []
    """
    return list(_safe)


def clear_safe_globals() -> None:
    """Forget what ``add_safe_globals`` was given.

    >>> import chainrule as cr
    >>> cr.serialization.clear_safe_globals()
    """
    _safe.clear()


@contextmanager
def safe_globals(safe_globals: list[Any]) -> Iterator[None]:
    """``add_safe_globals`` for a while.

    >>> import chainrule as cr
    >>> with cr.serialization.safe_globals([set]): cr.serialization.get_safe_globals()
    [<class 'set'>]
    """
    n = len(_safe)
    _safe.extend(safe_globals)
    try:
        yield
    finally:
        del _safe[n:]
