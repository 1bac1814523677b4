"""Chooses the plan of a search by counting how common its values are in the store.

A guess is wrong where that costs most: on ``tags.env = 'prod' AND tags.customer =
'c77'``, walking the common tag probes every trace of the store for the rare one. So the
rows that each candidate would walk are counted first, up to a bound at which counting
costs less than the search itself (`MAX_COUNTED_ROWS` index rows: about 150 µs).

A plan that walks m rows has to sort them. Walking all n traces in order instead finds a
page of k traces after about k·n/m of them. So m rows are few as long as m² is below
k·n. The index of the newest traces holds durations: skipping a trace by its duration
costs a sixteenth of sorting one, so that fewer rows count as few.
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
"""Maximum index rows counted per candidate."""

SKIPPED_PER_SORTED_TRACE: Final = 16
"""Traces skipped by their duration in the time that sorting one trace takes."""


def choose_plan(
    connection: Connection,
    database: Database,
    search: Search,
    *,
    counting: bool = False,
) -> Plan:
    """Return the best plan for this store; results do not depend on the plan.

    Args:
        connection: the connection on which the search will run.
        database: the database behind the connection.
        search: the search.
        counting: whether its traces are counted and not read, so that no order helps.
    """
    statement = select_weights(search, database)
    if statement is None:
        return guessed(search)
    return chosen(search, connection.execute(statement).one(), counting=counting)


def guessed(search: Search) -> Plan:
    """Return the plan that is best for most stores, without counting."""
    return guess(search.filter, search.order[0].field.kind)


def select_weights(search: Search, database: Database) -> Select[Any] | None:
    """Return the statement that counts the rows each candidate would walk.

    Its columns are the counts of the candidates in their order, each up to
    `MAX_COUNTED_ROWS`, then the approximate number of traces. None when there is no
    choice: no candidate, or a single one whose entries are in the order of the search.
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
        narrowing = compile_all(And(tuple(kept)), layout)
        rows = (
            select(layout.trace_key)
            .where(*layout.walk, *narrowing)
            .limit(MAX_COUNTED_ROWS)
        )
        weights.append(
            select(func.count()).select_from(rows.subquery()).scalar_subquery()
        )
    # Keys grow by one per trace; the number of pruned traces does not matter here.
    total = select(func.max(schema.traces.c.trace_key)).scalar_subquery()
    return select(
        *(weight.label(f"weight_{i}") for i, weight in enumerate(weights)),
        total.label("total"),
    )


def chosen(search: Search, weights: Sequence[int], *, counting: bool = False) -> Plan:
    """Return the plan of a search, given the counts of `select_weights`."""
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
    """Return whether a plan walks the traces in the order of a search."""
    first = search.order[0].field.kind
    if plan.walked is None:
        return first is FieldKind.EXECUTION_TIME_MS and plan.by_duration
    return first is FieldKind.TIMESTAMP_MS and is_ordered(plan.walked)
