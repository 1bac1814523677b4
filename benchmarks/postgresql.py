"""A store on PostgreSQL beside one on SQLite, on the same machine in the same run.

    python -m benchmarks.ingest --store postgresql [--quick] [--traces N] [--no-peers]
    python -m benchmarks.search --store postgresql|URL [--quick] [--traces N]

The server is the one of the tests with its default settings, so every commit is synced.
The searches can be timed on another one: its store is filled unless an earlier run has.
"""

import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
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
from spanframe_query.stores import close_stores
from spanframe_store.sql.backend import open_engine
from spanframe_store.sql.copying import copy_store
from spanframe_store.sql.migrations import upgrade
from tests.plugins.postgresql import Server, version

__all__ = ["ingest", "search"]

MLFLOW_TRACES: Final = 1000
DRIVER: Final = "psycopg2-binary"
REPEATS: Final = 11
PASSES: Final = 7
"""Over all searches; a machine that is busy for a second slows one of them."""

RATIO: Final = (3, 1.5)
"""What a search on PostgreSQL must take, and what it aims at, in SQLite's times."""

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


@contextmanager
def store_at(url: str | None) -> Iterator[str]:
    """Give the URL of a store; None: of one that is gone afterwards."""
    if url is not None:
        yield url
        return
    with server() as one:
        yield one.url()


def make_copy(source: Path, url: str, traces: int) -> None:
    """Have a store on PostgreSQL hold what one on SQLite does."""
    target = open_engine(url)
    upgrade(target)
    if differences(url, traces, compared=0):
        print(f"Copying {traces:,} traces to PostgreSQL")
        copy_store(
            open_engine(f"sqlite:///{source}", read_only=True),
            target,
            lambda done, _: progress(f"{done:,} traces"),
        )
        print()
        # Of a store that grows, the server sees to that by itself every few minutes.
        with target.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("VACUUM ANALYZE")
    target.dispose()


def search(traces: int, results: Path, url: str | None = None) -> int:
    """Time the fourteen searches on both engines."""
    beside = filled(store_of(traces), traces)
    with store_at(url) as on_server:
        make_copy(beside, on_server, traces)
        engine = open_engine(on_server, read_only=True)
        with engine.connect() as connection:
            server_version = connection.exec_driver_sql("SHOW server_version").scalar()
        engine.dispose()
        stores = [(f"sqlite:///{beside}", traces), (on_server, traces)]
        passes = [time_searches(stores, REPEATS) for _ in range(PASSES)]
        close_stores()
    lite, ours = map(medians, zip(*passes, strict=True))
    write(
        results / f"postgresql-search-{traces}.md",
        f"Search on PostgreSQL, {traces:,} traces",
        claims_of(lite, ours),
        {"PostgreSQL": str(server_version), "traces": f"{traces:,}"},
        details(lite, ours),
    )
    return 0


def medians(passes: Sequence[dict[str, Timing]]) -> dict[str, Timing]:
    """Return the medians of what several passes took, search by search."""
    return {
        name: Timing(
            timing.rows,
            statistics.median(each[name].plain_ms for each in passes),
            statistics.median(each[name].with_spans_ms for each in passes),
        )
        for name, timing in passes[0].items()
    }


def claims_of(lite: dict[str, Timing], ours: dict[str, Timing]) -> list[Claim]:
    plain = {name: t.plain_ms / lite[name].plain_ms for name, t in ours.items()}
    whole = {
        name: t.with_spans_ms / lite[name].with_spans_ms for name, t in ours.items()
    }
    return [
        at_most(f"{text} on PostgreSQL / on SQLite, worst: {name}", ratio, "", *RATIO)
        for text, ratios in (("p50", plain), ("p50 with spans", whole))
        for name, ratio in [max(ratios.items(), key=itemgetter(1))]
    ]


def details(lite: dict[str, Timing], ours: dict[str, Timing]) -> list[str]:
    lines = ["| search, SQLite / PostgreSQL | rows | p50, ms | ratio | must | |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, timing in ours.items():
        other = lite[name]
        for text, here, there in (
            (name, other.plain_ms, timing.plain_ms),
            (f"{name}, with spans", other.with_spans_ms, timing.with_spans_ms),
        ):
            row = at_most(text, there / here, "", *RATIO)
            lines.append(
                f"| {text} | {timing.rows} | {here:.2f} / {there:.2f} "
                f"| {row.value:.2f} | ≤ {row.must:g} | {row.verdict} |"
            )
    return lines
