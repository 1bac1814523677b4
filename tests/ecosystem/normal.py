"""Makes the exports of two runs of the same versions the same bytes.

Ids, times, durations, paths, ports and what else changes from run to run are replaced
by values that follow from the order of things alone; all else stays as it was sent.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from tests.ecosystem.endpoint import Sent

__all__ = ["MESSAGES", "normal", "trace_ids"]

MESSAGES: Final = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
}

_EPOCH_NS: Final = 1_767_225_600_000_000_000
_STEP_NS: Final = 1_000_000

_ID_FIELDS: Final = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_JSON_IDS: Final = {"traceId": 16, "spanId": 8, "parentSpanId": 8}

_OF_MACHINE: Final = re.compile(r"^(process|host|os|thread)\.")
"""Keys of values that are of this machine or process."""

_MEASURED: Final = re.compile(
    r"port$|duration|latency|elapsed|time_(to|per)|first_(chunk|token)|ms(To|Per)|MsTo|"
    r"PerSecond|[._]pid$|lineno|memory|created_at|start_time|end_time|timestamp"
)
"""Keys of numbers that are measured."""

_UUID: Final = re.compile(
    r"(?<![0-9a-zA-Z])(?=[0-9-]*[a-f])"
    r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{16})"
    r"(?![0-9a-zA-Z])"
)
_SCRUBBED: Final = (
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), r"\1:8000"),
    (
        re.compile(r"20\d\d-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?"),
        r"2026-01-01\g<1>00:00:00",
    ),
    (re.compile(r"(?<![\d.])1[789]\d{8}(\.\d+)?(?!\d)"), "1767225600"),
    (re.compile(r"(?<![\d.])1[789]\d{11}(?!\d)"), "1767225600000"),
    (re.compile(r"((duration|latency)\w*\W{1,3})\d+\.\d+"), r"\g<1>0.25"),
    (re.compile(r"datetime\(\d+(, \d+)+"), "datetime(2026, 1, 1"),
    (re.compile(r"\b\d+\.\d+s\b"), "0.25s"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0x0"),
    (re.compile(r"/[^\s\"':,]*/site-packages/"), "/app/site-packages/"),
    (re.compile(r"/[^\s\"':,]*/node_modules/"), "/app/node_modules/"),
    (re.compile(r"/[^\s\"':,]*/lib/python3\.\d+/"), "/usr/lib/python3/"),
    (re.compile(r"/[^\s\"':,()]*/(drivers|build/ecosystem/[^/]+)/"), "/app/"),
    (re.compile(r"/tmp/tmp\w+"), "/home"),  # noqa: S108
    (re.compile(r", line \d+, in"), ", line 1, in"),
)


def normal(client: str, sent: Iterable[Sent]) -> list[Sent]:
    """Return the exports of one run of a client; metrics are left out."""
    kept = [one for one in sent if one.signal in MESSAGES]
    opened = [_opened(one) for one in kept]
    bodies = _Run(client, opened).written()
    return [one._replace(body=body) for one, body in zip(kept, bodies, strict=True)]


def _opened(one: Sent) -> Any:
    if one.media_type == "application/json":
        return json.loads(one.body)
    message = MESSAGES[one.signal]()
    message.ParseFromString(one.body)
    return message


class _Run:
    """The replacements of one run, in the order in which its values appear."""

    def __init__(self, client: str, opened: Sequence[Any]) -> None:
        self._client = client
        self._opened = opened
        times = sorted({t for one in opened for t in _times(one)})
        self._times = {t: _EPOCH_NS + n * _STEP_NS for n, t in enumerate(times)}
        self._names: dict[str, str] = {}
        spans = sorted((s for one in opened for s in _spans(one)), key=_by_start)
        for span in spans:
            self._named(span[1])
            self._named(span[2])

    def written(self) -> list[bytes]:
        """Return the bodies with everything replaced."""
        return [
            _message(one, self).SerializeToString(deterministic=True)
            if isinstance(one, Message)
            else json.dumps(_json(one, self), separators=(",", ":")).encode()
            for one in self._opened
        ]

    def _named(self, found: str) -> str:
        """Return the name of an id: hex digits of a hash of its number."""
        plain = found.replace("-", "")
        if plain not in self._names:
            made = hashlib.sha256(f"{self._client} {len(self._names)}".encode())
            self._names[plain] = made.hexdigest()[: len(plain)]
        name = self._names[plain]
        if "-" not in found:
            return name
        ends = (8, 12, 16, 20, 32)
        starts = (0, *ends)
        return "-".join(name[a:b] for a, b in zip(starts, ends, strict=False))

    def id(self, value: str) -> str:
        """Return another id for an id in hex; the empty and the zero one stay."""
        return self._named(value) if value.strip("0") else value

    def time(self, value: int) -> int:
        """Return another time for a time in nanoseconds; zero stays."""
        return self._times[value] if value else value

    def text(self, value: str) -> str:
        """Return a text without what is of this run."""
        value = _UUID.sub(lambda found: self.id(found[0]), value)
        for pattern, instead in _SCRUBBED:
            value = pattern.sub(instead, value)
        return value


def _by_start(span: tuple[int, str, str]) -> int:
    return span[0]


# --- protobuf -----------------------------------------------------------------------


def _walk(message: Message) -> Iterator[tuple[Message, Any, Any]]:
    for field, value in message.ListFields():
        yield message, field, value
        if field.message_type is not None:
            below = value if field.is_repeated else [value]
            for item in below:
                yield from _walk(item)


def _is_time(name: str) -> bool:
    return name.endswith(("time_unix_nano", "TimeUnixNano")) or name == "timeUnixNano"


def _message(message: Message, run: _Run) -> Message:
    for _, field, value in list(_walk(message)):
        if field.name == "attributes":
            for pair in value:
                _still(pair.key, pair.value)
    for owner, field, value in list(_walk(message)):
        if field.name in _ID_FIELDS:
            setattr(owner, field.name, bytes.fromhex(run.id(value.hex())))
        elif _is_time(field.name):
            setattr(owner, field.name, run.time(value))
        elif field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(owner, field.name, run.text(value))
    return message


def _still(key: str, value: Any) -> None:
    """Replace a value of this machine by one of the same kind."""
    kind = value.WhichOneof("value")
    if kind == "int_value" and _is_changing(key):
        value.int_value = 1
    elif kind == "double_value" and _is_changing(key):
        value.double_value = 0.25
    elif kind == "string_value" and _OF_MACHINE.search(key):
        value.string_value = "normal"
    elif kind == "array_value" and _OF_MACHINE.search(key):
        del value.array_value.values[:]


def _is_changing(key: str) -> bool:
    return bool(_OF_MACHINE.search(key) or _MEASURED.search(key))


# --- JSON ---------------------------------------------------------------------------


def _json(value: Any, run: _Run, key: str = "") -> Any:
    if isinstance(value, list):
        return [_json(item, run, key) for item in value]
    if isinstance(value, dict):
        if isinstance(value.get("value"), dict):
            still = _still_json(str(value.get("key")), value["value"])
            value = {**value, "value": still}
        return {name: _json(item, run, name) for name, item in value.items()}
    if key in _JSON_IDS:
        return run.id(value)
    if _is_time(key):
        return str(run.time(int(value)))
    return run.text(value) if isinstance(value, str) else value


def _still_json(key: str, value: dict[str, Any]) -> dict[str, Any]:
    instead: dict[str, Any] = {}
    if _is_changing(key):
        instead = {"intValue": 1, "doubleValue": 0.25}
    if _OF_MACHINE.search(key):
        instead |= {"stringValue": "normal", "arrayValue": {"values": []}}
    return {kind: instead.get(kind, given) for kind, given in value.items()}


# --- times and spans of either ------------------------------------------------------


def _times(opened: Any) -> Iterator[int]:
    if isinstance(opened, Message):
        for _, field, value in _walk(opened):
            if _is_time(field.name) and value:
                yield value
    else:
        yield from _collected(opened)


def _collected(value: Any) -> Iterator[int]:
    if isinstance(value, list):
        for item in value:
            yield from _collected(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if _is_time(name):
                yield int(item)
            else:
                yield from _collected(item)


def _spans(opened: Any) -> Iterator[tuple[int, str, str]]:
    """Yield start, trace id and span id of each span."""
    if isinstance(opened, ExportTraceServiceRequest):
        for resource in opened.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids = span.trace_id.hex(), span.span_id.hex()
                    yield span.start_time_unix_nano, *ids
    elif isinstance(opened, dict):
        for resource in opened.get("resourceSpans", ()):
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    start = int(span["startTimeUnixNano"])
                    yield start, span["traceId"], span["spanId"]


def trace_ids(one: Sent) -> set[str]:
    """Return the trace ids of the spans of an export, in hex."""
    return {trace for _, trace, _ in _spans(_opened(one))}
