"""judgements beside their neighbours, caps of grades, innocent explanations"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_JUDGED = ["disclosure_id", "version", "ruleset"]
#: What the keys of these tables have beside the judgement that a row belongs to.
_REST: dict[str, list[str]] = {
    "core_judgements": [],
    "core_findings": ["rule", "subject"],
    "core_causes": ["ordinal"],
}


def upgrade() -> None:
    op.add_column("raw_readings", sa.Column("units", sa.JSON(none_as_null=True), nullable=True))
    for table in ("core_disclosures", *_REST):
        with op.batch_alter_table(table, schema=None) as batch_op:
            # What is there already was judged beside nothing that is known.
            batch_op.add_column(
                sa.Column("context", sa.String(length=64), nullable=False, server_default="")
            )
    with op.batch_alter_table("core_disclosures", schema=None) as batch_op:
        batch_op.alter_column("context", server_default=None)
    for table, rest in _REST.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column("context", server_default=None)
            if table == "core_judgements":
                batch_op.add_column(sa.Column("capped", sa.JSON(none_as_null=True), nullable=True))
            if table == "core_findings":
                batch_op.add_column(sa.Column("innocent", sa.Text(), nullable=True))
            batch_op.drop_constraint(f"pk_{table}", type_="primary")
            batch_op.create_primary_key(f"pk_{table}", [*_JUDGED, "context", *rest])


def downgrade() -> None:
    for table in _REST:
        # Of several judgements of one version only one has room in the older schema.
        op.execute(
            f"DELETE FROM {table} WHERE EXISTS (SELECT 1 FROM core_judgements AS other"
            f" WHERE other.disclosure_id = {table}.disclosure_id"
            f" AND other.version = {table}.version AND other.ruleset = {table}.ruleset"
            f" AND other.context < {table}.context)"
        )
    for table, rest in _REST.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(f"pk_{table}", type_="primary")
            batch_op.create_primary_key(f"pk_{table}", [*_JUDGED, *rest])
            batch_op.drop_column("context")
            if table == "core_judgements":
                batch_op.drop_column("capped")
            if table == "core_findings":
                batch_op.drop_column("innocent")
    op.drop_column("raw_readings", "units")
    op.drop_column("core_disclosures", "context")
