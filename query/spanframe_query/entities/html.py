"""Draws what a search returns in HTML, for notebooks.

Every name, type, id and value comes from the app and is untrusted: every text is
escaped and cut, and positions are numbers. There is no script, and nothing is loaded.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any, Final

from spanframe import keys
from spanframe_query.entities.info import TraceInfo
from spanframe_query.entities.json_text import json_text
from spanframe_query.entities.span import Span
from spanframe_query.entities.waterfall import Bar, bars
from spanframe_query.terminal import duration

__all__ = ["info_html", "session_html", "span_html", "spans_html", "value_html"]

_MAX_SHOWN_SPANS: Final = 200
"""Maximum spans drawn, so that a notebook stays usable; a last line counts the rest."""

_MAX_SHOWN_TRACES: Final = 50
"""Maximum traces of a session drawn."""

_MAX_SHOWN_ENTRIES: Final = 100
"""Maximum tags and metadata entries drawn."""

_MAX_NAME_CHARS: Final = 80
"""Maximum characters of a name, a type or an id."""

_MAX_VALUE_CHARS: Final = 2000
"""Maximum characters of inputs, outputs, an error or an entry."""

_COLORS: Final = {"ERROR": "#c0392b", "OK": "#2e7d5b", "UNSET": "#5b7083"}
_LINE: Final = "display:flex;gap:8px;align-items:center;white-space:nowrap"
_PRE: Final = "margin:2px 0 6px 0;white-space:pre-wrap;max-height:240px;overflow:auto"


def trace_html(info: TraceInfo, spans: Sequence[Span]) -> str:
    """Return the HTML of a trace: a title, its error, then its spans, folded."""
    error = _value("error", info.error, "ERROR") if info.error else ""
    return f"<div>{_title(info)}{error}{spans_html(spans)}</div>"


def spans_html(spans: Sequence[Span]) -> str:
    """Return the HTML of the spans of a trace: failed ones are unfolded."""
    lines = bars(spans)
    rows = "".join(_folding(bar) for bar in lines[:_MAX_SHOWN_SPANS])
    return f"<div>{rows}{_more(len(lines) - _MAX_SHOWN_SPANS, 'spans')}</div>"


def span_html(span: Span) -> str:
    """Return the HTML of a span, unfolded."""
    return f"<div>{''.join(_folding(bar, is_open=True) for bar in bars([span]))}</div>"


def info_html(info: TraceInfo) -> str:
    """Return the HTML of the info of a trace: a title, then its fields and entries."""
    fields: dict[str, Any] = {
        "error": info.error,
        "user": info.user,
        "session": info.session_id,
        "services": ", ".join(info.services),
        "tokens": info.token_usage,
        "cost": info.cost,
    }
    tags = {f"tags.{key}": value for key, value in info.tags.items()}
    metadata = {f"metadata.{k}": value for k, value in info.trace_metadata.items()}
    return f"<div>{_title(info)}{_entries(fields | tags | metadata)}</div>"


def session_html(session_id: str, traces: Sequence[Any]) -> str:
    """Return the HTML of a session: its traces as a dialogue, oldest first."""
    turns = "".join(map(_turn, islice(traces, _MAX_SHOWN_TRACES)))
    more = _more(len(traces) - _MAX_SHOWN_TRACES, "traces")
    title = f"<b>{_name(session_id)}</b> {len(traces):,} traces"
    return f"<div><div>{title}</div>{turns}{more}</div>"


def value_html(value: Any) -> str:
    """Return the HTML of a JSON value."""
    return f"<pre style='{_PRE}'>{_cut(json_text(value, indent=2))}</pre>"


def _turn(trace: Any) -> str:
    info, root = trace.info, trace.data.root_values()
    is_open = " open" if info.error else ""
    body = _value("request", root.inputs) + _value("response", root.outputs)
    if info.error:
        body = _value("error", info.error, "ERROR") + body
    return f"<details{is_open}><summary>{_title(info)}</summary>{body}</details>"


def _title(info: TraceInfo) -> str:
    state = info.state.value
    return (
        f"<span><b>{_name(info.name or 'trace')}</b> "
        f"<code>{_name(info.trace_id)}</code> "
        f"<span style='color:{_COLORS.get(state, 'inherit')}'>{_name(state)}</span> "
        f"{duration(info.execution_duration)}</span>"
    )


def _folding(bar: Bar, *, is_open: bool = False) -> str:
    span = bar.span
    code = span.status.status_code.value
    took = None if span.end_time_ns is None else span.end_time_ns - span.start_time_ns
    failed = code == "ERROR"
    return (
        f"<details{' open' if failed or is_open else ''} "
        f"style='margin-left:{14 * bar.indent}px'>"
        f"<summary><span style='{_LINE}'>"
        f"<b style='color:{_COLORS[code]}'>{_name(bar.label)}</b>"
        f"<span>{_name(span.span_type)}</span>"
        f"<span>{duration(None if took is None else took / 1e6)}</span>"
        "<span style='width:240px'><span style='display:block;height:10px;"
        f"min-width:2px;background:{_COLORS[code]};margin-left:{bar.offset:.2%};"
        f"width:{bar.width:.2%}'></span></span></span></summary>"
        f"{_body(span, failed=failed)}</details>"
    )


def _body(span: Span, *, failed: bool) -> str:
    parts = [
        _value("error", span.status.description or "ERROR", "ERROR") if failed else "",
        _value("inputs", span.inputs),
        _value("outputs", span.outputs),
        _value("model", span.model_name),
        _value("tokens", span.get_attribute(keys.CHAT_USAGE)),
        _value("cost", span.llm_cost),
    ]
    return "".join(parts)


def _entries(entries: Mapping[str, Any]) -> str:
    shown = "".join(
        _value(key, value) for key, value in islice(entries.items(), _MAX_SHOWN_ENTRIES)
    )
    return shown + _more(len(entries) - _MAX_SHOWN_ENTRIES, "entries")


def _value(name: str, value: Any, code: str = "UNSET") -> str:
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else json_text(value, indent=2)
    return (
        f"<div><span style='color:{_COLORS[code]}'>{_name(name)}</span>"
        f"<pre style='{_PRE}'>{_cut(text)}</pre></div>"
    )


def _more(count: int, things: str) -> str:
    return f"<div>… and {count} more {things}</div>" if count > 0 else ""


def _name(value: str) -> str:
    return _cut(value, _MAX_NAME_CHARS)


def _cut(text: str, most: int = _MAX_VALUE_CHARS) -> str:
    shown = text if len(text) <= most else text[: most - 1] + "…"
    return escape(shown, quote=True)
