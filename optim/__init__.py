"""Optimizers and learning-rate schedules."""

from __future__ import annotations

from typing import Any

from . import lr_scheduler, swa_utils
from .adafactor import Adafactor, Muon
from .adam import Adam, AdamW
from .adam_kin import NAdam, RAdam
from .adaptive import Adadelta, Adagrad, Adamax, RMSprop
from .averaged import ASGD, Rprop
from .lbfgs import LBFGS
from .optimizer import Optimizer
from .second_order import LevenbergMarquardt, Newton
from .sgd import SGD

__all__ = [
    "ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "LBFGS", "Muon",
    "Newton",
    "NAdam", "Optimizer", "RAdam", "RMSprop", "Rprop", "SGD", "lr_scheduler",
    "swa_utils",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    from ..autograd.errors import did_you_mean
    from ..compat.absent import missing

    reason = missing("optim", name) or did_you_mean(name, __all__)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'.{reason}")
