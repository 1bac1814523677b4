"""What the connections of a store on PostgreSQL promise."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, MetaData, Text, func, inspect, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from spanframe.errors import MissingExtraError, StoreError
from spanframe_query.filter import parse_filter
from spanframe_store.contract.errors import StoreUnavailableError
from spanframe_store.contract.search import Search
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.engines import DATABASES
from spanframe_store.sql.migrations import check_version, upgrade
from spanframe_store.sql.planning import guessed
from spanframe_store.sql.plans import candidates
from spanframe_store.sql.reader import reading
from spanframe_store.sql.schema import experiments, traces
from spanframe_store.sql.statements import select_traces
from spanframe_store.sql.urls import driver_message, store_name
from tests.plugins.otlp import span
from tests.plugins.postgresql import PASSWORD, Server
from tests.plugins.store import Store

POSTGRESQL = DATABASES["postgresql"]


@pytest.fixture
def url(postgresql: Server, empty_database: str) -> Iterator[str]:
    with postgresql.database(empty_database) as name:
        yield postgresql.url(name)


LONG = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i)"


def setting(engine: Engine, name: str) -> str:
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(f"SHOW {name}").scalar())


@pytest.fixture
def reader(url: str) -> Iterator[Engine]:
    engine = open_engine(url, read_only=True)
    yield engine
    engine.dispose()


def test_a_reader_sees_one_state_reads_only_and_gives_up_in_time(
    reader: Engine,
) -> None:
    assert setting(reader, "transaction_isolation") == "repeatable read"
    assert setting(reader, "transaction_read_only") == "on"
    assert setting(reader, "statement_timeout") == "1min"


def test_a_writer_keeps_what_the_server_says_of_durability(url: str) -> None:
    engine = open_engine(url)
    assert setting(engine, "synchronous_commit") == "on"
    assert setting(engine, "transaction_isolation") == "read committed"
    assert setting(engine, "lock_timeout") == "4s"
    engine.dispose()


def test_a_writer_that_vanishes_gives_the_lock_back_soon(url: str) -> None:
    engine = open_engine(url)
    assert setting(engine, "idle_in_transaction_session_timeout") == "30s"
    assert setting(engine, "tcp_keepalives_idle") == "5"
    engine.dispose()


def test_the_parameters_of_the_url_win(url: str) -> None:
    options = "-c%20statement_timeout%3D5s%20-c%20lock_timeout%3D1s"
    engine = open_engine(
        f"{url}?application_name=notebook&options={options}", read_only=True
    )
    assert setting(engine, "statement_timeout") == "5s"
    assert setting(engine, "lock_timeout") == "1s"
    assert setting(engine, "transaction_read_only") == "on"
    assert setting(engine, "application_name") == "notebook"
    engine.dispose()


@pytest.mark.parametrize("read_only", [True, False])
def test_the_hosts_of_a_url_are_tried_in_turn(
    postgresql: Server, empty_database: str, *, read_only: bool
) -> None:
    hosts = f"host=127.0.0.1:1&host=127.0.0.1:{postgresql.port}"
    engine = open_engine(
        f"postgresql+psycopg://owner:{PASSWORD}@/{empty_database}?{hosts}",
        read_only=read_only,
    )
    check_version(engine)
    assert PASSWORD not in store_name(engine)
    engine.dispose()


def test_tls_options_reach_the_server(url: str) -> None:
    """The server of the tests has no TLS, so that asking for it must fail."""
    engine = open_engine(f"{url}?sslmode=require")
    with pytest.raises(StoreError, match="server does not support SSL"):
        check_version(engine)
    engine.dispose()


def test_every_text_is_compared_by_its_bytes(url: str) -> None:
    engine = open_engine(url)
    columns = {
        f"{table}.{column['name']}": getattr(column["type"], "collation", None)
        for table in inspect(engine).get_table_names()
        for column in inspect(engine).get_columns(table)
        if isinstance(column["type"], Text)
    }
    engine.dispose()
    assert len(columns) > 10
    assert set(columns.values()) == {"C"}


@pytest.mark.parametrize(
    ("filter_", "index"),
    [
        ("", "ix_traces_newest"),
        ("name = 'x'", "ix_traces_name"),
        ("status = 'ERROR'", "ix_traces_status"),
        ("tags.env = 'prod'", "attribute_index_pkey"),
        ("client_request_id != 'x'", "ix_traces_newest"),
        ("span.name = 'x'", "spans_pkey"),
    ],
)
def test_a_search_walks_an_index(reader: Engine, filter_: str, index: str) -> None:
    search = Search(filter=parse_filter(filter_), limit=100)
    plan = next((c.plan for c in candidates(search.filter)), guessed(search))
    statement = select_traces(search, POSTGRESQL.layout(plan))
    compiled = statement.compile(reader, compile_kwargs={"literal_binds": True})
    with reader.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN {compiled}".replace("%", "%%"))
        steps = "\n".join(row[0] for row in rows)
    assert f" using {index} on " in steps
    assert "Seq Scan on traces" not in steps
    assert "->  Sort" not in steps


def test_one_writer_at_a_time(url: str) -> None:
    """What a transaction that waited for the lock sees includes the one before."""

    def take(number: int) -> int:
        engine = open_engine(url)
        with engine.begin() as connection:
            names = connection.execute(select(experiments.c.name)).all()
            connection.execute(
                experiments.insert().values(
                    experiment_id=len(names), name=str(number), creation_time_ms=0
                )
            )
        engine.dispose()
        return len(names)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(take, range(8))) == list(range(1, 9))


def test_collectors_that_start_together_make_one_store(postgresql: Server) -> None:
    with postgresql.database() as name:

        def start(_: int) -> None:
            engine = open_engine(postgresql.url(name))
            upgrade(engine)
            engine.dispose()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(start, range(4)))
        Store(postgresql.url(name)).close()


def test_a_database_of_another_encoding_is_refused(postgresql: Server) -> None:
    with postgresql.connect() as connection:
        connection.execute("DROP DATABASE IF EXISTS latin")
        connection.execute(
            "CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' "
            "LOCALE_PROVIDER libc LOCALE 'C'"
        )
    engine = open_engine(postgresql.url("latin"))
    with pytest.raises(StoreError, match=r"SQL_ASCII; make a database with ENCODING"):
        upgrade(engine)
    with engine.connect() as connection:
        found = MetaData()
        found.reflect(connection)
    assert not found.tables
    engine.dispose()


def test_a_server_that_restarts_costs_no_reader_its_search(
    postgresql_model: Path,
) -> None:
    """A server of this test's own, as the others go on meanwhile."""
    server = Server(model=postgresql_model)
    server.start()
    engine = open_engine(server.url())
    upgrade(engine)
    for end in (server.stop, server.crash):
        end()
        with pytest.raises(StoreError, match=r"cannot be opened: .*refused"):
            check_version(engine)
        server.start()
        check_version(engine)
        end()
        server.start()
        check_version(engine)
    engine.dispose()
    server.close()


def test_sessions_that_ended_meanwhile_are_found_before_they_are_used(
    reader: Engine, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pings = []
    ping = reader.dialect.do_ping

    def counted(session: DBAPIConnection) -> bool:
        pings.append(session)
        return ping(session)

    monkeypatch.setattr(reader.dialect, "do_ping", counted)

    def backend() -> int:
        with reader.connect() as connection:
            pid = connection.execute(select(func.pg_backend_pid())).scalar_one()
        return int(pid)

    before = backend()
    assert backend() == before
    assert not pings
    with postgresql.connect() as connection:
        ended = "SELECT pg_terminate_backend(%s, 5000)"
        assert connection.execute(ended, [before]).fetchone() == (True,)
    assert backend() != before
    assert len(pings) == 1


def test_a_select_by_itself_begins_no_transaction(reader: Engine) -> None:
    for one_state in (False, True, False):
        with reading(reader, one_state=one_state) as connected:
            connected.execute(select(traces)).all()
            driver = connected.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            status = driver.info.transaction_status
        assert (status is TransactionStatus.INTRANS) == one_state


def test_a_search_that_takes_too_long_is_ended(url: str) -> None:
    engine = open_engine(f"{url}?options=-c%20statement_timeout%3D50ms", read_only=True)
    with (
        engine.connect() as connection,
        pytest.raises(OperationalError, match="statement timeout"),
    ):
        connection.exec_driver_sql("SELECT pg_sleep(10)")
    engine.dispose()


def test_a_row_that_copy_refuses_is_blamed_like_any_other(url: str) -> None:
    store = Store(url)
    good, bad = (1, "good", 0, None, None), (2, None, 0, None, None)
    with pytest.raises(IntegrityError) as caught, store.engine.begin() as connection:
        POSTGRESQL.insert_rows(connection, experiments, [good, bad])
    assert not POSTGRESQL.would_take_later(caught.value)
    assert driver_message(caught.value).startswith("null value in column")
    with pytest.raises(DataError) as refused, store.engine.begin() as connection:
        POSTGRESQL.insert_rows(connection, experiments, [(1, "a\0b", 0, None, None)])
    assert not POSTGRESQL.would_take_later(refused.value)
    assert store.write(span(1)) == (1, 0)
    store.close()


def test_a_session_that_ends_during_copy_is_refused_for_now(url: str) -> None:
    store = Store(url)

    def copy_after_the_end() -> None:
        with store.engine.begin() as connection:
            pid = connection.execute(select(func.pg_backend_pid())).scalar_one()
            other = open_engine(url, read_only=True)
            with other.connect() as killer:
                killer.execute(select(func.pg_terminate_backend(pid)))
            other.dispose()
            POSTGRESQL.insert_rows(
                connection, experiments, [(1, "x" * 1000, 0)] * 10_000
            )

    with pytest.raises(OperationalError) as caught:
        copy_after_the_end()
    assert POSTGRESQL.would_take_later(caught.value)
    assert store.write(span(1)) == (1, 0)
    store.close()


def refusal(store: Store, statement: str) -> DBAPIError:
    with (
        pytest.raises(DBAPIError) as caught,
        store.engine.begin() as connection,
    ):
        connection.exec_driver_sql(statement)
    return caught.value


@pytest.mark.parametrize(
    ("statement", "later"),
    [
        ("INSERT INTO experiments VALUES (0, 'Default', 0)", True),  # two equal keys
        ("INSERT INTO experiments VALUES (NULL, 'x', 0)", False),
        ("INSERT INTO experiments VALUES (1, E'\\\\xff', 0)", False),
        ("INSERT INTO experiments VALUES (99999999999, 'x', 0)", False),
        (f"INSERT INTO attribute_index SELECT 1, {LONG}, 'x', 0, 0", False),
        ("SELECT * FROM no_such_table", True),
        ("SET LOCAL ROLE pg_monitor; DELETE FROM traces", True),
        ("SET TRANSACTION READ ONLY; DELETE FROM traces", True),
        ("SELECT pg_terminate_backend(pg_backend_pid())", True),
    ],
)
def test_rows_are_blamed_only_for_what_they_hold(
    url: str, statement: str, later: bool
) -> None:
    store = Store(url)
    error = refusal(store, statement.replace("\\\\", "\\"))
    assert POSTGRESQL.would_take_later(error) == later
    assert "\n" not in driver_message(error)
    store.close()


def test_what_a_row_holds_is_in_no_message(url: str) -> None:
    store = Store(url)
    error = refusal(store, "INSERT INTO experiments VALUES (7, 'Default', 0)")
    assert "Default" in str(error.orig)
    assert "Default" not in driver_message(error)
    store.close()


def test_a_wrong_password_is_told_without_it(postgresql: Server) -> None:
    engine = open_engine(postgresql.url().replace(PASSWORD, "canary-1"))
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        check_version(engine)
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(engine)
    engine.dispose()


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"'spanframe\[postgresql\]'"):
        open_engine("postgresql://host/db")


def test_a_connection_that_is_lost_in_the_commit_is_no_duplicate(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit arrives, its answer does not: the sender sends the spans again."""
    store = Store(url)
    commit = psycopg.Connection.commit

    def lose_the_answer(connection: psycopg.Connection[object]) -> None:
        commit(connection)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "commit", lose_the_answer)
        with pytest.raises(StoreUnavailableError):
            store.write(span(1), span(2))
    assert store.write(span(1), span(2)) == (0, 2)
    with store.engine.connect() as connection:
        assert [r.span_count for r in connection.execute(select(traces))] == [2]
    store.close()
