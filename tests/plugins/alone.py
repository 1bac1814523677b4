"""Tests side by side in several workers, and at the end those that want the machine.

There are two workers for each core: half of the time a test waits, for a collector, a
disk, a clock. Each begins with its share of the tests that are marked ``slow``, so that
none of these is the last that all others wait for.

A test that bounds a time, or how fast something is, is marked ``alone``. When
pytest-xdist runs the tests, as `make test` has it do, these wait until all others are
done and all workers but one have ended. Without it they run where they stand.
"""

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

import pytest
from xdist.scheduler import WorkStealingScheduling
from xdist.scheduler.worksteal import MIN_PENDING

MAX_WORKERS: Final = 8
"""Maximum workers: each has a PostgreSQL server and some 300 MB of memory."""

_MARKS: Final = ("alone", "slow")
"""What a worker tells the controller of a test: an ``@`` and the mark end its id."""


class AloneAtTheEnd(WorkStealingScheduling):  # type: ignore[misc] # it has no types
    """Lets workers take each other's tests, and the last of them do the rest."""

    collection: list[str] | None
    pending: list[int]

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        self._alone: list[int] = []

    def schedule(self) -> None:
        """Begin, once every worker has told what it found."""
        if self.collection is None and self._check_nodes_have_same_collection():
            self.collection = next(iter(self.node2collection.values()))
            alone, slow, others = (
                [i for i, name in enumerate(self.collection) if _mark_of(name) == mark]
                for mark in (*_MARKS, "")
            )
            self._alone = alone
            share = len(self.nodes)
            self.pending += [
                index
                for first in range(share)
                for index in (slow + others)[first::share]
            ]
        self.check_schedule()

    @property
    def tests_finished(self) -> bool:
        """Whether no worker will be given anything more."""
        return not self._alone and bool(super().tests_finished)

    def check_schedule(self) -> None:
        """Give tests to workers that have run out of them, or end these workers."""
        if self._alone and not self.pending and not self.steal_requested_from_node:
            up = [node for node in self.nodes if not node.shutting_down]
            if all(len(self.node2pending[node]) < MIN_PENDING for node in up):
                for node in up[1:]:
                    node.shutdown()
                if len(self.nodes) > 1:
                    return  # the others are at their last test
                self.pending, self._alone = self._alone, []
        super().check_schedule()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers ``--numprocesses auto`` starts."""
    return min(2 * (os.cpu_count() or 1), MAX_WORKERS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> AloneAtTheEnd:
    """Have the tests distributed by the scheduler above."""
    return AloneAtTheEnd(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection_finish(session: pytest.Session) -> Iterator[None]:
    """Tell the controller, in what a worker sends of its tests, how they are marked."""
    items = session.items
    if hasattr(session.config, "workerinput"):
        session.items = [_marked(item) for item in items]
    yield
    session.items = items


def _marked(item: pytest.Item) -> Any:
    for mark in _MARKS:
        if item.get_closest_marker(mark) is not None:
            return SimpleNamespace(nodeid=f"{item.nodeid}@{mark}")
    return item


def _mark_of(name: str) -> str:
    end = name.rpartition("@")[2]
    return end if end in _MARKS else ""
