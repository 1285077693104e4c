"""Helpers for training: clipping gradients, parameters as one vector."""

from __future__ import annotations

from .clip import clip_grad_norm, clip_grad_norm_, clip_grad_value_, get_total_norm
from .clip import clip_grads_with_norm_ as clip_grads_with_norm_
from .vector import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "parameters_to_vector",
    "vector_to_parameters",
]
