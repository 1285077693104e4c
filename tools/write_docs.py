"""Write the reference pages (``make docs``): one HTML page a family, from the registry.

    python tools/write_docs.py docs/reference

Formulas become MathML, which browsers draw themselves; a page asks nothing of the network.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any

import reference
from latex2mathml.converter import convert

from chainrule.viz.plots import BLUE, VERMILION, figure_svg

STYLE = """
:root { color-scheme: light dark; --ink: #1f2430; --soft: #55606e; --line: #d5dae1;
  --paper: #fff; --panel: #f5f7fa; --link: #0060a0 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #a7b0bd; --line: #3a4250;
  --paper: #14171c; --panel: #1d2229; --link: #7cc0ff } svg .ink { filter: invert(1) } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 54rem; margin: 2rem auto; padding: 0 1rem }
a { color: var(--link) } h1 { font-size: 1.7rem } h2 { margin-top: 2.6rem; padding-top: .6rem;
  border-top: 1px solid var(--line); font-size: 1.25rem; overflow-wrap: anywhere }
code, pre { font: .9em/1.5 ui-monospace, monospace } pre { background: var(--panel);
  padding: .7rem 1rem; overflow-x: auto; border-radius: 6px; white-space: pre-wrap }
.soft { color: var(--soft) } dt { font-weight: 600; margin-top: .7rem }
dd { margin: .1rem 0 0 1rem }
.plot { background: #fff; border-radius: 6px; display: inline-block; padding: .3rem }
.plot svg { max-width: 100%; height: auto } table { border-collapse: collapse }
td { padding: .15rem .9rem .15rem 0; vertical-align: top } ul.index { columns: 2 }
"""


def page(title: str, body: str) -> str:
    """A whole page around its body."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)} · chainrule</title><style>{STYLE}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def prose(text: str) -> str:
    """A docstring as HTML: paragraphs, ``code``, examples."""
    parts: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        if ">>>" in block:
            before, sign, after = block.partition(">>>")
            if before.strip():
                parts.append(f"<p>{_inline(before)}</p>")
            lines = (sign + after).rstrip().split("\n")
            lines = [x for x in lines if x.strip() != ">>> import chainrule as cr"]
            indent = min((len(x) - len(x.lstrip()) for x in lines[1:] if x.strip()), default=0)
            body = "\n".join([lines[0].strip(), *[x[indent:] for x in lines[1:]]])
            parts.append(f"<pre>{html.escape(body)}</pre>")
        elif block.strip():
            parts.append(f"<p>{_inline(block)}</p>")
    return "\n".join(parts)


def _inline(text: str) -> str:
    escaped = html.escape(" ".join(text.split()))
    return re.sub(r"``(.+?)``", r"<code>\1</code>", escaped)


def plot(op: Any) -> str:
    """Value and derivative over the declared interval, as SVG."""
    from matplotlib.figure import Figure

    x, y, slope = reference.curve(op)
    figure = Figure(figsize=(4.6, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(x, y, color=BLUE, label=f"{op.name}(x)")
    axes.plot(x, slope, color=VERMILION, linestyle="--", label="derivative")
    axes.axhline(0, color="#9aa3ad", linewidth=0.6)
    axes.axvline(0, color="#9aa3ad", linewidth=0.6)
    axes.set_xlabel("x")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    label = f"{op.name} and its derivative"
    svg = figure_svg(figure).replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    return f'<div class="plot">{svg}</div>'


def facts(entry: reference.Entry) -> str:
    """What the registry knows of an operation, as a list of terms."""
    op, rows = entry.op, list[tuple[str, str]]()
    if op is None:
        return ""
    tex = reference.formula(op)
    if tex:
        letters = ", ".join(reference.LETTERS.get(n, n) for n in op.inputs)
        rows.append(("Formula", convert(f"f({letters}) = {tex}")))
    for name, rule, run in reference.derivatives(op):
        letter = reference.LETTERS.get(name, rf"\mathrm{{{name}}}")
        left = rf"\frac{{\partial f}}{{\partial {letter}}}" if op.partial else rf"\bar{{{letter}}}"
        text = convert(f"{left} = {rule}")
        if run:
            text += f"<br><span class=soft>computed as</span> {convert(run)}"
        rows.append(("Local derivative" if op.partial else "Gradient rule", text))
    rows += [("Kinks and ties", html.escape(k)) for k in reference.kinks(op)]
    cell = "<td><code>{}</code></td>"
    pairs = [map(html.escape, pair) for pair in reference.shapes(entry)]
    lines = [f"<tr>{cell.format(a)}{cell.format('→ ' + b)}</tr>" for a, b in pairs]
    if lines:
        rows.append(("Shapes", f"<table>{''.join(lines)}</table>"))
    kinds = [f"{a} → {b}" for a, b in reference.dtypes(entry)]
    if kinds:
        rows.append(("Dtypes", html.escape(", ".join(kinds))))
    for call, message in reference.errors(entry):
        rows.append(("Error", f"<code>{html.escape(call)}</code><br>{html.escape(message)}"))
    if op.differentiable and op.linear_in:
        rows.append(("Linear in", ", ".join(op.linear_in)))
    if not op.differentiable:
        rows.append(("Gradient", "none: the result carries no gradient"))
    rows.append(("ONNX", html.escape(op.onnx) if op.onnx else "no operator of its own"))
    listed = "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in rows)
    return f"<dl>{listed}</dl>" + (plot(op) if reference.is_curve(op) else "")


def family_page(family: reference.Family) -> str:
    """The page of one family."""
    parts = [
        '<p><a href="index.html">Reference</a></p>',
        f"<h1>{html.escape(family.title)}</h1>",
        f'<p class="soft">Declared in <a href="../../{family.source}">{family.source}</a>.</p>',
    ]
    for e in family.entries:
        parts.append(f'<h2 id="{e.name}"><code>{html.escape(e.name + e.signature)}</code></h2>')
        homes = ", ".join(f"<code>{html.escape(h)}</code>" for h in dict.fromkeys(e.homes))
        parts += [f'<p class="soft">{homes}</p>', prose(e.doc), facts(e)]
    if family.beneath:
        parts.append("<h1>Operations beneath these functions</h1>")
    for e in family.beneath:
        parts.append(f'<h2 id="{e.name}"><code>{html.escape(e.name + e.signature)}</code></h2>')
        parts += [prose(e.doc), facts(e)]
    return page(family.title, "\n".join(parts))


def index_page(families: list[reference.Family]) -> str:
    """The list of families and functions."""
    count = sum(len(f.entries) for f in families)
    parts = [
        "<h1>chainrule: operations</h1>",
        f"<p>{count} functions in {len(families)} families.</p>",
    ]
    for f in families:
        items = "".join(
            f'<li><a href="ops-{f.name}.html#{e.name}">{html.escape(e.name)}</a></li>'
            for e in f.entries
        )
        parts.append(f'<h2><a href="ops-{f.name}.html">{html.escape(f.title)}</a></h2>')
        parts.append(f'<ul class="index">{items}</ul>')
    return page("Reference", "\n".join(parts))


def main(folder: str = "docs/reference") -> None:
    """Write all pages into the folder."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    families = reference.families()
    for family in families:
        (target / f"ops-{family.name}.html").write_text(family_page(family), encoding="utf-8")
    (target / "index.html").write_text(index_page(families), encoding="utf-8")
    print(f"{len(families)} pages: {target / 'index.html'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
