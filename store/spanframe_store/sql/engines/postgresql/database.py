"""The `Database` of PostgreSQL."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ARRAY,
    URL,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from spanframe.errors import InvalidArgumentError
from spanframe_store.contract.store import Progress, WriterOptions
from spanframe_store.sql.database import Database, Pair
from spanframe_store.sql.engines.postgresql.bulk_copy import copy_rows
from spanframe_store.sql.engines.postgresql.connections import open_postgresql
from spanframe_store.sql.schema import MAX_INDEXED_NAME_BYTES, metadata, spans
from spanframe_store.sql.urls import store_name

if TYPE_CHECKING:
    from spanframe_store.sql.layout import RowLayout
    from spanframe_store.sql.plans import Plan

__all__ = ["MIN_VERSION", "PostgreSQL"]

MIN_VERSION: Final = 15
"""Minimum version of the server: the oldest that is maintained; tests run a newer."""

_ROW_ERROR_CLASSES: Final = ("22", "23", "54")
"""Classes of SQLSTATE for errors in the rows: data exception, integrity constraint
violation, program limit exceeded (a key longer than a page)."""

_MAX_NAME_BYTES: Final = str(MAX_INDEXED_NAME_BYTES)
_EQUAL_KEYS: Final = "23505"
"""SQLSTATE of two equal keys: the writer gives keys while it holds the lock, so that
these are a fault of the store, for example a damaged index."""

_DAMAGE: Final = ("XX001", "XX002")
"""SQLSTATE of damaged data and of a damaged index."""

_BIG_KEYS: Final = ARRAY(BigInteger)
_pair: Final = (
    func.unnest(bindparam("keys", type_=_BIG_KEYS), bindparam("ids", type_=_BIG_KEYS))
    .table_valued("trace_key", "span_id", name="pair")
    .render_derived()
)
_KNOWN_SPANS: Final = select(
    spans.c.trace_key, spans.c.span_id, spans.c.digest
).select_from(
    _pair.join(
        spans,
        (spans.c.trace_key == _pair.c.trace_key) & (spans.c.span_id == _pair.c.span_id),
    )
)


class PostgreSQL(Database):
    """PostgreSQL 15 or later."""

    name = "PostgreSQL"
    dialect = "postgresql"

    def open(self, url: URL, *, read_only: bool, options: WriterOptions) -> Engine:
        """Open the engine of a database; see `connections`."""
        del options
        return open_postgresql(url, read_only=read_only)

    def see_each_statement_alone(self, connection: Connection) -> None:
        """Begin no transaction."""
        connection.execution_options(isolation_level="AUTOCOMMIT")

    def unsuitable(self, connection: Connection) -> str | None:
        """Return why a database cannot hold a store; None when it can."""
        found = connection.dialect.server_version_info or (0,)
        if found < (MIN_VERSION,):
            return f"it runs PostgreSQL {found[0]}; use {MIN_VERSION} or newer"
        encoding = connection.execute(select(func.getdatabaseencoding())).scalar()
        if encoding != "UTF8":
            return f"its encoding is {encoding}; make a database with ENCODING 'UTF8'"
        return None

    def would_take_later(self, error: Exception) -> bool:
        """Return whether the server refuses for now: its SQLSTATE says so."""
        if not isinstance(error, DBAPIError):
            return False
        state = _state_of(error)
        if state is not None:
            return state == _EQUAL_KEYS or not state.startswith(_ROW_ERROR_CLASSES)
        return isinstance(error, OperationalError | InterfaceError)

    def is_damaged(self, error: Exception) -> bool:
        """Return whether the server has found a page or an index damaged."""
        return isinstance(error, DBAPIError) and _state_of(error) in _DAMAGE

    def ping(self, engine: Engine) -> None:
        """Run a statement outside of any transaction."""
        with engine.connect() as connection:
            self.see_each_statement_alone(connection)
            connection.execute(select(1))

    def layout(self, plan: "Plan") -> "RowLayout":
        """Return the layout of PostgreSQL; only readers import it."""
        from spanframe_store.sql.engines.postgresql.layout import (  # noqa: PLC0415
            PostgreSQLLayout,
        )

        return PostgreSQLLayout(plan)

    def has_name(
        self, column: ColumnElement[str], names: Sequence[str]
    ) -> ColumnElement[bool]:
        """Return whether a column holds one of some names.

        The index holds short names alone, and serves a statement that says so.
        """
        size = func.octet_length(column)
        limit: ColumnElement[int] = literal_column(_MAX_NAME_BYTES)
        short = [n for n in names if len(n.encode()) <= MAX_INDEXED_NAME_BYTES]
        long = [name for name in names if name not in short]
        found = and_(column.in_(short), size <= limit)
        # The server would look at all names for the long ones.
        return or_(found, and_(column.in_(long), size > limit)) if long else found

    def known_spans(
        self, connection: Connection, pairs: Sequence[Pair]
    ) -> Iterator[tuple[int, int, int]]:
        """Yield trace key, span id and digest of the stored spans among some pairs."""
        keys, ids = zip(*pairs, strict=True)
        bound = {"keys": list(keys), "ids": list(ids)}
        for row in connection.execute(_KNOWN_SPANS, bound):
            yield row.trace_key, row.span_id, row.digest

    def insert_rows(
        self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Insert rows by binary COPY."""
        if rows:
            copy_rows(connection, table, rows)

    def commit_soon(self, connection: Connection) -> None:
        """Do not wait for the server's log; the next commit that waits keeps it."""
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")

    def gather_statistics(self, connection: Connection) -> None:
        """Run ANALYZE.

        Without statistics the server takes every filter for rare, and scans the wrong
        index.
        """
        connection.exec_driver_sql(f"ANALYZE {', '.join(metadata.tables)}")

    def last_written_ms(self, engine: Engine) -> int:
        """Return the time of the server's clock, which is another one than ours."""
        seconds = func.date_part("epoch", func.clock_timestamp())
        with engine.connect() as connection:
            self.see_each_statement_alone(connection)
            return int(connection.execute(select(seconds)).scalar_one() * 1000)

    def backup(self, engine: Engine, path: Path, progress: Progress) -> None:
        """Refuse: a server has its own tools for backups."""
        del path, progress
        raise InvalidArgumentError(f"{store_name(engine)} is not a file: use pg_dump.")


def _state_of(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
