"""``chainrule.version``: this release, and that no accelerator was built in.

>>> import chainrule as cr
>>> cr.version.cuda is None
True
"""

from __future__ import annotations

from importlib import import_module

__version__: str = import_module(__name__.split(".")[0]).__version__
cuda: str | None = None
hip: str | None = None
xpu: str | None = None
git_version: str | None = None
debug = False
