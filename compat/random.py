"""``chainrule.random``: the state of the default generator.

>>> import chainrule as cr
>>> with cr.random.fork_rng():
...     drawn = cr.rand(2)
>>> bool((cr.rand(2) == drawn).all())
True
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.ops.creation import tensor
from ..autograd.random import default_generator, initial_seed, manual_seed, seed

__all__ = [
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


def get_rng_state() -> Tensor:
    """The state of the default generator, as PyTorch's bytes (uint8).

    >>> import chainrule as cr
    >>> cr.get_rng_state().shape
    torch.Size([5056])
    """
    return tensor(np.asarray(default_generator.get_state()))  # type: ignore[no-any-return]


def set_rng_state(new_state: Tensor) -> None:
    """Continue from a state that ``get_rng_state`` returned; PyTorch's own states work too.

    >>> import chainrule as cr
    >>> state = cr.get_rng_state(); a = cr.rand(1); cr.set_rng_state(state)
    >>> bool(cr.rand(1) == a)
    True
    """
    if not isinstance(new_state, Tensor) or new_state.dtype.name != "uint8":
        raise TypeError("set_rng_state: expected a uint8 Tensor, as get_rng_state() returns it")
    default_generator.set_state(np.array(new_state.numpy()))


@contextmanager
def fork_rng(
    devices: Any = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str | None = None,
) -> Iterator[None]:
    """Draw inside as you like: at the end the default generator is where it was.

    >>> import chainrule as cr
    >>> with cr.random.fork_rng(): _ = cr.manual_seed(7)
    """
    if not enabled:
        yield
        return
    before = default_generator.get_state()
    try:
        yield
    finally:
        default_generator.set_state(before)
