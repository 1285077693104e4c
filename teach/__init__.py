"""Checks that name the mistake: `from chainrule.teach import check`, then `check.grad(…)`."""

from __future__ import annotations

from . import check
from .result import Result, log

__all__ = ["Result", "check", "log"]
