"""Compare the store with the workload: counts, and whole traces field by field."""

import json
import random
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

import spanframe
from benchmarks import workload
from spanframe import keys
from spanframe.entities import Span
from spanframe_store.registry import backend_of

__all__ = ["differences"]

_TAGS: Final = ("environment", "customer_id", "app_version")
_JSON: Final = {keys.SPAN_INPUTS, keys.SPAN_OUTPUTS, keys.SPAN_TYPE, keys.CHAT_USAGE}
_CODES: Final = {0: "UNSET", 1: "OK", 2: "ERROR"}


def differences(store: Path | str, traces: int, compared: int = 10) -> list[str]:
    """Compare a store with the first traces of the workload; return what differs.

    Args:
        store: the file or the URL of a store that holds them and nothing else.
        traces: how many were sent.
        compared: how many, drawn at random, are compared field by field.
    """
    url = store if isinstance(store, str) else f"sqlite:///{store}"
    spanframe.set_tracking_uri(url)
    with closing(backend_of(url).admin(url)) as admin:
        spans = admin.inspect().rows["spans"]
    counts = {
        "traces": (spanframe.count_traces(), traces),
        "spans": (spans, traces * len(workload.SHAPE)),
    }
    found = [
        f"{name}: {stored} are stored, {sent} were sent"
        for name, (stored, sent) in counts.items()
        if stored != sent
    ]
    for number in random.Random(workload.SEED).sample(
        range(traces), min(compared, traces)
    ):
        found += _differences_of_trace(number)
    return found


def _differences_of_trace(number: int) -> list[str]:
    facts, _ = workload.draw(number)
    name = keys.request_id(facts.trace_id)
    trace = spanframe.get_trace(name)
    if trace is None:
        return [f"{name} is not stored"]
    info = trace.info
    fields: dict[str, tuple[Any, Any]] = {
        "timestamp_ms": (info.timestamp_ms, facts.start_ns // 1_000_000),
        "status": (info.status.value, "ERROR" if facts.failed else "OK"),
        "name": (info.name, facts.name),
        "user": (info.user, facts.user),
        "session": (info.session_id, facts.session),
        "tags": (
            [info.tags.get(name) for name in _TAGS],
            [facts.environment, facts.customer, facts.version],
        ),
        "duration": (info.execution_time_ms, facts.duration_ns // 1_000_000),
    }
    stored = {bytes.fromhex(span.span_id[-16:]): span for span in trace.data.spans}
    sent = [OtlpSpan.FromString(body) for body in workload.spans_of(number)]
    fields["span ids"] = (set(stored), {span.span_id for span in sent})
    for span in sent:
        if span.span_id in stored:
            sent_fields = _of_sent(span)
            fields[f"span {span.name}"] = (
                _of_stored(stored[span.span_id], sent_fields["attributes"]),
                sent_fields,
            )
    return [
        f"{name}: {field} is {have!r}, sent was {want!r}"
        for field, (have, want) in fields.items()
        if have != want
    ]


def _of_sent(span: OtlpSpan) -> dict[str, Any]:
    attributes = {pair.key: pair.value.string_value for pair in span.attributes}
    shown = {
        k: v
        for k, v in attributes.items()
        if not keys.carries_trace_fact(k, attributes)
    }
    return {
        "name": span.name,
        "times": (span.start_time_unix_nano, span.end_time_unix_nano),
        "parent": span.parent_span_id.hex() or None,
        "status": (_CODES[span.status.code], span.status.message),
        "attributes": {
            key: json.loads(text) if key in _JSON else text
            for key, text in shown.items()
        },
        "events": [
            (
                event.name,
                event.time_unix_nano,
                {pair.key: pair.value.string_value for pair in event.attributes},
            )
            for event in span.events
        ],
    }


def _of_stored(span: Span, asked: Iterable[str]) -> dict[str, Any]:
    return {
        "name": span.name,
        "times": (span.start_time_ns, span.end_time_ns),
        "parent": span.parent_id,
        "status": (span.status.status_code.value, span.status.description),
        "attributes": {key: span.get_attribute(key) for key in asked},
        "events": [
            (event.name, event.timestamp, dict(event.attributes))
            for event in span.events
        ],
    }
