"""The tags of experiments, and where their artifacts are.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns, which are empty for experiments that only have a name."""
    for name in ("artifact_location", "tags"):
        op.add_column("experiments", sa.Column(name, _TEXT))
