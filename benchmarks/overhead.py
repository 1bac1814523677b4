"""Measure the cost of a traced call: plain OpenTelemetry, spanframe, MLflow.

Every subject records the same no-op call with its inputs and outputs as JSON, through
a batch processor, to an exporter that does nothing. Subjects take turns in short
rounds, so that a busy machine slows all of them alike; the table shows medians.

    python benchmarks/overhead.py [--rounds 41] [--calls 600]
"""

# ruff: noqa: ARG001, ARG002 - what the parameters do is not the point

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

# Read by the SDKs when they start: queues that hold a whole round, and for MLflow a
# server, which the exporter replaced below never calls.
os.environ |= {  # noqa: TID251 - a benchmark sets what the SDKs read
    "OTEL_BSP_MAX_QUEUE_SIZE": "100000",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
}

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

import spanframe

TARGETS = {
    "spanframe, root": ("OpenTelemetry, root", 1.6),
    "spanframe, child": ("OpenTelemetry, child", 1.6),
}
MOST_UNRECORDED_US = 2.0
LEAST_MLFLOW_RATIO = 8.0
MOST_IMPORT_MS = 100.0


class Nowhere(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass


class Subject(NamedTuple):
    name: str
    call: Callable[[str, int], Any]
    flush: Callable[[], Any]
    around: Callable[[], AbstractContextManager[Any]] = nullcontext


def hand_written() -> list[Subject]:
    """A span and two JSON attributes, as one writes them with OpenTelemetry alone."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    tracer = provider.get_tracer("benchmark")

    def call(question: str, top_k: int) -> dict[str, int]:
        with tracer.start_as_current_span("call") as span:
            span.set_attribute(
                "mlflow.spanInputs", json.dumps({"question": question, "top_k": top_k})
            )
            result = {"found": 1}
            span.set_attribute("mlflow.spanOutputs", json.dumps(result))
        return result

    return [
        Subject("OpenTelemetry, root", call, provider.force_flush),
        Subject(
            "OpenTelemetry, child",
            call,
            provider.force_flush,
            lambda: tracer.start_as_current_span("root"),
        ),
    ]


def ours() -> list[Subject]:
    spanframe.configure(exporter=Nowhere())

    @spanframe.trace
    def call(question: str, top_k: int) -> dict[str, int]:
        return {"found": 1}

    @spanframe.trace(sampling_ratio_override=0.0)
    def sampled_out(question: str, top_k: int) -> dict[str, int]:
        return {"found": 1}

    flush = spanframe.flush

    class Disabled(AbstractContextManager[None]):
        def __enter__(self) -> None:
            spanframe.tracing.disable()

        def __exit__(self, *_: object) -> None:
            spanframe.tracing.enable()

    return [
        Subject("spanframe, root", call, flush),
        Subject("spanframe, child", call, flush, lambda: spanframe.start_span("root")),
        Subject("spanframe, disabled", call, flush, Disabled),
        Subject("spanframe, sampled out", sampled_out, flush),
    ]


def mlflows() -> list[Subject]:
    """`mlflow.trace` as it comes: its own processor, an exporter that does nothing."""
    try:
        import mlflow  # noqa: PLC0415 - it need not be installed
        from mlflow.entities.trace_location import (  # noqa: PLC0415 - as above
            MlflowExperimentLocation,
        )
        from mlflow.tracing.export import mlflow_v3  # noqa: PLC0415 - as above
    except ImportError:
        return []
    exporter = mlflow_v3.MlflowV3SpanExporter
    setattr(exporter, "export", Nowhere.export)  # noqa: B010 - a method, replaced
    mlflow.tracing.set_destination(MlflowExperimentLocation("1"))
    flush = mlflow.flush_trace_async_logging

    @mlflow.trace
    def call(question: str, top_k: int) -> dict[str, int]:
        return {"found": 1}

    return [
        Subject("mlflow.trace, root", call, flush),
        Subject("mlflow.trace, child", call, flush, lambda: mlflow.start_span("root")),
    ]


def microseconds(subject: Subject, calls: int) -> float:
    """Time one round; its batches are sent before the next subject's turn."""
    gc.collect()
    with subject.around():
        start = time.perf_counter_ns()
        for _ in range(calls):
            subject.call("which tent is light enough?", 3)
        spent = time.perf_counter_ns() - start
    subject.flush()
    return spent / calls / 1000


def import_milliseconds(rounds: int) -> float:
    """What `import spanframe` adds to the start of an interpreter, in CPU time."""

    def once(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        # -E: compiled modules are kept, whatever the environment says.
        subprocess.run([sys.executable, "-E", "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return 1000 * spent

    once("import spanframe")
    both = [(once("import spanframe"), once("pass")) for _ in range(rounds)]
    return statistics.median(a - b for a, b in both)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--calls", type=int, default=600)
    options = parser.parse_args()
    subjects = [*hand_written(), *ours(), *mlflows()]
    for subject in subjects:
        microseconds(subject, options.calls)
    rounds = [
        [microseconds(subject, options.calls) for subject in subjects]
        for _ in range(options.rounds)
    ]
    cost = {
        subject.name: statistics.median(times)
        for subject, times in zip(subjects, zip(*rounds, strict=True), strict=True)
    }
    imported = import_milliseconds(15)
    print_table(cost, imported)
    return int(not all(met for _, met in verdicts(cost, imported)))


def print_table(cost: dict[str, float], imported: float) -> None:
    print("| a call, with inputs and outputs | µs | to OpenTelemetry |")
    print("|---|---|---|")
    for name, value in cost.items():
        base = cost[
            "OpenTelemetry, child" if "child" in name else "OpenTelemetry, root"
        ]
        print(f"| {name} | {value:.1f} | {value / base:.2f} |")
    print(f"\n`import spanframe`: {imported:.0f} ms more than a bare interpreter\n")
    for text, met in verdicts(cost, imported):
        print(f"{'met' if met else 'MISSED'}: {text}")


def verdicts(cost: dict[str, float], imported: float) -> list[tuple[str, bool]]:
    found = [
        (f"{name} at most {most} times {base}", cost[name] <= most * cost[base])
        for name, (base, most) in TARGETS.items()
    ]
    found += [
        (
            f"spanframe, {how} at most {MOST_UNRECORDED_US} µs",
            cost[f"spanframe, {how}"] <= MOST_UNRECORDED_US,
        )
        for how in ("disabled", "sampled out")
    ]
    if "mlflow.trace, root" in cost:
        ratio = cost["mlflow.trace, root"] / cost["spanframe, root"]
        text = f"at least {LEAST_MLFLOW_RATIO:.0f} times less than mlflow.trace"
        found.append((f"{text} ({ratio:.1f})", ratio >= LEAST_MLFLOW_RATIO))
    found.append((f"import under {MOST_IMPORT_MS:.0f} ms", imported < MOST_IMPORT_MS))
    return found


if __name__ == "__main__":
    sys.exit(main())
