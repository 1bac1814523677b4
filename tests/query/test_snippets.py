"""The snippets of MLflow's search documentation, run with one changed import."""

from collections.abc import Mapping
from typing import Any

import pytest

import spanframe as mlflow
from spanframe.client import MlflowClient
from tests.plugins.sample_spans import START_MS, otlp_span, request_id
from tests.plugins.store import Store

METADATA, TAG = "spanframe.metadata.", "mlflow.traceTag."
EXPERIMENT = "0"


def record(
    store: Store, number: int, attributes: Mapping[str, str], **facts: Any
) -> None:
    """Store one trace: a root with inputs and outputs, and a step below it."""
    io = {
        "mlflow.spanInputs": f'{{"question": "q{number}"}}',
        "mlflow.spanOutputs": f'"a{number}"',
    }
    start = {"start_ms": number * 1000, "name": "my_function", **facts}
    store.write(
        otlp_span(number, 1, attributes={**io, **attributes}, **start),
        otlp_span(
            number,
            2,
            1,
            name="retrieve",
            start_ms=number * 1000 + 1,
            attributes={"mlflow.spanOutputs": f'{{"documents": ["d{number}"]}}'},
        ),
    )


@pytest.fixture(autouse=True)
def _traces(searched: Store) -> None:
    """Six traces of two users, two versions and a feature flag."""
    alice = {"user.id": "alice@company.com", f"{METADATA}mlflow.user": "alice"}
    bob = {"user.id": "bob@company.com", f"{METADATA}mlflow.user": "bob"}
    production = {
        f"{TAG}environment": "production",
        f"{METADATA}mlflow.source.type": "production",
    }
    v1, v2 = ({f"{METADATA}app_version": version} for version in ("1.0.0", "2.0.0"))
    on, off = ({f"{METADATA}feature_flag_rerank": flag} for flag in ("true", "false"))
    model = {f"{METADATA}mlflow.modelId": "my_model_id"}
    first, second = {"session.id": "session-1"}, {"session.id": "session-2"}
    record(searched, 1, {**alice, **production, **v1, **off, **first}, duration_ms=100)
    record(
        searched,
        2,
        {**alice, **production, **v1, **off, **first},
        duration_ms=300,
        status="ERROR",
    )
    record(
        searched,
        3,
        {**alice, **production, **v2, **on, **second, **model},
        duration_ms=1500,
    )
    record(searched, 4, {**bob, **production, **v2, **on, **model}, duration_ms=500)
    record(searched, 5, {**bob, f"{TAG}environment": "staging"}, duration_ms=6000)
    record(searched, 6, bob, name="other_function", status="ERROR", duration_ms=5)


def numbers(frame: Any) -> list[int]:
    return sorted(int(request_id[-4:], 16) for request_id in frame["request_id"])


@pytest.mark.parametrize(
    ("filter_string", "found"),
    [
        # The quick reference.
        ("attributes.status = 'OK'", [1, 3, 4, 5]),
        ("attributes.status = 'ERROR'", [2, 6]),
        (f"attributes.timestamp_ms > {START_MS + 3500}", [4, 5, 6]),
        ("attributes.execution_time_ms > 5000", [5]),
        ("tags.environment = 'production'", [1, 2, 3, 4]),
        ("tags.`mlflow.traceName` = 'my_function'", [1, 2, 3, 4, 5]),
        ("metadata.`mlflow.user` = 'alice'", [1, 2, 3]),
        (
            "attributes.status = 'OK' AND tags.environment = 'production'",
            [1, 3, 4],
        ),
        # By status, time and duration.
        ("attributes.status != 'ERROR'", [1, 3, 4, 5]),
        (f"attributes.timestamp >= {START_MS + 6000}", [6]),
        (
            (
                f"attributes.timestamp_ms > {START_MS + 1000} "
                f"AND attributes.timestamp_ms < {START_MS + 3000}"
            ),
            [2],
        ),
        (
            (
                "attributes.execution_time_ms >= 100 "
                "AND attributes.execution_time_ms <= 500"
            ),
            [1, 2, 4],
        ),
        ("attributes.latency > 1000", [3, 5]),
        # By tag.
        ("tags.environment = 'staging'", [5]),
        ("tags.environment != 'production'", [5]),
        ("tags.`mlflow.artifactLocation` != ''", [1, 2, 3, 4, 5, 6]),
        # Several conditions.
        (
            (
                "attributes.status = 'ERROR' AND tags.environment = 'production' "
                f"AND attributes.timestamp_ms > {START_MS}"
            ),
            [2],
        ),
        (
            (
                "metadata.`mlflow.trace.user` = 'alice@company.com' "
                "AND metadata.`mlflow.source.type` = 'production' "
                "AND attributes.execution_time_ms > 1000"
            ),
            [3],
        ),
        (
            (
                "tags.`mlflow.traceName` = 'my_function' AND attributes.status = 'OK' "
                "AND attributes.execution_time_ms < 1000"
            ),
            [1, 4],
        ),
    ],
)
def test_a_filter_as_first_argument(filter_string: str, found: list[int]) -> None:
    assert numbers(mlflow.search_traces(filter_string)) == found


def test_another_warehouse(searched: Store) -> None:
    mlflow.configure(warehouses={"my-warehouse": searched.url})

    traces = mlflow.search_traces(
        "attributes.status = 'ERROR'", sql_warehouse_id="my-warehouse"
    )

    assert numbers(traces) == [2, 6]
    assert numbers(mlflow.search_traces(model_id="my_model_id")) == [3, 4]


def test_a_model_and_a_filter() -> None:
    traces = mlflow.search_traces(
        model_id="my_model_id", filter_string="attributes.status = 'OK'"
    )
    average = traces["execution_time_ms"].mean()

    assert numbers(traces) == [3, 4]
    assert average == 1000


def test_the_behaviour_of_a_user() -> None:
    client = MlflowClient()

    def analyze_user_behavior(user_id: str, experiment_id: str) -> dict[str, Any]:
        user_traces = client.search_traces(
            experiment_ids=[experiment_id],
            filter_string=f"metadata.`mlflow.trace.user` = '{user_id}'",
            max_results=1000,
        )
        total = len(user_traces)
        sessions = {t.info.metadata.get("mlflow.trace.session") for t in user_traces}
        durations = [t.info.execution_time_ms or 0 for t in user_traces]
        return {
            "total_interactions": total,
            "unique_sessions": len(sessions),
            "avg_response_time": sum(durations) / total,
        }

    assert analyze_user_behavior("alice@company.com", EXPERIMENT) == {
        "total_interactions": 3,
        "unique_sessions": 2,
        "avg_response_time": pytest.approx(1900 / 3),
    }


def test_the_flow_of_a_session() -> None:
    client = MlflowClient()

    def analyze_session_flow(session_id: str, experiment_id: str) -> list[Any]:
        session_traces = client.search_traces(
            experiment_ids=[experiment_id],
            filter_string=f"metadata.`mlflow.trace.session` = '{session_id}'",
            order_by=["timestamp ASC"],
        )
        return [
            {
                "turn": turn + 1,
                "timestamp": trace.info.timestamp,
                "duration_ms": trace.info.execution_time_ms,
                "status": trace.info.status,
            }
            for turn, trace in enumerate(session_traces)
        ]

    assert analyze_session_flow("session-1", EXPERIMENT) == [
        {
            "turn": 1,
            "timestamp": START_MS + 1000,
            "duration_ms": 100,
            "status": "OK",
        },
        {
            "turn": 2,
            "timestamp": START_MS + 2000,
            "duration_ms": 300,
            "status": "ERROR",
        },
    ]


def test_the_error_rates_of_versions() -> None:
    client = MlflowClient()

    def compare_version_error_rates(
        experiment_id: str, versions: list[str]
    ) -> dict[str, float]:
        error_rates = {}
        for version in versions:
            traces = client.search_traces(
                experiment_ids=[experiment_id],
                filter_string="metadata.`mlflow.source.type` = 'production' "
                f"AND metadata.app_version = '{version}'",
            )
            errors = sum(1 for t in traces if t.info.status == "ERROR")
            error_rates[version] = errors / len(traces) * 100
        return error_rates

    rates = compare_version_error_rates(EXPERIMENT, ["1.0.0", "2.0.0"])
    assert rates == {"1.0.0": 50, "2.0.0": 0}


def test_the_performance_of_a_feature_flag() -> None:
    client = MlflowClient()

    def analyze_feature_flag_performance(
        experiment_id: str, flag: str
    ) -> dict[str, float]:
        latencies: dict[str, list[int]] = {"false": [], "true": []}
        for variant, found in latencies.items():
            traces = client.search_traces(
                experiment_ids=[experiment_id],
                filter_string=f"metadata.feature_flag_{flag} = '{variant}'",
            )
            found += [t.info.execution_time_ms or 0 for t in traces]
        return {name: sum(each) / len(each) for name, each in latencies.items()}

    performance = analyze_feature_flag_performance(EXPERIMENT, "rerank")
    assert performance == {"false": 200, "true": 1000}


def test_the_default_columns() -> None:
    traces = mlflow.search_traces()

    assert list(traces.columns) == [
        "request_id",
        "trace",
        "timestamp_ms",
        "status",
        "execution_time_ms",
        "request",
        "response",
        "request_metadata",
        "spans",
        "tags",
    ]


def test_extracted_and_renamed_fields() -> None:
    traces = mlflow.search_traces(
        "tags.environment = 'production' AND attributes.status = 'OK'",
        order_by=["timestamp_ms ASC"],
        extract_fields=[
            "my_function.inputs.question",
            "my_function.outputs",
            "retrieve.outputs.documents",
        ],
    )
    traces = traces.rename(
        columns={
            "my_function.inputs.question": "question",
            "my_function.outputs": "answer",
            "retrieve.outputs.documents": "documents",
        }
    )

    assert traces[["question", "answer", "documents"]].to_numpy().tolist() == [
        ["q1", "a1", ["d1"]],
        ["q3", "a3", ["d3"]],
        ["q4", "a4", ["d4"]],
    ]


def test_one_trace_and_its_spans() -> None:
    trace = mlflow.get_trace(request_id(3))

    assert trace is not None
    assert trace.info.request_metadata["mlflow.trace.user"] == "alice@company.com"
    assert [span.name for span in trace.search_spans(name="retrieve")] == ["retrieve"]
    mlflow.set_trace_tag(request_id(3), "reviewed", "yes")
    assert numbers(mlflow.search_traces("tags.reviewed = 'yes'")) == [3]
    mlflow.delete_trace_tag(request_id(3), "reviewed")
    assert numbers(mlflow.search_traces("tags.reviewed = 'yes'")) == []
