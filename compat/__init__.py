"""PyTorch's namespaces that are thin here: each is a view of what the engine's table lists.

They import as ``chainrule.special`` and ``chainrule.linalg``, as in PyTorch.
"""

from __future__ import annotations

import sys

from . import linalg, special

PACKAGE = __name__.rpartition(".")[0]
for _module in (linalg, special):
    sys.modules[f"{PACKAGE}.{_module.__name__.rpartition('.')[2]}"] = _module
