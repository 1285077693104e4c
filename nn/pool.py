"""Pooling: each window of the last dimensions becomes its maximum, its mean or its p-norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..autograd.declare import names
from .declared import Layer, layer
from .sizes import as_tuple

F = names["F"]


class _Pool(Layer):
    """What pools share: the number of dimensions they slide along."""

    _dims: ClassVar[int]
    stride: Any
    kernel_size: Any

    def _step(self) -> None:
        """Windows side by side where no stride is given."""
        if self.stride is None:
            self.stride = self.kernel_size


@layer
class _MaxPool(_Pool):
    """The constructor and ``forward`` of MaxPool1d, MaxPool2d, MaxPool3d."""

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    return_indices: bool = False
    ceil_mode: bool = False
    _shown = (
        "kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation}, "
        "ceil_mode={ceil_mode}"
    )

    def __post_init__(self, *_: Any) -> None:
        super().__post_init__()
        self._step()

    def forward(self, input: Any) -> Any:
        return F[f"max_pool{self._dims}d"](
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class MaxPool1d(_MaxPool):
    """The maximum of each window of (N, C, L) or (C, L), padded by −∞.

    Length out: ⌊(L + 2·padding − dilation·(k − 1) − 1)/stride⌋ + 1, rounded up in ``ceil_mode``.
    ``return_indices`` gives the places too, for ``MaxUnpool1d``.

    >>> import chainrule as cr
    >>> cr.nn.MaxPool1d(2)(cr.tensor([[1.0, 5.0, 2.0, 3.0]]))
    tensor([[5., 3.]])
    """

    _dims = 1


class MaxPool2d(_MaxPool):
    """The maximum of each window of images (N, C, H, W) or (C, H, W): see ``MaxPool1d``.

    >>> import chainrule as cr
    >>> cr.nn.MaxPool2d(3, stride=2)(cr.zeros(20, 16, 50, 32)).shape
    torch.Size([20, 16, 24, 15])
    """

    _dims = 2


class MaxPool3d(_MaxPool):
    """The maximum of each window of volumes: see ``MaxPool1d``.

    >>> import chainrule as cr
    >>> cr.nn.MaxPool3d((1, 2, 2))(cr.zeros(1, 2, 3, 4, 4)).shape
    torch.Size([1, 2, 3, 2, 2])
    """

    _dims = 3


@layer
class _MaxUnpool(_Pool):
    """The constructor and ``forward`` of the unpoolings."""

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    _shown = "kernel_size={kernel_size}, stride={stride}, padding={padding}"

    def __post_init__(self, *_: Any) -> None:
        super().__post_init__()
        self._step()
        for name in ("kernel_size", "stride", "padding"):
            setattr(self, name, as_tuple(getattr(self, name), self._dims))

    def forward(self, input: Any, indices: Any, output_size: Sequence[int] | None = None) -> Any:
        return F[f"max_unpool{self._dims}d"](
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class MaxUnpool1d(_MaxUnpool):
    """Put values back to where ``MaxPool1d`` found them, zeros elsewhere.

    >>> import chainrule as cr
    >>> pool = cr.nn.MaxPool1d(2, return_indices=True)
    >>> cr.nn.MaxUnpool1d(2)(*pool(cr.tensor([[[1.0, 5.0, 2.0, 3.0]]])))
    tensor([[[0., 5., 0., 3.]]])
    """

    _dims = 1


class MaxUnpool2d(_MaxUnpool):
    """Put values back to where ``MaxPool2d`` found them, zeros elsewhere.

    >>> import chainrule as cr
    >>> pool = cr.nn.MaxPool2d(2, return_indices=True)
    >>> cr.nn.MaxUnpool2d(2)(*pool(cr.tensor([[[[1.0, 2.0], [4.0, 3.0]]]])))
    tensor([[[[0., 0.],
              [4., 0.]]]])
    """

    _dims = 2


class MaxUnpool3d(_MaxUnpool):
    """Put values back to where ``MaxPool3d`` found them, zeros elsewhere.

    >>> import chainrule as cr
    >>> pool = cr.nn.MaxPool3d(2, return_indices=True)
    >>> cr.nn.MaxUnpool3d(2)(*pool(cr.ones(1, 1, 2, 2, 2))).sum()
    tensor(1.)
    """

    _dims = 3


class _AvgPoolNd(_Pool):
    """The text of the means."""

    _shown = "kernel_size={kernel_size}, stride={stride}, padding={padding}"

    def __post_init__(self, *_: Any) -> None:
        super().__post_init__()
        self._step()


@layer
class AvgPool1d(_AvgPoolNd):
    """The mean of each window of (N, C, L) or (C, L).

    Padding counts as zeros unless ``count_include_pad=False``; ``ceil_mode`` keeps a last window
    that does not fit whole.

    >>> import chainrule as cr
    >>> cr.nn.AvgPool1d(2)(cr.tensor([[1.0, 5.0, 2.0, 3.0]]))
    tensor([[3.0000, 2.5000]])
    """

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    def __post_init__(self, *_: Any) -> None:
        super().__post_init__()
        for name in ("kernel_size", "stride", "padding"):
            setattr(self, name, as_tuple(getattr(self, name), 1))

    def forward(self, input: Any) -> Any:
        return F["avg_pool1d"](
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )


@layer
class _AvgPool(_AvgPoolNd):
    """The constructor and ``forward`` of AvgPool2d and AvgPool3d."""

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None

    def forward(self, input: Any) -> Any:
        return F[f"avg_pool{self._dims}d"](
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_AvgPool):
    """The mean of each window of images; ``divisor_override`` divides the sum instead.

    >>> import chainrule as cr
    >>> cr.nn.AvgPool2d(2)(cr.ones(1, 3, 8, 6)).shape
    torch.Size([1, 3, 4, 3])
    """

    _dims = 2


class AvgPool3d(_AvgPool):
    """The mean of each window of volumes; ``divisor_override`` divides the sum instead.

    >>> import chainrule as cr
    >>> cr.nn.AvgPool3d(2, divisor_override=1)(cr.ones(1, 2, 2, 2))
    tensor([[[[8.]]]])
    """

    _dims = 3


@layer
class _LPPool(_Pool):
    """The constructor and ``forward`` of the p-norm pools."""

    norm_type: float
    kernel_size: Any
    stride: Any = None
    ceil_mode: bool = False
    _shown = (
        "norm_type={norm_type}, kernel_size={kernel_size}, stride={stride}, ceil_mode={ceil_mode}"
    )

    def forward(self, input: Any) -> Any:
        return F[f"lp_pool{self._dims}d"](
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )


class LPPool1d(_LPPool):
    """(Σ xᵖ)^(1/p) of each window of (N, C, L) or (C, L): p = 1 the sum, p → ∞ the maximum.

    >>> import chainrule as cr
    >>> cr.nn.LPPool1d(2, 2)(cr.tensor([[3.0, 4.0, 6.0, 8.0]]))
    tensor([[ 5., 10.]])
    """

    _dims = 1


class LPPool2d(_LPPool):
    """(Σ xᵖ)^(1/p) of each window of images.

    >>> import chainrule as cr
    >>> cr.nn.LPPool2d(2, 2)(cr.ones(1, 1, 2, 2))
    tensor([[[[2.]]]])
    """

    _dims = 2


class LPPool3d(_LPPool):
    """(Σ xᵖ)^(1/p) of each window of volumes.

    >>> import chainrule as cr
    >>> cr.nn.LPPool3d(1, 2)(cr.ones(1, 1, 2, 2, 2))
    tensor([[[[[8.]]]]])
    """

    _dims = 3


@layer
class _AdaptiveAvgPool(_Pool):
    """The constructor and ``forward`` of the adaptive means."""

    output_size: Any
    _shown = "output_size={output_size}"

    def forward(self, input: Any) -> Any:
        return F[f"adaptive_avg_pool{self._dims}d"](input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means of ``output_size`` windows that cover the length, ⌊i·L/n⌋ to ⌈(i + 1)·L/n⌉.

    >>> import chainrule as cr
    >>> cr.nn.AdaptiveAvgPool1d(2)(cr.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1.5000, 2.5000]])
    """

    _dims = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means of windows that cover an image; None in ``output_size`` keeps that size.

    >>> import chainrule as cr
    >>> cr.nn.AdaptiveAvgPool2d((5, None))(cr.zeros(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 9])
    """

    _dims = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means of windows that cover a volume; None in ``output_size`` keeps that size.

    >>> import chainrule as cr
    >>> cr.nn.AdaptiveAvgPool3d(1)(cr.ones(1, 2, 4, 4, 4)).flatten()
    tensor([1., 1.])
    """

    _dims = 3


@layer
class _AdaptiveMaxPool(_Pool):
    """The constructor and ``forward`` of the adaptive maxima."""

    output_size: Any
    return_indices: bool = False
    _shown = "output_size={output_size}"

    def forward(self, input: Any) -> Any:
        return F[f"adaptive_max_pool{self._dims}d"](input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Maxima of ``output_size`` windows that cover the length (see ``AdaptiveAvgPool1d``).

    >>> import chainrule as cr
    >>> cr.nn.AdaptiveMaxPool1d(2)(cr.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3.]])
    """

    _dims = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maxima of windows that cover an image; None in ``output_size`` keeps that size.

    >>> import chainrule as cr
    >>> cr.nn.AdaptiveMaxPool2d((5, 7))(cr.zeros(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 7])
    """

    _dims = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Maxima of windows that cover a volume; None in ``output_size`` keeps that size.

    >>> import chainrule as cr
    >>> cr.nn.AdaptiveMaxPool3d(1)(cr.ones(1, 2, 4, 4, 4)).flatten()
    tensor([1., 1.])
    """

    _dims = 3
