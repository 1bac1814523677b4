"""`search_traces` and its kin: arguments, orders, stores that come and go."""

import logging
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal, assert_type

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, event, update

import spanframe
from spanframe.errors import FilterError, InvalidArgumentError, StoreError
from spanframe_query.entities import Trace
from spanframe_query.frame import build_frame
from spanframe_query.stores import close_stores, reading
from spanframe_store.sql.reader import SqlReader
from spanframe_store.sql.schema import traces
from tests.plugins.sample_spans import START_MS, otlp_span, request_id
from tests.plugins.store import Store

MODEL, RUN = "spanframe.metadata.mlflow.modelId", "spanframe.metadata.mlflow.sourceRun"


@pytest.fixture
def shop(searched: Store) -> Store:
    """Four traces: 1 to 3 of two models and runs, 4 of another experiment."""
    searched.write(
        otlp_span(
            1,
            1,
            name="ask",
            duration_ms=100,
            attributes={
                "mlflow.spanInputs": '{"q": "one"}',
                "mlflow.spanOutputs": '"first"',
                "mlflow.traceTag.env": "prod",
                MODEL: "m1",
                RUN: "r1",
            },
        ),
        otlp_span(1, 2, 1, name="step", start_ms=1),
        otlp_span(
            2,
            1,
            name="ask",
            start_ms=1000,
            duration_ms=50,
            status="ERROR",
            attributes={"mlflow.traceTag.env": "dev", MODEL: "m1", RUN: "r2"},
        ),
        otlp_span(3, 1, name="ask", start_ms=2000, attributes={MODEL: "m2"}),
        otlp_span(4, 1, start_ms=3000, attributes={"spanframe.experiment": "other"}),
    )
    return searched


def ids(frame: pd.DataFrame) -> list[int]:
    return [int(request_id[-4:], 16) for request_id in frame["request_id"]]


def search(*args: Any, **kwargs: Any) -> list[int]:
    return ids(spanframe.search_traces(*args, **kwargs))


def engine_of(url: str) -> Engine:
    """Return the engine that searches of a store go through."""
    store = reading(url)
    assert isinstance(store, SqlReader)
    return store.engine


def test_everything_is_found_newest_first(shop: Store) -> None:
    assert search() == [4, 3, 2, 1]


def test_a_text_as_first_argument_is_the_filter(shop: Store) -> None:
    assert search("attributes.status = 'ERROR'") == [2]


def test_the_filter_is_taken_by_keyword_and_second_too(shop: Store) -> None:
    assert search(filter_string="tags.env = 'prod'") == [1]
    assert search(["1"], "attributes.status = 'OK'") == [4]


def test_two_filters_are_refused(shop: Store) -> None:
    with pytest.raises(InvalidArgumentError, match="join them with AND"):
        search("status = 'OK'", "status = 'ERROR'")


def test_the_frame_holds_a_row_for_each_trace(shop: Store) -> None:
    row = spanframe.search_traces("tags.env = 'prod'").iloc[0]
    assert row["request_id"] == request_id(1)
    assert row["timestamp_ms"] == START_MS
    assert (row["status"], row["execution_time_ms"]) == ("OK", 100)
    assert (row["request"], row["response"]) == ({"q": "one"}, "first")
    assert row["tags"] == {
        "env": "prod",
        "mlflow.traceName": "ask",
        "mlflow.artifactLocation": f"spanframe:/traces/{request_id(1)}",
        "mlflow.trace.spansLocation": "TRACKING_STORE",
    }
    metadata = row["request_metadata"]
    assert metadata["mlflow.modelId"] == "m1"
    assert metadata["mlflow.traceInputs"] == '{"q": "one"}'
    assert metadata["mlflow.trace_schema.version"] == "3"
    assert [span["name"] for span in row["spans"]] == ["ask", "step"]
    assert isinstance(row["trace"], Trace)


def test_the_list_holds_the_same_traces(shop: Store) -> None:
    found = spanframe.search_traces(return_type="list")
    assert [trace.trace_id for trace in found] == [request_id(n) for n in (4, 3, 2, 1)]
    assert found == spanframe.search_traces()["trace"].tolist()


@pytest.mark.parametrize("filter_", [None, "span.name RLIKE '^ste'"])
def test_the_rows_and_the_spans_of_a_search_are_of_one_state(
    shop: Store, filter_: str | None
) -> None:
    """A span that arrives between the selects of a search is in neither."""
    late = iter([otlp_span(1, 3, 1, name="stem", start_ms=1)])

    def arrive(_: object, cursor: object, statement: str, *rest: object) -> None:
        del cursor, rest
        if statement.startswith("SELECT"):
            for span in late:
                shop.write(span)

    engine = engine_of(shop.url)
    event.listen(engine, "after_cursor_execute", arrive)
    [trace] = spanframe.search_traces(
        filter_, order_by="timestamp_ms ASC", max_results=1, return_type="list"
    )
    event.remove(engine, "after_cursor_execute", arrive)
    assert len(trace.data.spans) == 2
    assert next(late, None) is None
    [trace] = spanframe.search_traces("span.name = 'stem'", return_type="list")
    assert len(trace.data.spans) == 3


def test_max_results_limits_and_none_or_less_finds_nothing(shop: Store) -> None:
    assert search(max_results=2) == [4, 3]
    assert search(max_results=0) == search(max_results=-1) == []
    assert search(max_results=10**12) == [4, 3, 2, 1]
    assert search(max_results=np.int64(1)) == [4]


@pytest.mark.parametrize("value", ["5", 1.5, True])
def test_max_results_that_is_no_whole_number_is_refused(
    shop: Store, value: object
) -> None:
    with pytest.raises(InvalidArgumentError, match="whole number"):
        search(max_results=value)


def test_order_by_is_a_text_or_a_list(shop: Store) -> None:
    assert search(order_by="timestamp_ms ASC") == [1, 2, 3, 4]
    assert search(order_by=["execution_time_ms DESC", "timestamp_ms ASC"]) == [
        1,
        2,
        3,
        4,
    ]


def test_model_id_joins_any_filter_by_and(shop: Store) -> None:
    assert search(model_id="m1") == [2, 1]
    assert search("attributes.status = 'OK'", model_id="m1") == [1]
    assert search(model_id="m1' OR '1' = '1") == []


def test_run_id_joins_any_filter_by_and(shop: Store) -> None:
    assert search(run_id="r2") == [2]
    assert search("attributes.status = 'OK'", run_id="r2") == []
    assert search(run_id="r1", model_id="m1") == [1]


def test_experiments_are_named_by_id_as_text_or_number(shop: Store) -> None:
    assert search(["1"]) == search([1]) == search(locations=["1"]) == [4]
    assert search(experiment_ids=["0", "1"]) == [4, 3, 2, 1]
    assert search(["999"]) == []


@pytest.mark.parametrize("name", ["experiment_ids", "locations"])
def test_experiments_as_a_text_are_refused(shop: Store, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="write a list of experiment ids"):
        search(**{name: "0"})


@pytest.mark.parametrize("item", ["xx", "a.b", "-1", True, "9" * 30])
def test_an_experiment_id_is_a_whole_number(shop: Store, item: object) -> None:
    with pytest.raises(InvalidArgumentError, match="is a whole number"):
        search([item])


def test_experiments_given_twice_are_refused(shop: Store) -> None:
    with pytest.raises(InvalidArgumentError, match="two names of one argument"):
        search(["0"], locations=["0"])
    with pytest.raises(InvalidArgumentError, match="given twice"):
        search(["0"], experiment_ids=["0"])


def test_a_chosen_experiment_narrows_the_search(shop: Store) -> None:
    spanframe.set_experiment("other")
    assert search() == search([]) == [4]
    assert search(["0"]) == [3, 2, 1]
    assert spanframe.count_traces() == 1


def test_a_setting_narrows_the_search_by_the_id_of_an_experiment(shop: Store) -> None:
    spanframe.configure(experiment_id="1")
    assert search() == [4]
    spanframe.configure(experiment_id="77")
    assert search() == []
    spanframe.configure(experiment="Default")
    assert search() == [3, 2, 1]


def test_an_experiment_without_traces_has_none(shop: Store) -> None:
    spanframe.configure(experiment="not there yet")
    assert search() == []


def test_without_spans_requests_are_none(shop: Store) -> None:
    row = spanframe.search_traces("tags.env = 'prod'", include_spans=False).iloc[0]
    assert (row["request"], row["response"]) == (None, None)
    assert list(row["spans"]) == []
    assert row["tags"]["env"] == "prod"


def test_a_search_takes_two_selects_however_many_traces(shop: Store) -> None:
    statements: list[str] = []

    def listen(*args: Any) -> None:
        statements.extend([args[2]] if args[2].startswith("SELECT") else [])

    engine = engine_of(shop.url)
    event.listen(engine, "before_cursor_execute", listen)
    spanframe.search_traces()
    assert len(statements) == 2
    spanframe.search_traces(include_spans=False)
    assert len(statements) == 3
    event.remove(engine, "before_cursor_execute", listen)


def test_another_store_is_searched_by_its_warehouse_id(
    shop: Store, tmp_path: Path
) -> None:
    with Store(tmp_path / "other.db") as other:
        other.write(otlp_span(7))
    spanframe.configure(warehouses={"big": other.url})
    assert search(sql_warehouse_id="big") == [7]
    assert search("status = 'ERROR'", model_id="m1") == [2]


def test_a_search_on_another_engine_changes_no_later_one(
    shop: Store, new_postgresql_store: Callable[[], Store]
) -> None:
    other = new_postgresql_store()
    other.write(otlp_span(7), otlp_span(8))
    spanframe.configure(warehouses={"postgresql": other.url})
    here = search()
    assert search(sql_warehouse_id="postgresql") == [7, 8]
    assert search("status = 'OK'", sql_warehouse_id="postgresql") == [7, 8]
    assert spanframe.count_traces(sql_warehouse_id="postgresql") == 2
    assert search() == here
    assert spanframe.count_traces() == len(here)


def test_an_unknown_warehouse_id_is_refused_with_the_known_ones(shop: Store) -> None:
    spanframe.configure(warehouses={"big": shop.url, "another": shop.url})
    with pytest.raises(InvalidArgumentError, match=r"Known: another, big\."):
        search(sql_warehouse_id="small")


def test_a_bad_filter_is_refused_before_the_store_is_opened(tmp_path: Path) -> None:
    spanframe.configure(store=f"sqlite:///{tmp_path / 'missing.db'}")
    with pytest.raises(FilterError):
        search("statsu = 'OK'")


def test_a_missing_store_is_an_error_and_is_not_made(
    searched: Store, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.db"
    spanframe.configure(store=f"sqlite:///{missing}")
    with pytest.raises(StoreError, match="There is no store"):
        search()
    with pytest.raises(StoreError, match="There is no store"):
        spanframe.set_trace_tag(request_id(1), "k", "v")
    assert not missing.exists()


def test_a_store_made_anew_under_its_name_is_read_anew(
    shop: Store, tmp_path: Path
) -> None:
    assert len(search()) == 4
    with Store(tmp_path / "new.db") as new:
        new.write(otlp_span(9))
    shop.engine.dispose()
    for part in ("-wal", "-shm"):
        shop.path.with_name(shop.path.name + part).unlink()
    (tmp_path / "new.db").rename(shop.path)
    assert search() == [9]


@pytest.mark.parametrize("return_type", ["arrows", "", 5])
def test_an_unknown_return_type_is_refused(shop: Store, return_type: object) -> None:
    with pytest.raises(InvalidArgumentError, match="write one of 'pandas'"):
        search(return_type=return_type)


def test_extracted_fields_are_columns(shop: Store) -> None:
    frame = spanframe.search_traces(
        "tags.env = 'prod'", extract_fields=["ask.inputs.q", "step.outputs"]
    )
    assert list(frame.columns[-2:]) == ["ask.inputs.q", "step.outputs"]
    assert frame.iloc[0, -2:].tolist() == ["one", None]


def test_extracted_fields_and_a_list_exclude_each_other(shop: Store) -> None:
    with pytest.raises(InvalidArgumentError, match="extract_fields makes columns"):
        search(extract_fields=["ask.inputs"], return_type="list")


def test_the_v3_layout_is_asked_for_by_name(shop: Store) -> None:
    frame = spanframe.search_traces("tags.env = 'prod'", layout="v3")
    assert frame["trace_id"].tolist() == [request_id(1)]


def test_an_empty_result_has_the_same_types(shop: Store) -> None:
    everything = spanframe.search_traces()
    nothing = spanframe.search_traces("name = 'nobody'")
    assert len(nothing) == 0
    assert nothing.dtypes.equals(everything.dtypes)


def test_traces_are_counted(shop: Store) -> None:
    assert spanframe.count_traces() == 4
    assert spanframe.count_traces("attributes.status = 'OK'") == 3
    assert spanframe.count_traces(locations=[1]) == 1


def test_iteration_goes_through_all_portions(shop: Store) -> None:
    for size in (1, 2, 3, 4, 5):
        found = [int(t.trace_id[-4:], 16) for t in spanframe.iter_traces(None, size)]
        assert found == [4, 3, 2, 1]


def test_iteration_stops_at_max_results(shop: Store) -> None:
    found = spanframe.iter_traces(batch_size=2, max_results=3, order_by="timestamp ASC")
    assert [int(t.trace_id[-4:], 16) for t in found] == [1, 2, 3]


def test_iteration_refuses_a_bad_filter_and_size_at_once(shop: Store) -> None:
    with pytest.raises(FilterError):
        spanframe.iter_traces("statsu = 'OK'")
    with pytest.raises(InvalidArgumentError, match="batch_size"):
        spanframe.iter_traces(batch_size=0)


def test_of_two_bodies_under_one_span_id_one_is_shown(searched: Store) -> None:
    searched.write(otlp_span(1, 1, name="short", duration_ms=5))
    searched.write(otlp_span(1, 1, name="long", duration_ms=6))
    [trace] = spanframe.search_traces(return_type="list")
    assert [span.name for span in trace.data.spans] == ["long"]


def test_a_trace_without_a_root_shows_what_its_row_shows(searched: Store) -> None:
    searched.write(
        otlp_span(1, 2, 8, name="early", attributes={"mlflow.spanInputs": "1"}),
        otlp_span(
            1,
            3,
            9,
            name="entry",
            start_ms=5,
            flags=0x300,
            attributes={"mlflow.spanInputs": "2"},
        ),
    )
    row = spanframe.search_traces().iloc[0]
    assert row["tags"]["mlflow.traceName"] == row["spans"][0]["name"] == "entry"
    assert row["request_metadata"]["mlflow.traceInputs"] == "2"
    assert row["request"] == 2


def test_a_stored_trace_is_got_by_its_id(shop: Store) -> None:
    trace = spanframe.get_trace(request_id(1))
    assert trace is not None
    assert [span.name for span in trace.data.spans] == ["ask", "step"]
    assert spanframe.get_trace(request_id(1).removeprefix("tr-")) == trace


@pytest.mark.parametrize(
    "trace_id", [request_id(77), "", "tr-", "' OR 1 = 1", "tr-" + "Z" * 32, None, 5]
)
def test_a_trace_that_is_not_there_is_none(shop: Store, trace_id: Any) -> None:
    assert spanframe.get_trace(trace_id, silent=True) is None


def test_a_missing_trace_is_logged_unless_silent(
    shop: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="spanframe"):
        spanframe.get_trace(request_id(77), silent=True)
        assert caplog.records == []
        spanframe.get_trace(request_id(77))
    assert "There is no trace" in caplog.text


def test_engines_are_kept_until_they_are_closed(shop: Store) -> None:
    engine = reading(shop.url)
    assert reading(shop.url) is engine
    close_stores()
    assert reading(shop.url) is not engine


def test_threads_search_at_the_same_time(shop: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: search("status = 'OK'"), range(32)))
    assert found == [[4, 3, 1]] * 32


def test_a_frame_survives_pickling_and_copying(shop: Store) -> None:
    frame = spanframe.search_traces()
    frame["trace"][0].data.spans[0].attributes  # noqa: B018 - decoded before the copy
    for copied in (pickle.loads(pickle.dumps(frame)), frame.copy(), deepcopy(frame)):  # noqa: S301 - our own bytes
        assert copied["trace"].tolist() == frame["trace"].tolist()
        assert copied["spans"].tolist() == frame["spans"].tolist()
        assert copied.dtypes.equals(frame.dtypes)


@pytest.mark.parametrize("layout", ["v2", "v3"])
@pytest.mark.parametrize("include_spans", [True, False])
def test_a_frame_holds_what_its_traces_say(
    shop: Store, layout: Literal["v2", "v3"], include_spans: bool
) -> None:
    frame = spanframe.search_traces(layout=layout, include_spans=include_spans)
    traces = spanframe.search_traces(return_type="list", include_spans=include_spans)
    pd.testing.assert_frame_equal(frame, build_frame(traces, layout=layout))


def test_the_info_of_a_trace_can_be_replaced(shop: Store) -> None:
    one, other = spanframe.search_traces(return_type="list")[:2]
    one.info = other.info
    assert one.info is other.info
    assert one.trace_id == other.trace_id


def test_a_frame_is_shown_without_a_word(shop: Store) -> None:
    frame = spanframe.search_traces()
    assert request_id(1) in frame.to_string()
    assert "Trace(trace_id=" in frame.to_html()


def test_results_are_typed_by_what_is_asked_for(shop: Store) -> None:
    assert_type(spanframe.search_traces("status = 'OK'"), pd.DataFrame)
    assert_type(spanframe.search_traces(return_type="pandas"), pd.DataFrame)
    assert_type(spanframe.search_traces(return_type="list"), list[Trace])
    assert_type(spanframe.get_trace(request_id(1)), Trace | None)
    assert_type(spanframe.count_traces(), int)


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 300])
def test_a_file_that_is_no_store_is_an_error(
    searched: Store, tmp_path: Path, damage: bytes
) -> None:
    file = tmp_path / "damaged.db"
    file.write_bytes(damage)
    spanframe.configure(store=f"sqlite:///{file}")
    with pytest.raises(StoreError, match=r"damaged\.db"):
        search()


def test_a_damaged_row_is_an_error(shop: Store) -> None:
    with shop.engine.begin() as connection:
        connection.execute(update(traces).values(tags="{broken"))
    with pytest.raises(StoreError, match="spanframe db check"):
        search()


def test_a_store_damaged_later_is_an_error(shop: Store) -> None:
    search()
    close_stores()
    shop.engine.dispose()  # the last connection takes the log into the file
    with shop.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (shop.path.stat().st_size - 4096))
    with pytest.raises(StoreError, match="cannot be"):
        search()
