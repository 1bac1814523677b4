"""Draws traces on a terminal: many as a table, one as a waterfall."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from spanframe_query.columns import Column
from spanframe_query.drawn_spans import STYLES, Waterfall, milliseconds_of
from spanframe_query.entities import Span, Trace, TraceInfo, waterfall
from spanframe_query.said import said
from spanframe_query.terminal import duration, shortened
from spanframe_store.otlp.anyvalue import NOT_JSON, loads_shallow

__all__ = ["TABLE_COLUMNS", "clauses", "lines", "plain_table", "span", "table", "tree"]

TABLE_COLUMNS: Final = (
    "request_id",
    "timestamp_ms",
    "status",
    "execution_time_ms",
    "name",
    "request",
    "error",
)
"""The columns of a table, unless others are asked for."""

MIN_TABLE_CHARS: Final = 130
"""Minimum width of a terminal for these columns; a narrower one gets two lines a trace.
"""

_HEADINGS: Final = {"timestamp_ms": "start (UTC)", "execution_time_ms": "ms"}
_SHORT: Final = frozenset(
    {"request_id", "trace_id", "timestamp_ms", "status", "execution_time_ms"}
)
_IDS: Final = frozenset({"request_id", "trace_id"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_CELL_CHARS: Final = 200
"""Maximum characters of a cell of a table."""

_MAX_TEXT_CHARS: Final = 2000
"""Maximum characters of the inputs or outputs above a waterfall."""

_MAX_SPAN_TEXT_CHARS: Final = 20_000
"""Maximum characters of an attribute of a span that is shown alone."""

_ID_CHARS: Final = 35
"""Characters of the id of a trace, which is never cut."""

_MAX_SPANS: Final = 1000
"""Maximum spans of a waterfall."""

_MAX_TAGS: Final = 100
"""Maximum tags above a waterfall."""

_OWN_TAGS: Final = "mlflow."


def table(traces: Iterable[Trace], columns: Sequence[Column]) -> Table:
    """Draw traces as a table as wide as the terminal, one line per trace."""
    drawn = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for column in columns:
        is_id = column.name in _IDS
        drawn.add_column(
            _HEADINGS.get(column.name, column.name),
            justify="right" if _is_right(column) else "left",
            no_wrap=True,
            min_width=_ID_CHARS if is_id else None,
            overflow="fold" if is_id else "ellipsis",
            ratio=None if column.name in _SHORT else 1,
        )
    for trace in traces:
        drawn.add_row(*(_cell(column, trace) for column in columns))
    return drawn


def plain_table(
    traces: Iterable[Trace], columns: Sequence[Column], *, heading: bool = True
) -> str:
    """Write traces for a pipe: one line per trace, as wide as it is."""
    rows = [[_HEADINGS.get(c.name, c.name) for c in columns]] if heading else []
    rows += [[_cell(column, trace).plain for column in columns] for trace in traces]
    widths = [max(map(len, cells), default=0) for cells in zip(*rows, strict=True)]
    right = [_is_right(column) for column in columns]
    written = (
        " ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in written)


def lines(traces: Iterable[Trace]) -> Iterator[Text]:
    """Draw traces for a narrow terminal: one line of facts, one of what was asked."""
    for trace in traces:
        info = trace.info
        state = info.state.value
        took = info.execution_duration
        facts = Text(no_wrap=True, overflow="ellipsis")
        facts.append(info.trace_id)
        facts.append(f"  {_time(info.request_time)}  ")
        facts.append(state, STYLES.get(state, ""))
        facts.append(f"  {duration(took)}  {shortened(info.name or '', 200)}")
        yield facts
        asked = shortened(said(info.request_preview), _MAX_CELL_CHARS)
        if asked or info.error:
            below = Text("  ", no_wrap=True, overflow="ellipsis")
            # The reason stands first: on a narrow terminal the rest is cut.
            if info.error:
                below.append(shortened(info.error, _MAX_CELL_CHARS) + "  ", "red")
            below.append(asked)
            yield below


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
    bars = waterfall.bars(trace.data.spans)
    title = Text.assemble(
        (shortened(info.name or "trace", _MAX_CELL_CHARS), "bold"),
        f"  {info.trace_id}  ",
        (info.state.value, STYLES.get(info.state.value, "")),
        f"  {duration(_whole_duration(trace))}  {_time(info.request_time)} UTC",
    )
    tags = {k: v for k, v in info.tags.items() if not k.startswith(_OWN_TAGS)}
    fields = {
        "user": info.user,
        "session": info.session_id,
        **dict(islice(tags.items(), _MAX_TAGS)),
        "…": _more(len(tags) - _MAX_TAGS, "tags"),
        "request": _unescaped(trace.data.request),
        "response": _unescaped(trace.data.response),
        "services": ", ".join(info.services[1:] and info.services),
        "error": info.error,
        "cost": _cost(info),
    }
    drawn: list[RenderableType] = [title]
    for key, value in fields.items():
        if value:
            name = (f"{shortened(key, _MAX_CELL_CHARS)}: ", "dim")
            drawn.append(Text.assemble(name, shortened(value, _MAX_TEXT_CHARS)))
    drawn += ["", Waterfall(bars[:_MAX_SPANS])]
    if more := _more(len(bars) - _MAX_SPANS, "spans"):
        drawn.append(f"… {more}")
    return Group(*drawn)


def span(shown: Span) -> Group:
    """Draw one span whole: what it took, its inputs and outputs, attributes, events."""
    status = shown.status
    state = status.status_code.value
    title = Text.assemble(
        (shortened(shown.name, _MAX_CELL_CHARS), "bold"),
        f"  {shown.span_id}  {shortened(shown.span_type, _MAX_CELL_CHARS)}  ",
        (state, STYLES.get(state, "")),
        f"  {duration(milliseconds_of(shown))}  "
        f"{_time(shown.start_time_ns // 1_000_000)} UTC",
    )
    fields = [
        ("parent", shown.parent_id),
        ("error", status.description),
        ("inputs", shown.inputs),
        ("outputs", shown.outputs),
        *(
            (key, value)
            for key, value in shown.attributes.items()
            if not key.startswith(_OWN_TAGS)
        ),
        *((f"event {event.name}", dict(event.attributes)) for event in shown.events),
    ]
    drawn = [title]
    for key, value in fields:
        if value not in (None, "", {}):
            name = (f"{shortened(key, _MAX_CELL_CHARS)}: ", "dim")
            text = shortened(_plain(value), _MAX_SPAN_TEXT_CHARS)
            drawn.append(Text.assemble(name, text))
    return Group(*drawn)


def _whole_duration(trace: Trace) -> float | None:
    """Return the duration of a trace, in ms, as its root row shows it."""
    whole = trace.info.execution_duration
    for each in trace.data.spans if whole is not None else ():
        if each.parent_id is None:
            took = milliseconds_of(each)
            return whole if took is None or abs(took - (whole or 0)) > 1 else took
    return whole


def _cost(info: TraceInfo) -> str | None:
    total = (info.cost or {}).get("total_cost")
    return None if total is None else f"${total:.6g} ({info.cost_source or 'stated'})"


def _more(count: int, things: str) -> str | None:
    """Return the line that stands for what is left out; None where nothing is."""
    return f"{count:,} more {things}: --output json has all" if count > 0 else None


def _is_right(column: Column) -> bool:
    return column.kind == "integer or missing"


def _cell(column: Column, trace: Trace) -> Text:
    if column.name in _PREVIEWS:
        text = said(_PREVIEWS[column.name](trace.info))
    else:
        text = _FORMATTERS.get(column.name, _plain)(column.cell(trace))
    style = STYLES.get(text, "") if column.name == "status" else ""
    return Text(shortened(text, _MAX_CELL_CHARS), style=style)


def _plain(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str)


def _unescaped(text: str | None) -> str | None:
    """Return JSON text as people write it, without escapes of letters."""
    if text is None or "\\u" not in text:
        return text
    value = loads_shallow(text)
    return text if value is NOT_JSON else json.dumps(value, ensure_ascii=False)


def _entries(entries: Mapping[str, str]) -> str:
    own = (f"{k}={v}" for k, v in entries.items() if not k.startswith(_OWN_TAGS))
    return " ".join(own)


def _time(time_ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _whole(number: int | None) -> str:
    return "…" if number is None else f"{number:,}"


def _count(spans: Sequence[Any]) -> str:
    return f"{len(spans)} spans"


_PREVIEWS: Final[Mapping[str, Callable[[TraceInfo], str | None]]] = {
    "request": lambda info: info.request_preview,
    "response": lambda info: info.response_preview,
}
"""Columns of a table that show what was said, without its JSON."""

_FORMATTERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "timestamp_ms": _time,
    "execution_time_ms": _whole,
    "request_metadata": _entries,
    "tags": _entries,
    "spans": _count,
}
"""Functions that write the cells of a column for people; other cells are JSON."""
