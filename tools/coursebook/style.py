"""What every notebook has in common, read from its source: form, words, imports, links."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from chainrule.cli.contents import PLAN
from chainrule.cli.links import is_relative, links

from .source import Cell, Source

# They tell a reader who does not see it at once that it is the reader's fault, or say nothing.
FORBIDDEN = (
    "simply",
    "just",
    "obvious",
    "obviously",
    "trivial",
    "trivially",
    "clearly",
    "basically",
    "of course",
    "needless to say",
    "as everyone knows",
)
_FORBIDDEN = re.compile(r"\b(" + "|".join(FORBIDDEN) + r")\b", re.IGNORECASE)
_PICTOGRAMS = re.compile("[\U0001f000-\U0001faff\u2600-\u2712\u2728\u274c\u2b50\ufe0f]")
_COMMENT = re.compile(r"#\s(.*)")
CLOSING = ("In words", "Open exercise", "Where this lives")
IMPORTS = {"chainrule", "numpy", "matplotlib"}
EXTRA_IMPORTS = {"16": {"sklearn", "optuna"}, "29": {"tensorboardX", "onnx", "onnxruntime"}}
COLUMNS, LINES, DEFINITION_LINES = 100, 25, 80
GENERATED = ("docs/reference", "tour")  # not in the repository


def problems(source: Source, root: Path) -> list[str]:
    """What in a source is not as in the others; `root` is the repository's folder."""
    found = [*_form(source), *_ending(source)]
    for cell in source.cells:
        found += [f"line {cell.line}: {words}" for words in _cell(cell, source.number)]
        if cell.kind == "markdown":
            found += [f"line {cell.line}: {words}" for words in dead_links(cell.text, root)]
    return found


def _form(source: Source) -> Iterator[str]:
    planned = {plan.number: plan.title for plan in PLAN}.get(source.head.number)
    if source.head.title != planned:
        yield f"the title is {source.head.title!r}; the table of contents says {planned!r}"
    second = source.cells[1] if len(source.cells) > 1 else None
    if second is None or second.kind != "code" or "import chainrule as cr" not in second.text:
        yield "the second cell holds the imports, with 'import chainrule as cr'"
    if not source.holes:
        yield "no hole"


def headings(source: Source) -> list[tuple[int, str]]:
    """The headings: level and words."""
    text = "\n".join(cell.text for cell in source.cells if cell.kind == "markdown")
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [(len(m[1]), m[2]) for m in re.finditer(r"^(#+) (.+)$", text, re.MULTILINE)]


def _ending(source: Source) -> Iterator[str]:
    found = headings(source)
    if [words for level, words in found if level == 1][1:]:
        yield "more than one heading of the first level"
    if tuple(words for level, words in found if level == 2)[-3:] != CLOSING:
        yield f"the last three headings are '## {CLOSING[0]}', '## {CLOSING[1]}', '## {CLOSING[2]}'"
        return
    text = "\n\n".join(cell.text for cell in source.cells if cell.kind == "markdown")
    words, _, rest = text.partition(f"## {CLOSING[0]}")[2].partition(f"## {CLOSING[1]}")
    if re.findall(r"^(\d)\. ", words, re.MULTILINE) != ["1", "2", "3"]:
        yield f"'## {CLOSING[0]}' asks three questions: 1., 2., 3."
    if not any(target.endswith(".py") for target in links(rest.partition(CLOSING[2])[2])):
        yield f"'## {CLOSING[2]}' links no file of the engine"


def _cell(cell: Cell, number: str) -> Iterator[str]:
    prose = cell.text
    if cell.kind == "code":
        versions = (cell.text, cell.exercise)
        prose = "\n".join(_COMMENT.findall("\n".join(versions)))
        yield from _code(cell, number)
    for match in _FORBIDDEN.finditer(re.sub(r"`[^`]*`", "", prose)):
        yield f"{match[0]!r} is not a word of this course"
    for match in _PICTOGRAMS.finditer(prose):
        yield f"{match[0]!r} is a pictogram"


def _code(cell: Cell, number: str) -> Iterator[str]:
    tree = ast.parse(cell.text)
    lines = cell.text.split("\n")
    defines = any(isinstance(node, (ast.ClassDef, ast.FunctionDef)) for node in tree.body)
    limit = DEFINITION_LINES if defines else LINES
    if len(lines) > limit:
        yield f"{len(lines)} lines in a cell, {limit} are allowed"
    if any(len(line) > COLUMNS for line in [*lines, *cell.exercise.split("\n")]):
        yield f"a line of more than {COLUMNS} columns"
    allowed = IMPORTS | EXTRA_IMPORTS.get(number, set()) | sys.stdlib_module_names
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for name in names:
            if name.split(".")[0] not in allowed:
                yield f"imports {name}; allowed are {', '.join(sorted(IMPORTS))}"


def dead_links(markdown: str, root: Path) -> list[str]:
    """Links, relative to notebooks/, that lead to no file of the repository."""
    found = []
    for target in filter(is_relative, links(markdown)):
        path = (root / "notebooks" / target.partition("#")[0]).resolve()
        inside = path.relative_to(root).as_posix() if path.is_relative_to(root) else "outside"
        if inside == "outside" or inside.startswith(GENERATED) or not _exists(path, root):
            found.append(f"{target} leads nowhere")
    return found


def _exists(path: Path, root: Path) -> bool:
    """Whether a file is there; for a notebook, whether it has a source or is planned."""
    if path.parent == root / "notebooks" and path.suffix == ".ipynb":
        return (root / "notebooks" / "src" / f"{path.stem}.py").is_file()
    return path.exists()
