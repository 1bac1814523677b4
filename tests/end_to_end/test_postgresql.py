"""Collectors that share a server, and a server that comes and goes."""

import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from sqlalchemy import select

from spanframe_query.stores import close_stores
from spanframe_store.sql import schema
from tests.plugins.at_rest import patience
from tests.plugins.collector import Collector
from tests.plugins.contents import contents
from tests.plugins.delivered import assert_whole_and_once
from tests.plugins.examples import some
from tests.plugins.exports import EXPORT, UNLIMITED, export
from tests.plugins.load import Load
from tests.plugins.otlp import request, span
from tests.plugins.postgresql import Server
from tests.plugins.store import Store

KILLS = 50
BACK_SECONDS = 2


@pytest.fixture
def server(postgresql_model: Path) -> Iterator[Server]:
    """A server of this test's own, since it ends it; nothing it commits is delayed."""
    server = Server({}, postgresql_model)
    server.start()
    yield server
    close_stores()
    server.close()


def refused(target: str, body: bytes) -> float | None:
    """Export; return after how many seconds to try again, None when taken."""
    with grpc.insecure_channel(target, options=UNLIMITED) as channel:
        answer = channel.unary_unary(EXPORT).future(body, timeout=10)
        if answer.code() is grpc.StatusCode.OK:
            return None
        assert answer.code() is grpc.StatusCode.UNAVAILABLE
        metadata = dict(answer.trailing_metadata())
    status = Status.FromString(metadata["grpc-status-details-bin"])
    hint = RetryInfo()
    assert status.details[0].Unpack(hint)
    return float(hint.retry_delay.ToTimedelta().total_seconds())


@pytest.mark.slow
@pytest.mark.alone
def test_a_server_that_restarts_is_waited_for(server: Server, tmp_path: Path) -> None:
    """Refused with a hint meanwhile, taken soon after, and what was OK is there."""
    with Collector.running(tmp_path, store=server.url()) as collector:
        load = Load(collector.target)
        body = request(span(1)).SerializeToString()
        for end in (server.stop, server.crash):
            with load.running():
                load.wait_for_answers(30)
                end()
            hint = refused(collector.target, body)
            assert hint is not None
            assert hint > 0
            server.start()
            back = time.monotonic()
            while refused(collector.target, body) is not None:
                assert time.monotonic() - back < BACK_SECONDS * patience()
                time.sleep(0.02)
        load.send_unanswered_again()
        assert_whole_and_once(load.answered, collector.store)
        assert "Traceback" not in collector.log


def backends(server: Server) -> list[int]:
    with server.connect() as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'spanframe'"
        ).fetchall()
    return [pid for (pid,) in found]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_sessions_that_are_killed_under_load_lose_nothing(
    server: Server, tmp_path: Path
) -> None:
    """Most are ended by an administrator; every tenth is killed, and all with it."""
    with Collector.running(tmp_path, store=server.url()) as collector:
        load = Load(collector.target)
        killed = 0
        with load.running():
            while killed < len(some(range(KILLS))):
                load.wait_for_answers(1)
                time.sleep(random.uniform(0, 0.05))  # noqa: S311 - no secret
                for pid in backends(server):
                    killed += 1
                    if killed % 10 == 0:
                        os.kill(pid, signal.SIGKILL)
                        server.wait()
                    else:
                        with server.connect() as connection:
                            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            load.wait_for_answers(1)
        load.send_unanswered_again()
        assert_whole_and_once(load.answered, collector.store)
        assert "Traceback" not in collector.log


def spans_of_many_traces() -> list[bytes]:
    """Requests whose traces, tags, experiments and scopes meet each other's."""
    requests = []
    for number, trace in itertools.product(range(12), range(10)):
        trace_id = bytes([trace + 1]) * 16
        attributes = {
            f"mlflow.traceTag.t{number % 5}": f"v{number}",
            "spanframe.experiment": f"experiment {(number + trace) % 7}",
            "mlflow.chat.tokenUsage": '{"input_tokens": 1, "output_tokens": 2}',
        }
        message = span(
            number + 1,
            parent=number // 2 or None,
            trace_id=trace_id,
            start_ms=number,
            attributes=attributes,
        )
        resource = {"service.name": f"service {number % 4}"}
        body = request(message, resource=resource, scope=f"scope {trace % 3}")
        requests.append(body.SerializeToString())
    return requests


def headers_by_experiment_name(store: Store) -> Any:
    """What a store holds; the numbers of experiments are in order of arrival."""
    with store.engine.connect() as connection:
        query = select(schema.experiments.c.experiment_id, schema.experiments.c.name)
        names = dict(tuple(row) for row in connection.execute(query))
    *found, headers = contents(store)
    return found, [{**h, "experiment_id": names[h["experiment_id"]]} for h in headers]


@pytest.mark.slow
def test_four_collectors_are_sent_the_same_spans_in_different_order(
    postgresql: Server, new_postgresql_store: Callable[[], Store], tmp_path: Path
) -> None:
    bodies = spans_of_many_traces()
    shared, straight = new_postgresql_store(), new_postgresql_store()
    with ExitStack() as stack:
        collectors = [
            stack.enter_context(
                Collector.running(tmp_path / str(number), store=shared.url)
            )
            for number in range(4)
        ]

        def send(collector: Collector) -> None:
            order = random.Random(collector.target).sample(bodies, len(bodies))  # noqa: S311
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda body: export(collector.target, body), order))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, collectors))
        assert not any("refuses" in each.log for each in collectors)
    with Collector.running(tmp_path / "straight", store=straight.url) as collector:
        for body in bodies:
            export(collector.target, body)
    assert headers_by_experiment_name(shared) == headers_by_experiment_name(straight)
    with shared.engine.connect() as connection:
        stored = connection.execute(select(schema.spans.c.span_id)).all()
    assert len(stored) == len(bodies)
    with postgresql.connect() as administrator:
        deadlocks = administrator.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = %s",
            [shared.engine.url.database],
        ).fetchall()
    assert deadlocks == [(0,)]
