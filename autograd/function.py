"""``Function``: operations that users write themselves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from . import modes
from .custom import Context, finish
from .custom_batch import apply_inside
from .handle import Handle


class Function:
    """An operation of the user's own: ``forward`` and ``backward`` as static methods.

    ``forward(ctx, *args)`` computes with ``ctx.save_for_backward(...)``; or ``forward(*args)`` with
    ``setup_context(ctx, inputs, output)``. ``backward(ctx, *grads)`` returns one gradient (or None)
    for each argument of ``forward``. Call it as ``MyFunction.apply(...)``.

    >>> import chainrule as cr
    >>> class Cube(cr.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x ** 3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x ** 2
    >>> x = cr.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward(); x.grad
    tensor(12.)
    """

    generate_vmap_rule = False  # whether ``vmap`` may run forward and backward on batches

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the result from the arguments."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what ``backward`` needs, where ``forward`` takes no ``ctx``."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """One gradient for each argument of ``forward``."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @staticmethod
    def vjp(ctx: Any, *grad_outputs: Any) -> Any:
        """Another name for ``backward``."""
        raise NotImplementedError("vjp is not implemented.")

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the results, from one for each argument of ``forward``."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            "new-style autograd function with static forward method: "
            f"{type(self).__name__}.apply(...)"
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and record it."""
        if modes.batching and modes.local.levels:
            return apply_inside(cls, args, kwargs, cls._recorded, cls.vmap is not Function.vmap)
        return cls._recorded(*args, **kwargs)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The results for a whole batch, and the dimension of each that counts its examples."""
        raise NotImplementedError("To use autograd.Function with vmap, override this staticmethod.")

    @classmethod
    def _recorded(cls, *args: Any, **kwargs: Any) -> Any:
        ctx = Context()
        split = cls.setup_context is not Function.setup_context
        if split:
            args, kwargs = _in_order(cls.forward, args, kwargs), {}
        given = (*args, *kwargs.values())
        ctx.needs_input_grad = tuple(
            [isinstance(a, Handle) and a.requires_grad for a in given]  # type: ignore[attr-defined]
        )
        with modes.no_grad():
            if split:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
            else:
                result = cls.forward(ctx, *args, **kwargs)
        made = finish(cls, ctx, given, result if isinstance(result, tuple) else (result,))
        return tuple(made) if isinstance(result, tuple) else made[0]

    @classmethod
    def _reverse(cls) -> Callable[..., Any]:
        """The user's backward, under either of its names."""
        if cls.vjp is Function.vjp:
            return cls.backward
        if cls.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them."
            )
        return cls.vjp

    @classmethod
    def _has_jvp(cls) -> bool:
        return cls.jvp is not Function.jvp


def _in_order(
    forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    """All arguments of ``forward`` in order, keywords and defaults filled in."""
    bound = inspect.signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


class _Twice(Function):
    """Stands behind the gradients of a backward that cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, n: int, *tensors: Any) -> Any:
        return tuple([t.clone() for t in tensors[:n]])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``backward`` that cannot itself be differentiated: a second derivative raises.

    >>> import chainrule as cr
    >>> class Square(cr.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     @cr.autograd.once_differentiable
    ...     def backward(ctx, g):
    ...         return 2 * ctx.saved_tensors[0] * g
    >>> x = cr.tensor(3.0, requires_grad=True)
    >>> (g,) = cr.autograd.grad(Square.apply(x) ** 2, x, create_graph=True)
    >>> g.backward()
    Traceback (most recent call last):
        ...
    RuntimeError: trying to differentiate twice a function that was marked with @once_differentiable
    """

    @functools.wraps(fn)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        flowing = [g for g in grads if isinstance(g, Handle) and g.requires_grad]  # type: ignore[attr-defined]
        with modes.no_grad():
            result = fn(ctx, *grads)
        if not flowing or not modes.recording():
            return result
        outs = result if isinstance(result, tuple) else (result,)
        tensors = [o for o in outs if isinstance(o, Handle)]
        made = iter(_Twice.apply(len(tensors), *tensors, *flowing))
        outs = tuple([next(made) if isinstance(o, Handle) else o for o in outs])
        return outs if isinstance(result, tuple) else outs[0]

    return wrapper


__all__ = ["Context", "Function", "once_differentiable"]
