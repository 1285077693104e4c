"""Write ``autograd/_methods.pyi``: the types of the methods that the registry gives to Tensor.

Run it after adding an operation; a test compares the file with what this would write.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import chainrule
from chainrule.autograd.declare import names
from chainrule.autograd.methods import IN_PLACE, OPERATORS
from chainrule.autograd.ops.shape import PROPERTIES

TARGET = Path(chainrule.__file__).parent / "autograd" / "_methods.pyi"
ELSEWHERE = {"__setitem__": "None", "equal": "builtins.bool"}
ELSEWHERE |= {"allclose": "builtins.bool", "numel": "builtins.int"}
MANY = ("max", "min", "split", "chunk", "unbind", "nonzero", "type", "to_tuple")


def arguments(function: Any) -> str:
    """The arguments of a method, all untyped, after ``self``."""
    parts, star = ["self"], False
    parameters = list(inspect.signature(function).parameters.values())[1:]
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            parts.append(f"*{p.name}: Any")
            star = True
        elif p.kind is p.VAR_KEYWORD:
            parts.append(f"**{p.name}: Any")
        else:
            if p.kind is p.KEYWORD_ONLY and not star:
                parts.append("*")
                star = True
            parts.append(f"{p.name}: Any" + ("" if p.default is p.empty else " = ..."))
    return ", ".join(parts)


def stub() -> str:
    """The text of the stub."""
    lines = [
        "# Written by tools/write_stubs.py from the registry; do not edit.",
        "import builtins",
        "from typing import Any",
        "",
        "from .tensor import Tensor",
        "",
        "class TensorMethods:",
    ]
    for name, function in sorted(names["tensor"].items()):
        kind = ELSEWHERE.get(name, "Any" if name in MANY else "Tensor")
        lines.append(f"    def {name}({arguments(function)}) -> {kind}: ...")
    for name in sorted((*OPERATORS, *IN_PLACE, "__matmul__", "__rmatmul__")):
        alone = name in ("__neg__", "__abs__", "__invert__")
        other = "self" if alone else "self, other: Any"
        ignore = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
        lines.append(f"    def {name}({other}) -> Tensor: ...{ignore}")
    for name in sorted(PROPERTIES):
        lines += ["    @property", f"    def {name}(self) -> Tensor: ..."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(stub())
    print(f"wrote {TARGET.name}: {len(names['tensor'])} methods")
