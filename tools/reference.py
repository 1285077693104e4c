"""What the reference pages say of each operation: read from the registry, measured on samples."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import chainrule
from chainrule.autograd import registry
from chainrule.autograd.declare import family_of, names
from chainrule.autograd.op import Op
from chainrule.autograd.ops.samples import Domain, Sampler
from chainrule.autograd.sym import rule_sym

SPACES = {"torch": "chainrule", "tensor": "Tensor", "F": "chainrule.nn.functional"}
SPACES |= {"special": "chainrule.special", "linalg": "chainrule.linalg", "fft": "chainrule.fft"}
LETTERS = {"input": "x", "other": "y", "out": "f", "g": r"\bar{f}"}
DTYPES = ("bool", "int64", "float16", "bfloat16", "float32", "float64", "complex64")


@dataclass
class Entry:
    """One public function."""

    name: str
    function: Callable[..., Any]
    op: Op | None
    homes: list[str] = field(default_factory=list)  # every name users may call it by

    @property
    def doc(self) -> str:
        """The docstring, indentation removed."""
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def signature(self) -> str:
        """The arguments as a user writes them."""
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):
            return "(…)"
        shown = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
        return str(inspect.Signature(shown))


@dataclass
class Family:
    """One module of ``autograd/ops``: a page."""

    name: str
    title: str
    source: str
    entries: list[Entry]
    beneath: list[Entry]  # operations that users reach through the entries only


def families() -> list[Family]:
    """Every family with a public function, in the order of the alphabet."""
    found: dict[str, dict[str, Entry]] = {}
    twins: dict[str, set[str]] = {}
    for space, functions in names.items():
        home = SPACES.get(space, f"chainrule.{space}")
        for name, function in functions.items():
            module = family_of(function)
            if module.endswith(".declare"):  # an in-place twin: listed with what it is made of
                twins.setdefault(name[:-1], set()).add(f"{home}.{name}")
                continue
            if ".ops." not in module or name.startswith("__"):
                continue
            op = getattr(function, "op", None)
            key = op.name if op is not None else inspect.unwrap(function).__qualname__
            family = found.setdefault(module, {})
            entry = family.setdefault(key, Entry(name, function, op))
            if space != "tensor":
                entry.function = function
            entry.homes.append(f"{home}.{name}")
    for op in registry.values():  # a module of operations that only other modules call
        if ".ops." in _module(op):
            found.setdefault(_module(op), {})
    pages = []
    for module, entries in sorted(found.items()):
        text = importlib.import_module(module).__doc__ or module
        short = module.rsplit(".", 1)[-1]
        every = sorted(entries.values(), key=lambda e: e.name)
        for e in every:
            for word in {h.rsplit(".", 1)[-1] for h in e.homes}:
                e.homes += sorted(twins.get(word, ()))
        title = text.strip().split("\n")[0].rstrip(".")
        beneath = _beneath(module, every)
        pages.append(Family(short, title, f"autograd/ops/{short}.py", every, beneath))
    return pages


def _beneath(module: str, entries: list[Entry]) -> list[Entry]:
    """The operations of a module that no public function is: some are a function's only one."""
    used = {e.op.name for e in entries if e.op is not None}
    rest = {n: op for n, op in registry.items() if _module(op) == module and n not in used}
    for e in entries:
        if e.op is None and e.name in rest:
            e.op = rest.pop(e.name)
    return [Entry(n, op.function or op.kernel, op) for n, op in sorted(rest.items())]


def _module(op: Op) -> str:
    return family_of(op.call or op.kernel)


def formula(op: Op) -> str | None:
    """The operation in TeX, its inputs as x, y, ..."""
    if not op.tex or op.variadic:
        return None
    letters = [LETTERS.get(n, rf"\mathrm{{{n}}}") for n in op.inputs]
    try:
        return op.tex.format(*letters)
    except (IndexError, KeyError):
        return None


def derivatives(op: Op) -> Iterator[tuple[str, str, str | None]]:
    """(input, its rule in TeX, the rule that runs where that is another form)."""
    if callable(op.rules):
        return
    for name in op.inputs:
        try:
            shown, run = rule_sym(op, name), rule_sym(op, name, textbook=False)
            if shown is None or run is None:
                continue
            tex, other = shown.latex(LETTERS), run.latex(LETTERS)
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError):
            continue  # a rule that reads shapes or parameters has no line without a call
        yield name, tex, other if other != tex else None


def _tensors(values: tuple[Any, ...], dtype: Any = None) -> tuple[list[Any], dict[str, Any]]:
    keywords: dict[str, Any] = {}
    if values and isinstance(values[-1], dict):
        *rest, keywords = values
        values = tuple(rest)

    def one(v: Any) -> Any:
        if isinstance(v, (np.ndarray, np.floating)):
            t = chainrule.tensor(np.asarray(v))
            return t.to(dtype) if dtype is not None and t.is_floating_point() else t
        if isinstance(v, (list, tuple)) and v and isinstance(v[0], np.ndarray):
            return [one(x) for x in v]
        return v

    return [one(v) for v in values], {k: one(v) for k, v in keywords.items()}


def samples(op: Op) -> list[tuple[Any, ...]]:
    """The argument lists that the tests draw."""
    return list(op.samples(Sampler(0))) if op.samples is not None else []


def shapes(entry: Entry) -> list[tuple[str, str]]:
    """What goes in and what comes out, on the declared samples: at most four different lines."""
    op, lines = entry.op, dict[str, str]()
    for values in samples(op) if op is not None else []:
        args, keywords = _tensors(values)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                out = op.call(*args, **keywords)  # type: ignore[union-attr]  # op is not None here
        except (RuntimeError, TypeError, ValueError, IndexError):
            continue
        given = ", ".join(map(_shape, args))
        given += "".join(f", {k}={_shape(v)}" for k, v in keywords.items())
        outs = out if isinstance(out, (tuple, list)) else (out,)
        if len(given) < 90:
            lines.setdefault(given, ", ".join(map(_shape, outs)))
        if len(lines) == 4:
            break
    return list(lines.items())


def _shape(v: Any) -> str:
    if isinstance(v, chainrule.Tensor):
        return str(tuple(v.shape)).replace(",)", ")") if v.ndim else "()"
    if isinstance(v, list) and v and isinstance(v[0], chainrule.Tensor):
        return "[" + ", ".join(map(_shape, v)) + "]"
    return repr(v)


def dtypes(entry: Entry) -> list[tuple[str, str]]:
    """The dtype of the result for each dtype of the inputs, or the class of the error."""
    op = entry.op
    if op is None or not op.partial:
        return []
    found = []
    ones = [np.ones(2)] * len(op.inputs)
    for name in DTYPES:
        args = [chainrule.tensor(v).to(getattr(chainrule, name)) for v in ones]
        try:
            out = op.call(*args)
        except (RuntimeError, TypeError, NotImplementedError) as error:
            found.append((name, type(error).__name__))
        else:
            found.append((name, str(out.dtype).removeprefix("torch.")))
    return found


def errors(entry: Entry) -> list[tuple[str, str]]:
    """What a wrong call is told: (the call, the message)."""
    op, told = entry.op, []
    if op is None or entry.function is op.call or not entry.homes:
        return []
    word = entry.homes[0].removeprefix("chainrule.")
    calls: list[tuple[str, list[Any]]] = [("'text'", ["text"])]
    if len(op.inputs) == 2 and op.partial:
        pair = [chainrule.zeros(2, 3), chainrule.zeros(4)]
        calls.append(("zeros(2, 3), zeros(4)", pair))
    elif "dim" in op.params:
        calls.append(("zeros(2, 3), dim=5", [chainrule.zeros(2, 3), 5]))
    for text, args in calls:
        try:
            if "dim=" in text:
                entry.function(args[0], dim=args[1])
            else:
                entry.function(*args)
        except AttributeError:
            continue
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            told.append((f"{word}({text})", f"{type(error).__name__}: {error}"))
    return told


def slope(op: Op, x: float) -> float:
    """The derivative that backward gives at one place."""
    t = chainrule.tensor(x, dtype=chainrule.float64, requires_grad=True)
    op.call(t).backward()
    return float(t.grad.item())


def is_curve(op: Op | None) -> bool:
    """Whether the operation is a differentiable function of one number."""
    real = op is not None and op.partial and len(op.inputs) == 1 and op.differentiable
    return real and not op.params and isinstance(op.samples, Domain)  # type: ignore[union-attr]


def kinks(op: Op) -> list[str]:
    """Where the derivative jumps (looked for at multiples of ½), and what backward gives there."""
    found, h = [], 1e-7
    if is_curve(op):
        for x in np.arange(-6, 6.5, 0.5).tolist():
            left, at, right = (slope(op, x + d) for d in (-h, 0.0, h))
            if abs(left - right) / max(1, abs(left)) > 1e-2 and abs(left) < 1e3:  # no pole
                found.append(
                    f"At {x:g} the slope is {left:.3g} on the left and {right:.3g} on the right; "
                    f"backward gives {at:.3g}."
                )
    elif op.partial and op.inputs == ("input", "other") and op.differentiable:
        a, b = (chainrule.tensor(1.0, requires_grad=True) for _ in range(2))
        try:
            op.call(a, b).backward()
        except (RuntimeError, TypeError):
            return []
        if op.name in ("maximum", "minimum", "fmax", "fmin"):
            found.append(
                f"At a tie, backward gives {a.grad.item():g} to x and {b.grad.item():g} to y."
            )
    return found


def curve(op: Op, points: int = 241) -> tuple[Any, Any, Any]:
    """Places, values and slopes over the declared interval, for a plot."""
    (low, high) = op.samples.intervals[0]  # type: ignore[union-attr]  # is_curve was asked
    x = chainrule.linspace(low, high, points, dtype=chainrule.float64).requires_grad_()
    y = op.call(x)
    y.sum().backward()
    return x.detach().numpy(), y.detach().numpy(), x.grad.numpy()


def root() -> Path:
    """The folder of the package, which is the repository's root in a checkout."""
    return Path(chainrule.__file__).parent
