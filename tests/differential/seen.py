"""What a program sees of MLflow, or of spanframe in its place, in plain JSON values.

It is imported by the interpreter that has the real MLflow, so it imports nothing of
this project.
"""

import contextlib
import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

__all__ = ["Program", "Seen", "span_view", "trace_view"]

Program = Callable[[Any, "Seen"], None]
"""A program: it is given the module ``mlflow`` and what it notes down."""


class Seen:
    """What one program has noted down, by name.

    Args:
        mlflow: the module, MLflow's or ours.
    """

    def __init__(self, mlflow: Any) -> None:
        self.values: dict[str, Any] = {}
        self._mlflow = mlflow

    def __setitem__(self, name: str, value: Any) -> None:
        assert name not in self.values, name
        self.values[name] = plain(value)

    def attempt(self, name: str, call: Callable[[], Any], *mentioned: str) -> Any:
        """Note what a call returns or raises, and which texts its message mentions."""
        result: Any = None
        try:
            result = call()
            self[name] = result
        except Exception as error:  # noqa: BLE001 - it is what is noted
            self[name] = self._raised(error, mentioned)
        return result

    @contextlib.contextmanager
    def raises(self, name: str, *mentioned: str) -> Iterator[None]:
        """Note what a block raises."""
        raised: Any = None
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it is what is noted
            raised = self._raised(error, mentioned)
        self[name] = raised

    def _raised(self, error: Exception, mentioned: Sequence[str]) -> dict[str, Any]:
        ours = isinstance(error, self._mlflow.MlflowException)
        raised = {
            "raises": "MlflowException" if ours else type(error).__name__,
            "error_code": getattr(error, "error_code", None),
        }
        return raised | {f"mentions {text}": text in str(error) for text in mentioned}

    def flush(self) -> None:
        """Have what was recorded be found."""
        flush = getattr(self._mlflow, "flush_trace_async_logging", None)
        (flush or self._mlflow.flush)()

    def trace(self, trace_id: str | None = None) -> Any:
        """Return a trace from the store, the last one by default."""
        self.flush()
        found = trace_id or self._mlflow.get_last_active_trace_id()
        return self._mlflow.get_trace(found)


def trace_view(trace: Any) -> Any:
    """Return what a trace says: its info, and its spans by name."""
    if trace is None:
        return None
    info = trace.info
    return {
        "state": info.state.value,
        "request_preview": info.request_preview,
        "response_preview": info.response_preview,
        "client_request_id": info.client_request_id,
        "tags": info.tags,
        "metadata": info.trace_metadata,
        "spans": [span_view(span) for span in trace.data.spans],
    }


def span_view(span: Any) -> dict[str, Any]:
    """Return what a span says."""
    return {
        "name": span.name,
        "is_root": span.parent_id is None,
        "type": span.span_type,
        "status": span.status.status_code.value,
        "description": span.status.description,
        "inputs": span.inputs,
        "outputs": span.outputs,
        "attributes": span.attributes,
        "events": [{"name": e.name, "attributes": e.attributes} for e in span.events],
        "links": [
            {
                "trace_id": link.trace_id,
                "span_id": link.span_id,
                "attributes": link.attributes,
            }
            for link in span.links
        ],
    }


def plain(value: Any) -> Any:
    """Return a value as JSON has it, the type of any other object in its place."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f"<{type(value).__name__}>": plain(vars(value))}
    if isinstance(value, bool | int | str | None):
        # An enumeration of texts or numbers is its value.
        return json.loads(json.dumps(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else f"<{value}>"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return f"<{type(value).__name__}>"
