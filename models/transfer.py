"""Transfer learning: keep what a network has learned, and train a part of it on a new task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import nn


def freeze(model: nn.Module, *keep: str) -> nn.Module:
    """Stop the training of all parameters but those whose names begin with one of ``keep``.

    Returns the model. Raises ValueError for a prefix that no parameter has.

    >>> from chainrule import models
    >>> net = models.freeze(models.lenet(), "classifier.4")
    >>> [name for name, p in net.named_parameters() if p.requires_grad]
    ['classifier.4.weight', 'classifier.4.bias']
    """
    model.requires_grad_(False)
    return unfreeze(model, *keep) if keep else model


def unfreeze(model: nn.Module, *names: str) -> nn.Module:
    """Train again the parameters whose names begin with one of ``names`` (none: all of them).

    >>> from chainrule import models
    >>> net = models.unfreeze(models.freeze(models.lenet()), "features.3", "classifier")
    >>> models.count_parameters(net, trainable=True)
    61550
    """
    named = dict(model.named_parameters())
    for prefix in names or ("",):
        chosen = [name for name in named if below(name, prefix)]
        if not chosen:
            raise ValueError(
                f"unfreeze: no parameter's name begins with {prefix!r}; the parts are "
                f"{', '.join(dict.fromkeys(name.split('.')[0] for name in named))}"
            )
        for name in chosen:
            named[name].requires_grad_(True)
    return model


def below(name: str, prefix: str) -> bool:
    """Whether a dotted name is ``prefix`` or lies below it."""
    return not prefix or name == prefix or name.startswith(prefix + ".")


def trainable(model: nn.Module) -> Iterator[nn.Parameter]:
    """The parameters that are not frozen: what an optimizer is given."""
    return (p for p in model.parameters() if p.requires_grad)


def train_mode(model: nn.Module) -> nn.Module:
    """``model.train()``, but modules whose parameters are all frozen stay in evaluation mode.

    Otherwise a frozen batch normalisation would go on moving its running mean and variance.

    >>> import chainrule as cr
    >>> net = cr.nn.Sequential(cr.nn.BatchNorm1d(2), cr.nn.Linear(2, 1))
    >>> [m.training for m in cr.models.train_mode(cr.models.freeze(net, "1"))]
    [False, True]
    """
    model.train()
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        if own and not any(p.requires_grad for p in own):
            module.training = False
    return model


def replace_head(model: nn.Module, num_classes: int) -> nn.Module:
    """Put a new linear map, with new initial values, in place of the last one; returns the model.

    Raises ValueError for a model without a linear map.

    >>> from chainrule import models
    >>> models.replace_head(models.resnet20(), 3).fc
    Linear(in_features=64, out_features=3, bias=True)
    """
    linear = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)]
    if not linear:
        raise ValueError(
            f"replace_head: {type(model).__name__} has no Linear module to replace; set its last "
            "layer yourself"
        )
    path, _, last = linear[-1].rpartition(".")
    old = model.get_submodule(linear[-1])
    new = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
    setattr(model.get_submodule(path), last, new)
    return model


def fine_tuning_groups(
    model: nn.Module, lr: float, head: str, slower: float = 0.1
) -> list[dict[str, Any]]:
    """Parameter groups for an optimizer: ``lr`` for the head, ``slower``·lr for the rest.

    >>> from chainrule import models, optim
    >>> groups = models.fine_tuning_groups(models.lenet(), 0.1, head="classifier.4")
    >>> [group["lr"] for group in optim.SGD(groups).param_groups]
    [0.1, 0.010000000000000002]
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    new = [p for name, p in named if below(name, head)]
    old = [p for name, p in named if not below(name, head)]
    if not new:
        raise ValueError(f"fine_tuning_groups: no parameter to train lies below {head!r}")
    return [{"params": new, "lr": lr}, *([{"params": old, "lr": slower * lr}] if old else [])]
