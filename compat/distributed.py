"""``chainrule.distributed``: several processes come later; the queries say there is one.

>>> import chainrule as cr
>>> cr.distributed.is_available(), cr.distributed.is_initialized()
(False, False)
"""

from __future__ import annotations

from enum import Enum

from .later import later

ONE = "run one process, without a process group"
NOT_STARTED = (
    "Default process group has not been initialized: chainrule runs one process until its "
    "distributed room comes; ask is_initialized() first"
)


class ReduceOp(Enum):
    """How values of several processes become one."""

    SUM = "sum"
    AVG = "avg"
    PRODUCT = "product"
    MIN = "min"
    MAX = "max"


def is_available() -> bool:
    """False: process groups come later.

    >>> import chainrule as cr
    >>> cr.distributed.is_available()
    False
    """
    return False


def is_initialized() -> bool:
    """False: process groups come later.

    >>> import chainrule as cr
    >>> cr.distributed.is_initialized()
    False
    """
    return False


is_nccl_available = is_gloo_available = is_mpi_available = is_torchelastic_launched = is_available


def get_rank(group: object = None) -> int:
    """Raise ValueError, as PyTorch does without a process group."""
    raise ValueError(NOT_STARTED)


def get_world_size(group: object = None) -> int:
    """Raise ValueError, as PyTorch does without a process group."""
    raise ValueError(NOT_STARTED)


def get_backend(group: object = None) -> str:
    """Raise ValueError, as PyTorch does without a process group."""
    raise ValueError(NOT_STARTED)


for _name in ("init_process_group", "destroy_process_group", "new_group", "barrier", "all_reduce",
              "broadcast", "all_gather", "reduce_scatter", "send", "recv",
              "get_default_backend_for_device", "init_device_mesh"):  # fmt: skip
    globals()[_name] = later(f"distributed.{_name}", ONE)
