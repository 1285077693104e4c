"""Calling a module with other parameters: the way from modules to functions of their parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...autograd import Tensor
from ...autograd.declare import names
from ..module import Module

KINDS = ("_parameters", "_buffers")
MISSING: Any = object()


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with these tensors in place of its parameters and buffers.

    Names are those of ``named_parameters()`` and ``named_buffers()``; what is not named keeps its
    value. A tensor that the module holds under several names is replaced under all
    (``tie_weights``). With ``strict``, all must be named and no other. The module is left as it
    was; buffers that the call replaced are written back to the dictionary.

    >>> import chainrule as cr
    >>> layer = cr.nn.Linear(2, 1, bias=False)
    >>> weights = {"weight": cr.tensor([[1.0, 10.0]])}
    >>> cr.func.functional_call(layer, weights, (cr.tensor([2.0, 3.0]),))
    tensor([32.])
    """
    given = _merged(parameter_and_buffer_dicts)
    positional = () if args is None else tuple(args) if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*positional, **(kwargs or {}))


def _merged(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, (tuple, list)) or not all(isinstance(d, dict) for d in dicts):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    merged: dict[str, Any] = {}
    for d in dicts:
        for key, value in d.items():
            if key in merged:
                raise ValueError(
                    f"{key} appeared in multiple dictionaries; behavior of functional call is "
                    "ambiguous"
                )
            merged[key] = value
    return merged


def _places(module: Module) -> dict[str, tuple[dict[str, Any], str]]:
    """Every parameter and buffer by its path: the dictionary that holds it, and its key there."""
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for kind in KINDS:
            held = part.__dict__[kind]
            for key in held:
                found[f"{path}.{key}" if path else key] = (held, key)
    return found


@contextmanager
def _replaced(
    module: Module, given: dict[str, Any], tie_weights: bool, strict: bool
) -> Iterator[None]:
    """The module with other tensors, while the block runs."""
    places = _places(module)
    values = _tied(given, places) if tie_weights else dict(given)
    if strict:
        _check_strict(type(module).__name__, values, places)
    for key, value in values.items():
        if key not in places:  # a plain attribute
            path, _, name = key.rpartition(".")
            places[key] = (module.get_submodule(path).__dict__, name)
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"{value} is not an instance of torch.Tensor")
    before = {key: held.get(name, MISSING) for key, (held, name) in places.items() if key in values}
    try:
        for key, value in values.items():
            held, name = places[key]
            held[name] = value
        yield
    finally:
        for key, value in before.items():
            held, name = places[key]
            if key in given and held.get(name) is not values[key]:
                given[key] = held.get(name)
            if value is MISSING:
                held.pop(name, None)
            else:
                held[name] = value


def _tied(given: dict[str, Any], places: dict[str, Any]) -> dict[str, Any]:
    """What is given, under every name of each tensor."""
    groups: dict[int, list[str]] = {}
    for key, (held, name) in places.items():
        if held[name] is not None:
            groups.setdefault(id(held[name]), []).append(key)
    values = dict(given)
    for group in groups.values():
        named = [key for key in group if key in given]
        if len({id(given[key]) for key in named}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(named)}, which are tied. "
                "Consider using tie_weights=False"
            )
        values |= {key: given[named[0]] for key in group if named}
    return values


def _check_strict(owner: str, values: dict[str, Any], places: dict[str, Any]) -> None:
    held = [key for key, (tensors, name) in places.items() if tensors[name] is not None]
    lists = {
        "Unexpected": [key for key in values if key not in places],
        "Missing": [key for key in held if key not in values],
    }
    lines = [
        f"\n\t{word} key(s): {', '.join(map(repr, keys))}." for word, keys in lists.items() if keys
    ]
    if lines:
        raise RuntimeError(f"Error(s) in reparametrizing for {owner}:" + "".join(lines))


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of several modules of one class, stacked: for ``vmap``.

    Each tensor has one row a model; parameters are new leaves. Raises RuntimeError for no model,
    and for models that differ in class or in training mode.

    >>> import chainrule as cr
    >>> params, buffers = cr.func.stack_module_state([cr.nn.Linear(2, 1) for _ in range(3)])
    >>> {name: p.shape for name, p in params.items()}
    {'weight': torch.Size([3, 1, 2]), 'bias': torch.Size([3, 1])}
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return (
        {key: _stacked([p[key] for p in params]) for key in params[0]},
        {key: _stacked([b[key] for b in buffers]) for key in buffers[0]},
    )


def _stacked(tensors: list[Tensor]) -> Any:
    wanted = {t.requires_grad for t in tensors}
    if len(wanted) > 1:
        raise RuntimeError(
            "Expected tensors from each model to have the same .requires_grad: freeze the same "
            "parameters in all"
        )
    stacked = names["torch"]["stack"]([t.detach() for t in tensors])
    return stacked.requires_grad_() if wanted == {True} else stacked


__all__ = ["functional_call", "stack_module_state"]
