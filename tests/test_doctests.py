"""Every example in every docstring runs: modules are found by walking the installed package."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import chainrule as cr
from chainrule.autograd.declare import family_of

MODULES = sorted(
    ["chainrule", *(info.name for info in pkgutil.walk_packages(cr.__path__, "chainrule."))]
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # an example may write a file
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    runner = doctest.DocTestRunner(optionflags=flags, verbose=False)
    for test in doctest.DocTestFinder().find(module, name):
        found = getattr(module, test.name.removeprefix(f"{name}."), None)
        if family_of(found) in (name, getattr(found, "__module__", "")):  # else run where declared
            runner.run(test)
    failed, attempted = runner.summarize(verbose=False)
    assert failed == 0, f"{failed} of {attempted} examples in {name} failed"


def test_the_walk_finds_the_rooms() -> None:
    found = set(MODULES)
    assert {"chainrule.autograd.op", "chainrule.autograd.ops.arithmetic", "chainrule.nn"} <= found
    assert not any("tests" in name.split(".") for name in found)
