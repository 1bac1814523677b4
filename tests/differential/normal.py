"""The same text from every run: ids are numbered, times and machines are hidden."""

import base64
import re
from typing import Any, Final

__all__ = ["normal"]

_IDS: Final = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-f])")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{11}=")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_OF_THE_MACHINE: Final = {
    "mlflow.user",
    "service.name",
    "mlflow.source.name",
    "mlflow.artifactLocation",
    "mlflow.trace.sizeBytes",
    "mlflow.trace.sizeStats",
    "exception.stacktrace",
    "experiment_id",
    "mlflow.experimentId",
    "artifact_location",
    "execution_duration_ms",
    "execution_duration",
    "execution_time_ms",
}
# Of the repository around the working folder, if there is one.
_LEFT_OUT: Final = "mlflow.source.git."
# From the middle of 2017, in milliseconds and in nanoseconds.
_MS: Final = range(1_500_000_000_000, 3_000_000_000_000)
_NS: Final = range(1_500_000_000_000_000_000, 3_000_000_000_000_000_000)


def normal(value: Any) -> Any:
    """Return what a program has seen without what differs from run to run."""
    return _normal(value, {})


def _normal(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            _normal(key, ids): f"<{key}>"
            if key in _OF_THE_MACHINE and item is not None
            else _normal(item, ids)
            for key, item in value.items()
            if not key.startswith(_LEFT_OUT)
        }
    if isinstance(value, list):
        return [_normal(item, ids) for item in value]
    if isinstance(value, str):
        return _text(value, ids)
    if isinstance(value, int) and not isinstance(value, bool):
        return "<ms>" if value in _MS else "<ns>" if value in _NS else value
    return value


def _text(text: str, ids: dict[str, str]) -> str:
    if _BASE64.fullmatch(text):
        return f"base64 {_numbered(base64.b64decode(text).hex(), ids)}"
    text = _IDS.sub(lambda match: _numbered(match[0], ids), text)
    return _TIME.sub("<time>", text)


def _numbered(digits: str, ids: dict[str, str]) -> str:
    # The ids that a program makes up are the same in every run.
    if len(set(digits)) <= 2:
        return digits
    return ids.setdefault(digits, f"<id {len(ids) + 1}>")
