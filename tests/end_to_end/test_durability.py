"""What was answered OK is stored, whatever ends the collector."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from spanframe_query.stores import close_stores
from tests.plugins.collector import Collector
from tests.plugins.delivered import assert_whole_and_once
from tests.plugins.load import Batch, Load
from tests.plugins.store import Store

ROUNDS = 4


@pytest.fixture
def collector(store: Store, tmp_path: Path) -> Iterator[Collector]:
    """A collector on a store of each engine."""
    folder = tmp_path / "collector"
    with Collector.running(folder, store=store.url) as collector:
        yield collector
    close_stores()


@pytest.mark.slow
def test_spans_answered_ok_survive_kill_9_under_load(collector: Collector) -> None:
    load = Load(collector.target)
    for round_number in range(ROUNDS):
        with load.running():
            load.wait_for_answers(20 + 30 * round_number)
            collector.kill9()
        collector.restart()
    assert_whole_and_once(load.answered, collector.store)

    load.send_unanswered_again()

    assert_whole_and_once(load.answered, collector.store)


@pytest.mark.slow
def test_sigterm_under_load_ends_with_0_and_loses_nothing(collector: Collector) -> None:
    load = Load(collector.target)
    with load.running():
        load.wait_for_answers(100)
        assert collector.terminate() == 0
    collector.restart()

    assert_whole_and_once(load.answered, collector.store)


def test_a_batch_sent_twice_is_stored_once(collector: Collector) -> None:
    load = Load(collector.target)
    batch = Batch.new()
    load.unanswered = [batch, batch, batch]
    load.send_unanswered_again()

    assert_whole_and_once([batch], collector.store)
