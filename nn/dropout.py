"""Dropout: elements, whole channels, and the kind that keeps mean and variance."""

from __future__ import annotations

from typing import Any, ClassVar

from ..autograd.declare import names
from .declared import Layer, layer

F = names["F"]


@layer
class _Dropout(Layer):
    """What the layers share: ``p``, ``inplace``, and the function that drops."""

    p: float = 0.5
    inplace: bool = False
    _shown = "p={p}, inplace={inplace}"
    _function: ClassVar[str]

    def __post_init__(self, *_: Any) -> None:
        super().__post_init__()
        if self.p < 0 or self.p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {self.p}")

    def forward(self, input: Any) -> Any:
        return F[self._function](input, self.p, self.training, self.inplace)


class Dropout(_Dropout):
    """In training, zero each element with probability ``p`` and scale the rest by 1/(1 − p).

    In evaluation mode it gives back its input. Raises ValueError unless 0 ≤ p ≤ 1.
    Source: Srivastava et al., "Dropout", 2014.

    >>> import chainrule as cr
    >>> layer = cr.nn.Dropout(0.2).eval()
    >>> layer, layer(cr.ones(3))
    (Dropout(p=0.2, inplace=False), tensor([1., 1., 1.]))
    """

    _function = "dropout"


class Dropout1d(_Dropout):
    """In training, zero whole channels of (N, C, L) or (C, L) with probability ``p``.

    >>> import chainrule as cr
    >>> out = cr.nn.Dropout1d()(cr.ones(2, 8, 3))
    >>> out.unique().tolist(), bool((out[..., 0] == out[..., 2]).all())
    ([0.0, 2.0], True)
    """

    _function = "dropout1d"


class Dropout2d(_Dropout):
    """In training, zero whole channels of (N, C, H, W) or (C, H, W) with probability ``p``.

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2015.

    >>> import chainrule as cr
    >>> cr.nn.Dropout2d().eval()(cr.ones(1, 2, 3, 3)).sum()
    tensor(18.)
    """

    _function = "dropout2d"


class Dropout3d(_Dropout):
    """In training, zero whole channels of (N, C, D, H, W) or (C, D, H, W) with probability ``p``.

    >>> import chainrule as cr
    >>> cr.nn.Dropout3d(1.0)(cr.ones(1, 2, 3, 3, 3)).sum()
    tensor(0.)
    """

    _function = "dropout3d"


class AlphaDropout(_Dropout):
    """Dropout to SELU's lower bound, with scale and shift that keep mean 0 and variance 1.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.

    >>> import chainrule as cr
    >>> cr.nn.AlphaDropout(0.2).eval()(cr.ones(3))
    tensor([1., 1., 1.])
    """

    _function = "alpha_dropout"

    def forward(self, input: Any) -> Any:
        return F[self._function](input, self.p, self.training)


class FeatureAlphaDropout(AlphaDropout):
    """``AlphaDropout`` of whole channels.

    >>> import chainrule as cr
    >>> cr.nn.FeatureAlphaDropout(0.2).eval()(cr.ones(1, 2, 1))
    tensor([[[1.],
             [1.]]])
    """

    _function = "feature_alpha_dropout"
