"""Changes and maintains a row store: the `Admin` of the contract."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from sqlalchemy import Engine

from spanframe_store.contract.results import Rederived, Report
from spanframe_store.contract.store import MAX_TRACE_ENTRIES, Limits, Progress
from spanframe_store.sql import mutations, rederivation, retention
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.inspection import inspect_store
from spanframe_store.sql.migrations import HEAD, check_version, upgrade
from spanframe_store.sql.urls import store_name

__all__ = ["SqlAdmin"]


class SqlAdmin:
    """The `Admin` of a row store; the protocol documents each call.

    Args:
        engine: a writing engine, or a reading engine for calls that change nothing.
        max_trace_entries: maximum tags and metadata entries that spans give a trace.
    """

    def __init__(
        self, engine: Engine, max_trace_entries: int = MAX_TRACE_ENTRIES
    ) -> None:
        self.engine = engine
        self._max_trace_entries = max_trace_entries
        self._database = database_of(engine)

    @property
    def name(self) -> str:
        """The URL of the store, without its password."""
        return store_name(self.engine)

    @property
    def version(self) -> str:
        """The version of a store that this code reads and writes."""
        return HEAD

    def size_bytes(self) -> int | None:
        """Return the bytes of the store's files; None where it has none."""
        file_bytes, wal_bytes = self._database.file_sizes(self.engine)
        return None if file_bytes is None else file_bytes + (wal_bytes or 0)

    def check_version(self) -> None:
        """Check that the store has the version this code reads and writes."""
        check_version(self.engine)

    def upgrade(self) -> str:
        """Bring the store, also an empty one, to this version, and return that."""
        upgrade(self.engine)
        return HEAD

    def set_trace_tag(self, trace_id: bytes, key: str, value: str) -> None:
        """Set a tag of a stored trace."""
        mutations.set_trace_tag(self.engine, trace_id, key, value)

    def delete_trace_tag(self, trace_id: bytes, key: str) -> None:
        """Delete a tag of a stored trace."""
        mutations.delete_trace_tag(self.engine, trace_id, key)

    def delete_traces(self, trace_ids: Iterable[bytes]) -> int:
        """Delete traces with all that belongs to them; return how many there were."""
        return mutations.delete_traces(self.engine, trace_ids)

    def delete_traces_before(
        self,
        timestamp_ms: int,
        *,
        experiment_id: int | None = None,
        at_most: int | None = None,
        with_start: bool = False,
    ) -> int:
        """Delete one portion of the traces that started at a time or before."""
        return mutations.delete_traces_before(
            self.engine,
            timestamp_ms,
            experiment_id=experiment_id,
            at_most=at_most,
            with_start=with_start,
        )

    def create_experiment(
        self,
        name: str,
        *,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> int:
        """Create an experiment and return its id."""
        return mutations.create_experiment(
            self.engine, name, artifact_location=artifact_location, tags=tags
        )

    def knows_its_size(self) -> bool:
        """Whether `Limits.size_bytes` can be kept."""
        return self._database.knows_its_size

    def prune(self, limits: Limits, now_ms: int) -> int:
        """Delete one portion of the traces beyond the limits; return how many."""
        return retention.prune_portion(self.engine, limits, now_ms)

    def last_written_ms(self) -> int | None:
        """Return when the store was last written; None: it is new."""
        return retention.last_written_ms(self.engine)

    def count_before(self, timestamp_ms: int) -> int:
        """Return how many traces are known to have started by ``timestamp_ms``."""
        return retention.count_before(self.engine, timestamp_ms)

    def inspect(self) -> Report:
        """Check the store from end to end."""
        return inspect_store(self.engine)

    def write_ahead_bytes(self) -> int:
        """Return the bytes of the write-ahead log; 0 where the store has none."""
        _, wal_bytes = self._database.file_sizes(self.engine)
        return wal_bytes or 0

    def backup(self, path: Path, progress: Progress) -> None:
        """Copy a store that is in use to a new file."""
        self._database.backup(self.engine, path, progress)

    def count_traces(self) -> int:
        """Return how many traces the store holds."""
        return rederivation.count_traces(self.engine)

    def rederive(self, after: int) -> Rederived:
        """Derive a portion of the traces again from their stored bytes."""
        return rederivation.rederive_portion(
            self.engine, after, self._max_trace_entries
        )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def abandon(self) -> None:
        """Forget every connection without closing it."""
        self.engine.dispose(close=False)
