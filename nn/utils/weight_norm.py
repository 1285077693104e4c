"""Weight normalization: a weight's length and direction as separate parameters, as a hook."""

from __future__ import annotations

import warnings
from typing import Any

from ..parameter import Parameter

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]


def norm_except_dim(v: Any, dim: int) -> Any:
    """The 2-norm over all dimensions but ``dim``, which stay with size 1; of all for −1."""
    if dim == -1:
        return v.norm()
    others = [d for d in range(v.dim()) if d != dim % v.dim()]
    return (v * v).sum(others, keepdim=True).sqrt() if others else v.abs()


def normalized(v: Any, g: Any, dim: int) -> Any:
    """g·v/‖v‖: the weight of length g along v."""
    return v * (g / norm_except_dim(v, dim))


class WeightNorm:
    """The hook that computes ``name`` from ``name_g`` and ``name_v`` before each forward."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Any) -> Any:
        """g·v/‖v‖ of the module's parameters."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return normalized(v, g, self.dim)

    @staticmethod
    def apply(module: Any, name: str, dim: int | None) -> WeightNorm:
        """Put the two parameters and the hook in place of the weight."""
        hooks = module._forward_pre_hooks.values()
        if any(isinstance(h, WeightNorm) and h.name == name for h in hooks):
            raise RuntimeError(
                f"Cannot register two weight_norm hooks on the same parameter {name}"
            )
        made = WeightNorm(name, dim)
        weight = getattr(module, name).detach()
        del module._parameters[name]
        module.register_parameter(name + "_g", Parameter(norm_except_dim(weight, made.dim)))
        module.register_parameter(name + "_v", Parameter(weight))
        setattr(module, name, made.compute_weight(module))
        module.register_forward_pre_hook(made)
        return made

    def remove(self, module: Any) -> None:
        """Put the weight back as one parameter."""
        weight = self.compute_weight(module).detach()
        for name in (self.name, self.name + "_g", self.name + "_v"):
            delattr(module, name)
        setattr(module, self.name, Parameter(weight))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Replace a weight by g·v/‖v‖, with parameters ``name_g`` and ``name_v`` (older form).

    The norm is over all dimensions but ``dim`` (None: over all). Warns FutureWarning:
    ``parametrizations.weight_norm`` has taken its place. Source: Salimans & Kingma, 2016.

    >>> import warnings, chainrule as cr
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     layer = cr.nn.utils.weight_norm(cr.nn.Linear(20, 40))
    >>> layer.weight_g.shape, layer.weight_v.shape
    (torch.Size([40, 1]), torch.Size([40, 20]))
    """
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of "
        "`torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undo ``weight_norm``; raises ValueError where there is none.

    >>> import chainrule as cr
    >>> try: cr.nn.utils.remove_weight_norm(cr.nn.Linear(2, 2))
    ... except ValueError as e: print(str(e)[:30])
    weight_norm of 'weight' not fo
    """
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
