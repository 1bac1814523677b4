"""Requests passed on to a second endpoint: masked, retried, never in the way."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spanframe.errors import SettingsError
from spanframe_collector.settings import CollectorSettings
from tests.collector.test_grpc_receiver import export, rows
from tests.plugins.collector import Collector
from tests.plugins.otlp import request, span


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def spans_in(collector: Collector) -> list[tuple[int]]:
    return rows(collector, "SELECT span_id FROM spans ORDER BY span_id")


def test_what_is_accepted_is_passed_on_masked(tmp_path: Path) -> None:
    with Collector.running(tmp_path / "behind") as behind:
        options = ["--forward-endpoint", behind.endpoint, "--mask-keys", "password"]
        with Collector.running(tmp_path / "front", *options) as front:
            secret = {"password": "hunter2", "open": "kept"}
            message = request(span(1, attributes=secret), span(0))
            answer = export(front.target, message.SerializeToString())
            assert answer.partial_success.rejected_spans == 1
            assert eventually(lambda: spans_in(behind) == [(1,)])
            for collector in (front, behind):
                [body] = [stored.body for stored in collector.stored()]
                assert b"hunter2" not in body
                assert b"[redacted]" in body
                assert b"kept" in body


def test_an_endpoint_that_is_away_delays_nothing_and_gets_it_later(
    tmp_path: Path,
) -> None:
    behind = Collector(tmp_path / "behind")
    behind.start()
    behind.kill9()
    options = ["--forward-endpoint", behind.endpoint]
    with Collector.running(tmp_path / "front", *options) as front:
        for n in (1, 2, 3):
            export(front.target, request(span(n)).SerializeToString())
        assert spans_in(front) == [(1,), (2,), (3,)]
        behind.restart()
        try:
            assert eventually(lambda: spans_in(behind) == [(1,), (2,), (3,)])
        finally:
            behind.kill9()


def test_a_full_queue_leaves_out_and_counts(tmp_path: Path) -> None:
    options = ["--forward-endpoint", "http://127.0.0.1:9"]
    options += ["--forward-queue-bytes", "6000"]
    with Collector.running(tmp_path / "front", *options) as front:
        for n in (1, 2, 3):
            big = request(span(n, attributes={"filling": "x" * 5000}))
            export(front.target, big.SerializeToString())
        assert front.terminate() == 0
        assert "1 requests were not passed on" in front.log
        assert "the endpoint does not take requests now: UNAVAILABLE" in front.log
        assert "2 forwarded (queue_full)" in front.log
        assert spans_in(front) == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("setting", "value", "why"),
    [
        ("mask_keys", "(", "not a regular expression"),
        ("forward_endpoint", "elsewhere", "write http://HOST:PORT"),
    ],
)
def test_bad_settings_are_told(setting: str, value: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        CollectorSettings.load({setting: value}, {})
    assert setting in str(caught.value)
