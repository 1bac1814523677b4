"""What can be seen of a running collector, and done to its store."""

import os
import re
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.plugins.collector import Collector


def path_of(collector: Collector) -> Path:
    """Return the file of its store."""
    return Path(collector.store.removeprefix("sqlite:///"))


def rows(collector: Collector, query: str) -> list[tuple[Any, ...]]:
    """Return what an SQL query finds in its store."""
    connection = sqlite3.connect(path_of(collector))
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@contextmanager
def locked(collector: Collector) -> Iterator[None]:
    """Hold the lock of writers of its store."""
    blocker = sqlite3.connect(path_of(collector))
    blocker.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        blocker.rollback()
        blocker.close()


def pid_of(collector: Collector) -> int:
    """Return the number of its process."""
    return collector._running.pid


def resident_mib(pid: int) -> float:
    """Return the MiB that a process has in memory now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def metrics(collector: Collector, token: str = "") -> dict[str, float]:
    """Return every sample of its metrics, by name and labels."""
    page = urllib.request.Request(f"{collector.http_endpoint}/metrics")  # noqa: S310
    if token:
        page.add_header("authorization", f"Bearer {token}")
    with urllib.request.urlopen(page, timeout=10) as answer:  # noqa: S310
        text = answer.read().decode()
    return {
        name: float(value)
        for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.MULTILINE)
    }


def total(found: dict[str, float], name: str) -> float:
    """Return the sum of a counter over its labels."""
    return sum(v for k, v in found.items() if k.partition("{")[0] == f"{name}_total")
