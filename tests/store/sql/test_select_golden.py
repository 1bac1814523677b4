"""The statements of a set of searches, whole, for each engine.

A change of ``golden/*.sql`` is a change of what runs on a user's store: read it, then
write it with ``python -m tests.store.sql.test_select_golden``.
"""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from spanframe_query.filter import parse_filter
from spanframe_query.order import parse_order
from spanframe_store.contract.search import Search
from spanframe_store.sql.engines import DATABASES
from spanframe_store.sql.planning import guessed, select_weights
from spanframe_store.sql.plans import Plan
from spanframe_store.sql.prepared import prepare
from spanframe_store.sql.statements import select_traces

FOLDER = Path(__file__).parent / "golden"
DIALECTS = {
    name: make_url(f"{name}://").get_dialect()() for name in ("sqlite", "postgresql")
}


def _search(text: str, order_by: str | None = None, **more: Any) -> Search:
    return Search(filter=parse_filter(text), order=parse_order(order_by), **more)


SEARCHES = {
    "the newest": _search("", limit=100),
    "an equal entry": _search("tags.env = 'prod'", limit=100),
    "two equal entries": _search("tags.env = 'prod' AND run_id = 'r1'", limit=100),
    "a value longer than the index": _search(f"tags.x = '{'x' * 257}'"),
    "a value as long as the index": _search(f"tags.x = '{'x' * 256}'"),
    "entries compared otherwise": _search(
        "tags.a != 'x' AND tags.b IN ('x', 'y') AND metadata.c NOT IN ('x') "
        "AND tags.d IS NULL AND tags.e IS NOT NULL AND tags.name = 'x'"
    ),
    "walked by a pattern": _search("tags.a LIKE 'x%y'"),
    "patterns": _search("name LIKE 'a%' AND name ILIKE '%B_' AND status LIKE 'OK'"),
    "an expression": _search("name RLIKE '^a'"),
    "columns": _search(
        "status = 'OK' AND name IS NOT NULL AND client_request_id != 'c' "
        "AND timestamp >= 1000.5 AND latency < 1e30 AND end_time != 7"
    ),
    "ids": _search(f"request_id IN ('tr-{'0' * 31}1', 'nonsense')"),
    "text of ids": _search("request_id LIKE 'tr-0%'"),
    "computed entries": _search(
        "tags.mlflow.artifactLocation != '' AND metadata.mlflow.trace.sizeBytes = '5' "
        "AND tags.mlflow.traceName = 'x' AND tags.mlflow.trace.spansLocation = 'y'"
    ),
    "one span": _search("span.name = 'a' AND span.type != 'LLM' AND status = 'OK'"),
    "the body of a span": _search(
        "span.attributes.k IN ('a', 5) AND span.attributes.n > 2.5 "
        "AND span.content LIKE '%x%' AND span.name = 'a' AND span.attributes.m != 1"
    ),
    "in experiments": _search("tags.env = 'prod'", experiment_ids=(0, 7)),
    "in no experiment": _search("", experiment_ids=()),
    "a later page": _search("tags.env = 'prod'", after=(1000, bytes(16))),
    "a page in another order": _search(
        "", "execution_time DESC", limit=10, after=(None, 1000, bytes(16))
    ),
    "in the order of an entry": _search("", "tags.lane", limit=10),
}


def _statements(dialect: str) -> str:
    """Return what the engine is asked for each search."""
    database = DATABASES[dialect]
    blocks = []
    for title, whole in SEARCHES.items():
        search = prepare(whole, database).search
        plan = guessed(search)
        if title == "walked by a pattern":
            [walked] = search.filter.leaves()
            plan = Plan(walked)
        lines = [f"-- {title}"]
        statements = [
            select_weights(search, database),
            select_traces(search, database.layout(plan)),
        ]
        lines += [
            f"{statement.compile(dialect=DIALECTS[dialect])};"
            for statement in statements
            if statement is not None
        ]
        blocks.append("\n".join(line.rstrip() for line in "\n".join(lines).split("\n")))
    return "\n\n".join(blocks) + "\n"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_statements_are_the_golden_ones(dialect: str) -> None:
    golden = (FOLDER / f"{dialect}.sql").read_text("utf-8")

    assert _statements(dialect) == golden


if __name__ == "__main__":
    for name in DIALECTS:
        (FOLDER / f"{name}.sql").write_text(_statements(name), "utf-8")
