"""What an operation costs, counted from shapes: multiply-adds, and elementwise work.

A multiply-add is one product added to a sum, the unit of a layer's cost in the literature: a
convolution of ResNet-50, all of them together 4.09·10⁹ at 224×224. What only touches each element
(activations, norms, sums) is counted apart, one for each element read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

Shapes = Sequence[tuple[int, ...]]


class Cost(NamedTuple):
    """Multiply-adds, and elements that other operations compute."""

    multiply_adds: int = 0
    elements: int = 0

    def plus(self, other: Cost) -> Cost:
        """The sum of two costs."""
        return Cost(self.multiply_adds + other.multiply_adds, self.elements + other.elements)


def cost_of(op: str, shapes: Shapes, out: tuple[int, ...], params: Mapping[str, Any]) -> Cost:
    """The cost of one operation: its operands' shapes, its result's shape, its parameters.

    An operation without products costs as many elements as it reads or writes, whichever is more;
    one that moves or renames data costs nothing.

    >>> cost_of("linear", [(32, 784), (100, 784), (100,)], (32, 100), {})
    Cost(multiply_adds=2508800, elements=0)
    >>> cost_of("relu", [(32, 100)], (32, 100), {})
    Cost(multiply_adds=0, elements=3200)
    """
    if op in _PRODUCTS:
        return Cost(_PRODUCTS[op](shapes, out, params), 0)
    if op in _FREE:
        return Cost()
    return Cost(0, max([prod(out), *map(prod, shapes)]))


def _matmul(shapes: Shapes, out: tuple[int, ...], params: Mapping[str, Any]) -> int:
    return prod(out) * (shapes[0][-1] if shapes[0] else 1)


def _convolution(shapes: Shapes, out: tuple[int, ...], params: Mapping[str, Any]) -> int:
    """Each element of the result sums over the window and the channels of its group."""
    return prod(out) * prod(shapes[1][1:])


def _transposed(shapes: Shapes, out: tuple[int, ...], params: Mapping[str, Any]) -> int:
    """Each element of the input is spread over the window and the channels of its group."""
    return prod(shapes[0]) * prod(shapes[1][1:])


def _weight_gradient(shapes: Shapes, out: tuple[int, ...], params: Mapping[str, Any]) -> int:
    return prod(shapes[0]) * prod(out[1:])


def _attention(shapes: Shapes, out: tuple[int, ...], params: Mapping[str, Any]) -> int:
    """Scores q·kᵀ and the weighted sum of the values; the causal half is not taken off."""
    query, key, value = shapes[:3]
    pairs = prod(out[:-1]) * key[-2]
    return pairs * (query[-1] + value[-1])


def _einsum(shapes: Shapes, out: tuple[int, ...], params: Mapping[str, Any]) -> int:
    """All combinations of the indices, once for each product."""
    terms = str(params["equation"]).partition("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            sizes[letter] = max(n, sizes.get(letter, 1))
    return prod(sizes.values()) * (len(terms) - 1)


def _recurrent(shapes: Shapes, out: tuple[int, ...], params: Mapping[str, Any]) -> int:
    """Every step of every sequence multiplies by each weight once."""
    weights = [shapes[k] for k in (3, 4, 7) if k < len(shapes) and shapes[k]]
    return shapes[0][0] * sum(map(prod, weights))


def _distances(shapes: Shapes, out: tuple[int, ...], params: Mapping[str, Any]) -> int:
    return prod(out) * shapes[0][-1]


_PRODUCTS: dict[str, Callable[[Shapes, tuple[int, ...], Mapping[str, Any]], int]] = {
    "matmul": _matmul,
    "linear": _matmul,
    "convolution": _convolution,
    "convolution_input": _transposed,
    "convolution_weight": _weight_gradient,
    "scaled_dot_product_attention": _attention,
    "einsum": _einsum,
    "recurrent": _recurrent,
    "cdist": _distances,
}
# Views, names and copies: no arithmetic.
_FREE_NAMES = (
    "alias as_strided assign_view cat chunk clone convert detach diagonal doubled embedding_rows "
    "expand flip gather get_index index_select narrow output pad_constant pad_edges permute "
    "picked place put put_index repeat repeat_interleave reshape roll select split squeeze stack "
    "strided_read take transpose tril triu unbind unfold unfold_columns unsqueeze "
    "view_as_complex view_as_real"
)
_FREE = frozenset(_FREE_NAMES.split())
