"""Sends all recordings to a receiver and reads back what a user sees of each client."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from spanframe.client import SpanframeClient
from spanframe_query.entities import Trace
from tests.ecosystem import recordings
from tests.ecosystem.clients import CLIENTS, Client
from tests.ecosystem.endpoint import Sent
from tests.ecosystem.normal import trace_ids
from tests.plugins.http_exports import send
from tests.plugins.receivers import over_http
from tests.plugins.store import Store

__all__ = ["Shown", "replayed", "shown"]

Shown = Mapping[str, list[Trace]]
"""The traces of each client, the oldest first."""

_PAGE: Final = 10_000


def replayed(path: Path) -> str:
    """Send every recording to a receiver with a store at ``path``; return its URL."""
    with Store(path) as store:
        sent = [one for client in CLIENTS for one in recordings.read(client)]
        asyncio.run(_sent(store, sent))
        return store.url


async def _sent(store: Store, sent: Iterable[Sent]) -> None:
    async with over_http(store) as (url, _):
        for one in sent:
            await asyncio.to_thread(_post, url, one)


def _post(url: str, one: Sent) -> None:
    path = f"/v1/{one.signal}"
    answer = send(url, one.body, one.media_type, path=path, **one.headers)
    assert answer.status == 200, answer
    assert b"ejected" not in answer.body, answer


def shown(url: str) -> Shown:
    """Return the traces of each client in a store of `replayed`."""
    found = SpanframeClient(url).search_traces(
        max_results=_PAGE, order_by="timestamp_ms ASC"
    )
    by_id = {trace.info.trace_id: trace for trace in found}
    return {client.name: _of(client, by_id) for client in CLIENTS}


def _of(client: Client, by_id: Mapping[str, Trace]) -> list[Trace]:
    ids = {i for one in recordings.read(client) for i in trace_ids(one)}
    return [trace for id_, trace in by_id.items() if id_.removeprefix("tr-") in ids]
