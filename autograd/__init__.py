"""The engine: tensors that record what is computed from them, and the walk back."""

from __future__ import annotations

from typing import Any

from . import forward_ad, functional, graph
from .anomaly import (
    detect_anomaly,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    set_detect_anomaly,
)
from .check import GradcheckError, gradcheck, gradgradcheck
from .function import Function, once_differentiable
from .gradients import backward, grad
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
from .vmap import vmap

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
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "registry",
    "set_detect_anomaly",
    "set_grad_enabled",
    "toposort",
    "vmap",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name == "profiler":
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
