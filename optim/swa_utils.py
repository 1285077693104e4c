"""Averages of models over training: stochastic weight averaging and moving averages."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from ..autograd import Tensor, modes
from ..autograd.declare import names
from ..nn import Module
from .lr_scheduler.base import LRScheduler, per_group
from .optimizer import Optimizer

_torch = names["torch"]


class AveragedModel(Module):
    """A copy of ``model`` whose parameters average those of the model over ``update_parameters``.

    By default the plain mean (stochastic weight averaging); ``avg_fn(averaged, current, n)`` or
    ``multi_avg_fn(averaged list, current list, n)`` give another (``get_ema_avg_fn(0.999)``).
    ``use_buffers`` averages buffers too, else they are copied. Source: Izmailov et al., "Averaging
    weights leads to wider optima", 2018.

    >>> import chainrule as cr
    >>> model = cr.nn.Linear(1, 1, bias=False)
    >>> average = cr.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 3.0):
    ...     with cr.no_grad(): filled = model.weight.fill_(value)
    ...     average.update_parameters(model)
    >>> average.module.weight.item()
    2.0
    """

    n_averaged: Tensor

    def __init__(
        self, model: Module, device: Any = None, avg_fn: Callable[..., Any] | None = None,
        multi_avg_fn: Callable[..., Any] | None = None, use_buffers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", _torch["tensor"](0, dtype=_torch["tensor"](0).dtype))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the averaged model."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model's present parameters into the average."""
        with modes.no_grad():
            mine, theirs = (self._averaged(m) for m in (self.module, model))
            if int(self.n_averaged) == 0:
                for a, p in zip(mine, theirs, strict=True):
                    a.copy_(p)
            elif self.avg_fn is not None:
                for a, p in zip(mine, theirs, strict=True):
                    a.copy_(self.avg_fn(a, p, self.n_averaged))
            else:
                average = self.multi_avg_fn or get_swa_multi_avg_fn()
                for kind in {a.dtype for a in mine}:
                    pairs = zip(mine, theirs, strict=True)
                    chosen = [(a, p) for a, p in pairs if a.dtype == kind]
                    average([a for a, _ in chosen], [p for _, p in chosen], self.n_averaged)
            if not self.use_buffers:
                buffers = zip(self.module.buffers(), model.buffers(), strict=True)
                for a, p in buffers:
                    a.copy_(p)
            self.n_averaged += 1

    def _averaged(self, model: Any) -> list[Any]:
        buffers = model.buffers() if self.use_buffers else ()
        return [t.detach() for t in itertools.chain(model.parameters(), buffers)]


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], Any]:
    """The moving average decay·a + (1 − decay)·p, for ``avg_fn``.

    >>> import chainrule as cr
    >>> cr.optim.swa_utils.get_ema_avg_fn(0.75)(cr.tensor(0.0), cr.tensor(4.0), 0)
    tensor(1.)
    """
    _check_decay(decay)

    def average(ema_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return decay * ema_param + (1 - decay) * current_param

    return average


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], None]:
    """The same for lists, in place, for ``multi_avg_fn``.

    >>> import chainrule as cr
    >>> a = cr.tensor([0.0])
    >>> cr.optim.swa_utils.get_ema_multi_avg_fn(0.75)([a], [cr.tensor([4.0])], 0); a
    tensor([1.])
    """
    _check_decay(decay)

    def average(ema_param_list: Sequence[Any], current_param_list: Sequence[Any], _: Any) -> None:
        with modes.no_grad():
            for a, p in zip(ema_param_list, current_param_list, strict=True):
                if a.is_floating_point() or a.is_complex():
                    a.lerp_(p, 1 - decay)
                else:
                    a.copy_(a * decay + p * (1 - decay))

    return average


def get_swa_avg_fn() -> Callable[[Any, Any, Any], Any]:
    """The plain mean a + (p − a)/(n + 1), for ``avg_fn``.

    >>> import chainrule as cr
    >>> cr.optim.swa_utils.get_swa_avg_fn()(cr.tensor(1.0), cr.tensor(3.0), 1)
    tensor(2.)
    """

    def average(averaged_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return average


def get_swa_multi_avg_fn() -> Callable[[Any, Any, Any], None]:
    """The same for lists, in place, for ``multi_avg_fn``.

    >>> import chainrule as cr
    >>> a = cr.tensor([1.0])
    >>> cr.optim.swa_utils.get_swa_multi_avg_fn()([a], [cr.tensor([3.0])], 1); a
    tensor([2.])
    """

    def average(averaged: Sequence[Any], current: Sequence[Any], num_averaged: Any) -> None:
        share = 1 / (int(num_averaged) + 1)
        with modes.no_grad():
            for a, p in zip(averaged, current, strict=True):
                if a.is_floating_point() or a.is_complex():
                    a.lerp_(p, share)
                else:
                    a.add_(((p - a) * share).to(a.dtype))

    return average


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of all batch normalisations anew, over ``loader``.

    >>> import chainrule as cr
    >>> norm = cr.nn.BatchNorm1d(1)
    >>> cr.optim.swa_utils.update_bn([cr.tensor([[1.0], [3.0]])], norm); norm.running_mean
    tensor([2.])
    """
    norms = [m for m in model.modules() if hasattr(m, "reset_running_stats")]
    norms = [m for m in norms if "BatchNorm" in "".join(c.__name__ for c in type(m).__mro__)]
    if not norms:
        return
    before = [m.momentum for m in norms]
    was_training = model.training
    model.train()
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # a plain mean over the batches
    with modes.no_grad():
        for batch in loader:
            given = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(given if device is None else given.to(device))
    for m, momentum in zip(norms, before, strict=True):
        m.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """The rate goes to ``swa_lr`` in ``anneal_epochs`` epochs, along a cosine or a line.

    >>> import chainrule as cr
    >>> optimizer = cr.optim.SGD([cr.zeros(1)], lr=1.0)
    >>> schedule = SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> optimizer.step(); schedule.step(); schedule.get_last_lr()
    [0.75]
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10,
        anneal_strategy: str = "cos", last_epoch: int = -1,
    ) -> None:  # fmt: skip
        rates = per_group("swa_lr", optimizer, swa_lr)
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self) -> list[Any]:
        """Compute the rates for this step from the present ones."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        values = []
        for group in self.optimizer.param_groups:
            rate, target = group["lr"], group["swa_lr"]
            start = target if before == 1 else (rate - before * target) / (1 - before)
            values.append(target * now + start * (1 - now))
        return values
