"""What a store is: a `Writer`, a `Reader` and an `Admin`; a backend may lack some.

A new engine is one folder that offers a `Backend`, and a line in
`spanframe_store.registry`. ``tests/store`` holds the suite that every engine must pass.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from spanframe_store.contract.aggregates import Aggregation, Group
from spanframe_store.contract.capabilities import Capability
from spanframe_store.contract.filter import Field
from spanframe_store.contract.results import (
    ClauseUse,
    Copied,
    Experiment,
    KnownField,
    Origin,
    Page,
    Rederived,
    Report,
    SpanBlock,
    SpanPage,
)
from spanframe_store.contract.search import Search
from spanframe_store.contract.spans import SpanRow

__all__ = [
    "DEFAULT_OPTIONS",
    "MAX_TRACE_ENTRIES",
    "Admin",
    "Backend",
    "Limits",
    "Progress",
    "Reader",
    "Writer",
    "WriterOptions",
    "Written",
]

Progress = Callable[[int, int], None]
"""Is told how many are done and how many there are, again and again."""


MAX_TRACE_ENTRIES: Final = 1000
"""Maximum tags and metadata entries of a trace, together, unless a setting says so."""


class Written(NamedTuple):
    """What became of the spans of one request, in spans."""

    stored: int
    duplicates: int


class Limits(NamedTuple):
    """What a store may keep; None: without limit."""

    age_ms: int | None = None
    size_bytes: int | None = None


class WriterOptions(NamedTuple):
    """How a writer writes; an engine ignores what it has no use for.

    Attributes:
        synchronous: of SQLite; ``full`` keeps every commit over power loss, ``normal``
            may lose the last ones and never corrupts.
        busy: of SQLite; takes memory and a long write-ahead log for speed.
        max_trace_entries: maximum tags and metadata entries that spans give a trace.
    """

    synchronous: str = "full"
    busy: bool = False
    max_trace_entries: int = MAX_TRACE_ENTRIES


DEFAULT_OPTIONS: Final = WriterOptions()


class Writer(Protocol):
    """Writes batches of spans to one store.

    One thread owns a writer; it MUST NOT be shared.
    """

    @property
    def dropped_entries(self) -> int:
        """Tags and metadata entries that were dropped, beyond the limit of a trace."""

    def write(self, requests: Sequence[Sequence[SpanRow]], /) -> list[Written]:
        """Commit the spans of several requests together.

        The batch MUST be all or nothing. When the call returns, every span MUST survive
        the death of the process. A span that the store holds already, under the same
        trace id, span id and digest, MUST be counted as a duplicate and change nothing.

        Returns:
            What became of the spans of each request, in the order of the requests.

        Raises:
            StoreUnavailableError: the store does not take spans now; the same batch may
                be written later.
            StoreUnusableError: nor will it before the program starts anew. A batch MUST
                NOT be taken for written when the store is not the one that was opened.
            RowsRefusedError: the store can never hold one of the spans.
        """

    def check(self) -> None:
        """Find out, without writing, whether the store that was opened is there.

        Raises:
            StoreUnavailableError: it cannot be reached now.
            StoreUnusableError: it is not there any more.
        """

    def probe(self) -> None:
        """Write and commit as a batch does, and leave nothing behind.

        Raises:
            StoreUnavailableError: a batch would be refused now.
        """

    def release(self) -> None:
        """Give back memory and connections until the next write."""

    def close(self) -> None:
        """Give back everything; the writer is not used again."""


class Reader(Protocol):
    """Reads one store; MAY be shared between threads."""

    @property
    def name(self) -> str:
        """The URL of the store as it may be shown, without a password."""

    @property
    def engine_name(self) -> str:
        """The kind of store, for people: ``SQLite``."""

    def check_version(self) -> None:
        """Check that the store has the version this code reads.

        Raises:
            StoreError: it cannot be opened, or is empty, older or newer; the message
                names both versions and the remedy.
        """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the store can do beyond what every store must.

        A search that needs more is refused before it reaches the reader.
        """

    def find(self, search: Search, *, include_spans: bool) -> Page:
        """Return the traces of a search, in its order.

        All of a page MUST come from one state of the store: a trace and its spans fit
        together. Nothing is approximated.

        Args:
            search: what to search for.
            include_spans: whether the spans are read; else the page has none.

        Raises:
            StoreError: the store cannot be read.
        """

    def find_spans(self, search: Search, attributes: Sequence[str] = ()) -> SpanPage:
        """Return spans of the traces of a search, in the order of the traces.

        A span MUST fulfil the conditions on spans that the filter requires
        (`Filter.of_spans`), and its trace the filter. In a trace the spans are ordered
        by start, then those without a parent first, then by id. Of two spans under one
        id, the one that ended last counts.

        Args:
            search: what to search for; ``limit`` is of spans, and ``after`` the end of
                the page before, which ends with the place of a span (`SpanPlace`).
            attributes: keys of attributes whose values are wanted.

        Raises:
            StoreError: the store cannot be read.
        """

    def count(self, search: Search) -> int:
        """Return how many traces a search finds, whatever its limit and place.

        Raises:
            StoreError: the store cannot be read.
        """

    def aggregate(self, aggregation: Aggregation) -> list[Group]:
        """Return the groups of an aggregation, in any order; none is empty.

        Without fields and buckets there is one group, also of no traces. Nothing is
        approximated: `MetricKind` defines each figure. Only a store that declares
        `Capability.AGGREGATES` is asked.

        Raises:
            StoreError: the store cannot be read.
        """

    def explain(self, search: Search) -> list[ClauseUse]:
        """Say how each clause of a search is answered; the search does not run.

        Only a store that declares `Capability.EXPLAIN` is asked.

        Raises:
            StoreError: the store cannot be read.
        """

    def known_entries(self) -> list[KnownField]:
        """Return every key of tags and metadata that traces have, in order.

        Raises:
            StoreError: the store cannot be read.
        """

    def is_listed(self, field: Field) -> bool:
        """Whether `known_entries` lists a field as soon as some trace has it."""

    def newest_blocks(self, number: int) -> list[SpanBlock]:
        """Return blocks of spans of the newest traces, at most ``number``.

        Raises:
            StoreError: the store cannot be read.
        """

    def origins(self, wanted: Collection[bytes]) -> dict[bytes, Origin]:
        """Return the resources and scopes of blocks, as they arrived.

        Only a store that declares `Capability.ORIGINALS` is asked.

        Args:
            wanted: the ``origin`` of blocks.

        Raises:
            StoreError: the store cannot be read.
        """

    def experiment_named(self, name: str) -> Experiment | None:
        """Return the experiment of a name; None when the store has none."""

    def experiment_of(self, experiment_id: int) -> Experiment | None:
        """Return the experiment of an id; None when the store has none."""

    def experiments(self) -> list[Experiment]:
        """Return every experiment, in the order of the ids.

        Raises:
            StoreError: the store cannot be read.
        """

    def is_current(self) -> bool:
        """Whether the reader still reads what its URL names: a file may be replaced."""

    def close(self) -> None:
        """Close every connection."""

    def abandon(self) -> None:
        """Forget every connection without closing it, in a forked process."""


class Admin(Protocol):
    """Changes what is stored, and looks after the store."""

    @property
    def name(self) -> str:
        """The URL of the store as it may be shown, without a password."""

    @property
    def version(self) -> str:
        """The version of a store that this code reads and writes."""

    def size_bytes(self) -> int | None:
        """Return the bytes of the store's files; None where it has none."""

    def check_version(self) -> None:
        """Check that the store has the version this code reads and writes.

        Raises:
            StoreError: it cannot be opened, or is empty, older or newer; the message
                names both versions and the remedy.
        """

    def upgrade(self) -> str:
        """Bring the store, also an empty one, to this version, and return that.

        Raises:
            StoreError: it is newer than this code, or cannot be changed.
        """

    def set_trace_tag(self, trace_id: bytes, key: str, value: str) -> None:
        """Set a tag of a stored trace; it MUST win over spans that arrive later.

        Args:
            trace_id: the 16 bytes of the OpenTelemetry trace id.
            key: the tag; ``mlflow.traceName`` renames the trace.
            value: the text, kept whole.

        Raises:
            NotFoundError: the store has no such trace.
            StoreError: the store cannot be written.
        """

    def delete_trace_tag(self, trace_id: bytes, key: str) -> None:
        """Delete a tag of a stored trace; late spans MUST NOT bring it back.

        Raises:
            NotFoundError: the store has no such trace, or the trace no such tag.
            StoreError: the store cannot be written.
        """

    def delete_traces(self, trace_ids: Iterable[bytes]) -> int:
        """Delete traces with all that belongs to them; return how many there were.

        Raises:
            StoreError: the store cannot be written.
        """

    def delete_traces_before(
        self,
        timestamp_ms: int,
        *,
        experiment_id: int | None = None,
        at_most: int | None = None,
        with_start: bool = False,
    ) -> int:
        """Delete one portion of the traces that started at ``timestamp_ms`` or before.

        Args:
            timestamp_ms: milliseconds since the epoch.
            experiment_id: of this experiment only.
            at_most: this many, if they fit one portion.
            with_start: leave traces whose start is unknown, which counts as 0.

        Returns:
            How many were deleted, oldest first; 0 when none is left. The caller repeats
            the call, so that writers get their turn in between.

        Raises:
            StoreError: the store cannot be written.
        """

    def create_experiment(
        self,
        name: str,
        *,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> int:
        """Create an experiment and return its id.

        A writer that gets a span of this name MUST find the same id.

        Args:
            name: the name.
            artifact_location: a URI to keep.
            tags: tags to keep.

        Raises:
            InvalidArgumentError: the name is empty.
            AlreadyExistsError: the name is taken.
            StoreError: the store cannot be written.
        """

    def knows_its_size(self) -> bool:
        """Whether `Limits.size_bytes` can be kept."""

    def prune(self, limits: Limits, now_ms: int) -> int:
        """Delete a portion of what is beyond the limits; return how many traces.

        Args:
            limits: what may be kept.
            now_ms: the time of the call, milliseconds since the epoch.

        Raises:
            StoreError: the store cannot be written.
        """

    def last_written_ms(self) -> int | None:
        """Return when the store was last written, epoch ms; None: it is new.

        A server returns the time of its clock. A collector compares its own with it.

        Raises:
            StoreError: the store cannot be read.
        """

    def count_before(self, timestamp_ms: int) -> int:
        """Return how many traces are known to have started by ``timestamp_ms``."""

    def inspect(self) -> Report:
        """Check the store from end to end; takes time in proportion to its size.

        Raises:
            StoreError: the store cannot be read at all.
        """

    def write_ahead_bytes(self) -> int:
        """Return the bytes of the write-ahead log; 0 where there is no such file."""

    def backup(self, path: Path, progress: Progress) -> None:
        """Copy a store that is in use to a new file; ``progress`` is told pages.

        Raises:
            InvalidArgumentError: the file exists, or the store is not a file.
            StoreError: the store cannot be read or the file not be written.
        """

    def count_traces(self) -> int:
        """Return how many traces the store holds."""

    def rederive(self, after: int) -> Rederived:
        """Derive a portion of the traces again from their stored bytes.

        Raises:
            StoreError: the store cannot be written.
        """

    def close(self) -> None:
        """Close every connection."""

    def abandon(self) -> None:
        """Forget every connection without closing it, in a forked process."""


class Backend(Protocol):
    """Opens the stores of one or several URL schemes; nothing is connected yet.

    Each method raises `SettingsError` for a URL that no store of it has, and
    `MissingExtraError` when the client of the engine is not installed.
    """

    def writer(self, url: str, options: WriterOptions = DEFAULT_OPTIONS) -> Writer:
        """Open a store for writing spans."""

    def reader(self, url: str) -> Reader:
        """Open a store for reading.

        Raises:
            StoreError: the store is a file that does not exist.
        """

    def admin(
        self,
        url: str,
        options: WriterOptions = DEFAULT_OPTIONS,
        *,
        read_only: bool = False,
    ) -> Admin:
        """Open a store for changes.

        Args:
            url: URL of the store.
            options: how it is written.
            read_only: for what changes nothing; a missing file is an error then.

        Raises:
            StoreError: a read-only store is a file that does not exist.
        """

    def copy(self, source: str, target: str, progress: Progress) -> Copied:
        """Make a store hold what another one of this backend holds.

        Raises:
            InvalidArgumentError: the target holds something else.
            StoreError: a store refuses, or the copy is not equal to its source.
        """
