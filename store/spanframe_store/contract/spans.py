"""Values that go from a decoded request to the store: frozen, without behaviour."""

from enum import IntEnum
from typing import NamedTuple

__all__ = [
    "Fact",
    "Interned",
    "Previews",
    "Rank",
    "Rejected",
    "Signature",
    "Source",
    "SpanRow",
]


class Source(IntEnum):
    """The source of a fact about a trace; a greater source wins over a smaller one."""

    RESOURCE = 0
    """The request or the resource, for everything that the process sends."""
    SPAN = 1
    """The span itself: its name, times, status, inputs and outputs."""
    CONVENTION = 2
    """An attribute of another convention: ``langfuse.trace.name``."""
    EXPLICIT = 3
    """The app, about its trace: ``update_current_trace``, ``set_experiment``."""
    EDIT = 4
    """A later change in the store: ``set_trace_tag``, ``delete_trace_tag``."""


class Rank(IntEnum):
    """The rank of a span in its trace; a greater rank wins within one source."""

    INNER = 0
    """A span whose parent belongs to the same process."""
    ENTRY = 1
    """A span whose parent is known to be in another process (OTLP flags, bit 9)."""
    ROOT = 2
    """A span without a parent."""


class Fact(NamedTuple):
    """A value that a span states about its trace.

    ``field`` is a column of the trace row, or ``tags.<key>`` or ``metadata.<key>``. An
    experiment is stated by name (``experiment``) or by number (``experiment_id``).
    """

    field: str
    source: Source
    value: str


class Interned(NamedTuple):
    """A resource or a scope, stored once however many spans share it."""

    digest: bytes
    schema_url: str
    body: bytes


class Signature(NamedTuple):
    """The texts that spans are found by; an app has few signatures and many spans.

    ``type`` is ``LLM``, ``TOOL``, … or ``UNKNOWN``, ``status`` ``UNSET``, ``OK`` or
    ``ERROR``.
    """

    digest: bytes
    name: str
    type: str
    status: str


class Previews(NamedTuple):
    """The beginnings of a span's inputs and outputs, as its trace shows them.

    The previews are None where the span has none; the other two are empty. Together
    they have at most 2 500 characters, whatever the size of the span.
    """

    request_preview: str | None
    response_preview: str | None
    trace_inputs: str
    trace_outputs: str


class SpanRow(NamedTuple):
    """One span on its way to the store.

    Ids are signed 64-bit integers of the eight bytes, times are nanoseconds since the
    epoch below 2**63 (0: unset), usage is JSON text. ``body`` is the OTLP Span exactly
    as it arrived. ``json_layer``: its sender writes every attribute as JSON text.
    ``shared_facts`` are those of its resource and request. ``previews`` are None where
    the rank is INNER, and for spans beyond the limit of their request.
    """

    trace_id: bytes
    span_id: int
    digest: int
    parent_span_id: int | None
    rank: Rank
    signature: Signature
    start_ns: int
    end_ns: int
    usage: str | None
    resource: Interned
    scope: Interned
    json_layer: bool
    body: bytes
    shared_facts: tuple[Fact, ...]
    own_facts: tuple[Fact, ...]
    previews: Previews | None = None

    @property
    def facts(self) -> tuple[Fact, ...]:
        """All facts of the span about its trace."""
        return self.shared_facts + self.own_facts


class Rejected(NamedTuple):
    """A count of spans that can never be stored; ``reason`` is from a closed set."""

    reason: str
    spans: int
