"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...autograd import Tensor
from ...autograd.declare import names
from ..parameter import typename


def parameters_to_vector(parameters: Iterable[Tensor]) -> Any:
    """Return all elements of the parameters, in order, as one vector; gradient flows back.

    >>> import chainrule as cr
    >>> parameters_to_vector([cr.ones(2, 1), cr.zeros(1)])
    tensor([1., 1., 0.])
    """
    parts: list[Any] = list(parameters)
    return names["torch"]["cat"]([p.reshape(-1) for p in parts])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give each parameter, in order, its stretch of ``vec``: the two share memory then.

    >>> import chainrule as cr
    >>> layer = cr.nn.Linear(2, 1)
    >>> vector_to_parameters(cr.tensor([1.0, 2.0, 3.0]), layer.parameters())
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[1.0, 2.0]], [3.0])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    data: Any = vec.detach()
    start = 0
    for p in parameters:
        n = p.numel()
        p.data = data[start : start + n].view(p.shape)
        start += n
