"""A small app as it is written for MLflow; only the import is another."""

import time
from contextlib import suppress

import spanframe as mlflow


@mlflow.trace(span_type="RETRIEVER")
def look_up(question: str) -> list[str]:
    time.sleep(0.002)  # so that no two traces start in one millisecond
    if not question:
        raise ValueError("an empty question")
    return ["tent"]


def serve(question: str, user: str, session: str, version: str) -> None:
    with mlflow.start_span(name="serve", span_type="AGENT") as span:
        span.set_inputs({"question": question})
        mlflow.update_current_trace(
            tags={"environment": "production", "app_version": version},
            metadata={
                "mlflow.trace.user": user,
                "mlflow.trace.session": session,
                "mlflow.modelId": f"m-{version[0]}",
            },
        )
        span.set_outputs(look_up(question))


serve("b", user="bob", session="s-2", version="1.0")
serve("a", user="alice", session="s-1", version="2.0")
with suppress(ValueError):
    serve("", user="alice", session="s-1", version="2.0")
mlflow.flush()
