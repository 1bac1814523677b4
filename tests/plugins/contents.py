"""What a reader can see of a store."""

from typing import Any

from sqlalchemy import select

from spanframe_store.sql.schema import span_signatures, spans, traces
from tests.plugins.store import Store, stored_spans


def all_rows(store: Store, table: Any) -> list[dict[str, Any]]:
    with store.engine.connect() as connection:
        return [row._asdict() for row in connection.execute(select(table))]


def contents(store: Store) -> Any:
    """Everything a reader can see of a store, without the keys it made up."""
    hidden = {"trace_key"}
    headers = [
        {k: v for k, v in row.items() if k not in hidden}
        for row in sorted(all_rows(store, traces), key=lambda row: row["trace_id"])
    ]
    with store.engine.connect() as connection:
        found_by = connection.execute(
            select(
                traces.c.trace_id,
                spans.c.span_id,
                spans.c.digest,
                spans.c.parent_span_id,
                spans.c.end_ns,
                spans.c.usage,
                *(c for c in span_signatures.c if c.name != "kind_key"),
            )
            .join(spans, spans.c.trace_key == traces.c.trace_key)
            .join(span_signatures, span_signatures.c.kind_key == spans.c.kind_key)
            .order_by(traces.c.trace_id, spans.c.span_id, spans.c.digest)
        ).all()
    return stored_spans(store.engine), [tuple(row) for row in found_by], headers
