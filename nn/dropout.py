"""Dropout as a layer."""

from __future__ import annotations

from typing import Any

from ..autograd.declare import names
from .module import Module

_dropout = names["F"]["dropout"]


class Dropout(Module):
    """In training, zero each element with probability ``p`` and scale the rest by 1/(1 − p).

    In evaluation mode it gives back its input. Raises ValueError unless 0 ≤ p ≤ 1.
    Source: Srivastava et al., "Dropout", 2014.

    >>> import chainrule as cr
    >>> layer = cr.nn.Dropout(0.2).eval()
    >>> layer, layer(cr.ones(3))
    (Dropout(p=0.2, inplace=False), tensor([1., 1., 1.]))
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Any:
        """Return the input with elements dropped."""
        return _dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The probability, and whether it writes into its input."""
        return f"p={self.p}, inplace={self.inplace}"
