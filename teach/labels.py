"""What to call the values of a graph in a sentence: their names, or what they compute."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from ..autograd.graph import ancestors, is_output
from ..autograd.sym import Sym
from ..viz.naming import name_nodes
from ..viz.numbers import format_number
from ..viz.rules import expression
from ..viz.wording import derivative

_LONGEST = 32  # an expression with more characters is not written out


class Labels:
    """Names for the nodes behind `of`: own names, the caller's variables, else expressions."""

    def __init__(self, of: Tensor, wrt: Tensor) -> None:
        self.given, _ = name_nodes(ancestors([of._node]), [of, wrt], None)
        self.of_node, self.wrt_node = of._node, wrt._node
        self.of, self.wrt = self(of._node), self(wrt._node)

    def named(self, node: Any) -> bool:
        """Whether a node has a name of its own."""
        return node in self.given

    def __call__(self, node: Any) -> str:
        """A node's name, or what it computes."""
        if node in self.given:
            return self.given[node]
        if node.plan is None:
            number = not node.shape and node.value is not None
            return format_number(float(node.value)) if number else "a constant"
        text = self.expression(node)
        return text if len(text) <= _LONGEST else f"{node.plan.op.symbol}(…)"

    def expression(self, node: Any, depth: int = 2) -> str:
        """What a node computes, in names."""
        try:
            return expression(node, [self._operand(o, depth) for o in _operands(node)]).text()
        except Exception:
            return f"{node.plan.op.symbol}(…)"

    def _operand(self, operand: Any, depth: int) -> Sym:
        if not hasattr(operand, "serial"):
            return Sym(operand if isinstance(operand, (int, float)) else "…")
        if operand in self.given:
            return Sym(self.given[operand])
        if operand.plan is None:
            number = not operand.shape and operand.value is not None
            return Sym(format_number(float(operand.value)) if number else "…")
        if depth == 0:
            return Sym("…")
        return expression(operand, [self._operand(o, depth - 1) for o in _operands(operand)])

    def gradient(self) -> str:
        """∂f/∂x, or in words where one of them has no name."""
        if not self.named(self.wrt_node):
            return "the gradient"
        if not self.named(self.of_node):
            return f"the gradient by {self.wrt}"
        return derivative(self.of, self.wrt)

    def by(self, of: Any, by: Any) -> str:
        """The derivative of one node by another."""
        a, b = self(of), self(by)
        return derivative(a if of in self.given else f"({a})", b if by in self.given else f"({b})")


def _operands(node: Any) -> list[Any]:
    made = node.operands()[0] if is_output(node) else node
    found: list[Any] = made.operands()
    return found
