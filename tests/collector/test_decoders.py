"""Requests are decoded here or in another process, and nobody can tell which."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import workload
from benchmarks.load import over_grpc
from spanframe_collector import decoders as module
from spanframe_collector.decode import Decoded, EnvelopeError, decode_request
from spanframe_collector.decode.packing import dump_facts, load_facts, pack, unpack
from spanframe_collector.decoders import Decoders, has_two_cores
from spanframe_collector.rows import Contents, Fact, Rank, Source
from tests.collector.test_faults import pid_of
from tests.plugins.collector import Collector
from tests.plugins.otlp import request, span
from tests.query.hostile import HOSTILE

FACTS = (Fact("experiment_id", Source.RESOURCE, "7"),)


def types_of(decoded: Decoded) -> list[tuple[type, ...]]:
    return [tuple(map(type, row)) for row in decoded.rows]


# --- packed and unpacked --------------------------------------------------------------


@given(
    st.lists(
        st.builds(
            span,
            st.sampled_from([1, 2, (1 << 64) - 1]),
            parent=st.sampled_from([None, 1]),
            trace_id=st.sampled_from([b"a" * 16, b"\xff" * 16, bytes(16)]),
            name=st.text(),
            attributes=st.dictionaries(
                st.sampled_from(
                    [
                        "mlflow.traceTag.t",
                        "spanframe.metadata.m",
                        "mlflow.spanInputs",
                        "mlflow.spanOutputs",
                        "gen_ai.usage.input_tokens",
                    ]
                ),
                st.text() | st.integers(0, 1 << 62),
            ),
            status=st.just({"code": 2}),
        ),
        max_size=6,
    )
)
def test_what_is_unpacked_is_what_was_packed(messages: list[Any]) -> None:
    body = request(*messages, resource={"a": "\N{SNOWMAN}", "b": [1, {"c": b"\xff"}]})
    decoded = decode_request(body.SerializeToString(), FACTS)
    again = unpack(pack(decoded))
    assert again == decoded
    assert types_of(again) == types_of(decoded)


def test_contents_and_rejections_survive() -> None:
    inputs = {"mlflow.spanInputs": '{"q": "\\ud83d"}'}
    good, bad = span(1, attributes=inputs), span(2, trace_id=bytes(16))
    decoded = decode_request(request(good, bad).SerializeToString())
    again = unpack(pack(decoded))
    assert again.rejected == decoded.rejected == [("invalid_trace_id", 1)]
    [row] = again.rows
    assert row.contents == Contents('{"q": "\\ud83d"}', None)
    assert row.rank is Rank.ROOT


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_survives(text: str) -> None:
    attributes = {f"mlflow.traceTag.{text}": text, "mlflow.spanInputs": text}
    message = request(span(1, name=text, attributes=attributes), resource={text: text})
    decoded = decode_request(message.SerializeToString())
    assert unpack(pack(decoded)) == decoded


def test_scopes_and_resources_are_not_mixed_up() -> None:
    messages = [
        request(span(n), resource={"n": n % 3}, scope=f"scope {n % 2}")
        for n in range(1, 13)
    ]
    decoded = decode_request(b"".join(m.SerializeToString() for m in messages))
    assert unpack(pack(decoded)) == decoded
    assert len({row.resource for row in decoded.rows}) == 3


@given(st.lists(st.builds(Fact, st.text(), st.sampled_from(Source), st.text())))
def test_facts_of_a_request_survive(facts: list[Fact]) -> None:
    again = load_facts(dump_facts(tuple(facts)))
    assert again == tuple(facts)
    assert all(type(fact.source) is Source for fact in again)


# --- the process ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    return [each.body for each in workload.requests(0, 700)]


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoders]:
    """Decoders that call for help at once."""
    monkeypatch.setattr(module, "_QUEUE", 0)
    with closing(Decoders(helped=True)) as decoders:
        yield decoders


def decode(decoders: Decoders, body: bytes) -> Decoded:
    def work(decode_: module.Decode) -> Decoded:
        return decode_(body, FACTS)

    return asyncio.run(decoders.run(len(body), work))


def child_of(decoders: Decoders) -> "subprocess.Popen[bytes]":
    helper = decoders._helper
    assert helper is not None
    assert helper._process is not None
    return helper._process


def wait_for_help(decoders: Decoders, body: bytes) -> "subprocess.Popen[bytes]":
    deadline = time.monotonic() + 30
    while not (decoders._helper and decoders._helper._is_ready):
        assert time.monotonic() < deadline, "no process has come"
        decode(decoders, body)
    return child_of(decoders)


def test_both_decode_the_same(helped: Decoders, bodies: list[bytes]) -> None:
    wait_for_help(helped, bodies[0])
    for body in bodies:
        assert decode(helped, body) == decode_request(body, FACTS)


def test_a_fault_in_the_envelope_is_told_alike(
    helped: Decoders, bodies: list[bytes]
) -> None:
    child = wait_for_help(helped, bodies[0])
    broken = bodies[0][:-7]
    with pytest.raises(EnvelopeError):
        decode(helped, broken)
    assert decode(helped, bodies[0]) == decode_request(bodies[0], FACTS)
    assert child_of(helped) is child


@pytest.mark.parametrize("seed", range(8))
def test_damaged_requests_end_nothing(
    helped: Decoders, bodies: list[bytes], seed: int
) -> None:
    child = wait_for_help(helped, bodies[0])
    damaged = bytearray(bodies[seed])
    for at in range(seed, len(damaged), 997):
        damaged[at] ^= 1 << (at % 8)
    try:
        expected = decode_request(bytes(damaged), FACTS)
    except EnvelopeError:
        with pytest.raises(EnvelopeError):
            decode(helped, bytes(damaged))
    else:
        assert decode(helped, bytes(damaged)) == expected
    assert child_of(helped) is child
    assert child.poll() is None


def test_what_is_small_is_not_handed_over(
    helped: Decoders, bodies: list[bytes]
) -> None:
    child = wait_for_help(helped, bodies[0])
    os.kill(child.pid, signal.SIGSTOP)  # it would not answer
    small = request(span(1)).SerializeToString()
    assert decode(helped, small) == decode_request(small, FACTS)
    os.kill(child.pid, signal.SIGCONT)


def test_a_process_that_is_killed_costs_nothing(
    helped: Decoders, bodies: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    child = wait_for_help(helped, bodies[0])
    child.kill()
    for body in bodies[:3]:
        assert decode(helped, body) == decode_request(body, FACTS)
    assert [record.message for record in caplog.records] == [
        "The process that helps decoding has ended; going on alone"
    ]
    # Whatever killed it would kill the next one as well.
    assert helped._helper is not None
    assert helped._helper._process is None


def test_a_process_that_cannot_start_costs_nothing(
    helped: Decoders,
    bodies: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    for body in bodies[:3]:
        assert decode(helped, body) == decode_request(body, FACTS)
    [record] = caplog.records
    assert "No process can be started to help decoding" in record.message


def test_a_process_that_dies_at_its_start_costs_nothing(
    helped: Decoders,
    bodies: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    deadline = time.monotonic() + 30
    while not caplog.records:
        assert time.monotonic() < deadline
        assert decode(helped, bodies[0]) == decode_request(bodies[0], FACTS)
    assert "does not start" in caplog.text


def test_a_process_that_is_not_needed_ends(
    helped: Decoders, bodies: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = wait_for_help(helped, bodies[0])
    monkeypatch.setattr(module, "_QUEUE", 100)
    monkeypatch.setattr(module, "_IDLE_SECONDS", 0.0)
    small = request(span(1)).SerializeToString()
    assert decode(helped, small) == decode_request(small, FACTS)
    assert child.wait(10) == 0


def test_a_process_that_is_asked_nothing_ends(
    helped: Decoders,
    bodies: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody sends any more, so that no request comes to end it."""
    monkeypatch.setattr(module, "_IDLE_SECONDS", 1.0)
    child = wait_for_help(helped, bodies[0])
    pid = child.pid
    assert is_gone(pid)
    assert decode(helped, bodies[0]) == decode_request(bodies[0], FACTS)
    assert caplog.records == []


def test_no_process_outlives_its_collector(tmp_path: Path) -> None:
    """A pipe that closes ends it, however the other end dies."""
    script = tmp_path / "script.py"
    script.write_text(
        "import time\n"
        "from spanframe_collector.decoders import _Helper\n"
        "helper = _Helper()\n"
        "helper.call(needed=True)\n"
        "while not helper.is_ready():\n"
        "    time.sleep(0.01)\n"
        "print(helper._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
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


def helpers_of(collector: Collector) -> list[int]:
    pid = pid_of(collector)
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def send_all(collector: Collector, bodies: list[bytes]) -> None:
    with over_grpc(collector.target) as export, ThreadPoolExecutor(16) as senders:
        list(senders.map(export, bodies))


def test_a_busy_collector_calls_for_help_and_stores_the_same(
    tmp_path: Path, bodies: list[bytes]
) -> None:
    with Collector.running(tmp_path) as collector:
        assert helpers_of(collector) == []
        send_all(collector, bodies)
        helpers = helpers_of(collector)
        send_all(collector, bodies)
        assert collector.terminate() == 0
        sent = {span.span_id for body in bodies for span in decode_request(body).rows}
        assert {stored.span_id for stored in collector.stored()} == sent
    assert len(helpers) == has_two_cores()
    assert all(map(is_gone, helpers))


def test_help_can_be_declined(tmp_path: Path, bodies: list[bytes]) -> None:
    with Collector.running(tmp_path, "--decoding-process", "off") as collector:
        send_all(collector, bodies)
        assert helpers_of(collector) == []
