"""Layers that change the shape and nothing else."""

from __future__ import annotations

from typing import Any

from .module import Module


class Flatten(Module):
    """Flatten the dimensions from ``start_dim`` (1: all but the batch) to ``end_dim``.

    >>> import chainrule as cr
    >>> cr.nn.Flatten()(cr.zeros(32, 8, 8)).shape
    torch.Size([32, 64])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Any:
        """Return the flattened input: a view where it can be."""
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split the dimension ``dim`` into ``unflattened_size``, of which one size may be −1.

    >>> import chainrule as cr
    >>> cr.nn.Unflatten(1, (8, 8))(cr.zeros(32, 64)).shape
    torch.Size([32, 8, 8])
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                "unflattened_size must be a tuple of ints, but found type "
                f"{type(unflattened_size).__name__}"
            )
        for k, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(size).__name__} at pos {k}"
                )
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Any) -> Any:
        """Return the input in its new shape: a view where it can be."""
        n = input.size(self.dim)
        known = 1
        for size in self.unflattened_size:
            known *= size if size != -1 else 1
        if (n % known if -1 in self.unflattened_size and known else n != known) or (
            list(self.unflattened_size).count(-1) > 1
        ):
            raise RuntimeError(
                f"unflatten: Provided sizes {list(self.unflattened_size)} don't multiply up to "
                f"the size of dim {self.dim} ({n}) in the input tensor"
            )
        at = self.dim % input.ndim
        sizes = [n // known if size == -1 and known else size for size in self.unflattened_size]
        return input.reshape(*input.shape[:at], *sizes, *input.shape[at + 1 :])

    def extra_repr(self) -> str:
        """The dimension and its new sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
