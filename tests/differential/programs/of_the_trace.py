"""What an app says about its trace."""

from typing import Any

from tests.differential.seen import Seen, trace_view


def updates(mlflow: Any, seen: Seen) -> None:
    """`update_current_trace` in all its forms."""
    forms: dict[str, dict[str, Any]] = {
        "tags": {"tags": {"env": "prod", "n": 3, "t": "true"}},
        "metadata": {"metadata": {"release": "1.2", "k": "v w"}},
        "user": {"user": "ada", "session_id": "s-1"},
        "as metadata": {
            "metadata": {"mlflow.trace.user": "bob", "mlflow.trace.session": "s-2"}
        },
        "client_request_id": {"client_request_id": "r-1"},
        "a number": {"client_request_id": 42},
        "previews": {"request_preview": "asked", "response_preview": "answered"},
        "long preview": {"request_preview": "x" * 1500},
        "empty preview": {"request_preview": ""},
        "state": {"state": "ERROR"},
        "model": {"model_id": "m-1"},
        "renamed": {"tags": {"mlflow.traceName": "another name"}},
        "nothing": {},
    }
    for name, given in forms.items():

        @mlflow.trace
        def work(given: dict[str, Any] = given) -> str:
            mlflow.update_current_trace(**given)
            return "done"

        work()
        seen[name] = trace_view(seen.trace())


def merges(mlflow: Any, seen: Seen) -> None:
    """What is said later wins, also from a child."""
    with mlflow.start_span("root"):
        mlflow.update_current_trace(tags={"a": "1", "b": "1"}, user="ada")
        with mlflow.start_span("child"):
            mlflow.update_current_trace(tags={"b": "2"}, user="bob")
    seen["trace"] = trace_view(seen.trace())


def wrong_updates(mlflow: Any, seen: Seen) -> None:
    """What `update_current_trace` refuses, inside and outside of a trace."""
    wrong: dict[str, dict[str, Any]] = {
        "state": {"state": "BROKEN"},
        "lower case": {"state": "ok"},
        "preview": {"request_preview": 5},
        "tags": {"tags": "text"},
        "metadata": {"metadata": "text"},
    }
    for name, given in wrong.items():
        with mlflow.start_span("s"):
            seen.attempt(name, lambda given=given: mlflow.update_current_trace(**given))
    seen.attempt("outside", lambda: mlflow.update_current_trace(tags={"a": "b"}))
    seen.attempt("wrong outside", lambda: mlflow.update_current_trace(state="BROKEN"))


def tags(mlflow: Any, seen: Seen) -> None:
    """Tags of a stored trace and of the open one."""
    with mlflow.start_span("s") as span:
        mlflow.update_current_trace(tags={"drop": "1"})
        seen.attempt("open", lambda: mlflow.set_trace_tag(span.trace_id, "open", "1"))
        seen.attempt(
            "delete open", lambda: mlflow.delete_trace_tag(span.trace_id, "drop")
        )
    trace = seen.trace(span.trace_id)
    seen["after"] = trace.info.tags
    seen.attempt("set", lambda: mlflow.set_trace_tag(span.trace_id, "late", "x"))
    seen.attempt("number", lambda: mlflow.set_trace_tag(span.trace_id, "n", 5))
    seen.attempt("long", lambda: mlflow.set_trace_tag(span.trace_id, "l", "x" * 9000))
    seen["set tags"] = {
        key: len(value) if key == "l" else value
        for key, value in seen.trace(span.trace_id).info.tags.items()
    }
    seen.attempt("delete", lambda: mlflow.delete_trace_tag(span.trace_id, "late"))
    seen.attempt("missing", lambda: mlflow.delete_trace_tag(span.trace_id, "none"))
    unknown = "tr-" + "0" * 31 + "1"
    seen.attempt("unknown set", lambda: mlflow.set_trace_tag(unknown, "a", "b"))
    seen.attempt("unknown delete", lambda: mlflow.delete_trace_tag(unknown, "a"))
    keys = {"empty": "", "path": "../x", "long key": "k" * 251}
    keys |= {key: key for key in ("mlflow.user", "mlflow.artifactLocation")}
    for name, key in keys.items():
        seen.attempt(
            name, lambda key=key: mlflow.set_trace_tag(span.trace_id, key, "v")
        )


def contexts(mlflow: Any, seen: Seen) -> None:
    """`tracing.context`, nested and switched off."""
    with mlflow.tracing.context(tags={"a": "1", "b": "1"}, user="ada"):
        with mlflow.tracing.context(
            metadata={"m": "x"}, tags={"b": "2"}, session_id="s"
        ):
            with mlflow.start_span("inner"):
                pass
            seen["inner"] = trace_view(seen.trace())
        with mlflow.tracing.context(enabled=False), mlflow.start_span("off") as off:
            seen["off"] = off.trace_id
    mlflow.tracing.disable()
    with mlflow.start_span("disabled") as disabled:
        seen["disabled"] = [disabled.trace_id, mlflow.get_active_trace_id()]
    mlflow.tracing.enable()


def sessions(mlflow: Any, seen: Seen) -> None:
    """Sessions: their ids and how many traces they have."""
    for session in ("one", "two", "one"):
        with mlflow.start_span("turn"):
            mlflow.update_current_trace(session_id=session)
    seen.flush()
    found = mlflow.search_sessions()
    seen["sessions"] = sorted([each.id, len(each)] for each in found)
    seen["turns"] = sorted({trace.data.spans[0].name for e in found for trace in e})


def chats(mlflow: Any, seen: Seen) -> None:
    """Previews of chats, of long and of empty values."""
    shapes: dict[str, tuple[Any, Any]] = {
        "messages": (
            {"messages": [{"role": "system", "content": "be"},
                          {"role": "user", "content": "why?"}]},
            {"choices": [{"message": {"role": "assistant", "content": "so"}}]},
        ),
        "text": ("hello", "bye"),
        "numbers": ({"x": 1}, 2),
        "long": ({"x": "y" * 2000}, "z" * 2000),
        "unicode": ({"q": "東京 🏕"}, "ünï"),
        "empty": ({}, ""),
    }  # fmt: skip
    for name, (inputs, outputs) in shapes.items():
        with mlflow.start_span(name) as span:
            span.set_inputs(inputs)
            span.set_outputs(outputs)
        info = seen.trace().info
        seen[name] = [info.request_preview, info.response_preview]
        seen[f"{name}: metadata"] = {
            key: info.trace_metadata.get(key)
            for key in ("mlflow.traceInputs", "mlflow.traceOutputs")
        }
