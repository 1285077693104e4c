"""Parametrizations: a parameter computed by modules from others, whenever it is asked for."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...autograd import Tensor, no_grad
from ..container import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]


class _Cache:
    """Computed tensors by module and name, while somebody asked to keep them."""

    depth = 0
    known: dict[tuple[int, str], Any]

    def __init__(self) -> None:
        self.known = {}


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once within the block: for those used many times.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.parametrizations.weight_norm(cr.nn.Linear(2, 2))
    >>> with cr.nn.utils.parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.known.clear()


def _register(module: Module, name: str, tensor: Any) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _must_be(what: str, expected: Tensor, found: Tensor, hint: str = "") -> None:
    """Raise ValueError where dtype or shape differ."""
    for fact in ("dtype", "shape"):
        a, b = getattr(expected, fact), getattr(found, fact)
        if a != b:
            raise ValueError(f"{what} may not change the {fact} of the tensor{hint}: {a} to {b}")


def _tensor(what: str, value: Any) -> Any:
    if not isinstance(value, Tensor):
        raise ValueError(f"{what} must return a tensor. Got {type(value).__name__}.")
    return value


UNSAFE = ", unless `unsafe` flag is enabled"


class ParametrizationList(ModuleList):
    """The modules that compute one tensor, first to last, and what they compute it from.

    ``original``, or ``original0``, ``original1``, … where the first module takes several tensors.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.parametrizations.weight_norm(cr.nn.Linear(3, 2))
    >>> [(k, tuple(p.shape)) for k, p in layer.parametrizations.weight.named_parameters()]
    [('original0', (2, 1)), ('original1', (2, 3))]
    """

    def __init__(self, modules: Sequence[Module], original: Any, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before = original.detach().clone()
        with no_grad():
            new: Any = self._back(original, strict=False)
        if not isinstance(new, (Tensor, tuple, list)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            if new.dtype != original.dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {original.dtype}\n"
                    f"right_inverse(original).dtype: {new.dtype}"
                )
            original.data = new.detach()
            _register(self, "original", original)
        else:
            for k, part in enumerate(new):
                _tensor(f"'right_inverse' (element {k})", part)
                own = part.detach()
                if isinstance(original, Parameter):
                    own = Parameter(own, original.requires_grad)
                _register(self, f"original{k}", own)
        if not unsafe:
            value = _tensor("A parametrization", self())
            _must_be("Registering a parametrization", before, value, UNSAFE)

    def _back(self, value: Any, strict: bool) -> Any:
        """The originals of a value: the inverses, last to first."""
        for module in reversed(list(self._modules.values())):
            inverse = getattr(module, "right_inverse", None)
            if inverse is None:
                if strict:
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                continue
            try:
                value = inverse(value)
            except NotImplementedError:
                if strict:
                    raise
        return value

    def right_inverse(self, value: Any) -> None:
        """Set the originals so that the tensor becomes ``value``."""
        with no_grad():
            value = self._back(value, strict=True)
            names = (
                ["original"] if self.is_tensor else [f"original{k}" for k in range(self.ntensors)]
            )
            parts = [value] if self.is_tensor else value
            if not self.is_tensor and (
                not isinstance(value, (tuple, list)) or len(value) != self.ntensors
            ):
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors of length {self.ntensors}, "
                    f"got {value!r}"
                )
            for name, part in zip(names, parts, strict=True):
                held, own = _tensor("`right_inverse`", part), getattr(self, name)
                if held.dtype != own.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {held.dtype} while "
                        f"`{name}` has dtype {own.dtype}"
                    )
                own.data = held.detach()

    def forward(self) -> Any:
        """Compute the tensor."""
        first, *rest = self._modules.values()
        if self.is_tensor:
            x = first(self.original)
        else:
            x = first(*[getattr(self, f"original{k}") for k in range(self.ntensors)])
        for module in rest:
            x = module(x)
        return x


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    """A copy with the same class; ``__getstate__`` is refused, so the usual way is closed."""
    replica = memo[id(self)] = self.__new__(type(self))
    replica.__dict__ = copy.deepcopy(self.__dict__, memo)
    return replica


def _getstate(self: Any) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict()."
    )


def _inject_class(module: Any) -> None:
    """Give the module a class of its own, where its properties may live."""
    cls = type(module)
    members: dict[str, Any] = {"__getstate__": _getstate}
    if not hasattr(cls, "__deepcopy__"):
        members["__deepcopy__"] = _deepcopy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), members)


def _inject_property(module: Any, name: str) -> None:
    def get(self: Any) -> Any:
        if not _cache.depth:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache.known:
            _cache.known[key] = self.parametrizations[name]()
        return _cache.known[key]

    def put(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, put))


def _append(module: Any, name: str, parametrization: Any, unsafe: bool) -> None:
    """One more parametrization of a tensor that has one."""
    if not unsafe:
        y = getattr(module, name)
        x = _tensor("A parametrization", parametrization(y))
        _must_be("Registering a parametrization", y, x, UNSAFE)
        if hasattr(parametrization, "right_inverse"):
            try:
                z = parametrization.right_inverse(x)
            except NotImplementedError:
                z = y
            _must_be("parametrization.right_inverse", y, _tensor("right_inverse", z), UNSAFE)
    module.parametrizations[name].append(parametrization)
    module.parametrizations[name].unsafe |= unsafe


def register_parametrization(
    module: Any, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Any:
    """Make a parameter or buffer the value of ``parametrization(original)``, computed on access.

    The original stands in ``module.parametrizations.<name>.original``; a method ``right_inverse``
    of the parametrization maps a value to its original, for assignments. Several may be registered
    one after the other. Raises ValueError unless dtype and shape stay (``unsafe``: not checked).

    >>> import chainrule as cr
    >>> class Symmetric(cr.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = cr.nn.Linear(3, 3)
    >>> layer = cr.nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all()), layer
    (True, ParametrizedLinear(
      in_features=3, out_features=3, bias=True
      (parametrizations): ModuleDict(
        (weight): ParametrizationList(
          (0): Symmetric()
        )
      )
    ))
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        _append(module, tensor_name, parametrization, unsafe)
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        made = ParametrizationList([parametrization], original, unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _inject_class(module)
            module.parametrizations = ModuleDict()
        _inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = made
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or one of ``tensor_name``.

    >>> import chainrule as cr
    >>> cr.nn.utils.parametrize.is_parametrized(cr.nn.Linear(2, 2))
    False
    """
    found = module.__dict__.get("_modules", {}).get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make the tensor a plain one again: its computed value, or the original it had.

    Raises ValueError where it is not parametrized, or where it was computed from several tensors
    and none of them can take its place.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.parametrizations.weight_norm(cr.nn.Linear(2, 2))
    >>> cr.nn.utils.parametrize.remove_parametrizations(layer, "weight")
    Linear(in_features=2, out_features=2, bias=True)
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    made = module.parametrizations[tensor_name]
    if made.is_tensor:
        original = made.original
        if leave_parametrized:
            with no_grad():
                original.data = getattr(module, tensor_name).detach()
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Any) -> type:
    """The module's class as it was before anything was parametrized.

    >>> import chainrule as cr
    >>> layer = cr.nn.utils.parametrizations.weight_norm(cr.nn.Linear(2, 2))
    >>> cr.nn.utils.parametrize.type_before_parametrizations(layer).__name__
    'Linear'
    """
    cls = type(module)
    return cls.__bases__[0] if is_parametrized(module) else cls


def transfer_parametrizations_and_params(
    from_module: Any, to_module: Any, tensor_name: str | None = None
) -> Any:
    """Parametrize ``to_module`` by the same modules, computed from the same originals.

    >>> import chainrule as cr
    >>> a, b = cr.nn.utils.parametrizations.weight_norm(cr.nn.Linear(2, 2)), cr.nn.Linear(2, 2)
    >>> b = cr.nn.utils.parametrize.transfer_parametrizations_and_params(a, b)
    >>> bool((a.weight == b.weight).all())
    True
    """
    if not is_parametrized(from_module):
        return to_module
    names = list(from_module.parametrizations) if tensor_name is None else [tensor_name]
    for name in names:
        made = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach()))
        for parametrization in made:
            register_parametrization(to_module, name, parametrization, unsafe=made.unsafe)
        for key, value in {**made._parameters, **made._buffers}.items():
            setattr(to_module.parametrizations[name], key, value)
    return to_module
