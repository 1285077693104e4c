"""Checkpointing: keep a function's arguments instead of what it computed, and run it again.

A call under ``checkpoint`` saves nothing for backward but its arguments and the random state. When
backward first asks for a saved value the function runs again, with that random state, and its
values are handed out as they are asked for (Chen et al., *Training deep nets with sublinear memory
cost*, 2016). The non-reentrant form does it with ``saved_tensors_hooks``: the recorded graph is the
usual one, so hooks, ``grad`` and second derivatives work. The reentrant one is a ``Function`` whose
backward records the function and walks back inside.
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable, Generator
from typing import Any

from . import modes, views
from .function import Function
from .gradients import backward
from .handle import Handle
from .random import default_generator
from .saved import saved_tensors_hooks

Contexts = tuple[contextlib.AbstractContextManager[Any], contextlib.AbstractContextManager[Any]]
NAME = "torch.utils.checkpoint"


class CheckpointError(RuntimeError):
    """The function computed something else when it was run again."""


class _Stop(BaseException):
    """All that was saved has been computed again: the rest need not be."""


class _Settings:
    early_stop = True
    debug: bool | None = None


_settings = _Settings()


@contextlib.contextmanager
def _setting(name: str, value: Any) -> Generator[None, None, None]:
    before = getattr(_settings, name)
    setattr(_settings, name, value)
    try:
        yield
    finally:
        setattr(_settings, name, before)


def set_checkpoint_early_stop(enable: bool) -> contextlib.AbstractContextManager[None]:
    """Inside the block, whether a second run stops when all that was saved is there again.

    >>> from chainrule.autograd.checkpoint import set_checkpoint_early_stop
    >>> with set_checkpoint_early_stop(False): pass
    """
    return _setting("early_stop", enable)


def set_checkpoint_debug_enabled(enabled: bool | None) -> contextlib.AbstractContextManager[None]:
    """Inside the block, whether errors list the line that saved each tensor (None: as asked).

    >>> from chainrule.autograd.checkpoint import set_checkpoint_debug_enabled
    >>> with set_checkpoint_debug_enabled(True): pass
    """
    return _setting("debug", enabled)


def noop_context_fn() -> Contexts:
    """Two contexts that do nothing: the default of ``context_fn``.

    >>> from chainrule.autograd.checkpoint import noop_context_fn
    >>> with noop_context_fn()[0]: pass
    """
    return contextlib.nullcontext(), contextlib.nullcontext()


class _Random:
    """The random state at a call, to be put back while the call is run again."""

    def __init__(self, preserve: bool) -> None:
        self.state = default_generator.get_state() if preserve else None

    @contextlib.contextmanager
    def again(self) -> Generator[None, None, None]:
        """Draw inside the block what was drawn after the state was taken."""
        if self.state is None:
            yield
            return
        now = default_generator.get_state()
        default_generator.set_state(self.state)
        try:
            yield
        finally:
            default_generator.set_state(now)


class _Argument:
    """A tensor argument: kept, or packed by the hooks in force around the call."""

    def __init__(self, t: Any) -> None:
        packers = modes.local.packers
        self.version = views.version(t)
        self.outer = packers[-1] if packers and modes.recording() else None
        self.kept = t if self.outer is None else self.outer.pack_hook(t)
        self.requires_grad = t.requires_grad

    def value(self) -> Any:
        """The argument again."""
        if self.outer is not None:
            t = self.outer.unpack_hook(self.kept).detach()
            return t.requires_grad_() if self.requires_grad else t
        if views.version(self.kept) != self.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                "inplace operation: an argument of a function under checkpoint, of shape "
                f"{list(self.kept.shape)}, was edited after (or inside) the call, so the function "
                "cannot be run again. Write the edit out of place, or pass a clone."
            )
        return self.kept


class _Box:
    """A value computed again, waiting for backward."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor.detach()

    def apart(self, owner: Any) -> _Box:
        """Copy the value where the memory of ``owner`` will be edited in place."""
        data = self.tensor._data
        if hasattr(data, "base") and views.owner_of(data) is owner:
            self.tensor = self.tensor.clone()
        return self


class _Call:
    """One call under the non-reentrant form: what it saved (shapes only), and how to repeat it."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context: contextlib.AbstractContextManager[Any],
        preserve: bool,
        check: bool,
        debug: bool,
        early_stop: bool,
    ) -> None:
        self.function, self.kwargs, self.context = function, kwargs, context
        self.args = [_Argument(a) if isinstance(a, Handle) else a for a in args]
        self.random = _Random(preserve)
        self.check, self.debug, self.early_stop = check, debug, early_stop
        self.saved: list[tuple[Any, Any]] = []  # shape and dtype of each
        self.lines: list[str | None] = []
        self.boxes: dict[int, _Box] = {}
        self._task: Callable[[], Any] = lambda: None  # the walk that the boxes are for

    def pack(self, t: Any) -> int:
        """Note the shape of a saved tensor, and keep its number instead."""
        self.saved.append((tuple(t.shape), t.dtype))
        if self.debug:
            self.lines.append(modes.user_line())
        return len(self.saved) - 1

    def unpack(self, k: int) -> Any:
        """A saved tensor, computed again when a walk first asks."""
        task = modes.local.task
        if k not in self.boxes or self._task() is not task:
            self.run_again()
            self._task = weakref.ref(task) if task is not None else lambda: None
        if k not in self.boxes:
            raise self._count_error(len(self.boxes))
        return self.boxes.pop(k).tensor

    def run_again(self) -> None:
        """Call the function as it was called, and keep what it saves."""
        self.boxes, count, wrong = {}, 0, list[str]()

        def again(t: Any) -> Any:
            nonlocal count
            k, count = count, count + 1
            if k >= len(self.saved):
                raise CheckpointError(
                    f"{NAME}: trying to save more tensors during recomputation than during the "
                    f"original forward pass, which saved {len(self.saved)}."
                )
            box = self.boxes[k] = _Box(t)
            if self.check and (tuple(t.shape), t.dtype) != self.saved[k]:
                wrong.append(self._difference(k, t))
            if self.early_stop and count == len(self.saved):
                raise _Stop
            return box

        args = [a.value() if isinstance(a, _Argument) else a for a in self.args]
        hooks = saved_tensors_hooks(again, lambda box: box.tensor)
        recording, stop = modes.enable_grad(), contextlib.suppress(_Stop)
        with self.random.again(), recording, self.context, stop, hooks:
            self.function(*args, **self.kwargs)
        if count != len(self.saved):
            raise self._count_error(count)
        if wrong:
            raise CheckpointError(
                f"{NAME}: Recomputed values for the following tensors have different metadata than "
                "during the forward pass.\n" + "\n".join(wrong) + "\nThe function must compute the "
                "same when it is called again with the same arguments and random state."
            )

    def _difference(self, k: int, t: Any) -> str:
        shape, dtype = self.saved[k]
        return (
            f"tensor at position {k}{self._at(k)}:\nsaved metadata: shape {list(shape)}, dtype "
            f"{dtype}\nrecomputed metadata: shape {list(t.shape)}, dtype {t.dtype}"
        )

    def _at(self, k: int) -> str:
        return f" (saved at {self.lines[k]})" if self.debug and self.lines[k] else ""

    def _count_error(self, count: int) -> CheckpointError:
        tip = " Pass debug=True to see the line that saved each."
        if self.debug:
            tip = "\n" + "\n".join(f"  {k}: {line}" for k, line in enumerate(self.lines))
        return CheckpointError(
            f"{NAME}: A different number of tensors was saved during the original forward and "
            f"recomputation.\nNumber of tensors saved during forward: {len(self.saved)}\nNumber of "
            f"tensors saved during recomputation: {count}.{tip}"
        )


class CheckpointFunction(Function):
    """The reentrant form: run without recording, and in backward record and go back at once."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        """Call the function and keep its arguments."""
        ctx.function, ctx.random = function, _Random(preserve)
        ctx.others = [None if isinstance(a, Handle) else a for a in args]
        ctx.places = [k for k, a in enumerate(args) if isinstance(a, Handle)]
        ctx.save_for_backward(*[args[k] for k in ctx.places])
        return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Call the function again, recorded, and go back through it."""
        if modes.local.task is not None and modes.local.task.wanted is not None:
            raise RuntimeError(
                f"When use_reentrant=True, {NAME} is incompatible with .grad() or passing an "
                "`inputs` parameter to .backward(). To resolve this error, you can either set "
                "use_reentrant=False, or call .backward() without passing the `inputs` argument."
            )
        args = list(ctx.others)
        needs = ctx.needs_input_grad[2:]
        for k, t in zip(ctx.places, ctx.saved_tensors, strict=True):
            args[k] = t.detach()
            if needs[k]:
                args[k].requires_grad_()
        with ctx.random.again(), modes.enable_grad():
            result = ctx.function(*args)
        outs = result if isinstance(result, tuple) else (result,)
        pairs = [
            (o, g) for o, g in zip(outs, grads, strict=True)
            if isinstance(o, Handle) and o.requires_grad  # type: ignore[attr-defined]
        ]  # fmt: skip
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *[a.grad if isinstance(a, Handle) else None for a in args])  # type: ignore[attr-defined]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, whose values are computed again in backward, not kept.

    Say ``use_reentrant=False``; the reentrant form is PyTorch's old default. ``context_fn`` gives
    the contexts of the two runs, ``preserve_rng_state=False`` lets the second draw other numbers.
    Raises CheckpointError in backward when the second run saved other shapes or another number of
    tensors (``determinism_check="none"`` lets other shapes pass).

    >>> import chainrule as cr
    >>> from chainrule.autograd.checkpoint import checkpoint
    >>> x = cr.tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x * x).exp(), x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([  5.4366, 218.3926])
    """
    if use_reentrant is None:
        warnings.warn(
            f"{NAME}: the use_reentrant parameter should be passed explicitly. use_reentrant=False "
            "is recommended: it works with grad(), keyword arguments and nested checkpoints. "
            "Without it, use_reentrant=True is taken.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError(
                "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
            )
        check_backward_validity(args)
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    first, second = context_fn()
    if not modes.recording():
        with first:
            return function(*args, **kwargs)
    told = debug if _settings.debug is None else _settings.debug
    stop, check = early_stop and _settings.early_stop, determinism_check == "default"
    call = _Call(function, args, kwargs, second, preserve, check, told, stop)
    with first, saved_tensors_hooks(call.pack, call.unpack):
        return function(*args, **kwargs)


def check_backward_validity(inputs: Any) -> None:
    """Warn where the reentrant form cannot give gradients: no argument requires grad.

    >>> from chainrule.autograd.checkpoint import check_backward_validity
    >>> import chainrule as cr
    >>> check_backward_validity([cr.ones(1, requires_grad=True)])
    """
    if not any(isinstance(t, Handle) and t.requires_grad for t in inputs):  # type: ignore[attr-defined]
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=3
        )


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """A Sequential (or list of functions) in ``segments`` parts, all but the last checkpointed.

    >>> import chainrule as cr
    >>> from chainrule.autograd.checkpoint import checkpoint_sequential
    >>> x = cr.ones(2, requires_grad=True)
    >>> checkpoint_sequential([cr.exp] * 4, 2, x * 0, use_reentrant=False).sum().backward()
    """
    if use_reentrant is None:
        warnings.warn(
            f"{NAME}.checkpoint_sequential: the use_reentrant parameter should be passed "
            "explicitly; use_reentrant=False is recommended.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"Unexpected keyword arguments: {','.join(kwargs)}")
    every = list(functions.children()) if hasattr(functions, "children") else list(functions)

    def part(start: int, end: int) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for f in every[start:end]:
                x = f(x)
            return x

        return run

    size = len(every) // segments
    for k in range(segments - 1):
        run = part(k * size, (k + 1) * size)
        input = checkpoint(run, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return part((segments - 1) * size, len(every))(input)
