"""Colours as tokens; each theme gives every token a light and a dark colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

ThemeName = Literal["auto", "light", "dark", "lecture", "print"]


@dataclass(frozen=True, slots=True)
class Palette:
    """One colour for each token; contrast at least 5:1 on `page` for all that carries meaning."""

    page: str
    ink: str
    muted: str
    parameter: str
    value: str
    grad: str
    badge: str
    pill: str
    wire: str
    tint: str


LIGHT = Palette(
    page="#FFFFFF",
    ink="#1F2430",
    muted="#55606E",
    parameter="#7A5200",
    value="#0072B2",
    grad="#B34400",
    badge="#FFFFFF",
    pill="#F1F2F4",
    wire="#7C8694",
    tint="#F5F6F7",
)
DARK = Palette(
    page="#15171C",
    ink="#E8EAED",
    muted="#AEB7C2",
    parameter="#E8C15A",
    value="#6CB8F0",
    grad="#FF9A5C",
    badge="#000000",
    pill="#262A33",
    wire="#7D8794",
    tint="#1B1E24",
)
LECTURE_LIGHT = replace(LIGHT, value="#008000", grad="#FF0000")
LECTURE_DARK = replace(DARK, value="#5FD17A", grad="#FF7B72")
PRINT = Palette(
    page="#FFFFFF",
    ink="#000000",
    muted="#000000",
    parameter="#000000",
    value="#000000",
    grad="#000000",
    badge="#FFFFFF",
    pill="#FFFFFF",
    wire="#000000",
    tint="#FFFFFF",
)


@dataclass(frozen=True, slots=True)
class Theme:
    """A palette, and the one for dark pages when the theme follows its reader's choice."""

    base: Palette
    dark: Palette | None = None


THEMES: Mapping[str, Theme] = {
    "auto": Theme(LIGHT, DARK),
    "light": Theme(LIGHT),
    "dark": Theme(DARK),
    "lecture": Theme(LECTURE_LIGHT, LECTURE_DARK),
    "print": Theme(PRINT),
}


def find_theme(name: ThemeName | str | None) -> Theme:
    """Look a theme up; None means "auto". Raises ValueError for an unknown name.

    >>> find_theme("print").base.value
    '#000000'
    """
    if name is None:
        name = "auto"
    if name not in THEMES:
        raise ValueError(f"unknown theme {name!r}; the themes are {', '.join(get_args(ThemeName))}")
    return THEMES[name]


def tokens(palette: Palette) -> dict[str, str]:
    """Map token names to colours."""
    return {f.name: getattr(palette, f.name) for f in fields(palette)}
