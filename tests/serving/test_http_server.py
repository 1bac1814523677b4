"""The HTTP server as a guest in our loop: whom it waits for, and for how long."""

import asyncio
import asyncio.sslproto
import gc
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from typing import Any

import pytest
import trustme

from spanframe_serving import acceptor, http_server
from spanframe_serving.addresses import Address
from spanframe_serving.http_server import HttpServer
from spanframe_serving.sockets import listen

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer at once, whatever of the body is still to come."""
    headers = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def answer_late(scope: Any, receive: Any, send: Any) -> None:
    """Answer after the sender's deadline would have passed, were there one."""
    await asyncio.sleep(3 * http_server._MAX_HEAD_SECONDS)
    await answer(scope, receive, send)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_MAX_HEAD_SECONDS", 0.1)
    monkeypatch.setattr(acceptor, "_MAX_SILENT_SECONDS", 0.1)


def serve(
    app: Any,
    talk: Callable[[Callable[[], Awaitable[tuple[Reader, Writer]]]], Any],
    max_connections: int = 100,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Run a server, and a conversation that opens its connections by ``connect``."""

    async def run() -> None:
        server = HttpServer(app, tls, max_connections)
        address = await server.start(Address("127.0.0.1", 0))
        writers: list[Writer] = []

        async def connect() -> tuple[Reader, Writer]:
            reader, writer = await asyncio.open_connection(*address)
            writers.append(writer)
            return reader, writer

        try:
            async with asyncio.timeout(20):
                await talk(connect)
        finally:
            for writer in writers:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
            await server.stop(1)

    asyncio.run(run())


async def is_closed(reader: Reader) -> bool:
    """Wait until the server closes the connection; it has no more to say."""
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("sent", [b"", b"G", GET[:-2]])
def test_a_head_that_does_not_come_is_not_waited_for(sent: bytes) -> None:
    """Catalogue 51."""

    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(sent)
        assert await is_closed(reader)

    serve(answer, talk)


def test_a_head_that_trickles_in_has_one_deadline() -> None:
    """Catalogue 51."""

    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        trickle = asyncio.create_task(_trickle(writer, b"x-a: b\r\n"))
        assert await is_closed(reader)
        trickle.cancel()

    async def _trickle(writer: Writer, line: bytes) -> None:
        writer.write(GET[:-2])
        while not writer.is_closing():
            writer.write(line)
            await asyncio.sleep(0.01)

    serve(answer, talk)


def test_the_next_head_has_a_deadline_once_it_begins() -> None:
    """Catalogue 51."""

    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(GET)
        assert await reader.readuntil(b"\r\n") == OK
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(3 * http_server._MAX_HEAD_SECONDS)
        writer.write(GET + GET[:5])
        assert await reader.readuntil(b"\r\n") == OK
        await reader.readuntil(b"\r\n\r\n")
        assert await is_closed(reader)

    serve(answer, talk)


def test_a_body_that_is_answered_already_has_a_deadline() -> None:
    """Catalogue 51."""

    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(POST)
        assert await reader.readuntil(b"\r\n") == OK
        await reader.readuntil(b"\r\n\r\n")
        assert await is_closed(reader)

    serve(answer, talk)


def test_the_rest_of_a_body_that_is_answered_is_read_over() -> None:
    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(POST)
        assert await reader.readuntil(b"\r\n") == OK
        await reader.readuntil(b"\r\n\r\n")
        writer.write(bytes(1000) + GET)
        assert await reader.readuntil(b"\r\n") == OK

    serve(answer, talk)


def test_an_answer_may_take_its_time() -> None:
    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(GET + GET)
        for _ in range(2):
            assert await reader.readuntil(b"\r\n") == OK
            await reader.readuntil(b"\r\n\r\n")

    serve(answer_late, talk)


def test_of_too_many_connections_an_idle_one_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Catalogue 51."""
    monkeypatch.setattr(http_server, "_MAX_HEAD_SECONDS", 1000)
    monkeypatch.setattr(acceptor, "_MAX_SILENT_SECONDS", 1000)

    async def talk(connect: Any) -> None:
        busy, writer = await connect()
        writer.write(GET)
        await asked.wait()
        idle, _ = await connect()
        fresh, writer = await connect()
        writer.write(GET)
        assert await is_closed(idle)
        told.set()
        for healthy in (busy, fresh):
            assert await healthy.readuntil(b"\r\n") == OK

    async def answer_when_told(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await told.wait()
        await answer(scope, receive, send)

    asked, told = asyncio.Event(), asyncio.Event()
    serve(answer_when_told, talk, max_connections=2)


def test_a_body_that_is_half_sent_goes_before_an_idle_connection() -> None:
    async def talk(connect: Any) -> None:
        idle, writer = await connect()
        writer.write(GET)
        await idle.readuntil(b"\r\n\r\n")
        half, half_writer = await connect()
        half_writer.write(POST + b"x" * 10)
        await asked.wait()
        fresh, fresh_writer = await connect()
        fresh_writer.write(GET)
        assert await fresh.readuntil(b"\r\n") == OK
        assert await is_closed(half)
        writer.write(GET)
        assert await idle.readuntil(b"\r\n") == OK

    async def answer_once_it_is_there(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            asked.set()
            while (await receive()).get("more_body"):
                pass
        await answer(scope, receive, send)

    asked = asyncio.Event()
    serve(answer_once_it_is_there, talk, max_connections=2)


def test_while_all_wait_for_answers_there_are_some_connections_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For health checks; the longest silent of them goes first."""
    monkeypatch.setattr(acceptor, "_RESERVED_CONNECTIONS", 1)

    async def talk(connect: Any) -> None:
        busy, writer = await connect()
        writer.write(GET)
        await asked.wait()
        silent, _ = await connect()
        extra, extra_writer = await connect()
        assert await is_closed(silent)
        extra_writer.write(GET)
        assert await extra.readuntil(b"\r\n") == OK
        assert b"content-length: 5" in await extra.readuntil(b"extra")
        told.set()
        assert await busy.readuntil(b"\r\n") == OK

    async def answer_when_told(scope: Any, receive: Any, send: Any) -> None:
        if not scope["state"]["is_extra"]:
            asked.set()
            await told.wait()
            await answer(scope, receive, send)
            return
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"extra"})

    asked, told = asyncio.Event(), asyncio.Event()
    serve(answer_when_told, talk, max_connections=1)
    [said] = caplog.records
    assert "SPANFRAME_MAX_CONNECTIONS" in said.getMessage()


def test_a_request_with_two_lengths_is_the_last_of_its_connection() -> None:
    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        both = POST[:-2] + b"transfer-encoding: chunked\r\n\r\n"
        writer.write(both + b"0\r\n\r\n" + GET)
        answer = await reader.read()
        assert answer.startswith(OK)
        assert b"connection: close\r\n" in answer
        assert answer.count(b"HTTP/1.1") == 1

    serve(answer, talk)


CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


def test_a_body_that_breaks_before_the_answer_leaves_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(CHUNKED + b"1\r\na\r\nnonsense\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")

    serve(answer, talk)
    assert caplog.records == []


def test_a_body_that_breaks_after_the_answer_began_leaves_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, answered = asyncio.Event(), asyncio.Event()

    async def answer_in_parts(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.body", "body": b"late"})
        answered.set()

    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(CHUNKED + b"1\r\na\r\n")
        await begun.wait()
        writer.write(b"nonsense\r\n")
        with suppress(ConnectionError):
            assert b"late" not in await reader.read()
        await answered.wait()

    serve(answer_in_parts, talk)
    assert caplog.records == []


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        GET[:-2] + b"x: " + b"y" * 20_000,
        GET[:-2] + b"a: b\r\n" * 4000,
        POST[:-2] + b"content-length: 5\r\n\r\n",
        POST[:-2] + b"transfer-encoding: gzip\r\n\r\n",
    ],
)
def test_a_head_that_is_none_is_refused(head: bytes) -> None:
    async def talk(connect: Any) -> None:
        reader, writer = await connect()
        writer.write(head)
        status = await reader.readuntil(b" ")
        assert status == b"HTTP/1.1 "
        assert (await reader.readuntil(b" ")).startswith((b"4", b"5"))

    serve(answer, talk)


def test_the_signals_stay_with_the_service() -> None:
    before = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)]

    async def talk(_connect: Any) -> None:
        now = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)]
        # asyncio.run has a handler for SIGINT of its own.
        assert now[0] == before[0]
        assert "uvicorn" not in str(getattr(now[1], "__module__", ""))

    serve(answer, talk)


def test_a_handshake_that_fails_leaves_nothing_in_memory() -> None:
    certificate = trustme.CA().issue_cert("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)

    async def talk(connect: Any) -> None:
        for _ in range(3):
            reader, writer = await connect()
            writer.write(POST)
            with suppress(ConnectionError):
                await reader.read()
        await asyncio.sleep(0.01)
        assert asyncio.sslproto.SSLProtocol not in map(type, gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        serve(answer, talk, tls=context)
    finally:
        gc.enable()


def test_a_server_that_never_started_can_be_stopped() -> None:
    asyncio.run(HttpServer(answer, None, 1).stop(1))


def test_a_connection_sends_what_it_has_at_once() -> None:
    """Without TCP_NODELAY a kept-alive answer with a body takes 40 ms."""
    with (
        closing(listen(Address("127.0.0.1", 0))) as listener,
        closing(socket.create_connection(listener.getsockname())),
        closing(listener.accept()[0]) as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
