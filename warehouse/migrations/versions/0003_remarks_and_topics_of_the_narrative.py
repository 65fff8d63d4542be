"""remarks and topics of the narrative"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("raw_readings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("topics", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("remarks", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("raw_readings", schema=None) as batch_op:
        batch_op.drop_column("remarks")
        batch_op.drop_column("topics")
