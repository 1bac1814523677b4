"""Limits that OpenTelemetry's SDK reads from the environment itself.

The SDK raises for a limit that is not a number: some when it is imported, others when a
provider is made. Such a variable is hidden from it meanwhile, so that it takes its
default.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from spanframe._guard import warn_of_variable

__all__ = ["without_unusable_limits"]

_VARIABLES: Final = (
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
)


@contextmanager
def without_unusable_limits() -> Iterator[None]:
    """Hide limits that the SDK cannot read inside the block, with a warning each."""
    hidden: dict[str, str] = {}
    for name in _VARIABLES:
        value = os.environ.get(name, "")
        if value.strip() and not value.strip().isdecimal():
            hidden[name] = os.environ.pop(name)
            why = "write a whole number from 0"
            warn_of_variable(name, value, repr(value), why, "its default is used")
    try:
        yield
    finally:
        os.environ.update(hidden)


with without_unusable_limits():
    import opentelemetry.sdk.trace  # noqa: F401 - reads its limits while it is imported
