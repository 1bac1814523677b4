"""How to walk the store for one search: ask how common its values are, then choose.

A guess goes wrong where it costs most, on ``tags.env = 'prod' AND tags.customer =
'c77'``: walking the common tag probes every trace of the store for the rare one. So the
rows that each condition would walk are counted first, up to a bound at which counting
costs less than the search itself (1 000 index rows: about 50 µs).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from spanframe_collector.store import schema
from spanframe_query.filter import FieldKind, Filter
from spanframe_query.filter.compile import compile_filter
from spanframe_query.layouts import is_ordered, layout_for
from spanframe_query.layouts.plan import candidates, guess, plan_by
from spanframe_query.select import Search

__all__ = ["chosen", "planned", "select_weights"]

RARE: Final = 1_000


def planned(connection: Connection, search: Search) -> Search:
    """Return the search with the plan that is best for this store.

    Args:
        connection: where the search will run.
        search: what to search for; its results do not depend on the plan.

    Raises:
        FilterError: the engine cannot serve a clause of the filter.
    """
    statement = select_weights(search, connection.dialect.name)
    if statement is None:
        return search
    return chosen(search, connection.execute(statement).one())


def select_weights(search: Search, dialect: str) -> Select[Any] | None:
    """Return the statement that counts the rows each candidate would walk.

    Its columns are the candidates in their order, each counted up to `RARE`. None when
    there is nothing to choose: no candidate, or one whose entries are in order of time.
    """
    possible = candidates(search.filter)
    if not possible or (len(possible) == 1 and is_ordered(possible[0])):
        return None
    times = tuple(
        condition
        for condition in search.filter.conditions
        if condition.field.kind is FieldKind.TIMESTAMP_MS
    )
    weights = []
    for candidate in possible:
        plan = plan_by(candidate)
        layout = layout_for(dialect, plan.driver)
        kept = times if plan.driver is candidate else (candidate, *times)
        within = compile_filter(Filter(kept, search.filter.source), layout)
        walked = schema.traces if plan.driver is None else schema.attribute_index
        rows = select(walked.c.trace_key).where(*layout.driving, *within).limit(RARE)
        weights.append(
            select(func.count()).select_from(rows.subquery()).scalar_subquery()
        )
    return select(*(w.label(f"weight_{i}") for i, w in enumerate(weights)))


def chosen(search: Search, weights: Sequence[int]) -> Search:
    """Return the search with its plan, given what `select_weights` counted."""
    possible = candidates(search.filter)
    lightest = min(range(len(possible)), key=lambda i: weights[i])
    if weights[lightest] < RARE:
        return replace(search, plan=plan_by(possible[lightest]))
    return replace(search, plan=guess(search.filter))
