"""Four traces whose times, states, tags and metadata are known to the nanosecond."""

from typing import NamedTuple

import spanframe

MOMENT_MS = 1749006880539


class Case(NamedTuple):
    """One trace; the letter tells it from the others."""

    letter: str
    name: str
    start_ms: int
    duration_ms: int
    status: str
    environment: str
    user: str


CASES = (
    Case("a", "my_function", MOMENT_MS - 1000, 120, "OK", "production", "alice"),
    Case("b", "slow_function", MOMENT_MS + 1000, 6000, "OK", "production", "bob"),
    Case("c", "failing_function", MOMENT_MS + 2000, 5000, "ERROR", "production", "bob"),
    Case("d", "my_function", MOMENT_MS, 80, "OK", "staging", "alice"),
)


def record(case: Case) -> None:
    user = f"{case.user}@company.com"
    span = spanframe.start_span_no_context(
        name=case.name,
        tags={"letter": case.letter, "environment": case.environment},
        metadata={"mlflow.user": user, "mlflow.trace.user": user},
        start_time_ns=case.start_ms * 1_000_000,
    )
    end_ms = case.start_ms + case.duration_ms
    span.end(status=case.status, end_time_ns=end_ms * 1_000_000)


if __name__ == "__main__":
    for case in CASES:
        record(case)
    spanframe.flush()
