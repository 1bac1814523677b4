"""Retention: whole traces, oldest first, in portions, space used again."""

import random
from pathlib import Path

import pytest
from sqlalchemy import func, select

from spanframe.errors import InvalidArgumentError
from spanframe_store.contract.store import Limits
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.engines import database_of
from spanframe_store.sql.migrations import check_version
from spanframe_store.sql.retention import (
    count_before,
    prune_portion,
    used_bytes,
)
from spanframe_store.sql.schema import spans, traces
from tests.plugins.otlp import MS, START, span
from tests.plugins.store import Store

NOW_MS = START // MS


def fill(store: Store, count: int, size: int = 10) -> None:
    chance = random.Random(size)  # noqa: S311 - filling
    store.write(
        *(
            span(
                n,
                trace_id=n.to_bytes(16, "big"),
                start_ms=n,
                # What can be compressed fills no file.
                attributes={"filling": chance.randbytes(size)},
            )
            for n in range(1, count + 1)
        )
    )


def traces_left(store: Store) -> int:
    with store.engine.connect() as connection:
        return int(
            connection.execute(select(func.count(traces.c.trace_key))).scalar_one()
        )


def test_only_what_is_too_old_goes(store: Store) -> None:
    fill(store, 10)
    limits = Limits(age_ms=4)
    assert count_before(store.engine, NOW_MS + 6) == 6
    assert prune_portion(store.engine, limits, NOW_MS + 10) == 6
    assert prune_portion(store.engine, limits, NOW_MS + 10) == 0
    assert traces_left(store) == 4


def test_a_trace_without_a_start_goes_by_size_and_not_by_age(store: Store) -> None:
    """Or it would be gone a minute after its sender was told OK."""
    unset = span(77, trace_id=b"u" * 16)
    unset.start_time_unix_nano = unset.end_time_unix_nano = 0
    store.write(unset)
    fill(store, 3)
    assert count_before(store.engine, NOW_MS + 10) == 3
    assert prune_portion(store.engine, Limits(age_ms=0), NOW_MS + 10) == 3
    assert prune_portion(store.engine, Limits(age_ms=0), NOW_MS + 10) == 0
    assert traces_left(store) == 1
    if database_of(store.engine).knows_its_size:
        assert prune_portion(store.engine, Limits(size_bytes=1), NOW_MS) == 1


def test_without_limits_everything_stays(store: Store) -> None:
    fill(store, 3)
    assert prune_portion(store.engine, Limits(), NOW_MS + 10**9) == 0


def test_a_store_over_its_size_loses_the_oldest_and_uses_the_space_again(
    store: Store,
) -> None:
    fill(store, 1500, size=2000)
    full = used_bytes(store.engine)
    assert full is not None
    limits = Limits(size_bytes=full // 2)
    while prune_portion(store.engine, limits, NOW_MS):
        pass
    used = used_bytes(store.engine)
    assert used is not None
    assert used <= full // 2
    with store.engine.connect() as connection:
        oldest = connection.execute(
            select(func.min(traces.c.timestamp_ms))
        ).scalar_one()
        counted = connection.execute(select(func.count(spans.c.span_id))).scalar_one()
    assert oldest > NOW_MS + 500
    assert counted == traces_left(store) < 1500
    before = store.path.stat().st_size
    fill(store, 400, size=2000)
    assert store.path.stat().st_size <= before


def test_a_backup_is_a_whole_store(store: Store, tmp_path: Path) -> None:
    fill(store, 50)
    seen: list[tuple[int, int]] = []
    target = tmp_path / "copy.db"
    database_of(store.engine).backup(
        store.engine, target, lambda done, total: seen.append((done, total))
    )
    copy = open_engine(f"sqlite:///{target}", read_only=True)
    check_version(copy)
    with copy.connect() as connection:
        assert connection.execute(select(func.count(spans.c.span_id))).scalar() == 50
    copy.dispose()
    assert seen[-1][0] == seen[-1][1] > 0


def test_a_backup_overwrites_nothing(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "precious.db"
    target.write_text("precious")
    with pytest.raises(InvalidArgumentError, match="name a file that does not"):
        database_of(store.engine).backup(
            store.engine, target, lambda _done, _total: None
        )
    assert target.read_text() == "precious"
