"""``chainrule.xpu``: Intel's GPUs are not used.

>>> import chainrule as cr
>>> cr.xpu.is_available(), cr.xpu.device_count()
(False, 0)
"""

from __future__ import annotations

from .no_device import absent, no_op


def is_available() -> bool:
    """False: Intel's GPUs are not used.

    >>> import chainrule as cr
    >>> cr.xpu.is_available()
    False
    """
    return False


def device_count() -> int:
    """0: Intel's GPUs are not used.

    >>> import chainrule as cr
    >>> cr.xpu.device_count()
    0
    """
    return 0


for _name in ("manual_seed", "manual_seed_all", "seed", "empty_cache"):
    globals()[_name] = no_op(_name)
for _name in ("synchronize", "set_device", "current_device", "get_device_name",
              "get_device_properties"):  # fmt: skip
    globals()[_name] = absent("xpu", _name)
