"""Traces and spans as objects, dictionaries and JSON."""

import json
import re
from typing import Any

from tests.differential.seen import Seen, span_view, trace_view


def _recorded(mlflow: Any, seen: Seen) -> Any:
    @mlflow.trace(span_type="RETRIEVER")
    def look(q: str) -> list[str]:
        return [q]

    with mlflow.start_span("serve", span_type="AGENT") as root:
        root.set_inputs({"q": "a"})
        mlflow.update_current_trace(tags={"env": "test"}, metadata={"release": "1"})
        look("a")
        look("b")
        root.set_outputs({"answer": "b"})
    return seen.trace()


def dictionaries(mlflow: Any, seen: Seen) -> None:
    """`to_dict` and back, of a trace, its info, its data, a span."""
    entities = mlflow.entities
    trace = _recorded(mlflow, seen)
    as_dict = trace.to_dict()
    seen["keys"] = {key: sorted(value) for key, value in as_dict.items()}
    seen["info"] = as_dict["info"]
    seen["span"] = as_dict["data"]["spans"][0]
    again = entities.Trace.from_dict(as_dict)
    seen["round trip"] = again.to_dict() == as_dict
    seen["json"] = [
        json.loads(trace.to_json()) == as_dict,
        entities.Trace.from_json(trace.to_json()).to_dict() == as_dict,
        trace.to_json(pretty=True).count("\n") > 20,
    ]
    span = trace.data.spans[0]
    seen["span round trip"] = span_view(entities.Span.from_dict(span.to_dict()))
    version_2 = {
        "name": "old",
        "context": {"trace_id": "0x" + "a" * 32, "span_id": "0x" + "b" * 16},
        "parent_id": None,
        "start_time": 1,
        "end_time": 2,
        "status_code": "OK",
        "status_message": "",
        "attributes": {
            "mlflow.traceRequestId": '"tr-old"',
            "mlflow.spanType": '"LLM"',
            "mlflow.spanInputs": '{"x": 1}',
        },
        "events": [],
    }
    seen.attempt("MLflow 2", lambda: span_view(entities.Span.from_dict(version_2)))
    seen.attempt("no span", lambda: entities.Span.from_dict({"x": 1}))
    seen.attempt("no trace", lambda: entities.Trace.from_dict({"x": 1}))
    seen.attempt("no JSON", lambda: entities.Trace.from_json("{"))


def objects(mlflow: Any, seen: Seen) -> None:
    """What a trace and its info have, under all names."""
    trace = _recorded(mlflow, seen)
    info = trace.info
    seen["names"] = {
        "trace_id": trace.trace_id == info.trace_id == info.request_id,
        "timestamp": info.timestamp_ms == info.request_time,
        "duration": info.execution_time_ms == info.execution_duration,
        "status": [info.status == "OK", str(info.status), info.status.value],
        "state": [info.state == "OK", str(info.state), info.state.value],
        "metadata": info.request_metadata == info.trace_metadata,
    }
    seen["location"] = (
        info.trace_location.to_dict()
        if hasattr(info.trace_location, "to_dict")
        else str(type(info.trace_location).__name__)
    )
    seen["request"] = [trace.data.request, trace.data.response]
    seen["intermediate"] = trace.data.intermediate_outputs
    for name in ("metadata", "timestamp", "user", "session_id", "name", "latency"):
        seen[f"info.{name}"] = hasattr(info, name)
    seen.attempt("subscript", lambda: trace.data.spans[0]["name"])
    seen["absent"] = trace.data.spans[0].get_attribute("none")


def searched_spans(mlflow: Any, seen: Seen) -> None:
    """`Trace.search_spans` by every argument."""
    trace = _recorded(mlflow, seen)

    def names(**given: Any) -> list[str]:
        return [span.name for span in trace.search_spans(**given)]

    root = trace.data.spans[0]
    seen["type"] = names(span_type="RETRIEVER")
    seen["name"] = names(name="serve")
    seen["pattern"] = names(name=re.compile("^l..k"))
    seen["id"] = names(span_id=root.span_id)
    seen["both"] = names(name="look", span_type="AGENT")
    seen["none"] = names(name="absent")
    seen["all"] = names()
    seen.attempt("a number", lambda: names(name=5))
    seen.attempt("a type that is no text", lambda: names(span_type=5))


def absent(mlflow: Any, seen: Seen) -> None:
    """Traces that do not exist, and ids that are none."""
    unknown = "tr-" + "0" * 31 + "1"
    seen.attempt("unknown", lambda: mlflow.get_trace(unknown))
    seen.attempt("silent", lambda: mlflow.get_trace(unknown, silent=True))
    seen.attempt("no id", lambda: mlflow.get_trace("nonsense"))
    client = mlflow.MlflowClient()
    seen.attempt("client", lambda: client.get_trace(unknown))


def ids(mlflow: Any, seen: Seen) -> None:
    """The ids of the trace that is active, and of the last one."""
    with mlflow.start_span("s") as span:
        seen["active"] = mlflow.get_active_trace_id() == span.trace_id
    seen["after"] = mlflow.get_active_trace_id()
    seen["last"] = mlflow.get_last_active_trace_id() == span.trace_id
    seen["thread local"] = (
        mlflow.get_last_active_trace_id(thread_local=True) == span.trace_id
    )
    seen["form"] = [span.trace_id[:3], len(span.trace_id), len(span.span_id)]
    seen["view"] = trace_view(seen.trace())
