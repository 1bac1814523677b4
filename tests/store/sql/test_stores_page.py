"""`docs/stores.md`: its roles can do what it says, and nothing else."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from spanframe.errors import StoreError
from spanframe_query import reader
from spanframe_store.contract.search import Search
from spanframe_store.registry import backend_of
from spanframe_store.sql import schema
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.engines.postgresql.database import MIN_VERSION
from spanframe_store.sql.migrations import upgrade
from spanframe_store.sql.mutations import delete_traces_before, set_trace_tag
from tests.plugins.otlp import TRACE, span
from tests.plugins.postgresql import PASSWORD, Server
from tests.plugins.store import Store

PAGE = (Path(__file__).parents[3] / "docs" / "stores.md").read_text()
ADMINISTRATOR, OWNER = re.findall(
    r"^```sql\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
)

Url = Callable[[str], str]


@pytest.fixture(scope="module")
def url(postgresql: Server) -> Iterator[Url]:
    """What gives the URL of the page's database for a role of the page."""

    def of(role: str) -> str:
        return postgresql.url("spanframe", f"spanframe_{role}")

    with postgresql.connect() as connection:
        for statement in ADMINISTRATOR.replace("change-me", PASSWORD).splitlines():
            connection.execute(statement.encode())
    as_owner = of("owner").replace("+psycopg", "")
    with psycopg.connect(as_owner, autocommit=True) as connection:
        for statement in OWNER.splitlines():
            connection.execute(statement.encode())
    engine = open_engine(of("owner"))
    upgrade(engine)
    engine.dispose()
    yield of
    with postgresql.connect() as connection:
        connection.execute("DROP DATABASE spanframe WITH (FORCE)")
        for role in ("owner", "collector", "reader"):
            connection.execute(f"DROP ROLE spanframe_{role}".encode())


def test_the_collector_writes_edits_and_deletes(url: Url) -> None:
    store = Store(url("collector"))
    for _ in range(2):
        store.write(span(1), span(2, parent=1), resource={"a": 1})
    set_trace_tag(store.engine, TRACE, "review", "done")
    assert delete_traces_before(store.engine, 1 << 60) == 1
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE spans",
        "TRUNCATE spans",
        "CREATE TABLE another (x int)",
        "ALTER TABLE spans ADD COLUMN another int",
        "CREATE ROLE another",
        "COPY spans TO PROGRAM 'cat'",
    ],
)
@pytest.mark.parametrize("role", ["collector", "reader"])
def test_neither_role_can_change_more_than_rows(
    url: Url, role: str, statement: str
) -> None:
    plain = url(role).replace("+psycopg", "")
    with (
        closing(psycopg.connect(plain)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_the_reader_reads(url: Url) -> None:
    store = Store(url("collector"))
    store.write(span(1))
    store.close()
    with closing(backend_of(url("reader")).reader(url("reader"))) as store_reader:
        store_reader.check_version()
        [trace] = reader.read(store_reader, Search(), include_spans=True)
    assert [each.name for each in trace.data.spans] == ["span 1"]


def test_the_reader_cannot_write_even_when_it_asks_to(url: Url) -> None:
    engine = open_engine(url("reader"))
    with pytest.raises(StoreError, match="permission denied for table"):
        delete_traces_before(engine, 1 << 60)
    for table in schema.metadata.sorted_tables:
        values = dict.fromkeys(table.c.keys())
        for statement in (table.delete(), table.insert().values(values)):
            with (
                pytest.raises(Exception, match="permission denied"),
                engine.begin() as connection,
            ):
                connection.execute(statement)
    engine.dispose()


def test_the_oldest_version_is_the_one_the_code_names() -> None:
    assert f"| {MIN_VERSION} or newer; the tests run on {MIN_VERSION} " in PAGE
