"""PyTorch's namespaces that are thin here, and its names that are no operations.

They import under PyTorch's paths (``chainrule.cuda``, ``chainrule.utils.data``); see places.py.
"""

from __future__ import annotations

from . import places

places.install()
