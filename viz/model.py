"""The picture as plain data: what a graph shows, before anybody decides how to paint it.

A `Picture` holds nodes (one for each tensor), edges (one for each argument of an operation), groups
(modules) and frames (steps of a player). Numbers are unrounded. It knows nothing of Tensors, so
every painter (SVG, HTML, text, DOT, JSON) and every test reads the same facts.
"""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Literal, TypeAlias

Kind = Literal["input", "parameter", "constant", "operation"]
Show = Literal["value", "grad", "local", "backward"]


class Absent(enum.Enum):
    """Why a number is not there; never the same as zero."""

    NOT_COMPUTED = "not computed"
    NO_ROUTE = "no route"
    NOT_KEPT = "not kept"


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many finite elements lie in each of equally wide bins from `low` to `high`."""

    counts: tuple[int, ...]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A matrix as levels, row by row: 1 … 255 for `low` … `high`, 0 for what is not finite.

    With `diverging`, 0 is in the middle, at level 128. Of `pooled` (rows, columns) elements a cell
    shows the one farthest from 0. `clipped` cells lie beyond the limits and have their colours.
    """

    rows: int
    columns: int
    low: float
    high: float
    diverging: bool
    levels: bytes = field(metadata={"drawn only": True})
    pooled: tuple[int, int] = (1, 1)
    clipped: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """An array in a few numbers; `elements` holds all of them when there are at most four.

    `not_finite` counts NaN and ±∞, `nans` NaN alone. Where it is drawn with a small picture,
    `thumbnail` is that, and `corner` its first 8×8 elements.
    """

    shape: tuple[int, ...]
    dtype: str
    mean: float
    std: float
    norm: float
    minimum: float
    maximum: float
    not_finite: int = 0
    elements: tuple[float, ...] | None = None
    nans: int = 0
    thumbnail: Histogram | HeatMap | None = field(default=None, metadata={"optional": True})
    corner: tuple[tuple[float, ...], ...] | None = field(default=None, metadata={"optional": True})


Quantity: TypeAlias = bool | int | float | complex | Summary | Absent


@dataclass(frozen=True, slots=True)
class Local:
    """The local derivative on an edge: ∂target/∂source as rule and as number.

    `mentions` are the keys of the nodes that the rule speaks of, so that a painter can show their
    names. Where the argument was broadcast, `summed` are the axes of the result that backward sums
    over; the rule says so, and gives the whole gradient.
    """

    rule: str
    tex: str = ""
    number: Quantity = Absent.NOT_COMPUTED
    mentions: tuple[int, ...] = ()
    summed: tuple[int, ...] | None = field(default=None, metadata={"optional": True})


@dataclass(frozen=True, slots=True)
class Node:
    """One tensor and the operation that made it (`op` is empty for a leaf)."""

    key: int
    kind: Kind
    name: str
    op: str = ""
    expression: str = ""
    tex: str = ""
    value: Quantity = Absent.NOT_COMPUTED
    grad: Quantity = Absent.NOT_COMPUTED
    shape: tuple[int, ...] = ()
    dtype: str = ""
    auto_name: bool = False
    output: bool = False
    group: int | None = None
    notes: tuple[str, ...] = ()
    line: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """Argument number `slot` of the operation that made `target` is `source`."""

    source: int
    target: int
    slot: int
    local: Local | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A module: a frame around its members, with its title on a tab."""

    key: int
    title: str
    parent: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What the two numbers of a node are called where they are not its value and its gradient.

    `above` and `below` name them in words, the signs stand before and the unit behind each. With
    `alike`, two numbers that are equal are drawn as one, without a sign.
    """

    above: str
    below: str
    sign_above: str = ""
    sign_below: str = ""
    unit: str = ""
    alike: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a player: a sentence, the nodes it lights, and the fields it changes."""

    caption: str
    lit: tuple[int, ...] = ()
    changes: Mapping[int, Mapping[str, Quantity]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Picture:
    """A graph ready to be painted; its nodes stand in topological order.

    `of` names what the gradients are derivatives of. Raises ValueError when a key is doubled or
    unknown, an edge points backwards, or a group's parent does not come before it.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    groups: tuple[Group, ...] = ()
    title: str = ""
    of: str = ""
    show: tuple[Show, ...] = ("value", "grad", "local")
    precision: int = 4
    frames: tuple[Frame, ...] = ()
    overlay: Overlay | None = field(default=None, metadata={"optional": True})

    def __post_init__(self) -> None:
        place = {node.key: i for i, node in enumerate(self.nodes)}
        if len(place) != len(self.nodes):
            raise ValueError("two nodes of the picture have the same key")
        for edge in self.edges:
            if edge.source not in place or edge.target not in place:
                raise ValueError(f"edge {edge.source}→{edge.target} names a node that is not there")
            if place[edge.source] >= place[edge.target]:
                raise ValueError(
                    f"edge {edge.source}→{edge.target} points backwards: list nodes topologically"
                )
        self._check_groups()

    def _check_groups(self) -> None:
        known: set[int] = set()
        for group in self.groups:
            if group.key in known:
                raise ValueError(f"two groups of the picture have the key {group.key}")
            if group.parent is not None and group.parent not in known:
                raise ValueError(f"group {group.key}: its parent {group.parent} must come first")
            known.add(group.key)
        for node in self.nodes:
            if node.group is not None and node.group not in known:
                raise ValueError(f"node {node.key} is in group {node.group}, which is not there")

    def by_key(self) -> dict[int, Node]:
        """Map keys to nodes."""
        return {node.key: node for node in self.nodes}

    def arguments(self) -> dict[int, list[Edge]]:
        """Map each node's key to the edges that come in, by slot."""
        found: dict[int, list[Edge]] = {node.key: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.target].append(edge)
        for edges in found.values():
            edges.sort(key=lambda edge: edge.slot)
        return found

    def shown_names(self) -> set[int]:
        """Keys of the nodes whose names a drawing must show: given names, and those in rules."""
        shown = {node.key for node in self.nodes if not node.auto_name}
        if "local" in self.show:
            for edge in self.edges:
                shown.update(edge.local.mentions if edge.local else ())
        return shown

    def to_json(self) -> str:
        """Write the picture as JSON; what is missing becomes {"absent": reason}."""
        return as_json(self)


def as_json(value: object) -> str:
    """Write dataclasses, mappings, lists and numbers as JSON, the same bytes every time.

    >>> as_json({"size": float("inf"), "of": (1, Absent.NO_ROUTE)}).split()
    ['{', '"size":', '{', '"float":', '"inf"', '},', '"of":', '[', '1,', '{', '"absent":', \
'"no', 'route"', '}', ']', '}']
    """
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=1)


def _plain(value: object) -> object:
    """Turn dataclasses, enums and numbers that JSON lacks into plain JSON values."""
    if is_dataclass(value):
        written = [f for f in fields(value) if not f.metadata.get("drawn only")]
        named = {f.name: getattr(value, f.name) for f in written}
        idle = {f.name for f in fields(value) if f.metadata.get("optional")}
        return {k: _plain(v) for k, v in named.items() if v is not None or k not in idle}
    if isinstance(value, Absent):
        return {"absent": value.value}
    if isinstance(value, complex):
        return {"real": _plain(value.real), "imag": _plain(value.imag)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
