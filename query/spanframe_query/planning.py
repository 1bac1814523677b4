"""How to walk the store for one search: ask how common its values are, then choose.

A guess goes wrong where it costs most, on ``tags.env = 'prod' AND tags.customer =
'c77'``: walking the common tag probes every trace of the store for the rare one. So the
rows that each candidate would walk are counted first, up to a bound at which counting
costs less than the search itself (`MOST` index rows: about 150 µs).

A plan that walks m rows has to sort them; walking all n traces in order instead finds a
page of k after about k·n/m of them. So m rows are few as long as m² is below k·n. The
index of the newest holds durations: passing over a trace for its own costs a sixteenth
of sorting one, and fewer rows are few.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isqrt
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from spanframe_collector.store import schema
from spanframe_query.filter import FieldKind, Filter
from spanframe_query.filter.compile import compile_filter
from spanframe_query.layouts import is_ordered, layout_for
from spanframe_query.layouts.plan import (
    Plan,
    candidates,
    guess,
    guess_for_counting,
)
from spanframe_query.select import Search

__all__ = ["chosen", "planned", "select_weights"]

MOST: Final = 4_000
PASSED_OVER: Final = 16


def planned(
    connection: Connection, search: Search, *, counting: bool = False
) -> Search:
    """Return the search with the plan that is best for this store.

    Args:
        connection: where the search will run.
        search: what to search for; its results do not depend on the plan.
        counting: its traces are counted, not read, so that no order helps.

    Raises:
        FilterError: the engine cannot serve a clause of the filter.
    """
    statement = select_weights(search, connection.dialect.name)
    if statement is None:
        return search
    weights = connection.execute(statement).one()
    return chosen(search, weights, counting=counting)


def select_weights(search: Search, dialect: str) -> Select[Any] | None:
    """Return the statement that counts the rows each candidate would walk.

    Its columns are the candidates in their order, each counted up to `MOST`, then about
    how many traces there are. None when there is nothing to choose: no candidate, or
    one whose entries are in the order asked for.
    """
    possible = candidates(search.filter)
    if not possible or (len(possible) == 1 and _in_order(search, possible[0].plan)):
        return None
    times = tuple(
        condition
        for condition in search.filter.conditions
        if condition.field.kind is FieldKind.TIMESTAMP_MS
    )
    weights = []
    for plan, conditions in possible:
        layout = layout_for(dialect, plan)
        kept = [each for each in conditions if each is not plan.driver]
        if not plan.by_duration:
            kept += times
        within = compile_filter(Filter(tuple(kept), search.filter.source), layout)
        rows = select(layout.trace_key).where(*layout.driving, *within).limit(MOST)
        weights.append(
            select(func.count()).select_from(rows.subquery()).scalar_subquery()
        )
    # Keys grow by one a trace; those that were pruned do not matter here.
    total = select(func.max(schema.traces.c.trace_key)).scalar_subquery()
    return select(
        *(weight.label(f"weight_{i}") for i, weight in enumerate(weights)),
        total.label("total"),
    )


def chosen(search: Search, weights: Sequence[int], *, counting: bool = False) -> Search:
    """Return the search with its plan, given what `select_weights` counted."""
    possible = candidates(search.filter)
    lightest = min(range(len(possible)), key=lambda i: weights[i])
    few = MOST
    if not counting:
        total = weights[-1] or 0
        page = total if search.limit is None else search.limit
        pairs = page * total
        if possible[lightest].plan.by_duration:
            pairs //= PASSED_OVER
        few = min(few, isqrt(pairs))
    if weights[lightest] < few:
        return replace(search, plan=possible[lightest].plan)
    if counting:
        return replace(search, plan=guess_for_counting(search.filter))
    return replace(search, plan=guess(search.filter, search.order[0].field.kind))


def _in_order(search: Search, plan: Plan) -> bool:
    """Tell whether a plan walks the traces in the order of a search."""
    first = search.order[0].field.kind
    if plan.driver is None:
        return first is FieldKind.EXECUTION_TIME_MS and plan.by_duration
    return first is FieldKind.TIMESTAMP_MS and is_ordered(plan.driver)
