"""chainrule: an autograd engine you can see through, and a deep-learning library on top of it."""

from __future__ import annotations

import math
import warnings
from typing import Any

from . import autograd
from .autograd import Graph, Size, Tensor, capture, vmap
from .autograd.declare import names as _names
from .autograd.declare import settle as _settle
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
from .autograd.layouts import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
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
from .autograd.serialization import load, save
from .compat import func, linalg, special
from .compat.amp import (
    GradScaler,
    autocast,
    get_autocast_dtype,
    is_autocast_enabled,
    set_autocast_dtype,
)
from .compat.coverage import (
    coverage,
)
from .compat.later import (
    compile,
)
from .compat.legacy import (
    BFloat16Tensor,
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
    set_default_tensor_type,
)
from .compat.numeric import (
    finfo,
    iinfo,
    is_complex,
    is_floating_point,
    is_inference,
    is_nonzero,
    is_same_size,
    is_signed,
    is_storage,
    is_tensor,
    numel,
    result_type,
    typename,
)
from .compat.places import TOPS as _PLACES
from .compat.places import install_as_torch
from .compat.random import (
    get_rng_state,
    set_rng_state,
)
from .compat.settings import (
    are_deterministic_algorithms_enabled,
    compiled_with_cxx11_abi,
    get_default_device,
    get_deterministic_debug_mode,
    get_float32_matmul_precision,
    get_num_interop_threads,
    get_num_threads,
    is_deterministic_algorithms_warn_only_enabled,
    is_warn_always_enabled,
    set_default_device,
    set_deterministic_debug_mode,
    set_float32_matmul_precision,
    set_flush_denormal,
    set_num_interop_threads,
    set_num_threads,
    set_warn_always,
    use_deterministic_algorithms,
)

__version__ = "0.1.0"

half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
cfloat, cdouble = complex64, complex128
pi, e, inf, nan, newaxis = math.pi, math.e, math.inf, math.nan, None

# NumPy warns of overflow and of log 0; PyTorch answers inf and nan without a word, and so do we.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=rf"{__name__}\.")

_settle(__name__)
globals().update({k: v for k, v in _names["torch"].items() if k not in ("all", "any")})
all, any = _names["torch"]["all"], _names["torch"]["any"]

# Rooms that are imported when first touched: nobody pays for what is not used.
_LAZY = ("viz", "data", "nn", "optim", "distributions", "models", "teach")


def __getattr__(name: str) -> Any:
    if name in _LAZY or name in _PLACES:
        import importlib

        try:
            return importlib.import_module(f".{name}", __name__)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    from .autograd.errors import did_you_mean
    from .compat.absent import missing

    reason = missing("torch", name) or did_you_mean(name, globals())
    raise AttributeError(f"module 'chainrule' has no attribute '{name}'.{reason}")
