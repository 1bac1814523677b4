"""Joins GenAI events that arrive as log records to their spans.

Some instrumentations send the content of a model call as a log record, which names its
span. Spans and log records come in requests of their own, in either order. What comes
first waits in memory: an event until its span is decoded, a span without content until
its event comes. A span that is stored already is stored again with its event; it ends
one nanosecond later, so that it is the newer version of the span.

A log record is no promise: one whose span does not come in time is dropped and counted.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Final, Generic, NamedTuple, TypeVar

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp.envelope import RawScope, rebuild, walk
from spanframe_store.otlp.precedence import signed_id
from spanframe_store.otlp.sizes import LOG_RECORD, is_unfit

__all__ = ["Joined", "LogEvents"]

_MAX_WAITING_BYTES: Final = 16 << 20
"""Maximum size of the events, and of the spans, that wait, in bytes."""

_MAX_WAITING_SECONDS: Final = 60.0
"""Maximum seconds that an event, or a span, waits for the other."""

_EVENT_NAME: Final = "event.name"
_PREFIX: Final = "gen_ai."
_OF_MODEL: Final = b"gen_ai.operation.name"
"""The key that every span has that events are sent of."""

_CONTENT: Final = (
    b"gen_ai.input.messages",
    b"gen_ai.output.messages",
    b"gen_ai.prompt",
    b"gen_ai.completion",
    b"gen_ai.user.message",
    b"gen_ai.choice",
    b"input.value",
    b"mlflow.spanInputs",
)
"""Names in the spans whose content is there already."""

Key = tuple[bytes, int]
"""Trace id and span id."""

T = TypeVar("T")


class Joined(NamedTuple):
    """What became of log records.

    Attributes:
        request: the spans to be stored again, as an ExportTraceServiceRequest; empty:
            there are none.
        joined: the records that were joined, or wait for their spans.
        dropped: the other ones.
    """

    request: bytes
    joined: int
    dropped: int


class LogEvents:
    """The events and the spans that wait for each other; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Make an empty one.

        Args:
            clock: returns seconds.
        """
        self._lock = Lock()
        self._events: _Waiting[list[Span.Event]] = _Waiting(clock)
        self._spans: _Waiting[RawScope] = _Waiting(clock)

    def requests_of(self, rows: Sequence[SpanRow]) -> dict[int, bytes]:
        """Return the spans that events wait for, with these in them.

        The others whose events may come later are remembered.

        Returns:
            An ExportTraceServiceRequest by the index of its row.
        """
        found: dict[int, bytes] = {}
        for index, row in enumerate(rows):
            if _OF_MODEL not in row.body:
                continue
            key = row.trace_id, row.span_id
            with self._lock:
                events = self._events.pop(key)
                if events is None and not any(name in row.body for name in _CONTENT):
                    self._spans.put(key, _scope_of(row), len(row.body))
            if events is not None:
                found[index] = _with_events(_scope_of(row), events)
        return found

    def take(self, request: bytes) -> Joined:
        """Keep the events among log records, or join them to spans that are known.

        Args:
            request: an ExportLogsServiceRequest.

        Raises:
            EnvelopeError: when the bytes are not one.
        """
        total = joined = 0
        of_spans: dict[Key, list[Span.Event]] = {}
        # Requests of all signals have one envelope.
        for scope in walk(request):
            total += len(scope.spans)
            for record in scope.spans:
                found = _event(record)
                if found is not None:
                    of_spans.setdefault(found[0], []).append(found[1])
                    joined += 1
        again = b"".join(self._join(of_spans.items()))
        return Joined(again, joined, total - joined)

    def _join(
        self, of_spans: Iterable[tuple[Key, list[Span.Event]]]
    ) -> Iterable[bytes]:
        for key, events in of_spans:
            with self._lock:
                scope = self._spans.pop(key)
                if scope is None:
                    size = sum(event.ByteSize() for event in events)
                    known = self._events.pop(key) or []
                    self._events.put(key, known + events, size)
            if scope is not None:
                yield _with_events(scope, events, is_later=True)


class _Waiting(Generic[T]):
    """Values by key, dropped when they wait too long or take too much room."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._values: OrderedDict[Key, tuple[T, int, float]] = OrderedDict()
        self._size = 0

    def pop(self, key: Key) -> T | None:
        """Return and forget a value; None: there is none."""
        if key not in self._values:
            return None
        value, size, _ = self._values.pop(key)
        self._size -= size
        return value

    def put(self, key: Key, value: T, size: int) -> None:
        """Keep a value of a size in bytes, and drop what is too old or too much."""
        self.pop(key)
        now = self._clock()
        self._values[key] = value, size, now
        self._size += size
        while self._values:
            oldest, (_, _, since) = next(iter(self._values.items()))
            if self._size <= _MAX_WAITING_BYTES and now - since <= _MAX_WAITING_SECONDS:
                return
            self.pop(oldest)


def _event(record: bytes) -> tuple[Key, Span.Event] | None:
    """Return the span and the event of a log record; None: it is no GenAI event."""
    if _PREFIX.encode() not in record or is_unfit(record, LOG_RECORD):
        return None
    try:
        log = LogRecord.FromString(record)
    except DecodeError:
        return None
    named = (kv.value.string_value for kv in log.attributes if kv.key == _EVENT_NAME)
    name = log.event_name or next(named, "")
    if not name.startswith(_PREFIX) or not log.trace_id or len(log.span_id) != 8:  # noqa: PLR2004 - bytes of a span id
        return None
    attributes = [kv for kv in log.attributes if kv.key != _EVENT_NAME]
    # Older events keep their message in the body.
    attributes += log.body.kvlist_value.values
    at = log.time_unix_nano or log.observed_time_unix_nano
    event = Span.Event(time_unix_nano=at, name=name, attributes=attributes)
    return (log.trace_id, signed_id(log.span_id)), event


def _scope_of(row: SpanRow) -> RawScope:
    resource, scope = row.resource, row.scope
    return RawScope(
        resource.body,
        resource.schema_url.encode(),
        scope.body,
        scope.schema_url.encode(),
        [row.body],
    )


def _with_events(
    scope: RawScope, events: list[Span.Event], *, is_later: bool = False
) -> bytes:
    """Write a request of a span and its events; protobuf merges what is appended."""
    [body] = scope.spans
    more = Span(events=events)
    if is_later:
        more.end_time_unix_nano = Span.FromString(body).end_time_unix_nano + 1
    return rebuild(scope._replace(spans=[body + more.SerializeToString()]))
