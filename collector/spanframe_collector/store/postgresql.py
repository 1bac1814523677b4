"""Where PostgreSQL differs from the other engines.

One writer at a time: every transaction of a writing engine first takes one advisory
lock, which its end lets go. It stands for SQLite's write lock, so that the algorithm of
the writer is the same on both, and collectors that share a store can neither interleave
nor deadlock (docs/decisions says what that costs).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from select import select as readable
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    URL,
    BigInteger,
    Connection,
    Dialect,
    Engine,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    bindparam,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.exc import DBAPIError, InvalidatePoolError

from spanframe.errors import MissingExtraError
from spanframe_collector.store.schema import metadata, spans

__all__ = [
    "DRIVER",
    "OLDEST_VERSION",
    "blames_rows",
    "copy_rows",
    "gather_statistics",
    "known_spans",
    "open_postgresql",
    "primary_message",
    "unsuitable",
]

DRIVER: Final = "postgresql+psycopg"

OLDEST_VERSION: Final = 15
"""The oldest that its makers still maintain; the tests run on a newer one, too."""

_WRITE_LOCK: Final = int.from_bytes(b"spanfram")

_TIMEOUT_SECONDS: Final = 4
"""Below the 5 s within which every export is answered."""

# Parameters of libpq; those of the URL come first. A server that went without a word
# (power, network) must not hold the writing thread for the minutes that TCP would.
_PARAMETERS: Final[Mapping[str, Any]] = {
    "connect_timeout": _TIMEOUT_SECONDS,
    "fallback_application_name": "spanframe",
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": _TIMEOUT_SECONDS * 1000,
}
# Of several servers in one URL a writer takes the one that can be written.
_WRITER_PARAMETERS: Final[Mapping[str, Any]] = {"target_session_attrs": "read-write"}

_SESSION: Final[Mapping[str, str]] = {
    "client_encoding": "UTF8",
    # Compiling a statement costs more than these statements take.
    "jit": "off",
}
# What a waiting writer finds once it has the lock must be what the one before left:
# a snapshot taken earlier would be old.
_WRITER_SESSION: Final[Mapping[str, str]] = {
    "default_transaction_isolation": r"read\ committed",
    "lock_timeout": f"{_TIMEOUT_SECONDS}s",
    # A writer whose machine went without a word must not keep the lock from the others
    # for the hours that the server would wait for it.
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "5s",
    "tcp_keepalives_interval": "1s",
    "tcp_keepalives_count": "3",
}
_READER_SESSION: Final[Mapping[str, str]] = {
    # The selects of one search see one state of the store.
    "default_transaction_isolation": r"repeatable\ read",
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    # How common a value is decides how a search walks; a plan for all values is wrong.
    "plan_cache_mode": "force_custom_plan",
    # A search is written to walk an index in its order until LIMIT stops it. Where the
    # planner takes a filter for rarer than it is, it would rather sort the whole store.
    "enable_seqscan": "off",
    "enable_sort": "off",
}
_RECYCLE_SECONDS: Final = 1800


def open_postgresql(url: URL, *, read_only: bool) -> Engine:
    """Open the engine of a store on PostgreSQL; nothing is connected yet.

    Parameters of libpq in the URL (``sslmode=verify-full``, ``options=…``) pass through
    and win over ours.

    Raises:
        MissingExtraError: when psycopg is not installed.
    """
    session = {**_SESSION, **(_READER_SESSION if read_only else _WRITER_SESSION)}
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    given = url.query.get("options", "")
    ours = {**_PARAMETERS, **({} if read_only else _WRITER_PARAMETERS)}
    parameters = {
        **{name: value for name, value in ours.items() if name not in url.query},
        # Of two settings of one name the server takes the later.
        "options": " ".join([options, *([given] if isinstance(given, str) else given)]),
    }
    try:
        engine = create_engine(
            url.set(drivername=DRIVER),
            connect_args=parameters,
            pool_recycle=_RECYCLE_SECONDS,
            hide_parameters=True,
        )
    except ModuleNotFoundError:
        raise MissingExtraError("A store on PostgreSQL", "postgresql") from None
    event.listen(engine, "checkout", partial(_check, engine.dialect))
    if not read_only:
        event.listen(engine, "begin", _lock)
    return engine


def _check(dialect: Dialect, connection: Any, *_: object) -> None:
    """Have the pool connect anew where the server was restarted or has gone.

    A server says that it ends a session, and keepalives find one that vanished: either
    way there is something to read before anything was asked. To ask each time would be
    one more round trip for every search.
    """
    try:
        if _has_news(connection):
            dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _has_news(connection: Any) -> bool:
    try:
        news, _, _ = readable([connection], [], [], 0)
    except ValueError:  # more than a thousand files are open
        return True
    return bool(news)


def _lock(connection: Connection) -> None:
    connection.execute(select(func.pg_advisory_xact_lock(_WRITE_LOCK)))


def unsuitable(connection: Connection) -> str | None:
    """Return why a database cannot hold a store; None when it can."""
    found = connection.dialect.server_version_info or (0,)
    if found < (OLDEST_VERSION,):
        return f"it runs PostgreSQL {found[0]}; take {OLDEST_VERSION} or newer"
    encoding = connection.execute(select(func.getdatabaseencoding())).scalar()
    if encoding != "UTF8":
        return f"its encoding is {encoding}; make a database with ENCODING 'UTF8'"
    return None


# What the server takes in binary form has the exact type of its column.
_TYPES: Final = (
    (SmallInteger, "int2"),
    (BigInteger, "int8"),
    (Integer, "int4"),
    (LargeBinary, "bytea"),
    (Text, "text"),
)


def copy_rows(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows that have a value for every column, in the order of the table.

    By binary COPY: four times as fast as the inserts of an executemany, at a sixteenth
    of our own time.

    Raises:
        sqlalchemy.exc.DBAPIError: when the server refuses one.
    """
    statement, types = _copy(table, connection.dialect)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:
        lost = connection.dialect.is_disconnect(error, None, None)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement,
            None,
            error,
            connection.dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=connection.dialect,
        ) from error


@cache
def _copy(table: Table, dialect: Dialect) -> tuple[str, list[str]]:
    quote = dialect.identifier_preparer
    columns = ", ".join(quote.format_column(column) for column in table.c)
    types = [
        next(name for type_, name in _TYPES if isinstance(column.type, type_))
        for column in table.c
    ]
    into = f"{quote.format_table(table)} ({columns})"
    return f"COPY {into} FROM STDIN (FORMAT BINARY)", types


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


def known_spans(
    connection: Connection, pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int]]:
    """Yield (trace key, span id, digest) of the stored spans among (key, id) pairs."""
    keys, ids = zip(*pairs, strict=True)
    for row in connection.execute(_KNOWN_SPANS, {"keys": list(keys), "ids": list(ids)}):
        yield row.trace_key, row.span_id, row.digest


def gather_statistics(connection: Connection) -> None:
    """Have a server know at once what many rows hold; it would find out by and by.

    Until it has, it takes every filter for rare, and walks the wrong index.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {', '.join(metadata.tables)}")


# Classes of SQLSTATE in which the server blames what it was given: data exception,
# integrity constraint violation, program limit exceeded (a key longer than a page).
_BLAMED: Final = ("22", "23", "54")


def blames_rows(state: str) -> bool:
    """Return whether a SQLSTATE says that the rows can never be stored."""
    return state.startswith(_BLAMED)


def primary_message(diagnosis: Any) -> str | None:
    """Return what the server says in one sentence, without a row's contents."""
    message: str | None = diagnosis.message_primary
    return message
