"""A store on PostgreSQL beside one on SQLite, on the same machine in the same run.

    python -m benchmarks.ingest --store postgresql [--quick] [--traces N] [--no-peers]
    python -m benchmarks.search --store postgresql [--quick] [--traces N]

The server is the one of the tests with its default settings, so every commit is synced.
"""

import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks import workload
from benchmarks.load import Export, Sent, over_grpc, over_http, portions, send
from benchmarks.peers import MLFLOW, environment_of, install
from benchmarks.report import Claim, at_least, at_most, write
from benchmarks.searches import Timing, time_searches
from benchmarks.servers import WORK, collector, free_port, port_is_open, running
from benchmarks.stores import PORTION_REQUESTS, filled, progress, store_of
from benchmarks.verify import differences
from tests.plugins.postgresql import Server, version

__all__ = ["ingest", "search"]

MLFLOW_TRACES: Final = 1000
DRIVER: Final = "psycopg2-binary"
REPEATS: Final = 31
WARMING_TRACES: Final = 64

Settled = Callable[[Callable[[], int], int], tuple[int, float]]
"""Waits until a count is reached; returns what it is and since when."""


@contextmanager
def server() -> Iterator[Server]:
    """Run a server with its default settings."""
    one = Server({})
    one.start()
    try:
        yield one
    finally:
        one.close()


def fill(url: str, folder: Path, traces: int) -> Sequence[Sent]:
    """Send the workload to a collector on a new store; say what each portion took."""
    sent = []
    with (
        collector(folder / "collector.db", url) as (target, _),
        over_grpc(target) as export,
    ):
        for portion in portions(workload.requests(0, traces), PORTION_REQUESTS):
            sent.append(send(export, portion))
            progress(f"{sent[-1].rate:,.0f} spans a second")
    print()
    return sent


@contextmanager
def mlflow(one: Server, folder: Path) -> Iterator[tuple[Export, Callable[[], int]]]:
    """Run MLflow's server on a database of the same PostgreSQL server."""
    port = free_port()
    with one.database() as name:
        uri = one.url(name).replace("+psycopg", "+psycopg2")
        command = [str(environment_of(f"{MLFLOW.name}-{DRIVER}") / "bin" / "mlflow")]
        command += ["server", "--backend-store-uri", uri, "--no-serve-artifacts"]
        command += ["--host", "127.0.0.1", "--port", str(port)]

        def stored() -> int:
            with one.connect(name) as connection:
                [(count,)] = connection.execute("SELECT count(*) FROM spans").fetchall()
            return int(count)

        with (
            running(command, folder / "mlflow.log", lambda: port_is_open(port)),
            over_http(port, {"x-mlflow-experiment-id": "0"}) as export,
        ):
            yield export, stored


def distinct(first: int, count: int) -> list[workload.Request]:
    """Make requests in which no span comes twice: MLflow refuses those that do."""
    numbers = range(first, first + count)
    spans = [span for number in numbers for span in workload.spans_of(number)]
    size = workload.REQUEST_SPANS
    return [
        workload.as_request(spans[at : at + size]) for at in range(0, len(spans), size)
    ]


def mlflow_rate(one: Server, folder: Path, settled: Settled) -> float | None:
    """Return how many spans a second MLflow takes; None: it cannot be installed."""
    if not install(f"{MLFLOW.name}-{DRIVER}", MLFLOW.requirement, DRIVER):
        return None
    requests = distinct(0, MLFLOW_TRACES)
    warming = distinct(MLFLOW_TRACES, WARMING_TRACES)
    with mlflow(one, folder) as (export, stored):
        send(export, warming)
        before, _ = settled(stored, WARMING_TRACES * len(workload.SHAPE))
        start = time.perf_counter()
        send(export, requests)
        after, end = settled(stored, before + MLFLOW_TRACES * len(workload.SHAPE))
    return (after - before) / (end - start)


def ingest(
    traces: int,
    results: Path,
    settled: Settled,
    *,
    peers: bool,
) -> int:
    """Measure how fast spans get in; return 1 when not all of them are stored."""
    folder = WORK / "postgresql"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with server() as one:
        print(f"Sending {traces:,} traces to a collector on PostgreSQL {version()}")
        ours = fill(one.url(), folder, traces)
        wrong = differences(one.url(), traces)
        with one.connect() as connection:
            [(stored,)] = connection.execute(
                "SELECT pg_database_size(current_database())"
            ).fetchall()
        theirs = mlflow_rate(one, folder, settled) if peers else None
    print(f"Sending {traces:,} traces to a collector on SQLite")
    lite = fill(f"sqlite:///{folder / 'beside.db'}", folder, traces)

    rate, beside = (statistics.median(s.rate for s in each) for each in (ours, lite))
    claims = [
        at_least("spans/s on PostgreSQL", rate, "", 15_000, 30_000),
        at_least("spans/s on PostgreSQL / on SQLite", rate / beside, "", 0.5, 1),
        at_most(
            "database bytes / OTLP bytes received",
            stored / sum(each.bytes for each in ours),
            "",
            1.5,
            1,
        ),
    ]
    figures = {
        "PostgreSQL": version(),
        "traces sent to each": f"{traces:,}",
        "on PostgreSQL, spans/s": f"{rate:,.0f}",
        "on SQLite, spans/s": f"{beside:,.0f}",
        "stored as sent": "; ".join(wrong) or "yes",
    }
    if theirs is not None:
        text = "spans/s against MLflow on the same server"
        claims.append(at_least(text, rate / theirs, "x", 12, 30))
        figures["MLflow on PostgreSQL, spans/s"] = f"{theirs:,.0f}"
    write(
        results / f"postgresql-ingest-{traces}.md",
        f"Ingest on PostgreSQL, {traces:,} traces",
        claims,
        figures,
    )
    shutil.rmtree(folder)
    return int(bool(wrong))


def search(traces: int, results: Path) -> int:
    """Time the fourteen searches on both engines."""
    beside = f"sqlite:///{filled(store_of(traces), traces)}"
    folder = WORK / "postgresql"
    folder.mkdir(parents=True, exist_ok=True)
    with server() as one:
        print(f"Filling PostgreSQL {version()} with {traces:,} traces")
        fill(one.url(), folder, traces)
        with one.connect() as connection:
            connection.execute("VACUUM ANALYZE")
        stores = [(beside, traces), (one.url(), traces)]
        lite, ours = time_searches(stores, REPEATS)
    shutil.rmtree(folder)
    write(
        results / f"postgresql-search-{traces}.md",
        f"Search on PostgreSQL, {traces:,} traces",
        claims_of(lite, ours),
        {"PostgreSQL": version(), "traces": f"{traces:,}"},
        details(lite, ours),
    )
    return 0


def claims_of(lite: dict[str, Timing], ours: dict[str, Timing]) -> list[Claim]:
    ratios = {name: t.plain_ms / lite[name].plain_ms for name, t in ours.items()}
    worst = max(ratios, key=ratios.__getitem__)
    text = f"p50 on PostgreSQL / on SQLite, worst: {worst}"
    return [at_most(text, ratios[worst], "", 3, 1.5)]


def details(lite: dict[str, Timing], ours: dict[str, Timing]) -> list[str]:
    lines = ["| search | rows | SQLite, ms | PostgreSQL, ms | with spans, ms |"]
    lines += ["|---|---|---|---|---|"]
    for name, timing in ours.items():
        other = lite[name]
        lines.append(
            f"| {name} | {timing.rows} | {other.plain_ms:.1f} | {timing.plain_ms:.1f} "
            f"| {other.with_spans_ms:.1f} / {timing.with_spans_ms:.1f} |"
        )
    return lines
