"""Max pooling at random places."""

from __future__ import annotations

from typing import Any, ClassVar

from ..autograd import Tensor
from ..autograd.declare import names
from .module import Module
from .sizes import as_tuple

F = names["F"]


class _FractionalMaxPool(Module):
    """The constructor and ``forward`` of both."""

    _dims: ClassVar[int]

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        n, name = self._dims, type(self).__name__
        self.kernel_size, self.return_indices = as_tuple(kernel_size, n), return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else as_tuple(output_size, n)
        self.output_ratio = None if output_ratio is None else as_tuple(output_ratio, n)
        if output_size is None and output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all([0 < r < 1 for r in self.output_ratio]):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        return F[f"fractional_max_pool{self._dims}d"](
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """Maxima of windows of (N, C, H, W) or (C, H, W) at random places, evaluation included.

    ``output_size`` of them, or ``output_ratio`` of the input's size. Raises ValueError unless
    exactly one is given. Source: Graham, "Fractional max-pooling", 2014.

    >>> import chainrule as cr
    >>> cr.nn.FractionalMaxPool2d(2, output_ratio=0.7)(cr.zeros(1, 3, 10, 20)).shape
    torch.Size([1, 3, 7, 14])
    """

    _dims = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """Maxima of windows of volumes at random places: see ``FractionalMaxPool2d``.

    >>> import chainrule as cr
    >>> cr.nn.FractionalMaxPool3d(2, output_size=3)(cr.zeros(3, 8, 8, 8)).shape
    torch.Size([3, 3, 3, 3])
    """

    _dims = 3
