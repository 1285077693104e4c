"""Small questions about a tensor, and marks for other devices that mean nothing on the CPU."""

from __future__ import annotations

from typing import Any

from ..declare import export


@export("tensor")
def is_signed(self: Any) -> bool:
    """Whether the dtype holds negative numbers.

    >>> import chainrule as cr
    >>> cr.zeros(1).is_signed()
    True
    """
    return bool(self.dtype.is_signed)


@export("tensor")
def is_inference(self: Any) -> bool:
    """False: tensors made under ``inference_mode`` are ordinary tensors without history.

    >>> import chainrule as cr
    >>> cr.zeros(1).is_inference()
    False
    """
    return False


@export("torch", "tensor")
def get_device(input: Any) -> int:
    """-1: the CPU has no number.

    >>> import chainrule as cr
    >>> cr.zeros(1).get_device()
    -1
    """
    return -1


@export("tensor")
def pin_memory(self: Any, device: Any = None) -> Any:
    """The tensor itself: without another device nothing is copied to one.

    >>> import chainrule as cr
    >>> x = cr.zeros(1); x.pin_memory() is x
    True
    """
    return self


@export("tensor")
def share_memory_(self: Any) -> Any:
    """The tensor itself: processes get copies, so nothing is put where they could share it.

    >>> import chainrule as cr
    >>> x = cr.zeros(1); x.share_memory_() is x
    True
    """
    return self


@export("tensor")
def is_shared(self: Any) -> bool:
    """False: processes get copies.

    >>> import chainrule as cr
    >>> cr.zeros(1).is_shared()
    False
    """
    return False
