"""The collector's own metrics, for Prometheus.

The counts are exact to the span, for every span that was decoded::

    received = stored + duplicate + rejected{reason} + refused{reason}

Rejected spans can never be stored; refused spans were not stored, and their sender was
told to send them again. A request that is refused before it is decoded is counted as a
request, since the number of its spans is not known. Names that begin with ``otelcol_``
are those of the OpenTelemetry Collector. Every label comes from a closed set.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from spanframe_store.contract.spans import Rejected

__all__ = ["Telemetry"]

_log: Final = logging.getLogger(__name__)

_BUCKET_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Telemetry:
    """The metrics of one collector; thread-safe."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="otelcol", registry=self.registry)
        self._requests = self._counter(
            "otelcol_receiver_requests", "Export requests, by outcome.", "outcome"
        )
        self._received = self._counter("spanframe_received_spans", "Spans decoded.")
        self._stored = self._counter("spanframe_stored_spans", "Spans committed.")
        self._duplicate = self._counter(
            "spanframe_duplicate_spans", "Spans that had been committed before."
        )
        self._rejected = self._counter(
            "spanframe_rejected_spans", "Spans that can never be stored.", "reason"
        )
        self._refused = self._counter(
            "spanframe_refused_spans", "Spans to be sent again.", "reason"
        )
        self._accepted = self._counter(
            "otelcol_receiver_accepted_spans", "Spans answered with OK."
        )
        self._otel_refused = self._counter(
            "otelcol_receiver_refused_spans", "Spans the store did not take."
        )
        self._otel_failed = self._counter(
            "otelcol_receiver_failed_spans", "Refused spans that a fault stopped."
        )
        self._forwarded = self._counter(
            "spanframe_forwarded_requests", "Requests passed on, by outcome.", "outcome"
        )
        self._passed_on = self._counter(
            "otelcol_exporter_sent_spans", "Spans that the other endpoint took."
        )
        self._not_passed_on = self._counter(
            "otelcol_exporter_send_failed_spans", "Spans it refused for good."
        )
        self._not_queued = self._counter(
            "otelcol_exporter_enqueue_failed_spans",
            "Spans not forwarded: the queue was full.",
        )
        self._joined = self._counter(
            "spanframe_joined_log_records", "GenAI events, joined to their spans."
        )
        self._dropped = self._counter(
            "spanframe_dropped_records",
            "Log records and metrics that are not kept, by signal.",
            "signal",
        )
        self._dropped_entries = self._counter(
            "spanframe_dropped_entries",
            "Tags and metadata beyond the limit of a trace.",
        )
        self._deleted = self._counter(
            "spanframe_deleted_traces", "Traces deleted by retention."
        )
        self._failed_rounds = self._counter(
            "spanframe_housekeeping_failures", "Rounds of retention that failed."
        )
        self.decode_seconds = self._histogram("decode", "Decoding one request.")
        self.wait_seconds = self._histogram(
            "queue_wait", "From decoded to the start of the commit, one request."
        )
        self.commit_seconds = self._histogram("commit", "One transaction.")
        self._last_commit = Gauge(
            "spanframe_last_commit_timestamp_seconds",
            "When a transaction was last committed.",
            registry=self.registry,
        )
        started = time.monotonic()
        self.gauge(
            "otelcol_process_uptime",
            "Seconds since the start.",
            lambda: time.monotonic() - started,
        )
        if _STATM.exists():
            self.gauge("otelcol_process_memory_rss", "Bytes.", _resident_bytes)

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Publish a gauge whose value is read at every scrape."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def request(self, outcome: str) -> None:
        """Count a request: ``ok``, or the name of a refusal."""
        self._requests.labels(outcome).inc()

    def decoded(self, received: int, rejected: Iterable[Rejected]) -> None:
        """Count the spans of a request and those of them that cannot be stored."""
        self._received.inc(received)
        self.reject(rejected)

    def reject(self, rejected: Iterable[Rejected]) -> None:
        """Count spans that can never be stored."""
        for reason, spans in rejected:
            self._rejected.labels(reason).inc(spans)

    def refuse(self, reason: str, spans: int) -> None:
        """Count spans whose sender is told to send them again."""
        self._refused.labels(reason).inc(spans)
        self._otel_refused.inc(spans)

    def fault(self, spans: int) -> None:
        """Count refused spans whose commit failed by a fault of spanframe."""
        self._otel_failed.inc(spans)

    def commit(self, stored: int, duplicates: int) -> None:
        """Count the spans of one request after their commit."""
        self._stored.inc(stored)
        self._duplicate.inc(duplicates)
        self._accepted.inc(stored + duplicates)

    def dropped_entries(self, count: int) -> None:
        """Count tags and metadata entries beyond the limit of their trace."""
        self._dropped_entries.inc(count)

    def passed_on(self, outcome: str, *, sent: int, failed: int) -> None:
        """Count a request that was forwarded, and its spans."""
        self._forwarded.labels(outcome).inc()
        self._passed_on.inc(sent)
        self._not_passed_on.inc(failed)

    def not_queued(self, spans: int) -> None:
        """Count a request that is not forwarded because the queue is full."""
        self._forwarded.labels("queue_full").inc()
        self._not_queued.inc(spans)

    def other_signal(self, signal: str, joined: int, dropped: int) -> None:
        """Count the records of a request that holds logs or metrics."""
        if dropped and not self._has_dropped(signal):
            _log.info(
                "An app sends %s, which spanframe does not keep: they are accepted, "
                "dropped and counted. OTEL_%s_EXPORTER=none in the app turns them off.",
                signal,
                signal.upper(),
            )
        self._joined.inc(joined)
        self._dropped.labels(signal).inc(dropped)

    def _has_dropped(self, signal: str) -> bool:
        return any(total for label, total in _samples(self._dropped) if label == signal)

    def deleted(self, traces: int) -> None:
        """Count traces that retention deleted."""
        self._deleted.inc(traces)

    def housekeeping_failed(self) -> None:
        """Count a round of retention that failed."""
        self._failed_rounds.inc()

    def committed_now(self) -> None:
        """Note that a transaction has just been committed."""
        self._last_commit.set_to_current_time()

    def render(self) -> bytes:
        """Return every metric in Prometheus' text format."""
        return generate_latest(self.registry)

    def summary(self) -> str:
        """Return the counts in one line, for a log."""
        parts = [
            f"{_total(self._requests)} requests",
            f"{_total(self._received)} spans received",
            f"{_total(self._stored)} stored",
            f"{_total(self._duplicate)} delivered before",
        ]
        parts += _by_reason(self._rejected, "rejected")
        parts += _by_reason(self._refused, "refused")
        parts += _by_reason(self._forwarded, "forwarded")
        return ", ".join(parts)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(
            f"spanframe_{name}_seconds",
            text,
            buckets=_BUCKET_SECONDS,
            registry=self.registry,
        )


_STATM: Final = Path("/proc/self/statm")


def _resident_bytes() -> float:
    """Return the memory of this process as Linux counts it."""
    pages = int(_STATM.read_text(encoding="ascii").split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def _samples(counter: Counter) -> list[tuple[str, int]]:
    """Return (label value, total) of a counter with at most one label."""
    return [
        (next(iter(sample.labels.values()), ""), int(sample.value))
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    ]


def _total(counter: Counter) -> int:
    return sum(value for _, value in _samples(counter))


def _by_reason(counter: Counter, verb: str) -> list[str]:
    return [f"{value} {verb} ({label})" for label, value in sorted(_samples(counter))]
