"""``chainrule.amp``: mixed precision, as PyTorch has it on a CPU.

>>> import chainrule as cr
>>> layer = cr.nn.Linear(2, 2)
>>> with cr.autocast("cpu", dtype=cr.bfloat16):
...     out = layer(cr.ones(1, 2))
>>> out.dtype, layer.weight.dtype
(torch.bfloat16, torch.float32)
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from ..autograd import Tensor
from ..autograd.autocast import NARROW, Cast, top
from ..autograd.devices import device
from ..autograd.dtypes import bfloat16, dtype, float16
from .grad_scaler import GradScaler

__path__: list[str] = []  # ``import chainrule.amp.grad_scaler``
__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
_narrow = {"cpu": bfloat16, "cuda": float16}


class autocast:
    """Run products in a narrow type and losses in float32; context manager and decorator.

    On ``"cpu"`` the inputs of linear layers, matrix products, convolutions and attention become
    ``dtype`` (bfloat16 unless given; float16), and so do those of LSTM and RNN; narrow inputs of
    losses, of decompositions and of GRU become float32. Another device type than the CPU is
    switched off with PyTorch's warning, and so is another dtype.

    >>> import chainrule as cr
    >>> a = cr.ones(2, 2)
    >>> with cr.autocast("cpu"):
    ...     b = a @ a
    ...     with cr.autocast("cpu", enabled=False):
    ...         c = a @ a
    >>> b.dtype, c.dtype
    (torch.bfloat16, torch.float32)
    """

    def __init__(
        self,
        device_type: str,
        dtype: dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(
                f"Expected `device_type` of type `str`, got: `{type(device_type).__name__}`"
            )
        self.device = device(device_type).type
        self.fast_dtype = get_autocast_dtype(self.device) if dtype is None else dtype
        self._enabled = bool(enabled)
        self._cache = cache_enabled is not False
        self._entered: list[Cast] = []
        if self._enabled and self.device == "cuda":
            self._off("CUDA is not available or torch_xla is imported. Disabling autocast.")
        elif self._enabled and self.device != "cpu":
            self._off(f"there is no {self.device} device here. Disabling autocast.")
        elif self._enabled and self.fast_dtype not in NARROW:
            self._off(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
                "CPU Autocast only supports dtypes of torch.bfloat16, torch.float16 currently."
            )

    def _off(self, why: str) -> None:
        warnings.warn(why, stacklevel=3)
        self._enabled = False

    def __enter__(self) -> autocast:
        on = self._enabled and self.device == "cpu"
        changes = self.device == "cpu"  # an inner region switched off switches an outer one off
        cast = Cast(self.fast_dtype if on else None, self._cache)
        if not changes and top.cast is not None:
            cast.target = top.cast.target
        cast.enter()
        self._entered.append(cast)
        return self

    def __exit__(self, *exc: object) -> None:
        self._entered.pop().leave()

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return decorated


def is_autocast_available(device_type: str) -> bool:
    """Whether ``autocast`` does something there: on the CPU.

    >>> import chainrule as cr
    >>> cr.amp.is_autocast_available("cpu"), cr.amp.is_autocast_available("cuda")
    (True, False)
    """
    return device(device_type).type == "cpu"


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether this thread is inside an ``autocast`` of that device type.

    >>> import chainrule as cr
    >>> with cr.autocast("cpu"): cr.is_autocast_enabled("cpu")
    True
    """
    here = top.cast is not None and top.cast.target is not None
    return here and device(device_type).type == "cpu"


def get_autocast_dtype(device_type: str) -> dtype:
    """The type that ``autocast`` takes where none is given.

    >>> import chainrule as cr
    >>> cr.get_autocast_dtype("cpu")
    torch.bfloat16
    """
    return _narrow.get(device(device_type).type, float16)


def set_autocast_dtype(device_type: str, dtype: dtype) -> None:
    """Choose the type that ``autocast`` takes where none is given.

    >>> import chainrule as cr
    >>> cr.set_autocast_dtype("cpu", cr.bfloat16)
    """
    _narrow[device(device_type).type] = dtype


def _cast(value: Any, target: dtype) -> Any:
    """Floating tensors in another type, inside containers too."""
    if isinstance(value, Tensor):
        narrows = value.is_floating_point() and value.dtype.name != "float64"
        return value.to(target) if narrows else value
    if isinstance(value, dict):
        return {_cast(k, target): _cast(v, target) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_cast(v, target) for v in value])
    return value


def custom_fwd(
    fwd: Callable[..., Any] | None = None,
    *,
    device_type: str,
    cast_inputs: dtype | None = None,
) -> Any:
    """Mark the ``forward`` of a Function: with ``cast_inputs`` it runs in that type, uncast.

    >>> import chainrule as cr
    >>> forward = cr.amp.custom_fwd(lambda ctx, x: x * 2, device_type="cpu")
    >>> forward(None, cr.tensor(1.0))
    tensor(2.)
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    forward = fwd

    @functools.wraps(forward)
    def decorated(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        active = is_autocast_enabled(device_type)
        if ctx is not None:
            ctx._autocast = (active and cast_inputs is None, get_autocast_dtype(device_type))
        if cast_inputs is None or not active:
            return forward(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            return forward(ctx, *_cast(args, cast_inputs), **_cast(kwargs, cast_inputs))

    return decorated


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Mark the ``backward`` of a Function: it runs under the autocast of its ``forward``.

    >>> import chainrule as cr
    >>> backward = cr.amp.custom_bwd(lambda ctx, g: g * 2, device_type="cpu")
    """
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    backward = bwd

    @functools.wraps(backward)
    def decorated(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        enabled, narrow = getattr(ctx, "_autocast", (False, None))
        with autocast(device_type, enabled=enabled, dtype=narrow):
            return backward(ctx, *args, **kwargs)

    return decorated
