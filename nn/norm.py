"""Normalisation with stored statistics: over the batch, or over each sample's channels."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from ..autograd import Tensor
from ..autograd.declare import names
from . import init
from .module import Module
from .parameter import Parameter

F = names["F"]
_torch = names["torch"]


def scale_and_shift(module: Any, shape: Any, affine: bool, bias: bool, kind: Any) -> None:
    """Register ``weight`` and ``bias`` of a shape, or None where they are not wanted."""
    for name, wanted in (("weight", affine), ("bias", affine and bias)):
        value = Parameter(_torch["empty"](shape, **kind)) if wanted else None
        module.register_parameter(name, value)


def reset_scale_and_shift(module: Any) -> None:
    """Set ``weight`` to 1 and ``bias`` to 0."""
    if module.weight is not None:
        init.ones_(module.weight)
    if module._parameters.get("bias") is not None:
        init.zeros_(module.bias)


class _NormBase(Module):
    """Parameters, running statistics and text of the batch and instance norms."""

    _version = 2  # 2: num_batches_tracked came in
    _ranks: ClassVar[tuple[int, ...]]  # numbers of dimensions that the input may have

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        kind = {"device": device, "dtype": dtype}
        scale_and_shift(self, (num_features,), affine, bias, kind)
        stats: dict[str, Any] = dict.fromkeys(("running_mean", "running_var"))
        stats["num_batches_tracked"] = None
        if track_running_stats:
            stats["running_mean"] = _torch["zeros"](num_features, **kind)
            stats["running_var"] = _torch["ones"](num_features, **kind)
            stats["num_batches_tracked"] = _count(device)
        for name, value in stats.items():
            self.register_buffer(name, value)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the statistics: mean 0, variance 1, no batches seen."""
        if self.track_running_stats:
            assert self.running_mean is not None
            assert self.running_var is not None
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Forget the statistics; ``weight`` 1, ``bias`` 0."""
        self.reset_running_stats()
        if self.affine:
            reset_scale_and_shift(self)

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() not in self._ranks:
            allowed = " or ".join(f"{n}D" for n in self._ranks)
            raise ValueError(f"expected {allowed} input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any
    ) -> None:
        version = local_metadata.get("version")
        key = prefix + "num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            # Written before there was a count: it stays as it is.
            state_dict[key] = self.num_batches_tracked
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


def _count(device: Any) -> Any:
    return _torch["tensor"](0, device=device)


class _BatchNorm(_NormBase):
    """``forward`` of the batch norms."""

    def forward(self, input: Tensor) -> Any:
        self._check_input_dim(input)
        buffers = self._buffers
        momentum = self.momentum
        tracked = self.training and self.track_running_stats
        if tracked and buffers["num_batches_tracked"] is not None:
            buffers["num_batches_tracked"].add_(1)
            if momentum is None:  # each batch seen so far counts the same
                momentum = 1.0 / float(buffers["num_batches_tracked"])
        mean, var = buffers["running_mean"], buffers["running_var"]
        from_batch = self.training or (mean is None and var is None)
        if self.training and not tracked:
            mean = var = None
        momentum = 0.0 if momentum is None else momentum
        return F["batch_norm"](
            input, mean, var, self.weight, self.bias, from_batch, momentum, self.eps
        )


class BatchNorm1d(_BatchNorm):
    """(x − mean)/√(var + eps)·weight + bias per feature of (N, C) or channel of (N, C, L).

    Training: the batch's own mean and biased variance, while ``running_mean`` and ``running_var``
    (unbiased) move by ``momentum`` towards them (None: the mean over all batches). Evaluation: the
    running ones. Raises ValueError for other ranks, or one value a channel in training.
    Source: Ioffe and Szegedy, "Batch normalization", 2015.

    >>> import chainrule as cr
    >>> norm = cr.nn.BatchNorm1d(1)
    >>> norm(cr.tensor([[1.0], [3.0]])).detach(), norm.running_mean
    (tensor([[-1.0000],
            [ 1.0000]]), tensor([0.2000]))
    """

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """``BatchNorm1d`` for images (N, C, H, W): one mean and variance a channel.

    >>> import chainrule as cr
    >>> cr.nn.BatchNorm2d(3, affine=False)(cr.randn(8, 3, 4, 4)).std() < 1.01
    tensor(True)
    """

    _ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """``BatchNorm1d`` for volumes (N, C, D, H, W).

    >>> import chainrule as cr
    >>> cr.nn.BatchNorm3d(2)(cr.zeros(2, 2, 1, 2, 2)).shape
    torch.Size([2, 2, 1, 2, 2])
    """

    _ranks = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch norm over the batches of all processes; there is none yet, so making one raises.

    >>> import chainrule as cr
    >>> cr.nn.SyncBatchNorm(4)
    Traceback (most recent call last):
    NotImplementedError: SyncBatchNorm needs chainrule.distributed, which is not there yet: ...
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            "SyncBatchNorm needs chainrule.distributed, which is not there yet: use BatchNorm1d, "
            "2d or 3d, which normalise over the batch of their own process"
        )

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Raise NotImplementedError where the module holds a batch norm to convert."""
        if any(isinstance(m, _BatchNorm) for m in module.modules()):
            cls(1)
        return module


class _InstanceNorm(_NormBase):
    """``forward`` of the instance norms."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def _normalize(self, input: Any) -> Any:
        return F["instance_norm"](
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )

    def forward(self, input: Tensor) -> Any:
        self._check_input_dim(input)
        unbatched = input.dim() == self._ranks[0]
        at = input.dim() - self._ranks[0]
        if input.shape[at] != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={at} to match num_features "
                    f"({self.num_features}), but got: {input.shape[at]}."
                )
            warnings.warn(
                f"input's size at dim={at} does not match num_features. You can silence this "
                "warning by not passing in num_features, which is not used because affine=False",
                stacklevel=2,
            )
        return (
            self._normalize(input.unsqueeze(0)).squeeze(0)
            if unbatched
            else (self._normalize(input))
        )

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        if local_metadata.get("version") is None and not self.track_running_stats:
            found = [n for n in ("running_mean", "running_var") if prefix + n in state_dict]
            for name in found:
                del state_dict[prefix + name]
            if found:
                kind = type(self).__name__
                error_msgs.append(
                    "Unexpected running stats buffer(s) "
                    + " and ".join(f'"{prefix}{n}"' for n in found)
                    + f" for {kind} with track_running_stats=False. If state_dict is a checkpoint "
                    f"saved before 0.4.0, this may be expected because {kind} does not track "
                    "running stats by default since 0.4.0. Please remove these keys from "
                    "state_dict. If the running stats are actually needed, instead set "
                    f"track_running_stats=True in {kind} to enable them. See the documentation of "
                    f"{kind} for details."
                )
        lists = (missing_keys, unexpected_keys, error_msgs)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, *lists)


class InstanceNorm1d(_InstanceNorm):
    """(x − mean)/√(var + eps) over the length of each channel of each sample, (N, C, L) or (C, L).

    With ``affine``, times ``weight`` plus ``bias``; with ``track_running_stats``, evaluation uses
    running statistics. Source: Ulyanov et al., "Instance normalization", 2016.

    >>> import chainrule as cr
    >>> cr.nn.InstanceNorm1d(1)(cr.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """

    _ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """``InstanceNorm1d`` for images (N, C, H, W) or (C, H, W).

    >>> import chainrule as cr
    >>> cr.nn.InstanceNorm2d(3, affine=True)(cr.zeros(2, 3, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    """

    _ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """``InstanceNorm1d`` for volumes (N, C, D, H, W) or (C, D, H, W).

    >>> import chainrule as cr
    >>> cr.nn.InstanceNorm3d(3)(cr.zeros(3, 2, 4, 4)).shape
    torch.Size([3, 2, 4, 4])
    """

    _ranks = (4, 5)
