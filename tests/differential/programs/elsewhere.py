"""Experiments, threads, other processes, the client, deletes, usage and cost."""

import contextvars
import threading
from typing import Any

from tests.differential.seen import Seen, span_view, trace_view


def experiments(mlflow: Any, seen: Seen) -> None:
    """Experiments: choosing, making, finding."""
    chosen = mlflow.set_experiment("camping")
    seen["chosen"] = [chosen.name, type(chosen.experiment_id).__name__]
    with mlflow.start_span("s"):
        pass
    seen["of the trace"] = seen.trace().info.experiment_id == chosen.experiment_id
    by_name = mlflow.get_experiment_by_name("camping")
    seen["by name"] = by_name.experiment_id == chosen.experiment_id
    seen["absent"] = mlflow.get_experiment_by_name("no such experiment")
    made = mlflow.create_experiment("made")
    seen.attempt("create again", lambda: mlflow.create_experiment("made"), "made")
    seen["id"] = type(made).__name__
    seen["by id"] = mlflow.set_experiment(experiment_id=made).name
    seen.attempt("unknown id", lambda: mlflow.set_experiment(experiment_id="99999"))
    seen.attempt("both", lambda: mlflow.set_experiment("a", experiment_id="1"))
    client = mlflow.MlflowClient()
    seen.attempt("client unknown", lambda: client.get_experiment("99999"))
    seen.attempt("client", lambda: client.get_experiment(made).name)
    seen["default"] = client.get_experiment("0").name


def destinations(mlflow: Any, seen: Seen) -> None:
    """A trace that goes to another experiment."""
    other = mlflow.create_experiment("other")
    place = mlflow.entities.MlflowExperimentLocation(other)

    @mlflow.trace(trace_destination=place)
    def work() -> None: ...

    work()
    seen["decorator"] = seen.trace().info.experiment_id == other
    with mlflow.start_span("s", trace_destination=place):
        pass
    seen["block"] = seen.trace().info.experiment_id == other


def threads(mlflow: Any, seen: Seen) -> None:
    """Threads begin traces, unless the context goes with them."""

    @mlflow.trace
    def leaf() -> None: ...

    with mlflow.start_span("root") as root:
        alone = threading.Thread(target=leaf)
        context = contextvars.copy_context()
        with_context = threading.Thread(target=context.run, args=(leaf,))
        for thread in (alone, with_context):
            thread.start()
            thread.join()
    trace = seen.trace(root.trace_id)
    seen["spans"] = [span.name for span in trace.data.spans]
    found = mlflow.search_traces(return_type="list")
    seen["traces"] = sorted(len(trace.data.spans) for trace in found)


def distributed(mlflow: Any, seen: Seen) -> None:
    """Headers of one process, read in another."""
    tracing = mlflow.tracing
    with mlflow.start_span("client") as client:
        headers = tracing.get_tracing_context_headers_for_http_request()
    seen["headers"] = {key: len(value) for key, value in headers.items()}
    seen["outside"] = tracing.get_tracing_context_headers_for_http_request()
    enter = tracing.set_tracing_context_from_http_request_headers
    with enter(headers), mlflow.start_span("server") as server:
        seen["continued"] = [
            server.trace_id == client.trace_id,
            server.parent_id == client.span_id,
        ]

    def entered(given: dict[str, str]) -> bool:
        with enter(given), mlflow.start_span("server") as span:
            return bool(span.trace_id == client.trace_id)

    seen.attempt("capitals", lambda: entered({"Traceparent": headers["traceparent"]}))
    seen.attempt("none", lambda: entered({}))
    seen.attempt("malformed", lambda: entered({"traceparent": "nonsense"}))


def clients(mlflow: Any, seen: Seen) -> None:
    """What `MlflowClient` does with traces: get, tag, delete."""
    client = mlflow.MlflowClient()
    ids = []
    for number in range(3):
        with mlflow.start_span(f"s{number}") as span:
            pass
        ids.append(span.trace_id)
    seen.flush()
    trace = client.get_trace(ids[0])
    seen["get"] = trace.data.spans[0].name
    where = trace.info.experiment_id
    client.set_trace_tag(ids[0], "late", "1")
    seen["tag"] = client.get_trace(ids[0]).info.tags.get("late")
    client.delete_trace_tag(ids[0], "late")
    seen["no tag"] = client.get_trace(ids[0]).info.tags.get("late")
    seen.attempt("delete nothing", lambda: client.delete_traces(where))
    seen.attempt(
        "delete both",
        lambda: client.delete_traces(where, trace_ids=ids, max_timestamp_millis=1),
    )
    seen.attempt("no ids", lambda: client.delete_traces(where, trace_ids=[]))
    unknown = ["tr-" + "0" * 31 + "1"]
    seen.attempt("unknown", lambda: client.delete_traces(where, trace_ids=unknown))
    seen["deleted"] = client.delete_traces(where, trace_ids=ids[:1])
    seen["gone"] = mlflow.get_trace(ids[0], silent=True)
    seen["before 1970"] = client.delete_traces(where, max_timestamp_millis=1)
    seen["rest"] = client.delete_traces(where, max_timestamp_millis=9_000_000_000_000)


def usage(mlflow: Any, seen: Seen) -> None:
    """Tokens and cost that spans state."""
    tokens = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    cost = {"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}
    with mlflow.start_span("root"):
        for _ in range(2):
            with mlflow.start_span("call", span_type="LLM") as span:
                span.set_attribute("mlflow.chat.tokenUsage", tokens)
                span.set_attribute("mlflow.llm.cost", cost)
                span.set_attribute("mlflow.llm.model", "camper-1")
    trace = seen.trace()
    seen["usage"] = trace.info.token_usage
    seen["cost"] = trace.info.cost and {
        key: round(value, 6) for key, value in trace.info.cost.items()
    }
    call = trace.data.spans[1]
    seen["call"] = [call.model_name, call.llm_cost, span_view(call)["attributes"]]
    with mlflow.start_span("parent") as parent:
        parent.set_attribute("mlflow.chat.tokenUsage", tokens)
        with mlflow.start_span("child") as child:
            child.set_attribute("mlflow.chat.tokenUsage", tokens)
    seen["once"] = seen.trace().info.token_usage
    with mlflow.start_span("none"):
        pass
    seen["none"] = [seen.trace().info.token_usage, seen.trace().info.cost]


def models(mlflow: Any, seen: Seen) -> None:
    """The model that is active, and a search by it."""
    mlflow.set_active_model(name="camper")
    active = mlflow.get_active_model_id()
    with mlflow.start_span("with a model"):
        pass
    stated = seen.trace().info.trace_metadata.get("mlflow.modelId")
    seen["active"] = [stated == active, isinstance(active, str)]
    with mlflow.start_span("given another"):
        mlflow.update_current_trace(model_id="m-8")
    seen["given"] = seen.trace().info.trace_metadata.get("mlflow.modelId")
    for model in (active, "m-8"):
        found = mlflow.search_traces(model_id=model, return_type="list")
        name = "active" if model == active else "given"
        seen[f"search for the {name} one"] = [t.data.spans[0].name for t in found]
    mlflow.clear_active_model()
    seen["cleared"] = mlflow.get_active_model_id()


def client_spans(mlflow: Any, seen: Seen) -> None:
    """Traces and spans that `MlflowClient` starts and ends, by their ids."""
    client = mlflow.MlflowClient()
    root = client.start_trace(
        "root", span_type="CHAIN", inputs={"q": 1}, attributes={"a": 1}, tags={"t": "x"}
    )
    child = client.start_span(
        "child", trace_id=root.trace_id, parent_id=root.span_id, inputs={"c": 2}
    )
    client.end_span(root.trace_id, child.span_id, outputs={"d": 3}, status="ERROR")
    client.end_trace(root.trace_id, outputs={"a": 4})
    seen["trace"] = trace_view(seen.trace(root.trace_id))
    unknown = "tr-" + "0" * 31 + "1"
    seen.attempt("ended", lambda: client.end_trace(root.trace_id))
    seen.attempt("unknown", lambda: client.end_trace(unknown))
    seen.attempt("no parent", lambda: client.start_span("s", root.trace_id, None))
    seen.attempt("unknown trace", lambda: client.start_span("s", unknown, "0" * 16))
    with mlflow.start_span("active"):
        seen.attempt("inside", lambda: client.start_trace("inner").name)


def added(mlflow: Any, seen: Seen) -> None:
    """Traces of elsewhere: logged whole, and added to an open one."""
    logged = mlflow.log_trace("logged", {"q": 1}, {"a": 2}, tags={"t": "x"})
    trace = seen.trace(logged)
    seen["logged"] = trace_view(trace)
    with mlflow.start_span("outer") as outer:
        mlflow.add_trace(trace)
    found = seen.trace(outer.trace_id)
    seen["added"] = [[s.name, s.inputs, s.outputs] for s in found.data.spans]
    seen.attempt("no trace", lambda: mlflow.add_trace(5))
    seen.attempt("no dictionary of one", lambda: mlflow.add_trace({"x": 1}))


def processors(mlflow: Any, seen: Seen) -> None:
    """Functions that change spans before they leave."""

    def masks(span: Any) -> None:
        span.set_outputs("masked")
        span.set_attribute("seen", True)

    mlflow.tracing.configure(span_processors=[masks])
    with mlflow.start_span("s") as span:
        span.set_outputs("secret")
    stored = seen.trace().data.spans[0]
    seen["masked"] = [stored.outputs, stored.get_attribute("seen")]
    mlflow.tracing.configure(span_processors=[])
    with mlflow.start_span("s") as span:
        span.set_outputs("shown")
    seen["shown"] = seen.trace().data.spans[0].outputs
