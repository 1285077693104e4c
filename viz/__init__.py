"""See through the network: drawings, derivations and text of any recorded computation."""

from __future__ import annotations

from .draw_view import Drawing, draw
from .explain_view import Explanation, explain
from .expression import Expression, ExpressionError, read_expression
from .graphviz_backend import GraphvizMissingError, render
from .html import page
from .model import Absent, Edge, Frame, Group, Local, Node, Picture, Summary
from .plots import confusion_matrix, figure_svg, image_strip, learning_curves
from .theme import find_theme
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
    "confusion_matrix",
    "draw",
    "explain",
    "figure_svg",
    "find_theme",
    "image_strip",
    "learning_curves",
    "page",
    "read_expression",
    "render",
]
