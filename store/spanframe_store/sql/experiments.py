"""The experiments that spans state: names and numbers → ids."""

import time
from collections.abc import Iterable

from sqlalchemy import Connection, insert, select

from spanframe_store.contract.spans import Fact, SpanRow
from spanframe_store.otlp.trace_state import EXPERIMENT_FIELDS
from spanframe_store.sql.interning import next_key
from spanframe_store.sql.schema import experiments

__all__ = ["experiment_ids"]


def experiment_ids(connection: Connection, batch: Iterable[SpanRow]) -> dict[Fact, int]:
    """Return the ids of the experiments that spans state; create unknown names.

    A number that no experiment has is left out: other facts decide the experiment of
    such a trace, and without any the trace goes to ``Default``.
    """
    stated: set[Fact] = set()
    shared: dict[int, tuple[Fact, ...]] = {}
    for span in batch:
        shared[id(span.shared_facts)] = span.shared_facts
        if span.own_facts:  # few spans have any, and this loop sees every span
            stated.update(f for f in span.own_facts if f.field in EXPERIMENT_FIELDS)
    for facts in shared.values():
        stated.update(f for f in facts if f.field in EXPERIMENT_FIELDS)
    if not stated:
        return {}
    query = select(experiments.c.name, experiments.c.experiment_id)
    ids = {row.name: row.experiment_id for row in connection.execute(query)}
    numbers = {str(number): number for number in ids.values()}
    new = sorted({f.value for f in stated if f.field == "experiment"} - ids.keys())
    if new:
        following = next_key(connection, experiments)
        now_ms = time.time_ns() // 1_000_000
        ids.update({name: following + n for n, name in enumerate(new)})
        connection.execute(
            insert(experiments),
            [
                {"experiment_id": ids[n], "name": n, "creation_time_ms": now_ms}
                for n in new
            ],
        )
    return {
        fact: (ids if fact.field == "experiment" else numbers)[fact.value]
        for fact in stated
        if fact.field == "experiment" or fact.value in numbers
    }
