"""The stores that are searched, opened once and kept.

A reader can only query, and a forked process opens its own. The file behind an SQLite
URL may be replaced while a notebook stays open; then the store is opened anew instead
of reading a file that is gone.
"""

import os
from threading import Lock
from typing import Final

from spanframe_store.contract.store import Admin, Reader
from spanframe_store.registry import backend_of

__all__ = ["close_stores", "reading", "writing"]

_readers: Final[dict[str, Reader]] = {}
_admins: Final[dict[str, tuple[Reader, Admin]]] = {}
"""Each with the reader that it was opened beside: they read and write one file."""

_lock = Lock()


def reading(url: str) -> Reader:
    """Return what queries a store.

    Raises:
        SettingsError: when the URL is of no store.
        StoreError: when the store is missing, unreachable or of another version.
    """
    with _lock:
        return _reader(url)


def writing(url: str) -> Admin:
    """Return what changes tags, traces and experiments of a store.

    The store must exist: a change never makes one.

    Raises:
        SettingsError: when the URL is of no store.
        StoreError: when the store is missing, unreachable or of another version.
    """
    with _lock:
        reader = _reader(url)
        beside, admin = _admins.get(url, (None, None))
        if admin is not None and beside is reader:
            return admin
        if admin is not None:
            admin.close()
        opened = backend_of(url).admin(url)
        _admins[url] = reader, opened
        return opened


def close_stores() -> None:
    """Close every store; the next search opens what it needs."""
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
    reader = backend_of(url).reader(url)
    try:
        reader.check_version()
    except BaseException:
        reader.close()
        raise
    _readers[url] = reader
    return reader


def _forget_after_fork() -> None:
    """Leave the parent's connections to the parent; SQLite forbids sharing them."""
    global _lock  # noqa: PLW0603 - the parent's may be held by a thread that is gone
    _lock = Lock()
    for reader in _readers.values():
        reader.abandon()
    for _, admin in _admins.values():
        admin.abandon()
    _readers.clear()
    _admins.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
