"""Matrix factorisation X ≈ UVᵀ: completing ratings, and what a linear autoencoder learns."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..autograd.declare import names
from .registry import register

_torch = names["torch"]


def _pair() -> tuple[Any, Any]:
    return _torch["tensor"]([3]), _torch["tensor"]([5])


@register(
    "UVᵀ with biases for completing a table",
    'Koren, Bell and Volinsky, "Matrix factorization techniques for recommender systems"',
    2009,
    _pair,
    name="matrix_factorization",
)
class MatrixFactorization(nn.Module):
    """x̂_ij = u_i·v_j, with ``biases`` + μ + a_i + b_j: U (rows, rank), V (columns, rank).

    ``model(i, j)`` gives the entries of index tensors (N,); ``table()`` the whole matrix. Taught on
    the known entries only, it fills in the others. Source: Koren, Bell and Volinsky, 2009.

    >>> import chainrule as cr
    >>> model = MatrixFactorization(4, 6, rank=2)
    >>> model(cr.tensor([0, 3]), cr.tensor([5, 2])).shape, model.table().shape
    (torch.Size([2]), torch.Size([4, 6]))
    """

    def __init__(
        self, rows: int = 60, columns: int = 40, rank: int = 3, biases: bool = True
    ) -> None:
        super().__init__()
        self.U = nn.Parameter(0.1 * _torch["randn"](rows, rank))
        self.V = nn.Parameter(0.1 * _torch["randn"](columns, rank))
        for name, size in (("row_bias", (rows,)), ("column_bias", (columns,)), ("mean", ())):
            kept = nn.Parameter(_torch["zeros"](size)) if biases else None
            self.register_parameter(name, kept)

    def forward(self, i: Any, j: Any) -> Any:
        products = (self.U[i] * self.V[j]).sum(-1)
        if self.mean is None:
            return products
        return products + self.mean + self.row_bias[i] + self.column_bias[j]

    def table(self) -> Any:
        """All entries (rows, columns)."""
        whole = self.U @ self.V.T
        if self.mean is None:
            return whole
        return whole + self.mean + self.row_bias[:, None] + self.column_bias

    def loss(self, i: Any, j: Any, x: Any, penalty: float = 0.0) -> Any:
        """Mean (x̂_ij − x_ij)² over the given entries + penalty·(‖U‖² + ‖V‖²)/entries."""
        size = (self.U**2).sum() + (self.V**2).sum()
        return ((self(i, j) - x) ** 2).mean() + penalty * size / len(x)


def truncated_svd(x: Any, rank: int) -> tuple[Any, Any, Any]:
    """The best U (N, rank) and V (D, rank) for X ≈ UVᵀ, and the squared error that remains.

    The error is Σ σ_k² of the singular values left out, and no other UVᵀ of this rank has less.
    Source: Eckart and Young, 1936.

    >>> import chainrule as cr
    >>> u, v, error = truncated_svd(cr.tensor([[3.0, 0.0], [0.0, 1.0]]), 1)
    >>> (u @ v.T).round(), error
    (tensor([[3., 0.],
            [0., 0.]]), tensor(1.))
    """
    left, sizes, right = names["linalg"]["svd"](x, full_matrices=False)
    return left[:, :rank] * sizes[:rank], right[:rank].T, (sizes[rank:] ** 2).sum()


def as_factorization(autoencoder: nn.Module, x: Any) -> tuple[Any, Any]:
    """The U (N, k) and V (D, k) of a linear autoencoder: x̂ = (X Eᵀ) Dᵀ, so U = X Eᵀ and V = D.

    ``autoencoder.encoder`` (k, D) and ``autoencoder.decoder`` (D, k) are linear layers without
    bias. Trained on the squared error it cannot beat ``truncated_svd``, and reaches it: the tie
    between the two. Source: Baldi and Hornik, "Neural networks and principal component
    analysis", 1989.

    >>> import chainrule as cr
    >>> from chainrule.models.autoencoders import LinearAutoencoder
    >>> net = LinearAutoencoder(6, 2)
    >>> x = cr.randn(10, 6)
    >>> U, V = as_factorization(net, x)
    >>> (U @ V.T).allclose(net(x), atol=1e-6)
    True
    """
    encoder: Any = autoencoder.encoder
    decoder: Any = autoencoder.decoder
    for layer in (encoder, decoder):
        if not isinstance(layer, nn.Linear) or layer.bias is not None:
            raise ValueError(
                f"as_factorization: encoder and decoder must be Linear without bias, got {layer}"
            )
    return encoder(x).detach(), decoder.weight.detach()
