"""Archives, and MLflow's tracking store: what goes out and what comes in, compared."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pyarrow import dataset, parquet
from typer.testing import CliRunner

import spanframe
from spanframe._runtime import runtime
from spanframe.errors import InvalidArgumentError, SettingsError, StoreError
from spanframe_query.cli import app
from spanframe_query.stores import close_stores
from spanframe_store.registry import backend_of
from tests.plugins.postgresql import Server
from tests.plugins.sample_spans import START_MS, otlp_span, request_id
from tests.plugins.store import Store, stored_spans

DAY_MS = 86_400_000
MLFLOW = Path(__file__).with_name("mlflow_store.sql")


def shown() -> dict[str, Any]:
    """Return all that a search shows of each trace of the store in use."""
    return {
        trace.info.trace_id: trace.to_dict()
        for trace in spanframe.search_traces(return_type="list")
    }


@pytest.fixture
def filled(searched: Store) -> Store:
    """Traces of two days: two bodies under one id, a deleted and an edited tag."""
    searched.write(
        otlp_span(
            1,
            1,
            name="ask",
            attributes={
                "mlflow.spanInputs": '{"q": "é"}',
                "mlflow.traceTag.env": "prod",
                "mlflow.traceTag.gone": "x",
                "spanframe.metadata.m": "1",
                "spanframe.experiment": "shop",
                "user.id": "alice",
            },
        ),
        otlp_span(1, 2, 1, name="tool", status="ERROR", message="boom"),
        otlp_span(1, 2, 1, name="tool", duration_ms=20),
        resource={"service.name": "shop", "telemetry.sdk.name": "x"},
    )
    searched.write(otlp_span(2, start_ms=DAY_MS, duration_ms=None))
    searched.write(otlp_span(3, start_ms=DAY_MS + 5))
    spanframe.set_trace_tag(request_id(1), "env", "edited")
    spanframe.set_trace_tag(request_id(3), "mlflow.traceName", "renamed")
    spanframe.delete_trace_tag(request_id(1), "gone")
    return searched


def test_an_archive_and_back_keeps_every_byte_and_all_that_is_shown(
    filled: Store, new_store: Callable[[], Store], tmp_path: Path
) -> None:
    before, spans = shown(), stored_spans(filled.engine)
    exported = spanframe.export_traces(tmp_path)
    assert exported == (3, 5, 0, 0)

    target = new_store()
    spanframe.configure(store=target.url)
    imported = spanframe.import_traces(tmp_path)

    assert (imported.traces, imported.spans, imported.present) == (3, 5, 0)
    assert imported.left_out == {}
    assert stored_spans(target.engine) == spans
    after = shown()
    ids = {
        trace["info"]["trace_location"]["mlflow_experiment"]["experiment_id"]
        for trace in after.values()
    }
    assert len(ids) == 2
    assert after == before
    assert spanframe.count_traces("tags.gone IS NULL AND tags.env = 'edited'") == 1


def test_importing_again_changes_nothing_and_keeps_later_edits(
    filled: Store, tmp_path: Path
) -> None:
    spanframe.export_traces(tmp_path)
    spanframe.set_trace_tag(request_id(1), "env", "later")
    before = shown()
    imported = spanframe.import_traces(tmp_path)
    assert (imported.spans, imported.present) == (0, 5)
    assert shown() == before


def test_other_engines_read_a_table_partitioned_by_day(
    filled: Store, tmp_path: Path
) -> None:
    spanframe.export_traces(tmp_path)
    traces = dataset.dataset(tmp_path / "traces", partitioning="hive").to_table()
    assert sorted(set(traces["day"].to_pylist())) == ["2025-11-23", "2025-11-24"]
    [row] = traces.filter(dataset.field("experiment") == "shop").to_pylist()
    assert row["trace_id"] == request_id(1).removeprefix("tr-")
    assert (row["start"].value, row["duration_ms"]) == (START_MS * 1_000_000, 10)
    assert dict(row["tags"])["env"] == "edited"
    spans = dataset.dataset(tmp_path / "spans", partitioning="hive").to_table()
    assert Counter(spans["status"].to_pylist()) == {"ERROR": 1, "UNSET": 4}
    [ask] = spans.filter(dataset.field("name") == "ask").to_pylist()
    assert dict(ask["attributes"])["mlflow.spanInputs"] == '{"q": "é"}'


def test_an_export_goes_on_where_it_stopped(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spanframe.export_traces(tmp_path, "timestamp_ms < '2025-11-24T00:00:00Z'")
    first = tmp_path / "traces/day=2025-11-23/part.parquet"
    written = first.stat().st_mtime_ns
    # What a killed export leaves behind is passed over.
    second = tmp_path / "spans/day=2025-11-24"
    second.mkdir(parents=True)
    (second / ".part.parquet.unfinished").write_bytes(b"PAR1 half")
    (second / "part.parquet").write_bytes(b"of a day without traces")
    assert spanframe.export_traces(tmp_path) == (2, 2, 1, 0)
    assert first.stat().st_mtime_ns == written
    assert spanframe.export_traces(tmp_path) == (0, 0, 3, 0)
    filled.write(otlp_span(4, start_ms=7))
    assert spanframe.export_traces(tmp_path) == (1, 1, 3, 0)
    assert spanframe.export_traces(tmp_path, again=True) == (4, 6, 0, 0)
    assert not list(tmp_path.rglob("*.unfinished"))


def test_no_export_takes_a_trace_out_of_an_archive(
    filled: Store, new_store: Callable[[], Store], tmp_path: Path
) -> None:
    # As many traces of a day as the archive has of it, and others.
    assert spanframe.export_traces(tmp_path, "tags.env = 'edited'") == (1, 3, 0, 0)
    filled.write(otlp_span(4, start_ms=7))
    of_four = f"request_id = '{request_id(4)}'"
    assert spanframe.export_traces(tmp_path, of_four) == (1, 1, 0, 1)
    everything = shown()
    assert spanframe.export_traces(tmp_path) == (2, 2, 2, 0)
    # A filter, with and without `again`, and traces that left the store.
    assert spanframe.export_traces(tmp_path, of_four) == (0, 0, 1, 1)
    assert spanframe.export_traces(tmp_path, of_four, again=True) == (1, 1, 0, 1)
    spanframe.SpanframeClient().delete_traces(
        "0", trace_ids=[request_id(3), request_id(4)]
    )
    assert spanframe.export_traces(tmp_path, again=True) == (2, 4, 0, 2)

    spanframe.configure(store=new_store().url)
    assert spanframe.import_traces(tmp_path).traces == 4
    assert shown() == everything


def test_a_day_survives_an_export_that_is_killed_while_files_take_their_names(
    filled: Store, tmp_path: Path
) -> None:
    spanframe.export_traces(tmp_path)
    day = "day=2025-11-23"
    traces, spans = tmp_path / "traces" / day, tmp_path / "spans" / day
    (traces / "part.parquet").rename(traces / ".part.parquet.complete")
    (spans / "part.parquet").rename(spans / ".part.parquet.unfinished")
    spanframe.SpanframeClient().delete_traces("0", trace_ids=[request_id(3)])
    spanframe.set_trace_tag(request_id(2), "a", "b")
    filled.write(otlp_span(4, start_ms=7))
    assert spanframe.export_traces(tmp_path, again=True).traces == 3
    assert spanframe.import_traces(tmp_path).traces == 4


def test_a_filter_narrows_an_export(filled: Store, tmp_path: Path) -> None:
    assert spanframe.export_traces(tmp_path, "tags.env = 'edited'") == (1, 3, 0, 0)
    with pytest.raises(spanframe.errors.FilterError):
        spanframe.export_traces(tmp_path, "tags.env == 'edited'")


def test_files_that_were_changed_are_refused(filled: Store, tmp_path: Path) -> None:
    spanframe.export_traces(tmp_path)
    spans = tmp_path / "spans/day=2025-11-23/part.parquet"
    table = parquet.read_table(spans, partitioning=None)
    parquet.write_table(table.slice(0, 2), spans)
    with pytest.raises(StoreError, match="are missing"):
        spanframe.import_traces(tmp_path)
    spans.write_bytes(b"not Parquet")
    with pytest.raises(StoreError, match="cannot be read"):
        spanframe.import_traces(tmp_path)
    with pytest.raises(InvalidArgumentError, match="not an archive"):
        spanframe.import_traces(tmp_path / "nothing")


# --- MLflow ---------------------------------------------------------------------------


@pytest.fixture
def mlflow_url(tmp_path: Path) -> str:
    """The tracking URI of a store of MLflow on SQLite."""
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(MLFLOW.read_text())
    return f"sqlite:///{path}"


def check_shop(imported: Any) -> None:
    """Compare what the store in use shows with what MLflow showed."""
    assert (imported.traces, imported.spans, imported.present) == (5, 14, 0)
    assert imported.left_out == {"assessments": 2}
    errors = spanframe.aggregate_traces(by=["experiment", "status"], metrics="count")
    assert errors.to_numpy().tolist() == [
        ["other", "OK", 1],
        ["shop", "ERROR", 1],
        ["shop", "OK", 3],
    ]
    [trace] = spanframe.search_traces("tags.reviewed = 'yes'", return_type="list")
    info = trace.info
    assert info.name == "answer"
    assert info.client_request_id == "req-q3"
    assert info.error == "ValueError: boom"
    assert info.trace_metadata["mlflow.trace.user"] == "alice"
    assert info.session_id == "s1"
    assert [span.name for span in trace.data.spans] == ["answer", "retrieve"]
    assert spanframe.count_traces("tags.environment = 'production'") == 4
    [trace] = spanframe.search_traces(
        "client_request_id = 'req-q0'", return_type="list"
    )
    answer, _, chat = trace.data.spans
    assert answer.inputs == {"question": "q0", "fail": False}
    assert chat.span_type == "CHAT_MODEL"
    assert chat.get_attribute("temperature") == 0.5
    assert trace.info.token_usage == {
        "input_tokens": 11,
        "output_tokens": 4,
        "total_tokens": 15,
    }
    assert trace.info.execution_duration == 534


def test_a_store_of_mlflow_is_imported_once(searched: Store, mlflow_url: str) -> None:
    check_shop(spanframe.import_traces(mlflow_url))
    before = shown()
    again = spanframe.import_traces(mlflow_url)
    assert (again.spans, again.present) == (0, 14)
    assert shown() == before
    with closing(backend_of(searched.url).admin(searched.url)) as admin:
        assert admin.rederive(0).traces == 5
    assert shown() == before


def test_a_store_of_mlflow_on_postgresql_is_imported(
    new_sqlite_store: Callable[[], Store], postgresql: Server, mlflow_url: str
) -> None:
    spanframe.configure(store=new_sqlite_store().url)
    with postgresql.database() as name:
        _copy_tables(mlflow_url, postgresql, name)
        plain = postgresql.url(name).replace("postgresql+psycopg", "postgresql")
        check_shop(spanframe.import_traces(plain))
    close_stores()
    runtime.reset()


def _copy_tables(url: str, server: Server, name: str) -> None:
    """Make the tables of a store on SQLite in a database, with texts and integers."""
    with (
        closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as source,
        server.connect(name) as target,
    ):
        tables = [row[0] for row in source.execute("SELECT name FROM sqlite_master")]
        for table in tables:
            if table.startswith("sqlite_"):
                continue
            columns = [
                (row[1], "bigint" if "INT" in row[2] else "text")
                for row in source.execute(f"PRAGMA table_info({table})")
            ]
            described = ", ".join(f'"{column}" {kind}' for column, kind in columns)
            target.execute(f"CREATE TABLE {table} ({described})")
            names = ", ".join(f'"{column}"' for column, _ in columns)
            marks = ", ".join("%s" for _ in columns)
            for row in source.execute(f"SELECT {names} FROM {table}"):  # noqa: S608
                values = [v if v is None or isinstance(v, int) else str(v) for v in row]
                statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
                target.execute(statement, values)
        target.commit()


def test_what_cannot_be_imported_is_counted(searched: Store, mlflow_url: str) -> None:
    with closing(sqlite3.connect(mlflow_url.removeprefix("sqlite:///"))) as connection:
        [(first,)] = connection.execute("SELECT min(request_id) FROM trace_info")
        connection.execute("DELETE FROM spans WHERE trace_id = ?", [first])
        connection.execute(
            "UPDATE spans SET content = '{\"name\": 1}' WHERE name = 'chat'"
        )
        connection.execute(
            "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status)"
            " VALUES ('old-id', 1, 1, 'OK')"
        )
        connection.commit()
    left_out = spanframe.import_traces(mlflow_url).left_out
    assert left_out == {
        "assessments": 2,
        "spans that cannot be read": left_out["spans that cannot be read"],
        "traces whose spans are not in the database": 1,
        "traces with an id that is not OpenTelemetry's": 1,
    }
    assert left_out["spans that cannot be read"] in {3, 4}


def test_what_is_not_a_tracking_store_is_refused(
    searched: Store, tmp_path: Path
) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(StoreError, match="no table trace_info"):
        spanframe.import_traces(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(StoreError, match="There is no file"):
        spanframe.import_traces(f"sqlite:///{tmp_path}/none.db")
    for url in ("mysql://u:secret@h/d", "http://localhost:5000", "x://"):
        with pytest.raises(SettingsError, match="not a tracking store") as refused:
            spanframe.import_traces(url)
        assert "secret" not in str(refused.value)


# --- the command line -----------------------------------------------------------------


def test_the_command_line_exports_and_imports(
    filled: Store, new_store: Callable[[], Store], mlflow_url: str, tmp_path: Path
) -> None:
    run = CliRunner().invoke
    folder = str(tmp_path / "archive")
    first = run(app, ["export", folder, "--to", "parquet", "--store", filled.url])
    assert "3 with 5 spans are new, 0 were there" in first.output
    second = run(app, ["export", folder, "status = 'OK'", "--store", filled.url])
    assert "new" in second.output
    of_two = f"request_id = '{request_id(2)}'"
    narrow = run(app, ["export", folder, of_two, "--store", filled.url])
    assert "0 with 0 spans are new, 1 were there" in narrow.output
    assert "1 more of the same days were not found, and stay." in narrow.output
    target = new_store().url
    into = run(app, ["import", folder, "--store", target])
    assert "spans are new, 0 were there" in into.output
    other = run(app, ["import", mlflow_url, "--store", target])
    assert "14 spans are new" in other.output
    assert "Not imported: 2 assessments." in other.output
