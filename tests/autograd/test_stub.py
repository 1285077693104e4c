"""The stub of Tensor's methods is what the registry would write."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import chainrule

ROOT = Path(__file__).resolve().parents[2]


def test_the_stub_is_current() -> None:
    spec = importlib.util.spec_from_file_location("write_stubs", ROOT / "tools/write_stubs.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    written = Path(chainrule.__file__).parent / "autograd" / "_methods.pyi"
    assert written.read_text(encoding="utf-8") == tool.stub(), "run tools/write_stubs.py"
