"""Retention by age waits while the clock has jumped ahead, and says so."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from spanframe_collector import housekeeping
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.housekeeping import keep_within
from spanframe_collector.telemetry import Telemetry
from spanframe_collector.trusted_clock import STEADY_SECONDS, TrustedClock
from spanframe_store.contract.store import Limits
from spanframe_store.sql.admin import SqlAdmin
from spanframe_store.sql.schema import traces
from tests.plugins.otlp import span
from tests.plugins.store import Store

YEAR = 365 * 86_400.0
DAY_MS = 86_400_000
START = 1_700_000_000.0


class Machine:
    """A machine whose clock is set as a test likes."""

    def __init__(self) -> None:
        self.passed = 1000.0
        self.set_by = 0.0

    def now(self) -> float:
        return START + self.passed + self.set_by

    def clock(self, last_written: float | None = START) -> TrustedClock:
        written_ms = None if last_written is None else last_written * 1000
        return TrustedClock(written_ms, self.now, lambda: self.passed)


def test_a_clock_that_goes_evenly_is_trusted() -> None:
    machine = Machine()
    clock = machine.clock()
    for step in (0, 60, 60, 30 * 86_400, 60):  # a suspended machine sleeps for long
        machine.passed += step
        assert clock.look() == (machine.now(), 0)


@pytest.mark.parametrize("set_by", [3600.0, YEAR])
def test_a_jump_is_told_until_the_clock_is_back(set_by: float) -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.look()[1] == 0
    machine.set_by = set_by
    assert clock.look()[1] == pytest.approx(set_by)
    machine.passed += 60
    assert clock.look()[1] == pytest.approx(set_by)
    machine.set_by = 0
    assert clock.look()[1] == 0


def test_a_correction_is_trusted_once_it_has_lasted() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.look()
    machine.set_by = YEAR
    assert clock.look()[1] > 0
    machine.passed += STEADY_SECONDS / 2
    machine.set_by = 2 * YEAR  # another jump: the hour begins anew
    assert clock.look()[1] > 0
    machine.passed += STEADY_SECONDS - 1
    assert clock.look()[1] > 0
    machine.passed += 1
    assert clock.look()[1] == 0


def test_a_clock_that_is_set_back_deletes_less_and_is_trusted() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.look()
    machine.set_by = -YEAR
    assert clock.look() == (machine.now(), 0)


def test_small_steps_are_trusted() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(100):
        machine.passed += 60
        machine.set_by += 30
        assert clock.look()[1] == 0


def test_a_clock_that_is_wrong_from_the_start_is_compared_with_the_store() -> None:
    machine = Machine()
    machine.set_by = YEAR
    assert machine.clock(None).look()[1] == 0
    clock = machine.clock(START)
    assert clock.look()[1] > 0
    machine.set_by = 0
    assert clock.look()[1] == 0


def kept(store: Store, clock: TrustedClock, rounds: int) -> int:
    """Return how many traces some rounds of retention by age and size leave."""

    async def main() -> None:
        queue = CommitQueue(store.writer, Telemetry())
        limits = Limits(age_ms=30 * DAY_MS)
        admin = SqlAdmin(store.engine)
        keeper = asyncio.create_task(
            keep_within(limits, admin, queue, Telemetry(), clock)
        )
        try:
            for _ in range(2 * rounds):
                await asyncio.sleep(housekeeping._PERIOD_SECONDS)
                await queue.perform(lambda: None)
        finally:
            keeper.cancel()
            await queue.close()

    asyncio.run(main())
    with store.engine.connect() as connection:
        return int(
            connection.execute(select(func.count(traces.c.trace_key))).scalar_one()
        )


def test_a_jump_deletes_nothing_and_is_said_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(housekeeping, "_PERIOD_SECONDS", 0.01)
    caplog.set_level("WARNING")
    store.write(*(span(1, trace_id=bytes([n]) * 16) for n in range(1, 6)))
    machine = Machine()
    clock = machine.clock()
    assert kept(store, clock, 2) == 5
    machine.set_by = YEAR
    assert kept(store, clock, 5) == 5
    assert caplog.text.count("has jumped ahead by 8760.0 h") == 1
    machine.set_by = 0
    assert kept(store, clock, 2) == 5
    machine.passed += YEAR  # and this year has passed
    assert kept(store, clock, 5) == 0


def test_the_time_of_the_last_write_is_known(store: Store, tmp_path: Path) -> None:
    admin = SqlAdmin(store.engine)
    written = admin.last_written_ms()
    assert written is not None
    assert abs(written - time.time() * 1000) < 60_000
    if store.engine.dialect.name == "sqlite":
        store.close()
        for path in tmp_path.glob(f"{store.path.name}*"):
            os.utime(path, (START, START))
        assert admin.last_written_ms() == START * 1000
