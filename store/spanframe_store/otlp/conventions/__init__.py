"""Conventions for attributes of GenAI spans: what each says of a span."""

from spanframe_store.otlp.conventions.derivation import (
    EVENT_NAMES,
    UNKNOWN,
    Counted,
    Derived,
    counted,
    derive,
)
from spanframe_store.otlp.conventions.prices import prices_date, use_prices
from spanframe_store.otlp.conventions.table import Convention, table
from spanframe_store.otlp.conventions.values import Cost, Usage

__all__ = [
    "EVENT_NAMES",
    "UNKNOWN",
    "Convention",
    "Cost",
    "Counted",
    "Derived",
    "Usage",
    "counted",
    "derive",
    "prices_date",
    "table",
    "use_prices",
]
