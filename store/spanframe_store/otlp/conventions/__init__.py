"""What the naming conventions of the field say about a span."""

from spanframe_store.otlp.conventions.derivation import (
    EVENT_NAMES,
    UNKNOWN,
    Derived,
    derive,
    kind_of,
)
from spanframe_store.otlp.conventions.table import Convention, table
from spanframe_store.otlp.conventions.values import Usage

__all__ = [
    "EVENT_NAMES",
    "UNKNOWN",
    "Convention",
    "Derived",
    "Usage",
    "derive",
    "kind_of",
    "table",
]
