"""The checks: each compares a learner's answer with the truth, and names the mistake if it can.

No answers are stored: the truth is computed where the check is called, so that any correct route
passes. A check shows its words, keeps them in `teach.log`, and returns a `Result`, which is true
when the answer is right. An open hole (`...` or None) is "not yet", and nothing a learner answers
raises.
"""

from __future__ import annotations

from .grad_check import grad
from .order_check import order
from .shape_check import shape
from .trains_check import trains
from .value_check import value

__all__ = ["grad", "order", "shape", "trains", "value"]
