"""Engines of the stores that are searched, opened once and kept.

A reading engine can only query, and a forked process opens its own. The file behind an
SQLite URL may be replaced while a notebook stays open; then the engine is opened anew
instead of reading a file that is gone.
"""

import os
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, event

from spanframe_collector.store.engine import open_engine
from spanframe_collector.store.migrations import check_version
from spanframe_query.codecs import codecs_of
from spanframe_query.layouts import install_functions

__all__ = ["close_stores", "reading", "writing"]

FileIdentity = tuple[int, int] | None
"""Device and inode of an SQLite file; None for a server."""


class _Open(NamedTuple):
    engine: Engine
    identity: FileIdentity


_open: Final[dict[tuple[str, bool], _Open]] = {}
_lock = Lock()


def reading(url: str) -> Engine:
    """Return the engine that queries a store.

    Raises:
        SettingsError: when the URL is of no store.
        StoreError: when the store is missing, unreachable or of another version.
    """
    return _engine(url, read_only=True)


def writing(url: str) -> Engine:
    """Return the engine that changes tags, traces and experiments of a store.

    The store must exist: a change never makes one.

    Raises:
        SettingsError: when the URL is of no store.
        StoreError: when the store is missing, unreachable or of another version.
    """
    reading(url)
    return _engine(url, read_only=False)


def close_stores() -> None:
    """Close every engine; the next search opens what it needs."""
    with _lock:
        for each in _open.values():
            each.engine.dispose()
        _open.clear()


def _forget_after_fork() -> None:
    """Leave the parent's connections to the parent; SQLite forbids sharing them."""
    global _lock  # noqa: PLW0603 - the parent's may be held by a thread that is gone
    _lock = Lock()
    for each in _open.values():
        each.engine.dispose(close=False)
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def _engine(url: str, *, read_only: bool) -> Engine:
    with _lock:
        known = _open.get((url, read_only))
        if known is not None and known.identity == _identity(known.engine):
            return known.engine
        if known is not None:
            known.engine.dispose()
            del _open[url, read_only]
        engine = open_engine(url, read_only=read_only)
        if engine.dialect.name == "sqlite":
            _install_functions(engine)
        try:
            check_version(engine)
        except BaseException:
            engine.dispose()
            raise
        _open[url, read_only] = _Open(engine, _identity(engine))
        return engine


def _install_functions(engine: Engine) -> None:
    codecs = codecs_of(engine)

    @event.listens_for(engine, "connect")
    def _install(dbapi_connection: Any, record: object) -> None:
        del record
        install_functions(dbapi_connection, codecs)


def _identity(engine: Engine) -> FileIdentity:
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return None
    try:
        status = Path(engine.url.database).expanduser().stat()
    except FileNotFoundError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
