"""Every table and index of the row stores (SQLite, PostgreSQL), defined once.

The migrations build exactly these tables (a test compares the two), the writer fills
them, the reader reads them.

- A trace has a growing integer key, so spans, clustered on (trace key, span id), are
  written at the end of the tree and not at random 16-byte ids.
- A row of ``spans`` holds the ids and the signature of a span. Its body is in
  ``span_blocks``: spans of one trace and one origin that were committed together form
  one compressed OTLP message (see blocks.py). A trace is read from a few blocks.
- Values that repeat are stored once, under a key: resources, scopes, and the signatures
  of spans (name, type and status; the table is called ``span_kinds``).
- ``attribute_index`` has one row for nearly every tag and metadata entry of a trace,
  clustered on (kind, key, value, time, trace key): "tag = value, newest first, limit n"
  scans one range and stops.
- Tags and metadata are also JSON on the trace row, so building a frame joins nothing,
  and the index rows of a trace follow from its row without a query.
- ``usage_parts`` has the sums that the token usage of a large trace is changed by.
- There are no foreign keys: one writer makes and commits every row of a batch in one
  transaction, and checking each row would cost as much as inserting it.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    column,
    func,
    literal_column,
    null,
)

from spanframe import keys

__all__ = [
    "KIND_METADATA",
    "KIND_TAG",
    "MAX_INDEXED_KEY_CHARS",
    "MAX_INDEXED_NAME_BYTES",
    "MAX_INDEXED_VALUE_CHARS",
    "UNINDEXED_METADATA",
    "attribute_index",
    "dictionaries",
    "experiments",
    "metadata",
    "resources",
    "scopes",
    "span_blocks",
    "span_signatures",
    "spans",
    "traces",
    "usage_parts",
]

metadata: Final = MetaData()

# SQLite's rowid is a 64-bit integer only when the type of the column is INTEGER.
_BigKey = BigInteger().with_variant(Integer(), "sqlite")

# Text is compared and ordered by its bytes, whatever the locale of a database. On
# PostgreSQL an index then serves LIKE, and survives an update of the system's locales.
_Text = Text().with_variant(Text(collation="C"), "postgresql")

KIND_TAG: Final = 1
"""The ``kind`` of a tag in ``attribute_index``."""

KIND_METADATA: Final = 2
"""The ``kind`` of a metadata entry in ``attribute_index``."""

# A B-tree entry has to fit a page (PostgreSQL: 2 704 bytes). A longer value is indexed
# by its first characters and stored whole in a column outside of the key. An entry
# under a longer key is on the trace row only.
MAX_INDEXED_VALUE_CHARS: Final = 256
"""Maximum characters of a value in the key of ``attribute_index``."""

MAX_INDEXED_KEY_CHARS: Final = 256
"""Maximum characters of a tag's or metadata entry's key in ``attribute_index``."""

# No search asks for the one trace with 4 273 input and 1 006 output tokens, and each of
# these values would be written to a page of its own. Nearly all costs have one source.
UNINDEXED_METADATA: Final = frozenset(
    {keys.META_TOKEN_USAGE, keys.META_COST, keys.META_COST_SOURCE}
)
"""Keys of metadata entries that ``attribute_index`` does not have."""

# A statement has to repeat this condition, or PostgreSQL does not use the index.
MAX_INDEXED_NAME_BYTES: Final = 2048
"""Maximum bytes of a name that PostgreSQL indexes."""

_HAS_SHORT_NAME: Final = func.octet_length(column("name")) <= literal_column(
    str(MAX_INDEXED_NAME_BYTES)
)

experiments: Final = Table(
    "experiments",
    metadata,
    Column("experiment_id", Integer, primary_key=True),
    Column("name", _Text, nullable=False),
    Column("creation_time_ms", BigInteger, nullable=False),
    Column("artifact_location", _Text),
    Column("tags", _Text, comment="a JSON object of texts"),
    Index("ix_experiments_name", "name", unique=True, postgresql_where=_HAS_SHORT_NAME),
)

resources: Final = Table(
    "resources",
    metadata,
    Column("resource_key", Integer, primary_key=True),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("schema_url", _Text, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="OTLP Resource, protobuf"),
)

scopes: Final = Table(
    "scopes",
    metadata,
    Column("scope_key", Integer, primary_key=True),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("schema_url", _Text, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="OTLP InstrumentationScope"),
)

traces: Final = Table(
    "traces",
    metadata,
    Column("trace_key", _BigKey, primary_key=True),
    Column("trace_id", LargeBinary(16), nullable=False, unique=True),
    Column("experiment_id", Integer, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False, comment="start, epoch ms"),
    Column("execution_time_ms", BigInteger, comment="NULL while in progress"),
    Column("status", _Text, nullable=False, comment="OK, ERROR, IN_PROGRESS, …"),
    Column("name", _Text, comment="tag mlflow.traceName"),
    Column("client_request_id", _Text),
    Column("request_preview", _Text),
    Column("response_preview", _Text),
    Column("trace_inputs", _Text, comment="metadata mlflow.traceInputs"),
    Column("trace_outputs", _Text, comment="metadata mlflow.traceOutputs"),
    Column("tags", _Text, nullable=False, comment="JSON object of strings"),
    Column("metadata", _Text, nullable=False, comment="JSON object of strings"),
    Column("span_count", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False, comment="sum of span bodies"),
    Column("stamps", LargeBinary, nullable=False, comment="who set what: stamps.py"),
    Index("ix_traces_experiment", "experiment_id", "timestamp_ms"),
    Index("ix_traces_status", "status", "timestamp_ms"),
    Index("ix_traces_name", "name", "timestamp_ms", postgresql_where=_HAS_SHORT_NAME),
    Index("ix_traces_execution_time", "execution_time_ms"),
)

# The default order of a search, so that nothing is left to sort. The index holds status
# and duration, so that a search for them skips other traces without reading their rows.
Index(
    "ix_traces_newest",
    traces.c.timestamp_ms.desc(),
    traces.c.trace_id,
    traces.c.execution_time_ms,
    traces.c.status,
)

span_signatures: Final = Table(
    "span_kinds",
    metadata,
    Column("kind_key", Integer, primary_key=True),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("name", _Text, nullable=False),
    Column("type", _Text, nullable=False, comment="LLM, TOOL, …, UNKNOWN"),
    Column("status", _Text, nullable=False, comment="UNSET, OK, ERROR"),
)

dictionaries: Final = Table(
    "dictionaries",
    metadata,
    Column("dictionary_key", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False, comment="Zstandard dictionary"),
)

span_blocks: Final = Table(
    "span_blocks",
    metadata,
    Column("block_key", _BigKey, primary_key=True),
    Column("resource_key", Integer, nullable=False),
    Column("scope_key", Integer, nullable=False),
    Column("dictionary_key", Integer, comment="NULL: compressed without one"),
    Column("body", LargeBinary, nullable=False, comment="OTLP ScopeSpans, Zstandard"),
    Index("ix_span_blocks_dictionary", "dictionary_key"),
)

spans: Final = Table(
    "spans",
    metadata,
    Column("trace_key", _BigKey, primary_key=True, autoincrement=False),
    # The 8 bytes, big-endian, as a signed integer: half the size of a blob in the key.
    Column("span_id", BigInteger, primary_key=True, autoincrement=False),
    # Two bodies under one span id are both stored; the digest tells them apart.
    Column("digest", BigInteger, primary_key=True, autoincrement=False),
    Column("parent_span_id", BigInteger, comment="NULL: a span without a parent"),
    Column("kind_key", Integer, nullable=False),
    Column("end_ns", BigInteger, nullable=False, comment="0: not ended"),
    Column("usage", _Text, comment="JSON object of token counts, NULL when none"),
    Column("block_key", BigInteger, nullable=False),
    Column("position", Integer, nullable=False, comment="in the block, from 0"),
    Index(
        "ix_spans_usage",
        "trace_key",
        sqlite_where=column("usage") != null(),
        postgresql_where=column("usage") != null(),
    ),
    sqlite_with_rowid=False,
)

attribute_index: Final = Table(
    "attribute_index",
    metadata,
    Column("kind", SmallInteger, primary_key=True, autoincrement=False),
    Column("key", _Text, primary_key=True),
    Column("value", _Text, primary_key=True, comment="at most 256 characters"),
    Column("timestamp_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("trace_key", _BigKey, primary_key=True, autoincrement=False),
    Column("whole_value", _Text, comment="the value when it is longer, else NULL"),
    sqlite_with_rowid=False,
)

usage_parts: Final = Table(
    "usage_parts",
    metadata,
    Column("trace_key", _BigKey, primary_key=True, autoincrement=False),
    Column(
        "missing_span_id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="0: the whole trace",
    ),
    Column("counts", _Text, nullable=False, comment="see large_usage.py"),
    sqlite_with_rowid=False,
)
