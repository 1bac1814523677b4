"""The fields of the traces in a store: tags, metadata and span attributes."""

import dataclasses
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from spanframe_query.entities import Span
from spanframe_query.filter import Field, FieldKind, Filter
from spanframe_query.scope import store_url
from spanframe_query.stores import reading
from spanframe_store.contract.results import KnownField
from spanframe_store.contract.store import Reader
from spanframe_store.otlp.stored_spans import spans_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MAX_SAMPLED_SPANS", "fields", "known_fields", "misspellings"]

MAX_SAMPLED_SPANS: Final = 1000
"""Maximum spans of the newest traces whose attributes are listed."""

_OWN_PREFIX: Final = "mlflow."
_OF_EXCEPTIONS: Final = "exception."
_MAX_EXAMPLE_CHARS: Final = 80
"""Maximum characters of an example value."""

_OWNERS: Final = {
    FieldKind.TAG: "No trace has",
    FieldKind.METADATA: "No trace has",
    FieldKind.SPAN_ATTRIBUTE: "None of the newest spans has",
}


def misspellings(reader: Reader, filter_: Filter) -> list[str]:
    """Return a hint for each field of a filter that the store does not have.

    Call it after a search that found nothing. A field that is missing is not an error,
    as the next trace may have it.

    Raises:
        StoreError: when the store cannot be read.
    """
    suspects = [c.field for c in filter_.leaves() if _may_be_misspelt(reader, c.field)]
    if not suspects:
        return []
    known = {each.field for each in known_fields(reader)}
    hints = []
    for field in suspects:
        if str(field) not in known:
            close = get_close_matches(str(field), known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            hints.append(f"{_OWNERS[field.kind]} {field}.{hint}")
    return hints


def _may_be_misspelt(reader: Reader, field: Field) -> bool:
    """Return whether `fields` would list the field if the store had it."""
    if field.kind is FieldKind.SPAN_ATTRIBUTE:
        return not (field.key or "").startswith((_OWN_PREFIX, _OF_EXCEPTIONS))
    return reader.is_listed(field)


def fields(sql_warehouse_id: str | None = None) -> "pd.DataFrame":
    """List the tags, metadata and span attributes that the traces of a store have.

    Args:
        sql_warehouse_id: name of a store in the setting ``warehouses``; None for the
            configured store.

    Returns:
        A DataFrame with one row per tag, metadata entry (except token usage) and span
        attribute: ``field`` as a filter writes it, ``type`` (``text`` or ``number``),
        ``count`` of the traces that have it, ``example``. Span attributes are those of
        the `MAX_SAMPLED_SPANS` newest spans, and their ``count`` is of these spans.

    Raises:
        InvalidArgumentError: when ``warehouses`` does not have the name.
        StoreError: when the store cannot be read.

    Example:
        >>> import spanframe
        >>> list(spanframe.fields().columns)
        ['field', 'type', 'count', 'example']
    """
    import pandas as pd  # noqa: PLC0415 - the commands look for misspellings without it

    known = known_fields(reading(store_url(sql_warehouse_id)))
    frame = pd.DataFrame(
        known, columns=[f.name for f in dataclasses.fields(KnownField)]
    )
    return frame.astype({"count": "int64"})


def known_fields(reader: Reader) -> list[KnownField]:
    """List the fields of one store, as `fields` does."""
    return [*reader.known_entries(), *_span_attributes(reader)]


def _span_attributes(reader: Reader) -> Iterator[KnownField]:
    blocks = reader.newest_blocks(MAX_SAMPLED_SPANS)
    stored = (span for block in blocks for span in spans_of(block))
    values: dict[str, list[Any]] = {}
    for each in islice(stored, MAX_SAMPLED_SPANS):
        for key, value in Span(each).attributes.items():
            # MLflow's own keys have fields of their own, such as span.type.
            if not key.startswith(_OWN_PREFIX):
                values.setdefault(key, []).append(value)
    for key in sorted(values):
        field = str(Field(FieldKind.SPAN_ATTRIBUTE, key))
        example = str(values[key][0])[:_MAX_EXAMPLE_CHARS]
        yield KnownField(field, _type(values[key]), len(values[key]), example)


def _type(values: Iterable[Any]) -> str:
    numeric = all(
        isinstance(v, int | float) and not isinstance(v, bool) for v in values
    )
    return "number" if numeric else "text"
