"""A DataFrame of a search leaves pandas, and is worked with, with its content."""

import io
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import spanframe
from spanframe_query.entities import Trace
from spanframe_query.entities.json_text import json_text
from spanframe_query.layouts import LAYOUTS
from spanframe_store.otlp import content
from tests.plugins.sample_spans import otlp_span
from tests.plugins.store import Store

INPUTS, OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"
OBJECT = {"frage": "Größe?", "rows": [1, {"a": None}]}
LAYOUT_NAMES = sorted(LAYOUTS)


@pytest.fixture(params=["sqlite"])
def store_engine(request: pytest.FixtureRequest) -> str:
    """These tests are about DataFrames, whatever engine they come from."""
    name: str = request.param
    return name


@pytest.fixture
def traces(searched: Store) -> list[Trace]:
    """Three traces: with an object, with a text, and one that has neither nor tags."""
    searched.write(
        otlp_span(
            1,
            name="ask",
            attributes={
                INPUTS: json.dumps(OBJECT),
                OUTPUTS: '"refund <b>"',
                "mlflow.traceTag.env": "prod",
                "mlflow.traceTag.ünï": "ä",
            },
        ),
        otlp_span(1, span=2, parent=1, name="look up", start_ms=1),
        otlp_span(2, start_ms=5, attributes={INPUTS: '"text"', OUTPUTS: "[1]"}),
        otlp_span(3, start_ms=9, duration_ms=None),
    )
    return spanframe.search_traces(order_by="timestamp_ms", return_type="list")


def frame_of(layout: str) -> pd.DataFrame:
    return spanframe.search_traces(order_by="timestamp_ms", layout=layout)  # type: ignore[call-overload,no-any-return]


def request_column(layout: str) -> str:
    return "inputs" if layout == "tidy" else "request"


def spans_as_read(cell: Any) -> list[dict[str, Any]]:
    """Return spans as Parquet gives them back, as MLflow's dictionaries."""
    return [{**span, "attributes": dict(span["attributes"])} for span in cell]


@pytest.mark.usefixtures("traces")
@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_parquet_has_the_content(layout: str) -> None:
    frame, file = frame_of(layout), io.BytesIO()
    frame.to_parquet(file)
    read = pd.read_parquet(file)
    assert list(read.columns) == list(frame.columns)
    texts = read[request_column(layout)]
    assert [None if pd.isna(t) else json.loads(t) for t in texts] == [
        OBJECT,
        "text",
        None,
    ]
    if layout != "tidy":
        assert dict(read["tags"][0])["ünï"] == "ä"
        first = spans_as_read(read["spans"][0])
        assert [span["name"] for span in first] == ["ask", "look up"]
        assert [s["attributes"] for s in first] == [
            s["attributes"] for s in frame["spans"][0]
        ]
        assert Trace.from_json(read["trace"][0]).data.spans[0].inputs == OBJECT


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
@pytest.mark.parametrize("orient", ["columns", "records", "split", "index"])
def test_json_has_the_content(traces: list[Trace], layout: str, orient: str) -> None:
    frame = frame_of(layout)
    text = frame.to_json(orient=orient, date_format="iso")  # type: ignore[call-overload]
    said = json.loads(text, parse_constant=pytest.fail)
    if orient == "split":
        rows = [dict(zip(said["columns"], row, strict=True)) for row in said["data"]]
    elif orient == "columns":
        rows = [{k: v[str(n)] for k, v in said.items()} for n in range(3)]
    else:
        rows = list(said.values()) if orient == "index" else said
    assert [row[request_column(layout)] for row in rows] == [OBJECT, "text", None]
    if layout == "v2":
        assert rows[0]["trace"] == traces[0].to_dict()
        assert rows[0]["spans"] == traces[0].to_dict()["data"]["spans"]
        assert rows[0]["tags"] == traces[0].info.tags


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_csv_has_json_in_its_cells(traces: list[Trace], layout: str) -> None:
    frame = frame_of(layout)
    read = pd.read_csv(io.StringIO(frame.to_csv(index=False)))
    assert list(read.columns) == list(frame.columns)
    assert json.loads(read[request_column(layout)][0]) == OBJECT
    if layout != "tidy":
        assert json.loads(read["tags"][0]) == traces[0].info.tags
        assert json.loads(read["spans"][0]) == traces[0].to_dict()["data"]["spans"]
        assert Trace.from_json(read["trace"][0]) == traces[0]


@pytest.mark.usefixtures("traces")
@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_arrow_reads_a_frame_as_the_search_returns_a_table(layout: str) -> None:
    frame = frame_of(layout)
    table = pa.Table.from_pandas(frame)
    searched = spanframe.search_traces(
        order_by="timestamp_ms",
        layout=layout,  # type: ignore[call-overload]
        return_type="arrow",
    )
    for name in searched.column_names:
        assert table[name].to_pylist() == searched[name].to_pylist(), name
    if layout != "v3":
        assert "trace" not in searched.column_names


@pytest.mark.usefixtures("traces")
@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_polars_reads_a_frame_and_a_search_returns_one(layout: str) -> None:
    read = pl.from_pandas(frame_of(layout))
    assert json.loads(read[request_column(layout)][0]) == OBJECT
    searched = spanframe.search_traces(
        order_by="timestamp_ms",
        layout=layout,  # type: ignore[call-overload]
        return_type="polars",
    )
    assert isinstance(searched, pl.DataFrame)
    assert searched[request_column(layout)].to_list() == (
        read[request_column(layout)].to_list()
    )
    if layout != "tidy":
        assert [s["name"] for s in searched["spans"][0]] == ["ask", "look up"]


@pytest.mark.usefixtures("traces")
@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_rows_that_are_there_twice_are_dropped(layout: str) -> None:
    frame = frame_of(layout)
    twice = pd.concat([frame, frame.copy()], ignore_index=True)
    assert len(twice) == 6
    pd.testing.assert_frame_equal(twice.drop_duplicates(), frame)
    assert twice.duplicated().tolist() == [False] * 3 + [True] * 3
    column = request_column(layout)
    assert len(twice.drop_duplicates(column)) == 3
    assert twice[column].unique().tolist() == [OBJECT, "text", None]


@pytest.mark.usefixtures("traces")
@pytest.mark.parametrize("layout", LAYOUT_NAMES)
@pytest.mark.parametrize(
    "copied",
    [
        pd.DataFrame.copy,
        lambda frame: pickle.loads(pickle.dumps(frame)),  # noqa: S301 - our own
        lambda frame: frame.iloc[::-1].sort_index(),
        lambda frame: frame[frame.iloc[:, 0].notna()],
        lambda frame: pd.concat([frame[:1], frame[1:]]),
        lambda frame: frame.reindex([0, 1, 2]),
    ],
    ids=["copy", "pickle", "sort", "mask", "concat", "reindex"],
)
def test_a_copy_is_equal(
    layout: str, copied: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    frame = frame_of(layout)
    pd.testing.assert_frame_equal(copied(frame), frame)


@pytest.mark.usefixtures("traces")
def test_cells_are_real_lists_and_dictionaries() -> None:
    frame = frame_of("v2")
    rows: list[Any] = [frame.iloc[0], frame.to_dict("records")[0]]
    for row in (*rows, next(row for _, row in frame.iterrows())):
        assert isinstance(row["spans"], list)
        assert isinstance(row["spans"][0], dict)
        assert isinstance(row["tags"], dict)
        assert isinstance(row["request"], dict)
        assert json.loads(json.dumps(row["spans"])) == row["spans"]
    assert frame["tags"].str.get("env").tolist()[:1] == ["prod"]
    assert frame["response"].str.contains("refund").tolist()[0]
    flat = pd.json_normalize(frame["request"].dropna().iloc[:1].tolist())
    assert flat["frage"].tolist() == ["Größe?"]
    records: Any = frame.drop(columns="trace").to_dict("records")
    spans = pd.json_normalize(records, record_path="spans", meta="request_id")
    assert spans["name"].tolist() == ["ask", "look up", "work", "work"]
    assert [s["name"] for s in frame.explode("spans")["spans"]] == (
        spans["name"].tolist()
    )


@pytest.mark.usefixtures("traces")
def test_a_cell_stays_what_a_program_makes_of_it() -> None:
    frame = frame_of("v2")
    frame["tags"][0]["seen"] = "yes"
    frame["spans"][0].append({"name": "own"})
    assert frame["tags"][0]["seen"] == "yes"
    assert len(frame["spans"][0]) == 3
    frame.loc[2, "request"] = "new"
    assert frame["request"][2] == "new"
    assert frame["request"].isna().tolist() == [False, False, False]
    shifted = frame["request"].shift(1)
    assert shifted[0] is None
    assert shifted[2] == "text"


@pytest.mark.usefixtures("traces")
def test_a_comparison_is_of_each_cell() -> None:
    frame = frame_of("v2")
    assert (frame["request"] == "text").tolist() == [False, True, False]
    assert (frame["request"] != "text").tolist() == [True, False, True]
    assert frame["request"].isna().tolist() == [False, False, True]
    assert frame["request"].astype(object)[1] == "text"
    assert frame["request"].astype(str)[0] == json.dumps(OBJECT, ensure_ascii=False)
    assert frame["request"].to_numpy().dtype == np.dtype(object)
    assert frame.equals(frame_of("v2"))


def test_printing_a_frame_decodes_no_span(
    searched: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [otlp_span(1, span=n, parent=n > 1, name=f"s{n}") for n in range(1, 9)]
    searched.write(*names)
    frame = spanframe.search_traces()
    decoded: list[object] = []

    def counting(stored: Any) -> content.SpanContent:
        decoded.append(stored)
        return content.decode_body(stored)

    monkeypatch.setattr("spanframe_query.entities.span.decode_body", counting)
    text = repr(frame["spans"])
    assert "[s1, s2, s3, … 5 more]" in text
    assert repr(frame)
    assert frame._repr_html_()  # type: ignore[operator]
    assert decoded == []
    assert len(frame["spans"][0]) == 8
    assert len(decoded) == 8


def test_json_text_is_strict_and_no_terminal_obeys_it() -> None:
    value = {"nan": float("nan"), "text": "ä\x1b[31m\u202e\x9b", "when": {1}}
    text = json_text(value)
    said = json.loads(text, parse_constant=pytest.fail)
    assert said == {"nan": "NaN", "text": value["text"], "when": "{1}"}
    assert "ä" in text
    assert text.isprintable()
    assert json_text("\ud800") == '"\ufffd"'
    assert json_text([1], indent=1) == "[\n 1\n]"
