"""Making a module without drawing its initial values."""

from __future__ import annotations

import inspect
from typing import Any

from ...autograd.random import default_generator
from ..module import Module


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """``module_cls(*args, **kwargs)`` whose values are whatever memory holds, and nothing drawn.

    For modules whose state is loaded next. Raises RuntimeError for a class that is no module, or
    takes no ``device``.

    >>> import chainrule as cr
    >>> cr.nn.utils.skip_init(cr.nn.Linear, 5, 1)
    Linear(in_features=5, out_features=1, bias=True)
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    state = default_generator.get_state()
    made = module_cls(*args, **kwargs)
    default_generator.set_state(state)
    return made.to_empty(device=kwargs.get("device", "cpu"))
