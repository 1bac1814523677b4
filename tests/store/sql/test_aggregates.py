"""Aggregates of a store are those that pandas makes of the frame of a search."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

import spanframe
from spanframe._runtime import runtime
from spanframe_query.filter import parse_filter
from spanframe_query.grouping import parse_by, parse_metrics
from spanframe_query.stores import close_stores
from spanframe_store.contract.aggregates import Aggregation
from spanframe_store.contract.search import Search
from spanframe_store.sql.aggregates import percentile, select_groups
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.plans import WALK_TRACES
from spanframe_store.sql.statements import trace_conditions
from tests.plugins.examples import COSTLY
from tests.plugins.records import TraceRecord, refill
from tests.plugins.store import Store
from tests.plugins.strategies import TEXTS, stores

FILTERS = (
    None,
    "status != 'IN_PROGRESS'",
    "tags.env IS NOT NULL",
    "tags.env = 'a' AND timestamp_ms > 2",
    "name RLIKE '^a'",
    "execution_time_ms > 1",
    "span.attributes.k = 'a' AND span.status = 'OK'",
)
"""Some are served by no database but SQLite, and some walk an index."""

BY: dict[str, Callable[[pd.DataFrame], Any]] = {
    "name": lambda frame: [each.get("mlflow.traceName") for each in frame.tags],
    "status": lambda frame: frame.status,
    "request_id": lambda frame: frame.request_id,
    "execution_time_ms": lambda frame: frame.execution_time_ms,
    "user": lambda frame: _entries(frame.request_metadata, "mlflow.trace.user"),
    "error": lambda frame: _entries(frame.request_metadata, "spanframe.error"),
    "tags.env": lambda frame: _entries(frame.tags, "env"),
    "tags.`a'b`": lambda frame: _entries(frame.tags, "a'b"),
    "metadata.`mlflow.trace.sizeBytes`": lambda frame: _entries(
        frame.request_metadata, "mlflow.trace.sizeBytes"
    ),
}
EVERY_MS = {None: None, "1s": 1000, "3m": 180_000, "1w": 604_800_000}
METRICS = ("count", "error_rate", "p0", "p50", "p95", "p99.9", "tokens", "cost")


def _entries(column: pd.Series, key: str) -> list[str | None]:
    return [each.get(key) for each in column]


@st.composite
def traces(draw: st.DrawFn) -> list[TraceRecord]:
    """Draw the traces of a store, with tokens and costs as apps have them."""
    values = st.sampled_from(draw(st.lists(TEXTS, min_size=1, max_size=3)))
    env = st.dictionaries(st.sampled_from(["env", "a'b"]), values, max_size=2)
    usage = st.builds(
        lambda tokens, cost, user: tokens | cost | user,
        _amount("mlflow.trace.tokenUsage", "total_tokens", st.integers(0, 10**9)),
        _amount("mlflow.trace.cost", "total_cost", st.floats(0, 100)),
        st.dictionaries(st.just("mlflow.trace.user"), values, max_size=1),
    )
    return [
        TraceRecord(
            **{
                **vars(each),
                "timestamp_ms": draw(st.sampled_from([0, 2, 999, 1000, 10**12])),
                "execution_time_ms": draw(st.none() | st.integers(0, 50)),
                "tags": dict(each.tags) | draw(env),
                "metadata": dict(each.metadata) | draw(usage),
            }
        )
        for each in draw(stores())
    ]


def _amount(
    key: str, name: str, amounts: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, str]]:
    """Draw a metadata entry as the collector writes it, or as an app might."""
    own = amounts.map(lambda each: json.dumps({"input": 7, name: each}))
    strange = st.sampled_from(["", "{", "null", "7", '"', "é"])
    return st.dictionaries(st.just(key), own | own | strange, max_size=1)


def number(text: str | None, name: str) -> float | None:
    try:
        return float(json.loads(text or "")[name])
    except (ValueError, TypeError, KeyError):
        return None


def of_pandas(
    frame: pd.DataFrame, by: list[str], every_ms: int | None
) -> dict[Any, dict[str, Any]]:
    """Return the same figures, made by pandas of the rows of a search."""
    keys: list[Any] = []
    if every_ms is not None:
        monday = -3 * 86_400_000
        keys.append((frame.timestamp_ms - monday) // every_ms * every_ms + monday)
    keys += [pd.Series(list(BY[each](frame)), dtype=object) for each in by]
    taken = pd.DataFrame(
        {
            "failed": (frame.status == "ERROR").astype(float),
            "duration": frame.execution_time_ms.astype("float64"),
            **{
                name: pd.Series(
                    [number(each.get(key), f"total_{name}") for each in metadata],
                    dtype="float64",
                )
                for name, key in (
                    ("tokens", "mlflow.trace.tokenUsage"),
                    ("cost", "mlflow.trace.cost"),
                )
                for metadata in [frame.request_metadata]
            },
        }
    )
    found = {}
    groups: Any = taken.groupby(keys, dropna=False) if keys else [((), taken)]
    for key, group in groups:
        durations = group.duration.dropna()
        found[tuple(None if pd.isna(each) else each for each in key)] = {
            "count": len(group),
            "error_rate": group.failed.mean(),
            **{
                f"p{share}": durations.quantile(float(share) / 100)
                for share in ("0", "50", "95", "99.9")
            },
            "tokens": group.tokens.sum(min_count=1),
            "cost": group.cost.sum(min_count=1),
        }
    return found


@pytest.fixture(scope="module")
def engine(place: Path | str) -> Iterator[Engine]:
    with Store(place) as store:
        spanframe.configure(store=store.url)
        yield store.engine
        close_stores()
        runtime.reset()


@given(data=st.data(), records=traces())
@COSTLY
def test_a_store_computes_what_pandas_does(
    engine: Engine, data: st.DataObject, records: list[TraceRecord]
) -> None:
    refill(engine, records)
    filter_ = data.draw(st.sampled_from(FILTERS))
    by = data.draw(st.lists(st.sampled_from(list(BY)), max_size=3, unique=True))
    every = data.draw(st.sampled_from(list(EVERY_MS)))

    frame = spanframe.search_traces(filter_, include_spans=False)
    found = spanframe.aggregate_traces(filter_, by=by, every=every, metrics=METRICS)

    expected = of_pandas(frame, by, EVERY_MS[every])
    heads = list(found.columns[: -len(METRICS)])
    if every is not None:
        found["time"] = found["time"].astype("int64") // 1_000_000
    rows = {
        tuple(None if pd.isna(each) else each for each in row[: len(heads)]): dict(
            zip(METRICS, row[len(heads) :], strict=True)
        )
        for row in found.itertuples(index=False, name=None)
    }
    assert rows.keys() == expected.keys()
    assert len(rows) == len(found)
    for key, figures in expected.items():
        got = [
            np.nan if pd.isna(rows[key][name]) else rows[key][name] for name in METRICS
        ]
        assert got == pytest.approx([figures[m] for m in METRICS], nan_ok=True), key


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=20), st.integers(0, 1000))
def test_a_percentile_is_exact(numbers: list[int], per_mille: int) -> None:
    ascending = sorted(numbers)
    expected = np.quantile(np.array(ascending, dtype=object), per_mille / 1000)
    assert percentile(ascending, per_mille, 1000) == pytest.approx(float(expected))


def test_a_day_is_one_range_of_an_index(
    new_sqlite_store: Callable[[], Store],
) -> None:
    """Without fields to group by, nothing but the index is read."""
    engine = new_sqlite_store().engine
    day = "timestamp_ms >= '2026-01-01T00:00Z' AND timestamp_ms < '2026-01-02T00:00Z'"
    plans = {}
    for by, metrics in (((), ["count", "error_rate", "p95"]), (("tags.env",), "cost")):
        search = Search(filter=parse_filter(day))
        aggregation = Aggregation(
            search=search,
            by=tuple(each.field for each in parse_by(by)),
            every_ms=3_600_000,
            metrics=tuple(each.metric for each in parse_metrics(metrics)),
        )
        layout = database_of(engine).layout(WALK_TRACES)
        conditions = trace_conditions(search, layout)
        statement = select_groups(aggregation, layout, conditions)
        literal = statement.compile(engine, compile_kwargs={"literal_binds": True})
        with engine.connect() as connected:
            rows = connected.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}").all()
        plans[by] = " ".join(row.detail for row in rows)
    assert "USING COVERING INDEX ix_traces_newest (timestamp_ms>" in plans[()]
    assert "USING INDEX ix_traces_newest (timestamp_ms>" in plans["tags.env",]
