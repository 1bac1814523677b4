"""Figures: their look, and texts of users on them.

Names, tags and values are untrusted: they are cut, control characters are written as
escapes, a dollar sign starts no formula, and a character that the font lacks is a box.
"""

import importlib
import io
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from spanframe.errors import MissingExtraError
from spanframe_query.terminal import shortened

__all__ = [
    "BLUE",
    "COLORS",
    "GREY",
    "MAX_SERIES",
    "RED",
    "box",
    "label",
    "legend",
    "new_axes",
    "new_figure",
    "percent",
    "write_names",
    "write_times",
]

RED: Final = "#c0392b"
BLUE: Final = "#3b6ea5"
GREY: Final = "#9aa5b1"
COLORS: Final = (
    "#3b6ea5",
    "#e08a2e",
    "#4c9f70",
    "#8e5ea2",
    "#c76b8f",
    "#5bb0c2",
    "#8a6d3b",
    "#6b7785",
)
"""Colors of lines, which people with any color vision tell apart."""

MAX_SERIES: Final = len(COLORS)
"""Maximum groups that are drawn as lines, those with the most traces."""

_FONT: Final = "DejaVu Sans"
"""The font that comes with matplotlib."""

_MISSING: Final = "\N{WHITE SQUARE}"
_MAX_LABEL_CHARS: Final = 48
"""Maximum characters of a name on a figure."""

_INDENT: Final = "    "
_POINTS_PER_CHAR: Final = 5.4
"""Width of a character of a name, in points, as most are."""

_DPI: Final = 144
_INK: Final = "#2f3b48"
_LINES: Final = "#e3e7eb"


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of a size in inches.

    Raises:
        MissingExtraError: when matplotlib is not installed.
    """
    figure = _class()(figsize=(width, height), dpi=_DPI, layout="constrained")
    figure.set_facecolor("white")
    return figure


def new_axes(figure: Any, title: str) -> Any:
    """Return the axes of a figure: a title on the left, and few lines."""
    axes = figure.add_subplot()
    axes.set_title(
        label(title),
        loc="left",
        fontsize=11,
        fontweight="bold",
        color=_INK,
        fontfamily=_FONT,
        parse_math=False,
    )
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.tick_params(length=0, labelsize=9, labelcolor=_INK, labelfontfamily=_FONT)
    axes.tick_params(axis="x", length=3, color=GREY)
    axes.grid(color=_LINES, linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def write_names(
    axes: Any, names: Sequence[str], levels: Sequence[int] | None = None
) -> None:
    """Write names of users beside the vertical axis, the first one on top.

    Args:
        axes: the axes.
        names: of the places 0, 1, ….
        levels: how far each is indented; None: they end at the axis.
    """
    shown = [label(name) for name in names]
    axes.set_yticks(range(len(shown)), shown, fontfamily=_FONT, parse_math=False)
    axes.invert_yaxis()
    if levels is None:
        return
    shown = [_INDENT * level + name for level, name in zip(levels, shown, strict=True)]
    axes.set_yticklabels(shown, horizontalalignment="left", parse_math=False)
    axes.tick_params(axis="y", pad=_POINTS_PER_CHAR * max(map(len, shown)))


def write_times(axes: Any) -> None:
    """Write times below the axes, the date once."""
    dates = importlib.import_module("matplotlib.dates")
    locator = dates.AutoDateLocator(tz="UTC")
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, tz="UTC"))
    axes.set_xlabel("UTC", fontsize=9, loc="left")


def legend(axes: Any, handles: Any, names: Any, title: str | None = None) -> None:
    """Write a legend of names of users beside the axes."""
    # matplotlib leaves out a name that starts with an underscore.
    drawn = axes.legend(
        handles,
        [str(place) for place, _ in enumerate(names)],
        loc="upper left",
        bbox_to_anchor=(1.01, 1),
        borderaxespad=0,
        frameon=False,
        fontsize=9,
        labelcolor=_INK,
        alignment="left",
    )
    for text, name in zip(drawn.get_texts(), names, strict=True):
        _write(text, label(name))
    if title is not None:
        _write(drawn.get_title(), label(title))
        drawn.get_title().set(fontsize=9, fontweight="bold", color=_INK)


def box(color: str) -> Any:
    """Return a patch of a color, for a legend."""
    return importlib.import_module("matplotlib.patches").Patch(facecolor=color)


def label(text: str) -> str:
    """Return a text of a user as a figure can show it."""
    known = _characters()
    return "".join(
        c if ord(c) in known else _MISSING for c in shortened(text, _MAX_LABEL_CHARS)
    )


def percent(axes: Any) -> None:
    """Write the numbers beside the vertical axis as percent."""
    ticker = importlib.import_module("matplotlib.ticker")
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(1.0))


def _write(text: Any, written: str) -> None:
    text.set_parse_math(False)
    text.set_text(written)
    text.set_fontfamily(_FONT)


@cache
def _characters() -> frozenset[int]:
    """Return the characters that the font has."""
    fonts = importlib.import_module("matplotlib.font_manager")
    return frozenset(fonts.get_font(fonts.findfont(_FONT)).get_charmap())


@cache
def _class() -> Any:
    """Return matplotlib's figure, as a notebook shows it without ``pyplot``."""
    try:
        module = importlib.import_module("matplotlib.figure")
    except ModuleNotFoundError as error:
        raise MissingExtraError("A plot", "plot") from error

    def png(figure: Any) -> bytes:
        written = io.BytesIO()
        figure.savefig(written, format="png")
        return written.getvalue()

    return type("Figure", (module.Figure,), {"_repr_png_": png})
