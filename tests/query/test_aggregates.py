"""`aggregate_traces`: its recipes, its frame, and what it says to a mistake."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import spanframe
from spanframe._runtime import runtime
from spanframe.errors import FilterError, InvalidArgumentError
from spanframe_query.known_fields import fields
from tests.plugins.reader_suite import Memory
from tests.plugins.sample_spans import otlp_span
from tests.plugins.store import Store

MINUTE_MS = 60_000


def write(store: Store, number: int, *, failed: bool = False, **tags: str) -> None:
    """Store a trace that starts after so many minutes and takes 100 ms for each."""
    span = otlp_span(
        number,
        start_ms=number * MINUTE_MS,
        duration_ms=100 * number,
        status="ERROR" if failed else "OK",
        attributes={f"mlflow.traceTag.{key}": text for key, text in tags.items()}
        | {"spanframe.experiment": "shop", "user.id": f"user-{number % 2}"},
    )
    store.write(span)


@pytest.fixture
def shop(searched: Store) -> Store:
    write(searched, 1, failed=True, app_version="1.9", flag="on")
    write(searched, 2, app_version="1.9", flag="off")
    write(searched, 3, app_version="1.8", flag="on")
    write(searched, 9)
    return searched


def rows(frame: pd.DataFrame) -> list[list[Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [list(row) for row in plain.itertuples(index=False)]


def test_the_error_rate_by_version_is_one_call(shop: Store) -> None:
    found = spanframe.aggregate_traces(
        by="tags.app_version", metrics=["count", "error_rate", "p50"]
    )
    assert list(found.columns) == ["tags.app_version", "count", "error_rate", "p50"]
    assert rows(found) == [
        ["1.8", 1, 0.0, 300.0],
        ["1.9", 2, 0.5, 150.0],
        [None, 1, 0.0, 900.0],
    ]


def test_buckets_start_where_the_clocks_do_and_empty_ones_have_no_row(
    shop: Store,
) -> None:
    found = spanframe.aggregate_traces(every="5m", metrics="count")
    assert [f"{time:%H:%M}" for time in found["time"]] == ["00:00", "00:05"]
    assert str(found["time"].dtype) == "datetime64[ns, UTC]"
    assert list(found["count"]) == [3, 1]
    for every, start in (("1d", "2025-11-23"), ("1w", "2025-11-17")):
        [time] = spanframe.aggregate_traces(every=every, metrics="count")["time"]
        assert time == pd.Timestamp(start, tz="UTC")


def test_a_trace_field_has_the_names_that_people_use(shop: Store) -> None:
    by = ["experiment", "user", "service", "status"]
    found = spanframe.aggregate_traces("tags.flag = 'on'", by=by, metrics=["count"])
    assert rows(found) == [
        ["shop", "user-1", None, "ERROR", 1],
        ["shop", "user-1", None, "OK", 1],
    ]
    by = ["experiment_id", "metadata.`mlflow.trace.user`", "execution_time_ms"]
    found = spanframe.aggregate_traces("status = 'ERROR'", by=by, metrics=["count"])
    assert list(found.columns) == [
        "experiment_id",
        "metadata.mlflow.trace.user",
        "execution_time_ms",
        "count",
    ]
    assert rows(found) == [[1, "user-1", 100, 1]]


def test_no_traces_are_no_groups_with_the_same_types(shop: Store) -> None:
    some = spanframe.aggregate_traces(by=["name"], every="1h")
    none = spanframe.aggregate_traces("name = 'none'", by=["name"], every="1h")
    assert len(none) == 0
    assert dict(none.dtypes) == dict(some.dtypes)
    whole = spanframe.aggregate_traces("name = 'none'")
    assert rows(whole) == [[0, None, None, None, None, None, None]]


def test_every_field_that_a_store_lists_can_be_grouped_by(shop: Store) -> None:
    known = fields()
    of_traces = [f for f in known.field if not f.startswith("span.")]
    assert of_traces
    for field in of_traces:
        found = spanframe.aggregate_traces(by=[field], metrics=["count"])
        assert found["count"].sum() == 4


def test_a_named_experiment_narrows_it(shop: Store) -> None:
    write_to_default = otlp_span(50)
    shop.write(write_to_default)
    found = spanframe.aggregate_traces(locations=["0"], metrics=["count"])
    assert rows(found) == [[1]]


@pytest.mark.parametrize(
    ("arguments", "title", "place", "hint"),
    [
        ({"by": "nam"}, "No such field: nam", "nam", "Did you mean name?"),
        ({"by": "span.name"}, "This field belongs to spans", "span.name", "Group by"),
        ({"by": "tags.a, tags.b"}, "One field is expected", ", tags.b", "as a list"),
        ({"by": "tags."}, "The key after the dot is missing", ".", "tags.env"),
        ({"by": ""}, "The field is empty", "", "tags.app_version"),
        ({"by": ["user", "metadata.`mlflow.trace.user`"]}, "already", "metadata", ""),
        ({"every": "5 minutes"}, "not a length of time", "5 minutes", "30s, 5m"),
        ({"every": "0s"}, "not a length of time", "0s", "30s, 5m"),
        ({"every": "-1h"}, "not a length of time", "-1h", "30s, 5m"),
        ({"every": "99999d"}, "longer than 100 years", "99999d", "Leave out every"),
        ({"metrics": ["count", "cuont"]}, "No such metric", "cuont", "Did you mean"),
        ({"metrics": "p101"}, "No such metric: p101", "p101", "p0 to p100"),
        ({"metrics": ["p50", "p50.0"]}, "in metrics already", "p50.0", "once"),
        ({"filter_string": "status == 'OK'"}, "No such comparator", "==", "Write ="),
    ],
)
def test_a_mistake_is_drawn_with_its_remedy(
    shop: Store, arguments: dict[str, Any], title: str, place: str, hint: str
) -> None:
    with pytest.raises(FilterError) as refused:
        spanframe.aggregate_traces(**arguments)
    shown, source, caret, remedy = str(refused.value).splitlines()
    assert title in shown
    assert hint in remedy
    assert source[caret.index("^") :].startswith(place)


@pytest.mark.parametrize(
    "arguments",
    [{"by": 5}, {"by": [5]}, {"by": b"name"}, {"every": 5}, {"metrics": []}],
)
def test_an_argument_of_another_type_is_named(
    shop: Store, arguments: dict[str, Any]
) -> None:
    [name] = arguments
    with pytest.raises(InvalidArgumentError, match=name):
        spanframe.aggregate_traces(**arguments)


def test_a_store_that_does_not_aggregate_says_what_to_do(
    new_memory_store: Callable[[], Memory],
) -> None:
    spanframe.configure(store=new_memory_store().url)
    try:
        with pytest.raises(InvalidArgumentError, match="with pandas") as refused:
            spanframe.aggregate_traces()
    finally:
        runtime.reset()
    assert "A store on memory does not aggregate" in str(refused.value)
