"""A pool of calls: every text and every declared sample as a function, its arguments and keywords.

The parity files hold a few thousand texts such as ``m.sum(x, 1, keepdim=True)``. Here each becomes
a ``Call``, whose arguments are PyTorch tensors and plain values, so that ``parity_variants`` can
change one thing at a time: a type, a layout, a shape, an argument.
"""

from __future__ import annotations

import ast
import importlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch

import chainrule as cr
from chainrule.autograd import registry
from chainrule.autograd.declare import names
from chainrule.autograd.ops.samples import Sampler

F = torch.nn.functional
SPACES: dict[str, Any] = {
    "torch": torch, "F": F, "linalg": torch.linalg, "special": torch.special, "fft": torch.fft,
    "tensor": torch.Tensor,
}  # fmt: skip
# The files of texts, and the names of the lists in them.
FILES = {
    "test_functions_parity": ("TEXTS", "EDITS"),
    "test_mathematics_parity": ("TEXTS", "EDITS"),
    "test_gather_parity": ("TEXTS",),
    "test_sorting_parity": ("TEXTS",),
    "test_arrange_parity": ("TEXTS",),
    "test_products_parity": ("TEXTS",),
    "test_linalg_parity": ("TEXTS",),
    "test_functional_parity": ("TEXTS",),
}
SCOPE = {"m": torch, "F": F, "L": torch.linalg, "np": np}
SCOPE |= {"nan": np.nan, "inf": np.inf, "NAN": np.nan, "INF": np.inf}


@dataclass
class Call:
    """A public name and what it is called with; tensors are PyTorch's, detached."""

    space: str
    name: str
    args: list[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = [*map(show, self.args), *(f"{k}={show(v)}" for k, v in self.kwargs.items())]
        return f"{self.space}.{self.name}({', '.join(given)})"

    def function(self, module: Any) -> Callable[..., Any]:
        """The function or method in PyTorch or in chainrule."""
        found: Callable[..., Any]
        if module is torch:
            found = getattr(SPACES[self.space], self.name)
        elif self.name in names.get(self.space, ()):
            found = names[self.space][self.name]
        else:
            space = {"torch": cr, "F": cr.nn.functional, "tensor": cr.Tensor}.get(self.space)
            found = getattr(getattr(cr, self.space) if space is None else space, self.name)
        return found


def show(value: Any) -> str:
    """An argument in short."""
    if isinstance(value, torch.Tensor):
        word = str(value.dtype).removeprefix("torch.")
        return f"{word}{list(value.shape)}" + ("" if value.is_contiguous() else "T")
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(show, value)) + "]"
    return repr(value)


def here(space: str, name: str) -> bool:
    """Whether both libraries have a public name."""
    if not hasattr(SPACES[space], name):
        return False
    if name in names.get(space, ()):
        return True
    ours = {"torch": cr, "F": cr.nn.functional, "tensor": cr.Tensor}.get(space)
    return hasattr(getattr(cr, space, None) if ours is None else ours, name)


def apart(value: Any) -> Any:
    """Arguments without history, NumPy's arrays as tensors."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, (tuple, list)):
        return type(value)(map(apart, value)) if type(value) in (tuple, list) else tuple(value)
    return value


def call_of(text: str, inputs: Mapping[str, Any]) -> Call | None:
    """The outermost call of a text; None where it is no call of a public name."""
    tree = ast.parse(text.strip(), mode="eval").body
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Attribute):
        return None
    used = {n for n in inputs if re.search(rf"(?<![.\w]){n}\b(?!=)", text)}
    scope = {**SCOPE, **{n: torch.from_numpy(np.array(inputs[n], order="K")) for n in used}}

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), text, "eval"), scope)

    owner, name = ast.unparse(tree.func.value), tree.func.attr
    spaces = {"m": "torch", "F": "F", "L": "linalg", "m.linalg": "linalg", "m.special": "special",
              "m.nn.functional": "F", "m.fft": "fft"}  # fmt: skip
    try:
        args = [] if owner in spaces else [value(tree.func.value)]
        if args and not isinstance(args[0], torch.Tensor):
            return None
        for node in tree.args:
            args += value(node.value) if isinstance(node, ast.Starred) else [value(node)]
        kwargs = {k.arg: value(k.value) for k in tree.keywords if k.arg is not None}
    except Exception:  # what a text shows may be an error of a part of it
        return None
    space = spaces.get(owner, "tensor")
    if not here(space, name) or len(kwargs) != len(tree.keywords):
        return None
    return Call(space, name, apart(args), {k: apart(v) for k, v in kwargs.items()})


def from_texts() -> Iterator[Call]:
    """The calls that stand in the files of texts."""
    for file, lists in FILES.items():
        module = importlib.import_module(file)
        for listed in lists:
            for text in getattr(module, listed):
                plain = text.values[0] if hasattr(text, "values") else text
                call = call_of(plain, module.INPUTS)
                if call is not None:
                    yield call


def tensors(value: Any) -> Any:
    """NumPy's arrays in an argument as tensors."""
    if isinstance(value, (np.ndarray, np.floating)):
        return torch.from_numpy(np.array(value))
    if isinstance(value, (tuple, list)) and any(isinstance(v, np.ndarray) for v in value):
        return [tensors(v) for v in value]
    return value


def from_samples() -> Iterator[Call]:
    """The calls that the declarations give, of operations with a public name of their own."""
    for name, op in registry.items():
        spaces = [s for s in ("torch", "F", "linalg", "special") if here(s, name)]
        public = names.get(spaces[0], {}).get(name) if spaces else None
        if op.samples is None or getattr(public, "op", None) is not op:
            continue
        for args in op.samples(Sampler()):
            keywords = args[-1] if args and isinstance(args[-1], dict) else {}
            plain = args[:-1] if keywords else args
            yield Call(spaces[0], name, [tensors(v) for v in plain], dict(keywords))


@cache
def pool() -> dict[str, list[Call]]:
    """All calls by public name, as ``torch.sum`` or ``tensor.add_``, without repetitions."""
    found: dict[str, dict[str, Call]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in (*from_texts(), *from_samples()):
            found.setdefault(f"{call.space}.{call.name}", {}).setdefault(str(call), call)
    return {name: list(calls.values()) for name, calls in sorted(found.items())}
