"""Draws traces on a terminal: many as a table, one as a waterfall."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from spanframe_query.columns import Column
from spanframe_query.entities import Trace, TraceInfo, waterfall
from spanframe_query.terminal import shortened

__all__ = ["clauses", "columns_within", "table", "tree"]

_SHORT_COLUMNS: Final = ("request_id", "timestamp_ms", "status", "execution_time_ms")
_LONG_COLUMNS: Final = ("request", "response", "tags")
_SHORT_COLUMNS_CHARS: Final = 70
"""Width of the short columns together."""

_MIN_LONG_COLUMN_CHARS: Final = 14
"""Minimum width of a long column; less of a text is useless."""

_HEADINGS: Final = {"timestamp_ms": "start (UTC)", "execution_time_ms": "ms"}
_LONG: Final = frozenset({"request", "response", "request_metadata", "tags"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STYLES: Final = {"OK": "green", "ERROR": "red", "IN_PROGRESS": "yellow"}
_MAX_CELL_CHARS: Final = 200
"""Maximum characters of a cell of a table."""

_MAX_TEXT_CHARS: Final = 2000
"""Maximum characters of the inputs or outputs above a waterfall."""

_MAX_SPANS: Final = 1000
"""Maximum spans of a waterfall."""

_MAX_TAGS: Final = 100
"""Maximum tags above a waterfall."""

_BAR_CHARS: Final = 32
"""Width of the bars of a waterfall."""

_OWN_TAGS: Final = "mlflow."


def columns_within(width: int) -> list[str]:
    """Return the default columns of a table that is ``width`` characters wide."""
    long_columns = max(1, (width - _SHORT_COLUMNS_CHARS) // _MIN_LONG_COLUMN_CHARS)
    return [*_SHORT_COLUMNS, *_LONG_COLUMNS[:long_columns]]


def table(traces: Iterable[Trace], columns: Sequence[Column]) -> Table:
    """Draw traces as a table, one line per trace."""
    drawn = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for column in columns:
        long = column.name in _LONG
        drawn.add_column(
            _HEADINGS.get(column.name, column.name),
            justify="right" if column.kind == "integer or missing" else "left",
            no_wrap=True,
            # `spanframe get` takes the whole id.
            overflow="fold" if column.name == "request_id" else "ellipsis",
            ratio=1 if long else None,
        )
    for trace in traces:
        drawn.add_row(*(_cell(column, trace) for column in columns))
    return drawn


def clauses(rows: Iterable[tuple[str, str, str, bool]]) -> Table:
    """Draw how each clause of a search is answered."""
    drawn = Table("clause", "index", "reads", box=None, pad_edge=False)
    for clause, index, reads, scans in rows:
        drawn.add_row(
            Text(shortened(clause, _MAX_CELL_CHARS)),
            Text(index or "none"),
            Text(f"{reads} (scans the store)", "yellow") if scans else Text(reads),
        )
    return drawn


def tree(trace: Trace) -> Group:
    """Draw a trace: a title, its fields, and its spans as a waterfall."""
    info = trace.info
    title = Text.assemble(
        (shortened(info.name or "trace", _MAX_CELL_CHARS), "bold"),
        f"  {info.trace_id}  ",
        (info.state.value, _STYLES.get(info.state.value, "")),
        f"  {_milliseconds(info.execution_duration)}  {_time(info.request_time)} UTC",
    )
    tags = {k: v for k, v in info.tags.items() if not k.startswith(_OWN_TAGS)}
    fields = {
        "user": info.user,
        "session": info.session_id,
        **dict(islice(tags.items(), _MAX_TAGS)),
        "…": _more(len(tags) - _MAX_TAGS, "tags"),
        "request": trace.data.request,
        "response": trace.data.response,
        "services": ", ".join(info.services[1:] and info.services),
        "error": info.error,
        "cost": _cost(info),
    }
    lines: list[RenderableType] = [title]
    for key, value in fields.items():
        if value:
            name = (f"{shortened(key, _MAX_CELL_CHARS)}: ", "dim")
            lines.append(Text.assemble(name, shortened(value, _MAX_TEXT_CHARS)))
    bars = waterfall.bars(trace.data.spans)
    lines += ["", _waterfall(bars[:_MAX_SPANS])]
    if more := _more(len(bars) - _MAX_SPANS, "spans"):
        lines.append(f"… {more}")
    return Group(*lines)


def _cost(info: TraceInfo) -> str | None:
    total = (info.cost or {}).get("total_cost")
    return None if total is None else f"${total:.6g} ({info.cost_source or 'stated'})"


def _more(count: int, things: str) -> str | None:
    """Return the line that stands for what is left out; None where nothing is."""
    return f"{count:,} more {things}: --output json has all" if count > 0 else None


def _waterfall(bars: Iterable[waterfall.Bar]) -> Table:
    drawn = Table.grid(padding=(0, 2))
    for bar in bars:
        span = bar.span
        style = _STYLES.get(span.status.status_code.value, "blue")
        start = min(int(bar.offset * _BAR_CHARS), _BAR_CHARS - 1)
        length = max(1, round(bar.width * _BAR_CHARS))
        took = None
        if span.end_time_ns is not None:
            took = (span.end_time_ns - span.start_time_ns) / 1e6
        drawn.add_row(
            Text("  " * bar.indent + shortened(bar.label, _MAX_CELL_CHARS)),
            Text(shortened(span.span_type, _MAX_CELL_CHARS), style="dim"),
            Text(_milliseconds(took), justify="right"),
            Text(" " * start + "━" * min(length, _BAR_CHARS - start), style=style),
        )
        if span.status.description:
            reason = shortened(span.status.description, _MAX_CELL_CHARS)
            drawn.add_row(Text("  " * (bar.indent + 1) + reason, style="red"))
    return drawn


def _cell(column: Column, trace: Trace) -> Text:
    value = column.cell(trace)
    text = _FORMATTERS.get(column.name, _plain)(value)
    style = _STYLES.get(text, "") if column.name == "status" else ""
    return Text(shortened(text, _MAX_CELL_CHARS), style=style)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _entries(entries: Mapping[str, str]) -> str:
    own = (f"{k}={v}" for k, v in entries.items() if not k.startswith(_OWN_TAGS))
    return " ".join(own)


def _time(time_ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _milliseconds(duration: float | None) -> str:
    return "…" if duration is None else f"{duration:,.0f} ms"


def _whole(number: int | None) -> str:
    return "…" if number is None else f"{number:,}"


def _count(spans: Sequence[Any]) -> str:
    return f"{len(spans)} spans"


_FORMATTERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "timestamp_ms": _time,
    "execution_time_ms": _whole,
    "request_metadata": _entries,
    "tags": _entries,
    "spans": _count,
}
"""Functions that write the cells of a column for people; other cells are JSON."""
