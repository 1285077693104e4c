"""``chainrule.linalg``: linear algebra under PyTorch's names."""

from __future__ import annotations

from ..autograd.declare import names

globals().update(names.get("linalg", {}))
