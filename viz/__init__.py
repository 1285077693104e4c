"""See through the network: drawings, derivations and text of any recorded computation."""

from __future__ import annotations

from .draw_view import Drawing, draw
from .explain_view import Explanation, explain
from .expression import Expression, ExpressionError, read_expression
from .graphviz_backend import GraphvizMissingError
from .model import Absent, Edge, Frame, Group, Local, Node, Picture, Summary
from .view import View

__all__ = [
    "Absent",
    "Drawing",
    "Edge",
    "Explanation",
    "Expression",
    "ExpressionError",
    "Frame",
    "GraphvizMissingError",
    "Group",
    "Local",
    "Node",
    "Picture",
    "Summary",
    "View",
    "draw",
    "explain",
    "read_expression",
]
