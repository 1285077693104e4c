"""``chainrule.cpu``: the device that is always there, asked as if it were an accelerator.

>>> import chainrule as cr
>>> cr.cpu.is_available(), cr.cpu.device_count(), cr.cpu.current_device()
(True, 1, 'cpu')
"""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """True.

    >>> import chainrule as cr
    >>> cr.cpu.is_available()
    True
    """
    return True


def device_count() -> int:
    """1.

    >>> import chainrule as cr
    >>> cr.cpu.device_count()
    1
    """
    return 1


def current_device() -> str:
    """``"cpu"``.

    >>> import chainrule as cr
    >>> cr.cpu.current_device()
    'cpu'
    """
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Nothing to wait for: every operation is finished when it returns.

    >>> import chainrule as cr
    >>> cr.cpu.synchronize()
    """


def set_device(device: Any) -> None:
    """Nothing to choose: there is one CPU device.

    >>> import chainrule as cr
    >>> cr.cpu.set_device("cpu")
    """


def is_initialized() -> bool:
    """True.

    >>> import chainrule as cr
    >>> cr.cpu.is_initialized()
    True
    """
    return True
