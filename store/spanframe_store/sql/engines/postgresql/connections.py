"""Connections to PostgreSQL with the guarantees that the store makes.

One writer at a time: every transaction of a writing engine first takes one advisory
lock, which its end releases. It stands for SQLite's write lock, so that the algorithm
of the writer is the same on both, and collectors that share a store can neither
interleave nor deadlock (docs/decisions/0011 says what that costs).
"""

from collections.abc import Mapping
from functools import partial
from select import select as readable
from typing import Any, Final

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.exc import InvalidatePoolError

from spanframe.errors import MissingExtraError

__all__ = ["DRIVER", "open_postgresql"]

DRIVER: Final = "postgresql+psycopg"

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
