"""Where SQLite differs from the other engines."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from spanframe_collector.store.schema import spans

__all__ = ["known_spans"]

_pair: Final = func.json_each(bindparam("pairs")).table_valued("value", name="pair")
# One range probe a pair, however many spans the traces hold.
_KNOWN_SPANS: Final = select(
    spans.c.trace_key, spans.c.span_id, spans.c.digest
).select_from(
    _pair.join(
        spans,
        (spans.c.trace_key == func.json_extract(_pair.c.value, "$[0]"))
        & (spans.c.span_id == func.json_extract(_pair.c.value, "$[1]")),
    )
)


def known_spans(
    connection: Connection, pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int]]:
    """Yield (trace key, span id, digest) of the stored spans among (key, id) pairs."""
    rows = connection.execute(_KNOWN_SPANS, {"pairs": json.dumps(pairs)})
    for row in rows:
        yield row.trace_key, row.span_id, row.digest
