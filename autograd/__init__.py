"""The engine: tensors that record what is computed from them, and the walk back."""

from __future__ import annotations

from .check import GradcheckError, gradcheck, gradgradcheck
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
from .size import Size
from .tensor import Tensor
from .tracer import Graph, capture

from . import methods as _methods_bound  # isort: skip  # binds Tensor's methods

Variable = Tensor

__all__ = [
    "Function",
    "GradcheckError",
    "Graph",
    "Leaf",
    "Node",
    "Op",
    "Size",
    "Tensor",
    "Variable",
    "ancestors",
    "backward",
    "capture",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
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
