"""The methods that the registry gives to Tensor; the stub beside this file types them."""

from __future__ import annotations


class TensorMethods:
    """Empty here; filled by ``methods.bind()``."""

    __slots__ = ()
