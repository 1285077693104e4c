"""Writing a module's state to a dictionary, and reading it back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..autograd import Tensor, no_grad
from ..autograd.hooks import RemovableHandle
from .parameter import Parameter, is_lazy
from .tree import Tree

EXTRA = "_extra_state"


class StateDict(OrderedDict[str, Any]):
    """Tensors by path, with the version of each module in ``_metadata``."""

    _metadata: Any

    def __repr__(self) -> str:
        return f"OrderedDict({list(self.items())!r})"


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` did not find, and what it did not expect."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys!r}, "
            f"unexpected_keys={self.unexpected_keys!r})"
        )


class State(Tree):
    """``state_dict`` and ``load_state_dict``: the part of Module that is saved."""

    _version: int = 1
    _state_dict_hooks: dict[int, Any]
    _state_dict_pre_hooks: dict[int, Any]
    _load_state_dict_pre_hooks: dict[int, Any]
    _load_state_dict_post_hooks: dict[int, Any]

    def get_extra_state(self) -> Any:
        """What the state holds beside tensors; define it together with ``set_extra_state``."""
        raise RuntimeError(
            f"{type(self).__name__} has no extra state: define get_extra_state() and "
            "set_extra_state() together"
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what ``get_extra_state`` gave."""
        raise RuntimeError(
            f"{type(self).__name__} has no extra state: define get_extra_state() and "
            "set_extra_state() together"
        )

    # -- writing --------------------------------------------------------------------------------

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Write this module's own tensors; ``state_dict`` calls it on every module."""
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
        if type(self).get_extra_state is not State.get_extra_state:
            destination[prefix + EXTRA] = self.get_extra_state()

    def _own_state(self) -> dict[str, Tensor]:
        hidden = self._non_persistent_buffers_set
        buffers = {k: v for k, v in self._buffers.items() if k not in hidden}
        members = {**self._parameters, **buffers}
        return {k: v for k, v in members.items() if v is not None}

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """Return the parameters and persistent buffers by path, in order.

        The tensors share memory with the module's, detached unless ``keep_vars``; tied weights
        stand under each of their names.

        >>> import chainrule as cr
        >>> {k: tuple(v.shape) for k, v in cr.nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        if destination is None:
            destination = StateDict()
            destination._metadata = OrderedDict()
        local = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in self._state_dict_hooks.values():
            if hook(self, destination, prefix, local) is not None:
                raise RuntimeError("state_dict post-hook must return None")
        return destination

    # -- reading --------------------------------------------------------------------------------

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Read this module's own tensors; ``load_state_dict`` calls it on every module."""
        lists = (missing_keys, unexpected_keys, error_msgs)
        for hook in self._load_state_dict_pre_hooks.values():
            hook(self, state_dict, prefix, local_metadata, strict, *lists)
        own = self._own_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, value in own.items():
            key = prefix + name
            if key in state_dict:
                problem = self._take(name, value, key, state_dict[key], assign)
                if problem is not None:
                    error_msgs.append(problem)
            elif strict:
                missing_keys.append(key)
        extra = prefix + EXTRA
        wants_extra = type(self).set_extra_state is not State.set_extra_state
        if extra in state_dict and wants_extra:
            self.set_extra_state(state_dict[extra])
        elif strict and wants_extra:
            missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra:
                    head, dot, _ = key[len(prefix) :].partition(".")
                    if head not in (self._modules if dot else own):
                        unexpected_keys.append(key)

    def _take(self, name: str, value: Tensor, key: str, given: Any, assign: bool) -> str | None:
        """Copy one tensor into its place (or put it there), or say why that cannot be."""
        if not isinstance(given, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
                f"object from checkpoint but received {type(given)}"
            )
        if is_lazy(value):  # then so is what is given, or a hook had made them alike
            return None
        if not value.shape and given.shape == (1,):
            given = given[0]  # written so before PyTorch 0.4
        if given.shape != value.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {given.shape} from "
                f"checkpoint, the shape in current model is {value.shape}."
            )
        try:
            with no_grad():
                if not assign:
                    value.copy_(given)
                elif not isinstance(value, Parameter):
                    setattr(self, name, given)
                elif isinstance(given, Parameter):
                    setattr(self, name, given.requires_grad_(value.requires_grad))
                else:
                    setattr(self, name, Parameter(given, requires_grad=value.requires_grad))
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{value.shape} and whose dimensions in the checkpoint are {given.shape}, an "
                f"exception occurred : {error.args}."
            )
        return None

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of a ``state_dict`` into this module's tensors.

        Returns the missing and the unexpected keys, which ``strict`` turns into a RuntimeError;
        shapes that differ are an error always. ``assign`` puts the given tensors themselves in
        place of the module's, keeping ``requires_grad``.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None) or {}
        found = IncompatibleKeys([], [])
        problems: list[str] = []
        copied = StateDict(state_dict)  # a hook may change it
        copied._metadata = metadata
        self._load_tree(copied, "", metadata, assign, found, problems)
        if strict:
            for kind, keys in (("Unexpected", found[1]), ("Missing", found[0])):
                if keys:
                    listed = ", ".join(f'"{k}"' for k in keys)
                    problems.insert(0, f"{kind} key(s) in state_dict: {listed}. ")
        if problems:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(problems)
            )
        return found

    def _load_tree(
        self,
        state_dict: Any,
        prefix: str,
        metadata: Any,
        assign: bool,
        found: IncompatibleKeys,
        problems: list[str],
    ) -> None:
        local = dict(metadata.get(prefix[:-1], {}))
        if assign:
            local["assign_to_params_buffers"] = True
        self._load_from_state_dict(state_dict, prefix, local, True, *found, problems)
        for name, child in self._modules.items():
            if child is not None:
                inner = f"{prefix}{name}."
                part = {k: v for k, v in state_dict.items() if k.startswith(inner)}
                child._load_tree(part, inner, metadata, assign, found, problems)
        for hook in self._load_state_dict_post_hooks.values():
            if hook(self, found) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )

    # -- hooks ----------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the state is written."""
        return keep(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after it is written."""
        return keep(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)`` before the state is read.
        """
        return keep(self._load_state_dict_pre_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older form of ``register_state_dict_post_hook``."""
        return keep(self._state_dict_hooks, hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        """The older form of ``register_load_state_dict_pre_hook``, its hook without ``module``."""
        seen = hook if with_module else _WithoutModule(hook)
        return keep(self._load_state_dict_pre_hooks, seen)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after the state is read."""
        return keep(self._load_state_dict_post_hooks, hook)


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Take a prefix such as "module." off the keys of a state, in place.

    >>> state = {"module.weight": 1, "bias": 2}
    >>> consume_prefix_in_state_dict_if_present(state, "module.")
    >>> state
    {'bias': 2, 'weight': 1}
    """
    for key in [k for k in state_dict if k.startswith(prefix)]:
        state_dict[key[len(prefix) :]] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None) or {}
    for key in list(metadata):
        if key == prefix.rstrip("."):
            metadata.pop(key)
        elif key.startswith(prefix):
            metadata[key[len(prefix) :]] = metadata.pop(key)


class _WithoutModule:
    """A hook called with all arguments but the first (a class, so that it can be pickled)."""

    def __init__(self, hook: Callable[..., Any]) -> None:
        self.hook = hook

    def __call__(self, module: Any, *args: Any) -> None:
        self.hook(*args)


def keep(hooks: dict[int, Any], hook: Callable[..., Any]) -> RemovableHandle:
    """Register a hook in its dictionary."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle
