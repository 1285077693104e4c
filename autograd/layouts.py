"""Names of memory formats and layouts: accepted where PyTorch takes them.

NumPy's arrays are strided, and every kernel here reads rows in order, so the formats change no
value and no speed; they are here because scripts hand them on.
"""

from __future__ import annotations


class memory_format:
    """A way of laying out the dimensions in memory, by name.

    >>> import chainrule as cr
    >>> cr.zeros(1, 3, 2, 2).to(memory_format=cr.channels_last).shape, cr.channels_last
    (torch.Size([1, 3, 2, 2]), torch.channels_last)
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout(memory_format):
    """How elements are stored: ``strided`` is the one there is.

    >>> import chainrule as cr
    >>> cr.strided
    torch.strided
    """

    __slots__ = ()


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
strided = layout("strided")
