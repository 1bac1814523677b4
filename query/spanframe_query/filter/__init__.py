"""The text language of filters: text → tokens → comparisons → checked conditions.

Everything here is pure and knows no store.
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

# A filter is repeated in its errors and logs; this holds 10 000 trace ids in a list.
MAX_FILTER_CHARS = 1_000_000


def parse_filter(source: str | None) -> Filter:
    """Read and check a filter.

    Args:
        source: the filter; None and the empty text keep every trace.

    Returns:
        The checked filter, frozen, which compiles for every store or is refused by it.

    Raises:
        FilterError: the filter cannot be used; the message draws the place and says
            what to write instead.
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
    """Return ``filter_`` with one more condition: an entry equals a value.

    Args:
        filter_: the filter to narrow.
        scope: ``tags`` or ``metadata``.
        key: the key of the entry, any text.
        value: the text it must equal; it is bound, never made part of a statement.

    Raises:
        FilterError: key or value is no text that a store can hold.
    """
    refuse_surrogates(key)
    refuse_surrogates(value)
    behind = SourceRange(len(filter_.source), len(filter_.source))
    field = known_field("", Key(scope, key, behind))
    return filter_.and_(Condition(field, Comparator.EQ, stored_text(value), behind))
