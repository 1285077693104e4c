"""What nodes keep for backward: how it is read, packed by the user's hooks, and found freed.

Nothing here runs in a usual forward pass. ``saved_tensors_hooks`` packs what a node saved right
after the node was made; the walk back unpacks it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import modes, views
from .dispatch import pick
from .graph import Leaf, Node, answers, surface
from .handle import Handle, make, scalar_of, variable
from .hooks import extra_of

FREED = (
    "Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second "
    "time or if you need to access saved tensors after calling backward."
)


def freed(node: Any) -> RuntimeError:
    """The error of a second walk through a graph whose saved values are gone."""
    line = node.extra.line if node.extra is not None else None
    return RuntimeError(
        "Trying to backward through the graph a second time (or directly access saved tensors "
        f"after they have already been freed): the values that {node.plan.op.name} saved are "
        f"gone. {FREED}" + (f" The operation was recorded at {line}." if line else "")
    )


# -- reading ------------------------------------------------------------------------------------


def narrowed(
    node: Any, useful: set[Any], saved: tuple[Any, ...] | None = None
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """The plan, saved values and inputs of a node for the inputs that somebody asked for."""
    plan = node.plan
    saved = unpacked(node.saved) if saved is None else saved
    if "ctx" in plan.saves:  # a user's Function computes all its gradients at once
        return plan, saved, node.inputs
    places = plan.wanted or range(len(node.inputs))  # none are listed where all are wanted
    kept = [k for k, i in zip(places, node.inputs, strict=True) if i in useful]
    small = plan.only(sum(1 << k for k in kept))
    part = tuple([saved[plan.saves.index(name)] for name in small.saves])
    return small, part, tuple([i for i in node.inputs if i in useful])


def link(value: Any, origin: Any) -> Any:
    """A saved operand as a Tensor of the node it came from; a number stays one."""
    if hasattr(origin, "serial"):
        return make(value, origin)
    if origin is ABSENT:
        return make(value)
    return value if origin is None or type(value) in (int, float, bool) else make(value)


def mapped(
    node: Any, saves: Sequence[str], saved: Sequence[Any], f: Callable[[Any, Any], Any]
) -> tuple[Any, ...]:
    """``f(value, origin)`` of all tensor data among saved values; the rest stays as it is.

    The origin is the node of the value, a number, or ABSENT where it has no history.
    """
    op, operands = node.plan.op, node.operands()
    made: list[Any] = []
    for name, value in zip(saves, saved, strict=True):
        if name == "out" and op.several:
            made.append(tuple([f(v, pick(node, k, v)) for k, v in enumerate(value)]))
        elif name == "out":
            made.append(f(value, node))
        elif name == "inputs":
            made.append(tuple([f(v, o) for v, o in zip(value, operands, strict=True)]))
        elif name in op.inputs:
            made.append(f(value, operands[op.inputs.index(name)]))
        else:
            made.append(f(value, ABSENT) if name in op.aux else value)
    return tuple(made)


class _Absent:
    """The origin of data that no gradient flows to, such as the indices of a maximum."""


ABSENT = _Absent()


def saved_tensors(node: Any, plan: Any, saved: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a node saved, as Tensors linked to the nodes they came from."""
    return mapped(node, plan.saves, saved, link)


# -- packing ------------------------------------------------------------------------------------


class Packed:
    """What a pack hook made of a saved value, with the hook that brings it back."""

    __slots__ = ("unpack", "value")

    def __init__(self, value: Any, unpack: Callable[[Any], Any]) -> None:
        self.value, self.unpack = value, unpack

    def data(self) -> Any:
        """The saved data again."""
        t = self.unpack(self.value)
        if not isinstance(t, Handle):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(t).__name__}"
            )
        data = t._data
        return scalar_of(data[()]) if type(data) is np.ndarray and not data.ndim else data

    def apart(self, owner: Any) -> Packed:
        """The same, with copies of what shares the memory of ``owner``, which will be edited."""
        return Packed(_apart(self.value, owner), self.unpack)


def _apart(value: Any, owner: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)([_apart(v, owner) for v in value])
    if hasattr(value, "apart"):  # a checkpoint's
        return value.apart(owner)
    data = value._data if isinstance(value, Handle) else value
    if type(data) is not np.ndarray or views.owner_of(data) is not owner:
        return value
    return data.copy() if data is value else make(data.copy(), value._node)


def packed(value: Any, origin: Any, hooks: tuple[Any, Any]) -> Any:
    """A saved value after ``hooks[0]``; numbers and missing operands stay as they are."""
    if not (hasattr(origin, "serial") or origin is ABSENT):
        return value
    if type(value) is not float and not hasattr(value, "dtype"):
        return value
    t = given(value, origin)
    before = modes.record(False)
    try:
        at = views.version(t)
        made = hooks[0](t)
        if views.version(t) != at:
            raise RuntimeError(
                "A saved tensor pack hook is modifying its input in place. Tensors provided as "
                "input to pack hook cannot be modified by in-place operations as this can lead to "
                "unexpected side-effects: return a new tensor instead."
            )
    finally:
        modes.record(before)
    if made is t and isinstance(origin, Node):
        made = make(value)  # a result that holds its own node would keep the graph alive
    return Packed(made, hooks[1])


def given(value: Any, origin: Any) -> Any:
    """A saved value as the user knows it: a leaf's own tensor where it holds that value."""
    t = variable(origin) if type(origin) is Leaf and origin.owner is not None else None
    return t if t is not None and t._data is value else link(value, origin)


def unpacked(saved: tuple[Any, ...]) -> tuple[Any, ...]:
    """Saved values with the packed ones brought back."""
    return tuple([_unpacked(v) for v in saved])


def _unpacked(value: Any) -> Any:
    if type(value) is tuple:
        return tuple([_unpacked(v) for v in value])
    return value.data() if type(value) is Packed else value


class saved_tensors_hooks:
    """Pack what operations save for backward inside the block, and unpack it when backward asks.

    ``pack_hook(tensor)`` returns any object, ``unpack_hook(object)`` the tensor's values again: to
    keep them on disk, in fewer bits, or not at all and compute them again.

    >>> import chainrule as cr
    >>> x = cr.tensor([1.0, 2.0], requires_grad=True)
    >>> with cr.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(force=True).astype("f2"),
    ...                                            lambda a: cr.tensor(a).float()):
    ...     y = (x * x).sum()
    >>> y.backward(); x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> Any:
        if not callable(self.pack_hook) or not callable(self.unpack_hook):
            raise TypeError(
                "saved_tensors_hooks(): incompatible function arguments: pack_hook and unpack_hook "
                f"must be functions, got {type(self.pack_hook).__name__} and "
                f"{type(self.unpack_hook).__name__}"
            )
        if modes.local.no_packing is not None:
            raise RuntimeError(modes.local.no_packing)
        modes.local.packers = (*modes.local.packers, self)
        modes.count("watching", 1)
        return self

    def __exit__(self, *exc: object) -> None:
        modes.local.packers = modes.local.packers[:-1]
        modes.count("watching", -1)

    def keep(self, node: Any) -> None:
        """Pack what a new node saved."""
        saves, hooks = node.plan.saves, (self.pack_hook, self.unpack_hook)
        if node.saved and "ctx" not in saves:
            node.saved = mapped(node, saves, node.saved, lambda v, o: packed(v, o, hooks))
            extra_of(node).packed = True


class save_on_cpu(saved_tensors_hooks):
    """Keep what backward needs on the CPU, where all our tensors are: nothing is moved.

    >>> import chainrule as cr
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> with cr.autograd.graph.save_on_cpu(): y = x * x
    >>> y.backward(); x.grad
    tensor(6.)
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: t.detach(), lambda t: t)


class disable_saved_tensors_hooks:
    """Inside the block ``saved_tensors_hooks`` raises RuntimeError with ``error_message``.

    >>> import chainrule as cr
    >>> with cr.autograd.graph.disable_saved_tensors_hooks("not here"):
    ...     with cr.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t): pass
    Traceback (most recent call last):
        ...
    RuntimeError: not here
    """

    def __init__(self, error_message: str) -> None:
        self.message = error_message
        self._before: list[str | None] = []

    def __enter__(self) -> None:
        if modes.local.packers:
            raise RuntimeError(self.message)
        self._before.append(modes.local.no_packing)
        modes.local.no_packing = self.message

    def __exit__(self, *exc: object) -> None:
        modes.local.no_packing = self._before.pop()


class allow_mutation_on_saved_tensors(saved_tensors_hooks):
    """Copy what backward needs when it is saved, so that it may be edited in place afterwards.

    PyTorch copies when the edit comes; the values are the same, the memory is more.

    >>> import chainrule as cr
    >>> x = cr.ones(2, requires_grad=True)
    >>> with cr.autograd.graph.allow_mutation_on_saved_tensors():
    ...     y = x * 3; z = y * y; _ = y.zero_(); z.sum().backward()
    >>> x.grad
    tensor([18., 18.])
    """

    def __init__(self) -> None:
        super().__init__(lambda t: t.detach().clone(), lambda t: t)


# -- grad_fn._saved_self and its like ------------------------------------------------------------

RENAMED = {"self": "input", "result": "out", "mat2": "other", "tensor": "other"}
RENAMED |= {"tensors": "inputs", "exponent": "other"}


class SavedTensor:
    """One saved value of a node, before it is unpacked (``grad_fn._raw_saved_self``)."""

    def __init__(self, node: Any, place: int) -> None:
        self._node, self._place = node, place

    def register_hooks(
        self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]
    ) -> None:
        """Pack this value now, and unpack it when backward asks."""
        if not callable(pack_hook) or not callable(unpack_hook):
            raise TypeError(
                "register_hooks(): incompatible function arguments: pack_hook and unpack_hook must "
                f"be functions, got {type(pack_hook).__name__} and {type(unpack_hook).__name__}"
            )
        node, k = self._node, self._place
        if node.saved is None:
            raise RuntimeError(
                f"Calling register_hooks on a saved tensor after it has been freed. {FREED}"
            )
        if type(node.saved[k]) is Packed:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: "
                "only one pair of hooks is allowed at a time."
            )
        hooks, saves = (pack_hook, unpack_hook), node.plan.saves[k : k + 1]
        one = mapped(node, saves, node.saved[k : k + 1], lambda v, o: packed(v, o, hooks))
        node.saved = (*node.saved[:k], *one, *node.saved[k + 1 :])
        extra_of(node).packed = True


def attribute(node: Any, name: str) -> Any:
    """What a node answers to PyTorch's ``_saved_…`` and ``_raw_saved_…``."""
    raw = name.startswith("_raw_saved_")
    wanted = name.removeprefix("_raw_saved_").removeprefix("_saved_")
    saves, op = node.plan.saves, node.plan.op
    found = wanted if wanted in saves else RENAMED.get(wanted)
    if found in saves:
        place = saves.index(found)
        if raw:
            return SavedTensor(node, place)
        if node.saved is None:
            raise freed(node)
        views.check_saved(node)
        one = unpacked(node.saved[place : place + 1])
        return mapped(node, saves[place : place + 1], one, given)[0]
    if wanted in op.params and not raw:
        return node.params[op.params.index(wanted)]
    raise AttributeError(
        f"'{node.name()}' object has no attribute '{name}': {op.name} saved "
        f"{', '.join(saves) or 'nothing'}"
    )


def names(node: Any) -> list[str]:
    """The ``_saved_…`` names that a node answers to."""
    back = {"input": "self", "out": "result"}
    return [f"_saved_{back.get(name, name)}" for name in node.plan.saves if name != "ctx"]


def bind_names(table: dict[str, Any]) -> None:
    """Give nodes the ``_saved_…`` of every operation as properties.

    ``__getattr__`` would do it in two lines, but a class that has one pays for it wherever an
    attribute of a node is read.
    """
    known = set(RENAMED).union(*[{*op.inputs, *op.aux, *op.params} for op in table.values()])
    for word in known:
        for name in (f"_saved_{word}", f"_raw_saved_{word}"):
            setattr(Node, name, property(functools.partial(attribute, name=name)))


surface.update(
    saved_tensors_hooks=saved_tensors_hooks,
    save_on_cpu=save_on_cpu,
    disable_saved_tensors_hooks=disable_saved_tensors_hooks,
    allow_mutation_on_saved_tensors=allow_mutation_on_saved_tensors,
)
answers["names"] = lambda node, _: names(node)
answers["variable"] = lambda leaf, _: variable(leaf)
