"""Programs written for MLflow run on spanframe, imported under MLflow's name."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import spanframe as mlflow
from spanframe.client import MlflowClient
from tests.plugins.collector import Collector

APP = Path(__file__).parent / "apps" / "shop_under_mlflow_name.py"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with Collector.running(tmp_path_factory.mktemp("shop")) as collector:
        command = [sys.executable, str(APP)]
        subprocess.run(command, env=collector.environment, check=True)
        yield collector


@pytest.fixture(autouse=True)
def _store(shop: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPANFRAME_STORE", shop.store)


def test_durations_of_a_frame_are_averaged() -> None:
    df = mlflow.search_traces("tags.environment = 'production'")
    assert df["execution_time_ms"].mean() >= 0
    assert set(df["status"]) == {"OK", "ERROR"}


def test_what_a_user_did_is_read_from_metadata() -> None:
    traces = MlflowClient().search_traces(
        experiment_ids=["0"],
        filter_string="metadata.`mlflow.trace.user` = 'alice'",
        max_results=1000,
    )
    assert len(traces) == 2
    assert {t.info.metadata["mlflow.trace.session"] for t in traces} == {"s-1"}
    assert sum(t.info.status == "ERROR" for t in traces) == 1


def test_a_session_is_told_in_order_of_time() -> None:
    traces = mlflow.search_traces(
        filter_string="metadata.`mlflow.trace.session` = 's-1'",
        order_by=["timestamp ASC"],
        return_type="list",
    )
    assert [t.data.spans[0].inputs for t in traces] == [
        {"question": "a"},
        {"question": ""},
    ]
    assert traces[0].info.timestamp <= traces[1].info.timestamp
    assert all(t.info.execution_time_ms is not None for t in traces)


def test_error_rates_of_two_versions_are_compared() -> None:
    rates = {}
    for version in ("1.0", "2.0"):
        traces = mlflow.search_traces(
            filter_string=f"tags.app_version = '{version}'", return_type="list"
        )
        errors = sum(t.info.status == "ERROR" for t in traces)
        rates[version] = errors / len(traces)
    assert rates == {"1.0": 0.0, "2.0": 0.5}


def test_a_model_id_and_a_filter_hold_together() -> None:
    df = mlflow.search_traces("attributes.status = 'OK'", model_id="m-2")
    assert df["request"].tolist() == [{"question": "a"}]


def test_fields_of_spans_become_columns() -> None:
    df = mlflow.search_traces(
        "attributes.status = 'OK'",
        extract_fields=["look_up.inputs.question", "look_up.outputs"],
    )
    renamed = df.rename(columns={"look_up.inputs.question": "question"})
    assert sorted(renamed["question"]) == ["a", "b"]
    assert renamed["look_up.outputs"].tolist() == [["tent"], ["tent"]]
