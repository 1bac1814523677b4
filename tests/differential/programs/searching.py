"""Searches: frames, lists, filters, order, pages, extracted fields."""

import json
from typing import Any

from tests.differential.seen import Seen


def _recorded(mlflow: Any, seen: Seen) -> None:
    for number, (name, kind, env) in enumerate(
        [("b", "LLM", "prod"), ("a", "TOOL", "test"), ("c", "LLM", "prod")]
    ):
        with mlflow.start_span(name, span_type=kind) as span:
            span.set_inputs({"n": number, "deep": {"x": [number]}})
            span.set_attribute("config", {"n": number})
            mlflow.update_current_trace(
                tags={"env": env, "n": str(number)}, metadata={"k": name}, user="ada"
            )
            with mlflow.start_span("step") as step:
                step.set_outputs(json.dumps({"n": number}))
            if name == "c":
                span.set_status("ERROR")
            span.set_outputs({"out": name})
    seen.flush()


def filters(mlflow: Any, seen: Seen) -> None:
    """What filters find, by the names of the roots."""
    _recorded(mlflow, seen)
    for text in (
        "status = 'OK'",
        'attributes.status = "ERROR"',
        "name = 'a'",
        "name LIKE '%'",
        "name ILIKE 'A'",
        "name RLIKE '^[ab]$'",
        "tags.env = 'prod'",
        "tags.env != 'prod'",
        "tags.env LIKE 'p%' AND status = 'OK'",
        "tags.none IS NULL",
        "tags.none IS NOT NULL",
        "tags.none != 'x'",
        "metadata.k = 'b'",
        "metadata.`mlflow.trace.user` = 'ada'",
        "execution_time_ms >= 0",
        "timestamp_ms > 0",
        "span.name = 'step'",
        "span.name IN ('a', 'b')",
        "span.type = 'TOOL'",
        "span.status = 'ERROR'",
        "span.type = 'LLM' AND span.name = 'step'",
        "span.content LIKE '%deep%'",
        "trace.text LIKE '%deep%'",
        "trace.text LIKE '%prod%'",
        "trace.text LIKE '%ada%'",
        "span.content LIKE '%traceTag%'",
        "span.attributes.config LIKE '%1%'",
        "span.attributes.config IN ('x')",
        "request_id LIKE 'tr-%'",
        "tags.mlflow.traceName = 'c'",
        "",
    ):  # fmt: skip
        seen.attempt(
            text,
            lambda text=text: sorted(
                trace.data.spans[0].name
                for trace in mlflow.search_traces(
                    filter_string=text, return_type="list"
                )
            ),
        )


def refused(mlflow: Any, seen: Seen) -> None:
    """Searches that cannot be used: what is raised, with which code."""
    for text in (
        "status = 'OK' OR status = 'ERROR'",
        "NOT status = 'OK'",
        "(status = 'OK')",
        "status = OK",
        "status = 5",
        "tags.env = 5",
        "foo = 'x'",
        "foo.bar = 'x'",
        "span.foo = 'x'",
        "status > 'OK'",
        "timestamp_ms BETWEEN 1 AND 2",
        "timestamp_ms LIKE '1%'",
        "status = 'OK",
        "status = 'OK';",
        "execution_time_ms > 'abc'",
        "trace.text = 'x'",
        "issue.id != 'x'",
    ):
        seen.attempt(
            text, lambda text=text: len(mlflow.search_traces(filter_string=text))
        )
    calls: dict[str, dict[str, Any]] = {
        "return_type": {"return_type": "xml"},
        "order": {"order_by": ["nonsense ASC"]},
        "order direction": {"order_by": ["timestamp FOO"]},
        "extract": {"extract_fields": ["nonsense"]},
        "extract a list": {"extract_fields": ["a.inputs"], "return_type": "list"},
        "filter of no text": {"filter_string": 5},
        "locations as a text": {"locations": "1"},
    }
    for name, given in calls.items():
        seen.attempt(name, lambda given=given: len(mlflow.search_traces(**given)))


def frames(mlflow: Any, seen: Seen) -> None:
    """The frame: columns, cells, types; empty as well."""
    _recorded(mlflow, seen)
    frame = mlflow.search_traces(order_by=["timestamp_ms ASC", "name ASC"])
    seen["columns"] = list(frame.columns)
    seen["index"] = list(frame.index)
    for column in ("request", "response", "tags"):
        seen[column] = list(frame[column])
        seen[f"type of {column}"] = str(frame[column].dtype)
    seen["spans"] = [[span["name"] for span in spans] for spans in frame["spans"]]
    first = frame["spans"][0][0]
    seen["span attributes"] = dict(first["attributes"])
    seen["without spans"] = {
        column: [
            None if value is None else list(value)
            for value in mlflow.search_traces(include_spans=False)[column]
        ]
        for column in ("request", "spans")
    }
    empty = mlflow.search_traces(filter_string="name = 'none'")
    seen["empty"] = [len(empty), list(empty.columns)]


def extracted(mlflow: Any, seen: Seen) -> None:
    """`extract_fields`: whole values, fields, paths, JSON texts, what is absent."""
    _recorded(mlflow, seen)
    for item in (
        "b.inputs",
        "b.inputs.n",
        "b.inputs.deep.x",
        "b.outputs.out",
        "step.outputs",
        "step.outputs.n",
        "none.inputs",
        "b.inputs.none",
        "`b`.inputs.`n`",
    ):
        frame = mlflow.search_traces(filter_string="name = 'b'", extract_fields=[item])
        seen[item] = [frame.columns[-1], list(frame.iloc[:, -1])]


def pages(mlflow: Any, seen: Seen) -> None:
    """Order and pages: names in order, tokens, limits."""
    _recorded(mlflow, seen)
    client = mlflow.MlflowClient()
    where = [mlflow.get_trace(mlflow.get_last_active_trace_id()).info.experiment_id]

    def names(found: Any) -> list[str]:
        return [trace.data.spans[0].name for trace in found]

    for order in (["name ASC"], ["name DESC"], ["tags.n DESC"], ["metadata.k"]):
        found = mlflow.search_traces(order_by=order, return_type="list")
        seen[f"order {order}"] = names(found)
    first = client.search_traces(where, max_results=2, order_by=["name ASC"])
    seen["first page"] = [names(first), first.token is not None, type(first).__name__]
    rest = client.search_traces(
        where, max_results=2, order_by=["name ASC"], page_token=first.token
    )
    seen["second page"] = [names(rest), rest.token]
    wrong = {"page_token": "nonsense"}
    seen.attempt("token", lambda: client.search_traces(where, **wrong))
    for most in (0, -1, 1, 1000):
        seen.attempt(
            f"max_results {most}",
            lambda most=most: len(
                mlflow.search_traces(max_results=most, return_type="list")
            ),
        )
    seen["ids by keyword"] = len(client.search_traces(locations=where))
    seen["no ids"] = len(client.search_traces([])) > 0
