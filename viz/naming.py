"""What to call the values of a graph: given names, the caller's variables, then v1, v2, …

A name is only given to a value that the program itself calls so: a variable, an attribute, an item
of a list or dict, a parameter of a module; or, under `watch()`, the target of the assignment whose
last operation made the value.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, TypeAlias

from ..autograd import Tensor
from .assigned import assigned_names

Names: TypeAlias = Mapping[str, Any] | Iterable[Tensor] | None
_LONGEST_LIST = 64  # items of a list or attributes of an object that are looked at
_DEEPEST = 4  # net.layers[0].w[2] is at depth 4
_MOST = 20_000  # things looked at in all
# what stands between a notebook's cell and the picture shown at its end
_NOTEBOOK = {"IPython", "ipykernel", "traitlets", "matplotlib_inline", "decorator", "functools"}
_IGNORED = {"In", "Out", "exit", "quit", "get_ipython"}
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")})


def caller_frame() -> FrameType | None:
    """The innermost frame outside this package, and outside what shows a notebook's cells."""
    skipped = {__name__.split(".")[0], *_NOTEBOOK}
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").split(".")[0] not in skipped:
            return frame
        frame = frame.f_back
    return None


def caller_variables() -> dict[str, Any]:
    """The variables that whoever called into this package sees: local, global, then outer ones.

    Of two variables with one name, the inner one counts.
    """
    found: dict[str, Any] = {}
    for k, frame in enumerate(user_frames()):
        for scope in (frame.f_locals, frame.f_globals) if k == 0 else (frame.f_locals,):
            for name, value in list(scope.items()):
                if name.isidentifier():  # not a comprehension's .0, nor what a test runner puts in
                    found.setdefault(name, value)
    return found


def user_frames() -> Iterator[FrameType]:
    """The caller's frame and those around it, up to the first of an installed library."""
    frame = first = caller_frame()
    while frame is not None and (frame is first or not _is_library(frame)):
        yield frame
        frame = frame.f_back


def _is_library(frame: FrameType) -> bool:
    """Whether a frame belongs to the standard library or an installed package: a test runner."""
    return frame.f_code.co_filename.startswith((*_LIBRARIES, "<frozen"))


def named_tensors(
    variables: Mapping[str, Any], wanted: Container[Any] | None = None
) -> Iterator[tuple[str, Tensor]]:
    """Tensors among variables: themselves, in lists and objects, as parameters by their path.

    `wanted` are the nodes that names are looked for; the parameters of one model that holds them
    all need no prefix.
    """
    kept = {n: v for n, v in variables.items() if not n.startswith("_") and n not in _IGNORED}
    alone = _only_model(kept.values(), wanted)
    seen: set[int] = set()
    for name, value in kept.items():
        if isinstance(value, Tensor):
            yield name, value
    for name, value in kept.items():
        if not isinstance(value, Tensor):
            yield from _inside(name, value, alone, seen)


def _only_model(values: Iterable[Any], wanted: Container[Any] | None) -> Any:
    """The one module among values that holds all the parameters in question, or None."""
    modules = list({id(v): v for v in values if _is_module(v)}.values())
    owned = [
        {id(p) for p in m.parameters() if wanted is None or p._node in wanted} for m in modules
    ]
    every = set().union(*owned)
    whole = [m for m, mine in zip(modules, owned, strict=True) if mine and mine == every]
    return max(whole, key=lambda m: sum(1 for _ in m.modules()), default=None)


def _is_module(value: Any) -> bool:
    return callable(getattr(type(value), "named_parameters", None))


def _inside(
    name: str, value: Any, alone: Any, seen: set[int], depth: int = 0
) -> Iterator[tuple[str, Tensor]]:
    """The tensors inside a value, each by the expression that gives it."""
    if isinstance(value, Tensor):
        yield name, value
        return
    if depth > _DEEPEST or id(value) in seen or len(seen) > _MOST:
        return
    if _is_module(value):
        seen.add(id(value))
        prefix = "" if value is alone else f"{name}."
        for members in (value.named_parameters, getattr(value, "named_buffers", tuple)):
            yield from ((prefix + path, t) for path, t in members())
    for label, item in _items(value):
        seen.add(id(value))
        yield from _inside(name + label, item, alone, seen, depth + 1)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a list, dict or plain object, with how each is reached."""
    if isinstance(value, (list, tuple)):
        if len(value) <= _LONGEST_LIST:
            fields = getattr(value, "_fields", None)
            for k, item in enumerate(value):
                yield (f".{fields[k]}" if fields else f"[{k}]"), item
    elif isinstance(value, dict):
        if len(value) <= _LONGEST_LIST:
            yield from ((f"[{key!r}]", item) for key, item in list(value.items()))
    elif _is_plain(value):
        yield from (
            (f".{key}", item)
            for key, item in list(vars(value).items())[:_LONGEST_LIST]
            if not key.startswith("_")
        )


def _is_plain(value: Any) -> bool:
    """Whether a value is an object of the user's own making, whose attributes may be tensors."""
    home = type(value).__module__.partition(".")[0]
    if isinstance(value, type) or home in {"builtins", *sys.stdlib_module_names}:
        return False
    return hasattr(value, "__dict__") and not callable(getattr(type(value), "__array__", None))


def name_nodes(
    order: Iterable[Any], outputs: Iterable[Tensor], names: Names
) -> tuple[dict[Any, str], dict[Any, Tensor]]:
    """Names for the nodes that have one, and the tensors that were found for nodes.

    A tensor's own `name` comes first, then `names` (a mapping, or named tensors in order; {} for
    none), else the caller's variables. No two nodes get the same name. Raises TypeError for names
    of another kind.
    """
    order = list(order)
    wanted = set(order)
    tensors: dict[Any, Tensor] = {t._node: t for t in outputs}
    found: dict[Any, str] = {}
    for name, tensor in named_tensors(_variables(names), wanted):
        if tensor._node in wanted:
            tensors.setdefault(tensor._node, tensor)
            found.setdefault(tensor._node, name)
    for node in order:
        if node.extra is not None and node.extra.name:
            found[node] = node.extra.name
    if names is None:
        for node, name in assigned_names(order).items():
            found.setdefault(node, name)
    return _made_unique(order, found), tensors


def _variables(names: Names) -> Mapping[str, Any]:
    if names is None:
        return caller_variables()
    if isinstance(names, Mapping):
        if not all(isinstance(name, str) for name in names):
            raise TypeError('names= maps names to tensors, as in {"x": x}')
        return names
    listed: Sequence[Any] = list(names)
    for tensor in listed:
        if not isinstance(tensor, Tensor):
            raise TypeError(
                'names= maps names to tensors, as in {"x": x}, or lists tensors that have a name; '
                f"got a list with {type(tensor).__name__}"
            )
    return {t.name or f"t{i}": t for i, t in enumerate(listed)}


def _made_unique(order: list[Any], found: Mapping[Any, str]) -> dict[Any, str]:
    taken: set[str] = set()
    names: dict[Any, str] = {}
    for node in order:
        if node not in found:
            continue
        name, count = found[node], 2
        while name in taken:
            name, count = f"{found[node]}_{count}", count + 1
        taken.add(name)
        names[node] = name
    return names


def fresh_names(taken: Iterable[str]) -> Iterator[str]:
    """v1, v2, … without the names that are taken."""
    used = set(taken)
    count = 0
    while True:
        count += 1
        if f"v{count}" not in used:
            yield f"v{count}"
