"""The layered layout: nothing overlaps, nothing is lost, the same places every time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.viz.figure import measure
from chainrule.viz.layering import Box, Link, arrange
from chainrule.viz.layout import Layout, Point
from chainrule.viz.model import Edge, Group, Local, Node, Picture
from chainrule.viz.ordering import assign_ranks, order_levels, topological_order

Rectangle = tuple[float, float, float, float]


@st.composite
def pictures(draw: st.DrawFn, most: int = 24, groups: bool = True) -> Picture:
    """Random graphs: shared values, double edges, long wires, nested groups, loose nodes."""
    count = draw(st.integers(1, most))
    frames = []
    if groups:
        for key in range(draw(st.integers(0, 4))):
            above = draw(st.sampled_from([None, *range(key)]))
            frames.append(Group(key, f"group {key}", above, "Linear(3, 4)"))
    homes = st.sampled_from([None, *(frame.key for frame in frames)])
    nodes, edges = [], []
    for key in range(count):
        arguments = draw(st.lists(st.integers(0, key - 1), max_size=3)) if key else []
        kind = (
            "operation" if arguments else draw(st.sampled_from(["input", "parameter", "constant"]))
        )
        op = draw(st.sampled_from(["+", "×", "tanh", "cross_entropy"])) if arguments else ""
        shape = draw(st.sampled_from([(), (3, 4)]))
        nodes.append(
            Node(
                key,
                kind,
                f"name{key}",
                op,
                value=key / 7,
                grad=-key / 3,
                shape=shape,
                group=draw(homes),
                output=draw(st.booleans()),
            )
        )
        for slot, source in enumerate(arguments):
            local = Local("x + y", number=0.5 * key) if draw(st.booleans()) else None
            edges.append(Edge(source, key, slot, local))
    return Picture(tuple(nodes), tuple(edges), tuple(frames))


def rectangles(picture: Picture, direction: str) -> tuple[list[Rectangle], Layout]:
    """The boxes of all nodes and labels of a picture."""
    figure = measure(picture, direction)
    layout, turned = figure.layout, direction == "TB"
    found = []
    for key, (x, y) in layout.starts.items():
        box = figure.marks[key].box
        if turned:
            found.append((x - box.low, y, x + box.high, y + box.length))
        else:
            found.append((x, y - box.low, x + box.length, y + box.high))
    for place, pill in zip(layout.labels, figure.pills, strict=True):
        assert (place is None) == (pill is None)
        if place and pill:
            (x, y), width = place, pill[1]
            found.append((x - width / 2, y - 10, x + width / 2, y + 10))
    return found, layout


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) > 0.01 and min(a[3], b[3]) - max(a[1], b[1]) > 0.01


@given(pictures(), st.sampled_from(["LR", "TB"]))
def test_no_boxes_overlap_and_all_are_inside(picture: Picture, direction: str) -> None:
    boxes, layout = rectangles(picture, direction)
    for a, b in itertools.combinations(boxes, 2):
        assert not overlap(a, b)
    for x, y, right, bottom in [*boxes, *map(_corners, layout.frames.values())]:
        assert x >= -0.01
        assert y >= -0.01
        assert right <= layout.width + 0.01
        assert bottom <= layout.height + 0.01


def _corners(frame: Rectangle) -> Rectangle:
    x, y, width, height = frame
    return x, y, x + width, y + height


@given(pictures(), st.sampled_from(["LR", "TB"]))
def test_every_edge_runs_forwards_from_its_source_to_its_target(
    picture: Picture, direction: str
) -> None:
    figure = measure(picture, direction)
    layout = figure.layout
    assert len(layout.routes) == len(picture.edges)
    for edge, route in zip(picture.edges, layout.routes, strict=True):
        points = _along(route, direction)
        length = figure.marks[edge.source].box.length
        start, wire = _along([layout.starts[edge.source]], direction)[0]
        end, arrival = _along([layout.starts[edge.target]], direction)[0]
        assert points[0] == pytest.approx((start + length, wire))
        assert points[-1][0] == pytest.approx(end)
        box = figure.marks[edge.target].box
        assert arrival - box.low <= points[-1][1] <= arrival + box.high
        assert all(a[0] <= b[0] + 1e-6 for a, b in itertools.pairwise(points))


def _along(points: Sequence[Point], direction: str) -> list[Point]:
    return [(y, x) for x, y in points] if direction == "TB" else list(points)


@given(pictures(), st.sampled_from(["LR", "TB"]))
def test_frames_hold_their_members_and_no_others(picture: Picture, direction: str) -> None:
    figure = measure(picture, direction)
    parent = {group.key: group.parent for group in picture.groups}
    for key, frame in figure.layout.frames.items():
        outline = _corners(frame)
        for node in picture.nodes:
            around, home = set(), node.group
            while home is not None:
                around.add(home)
                home = parent[home]
            x, y = figure.layout.starts[node.key]
            inside = outline[0] <= x <= outline[2] and outline[1] <= y <= outline[3]
            assert inside == (key in around)
    for (a, first), (b, second) in itertools.combinations(figure.layout.frames.items(), 2):
        if overlap(_corners(first), _corners(second)):
            assert a in _above(b, parent) or b in _above(a, parent)


def _above(key: int, parent: dict[int, int | None]) -> set[int | None]:
    found: set[int | None] = set()
    above = parent[key]
    while above is not None:
        found.add(above)
        above = parent[above]
    return found


@given(pictures(), st.sampled_from(["LR", "TB"]))
def test_same_picture_same_places(picture: Picture, direction: str) -> None:
    assert measure(picture, direction).layout == measure(picture, direction).layout


def test_wires_keep_clear_of_boxes() -> None:
    # x is used by the first and by the last of ten operations: its long wire passes all others.
    nodes = [Node(0, "input", "x", value=1.0)]
    edges = []
    for key in range(1, 11):
        nodes.append(Node(key, "operation", f"v{key}", "tanh", value=0.5, grad=0.25))
        edges.append(Edge(key - 1, key, 0))
    edges.append(Edge(0, 10, 1))
    picture = Picture(tuple(nodes), tuple(edges))
    boxes, layout = rectangles(picture, "LR")
    between = boxes[1:10]
    for a, b in itertools.pairwise(layout.routes[-1]):
        for left, top, right, bottom in between:
            crosses = min(b[0], right) - max(a[0], left) > 0.01
            assert not (crosses and a[1] == b[1] and top < a[1] < bottom)


def test_a_module_called_twice_gets_no_frame_but_keeps_its_members() -> None:
    nodes = [Node(i, "operation" if i else "input", f"v{i}", "tanh" if i else "") for i in range(4)]
    nodes = [Node(n.key, n.kind, n.name, n.op, group=0 if n.key in {1, 3} else None) for n in nodes]
    picture = Picture(
        tuple(nodes), tuple(Edge(i, i + 1, 0) for i in range(3)), (Group(0, "shared"),)
    )
    layout = measure(picture).layout
    assert layout.frames == {}
    assert set(layout.starts) == {0, 1, 2, 3}


def test_ten_thousand_operations_in_a_chain_need_no_recursion() -> None:
    boxes = [Box(30, 15, 15)] * 10_000
    arrangement = arrange(boxes, [Link(i, i + 1) for i in range(9_999)])
    assert arrangement.starts == sorted(arrangement.starts)
    assert max(arrangement.wires) - min(arrangement.wires) < 1e-6


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("beside", ["its own leaf", "its own constant", "the value before last"])
def test_a_long_chain_is_drawn_straight(beside: str, direction: str) -> None:
    nodes, edges, last, before = [Node(0, "input", "x", value=1.0)], [], 0, 0
    for i in range(12):
        other = before
        if beside != "the value before last":
            other = len(nodes)
            nodes.append(Node(other, "constant" if "constant" in beside else "input", f"a{i}"))
        key = len(nodes)
        nodes.append(Node(key, "operation", f"v{i}", "×", value=0.5, grad=0.25))
        edges += [Edge(last, key, 0, Local("a", number=2.0)), Edge(other, key, 1)]
        last, before = key, last
    layout = measure(Picture(tuple(nodes), tuple(edges)), direction).layout
    across = [layout.starts[n.key][direction == "LR"] for n in nodes if n.op]
    assert max(across[1:]) - min(across[1:]) < 0.5
    steps = [_along(route, direction) for e, route in zip(edges, layout.routes, strict=True)
             if e.slot == 0 and e.source and nodes[e.source].op]  # fmt: skip
    assert all(abs(points[0][1] - points[-1][1]) < 0.5 for points in steps)


def test_a_short_chain_stands_between_its_arguments(lecture: Picture) -> None:
    starts = measure(lecture).layout.starts
    x, y, z, q, f = (starts[node.key][1] for node in lecture.nodes)
    assert x < q < y
    assert q < f < z


def test_ranks() -> None:
    # 0 and 1 feed 2; 3 is needed late. Few ranks: leaves in the first column; constants close by.
    links = [(0, 2), (1, 2), (2, 4), (3, 4)]
    assert assign_ranks(5, links) == [0, 0, 1, 0, 2]
    assert assign_ranks(5, links, close=frozenset({3})) == [0, 0, 1, 1, 2]
    assert assign_ranks(3, [(0, 1), (1, 2)], first=frozenset({0}), last=frozenset({2})) == [0, 1, 2]
    long = [(i, i + 1) for i in range(6)] + [(7, 6)]
    assert assign_ranks(8, long)[7] == 5


def test_cycles_are_refused() -> None:
    with pytest.raises(ValueError, match="without cycles"):
        arrange([Box(1, 1, 1)] * 2, [Link(0, 1), Link(1, 0)])
    assert topological_order(3, [(0, 1), (1, 0)]) == [2]


def test_sweeps_remove_a_crossing() -> None:
    levels = [[0, 1], [2, 3]]
    before, after = [[], [], [1], [0]], [[3], [2], [], []]
    order_levels(levels, before, after)
    first, second = levels
    assert [after[c][0] for c in first] == second
