"""A trace from elsewhere → rows of spans, which say what the trace shows."""

from collections.abc import Iterable, Mapping
from typing import Final

from google.protobuf.message import DecodeError

from spanframe import keys
from spanframe_store.contract.foreign import ForeignTrace
from spanframe_store.contract.spans import Fact, Source, SpanRow
from spanframe_store.contract.texts import stored_text
from spanframe_store.otlp.request import decode_stored

__all__ = ["entry_facts", "rows_of"]

_TAG: Final = "tags."
_METADATA: Final = "metadata."
_DERIVED: Final = keys.RESERVED_METADATA | {
    keys.META_TOKEN_USAGE,
    keys.META_COST,
    keys.META_COST_SOURCE,
}
"""Metadata that follow from the spans, in the store that they are imported into."""


def entry_facts(
    tags: Mapping[str, str], metadata: Mapping[str, str]
) -> tuple[Fact, ...]:
    """Return the facts of shown tags and metadata, without what follows from a trace.

    Args:
        tags: ``mlflow.traceName`` among them is the name of the trace.
        metadata: with ``mlflow.traceInputs`` and others, which are left out.
    """
    facts = [
        _fact("name" if key == keys.TAG_TRACE_NAME else _TAG + key, value)
        for key, value in tags.items()
        if key not in keys.DERIVED_TAGS
    ]
    facts += [
        _fact(_METADATA + key, value)
        for key, value in metadata.items()
        if key not in _DERIVED and not key.startswith(keys.META_SERVICE_PREFIX)
    ]
    return tuple(facts)


def rows_of(trace: ForeignTrace) -> tuple[list[SpanRow], int]:
    """Return the rows of a trace, and how many of its spans no store can hold."""
    shown = tuple(_fact(fact.field, fact.value) for fact in trace.facts)
    tags = {fact.field for fact in shown}
    rows: list[SpanRow] = []
    for span in trace.spans:
        try:
            row = decode_stored(span.body, span.resource, span.scope)
        except (DecodeError, ValueError):
            continue
        if row.trace_id != trace.trace_id:
            continue
        shared, own = _shown(row.shared_facts, tags), _shown(row.own_facts, tags)
        # Of facts of one source and span, the first counts.
        rows.append(row._replace(shared_facts=shared, own_facts=(*shown, *own)))
    return rows, len(trace.spans) - len(rows)


def _shown(facts: Iterable[Fact], tags: set[str]) -> tuple[Fact, ...]:
    return tuple(f for f in facts if not f.field.startswith(_TAG) or f.field in tags)


def _fact(field: str, value: str) -> Fact:
    return Fact(stored_text(field), Source.EXPLICIT, stored_text(value))
