"""The DataFrame: layouts, cells, types, whatever the traces hold."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spanframe.errors import InvalidArgumentError
from spanframe_query.entities import Trace, TraceInfo, TraceState
from spanframe_query.entities.info import location_of
from spanframe_query.extract import parse_extract_fields
from spanframe_query.frame import build_frame
from spanframe_query.layouts import LAYOUTS
from tests.plugins.sample_spans import START_MS, otlp_span, request_id, stored_block

V2 = [
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
V3 = [
    "trace_id",
    "trace",
    "client_request_id",
    "state",
    "request_time",
    "execution_duration",
    "request",
    "response",
    "trace_metadata",
    "tags",
    "spans",
    "assessments",
]
LAYOUT_NAMES = sorted(LAYOUTS)


def make_trace(number: int = 1, attributes: dict[str, Any] | None = None) -> Trace:
    info = TraceInfo(
        request_id(number),
        location_of(0),
        START_MS + number,
        TraceState.OK,
        execution_duration=number * 10,
        trace_metadata={"user": "ann"},
        tags={"env": "prod"},
    )
    root = otlp_span(number, attributes=attributes or {"mlflow.spanInputs": '{"q": 1}'})
    return Trace(info, stored=[stored_block(root)])


def running_trace() -> Trace:
    info = TraceInfo(request_id(9), location_of(0), START_MS, TraceState.IN_PROGRESS)
    return Trace(info)


def test_the_default_layout_has_the_ten_columns_in_their_order() -> None:
    assert list(build_frame([make_trace()]).columns) == V2


def test_the_v3_layout_has_the_columns_of_mlflow_3() -> None:
    assert list(build_frame([make_trace()], layout="v3").columns) == V3


def test_an_unknown_layout_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidArgumentError, match="write one of 'v2', 'v3', 'tidy'"):
        build_frame([], layout="v4")


def test_cells_hold_what_the_columns_say() -> None:
    trace = make_trace(
        2, {"mlflow.spanInputs": '{"q": [1]}', "mlflow.spanOutputs": '"answer"'}
    )
    [row] = build_frame([trace]).to_dict("records")
    assert row["trace"] is trace
    assert row["spans"] == [span.to_dict() for span in trace.data.spans]
    del row["trace"], row["spans"]
    assert row == {
        "request_id": request_id(2),
        "timestamp_ms": START_MS + 2,
        "status": "OK",
        "execution_time_ms": 20,
        "request": {"q": [1]},
        "response": "answer",
        "request_metadata": {"user": "ann"},
        "tags": {"env": "prod"},
    }


def test_v3_cells_hold_json_text_of_the_trace_and_lists() -> None:
    trace = make_trace()
    [row] = build_frame([trace], layout="v3").to_dict("records")
    assert Trace.from_json(row["trace"]) == trace
    assert json.loads(row["trace"])["info"]["trace_id"] == request_id(1)
    assert pd.isna(row["client_request_id"])
    assert row["assessments"] == []
    assert (row["state"], row["request_time"]) == ("OK", START_MS + 1)


def test_a_trace_in_progress_has_a_missing_duration_and_no_request() -> None:
    frame = build_frame([make_trace(), running_trace()])
    assert frame["execution_time_ms"].isna().tolist() == [False, True]
    assert frame["request"].tolist() == [{"q": 1}, None]
    assert frame["execution_time_ms"].mean() == 10


@pytest.mark.parametrize("layout", ["v2", "v3"])
def test_types_do_not_depend_on_the_values(layout: str) -> None:
    fields = parse_extract_fields(["work.inputs.q"])
    text_only = make_trace(
        attributes={"mlflow.spanInputs": '"a"', "mlflow.spanOutputs": '"b"'}
    )
    frames = [
        build_frame(traces, layout=layout, fields=fields)
        for traces in ([], [make_trace()], [running_trace()], [text_only] * 3)
    ]
    for frame in frames[1:]:
        assert frame.dtypes.equals(frames[0].dtypes)
        assert frame.columns.equals(frames[0].columns)
    assert len(frames[0]) == 0


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_the_index_counts_the_rows(layout: str) -> None:
    for traces in ([], [make_trace(), make_trace(2)]):
        expected = pd.RangeIndex(len(traces))
        assert build_frame(traces, layout=layout).index.equals(expected)


def test_dtypes_are_text_integers_and_objects() -> None:
    dtypes = build_frame([]).dtypes
    assert dtypes["timestamp_ms"] == np.dtype("int64")
    assert dtypes["execution_time_ms"] == pd.Int64Dtype()
    text = {"request_id", "status"}
    assert {str(dtypes[name]) for name in text} == {
        "object" if pd.__version__.startswith("2.") else "str"
    }
    rest = set(V2) - text - {"timestamp_ms", "execution_time_ms"}
    # A Parquet file names it, and pandas can read that name everywhere.
    assert {str(dtypes[name]) for name in rest} == {"object"}


def test_statistics_of_durations_work() -> None:
    durations = build_frame([make_trace(n) for n in range(1, 5)])["execution_time_ms"]
    assert durations.mean() == 25
    assert np.percentile(durations, 50) == 25
    assert (durations > 20).sum() == 2


def test_lists_of_one_length_stay_cells() -> None:
    traces = [make_trace(n, {"mlflow.spanInputs": "[1, 2]"}) for n in (1, 2)]
    assert build_frame(traces)["request"].tolist() == [[1, 2], [1, 2]]


def test_spans_explode_into_a_row_each() -> None:
    frame = build_frame([make_trace(), make_trace(2)])
    exploded = frame.explode("spans")["spans"]
    assert [span["name"] for span in exploded] == ["work", "work"]


def test_two_extracted_fields_of_one_name_make_two_columns() -> None:
    fields = parse_extract_fields(["work.inputs.q", "`work`.inputs.q"])
    frame = build_frame([make_trace()], fields=fields)
    assert list(frame.columns[-2:]) == ["work.inputs.q", "work.inputs.q"]
    assert frame.iloc[0, -2:].tolist() == [1, 1]


def test_every_column_is_described() -> None:
    for columns in LAYOUTS.values():
        assert all(column.sentence.endswith(".") for column in columns)


TIDY = [
    "trace_id",
    "name",
    "service",
    "status",
    "error",
    "user",
    "session",
    "experiment",
    "start",
    "duration_ms",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cost_usd",
    "inputs",
    "outputs",
]


def told_trace() -> Trace:
    trace = make_trace()
    trace.info.tags |= {
        "mlflow.traceName": "ask",
        "service.name": "shop",
        "app_version": "2",
    }
    trace.info.trace_metadata |= {
        "mlflow.trace.user": "ann",
        "mlflow.trace.session": "s",
        "spanframe.error": "ValueError: boom",
        "mlflow.trace.tokenUsage": '{"input_tokens": 3, "total_tokens": 4}',
        "mlflow.trace.cost": '{"total_cost": 0.5}',
    }
    return trace


def test_the_tidy_layout_has_a_plain_value_in_each_cell() -> None:
    frame = build_frame([told_trace(), running_trace()], layout="tidy")
    assert list(frame.columns) == [
        *TIDY,
        "tags.app_version",
        "tags.env",
        "metadata.user",
    ]
    row = frame.iloc[0]
    assert row["start"] == pd.Timestamp(START_MS + 1, unit="ms", tz="UTC")
    assert row.drop(["start", "output_tokens"]).tolist() == [
        *(request_id(1), "ask", "shop", "OK", "ValueError: boom", "ann", "s", "0"),
        *(10, 3, 4, 0.5, {"q": 1}, None, "2", "prod", "ann"),
    ]
    assert frame["output_tokens"].isna().all()
    missing = frame.iloc[1].isna()
    assert list(missing[~missing].index) == [
        "trace_id",
        "status",
        "experiment",
        "start",
    ]


def test_the_tidy_layout_has_types_and_no_objects_but_inputs_and_outputs() -> None:
    for traces in ([], [told_trace()], [running_trace()]):
        dtypes = build_frame(traces, layout="tidy").dtypes.astype(str)
        assert dtypes["start"] == "datetime64[ns, UTC]"
        assert set(dtypes[["duration_ms", "input_tokens", "total_tokens"]]) == {"Int64"}
        assert dtypes["cost_usd"] == "float64"
        if not pd.__version__.startswith("2."):
            objects = dtypes.index[dtypes == "object"]
            assert list(objects) == ["inputs", "outputs"]
    assert list(build_frame([], layout="tidy").columns) == TIDY


def test_a_trace_without_a_start_has_no_time() -> None:
    trace = running_trace()
    trace.info.request_time = 0
    assert build_frame([trace], layout="tidy")["start"].isna().all()


def test_more_entries_than_columns_are_refused_with_the_remedy() -> None:
    trace = make_trace()
    trace.info.tags |= {f"tag{n}": "v" for n in range(1000)}
    with pytest.raises(InvalidArgumentError, match=r"1,002 different tags .* narrow"):
        build_frame([trace], layout="tidy")
    assert build_frame([trace]).shape == (1, 10)
