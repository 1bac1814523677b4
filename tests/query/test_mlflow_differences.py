"""Each filter that spanframe and MLflow 3.17 take differently, with the reason.

Everything else that MLflow means, spanframe means as well: `test_filter_corpus` and
`test_filter_oracle` hold that.
"""

import pytest

from spanframe.errors import FilterError
from spanframe_query.filter import parse_filter
from spanframe_query.order import parse_order

# (filter, what spanframe makes of it, what MLflow does, why)
TAKEN = [
    (
        "latency > 1000",
        "execution_time_ms > 1000",
        "refuses: invalid attribute key",
        "Databricks' documents use it",
    ),
    ("latency_ms > 1000", "execution_time_ms > 1000", "refuses", "says its unit"),
    ("state = 'OK'", "status = 'OK'", "refuses", "the entity calls it state"),
    ("trace_id = 'tr-1'", "request_id = 'tr-1'", "refuses", "the entity's name"),
    ("request_time > 5", "timestamp_ms > 5", "refuses", "the entity's name"),
    (
        "execution_duration > 5",
        "execution_time_ms > 5",
        "refuses",
        "the entity's name",
    ),
    (
        "name IN ('a', 'b')",
        "name IN ('a', 'b')",
        "parses it, then refuses",
        "without OR, a list is the only way to ask for several names",
    ),
    ("tags.x IN ('a')", "tags.`x` IN ('a')", "refuses", "the same"),
    ("metadata.x NOT IN ('a')", "metadata.`x` NOT IN ('a')", "refuses", "the same"),
    (
        "run_id IN ('a')",
        "metadata.`mlflow.sourceRun` IN ('a')",
        "parses it, then refuses",
        "the same",
    ),
    (
        "span.attributes.k = 5",
        "span.attributes.`k` = 5",
        "refuses numbers; = never matches and != always does",
        "compares the decoded value",
    ),
    (
        "span.attributes.k IN ('a')",
        "span.attributes.`k` IN ('a')",
        "fails with BAD_REQUEST",
        "compares the decoded value",
    ),
    (
        "span.name like 'x%'",
        "span.name LIKE 'x%'",
        "refuses lower case in span clauses",
        "keywords have no case",
    ),
    ("text LIKE '%x%'", "span.content LIKE '%x%'", "needs trace.", "no reason not to"),
    (
        "timestamp_ms > '1000'",
        "timestamp_ms > 1000",
        "refuses without a prefix",
        "the prefix changes nothing",
    ),
    (
        "timestamp_ms > '1970-01-01T01:00:00+01:00'",
        "timestamp_ms > 0",
        "compares as text: matches nothing",
        "a time with an offset is one moment",
    ),
    (
        "tags.x = 'it''s'",
        "tags.`x` = 'it''s'",
        "looks for it''s with both quotes",
        "SQL's way to write a quote",
    ),
    ("tags.from = 'x'", "tags.`from` = 'x'", "refuses", "a key is no keyword"),
    (
        "tags.`a`.b = 'x'",
        "tags.`a.b` = 'x'",
        "looks for the key `a`.b with the backticks",
        "backticks are never part of a key",
    ),
    (
        "metadata.`mlflow.trace.tokenUsage` LIKE '%9%'",
        "metadata.`mlflow.trace.tokenUsage` LIKE '%9%'",
        "refuses patterns on this key",
        "it is a text like any other",
    ),
    (
        "tags.timestamp = 'x'",
        "tags.`timestamp` = 'x'",
        "looks for the key timestamp_ms",
        "a user's tag must be findable",
    ),
    (
        "metadata.run_id = 'x'",
        "metadata.`run_id` = 'x'",
        "looks for mlflow.sourceRun",
        "a user's entry must be findable",
    ),
]

# (filter, what MLflow does, why)
REFUSED = [
    ("status = 'OK' AND", "ignores the AND", "half a filter is a mistake"),
    ("AND status = 'OK'", "ignores the AND", "half a filter is a mistake"),
    ("status = 'OK' AND AND name = 'x'", "takes one AND", "a clause is missing"),
    ("status = 'OK' name = 'x'", "reads an AND", "it could as well mean OR"),
    ("tags. = 'x'", "matches nothing", "the key is missing"),
    ("tags.x. = 'x'", "takes the dot into the key", "dots at the edge need backticks"),
    ("tags. x = 'x'", "takes the space into the key", "spaces need backticks"),
    (r"tags.x = 'a\'b'", r"looks for a\'b", "there are no escape sequences"),
    ("status IN ('a' 'b')", "looks for ab", "a comma is missing"),
    ("timestamp_ms > 'abc'", "compares as text", "no number is meant"),
    (
        "timestamp_ms > '2024-01-01'",
        "compares as text: matches nothing",
        "without an offset it is another moment in every time zone",
    ),
    ("name RLIKE '('", "matches nothing", "the expression is broken"),
    (r"name RLIKE '(a)\1'", "runs it", "no engine runs it in bounded time"),
    ("name NOT LIKE 'x'", "parses it, then refuses", "patterns have no negation"),
    ("feedback.x = 'y'", "searches assessments", "traces from OTLP carry none"),
    ("prompt = 'p/1'", "searches linked prompts", "traces from OTLP carry none"),
    ("issue.id = 'x'", "searches issues", "traces from OTLP carry none"),
]


@pytest.mark.parametrize(("text", "means", "mlflow", "reason"), TAKEN)
def test_spanframe_takes_it(text: str, means: str, mlflow: str, reason: str) -> None:
    assert str(parse_filter(text)) == means


@pytest.mark.parametrize(("text", "mlflow", "reason"), REFUSED)
def test_spanframe_refuses_it(text: str, mlflow: str, reason: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)


# MLflow refuses all of these in order_by, the first with an internal error.
@pytest.mark.parametrize(
    "item",
    ["end_time_ms DESC", "end_time", "latency", "request_time", "trace_id", "state"],
)
def test_every_name_that_filters_take_orders_too(item: str) -> None:
    assert len(parse_order(item)) in {2, 3}
