"""Draws the spans of a trace on a terminal: a line and a bar each."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Console, ConsoleOptions
from rich.text import Text

from spanframe_query.entities import Span, waterfall
from spanframe_query.terminal import duration, shortened

__all__ = ["STYLES", "Waterfall", "milliseconds_of"]

STYLES: Final = {"OK": "green", "ERROR": "red", "IN_PROGRESS": "yellow"}
"""Styles of states, of traces and of spans."""

_MAX_CELL_CHARS: Final = 200
"""Maximum characters of a name or an error."""

_BAR_CHARS: Final = 32
"""Maximum width of the bars of a waterfall."""

_MIN_BAR_CHARS: Final = 10
"""Width of the bars below which names are cut."""

_MIN_NAME_CHARS: Final = 12
"""Width to which the names of a waterfall are cut at most."""

_MAX_TYPE_CHARS: Final = 16
"""Maximum characters of the type of a span in a waterfall."""

_GAP: Final = "  "
"""What is between the columns of a waterfall."""


class Waterfall:
    """Lines of spans, with bars in the width that is left, and errors below them."""

    def __init__(self, bars: Sequence[waterfall.Bar]) -> None:
        """Draw these lines."""
        self._bars = bars

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[Text]:
        """Yield the lines for a console of some width."""
        names = [
            Text("  " * bar.indent + shortened(bar.label, _MAX_CELL_CHARS))
            for bar in self._bars
        ]
        types = [
            Text(shortened(bar.span.span_type, _MAX_TYPE_CHARS), "dim")
            for bar in self._bars
        ]
        times = [Text(duration(milliseconds_of(bar.span))) for bar in self._bars]
        others = _widest(types) + _widest(times) + 3 * len(_GAP)
        most = max(options.max_width - others - _MIN_BAR_CHARS, _MIN_NAME_CHARS)
        name_chars = min(_widest(names), most)
        left = options.max_width - others - name_chars
        bar_chars = max(1, min(_BAR_CHARS, left))
        for bar, name, kind, took in zip(self._bars, names, types, times, strict=True):
            name.truncate(name_chars, overflow="ellipsis", pad=True)
            kind.align("left", _widest(types))
            took.align("right", _widest(times))
            line = Text(_GAP, no_wrap=True, overflow="ellipsis")
            yield line.join((name, kind, took, _bar(bar, bar_chars)))
            if bar.span.status.description:
                yield from _reason(bar, console, options.max_width)


def _bar(bar: waterfall.Bar, chars: int) -> Text:
    start = min(int(bar.offset * chars), chars - 1)
    length = min(max(1, round(bar.width * chars)), chars - start)
    style = STYLES.get(bar.span.status.status_code.value, "blue")
    return Text.assemble(" " * start, ("━" * length, style))


def _reason(bar: waterfall.Bar, console: Console, width: int) -> Iterator[Text]:
    """Yield the error of a span, in lines of its own below the name."""
    indent = "  " * (bar.indent + 1)
    reason = Text(shortened(bar.span.status.description, _MAX_CELL_CHARS), "red")
    for line in reason.wrap(console, max(width - len(indent), _MIN_NAME_CHARS)):
        line.rstrip()
        yield Text.assemble(indent, line)


def _widest(texts: Iterable[Text]) -> int:
    return max((text.cell_len for text in texts), default=0)


def milliseconds_of(timed: Span) -> float | None:
    """Return the duration of a span; None while it is open."""
    if timed.end_time_ns is None:
        return None
    return (timed.end_time_ns - timed.start_time_ns) / 1e6
