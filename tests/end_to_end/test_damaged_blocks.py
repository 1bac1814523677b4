"""A block that inflates to gigabytes is an error that names its trace."""

import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import pytest
import zstandard
from sqlalchemy import select, update

from spanframe.errors import StoreError
from spanframe_query.known_fields import fields
from spanframe_query.search import search_traces
from spanframe_query.stores import close_stores
from spanframe_store.sql.rederivation import rederive_portion
from spanframe_store.sql.schema import span_blocks, spans, traces
from tests.plugins.forked import run
from tests.plugins.otlp import span
from tests.plugins.store import Store

GIGABYTE = 1 << 30
DAMAGED = f"tr-{2:032x}"


@cache
def _bomb(*, write_content_size: bool) -> bytes:
    compressor = zstandard.ZstdCompressor(write_content_size=write_content_size)
    size = GIGABYTE if write_content_size else -1
    writer = compressor.compressobj(size)
    zeros = bytes(16 << 20)
    return b"".join(map(writer.compress, [zeros] * (GIGABYTE >> 24))) + writer.flush()


BOMBS: Final[dict[str, Callable[[], bytes]]] = {
    "compressed": lambda: _bomb(write_content_size=True),
    "without its size": lambda: _bomb(write_content_size=False),
    "that lies": lambda: (
        b"\x28\xb5\x2f\xfd\xe0" + (GIGABYTE << 9).to_bytes(8, "little")
    ),
    "too short": lambda: b"\x28\xb5\x2f\xfd",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_block_that_inflates_is_bounded_and_names_its_trace(
    name: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        said = {"mlflow.spanInputs": f'"{number:0400}"', "mark": number}
        store.write(span(1, trace_id=number.to_bytes(16, "big"), attributes=said))
    of_second = (
        select(spans.c.block_key)
        .join(traces, traces.c.trace_key == spans.c.trace_key)
        .where(traces.c.trace_id == (2).to_bytes(16, "big"))
    )
    with store.engine.begin() as connection:
        damaged = update(span_blocks).where(span_blocks.c.block_key.in_(of_second))
        connection.execute(damaged.values(body=BOMBS[name]()))
    monkeypatch.setenv("SPANFRAME_STORE", store.url)
    reads: tuple[Callable[[], Any], ...] = (
        lambda: [t.data.spans for t in search_traces(return_type="list")],
        lambda: [*search_traces()["request"]],
        fields,
    )
    tracemalloc.start()
    try:
        for read in reads:
            with pytest.raises(StoreError, match=DAMAGED):
                read()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        close_stores()
    assert most < 64 << 20
    found = rederive_portion(store.engine, 0)
    assert (found.traces, found.damaged) == (3, [(2).to_bytes(16, "big")])
    done = run("db", "rederive", "--store", store.url)
    assert (done.returncode, DAMAGED in done.stderr) == (3, True)
