"""What a refusal leaves behind: nothing, and not the request that was refused."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from spanframe_collector.admission import BudgetSpentError
from spanframe_collector.ingest import RefusedError
from tests.plugins import receivers
from tests.plugins.exports import refusal
from tests.plugins.http_exports import send
from tests.plugins.otlp import request, span
from tests.plugins.store import Store


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """Switch the cyclic garbage collector off: what goes, goes by itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def refusals() -> list[object]:
    """Return what still refers to the frames that a refusal came through."""
    kinds = (RefusedError, BudgetSpentError)
    return [
        each
        for each in gc.get_objects()
        if isinstance(each, kinds) and each.__traceback__ is not None
    ]


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize(
    "body",
    [b"garbage", request(span(1)).SerializeToString()],
    ids=["undecodable", "no room"],
)
def test_over_grpc_a_refused_request_is_let_go_of(store: Store, body: bytes) -> None:
    """Catalogue 49: on Python 3.12 and newer an exception can hold itself."""

    async def talk() -> None:
        budget = 10 if b"garbage" not in body else 100
        async with receivers.over_grpc(store, budget) as target:
            await asyncio.to_thread(refusal, target, body)

    asyncio.run(talk())
    assert refusals() == []


@pytest.mark.usefixtures("_no_collector")
def test_over_http_a_refused_request_is_let_go_of(store: Store) -> None:
    """Catalogue 49."""

    async def talk() -> None:
        async with receivers.over_http(store) as (url, _):
            answer = await asyncio.to_thread(send, url, b"garbage")
            assert answer.status == 400

    asyncio.run(talk())
    assert refusals() == []
