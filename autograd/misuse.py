"""What was wrong with a call that failed: the argument of another kind, named.

``guarded`` wraps a public function. A call that succeeds pays for one more frame; one that fails
has its arguments looked at, and where one is of a kind that the function does not take (a string
for a tensor, None for a dimension), the error names it, as PyTorch's does. What went wrong inside
NumPy (memory, whole numbers too large) becomes an error of the operation.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .errors import ShapeError
from .handle import Handle

EMPTY = inspect.Parameter.empty
_WORDS = {
    "Tensor": """A B L input input1 input2 other tensor tensor1 tensor2 anchor positive negative
        b_hh b_ih w_hh w_ih bias boundaries condition exponent elements test_elements fweights
        aweights grid hx index key query value values mask matrix mat mat1 mat2 batch1 batch2
        offsets log_probs logits per_sample_weights pos_weight running_mean running_var
        sorted_sequence sorter src target targets theta var vec vec1 vec2 weight weights
        x x1 x2 y real imag abs angle min max end in_proj_weight out_proj_weight""",
    "tuple of Tensors": "tensors matrices",
    "int": """dim0 dim1 dim2 start_dim end_dim chunks k num_classes groups num_groups diagonal
        ignore_index blank decimals minlength padding_idx num_heads n length step upscale_factor
        downscale_factor offset""",
    "int or tuple of ints": """dim axis dims shifts dimension split_size_or_sections
        indices_or_sections destination""",
    "tuple of ints": """size shape sizes kernel_size stride padding dilation output_size
        normalized_shape output_padding""",
    "bool": """keepdim keepdims largest sorted descending stable upper unbiased hermitian left
        unitriangular training train inplace log_input log_target full ceil_mode
        count_include_pad return_indices align_corners antialias equal_nan accumulate swap
        zero_infinity sparse scale_grad_by_freq right out_int32 include_self include_last_offset
        is_causal hard density return_inverse return_counts assume_unique invert
        full_matrices some use_input_stats with_replacement replacement as_tuple""",
    "float": """eps alpha beta p momentum margin delta lambd negative_slope tau threshold
        label_smoothing dropout_p lower max_val min_val atol rtol norm_type scale_factor dx""",
    "str": "reduction mode rounding_mode approximate padding_mode indexing interpolation",
}
KINDS = {name: kind for kind, listed in _WORDS.items() for name in listed.split()}
# Arguments that may be numbers as well, wherever they stand.
SCALARS = {"other", "exponent", "min", "max", "value", "values", "end", "elements", "src", "x",
           "y", "test_elements", "weight", "index", "input"}  # fmt: skip
# Arguments that may be None even where they have no default.
OPTIONAL = {"weight", "bias", "running_mean", "running_var", "min", "max", "offsets", "target"}
# Both a number and a name for one.
NAMES = {"p", "padding"}
# Second names of arguments: NumPy's, and those by which PyTorch's functions know them.
SECOND = {
    "axis": ("dim",), "keepdims": ("keepdim",), "input": ("A", "B", "L", "elements", "self"),
    "mat2": ("other",), "vec": ("other",), "tensor": ("other",), "exponent": ("other",),
    "axis0": ("dim0",), "axis1": ("dim1",), "input2": ("L",), "b": ("B",), "A": ("input",),
    "sections": ("indices_or_sections",), "indices": ("indices_or_sections",),
    "split_size": ("split_size_or_sections",), "other": ("src",), "elements": ("input",),
}  # fmt: skip
# What NumPy says of shapes and of memory that is not there.
PARSED = ("invalid literal", "could not convert", "only one element tensors")
NUMPY = ("could not be broadcast", "shape mismatch", "too big", "Maximum allowed", "too large")
# Errors that may say little of what the caller did wrong. Others are our own words.
VAGUE = (AttributeError, TypeError, KeyError, ValueError, ArithmeticError, MemoryError)
PLAIN = ("bool", "int", "float")
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def kind_of(argument: str, default: Any) -> str | None:
    """The kind of an argument: that of its default where it is a flag or a number."""
    kind = KINDS.get(argument)
    if argument == "tau" and default is EMPTY:  # a number, or the factors of reflections
        return None
    if kind in PLAIN and type(default) in (bool, float):
        return type(default).__name__
    return kind


def _number(value: Any) -> bool:
    return isinstance(value, (numbers.Number, np.generic))


def _one(value: Any) -> bool:
    return isinstance(value, Handle) and value.numel() == 1  # type: ignore[attr-defined]


def _whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _fits(kind: str, value: Any) -> bool:
    """Whether an argument is of a kind, as PyTorch takes it."""
    if kind == "Tensor":
        return isinstance(value, Handle)
    if kind == "tuple of Tensors":
        several = isinstance(value, (tuple, list))
        return several and all([isinstance(v, Handle) for v in value])
    if kind == "str":
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, (bool, np.bool_))
    if kind == "float":
        return _number(value) or _one(value)
    if kind == "int":
        return _whole(value) or (_one(value) and not value.is_floating_point())
    if isinstance(value, (tuple, list)):  # tensordot takes a pair of lists
        return all([v is None or _fits(kind, v) for v in value])
    return _fits("int", value)


def _word(kind: str, value: Any) -> str:
    if "tuple" in kind and isinstance(value, (tuple, list)):
        part = "Tensor" if "Tensors" in kind else "int"
        bad = next((v for v in value if not _fits(part, v)), None)
        return f"a {type(value).__name__} with {type(bad).__name__}"
    return type(value).__name__


def find(name: str, given: Iterable[tuple[int | None, str, Any, Any]],
         scalars: Sequence[str] = (), strict: bool = True) -> TypeError | None:  # fmt: skip
    """The error for the first argument of another kind; None where all are of their kinds.

    ``given`` lists position (from 1, None for keywords), name, value and default; ``scalars`` are
    arguments of this function that may be numbers.
    """
    for at, argument, value, default in given:
        kind = kind_of(argument, default)
        if not argument and isinstance(value, (str, type)) and strict:
            return TypeError(f"{name}(): argument {at} must be a Tensor or a number, not "
                             f"{type(value).__name__}")  # fmt: skip
        if kind is None or value is default or (value is None and default is None):
            continue
        if (argument in SCALARS or argument in scalars) and _number(value):
            continue
        if (argument in NAMES and isinstance(value, str)) or (
            value is None and argument in OPTIONAL
        ):
            continue
        if kind != "Tensor" and isinstance(default, str) and isinstance(value, str):
            continue
        if not _fits(kind, value):
            where = f" (position {at})" if at is not None else ""
            return TypeError(
                f"{name}(): argument '{argument}'{where} must be {kind}, not {_word(kind, value)}"
            )
    return None


def _listed(
    function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[tuple[int | None, str, Any, Any]]:
    """The arguments of a call, with their names and defaults."""
    parameters = inspect.signature(function).parameters
    known = [p for p in parameters.values() if p.kind in POSITIONAL]
    made: list[tuple[int | None, str, Any, Any]] = [
        (k, p.name, v, p.default) for k, (p, v) in enumerate(zip(known, args, strict=False), 1)
    ]
    defaults = {name: p.default for name, p in parameters.items()}
    made += [(None, k, v, defaults.get(k, EMPTY)) for k, v in kwargs.items()]
    rest = [p for p in parameters.values() if p.kind is p.VAR_POSITIONAL]
    several = args[len(known) :] if rest else ()
    made += [(k, "", v, EMPTY) for k, v in enumerate(several, len(known) + 1)]
    return made


def explained(
    name: str,
    function: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    error: Exception,
    scalars: Sequence[str] = (),
) -> Exception:
    """The exception to raise in place of one that a public function met."""
    text = str(error)
    if isinstance(error, TypeError) and "argument" in text:
        return error
    parsed = any(words in text for words in PARSED)
    if isinstance(error, ValueError) and not (
        type(error) is ValueError and (parsed or any(words in text for words in NUMPY))
    ):
        return error
    strict = isinstance(error, (AttributeError, TypeError))
    found = find(name, _listed(function, args, kwargs), scalars, strict)
    if found is not None:
        return found
    if isinstance(error, (OverflowError, MemoryError, ZeroDivisionError)):
        return RuntimeError(f"{name}(): {error or 'not enough memory for the result'}")
    if isinstance(error, ValueError):
        return (TypeError if parsed else ShapeError)(f"{name}(): {error}")
    if isinstance(error, AttributeError) and not isinstance(error.obj, (Handle, np.generic)):
        got = type(error.obj).__name__
        if got in vars(builtins) or error.obj is None:
            kind = "int" if error.name == "__index__" else "Tensor"
            return TypeError(f"{name}(): an argument must be {kind}, not {got}")
    return error


def guarded(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A public function whose failures name the argument that was wrong.

    Nothing is looked at before the call: what the function does with a value of another kind is
    its own affair as long as it succeeds. Errors that say what went wrong pass as they are.
    """
    operation = getattr(function, "op", None)
    short = operation is not None and operation.partial and operation.call is function
    if isinstance(function, type) or short or name in ("__getitem__", "__setitem__"):
        return function  # the quickest ways in, and indices, which are of every kind
    if hasattr(function, "unguarded"):
        return function
    scalars = operation.inputs if operation is not None and operation.numbers else ()

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except VAGUE as error:
            if "keyword argument 'out'" in str(error) and kwargs.get("out") is not None:
                from .declare import write_out

                rest = {k: v for k, v in kwargs.items() if k != "out"}
                return write_out(kwargs["out"], call(*args, **rest))
            again = _renamed(function, kwargs) if "keyword" in str(error) and kwargs else None
            if again is not None:
                return call(*args, **again)
            better = explained(name, function, args, kwargs, error, scalars)
            if better is error:
                raise
            raise better from None

    call.unguarded = function  # type: ignore[attr-defined]
    return call


def _renamed(function: Any, kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """The keywords under the names that the function knows; None where nothing changes."""
    known = inspect.signature(function).parameters
    back = {}
    for key, value in kwargs.items():
        others = () if key in known else SECOND.get(key, ())
        back[next((n for n in others if n in known and n not in kwargs), key)] = value
    return back if back.keys() != kwargs.keys() else None
