"""Padding: constants, reflections, repeated edges or the other end, outside the last dimensions."""

from __future__ import annotations

from typing import Any, ClassVar

from ..autograd.declare import names
from .declared import Layer, layer
from .sizes import as_tuple

F = names["F"]


@layer
class _Pad(Layer):
    """Pad the last ``_dims`` dimensions: one width for all sides, or (left, right, top, …)."""

    padding: Any
    _shown = "{padding}"
    _dims: ClassVar[int]
    _mode: ClassVar[str]

    def __post_init__(self, *_: Any) -> None:
        super().__post_init__()
        self.padding = as_tuple(self.padding, 2 * self._dims)

    def forward(self, input: Any) -> Any:
        return F["pad"](input, self.padding, self._mode)


@layer
class _ConstantPad(_Pad):
    """Pad with one value."""

    value: float
    _shown = "padding={padding}, value={value}"

    def forward(self, input: Any) -> Any:
        return F["pad"](input, self.padding, "constant", self.value)


class _ZeroPad(_ConstantPad):
    """Pad with zeros."""

    _shown = "{padding}"

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)


class ConstantPad1d(_ConstantPad):
    """Put ``value`` around the last dimension; negative widths cut off.

    >>> import chainrule as cr
    >>> cr.nn.ConstantPad1d((1, 2), 3.5)(cr.zeros(1, 2))
    tensor([[3.5000, 0.0000, 0.0000, 3.5000, 3.5000]])
    """

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """Put ``value`` around the last two dimensions.

    >>> import chainrule as cr
    >>> cr.nn.ConstantPad2d(1, 2.0)(cr.zeros(1, 1, 1))
    tensor([[[2., 2., 2.],
             [2., 0., 2.],
             [2., 2., 2.]]])
    """

    _dims = 2


class ConstantPad3d(_ConstantPad):
    """Put ``value`` around the last three dimensions.

    >>> import chainrule as cr
    >>> cr.nn.ConstantPad3d(1, 2.0)(cr.zeros(1, 1, 1, 1)).shape
    torch.Size([1, 3, 3, 3])
    """

    _dims = 3


class ZeroPad1d(ConstantPad1d, _ZeroPad):
    """Put zeros around the last dimension.

    >>> import chainrule as cr
    >>> cr.nn.ZeroPad1d((0, 2))(cr.ones(1, 1, 2))
    tensor([[[1., 1., 0., 0.]]])
    """


class ZeroPad2d(ConstantPad2d, _ZeroPad):
    """Put zeros around the last two dimensions.

    >>> import chainrule as cr
    >>> cr.nn.ZeroPad2d((1, 0, 0, 1))(cr.ones(1, 1, 1))
    tensor([[[0., 1.],
             [0., 0.]]])
    """


class ZeroPad3d(ConstantPad3d, _ZeroPad):
    """Put zeros around the last three dimensions.

    >>> import chainrule as cr
    >>> cr.nn.ZeroPad3d(1)(cr.ones(1, 1, 1, 1)).sum()
    tensor(1.)
    """


class ReflectionPad1d(_Pad):
    """Continue the last dimension by its mirror image, the edge itself not repeated.

    >>> import chainrule as cr
    >>> cr.nn.ReflectionPad1d(2)(cr.tensor([[0.0, 1.0, 2.0]]))
    tensor([[2., 1., 0., 1., 2., 1., 0.]])
    """

    _dims, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Continue the last two dimensions by their mirror image.

    >>> import chainrule as cr
    >>> cr.nn.ReflectionPad2d((1, 0, 0, 0))(cr.tensor([[[0.0, 1.0]]]))
    tensor([[[1., 0., 1.]]])
    """

    _dims, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Continue the last three dimensions by their mirror image.

    >>> import chainrule as cr
    >>> cr.nn.ReflectionPad3d(1)(cr.zeros(1, 2, 2, 2)).shape
    torch.Size([1, 4, 4, 4])
    """

    _dims, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Repeat the edges of the last dimension.

    >>> import chainrule as cr
    >>> cr.nn.ReplicationPad1d(2)(cr.tensor([[0.0, 1.0]]))
    tensor([[0., 0., 0., 1., 1., 1.]])
    """

    _dims, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Repeat the edges of the last two dimensions.

    >>> import chainrule as cr
    >>> cr.nn.ReplicationPad2d((1, 0, 0, 0))(cr.tensor([[[0.0, 1.0]]]))
    tensor([[[0., 0., 1.]]])
    """

    _dims, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Repeat the edges of the last three dimensions.

    >>> import chainrule as cr
    >>> cr.nn.ReplicationPad3d(1)(cr.zeros(1, 2, 2, 2)).shape
    torch.Size([1, 4, 4, 4])
    """

    _dims, _mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Continue the last dimension from its other end, (N, C, L) or (C, L).

    >>> import chainrule as cr
    >>> cr.nn.CircularPad1d(1)(cr.tensor([[0.0, 1.0, 2.0]]))
    tensor([[2., 0., 1., 2., 0.]])
    """

    _dims, _mode = 1, "circular"


class CircularPad2d(_Pad):
    """Continue the last two dimensions from their other ends.

    >>> import chainrule as cr
    >>> cr.nn.CircularPad2d((1, 0, 0, 0))(cr.tensor([[[0.0, 1.0]]]))
    tensor([[[1., 0., 1.]]])
    """

    _dims, _mode = 2, "circular"


class CircularPad3d(_Pad):
    """Continue the last three dimensions from their other ends.

    >>> import chainrule as cr
    >>> cr.nn.CircularPad3d(1)(cr.zeros(1, 2, 2, 2)).shape
    torch.Size([1, 4, 4, 4])
    """

    _dims, _mode = 3, "circular"
