"""Batches are written here or by another process, and nobody can tell which."""

import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks import workload
from benchmarks.load import over_grpc
from spanframe_collector.second_process import writer as module
from spanframe_collector.second_process.writer import SecondProcessWriter, has_two_cores
from spanframe_store.contract.errors import (
    StoreUnavailableError,
    StoreUnusableError,
)
from spanframe_store.contract.spans import SpanRow
from spanframe_store.otlp import decode_request
from spanframe_store.registry import backend_of
from spanframe_store.sql.mutations import set_trace_tag
from tests.plugins.collector import Collector
from tests.plugins.contents import contents
from tests.plugins.examples import some
from tests.plugins.observed import pid_of
from tests.plugins.otlp import request, span
from tests.plugins.store import Store, stored_spans

Rows = list[SpanRow]


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    return [each.body for each in workload.requests(0, 700)]


@pytest.fixture(scope="module")
def batches(bodies: list[bytes]) -> list[list[Rows]]:
    """Requests, three in a batch, some of them twice."""
    rows = [decode_request(body).rows for body in some(bodies, 2)]
    rows.insert(5, rows[2])
    return [rows[at : at + 3] for at in range(0, len(rows), 3)]


def _writer(store: Store) -> SecondProcessWriter:
    """Return a writer with an engine of its own, which it closes."""
    writer = backend_of(store.url).writer(store.url)
    return SecondProcessWriter(writer, store.url, "full", enabled=True)


@pytest.fixture
def writer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SecondProcessWriter]:
    """A writer that starts its second process at once."""
    monkeypatch.setattr(module, "_MIN_QUEUED_REQUESTS", 0)
    with closing(_writer(store)) as writer:
        yield writer


def child_of(writer: SecondProcessWriter) -> "subprocess.Popen[bytes]":
    assert writer._second is not None
    assert writer._second._running is not None
    process, _ = writer._second._running
    return process


def wait_until_ready(writer: SecondProcessWriter) -> "subprocess.Popen[bytes]":
    deadline = time.monotonic() + 30
    while not (writer._second and writer._second.is_ready):
        assert time.monotonic() < deadline, "no process is ready"
        writer.write([])
    return child_of(writer)


def rows_of(*numbers: int, **fields: Any) -> Rows:
    spans = [span(number, **fields) for number in numbers]
    return decode_request(request(*spans).SerializeToString()).rows


# --- the same is written --------------------------------------------------------------


def test_both_write_the_same(
    store: Store,
    new_store: Callable[[], Store],
    writer: SecondProcessWriter,
    batches: list[list[Rows]],
) -> None:
    with new_store() as plain:
        child = wait_until_ready(writer)
        for batch in batches:
            # Prepared by the thread that decoded them, or not: large ones are not.
            prepared = [writer.pack(batch[0]), *batch[1:]]
            assert writer.write(prepared) == plain.writer.write(batch)
        assert child_of(writer) is child
        assert contents(store) == contents(plain)
        assert stored_spans(store.engine) == stored_spans(plain.engine)


def test_writers_may_take_turns(
    store: Store,
    new_store: Callable[[], Store],
    writer: SecondProcessWriter,
    batches: list[list[Rows]],
) -> None:
    """What either remembers of a trace must not outlive what the other writes."""
    with new_store() as plain:
        wait_until_ready(writer)
        for n, batch in enumerate(batches):
            either = writer._writer if n % 3 == 2 else writer
            assert either.write(batch) == plain.writer.write(batch)
        assert contents(store) == contents(plain)


def test_an_edit_in_between_stays(store: Store, writer: SecondProcessWriter) -> None:
    wait_until_ready(writer)
    tagged = {"mlflow.traceTag.t": "app"}
    first = rows_of(1, attributes=tagged)
    writer.write([first])
    set_trace_tag(store.engine, first[0].trace_id, "t", "edited")
    writer.write([rows_of(2, parent=1, attributes=tagged)])
    [header] = contents(store)[2]
    assert header["tags"] == '{"t":"edited"}'
    assert header["span_count"] == 2


def test_a_locked_store_is_told_alike(
    store: Store, writer: SecondProcessWriter
) -> None:
    child = wait_until_ready(writer)
    with store.locked() as said, pytest.raises(StoreUnavailableError, match=said):
        writer.write([rows_of(1)])
    assert writer.write([rows_of(1)]) == [(1, 0)]
    assert child_of(writer) is child


# --- the process ----------------------------------------------------------------------


def test_a_process_that_is_killed_costs_nothing(
    store: Store, writer: SecondProcessWriter, caplog: pytest.LogCaptureFixture
) -> None:
    child = wait_until_ready(writer)
    prepared = writer.pack(rows_of(1, 2))
    child.kill()
    assert writer.write([prepared]) == [(2, 0)]
    assert writer.write([writer.pack(rows_of(2, 3))]) == [(1, 1)]
    [record] = caplog.records
    assert "second writing process has ended" in record.message
    assert len(stored_spans(store.engine)) == 3
    # Whatever killed it would kill the next one as well.
    assert writer._second is not None
    assert writer._second._running is None


def test_a_process_that_is_killed_at_work_costs_nothing(
    store: Store, writer: SecondProcessWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = wait_until_ready(writer)
    monkeypatch.setattr(module, "_is_stopped", lambda _: False)
    os.kill(child.pid, signal.SIGSTOP)
    threading.Timer(0.3, child.kill).start()
    assert writer.write([rows_of(1, 2), rows_of(3)]) == [(2, 0), (1, 0)]
    assert len(stored_spans(store.engine)) == 3


@pytest.mark.parametrize("size", [1, 10_000], ids=["small", "more than a pipe holds"])
@pytest.mark.parametrize("when", ["before", "at work"])
def test_a_process_that_is_stopped_is_gone_on_without(
    store: Store,
    writer: SecondProcessWriter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    when: str,
) -> None:
    """Nobody continues it, and it may hold the lock of the store."""
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "_MAX_SEND_SECONDS", 0.3)
    child = wait_until_ready(writer)
    rows = rows_of(*range(1, 100), attributes={"filling": bytes(size)})
    if when == "at work":
        seen = module._is_stopped  # it is looked at before it is sent anything

        def stop_later(process: "subprocess.Popen[bytes]") -> bool:
            monkeypatch.setattr(module, "_is_stopped", seen)
            os.kill(process.pid, signal.SIGSTOP)
            return False

        monkeypatch.setattr(module, "_is_stopped", stop_later)
    else:
        os.kill(child.pid, signal.SIGSTOP)
    assert writer.write([rows]) == [(99, 0)]
    assert child.returncode == -signal.SIGKILL
    [record] = caplog.records
    assert "second writing process has ended (it " in record.message
    assert len(stored_spans(store.engine)) == 99


_SILENT = """
import sys, time
from multiprocessing.connection import Connection
connection = Connection(int(sys.argv[-2]))
connection.recv_bytes()
connection.send_bytes(b"ready")
time.sleep(60)
"""


def test_a_process_that_does_not_answer_is_gone_on_without(
    writer: SecondProcessWriter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    program = tmp_path / "python"
    words = shlex.join([sys.executable, "-c", _SILENT])
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(module, "_MAX_ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.02)
    wait_until_killed = time.monotonic() + 30
    number = 0
    while not caplog.records:
        assert time.monotonic() < wait_until_killed
        number += 1
        assert writer.write([rows_of(number)]) == [(1, 0)]
    assert "it did not answer for" in caplog.text


def test_a_process_that_the_system_does_not_end_is_no_second_writer(
    writer: SecondProcessWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite below 3.51.3 can damage a file that two connections write."""
    child = wait_until_ready(writer)
    assert writer._second is not None
    writer._second._ending = child  # as if it waited for a disk, where no signal helps
    with pytest.raises(StoreUnavailableError, match="has not ended"):
        writer.write([rows_of(1)])
    with pytest.raises(StoreUnavailableError, match="has not ended"):
        writer.probe()
    writer._second._running = None
    child.kill()
    child.wait(10)
    assert writer.write([rows_of(1)]) == [(1, 0)]


def test_a_file_that_is_replaced_is_found_out_by_either(
    tmp_path: Path, empty_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MIN_QUEUED_REQUESTS", 0)
    for is_ready in (True, False):
        path = tmp_path / f"{is_ready}.db"
        store = Store(shutil.copy(empty_file, path))
        with closing(_writer(store)) as writer:
            writer.check()
            if is_ready:
                wait_until_ready(writer)
                writer.write([rows_of(1)])
            shutil.copy(empty_file, tmp_path / "new.db")
            (tmp_path / "new.db").replace(path)
            for _ in range(2):
                with pytest.raises(StoreUnusableError, match="was replaced"):
                    writer.write([rows_of(2)])
            with pytest.raises(StoreUnusableError):
                writer.check()
        store.close()
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT * FROM spans").fetchall() == []


def test_a_process_that_cannot_start_costs_nothing(
    writer: SecondProcessWriter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    for number in (1, 2, 3):
        assert writer.write([rows_of(number)]) == [(1, 0)]
    [record] = caplog.records
    assert "The second writing process cannot be started" in record.message


def test_a_process_that_dies_at_its_start_costs_nothing(
    writer: SecondProcessWriter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    deadline = time.monotonic() + 30
    number = 0
    while not caplog.records:
        assert time.monotonic() < deadline
        number += 1
        assert writer.write([rows_of(number)]) == [(1, 0)]
    assert "exit status 1" in caplog.text or "cannot be started" in caplog.text


def test_a_process_that_is_not_needed_ends(
    writer: SecondProcessWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = wait_until_ready(writer)
    monkeypatch.setattr(module, "_MIN_QUEUED_REQUESTS", 100)
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.0)
    assert writer.write([rows_of(1)]) == [(1, 0)]
    assert child.wait(10) == 0


def test_a_process_that_is_asked_nothing_ends(
    writer: SecondProcessWriter,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody sends any more, so that no request comes to end it."""
    monkeypatch.setattr(module, "_IDLE_SECONDS", 1.0)
    child = wait_until_ready(writer)
    assert is_gone(child.pid)
    assert writer.write([rows_of(1)]) == [(1, 0)]
    assert caplog.records == []


def test_the_url_of_the_store_is_nobodys_business(writer: SecondProcessWriter) -> None:
    """It may hold a password, and everybody can read arguments."""
    child = wait_until_ready(writer)
    arguments = Path(f"/proc/{child.pid}/cmdline").read_bytes()
    assert b"spanframe_collector.second_process.worker" in arguments
    assert b"://" not in arguments


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_its_collector(
    tmp_path: Path, fate: signal.Signals
) -> None:
    """Not even while it is busy: a new collector must find the store alone."""
    script = tmp_path / "script.py"
    script.write_text(
        "import time\n"
        "from spanframe_collector.second_process import writer as module\n"
        "from spanframe_store.registry import backend_of\n"
        "module._MIN_QUEUED_REQUESTS = 0\n"
        f"url = 'sqlite:///{tmp_path / 'store.db'}'\n"
        "backend_of(url).admin(url).upgrade()\n"
        "here = backend_of(url).writer(url)\n"
        "writer = module.SecondProcessWriter(here, url, 'full', enabled=True)\n"
        "while not writer._second.is_ready:\n"
        "    writer.write([])\n"
        "print(writer._second._running[0].pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, signal.SIGSTOP)  # as if it were in the middle of a commit
        parent.send_signal(fate)
        parent.wait()
    if sys.platform != "linux":
        os.kill(child, signal.SIGCONT)
    assert is_gone(child)


def is_gone(pid: int) -> bool:
    """Wait for the end of a process that somebody else reaps, or nobody."""
    status = Path(f"/proc/{pid}/stat")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if status.read_text().rpartition(") ")[2].startswith("Z"):
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


# --- in a collector -------------------------------------------------------------------


def children_of(collector: Collector) -> list[int]:
    pid = pid_of(collector)
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def send_all(collector: Collector, bodies: Sequence[bytes]) -> None:
    with over_grpc(collector.target) as export, ThreadPoolExecutor(16) as senders:
        list(senders.map(export, bodies))


def ids_of(bodies: Sequence[bytes]) -> list[tuple[bytes, int]]:
    rows = [row for body in bodies for row in decode_request(body).rows]
    return sorted({(row.trace_id, row.span_id) for row in rows})


def test_a_busy_collector_starts_a_second_process_and_stores_the_same(
    tmp_path: Path, bodies: list[bytes]
) -> None:
    with Collector.running(tmp_path) as collector:
        assert children_of(collector) == []
        send_all(collector, bodies)
        children = children_of(collector)
        send_all(collector, bodies)
        assert collector.terminate() == 0
        assert list(tmp_path.glob("*-wal")) == []  # whoever was the last has cleared up
        found = [(each.trace_id, each.span_id) for each in collector.stored()]
    assert found == ids_of(bodies)
    assert len(children) == has_two_cores()
    assert all(map(is_gone, children))


def test_a_second_process_killed_under_load_loses_nothing(tmp_path: Path) -> None:
    bodies = [each.body for each in workload.requests(0, 1500)]
    killed: list[int] = []

    def kill() -> None:
        deadline = time.monotonic() + 60 * has_two_cores()
        while not killed and time.monotonic() < deadline:
            time.sleep(0.1)
            for pid in children_of(collector):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    with Collector.running(tmp_path) as collector:
        killer = threading.Thread(target=kill)
        killer.start()
        send_all(collector, bodies)  # each is acknowledged, or this raises
        while killer.is_alive():
            send_all(collector, bodies)
        assert collector.terminate() == 0
        found = [(each.trace_id, each.span_id) for each in collector.stored()]
    assert len(killed) == has_two_cores()
    assert found == ids_of(bodies)


def test_the_second_process_can_be_switched_off(
    tmp_path: Path, bodies: list[bytes]
) -> None:
    with Collector.running(tmp_path, "--second-process", "off") as collector:
        send_all(collector, bodies)
        assert children_of(collector) == []
