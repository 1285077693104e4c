"""The command ``chainrule draw``: what it prints, what it writes, and what it says of bad input."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from chainrule.__main__ import main


def test_the_numbers_of_an_expression(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "tanh(w*x + b)", "x=2", "w=-3", "b=6.88"]) == 0
    text = capsys.readouterr().out
    assert "out = tanh(w·x + b)" in text
    assert "0.7064" in text  # tanh 0.88
    assert "−1.503" in text  # ∂out/∂x = −3 · (1 − tanh² 0.88)


def test_files_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {kind: tmp_path / f"f.{kind}" for kind in ("svg", "html", "dot")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    assert main(["draw", "(x + y) * z", "x=2", "y=3", "z=-4", *options]) == 0
    ET.fromstring(files["svg"].read_text(encoding="utf-8"))
    assert "<svg" in files["html"].read_text(encoding="utf-8")
    assert files["dot"].read_text(encoding="utf-8").startswith("digraph")
    assert "wrote" in capsys.readouterr().out


def test_the_derivation_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "(x + y) * z", "x=2", "y=3", "z=-4", "--explain"]) == 0
    text = capsys.readouterr().out
    assert "structure: 1 route" in text
    assert "agrees" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["tnh(x)", "x=1"], "did you mean tanh"),
        (["tnh(x)", "x=1"], "^^^"),
        (["x *", "x=1"], "cannot read the expression"),
        (["__import__('os')", "x=1"], "^"),
        (["x + y", "x=1"], "no value for 'y'"),
        (["x", "x"], "expected name=value"),
        (["x", "x=two"], "is not a number"),
        (["x*2", "x=1", "x=2"], "given twice"),
        (["x.real", "x=1"], "^"),
    ],
)
def test_bad_input_is_explained(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["draw", *words]) == 2
    assert says in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["draw"], ["tour"]):
        with pytest.raises(SystemExit) as stop:
            main([*command, "--help"])
        assert stop.value.code == 0
        assert "example" in capsys.readouterr().out


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "usage: chainrule" in capsys.readouterr().out
