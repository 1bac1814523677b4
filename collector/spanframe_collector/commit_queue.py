"""From decoded requests to committed spans: group commit by one writing thread.

While one transaction commits, the requests that arrive meanwhile gather for the next,
so a lone request waits for nobody and a busy collector pays one fsync for many.
`CommitQueue.commit` returns after COMMIT; that is what makes OK mean committed.
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

from spanframe_collector.store_health import StoreHealth
from spanframe_collector.telemetry import Telemetry
from spanframe_store.contract.errors import RowsRefusedError, StoreUnavailableError
from spanframe_store.contract.spans import SpanRow
from spanframe_store.contract.store import Writer, Written

__all__ = ["CommitQueue", "Committed", "Pack", "unpacked"]

_log: Final = logging.getLogger(__name__)

_BATCH_SPANS: Final = 4096
"""Spans in one transaction: enough to pay for its fsync, few enough to stay short, and
for the memory that their rows take in the process that writes."""

_PART_WEIGHT: Final = 2048
"""Of one request in one transaction, in spans; a larger one takes turns with others."""

_FACTS_OF_A_SPAN: Final = 8
"""As many tags, each a row of its own, cost what a span does."""

_PROBE_SECONDS: Final = 0.5

Pack = Callable[[Sequence[SpanRow]], Sequence[SpanRow]]
"""Makes rows a sequence of rows that a writer takes faster."""


def unpacked(rows: Sequence[SpanRow]) -> Sequence[SpanRow]:
    """Return rows as they are."""
    return rows


@dataclasses.dataclass(frozen=True)
class Committed:
    """What became of the spans of one request."""

    stored: int
    duplicates: int
    refused: int = 0
    """Spans the store can never hold."""

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
    """Owns the writing thread of one store."""

    def __init__(
        self, writer: Writer, telemetry: Telemetry, pack: Pack = unpacked
    ) -> None:
        """Start the writing thread.

        Args:
            writer: of the store; used by that thread alone.
            telemetry: counts.
            pack: makes the rows of a part what the writer takes fastest; called in any
                thread.
        """
        self._writer = writer
        self._telemetry = telemetry
        self._pack = pack
        self.health = StoreHealth()
        self._jobs: queue.SimpleQueue[_Job | _Task | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spanframe-writer")
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def prepared(self, rows: list[SpanRow]) -> list[Sequence[SpanRow]]:
        """Return the rows of a request as `commit` takes them; for any thread."""
        return [self._pack(part) for part in _parts(rows)]

    async def commit(self, parts: Iterable[Sequence[SpanRow]]) -> Committed:
        """Return after the rows of a request are committed, a large number in parts.

        A caller that is cancelled leaves nothing behind of the parts that are not taken
        up yet; the others are committed all the same.

        Args:
            parts: the rows, `prepared`.

        Raises:
            StoreUnavailableError: when the store refuses for now; earlier parts stay.
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
            # The job may wait in the queue of a store that is down; its rows must not.
            job.rows = ()

    async def perform(self, action: Callable[[], None]) -> None:
        """Do something else with the store, between two commits.

        Only this thread writes: SQLite below 3.51.3 can damage a WAL database that two
        connections write and checkpoint at the same moment.

        Raises:
            Exception: what the action raises.
        """
        task = _Task(action, self._loop.create_future())
        self._jobs.put(task)
        await task.done

    async def close(self) -> None:
        """Commit everything that was taken in, then end the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            jobs, then = self._gather()
            try:
                if jobs:
                    self._commit(jobs)
                elif then is _NOTHING and self.health.is_down:
                    self._probe()
            except Exception:  # noqa: BLE001 - the thread outlives our own faults
                _log.exception("A batch cannot be written")
                self._telemetry.fault(sum(len(job.rows) for job in jobs))
                self._refuse(jobs)
            if isinstance(then, _Task):
                self._perform(then)
            elif then is None:
                return

    def _gather(self) -> tuple[list[_Job], _Task | _Nothing | None]:
        """Wait for a request, and take with it what has come since the last commit.

        Returns:
            The requests, none when the store is down and it is time to ask it; and what
            comes after them: a task, None for the end, or nothing yet.
        """
        jobs: list[_Job] = []
        size = 0
        try:
            # A store that serves is not asked; one that is down must be, as senders
            # that wait would never find out.
            item = self._jobs.get(
                timeout=_PROBE_SECONDS if self.health.is_down else None
            )
            while isinstance(item, _Job):
                if not item.done.cancelled():
                    self._telemetry.wait_seconds.observe(time.monotonic() - item.since)
                    jobs.append(item)
                    size += len(item.rows)
                if size >= _BATCH_SPANS:
                    return jobs, _NOTHING
                item = self._jobs.get_nowait()
        except queue.Empty:
            return jobs, _NOTHING
        return jobs, item

    def _perform(self, task: _Task) -> None:
        error: Exception | None = None
        try:
            task.action()
        except Exception as raised:  # noqa: BLE001 - its caller hears of it
            error = raised
        self._loop.call_soon_threadsafe(_finish, task, error)

    def _probe(self) -> None:
        try:
            self._writer.probe()
        except StoreUnavailableError as error:
            self.health.refused(str(error))
        else:
            self.health.served()

    def _commit(self, jobs: list[_Job]) -> None:
        """Commit several requests in one transaction; part them if one is to blame."""
        try:
            written = self._write([job.rows for job in jobs])
        except StoreUnavailableError as error:
            self.health.refused(str(error))
            self._refuse(jobs)
        except RowsRefusedError as error:
            if len(jobs) > 1:
                middle = len(jobs) // 2
                self._commit(jobs[:middle])
                self._commit(jobs[middle:])
            else:
                self._commit_parts(jobs[0], error)
        else:
            self._answer(jobs, [Committed(*of_request) for of_request in written])

    def _write(self, requests: Sequence[Sequence[SpanRow]]) -> list[Written]:
        with self._telemetry.commit_seconds.time():
            written = self._writer.write(requests)
        self._telemetry.committed_now()
        self.health.served()
        return written

    def _commit_parts(self, job: _Job, error: RowsRefusedError) -> None:
        """Find the rows of a request that the store cannot hold; commit the others."""
        try:
            self._answer([job], [self._bisect(job.rows, error)])
        except StoreUnavailableError as failure:
            self.health.refused(str(failure))
            self._refuse([job])

    def _bisect(self, rows: Sequence[SpanRow], error: RowsRefusedError) -> Committed:
        if len(rows) == 1:
            _log.warning("The store cannot hold a span: %s", error)
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

    def _answer(self, jobs: list[_Job], outcomes: Sequence[Committed]) -> None:
        self._loop.call_soon_threadsafe(_resolve, jobs, outcomes)

    def _refuse(self, jobs: list[_Job]) -> None:
        self._loop.call_soon_threadsafe(_fail, jobs)


def _parts(rows: list[SpanRow]) -> Iterator[list[SpanRow]]:
    """Yield the rows in parts of bounded weight; nothing for no rows."""
    begin = weight = 0
    for position, row in enumerate(rows):
        weight += 1 + len(row.own_facts) // _FACTS_OF_A_SPAN
        if weight >= _PART_WEIGHT:
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
        if not job.done.done():  # else its caller has given up
            job.done.set_result(outcome)


def _fail(jobs: list[_Job]) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_exception(StoreUnavailableError("the store refuses"))
