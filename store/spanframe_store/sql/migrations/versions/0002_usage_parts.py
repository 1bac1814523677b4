"""The parts of the usage of large traces.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table, which fills as large traces get spans."""
    op.create_table(
        "usage_parts",
        sa.Column("trace_key", _BIG_KEY, primary_key=True, autoincrement=False),
        sa.Column(
            "missing_span_id", sa.BigInteger, primary_key=True, autoincrement=False
        ),
        sa.Column("counts", _TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
