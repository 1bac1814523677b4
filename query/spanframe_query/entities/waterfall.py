"""Draws a trace as a waterfall in HTML, for notebooks.

Names, types, previews and ids come from the app and are untrusted: every text is
escaped, and positions are numbers.
"""

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from spanframe_query.entities.info import TraceInfo
from spanframe_query.entities.span import Span
from spanframe_query.terminal import duration

__all__ = ["Bar", "bars", "html"]

_MAX_SHOWN_SPANS: Final = 200
"""Maximum spans drawn, so that a notebook stays usable; a last line counts the rest."""

_MAX_INDENT_LEVELS: Final = 12
"""Maximum levels that a line is indented; the line of a deeper span states its level.

Without it a deep trace is as wide as it is deep, and drawing it takes the square.
"""

_MAX_TEXT_CHARS: Final = 80
"""Maximum characters of a text."""

_COLORS: Final = {"ERROR": "#c0392b", "OK": "#2e7d5b", "UNSET": "#5b7083"}
_CELL: Final = "padding:1px 8px;text-align:left;white-space:nowrap"


class Bar(NamedTuple):
    """A line of a waterfall; offset and width are fractions of the trace's duration."""

    span: Span
    depth: int
    offset: float
    width: float

    @property
    def indent(self) -> int:
        """The levels that the line is indented."""
        return min(self.depth, _MAX_INDENT_LEVELS)

    @property
    def label(self) -> str:
        """The name of the span, after its level where the indent is cut."""
        name = self.span.name
        return name if self.depth == self.indent else f"[level {self.depth}] {name}"


def bars(spans: Sequence[Span]) -> list[Bar]:
    """Return the lines of a tree of spans, children below their parent by start.

    A span whose parent is missing, or is its own descendant, is at the top level.
    """
    if not spans:
        return []
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in spans:
        parent = span.parent_id if span.parent_id in known else None
        children.setdefault(parent, []).append(span)
    first = min(span.start_time_ns for span in spans)
    last = max(span.end_time_ns or span.start_time_ns for span in spans)
    whole = max(last - first, 1)
    lines: list[Bar] = []
    placed: set[str] = set()
    pending = [(span, 0) for span in reversed(children.get(None, []))]
    orphans = list(reversed(spans))
    while pending or orphans:
        # Spans that the tree does not reach form cycles, which are cut at any span.
        span, depth = pending.pop() if pending else (orphans.pop(), 0)
        if span.span_id in placed:
            continue
        placed.add(span.span_id)
        length = max(0, (span.end_time_ns or span.start_time_ns) - span.start_time_ns)
        offset = (span.start_time_ns - first) / whole
        lines.append(Bar(span, depth, offset, length / whole))
        below = children.get(span.span_id, [])
        pending.extend((child, depth + 1) for child in reversed(below))
    return lines


def html(info: TraceInfo, spans: Sequence[Span]) -> str:
    """Return the HTML of a trace: a title, then one line per span."""
    lines = bars(spans)
    rows = "".join(_row(bar) for bar in lines[:_MAX_SHOWN_SPANS])
    if len(lines) > _MAX_SHOWN_SPANS:
        rows += f"<tr><td>… and {len(lines) - _MAX_SHOWN_SPANS} more spans</td></tr>"
    return (
        f"<div><b>{_text(info.name or 'trace')}</b> "
        f"<code>{_text(info.trace_id)}</code> {_text(info.state.value)} "
        f"{duration(info.execution_duration)}"
        f"<table style='border-collapse:collapse'>{rows}</table></div>"
    )


def _row(bar: Bar) -> str:
    span = bar.span
    color = _COLORS[span.status.status_code.value]
    took = None if span.end_time_ns is None else span.end_time_ns - span.start_time_ns
    return (
        "<tr>"
        f"<td style='{_CELL};padding-left:{8 + 14 * bar.indent}px'>"
        f"{_text(bar.label)}</td>"
        f"<td style='{_CELL}'>{_text(span.span_type)}</td>"
        f"<td style='{_CELL}'>"
        f"{duration(None if took is None else took / 1e6)}</td>"
        "<td style='width:240px'><div style='background:"
        f"{color};height:10px;min-width:2px;margin-left:{bar.offset:.2%};"
        f"width:{bar.width:.2%}'></div></td></tr>"
    )


def _text(value: str) -> str:
    shown = (
        value if len(value) <= _MAX_TEXT_CHARS else value[: _MAX_TEXT_CHARS - 1] + "…"
    )
    return escape(shown, quote=True)
