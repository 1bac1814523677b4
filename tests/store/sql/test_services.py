"""The services of a trace: all are named, and each of them finds the trace."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from spanframe.client import SpanframeClient
from spanframe.errors import FilterError
from spanframe_query.stores import close_stores
from spanframe_store.sql.rederivation import rederive_portion
from tests.plugins.contents import contents
from tests.plugins.otlp import span
from tests.plugins.store import Store

PARENTS = {"web": None, "shop": 1, "payments": 2}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_stores()


def write(store: Store, names: Sequence[str], **more: Any) -> None:
    for name in names:
        number = list(PARENTS).index(name) + 1
        message = span(number, parent=PARENTS[name], start_ms=number, **more)
        store.write(message, resource={"service.name": name})


def services(store: Store) -> list[str]:
    [trace] = SpanframeClient(store.url).search_traces(["0"])
    return trace.info.services


def test_every_service_is_named_in_any_order_of_arrival(store: Store) -> None:
    found = []
    for order in itertools.permutations(PARENTS):
        store.empty()
        write(store, order)
        found.append(contents(store))
    assert found == [found[0]] * 6
    assert services(store) == ["payments", "shop", "web"]
    rederive_portion(store.engine, 0)
    assert contents(store) == found[0]


def test_a_trace_of_one_service_has_the_tag_alone(store: Store) -> None:
    write(store, ["web"])
    store.write(span(2, parent=1), resource={"service.name": "web", "pid": 2})
    assert services(store) == ["web"]
    assert "spanframe.service" not in str(contents(store))


@pytest.mark.parametrize(
    ("clause", "found"),
    [
        ("service = 'web'", {1, 2}),
        ("service = 'payments'", {1}),
        ("trace.service IN ('payments', 'other')", {1}),
        ("service != 'payments'", {2}),
        ("service NOT IN ('web', 'shop')", set()),
        ("service = 'web' AND service = 'shop' AND status = 'OK'", {1}),
        ("service = 'x'' OR 1=1'", set()),
        ("span.name = 'span 1' AND service = 'shop'", {1}),
    ],
)
def test_each_service_finds_the_trace(
    store: Store, clause: str, found: set[int]
) -> None:
    write(store, list(PARENTS), trace_id=bytes(15) + b"\1")
    write(store, ["web"], trace_id=bytes(15) + b"\2")
    traces = SpanframeClient(store.url).search_traces(["0"], clause)
    assert {int(trace.info.trace_id[3:], 16) for trace in traces} == found


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("service LIKE 'w%'", "service is not compared by LIKE"),
        ("service IS NULL", "service is not compared by IS NULL"),
        ("service = 3", "service"),
    ],
)
def test_what_cannot_be_asked_of_services_is_refused(
    store: Store, clause: str, said: str
) -> None:
    with pytest.raises(FilterError, match=said):
        SpanframeClient(store.url).search_traces(["0"], clause)
