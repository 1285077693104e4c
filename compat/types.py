"""``chainrule.types``: names for annotations.

>>> import chainrule as cr
>>> isinstance(2.5, cr.types.Number)
True
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO, Any

from ..autograd import Size, Tensor
from ..autograd.devices import device
from ..autograd.dtypes import dtype

Number: Any = (int, float, bool)
Device = device | str | int | None
FileLike = str | os.PathLike[str] | IO[bytes]
TensorOrTensors = Tensor | Sequence[Tensor]

__all__ = ["Device", "FileLike", "Number", "Size", "Tensor", "TensorOrTensors", "device", "dtype"]
