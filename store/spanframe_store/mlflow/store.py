"""Reads a tracking store of MLflow: its traces, a portion at a time.

Versions of MLflow keep the name and the session of a trace in a column or as an entry,
so the columns that are there are asked for.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import (
    URL,
    Engine,
    TableClause,
    column,
    create_engine,
    func,
    inspect,
    make_url,
    select,
    table,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from spanframe import keys
from spanframe.errors import MissingExtraError, SettingsError, StoreError
from spanframe.settings import redact_url
from spanframe_store.contract.foreign import ForeignSpan, ForeignTrace
from spanframe_store.contract.spans import Fact, Source
from spanframe_store.mlflow.spans import span_of
from spanframe_store.otlp.foreign import entry_facts

__all__ = ["MlflowStore"]

T = TypeVar("T")

_PORTION_TRACES: Final = 100
"""Traces read at a time."""

_TRACE_ID: Final = re.compile(re.escape(keys.REQUEST_ID_PREFIX) + "([0-9a-f]{32})")
_TABLES: Final = ("trace_info", "trace_tags", "trace_request_metadata", "spans")
_STATES: Final = frozenset({"OK", "ERROR"})
_COLUMNS: Final = {
    "client_request_id": "client_request_id",
    "request_preview": "request_preview",
    "response_preview": "response_preview",
    "trace_name": "name",
    "session_id": f"metadata.{keys.META_SESSION}",
}
"""The fields that columns of ``trace_info`` hold."""

_FOREIGN_ID: Final = "traces with an id that is not OpenTelemetry's"
_NO_SPANS: Final = "traces whose spans are not in the database"
_NOT_SPANS: Final = "spans that cannot be read"
_BESIDE: Final = {
    "assessments": "assessments",
    "entity_associations": "links to runs, prompts and others",
}
"""Tables of which nothing is imported, and what their rows are."""


class MlflowStore:
    """The traces of MLflow's tracking store, on SQLite or PostgreSQL.

    Args:
        url: MLflow's tracking URI: ``sqlite:///mlflow.db``.
    """

    def __init__(self, url: str) -> None:
        self._name = redact_url(url)
        self._engine = _open(url)
        self._left_out: Counter[str] = Counter()
        self._tables = self._read(self._existing_tables)
        for name, what in _BESIDE.items():
            if name in self._tables:
                self._left_out[what] = self._count(name)

    def count(self) -> int:
        """Return how many traces it holds."""
        return self._count("trace_info")

    @property
    def left_out(self) -> Mapping[str, int]:
        """What `traces` did not yield so far, and how many of it."""
        return {what: count for what, count in self._left_out.items() if count}

    def traces(self) -> Iterator[ForeignTrace]:
        """Yield the traces, in the order of their ids."""
        last = ""
        while rows := self._portion(last):
            last = rows[-1]["request_id"]
            ids = [row["request_id"] for row in rows]
            tags, metadata = (
                self._entries("trace_tags", ids),
                self._entries("trace_request_metadata", ids),
            )
            spans = self._spans(ids)
            for row in rows:
                name = row["request_id"]
                facts = _facts(row, tags.get(name, {}), metadata.get(name, {}))
                match = _TRACE_ID.fullmatch(name)
                if match is None:
                    self._left_out[_FOREIGN_ID] += 1
                elif not (found := spans.get(name)):
                    self._left_out[_NO_SPANS] += 1
                else:
                    yield ForeignTrace(bytes.fromhex(match[1]), tuple(found), facts)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _existing_tables(self) -> dict[str, TableClause]:
        found = inspect(self._engine)
        names = {"experiments", *_TABLES, *_BESIDE} & set(found.get_table_names())
        missing = [name for name in _TABLES if name not in names]
        if missing:
            raise StoreError(
                f"{self._name} is not a tracking store of MLflow 3: it has no table "
                f"{missing[0]}."
            )
        return {
            name: table(name, *(column(c["name"]) for c in found.get_columns(name)))
            for name in names
        }

    def _portion(self, last: str) -> Sequence[Mapping[str, Any]]:
        info, experiments = self._tables["trace_info"], self._tables["experiments"]
        return self._rows(
            select(info, experiments.c.name.label("experiment"))
            .join(experiments, experiments.c.experiment_id == info.c.experiment_id)
            .where(info.c.request_id > last)
            .order_by(info.c.request_id)
            .limit(_PORTION_TRACES)
        )

    def _entries(self, name: str, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        entries = self._tables[name]
        found: dict[str, dict[str, str]] = {}
        for row in self._rows(select(entries).where(entries.c.request_id.in_(ids))):
            found.setdefault(row["request_id"], {})[row["key"]] = row["value"] or ""
        return found

    def _spans(self, ids: Sequence[str]) -> dict[str, list[ForeignSpan]]:
        spans = self._tables["spans"]
        found: dict[str, list[ForeignSpan]] = {}
        wanted = select(spans.c.trace_id, spans.c.content).where(
            spans.c.trace_id.in_(ids)
        )
        for row in self._rows(wanted):
            match = _TRACE_ID.fullmatch(row["trace_id"])
            if match is None or not row["content"]:
                continue
            try:
                span = span_of(bytes.fromhex(match[1]), row["content"])
            except ValueError:
                self._left_out[_NOT_SPANS] += 1
            else:
                found.setdefault(row["trace_id"], []).append(span)
        return found

    def _count(self, name: str) -> int:
        counted = select(func.count().label("n")).select_from(self._tables[name])
        return int(self._rows(counted)[0]["n"])

    def _rows(self, statement: Any) -> Sequence[Mapping[str, Any]]:
        def read() -> list[Mapping[str, Any]]:
            with self._engine.connect() as connected:
                rows = connected.execute(statement).all()
                return [row._asdict() for row in rows]

        return self._read(read)

    def _read(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except DBAPIError as error:
            cause = " ".join(str(error.orig).split()).rstrip(".")
            raise StoreError(f"{self._name} cannot be read: {cause}.") from error


def _facts(
    row: Mapping[str, Any], tags: Mapping[str, str], metadata: Mapping[str, str]
) -> tuple[Fact, ...]:
    stated = {field: row.get(name) for name, field in _COLUMNS.items()}
    stated["experiment"] = row["experiment"]
    stated["status"] = row["status"] if row["status"] in _STATES else None
    of_columns = [
        Fact(field, Source.EXPLICIT, value) for field, value in stated.items() if value
    ]
    return (*of_columns, *entry_facts(tags, metadata))


def _open(url: str) -> Engine:
    try:
        parsed = make_url(url)
        kind = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise _not_a_store(url) from None
    if kind == "sqlite":
        return _open_file(parsed)
    if kind != "postgresql":
        raise _not_a_store(url)
    try:
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            poolclass=NullPool,
            execution_options={"postgresql_readonly": True},
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("A store on PostgreSQL", "postgresql") from error


def _not_a_store(url: str) -> SettingsError:
    problem = (
        f"{redact_url(url)!r} is not a tracking store on SQLite or PostgreSQL; write "
        "sqlite:///mlflow.db or postgresql://USER@HOST/DATABASE"
    )
    return SettingsError([problem])


def _open_file(url: URL) -> Engine:
    path = Path(url.database or "")
    if not path.is_file():
        raise StoreError(f"There is no file {path}: name MLflow's tracking store.")
    place = f"{path.absolute().as_uri()}?mode=ro"
    return create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(place, uri=True),
        poolclass=NullPool,
    )
