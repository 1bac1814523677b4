"""The body of a request: bounded whatever arrives, and in whatever pieces."""

import asyncio
import gzip
import hashlib
import zlib
from collections.abc import Iterable

import pytest

from spanframe_collector.admission import Admission, BudgetSpentError
from spanframe_collector.ingest import Refusal, RefusedError
from spanframe_collector.receivers import http_body
from spanframe_collector.receivers.http_body import read_body

LIMIT = 100_000
NOISE = hashlib.shake_256(b"seed").digest(50_000)


def read(
    chunks: Iterable[bytes],
    *,
    is_gzip: bool = False,
    budget: int = LIMIT,
    ends: bool = True,
) -> bytes:
    messages = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    last = "http.request" if ends else "http.disconnect"
    messages.append({"type": last, "body": b"", "more_body": False})
    pending = iter(messages)

    async def receive() -> dict[str, object]:
        return next(pending)

    async def run() -> bytes:
        with Admission(budget).reserve() as reservation:
            return await read_body(
                receive, is_gzip=is_gzip, limit=LIMIT, reservation=reservation
            )

    return asyncio.run(run())


def refusal(chunks: Iterable[bytes], *, is_gzip: bool = False) -> Refusal:
    with pytest.raises(RefusedError) as caught:
        read(chunks, is_gzip=is_gzip)
    return caught.value.refusal


def test_a_sender_that_is_too_slow_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catalogue 51: 100 bytes/s for a while are not enough, 10 000 are."""
    monkeypatch.setattr(http_body, "_MAX_SILENT_SECONDS", 0.1)

    async def run(chunk: bytes) -> bytes:
        left = iter([chunk] * 40)

        async def receive() -> dict[str, object]:
            await asyncio.sleep(0.01)
            body = next(left, b"")
            return {"type": "http.request", "body": body, "more_body": bool(body)}

        with Admission(LIMIT).reserve() as reservation:
            return await read_body(
                receive, is_gzip=False, limit=LIMIT, reservation=reservation
            )

    assert asyncio.run(run(b"x" * 100)) == b"x" * 4000
    with pytest.raises(TimeoutError):
        asyncio.run(run(b"x"))


def test_chunks_are_one_body() -> None:
    assert read([b"one ", b"", b"two"]) == b"one two"


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
@pytest.mark.parametrize("is_gzip", [False, True])
def test_up_to_the_limit_everything_is_taken(size: int, is_gzip: bool) -> None:
    """Catalogue 10."""
    body = bytes(size)
    assert read([gzip.compress(body) if is_gzip else body], is_gzip=is_gzip) == body


@pytest.mark.parametrize("is_gzip", [False, True])
def test_one_byte_more_is_too_large(is_gzip: bool) -> None:
    """Catalogue 10."""
    body = bytes(LIMIT + 1)
    sent = gzip.compress(body) if is_gzip else body
    assert refusal([sent], is_gzip=is_gzip) == Refusal.TOO_LARGE


def test_compressed_bytes_count_as_well() -> None:
    empty_members = gzip.compress(b"") * (LIMIT // 20 + 1)
    assert refusal([empty_members], is_gzip=True) == Refusal.TOO_LARGE


def test_members_are_counted_together() -> None:
    """Catalogue 49."""
    half = gzip.compress(bytes(LIMIT // 2 + 1))
    assert read([half], is_gzip=True) == bytes(LIMIT // 2 + 1)
    assert refusal([half, half], is_gzip=True) == Refusal.TOO_LARGE


def test_members_may_be_cut_anywhere() -> None:
    whole = b"".join(gzip.compress(NOISE[n : n + 40]) for n in (0, 40, 80))
    for cut in range(1, len(whole)):
        assert read([whole[:cut], whole[cut:]], is_gzip=True) == NOISE[:120]
    assert read((bytes([byte]) for byte in whole), is_gzip=True) == NOISE[:120]


def test_incompressible_bytes_come_through() -> None:
    assert read([gzip.compress(NOISE)], is_gzip=True) == NOISE


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"not gzip",
        gzip.compress(b"x")[:-1],
        gzip.compress(b"x") + b"\x1f",
        gzip.compress(b"x") + b"garbage",
        gzip.compress(b"x")[:-5] + b"crc!\0",
        zlib.compress(b"x"),
    ],
    # Named, as a gzip header holds the time and all workers must find the same tests.
    ids=["nothing", "no gzip", "no end", "half a member", "more", "checksum", "zlib"],
)
def test_what_is_no_whole_gzip_is_undecodable(broken: bytes) -> None:
    """Catalogue 11."""
    assert refusal([broken], is_gzip=True) == Refusal.UNDECODABLE


def test_a_sender_that_leaves_is_not_taken_for_done() -> None:
    with pytest.raises(RefusedError) as caught:
        read([b"half of"], ends=False)
    assert caught.value.refusal == Refusal.INCOMPLETE


@pytest.mark.parametrize("is_gzip", [False, True])
def test_no_byte_is_kept_without_a_reservation(is_gzip: bool) -> None:
    body = bytes(2000)
    sent = gzip.compress(body) if is_gzip else body
    with pytest.raises(BudgetSpentError):
        read([sent], is_gzip=is_gzip, budget=1999)


def test_a_reservation_is_freed() -> None:
    admission = Admission(10)
    with admission.reserve() as reservation:
        reservation.grow_to(4)
        reservation.grow_to(3)
        reservation.grow_to(10)
        with pytest.raises(BudgetSpentError):
            reservation.grow_to(11)
        assert (reservation.size, admission.left) == (10, 0)
    assert admission.left == 10
