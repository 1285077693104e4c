"""The operations under the names of ``torch.nn.functional``; they are declared in autograd/ops."""

from __future__ import annotations

from typing import Any

from ..autograd.declare import names
from ..autograd.errors import did_you_mean

globals().update(names["F"])
__all__ = sorted(names["F"])


def __getattr__(name: str) -> Any:
    close = did_you_mean(name, __all__)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'.{close}")
