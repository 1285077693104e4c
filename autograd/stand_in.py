"""StandIn: what stands under a Tensor in the place of an array, and answers to the same operators.

Rules and the walker see arrays only through operators, shapes and the operations themselves, so a
class with `_apply` can take an array's place: Batched (all examples of a ``vmap``), Tracer (a
value under capture).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .op import Op, registry


class StandIn:
    """The operators of an array, each one an operation of the registry run by `_apply`."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy leaves operators to it

    @staticmethod
    def _apply(op: Op, values: Sequence[Any], params: tuple[Any, ...] = ()) -> Any:
        """Run an operation on stand-ins and arrays."""
        raise NotImplementedError

    @property
    def mT(self) -> Any:
        """The transpose of the last two dimensions."""
        return registry["transpose"].call(self, -2, -1)

    def __neg__(self) -> Any:
        return self._apply(registry["neg"], (self,))

    @staticmethod
    def fit(g: Any, shape: tuple[int, ...]) -> Any:
        """A gradient in the shape of its value: broadcasting undone, by operations."""
        lead = g.ndim - len(shape)
        if lead < 0 or not g.ndim:
            return registry["expand"].call(g, tuple(shape))
        dims = tuple(range(lead))
        dims += tuple(k + lead for k, n in enumerate(shape) if n == 1 and g.shape[k + lead] != 1)
        summed = registry["sum"].call(g, dims, False) if dims else g
        return registry["reshape"].call(summed, tuple(shape))


def _operator(name: str, swapped: bool) -> Callable[[StandIn, Any], Any]:
    def method(self: StandIn, other: Any) -> Any:
        return self._apply(registry[name], (other, self) if swapped else (self, other))

    return method


_SIGNS = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow"}
for _sign, _name in {**_SIGNS, "matmul": "matmul"}.items():
    setattr(StandIn, f"__{_sign}__", _operator(_name, False))
    setattr(StandIn, f"__r{_sign}__", _operator(_name, True))
for _sign in ("gt", "lt", "ge", "le", "eq", "ne"):
    setattr(StandIn, f"__{_sign}__", _operator(_sign, False))
StandIn.__hash__ = object.__hash__  # type: ignore[method-assign]  # values are compared, not hashed
