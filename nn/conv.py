"""Convolutions: sums over a window that slides along 1, 2 or 3 dimensions, and their transposes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from ..autograd import Tensor
from ..autograd.declare import names
from . import init
from .module import Module
from .parameter import Parameter
from .sizes import as_tuple

F = names["F"]
_empty = names["torch"]["empty"]


class _ConvNd(Module):
    """Sizes, options, parameters and their text: what all convolutions share."""

    _dims: ClassVar[int]
    transposed: ClassVar[bool] = False
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        n = self._dims
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = as_tuple(kernel_size, n), as_tuple(stride, n)
        self.padding = padding if isinstance(padding, str) else as_tuple(padding, n)
        self.dilation, self.output_padding = as_tuple(dilation, n), as_tuple(output_padding, n)
        self.padding_mode = padding_mode
        self._check()
        ends = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        kind = {"device": device, "dtype": dtype}
        self.weight = Parameter(_empty(ends[0], ends[1] // groups, *self.kernel_size, **kind))
        if bias:
            self.bias = Parameter(_empty(out_channels, **kind))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _check(self) -> None:
        """Raise ValueError for options that do not go together."""
        if self.groups <= 0:
            raise ValueError("groups must be a positive integer")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ValueError(f"{name} must be divisible by groups")
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string {self.padding!r}, should be one of 'same', 'valid'"
                )
            if self.padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        modes = ("zeros", "reflect", "replicate", "circular")
        if self.padding_mode not in modes:
            raise ValueError(
                f"padding_mode must be one of {modes}, but got padding_mode='{self.padding_mode}'"
            )

    def reset_parameters(self) -> None:
        """Draw the parameters again: uniform on ±1/√fan_in."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes, and the options that differ from their defaults."""
        n = self._dims
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        usual = {"padding": (0,) * n, "dilation": (1,) * n, "output_padding": (0,) * n, "groups": 1}
        for name, value in usual.items():
            if getattr(self, name) != value:
                text += f", {name}={getattr(self, name)}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Conv(_ConvNd):
    """The constructor and ``forward`` of Conv1d, Conv2d, Conv3d."""

    def __init__(
        self,
        in_channels: int,
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
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    @property
    def _reversed_padding_repeated_twice(self) -> list[int]:
        """The padding as ``F.pad`` wants it: last dimension first, left and right."""
        sides: list[int] = []
        for k in reversed(range(self._dims)):
            if isinstance(self.padding, str):  # "same" pads more on the right
                both = self.dilation[k] * (self.kernel_size[k] - 1) * (self.padding == "same")
                sides += [both // 2, both - both // 2]
            else:
                sides += [self.padding[k]] * 2
        return sides

    def _conv_forward(self, input: Any, weight: Any, bias: Any) -> Any:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = F["pad"](input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        convolve = F[f"conv{self._dims}d"]
        return convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Any:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """out[o, i] = bias[o] + Σ weight[o, c, k]·input[c, stride·i + dilation·k − padding].

    Input (N, C, L) or (C, L), ``weight`` (out, in/groups, k), ``bias`` (out,), both uniform on
    ±1/√fan_in; the window is not flipped. ``padding`` may be "same" or "valid", ``padding_mode``
    "zeros", "reflect", "replicate" or "circular". Raises ValueError for options that do not fit.

    >>> import chainrule as cr
    >>> layer = cr.nn.Conv1d(3, 8, 5, padding=2)
    >>> layer(cr.zeros(4, 3, 20)).shape
    torch.Size([4, 8, 20])
    """

    _dims = 1


class Conv2d(_Conv):
    """Convolution of images (N, C, H, W) or (C, H, W) with windows (h, w): see ``Conv1d``.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.

    >>> import chainrule as cr
    >>> layer = cr.nn.Conv2d(1, 6, 5, stride=2)
    >>> layer, layer(cr.zeros(1, 28, 28)).shape
    (Conv2d(1, 6, kernel_size=(5, 5), stride=(2, 2)), torch.Size([6, 12, 12]))
    """

    _dims = 2


class Conv3d(_Conv):
    """Convolution of volumes (N, C, D, H, W) or (C, D, H, W): see ``Conv1d``.

    >>> import chainrule as cr
    >>> cr.nn.Conv3d(1, 2, 3, padding="same")(cr.zeros(1, 1, 4, 5, 6)).shape
    torch.Size([1, 2, 4, 5, 6])
    """

    _dims = 3


class _ConvTranspose(_ConvNd):
    """The constructor and ``forward`` of the transposes."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
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
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _padding_for(self, input: Any, output_size: Sequence[int]) -> list[int]:
        """The output padding that gives ``output_size``, with or without batch and channels."""
        n = self._dims
        lead = 2 if input.dim() == n + 2 else 1
        wanted = list(output_size)[lead:] if len(output_size) == lead + n else list(output_size)
        if len(wanted) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or "
                f"{lead + n} elements (got {len(wanted)})"
            )
        size = input.shape[lead:]
        least = [
            (size[k] - 1) * self.stride[k]
            - 2 * self.padding[k]
            + self.dilation[k] * (self.kernel_size[k] - 1)
            + 1
            for k in range(n)
        ]
        most = [least[k] + self.stride[k] - 1 for k in range(n)]
        if any(not least[k] <= wanted[k] <= most[k] for k in range(n)):
            raise ValueError(
                f"requested an output size of {wanted}, but valid sizes range from {least} to "
                f"{most} (for an input of {input.shape[2:]})"
            )
        return [wanted[k] - least[k] for k in range(n)]

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Any:
        extra: Any = self.output_padding
        if output_size is not None:
            extra = self._padding_for(input, output_size)
        convolve = F[f"conv_transpose{self._dims}d"]
        return convolve(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTranspose):
    """The transpose of ``Conv1d``: each input spreads over a window of the output.

    Output length (L − 1)·stride − 2·padding + dilation·(k − 1) + output_padding + 1; a call may
    name the ``output_size`` instead. ``weight`` (in, out/groups, k), ``bias`` (out,).

    >>> import chainrule as cr
    >>> layer = cr.nn.ConvTranspose1d(8, 3, 4, stride=2, padding=1)
    >>> layer(cr.zeros(1, 8, 10)).shape, layer(cr.zeros(1, 8, 10), output_size=[21]).shape
    (torch.Size([1, 3, 20]), torch.Size([1, 3, 21]))
    """

    _dims = 1


class ConvTranspose2d(_ConvTranspose):
    """The transpose of ``Conv2d``, which enlarges images: see ``ConvTranspose1d``.

    >>> import chainrule as cr
    >>> cr.nn.ConvTranspose2d(4, 2, 2, stride=2)(cr.zeros(1, 4, 7, 7)).shape
    torch.Size([1, 2, 14, 14])
    """

    _dims = 2


class ConvTranspose3d(_ConvTranspose):
    """The transpose of ``Conv3d``: see ``ConvTranspose1d``.

    >>> import chainrule as cr
    >>> cr.nn.ConvTranspose3d(4, 2, 2, stride=2)(cr.zeros(1, 4, 3, 3, 3)).shape
    torch.Size([1, 2, 6, 6, 6])
    """

    _dims = 3
