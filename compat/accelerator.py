"""``chainrule.accelerator``: which accelerator there is. None: data lives on the CPU.

>>> import chainrule as cr
>>> here = cr.accelerator
>>> here.current_accelerator() if here.is_available() else cr.device("cpu")
device(type='cpu')
"""

from __future__ import annotations

from ..autograd.devices import device as _device
from .no_device import absent, device_scope


def is_available() -> bool:
    """False: there is no accelerator.

    >>> import chainrule as cr
    >>> cr.accelerator.is_available()
    False
    """
    return False


def device_count() -> int:
    """0: there is no accelerator.

    >>> import chainrule as cr
    >>> cr.accelerator.device_count()
    0
    """
    return 0


def current_accelerator(check_available: bool = False) -> _device | None:
    """None: there is no accelerator.

    >>> import chainrule as cr
    >>> cr.accelerator.current_accelerator() is None
    True
    """
    return None


class device_index(device_scope):
    """``with accelerator.device_index(i):`` raises on entry; None does nothing."""

    kind = "accelerator"


ABSENT = (
    "set_device_index", "set_device_idx", "current_device_index", "current_device_idx",
    "current_stream", "set_stream", "synchronize", "empty_cache", "memory_allocated",
    "memory_reserved", "max_memory_allocated", "max_memory_reserved", "memory_stats",
    "get_memory_info", "get_device_capability", "reset_peak_memory_stats",
    "reset_accumulated_memory_stats",
)  # fmt: skip
for _name in ABSENT:
    globals()[_name] = absent("accelerator", _name)
