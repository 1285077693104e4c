"""Lazy modules: input sizes are found at the first call, which makes them the plain module."""

from __future__ import annotations

from itertools import chain
from typing import Any

from ..autograd.declare import names
from ..autograd.modes import no_grad
from .conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    _Conv,
    _ConvTranspose,
)
from .linear import Linear
from .norm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    _NormBase,
)
from .parameter import UninitializedBuffer, UninitializedParameter, is_lazy

_tensor = names["torch"]["tensor"]


class LazyModuleMixin:
    """Put before a module class: parameters that wait for the first input.

    The class makes its parameters ``UninitializedParameter()`` and defines
    ``initialize_parameters(*args)``, which gives them their shapes; after the first call the module
    is a ``cls_to_become``. An optimizer made earlier holds the same parameters.

    >>> import chainrule as cr
    >>> net = cr.nn.Sequential(cr.nn.LazyLinear(3), cr.nn.ReLU())
    >>> net[0], net[0].weight
    (LazyLinear(in_features=0, out_features=3, bias=True), <UninitializedParameter>)
    >>> net(cr.zeros(2, 5)).shape, net[0]
    (torch.Size([2, 3]), Linear(in_features=5, out_features=3, bias=True))
    """

    cls_to_become: Any = None

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(
            self._infer_parameters, with_kwargs=True
        )

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes and values; to be defined by subclasses."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self: Any) -> bool:
        """Whether a parameter or buffer still waits for its shape."""
        return any(map(is_lazy, chain(self._parameters.values(), self._buffers.values())))

    def _infer_parameters(self: Any, module: Any, args: Any, kwargs: Any = None) -> None:
        """The hook before the first ``forward``."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        for name in ("_initialize_hook", "_load_hook"):
            getattr(module, name).remove()
            delattr(module, name)
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _lazy_load_hook(self: Any, state_dict: Any, prefix: str, *_: Any) -> None:
        """Take over the shapes of a state that is read before the first call."""
        for name, waiting in chain(self._parameters.items(), self._buffers.items()):
            given = state_dict.get(prefix + name)
            if is_lazy(waiting) and given is not None and not is_lazy(given):
                waiting.materialize(given.shape)


class LazyLinear(LazyModuleMixin, Linear):
    """``Linear`` whose ``in_features`` are the last size of the first input.

    >>> import chainrule as cr
    >>> layer = cr.nn.LazyLinear(2)
    >>> layer(cr.zeros(4, 7)).shape, layer.weight.shape
    (torch.Size([4, 2]), torch.Size([2, 7]))
    """

    cls_to_become = Linear

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(0, 0, False)
        self.out_features = out_features
        _wait(self, bias, {"device": device, "dtype": dtype})

    def reset_parameters(self) -> None:
        """Draw the parameters, once they have a shape."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Find ``in_features``."""
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            _shape(self, (self.out_features, self.in_features), (self.out_features,))
        if not self.in_features:  # the weight came from a state
            if input.shape[-1] != self.weight.shape[-1]:
                raise AssertionError(
                    f"The in_features inferred from input: {input.shape[-1]} is not equal to "
                    f"in_features from self.weight: {self.weight.shape[-1]}"
                )
            self.in_features = input.shape[-1]


def _wait(module: Any, bias: bool, kind: Any) -> None:
    """Let ``weight`` wait for its shape, and ``bias`` if wanted."""
    module.weight = UninitializedParameter(**kind)
    if bias:
        module.bias = UninitializedParameter(**kind)


def _shape(module: Any, weight: tuple[int, ...], rest: tuple[int, ...]) -> None:
    """Give ``weight`` its shape, everything else another, and set the values."""
    with no_grad():
        for name, value in chain(module._parameters.items(), module._buffers.items()):
            if is_lazy(value):
                value.materialize(weight if name == "weight" else rest)
        module.reset_parameters()


class _LazyAnyConv(LazyModuleMixin):
    """Shapes from the channels of the first input."""

    def reset_parameters(self: Any) -> None:
        """Draw the parameters, once they have a shape."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()  # type: ignore[misc]  # the convolution's

    def initialize_parameters(self: Any, input: Any, *_: Any, **__: Any) -> None:
        """Find ``in_channels``."""
        if not self.has_uninitialized_params():
            return
        n = self._dims
        if input.dim() not in (n + 1, n + 2):
            raise RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        self.in_channels = input.shape[-n - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        ends = [self.out_channels, self.in_channels]
        first, second = reversed(ends) if self.transposed else ends
        weight = (first, second // self.groups, *self.kernel_size)
        _shape(self, weight, (self.out_channels,))


class _LazyConv(_LazyAnyConv, _Conv):
    """The constructor of the lazy convolutions."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        kind = {"device": device, "dtype": dtype}
        super().__init__(
            0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, **kind
        )
        self.out_channels = out_channels
        _wait(self, bias, kind)


class _LazyConvTranspose(_LazyAnyConv, _ConvTranspose):
    """The constructor of the lazy transposed convolutions."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        kind = {"device": device, "dtype": dtype}
        sizes = (kernel_size, stride, padding, output_padding)
        super().__init__(0, 0, *sizes, groups, False, dilation, padding_mode, **kind)
        self.out_channels = out_channels
        _wait(self, bias, kind)


class _LazyNorm(LazyModuleMixin, _NormBase):
    """The constructor of the lazy norms; ``num_features`` are the first input's channels."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        kind = {"device": device, "dtype": dtype}
        super().__init__(0, eps, momentum, False, False, bias=False, **kind)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            _wait(self, bias, kind)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**kind)
            self.running_var = UninitializedBuffer(**kind)
            self.num_batches_tracked = _tensor(0)

    def reset_parameters(self) -> None:
        """Set the values, once there is a shape."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Find ``num_features``."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            _shape(self, (self.num_features,), (self.num_features,))


class LazyConv1d(_LazyConv, Conv1d):
    """``Conv1d`` whose ``in_channels`` are those of the first input.

    >>> import chainrule as cr
    >>> layer = cr.nn.LazyConv1d(4, 3)
    >>> layer(cr.zeros(2, 5, 9)).shape, layer
    (torch.Size([2, 4, 7]), Conv1d(5, 4, kernel_size=(3,), stride=(1,)))
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """``Conv2d`` whose ``in_channels`` are those of the first input.

    >>> import chainrule as cr
    >>> cr.nn.LazyConv2d(4, kernel_size=3, padding=1)(cr.zeros(2, 5, 9, 9)).shape
    torch.Size([2, 4, 9, 9])
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """``Conv3d`` whose ``in_channels`` are those of the first input.

    >>> import chainrule as cr
    >>> cr.nn.LazyConv3d(4, 1)(cr.zeros(2, 5, 3, 3, 3)).shape
    torch.Size([2, 4, 3, 3, 3])
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """``ConvTranspose1d`` whose ``in_channels`` are those of the first input.

    >>> import chainrule as cr
    >>> cr.nn.LazyConvTranspose1d(4, 2, stride=2)(cr.zeros(2, 5, 3)).shape
    torch.Size([2, 4, 6])
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """``ConvTranspose2d`` whose ``in_channels`` are those of the first input.

    >>> import chainrule as cr
    >>> cr.nn.LazyConvTranspose2d(4, 2, stride=2)(cr.zeros(2, 5, 3, 3)).shape
    torch.Size([2, 4, 6, 6])
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """``ConvTranspose3d`` whose ``in_channels`` are those of the first input.

    >>> import chainrule as cr
    >>> cr.nn.LazyConvTranspose3d(4, 2)(cr.zeros(2, 5, 3, 3, 3)).shape
    torch.Size([2, 4, 4, 4, 4])
    """

    cls_to_become = ConvTranspose3d


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """``BatchNorm1d`` whose ``num_features`` are those of the first input.

    >>> import chainrule as cr
    >>> norm = cr.nn.LazyBatchNorm1d()
    >>> norm(cr.zeros(2, 5)).shape, norm.num_features
    (torch.Size([2, 5]), 5)
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """``BatchNorm2d`` whose ``num_features`` are those of the first input.

    >>> import chainrule as cr
    >>> cr.nn.LazyBatchNorm2d()(cr.zeros(2, 5, 3, 3)).shape
    torch.Size([2, 5, 3, 3])
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """``BatchNorm3d`` whose ``num_features`` are those of the first input.

    >>> import chainrule as cr
    >>> cr.nn.LazyBatchNorm3d()(cr.zeros(2, 5, 3, 3, 3)).shape
    torch.Size([2, 5, 3, 3, 3])
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """``InstanceNorm1d`` whose ``num_features`` are the first input's size 1.

    >>> import chainrule as cr
    >>> cr.nn.LazyInstanceNorm1d()(cr.zeros(2, 5, 3)).shape
    torch.Size([2, 5, 3])
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """``InstanceNorm2d`` whose ``num_features`` are the first input's size 1.

    >>> import chainrule as cr
    >>> cr.nn.LazyInstanceNorm2d()(cr.zeros(2, 5, 3, 3)).shape
    torch.Size([2, 5, 3, 3])
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """``InstanceNorm3d`` whose ``num_features`` are the first input's size 1.

    >>> import chainrule as cr
    >>> cr.nn.LazyInstanceNorm3d()(cr.zeros(2, 5, 3, 3, 3)).shape
    torch.Size([2, 5, 3, 3, 3])
    """

    cls_to_become = InstanceNorm3d
