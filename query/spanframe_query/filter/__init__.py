"""The text language of filters: text → tokens → comparisons → checked conditions.

The language does not know any store.
"""

from spanframe.errors import FilterError
from spanframe_query.filter.check import check, known_field
from spanframe_query.filter.errors import refuse_surrogates
from spanframe_query.filter.nodes import Key
from spanframe_query.filter.parser import parse
from spanframe_store.contract.filter import (
    Comparator,
    Condition,
    Field,
    FieldKind,
    Filter,
    SourceRange,
)
from spanframe_store.contract.texts import stored_text

__all__ = [
    "Comparator",
    "Condition",
    "Field",
    "FieldKind",
    "Filter",
    "FilterError",
    "filter_and",
    "parse_filter",
]

MAX_FILTER_CHARS = 1_000_000
"""Maximum characters of a filter: enough for a list of 10 000 trace ids."""


def parse_filter(source: str | None) -> Filter:
    """Read and check a filter.

    Args:
        source: the filter; None and the empty text match every trace.

    Returns:
        The checked filter.

    Raises:
        FilterError: when the filter cannot be used; the message points at the place
            and says what to write instead.
    """
    if source is None:
        return Filter()
    if not isinstance(source, str):
        title = f"A filter is a text, not {type(source).__name__}"
        raise FilterError(title, repr(source)[:80], 0, 80, "Write it in quotes")
    if len(source) > MAX_FILTER_CHARS:
        title = f"A filter of more than {MAX_FILTER_CHARS} characters"
        raise FilterError(title, source[:80], 0, 80, "Run several searches")
    refuse_surrogates(source)
    return check(source, parse(source))


def filter_and(filter_: Filter, scope: str, key: str, value: str) -> Filter:
    """Return ``filter_`` with one more condition: a tag or metadata entry has a value.

    Args:
        filter_: the filter to narrow.
        scope: ``tags`` or ``metadata``.
        key: the key of the entry, any text.
        value: the text that the entry must equal; statements bind it.

    Raises:
        FilterError: when a store cannot hold the key or the value.
    """
    refuse_surrogates(key)
    refuse_surrogates(value)
    behind = SourceRange(len(filter_.source), len(filter_.source))
    field = known_field("", Key(scope, key, behind))
    return filter_.and_(Condition(field, Comparator.EQ, stored_text(value), behind))
