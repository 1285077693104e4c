"""Schedules: learning rates that change from epoch to epoch."""

from __future__ import annotations

from .base import LRScheduler
from .factors import ExponentialLR, LambdaLR, StepLR

__all__ = ["ExponentialLR", "LRScheduler", "LambdaLR", "StepLR"]
