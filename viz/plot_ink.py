"""The look of plots: colours for light and dark pages, and matplotlib's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .theme import DARK, LIGHT

INK, MUTED = LIGHT.ink, LIGHT.muted
BLUE, VERMILION = LIGHT.value, LIGHT.grad
PAGE = "#fefefe"  # the page's colour, under marks and words that lie on others
ON_PALE, ON_DEEP = "#111111", "#fdfdfd"  # words on a heat map, whose colours stay as they are

# Okabe and Ito's hues, in this order; light ones deepened to 3:1 on white. Each has a light twin of
# 3:1 or more on the dark page: (on white, on dark).
PAIRS = (
    (LIGHT.value, DARK.value),  # blue
    (LIGHT.grad, DARK.grad),  # vermilion
    ("#007A59", "#35C79C"),  # bluish green
    ("#A8588A", "#E79FC9"),  # reddish purple
    ("#8F6400", "#E6B422"),  # orange, to the dark side
    ("#2E8BC0", "#9AD4F5"),  # sky blue
    ("#55606E", "#AEB7C2"),  # grey
)
COLOURS = tuple(light for light, _ in PAIRS)
DASHES: tuple[Any, ...] = (
    *("-", "--", ":", "-."),
    *((0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1))),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">")

# Colours in the file that follow the reader's page: colour → (name, light, dark).
FOLLOWING = {
    **{light.lower(): (f"plot{k}", light, dark) for k, (light, dark) in enumerate(PAIRS)},
    LIGHT.ink.lower(): ("plot-ink", LIGHT.ink, DARK.ink),
    "#000000": ("plot-ink", LIGHT.ink, DARK.ink),
    PAGE: ("plot-page", LIGHT.page, DARK.page),
}

_NEEDED = "this plot needs matplotlib, which is an extra: pip install 'chainrule[viz]'"


@contextmanager
def settings() -> Iterator[None]:
    """Set matplotlib's own defaults with our look, whatever the user has set, for a while.

    Raises ImportError, naming the extra, where matplotlib is missing.
    """
    try:
        from cycler import cycler
        from matplotlib import style
    except ImportError:
        raise ImportError(_NEEDED) from None
    look = {
        "axes.edgecolor": INK,
        "axes.prop_cycle": cycler(color=COLOURS, linestyle=DASHES),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
        "figure.titlesize": 11,
        "image.composite_image": False,
        "image.interpolation": "none",
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "chainrule",
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    }
    with style.context(["default", look]):
        yield


def diverging() -> Any:
    """Vermilion for negative, blue for positive, near white at 0."""
    from matplotlib.colors import LinearSegmentedColormap

    ends = ["#7A2E00", VERMILION, "#F3B58F", "#F7F7F7", "#8FC4E8", BLUE, "#003F66"]
    return LinearSegmentedColormap.from_list("chainrule-diverging", ends)


def sequential() -> Any:
    """From near white to deep blue: more is darker."""
    from matplotlib.colors import LinearSegmentedColormap

    ends = ["#F7F7F7", "#B5D6EC", "#4C9BCB", BLUE, "#003F66"]
    return LinearSegmentedColormap.from_list("chainrule-sequential", ends)


def words_on(colour: Any) -> str:
    """Dark or light words, whichever reads better on a colour (red, green, blue in 0 … 1)."""
    channels = np.asarray(colour, dtype=float)[:3]
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return ON_PALE if luminance > 0.18 else ON_DEEP
