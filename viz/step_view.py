"""`step`: a player of forward and backward, one node at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from html import escape
from typing import Any

from ..autograd import Tensor
from .captured import recorded, result_of
from .fonts import text_width
from .html import page
from .layout import Direction
from .live_figure import LiveFigure, paint_live
from .live_page import HEADING, ICONS, as_data, button, host
from .local import trace
from .mistakes import Question, Verdict
from .model import Absent, Node, Picture, Quantity
from .naming import Names
from .spoken import spoken
from .step_frames import Step, all_frames
from .theme import ThemeName, find_theme
from .view import View
from .wording import is_broken, is_zero, norm_text, quantity_text
from .wrong_order import wrong_order

MOST = 200  # nodes that a player shows


class Player(View):
    """Forward and backward as frames; `print` the walk, play it in a notebook, or `save` it."""

    def __init__(
        self,
        picture: Picture,
        frames: tuple[Step, ...],
        wrong: tuple[Step, ...],
        *,
        theme: str | None = None,
        direction: Direction | None = None,
    ) -> None:
        super().__init__(replace(picture, frames=frames), theme=theme, direction=direction)
        self.frames, self.wrong_order = frames, wrong

    def text(self) -> str:
        """The same walk as a table: step, pass, node, computation, arrivals."""
        rows = [("step", "pass", "node", "computation", "arrivals")]
        names = {node.key: node.name for node in self.picture.nodes}
        for i, frame in enumerate(self.frames):
            node = "" if frame.node is None else names[frame.node]
            came = ", ".join(f"{n} of {of}" for n, of in frame.arrivals.values())
            rows.append((str(i), frame.phase, node, frame.sum_text(), came))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [
            "   ".join(
                cell.rjust(width) if i == 0 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        title = [self.picture.title, ""] if self.picture.title else []
        return "\n".join([*title, *lines, *self._wrong_words()]) + "\n"

    def _wrong_words(self) -> list[str]:
        if not self.wrong_order:
            return []
        return ["", f"in the wrong order: {self.wrong_order[-1].sum_text()}"]

    def svg(self) -> str:
        """The last frame: everything has a value and its whole gradient."""
        return self._figure.svg

    def html(self) -> str:
        """One page that opens offline: the player and, for readers without scripts, the table."""
        body = (
            f"<main>\n<h1>{escape(self.picture.title or 'Forward and backward')}</h1>\n"
            f"{self._host(page=True)}<details>\n<summary>The same as text</summary>\n"
            f'<pre tabindex="0">{escape(self.text())}</pre>\n</details>\n</main>\n'
        )
        name = self.picture.title or "Forward and backward"
        return page(name, body, find_theme(self.theme), HEADING)

    def judge(self, frame: int, number: float) -> Verdict:
        """What predict mode answers to a number typed for a frame.

        Raises ValueError for a frame that asks for nothing.
        """
        question = self.frames[frame].question
        if question is None:
            raise ValueError(f"frame {frame} ({self.frames[frame].caption}) asks for no number")
        return question.judge(number)

    def _repr_html_(self) -> str:
        return self._host(page=False)

    @cached_property
    def _figure(self) -> LiveFigure:
        counts = self._expected
        wrong = self.wrong_order[-1].wrong if self.wrong_order else {}
        most = max((n for f in self.wrong_order for n, _ in f.arrivals.values()), default=0)
        return paint_live(
            self.picture,
            _roomy(self.picture, (*self.frames, *self.wrong_order)),
            find_theme(self.theme),
            counters={key: _counter(n, wrong.get(key), most) for key, n in counts.items()},
            direction=self.direction,
            backward=len(counts) > 0 or any(f.edge is not None for f in self.frames),
            salt="step",
        )

    @cached_property
    def _expected(self) -> dict[int, int]:
        """How many gradients arrive at the nodes that count them: shared ones, or some go wrong."""
        found = {key: of for f in self.frames for key, (_, of) in f.arrivals.items()}
        wrong = self.wrong_order[-1].wrong if self.wrong_order else {}
        return {key: of for key, of in found.items() if of > 1 or key in wrong}

    def _host(self, *, page: bool) -> str:
        figure = self._figure
        return host(
            figure,
            find_theme(self.theme),
            kind="cr-step",
            name=f"Player: {self.picture.title or 'forward and backward'}",
            before=_controls(bool(self.wrong_order)),
            scripts=("live.js", "step.js"),
            call=f"stepPlayer(host, {as_data(self._data())});",
            page=page,
        )

    def _data(self) -> dict[str, object]:
        """All that the script needs: labels, edges, and the frames as lists of changes."""
        picture = self.picture
        shared = sum(frame.phase in {"given", "forward"} for frame in self.frames)
        blank = [
            change
            for node in picture.nodes
            if node.kind != "constant"
            for change in _changes(node, {"value": Absent.NOT_COMPUTED, **_no_grad(node)}, picture)
        ]
        nodes = picture.by_key()
        pack = [_packed(frame, nodes, picture, self._expected) for frame in self.frames]
        wrong = [_packed(frame, nodes, picture, self._expected)
                 for frame in self.wrong_order[shared:]]  # fmt: skip
        return {
            "icons": {name: ICONS[name] for name in ("play", "pause")},
            "labels": {node.key: _label(node) for node in picture.nodes},
            "leaves": [node.key for node in picture.nodes if not node.op],
            "edges": [[edge.source, edge.target] for edge in picture.edges],
            "blank": blank,
            "frames": pack,
            "shared": shared,
            "wrong": wrong,
        }


def _too_many(count: int) -> ValueError:
    return ValueError(
        f"a player of {count} nodes takes too many steps to watch (at most {MOST}). Three ways "
        "out: step(…, wrt=x) plays only the routes to x, step an intermediate tensor, or "
        "explain(y, x) sums the routes at once"
    )


def step(
    y: Any,
    *inputs: Any,
    wrt: Tensor | Iterable[Tensor] | None = None,
    names: Names = None,
    theme: ThemeName | None = None,
    direction: Direction | None = None,
    precision: int | None = None,
) -> Player:
    """Play how y was computed and how its gradient goes back, one node at a time.

    Forward, each node's value appears; backward, each consumer's gradient times the local
    derivative is added into the argument. `y` is a tensor, or a captured Graph or model with its
    inputs. Keys: space, ←/→, Home/End, F, B. Raises ValueError above 200 nodes.

    >>> import chainrule as cr
    >>> a = cr.tensor(1.0, requires_grad=True)
    >>> b = a + a
    >>> print(cr.viz.step(b, names={"a": a, "b": b}).text().replace("   ", "  "))
    b = a + a
    <BLANKLINE>
    step  pass      node  computation         arrivals
       0  given           a = 1
       1  forward   b     b = a + a = 1 + 1 = 2
       2  backward  b     ∂b/∂b = 1
       3  backward  a     1 × 1 = 1           1 of 2
       4  backward  a     1 × 1 = 1     1 + 1 → 2  2 of 2
       5  end             ∂b/∂a = 2
    <BLANKLINE>
    """
    find_theme(theme)
    tensor, names = result_of(y, inputs, names, "step")
    if wrt is None and (count := recorded(tensor)) > 2 * MOST:  # some nodes are drawn as one
        raise _too_many(count)
    traced = trace(
        (tensor,), wrt=wrt, names=names, precision=4 if precision is None else precision,
        fold_constants=False,
    )  # fmt: skip
    if (count := len(traced.picture.nodes)) > MOST:
        raise _too_many(count)
    picture = _named(traced.picture)
    traced.picture = picture
    frames = all_frames(traced, picture)
    if wrt is not None:
        picture = _only_reached(picture, frames)
    forward = [frame for frame in frames if frame.phase in {"given", "forward"}]
    return Player(picture, frames, wrong_order(picture, forward), theme=theme, direction=direction)


def _named(picture: Picture) -> Picture:
    """Every computed value shows its name: the frames speak of v1 and v2 too."""
    nodes = tuple(replace(n, auto_name=n.auto_name and not n.op, group=None) for n in picture.nodes)
    return replace(picture, nodes=nodes, groups=())


def _only_reached(picture: Picture, frames: Sequence[Step]) -> Picture:
    """Without the gradients of nodes that no frame reaches: they lie beside the routes."""
    reached = {key for frame in frames for key, change in frame.changes.items() if "grad" in change}
    nodes = (n if n.key in reached else replace(n, grad=Absent.NOT_COMPUTED) for n in picture.nodes)
    return replace(picture, nodes=tuple(nodes))


def _no_grad(node: Node) -> Mapping[str, Quantity]:
    none = node.grad if node.grad is Absent.NO_ROUTE else Absent.NOT_COMPUTED
    return {"grad": none}


def _roomy(picture: Picture, frames: Sequence[Step]) -> Picture:
    """The picture with the widest number that any frame puts at each place."""
    widest: dict[tuple[int, str], Quantity] = {}
    for node in picture.nodes:
        widest[node.key, "value"], widest[node.key, "grad"] = node.value, node.grad
    for frame in frames:
        for key, change in frame.changes.items():
            for name, quantity in change.items():
                if _width(quantity, name) > _width(widest[key, name], name):
                    widest[key, name] = quantity
    nodes = tuple(
        replace(n, value=widest[n.key, "value"], grad=widest[n.key, "grad"]) for n in picture.nodes
    )
    return replace(picture, nodes=nodes)


def _width(quantity: Quantity, name: str) -> float:
    text = norm_text(quantity) if name == "grad" else quantity_text(quantity)
    return text_width(text, 13.0, bold=is_zero(quantity) or is_broken(quantity))


def _counter(of: int, right: float | None, most: int) -> tuple[str, str]:
    """What a counter says when all have arrived, and the longest that it will say."""
    said = f"{of} of {of} arrivals" if of > 1 else ""
    if right is None:
        return said, said
    return said, f"{most} of {of} arrivals, right: {quantity_text(right)}"


def _packed(
    frame: Step, nodes: Mapping[int, Node], picture: Picture, shared: Mapping[int, int]
) -> dict[str, object]:
    """A frame as plain data, its numbers as they will be read."""
    question = frame.question
    return {
        "phase": frame.phase,
        "node": frame.node,
        "edge": frame.edge,
        "lit": list(frame.lit),
        "set": [c for key, change in frame.changes.items()
                for c in _changes(nodes[key], change, picture)],
        "counts": [[key, n, of] for key, (n, of) in frame.arrivals.items() if key in shared],
        "bad": [[key, quantity_text(right)] for key, right in frame.wrong.items()],
        "sum": [list(part) for part in frame.arithmetic],
        "words": frame.caption,
        "ask": _asked(question) if question else None,
    }  # fmt: skip


def _asked(question: Question) -> dict[str, object]:
    return {
        "prompt": question.prompt,
        "answer": question.answer,
        "hint": question.hint,
        "mistakes": [[mistake.value, mistake.words] for mistake in question.mistakes],
    }


def _changes(node: Node, change: Mapping[str, Quantity], picture: Picture) -> list[list[object]]:
    """What a script writes at a node: key, field, text, and how it looks."""
    if node.kind == "constant":
        return []
    found: list[list[object]] = []
    for name, quantity in change.items():
        text = quantity_text(quantity, picture.precision)
        if name == "grad":
            text = norm_text(quantity, picture.precision).partition(" ")[2]
        look = "absent" if isinstance(quantity, Absent) else "badge" if is_broken(quantity) else ""
        if name == "grad" and is_zero(quantity):
            look = "bold"
        found.append([node.key, name, text, look])
    return found


def _label(node: Node) -> str:
    return spoken(f"{node.name} = {node.expression}" if node.expression else node.name)


def _controls(wrong: bool) -> str:
    """The bar, the caption and the question, hidden until the script runs."""
    moves = "".join(
        button(action, label, icon=action, extra=f' aria-keyshortcuts="{key}"')
        for action, label, key in (
            ("first", "To the start", "Home"),
            ("previous", "Step back", "ArrowLeft"),
            ("play", "Play", "Space"),
            ("next", "Step on", "ArrowRight"),
            ("last", "To the end", "End"),
        )
    )
    jumps = button("forward", "Forward", key="F") + button("backward", "Backward", key="B")
    modes = button("predict", "Predict", extra=' aria-pressed="false"')
    if wrong:
        modes += button("wrong", "Wrong order", extra=' aria-pressed="false"')
    return (
        '<div class="cr-head">\n<div class="cr-bar" role="toolbar" aria-label="Player" hidden>\n'
        f'<span class="cr-group">{moves}</span>\n'
        '<input type="range" class="cr-slide" min="0" value="0" step="1" aria-label="Step">\n'
        '<span class="cr-count"></span>\n'
        f'<span class="cr-group">{jumps}</span>\n<span class="cr-group">{modes}</span>\n</div>\n'
        '<div class="cr-say" aria-live="polite" hidden><p class="cr-sum"></p>'
        '<p class="cr-words"></p></div>\n'
        '<form class="cr-ask" hidden><label><span></span> <input class="cr-field" type="text" '
        'inputmode="text" autocomplete="off" spellcheck="false" aria-label="Your answer"></label>\n'
        '<button type="submit" class="cr-button">Check</button>\n'
        f"{button('tell', 'Show it')}\n"
        '<p role="status"></p></form>\n</div>'
    )
