"""``chainrule.special``: special functions under PyTorch's names.

>>> import chainrule as cr
>>> cr.special.expit(cr.tensor([0.0]))
tensor([0.5000])
"""

from __future__ import annotations

from ..autograd.declare import names

globals().update(names.get("special", {}))
