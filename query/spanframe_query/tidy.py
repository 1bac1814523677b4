"""The tidy layout: plain values, and a column for each tag and metadata entry."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from spanframe import keys
from spanframe.errors import InvalidArgumentError
from spanframe_query.columns import REQUEST, RESPONSE, Column, Kind
from spanframe_query.entities import Trace, TraceInfo
from spanframe_query.entities.found import FoundTraces

__all__ = ["MAX_ENTRY_COLUMNS", "TIDY", "columns_of_entries"]

MAX_ENTRY_COLUMNS: Final = 1000
"""Maximum columns that the tidy layout makes of tags and metadata entries."""

_NS_OF_MS: Final = 1_000_000
_MAX_INT64: Final = (1 << 63) - 1


def _of_info(
    name: str, kind: Kind, sentence: str, value: Callable[[TraceInfo], Any]
) -> Column:
    return Column(name, kind, lambda trace: value(trace.info), sentence)


def _start_ns(info: TraceInfo) -> int | None:
    return info.request_time * _NS_OF_MS if info.request_time else None


def _service(info: TraceInfo) -> str | None:
    return info.tags.get(keys.SERVICE_NAME)


def _tokens(name: str) -> Callable[[TraceInfo], int | None]:
    return lambda info: _whole((info.token_usage or {}).get(name))


def _whole(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MAX_INT64 else None


def _cost(info: TraceInfo) -> float | None:
    total = (info.cost or {}).get("total_cost")
    return float(total) if isinstance(total, int | float) else None


TIDY: Final = (
    _of_info(
        "trace_id", "text", "Trace id, tr- and 32 hex digits.", lambda i: i.trace_id
    ),
    _of_info("name", "text", "Name of the trace.", lambda info: info.name),
    _of_info("service", "text", "Service of the root span.", _service),
    _of_info(
        "status", "text", "OK, ERROR or IN_PROGRESS.", lambda info: info.state.value
    ),
    _of_info("error", "text", "Why a span failed.", lambda info: info.error),
    _of_info("user", "text", "End user.", lambda info: info.user),
    _of_info("session", "text", "Session.", lambda info: info.session_id),
    _of_info("experiment", "text", "Id of the experiment.", lambda i: i.experiment_id),
    _of_info("start", "time", "Start, UTC.", _start_ns),
    _of_info(
        "duration_ms",
        "integer or missing",
        "Duration in ms; missing while in progress.",
        lambda info: info.execution_duration,
    ),
    *(
        _of_info(name, "integer or missing", f"{text} tokens.", _tokens(name))
        for name, text in (
            ("input_tokens", "Input"),
            ("output_tokens", "Output"),
            ("total_tokens", "All"),
        )
    ),
    _of_info("cost_usd", "number", "Cost in USD.", _cost),
    REQUEST._replace(name="inputs"),
    RESPONSE._replace(name="outputs"),
)

_NOT_TIDY: Final = frozenset(
    {
        keys.TAG_TRACE_NAME,
        keys.META_USER,
        keys.META_SESSION,
        keys.META_ERROR,
        keys.META_TOKEN_USAGE,
        keys.META_COST,
        keys.META_TRACE_INPUTS,
        keys.META_TRACE_OUTPUTS,
        keys.META_SCHEMA_VERSION,
        keys.META_SIZE_BYTES,
        keys.SERVICE_NAME,
    }
)
"""Tags and metadata entries that are columns of the tidy layout under another name."""


def columns_of_entries(traces: Sequence[Trace]) -> tuple[Column, ...]:
    """Return a column for each tag and metadata entry that some traces have.

    Raises:
        InvalidArgumentError: when there are more than `MAX_ENTRY_COLUMNS`.
    """
    tags, metadata = _entries(traces)
    entries = (*_entry_columns("tags", tags), *_entry_columns("metadata", metadata))
    if len(entries) > MAX_ENTRY_COLUMNS:
        raise InvalidArgumentError(
            f"The traces have {len(entries):,} different tags and metadata entries; "
            f"the tidy layout makes at most {MAX_ENTRY_COLUMNS:,} columns of them: "
            "narrow the filter, or use another layout, whose tags are dictionaries."
        )
    return entries


def _entries(traces: Sequence[Trace]) -> tuple[list[dict[str, str]], ...]:
    if isinstance(traces, FoundTraces):
        return list(traces.infos.tags), list(traces.infos.trace_metadata)
    infos = [trace.info for trace in traces]
    return [info.tags for info in infos], [info.trace_metadata for info in infos]


def _entry_columns(
    prefix: str, of_traces: Sequence[Mapping[str, str]]
) -> Iterator[Column]:
    for key in sorted(set().union(*of_traces) - _NOT_TIDY):
        yield _entry_column(prefix, key, of_traces)


def _entry_column(
    prefix: str, key: str, of_traces: Sequence[Mapping[str, str]]
) -> Column:
    def of_trace(trace: Trace) -> str | None:
        info = trace.info
        return (info.tags if prefix == "tags" else info.trace_metadata).get(key)

    def of_all(_: FoundTraces) -> list[str | None]:
        return [entries.get(key) for entries in of_traces]

    return Column(f"{prefix}.{key}", "text", of_trace, f"{prefix} {key}.", of_all)
