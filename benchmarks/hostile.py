"""Measure one message of the largest legal size: delay of others, and memory.

    python benchmarks/hostile.py [KIND …]

Each kind goes to a collector of its own, beside a sender that sends one span after the
other. The exit code is 1 when the message is answered after more than a second, when
that sender waits so long (99 of 100 times), or when the memory grows by more than 128
MiB.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Self

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue, KeyValueList

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.acknowledged import EXPORT
from benchmarks.report import machine
from benchmarks.servers import resident_mib
from spanframe_collector.settings import CollectorSettings
from spanframe_store.otlp.envelope import RawScope, rebuild
from tests.plugins.collector import StartedCollector
from tests.plugins.otlp import request, span

MOST_BYTES: Final = (16 << 20) - 4096
MOST_SPANS: Final = CollectorSettings.load().max_request_spans - 10
MOST_MIB: Final = 128
MOST_SECONDS: Final = 1.0
AFTERWARDS_SECONDS: Final = 1.5

SPAN: Final = span(1).SerializeToString()


def small_span(number: int, **attributes: str) -> bytes:
    """Write a span of a trace of its own."""
    message = span(number, trace_id=os.urandom(16), attributes=attributes)
    return message.SerializeToString()


def of_spans(bodies: Iterable[bytes]) -> bytes:
    return rebuild(RawScope(b"", b"", b"", b"", list(bodies)))


def of_tags(count: int, length: int) -> bytes:
    tags = {f"mlflow.traceTag.{number}": "v" * length for number in range(19_900)}
    return of_spans(small_span(n, **tags) for n in range(1, count + 1))


def of_texts() -> bytes:
    items = [{"a": [1, 2, {}] * 10}] * 40_000
    text = json.dumps(items)[:3_900_000]
    return of_spans(
        small_span(number, **{"mlflow.spanInputs": text}) for number in range(1, 5)
    )


def of_wide_tags() -> bytes:
    text = "v" * 3_900_000 + "\N{TENT}"
    return of_spans(
        small_span(n, **{"mlflow.traceTag.wide": text}) for n in range(1, 5)
    )


def of_attributes(count: int, length: int) -> bytes:
    attributes = {f"key{number}": "v" * length for number in range(19_900)}
    return of_spans(small_span(n, **attributes) for n in range(1, count + 1))


def of_numbers() -> bytes:
    message = span(1, attributes={"numbers": [7] * 960_000})
    return of_spans([message.SerializeToString()] * 4)


def of_empty_values(count: int, kind: str) -> bytes:
    """Write spans that hold one map of empty values each: two bytes a value."""
    value = AnyValue(kvlist_value=KeyValueList(values=[KeyValue()] * count))
    pair = KeyValue(key="map", value=value)
    spans = []
    for number in range(1, MOST_BYTES // (2 * count + 200) + 1):
        message = span(number, trace_id=os.urandom(16))
        if kind == "link":
            message.links.add().attributes.append(pair)
        elif kind == "event":
            message.events.add().attributes.append(pair)
        else:
            message.attributes.append(pair)
        spans.append(message.SerializeToString())
    return of_spans(spans)


KINDS: Final[dict[str, Callable[[], bytes]]] = {
    "empty spans": lambda: of_spans([b""] * (MOST_BYTES // 2)),
    "empty spans, as many as allowed": lambda: of_spans([b""] * MOST_SPANS),
    "a span of empty attributes": lambda: of_spans(
        [SPAN + b"\x4a\x00" * (MOST_BYTES // 2 - 100)]
    ),
    "a resource of empty attributes": lambda: rebuild(
        RawScope(b"\x0a\x00" * (MOST_BYTES // 2 - 100), b"", b"", b"", [SPAN])
    ),
    "19 900 attributes in a span": lambda: of_attributes(4, 180),
    "19 900 small attributes in a span": lambda: of_attributes(40, 1),
    "19 900 tags in a span": lambda: of_tags(4, 150),
    "19 900 small tags in a span": lambda: of_tags(25, 1),
    "3.9 MB of JSON in a span": of_texts,
    "3.9 MB of a tag with an emoji in a span": of_wide_tags,
    "960 000 numbers in an attribute": of_numbers,
    "1.9 M empty values in a span": lambda: of_empty_values(1_900_000, "span"),
    "640 000 empty values in a span": lambda: of_empty_values(640_000, "span"),
    "640 000 empty values in a link": lambda: of_empty_values(640_000, "link"),
    "640 000 empty values in an event": lambda: of_empty_values(640_000, "event"),
    "ordinary spans, a trace each": lambda: of_spans(
        small_span(n, filling="x" * 1500) for n in range(1, MOST_SPANS + 1)
    ),
    "small spans, a trace each": lambda: of_spans(
        small_span(n) for n in range(1, MOST_SPANS + 1)
    ),
    "small spans of one trace": lambda: of_spans(
        span(n).SerializeToString() for n in range(1, MOST_SPANS + 1)
    ),
}


class Neighbour:
    """A sender of one span after the other, each in a trace of its own."""

    def __init__(self, target: str) -> None:
        self.seconds: list[float] = []
        self.refused = 0
        self._channel = grpc.insecure_channel(target)
        self._export = self._channel.unary_unary(EXPORT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._export(request(span(1)).SerializeToString(), timeout=10)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._channel.close()

    def _work(self) -> None:
        while not self._stop.wait(0.005):
            body = of_spans([small_span(1)])
            begun = time.monotonic()
            try:
                self._export(body, timeout=10)
            except grpc.RpcError:
                self.refused += 1
            self.seconds.append(time.monotonic() - begun)


def endure(kind: str) -> bool:
    """Send one message; return whether the bounds hold."""
    body = KINDS[kind]()
    options = [
        ("grpc.max_send_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        StartedCollector.running(Path(folder)) as collector,
        Neighbour(collector.target) as neighbour,
        grpc.insecure_channel(collector.target, options) as channel,
    ):
        pid = json.loads((Path(folder) / "ready.json").read_text())["pid"]
        base = most = resident_mib(pid)
        begun = time.monotonic()
        pending = channel.unary_unary(EXPORT).future(body, timeout=60)
        answered = 0.0
        while not answered or time.monotonic() < begun + answered + AFTERWARDS_SECONDS:
            most = max(most, resident_mib(pid))
            time.sleep(0.005)
            if pending.done() and not answered:
                answered = time.monotonic() - begun
    p99 = statistics.quantiles(neighbour.seconds, n=100, method="inclusive")[98]
    code = pending.code()
    told = pending.details() or ""
    if code is grpc.StatusCode.OK:
        answer = ExportTraceServiceResponse.FromString(pending.result())
        told = answer.partial_success.error_message
    holds = (
        max(answered, p99) <= MOST_SECONDS
        and most - base <= MOST_MIB
        and not neighbour.refused
    )
    print(
        f"{kind:32} {len(body) / 1e6:5.1f} MB {answered:6.2f} s "
        f"{most - base:+5.0f} MiB "
        f"{p99:6.2f} {max(neighbour.seconds):6.2f} {neighbour.refused:8} "
        f"{'' if holds else 'BROKEN '}{code.name} {told[:60]}"
    )
    return holds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    options = parser.parse_args()
    print("\n".join(machine()))
    print(
        f"\n{'a message of':32} {'size':>8} {'answer':>8} {'memory':>9}  others: "
        "p99, longest in s, refused"
    )
    outcomes = [endure(kind) for kind in options.kinds or KINDS]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
