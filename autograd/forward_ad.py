"""Forward mode by dual tensors, as ``torch.autograd.forward_ad`` has it.

A dual tensor is a value and a tangent. The tangent is not carried along: ``unpack_dual`` sends it
along what was recorded between the dual tensors and the result. So inside a ``dual_level``
operations are recorded (dual tensors say ``requires_grad``), also where ``no_grad`` stands outside;
what is computed under a ``no_grad`` *inside* the level counts as constant.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, NamedTuple

from . import modes
from .dispatch import apply
from .forward import alias, push
from .graph import between, toposort
from .handle import Handle
from .levels import Level, check_pair, suited


class UnpackedDualTensor(NamedTuple):
    """What ``unpack_dual`` returns: the value, and its tangent or None."""

    primal: Any
    tangent: Any


class _Dual(Level):
    """The dual tensors of one level: the tangent of each, by its node."""

    def __init__(self) -> None:
        super().__init__()
        self.tangents: dict[Any, Any] = {}
        self.before = modes.record(True)
        self.active = True

    def reach(self, t: Any) -> bool:
        """Whether a tensor depends on a dual one."""
        node = t._node
        if node is None or not node.requires_grad:
            return False
        return bool(between(toposort([node]), set(self.tangents)) and self.tangents)

    def tangent_of(self, t: Any) -> Any:
        """What the tangents of the dual tensors make of ``t``, or None."""
        given = [x for x in self.tangents.values() if x is not None]
        recorded = self._recorded([t], given, None)
        tangents = {
            node: x if x is None else suited(x, node, recorded) for node, x in self.tangents.items()
        }
        (found,) = push([t._node], tangents, recorded=recorded)
        if found is None:
            return None
        return self._result(found, tuple(t.shape), t.dtype.np, recorded)


class _Local(threading.local):
    level: _Dual | None = None


_local = _Local()


def enter_dual_level() -> int:
    """Begin a level, in which ``make_dual`` works, and return its number (0).

    Raises RuntimeError inside another level; ``func.jvp`` nests.

    >>> import chainrule as cr
    >>> level = cr.autograd.forward_ad.enter_dual_level()
    >>> cr.autograd.forward_ad.exit_dual_level(level=level)
    """
    if _local.level is not None:
        raise RuntimeError(
            "Nested forward mode AD is not supported at the moment: exit_dual_level() first, or "
            "nest func.jvp, which keeps the levels apart"
        )
    _local.level = _Dual()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level; dual tensors made in it keep their values and lose their tangents."""
    current = _local.level
    if current is None or level not in (None, 0):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created "
            f"({'none' if current is None else 0} is open, level is {level})."
        )
    current.active = False
    modes.record(current.before)
    _local.level = None


class dual_level:
    """The level as a context manager.

    >>> import chainrule as cr
    >>> import chainrule.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     x = fwAD.make_dual(cr.tensor(3.0), cr.tensor(1.0))
    ...     fwAD.unpack_dual(x * x)
    UnpackedDualTensor(primal=tensor(9.), tangent=tensor(6.))
    """

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        exit_dual_level()


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """A dual tensor: ``tensor``, with ``tangent`` as its derivative.

    Raises RuntimeError outside a level, for shapes that differ, and for a tensor that is dual
    already; ValueError for integers.

    >>> import chainrule as cr
    >>> import chainrule.autograd.forward_ad as fwAD
    >>> with fwAD.dual_level():
    ...     dual = fwAD.make_dual(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 0.0]))
    ...     fwAD.unpack_dual(dual.exp()).tangent
    tensor([2.7183, 0.0000])
    """
    current = _open(level, "create a dual Tensor for")
    check_pair(tensor, tangent)
    if current.reach(tensor):
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
            "same level 0 is not supported."
        )
    base = tensor if tensor.requires_grad else current.leaf(tensor._data)
    with modes.enable_grad():
        made = apply(alias, (base,))  # no leaf: it may be edited in place
    current.tangents[made._node] = tangent
    return made


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of a tensor and its tangent: None where it depends on no dual tensor.

    Outside a level every tangent is None. What comes back requires grad only where it depends on
    other tensors that do.

    >>> import chainrule as cr
    >>> cr.autograd.forward_ad.unpack_dual(cr.tensor(1.0))
    UnpackedDualTensor(primal=tensor(1.), tangent=None)
    """
    if not isinstance(tensor, Handle):
        raise TypeError(
            f"unpack_dual(): argument 'tensor' (position 1) must be Tensor, not {type(tensor)}"
        )
    current = _local.level
    if current is None or tensor._node is None or not tensor._node.requires_grad:
        return UnpackedDualTensor(tensor, None)
    if level not in (None, 0):
        raise RuntimeError(f"unpack_dual: no such level: {level}")
    tangent = current.tangent_of(tensor)
    primal = current.release(tensor)
    if primal.requires_grad:  # it goes on without the tangent
        primal = apply(alias, (primal,))
        current.tangents[primal._node] = None
    return UnpackedDualTensor(primal, tangent)


def _open(level: int | None, what: str) -> _Dual:
    current = _local.level
    if current is None or level not in (None, 0):
        raise RuntimeError(
            f"Trying to {what} forward AD but no level exists, make sure to enter_dual_level() "
            "first."
        )
    return current


__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]
