"""The arrows between the rooms point one way, no imports go round in a circle, files stay small.

The imports are parsed, not run. What counts: every import, also one inside a function. What does
not: `if TYPE_CHECKING:`, and functions in an `__init__.py` (names that are looked up lazily).
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {"tests", "benchmarks", "docs", "notebooks", "tools", "tour", "build", "dist"}

# Each line may import the lines above it, never one below. Modules of autograd that are not named
# here (views, random, shapes, ...) may stand anywhere as long as no arrow turns back through them.
ORDER = [
    {"autograd.errors", "autograd.dtypes"},
    {"autograd.op"},
    {"autograd.graph"},
    {"autograd.dispatch"},
    {"autograd.ops"},
    {"autograd.walker"},
    {"autograd.tensor"},
    {"autograd"},
    {"distributions"},
    {"nn"},
    {"optim"},
    {"data"},
    {"models"},
    {"distributed"},
    {"train"},
]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
# They read the engine and are looked up lazily: no module imports them when it is loaded.
OBSERVERS = {"viz", "interop", "teach"}
# The command sees all: its parser, and cli/ with one file a subcommand.
SEES_ALL = {"__main__", "cli"}

LINES = 400
HEART_LINES = 250
HEART = ["autograd.op", "autograd.dispatch", "autograd.graph", "autograd.walker"]


class Import(NamedTuple):
    """A module that another one imports, and how."""

    target: str
    line: int
    lazy: bool  # inside a function


@dataclass(frozen=True)
class House:
    """A package's modules: name below the root ("" is the root's __init__) to file."""

    files: dict[str, Path]

    @classmethod
    def read(cls, root: Path) -> House:
        files = {}
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if parts[0] in OUTSIDE or any(part.startswith(".") for part in parts):
                continue
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        return cls(files)

    def imports(self, name: str) -> list[Import]:
        """The modules of the package that `name` imports."""
        path = self.files[name]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        is_package = path.name == "__init__.py"
        package = name.split(".") if name else []
        if not is_package:
            package = package[:-1]
        found = []
        for node, lazy in walk(tree):
            if lazy and is_package:
                continue
            found += [Import(to, node.lineno, lazy) for to in self.targets(node, package)]
        return [item for item in found if item.target != name]

    def targets(self, node: ast.AST, package: list[str]) -> Iterator[str]:
        """The modules that one statement names: `from . import x` may mean a module or a name."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                top, _, rest = alias.name.partition(".")
                if top == "chainrule" and rest in self.files:
                    yield rest
        elif isinstance(node, ast.ImportFrom):
            base = (node.module or "").split(".") if node.module else []
            if node.level:
                base = package[: len(package) - node.level + 1] + base
            elif base[:1] == ["chainrule"]:
                base = base[1:]
            else:
                return
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                yield inner if inner in self.files else ".".join(base)

    def circles(self) -> list[str]:
        """A circle of imports at module level, as a list of names; empty when there is none."""
        graph = {
            name: {item.target for item in self.imports(name) if not item.lazy}
            for name in self.files
        }
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            return list(error.args[1])
        return []

    def turned_back(self) -> list[str]:
        """Each import chain that leads from a module to one of a later line of ORDER."""
        found = []
        for name in self.files:
            if name.split(".")[0] in SEES_ALL or not name or ceiling(name) is None:
                continue
            found += self.climbs(name)
        return found

    def climbs(self, name: str) -> list[str]:
        """The shortest chains from `name` to modules ranked above it, through unranked ones."""
        limit = ceiling(name)
        assert limit is not None
        found, seen, queue = [], {name}, [(name,)]
        while queue:
            chain = queue.pop(0)
            for item in self.imports(chain[-1]):
                if item.target in seen or observer(item.target):
                    continue
                seen.add(item.target)
                rank = ranked(item.target)
                if rank is not None and rank > limit:
                    last = f"{item.target or 'the root'} (line {item.line})"
                    found.append(" -> ".join([*chain, last]))
                elif rank is None:  # a ranked one answers for what it imports itself
                    queue.append((*chain, item.target))
        return found

    def watched(self) -> list[str]:
        """Imports of viz, interop or teach at module level, from outside them."""
        return [
            f"{name}:{item.line} imports {item.target}"
            for name in self.files
            if name.split(".")[0] not in SEES_ALL and not observer(name)
            for item in self.imports(name)
            if observer(item.target) and not item.lazy
        ]

    def long_files(self) -> list[str]:
        """Files with more lines than they may have."""
        found = []
        for name, path in self.files.items():
            count = len(path.read_text(encoding="utf-8").splitlines())
            limit = HEART_LINES if name in HEART else LINES
            if count > limit:
                found.append(f"{path.name} ({name}) has {count} lines, {limit} are allowed")
        return found


def walk(tree: ast.AST, lazy: bool = False) -> Iterator[tuple[ast.stmt, bool]]:
    """Every import below `tree` with whether it stands in a function, but for type checking."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node, lazy
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from walk(ast.Module([other], []), lazy)
        else:
            function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from walk(node, lazy or function)


def observer(name: str) -> bool:
    return name.split(".")[0] in OBSERVERS


def ranked(name: str) -> int | None:
    """The line of ORDER that names the module or a folder around it; autograd's others: None."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in RANK and not (prefix == "autograd" and name != "autograd"):
            return RANK[prefix]
    return len(ORDER) if not name else None  # the root's __init__ sees every room


def ceiling(name: str) -> int | None:
    """How far up a module may reach: its own line; for autograd's others, all of autograd."""
    rank = ranked(name)
    return RANK["autograd"] if rank is None and name.split(".")[0] == "autograd" else rank


@cache
def house() -> House:
    return House.read(ROOT)


def test_no_arrow_turns_back() -> None:
    assert house().turned_back() == []


def test_nobody_imports_the_observers() -> None:
    assert house().watched() == []


def test_no_circles() -> None:
    assert house().circles() == []


def test_files_stay_small() -> None:
    assert house().long_files() == []


def test_the_named_modules_exist() -> None:
    """A renamed module would slip through the rules above."""
    rooms = {"autograd.errors", "autograd.dtypes", "autograd.tensor", "autograd.ops", "nn", "optim"}
    assert {*HEART, *rooms, "data", "viz", "__main__", ""} <= set(house().files)


def test_imports_inside_are_relative() -> None:
    absolute = [
        f"{name}:{node.lineno}"
        for name, path in house().files.items()
        for node, _ in walk(ast.parse(path.read_text(encoding="utf-8")))
        if "chainrule" in imported_tops(node)
    ]
    assert absolute == []


def imported_tops(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    assert isinstance(node, ast.ImportFrom)
    return set() if node.level else {(node.module or "").split(".")[0]}


# The rules themselves, on small made houses: each must be able to fail.

SOUND = {
    "__init__.py": "from .autograd import Tensor\ndef __getattr__(n):\n    from . import viz\n",
    "__main__.py": "from .viz import draw\n",
    "autograd/__init__.py": "from .tensor import Tensor\n",
    "autograd/errors.py": "",
    "autograd/shapes.py": "from . import errors\n",
    "autograd/op.py": "from .shapes import x\n",
    "autograd/ops/__init__.py": "from . import arithmetic\n",
    "autograd/ops/arithmetic.py": "from ..op import Op\n",
    "autograd/tensor.py": "from . import op, ops\ndef f():\n    from .. import viz\n",
    "nn/__init__.py": "from ..autograd import Tensor\n",
    "viz/__init__.py": "from ..nn import Module\n",
}


def built(tmp_path: Path, changes: dict[str, str]) -> House:
    """The sound house, with some files changed or added."""
    for name, text in (SOUND | changes).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return House.read(tmp_path)


def test_rules_pass_a_sound_house(tmp_path: Path) -> None:
    small = built(tmp_path, {})
    assert small.turned_back() == small.watched() == small.circles() == small.long_files() == []


@pytest.mark.parametrize(
    ("changes", "chain"),
    [
        ({"autograd/op.py": "from .tensor import T\n"}, "autograd.op -> autograd.tensor (line 1)"),
        (
            {"autograd/shapes.py": "\nfrom .tensor import T\n"},
            "autograd.op -> autograd.shapes -> autograd.tensor (line 2)",
        ),
        (
            {"autograd/tensor.py": "def f():\n    from .. import nn\n"},
            "autograd.tensor -> nn (line 2)",
        ),
        ({"autograd/check.py": "import chainrule.nn\n"}, "autograd.check -> nn (line 1)"),
        ({"nn/linear.py": "from .. import Tensor\n"}, "nn.linear -> the root (line 1)"),
        (
            {"nn/linear.py": "from ..data.loader import load\n", "data/loader.py": ""},
            "nn.linear -> data.loader (line 1)",
        ),
        (
            {"autograd/ops/arithmetic.py": "from .. import Tensor\n"},
            "autograd.ops.arithmetic -> autograd (line 1)",
        ),
    ],
)
def test_rules_see_an_arrow_turn_back(tmp_path: Path, changes: dict[str, str], chain: str) -> None:
    assert chain in built(tmp_path, changes).turned_back()


def test_rules_ignore_type_checking(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .tensor import Tensor\n"
    assert built(tmp_path, {"autograd/op.py": text}).turned_back() == []


def test_rules_see_an_observer_imported(tmp_path: Path) -> None:
    small = built(tmp_path, {"nn/linear.py": "from ..viz import draw\n"})
    assert small.watched() == ["nn.linear:1 imports viz"]


def test_rules_see_a_circle(tmp_path: Path) -> None:
    small = built(tmp_path, {"nn/a.py": "from . import b\n", "nn/b.py": "from .a import x\n"})
    assert set(small.circles()) == {"nn.a", "nn.b"}


@pytest.mark.parametrize(("name", "allowed"), [("op", 250), ("views", 400)])
def test_rules_count_lines(tmp_path: Path, name: str, allowed: int) -> None:
    file = f"autograd/{name}.py"
    assert built(tmp_path, {file: "x = 1\n" * allowed}).long_files() == []
    (found,) = built(tmp_path, {file: "x = 1\n" * (allowed + 1)}).long_files()
    assert f"{allowed + 1} lines" in found
