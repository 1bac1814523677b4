"""Retention in the background goes on, whatever one round of it runs into."""

import asyncio
from collections.abc import Callable, Iterable

import pytest
from sqlalchemy import func, select

from spanframe_collector import housekeeping
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.housekeeping import keep_within
from spanframe_collector.telemetry import Telemetry
from spanframe_store.contract.store import Limits
from spanframe_store.sql.admin import SqlAdmin
from spanframe_store.sql.schema import traces
from tests.plugins.otlp import span
from tests.plugins.store import Store


def sample(telemetry: Telemetry, name: str) -> float:
    value = telemetry.registry.get_sample_value(f"spanframe_{name}_total")
    assert value is not None
    return value


class FaultyPipeline(CommitQueue):
    """Has some faults before it works."""

    def __init__(
        self, store: Store, telemetry: Telemetry, faults: Iterable[Exception]
    ) -> None:
        super().__init__(store.writer, telemetry)
        self._faults = iter(faults)

    async def perform(self, action: Callable[[], None]) -> None:
        for fault in self._faults:
            raise fault
        await super().perform(action)


def keep(
    store: Store, until: Callable[[Telemetry], bool], *faults: Exception
) -> Telemetry:
    """Prune by age until something is true."""
    telemetry = Telemetry()

    async def main() -> None:
        pipeline = FaultyPipeline(store, telemetry, faults)
        limits = Limits(age_ms=60_000)
        keeper = asyncio.create_task(
            keep_within(limits, SqlAdmin(store.engine), pipeline, telemetry)
        )
        try:
            async with asyncio.timeout(60):
                while not until(telemetry) and not keeper.done():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert not keeper.done()
        finally:
            keeper.cancel()
            await pipeline.close()

    asyncio.run(main())
    return telemetry


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_PERIOD_SECONDS", 0.02)


def test_old_traces_go_and_are_counted(store: Store) -> None:
    store.write(*(span(1, trace_id=n.to_bytes(16, "big")) for n in range(1, 601)))
    telemetry = keep(store, lambda t: sample(t, "deleted_traces") >= 600)
    assert sample(telemetry, "deleted_traces") == 600
    assert sample(telemetry, "housekeeping_failures") == 0
    with store.engine.connect() as connection:
        assert connection.execute(select(func.count(traces.c.trace_key))).scalar() == 0


def test_a_fault_of_ours_is_told_and_the_next_round_comes(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.write(span(1))
    faults = (ValueError("a bug"), KeyError("another"))
    telemetry = keep(store, lambda t: sample(t, "deleted_traces") == 1, *faults)
    assert sample(telemetry, "housekeeping_failures") == 2
    assert caplog.text.count("Retention failed by a fault of spanframe") == 2


def test_a_damaged_store_does_not_end_it(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.write(span(1))
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE traces")
    keep(store, lambda t: sample(t, "housekeeping_failures") >= 2)
    assert "Retention could not delete old traces" in caplog.text
