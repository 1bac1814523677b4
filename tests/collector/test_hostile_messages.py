"""Damaged, hostile and oversized messages: an answer each, and nothing given away."""

import asyncio
import json
import logging
import random
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status as RpcStatus
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import MetaData, select

from spanframe_collector.admission import Admission
from spanframe_collector.commit_queue import CommitQueue
from spanframe_collector.decoders import Decoders
from spanframe_collector.ingest import Ingest
from spanframe_collector.masking import Masker
from spanframe_collector.receivers.grpc import GrpcReceiver
from spanframe_collector.settings import CollectorSettings
from spanframe_collector.telemetry import Telemetry
from spanframe_serving.addresses import Address
from spanframe_serving.logs import log_to_stderr
from spanframe_store.otlp import Decoded, EnvelopeError, decode_request
from spanframe_store.sql.schema import (
    MAX_INDEXED_KEY_CHARS,
    attribute_index,
    experiments,
    traces,
)
from tests.plugins import forked
from tests.plugins.at_rest import patience
from tests.plugins.collector import Collector
from tests.plugins.examples import some
from tests.plugins.exports import EXPORT, UNLIMITED, export, export_at_last, refusal
from tests.plugins.hostile import HOSTILE
from tests.plugins.http_exports import JSON, PROTOBUF, send
from tests.plugins.observed import locked, pid_of, resident_mib, rows
from tests.plugins.otlp import field, pairs, request, span
from tests.plugins.otlp_json import full_request, in_json
from tests.plugins.store import Store, stored_spans

CANARY = "canary-5ecret"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector for tests that send traces of their own."""
    with Collector.running(tmp_path_factory.mktemp("hostile")) as collector:
        yield collector


# --- ids ------------------------------------------------------------------------------

BAD_IDS: list[tuple[str, dict[str, bytes]]] = [
    *(
        ("invalid_trace_id", {"trace_id": b"t" * length})
        for length in (0, 1, 8, 15, 17, 32)
    ),
    ("invalid_trace_id", {"trace_id": bytes(16)}),
    *(("invalid_span_id", {"span_id": b"s" * n}) for n in (0, 1, 7, 9, 16)),
    ("invalid_span_id", {"span_id": bytes(8)}),
    *(("invalid_parent_span_id", {"parent_span_id": b"p" * n}) for n in (1, 7, 9, 16)),
]


def with_ids(ids: dict[str, bytes]) -> Span:
    message = span(9)
    for name, value in ids.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize("media_type", ["grpc", JSON])
def test_an_id_of_another_length_costs_its_span_alone(
    collector: Collector, media_type: str
) -> None:
    """Catalogue 8: every bad id in one request, among good spans."""
    top = span(1)
    top.parent_span_id = bytes(8)
    linked = span(2, links=[Span.Link(attributes=pairs({"a": 1}), trace_state="b=c")])
    message = request(top, *(with_ids(ids) for _, ids in BAD_IDS), linked)
    if media_type == "grpc":
        answer = export(collector.target, message.SerializeToString())
        text = answer.partial_success.error_message
    else:
        sent = send(collector.http_endpoint, in_json(message), JSON)
        text = json.loads(sent.body)["partialSuccess"]["errorMessage"]
    told = {reason: int(n) for n, reason in re.findall(r"(\d+) (invalid_\w+)", text)}
    assert told == {
        "invalid_trace_id": 7,
        "invalid_span_id": 6,
        "invalid_parent_span_id": 4,
    }
    query = "SELECT span_id, parent_span_id FROM spans ORDER BY span_id"
    assert rows(collector, query) == [(1, None), (2, None)]
    kept = [top.SerializeToString(), linked.SerializeToString()]
    assert [stored.body for stored in collector.stored()] == kept


# --- damage ---------------------------------------------------------------------------


def damaged(original: bytes, chance: random.Random) -> bytes:
    """Return the bytes after one to four accidents."""
    message = bytearray(original)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(message) or 1)
        match chance.randrange(6):
            case 0:
                del message[at:]
            case 1:
                message[at : at + 1] = [chance.randrange(256)]
            case 2:
                message[at : at + 1] = [
                    (message or b"\0")[at - 1] ^ 1 << chance.randrange(8)
                ]
            case 3:
                message[at:at] = chance.randbytes(chance.randint(1, 8))
            case 4:
                del message[at : at + chance.randint(1, 16)]
            case _:
                begin = chance.randrange(len(message) or 1)
                message[at:at] = message[begin : begin + chance.randint(1, 64)]
    return bytes(message)


def originals() -> list[bytes]:
    """Return messages that hold every field, and those the conventions read."""
    inner = {"a": [1, None, {"b": b"\xff"}], "c": 1.5}
    conventions = {
        "mlflow.spanInputs": '{"messages": [{"role": "user", "content": "hi"}]}',
        "gen_ai.usage.input_tokens": 3,
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.content": "x",
        "metadata": '{"a": 1}',
        "spanframe.trace.state": "OK",
        "mlflow.traceTag.a": "b",
        "nested": inner,
    }
    return [
        full_request().SerializeToString(),
        request(
            span(1, attributes=conventions),
            span(2, events=[Span.Event(name="exception", attributes=pairs(inner))]),
            resource={"service.name": "s", "nested": inner},
        ).SerializeToString(),
    ]


def outcome(message: bytes, masker: Masker | None) -> str:
    try:
        if masker is not None:
            message = masker.request(message)
        decoded = decode_request(message)
    except EnvelopeError:
        return "refused"
    assert isinstance(decoded, Decoded)
    return "taken" if decoded.rows else "empty"


@pytest.mark.slow
def test_of_100_000_damaged_messages_each_is_decoded_or_refused() -> None:
    """Catalogue 11: nothing but an EnvelopeError leaves the decoder."""
    chance = random.Random(11)  # noqa: S311 - the same damage every time
    sound = originals()
    masker = Masker(("b|usage",))
    outcomes = [
        outcome(
            damaged(chance.choice(sound), chance), masker if number % 4 == 0 else None
        )
        for number in some(range(100_000))
    ]
    least = min(outcomes.count(o) for o in ("taken", "empty", "refused"))
    assert least > len(outcomes) / 100


def test_damaged_messages_get_an_answer_each_and_the_server_lives(
    shared: Collector,
) -> None:
    """Catalogue 11: over the wire, only OK and INVALID_ARGUMENT; nothing in the log."""
    chance = random.Random(12)  # noqa: S311 - the same damage every time
    sound = originals()
    with grpc.insecure_channel(shared.target) as channel:
        call = channel.unary_unary(EXPORT)
        codes = set()
        for _ in some(range(30)):
            pending = [
                call.future(damaged(chance.choice(sound), chance), timeout=30)
                for _ in range(100)
            ]
            codes |= {future.code() for future in pending}
    assert codes == {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    export(shared.target, request(span(1)).SerializeToString())
    assert "Traceback" not in shared.log
    assert rows(shared, "PRAGMA integrity_check") == [("ok",)]


# --- what errors say ------------------------------------------------------------------

LIMITS = ("--max-request-bytes", "20000", "--max-in-flight-bytes", "20000")


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with monkeypatch.context() as patch:
        patch.setenv("SPANFRAME_TOKEN", "t0ken")
        collector = Collector(tmp_path / "guarded", *LIMITS)
        collector.start()
        patch.undo()
        yield collector
        collector.kill9()


TOKEN: Any = {"metadata": (("authorization", "Bearer t0ken"),)}


def grpc_errors(collector: Collector, good: bytes) -> Iterator[str]:
    """Provoke every kind of error over gRPC; yield what the sender is told."""
    large = request(span(1, attributes={CANARY: CANARY * 2_000})).SerializeToString()
    for message, options in (
        (good, {}),
        (good, {"metadata": (("authorization", f"Bearer {CANARY}"),)}),
        (b"garbage " + CANARY.encode(), TOKEN),
        (large, TOKEN),
        (large, {**TOKEN, "compression": grpc.Compression.Gzip}),
    ):
        error = refusal(collector.target, message, **options)
        yield str(error.details())
        yield str(error.trailing_metadata())
    with grpc.insecure_channel(collector.target) as channel:
        unknown = channel.unary_unary(f"/{CANARY}/Export")
        with pytest.raises(grpc.RpcError) as caught:
            unknown(b"", timeout=5, **TOKEN)
        yield str(caught.value.details())
    bad = request(span(0, name=CANARY), with_ids({"trace_id": CANARY.encode()}))
    yield export(
        collector.target, bad.SerializeToString(), **TOKEN
    ).partial_success.error_message


def http_errors(collector: Collector, good: bytes) -> Iterator[tuple[int, str]]:
    """Provoke every kind of error over HTTP."""
    token = {"authorization": "Bearer t0ken"}
    large = CANARY.encode() * 2_000
    for media_type in (PROTOBUF, JSON):
        for body, options in (
            (good, {}),
            (b"garbage " + CANARY.encode(), token),
            (large, token),
            (good, {**token, "path": f"/{CANARY}"}),
            (good, {**token, "method": "PUT"}),
            (good, {**token, "content_encoding": CANARY}),
            (good, {**token, "content_encoding": "gzip"}),
        ):
            answer = send(collector.http_endpoint, body, media_type, **options)
            yield answer.status, answer.text
    answer = send(collector.http_endpoint, good, f"text/{CANARY}", **token)
    yield answer.status, answer.text


def errors_of_a_locked_store(collector: Collector, good: bytes) -> Iterator[str]:
    with locked(collector):
        # The first waits for the lock, the second is refused as the store is down.
        for _ in range(2):
            error = refusal(collector.target, good, **TOKEN)
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            trailers = dict(error.trailing_metadata())
            status = RpcStatus.FromString(trailers["grpc-status-details-bin"])
            yield str(error.details())
            yield status.message
        token = {"authorization": "Bearer t0ken"}
        answer = send(collector.http_endpoint, good, PROTOBUF, **token)
        assert answer.status == 503
        yield answer.text


def assert_tells_little(text: str) -> None:
    assert text
    assert len(text.encode()) < 4096
    assert CANARY not in text
    assert not re.search(r"\.py\b|\.db\b|Traceback|SELECT|INSERT|BEGIN|sqlite", text)


def test_errors_are_short_and_give_nothing_away(guarded: Collector) -> None:
    """Catalogue 17: every kind of error, over gRPC and HTTP."""
    good = request(span(1, name=CANARY, attributes={CANARY: CANARY}))
    body = good.SerializeToString()
    statuses = set()
    for status, text in http_errors(guarded, body):
        statuses.add(status)
        assert_tells_little(text)
    assert statuses == {400, 401, 404, 405, 413, 415}
    for text in (
        *grpc_errors(guarded, body),
        *errors_of_a_locked_store(guarded, body),
    ):
        assert_tells_little(text)
    assert CANARY not in guarded.log


def test_a_fault_of_ours_shows_nothing_and_is_to_be_sent_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Catalogue 17: over gRPC, where an exception would tell its text to the sender."""
    settings = CollectorSettings.load({"store": store.url}, {})
    telemetry = Telemetry()

    async def talk() -> grpc.RpcError:
        pipeline = CommitQueue(store.writer, telemetry)
        decoders = Decoders()
        admission = Admission(settings.max_in_flight_bytes)
        intake = Ingest(pipeline, admission, telemetry, decoders)
        receiver = GrpcReceiver(intake, settings)
        address = await receiver.start(Address("127.0.0.1", 0))
        decoders.close()
        try:
            body = request(span(1, name=CANARY)).SerializeToString()
            return await asyncio.to_thread(refusal, str(address), body)
        finally:
            await receiver.stop(1)
            await pipeline.close()

    error = asyncio.run(talk())
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert error.details() == "The collector failed; send it again."
    assert "google.rpc.retryinfo-bin" in dict(error.trailing_metadata())
    [record] = [r for r in caplog.records if r.levelname == "ERROR"]
    assert record.exc_info is not None
    assert CANARY not in caplog.text
    assert b'requests_total{outcome="fault"} 1.0' in telemetry.render()


# --- slow and idle connections --------------------------------------------------------


def test_connections_that_say_nothing_whole_hinder_nobody(shared: Collector) -> None:
    """Catalogue 51: 200 to the gRPC listener that are silent, or stop in the middle."""
    host, _, port = shared.target.rpartition(":")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    beginnings = [b"", preface[:5], preface, b"GET / HTTP/1.1\r\n"]
    with ExitStack() as open_ones:
        for number in range(200):
            connection = socket.create_connection((host, int(port)), timeout=10)
            open_ones.enter_context(closing(connection))
            connection.sendall(beginnings[number % len(beginnings)])
        export(shared.target, request(span(1)).SerializeToString())
    assert "Traceback" not in shared.log


def test_more_connections_than_allowed_lock_nobody_out(tmp_path: Path) -> None:
    """Catalogue 51: silent ones to gRPC, bodies that are half sent over HTTP."""
    half = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    half += b"content-length: 1000\r\n\r\n{"
    with (
        Collector.running(tmp_path, "--max-connections", "20") as collector,
        ExitStack() as open_ones,
    ):
        for target, beginning in (
            (collector.target, b""),
            (collector.http_endpoint.removeprefix("http://"), half),
        ):
            host, _, port = target.rpartition(":")
            for _ in range(60):
                connection = socket.create_connection((host, int(port)), timeout=10)
                open_ones.enter_context(closing(connection))
                connection.sendall(beginning)
        for path in ("/healthz", "/readyz"):
            asked = send(collector.http_endpoint, method="GET", path=path)
            assert asked.status == 200
        export(collector.target, request(span(1)).SerializeToString())
        assert send(collector.http_endpoint).status == 200
        lines = [
            line
            for line in collector.log.splitlines()
            if "connections are open" in line
        ]
    assert len(lines) == 2  # one a receiver, however many there were


def test_streams_that_are_opened_and_send_nothing_hinder_nobody(
    shared: Collector,
) -> None:
    """Catalogue 51: 200 calls without a message, over gRPC, before one that has one."""
    silence = threading.Event()

    def nothing() -> Iterator[bytes]:
        silence.wait(30)
        yield from ()

    with grpc.insecure_channel(shared.target) as channel:
        call = channel.stream_unary(EXPORT)
        pending = [call.future(nothing()) for _ in range(200)]
        try:
            for _ in range(10):
                body = request(span(1)).SerializeToString()
                export_at_last(shared.target, body)  # a busy machine may say: later
        finally:
            silence.set()
        codes = {future.code() for future in pending}
    assert codes <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT}


def test_thousands_of_requests_at_once_are_stored_or_sent_back_with_a_hint(
    shared: Collector,
) -> None:
    """Catalogue 18: gRPC itself would refuse some of them without one."""
    body = request(span(1)).SerializeToString()
    options = [("grpc.use_local_subchannel_pool", 1)]
    with ExitStack() as open_ones:
        channels = [
            open_ones.enter_context(grpc.insecure_channel(shared.target, options))
            for _ in range(4)
        ]
        pending = [
            channel.unary_unary(EXPORT).future(body, timeout=60)
            for _ in range(900)
            for channel in channels
        ]
        for future in pending:
            if future.code() is not grpc.StatusCode.OK:
                assert future.code() is grpc.StatusCode.UNAVAILABLE
                assert "google.rpc.retryinfo-bin" in dict(future.trailing_metadata())


# --- data that looks like code --------------------------------------------------------


def schema_of(store: Store) -> dict[str, list[str]]:
    found = MetaData()
    found.reflect(store.engine)
    return {
        table.name: [f"{c.name} {c.type}" for c in table.columns]
        + sorted(str(index.name) for index in table.indexes)
        for table in found.sorted_tables
    }


def test_hostile_text_is_data_wherever_it_stands(store: Store) -> None:
    """Catalogue 54, the writing half: as keys, values, names and states."""
    before = schema_of(store)
    sent = {}
    for number, text in enumerate(some(HOSTILE), 1):
        trace_id = number.to_bytes(16, "big")
        message = span(
            number,
            trace_id=trace_id,
            name=text,
            trace_state=text,
            attributes={
                text: text,
                f"mlflow.traceTag.{text}": text,
                f"spanframe.metadata.{text}": text,
                "spanframe.experiment": text,
                "mlflow.spanInputs": text,
            },
        )
        sent[trace_id] = (text, message)
        store.write(message, scope=text)
    with store.engine.connect() as connection:
        names = dict(
            tuple(row)
            for row in connection.execute(
                select(experiments.c.experiment_id, experiments.c.name)
            )
        )
        found = connection.execute(select(traces)).all()
        indexed = {
            (row.trace_key, row.key, row.whole_value or row.value)
            for row in connection.execute(select(attribute_index))
        }
    bodies = {each.trace_id: each.body for each in stored_spans(store.engine)}
    assert len(found) == len(bodies) == len(sent)
    for row in found:
        text, message = sent[row.trace_id]
        assert bodies[row.trace_id] == message.SerializeToString()
        assert row.name == text
        assert json.loads(row.tags)[text] == text
        assert json.loads(row.metadata)[text] == text
        assert names[row.experiment_id] == text
        is_indexed = len(text) <= MAX_INDEXED_KEY_CHARS
        assert ((row.trace_key, text, text) in indexed) == is_indexed
    assert schema_of(store) == before


VISIBLE = (
    r"\r\n2026-01-01 00:00:00 INFO spanframe: forged\x1b[31m\x1b]0;title\x07\u202e"
)
ODD = "\r\n2026-01-01 00:00:00 INFO spanframe: forged\x1b[31m\x1b]0;title\x07\u202e"


def test_no_name_makes_a_line_of_its_own_in_the_log(shared: Collector) -> None:
    """Catalogue 55: whatever senders send, each line of the log is the collector's."""
    for number, bad in enumerate((span(0, name=ODD), span(7, name=ODD))):
        message = request(bad, resource={ODD: ODD, "service.name": ODD}, scope=ODD)
        metadata = (("x-mlflow-experiment-id", "forged"),)
        export(shared.target, message.SerializeToString(), metadata=metadata)
        headers = {"x_mlflow_experiment_id": f"{number}; forged"}
        send(shared.http_endpoint, in_json(message), JSON, **headers)
    assert "forged" not in shared.log
    assert "\x1b" not in shared.log


def test_a_message_stays_on_its_line(capfd: pytest.CaptureFixture[str]) -> None:
    """Catalogue 55: also a message that quotes what came from outside."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    try:
        log_to_stderr("text")
        logging.getLogger("spanframe_collector").warning("The store says: %s", ODD)
    finally:
        root.handlers = handlers
        root.setLevel(level)
    written = ""
    while not written.endswith("\n"):  # by a thread of its own
        written += capfd.readouterr().err
    [line] = written.splitlines()
    assert line.endswith(rf"The store says: {VISIBLE}")


# --- secrets --------------------------------------------------------------------------


def collector_command(*options: str, **environment: str) -> tuple[int, str]:
    ended = forked.run("collector", *options, **environment)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        (f"postgresql+psycopg://user:{CANARY}@127.0.0.1:1/db", 3),
        (f"postgresql://127.0.0.1:1/db?user=u&password={CANARY}", 3),
        (f"postgresql://u@127.0.0.1:1/db?password={CANARY}&nonsense=1", 2),
        (f"postgresql+asyncpg://user:{CANARY}@host/db", 2),
        (f"nonsense://user:{CANARY}@host/db", 2),
    ],
)
def test_a_password_in_the_url_of_the_store_is_not_shown(
    store: str, expected: int
) -> None:
    """Catalogue 56: the canary is in no configuration page and no error."""
    secrets = {
        "SPANFRAME_STORE": store,
        "SPANFRAME_TOKEN": CANARY,
        "SPANFRAME_FORWARD_ENDPOINT": f"http://user:{CANARY}@127.0.0.1:1",
        "SPANFRAME_FORWARD_TOKEN": CANARY,
    }
    _, printed = collector_command("--print-config", **secrets)
    assert CANARY not in printed
    code, told = collector_command(**secrets)
    assert code == expected, told
    assert CANARY not in told
    assert "Traceback" not in told


def test_a_password_in_a_sqlite_url_is_in_no_log(tmp_path: Path) -> None:
    """Catalogue 56: neither while it serves nor when the store refuses."""
    store = f"sqlite:///{tmp_path / 's.db'}?password={CANARY}"
    with Collector.running(tmp_path / "c", "--store", store) as collector:
        export(collector.target, request(span(1)).SerializeToString())
        page = send(collector.http_endpoint, method="GET", path="/metrics")
        assert collector.terminate() == 0
    assert CANARY not in collector.log + page.body.decode()


# --- size -----------------------------------------------------------------------------


@pytest.mark.slow
def test_many_large_requests_at_once_stay_within_the_budget(tmp_path: Path) -> None:
    """Catalogue 49: twenty-four connections, 15 MiB each, all legal."""
    filling = {"filling": "x" * 3_100_000}
    batch = (span(n, attributes=filling) for n in range(1, 6))
    body = request(*batch).SerializeToString()
    with Collector.running(tmp_path) as collector:
        pid = pid_of(collector)
        base = most = resident_mib(pid)
        # A connection of its own for each: channels to one address share them.
        options = [*UNLIMITED, ("grpc.use_local_subchannel_pool", 1)]
        channels = [grpc.insecure_channel(collector.target, options) for _ in range(24)]
        pending = [
            each.unary_unary(EXPORT).future(body, timeout=60) for each in channels
        ]
        while not all(future.done() for future in pending):
            most = max(most, resident_mib(pid))
            time.sleep(0.01)
        for each in channels:
            each.close()
    assert {future.code() for future in pending} <= {
        grpc.StatusCode.OK,
        grpc.StatusCode.UNAVAILABLE,
    }
    assert most - base <= 256


def many_spans() -> list[Span]:
    return [span(n, trace_id=n.to_bytes(16, "big")) for n in range(1, 9_900)]


def many_tags() -> list[Span]:
    tags = {f"mlflow.traceTag.{number}": "v" * 150 for number in range(19_900)}
    ids = (n.to_bytes(16, "big") for n in range(1, 3))
    return [span(1, trace_id=each, attributes=tags) for each in ids]


def large_texts() -> list[Span]:
    items = [{"a": [1, 2, {}] * 10}] * 40_000
    attributes = {"mlflow.spanInputs": json.dumps(items)[:3_900_000]}
    return [span(n, attributes=attributes) for n in range(1, 5)]


def wide_tags() -> list[Span]:
    """One emoji makes Python keep four bytes for each character."""
    text = "v" * 3_900_000 + "\N{TENT}"
    return [span(n, attributes={f"mlflow.traceTag.{n}": text}) for n in range(1, 4)]


@pytest.mark.slow
@pytest.mark.parametrize("make", [many_spans, many_tags, large_texts, wide_tags])
@pytest.mark.alone
def test_a_large_message_holds_nobody_up_and_fills_no_memory(
    tmp_path: Path, make: Callable[[], list[Span]]
) -> None:
    """Catalogue 49: as much as is legal of what takes long to decode or to commit."""
    body = request(*make()).SerializeToString()
    with Collector.running(tmp_path) as collector:
        small = request(span(77)).SerializeToString()
        export(collector.target, small)
        pid = pid_of(collector)
        base = most = resident_mib(pid)
        with grpc.insecure_channel(collector.target, UNLIMITED) as channel:
            pending = channel.unary_unary(EXPORT).future(body, timeout=60)
            while not pending.done():
                # Without a deadline that is met this raises.
                export(collector.target, small, timeout=4 * patience())
                most = max(most, resident_mib(pid))
            assert pending.code() in {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    assert most - base <= 128


# Two bytes each, and neither a span nor anything that the limit on spans counts.
EMPTY_ENVELOPES = {
    "resources": b"\x0a\x00" * 300_000,
    "scopes": field(1, b"\x12\x00" * 300_000),
    "unknown numbers": b"\x10\x00" * 300_000,
    "unknown messages": field(1, field(2, b"\x7a\x00" * 300_000)),
}


@pytest.mark.parametrize("kind", EMPTY_ENVELOPES)
def test_a_request_of_countless_empty_envelopes_is_refused(kind: str) -> None:
    """Catalogue 49: an answer to one message must not keep the others waiting."""
    with pytest.raises(EnvelopeError):
        decode_request(EMPTY_ENVELOPES[kind])


@pytest.mark.parametrize("place", [1, 2])
def test_a_resource_that_would_fill_the_memory_costs_its_spans_alone(
    place: int,
) -> None:
    """Catalogue 49: as resource, and as scope, of 100 000 empty attributes."""
    # The attributes of a resource are its field 1, those of a scope its field 3.
    huge = (b"\x0a\x00" if place == 1 else b"\x1a\x00") * 100_000
    inner = field(2, span(1).SerializeToString())
    whole = (
        field(1, huge) + field(2, inner)
        if place == 1
        else field(2, field(1, huge) + inner)
    )
    decoded = decode_request(field(1, whole) + request(span(2)).SerializeToString())
    assert [row.span_id for row in decoded.rows] == [2]
    assert sum(rejected.spans for rejected in decoded.rejected) == 1


def test_large_resources_are_not_kept_in_memory() -> None:
    """Catalogue 58: what a sender makes up for each request must not add up."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(48):
            resource = {"filling": str(number) * 500_000}
            message = request(span(1), resource=resource)
            decode_request(message.SerializeToString())
            del message
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 8_000_000


def test_a_large_broken_span_costs_that_span_alone() -> None:
    """Catalogue 21: as a small one does."""
    large = span(1, attributes={"filling": "x" * 100_000}).SerializeToString()
    broken = field(2, large + b"\x4a\x7f")
    rest = field(2, span(2).SerializeToString())
    decoded = decode_request(field(1, field(2, broken + rest)))
    assert [row.span_id for row in decoded.rows] == [2]
    assert decoded.rejected == [("undecodable_span", 1)]


@pytest.mark.slow
def test_masking_takes_no_more_memory_than_decoding(tmp_path: Path) -> None:
    """Catalogue 49: 8 MB of empty attributes in one span, which is to be rejected."""
    huge = span(1).SerializeToString() + b"\x4a\x00" * 4_000_000
    with Collector.running(tmp_path, "--mask-keys", "*password*") as collector:
        pid = pid_of(collector)
        base = most = resident_mib(pid)
        with grpc.insecure_channel(collector.target, UNLIMITED) as channel:
            call = channel.unary_unary(EXPORT)
            pending = call.future(field(1, field(2, field(2, huge))), timeout=60)
            while not pending.done():
                most = max(most, resident_mib(pid))
                time.sleep(0.01)
        assert b"span_too" in pending.result()
    assert most - base <= 128
