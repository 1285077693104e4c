"""Pictures of random programs are right: numbers, rules, edges, bytes, and no text out of its box.

The programs are those that the engine is tested with, so pictures meet views, edits in place,
double edges and everything that joins or cuts arrays.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule import viz
from chainrule.autograd import Op, registry
from chainrule.autograd.declare import bind
from chainrule.autograd.fitting import sum_to
from chainrule.autograd.graph import ancestors, is_output
from chainrule.autograd.ops.samples import Sampler
from chainrule.autograd.sym import Sym
from chainrule.viz import Picture
from chainrule.viz.fonts import text_width
from chainrule.viz.local import Traced, trace
from chainrule.viz.paths import count_routes, list_routes, number_of
from chainrule.viz.replay import run, saved_of
from chainrule.viz.rules import local_rule
from chainrule.viz.svg import paint_svg


def loaded(path: str) -> Any:
    """Another test file as a module, for what it draws its examples from."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, Path(__file__).parents[1] / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


programs = loaded("autograd/test_programs.py")
layouts = loaded("viz/test_layout.py")

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
SVG = "{http://www.w3.org/2000/svg}"
SEEDS = st.integers(0, 100)
TIES = {"maximum", "minimum"}  # of arrays their textbook form is shown, which leaves ties open


# -- scalar programs ------------------------------------------------------------------------------


def scalar_leaves(seed: int) -> list[Any]:
    numbers = np.random.default_rng(seed).normal(size=3).tolist()
    return [cr.tensor(v, dtype=cr.float64, requires_grad=True) for v in numbers]


def scalar(template: str) -> bool:
    """Whether a statement takes numbers to a number."""
    statement = template.format(a="v0", b="v1", new="v3")
    statement = statement if template in programs.EDITS else f"v3 = {statement}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the variance of one number
        scope, errors = programs.run(cr, [statement], scalar_leaves(1))
    nodes = ancestors([v._node for v in scope.values()])
    finite = all(v.isfinite().all() for v in scope.values())
    return errors == [None] and finite and all(node.shape == () for node in nodes)


MADE = [t for t in programs.VALUES if scalar(t)]
EDITED = [t for t in programs.EDITS if scalar(t)]


@st.composite
def scalar_programs(draw: st.DrawFn, most: int = 9) -> list[str]:
    """Statements about numbers: shared, doubled, edited in place, left unused."""
    n, statements = 3, []
    for kind in draw(st.lists(st.sampled_from("vvvve"), min_size=1, max_size=most)):
        a, b = (f"v{draw(st.integers(max(0, n - 5), n - 1))}" for _ in range(2))
        template = draw(st.sampled_from(MADE if kind == "v" else EDITED))
        statement = template.format(a=a, b=b, new=f"v{n}")
        if kind == "v":
            statement, n = f"v{n} = {statement}", n + 1
        statements.append(statement)
    return statements


def scalar_program(statements: list[str], seed: int) -> tuple[list[Any], Any]:
    """The leaves and the last value of a program."""
    leaves = scalar_leaves(seed)
    scope, _ = programs.run(cr, statements, leaves)
    assume(programs.tame(scope))
    out = scope[max(scope, key=lambda name: int(name[1:]))]
    assume(out.requires_grad and goes_back(out, leaves))
    return leaves, out


def goes_back(out: Any, leaves: list[Any]) -> bool:
    """Whether there is a gradient: not where a saved value was edited."""
    try:
        cr.autograd.grad(out, leaves, allow_unused=True, retain_graph=True)
    except RuntimeError as error:
        if "modified by an inplace operation" not in str(error):
            raise
        return False
    return True


def test_there_are_enough_scalar_statements() -> None:
    assert len(MADE) > 25
    assert len(EDITED) > 10


@given(scalar_programs(), SEEDS)
def test_routes_sum_to_the_gradient_shown_and_to_the_engine_s(
    statements: list[str], seed: int
) -> None:
    leaves, out = scalar_program(statements, seed)
    traced = trace([out], names={})
    picture = traced.picture
    nodes, root = picture.by_key(), traced.keys[out._node]
    sums = sums_over_routes(picture, root)
    engine = cr.autograd.grad(out, leaves, allow_unused=True, retain_graph=True)
    for leaf, expected in zip(leaves, engine, strict=True):
        assert (leaf._node in traced.keys) == (expected is not None)
        if expected is None:
            continue
        key = traced.keys[leaf._node]
        assert nodes[key].grad == pytest.approx(expected.item(), rel=1e-6, abs=1e-9)
        assert sums[key] == pytest.approx(expected.item(), rel=1e-6, abs=1e-9)
        routes = list_routes(picture, key, root, 300)
        if len(routes) < 300:
            assert len(routes) == count_routes(picture, key, root)
            products = [product for r in routes if (product := r.product()) is not None]
            assert len(products) == len(routes)
            assert sum(products) == pytest.approx(expected.item(), rel=1e-6, abs=1e-9)


def sums_over_routes(picture: Picture, root: int) -> dict[int, float]:
    """For each node, the sum over its routes to the root of the products of numbers on edges."""
    sums = {node.key: 0.0 for node in picture.nodes}
    sums[root] = 1.0
    for node in reversed(picture.nodes):
        for edge in picture.arguments()[node.key]:
            if edge.local is not None:
                number = number_of(edge.local.number)
                assert number is not None
                sums[edge.source] += sums[node.key] * number
    return sums


@given(scalar_programs(), SEEDS)
def test_local_derivatives_are_difference_quotients(statements: list[str], seed: int) -> None:
    _, out = scalar_program(statements, seed)
    traced = trace([out], names={})
    assert not traced.values.missing
    engine = {key: node for node, key in traced.keys.items()}
    for edge in traced.picture.edges:
        source, node = engine.get(edge.source), engine[edge.target]
        flows = source is not None and source.requires_grad and node.requires_grad
        assert (edge.local is not None) == flows
        if edge.local is not None:
            ahead, behind = one_sided(traced, node, edge.slot)
            low, high = sorted([ahead, behind])  # they differ at a kink
            assert isinstance(edge.local.number, float)
            assert low - 1e-4 * (1 + abs(low)) <= edge.local.number <= high + 1e-4 * (1 + abs(high))


def one_sided(traced: Traced, node: Any, slot: int, h: float = 1e-6) -> tuple[float, float]:
    """The operation's difference quotients by its argument number `slot`, upwards and downwards."""
    inputs = [traced.values.get(operand) for operand in node.operands()]

    def moved(by: float) -> float:
        return float(run(node, [v + by if i == slot else v for i, v in enumerate(inputs)]))

    with cr.no_grad():
        return (moved(h) - moved(0.0)) / h, (moved(0.0) - moved(-h)) / h


@given(scalar_programs(), SEEDS)
def test_printed_rules_are_the_numbers_beside_them(statements: list[str], seed: int) -> None:
    _, out = scalar_program(statements, seed)
    traced = trace([out], names={})
    engine = {key: node for node, key in traced.keys.items()}
    for edge in traced.picture.edges:
        if edge.local is not None:
            node = engine[edge.target]
            part = sent(traced, node, edge, 1.0)
            if part is not None:
                number = number_of(edge.local.number)
                assert part == pytest.approx(number, rel=1e-9, abs=1e-12)


# -- array programs -------------------------------------------------------------------------------


def array_program(statements: list[str], seed: int) -> tuple[list[Any], dict[str, Any], Any]:
    """The leaves, the values, and one number that depends on all values of a program."""
    leaves = [cr.tensor(a).requires_grad_() for a in programs.arrays(seed)]
    with cr.watch():
        scope, _ = programs.run(cr, statements, leaves)
        assume(programs.tame(scope))
        out = programs.total(cr, scope)
    assume(out.requires_grad and goes_back(out, leaves))
    return leaves, scope, out


def check_value(node: viz.Node, value: Any) -> None:
    """The value shown is the value held."""
    if value.shape:
        assert isinstance(node.value, viz.Summary)
        assert node.value.shape == value.shape
        stats = (node.value.norm, node.value.minimum, node.value.maximum) if value.size else ()
        wanted = (np.linalg.norm(value), value.min(), value.max()) if value.size else ()
        assert stats == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    else:
        assert node.value == pytest.approx(value.item(), rel=1e-12)


@given(programs.programs(), SEEDS)
def test_rules_on_edges_add_up_to_the_gradients(statements: list[str], seed: int) -> None:
    """What the printed rules send to a value, all edges together, is the gradient shown there."""
    leaves, scope, out = array_program(statements, seed)
    traced = trace([out], names={})
    nodes = traced.picture.by_key()
    engine = {key: node for node, key in traced.keys.items()}
    sums: dict[Any, Any] = {}
    for edge in traced.picture.edges:
        source, node = engine.get(edge.source), engine[edge.target]
        flows = source is not None and source.requires_grad and node.requires_grad
        assert (edge.local is not None) == flows
        if edge.local is None:
            continue
        assert source is not None
        if source.shape or node.shape:
            assert edge.local.rule
            assert number_of(edge.local.number) is None
        if node in traced.grads:
            sums.setdefault(source, []).append(sent(traced, node, edge, traced.grads[node]))
    for value in scope.values():
        if value._node in traced.keys:
            check_value(nodes[traced.keys[value._node]], value.detach().numpy())
    for source, parts in sums.items():
        if all(part is not None for part in parts):
            np.testing.assert_allclose(sum(parts), traced.grads[source], 1e-8, 1e-9)
    expected = cr.autograd.grad(out, leaves, allow_unused=True)
    for leaf, g in zip(leaves, expected, strict=True):
        if g is not None:
            np.testing.assert_allclose(traced.grads[leaf._node], g.numpy(), 1e-9, 1e-12)
            shown = nodes[traced.keys[leaf._node]].grad
            norm = shown.norm if isinstance(shown, viz.Summary) else abs(number_of(shown) or 0.0)
            assert norm == pytest.approx(float(np.linalg.norm(g.numpy())), rel=1e-6, abs=1e-12)


def sent(traced: Traced, node: Any, edge: viz.Edge, g: Any) -> Any:
    """What the rule printed on an edge sends along it; None where it is Jᵀ times the gradient."""
    whole = is_output(node)
    made = (node.inputs or node.operands())[0] if whole else node
    operands, op = made.operands(), made.plan.op
    labels = [label(traced, operand) for operand in operands]
    name = traced.names[node]
    part = node.params[0] if whole else 0
    rule = local_rule(made, edge.slot, labels, name, part=part)
    running = local_rule(made, edge.slot, labels, name, part=part, textbook=False)
    assert edge.local is not None
    if rule is None or running is None:
        shown = "Jᵀ " if node.shape or operands[edge.slot].shape else ""
        assert edge.local.rule.startswith(shown)
        return None
    printed, axes = unsummed(edge.local, name)
    texts = {r: written(r, name, op.partial and axes is not None) for r in (rule, running)}
    assert printed in texts.values()
    if printed != texts[rule] or op.name in TIES:
        rule = running
    values = dict(zip(op.params, made.params, strict=False))
    values |= dict(zip(made.plan.saves, saved_of(made, traced.values) or (), strict=True))
    values |= {traced.names[n]: v for n, v in traced.values.found.items() if n in traced.names}
    values |= {f"∂{name}": g, f"{name}\u0304": g}
    shapes = [shape for shape, _ in made.value] if whole else []
    with np.errstate(all="ignore"), cr.no_grad():
        found = computed(rule, values, shapes)
        if op.partial and op.select is not None:
            found = op.select(g, found)
        elif op.partial or not any(getattr(o, "shape", ()) for o in (made, *operands)):
            found = g * found
    shape = operands[edge.slot].shape
    if axes is not None:  # what is printed is what sums: nothing is left to sum for nobody
        found = np.sum(found, axis=axes or None)
    if op.partial or axes is not None:
        assert np.size(found) <= int(np.prod(shape)), (op.name, edge.local.rule)
    return fitted(np.reshape(found, shape) if axes is not None else found, shape)


LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def unsummed(local: viz.Local, name: str) -> tuple[str, tuple[int, ...] | None]:
    """A printed rule without the sum before it, and the axes of that: () for all of them."""
    if local.summed is None:
        return local.rule, None
    found = re.fullmatch(r"Σ([₀-₉,]*) (.+)", local.rule)
    assert found is not None
    axes = tuple(int(k.translate(LOWERED)) for k in found[1].split(",") if k)
    assert not axes or axes == local.summed
    return found[2], axes


def written(rule: Sym, name: str, times: bool) -> str:
    """The text of a rule; of a derivative before a sum, times the gradient that arrives."""
    if times:
        g = Sym(f"{name}\u0304" if len(name) == 1 else f"∂{name}")
        rule = -g if not rule.args and rule.head == -1 else g * rule
    text = rule.text()
    return f"({text})" if rule.args and rule.head in {"add", "sub"} and times else text


def computed(rule: Sym, values: dict[str, Any], shapes: Sequence[tuple[int, ...]]) -> Any:
    """An expression's value; `shapes` are those of the parts that it joins, 0 for those without."""
    if not rule.args:
        return rule.evaluate(values)
    args = [computed(arg, values, shapes) for arg in rule.args]
    params = [values[p.head] if isinstance(p, Sym) else p for p in rule.params]
    if shapes and rule.head in {"cat", "stack"}:
        zeros = [not arg.args and arg.head == 0 for arg in rule.args]
        args = [np.zeros(s) if z else a for a, s, z in zip(args, shapes, zeros, strict=True)]
    op = registry.get(rule.head)
    if op is not None and op.variadic:
        return op.call(args, *params)
    if op is not None and op.call is None:
        return op.kernel(*args, *params)
    places = [f"argument {i}" for i in range(len(args))]
    call = Sym(rule.head, tuple(map(Sym, places)), tuple(params))
    return call.evaluate(dict(zip(places, args, strict=True)))


def label(traced: Traced, operand: Any) -> Sym:
    """What an argument is called in the rules of a picture."""
    if not hasattr(operand, "serial"):
        return Sym("none" if operand is None else getattr(operand, "item", lambda: operand)())
    node = traced.picture.by_key()[traced.keys[operand]]
    value = number_of(node.value) if node.kind == "constant" else None
    if value is None:
        return Sym(node.name)
    return Sym(node.value if isinstance(node.value, bool) or not value.is_integer() else int(value))


def fitted(g: Any, shape: tuple[int, ...]) -> Any:
    """Broadcasting undone, as the walker does it."""
    g = np.asarray(g, np.float64)
    return sum_to(g, shape) if g.ndim >= len(shape) else np.broadcast_to(g, shape)


# -- every operation ------------------------------------------------------------------------------


def calls_of(op: Op) -> Iterator[tuple[list[Any], list[Any]]]:
    """Inputs and parameters of the sample calls of an operation."""
    for args in op.samples(Sampler()) if op.samples else ():
        keywords = args[-1] if isinstance(args[-1], dict) else {}
        plain = args[:-1] if keywords else args
        bound = list(bind(op, plain, keywords))
        yield bound[: len(op.inputs)], bound[len(op.inputs) :]


def tensor_of(op: Op, k: int, value: Any) -> Any:
    """An argument as a tensor, asking for gradient where the operation has a rule for it."""
    if isinstance(value, list):
        return [tensor_of(op, k, v) for v in value]
    if not isinstance(value, (np.ndarray, np.floating)):
        return value
    has_rule = callable(op.rules) or op.inputs[k] in op.rules
    return cr.tensor(value).requires_grad_(has_rule and value.dtype.kind == "f")


# Their rules hold an array of zeros, printed as 0: that has no shape to compute with.
ZEROS = {"matrix_exp", "scatter_reduce"}
DERIVED = [
    op for op in registry.values() if op.differentiable and op.samples and op.name not in ZEROS
]


@pytest.mark.parametrize("op", DERIVED, ids=str)
def test_the_rule_on_each_edge_is_the_one_that_runs(op: Op) -> None:
    """What an edge prints, evaluated, is what backward sends to that argument."""
    for inputs, params in calls_of(op):
        tensors = [tensor_of(op, k, value) for k, value in enumerate(inputs)]
        with cr.watch():
            made = op.call(*tensors, *params)
        for result in made if isinstance(made, (list, tuple)) else [made]:
            if isinstance(result, cr.Tensor) and result.requires_grad:
                check_edges(result)


def check_edges(result: Any) -> None:
    """The edges of one operation against the engine's backward."""
    traced = trace([result], names={})
    g = np.random.default_rng(1).normal(size=tuple(result.shape))
    engine = {key: node for node, key in traced.keys.items()}
    parts: dict[Any, Any] = {}
    for edge in traced.picture.edges:
        if edge.local is not None:
            assert edge.local.rule or number_of(edge.local.number) is not None
            leaf = engine[edge.source]
            part = sent(traced, engine[edge.target], edge, g)
            both = None if part is None or parts.get(leaf, 0) is None else part + parts.get(leaf, 0)
            parts[leaf] = both
    leaves = [leaf.owner() for leaf in parts]
    seed = cr.tensor(g, dtype=result.dtype)
    expected = cr.autograd.grad(result, leaves, seed, retain_graph=True, allow_unused=True)
    for leaf, grad in zip(parts, expected, strict=True):
        if parts[leaf] is not None and grad is not None:
            np.testing.assert_allclose(parts[leaf], grad.numpy(), 1e-9, 1e-11)


# -- structure ------------------------------------------------------------------------------------


def between(out: Any) -> list[Any]:
    """All that an output was computed from, each once; results of several stand for themselves."""
    found: dict[Any, None] = {}
    stack = [out._node]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack += [o for o in arguments(node) if hasattr(o, "serial")]
    return list(found)


def arguments(node: Any) -> list[Any]:
    """The arguments of the operation that made a value."""
    made = (node.inputs or node.operands())[0] if is_output(node) else node
    return [] if made.plan is None else [o for o in made.operands() if o is not None]


@given(programs.programs(), SEEDS, st.booleans())
def test_every_tensor_once_and_an_edge_for_every_argument(
    statements: list[str], seed: int, fold: bool
) -> None:
    _, _, out = array_program(statements, seed)
    traced = trace([out], names={}, fold_constants=fold)
    picture = traced.picture
    assert set(traced.keys) == set(between(out))
    numbers = [n for n in picture.nodes if n.key not in traced.keys.values()]
    assert len(set(traced.keys.values())) == len(traced.keys) == len(picture.nodes) - len(numbers)
    assert {n.kind for n in numbers} <= {"constant"}
    names = [n.name for n in picture.nodes if n.kind != "constant"]
    assert len(set(names)) == len(names)
    edges = picture.arguments()
    for node, key in traced.keys.items():
        given = arguments(node)
        tensors = [traced.keys[o] for o in given if hasattr(o, "serial")]
        slots = [edge.slot for edge in edges[key]]
        assert slots == sorted(set(slots))
        assert [e.source for e in edges[key] if e.source in traced.keys.values()] == tensors
        folded = fold and len(given) == 2 and len(tensors) == 1
        assert len(slots) == len(tensors if folded else given)
    ends = {edge.source for edge in picture.edges}
    assert all(node.output == (node.key not in ends) for node in picture.nodes)


@given(programs.programs(), SEEDS)
def test_wrt_shows_what_lies_on_routes_and_its_arguments(statements: list[str], seed: int) -> None:
    leaves, _, out = array_program(statements, seed)
    nodes = between(out)
    assume(leaves[0]._node in nodes)
    on_route = {leaves[0]._node}
    for node in sorted(nodes, key=lambda n: n.serial):
        if any(o in on_route for o in arguments(node) if hasattr(o, "serial")):
            on_route.add(node)
    beside = {o for n in on_route for o in arguments(n) if hasattr(o, "serial")}
    traced = trace([out], wrt=[leaves[0]], names={})
    assert set(traced.keys) == on_route | beside


# -- painters -------------------------------------------------------------------------------------

few = settings(max_examples=max(5, settings.default.max_examples // 5))  # each takes longer
FORMATS = ("svg", "html", "text", "dot", "json")
SIZES = {"name": 12.0, "small": 11.0, "symbol": 15.0, "glyph": 19.0, "title": 15.0}
UNCLOSED = {"meta", "br", "input", "hr", "link"}


@few
@given(programs.programs(), SEEDS)
def test_same_program_same_bytes_and_all_can_be_parsed(statements: list[str], seed: int) -> None:
    first, second = (viz.draw(array_program(statements, seed)[2], names={}) for _ in range(2))
    drawn = {form: getattr(first, form)() for form in FORMATS}
    assert drawn == {form: getattr(second, form)() for form in FORMATS}
    count = len(first.picture.nodes)
    ET.fromstring(drawn["svg"])
    assert len(json.loads(drawn["json"])["nodes"]) == count
    page = Tags()
    page.feed(drawn["html"])
    page.close()
    assert page.open == []
    for html_label in re.findall(r"label=<(.*)>\]$", drawn["dot"], re.MULTILINE):
        ET.fromstring(html_label)
    assert len(drawn["text"].splitlines()) >= count


class Tags(HTMLParser):
    """Checks that tags are closed in the order in which they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in UNCLOSED:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@few
@given(programs.programs(), SEEDS, st.sampled_from(["LR", "TB"]))
def test_drawn_programs_overlap_nowhere(statements: list[str], seed: int, direction: str) -> None:
    picture = viz.draw(array_program(statements, seed)[2], names={}).picture
    boxes, _ = layouts.rectangles(picture, direction)
    for a, b in itertools.combinations(boxes, 2):
        assert not layouts.overlap(a, b)
    check_texts(picture, direction)


@given(layouts.pictures(), st.sampled_from(["LR", "TB"]))
def test_every_text_is_inside_its_box(picture: Picture, direction: str) -> None:
    check_texts(picture, direction)


class Rectangle(NamedTuple):
    """Left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: Rectangle, slack: float = 0.1) -> bool:
        return (
            self.left <= other.left + slack
            and self.top <= other.top + slack
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )

    def meets(self, other: Rectangle) -> bool:
        return bool(layouts.overlap(self, other))


def check_texts(picture: Picture, direction: str) -> None:
    """Read the SVG: a text whose middle is in a box is in it as a whole, others are in none."""
    root = ET.fromstring(paint_svg(picture, direction=direction))
    boxes, texts = [], []
    for element, x, y in placed(root):
        name = element.tag.removeprefix(SVG)
        at = {k: float(element.get(k, 0)) for k in ("x", "y", "width", "height", "cx", "cy", "r")}
        if name == "rect" and element.get("class") != "frame":
            left, top = x + at["x"], y + at["y"]
            boxes.append(Rectangle(left, top, left + at["width"], top + at["height"]))
        elif name == "circle" and element.get("class") == "op":
            left, top, r = x + at["cx"], y + at["cy"], at["r"]
            boxes.append(Rectangle(left - r, top - r, left + r, top + r))
        elif name == "text":
            texts.append(extent(element, x + at["x"], y + at["y"]))
    page = Rectangle(0, 0, float(root.get("width", 0)), float(root.get("height", 0)))
    for text in texts:
        assert page.holds(text)
        middle_x, middle_y = (text.left + text.right) / 2, (text.top + text.bottom) / 2
        middle = Rectangle(middle_x, middle_y, middle_x, middle_y)
        around = [box for box in boxes if box.holds(middle, 0.0)]
        for box in around:
            assert box.holds(text)
        if not around:
            assert not any(box.meets(text) for box in boxes)


def placed(root: ET.Element) -> Iterator[tuple[ET.Element, float, float]]:
    """All elements with the translation that applies to them."""
    stack = [(root, 0.0, 0.0)]
    while stack:
        element, x, y = stack.pop()
        moved = re.fullmatch(r"translate\((\S+) (\S+)\)", element.get("transform", ""))
        if moved:
            x, y = x + float(moved[1]), y + float(moved[2])
        yield element, x, y
        stack += [(child, x, y) for child in element]


def extent(text: ET.Element, x: float, y: float) -> Rectangle:
    """The space that a line of text takes by the font metrics, from cap height to baseline."""
    width = tallest = 0.0
    for run_ in list(text) or [text]:
        classes = (run_.get("class") or "").split()
        size = next((SIZES[c] for c in classes if c in SIZES), 13.0)
        width += text_width(run_.text or "", size, bold="badge" in classes or "bold" in classes)
        width += float(run_.get("dx", 0))
        tallest = max(tallest, size)
    left = x - width / 2 if text.get("text-anchor") == "middle" else x
    return Rectangle(left, y - 0.7 * tallest, left + width, y)
