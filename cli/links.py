"""Links in the Markdown of a notebook, found and changed; code and formulas are left alone."""

from __future__ import annotations

import re
from collections.abc import Callable

# A link first: its text may hold code. Then what only looks like one.
_PIECES = re.compile(
    r"(?P<sign>!?)\[(?P<text>(?:[^\[\]`]|`[^`]*`)*)\]\((?P<target>[^()\s]+)\)"
    r"|(?P<fence>^```.*?^```)|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$",
    re.DOTALL | re.MULTILINE,
)


def links(markdown: str) -> list[str]:
    """The targets of all links and pictures, in order.

    >>> links("[a](b.py), `[c](d)` and ![e](f.svg)")
    ['b.py', 'f.svg']
    """
    return [match["target"] for match in _PIECES.finditer(markdown) if match["target"]]


def is_relative(target: str) -> bool:
    """Whether a target is a file beside the notebook, no address and no heading.

    >>> is_relative("../autograd/op.py"), is_relative("https://numpy.org"), is_relative("#top")
    (True, False, False)
    """
    return re.match(r"[a-z][a-z0-9+.-]*:|#|//", target, re.IGNORECASE) is None


def relink(markdown: str, change: Callable[[str], str | None]) -> str:
    """The text with each relative target changed; the words alone where the change is None.

    >>> relink("[`op.py`](../op.py)", lambda target: "../" + target)
    '[`op.py`](../../op.py)'
    >>> relink("[`op.py`](../op.py)", lambda target: None)
    '`op.py`'
    """

    def changed(match: re.Match[str]) -> str:
        target = match["target"]
        if not target or not is_relative(target):
            return match[0]
        path, sign, heading = target.partition("#")
        new = change(path)
        return (
            match["text"]
            if new is None
            else f"{match['sign']}[{match['text']}]({new}{sign}{heading})"
        )

    return _PIECES.sub(changed, markdown)
