"""What is special to gRPC: its codes, health, compression and connections."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc

from spanframe_collector.receivers import grpc as grpc_receiver
from spanframe_collector.receivers import health
from tests.plugins import receivers
from tests.plugins.collector import Collector
from tests.plugins.exports import EXPORT, UNLIMITED, export, refusal
from tests.plugins.http2 import connect, read_until, status_of_a_call
from tests.plugins.observed import locked, pid_of, resident_mib
from tests.plugins.otlp import request, span
from tests.plugins.store import Store


def test_a_hint_of_when_to_try_again_has_both_forms(collector: Collector) -> None:
    """Catalogue 18: some senders read one, some the other."""
    with locked(collector):
        error = refusal(collector.target, request(span(1)).SerializeToString())
    trailers = dict(error.trailing_metadata())
    bare = RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
    status = Status.FromString(trailers["grpc-status-details-bin"])
    packed = RetryInfo()
    assert status.details[0].Unpack(packed)
    assert packed == bare
    assert bare.retry_delay.ToTimedelta().total_seconds() > 0


@pytest.mark.alone
def test_no_sender_waits_past_its_deadline(collector: Collector) -> None:
    body = request(span(1)).SerializeToString()
    with locked(collector):
        error = refusal(collector.target, body, timeout=2)
    assert error.code() == grpc.StatusCode.UNAVAILABLE


def test_a_call_without_a_message_is_no_request(collector: Collector) -> None:
    with grpc.insecure_channel(collector.target) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.stream_unary(EXPORT)(iter(()), timeout=20)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    export(collector.target, request(span(1)).SerializeToString())


def test_other_services_are_unimplemented(collector: Collector) -> None:
    profiles = (
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
    )
    with (
        grpc.insecure_channel(collector.target) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        channel.unary_unary(profiles)(b"", timeout=20)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("compression", ["zstd", "snappy"])
def test_an_unknown_compression_is_refused_for_good(
    collector: Collector, compression: str
) -> None:
    """Senders that are set to one read that sending again is useless."""
    status = status_of_a_call(collector.target, EXPORT, compression)
    assert status == grpc.StatusCode.INTERNAL.value[0]
    export(collector.target, request(span(1)).SerializeToString())


def test_a_second_collector_on_the_port_fails(
    collector: Collector, tmp_path: Path
) -> None:
    """Catalogue 16."""
    second = Collector(tmp_path / "second", "--grpc", collector.target)
    why = r"cannot listen on 127\.0\.0\.1:\d+: Address already in use"
    with pytest.raises(pytest.fail.Exception, match=why):
        second.start()


def test_a_connection_has_an_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is not accepted any more is not of use for ever."""
    monkeypatch.setattr(grpc_receiver, "_MAX_CONNECTION_SECONDS", 0.2)

    def stay(target: str) -> None:
        with connect(target) as connection:
            read_until(connection, b"max_age")

    async def talk() -> None:
        async with receivers.over_grpc(store) as target:
            await asyncio.to_thread(stay, target)

    asyncio.run(talk())


def test_health_says_serving(collector: Collector) -> None:
    with grpc.insecure_channel(collector.target) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        for service in ("", "opentelemetry.proto.collector.trace.v1.TraceService"):
            answer = check(health_pb2.HealthCheckRequest(service=service), timeout=20)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_health_knows_no_other_service(collector: Collector) -> None:
    """Catalogue 15: Check refuses a name, Watch waits for it to become known."""
    other = health_pb2.HealthCheckRequest(service="another.Service")
    with grpc.insecure_channel(collector.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(other, timeout=20)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        assert next(stub.Watch(other, timeout=20)).status == unknown


@pytest.mark.parametrize("kind", ["Check", "Watch"])
@pytest.mark.parametrize("rubbish", [b"\xff", b"\x0a\x02\xff\xfe", b"\x0a\x05a"])
def test_rubbish_sent_to_health_is_refused_without_a_word(
    collector: Collector, kind: str, rubbish: bytes
) -> None:
    before = collector.log
    with grpc.insecure_channel(collector.target) as channel:
        call = channel.stream_unary(f"/grpc.health.v1.Health/{kind}")
        with pytest.raises(grpc.RpcError) as caught:
            call(iter([rubbish]), timeout=20)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == ""
    assert collector.log == before


def test_health_lists_nothing(collector: Collector) -> None:
    before = collector.log
    status = status_of_a_call(collector.target, "/grpc.health.v1.Health/List")
    assert status == grpc.StatusCode.UNIMPLEMENTED.value[0]
    assert collector.log == before


def test_of_many_watchers_some_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_MAX_WATCHERS", 2)
    request = health_pb2.HealthCheckRequest()
    serving = health_pb2.HealthCheckResponse.SERVING

    async def talk() -> None:
        server = grpc.aio.server()
        service = health.Health(frozenset({""}), 1024)
        service.set(serving=True)
        server.add_generic_rpc_handlers((service.handler,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch
            calls = [watch(request) for _ in range(2)]
            for call in calls:
                assert (await call.read()).status == serving
            assert await watch(request).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            calls[0].cancel()
            while (answer := await watch(request).read()) is grpc.aio.EOF:
                pass
            assert answer.status == serving
            service.end()
            assert (await calls[1].read()).status != serving
        await server.stop(0)

    asyncio.run(talk())


@pytest.mark.slow
def test_health_follows_the_store_and_the_drain(tmp_path: Path) -> None:
    """Catalogue 15: Watch pushes start, store loss, recovery and drain."""
    with (
        Collector.running(tmp_path, "--drain-seconds", "2") as collector,
        grpc.insecure_channel(collector.target) as channel,
    ):
        watch = health_pb2_grpc.HealthStub(channel).Watch
        seen = watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(seen).status == health_pb2.HealthCheckResponse.SERVING
        blocker = sqlite3.connect(collector.store.removeprefix("sqlite:///"))
        blocker.execute("BEGIN IMMEDIATE")
        refusal(collector.target, request(span(1)).SerializeToString())
        assert next(seen).status == health_pb2.HealthCheckResponse.NOT_SERVING
        blocker.close()
        assert next(seen).status == health_pb2.HealthCheckResponse.SERVING
        with ThreadPoolExecutor(1) as stopper:
            exit_code = stopper.submit(collector.terminate)
            assert next(seen).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert exit_code.result() == 0


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    folder = tmp_path_factory.mktemp("guarded")
    tokens = folder / "tokens"
    tokens.write_text("s3cret\n")
    with Collector.running(folder / "c", "--token-file", str(tokens)) as collector:
        yield collector


def test_the_token_shown_twice_is_refused(guarded: Collector) -> None:
    """Catalogue 52."""
    twice = [("authorization", "Bearer s3cret")] * 2
    body = request(span(1)).SerializeToString()
    error = refusal(guarded.target, body, metadata=twice)
    assert error.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.alone
@pytest.mark.parametrize(
    ("path", "compression"),
    [
        (EXPORT, grpc.Compression.NoCompression),
        (EXPORT, grpc.Compression.Gzip),
        ("/grpc.health.v1.Health/Check", grpc.Compression.Gzip),
    ],
)
def test_a_call_without_a_token_takes_no_memory(
    guarded: Collector, path: str, compression: grpc.Compression
) -> None:
    """Its message is not read, or, where it must be, one after the other."""
    body = bytes(15 << 20 if compression else 1 << 20)
    pid = pid_of(guarded)
    options = [*UNLIMITED, ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(guarded.target, options) as channel:
        call = channel.unary_unary(path)
        codes = {call.future(b"", compression=compression).code() for _ in range(20)}
        before = resident_mib(pid)
        for _ in range(4):
            pending = [call.future(body, compression=compression) for _ in range(5)]
            codes |= {future.code() for future in pending}
        more = resident_mib(pid) - before
    if path == EXPORT:
        assert codes == {grpc.StatusCode.UNAUTHENTICATED}
        assert more < 15
    else:
        assert codes == {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
        assert more < 60


@pytest.mark.parametrize(
    "path",
    [
        EXPORT,
        EXPORT.removeprefix("/"),
        f"/{EXPORT}",
        f"{EXPORT}/",
        f"{EXPORT}?x",
        f"/grpc.health.v1.Health/..{EXPORT}",
        EXPORT.replace("/Export", "%2fExport"),
        "grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ],
)
def test_no_way_to_write_a_path_goes_past_the_token(
    guarded: Collector, path: str
) -> None:
    """Catalogue 52: what is not allowed letter by letter is denied."""
    status = status_of_a_call(guarded.target, path)
    assert status == grpc.StatusCode.UNAUTHENTICATED.value[0]


def test_the_ready_file_is_json(collector: Collector) -> None:
    path = Path(collector.store.removeprefix("sqlite:///")).with_name("ready.json")
    assert json.loads(path.read_text())["grpc"] == collector.target
