"""One trace as a waterfall."""

from typing import Any, Final

from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import Trace
from spanframe_query.entities.waterfall import Bar, bars
from spanframe_query.plot.figures import (
    COLORS,
    RED,
    box,
    legend,
    new_axes,
    new_figure,
    write_names,
)

__all__ = ["waterfall"]

_MAX_BARS: Final = 100
"""Maximum spans drawn; the axis says how many there are more."""

_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000
_MIN_SHARE: Final = 0.004
"""Minimum width of a bar, as a share of the axis, so that a short span is seen."""

_OTHER_TYPES: Final = "other types"
_ERROR: Final = "failed"


def waterfall(trace: Trace) -> Any:
    """Draw a trace: a bar for each span, below its parent, by its start.

    Args:
        trace: a trace with its spans, as `get_trace` returns it.

    Returns:
        A ``matplotlib.figure.Figure``.

    Raises:
        InvalidArgumentError: when it is not a trace, or has no spans.
        MissingExtraError: when matplotlib is not installed.

    Example:
        >>> import spanframe
        >>> [trace] = spanframe.search_traces(max_results=1, return_type="list")
        >>> figure = spanframe.plot.waterfall(trace)
        >>> type(figure).__name__
        'Figure'
    """
    if not isinstance(trace, Trace):
        raise InvalidArgumentError(
            f"waterfall takes a trace, not {type(trace).__name__}: write "
            "waterfall(spanframe.get_trace(id))."
        )
    lines = bars(trace.data.spans)
    if not lines:
        raise InvalidArgumentError(
            "The trace has no spans: search with include_spans=True, or get_trace(id)."
        )
    shown = lines[:_MAX_BARS]
    figure = new_figure(9, 1.1 + 0.28 * len(shown))
    axes = new_axes(figure, f"{trace.info.name or 'trace'}  {trace.info.state.value}")
    whole_ns = _whole_ns(lines)
    unit, per_unit = ("s", _NS_PER_S) if whole_ns >= _NS_PER_S else ("ms", _NS_PER_MS)
    whole = whole_ns / per_unit
    colors = _colors(shown)
    places = range(len(shown))
    drawn = axes.barh(
        places,
        [max(bar.width, _MIN_SHARE) * whole for bar in shown],
        left=[bar.offset * whole for bar in shown],
        color=[colors[_kind(bar, colors)] for bar in shown],
        height=0.62,
    )
    texts = axes.bar_label(drawn, [_took(bar) for bar in shown], padding=4, fontsize=8)
    for text in texts:
        text.set_color("#5d6976")
    names, levels = zip(*[(bar.label, bar.indent) for bar in shown], strict=True)
    write_names(axes, names, levels)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0, y=0.01)
    axes.set_xlim(0, whole * 1.12)
    left_out = len(lines) - len(shown)
    more = f", {left_out:,} more spans not shown" if left_out else ""
    axes.set_xlabel(f"{unit} from the start{more}", fontsize=9, loc="left")
    legend(axes, [box(color) for color in colors.values()], list(colors))
    return figure


def _whole_ns(lines: list[Bar]) -> int:
    first = min(bar.span.start_time_ns for bar in lines)
    last = max(bar.span.end_time_ns or bar.span.start_time_ns for bar in lines)
    return max(last - first, 1)


def _colors(shown: list[Bar]) -> dict[str, str]:
    """Return the colors of the types of spans, those that fail last."""
    types = dict.fromkeys(bar.span.span_type for bar in shown)
    named = dict(zip(types, COLORS[:-1], strict=False))
    if len(types) > len(named):
        named[_OTHER_TYPES] = COLORS[-1]
    if any(map(_failed, shown)):
        named[_ERROR] = RED
    return named


def _kind(bar: Bar, colors: dict[str, str]) -> str:
    if _failed(bar):
        return _ERROR
    return bar.span.span_type if bar.span.span_type in colors else _OTHER_TYPES


def _failed(bar: Bar) -> bool:
    return bar.span.status.status_code.value == "ERROR"


def _took(bar: Bar) -> str:
    end = bar.span.end_time_ns
    if end is None:
        return "not ended"
    took_ms = max(0, end - bar.span.start_time_ns) / _NS_PER_MS
    return f"{took_ms:,.0f} ms" if took_ms >= 10 else f"{took_ms:.3g} ms"  # noqa: PLR2004
