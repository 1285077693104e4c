"""chainrule: an autograd engine you can see through, and a deep-learning library on top of it."""

from __future__ import annotations

import math
import warnings
from typing import Any

from . import autograd
from .autograd import Graph, Size, Tensor, capture
from .autograd.declare import names as _names
from .autograd.devices import device
from .autograd.dtypes import (
    bfloat16,
    can_cast,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .autograd.dtypes import bool_ as bool
from .autograd.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
    watch,
)
from .autograd.printing import set_printoptions
from .autograd.random import Generator, default_generator, initial_seed, manual_seed, seed
from .compat import linalg, special

__version__ = "0.1.0"

half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
cfloat, cdouble = complex64, complex128
pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None

# NumPy warns of overflow and of log 0; PyTorch answers inf and nan without a word, and so do we.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=rf"{__name__}\.")

globals().update({k: v for k, v in _names["torch"].items() if k not in ("all", "any")})
all, any = _names["torch"]["all"], _names["torch"]["any"]

# Rooms that are imported when first touched: nobody pays for what is not used.
_LAZY = ("viz", "data", "nn", "optim")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return importlib.import_module(f".{name}", __name__)
    from .autograd.errors import did_you_mean

    raise AttributeError(
        f"module 'chainrule' has no attribute '{name}'.{did_you_mean(name, globals())}"
    )


def is_tensor(obj: Any) -> Any:
    """Whether ``obj`` is a Tensor.

    >>> import chainrule as cr
    >>> cr.is_tensor(cr.zeros(1))
    True
    """
    return isinstance(obj, Tensor)
