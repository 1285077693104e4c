"""What the functions of viz return that answer with words or a table instead of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .forms import Forms
from .html import page
from .model import as_json
from .text_figure import paint_lines
from .theme import Palette, find_theme


class Report(Forms):
    """A text with an HTML form: `print` it, show it in a notebook, or `save` it.

    Subclasses define `text`, `body` and `data`, and `svg` where there is a figure.
    """

    heading = "Report"

    def body(self) -> str:
        """The report as HTML, without a page around it; all its classes begin with cr-."""
        raise NotImplementedError

    def data(self) -> Mapping[str, Any]:
        """What the report says, as plain data."""
        raise NotImplementedError

    def svg(self) -> str:
        """The lines of the text, set in a typewriter face."""
        return paint_lines(self.text(), self.heading, self.theme)

    def html(self) -> str:
        """One page that opens offline."""
        theme = find_theme(self.theme)
        style = [FORM, colours(theme.base)]
        if theme.dark is not None:
            style.append(f"@media (prefers-color-scheme:dark){{{colours(theme.dark)}}}")
        return page(self.heading, f"<main>\n{self.body()}</main>\n", theme, "\n".join(style))

    def json(self) -> str:
        """The facts as data, numbers unrounded."""
        return as_json(self.data())

    def _repr_html_(self) -> str:
        # Inside a notebook, colours are the notebook's own: only rules that work on any page.
        room = "overflow-x:auto;padding-left:14px"  # figures begin further left than words
        return f'<div style="{room}"><style>{FORM}</style>{self.body()}</div>'

    def __repr__(self) -> str:
        return self.text().rstrip("\n")


FORM = """.cr-table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
.cr-table th{text-align:left;font-weight:600;padding:5px 14px 5px 0;border-bottom:1px solid}
.cr-table td{padding:3px 14px 3px 0;white-space:pre;text-align:left;\
border-bottom:1px solid rgba(128,128,128,.22)}
.cr-table .cr-number{text-align:right}
.cr-facts{font-size:13px;line-height:1.7;margin:12px 0 0;padding:0;list-style:none}
.cr-report h1{font-size:19px;font-weight:600;margin:0 0 10px}
.cr-report p{margin:6px 0;max-width:72ch}
.cr-list{margin:2px 0 10px;padding-left:22px}
.cr-report figure{margin:0 0 12px -14px;overflow-x:auto}
.cr-report code{font-size:.93em}"""


def colours(palette: Palette) -> str:
    """The colours of a page's tables and words."""
    return (
        f".cr-table th{{border-color:{palette.muted}}}.cr-muted{{color:{palette.muted}}}"
        f".cr-value{{color:{palette.value}}}.cr-grad{{color:{palette.grad}}}"
    )
