"""What one more span costs a trace of 10 000 tags and 100 000 spans, and a new trace.

    python benchmarks/large_traces.py [--postgresql URL] [--spans N] [--tags N]

The writer is called as the collector calls it, one request of one span at a time, each
in a transaction of its own. A figure is the median of some dozens, in milliseconds.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from spanframe_store.otlp import decode_request
from spanframe_store.registry import backend_of

LARGE = b"L" * 16
USAGE = json.dumps({"input_tokens": 7, "output_tokens": 2, "total_tokens": 9})
START = 1_700_000_000_000_000_000
ROUNDS = 25
BATCH = 2000


def span(
    number: int,
    said: Mapping[str, str] | None = None,
    trace_id: bytes = LARGE,
    parent: int = 1,
) -> Span:
    """Make a span that says something about its trace."""
    made = Span(
        trace_id=trace_id,
        span_id=number.to_bytes(8, "big"),
        name="step",
        start_time_unix_nano=START + number,
        end_time_unix_nano=START + number + 1000,
    )
    if parent:
        made.parent_span_id = parent.to_bytes(8, "big")
    for key, value in (said or {}).items():
        made.attributes.add(key=key).value.string_value = value
    return made


def request(*spans: Span) -> ExportTraceServiceRequest:
    """Make a request of a process with some resource attributes."""
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    for key in ("service.name", "service.version", "host.name"):
        of_resource.resource.attributes.add(key=key).value.string_value = key
    of_resource.scope_spans.add().spans.extend(spans)
    return made


def tag(number: int) -> dict[str, str]:
    """Return an attribute that sets a tag."""
    return {f"mlflow.traceTag.tag{number}": f"value {number}"}


def filling(spans: int, tags: int) -> Iterator[list[Span]]:
    """Yield the spans of the large trace, in batches: each second one calls a model."""
    yield [
        span(n, {k: v for t in range(n, tags, 20) for k, v in tag(t).items()})
        for n in range(2, 22)
    ]
    model = {"mlflow.spanType": '"LLM"', "mlflow.chat.tokenUsage": USAGE}
    for first in range(100, spans, BATCH):
        yield [
            span(n, model if n % 2 else None, parent=50)
            for n in range(first, min(first + BATCH, spans))
        ]


def measure(url: str, spans: int, tags: int) -> None:
    """Fill a store and print what some small changes take."""
    backend = backend_of(url)
    admin = backend.admin(url)
    admin.upgrade()
    admin.close()
    writer = backend.writer(url)

    def write(*sent: Span) -> float:
        rows = decode_request(request(*sent).SerializeToString()).rows
        begun = time.perf_counter()
        writer.write([rows])
        return 1000 * (time.perf_counter() - begun)

    begun = time.perf_counter()
    for batch in filling(spans, tags):
        write(*batch)
    print(f"{url.partition(':')[0]}: filled in {time.perf_counter() - begun:.1f} s")
    usage = {"mlflow.chat.tokenUsage": USAGE}
    kinds: dict[str, Callable[[int], Span]] = {
        "a new trace": lambda n: span(n, None, n.to_bytes(16, "big"), 0),
        "a span": span,
        "a span that calls a model": lambda n: span(n, usage),
        "a span with a tag": lambda n: span(n, tag(n)),
    }
    number = 10 * spans
    for name, make in kinds.items():
        took = []
        for _ in range(ROUNDS):
            number += 1
            took.append(write(make(number)))
        print(f"  {name}: {statistics.median(took):.1f} ms, at most {max(took):.1f} ms")
    writer.close()


def main() -> None:
    """Measure SQLite, and PostgreSQL where a URL of an empty database is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgresql", default="")
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--tags", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(f"sqlite:///{Path(folder, 's.db')}", given.spans, given.tags)
    if given.postgresql:
        measure(given.postgresql, given.spans, given.tags)


if __name__ == "__main__":
    main()
