"""One trace by its id: reading it, changing its tags, deleting it."""

import logging
import re
from collections.abc import Iterable
from typing import Any, Final

import spanframe
from spanframe import _current, keys
from spanframe.errors import InvalidArgumentError, NotFoundError
from spanframe_query import reader
from spanframe_query.entities import Trace
from spanframe_query.filter import Comparator, Condition, Field, FieldKind, Filter
from spanframe_query.mlflow_arguments import takes_request_id
from spanframe_query.scope import store_url
from spanframe_query.stores import reading, writing
from spanframe_store.contract.search import Search
from spanframe_store.contract.store import Admin, Reader

__all__ = [
    "change_tag",
    "delete_trace_tag",
    "experiment_traces",
    "find_trace",
    "get_trace",
    "may_change",
    "set_trace_tag",
    "trace_bytes",
]

_log: Final = logging.getLogger("spanframe")

_TRACE_ID: Final = re.compile(rf"(?:{keys.REQUEST_ID_PREFIX})?([0-9a-f]{{32}})")
_REQUEST_ID: Final = Field(FieldKind.REQUEST_ID)
_MAX_KEY_CHARS: Final = 250
"""Maximum characters of a tag's key."""


@takes_request_id
def get_trace(trace_id: str, silent: bool = False, flush: bool = False) -> Trace | None:
    """Return a trace with its spans; None when the store does not have it.

    Args:
        trace_id: ``tr-`` and 32 hex digits.
        silent: whether to log no warning when the trace is missing.
        flush: whether to send first what this process has recorded.

    Raises:
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> spanframe.get_trace("tr-0123456789abcdef0123456789abcdef", silent=True)
    """
    if flush:
        spanframe.flush()
    trace = find_trace(reading(store_url()), trace_id)
    if trace is None and not silent:
        _log.warning(
            "There is no trace %r in the store. A trace that has just ended arrives "
            "within seconds; flush=True waits for it.",
            trace_id,
        )
    return trace


def find_trace(store: Reader, trace_id: str) -> Trace | None:
    """Return a trace of one store with its spans; None when it is not there."""
    match = _match(trace_id)
    if match is None:
        return None
    whole_id = keys.REQUEST_ID_PREFIX + match[1]
    condition = Condition(_REQUEST_ID, Comparator.EQ, whole_id)
    search = Search(filter=Filter(condition), limit=1)
    return next(iter(reader.read(store, search, include_spans=True)), None)


def experiment_traces(
    store: Reader, experiment_id: int, trace_ids: Iterable[str]
) -> list[bytes]:
    """Return the ids of the traces that an experiment has, 16 bytes each."""
    ids = [f"{keys.REQUEST_ID_PREFIX}{m[1]}" for m in map(_match, trace_ids) if m]
    if not ids:
        return []
    condition = Condition(_REQUEST_ID, Comparator.IN, tuple(ids))
    search = Search(filter=Filter(condition), experiment_ids=(experiment_id,))
    found = reader.read(store, search, include_spans=False)
    return [trace_bytes(trace.trace_id) for trace in found]


@takes_request_id
def set_trace_tag(trace_id: str, key: str, value: Any) -> None:
    """Set a tag of the trace that is being recorded, or of a stored trace.

    A tag that is set in the store wins over spans that arrive later.

    Args:
        trace_id: ``tr-`` and 32 hex digits.
        key: the tag, 1 to 250 characters; ``mlflow.traceName`` renames the trace.
        value: the value; anything but text is written as its ``str``.

    Raises:
        InvalidArgumentError: when the key cannot be used.
        NotFoundError: when the store does not have the trace.
        StoreError: when the store cannot be written.

    Example:
        >>> import spanframe
        >>> [newest] = spanframe.search_traces(max_results=1, return_type="list")
        >>> spanframe.set_trace_tag(newest.info.trace_id, "reviewed", "yes")
    """
    change_tag(store_url(), trace_id, key, str(value))


@takes_request_id
def delete_trace_tag(trace_id: str, key: str) -> None:
    """Delete a tag of the trace that is being recorded, or of a stored trace.

    Args:
        trace_id: ``tr-`` and 32 hex digits.
        key: the tag.

    Raises:
        InvalidArgumentError: when the key cannot be used.
        NotFoundError: when the store does not have the trace, or the trace does not
            have the tag.
        StoreError: when the store cannot be written.

    Example:
        >>> import spanframe
        >>> [newest] = spanframe.search_traces(max_results=1, return_type="list")
        >>> spanframe.set_trace_tag(newest.info.trace_id, "draft", "yes")
        >>> spanframe.delete_trace_tag(newest.info.trace_id, "draft")
    """
    change_tag(store_url(), trace_id, key, None)


def change_tag(store: str, trace_id: str, key: str, value: str | None) -> None:
    """Set a tag of a trace, of an open one or of one in a store; None deletes it.

    A trace that has just ended may not be stored yet. Then the spans that wait in this
    process are sent, and the change is tried once more.
    """
    if not may_change(key):
        return
    raw_id = trace_bytes(trace_id)
    live = _current.open_trace(int.from_bytes(raw_id))
    if live is not None:
        if not _current.change_tag(live, key, value):
            raise NotFoundError(f"The open trace {trace_id} has no tag {key!r}.")
        return
    admin = writing(store)
    try:
        _write_tag(admin, raw_id, key, value)
    except NotFoundError:
        spanframe.flush()
        _write_tag(admin, raw_id, key, value)


def may_change(key: object) -> bool:
    """Return whether a tag may be changed; log a warning when it may not.

    Raises:
        InvalidArgumentError: when the key is not a text of 1 to 250 characters.
    """
    if not isinstance(key, str) or not 1 <= len(key) <= _MAX_KEY_CHARS:
        raise InvalidArgumentError(
            f"A tag's key is a text of 1 to {_MAX_KEY_CHARS} characters, "
            f"not {key!r:.80}"
        )
    if key in keys.RESERVED_TAGS:
        _log.warning("Tag %s is not changed: it is reserved for spanframe.", key)
        return False
    return True


def trace_bytes(trace_id: str) -> bytes:
    """Return the 16 bytes of a trace id.

    Raises:
        NotFoundError: when the text is not a trace id, so that no store has the trace.
    """
    match = _match(trace_id)
    if match is None:
        raise NotFoundError(
            f"There is no trace {trace_id!r:.80}: a trace id is tr- and 32 hex digits."
        )
    return bytes.fromhex(match[1])


def _match(trace_id: object) -> re.Match[str] | None:
    return _TRACE_ID.fullmatch(trace_id) if isinstance(trace_id, str) else None


def _write_tag(admin: Admin, trace_id: bytes, key: str, value: str | None) -> None:
    if value is None:
        admin.delete_trace_tag(trace_id, key)
    else:
        admin.set_trace_tag(trace_id, key, value)
