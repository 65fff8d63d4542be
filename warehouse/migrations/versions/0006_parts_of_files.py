"""several disclosures in one file"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("raw_documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("part_of", sa.String(length=64), nullable=True))
        batch_op.create_index(batch_op.f("ix_raw_documents_part_of"), ["part_of"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("raw_documents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_raw_documents_part_of"))
        batch_op.drop_column("part_of")
