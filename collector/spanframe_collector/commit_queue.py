"""Commits the spans of decoded requests: group commit by one writing thread.

While one transaction commits, the requests that arrive are queued for the next one. So
a lone request does not wait, and a busy collector pays one fsync for many requests.
`CommitQueue.commit` returns after COMMIT, so that OK means committed.
"""

import asyncio
import dataclasses
import enum
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from spanframe.errors import StoreError
from spanframe_collector.store_health import StoreHealth
from spanframe_collector.telemetry import Telemetry
from spanframe_store.contract.errors import (
    RowsRefusedError,
    StoreUnavailableError,
    StoreUnusableError,
)
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.store import Writer, Written

__all__ = ["CommitQueue", "Committed", "Pack", "unpacked"]

_log: Final = logging.getLogger(__name__)

_FULL_BATCH_SPANS: Final = 4096
"""Spans of one transaction from which on it takes no further request: enough to pay for
its fsync, few enough for a short transaction and little memory."""

_MAX_PART_SPANS: Final = 2048
"""Maximum weight of one part of a request, in spans; a larger request is committed in
parts, in turn with other requests."""

_FACTS_PER_SPAN: Final = 8
"""Tags that weigh as much as one span; each is a row of its own."""

_PERIOD_SECONDS: Final = 0.5
"""Seconds without a request after which the store is looked at."""

Pack = Callable[[Sequence[SpanRow]], Sequence[SpanRow]]
"""Returns rows in the form that a writer takes fastest."""


def unpacked(rows: Sequence[SpanRow]) -> Sequence[SpanRow]:
    """Return rows as they are."""
    return rows


@dataclasses.dataclass(frozen=True)
class Committed:
    """Counts of the spans of one request after their commit."""

    stored: int
    duplicates: int
    refused: int = 0
    """Spans that the store can never hold."""

    def __add__(self, other: "Committed") -> "Committed":
        return Committed(
            self.stored + other.stored,
            self.duplicates + other.duplicates,
            self.refused + other.refused,
        )


@dataclasses.dataclass(eq=False)
class _Job:
    rows: Sequence[SpanRow]
    done: "asyncio.Future[Committed]"
    since: float = dataclasses.field(default_factory=time.monotonic)


@dataclasses.dataclass(eq=False)
class _Task:
    action: Callable[[], None]
    done: "asyncio.Future[None]"


class _Nothing(enum.Enum):
    YET = enum.auto()


_NOTHING: Final = _Nothing.YET


class CommitQueue:
    """The queue and the writing thread of one store."""

    def __init__(
        self, writer: Writer, telemetry: Telemetry, pack: Pack = unpacked
    ) -> None:
        """Start the writing thread.

        Args:
            writer: writer of the store; used by that thread alone.
            telemetry: counts and measures.
            pack: packs the rows of one part; called in any thread.
        """
        self._writer = writer
        self._telemetry = telemetry
        self._pack = pack
        self.health = StoreHealth()
        self._jobs: queue.SimpleQueue[_Job | _Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spanframe-writer")
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def pack(self, rows: list[SpanRow]) -> list[Sequence[SpanRow]]:
        """Return the rows of a request in packed parts; may be called in any thread."""
        return [self._pack(part) for part in _parts(rows)]

    async def commit(self, parts: Iterable[Sequence[SpanRow]]) -> Committed:
        """Commit the rows of a request, part by part, then return.

        When the caller is cancelled, parts that are still queued are dropped; a part
        that is being written is committed all the same.

        Args:
            parts: what `pack` returned.

        Raises:
            StoreUnavailableError: when the store does not take spans now; earlier parts
                stay committed.
        """
        total = Committed(0, 0)
        for part in parts:
            total += await self._commit_part(part)
        return total

    async def _commit_part(self, rows: Sequence[SpanRow]) -> Committed:
        job = _Job(rows, self._loop.create_future())
        self._jobs.put(job)
        try:
            return await job.done
        finally:
            # The job may wait in the queue for long; its rows must not stay in memory.
            job.rows = ()

    async def perform(self, action: Callable[[], None]) -> None:
        """Run an action in the writing thread, between two commits.

        Only this thread writes: SQLite below 3.51.3 can damage a WAL database that two
        connections write and checkpoint at the same moment.

        Raises:
            Exception: whatever the action raises.
        """
        task = _Task(action, self._loop.create_future())
        self._jobs.put(task)
        await task.done

    async def close(self) -> None:
        """Commit everything that is queued, then end the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            jobs, then = self._gather()
            try:
                if jobs:
                    self._commit(jobs)
                elif then is _NOTHING:
                    self._look()
            except Exception:  # noqa: BLE001 - the thread survives any fault
                self._fail(jobs)
            if isinstance(then, _Task):
                self._perform(then)
            elif then is None:
                return

    def _gather(self) -> tuple[list[_Job], _Task | _Nothing | None]:
        """Wait for a request, and return it with all that came since the last commit.

        Returns:
            The requests, none when none has come for a while; and what follows them in
            the queue: a task, None for the end, or nothing yet.
        """
        jobs: list[_Job] = []
        size = 0
        try:
            item = self._jobs.get(timeout=_PERIOD_SECONDS)
            while isinstance(item, _Job):
                if not item.done.cancelled():
                    self._telemetry.wait_seconds.observe(time.monotonic() - item.since)
                    jobs.append(item)
                    size += len(item.rows)
                if size >= _FULL_BATCH_SPANS:
                    return jobs, _NOTHING
                item = self._jobs.get_nowait()
        except queue.Empty:
            return jobs, _NOTHING
        return jobs, item

    def _perform(self, task: _Task) -> None:
        error: Exception | None = None
        self.health.begin()
        try:
            task.action()
        except Exception as raised:  # noqa: BLE001 - raised in its caller
            error = raised
        self.health.rested()
        self._loop.call_soon_threadsafe(_finish, task, error)

    def _look(self) -> None:
        """See whether the store is there; probe it when it was not a moment ago.

        Requests are refused while it is down, so that no commit finds out that it is
        back.
        """
        if self.health.is_unusable:
            return
        self.health.begin()
        try:
            if self.health.is_down or self.health.is_in_doubt:
                self._writer.probe()
                self.health.probed()
            else:
                self._writer.check()
                self.health.rested()
        except StoreError as error:
            self._note(error)

    def _note(self, error: StoreError) -> None:
        """Note that the store has refused."""
        for_good = isinstance(error, StoreUnusableError)
        self.health.refused(str(error), for_good=for_good)

    def _commit(self, jobs: list[_Job]) -> None:
        """Commit requests in one transaction; halve the batch if one is at fault."""
        try:
            written = self._write([job.rows for job in jobs])
        except StoreUnavailableError as error:
            self._note(error)
            self._refuse(jobs)
        except Exception as error:  # noqa: BLE001 - it costs one request alone
            if len(jobs) > 1:
                middle = len(jobs) // 2
                self._commit(jobs[:middle])
                self._commit(jobs[middle:])
            elif isinstance(error, RowsRefusedError):
                self._commit_parts(jobs[0], error)
            else:
                self._fail(jobs)
        else:
            self._complete(jobs, [Committed(*of_request) for of_request in written])

    def _fail(self, jobs: list[_Job]) -> None:
        """Log the exception that is handled, and refuse requests because of it."""
        _log.exception(
            "A batch of %d requests could not be written by a fault of spanframe "
            "(please report it); its senders are told to send again",
            len(jobs),
        )
        self._telemetry.fault(sum(len(job.rows) for job in jobs))
        self._refuse(jobs)

    def _write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        self.health.begin()
        with self._telemetry.commit_seconds.time():
            written = self._writer.write(requests)
        self._telemetry.committed_now()
        self.health.committed()
        return written

    def _commit_parts(self, job: _Job, error: RowsRefusedError) -> None:
        """Commit the rows of a request but for those that the store cannot hold."""
        try:
            self._complete([job], [self._bisect(job.rows, error)])
        except StoreUnavailableError as failure:
            self._note(failure)
            self._refuse([job])

    def _bisect(self, rows: Sequence[SpanRow], error: RowsRefusedError) -> Committed:
        if len(rows) == 1:
            _log.warning(
                "The store can never hold a span, which is left out and counted as "
                "refused_by_store: %s",
                error,
            )
            return Committed(0, 0, refused=1)
        total = Committed(0, 0)
        middle = len(rows) // 2
        for part in (rows[:middle], rows[middle:]):
            try:
                [written] = self._write([part])
            except RowsRefusedError as failure:
                total += self._bisect(part, failure)
            else:
                total += Committed(*written)
        return total

    def _complete(self, jobs: list[_Job], outcomes: Sequence[Committed]) -> None:
        self._loop.call_soon_threadsafe(_resolve, jobs, outcomes)

    def _refuse(self, jobs: list[_Job]) -> None:
        self._loop.call_soon_threadsafe(_refuse, jobs)


def _parts(rows: list[SpanRow]) -> Iterator[list[SpanRow]]:
    """Yield the rows in parts of bounded weight; no part when there are no rows."""
    begin = weight = 0
    for position, row in enumerate(rows):
        weight += 1 + len(row.own_facts) // _FACTS_PER_SPAN
        if weight >= _MAX_PART_SPANS:
            yield rows[begin : position + 1]
            begin, weight = position + 1, 0
    if begin < len(rows):
        yield rows[begin:]


def _finish(task: _Task, error: Exception | None) -> None:
    if task.done.done():
        return
    if error is None:
        task.done.set_result(None)
    else:
        task.done.set_exception(error)


def _resolve(jobs: list[_Job], outcomes: Sequence[Committed]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if not job.done.done():  # else its caller was cancelled
            job.done.set_result(outcome)


def _refuse(jobs: list[_Job]) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(StoreUnavailableError("the store refuses"))
