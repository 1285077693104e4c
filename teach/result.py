"""What a check answers: a verdict and its words, shown where the check was called, and kept."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

Verdict = Literal["right", "not yet", "not right"]

MARKS: dict[Verdict, str] = {"right": "✓", "not yet": "…", "not right": "✗"}
# Each colour has a contrast of at least 4:1 on white and on a dark page; the bar's form says it too
_BARS: dict[Verdict, str] = {
    "right": "4px solid #1b8a5a",
    "not yet": "4px dotted #6f7a86",
    "not right": "6px double #cf5a1b",
}


@dataclass(frozen=True, slots=True)
class Result:
    """A check's answer: true when it is right.

    `verdict` is "right", "not yet" or "not right"; `text` all the words, which begin with the mark
    and the verdict; `name` what was asked for; `mistake` the mistake that fits, in words that stand
    in the text too (two of them with "; " between), or None.

    >>> from chainrule.teach import Result
    >>> answer = Result("not right", "a sum", "Off by one.", "off by one")
    >>> bool(answer), answer.verdict, answer.text
    (False, 'not right', '✗ not right: a sum. Off by one.')
    """

    verdict: Verdict
    name: str
    words: str = ""
    mistake: str | None = None
    text: str = field(init=False)

    def __post_init__(self) -> None:
        said = f"{MARKS[self.verdict]} {self.verdict}: {self.name}"
        object.__setattr__(self, "text", f"{said}. {self.words}" if self.words else f"{said}.")

    def __bool__(self) -> bool:
        return self.verdict == "right"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<{self.verdict}: {self.name}>"

    def _ipython_display_(self) -> None:
        """Nothing: the check has shown itself already."""

    def html(self) -> str:
        """The words beside a bar whose form and colour say the verdict; for light and dark pages.

        >>> from chainrule.teach import Result
        >>> "solid" in Result("right", "x").html()
        True
        """
        head, _, rest = self.text.partition(": ")
        style = f"border-left:{_BARS[self.verdict]};padding:2px 10px;margin:4px 0"
        return (
            f'<div style="{style};white-space:pre-wrap"><b>{escape(head)}</b>: {escape(rest)}</div>'
        )


log: list[Result] = []
"""Every result since the program began, oldest first."""


def show(result: Result) -> Result:
    """Display a result where the check was called, and keep it in the log."""
    log.append(result)
    if not _displayed(result):
        print(result.text)
    return result


def _displayed(result: Result) -> bool:
    """Whether IPython has shown it; False outside of IPython."""
    module: Any = sys.modules.get("IPython")
    if module is None or module.get_ipython() is None:
        return False
    from IPython import display

    ipython: Any = display
    ipython.display({"text/plain": result.text, "text/html": result.html()}, raw=True)
    return True
