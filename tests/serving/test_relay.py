"""The relay: bytes come through whole both ways, and the silent make room."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from spanframe_serving import acceptor, file_limit
from spanframe_serving.addresses import Address
from spanframe_serving.relay import Relay
from spanframe_serving.sockets import listen, private_address

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Connect = Callable[[], Awaitable[tuple[Reader, Writer]]]


async def echo(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


def serve(
    talk: Callable[[Connect], Awaitable[None]], limit: int = 100, server: Any = echo
) -> None:
    """Run a server behind a relay, and a conversation with it."""

    async def run() -> None:
        inner = private_address()
        path = inner.host.replace("unix-abstract:", "\0").removeprefix("unix:")
        listener = listen(Address("127.0.0.1", 0))
        async with await asyncio.start_unix_server(server, path):
            front = Relay(listener, inner, limit)
            writers: list[Writer] = []

            async def connect() -> tuple[Reader, Writer]:
                pair = await asyncio.open_connection(*listener.getsockname())
                writers.append(pair[1])
                return pair

            async with asyncio.timeout(20):
                await talk(connect)
            front.close()
            front.close_all()
            for writer in writers:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
            await asyncio.sleep(0.05)  # the other ends close

    asyncio.run(run())


async def is_closed(reader: Reader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


def test_bytes_come_through_whole_both_ways() -> None:
    sent = os.urandom(5 << 20)

    async def talk(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent

    serve(talk)


def test_a_server_may_speak_first() -> None:
    """As gRPC does, with its settings."""

    async def greet(reader: Reader, writer: Writer) -> None:
        writer.write(b"hello")
        await reader.read()
        writer.close()

    async def talk(connect: Connect) -> None:
        for _ in range(50):
            reader, writer = await connect()
            writer.write(b"x")
            assert await reader.readexactly(5) == b"hello"

    serve(talk, server=greet)


def test_a_reader_that_is_slow_fills_no_memory() -> None:
    """What is not read stays with its sender, on the whole way."""
    written = 0

    async def pour(_reader: Reader, writer: Writer) -> None:
        nonlocal written
        with suppress(ConnectionError):
            while True:
                writer.write(bytes(1 << 16))
                await writer.drain()
                written += 1 << 16

    async def talk(connect: Connect) -> None:
        _, writer = await connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"begin")
        before = -1
        while before != written or not written:
            before = written
            await asyncio.sleep(0.1)
        assert written < 32 << 20

    serve(talk, server=pour)


def test_a_server_that_hangs_up_is_heard_to_the_end() -> None:
    async def say(_reader: Reader, writer: Writer) -> None:
        writer.write(b"x" * 1_000_000)
        writer.close()

    async def talk(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(b"begin")
        assert len(await reader.read()) == 1_000_000

    serve(talk, server=say)


def test_a_connection_that_sends_nothing_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(acceptor, "_MAX_SILENT_SECONDS", 0.05)

    async def talk(connect: Connect) -> None:
        reader, _ = await connect()
        assert await is_closed(reader)

    serve(talk)


def test_of_too_many_connections_the_silent_go_first(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Catalogue 51: one log line, however many there are."""

    async def talk(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"
        silent = [(await connect())[0] for _ in range(20)]
        for closed in silent[:-2]:
            assert await is_closed(closed)
        writer.write(b"b")
        assert await reader.readexactly(1) == b"b"
        fresh, writer = await connect()
        writer.write(b"c")
        assert await fresh.readexactly(1) == b"c"

    serve(talk, limit=3)
    [said] = caplog.records
    assert said.getMessage().startswith("3 connections are open (the maximum)")


def test_the_limit_of_files_is_raised_and_leaves_some_for_the_store() -> None:
    assert file_limit.raise_file_limit() == file_limit.raise_file_limit()
    within = file_limit.max_connections_within
    assert within(1024, 1000, 4) == 224
    assert within(1 << 20, 1000, 4) == 1000
    assert within(64, 1000, 4) == 1


def test_all_addresses_of_ipv6_are_those_of_ipv4_too() -> None:
    with listen(Address("::", 0)) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=10).close()
