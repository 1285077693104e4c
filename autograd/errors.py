"""Errors that teach: what went wrong, the operation and the shapes, the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any


class ShapeError(RuntimeError, ValueError):
    """Shapes that do not fit: PyTorch raises RuntimeError, NumPy ValueError; this is both."""


def size_text(shape: Sequence[int]) -> str:
    """A shape as messages write it: ``2x3``."""
    return "x".join(map(str, shape))


def shape_of(raw: Any) -> tuple[int, ...]:
    """The shape of raw data or of a number."""
    return tuple(getattr(raw, "shape", ()))


def broadcast_clash(shapes: Iterable[Sequence[int]]) -> tuple[int, int, int] | None:
    """The first clash of broadcasting, from the right: (dimension, size, other size)."""
    result: list[int] = []
    for shape in shapes:
        flipped = list(shape)[::-1]
        for k, n in enumerate(flipped):
            if k >= len(result):
                result.append(n)
            elif result[k] == 1:
                result[k] = n
            elif n != 1 and n != result[k]:
                return max(len(result), len(flipped)) - 1 - k, result[k], n
    return None


def explain(op: Any, raws: Sequence[Any], error: Exception) -> Exception:
    """The exception to raise in place of a kernel's own complaint."""
    if isinstance(error, ShapeError):
        return error
    shapes = [shape_of(r) for r in raws if r is not None]
    listed = " and ".join(str(list(s)) for s in shapes)
    clash = broadcast_clash(shapes) if "broadcast" in str(error) else None
    if clash is not None:
        dim, n, m = clash
        return ShapeError(
            f"The size of tensor a ({n}) must match the size of tensor b ({m}) at non-singleton "
            f"dimension {dim}: {op.name} of shapes {listed}. Sizes are compared from the last "
            "dimension; each pair must be equal, or one of them 1 (unsqueeze or expand adds it)."
        )
    if isinstance(error, TypeError) and "numpy" not in str(error) and "ufunc" not in str(error):
        return TypeError(f"{op.name}: {error} (shapes {listed})")
    return RuntimeError(f"{op.name}: {error} (shapes {listed})")


def refuse(name: str, data: Any, kinds: str = "biu") -> None:
    """Raise for data of a kind that an operation does not take (integers and booleans)."""
    kind = data.dtype.kind if hasattr(data, "dtype") else "f"
    if kind in kinds:
        word = {"b": "booleans", "i": "integers", "u": "integers"}.get(kind, "real numbers")
        raise NotImplementedError(
            f'"{name}" not implemented for {word} ({getattr(data, "dtype", "float64")}); convert '
            f"first: {'x.long()' if kind in 'fc' else 'x.float()'}"
        )


def matmul_mismatch(a: Sequence[int], b: Sequence[int], name: str = "matmul") -> ShapeError:
    """The message for a matrix product whose inner sizes differ, with the likely remedy."""
    inner = b[-2] if len(b) > 1 else b[0]
    text = (
        f"mat1 and mat2 shapes cannot be multiplied ({size_text(a)} and {size_text(b)}): {name} "
        f"needs the last size of the first ({a[-1]}) to equal the "
        f"{'second to last' if len(b) > 1 else 'only'} size of the second ({inner})."
    )
    if len(a) > 1 and len(b) > 1:
        if a[-1] == b[-1]:
            text += " Did you mean a @ b.T?"
        elif a[-2] == inner:
            text += " Did you mean a.T @ b?"
    return ShapeError(text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x'?`` where something is close, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f" Did you mean '{close[0]}'?" if close else ""


def dim_out_of_range(dim: int, ndim: int) -> IndexError:
    """PyTorch's message for a dimension that is not there."""
    n = max(ndim, 1)
    return IndexError(
        f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
    )
