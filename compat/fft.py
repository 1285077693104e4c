"""``chainrule.fft``: discrete Fourier transforms under PyTorch's names.

>>> import chainrule as cr
>>> cr.fft.rfft(cr.tensor([1.0, 0.0, -1.0, 0.0])).abs()
tensor([0., 2., 0.])
"""

from __future__ import annotations

from ..autograd.declare import names

globals().update(names.get("fft", {}))
