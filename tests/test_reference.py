"""The reference pages: complete, and made of what the registry says."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest

import chainrule as cr
from chainrule.autograd import registry
from chainrule.autograd.declare import family_of

TOOLS = Path(cr.__file__).parent / "tools"


@pytest.fixture(scope="module")
def tools() -> tuple[ModuleType, ModuleType]:
    """The two modules of the tool, which are no part of the package."""
    if not TOOLS.is_dir():
        pytest.skip("the tools are not installed with the package: run from a checkout")
    sys.path.insert(0, str(TOOLS))
    try:
        import reference
        import write_docs
    finally:
        sys.path.remove(str(TOOLS))
    return reference, write_docs


class Audit(HTMLParser):
    """Collects what a page links to and whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [v for k, v in attrs if k in ("href", "src") and v]
        self.anchors += [values["id"] or ""] if "id" in values else []
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def test_every_page_is_whole_and_offline(
    tools: tuple[ModuleType, ModuleType], tmp_path: Path
) -> None:
    _, write_docs = tools
    write_docs.main(str(tmp_path))
    pages = {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()}
    audits = {}
    for name, text in pages.items():
        audits[name] = audit = Audit()
        audit.feed(text)
        assert not audit.open, f"{name}: {audit.open[:3]} not closed"
        assert not [x for x in audit.links if x.startswith(("http", "//"))], name
    for link in audits["index.html"].links:
        page, _, anchor = link.partition("#")
        assert page in pages, link
        assert not anchor or anchor in audits[page].anchors, link


def test_every_operation_with_a_public_name_has_a_page(
    tools: tuple[ModuleType, ModuleType],
) -> None:
    reference, _ = tools
    shown = set()
    for family in reference.families():
        for e in (*family.entries, *family.beneath):
            shown.add(e.op.name if e.op is not None else e.name)
    public = {n for n, op in registry.items() if op.call and ".ops." in family_of(op.call)}
    assert public <= shown  # the others are the engine's own


def test_what_is_measured(tools: tuple[ModuleType, ModuleType]) -> None:
    reference, _ = tools
    relu, maximum = registry["relu"], registry["maximum"]
    assert reference.kinks(relu) == [
        "At 0 the slope is 0 on the left and 1 on the right; backward gives 0."
    ]
    assert reference.kinks(maximum) == ["At a tie, backward gives 0.5 to x and 0.5 to y."]
    assert reference.slope(registry["exp"], 0.0) == 1.0
    rules = {name: tex for name, tex, _ in reference.derivatives(registry["mul"])}
    assert rules == {"input": "y", "other": "x"}
