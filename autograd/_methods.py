"""The methods that the registry gives to Tensor (``methods.py`` binds them; the stub types them)."""

from __future__ import annotations


class TensorMethods:
    """Empty here; filled by ``methods.bind()``."""

    __slots__ = ()
