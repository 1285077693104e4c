"""Spectral normalization: a weight divided by its largest singular value, as a hook.

Source: Miyato et al., "Spectral Normalization for Generative Adversarial Networks", 2018.
"""

from __future__ import annotations

from typing import Any

from ...autograd import no_grad
from ...autograd.declare import names
from ..parameter import Parameter

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]

_mv, _dot, _normalize = names["torch"]["mv"], names["torch"]["dot"], names["F"]["normalize"]


def as_matrix(weight: Any, dim: int) -> Any:
    """The weight with ``dim`` as rows and everything else as columns."""
    if dim:
        weight = weight.permute(dim, *[d for d in range(weight.dim()) if d != dim])
    return weight.reshape(weight.shape[0], -1)


def unit(t: Any, eps: float) -> Any:
    """A vector of length 1."""
    return _normalize(t, dim=0, eps=eps)


def random_unit(weight: Any, n: int, eps: float) -> Any:
    """A random vector of length 1, in the dtype of ``weight``."""
    return unit(weight.detach().new_empty(n).normal_(0, 1), eps)


def output_dim(module: Any) -> int:
    """The weight's dimension that counts outputs: 1 for transposed convolution."""
    return 1 if "ConvTranspose" in "".join(c.__name__ for c in type(module).__mro__) else 0


class SpectralNorm:
    """The hook that computes ``name`` from ``name_orig`` before each forward.

    ``name_u`` and ``name_v`` estimate the first singular vectors by power iteration, one or more
    steps a training call.
    """

    _version = 1

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Any:
        """W/σ with σ = uᵀWv."""
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(unit(_mv(matrix.t(), u), self.eps))
                    u.copy_(unit(_mv(matrix, v), self.eps))
                u, v = u.clone(), v.clone()  # the next iteration edits the buffers
        return weight / _dot(u, _mv(matrix, v))

    @staticmethod
    def apply(
        module: Any, name: str, n_power_iterations: int, dim: int, eps: float
    ) -> SpectralNorm:
        """Put the original, the singular vectors and the hook in place of the weight."""
        hooks = module._forward_pre_hooks.values()
        if any(isinstance(h, SpectralNorm) and h.name == name for h in hooks):
            raise RuntimeError(
                f"Cannot register two spectral_norm hooks on the same parameter {name}"
            )
        made = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        rows, columns = as_matrix(weight.detach(), dim).shape
        u, v = (random_unit(weight, n, eps) for n in (rows, columns))
        delattr(module, name)
        module.register_parameter(name + "_orig", weight)
        setattr(module, name, weight.detach())
        module.register_buffer(name + "_u", u)
        module.register_buffer(name + "_v", v)
        module.register_forward_pre_hook(made)
        module._register_state_dict_hook(_StateDictHook(made))
        return made

    def remove(self, module: Any) -> None:
        """Put the normalized weight back as one parameter."""
        with no_grad():
            weight = self.compute_weight(module, False)
        for end in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + end)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


class _StateDictHook:
    """Notes the version in the metadata of a ``state_dict``, as PyTorch does."""

    def __init__(self, hook: SpectralNorm) -> None:
        self.hook = hook

    def __call__(self, module: Any, state_dict: Any, prefix: str, local: Any) -> None:
        local.setdefault("spectral_norm", {})[f"{self.hook.name}.version"] = self.hook._version


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divide a weight by its largest singular value, so that the layer stretches by 1 at most.

    Older form of ``parametrizations.spectral_norm``: parameter ``name_orig``, buffers ``name_u``,
    ``name_v``.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.spectral_norm(cr.nn.Linear(20, 40))
    >>> layer.weight_u.shape
    torch.Size([40])
    """
    dim = output_dim(module) if dim is None else dim
    SpectralNorm.apply(module, name, n_power_iterations, dim, eps)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Undo ``spectral_norm``; raises ValueError where there is none.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.spectral_norm(cr.nn.Linear(2, 4))
    >>> cr.nn.utils.remove_spectral_norm(layer)
    Linear(in_features=2, out_features=4, bias=True)
    """
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, SpectralNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            break
    else:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    for key, hook in list(module._state_dict_hooks.items()):
        if isinstance(hook, _StateDictHook) and hook.hook.name == name:
            del module._state_dict_hooks[key]
    return module
