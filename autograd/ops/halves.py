"""Half precision: kernels compute in float32 and round once, at the end, as PyTorch does."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np


def rounded_once(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that takes float16 and bfloat16 to float32, and its result back.

    It also keeps the result in the type of the first argument where the kernel would widen it.
    """

    @functools.wraps(kernel)
    def call(x: Any, *more: Any) -> Any:
        kind = getattr(x, "dtype", None)
        if kind is None or kind.itemsize != 2 or kind.kind in "iu":
            return kernel(x, *more)
        wide = [np.asarray(a, np.float32) if hasattr(a, "dtype") else a for a in (x, *more)]
        return np.asarray(kernel(*wide)).astype(kind)[()]

    return call
