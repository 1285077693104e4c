"""``coverage()``: which of PyTorch's public names are here, to come, or left out on purpose."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from .absent import why

PACKAGE = __name__.split(".")[0]
NAMES = Path(__file__).with_name("names.json")


@dataclass(frozen=True)
class Area:
    """The names of one of PyTorch's namespaces, sorted by whether chainrule has them."""

    name: str
    here: list[str]
    to_come: list[str]
    left_out: dict[str, str]  # with the sentence why

    def __str__(self) -> str:
        total = len(self.here) + len(self.to_come)
        line = f"{self.name:24} {len(self.here):5} of {total:5} here"
        return line + (f", {len(self.left_out)} left out" if self.left_out else "")


class Coverage(dict[str, Area]):
    """Areas by name; prints as a table with the names that are to come."""

    @property
    def here(self) -> int:
        """How many names there are."""
        return sum(len(area.here) for area in self.values())

    @property
    def to_come(self) -> int:
        """How many names are to come."""
        return sum(len(area.to_come) for area in self.values())

    @property
    def left_out(self) -> int:
        """How many names are left out on purpose."""
        return sum(len(area.left_out) for area in self.values())

    def __str__(self) -> str:
        lines = [str(area) for area in self.values()]
        lines.append(f"{'all':24} {self.here:5} of {self.here + self.to_come:5} here"
                     f", {self.left_out} left out")  # fmt: skip
        lines += [
            f"\nto come in {area.name}: {' '.join(area.to_come)}"
            for area in self.values()
            if area.to_come
        ]
        return "\n".join(lines)


def _space(name: str) -> Any:
    """The object that holds an area's names, or None where it is not there yet."""
    if name == "torch":
        return import_module(PACKAGE)
    if name == "Tensor":
        return import_module(PACKAGE).Tensor
    if name == "Optimizer":
        return import_module(f"{PACKAGE}.optim").Optimizer
    if name == "nn.Module":
        return import_module(f"{PACKAGE}.nn").Module
    try:
        return import_module(f"{PACKAGE}.{name}")
    except ModuleNotFoundError:
        return None


def _has(space: Any, dotted: str) -> bool:
    """Whether the name is there for use: not one that only says that it comes later."""
    for part in dotted.split("."):
        try:
            space = getattr(space, part)
        except AttributeError:
            return False
    return not getattr(space, "is_later", False)


def coverage(show: bool = True) -> Coverage:
    """Compare with PyTorch's public names, area by area; print the table and return it as data.

    The names are those of PyTorch 2.13 (``compat/names.json``, written by
    ``tools/write_names.py``).

    >>> import chainrule as cr
    >>> found = cr.coverage(show=False)
    >>> "tanh" in found["torch"].here, "to_sparse" in found["Tensor"].left_out
    (True, True)
    """
    listed: dict[str, str] = json.loads(NAMES.read_text(encoding="utf-8"))
    table = Coverage()
    for area, names in listed.items():
        space = _space(area)
        here, to_come, left_out = [], [], {}
        for name in names.split():
            reason = None
            if space is not None and _has(space, name):
                here.append(name)
            elif reason := why(area, name) or getattr(space, "_ELSEWHERE", {}).get(name):
                left_out[name] = reason
            else:
                to_come.append(name)
        table[area] = Area(area, here, to_come, left_out)
    if show:
        print(table)
    return table
