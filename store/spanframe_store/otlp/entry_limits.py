"""Limits of the tags and metadata entries of one trace.

A change of a trace reads and writes all of its entries, so their number is limited. The
entries with the greatest stamps are kept: edits, then what the app says of its trace,
then what its root says. A stamp only grows, so an entry that is dropped among some
spans would be dropped among more: order and batching do not decide what is kept. They
may where it is the limit of characters that drops entries.
"""

from typing import Final

from spanframe import keys
from spanframe_store.contract.spans import Source
from spanframe_store.otlp.trace_state import COLUMNS, METADATA, Stamp, TraceState

__all__ = ["MARK", "MAX_TRACE_CHARS", "limited", "text_chars"]

MAX_TRACE_CHARS: Final = 8 << 20
"""Maximum characters of the tags and metadata entries of a trace, keys included."""

MARK: Final = METADATA + keys.META_ENTRIES_DROPPED
"""The metadata entry, with the value ``true``, of a trace that has lost some."""

_MARK_STAMP: Final = Stamp(Source.RESOURCE, 0, 0, 0, 0, 0)
_NO_ENTRIES: Final = frozenset({*COLUMNS, MARK})


def text_chars(state: TraceState) -> int:
    """Return the characters of all texts of a state, and of the names of its fields."""
    texts = [text for text in state.values.values() if type(text) is str]
    return sum(map(len, texts)) + sum(map(len, state.values))


def _entries(state: TraceState) -> int:
    return len(state.stamps) - sum(map(state.stamps.__contains__, _NO_ENTRIES))


def limited(
    state: TraceState, max_entries: int, max_chars: int = MAX_TRACE_CHARS
) -> tuple[TraceState, int]:
    """Return a state within its limits, marked if it was not; and the entries dropped.

    Args:
        state: of a trace.
        max_entries: maximum tags and metadata entries, together.
        max_chars: maximum characters of these.
    """
    few = len(state.stamps) <= max_entries or _entries(state) <= max_entries
    if few and text_chars(state) <= max_chars:
        return state, 0
    fields = sorted(state.stamps.keys() - _NO_ENTRIES)
    fields.sort(key=state.stamps.__getitem__, reverse=True)  # stable: ties by name
    kept, left = 0, max_chars
    for field in fields[:max_entries]:
        left -= len(field) + len(state.values[field] or "")
        if left < 0:
            break
        kept += 1
    dropped = set(fields[kept:])
    if not dropped:
        return state, 0
    values = {f: v for f, v in state.values.items() if f not in dropped}
    stamps = {f: s for f, s in state.stamps.items() if f not in dropped}
    marked = state._replace(
        values=values | {MARK: "true"}, stamps=stamps | {MARK: _MARK_STAMP}
    )
    return marked, len(dropped)
