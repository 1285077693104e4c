"""``coverage()``: which of PyTorch's names are here; the list itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.compat import absent, coverage

LISTED = json.loads(Path(coverage.NAMES).read_text(encoding="utf-8"))
# what published code uses (files that use it ≥ 2), of the areas that are finished
USED = {
    "torch": "tensor zeros arange cat no_grad randn manual_seed ones device float32 save rand max "
    "long load exp matmul sqrt stack tanh normal randint log from_numpy Tensor multinomial sum sin "
    "cos zeros_like ones_like mm LongTensor abs int32 square bfloat16 topk flatten Generator "
    "sigmoid float16 tril acos int64 meshgrid pi linspace float randperm mv bmm norm sort relu "
    "argmax dot eye pow repeat_interleave set_printoptions mean float64 full neg add bool diag "
    "FloatTensor allclose floor min where inference_mode set_grad_enabled",
    "Tensor": "shape backward to sum data item reshape float detach mean grad view device "
    "transpose cpu size numpy fill_ unsqueeze type requires_grad T relu numel argmax permute "
    "tolist squeeze zero_ dtype eq max copy_ flatten contiguous std nelement t split view_as dim "
    "clone exp long abs cuda ndim norm log10 masked_fill trace repeat expand unique double var pow "
    "cumsum "
    "log random_ retain_grad mul new_zeros pin_memory resize_ type_as normal_ scatter",
    "testing": "assert_close assert_allclose make_tensor",
    "amp": "autocast GradScaler",
    "profiler": "profile record_function schedule ProfilerActivity tensorboard_trace_handler",
    "serialization": "safe_globals add_safe_globals",
}


@pytest.fixture(scope="module")
def found() -> coverage.Coverage:
    return cr.coverage(show=False)


def test_every_name_is_counted_once(found: coverage.Coverage) -> None:
    for area, names in LISTED.items():
        here, to_come, left_out = found[area].here, found[area].to_come, found[area].left_out
        assert sorted([*here, *to_come, *left_out]) == sorted(names.split())
    assert found.here + found.to_come + found.left_out == sum(
        len(names.split()) for names in LISTED.values()
    )


def test_what_is_here_is_here(found: coverage.Coverage) -> None:
    for name in found["torch"].here:
        assert hasattr(cr, name)
    for name in found["Tensor"].left_out:
        assert not hasattr(cr.Tensor, name)


def test_later_does_not_count(found: coverage.Coverage) -> None:
    assert "compile" in found["torch"].to_come
    assert "DataParallel" in found["nn"].to_come


@pytest.mark.parametrize("area", USED)
def test_what_published_code_uses(area: str, found: coverage.Coverage) -> None:
    assert sorted(set(USED[area].split()) - set(found[area].here)) == []


def test_the_list_is_sound() -> None:
    assert len(LISTED["torch"].split()) > 450
    assert {"tanh", "no_grad", "finfo", "relu"} <= set(LISTED["torch"].split())
    assert Path(coverage.NAMES).stat().st_size < 40_000
    assert not [n for names in LISTED.values() for n in names.split() if n.startswith("_")]


def test_table(capsys: pytest.CaptureFixture[str], found: coverage.Coverage) -> None:
    printed = cr.coverage()
    text = capsys.readouterr().out
    assert text == f"{printed}\n"
    assert f"{found.here:5} of" in text
    for area in LISTED:
        assert area in text


def test_sentences() -> None:
    """One sentence each: why and what instead, in the words of the rules."""
    for areas, pattern, text in absent.RULES:
        assert set(areas.split()) <= set(LISTED), pattern
        assert text[0].islower()
        assert not text.endswith(".")
    assert absent.why("Tensor", "tanh") is None
    assert absent.missing("torch", "tanh") == ""


def test_rules_leave_out_nothing_that_is_here(found: coverage.Coverage) -> None:
    for area in found.values():
        assert [name for name in area.here if absent.why(area.name, name)] == []


def test_the_readme_quotes_the_command() -> None:
    readme = Path(cr.__file__).parent / "README.md"
    if not readme.exists():
        pytest.skip("installed without the README: run from a checkout")
    found = cr.coverage(show=False)
    every = found.here + found.to_come
    text = readme.read_text(encoding="utf-8")
    quote = f"of {every:,}, {found.here:,} are here; {found.left_out} more are left out"
    assert quote in " ".join(text.split())
