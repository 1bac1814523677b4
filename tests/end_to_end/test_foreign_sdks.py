"""The same work, sent by three SDKs, is found by the same searches."""

import subprocess
import sys
from pathlib import Path

import pytest

import spanframe
from tests.plugins.collector import Collector

APPS = Path(__file__).parent / "apps"
SDKS = ("with_spanframe", "with_opentelemetry", "with_mlflow")
GRPC, HTTP = "grpc", "http/protobuf"


def run_app(name: str, collector: Collector, protocol: str = GRPC) -> None:
    """Run an app with nothing in its environment but where to send its spans."""
    over_http = f"{collector.http_endpoint}/v1/traces"
    environment = {
        "PATH": "",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": (
            over_http if protocol == HTTP else collector.endpoint
        ),
        # Without it MLflow looks for a local store, which mlflow-tracing does not have;
        # in OTLP mode nothing is sent there.
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    }
    ended = subprocess.run(
        [sys.executable, str(APPS / f"{name}.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("sdk", "protocol"), [*((sdk, GRPC) for sdk in SDKS), ("with_mlflow", HTTP)]
)
def test_a_trace_of_any_sdk_is_found_with_its_content(
    sdk: str, protocol: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_app(sdk, collector, protocol)
    monkeypatch.setenv("SPANFRAME_STORE", collector.store)

    found = spanframe.search_traces("name = 'answer' AND status = 'OK'")

    assert found["request"].tolist() == [{"question": "tents", "limit": 1}]
    assert found["response"].tolist() == [{"found": ["tents 1"]}]
    assert found["tags"][0]["mlflow.traceName"] == "answer"
    trace = found["trace"][0]
    root, child = trace.data.spans
    assert (root.name, root.span_type, root.parent_id) == ("answer", "AGENT", None)
    assert (child.name, child.span_type) == ("look_up", "RETRIEVER")
    assert child.parent_id == root.span_id
    assert child.inputs == {"topic": "tents"}
    assert child.outputs == ["tents 1", "tents 2"]


def test_traces_of_all_sdks_lie_in_one_store(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sdk in SDKS:
        run_app(sdk, collector)
    monkeypatch.setenv("SPANFRAME_STORE", collector.store)

    found = spanframe.search_traces("name = 'answer'")

    assert len(found) == len(SDKS)
    assert found["request_id"].is_unique
    assert found["timestamp_ms"].is_monotonic_decreasing
