"""The open stores of the process: each is opened once and kept.

A forked process opens its own connections. The file behind an SQLite URL may be
replaced while a notebook stays open; then the store is opened anew, so that no search
reads a deleted file.
"""

import os
from threading import Lock
from typing import Final

from spanframe._runtime import current_setting
from spanframe_store.contract.store import Admin, Reader
from spanframe_store.otlp.conventions import use_prices
from spanframe_store.registry import backend_of

__all__ = ["close_stores", "reading", "writing"]

_readers: Final[dict[str, Reader]] = {}
_admins: Final[dict[str, tuple[Reader, Admin]]] = {}
"""Each admin with the reader at its opening: both must be of one file."""

_lock = Lock()


def reading(url: str) -> Reader:
    """Return the reader of a store.

    Raises:
        SettingsError: when the URL does not name a store.
        StoreError: when the store is missing, unreachable or of another version.
    """
    with _lock:
        return _reader(url)


def writing(url: str) -> Admin:
    """Return the admin of a store, which changes tags, traces and experiments.

    The store must exist: a change never creates one.

    Raises:
        SettingsError: when the URL does not name a store.
        StoreError: when the store is missing, unreachable or of another version.
    """
    with _lock:
        reader = _reader(url)
        opened_with, admin = _admins.get(url, (None, None))
        if admin is not None and opened_with is reader:
            return admin
        if admin is not None:
            admin.close()
        opened = backend_of(url).admin(url)
        _admins[url] = reader, opened
        return opened


def close_stores() -> None:
    """Close every store; the next search opens its store again."""
    with _lock:
        for reader in _readers.values():
            reader.close()
        for _, admin in _admins.values():
            admin.close()
        _readers.clear()
        _admins.clear()


def _reader(url: str) -> Reader:
    known = _readers.get(url)
    if known is not None and known.is_current():
        return known
    if known is not None:
        known.close()
        del _readers[url]
    use_prices(str(current_setting("prices")))
    reader = backend_of(url).reader(url)
    try:
        reader.check_version()
    except BaseException:
        reader.close()
        raise
    _readers[url] = reader
    return reader


def _forget_after_fork() -> None:
    """Drop the connections of the parent process; SQLite forbids sharing them."""
    global _lock  # noqa: PLW0603 - a thread of the parent may hold the old lock
    _lock = Lock()
    for reader in _readers.values():
        reader.abandon()
    for _, admin in _admins.values():
        admin.abandon()
    _readers.clear()
    _admins.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
