"""The style sheet inside each SVG: every colour a token, dark by media query and by notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .fonts import MATH, SANS
from .theme import Palette, Theme, tokens

# What fills and what strokes, by class; a plain colour first, for viewers without CSS variables.
_RULES = (
    (".ink", "fill", "ink"),
    (".muted", "fill", "muted"),
    (".value", "fill", "value"),
    (".grad", "fill", "grad"),
    (".badge", "fill", "badge"),
    (".badge", "stroke", "grad"),
    (".box", "fill", "page"),
    (".box", "stroke", "muted"),
    (".op", "fill", "page"),
    (".op", "stroke", "ink"),
    (".parameter", "fill", "page"),
    (".parameter", "stroke", "parameter"),
    (".corner", "fill", "parameter"),
    (".wire", "stroke", "wire"),
    (".tip", "fill", "wire"),
    (".pill", "fill", "pill"),
    (".pill", "stroke", "wire"),
    (".frame", "fill", "tint"),
    (".frame", "stroke", "muted"),
    (".head", "fill", "pill"),
)
_NOTEBOOK_DARK = ('[data-jp-theme-light="false"]', ".vscode-dark", ".vscode-high-contrast")
_NOTEBOOK_LIGHT = ('[data-jp-theme-light="true"]', ".vscode-light")


def style_sheet(
    key: str, theme: Theme, more: Sequence[tuple[str, str, str]] = (), form: str = ""
) -> str:
    """Write the CSS of one figure; all selectors begin with its class, so figures do not mix.

    `more` are further colours (selector, attribute, token), `form` is CSS without colours.
    """
    root = f".{key}"
    lines = [
        f"{root}{{font-family:{SANS};font-variant-numeric:tabular-nums}}",
        f"{root} text{{font-size:13px}}{root} .name{{font-size:12px}}",
        f"{root} .small{{font-size:11px}}{root} .glyph{{font-size:19px}}",
        f"{root} .symbol{{font-size:15px}}{root} .title{{font-size:15px}}",
        f"{root} .math{{font-family:{MATH};font-style:italic}}",
        f"{root} .label{{font-style:italic}}{root} .bold{{font-weight:700}}",
        f"{root} .badge{{font-weight:700;stroke-width:5px}}",
        f"{root} .wire{{fill:none;stroke-width:1.25px}}{root} .op{{stroke-width:1.5px}}",
        f"{root} .parameter{{stroke-width:2px}}{root} .pill{{stroke-width:.75px}}",
        f"{root} .frame{{stroke-width:1px;stroke-opacity:.45}}",
        f"{root} .tab{{font-weight:700}}",
        f"{root} .badge{{paint-order:stroke;stroke-linejoin:round}}",
        f"{root} .tab .small{{font-weight:400}}",
        *(_rule(root, *rule, theme.base) for rule in (*_RULES, *more)),
    ]
    if form:
        lines.append(form.replace("&", root))
    if theme.dark is not None:
        lines += follow_reader(root, tokens(theme.base), tokens(theme.dark))
    return "\n".join(lines)


def _rule(root: str, selector: str, attribute: str, token: str, palette: Palette) -> str:
    colour = tokens(palette)[token]
    return f"{root} {selector}{{{attribute}:{colour};{attribute}:var(--cr-{token},{colour})}}"


def follow_reader(root: str, light: Mapping[str, str], dark: Mapping[str, str]) -> list[str]:
    """CSS that sets `--cr-…` variables by the reader's choice: the system's, or the notebook's."""

    def variables(colours: Mapping[str, str]) -> str:
        return ";".join(f"--cr-{name}:{colour}" for name, colour in colours.items())

    def within(places: tuple[str, ...]) -> str:
        return ",".join(f"{place} {root}" for place in places)

    return [
        f"@media (prefers-color-scheme:dark){{{root}{{{variables(dark)}}}}}",
        f"{within(_NOTEBOOK_LIGHT)}{{{variables(light)}}}",
        f"{within(_NOTEBOOK_DARK)}{{{variables(dark)}}}",
    ]
