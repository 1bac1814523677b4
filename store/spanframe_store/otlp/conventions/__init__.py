"""Conventions for attributes of GenAI spans: what each says of a span."""

from spanframe_store.otlp.conventions.derivation import (
    EVENT_NAMES,
    UNKNOWN,
    Derived,
    derive,
    type_and_usage,
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
    "table",
    "type_and_usage",
]
