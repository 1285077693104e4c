"""``chainrule.func``: transforms of functions, as ``torch.func`` has them.

>>> import chainrule as cr
>>> cr.func.grad(lambda x: x ** 2)(cr.tensor(3.0))
tensor(6.)
"""

from __future__ import annotations

from typing import Any

from ..autograd.errors import did_you_mean
from ..autograd.func import grad, grad_and_value, jvp, linearize, vjp
from ..autograd.jacobians import hessian, jacfwd, jacrev
from ..autograd.vmap import vmap

_LATER = {  # names whose modules are imported when they are first asked for
    "functional_call": "nn.utils.stateless",
    "stack_module_state": "nn.utils.stateless",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        import importlib

        package = __package__.rpartition(".")[0]
        return getattr(importlib.import_module(f"{package}.{_LATER[name]}"), name)
    if name == "functionalize":
        raise AttributeError(
            "func.functionalize is not here: it rewrites programs for PyTorch's compilers; "
            "chainrule records in-place operations as they are, so there is nothing to rewrite"
        )
    known = [*globals(), *_LATER]
    raise AttributeError(
        f"module '{__name__}' has no attribute '{name}'.{did_you_mean(name, known)}"
    )


def __dir__() -> list[str]:
    return sorted([*__all__, *_LATER])


__all__ = [
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "vjp",
    "vmap",
]
