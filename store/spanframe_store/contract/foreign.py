"""Traces from elsewhere: an archive, or a store of another program."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from spanframe_store.contract.spans import Fact

__all__ = ["ForeignSpan", "ForeignStore", "ForeignTrace"]


class ForeignSpan(NamedTuple):
    """A span as OTLP has it; ``body`` is stored byte by byte.

    Attributes:
        body: the OTLP Span.
        resource: the OTLP Resource it came with, and its schema URL.
        scope: the OTLP InstrumentationScope, and its schema URL.
    """

    body: bytes
    resource: tuple[bytes, str]
    scope: tuple[bytes, str]


class ForeignTrace(NamedTuple):
    """A trace with its spans, and what is known of it beyond them.

    Attributes:
        trace_id: the 16 bytes of the OpenTelemetry trace id.
        spans: its spans, of one trace id.
        facts: what it shows, every tag among it: a tag that only its spans state was
            deleted.
    """

    trace_id: bytes
    spans: tuple[ForeignSpan, ...]
    facts: tuple[Fact, ...]


class ForeignStore(Protocol):
    """Reads the traces of a store of another program."""

    def count(self) -> int:
        """Return how many traces it holds."""

    def traces(self) -> Iterator[ForeignTrace]:
        """Yield its traces, a portion in memory at a time.

        Raises:
            StoreError: it cannot be read.
        """

    @property
    def left_out(self) -> Mapping[str, int]:
        """What it holds and `traces` did not yield so far: a plural, and a count."""

    def close(self) -> None:
        """Close every connection."""
