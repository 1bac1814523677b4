"""The first tables.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_HAS_SHORT_NAME = sa.func.octet_length(sa.column("name")) <= sa.literal_column("2048")


def upgrade() -> None:
    """Make every table and the experiment ``Default``."""
    experiments = op.create_table(
        "experiments",
        sa.Column("experiment_id", sa.Integer, primary_key=True),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("creation_time_ms", sa.BigInteger, nullable=False),
    )
    op.create_index(
        "ix_experiments_name",
        "experiments",
        ["name"],
        unique=True,
        postgresql_where=_HAS_SHORT_NAME,
    )
    op.bulk_insert(
        experiments, [{"experiment_id": 0, "name": "Default", "creation_time_ms": 0}]
    )
    for name, key in (("resources", "resource_key"), ("scopes", "scope_key")):
        op.create_table(
            name,
            sa.Column(key, sa.Integer, primary_key=True),
            sa.Column("digest", sa.LargeBinary(16), nullable=False, unique=True),
            sa.Column("schema_url", _TEXT, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
        )
    _traces()
    _spans()
    op.create_table(
        "attribute_index",
        sa.Column("kind", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, primary_key=True),
        sa.Column("timestamp_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("trace_key", _BIG_KEY, primary_key=True, autoincrement=False),
        sa.Column("whole_value", _TEXT),
        sqlite_with_rowid=False,
    )


def _traces() -> None:
    op.create_table(
        "traces",
        sa.Column("trace_key", _BIG_KEY, primary_key=True),
        sa.Column("trace_id", sa.LargeBinary(16), nullable=False, unique=True),
        sa.Column("experiment_id", sa.Integer, nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger, nullable=False),
        sa.Column("execution_time_ms", sa.BigInteger),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("name", _TEXT),
        sa.Column("client_request_id", _TEXT),
        sa.Column("request_preview", _TEXT),
        sa.Column("response_preview", _TEXT),
        sa.Column("trace_inputs", _TEXT),
        sa.Column("trace_outputs", _TEXT),
        sa.Column("tags", _TEXT, nullable=False),
        sa.Column("metadata", _TEXT, nullable=False),
        sa.Column("span_count", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("stamps", sa.LargeBinary, nullable=False),
    )
    newest_first: sa.ColumnElement[int] = sa.column("timestamp_ms").desc()
    op.create_index(
        "ix_traces_newest",
        "traces",
        [newest_first, "trace_id", "execution_time_ms", "status"],
    )
    for name, columns in {
        "ix_traces_experiment": ["experiment_id", "timestamp_ms"],
        "ix_traces_status": ["status", "timestamp_ms"],
        "ix_traces_execution_time": ["execution_time_ms"],
    }.items():
        op.create_index(name, "traces", columns)
    op.create_index(
        "ix_traces_name",
        "traces",
        ["name", "timestamp_ms"],
        postgresql_where=_HAS_SHORT_NAME,
    )


def _spans() -> None:
    op.create_table(
        "span_kinds",
        sa.Column("kind_key", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary(16), nullable=False, unique=True),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
    )
    op.create_table(
        "dictionaries",
        sa.Column("dictionary_key", sa.Integer, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "span_blocks",
        sa.Column("block_key", _BIG_KEY, primary_key=True),
        sa.Column("resource_key", sa.Integer, nullable=False),
        sa.Column("scope_key", sa.Integer, nullable=False),
        sa.Column("dictionary_key", sa.Integer),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_span_blocks_dictionary", "span_blocks", ["dictionary_key"])
    op.create_table(
        "spans",
        sa.Column("trace_key", _BIG_KEY, primary_key=True, autoincrement=False),
        sa.Column("span_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("parent_span_id", sa.BigInteger),
        sa.Column("kind_key", sa.Integer, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("usage", _TEXT),
        sa.Column("block_key", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    has_usage = sa.column("usage") != sa.null()
    op.create_index(
        "ix_spans_usage",
        "spans",
        ["trace_key"],
        sqlite_where=has_usage,
        postgresql_where=has_usage,
    )
