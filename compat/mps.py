"""``chainrule.mps``: Apple's GPUs are not used.

>>> import chainrule as cr
>>> cr.mps.is_available(), cr.mps.device_count()
(False, 0)
"""

from __future__ import annotations

from .no_device import absent, no_op


def is_available() -> bool:
    """False: Apple's GPUs are not used.

    >>> import chainrule as cr
    >>> cr.mps.is_available()
    False
    """
    return False


def device_count() -> int:
    """0: Apple's GPUs are not used.

    >>> import chainrule as cr
    >>> cr.mps.device_count()
    0
    """
    return 0


manual_seed = no_op("manual_seed")
seed = no_op("seed")
for _name in ("synchronize", "empty_cache", "current_allocated_memory", "driver_allocated_memory",
              "get_rng_state", "set_rng_state", "recommended_max_memory",
              "set_per_process_memory_fraction"):  # fmt: skip
    globals()[_name] = absent("mps", _name)
