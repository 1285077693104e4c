"""A notebook as one HTML page, as JupyterLab shows it, that asks nothing of the network."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from .build import loads

# JupyterLab's page without the three scripts that it would fetch: RequireJS, MathJax, Mermaid.
_TEMPLATE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block extra_css %}<link rel="icon" href="data:,"><style>
:root { color-scheme: THEME }
math[display=block], .jp-InputArea-editor .highlight pre { overflow-x: auto }
</style>{% endblock %}
"""
# Code first: a dollar sign in it is no formula.
_FORMULA = re.compile(
    r"^```.*?^```|`[^`\n]*`|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+)\$",
    re.DOTALL | re.MULTILINE,
)


def page(path: Path, theme: Literal["light", "dark"] = "light") -> str:
    """The page of a notebook file."""
    # Their functions have no types.
    nbconvert: Any = import_module("nbconvert")
    nbformat: Any = import_module("nbformat")
    notebook = loads(path.read_text(encoding="utf-8"))
    found: list[str] = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = _with_places(cell["source"], found)
    template = _TEMPLATE.replace("THEME", theme)
    exporter = nbconvert.HTMLExporter(raw_template=template, theme=theme, embed_images=True)
    node = nbformat.from_dict(notebook)
    resources = {"metadata": {"name": path.stem, "path": str(path.parent)}}
    text, _ = exporter.from_notebook_node(node, resources)
    return _PLACE.sub(lambda match: found[int(match[1])], str(text))


# Formulas go around the Markdown renderer, which would take them apart.
_PLACE = re.compile(r"formula(\d+)place")


def _with_places(markdown: str, found: list[str]) -> str:
    """The text with a word in place of each formula, whose MathML is added to `found`."""

    def place(match: re.Match[str]) -> str:
        formula = match["block"] or match["inline"]
        if not formula:
            return match[0]
        found.append(mathml(formula, block=match["block"] is not None))
        return f"formula{len(found) - 1}place"

    return _FORMULA.sub(place, markdown)


def mathml(formula: str, block: bool = False) -> str:
    """A formula in TeX as MathML, which browsers draw without a script."""
    from latex2mathml.converter import convert

    return str(convert(formula.strip(), display="block" if block else "inline"))


def formulas(markdown: str) -> list[str]:
    """The formulas of a text, without their dollar signs."""
    found = (match["block"] or match["inline"] for match in _FORMULA.finditer(markdown))
    return [formula.strip() for formula in found if formula]
