"""The engine: tensors that record what is computed from them, and the walk back."""

from __future__ import annotations


from .function import Function, once_differentiable
from .functional import backward, grad
from .graph import Leaf, Node, ancestors, toposort
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
    watch,
)
from .op import Op, registry
from .tensor import Size, Tensor
from . import methods as _methods_bound  # isort: skip  # binds Tensor's methods

Variable = Tensor

__all__ = [
    "Function",
    "Leaf",
    "Node",
    "Op",
    "Size",
    "Tensor",
    "Variable",
    "ancestors",
    "backward",
    "enable_grad",
    "grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "registry",
    "set_grad_enabled",
    "toposort",
    "watch",
]
