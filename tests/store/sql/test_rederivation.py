"""Deriving again gives what the spans would give if they arrived today."""

import json
from typing import Any

from sqlalchemy import select, update

from spanframe_store.contract.spans import Fact, Source
from spanframe_store.otlp import decode_request
from spanframe_store.sql.mutations import (
    create_experiment,
    delete_trace_tag,
    set_trace_tag,
)
from spanframe_store.sql.rederivation import count_traces, rederive_portion
from spanframe_store.sql.schema import attribute_index, spans, traces
from tests.plugins.otlp import TRACE, request, span
from tests.plugins.store import Store

USAGE = json.dumps({"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})


def everything(store: Store) -> list[Any]:
    with store.engine.connect() as connection:
        return [
            sorted(map(tuple, connection.execute(select(table)).all()), key=repr)
            for table in (traces, spans, attribute_index)
        ]


def rederive(store: Store) -> int:
    total = after = 0
    while True:
        done = rederive_portion(store.engine, after)
        if not done.traces:
            return total
        total, after = total + done.traces, done.after


def fill(store: Store) -> None:
    for n in range(1, 451):
        trace_id = n.to_bytes(16, "big")
        root = {"mlflow.traceTag.n": str(n), "user.id": "ann", "input.value": "hi"}
        model = {"mlflow.spanType": '"LLM"', "mlflow.chat.tokenUsage": USAGE}
        store.write(
            span(1, trace_id=trace_id, attributes=root),
            span(2, parent=1, trace_id=trace_id, attributes=model),
            resource={"service.name": "shop"},
        )


def test_a_store_that_is_up_to_date_does_not_change(store: Store) -> None:
    fill(store)
    before = everything(store)
    assert count_traces(store.engine) == 450
    assert rederive(store) == 450
    assert everything(store) == before


def test_what_an_older_version_did_not_read_is_read_now(store: Store) -> None:
    store.write(
        span(1, attributes={"input.value": "hi", "openinference.span.kind": "LLM"})
    )
    before = everything(store)
    with store.engine.begin() as connection:
        connection.execute(update(spans).values(kind_key=99, usage=USAGE))
        connection.execute(update(traces).values(request_preview=None, name=None))
    rederive(store)
    assert everything(store) == before


def test_edits_and_the_experiment_of_a_header_stay(store: Store) -> None:
    create_experiment(store.engine, "shop")
    header = Fact("experiment_id", Source.RESOURCE, "1")
    run = Fact("metadata.mlflow.sourceRun", Source.RESOURCE, "r-1")
    tagged = span(1, attributes={"mlflow.traceTag.a": "x", "mlflow.traceTag.b": "y"})
    decoded = decode_request(request(tagged).SerializeToString(), (header, run))
    store.writer.write([decoded.rows])
    set_trace_tag(store.engine, TRACE, "a", "edited")
    delete_trace_tag(store.engine, TRACE, "b")
    before = everything(store)
    rederive(store)
    assert everything(store) == before
    with store.engine.connect() as connection:
        assert connection.execute(select(traces.c.experiment_id)).scalar() == 1
        assert connection.execute(select(traces.c.tags)).scalar() == '{"a":"edited"}'
