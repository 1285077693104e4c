"""`memory`: what is kept for backward, by whom, and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any, Literal, get_args

from ..autograd import Tensor, enable_grad, watch
from ..autograd.graph import Leaf, ancestors, is_output
from .captured import result_of
from .forward_run import unchanged
from .kept import Kept, Moment, kept_by, walk_back
from .naming import Names, name_nodes
from .numbers import format_count, format_number, format_shape
from .report import Report
from .tables import Bar, bar_chart, cut, html_table, short_line, text_table
from .theme import ThemeName, find_theme

By = Literal["op", "line", "module"]
_ROWS, _OWNERS = 20, 6
_RIGHT = (False, True, True, True, False)


class Memory(Report):
    """Kept buffers and the walk back; `print` the table, show it in a notebook, or `save` it.

    `kept` lists the buffers, `moments` the steps of the walk back, `shared` the bytes of
    parameters in the graph, which are there anyway.
    """

    heading = "Kept for backward"
    _said = "memory is a table of bytes"

    def __init__(
        self,
        kept: tuple[Kept, ...],
        moments: tuple[Moment, ...],
        shared: int,
        freed: int,
        by: By,
        theme: str | None = None,
    ) -> None:
        super().__init__(theme=theme)
        self.kept, self.moments, self.shared, self.freed = kept, moments, shared, freed
        self.by = by

    @property
    def bytes(self) -> int:
        """Bytes kept after the forward pass, every buffer once."""
        return sum(buffer.bytes for buffer in self.kept)

    @property
    def peak(self) -> Moment | None:
        """The step of the walk back at which most is held; the first of equal ones."""
        return max(self.moments, key=lambda moment: moment.total, default=None)

    def owners(self) -> list[tuple[str, int]]:
        """Who holds the bytes of the peak, the largest first."""
        peak = self.peak
        if peak is None:
            return []
        at = self.moments.index(peak)
        held = [(f"{k.what}, kept by {k.op}", k.bytes) for k in self.kept if k.last >= at]
        return sorted([*held, *peak.pending], key=lambda owner: -owner[1])

    def rows(self, by: By | None = None) -> list[tuple[str, int, int, str]]:
        """(who, arrays, bytes, what) by operation, line or module, the largest first."""
        by = by or self.by
        groups: dict[str, list[Kept]] = {}
        for buffer in self.kept:
            groups.setdefault(getattr(buffer, by) or _UNKNOWN[by], []).append(buffer)
        found = [
            (who, len(mine), sum(b.bytes for b in mine), ", ".join(dict.fromkeys(map(_said, mine))))
            for who, mine in groups.items()
        ]
        return sorted(found, key=lambda row: -row[2])

    def text(self) -> str:
        """The sum, the table, and the peak of the walk back."""
        table = [text_table(self._table(), _RIGHT)] if self.kept else []
        return "\n\n".join([self._title(), *table, "\n".join(self._peak_words())]) + "\n"

    def data(self) -> Mapping[str, Any]:
        """The buffers and the steps of the walk back."""
        kept = [replace(buffer, line=short_line(buffer.line)) for buffer in self.kept]
        return {
            "by": self.by, "bytes": self.bytes, "parameters": self.shared, "freed": self.freed,
            "kept": kept, "moments": self.moments,
        }  # fmt: skip

    def svg(self) -> str:
        """Bars by operation, line or module, and the bytes over the walk back as a curve."""
        rows = self.rows()
        bars = [Bar(short_line(who), size, bytes_text(size)) for who, _, size, _ in rows[:_ROWS]]
        curve = [float(moment.total) for moment in self.moments]
        most = bytes_text(max((moment.total for moment in self.moments), default=0))
        return bar_chart(
            self._title(), bars, self.text(), self.theme, curve=curve,
            curve_title=f"kept arrays and gradients over the walk back: peak {most}",
        )  # fmt: skip

    def body(self) -> str:
        """The chart and the table."""
        table = html_table(self._table(), _RIGHT) if self.kept else ""
        figure = f"<figure>\n{self.svg()}</figure>\n"
        said = _paragraphs(self._peak_words())
        return f'<div class="cr-report">\n{figure}{table}{said}</div>\n'

    def _title(self) -> str:
        arrays = "1 array" if len(self.kept) == 1 else f"{format_count(len(self.kept))} arrays"
        return f"kept for backward: {bytes_text(self.bytes)} in {arrays}"

    def _table(self) -> list[tuple[str, ...]]:
        whole = self.bytes or 1
        rows = self.rows()
        table: list[tuple[str, ...]] = [(self.by, "arrays", "bytes", "share", "what")]
        for who, arrays, size, what in rows[:_ROWS]:
            share = f"{format_number(100 * size / whole, 3)} %"
            table.append(
                (short_line(who), format_count(arrays), bytes_text(size), share, cut(what))
            )
        if rest := rows[_ROWS:]:
            size = sum(row[2] for row in rest)
            share = f"{format_number(100 * size / whole, 3)} %"
            held = format_count(sum(row[1] for row in rest))
            table.append((f"{len(rest)} more", held, bytes_text(size), share, ""))
        return table

    def _peak_words(self) -> list[str]:
        said = []
        peak = self.peak
        if peak is not None:
            step = f"step {self.moments.index(peak) + 1} of {len(self.moments)}"
            said.append(
                f"peak of the walk back: {bytes_text(peak.total)} at {peak.node} ({peak.op}, "
                f"{step}): kept {bytes_text(peak.kept)}, gradients {bytes_text(peak.gradients)}"
            )
            owners = [(who, size) for who, size in self.owners()[:_OWNERS] if size]
            said += [f"  {bytes_text(size)}: {who}" for who, size in owners]
        if self.shared:
            said.append(f"parameters in the graph: {bytes_text(self.shared)}, there anyway")
        if self.freed:
            said.append(
                f"{format_count(self.freed)} operations keep nothing any more: backward has used "
                "them. Ask before backward(), or run it with retain_graph=True"
            )
        if self.by != "op" and any(not buffer.line for buffer in self.kept):
            said.append(
                "to know the rest, record under chainrule.watch(), or give memory() the model and "
                "its inputs"
            )
        return said


def _paragraphs(lines: Sequence[str]) -> str:
    """Words as HTML; indented lines are a list."""
    parts = [
        f"<li>{escape(line.strip())}</li>" if line.startswith("  ") else f"<p>{escape(line)}</p>"
        for line in lines
    ]
    words = "\n".join(parts) + "\n"
    return re.sub(r"(?:<li>[^\n]*\n)+", r'<ul class="cr-list">\n\g<0></ul>\n', words)


_UNKNOWN = {"op": "?", "line": "line not recorded", "module": "outside of modules"}


def memory(
    y: Any,
    *inputs: Any,
    by: By = "op",
    names: Names = None,
    theme: ThemeName | None = None,
) -> Memory:
    """What the graph of y keeps for backward: by operation, line or module, over the walk back.

    Measured in the engine's own saved arrays, every buffer once; a model (or a function) with its
    `inputs` is run under `watch()`, so that lines and modules are known. The walk back lets go what
    it has used; gradients on the way count with their full size. Raises RuntimeError when nothing
    was recorded.

    >>> import chainrule as cr
    >>> x = cr.ones(3, requires_grad=True)
    >>> y = x.exp().sin().sum()
    >>> print(cr.viz.memory(y, names={"x": x, "y": y}).text())
    kept for backward: 12 B in 1 array
    <BLANKLINE>
    op    arrays   bytes   share   what
    exp        1    12 B   100 %   3 float32
    <BLANKLINE>
    peak of the walk back: 36 B at sin (sin, step 2 of 3): kept 12 B, gradients 24 B
      12 B: exp, kept by exp
      12 B: ∂ of sin
      12 B: ∂ of exp
    parameters in the graph: 12 B, there anyway
    <BLANKLINE>
    """
    find_theme(theme)
    if by not in get_args(By):
        raise ValueError(f"by= is one of {', '.join(get_args(By))}; got {by!r}")
    if isinstance(y, Tensor):
        tensor, names = result_of(y, inputs, names, "memory")
    else:
        with unchanged(y), enable_grad(), watch():
            tensor, names = result_of(y, inputs, names, "memory")
    root = tensor._node
    if root is None or root.plan is None:
        raise RuntimeError(
            "memory(): nothing was recorded for this tensor: no input requires grad, or it was "
            "computed under no_grad"
        )
    order = ancestors([root])
    called = _called(order, name_nodes(order, [tensor], names)[0])
    kept = kept_by(order, [root], called)
    leaves = {
        id(node): int(node.value.nbytes)
        for node in order
        if type(node) is Leaf and node.requires_grad and hasattr(node.value, "nbytes")
    }
    freed = sum(node.plan is not None and node.saved is None for node in order)
    moments = () if freed else tuple(walk_back([root], kept, called))
    return Memory(tuple(kept), moments, sum(leaves.values()), freed, by, theme)


def _called(order: Sequence[Any], given: dict[Any, str]) -> dict[Any, str]:
    """Names for all nodes: the given ones, else the operation that made them."""
    found = dict(given)
    for node in order:
        if node not in found and node.plan is not None:
            made = node.operands()[0] if is_output(node) else node
            tail = f"[{node.params[0]}]" if is_output(node) else ""
            found[node] = made.plan.op.name + tail
    return found


def bytes_text(count: int) -> str:
    """Bytes in powers of 1000 with four digits: 12 B, 1.25 MB.

    >>> bytes_text(12), bytes_text(1_250_000)
    ('12 B', '1.25 MB')
    """
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= size:
            return f"{format_number(count / size)} {unit}"
    return f"{count} B"


def _said(buffer: Kept) -> str:
    return f"{format_shape(buffer.shape)} {buffer.dtype}"
