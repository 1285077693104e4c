"""``GradScaler``: a loss scaled up, so that small gradients survive a narrow type.

Source: Micikevicius et al., Mixed Precision Training (ICLR 2018), section 3.2.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import Any

import numpy as np

from ..autograd import Tensor

READY, UNSCALED, STEPPED = "ready", "unscaled", "stepped"


class GradScaler:
    """Scale the loss, unscale the gradients, skip steps with inf or nan, adapt the scale.

    After ``growth_interval`` good steps the scale is multiplied by ``growth_factor``, after a bad
    one by ``backoff_factor``. With ``enabled=False`` every method passes through; for ``"cuda"``
    without such a device it disables itself, with PyTorch's warning.

    >>> import chainrule as cr
    >>> w = cr.nn.Parameter(cr.tensor([1.0])); optimizer = cr.optim.SGD([w], lr=0.5)
    >>> scaler = cr.amp.GradScaler("cpu", init_scale=1024.0)
    >>> scaler.scale((w * w).sum()).backward(); w.grad
    tensor([2048.])
    >>> scaler.step(optimizer); scaler.update(); w.data
    tensor([0.])
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device, self._enabled = device, bool(enabled)
        if self._enabled and device == "cuda":
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.",
                stacklevel=2,
            )
            self._enabled = False
        if self._enabled and growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if self._enabled and backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._scale, self._growth = float(init_scale), float(growth_factor)
        self._backoff, self._interval = float(backoff_factor), int(growth_interval)
        self._good = 0  # steps since the scale last changed
        self._stage: dict[int, str] = defaultdict(lambda: READY)  # by id of the optimizer
        self._bad: dict[int, bool] = {}

    def scale(self, outputs: Any) -> Any:
        """A tensor, or each of a list, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        if isinstance(outputs, (list, tuple)):
            return type(outputs)([self.scale(o) for o in outputs])
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide an optimizer's gradients by the scale, once a step: then they may be clipped."""
        if not self._enabled:
            return
        stage = self._stage[id(optimizer)]
        if stage is UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if stage is STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        bad = False
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                data = np.asarray(p.grad._data)
                if p.grad.dtype.name == "float16":
                    raise ValueError("Attempting to unscale FP16 gradients.")
                wide = data.astype(np.float32) if data.dtype.itemsize < 4 else data
                bad = bad or not bool(np.isfinite(wide).all())
                p.grad.detach().mul_(1.0 / self._scale)
        self._bad[id(optimizer)] = bad
        self._stage[id(optimizer)] = UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step()`` on unscaled gradients; skipped where one is inf or nan."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        if self._stage[id(optimizer)] is STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if self._stage[id(optimizer)] is READY:
            self.unscale_(optimizer)
        result = None if self._bad[id(optimizer)] else optimizer.step(*args, **kwargs)
        self._stage[id(optimizer)] = STEPPED
        return result

    def update(self, new_scale: Any = None) -> None:
        """Adapt the scale after the step, or set it."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        else:
            if not self._bad:
                raise AssertionError("No inf checks were recorded prior to update.")
            if any(self._bad.values()):
                self._scale, self._good = self._scale * self._backoff, 0
            else:
                self._good += 1
                if self._good == self._interval:
                    grown = float(np.float32(self._scale) * np.float32(self._growth))
                    self._scale, self._good = grown if np.isfinite(grown) else self._scale, 0
        self._bad.clear()
        self._stage.clear()

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def get_scale(self) -> float:
        """The scale, 1.0 where it is not enabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by after good steps."""
        return self._growth

    def set_growth_factor(self, new_factor: float) -> None:
        """Choose what the scale is multiplied by after good steps."""
        self._growth = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after a bad step."""
        return self._backoff

    def set_backoff_factor(self, new_factor: float) -> None:
        """Choose what the scale is multiplied by after a bad step."""
        self._backoff = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps the scale grows."""
        return self._interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Choose after how many good steps the scale grows."""
        self._interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """The scale and how it moves, in PyTorch's form; empty where it is not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth,
            "backoff_factor": self._backoff,
            "growth_interval": self._interval,
            "_growth_tracker": self._good,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled "
                "instance of GradScaler."
            )
        self._scale, self._good = float(state_dict["scale"]), int(state_dict["_growth_tracker"])
        self._growth = float(state_dict["growth_factor"])
        self._backoff = float(state_dict["backoff_factor"])
        self._interval = int(state_dict["growth_interval"])
