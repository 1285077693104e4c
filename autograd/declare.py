"""Declaring operations: the builders, and the names under which users find them.

``elementwise(...)`` declares an operation from a NumPy ufunc and its local derivatives;
``@op(...)`` declares one from a kernel whose arguments annotated ``Array`` are tensors. Both return
the operation as a function that reads arrays, Tensors, Sym and Tracer alike; rules use those.
Users get PyTorch's form of it (keywords and their NumPy aliases, ``out=``, type errors) through
``names``, from which the package, ``nn.functional`` and Tensor's methods are filled.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from . import modes, views
from .dispatch import SCALARS, apply
from .handle import Handle, make
from .misuse import guarded
from .op import Op
from .short import binary, unary

Array = Any  # marks a kernel's tensor arguments
ALIASES = {"axis": "dim", "keepdims": "keepdim", "self": "input", "x": "input"}


class Space(dict[str, Callable[..., Any]]):
    """Public names; their functions name the argument where a call fails for one."""

    def __setitem__(self, name: str, function: Callable[..., Any]) -> None:
        super().__setitem__(name, guarded(function, name))


names = {space: Space() for space in ("torch", "tensor", "F", "linalg", "special", "fft")}
HOMES = {"torch": "", "F": ".nn.functional", **{s: f".{s}" for s in ("linalg", "special", "fft")}}
USUAL = ("torch", "tensor", "inplace")


def settle(package: str) -> None:
    """Give each public function the address at which users find it, by which it pickles.

    The module that declares it stays readable as ``family``.
    """
    for space, below in HOMES.items():
        for name, function in names[space].items():
            if isinstance(function, FunctionType) and not hasattr(function, "family"):
                function.family = function.__module__  # type: ignore[attr-defined]
                function.__module__, function.__qualname__ = package + below, name


def family_of(function: Any) -> str:
    """The module that declares a public function."""
    return str(getattr(function, "family", getattr(function, "__module__", None)) or "")


def elementwise(
    name: str,
    kernel: Callable[..., Any],
    partials: Mapping[str, Any] | None = None,
    *,
    inputs: Sequence[str] = ("input",),
    where: Sequence[str] = USUAL,
    aliases: Sequence[str] = (),
    **facts: Any,
) -> Any:
    """Declare an elementwise operation; ``partials`` has one local derivative an input."""
    made = Op(name, kernel, inputs, partials, partial=True, **facts)
    two = len(inputs) == 2
    made.numbers = made.numbers or two
    call: Callable[..., Any]
    if two and partials:
        call = binary(made)
    elif two:
        call = _general(made)
    else:
        call = unary(made)
    return _publish(made, call, where, aliases, sys._getframe(1).f_globals["__name__"])


def op(
    rules: Any = None,
    *,
    name: str | None = None,
    where: Sequence[str] = ("torch", "tensor"),
    aliases: Sequence[str] = (),
    **facts: Any,
) -> Callable[[Callable[..., Any]], Any]:
    """Declare an operation from a kernel; its docstring and signature are the public ones."""

    def declare(kernel: Callable[..., Any]) -> Any:
        arguments = list(inspect.signature(kernel).parameters.values())
        inputs = [p.name for p in arguments if "Array" in str(p.annotation)]
        params = [p for p in arguments if p.name not in inputs]
        made = Op(
            name or kernel.__name__,
            kernel,
            inputs,
            rules,
            params=[p.name for p in params],
            defaults=[p.default for p in arguments],
            doc=inspect.getdoc(kernel) or "",
            **facts,
        )
        call = _viewing(made) if made.view else _general(made)
        return _publish(made, call, where, aliases, kernel.__module__)

    return declare


def _general(made: Op) -> Callable[..., Any]:
    """The way in for operations with parameters or lists of tensors."""
    k = len(made.inputs)
    n = k + len(made.params)
    if made.variadic:

        def call(*args: Any, **kwargs: Any) -> Any:
            args = args if len(args) == n and not kwargs else bind(made, args, kwargs)
            return apply(made, tuple(args[0]), args[1:])

    elif not made.params:

        def call(*args: Any, **kwargs: Any) -> Any:
            return apply(made, args if len(args) == k and not kwargs else bind(made, args, kwargs))

    else:

        def call(*args: Any, **kwargs: Any) -> Any:
            args = args if len(args) == n and not kwargs else bind(made, args, kwargs)
            return apply(made, args[:k], args[k:])

    return call


def _viewing(made: Op) -> Callable[..., Any]:
    """The way in for view operations."""
    n = 1 + len(made.params)

    def call(*args: Any, **kwargs: Any) -> Any:
        args = args if len(args) == n and not kwargs else bind(made, args, kwargs)
        return views.view_call(made, args[0], args[1:])

    return call


def bind(made: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments in order, keywords (NumPy's too) and defaults filled in."""
    expected = made.inputs + made.params
    if len(args) > len(expected):
        raise TypeError(
            f"{made.name}() takes {len(expected)} positional arguments ({', '.join(expected)}), "
            f"got {len(args)}"
        )
    values = dict(zip(expected, args, strict=False))
    for key, value in kwargs.items():
        name = key if key in expected else ALIASES.get(key, key)
        if name not in expected:
            raise TypeError(f"{made.name}() got an unexpected keyword argument '{key}'")
        if name in values:
            raise TypeError(f"{made.name}() got multiple values for argument '{name}'")
        values[name] = value
    defaults = made.defaults or (inspect.Parameter.empty,) * len(expected)
    for name, default in zip(expected, defaults, strict=True):
        if name not in values:
            if default is inspect.Parameter.empty:
                raise TypeError(f"{made.name}() missing 1 required positional argument: '{name}'")
            values[name] = default
    return tuple([values[name] for name in expected])


def _publish(
    made: Op, call: Callable[..., Any], where: Sequence[str], aliases: Sequence[str], module: str
) -> Callable[..., Any]:
    """Name the function, and list it where users look for it."""
    made.call = call
    function = public(made)
    for f in (call, function):
        f.__name__ = f.__qualname__ = made.name
        f.__doc__, f.__module__ = made.doc, module
        f.__signature__ = _signature(made)  # type: ignore[attr-defined]  # what inspect reads
    call.op = function.op = made  # type: ignore[attr-defined]
    made.function = function
    for name in (made.name, *aliases):
        for space in where:
            if space == "inplace":
                names["tensor"][name + "_"] = in_place(made, name + "_")
            else:
                names[space][name] = call if space == "tensor" else function
    return call


def _signature(made: Op) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    expected = made.inputs + made.params
    defaults = made.defaults or (inspect.Parameter.empty,) * len(expected)
    pairs = zip(expected, defaults, strict=True)
    return inspect.Signature([inspect.Parameter(n, kind, default=d) for n, d in pairs])


def _of_tensor(made: Op) -> inspect.Signature:
    """The signature as a method: the first argument is the tensor itself."""
    first, *rest = _signature(made).parameters.values()
    return inspect.Signature([first.replace(name="self"), *rest])


def public(made: Op) -> Callable[..., Any]:
    """The function as PyTorch offers it: tensors only, and ``out=``."""
    call = made.call

    def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if not _has_tensor(made, args, kwargs):
            got = type(args[0]).__name__ if args else "nothing"
            raise TypeError(
                f"{made.name}(): argument '{made.inputs[0]}' (position 1) must be Tensor, not {got}"
            )
        result = call(*args, **kwargs)
        return result if out is None else write_out(out, result)

    return function


def _has_tensor(made: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    first = args[: len(made.inputs)] if args else ()
    if made.variadic and first:
        if isinstance(first[0], Handle) or not isinstance(first[0], (tuple, list)):
            return False
        first = tuple(first[0])
    if first and (first[0] is None or isinstance(first[0], (str, type, dict))):
        return False
    return any(isinstance(a, Handle) for a in (*first, *kwargs.values()))


def write_out(out: Any, result: Any) -> Any:
    """``out=``: put a result into the tensor given for it."""
    if isinstance(result, tuple):
        return type(result)(*[write_out(o, r) for o, r in zip(out, result, strict=True)])
    if result.requires_grad or out.requires_grad:
        raise RuntimeError(
            "functions with out=... arguments don't support automatic differentiation"
        )
    if out.shape != result.shape:
        views.set_data(out, np.empty(result.shape, out.dtype.np))
    return views.write(out, result, "out=")


def in_place(made: Op, name: str) -> Callable[..., Any]:
    """The twin that writes its result into its first argument."""
    call, kernel, scalar = made.call, made.kernel, made.scalar
    direct = isinstance(kernel, np.ufunc)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        x = self._data
        kind = type(x)
        if not kwargs and _plain(self, args):
            raws = [a._data if isinstance(a, Handle) else a for a in args]
            if kind is np.ndarray:
                if direct and x.dtype.kind == "f" and all([_weak(r, x) for r in raws]):
                    try:
                        kernel(x, *raws, out=x)
                    except ValueError:  # the result is larger than x: explained below
                        return views.write(self, call(self, *args), name)
                    views.bump(self, name)
                    return self
            elif scalar is not None and kind in SCALARS and all([type(r) is kind for r in raws]):
                try:
                    out = kind(scalar(x, *raws))
                except (ArithmeticError, ValueError):  # NumPy answers inf or nan instead
                    pass
                else:
                    views.bump(self, name)
                    views.set_data(self, out)
                    return self
        views.check_inplace(self)
        return views.write(self, call(self, *args, **kwargs), name)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"``{made.name}``, written into the tensor itself."
    method.__signature__ = _of_tensor(made)  # type: ignore[attr-defined]  # what inspect reads
    return method


def _weak(raw: Any, x: Any) -> bool:
    """Whether an operand leaves the dtype of ``x`` as it is."""
    return type(raw) is float or type(raw) is int or raw.dtype is x.dtype


def _plain(self: Any, args: tuple[Any, ...]) -> bool:
    """Whether an edit needs no record: nothing here requires grad, or nothing is recorded."""
    if modes.watching or modes.tracing:
        return False
    if not modes.recording():
        return True
    every = (self, *args)
    return not any([isinstance(a, Handle) and a._node is not None for a in every])


def export(*spaces: str, name: str | None = None) -> Callable[[Any], Any]:
    """List a function that is composed of operations where users look for it."""

    def listed(function: Any) -> Any:
        for space in spaces:
            names[space][name or function.__name__] = function
        return function

    return listed


def tensor_of(data: Any) -> Any:
    """A Tensor of raw data without history."""
    return make(data)
