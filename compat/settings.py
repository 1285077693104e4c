"""Switches of the process: threads, determinism, precision, the default device.

What NumPy lets us control is controlled; the rest is remembered, so that a script which sets and
reads it goes on, and each docstring says which of the two it is.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..autograd import devices

_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_state: dict[str, Any] = {
    "interop": _cores,
    "precision": "highest",
    "deterministic": False,
    "warn_only": False,
    "warn_always": False,
    "device": devices.CPU,
}


@cache
def _blas() -> tuple[Callable[[int], None], Callable[[], int]] | None:
    """The thread setter and getter of the OpenBLAS that NumPy brought along, where found."""
    folders = [os.path.join(os.path.dirname(np.__file__), os.pardir, "numpy.libs")]
    folders.append(os.path.join(os.path.dirname(np.__file__), ".dylibs"))
    for folder in folders:
        for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if "openblas" not in file:
                continue
            library = ctypes.CDLL(os.path.join(folder, file))
            for word in ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads"):
                setter = getattr(library, word.format("set"), None)
                getter = getattr(library, word.format("get"), None)
                if setter is not None and getter is not None:
                    return setter, getter
    return None


def set_num_threads(int: int) -> None:  # PyTorch's argument name
    """Let matrix products use that many threads.

    Sets the number in the OpenBLAS library that NumPy brings along; with another BLAS the number is
    remembered only (set OMP_NUM_THREADS before the program starts). Elementwise kernels use one.

    >>> import chainrule as cr
    >>> before = cr.get_num_threads(); cr.set_num_threads(1); cr.get_num_threads()
    1
    >>> cr.set_num_threads(before)
    """
    if int <= 0:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {int}")
    blas = _blas()
    if blas is not None:
        blas[0](int)
    _state["threads"] = int


def get_num_threads() -> int:
    """The number of threads that matrix products use.

    >>> import chainrule as cr
    >>> cr.get_num_threads() >= 1
    True
    """
    blas = _blas()
    return int(blas[1]() if blas is not None else _state.get("threads", _cores))


def set_num_interop_threads(int: int) -> None:
    """Remember a number: operations here never run side by side.

    >>> import chainrule as cr
    >>> cr.set_num_interop_threads(2); cr.get_num_interop_threads()
    2
    """
    if int <= 0:
        raise RuntimeError(f"set_num_interop_threads expects a positive integer, got {int}")
    _state["interop"] = int


def get_num_interop_threads() -> int:
    """The remembered number of threads between operations.

    >>> import chainrule as cr
    >>> cr.get_num_interop_threads() >= 1
    True
    """
    return int(_state["interop"])


def set_float32_matmul_precision(precision: str) -> None:
    """Remember ``highest``, ``high`` or ``medium``: products on the CPU are exact to float32.

    >>> import chainrule as cr
    >>> cr.set_float32_matmul_precision("high"); cr.get_float32_matmul_precision()
    'high'
    >>> cr.set_float32_matmul_precision("highest")
    """
    if precision not in ("highest", "high", "medium"):
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current "
            "set_float32_matmul_precision call has no effect.",
            UserWarning,
            stacklevel=2,
        )
        return
    _state["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What ``set_float32_matmul_precision`` was given; ``highest`` at the start.

    >>> import chainrule as cr
    >>> cr.get_float32_matmul_precision()
    'highest'
    """
    return str(_state["precision"])


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remember the choice: every operation here is deterministic already.

    >>> import chainrule as cr
    >>> cr.use_deterministic_algorithms(True); cr.are_deterministic_algorithms_enabled()
    True
    >>> cr.use_deterministic_algorithms(False)
    """
    _state["deterministic"], _state["warn_only"] = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Whether ``use_deterministic_algorithms(True)`` was said.

    >>> import chainrule as cr
    >>> cr.are_deterministic_algorithms_enabled()
    False
    """
    return bool(_state["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether ``warn_only=True`` was said with it.

    >>> import chainrule as cr
    >>> cr.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return bool(_state["deterministic"] and _state["warn_only"])


def get_deterministic_debug_mode() -> int:
    """0 (default), 1 (warn) or 2 (error), by ``use_deterministic_algorithms``.

    >>> import chainrule as cr
    >>> cr.get_deterministic_debug_mode()
    0
    """
    return 0 if not _state["deterministic"] else 1 if _state["warn_only"] else 2


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """``default``, ``warn`` or ``error`` (0, 1, 2): see ``use_deterministic_algorithms``.

    >>> import chainrule as cr
    >>> cr.set_deterministic_debug_mode("warn"); cr.get_deterministic_debug_mode()
    1
    >>> cr.set_deterministic_debug_mode(0)
    """
    words = {"default": 0, "warn": 1, "error": 2}
    mode = words.get(debug_mode, -1) if isinstance(debug_mode, str) else debug_mode
    if mode not in (0, 1, 2):
        raise RuntimeError(
            "invalid value of debug_mode, expected one of default, warn, error (0, 1, 2), got "
            f"{debug_mode!r}"
        )
    use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


def set_warn_always(b: bool) -> None:
    """Remember the choice; Python's ``warnings`` filters decide how often a warning shows.

    >>> import chainrule as cr
    >>> cr.set_warn_always(False); cr.is_warn_always_enabled()
    False
    """
    _state["warn_always"] = bool(b)


def is_warn_always_enabled() -> bool:
    """What ``set_warn_always`` was given.

    >>> import chainrule as cr
    >>> cr.is_warn_always_enabled()
    False
    """
    return bool(_state["warn_always"])


def set_flush_denormal(mode: bool) -> bool:
    """Return False: NumPy gives no way to flush subnormal numbers to zero, they are kept.

    >>> import chainrule as cr
    >>> cr.set_flush_denormal(True)
    False
    """
    return False


def set_default_device(device: Any) -> None:
    """Choose where new tensors live: ``cpu`` (or None for that); other devices raise.

    >>> import chainrule as cr
    >>> cr.set_default_device("cpu"); cr.get_default_device()
    device(type='cpu')
    """
    devices.check(device)
    _state["device"] = devices.CPU if device is None else devices.device(device)


def get_default_device() -> devices.device:
    """Where new tensors live.

    >>> import chainrule as cr
    >>> cr.get_default_device()
    device(type='cpu')
    """
    return _state["device"]  # type: ignore[no-any-return]


def compiled_with_cxx11_abi() -> bool:
    """True, as PyTorch's builds say; nothing here is compiled C++.

    >>> import chainrule as cr
    >>> cr.compiled_with_cxx11_abi()
    True
    """
    return True
