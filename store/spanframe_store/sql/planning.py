"""How to walk the store for one search: ask how common its values are, then choose.

A guess goes wrong where it costs most, on ``tags.env = 'prod' AND tags.customer =
'c77'``: walking the common tag probes every trace of the store for the rare one. So the
rows that each candidate would walk are counted first, up to a bound at which counting
costs less than the search itself (`MAX_COUNTED_ROWS` index rows: about 150 µs).

A plan that walks m rows has to sort them; walking all n traces in order instead finds a
page of k after about k·n/m of them. So m rows are few as long as m² is below k·n. The
index of the newest holds durations: passing over a trace for its own costs a sixteenth
of sorting one, and fewer rows are few.
"""

from collections.abc import Sequence
from math import isqrt
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from spanframe_store.contract.filter import And, FieldKind
from spanframe_store.contract.search import Search
from spanframe_store.sql import schema
from spanframe_store.sql.compile import compile_all
from spanframe_store.sql.database import Database
from spanframe_store.sql.index_conditions import is_ordered
from spanframe_store.sql.plans import Plan, candidates, guess, guess_to_count

__all__ = ["choose_plan", "chosen", "guessed", "select_weights"]

MAX_COUNTED_ROWS: Final = 4_000
"""Maximum index rows that are counted for one candidate."""

SKIPPED_PER_SORTED_TRACE: Final = 16
"""Traces passed over, by their duration, in the time that sorting one takes."""


def choose_plan(
    connection: Connection,
    database: Database,
    search: Search,
    *,
    counting: bool = False,
) -> Plan:
    """Return the plan that is best for this store; results do not depend on it.

    Args:
        connection: where the search will run.
        database: the one behind the connection.
        search: what to search for.
        counting: its traces are counted, not read, so that no order helps.
    """
    statement = select_weights(search, database)
    if statement is None:
        return guessed(search)
    return chosen(search, connection.execute(statement).one(), counting=counting)


def guessed(search: Search) -> Plan:
    """Return the plan that is right for most stores."""
    return guess(search.filter, search.order[0].field.kind)


def select_weights(search: Search, database: Database) -> Select[Any] | None:
    """Return the statement that counts the rows each candidate would walk.

    Its columns are the candidates in their order, each counted up to
    `MAX_COUNTED_ROWS`, then about how many traces there are. None when there is nothing to choose: no
    candidate, or one whose entries are in the order asked for.
    """
    possible = candidates(search.filter)
    if not possible or (len(possible) == 1 and _in_order(search, possible[0].plan)):
        return None
    times = tuple(
        condition
        for condition in search.filter.required()
        if condition.field.kind is FieldKind.TIMESTAMP_MS
    )
    weights = []
    for plan, conditions in possible:
        layout = database.layout(plan)
        kept = [each for each in conditions if each is not plan.walked]
        if not plan.by_duration:
            kept += times
        within = compile_all(And(tuple(kept)), layout)
        rows = (
            select(layout.trace_key)
            .where(*layout.walk, *within)
            .limit(MAX_COUNTED_ROWS)
        )
        weights.append(
            select(func.count()).select_from(rows.subquery()).scalar_subquery()
        )
    # Keys grow by one a trace; those that were pruned do not matter here.
    total = select(func.max(schema.traces.c.trace_key)).scalar_subquery()
    return select(
        *(weight.label(f"weight_{i}") for i, weight in enumerate(weights)),
        total.label("total"),
    )


def chosen(search: Search, weights: Sequence[int], *, counting: bool = False) -> Plan:
    """Return the plan of a search, given what `select_weights` counted."""
    possible = candidates(search.filter)
    lightest = min(range(len(possible)), key=lambda i: weights[i])
    few = MAX_COUNTED_ROWS
    if not counting:
        total = weights[-1] or 0
        page = total if search.limit is None else search.limit
        pairs = page * total
        if possible[lightest].plan.by_duration:
            pairs //= SKIPPED_PER_SORTED_TRACE
        few = min(few, isqrt(pairs))
    if weights[lightest] < few:
        return possible[lightest].plan
    return guess_to_count(search.filter) if counting else guessed(search)


def _in_order(search: Search, plan: Plan) -> bool:
    """Tell whether a plan walks the traces in the order of a search."""
    first = search.order[0].field.kind
    if plan.walked is None:
        return first is FieldKind.EXECUTION_TIME_MS and plan.by_duration
    return first is FieldKind.TIMESTAMP_MS and is_ordered(plan.walked)
