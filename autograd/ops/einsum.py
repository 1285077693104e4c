"""Einsum: sums of products named by letters.

An equation is brought into a plain form first (no ellipsis, no letter twice in one operand, no
letter that only one operand has and the result has not, no broadcasting), by diagonals, sums and
squeezes. What is left is one operation, whose gradients are einsums again: to find that of an
operand, exchange its letters with those of the result.
"""

from __future__ import annotations

from string import ascii_letters, ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from ..declare import Array, export, op
from ..errors import ShapeError, refuse
from .diagonals import diagonal
from .forms import tensors_of
from .reduce import total
from .shape import permute, squeeze

LETTERS = ascii_uppercase + ascii_lowercase  # the order of an implicit result


def _pair(a: Any, b: Any, left: str, right: str, kept: str) -> tuple[Any, str]:
    """Two operands contracted by one (batched) matrix product; the result's letters."""
    batch = [c for c in left if c in right and c in kept]
    summed = [c for c in left if c in right and c not in kept]
    rows = [c for c in left if c not in right]
    columns = [c for c in right if c not in left]
    size = dict(zip(left + right, a.shape + b.shape, strict=True))

    def arranged(x: Any, letters: str, order: list[list[str]]) -> Any:
        x = x.transpose([letters.index(c) for part in order for c in part])
        lead = [size[c] for c in order[0]]
        return x.reshape(*lead, *[int(np.prod([size[c] for c in part])) for part in order[1:]])

    x, y = arranged(a, left, [batch, rows, summed]), arranged(b, right, [batch, summed, columns])
    if summed:
        refuse("bmm", x, "b")
    out = np.matmul(x, y) if summed else x * y
    letters = batch + rows + columns
    return out.reshape([size[c] for c in letters]), "".join(letters)


def _contract(arrays: list[Any], terms: list[str], result: str) -> Any:
    """All operands, two at a time, in the order that NumPy finds the cheapest."""
    if len(arrays) == 1:
        return arrays[0].transpose([terms[0].index(c) for c in result])
    path: Any = [(0, 1)]
    if len(arrays) > 2:
        equation = f"{','.join(terms)}->{result}"
        path = np.einsum_path(equation, *arrays, optimize="greedy")[0][1:]
    for step in path:
        picked = [(arrays.pop(k), terms.pop(k)) for k in sorted(step, reverse=True)]
        while len(picked) > 1:
            (b, right), (a, left) = picked.pop(), picked.pop()
            others = "".join([t for _, t in picked] + terms) + result
            picked.append(_pair(a, b, left, right, others))
        out, letters = picked[0]
        lost = tuple([k for k, c in enumerate(letters) if c not in "".join(terms) + result])
        if lost:
            out, letters = (
                out.sum(lost),
                "".join([c for c in letters if c in "".join(terms) + result]),
            )
        arrays.append(out)
        terms.append(letters)
    return arrays[0].transpose([terms[0].index(c) for c in result])


class Gradients:
    """Every operand's gradient, computed when asked for: letters exchanged with the result's."""

    def __init__(self, g: Any, inputs: Any, equation: str) -> None:
        self.g, self.inputs = g, inputs
        left, self.result = equation.split("->")
        self.terms = left.split(",")

    def __getitem__(self, k: int) -> Any:
        others = [x for i, x in enumerate(self.inputs) if i != k]
        letters = [t for i, t in enumerate(self.terms) if i != k]
        return einsum_op((self.g, *others), f"{','.join([self.result, *letters])}->{self.terms[k]}")


@op(
    lambda g, inputs, equation: Gradients(g, inputs, equation),
    name="einsum",
    where=(),
    variadic=True,
    symbol="Σ∏",
    onnx="Einsum",
    samples=lambda s: [
        ([s(2, 3), s(3, 4)], "ij,jk->ik"),
        ([s(2, 3), s(2, 3)], "ij,ij->i"),
        ([s(2, 2, 3), s(2, 3, 2)], "bij,bjk->kbi"),
        ([s(2), s(3)], "i,j->ji"),
        ([s(2, 3), s(3, 4), s(4, 2)], "ij,jk,ki->"),
        ([s(2, 3), s(2, 4), s(3, 4)], "ia,ib,ab->ab"),
        ([s(2, 3)], "ij->ji"),
        ([s(0, 3), s(3)], "ij,j->i"),
    ],
)
def einsum_op(operands: Array, equation: str) -> Any:
    """Sums of products by an equation in plain form (see the head of this file)."""
    left, result = equation.split("->")
    arrays = [np.asarray(a) for a in operands]
    kind = arrays[0].dtype
    if kind.itemsize == 2 and kind.kind not in "iu":  # sums in float32, rounded at the end
        wide = [a.astype(np.float32) for a in arrays]
        return np.asarray(_contract(wide, left.split(","), result)).astype(kind)[()]
    return _contract(arrays, left.split(","), result)[()]


def _letters(term: str, ndim: int, k: int) -> tuple[str, str]:
    """What stands before and after the ellipsis of a term; without one, the whole and None."""
    if term.count("...") > 1:
        raise RuntimeError(
            f"einsum(): found '.' for operand {k} for which an ellipsis was already found"
        )
    head, dots, tail = term.partition("...")
    if "." in head + tail:
        raise RuntimeError(f"einsum(): found '.' for operand {k} that is not part of any ellipsis")
    for at, c in enumerate(head + tail):
        if c not in ascii_letters:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {at} in the equation string, "
                "subscripts must be in [a-zA-Z]"
            )
    n = len(head + tail)
    if n > ndim or (not dots and n != ndim):
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({n}) "
            f"{'is more than' if dots else 'does not match'} the number of dimensions ({ndim}) for "
            f"operand {k}" + ("" if dots else " and no ellipsis was given")
        )
    return head, tail if dots else "-"


def _parse(equation: str, operands: list[Any]) -> tuple[list[list[Any]], list[Any]]:
    """Labels of every operand's dimensions and of the result's: letters, and integers for '...'."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        word = "fewer" if len(terms) > len(operands) else "more"
        raise RuntimeError(
            f"einsum(): {word} operands were provided than specified in the equation: "
            f"{len(operands)} for '{equation}'"
        )
    labels: list[list[Any]] = []
    widest = 0
    for k, (term, t) in enumerate(zip(terms, operands, strict=True)):
        head, tail = _letters(term, t.ndim, k)
        if tail == "-":
            labels.append(list(head))
        else:
            n = t.ndim - len(head + tail)
            widest = max(widest, n)
            labels.append([*head, *range(-n, 0), *tail])
    dots = list(range(-widest, 0))
    if not arrow:
        every = [c for one in labels for c in one]
        single = [c for c in LETTERS if every.count(c) == 1]
        return labels, [*dots, *single]
    head, found, tail = right.partition("...")
    if "." in head + tail:
        raise RuntimeError("einsum(): found '.' for output that is not part of any ellipsis")
    for c in head + tail:
        if c not in ascii_letters:
            raise RuntimeError(
                f"einsum(): invalid subscript {c!r} in the output, subscripts must be in [a-zA-Z]"
            )
        if (head + tail).count(c) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {c} appears more than once in the output"
            )
        if not any([c in one for one in labels]):
            raise RuntimeError(
                f"einsum(): output subscript {c} does not appear in the equation for any input "
                "operand"
            )
    return labels, [*head, *(dots if found else []), *tail]


def _single(t: Any, labels: list[Any], k: int) -> tuple[Any, list[Any]]:
    """An operand in which no label stands twice: the diagonal is taken."""
    for c in dict.fromkeys(labels):
        while labels.count(c) > 1:
            i = labels.index(c)
            j = labels.index(c, i + 1)
            if t.shape[i] != t.shape[j]:
                raise ShapeError(
                    f"einsum(): subscript {c} is repeated for operand {k} but the sizes don't "
                    f"match, {t.shape[j]} != {t.shape[i]}"
                )
            t = diagonal(t, 0, i, j)
            labels = [x for n, x in enumerate(labels) if n not in (i, j)] + [c]
    return t, labels


def _sizes(operands: list[Any], labels: list[list[Any]]) -> dict[Any, int]:
    size: dict[Any, int] = {}
    for k, (t, names) in enumerate(zip(operands, labels, strict=True)):
        for c, n in zip(names, t.shape, strict=True):
            if size.get(c, 1) != 1 and n not in (1, size[c]):
                raise ShapeError(
                    f"einsum(): subscript {c} has size {n} for operand {k} which does not "
                    f"broadcast with previously seen size {size[c]}"
                )
            size[c] = n if n != 1 else size.get(c, 1)
    return size


def _plain(
    operands: list[Any], labels: list[list[Any]], result: list[Any]
) -> tuple[list[Any], list[list[Any]]]:
    """Operands without stretched dimensions, and without those that only they have."""
    size = _sizes(operands, labels)
    for k, t in enumerate(operands):
        others = [c for i, row in enumerate(labels) if i != k for c in row]
        pairs = list(zip(labels[k], t.shape, strict=True))
        small = [c for c, n in pairs if n == 1 != size[c] and c in others]
        if small:
            operands[k] = squeeze(t, tuple([labels[k].index(c) for c in small]))
            labels[k] = [c for c in labels[k] if c not in small]
    for k, t in enumerate(operands):
        others = [c for i, row in enumerate(labels) if i != k for c in row]
        alone = [c for c in labels[k] if c not in others and c not in result]
        if alone:
            operands[k] = total(t, tuple([labels[k].index(c) for c in alone]))
            labels[k] = [c for c in labels[k] if c not in alone]
    return operands, labels


def _sublists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The form ``einsum(x, [0, 1], y, [1, 2], [0, 2])`` as an equation."""

    def term(numbers: Any) -> str:
        for n in numbers:
            if n is not Ellipsis and not 0 <= n < 52:
                raise ValueError(f"einsum(): expected subscripts in the range [0, 52), got {n}")
        return "".join(["..." if n is Ellipsis else LETTERS[n] for n in numbers])

    pairs = len(args) // 2
    equation = ",".join([term(args[2 * k + 1]) for k in range(pairs)])
    if len(args) % 2:
        equation += "->" + term(args[-1])
    return equation, [args[2 * k] for k in range(pairs)]


@export("torch")
def einsum(*args: Any) -> Any:
    """Sums of products by Einstein's convention: ``einsum("ij,jk->ik", a, b)`` is ``a @ b``.

    Each letter names a dimension; letters that the result lacks are summed over. ``...`` stands for
    any further dimensions, which broadcast; without ``->`` the result has the letters that occur
    once, in alphabetical order. Raises RuntimeError where equation and operands do not fit.

    >>> import chainrule as cr
    >>> cr.einsum("ii->i", cr.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )
    equation, given = (args[0], args[1:]) if isinstance(args[0], str) else _sublists(args)
    operands = list(tensors_of(tuple(given), "einsum"))
    labels, result = _parse(equation, operands)
    for k, t in enumerate(operands):
        operands[k], labels[k] = _single(t, labels[k], k)
    operands, labels = _plain(operands, labels, result)
    if len(operands) == 1:
        order = tuple([labels[0].index(c) for c in result])
        return permute(operands[0], order)
    summed = [c for one in labels for c in one if c not in result]
    if summed and any([t.dtype is not operands[0].dtype for t in operands]):
        raise RuntimeError(
            f"einsum(): expected scalar type {operands[0].dtype} for all operands of a sum of "
            f"products, got {', '.join([str(t.dtype) for t in operands])}"
        )
    free = iter([c for c in ascii_letters if not any([c in one for one in labels])])
    every = dict.fromkeys(c for one in labels for c in one)
    letter = {c: c if isinstance(c, str) else next(free) for c in every}
    terms = ["".join([letter[c] for c in one]) for one in labels]
    return einsum_op(tuple(operands), f"{','.join(terms)}->{''.join([letter[c] for c in result])}")


einsum_op.op.function = einsum
