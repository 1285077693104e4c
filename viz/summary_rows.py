"""The rows of a summary as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Row:
    """One call of a module, with what is counted in it and not in a row of its own."""

    name: str
    kind: str
    level: int
    module: Any
    inputs: tuple[tuple[int, ...], ...] = ()
    outputs: tuple[tuple[int, ...], ...] = ()
    parameters: int = 0
    mult_adds: int = 0
    saved: int = 0
    again: bool = False  # the module was called before
    called: bool = True


@dataclass(slots=True)
class Totals:
    """The whole model in numbers; sizes are in bytes, `saved` is measured."""

    parameters: int = 0
    trainable: int = 0
    mult_adds: int = 0
    saved: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    parameter_bytes: int = 0
    rows: list[Row] = field(default_factory=list)
