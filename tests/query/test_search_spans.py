"""A search for spans: rows, types, filters and pages, whatever the engine."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

import spanframe
from spanframe.client import SpanframeClient
from spanframe.errors import FilterError, InvalidArgumentError
from spanframe_query import spans
from spanframe_query.span_table import SPAN_COLUMNS
from tests.plugins.sample_spans import START_MS, otlp_span, request_id
from tests.plugins.store import Store

LLM = {
    "mlflow.spanInputs": '{"q": "Größe?"}',
    "mlflow.spanOutputs": '"fine"',
    "mlflow.spanType": '"LLM"',
    "gen_ai.request.model": "gpt-x",
    "gen_ai.provider.name": "openai",
    "gen_ai.usage.input_tokens": 3,
    "gen_ai.usage.output_tokens": 4,
    "gen_ai.request.temperature": 0.5,
    "llm.cost.total": 0.25,
    "retries": 2,
}


def failed(number: int, **fields: Any) -> Span:
    event = Span.Event(name="exception")
    for key, value in (("type", "ValueError"), ("message", "boom")):
        pair = event.attributes.add(key=f"exception.{key}")
        pair.value.string_value = value
    return otlp_span(number, status="ERROR", events=[event], **fields)


@pytest.fixture
def shop(searched: Store) -> Store:
    """Two traces: the newer one has a root and two children, of which one failed."""
    searched.write(
        otlp_span(
            1,
            name="ask",
            duration_ms=30,
            attributes={"mlflow.traceTag.env": "prod", "retries": 1, "flag": True},
        ),
        otlp_span(1, span=3, parent=1, name="chat", start_ms=5, attributes=LLM),
        failed(1, span=2, parent=1, name="look up", start_ms=9),
        resource={"service.name": "shop"},
    )
    searched.write(otlp_span(2, name="ask", start_ms=-50, duration_ms=None))
    return searched


def names(found: pd.DataFrame) -> list[str]:
    return found["name"].tolist()


@pytest.mark.usefixtures("shop")
def test_a_row_says_all_of_a_span() -> None:
    found = spanframe.search_spans()
    assert list(found.columns) == [column.name for column in SPAN_COLUMNS]
    assert names(found) == ["ask", "chat", "look up", "ask"]
    start = pd.Timestamp(START_MS + 5, unit="ms", tz="UTC")
    assert found.iloc[1].to_dict() == {
        "trace_id": request_id(1),
        "span_id": "0000000000000003",
        "parent_id": "0000000000000001",
        "name": "chat",
        "type": "LLM",
        "service": "shop",
        "start": start,
        "end": start + pd.Timedelta(milliseconds=10),
        "duration_ms": 10.0,
        "status": "UNSET",
        "error_type": np.nan,
        "error_message": np.nan,
        "inputs": {"q": "Größe?"},
        "outputs": "fine",
        "model": "gpt-x",
        "provider": "openai",
        "input_tokens": 3,
        "output_tokens": 4,
        "total_tokens": 7,
        "cost_usd": 0.25,
    }
    wrong = found.iloc[2]
    assert (wrong["status"], wrong["error_type"]) == ("ERROR", "ValueError")
    assert wrong["error_message"] == "boom"
    open_ended = found.iloc[3].isna()
    assert list(open_ended[~open_ended].index) == [
        *("trace_id", "span_id", "name", "type", "start", "status"),
    ]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("filter_string", ["", "span.name = 'nobody'"])
def test_types_do_not_depend_on_the_values(filter_string: str) -> None:
    found = spanframe.search_spans(filter_string)
    dtypes = found.dtypes.astype(str)
    assert set(dtypes[["start", "end"]]) == {"datetime64[ns, UTC]"}
    assert set(dtypes[["duration_ms", "cost_usd"]]) == {"float64"}
    assert set(dtypes[["input_tokens", "total_tokens"]]) == {"Int64"}
    if not pd.__version__.startswith("2."):
        assert list(dtypes.index[dtypes == "object"]) == ["inputs", "outputs"]
    assert spanframe.search_spans(filter_string, return_type="arrow").schema == (
        spanframe.search_spans(return_type="arrow").schema
    )


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("filter_string", "expected"),
    [
        ("tags.env = 'prod'", ["ask", "chat", "look up"]),
        ("span.name = 'ask'", ["ask", "ask"]),
        ("span.type = 'LLM'", ["chat"]),
        ("span.status = 'ERROR' AND status = 'OK'", ["look up"]),
        ("span.status = 'ERROR' AND span.type = 'LLM'", []),
        ("span.name LIKE '%a%' AND tags.env = 'prod'", ["ask", "chat"]),
        ("span.name RLIKE '^(chat|ask)$' AND execution_time_ms > 1", ["ask", "chat"]),
        ("span.attributes.retries >= 2", ["chat"]),
        ("span.attributes.`gen_ai.request.model` = 'gpt-x'", ["chat"]),
        ("span.content LIKE '%Größe%'", ["chat"]),
        ("request_id = 'tr-none'", []),
    ],
)
def test_a_filter_finds_the_spans_themselves(
    filter_string: str, expected: list[str]
) -> None:
    assert names(spanframe.search_spans(filter_string)) == expected


@pytest.mark.usefixtures("shop")
def test_attributes_are_columns_of_their_type() -> None:
    keys = ["retries", "gen_ai.request.temperature", "flag", "mlflow.spanType", "none"]
    found = spanframe.search_spans("tags.env = 'prod'", attributes=keys)
    added = found[[f"attributes.{key}" for key in keys]]
    assert [str(dtype) for dtype in added.dtypes[:3]] == ["Int64", "float64", "boolean"]
    assert added["attributes.retries"].sum() == 3
    assert added["attributes.gen_ai.request.temperature"].tolist()[1] == 0.5
    assert added["attributes.mlflow.spanType"].tolist() == ["UNKNOWN", "LLM", "UNKNOWN"]
    assert added["attributes.none"].isna().all()
    table = spanframe.search_spans(attributes=keys, return_type="arrow")
    assert table["attributes.retries"].to_pylist() == [1, 2, None, None]
    for wrong in ("retries", [1]):
        with pytest.raises(InvalidArgumentError, match="attributes"):
            spanframe.search_spans(attributes=wrong)  # type: ignore[arg-type]


def test_values_of_several_types_under_one_key_are_text(shop: Store) -> None:
    shop.write(
        otlp_span(3, start_ms=50, attributes={"retries": "many", "flag": [1, "ä"]})
    )
    found = spanframe.search_spans(attributes=["retries", "flag"], max_results=2)
    assert found["attributes.retries"].tolist() == ["many", "1"]
    assert found["attributes.flag"].tolist() == ['[1, "ä"]', "true"]


@pytest.mark.usefixtures("shop")
def test_arrow_polars_and_dictionaries_say_the_same() -> None:
    table: pa.Table = spanframe.search_spans(return_type="arrow")
    frame = spanframe.search_spans()
    assert table.column_names == list(frame.columns)
    assert table.to_pylist() == pa.Table.from_pandas(frame).to_pylist()
    assert table["inputs"].to_pylist()[1] == '{"q": "Größe?"}'
    rows = spanframe.search_spans(return_type="iterator")
    assert isinstance(rows, Iterator)
    said = list(rows)
    for row, of_table in zip(said, table.to_pylist(), strict=True):
        row["inputs"], row["outputs"] = (
            None if row[name] is None else json.dumps(row[name], ensure_ascii=False)
            for name in ("inputs", "outputs")
        )
        assert row == of_table
    read = spanframe.search_spans(return_type="polars")
    assert isinstance(read, pl.DataFrame)
    assert read["name"].to_list() == names(frame)


@pytest.mark.usefixtures("shop")
def test_the_order_is_that_of_the_traces() -> None:
    found = spanframe.search_spans(order_by="timestamp_ms ASC")
    assert names(found) == ["ask", "ask", "chat", "look up"]
    with pytest.raises(FilterError):
        spanframe.search_spans(order_by="span.name")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("number", [-1, 0, 1, 2, 3, 4, 9])
def test_max_results_counts_spans(number: int) -> None:
    found = spanframe.search_spans(max_results=number)
    assert names(found) == names(spanframe.search_spans())[: max(0, number)]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("order", [None, "timestamp_ms ASC", "tags.env"])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_pages_have_every_span_once(size: int, order: str | None) -> None:
    client = SpanframeClient()
    rows: list[dict[str, Any]] = []
    token: str | None = ""
    while token is not None:
        page = client.search_spans(None, "", size, order, token, attributes=["flag"])
        assert len(page) <= size
        rows += page
        token = page.token
    expected = spanframe.search_spans(order_by=order, return_type="iterator")
    keys = [(row["trace_id"], row["span_id"]) for row in rows]
    assert keys == [(row["trace_id"], row["span_id"]) for row in expected]
    assert [row["attributes.flag"] for row in rows].count(True) == 1


def test_spans_that_arrive_between_pages_repeat_none(searched: Store) -> None:
    searched.write(*(otlp_span(1, span=n, start_ms=n) for n in range(1, 4)))
    client = SpanframeClient()
    first = client.search_spans(max_results=2)
    searched.write(otlp_span(9, start_ms=500), otlp_span(1, span=8, start_ms=8))
    rest = client.search_spans(max_results=9, page_token=first.token)
    assert [row["span_id"][-1] for row in (*first, *rest)] == ["1", "2", "3", "8"]
    with pytest.raises(InvalidArgumentError, match="page token"):
        client.search_traces(page_token=first.token)
    with pytest.raises(InvalidArgumentError, match="page token"):
        client.search_spans(filter_string="name = 'x'", page_token=first.token)


def test_pages_of_the_store_make_one_frame(
    searched: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched.write(*(otlp_span(t, span=n) for t in (1, 2) for n in range(1, 6)))
    whole = spanframe.search_spans(), spanframe.search_spans(return_type="arrow")
    monkeypatch.setattr(spans, "_PAGE_SPANS", 3)
    pd.testing.assert_frame_equal(spanframe.search_spans(), whole[0])
    assert spanframe.search_spans(return_type="arrow").to_pylist() == (
        whole[1].to_pylist()
    )
    assert len(spanframe.search_spans(max_results=7)) == 7


def test_of_two_spans_under_one_id_the_one_that_ended_last_counts(
    searched: Store,
) -> None:
    searched.write(otlp_span(1, name="early", duration_ms=None))
    searched.write(otlp_span(1, name="late", duration_ms=4), otlp_span(1, span=2))
    assert names(spanframe.search_spans()) == ["late", "work"]
    assert names(spanframe.search_spans("span.name = 'early'")) == []


def test_experiments_are_those_of_search_traces(searched: Store) -> None:
    searched.write(otlp_span(1, attributes={"spanframe.experiment": "canoes"}))
    searched.write(otlp_span(2))
    found = spanframe.search_spans(experiment_ids=["0"])
    assert found["trace_id"].tolist() == [request_id(2)]
    assert len(spanframe.search_spans()) == 2
    assert len(spanframe.search_spans(locations=[])) == 2


def test_json_is_strict_where_a_sender_is_not(searched: Store) -> None:
    inputs = '{"score": NaN, "rows": [-Infinity], "text": "NaN"}'
    searched.write(otlp_span(1, attributes={"mlflow.spanInputs": inputs}))
    expected = {"score": "NaN", "rows": ["-Infinity"], "text": "NaN"}
    table = spanframe.search_spans(return_type="arrow")
    assert table["inputs"].to_pylist() == [json.dumps(expected)]
    assert spanframe.search_spans()["inputs"].tolist() == [expected]


def test_a_span_that_says_no_start_has_no_duration(searched: Store) -> None:
    span = otlp_span(1)
    span.start_time_unix_nano = 0
    searched.write(span)
    found = spanframe.search_spans()
    assert found[["start", "duration_ms"]].isna().all(axis=None)
    assert found["end"].notna().all()


def test_an_unknown_return_type_is_refused(searched: Store) -> None:
    del searched
    with pytest.raises(InvalidArgumentError, match="'iterator'"):
        spanframe.search_spans(return_type="list")  # type: ignore[call-overload]
