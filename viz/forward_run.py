"""Run a model's forward and write down which module was called when, to the failing one if any."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from inspect import Parameter, signature
from types import TracebackType
from typing import Any

import numpy as np

from ..autograd import Tensor, enable_grad, registry
from ..autograd.declare import names as public_names
from ..autograd.graph import ancestors, next_serial
from ..autograd.modes import watch
from ..autograd.op import Op
from ..autograd.random import default_generator
from ..nn.hooked import register_module_forward_hook, register_module_forward_pre_hook

Shape = tuple[int, ...]


@dataclass(slots=True)
class Call:
    """One call of a module: the operations made in it have serials between `first` and `last`."""

    index: int
    path: str
    module: Any
    parent: int | None
    first: int
    last: int = 0
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[Shape, ...] = ()
    finished: bool = False
    results: list[Any] = field(default_factory=list)  # nodes


@dataclass(slots=True)
class Failure:
    """Where a forward pass stopped: the operation, what it was given, and why."""

    op: str
    sentence: str
    line: str
    sources: list[Any]  # nodes of the tensors it was given
    call: int | None
    serial: int


@dataclass(slots=True)
class Run:
    """A forward pass: its module calls, all it recorded (oldest first), and how it ended."""

    calls: list[Call]
    order: list[Any]
    roots: list[Any]
    inputs: dict[Any, str]  # nodes of the model's inputs, by name
    result: Any
    failure: Failure | None


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors inside a result: itself, in tuples, lists and dicts, and named fields."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, Mapping):
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, (tuple, list)):
            stack.extend(reversed(item))


def run_forward(
    model: Any, inputs: Iterable[Any], options: Mapping[str, Any], *, see_through: bool
) -> Run:
    """Call `model(*inputs, **options)` and record it; an exception inside becomes a `Failure`.

    Afterwards the model's buffers and the random numbers are what they were.

    `see_through` runs it under `watch()`: values and the user's lines are kept too.
    """
    inputs = tuple(inputs)
    recorder = _Recorder(model)
    failure, result = None, None
    with ExitStack() as stack:
        stack.enter_context(unchanged(model))
        stack.enter_context(enable_grad())
        if see_through:
            stack.enter_context(watch())
        stack.enter_context(register_module_forward_pre_hook(recorder.before))
        stack.enter_context(register_module_forward_hook(recorder.after))
        try:
            result = model(*inputs, **options)
        except Exception as error:
            failure, rest = _read_failure(error, recorder)
            recorder.found += rest
    roots = [t._node for t in tensors_in(result) if t._node is not None]
    known = dict.fromkeys([*roots, *recorder.found])
    if failure:
        known.update(dict.fromkeys(failure.sources))
    named = _input_names(model, inputs, options)
    order = ancestors(known)
    return Run(recorder.calls, order, roots, named, result, failure)


@contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Put the model's buffers (running statistics) and the random numbers back afterwards."""
    state = default_generator.get_state()
    buffers = list(getattr(model, "buffers", tuple)())
    kept = [b._data.copy() if isinstance(b._data, np.ndarray) else b._data for b in buffers]
    try:
        yield
    finally:
        default_generator.set_state(state)
        for buffer, data in zip(buffers, kept, strict=True):
            if isinstance(data, np.ndarray):
                np.copyto(buffer._data, data)
            else:
                buffer._data = data


class _Recorder:
    def __init__(self, model: Any) -> None:
        modules = model.named_modules() if hasattr(model, "named_modules") else ()
        self.paths = {id(module): path for path, module in modules}
        self.calls: list[Call] = []
        self.open: list[Call] = []
        self.found: list[Any] = []

    def before(self, module: Any, args: tuple[Any, ...]) -> None:
        parent = self.open[-1].index if self.open else None
        name = self.paths.get(id(module), type(module).__name__)
        call = Call(len(self.calls), name, module, parent, next_serial())
        call.inputs = tuple(tuple(t.shape) for t in tensors_in(args))
        self.calls.append(call)
        self.open.append(call)

    def after(self, module: Any, args: tuple[Any, ...], result: Any) -> None:
        while self.open:  # calls that were left through an exception somebody caught
            call = self.open.pop()
            call.last = next_serial()
            if call.module is module:
                break
        call.finished = True
        call.outputs = tuple(tuple(t.shape) for t in tensors_in(result))
        call.results = [t._node for t in tensors_in(result) if t._node is not None]
        self.found += call.results


def _input_names(model: Any, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> dict[Any, str]:
    """Nodes of the tensors that were passed in, named as `forward` names its arguments."""
    try:
        wanted = list(signature(getattr(model, "forward", model)).parameters.values())
    except (TypeError, ValueError):
        wanted = []
    names = [p.name for p in wanted if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
    names += [f"input{k + 1}" for k in range(len(names), len(inputs))]
    found: dict[Any, str] = {}
    for name, value in [*zip(names, inputs, strict=False), *options.items()]:
        several = list(tensors_in(value))
        for k, tensor in enumerate(several):
            if tensor._node is not None:
                title = name if len(several) == 1 else f"{name}[{k}]"
                found.setdefault(tensor._node, tensor.name or title)
    return found


def _read_failure(error: Exception, recorder: _Recorder) -> tuple[Failure, list[Any]]:
    """What failed, from the frames of the traceback; and the nodes of the tensors found there."""
    frames = list(_frames(error.__traceback__))
    package = __name__.split(".")[0]
    engine = f"{package}.autograd"
    user, first = "", None
    for k, (frame, number) in enumerate(frames):
        home = str(frame.f_globals.get("__name__", ""))
        if home.split(".")[0] != package:
            code = linecache.getline(frame.f_code.co_filename, number).strip()
            user = f"{frame.f_code.co_filename}:{number}: {code}"
        if not home.startswith(engine):
            first = None
        elif first is None:
            first = k
    alive = [t._node for frame, _ in frames for t in _locals(frame) if t._node is not None]
    sources: list[Any] = []
    name = type(error).__name__
    if first is not None:
        below = [frame for frame, _ in frames[first:]]
        held = [[t._node for t in _locals(frame) if t._node is not None] for frame in below]
        sources = list(dict.fromkeys(next((nodes for nodes in held if nodes), [])))
        name = _operation(below) or name
    sentence = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    at = recorder.open[-1].index if recorder.open else None
    now = next_serial()
    for call in recorder.open:
        call.last = now + 1
    return Failure(name, sentence, user, sources, at, now), alive


def _frames(trace: TracebackType | None) -> Iterator[tuple[Any, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _locals(frame: Any) -> list[Tensor]:
    """Tensors among a frame's variables, one level deep, in order."""
    found: list[Tensor] = []
    for value in list(frame.f_locals.values()):
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += [t for t in value if isinstance(t, Tensor)]
    return found


def _operation(frames: list[Any]) -> str:
    """The operation that these frames of the engine carry out, by its public name where it has one.

    Operators go through one generic function, which holds the operation as a variable.
    """
    public = {**public_names["F"], **public_names["torch"], **public_names["tensor"]}
    for frame in frames:
        name: str = frame.f_code.co_name
        if name in public or name in registry:
            return name
        held = frame.f_locals.get("op")
        if isinstance(held, Op):
            return held.name
    return next((f.f_code.co_name.strip("_") for f in frames), "")
