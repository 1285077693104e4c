"""Ready-made parametrizations: weight and spectral normalization, orthogonal matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Tensor, no_grad
from ...autograd.declare import names
from ..module import Module
from . import parametrize
from .spectral_norm import as_matrix, output_dim, random_unit, unit
from .weight_norm import norm_except_dim, normalized

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

_torch, _linalg = names["torch"], names["linalg"]
MAPS = ("matrix_exp", "cayley", "householder")


def _weight(module: Any, name: str) -> Any:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


class _WeightNorm(Module):
    """g·v/‖v‖ of g and v."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        return normalized(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        """Length and direction of a weight."""
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Replace a weight by g·v/‖v‖: its length g and its direction v learn separately.

    ``parametrizations.<name>.original0`` is g, ``original1`` v; the norm is over all dimensions but
    ``dim`` (None: over all). State dicts of the older form (``name_g``, ``name_v``) load too.
    Source: Salimans & Kingma, "Weight Normalization", 2016.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.parametrizations.weight_norm(cr.nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape
    torch.Size([40, 1])
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict: Any, prefix: str, *rest: Any) -> None:
        old = [f"{prefix}{name}_{end}" for end in "gv"]
        if all(key in state_dict for key in old):
            for k, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{k}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


class _SpectralNorm(Module):
    """W/σ, σ the largest singular value by power iteration; of vectors, their norm."""

    _u: Any
    _v: Any

    def __init__(
        self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        n = weight.ndim
        if not -n <= dim < n:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{n}, {n - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps = dim % n, eps
        if n > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            u, v = (random_unit(weight, size, eps) for size in matrix.shape)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._iterate(matrix, 15)

    def _iterate(self, matrix: Any, n: int) -> None:
        with no_grad():
            for _ in range(n):
                self._u.copy_(unit(_torch["mv"](matrix, self._v), self.eps))
                self._v.copy_(unit(_torch["mv"](matrix.mT, self._u), self.eps))

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return unit(weight, self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next iteration edits the buffers
        return weight / _torch["vdot"](u, _torch["mv"](matrix, v))

    def right_inverse(self, value: Any) -> Any:
        """The value itself: it should be normalized already, or will be."""
        return value


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide a weight by its largest singular value, so that the layer stretches by 1 at most.

    The value is estimated by power iteration, ``n_power_iterations`` steps at each access in
    training. ``dim`` counts the outputs (0, for transposed convolution 1). Source: Miyato et al.,
    2018.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.parametrizations.spectral_norm(cr.nn.Linear(20, 40)).eval()
    >>> abs(cr.linalg.svdvals(layer.weight.detach())[0].item() - 1) < 0.1
    True
    """
    weight = _weight(module, name)
    dim = output_dim(module) if dim is None else dim
    made = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return parametrize.register_parametrization(module, name, made)


def _orthonormal(a: Any) -> Any:
    """Q of a = Q·R with a positive diagonal of R."""
    q, r = _linalg["qr"](a)
    return q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def _is_orthogonal(q: Any) -> bool:
    n, k = q.shape[-2:]
    eye = _torch["eye"](k, dtype=q.dtype)
    return bool(_torch["allclose"](q.mT @ q, eye, atol=10.0 * n * float(np.finfo(q.dtype.np).eps)))


class _Orthogonal(Module):
    """A matrix of any values made orthogonal by one of three maps, relative to ``base``."""

    def __init__(self, weight: Any, orthogonal_map: str, *, use_trivialization: bool) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Any) -> Any:
        wide = x.shape[-2] < x.shape[-1]
        x = x.mT if wide else x
        q = self._reflected(x) if self.orthogonal_map == "householder" else self._turned(x)
        if "base" in self._buffers:
            q = self.base @ q
        return q.mT if wide else q

    def _turned(self, x: Any) -> Any:
        """From a skew matrix A: exp(A), or Cayley's (1 − A/2)⁻¹(1 + A/2)."""
        n, k = x.shape[-2:]
        x = x.tril()
        if n != k:
            x = _torch["cat"]([x, x.new_zeros(*x.shape[:-1], n - k)], -1)
        a = x - x.mT
        if self.orthogonal_map == "matrix_exp":
            q = _torch["matrix_exp"](a)
        else:
            eye = _torch["eye"](n, dtype=a.dtype)
            q = _linalg["solve"](eye - 0.5 * a, eye + 0.5 * a)
        return q[..., :k] if n != k else q

    def _reflected(self, x: Any) -> Any:
        """A product of reflections along the columns below the diagonal."""
        a = x.tril(-1)
        tau = 2.0 / (1.0 + (a * a).sum(-2))
        signs = x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        return _linalg["householder_product"](a, tau) * signs

    def right_inverse(self, q: Any) -> Any:
        """What the map takes to ``q``, made orthogonal; with ``base`` that is remembered there."""
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of "
                f"shape {q.shape}."
            )
        with no_grad():
            wide = q.shape[-2] < q.shape[-1]
            tall = q.mT if wide else q
            if "base" not in self._buffers:
                found = self._without_base(tall)
                return found.mT if wide else found
            n, k = tall.shape[-2:]
            if n != k:
                more = _torch["randn"](*tall.shape[:-2], n, n - k, dtype=q.dtype)
                tall = _orthonormal(_torch["cat"]([tall, more], -1))
            else:
                tall = tall.clone() if _is_orthogonal(tall) else _orthonormal(tall)
            self.base = tall
            start = _torch["zeros_like"](q)
            start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
            return start

    def _without_base(self, q: Any) -> Any:
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        a, tau = _torch["geqrf"](q)
        signs = a.diagonal(dim1=-2, dim2=-1).sign()
        flat = tau == 0.0  # no reflection there
        signs[flat] = -signs[flat]
        a.diagonal(dim1=-2, dim2=-1).copy_(signs)
        return a


def orthogonal(
    module: Any,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Any:
    """Keep a matrix orthogonal (its shorter side orthonormal): QᵀQ = 1.

    ``orthogonal_map``: ``"matrix_exp"`` (square by default), ``"cayley"``, ``"householder"`` (by
    default where not square). Raises ValueError for a vector or another map. Source: Lezcano
    Casado, "Trivializations for Gradient-Based Optimization on Manifolds", 2019.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.parametrizations.orthogonal(cr.nn.Linear(20, 40))
    >>> q = layer.weight.detach()
    >>> cr.allclose(q.T @ q, cr.eye(20), atol=1e-5)
    True
    """
    weight = _weight(module, name)
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return parametrize.register_parametrization(module, name, made, unsafe=True)
