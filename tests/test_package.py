"""What is installed: the wheel holds every room and every data file, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import chainrule as cr

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LISTED = SETTINGS["tool"]["setuptools"]["packages"]


def folders_with_code() -> set[str]:
    """The packages below the root: the folders that hold an __init__.py."""
    found = {"chainrule"}
    for init in ROOT.glob("[a-z]*/**/__init__.py"):
        found.add(".".join(["chainrule", *init.parent.relative_to(ROOT).parts]))
    return {name for name in found if name.split(".")[1:2] not in (["build"], ["notebooks"])}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a wheel built from a copy of the tree."""
    source = tmp_path_factory.mktemp("wheel") / "source"
    skip = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "tour")
    shutil.copytree(ROOT, source, ignore=skip)
    code = "import setuptools.build_meta as build; print(build.build_wheel('dist'))"
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=source, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    with zipfile.ZipFile(source / "dist" / run.stdout.split()[-1]) as archive:
        return set(archive.namelist())


def test_every_folder_with_code_is_listed() -> None:
    assert set(LISTED) == folders_with_code()


def test_wheel_holds_every_module(wheel: set[str]) -> None:
    for package in LISTED:
        folder = ROOT.joinpath(*package.split(".")[1:])
        wanted = {package.replace(".", "/") + "/" + path.name for path in folder.glob("*.py")}
        assert wanted <= wheel


def test_wheel_holds_the_data(wheel: set[str]) -> None:
    wanted = [
        "py.typed",
        "autograd/*.pyi",
        "compat/*.json",
        "data/*.npz",
        "data/*_LICENSE.txt",
        "viz/assets/*",
        "notebooks/*.ipynb",
        "notebooks/solutions/*.ipynb",
    ]
    for pattern in wanted:
        files = {f"chainrule/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob(pattern)}
        assert files <= wheel, pattern
    assert {"chainrule/py.typed", "chainrule/data/digits.npz"} <= wheel
    assert "chainrule/data/DIGITS_LICENSE.txt" in wheel
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)


def test_wheel_holds_nothing_else(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"chainrule"}
    rooms = {
        name.split("/")[1] for name in wheel if name.count("/") > 1 and "dist-info" not in name
    }
    assert not rooms & {"tests", "benchmarks", "docs", "tools", "tour"}
    notebooks = [name for name in wheel if name.startswith("chainrule/notebooks/")]
    assert all(name.endswith(".ipynb") for name in notebooks)


def test_wheel_offers_the_command(wheel: set[str]) -> None:
    assert any(name.endswith(".dist-info/entry_points.txt") for name in wheel)
    assert SETTINGS["project"]["scripts"] == {"chainrule": "chainrule.__main__:main"}


def test_versions_agree() -> None:
    assert cr.__version__ == SETTINGS["project"]["version"]


def test_the_package_is_imported_once() -> None:
    """The root holds an __init__.py; run wrongly, pytest would import the rooms under two names."""
    home = Path(cr.__file__).resolve()
    names = [
        name
        for name, module in sys.modules.items()
        if getattr(module, "__file__", None) and Path(module.__file__).resolve() == home
    ]
    assert names == ["chainrule"]
    assert cr.autograd.__name__ == "chainrule.autograd"


def test_every_dependency_says_why() -> None:
    """Each requirement in pyproject.toml carries a comment, on its line or above it."""
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    wanted = [*SETTINGS["project"]["dependencies"]]
    for extra in SETTINGS["project"]["optional-dependencies"].values():
        wanted += [item for item in extra if not item.startswith("chainrule[")]
    for item in wanted:
        places = [i for i, line in enumerate(lines) if f'"{item}"' in line]
        assert places, item
        assert all("#" in lines[i] or lines[i - 1].lstrip().startswith("#") for i in places), item
