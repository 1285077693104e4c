"""Layers without parameters of their own, written as declarations: fields, formula, ``forward``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, dataclass_transform

from .module import Module

T = TypeVar("T", bound="Layer")


@dataclass_transform(eq_default=False)
def layer(cls: type[T]) -> type[T]:
    """Give a class the ``__init__`` that its annotated fields describe, in their order.

    >>> import chainrule as cr
    >>> @layer
    ... class Scale(Layer):
    ...     factor: float = 2.0
    ...     _shown = "factor={factor}"
    ...     def forward(self, input):
    ...         return self.factor * input
    >>> Scale(), Scale(factor=3.0)(cr.tensor([1.0]))
    (Scale(factor=2.0), tensor([3.]))
    """
    made = dataclass(eq=False, repr=False, match_args=False)(cls)
    # Defaults stay in ``__init__`` alone: a class attribute would hide a buffer of the same name.
    for name in made.__dataclass_fields__:  # type: ignore[attr-defined]  # dataclass() adds it
        if name in made.__dict__:
            delattr(made, name)
    return made


class Layer(Module):
    """A module whose settings are declared fields; ``_shown`` says how ``repr`` writes them.

    >>> import chainrule as cr
    >>> cr.nn.ELU(0.5), isinstance(cr.nn.ELU(), Layer)
    (ELU(alpha=0.5), True)
    """

    _shown: ClassVar[str] = ""

    def __post_init__(self, *_: Any) -> None:
        Module.__init__(self)

    def extra_repr(self) -> str:
        """The settings; ``inplace`` only when it is set."""
        own = self.__dict__
        parts = [self._shown.format(**own)]
        if own.get("inplace") and "{inplace}" not in self._shown:
            parts.append("inplace=True")
        return ", ".join(filter(None, parts))
