"""Grad modes: what is recorded, thread by thread.

The hot path reads two plain module variables, ``paused`` and ``watching``: how many threads are in
a mode that records less or more than usual. Only when one is not zero is the thread asked.
"""

from __future__ import annotations

import functools
import inspect
import linecache
import sys
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import numpy as np

from .graph import extra_of

F = TypeVar("F", bound=Callable[..., Any])

paused = 0  # threads in no_grad or inference mode
watching = 0  # who looks at new nodes: watch(), detect_anomaly(), saved_tensors_hooks, captures
anomaly = False  # detect_anomaly(), in all threads
check_nan = True
tracing = 0  # captures under way
batching = 0  # not 0 from the first vmap on: data may be Batched
_lock = threading.Lock()


class _Local(threading.local):
    grad = True
    inference = False
    watch = 0
    packers: tuple[Any, ...] = ()  # the saved_tensors_hooks in force, innermost last
    no_packing: str | None = None  # why there may be none
    task: Any = None  # the walk under way in this thread
    capture: Any = None  # the capture under way in this thread
    meet: Any = None  # under autocast: brings tensors of a product to one dtype
    around: Any = None  # stands for ``dispatch.apply`` in this thread (see around.py)
    timing: Any = None  # the profile that times this thread's backward
    levels: tuple[Any, ...] = ()  # the vmaps under way in this thread, outermost first
    module = ""  # path of the module that is running, kept by nn.Module under watch()


local = _Local()


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread.

    >>> import chainrule as cr
    >>> with cr.no_grad(): cr.is_grad_enabled()
    False
    """
    return local.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is in inference mode.

    >>> import chainrule as cr
    >>> cr.is_inference_mode_enabled()
    False
    """
    return local.inference


def recording() -> bool:
    """Whether this thread records (the quick form of ``is_grad_enabled``)."""
    return not paused or local.grad


def count(name: str, by: int) -> None:
    """Change one of the module's counters."""
    with _lock:
        globals()[name] += by


def _set(grad: bool, inference: bool) -> None:
    if local.grad != grad:
        count("paused", -1 if grad else 1)
    local.grad, local.inference = grad, inference


def record(grad: bool) -> bool:
    """Switch recording in this thread, and say what it was: ``no_grad`` without a context."""
    before = local.grad
    if before != grad:
        _set(grad, local.inference)
    return before


class _Mode:
    """A grad mode as context manager and as decorator of functions and generators."""

    grad: bool
    inference: bool | None = None

    def __new__(cls, fn: Any = None, *args: Any, **kwargs: Any) -> Any:
        if inspect.isfunction(fn):  # used as ``@no_grad`` without brackets
            return cls()(fn)
        return super().__new__(cls)

    def __init__(self) -> None:
        self._before: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self._before.append((local.grad, local.inference))
        _set(self.grad, local.inference if self.inference is None else self.inference)

    def __exit__(self, *exc: object) -> None:
        _set(*self._before.pop())

    def clone(self) -> _Mode:
        """A fresh context of the same kind."""
        return type(self)()

    def __call__(self, fn: F) -> F:
        if inspect.isgeneratorfunction(fn):
            return self._generator(fn)  # type: ignore[return-value]  # same call signature

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return fn(*args, **kwargs)

        return wrapped  # type: ignore[return-value]  # same call signature

    def _generator(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Run each stretch between two yields in the mode; the caller keeps its own."""

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            inner = fn(*args, **kwargs)
            resume: Callable[[], Any] = functools.partial(next, inner)
            try:
                while True:
                    with self.clone():
                        item = resume()
                    try:
                        sent = yield item
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume = functools.partial(inner.throw, error)
                    else:
                        resume = functools.partial(inner.send, sent)
            except StopIteration as stop:
                return stop.value
            finally:
                with self.clone():
                    inner.close()

        return wrapped


class no_grad(_Mode):
    """Record nothing: results do not require grad. Context manager and decorator.

    >>> import chainrule as cr
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> with cr.no_grad(): y = x * x
    >>> y.requires_grad
    False
    """

    grad = False


class enable_grad(_Mode):
    """Record again, inside ``no_grad``.

    >>> import chainrule as cr
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> with cr.no_grad(), cr.enable_grad(): y = x * x
    >>> y.requires_grad
    True
    """

    grad = True


class inference_mode(_Mode):
    """``no_grad`` for code that will never need gradients; ``inference_mode(False)`` leaves it.

    >>> import chainrule as cr
    >>> with cr.inference_mode(): cr.is_inference_mode_enabled()
    True
    """

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.grad, self.inference = not mode, mode

    def clone(self) -> inference_mode:
        """A fresh context of the same kind."""
        made: inference_mode = inference_mode(bool(self.inference))
        return made


class set_grad_enabled(_Mode):
    """Switch recording on or off, at once; as a context manager, until its end.

    >>> import chainrule as cr
    >>> before = cr.set_grad_enabled(False); cr.is_grad_enabled()
    False
    >>> after = cr.set_grad_enabled(True)
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.grad = bool(mode)
        self._before.append((local.grad, local.inference))
        self._fresh = True
        _set(self.grad, local.inference)

    def __enter__(self) -> None:
        if self._fresh:  # the constructor has switched already
            self._fresh = False
        else:
            super().__enter__()

    def clone(self) -> set_grad_enabled:
        """A fresh context of the same kind."""
        made: set_grad_enabled = set_grad_enabled(self.grad)
        return made

    def __call__(self, fn: F) -> F:
        _set(*self._before[0])  # a decorator switches only while the function runs
        return super().__call__(fn)


class watch:
    """See-through mode: keep every value, the source line and the module path of each operation.

    >>> import chainrule as cr
    >>> with cr.watch():
    ...     y = cr.ones(2, 2, requires_grad=True) * 3
    >>> y.grad_fn.value.tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """

    def __enter__(self) -> watch:
        count("watching", 1)
        local.watch += 1
        return self

    def __exit__(self, *exc: object) -> None:
        count("watching", -1)
        local.watch -= 1


def observe(node: Any, value: Any) -> None:
    """Let those look at a new node who asked for it."""
    if local.watch and not node.plan.op.several:
        annotate(node, value)
    elif anomaly:
        extra_of(node).line = user_line()
    if local.packers:
        local.packers[-1].keep(node)


def annotate(node: Any, value: Any) -> None:
    """Write down what see-through mode keeps of a new node."""
    extra = node.extra or extra_of(node)
    node.value = value.copy() if type(value) is np.ndarray else value
    extra.retain = node.requires_grad
    extra.line = user_line(3)  # not this function, nor the two around it
    if local.module:
        extra.module = local.module
    if node.constants:
        _keep_alive(node.constants)


def _keep_alive(constants: Any) -> None:
    for constant in constants:  # a leaf without gradient holds its data weakly
        if hasattr(constant, "keep_alive"):
            constant.keep_alive()


_package = __name__.split(".")[0]
_rooms = f"{_package}."
_lines: dict[tuple[int, int], tuple[Any, str]] = {}  # a place in a code object, and its text


def user_line(depth: int = 1) -> str | None:
    """``file:line: code`` of the innermost frame that is not the library's, from ``depth`` on."""
    frame: Any = sys._getframe(depth)
    while frame is not None:
        known = _lines.get((id(frame.f_code), frame.f_lasti))
        if known is not None:
            return known[1]
        name = frame.f_globals.get("__name__") or ""
        if name != _package and not name.startswith(_rooms):
            return _read_line(frame)
        frame = frame.f_back
    return None


def _read_line(frame: Any) -> str:
    """The line with its place, remembered with its code object, whose id is its own as long."""
    file, number = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(file, number).strip()
    text = f"{file}:{number}: {code}" if code else f"{file}:{number}"
    if len(_lines) > 10_000:
        _lines.clear()
    _lines[id(frame.f_code), frame.f_lasti] = frame.f_code, text
    return text
