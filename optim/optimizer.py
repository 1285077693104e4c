"""Optimizer: parameter groups, state, hooks, and the way from a step to the arrays it edits."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from ..autograd import Tensor, modes, views
from ..autograd.dtypes import get_default_dtype
from ..autograd.handle import make, scalar_of
from ..autograd.hooks import RemovableHandle

ndarray = np.ndarray
HOOKS = ["step_pre", "step_post", "state_dict_pre", "state_dict_post"]
HOOKS += ["load_state_dict_pre", "load_state_dict_post"]
BLOCK = 1 << 15  # elements edited at a time: parameter, gradient, state and scratch fit in a cache


class _Required:
    """Marks a hyper-parameter that every group has to give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


class Optimizer:
    """Base of all optimizers: ``params`` are tensors, (name, tensor) pairs, or groups of either.

    A group is a dictionary with ``params`` and with options that replace ``defaults``. Subclasses
    define ``step``.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._prepare()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {params.type()}"
            )
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare(self) -> None:
        """What is neither saved nor copied: hooks and scratch memory."""
        for name in HOOKS:
            self.__dict__.setdefault(f"_optimizer_{name}_hooks", OrderedDict())
        self._pools: dict[Any, Any] = {}  # scratch memory by dtype
        self._scratch: dict[Any, Any] = {}  # its views by shape and dtype

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _hooked(cls.__dict__["step"])  # type: ignore[method-assign]

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for k, group in enumerate(self.param_groups):
            text += f"\nParameter Group {k}\n"
            shown = sorted(group.keys() - {"params"})
            text += "".join(f"    {key}: {group[key]}\n" for key in shown)
        return text + ")"

    # -- groups ---------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with options of its own; the others get the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        items = [given] if isinstance(given, Tensor) else list(given)
        names = [item[0] for item in items if isinstance(item, tuple)]
        param_group["params"] = [item[1] if isinstance(item, tuple) else item for item in items]
        if names and len(names) != len(items):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        if names:
            param_group["param_names"] = names
        for p in param_group["params"]:
            self._check_parameter(p)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        self._check_group(param_group)
        self.param_groups.append(param_group)

    def _check_parameter(self, p: Any) -> None:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}"
            )
        if not self.defaults.get("differentiable") and not (p.is_leaf or p.retains_grad):
            raise ValueError("can't optimize a non-leaf Tensor")

    def _check_group(self, new: dict[str, Any]) -> None:
        ids = {id(p) for p in new["params"]}
        if len(ids) != len(new["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information",
                stacklevel=4,
            )
        for group in self.param_groups:
            if ("param_names" in new) != ("param_names" in group):
                word = "with" if "param_names" in new else "without"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {word} names to the optimizer"
                )
            if any(id(p) in ids for p in group["params"]):
                raise ValueError("some parameters appear in more than one parameter group")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                grad = p.grad
                if grad is None:
                    continue
                if set_to_none:
                    p.grad = None
                elif grad.grad_fn is not None:
                    grad.detach_().zero_()
                else:
                    grad.requires_grad_(False).zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; ``closure`` computes the loss again and returns it."""
        raise NotImplementedError

    # -- from a step to the arrays --------------------------------------------------------------

    def _closure(self, closure: Callable[[], Any] | None) -> Any:
        """The loss that the closure computes, gradients recorded."""
        if closure is None:
            return None
        with modes.enable_grad():
            return closure()

    def _edit(self, p: Any, update: Callable[..., None], options: Any, *others: Any) -> None:
        """Run ``update(options, p, *others, s, t)`` on raw arrays; it writes into ``p`` in place.

        ``others`` are the gradient and the state as arrays; s and t are scratch arrays. Large
        parameters are edited block by block, so that a block stays in the cache for all of its
        passes; 0-d data that is a plain number is edited in a copy and put back.
        """
        data = p._data
        if type(data) is ndarray:
            if data.dtype.kind == "c":  # a complex number is optimized as two real ones
                for part in ("real", "imag"):
                    self._run(update, options, *[getattr(a, part) for a in (data, *others)])
            else:
                self._run(update, options, data, *others)
        else:
            held = np.array(data)
            self._run(update, options, held, *others)
            views.set_data(p, scalar_of(held[()]))
        views.bump(p, "an optimizer's step")

    def _run(self, update: Callable[..., None], options: Any, *arrays: Any) -> None:
        first = arrays[0]
        if first.size <= BLOCK:
            update(options, *arrays, *self._temporary(first))
            return
        if all([a.flags.c_contiguous for a in arrays]):
            arrays = tuple([a.reshape(-1) for a in arrays])
            first = arrays[0]
        rows = max(1, BLOCK * len(first) // first.size)
        for k in range(0, len(first), rows):
            part = [a[k : k + rows] for a in arrays]
            update(options, *part, *self._temporary(part[0]))

    def _temporary(self, like: Any) -> Any:
        """Two scratch arrays in the shape and dtype of an array, kept from step to step."""
        key = (like.shape, like.dtype)
        found = self._scratch.get(key)
        if found is None:
            pool = self._pools.get(like.dtype)
            if pool is None or pool.shape[1] < like.size:
                pool = self._pools[like.dtype] = np.empty((2, max(like.size, 1)), like.dtype)
                self._scratch.clear()  # what lies in the old memory
            found = tuple([row[: like.size].reshape(like.shape) for row in pool])
            self._scratch[key] = found
        return found

    # -- state ----------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return ``state`` (by parameter index) and ``param_groups`` (with indices for tensors)."""
        for hook in self._hooks("state_dict_pre"):
            hook(self)
        index: dict[int, int] = {}
        for k, p in enumerate(chain(*[group["params"] for group in self.param_groups])):
            index.setdefault(id(p), k)
        groups = [
            {
                **{key: value for key, value in group.items() if key != "params"},
                "params": [index[id(p)] for p in group["params"]],
            }
            for group in self.param_groups
        ]
        state = {index[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._hooks("state_dict_post"):
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take state and options from what ``state_dict`` returned, parameter by parameter.

        Raises ValueError where the groups or their sizes differ.
        """
        given: Any = dict(state_dict)
        for hook in self._hooks("load_state_dict_pre"):
            changed = hook(self, given)
            given = given if changed is None else changed
        groups, saved = self.param_groups, deepcopy(given["param_groups"])
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for group, other in zip(groups, saved, strict=True):
            if len(group["params"]) != len(other["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    "optimizer's group"
                )
        tensors: dict[Any, Any] = {}
        for group, other in zip(groups, saved, strict=True):
            tensors.update(zip(other["params"], group["params"], strict=True))
            other["params"] = group["params"]
            if "param_names" in group:
                other.setdefault("param_names", group["param_names"])
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in given["state"].items():
            if key in tensors:
                state[tensors[key]] = _adapted(tensors[key], value)
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._hooks("load_state_dict_post"):
            hook(self)

    # -- hooks ----------------------------------------------------------------------------------

    def _hooks(self, name: str) -> list[Any]:
        return list(self.__dict__[f"_optimizer_{name}_hooks"].values())

    def _register(self, name: str, hook: Callable[..., Any], first: bool = False) -> Any:
        hooks: OrderedDict[int, Any] = self.__dict__[f"_optimizer_{name}_hooks"]
        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        if first:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before a step; it may return new ones."""
        return self._register("step_pre", hook)  # type: ignore[no-any-return]

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after a step."""
        return self._register("step_post", hook)  # type: ignore[no-any-return]

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` before the state is written."""
        return self._register("state_dict_pre", hook, prepend)  # type: ignore[no-any-return]

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after it is written; it may return another."""
        return self._register("state_dict_post", hook, prepend)  # type: ignore[no-any-return]

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before the state is read; it may return another."""
        return self._register("load_state_dict_pre", hook, prepend)  # type: ignore[no-any-return]

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after the state is read."""
        return self._register("load_state_dict_post", hook, prepend)  # type: ignore[no-any-return]


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step with its hooks."""

    @functools.wraps(step)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__
        if own.get("_stepping"):  # the step of a subclass calls that of its base
            return step(self, *args, **kwargs)
        for hook in list(own["_optimizer_step_pre_hooks"].values()):
            changed = hook(self, (self, *args), kwargs)
            if changed is None:
                continue
            if not isinstance(changed, tuple) or len(changed) != 2:
                raise RuntimeError(
                    f"{step} must return None or a tuple of (new_args, new_kwargs), but got "
                    f"{changed}."
                )
            (self, *args), kwargs = changed
        own["_stepping"] = True
        try:
            result = step(self, *args, **kwargs)
        finally:
            own["_stepping"] = False
        for hook in list(own["_optimizer_step_post_hooks"].values()):
            hook(self, (self, *args), kwargs)
        return result

    return wrapped


def _adapted(p: Tensor, value: Any, key: Any = None) -> Any:
    """A copy of saved state in the dtype of its parameter; ``step`` keeps its own."""
    if isinstance(value, Tensor):
        data = np.array(value._data)
        if key != "step" and p.is_floating_point():
            data = data.astype(p.dtype.np)
        return make(data if key != "step" else scalar_of(data[()]))
    if isinstance(value, dict):
        return {k: _adapted(p, v, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return type(value)(_adapted(p, v) for v in value)  # type: ignore[call-arg]
    return value


def zeros_like(p: Any) -> Any:
    """Zeros for a parameter's state: a Tensor that owns an array, 0-d too."""
    return make(np.zeros_like(np.asarray(p._data)))


def step_count(start: float = 0.0) -> Any:
    """The number of steps taken, as PyTorch keeps it: a 0-d tensor of the default dtype."""
    return make(scalar_of(get_default_dtype().np.type(start)))


def number(value: Any) -> float:
    """A hyper-parameter as a Python float: it may be a one-element tensor or a NumPy number."""
    return float(value)
