"""Measure deleting old traces on PostgreSQL: a B-tree, BRIN, or partitions by time.

    python -m benchmarks.partitions [--traces N]

The trace rows and index rows of a store, made by the server itself, have three shapes:
as they are, with BRIN in place of the B-tree on time, with twenty partitions by time.
Each is measured where the shapes differ: deleting the oldest twentieth, storing and
finding traces by id, and the newest hundred.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.report import RESULTS, write
from tests.plugins.postgresql import Server

TRACES: Final = 2_000_000
PARTS: Final = 20
BATCH: Final = 500
STORED_AT_ONCE: Final = 1000
REPEATS: Final = 20

_COLUMNS: Final = """
    trace_key bigint NOT NULL, trace_id bytea NOT NULL, timestamp_ms bigint NOT NULL,
    status text NOT NULL, name text, tags text NOT NULL, stamps text NOT NULL
"""
_ENTRIES: Final = """
    kind smallint, key text, value text, timestamp_ms bigint, trace_key bigint,
    PRIMARY KEY (kind, key, value, timestamp_ms, trace_key)
"""
_PLAIN: Final = f"""
CREATE TABLE traces ({_COLUMNS}, PRIMARY KEY (trace_key), UNIQUE (trace_id));
CREATE TABLE attribute_index ({_ENTRIES});
"""
_PARTED: Final = f"""
CREATE TABLE traces ({_COLUMNS},
    PRIMARY KEY (trace_key, timestamp_ms), UNIQUE (trace_id, timestamp_ms))
    PARTITION BY RANGE (timestamp_ms);
CREATE TABLE attribute_index ({_ENTRIES}) PARTITION BY RANGE (timestamp_ms);
"""
_BTREE: Final = "CREATE INDEX newest ON traces (timestamp_ms, trace_id);"
_BRIN: Final = "CREATE INDEX newest ON traces USING brin (timestamp_ms);"
_STORE: Final = """
WITH numbers AS (SELECT i FROM generate_series(%(first)s::bigint, %(last)s) i),
entries AS (
    INSERT INTO attribute_index
    SELECT 1, k, CASE k WHEN 'environment' THEN 'e' || i %% 3
        WHEN 'customer' THEN 'c' || i %% 1000 ELSE 'v' || i %% 20 END, i * 1000, i
    FROM numbers, unnest(ARRAY['environment', 'customer', 'version']) k)
INSERT INTO traces SELECT i, decode(md5(i::text), 'hex'), i * 1000, 'OK',
    'name ' || i %% 10, repeat(md5(i::text), 8), repeat(md5((i + 1)::text), 8)
FROM numbers
"""
_FIND: Final = "SELECT trace_key FROM traces WHERE trace_id = ANY(%(ids)s)"
_NEWEST: Final = "SELECT * FROM traces ORDER BY timestamp_ms DESC, trace_id LIMIT 100"
_DELETE: Final = """
WITH old AS (DELETE FROM traces WHERE trace_key IN (
        SELECT trace_key FROM traces WHERE timestamp_ms <= %(until)s
        ORDER BY timestamp_ms, trace_id LIMIT %(batch)s)
    RETURNING trace_key, timestamp_ms)
DELETE FROM attribute_index a USING old
WHERE a.trace_key = old.trace_key AND a.timestamp_ms = old.timestamp_ms
    AND a.kind = 1 AND a.key IN ('environment', 'customer', 'version')
    AND a.value IN ('e' || old.trace_key %% 3, 'c' || old.trace_key %% 1000,
        'v' || old.trace_key %% 20)
"""

Connection = psycopg.Connection[Any]


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def median_ms(call: Callable[[], Any]) -> float:
    return 1000 * statistics.median(seconds(call) for _ in range(REPEATS))


def make(connection: Connection, shape: str, traces: int) -> None:
    """Make the tables of a shape and store the traces."""
    parted = shape == "partitions"
    connection.execute(_PARTED if parted else _PLAIN)
    if parted:
        # One more for what arrives meanwhile.
        for part in range(PARTS + 1):
            first, end = (n * traces // PARTS * 1000 for n in (part, part + 1))
            bounds = f"FROM ({first}) TO ({'MAXVALUE' if part == PARTS else end})"
            for table in ("traces", "attribute_index"):
                of = f"{table}_{part} PARTITION OF {table} FOR VALUES"
                connection.execute(f"CREATE TABLE {of} {bounds}".encode())
    for first in range(1, traces, traces // PARTS):
        last = min(first + traces // PARTS, traces) - 1
        connection.execute(_STORE, {"first": first, "last": last})
    connection.execute(_BRIN if shape == "BRIN" else _BTREE)
    connection.execute("VACUUM ANALYZE")


def forget(connection: Connection, shape: str, traces: int) -> float:
    """Delete the oldest twentieth; return how many traces a second."""
    count = traces // PARTS

    def batches() -> None:
        until = count * 1000
        while connection.execute(_DELETE, {"until": until, "batch": BATCH}).rowcount:
            pass

    def drop() -> None:
        connection.execute("DROP TABLE traces_0, attribute_index_0")

    return count / seconds(drop if shape == "partitions" else batches)


def measure(connection: Connection, shape: str, traces: int) -> dict[str, str]:
    following = iter(range(traces, traces * 2, STORED_AT_ONCE))

    def store() -> None:
        first = next(following)
        last = first + STORED_AT_ONCE - 1
        connection.execute(_STORE, {"first": first, "last": last})

    ids = [
        connection.execute("SELECT decode(md5(%s::text), 'hex')", [n]).fetchall()[0][0]
        for n in range(traces // 2, traces // 2 + BATCH)
    ]

    def find() -> None:
        connection.execute(_FIND, {"ids": ids}).fetchall()

    def newest() -> None:
        connection.execute(_NEWEST).fetchall()

    return {
        "store 1 000 traces, ms": f"{median_ms(store):.1f}",
        "find 500 traces by id, ms": f"{median_ms(find):.1f}",
        "newest 100, ms": f"{median_ms(newest):.1f}",
        "forget the oldest twentieth, traces/s": (
            f"{forget(connection, shape, traces):,.0f}"
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traces", type=int, default=TRACES)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    figures: dict[str, str] = {}
    server = Server({"max_wal_size": "4GB"})
    server.start()
    try:
        for shape in ("B-tree", "BRIN", "partitions"):
            with server.database() as name, server.connect(name) as connection:
                make(connection, shape, options.traces)
                found = measure(connection, shape, options.traces)
                connection.close()
            figures |= {f"{shape}: {what}": each for what, each in found.items()}
            print(shape, found)
    finally:
        server.close()
    title = f"Forgetting on PostgreSQL, {options.traces:,} traces"
    write(options.results / f"partitions-{options.traces}.md", title, [], figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
