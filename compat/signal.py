"""``chainrule.signal``: windows under PyTorch's names.

>>> import chainrule as cr
>>> cr.signal.windows.hann(5)
tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
"""

from __future__ import annotations

from types import ModuleType

from ..autograd.declare import names

__path__: list[str] = []  # ``import chainrule.signal.windows`` asks for a package
windows = ModuleType(f"{__name__.partition('.')[0]}.signal.windows", "Windows for spectra.")
windows.__dict__.update(names.get("signal", {}))
