"""Pruning: entries or slices of a parameter set to 0 and kept there; the ways are in pruning.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...autograd.declare import names
from .pruning import (
    BasePruningMethod,
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    PruningContainer,
    RandomStructured,
    RandomUnstructured,
)
from .vector import parameters_to_vector

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]

_torch = names["torch"]


def identity(module: Any, name: str) -> Any:
    """Put a mask of ones on a parameter, without pruning anything.

    >>> import chainrule as cr
    >>> cr.nn.utils.prune.identity(cr.nn.Linear(2, 1), "bias").bias_mask
    tensor([1.])
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: Any) -> Any:
    """Prune entries at random: a share (float) or a number (int) of them.

    >>> import chainrule as cr
    >>> m = cr.nn.utils.prune.random_unstructured(cr.nn.Linear(2, 3), "weight", amount=1)
    >>> int((m.weight_mask == 0).sum())
    1
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: Any, importance_scores: Any = None) -> Any:
    """Prune the entries of the smallest magnitude (or importance): a share or a number of them.

    >>> import chainrule as cr
    >>> m = cr.nn.utils.prune.l1_unstructured(cr.nn.Linear(2, 3), "weight", amount=0.5)
    >>> sorted(m.state_dict())
    ['bias', 'weight_mask', 'weight_orig']
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: Any, dim: int) -> Any:
    """Prune slices along ``dim`` at random.

    >>> import chainrule as cr
    >>> m = cr.nn.utils.prune.random_structured(cr.nn.Linear(4, 3), "weight", amount=2, dim=1)
    >>> int((m.weight.sum(0) == 0).sum())
    2
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
) -> Any:
    """Prune the slices along ``dim`` of the smallest n-norm (n as in ``norm``).

    >>> import chainrule as cr
    >>> m = cr.nn.utils.prune.ln_structured(cr.nn.Linear(4, 4), "weight", 0.5, n=2, dim=0)
    >>> int((m.weight.abs().sum(1) == 0).sum())
    2
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Any, name: str, mask: Any) -> Any:
    """Prune where ``mask`` is 0.

    >>> import chainrule as cr
    >>> m = cr.nn.utils.prune.custom_from_mask(cr.nn.Linear(5, 1), "bias", cr.zeros(1))
    >>> abs(m.bias.item())
    0.0
    """
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Any, pruning_method: Any, importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prune entries of many parameters (module, name) as if they were one.

    >>> import chainrule as cr
    >>> prune, net = cr.nn.utils.prune, cr.nn.Sequential(cr.nn.Linear(4, 4), cr.nn.Linear(4, 1))
    >>> pairs = [(net[0], "weight"), (net[1], "weight")]
    >>> prune.global_unstructured(pairs, prune.L1Unstructured, amount=10)
    >>> int(sum((m.weight == 0).sum() for m in net))
    10
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    pairs, given = list(parameters), {} if importance_scores is None else importance_scores
    if not isinstance(given, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    values = [getattr(module, name) for module, name in pairs]
    scores = [given.get(pair, value) for pair, value in zip(pairs, values, strict=True)]
    masks = [
        getattr(module, name + "_mask", _torch["ones_like"](value))
        for (module, name), value in zip(pairs, values, strict=True)
    ]
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    method._tensor_name = "all"
    both = (parameters_to_vector(ts).detach() for ts in (scores, masks))
    mask = PruningContainer(method).compute_mask(*both)
    start = 0
    for (module, name), value in zip(pairs, values, strict=True):
        custom_from_mask(module, name, mask[start : start + value.numel()].view_as(value))
        start += value.numel()


def remove(module: Any, name: str) -> Any:
    """Make pruning permanent: a plain parameter with zeros; ValueError where nothing is pruned.

    >>> import chainrule as cr
    >>> prune = cr.nn.utils.prune
    >>> list(prune.remove(prune.identity(cr.nn.Linear(2, 1), "bias"), "bias").state_dict())
    ['weight', 'bias']
    """
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Any) -> bool:
    """Whether the module, or one below it, is pruned.

    >>> import chainrule as cr
    >>> cr.nn.utils.prune.is_pruned(cr.nn.Linear(2, 1))
    False
    """
    return any(
        isinstance(hook, BasePruningMethod)
        for part in module.modules()
        for hook in part._forward_pre_hooks.values()
    )
