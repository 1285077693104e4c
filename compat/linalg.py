"""``chainrule.linalg``: linear algebra under PyTorch's names.

>>> import chainrule as cr
>>> cr.linalg.norm(cr.tensor([3.0, 4.0]))
tensor(5.)
"""

from __future__ import annotations

from ..autograd.declare import names

globals().update(names.get("linalg", {}))
