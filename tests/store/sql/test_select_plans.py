"""What SQLite does with the statements: LIMIT stops the walk, and keys are probed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.dialects import sqlite

from spanframe_query.filter import parse_filter
from spanframe_query.order import parse_order
from spanframe_store.contract.search import Search
from spanframe_store.sql.engines import DATABASES
from spanframe_store.sql.planning import choose_plan, guessed, select_weights
from spanframe_store.sql.plans import WALK_TRACES, Plan
from spanframe_store.sql.statements import count_traces, select_traces
from tests.plugins.records import TraceRecord, open_store

SQLITE = DATABASES["sqlite"]
TRACES = 3000
WALK_EQUAL = (
    "SEARCH attribute_index USING PRIMARY KEY (kind=? AND key=? AND value=?)",
    "SEARCH traces USING INTEGER PRIMARY KEY (rowid=?)",
)
PROBE = (
    "SEARCH attribute_index_1 USING PRIMARY KEY "
    "(kind=? AND key=? AND value=? AND timestamp_ms=? AND trace_key=?)"
)
WALK_NEWEST = "SCAN traces USING INDEX ix_traces_newest"
SORT_TIES = "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    records = [
        TraceRecord(
            number=number,
            timestamp_ms=number,
            status="OK" if number % 100 else "ERROR",
            execution_time_ms=number % 1000 * 10,
            tags={"env": "prod", "customer": f"c{number % 100}"},
            metadata={"mlflow.trace.user": f"u{number % 700}"},
        )
        for number in range(1, TRACES + 1)
    ]
    engine = open_store(tmp_path_factory.mktemp("plans") / "store.db", records)
    yield engine
    engine.dispose()


def _steps(
    engine: Engine,
    search: Search,
    plan: Plan | None = None,
    select: Callable[..., Any] = select_traces,
) -> list[str]:
    """Return the lines of EXPLAIN QUERY PLAN, those of sub-selects left out."""
    layout = SQLITE.layout(plan or guessed(search))
    statement = select(search, layout).compile(
        dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}
    )
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}",
            tuple(statement.params[name] for name in statement.positiontup or ()),
        )
        lines = [row.detail for row in rows]
    return [line for line in lines if "SUBQUERY" not in line]


def _search(text: str, order_by: Any = None, **more: Any) -> Search:
    return Search(
        filter=parse_filter(text), order=parse_order(order_by), limit=100, **more
    )


def _plan(engine: Engine, search: Search, *, counting: bool = False) -> Plan:
    with engine.connect() as connection:
        return choose_plan(connection, SQLITE, search, counting=counting)


def test_the_newest_traces_are_walked_in_order(engine: Engine) -> None:
    assert _steps(engine, _search("")) == [WALK_NEWEST]


@pytest.mark.parametrize(
    "text", ["tags.env = 'prod'", "metadata.`mlflow.trace.user` = 'u1'", "run_id = 'r'"]
)
def test_an_equal_entry_is_one_range_in_order_of_time(
    engine: Engine, text: str
) -> None:
    assert _steps(engine, _search(text)) == [*WALK_EQUAL, SORT_TIES]


def test_oldest_first_is_the_same_range_backwards(engine: Engine) -> None:
    search = _search("tags.env = 'prod'", "timestamp ASC")

    assert _steps(engine, search) == [*WALK_EQUAL, SORT_TIES]


def test_times_bound_the_range(engine: Engine) -> None:
    search = _search("tags.env = 'prod' AND timestamp >= 5 AND timestamp < 9")

    walk = WALK_EQUAL[0].replace(")", " AND timestamp_ms>? AND timestamp_ms<?)")
    assert _steps(engine, search) == [walk, WALK_EQUAL[1], SORT_TIES]


def test_a_page_starts_where_the_last_one_ended(engine: Engine) -> None:
    search = _search("tags.env = 'prod'", after=(5, bytes(16)))

    walk = WALK_EQUAL[0].replace(")", " AND timestamp_ms<?)")
    assert _steps(engine, search) == [walk, WALK_EQUAL[1], SORT_TIES]


@pytest.mark.parametrize(
    "more",
    ["status = 'OK'", "name = 'chat'", "execution_time_ms > 5", "name LIKE 'ch%'"],
)
def test_other_clauses_do_not_change_the_walk(engine: Engine, more: str) -> None:
    search = _search(f"tags.env = 'prod' AND {more}", experiment_ids=(0, 1))

    assert _steps(engine, search) == [*WALK_EQUAL, SORT_TIES]


def test_a_second_entry_is_probed_by_its_whole_key(engine: Engine) -> None:
    search = _search("tags.env = 'prod' AND tags.customer = 'c1'")

    walk, row = WALK_EQUAL
    assert _steps(engine, search) == [walk, PROBE, row, SORT_TIES]


def test_any_of_several_values_is_probed_by_the_whole_key(engine: Engine) -> None:
    search = _search("tags.customer IN ('c1', 'c2')")

    assert _steps(engine, search, WALK_TRACES) == [WALK_NEWEST, PROBE]


@pytest.mark.parametrize(
    "text",
    [
        "tags.customer != 'c1'",
        "tags.customer LIKE '%1'",
        "tags.customer IS NULL",
        "tags.customer RLIKE '1'",
    ],
)
def test_other_comparators_read_the_entries_of_the_row(
    engine: Engine, text: str
) -> None:
    steps = _steps(engine, _search(text), WALK_TRACES)

    assert steps[0] == WALK_NEWEST
    assert steps[1].startswith("SCAN anon_1 VIRTUAL TABLE")
    assert steps[2:] == []


def test_a_request_id_is_looked_up(engine: Engine) -> None:
    request_id = TraceRecord(number=5).request_id
    steps = _steps(engine, _search(f"request_id = '{request_id}' AND tags.env = 'a'"))

    assert steps[0].startswith("SEARCH traces USING INDEX sqlite_autoindex_traces_1")


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("status = 'ERROR'", "ix_traces_status (status=?)"),
        ("name = 'chat'", "ix_traces_name (name=?)"),
    ],
)
def test_columns_have_indexes_in_order_of_time(
    engine: Engine, text: str, index: str
) -> None:
    steps = _steps(engine, _search(text))

    assert steps == [f"SEARCH traces USING INDEX {index}", SORT_TIES]


def test_times_are_a_range_of_the_newest(engine: Engine) -> None:
    assert _steps(engine, _search("timestamp > 5")) == [
        "SEARCH traces USING INDEX ix_traces_newest (timestamp_ms>?)"
    ]


def test_a_pattern_on_the_name_uses_what_it_starts_with(engine: Engine) -> None:
    steps = _steps(engine, _search("name LIKE 'ch%'"))

    assert steps[0] == "SEARCH traces USING INDEX ix_traces_name (name>? AND name<?)"


def test_spans_are_probed_by_their_trace(engine: Engine) -> None:
    steps = _steps(engine, _search("span.type = 'LLM' AND span.name LIKE 's%'"))

    assert steps == [
        WALK_NEWEST,
        "SCAN span_kinds",
        "SEARCH spans USING PRIMARY KEY (trace_key=?)",
        "SCAN span_kinds",
    ]


@pytest.mark.parametrize(
    ("text", "walked"),
    [
        ("tags.env = 'prod' AND tags.customer = 'c7'", "tags.`customer` = 'c7'"),
        ("tags.customer = 'c7' AND tags.env = 'prod'", "tags.`customer` = 'c7'"),
        ("tags.customer IN ('c7', 'c8')", "tags.`customer` IN ('c7', 'c8')"),
        ("tags.env = 'prod' AND tags.gone IS NOT NULL", "tags.`gone` IS NOT NULL"),
        ("tags.customer LIKE 'c77%'", "tags.`customer` LIKE 'c77%'"),
        ("tags.rare != 'x' AND tags.env = 'prod'", "tags.`rare` != 'x'"),
        ("tags.env = 'prod' AND tags.env != 'x'", "tags.`env` = 'prod'"),
        ("tags.env = 'prod' AND status = 'ERROR'", None),
        ("tags.env = 'prod' AND status = 'OK'", "tags.`env` = 'prod'"),
        ("status = 'ERROR' AND tags.gone = 'x'", "tags.`gone` = 'x'"),
        ("tags.env IN ('prod', 'dev')", None),
        ("tags.env IS NOT NULL", None),
    ],
)
def test_the_rarest_clause_is_walked(
    engine: Engine, text: str, walked: str | None
) -> None:
    plan = _plan(engine, _search(text))

    assert (plan.walked and str(plan.walked)) == walked


@pytest.mark.parametrize(
    ("text", "by_duration"),
    [
        ("execution_time_ms > 9970", True),
        ("execution_time_ms >= 500 AND latency < 520", True),
        ("execution_time_ms > 500", False),
        ("execution_time_ms > 500 AND status = 'ERROR'", False),
        ("execution_time_ms > 9970 AND tags.env = 'prod'", True),
        ("execution_time_ms > 9970 AND tags.gone = 'x'", False),
    ],
)
def test_few_durations_are_walked(engine: Engine, text: str, by_duration: bool) -> None:
    assert _plan(engine, _search(text)).by_duration == by_duration


def test_few_durations_are_one_range_of_their_index(engine: Engine) -> None:
    text = "execution_time_ms >= 500 AND latency < 520 AND status = 'OK'"
    search = _search(text)

    bounds = "(execution_time_ms>? AND execution_time_ms<?)"
    assert _steps(engine, search, _plan(engine, search)) == [
        f"SEARCH traces USING INDEX ix_traces_execution_time {bounds}",
        "USE TEMP B-TREE FOR ORDER BY",
    ]


def test_many_durations_are_met_on_the_way(engine: Engine) -> None:
    search = _search("execution_time_ms > 500")

    assert _steps(engine, search, _plan(engine, search)) == [WALK_NEWEST]


@pytest.mark.parametrize("text", ["", "tags.env = 'prod'", "status = 'OK'"])
def test_the_slowest_are_walked_in_order(engine: Engine, text: str) -> None:
    search = _search(text, "execution_time_ms DESC")

    assert _steps(engine, search, _plan(engine, search))[0] == (
        "SCAN traces USING INDEX ix_traces_execution_time"
    )


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("tags.env = 'prod'", [WALK_EQUAL[0]]),
        ("tags.env = 'prod' AND tags.customer = 'c1'", [WALK_EQUAL[0], PROBE]),
        ("tags.env IN ('prod', 'dev')", [WALK_EQUAL[0]]),
        ("tags.env != 'x'", [WALK_EQUAL[0].replace(" AND value=?", "")]),
        (
            "status = 'OK' AND tags.env = 'prod'",
            ["SEARCH traces USING COVERING INDEX ix_traces_status (status=?)", PROBE],
        ),
    ],
)
def test_entries_are_counted_without_the_rows(
    engine: Engine, text: str, steps: list[str]
) -> None:
    search = _search(text)
    plan = _plan(engine, search, counting=True)

    assert _steps(engine, search, plan, count_traces) == steps


def test_rows_are_weighed_within_the_times_asked_for(engine: Engine) -> None:
    text = "tags.env = 'prod' AND tags.customer = 'c7' AND timestamp <= 10"
    statement = select_weights(_search(text), SQLITE)

    assert statement is not None
    with engine.connect() as connection:
        assert tuple(connection.execute(statement).one()) == (10, 1, TRACES)


@pytest.mark.parametrize(
    "text",
    ["", "status = 'OK'", "tags.env = 'prod'", "name = 'x' AND tags.env IS NULL"],
)
def test_nothing_is_weighed_without_a_choice(text: str) -> None:
    assert select_weights(_search(text), SQLITE) is None


def test_a_plan_changes_neither_rows_nor_counts(engine: Engine) -> None:
    search = _search("tags.env = 'prod' AND tags.customer LIKE 'c7%'")
    plans = [WALK_TRACES, *map(Plan, search.filter.leaves())]

    with engine.connect() as connection:
        results = {
            (
                tuple(connection.execute(select_traces(search, layout)).scalars()),
                connection.execute(count_traces(search, layout)).scalar_one(),
            )
            for layout in map(SQLITE.layout, plans)
        }

    assert len(results) == 1
