"""See through the network: drawings, derivations and text of any recorded computation."""

from __future__ import annotations

from .backward_view import BackwardGraph, backward_graph
from .diff_view import Diff, Difference, diff
from .draw_view import Drawing, draw
from .explain_view import Explanation, explain
from .expression import Expression, ExpressionError, read_expression
from .flow_record import FlowHistory
from .flow_view import Flow, flow
from .graph_view import ModelGraph, graph
from .graphviz_backend import GraphvizMissingError, render
from .html import page
from .memory_view import Memory, memory
from .model import Absent, Edge, Frame, Group, Local, Node, Overlay, Picture, Summary
from .plot_figure import Plot
from .plots import (
    activation,
    attention_map,
    confusion_matrix,
    decision_boundary,
    feature_maps,
    figure_svg,
    filters,
    image_strip,
    latent_space,
    learning_curves,
    loss_surface,
    saliency,
)
from .profile_view import Profile, profile
from .step_view import Player, step
from .summary_view import ModelSummary, summary
from .theme import find_theme
from .view import View
from .what_if_view import WhatIf, what_if
from .why_view import Why, why
from .wiggle_view import Wiggle, wiggle

__all__ = [
    "Absent",
    "BackwardGraph",
    "Diff",
    "Difference",
    "Drawing",
    "Edge",
    "Explanation",
    "Expression",
    "ExpressionError",
    "Flow",
    "FlowHistory",
    "Frame",
    "GraphvizMissingError",
    "Group",
    "Local",
    "Memory",
    "ModelGraph",
    "ModelSummary",
    "Node",
    "Overlay",
    "Picture",
    "Player",
    "Plot",
    "Profile",
    "Summary",
    "View",
    "WhatIf",
    "Why",
    "Wiggle",
    "activation",
    "attention_map",
    "backward_graph",
    "confusion_matrix",
    "decision_boundary",
    "diff",
    "draw",
    "explain",
    "feature_maps",
    "figure_svg",
    "filters",
    "find_theme",
    "flow",
    "graph",
    "image_strip",
    "latent_space",
    "learning_curves",
    "loss_surface",
    "memory",
    "page",
    "profile",
    "read_expression",
    "render",
    "saliency",
    "step",
    "summary",
    "what_if",
    "why",
    "wiggle",
]
