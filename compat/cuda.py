"""``chainrule.cuda``: the questions that scripts ask about NVIDIA GPUs, answered for a CPU.

As PyTorch's CPU build: queries say none, seeds and caches do nothing, and what would need a device
raises (``NoDevice``, an AssertionError and a RuntimeError).

>>> import chainrule as cr
>>> cr.cuda.is_available(), cr.cuda.device_count()
(False, 0)
>>> cr.device("cuda" if cr.cuda.is_available() else "cpu")
device(type='cpu')
"""

from __future__ import annotations

from collections import OrderedDict
from importlib import import_module
from typing import Any

from ..autograd import Tensor
from ..autograd.devices import device as _device
from .no_device import NoDevice, absent, device_scope, no_op, part, zero

__path__: list[str] = []  # ``import chainrule.cuda.amp``


def is_available() -> bool:
    """False: there is no CUDA device.

    >>> import chainrule as cr
    >>> cr.cuda.is_available()
    False
    """
    return False


def device_count() -> int:
    """0: there is no CUDA device.

    >>> import chainrule as cr
    >>> cr.cuda.device_count()
    0
    """
    return 0


def is_initialized() -> bool:
    """False: there is nothing to initialize.

    >>> import chainrule as cr
    >>> cr.cuda.is_initialized()
    False
    """
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False: there is no CUDA device; on the CPU bfloat16 works, in software.

    >>> import chainrule as cr
    >>> cr.cuda.is_bf16_supported()
    False
    """
    return False


def set_device(device: Any) -> None:
    """Raise NoDevice; a negative index does nothing, another kind of device is a ValueError."""
    if isinstance(device, int):
        index: int | None = device
    else:
        given = _device(device)
        if given.type != "cuda":
            raise ValueError(f"Expected a cuda device, but got: {given}")
        index = given.index or 0
    if index is None or index >= 0:
        absent("cuda", "set_device")()


def get_rng_state_all() -> list[Tensor]:
    """An empty list: one state a device.

    >>> import chainrule as cr
    >>> cr.cuda.get_rng_state_all()
    []
    """
    return []


def get_arch_list() -> list[str]:
    """An empty list: nothing was compiled for a GPU.

    >>> import chainrule as cr
    >>> cr.cuda.get_arch_list()
    []
    """
    return []


def memory_stats(device: Any = None) -> OrderedDict[str, Any]:
    """Empty: there is no device.

    >>> import chainrule as cr
    >>> dict(cr.cuda.memory_stats())
    {}
    """
    return OrderedDict()


class device(device_scope):
    """``with cuda.device(i):`` raises on entry."""


class device_of(device_scope):
    """``with cuda.device_of(tensor):`` does nothing for a tensor on the CPU."""

    def __init__(self, obj: Any) -> None:
        super().__init__(-1)


class StreamContext:
    """``with cuda.stream(s):`` does nothing without a device."""

    def __init__(self, stream: Any = None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        return None


stream = StreamContext


class Stream:
    """Raises NoDevice when made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        absent("cuda", "Stream")()


class Event(Stream):
    """Raises NoDevice when made."""


for _name in ("manual_seed", "manual_seed_all", "seed", "seed_all", "empty_cache", "set_rng_state"):
    globals()[_name] = no_op(_name)
for _name in ("set_rng_state_all", "reset_peak_memory_stats", "reset_max_memory_allocated"):
    globals()[_name] = no_op(_name)
for _name in ("memory_allocated", "memory_reserved", "memory_cached"):
    globals()[_name] = zero(_name)
    globals()["max_" + _name] = zero("max_" + _name)
ABSENT = (
    "init", "synchronize", "current_device", "current_stream", "default_stream", "set_stream",
    "get_device_name", "get_device_properties", "get_device_capability", "mem_get_info",
    "memory_summary", "ipc_collect", "initial_seed", "get_rng_state", "can_device_access_peer",
    "utilization", "temperature", "power_draw", "memory_snapshot",
    "set_per_process_memory_fraction",
)  # fmt: skip
for _name in ABSENT:
    globals()[_name] = absent("cuda", _name)

nccl = part("cuda.nccl", "NCCL is not there.", version=absent("cuda", "nccl.version"),
            is_available=is_available)  # fmt: skip
nvtx = part("cuda.nvtx", "NVTX is not there.", mark=no_op("mark"), range_push=no_op("range_push"),
            range_pop=no_op("range_pop"))  # fmt: skip
random = part("cuda.random", "Seeds of devices.", **{
    k: globals()[k] for k in ("manual_seed", "manual_seed_all", "seed", "seed_all",
                              "get_rng_state", "get_rng_state_all", "set_rng_state",
                              "set_rng_state_all", "initial_seed")})  # fmt: skip
memory = part("cuda.memory", "Memory of devices.", **{
    k: v for k, v in globals().items() if "memory" in k or k == "empty_cache"})  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "amp":
        return import_module(".cuda_amp", __package__)
    raise AttributeError(
        f"module 'chainrule.cuda' has no attribute '{name}': there is no CUDA device; ask "
        "cuda.is_available() first"
    )


__all__ = ["NoDevice", "device_count", "is_available", "is_bf16_supported", "is_initialized"]
