"""A search as an Arrow table: columns, types, and what may be any JSON."""

import sys

import pyarrow as pa
import pytest

import spanframe
from spanframe.errors import MissingExtraError
from spanframe_query.arrow import PLAIN_COLUMNS, build_table
from tests.plugins.sample_spans import START_MS, otlp_span, request_id
from tests.plugins.store import Store


@pytest.fixture
def table(searched: Store) -> pa.Table:
    """The table of two traces, of which the newer one is in progress."""
    searched.write(
        otlp_span(
            1,
            name="ask",
            attributes={
                "mlflow.spanInputs": '{"q": 1}',
                "mlflow.spanOutputs": '"text"',
                "mlflow.traceTag.env": "prod",
            },
        ),
        otlp_span(2, start_ms=5, duration_ms=None),
    )
    return spanframe.search_traces(
        return_type="arrow", extract_fields=["ask.inputs.q", "ask.inputs.q"]
    )


def test_the_columns_are_those_of_the_frame_without_the_object(table: pa.Table) -> None:
    frame = spanframe.search_traces()
    expected = [name for name in frame.columns if name != "trace"]
    assert table.column_names == [*expected, "ask.inputs.q", "ask.inputs.q"]


def test_cells_are_typed(table: pa.Table) -> None:
    assert table["request_id"].to_pylist() == [request_id(2), request_id(1)]
    assert table["timestamp_ms"].to_pylist() == [START_MS + 5, START_MS]
    assert table["execution_time_ms"].to_pylist() == [None, 10]
    assert dict(table["tags"][1].as_py())["env"] == "prod"


def test_what_may_be_any_json_is_json_text(table: pa.Table) -> None:
    assert table["request"].to_pylist() == [None, '{"q": 1}']
    assert table["response"].to_pylist() == [None, '"text"']
    assert table.columns[-1].to_pylist() == [None, "1"]


def test_spans_are_structures_with_the_names_of_mlflow(table: pa.Table) -> None:
    [span] = table["spans"][1].as_py()
    [of_frame] = spanframe.search_traces()["spans"][1]
    assert dict(span.pop("attributes")) == of_frame.pop("attributes")
    assert span == of_frame


@pytest.mark.parametrize("layout", sorted(PLAIN_COLUMNS))
def test_types_do_not_depend_on_the_values(table: pa.Table, layout: str) -> None:
    columns = PLAIN_COLUMNS[layout]
    traces = spanframe.search_traces(return_type="list")
    assert build_table([], columns).schema == build_table(traces, columns).schema


def test_pandas_reads_the_table(table: pa.Table) -> None:
    frame = table.select(["request_id", "execution_time_ms"]).to_pandas()
    assert frame["request_id"].tolist() == [request_id(2), request_id(1)]


def test_without_pyarrow_the_install_line_is_named(
    searched: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"spanframe\[parquet\]"):
        spanframe.search_traces(return_type="arrow")
