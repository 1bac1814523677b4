"""Connections to PostgreSQL with the guarantees of the store.

One writer at a time: every transaction of a writing engine first takes one advisory
lock, which its end releases. The lock takes the place of SQLite's write lock, so that
the algorithm of the writer is the same on both, and collectors that share a store
cannot interleave or deadlock (docs/decisions/0011 has the cost).
"""

from collections.abc import Mapping
from functools import partial
from select import select as select_sockets
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

from spanframe.errors import MissingExtraError, SettingsError
from spanframe.settings import redact_url

__all__ = ["DRIVER", "open_postgresql"]

DRIVER: Final = "postgresql+psycopg"

_WRITE_LOCK: Final = int.from_bytes(b"spanfram")

_TIMEOUT_SECONDS: Final = 4
"""Maximum wait for a connection or a lock, below the 5 s for answering an export."""

# Parameters of libpq; those of the URL win. A server that vanished (power, network)
# must not hold the writing thread for the minutes of a TCP timeout.
_PARAMETERS: Final[Mapping[str, Any]] = {
    "connect_timeout": _TIMEOUT_SECONDS,
    "fallback_application_name": "spanframe",
    "keepalives_idle": 5,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": _TIMEOUT_SECONDS * 1000,
}
# A writer takes the server that can be written, where the URL names several.
_WRITER_PARAMETERS: Final[Mapping[str, Any]] = {"target_session_attrs": "read-write"}

_SESSION: Final[Mapping[str, str]] = {
    "client_encoding": "UTF8",
    # Compiling a statement takes longer than running one of these.
    "jit": "off",
}
# A writer that has waited for the lock must see what the writer before it committed; a
# snapshot taken earlier would be old.
_WRITER_SESSION: Final[Mapping[str, str]] = {
    "default_transaction_isolation": r"read\ committed",
    "lock_timeout": f"{_TIMEOUT_SECONDS}s",
    # A writer whose machine vanished must not hold the lock for the hours that the
    # server would wait for it.
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
    # The best plan depends on how common a value is; one plan for all values is wrong.
    "plan_cache_mode": "force_custom_plan",
    # A search scans an index in its order until LIMIT stops it. Where the planner takes
    # a filter for rarer than it is, it would sort the whole store instead.
    "enable_seqscan": "off",
    "enable_sort": "off",
}
_RECYCLE_SECONDS: Final = 1800
"""Maximum age of a pooled connection."""


def open_postgresql(url: URL, *, read_only: bool) -> Engine:
    """Open the engine of a store on PostgreSQL; it connects on first use.

    Parameters of libpq in the URL (``sslmode=verify-full``, ``options=…``) pass through
    and win over those of this module.

    Raises:
        MissingExtraError: when psycopg is not installed.
        SettingsError: when the URL has a parameter that libpq does not know.
    """
    session = {**_SESSION, **(_READER_SESSION if read_only else _WRITER_SESSION)}
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    given = url.query.get("options", "")
    ours = {**_PARAMETERS, **({} if read_only else _WRITER_PARAMETERS)}
    parameters = {
        **{name: value for name, value in ours.items() if name not in url.query},
        # The server takes the later one of two settings of one name.
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
    _check_parameters(url)
    event.listen(engine, "checkout", partial(_check, engine.dialect))
    if not read_only:
        event.listen(engine, "begin", _lock)
    return engine


def _check_parameters(url: URL) -> None:
    """Refuse parameters that libpq does not know; its own error would quote them.

    Raises:
        SettingsError: when the URL has one.
    """
    from psycopg.pq import Conninfo  # noqa: PLC0415 - an extra

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    if not known.issuperset(url.query):
        shown = url.set(query={}).render_as_string(hide_password=True)
        problem = (
            f"store is {redact_url(shown)!r} with a parameter that libpq does not "
            f"know; write {DRIVER}://USER:PASSWORD@HOST:PORT/DATABASE, with ? and & in "
            "a password as %3F and %26"
        )
        raise SettingsError([problem])


def _check(dialect: Dialect, connection: Any, *_: object) -> None:
    """Make the pool connect anew where the server was restarted or has vanished.

    A server announces the end of a session, and keepalives find a server that vanished:
    both make the socket readable before a statement was sent. A ping each time would
    cost every search a round trip.
    """
    try:
        if _is_readable(connection):
            dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _is_readable(connection: Any) -> bool:
    try:
        ready, _, _ = select_sockets([connection], [], [], 0)
    except ValueError:  # more than a thousand files are open
        return True
    return bool(ready)


def _lock(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return  # a ping
    connection.execute(select(func.pg_advisory_xact_lock(_WRITE_LOCK)))
