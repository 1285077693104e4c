"""``chainrule.jit``: there is no TorchScript; marks that change nothing are accepted.

>>> import chainrule as cr
>>> cr.jit.is_scripting()
False
"""

from __future__ import annotations

from typing import Any, TypeVar

from .later import later

F = TypeVar("F")
EAGER = "there is no TorchScript, call the function or module itself"


def is_scripting() -> bool:
    """False: nothing is ever scripted.

    >>> import chainrule as cr
    >>> cr.jit.is_scripting()
    False
    """
    return False


is_tracing = is_scripting


def ignore(fn: F, *args: Any, **kwargs: Any) -> F:
    """The function itself.

    >>> import chainrule as cr
    >>> cr.jit.ignore(abs) is abs
    True
    """
    return fn


unused = export = ignore
script = later("jit.script", EAGER)
trace = later("jit.trace", "chainrule.capture(f, *args) gives the equations of a function")
save = later("jit.save", "save the state_dict")
load = later("jit.load", "build the model and load its state_dict")
