"""``chainrule.cuda.amp``: the old path of ``chainrule.amp``, for CUDA; here it is switched off.

>>> import chainrule as cr
>>> cr.cuda.amp.GradScaler(enabled=False).is_enabled()
False
"""

from __future__ import annotations

from typing import Any

from . import amp
from .grad_scaler import GradScaler as _GradScaler


class autocast(amp.autocast):
    """``amp.autocast("cuda", …)``: without a CUDA device it changes nothing, and says so.

    >>> import chainrule as cr
    >>> with cr.cuda.amp.autocast(enabled=False): (cr.ones(1, 1) @ cr.ones(1, 1)).dtype
    torch.float32
    """

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(_GradScaler):
    """``amp.GradScaler("cuda", …)``: without a CUDA device it disables itself, and says so."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__(
            "cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )


def custom_fwd(fwd: Any = None, *, cast_inputs: Any = None) -> Any:
    """``amp.custom_fwd`` for CUDA."""
    return amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Any = None) -> Any:
    """``amp.custom_bwd`` for CUDA."""
    return amp.custom_bwd(bwd, device_type="cuda")
