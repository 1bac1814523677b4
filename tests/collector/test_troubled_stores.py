"""A store in trouble, seen from outside: senders keep their spans, health says so."""

import os
import shutil
import signal
import socket
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from spanframe_query.stores import close_stores
from tests.plugins.at_rest import patience
from tests.plugins.collector import Collector
from tests.plugins.delivered import assert_whole_and_once
from tests.plugins.exports import code_of, export, message
from tests.plugins.load import Load
from tests.plugins.observed import locked, path_of, rows
from tests.plugins.postgresql import Server

READY_SECONDS = 6
STOP_SECONDS = 5
SERVING = health_pb2.HealthCheckResponse.SERVING


def is_ready(collector: Collector) -> bool:
    """Ask both listeners, which have to agree within one look at the store."""
    deadline = time.monotonic() + 2
    while (over_http := _http_ready(collector)) != _grpc_ready(collector):
        assert time.monotonic() < deadline
    return over_http


def _http_ready(collector: Collector) -> bool:
    url = f"{collector.http_endpoint}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - its own
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return False


def _grpc_ready(collector: Collector) -> bool:
    with grpc.insecure_channel(collector.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
    return bool(answer.status == SERVING)


def seconds_until(collector: Collector, *, ready: bool) -> float:
    begun = time.monotonic()
    while is_ready(collector) != ready:
        assert time.monotonic() - begun < 20
        time.sleep(0.02)
    return time.monotonic() - begun


def said(collector: Collector, text: str) -> int:
    return collector.log.count(text)


# --- a file that cannot be used -------------------------------------------------------


def assert_refused_and_said_once(collector: Collector) -> None:
    for number in range(2, 5):
        # Not OK with "this span can never be stored" in it: it is sent again.
        code = code_of(collector.target, message(number))
        assert code == grpc.StatusCode.UNAVAILABLE
    seconds_until(collector, ready=False)
    assert said(collector, "The store does not take spans") == 1
    assert said(collector, "until the collector is restarted") == 1
    assert said(collector, "Traceback") == 0
    assert collector.terminate() == 0


def test_a_file_that_was_deleted_is_not_ready_until_a_restart_makes_one(
    collector: Collector,
) -> None:
    export(collector.target, message(1))
    path_of(collector).unlink()
    assert_refused_and_said_once(collector)
    collector.restart()
    export(collector.target, message(2))
    assert rows(collector, "SELECT span_id FROM spans") == [(2,)]


def test_a_file_that_is_damaged_is_not_ready(tmp_path: Path, empty_file: Path) -> None:
    path = Path(shutil.copy(empty_file, tmp_path / "spanframe.db"))
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'spans'"
        [(page,)] = connection.execute(query).fetchall()
        [(size,)] = connection.execute("PRAGMA page_size").fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    with Collector.running(tmp_path) as collector:
        assert_refused_and_said_once(collector)
        assert said(collector, "restore a backup") == 1


def test_a_file_that_is_deleted_while_nobody_sends_is_noticed(
    collector: Collector,
) -> None:
    path_of(collector).unlink()
    seconds_until(collector, ready=False)
    assert not path_of(collector).exists()


@pytest.mark.alone
def test_a_file_that_is_deleted_under_load_costs_no_answer_of_ok(
    collector: Collector,
) -> None:
    load = Load(collector.target)
    with load.running():
        load.wait_for_answers(50)
        path_of(collector).unlink()
        deleted = time.monotonic()
        seconds_until(collector, ready=False)
        assert time.monotonic() - deleted < patience()
        answered = len(load.answered)
        time.sleep(0.2)
        assert len(load.answered) == answered
    assert not path_of(collector).exists()


def test_a_log_that_is_deleted_costs_no_span(collector: Collector) -> None:
    load = Load(collector.target)
    with load.running():
        load.wait_for_answers(50)
        path = path_of(collector)
        path.with_name(path.name + "-wal").unlink()
        seconds_until(collector, ready=False)
    collector.kill9()
    collector.restart()
    assert_whole_and_once(load.answered, collector.store)
    close_stores()


# --- readiness, both ways -------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.alone
def test_readiness_is_right_in_time_both_ways(collector: Collector) -> None:
    load = Load(collector.target)
    with load.running():
        load.wait_for_answers(20)
        with locked(collector):
            assert seconds_until(collector, ready=False) < READY_SECONDS * patience()
        assert seconds_until(collector, ready=True) < READY_SECONDS * patience()
    assert said(collector, "The store does not take spans") == 1
    assert said(collector, "The store takes spans again") <= 1
    load.send_unanswered_again()
    assert_whole_and_once(load.answered, collector.store)
    close_stores()


# --- a stop ---------------------------------------------------------------------------


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Stop every process of a server: it keeps its sessions and answers nothing."""
    assert server._process is not None
    main = server._process.pid
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    processes = [main, *map(int, children)]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def server(postgresql_model: Path) -> Iterator[Server]:
    """A server of this test's own, since it stops it."""
    server = Server({}, postgresql_model)
    server.start()
    yield server
    close_stores()
    server.close()


@pytest.mark.slow
@pytest.mark.alone
def test_a_stop_is_in_time_while_the_server_hangs(
    server: Server, tmp_path: Path
) -> None:
    with Collector.running(tmp_path, store=server.url()) as collector:
        load = Load(collector.target)
        with load.running():
            load.wait_for_answers(20)
            with frozen(server):
                begun = time.monotonic()
                assert collector.terminate() == 0
                assert time.monotonic() - begun < (STOP_SECONDS + 0.5) * patience()
        assert said(collector, "the collector ends without it") == 1
        assert said(collector, "Traceback") == 0
        collector.restart()
        load.send_unanswered_again()
        assert_whole_and_once(load.answered, collector.store)


def test_a_stop_during_the_start_does_not_wait_for_the_store(tmp_path: Path) -> None:
    """It waits for a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        store = f"postgresql+psycopg://user@127.0.0.1:{port}/spans"
        collector = Collector(tmp_path, store=store)
        process = collector._started(["collector", "--store", store])
        connection, _ = silent.accept()
        with connection:
            process.terminate()
            assert process.wait(3) == 0
    assert "Stopped before the store was open" in collector.log
