"""Tables of the first version"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "raw_runs",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("code_version", sa.String(length=32), nullable=False),
        sa.Column("ruleset", sa.String(length=32), nullable=False),
        sa.Column("reader_version", sa.String(length=32), nullable=False),
        sa.Column("flow_run_id", sa.String(length=36), nullable=True),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_raw_runs"),
    )
    op.create_table(
        "core_disclosures",
        sa.Column("disclosure_id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=True),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("published_on", sa.Text(), nullable=True),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_core_disclosures_run_id_raw_runs"
        ),
        sa.PrimaryKeyConstraint("disclosure_id", name="pk_core_disclosures"),
    )
    op.create_index("ix_core_disclosures_region_code", "core_disclosures", ["region_code"])
    op.create_index("ix_core_disclosures_site", "core_disclosures", ["site"])
    op.create_index("ix_core_disclosures_year", "core_disclosures", ["year"])

    op.create_table(
        "out_validations",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("suite", sa.String(length=64), nullable=False),
        sa.Column("batch", sa.String(length=64), nullable=False),
        sa.Column("ruleset", sa.String(length=32), nullable=False),
        sa.Column("validated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("results", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_out_validations_run_id_raw_runs"
        ),
        sa.PrimaryKeyConstraint("run_id", "suite", "batch", name="pk_out_validations"),
    )
    op.create_table(
        "raw_documents",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("archived_as", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_raw_documents_run_id_raw_runs"
        ),
        sa.PrimaryKeyConstraint("sha256", name="pk_raw_documents"),
    )
    op.create_index("ix_raw_documents_site", "raw_documents", ["site"])

    op.create_table(
        "raw_fetches",
        sa.Column("fetch_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("final_url", sa.Text(), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("found_on", sa.Text(), nullable=True),
        sa.Column("link_text", sa.Text(), nullable=True),
        sa.Column("article_title", sa.Text(), nullable=True),
        sa.Column("published_on", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_raw_fetches_run_id_raw_runs"
        ),
        sa.PrimaryKeyConstraint("fetch_id", name="pk_raw_fetches"),
    )
    op.create_index("ix_raw_fetches_run_id", "raw_fetches", ["run_id"])
    op.create_index("ix_raw_fetches_sha256", "raw_fetches", ["sha256"])
    op.create_index("ix_raw_fetches_site", "raw_fetches", ["site"])

    op.create_table(
        "core_disclosure_documents",
        sa.Column("disclosure_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("forms", sa.JSON(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("narrative", sa.Boolean(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("reader_version", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["disclosure_id"],
            ["core_disclosures.disclosure_id"],
            name="fk_core_disclosure_documents_disclosure_id_core_disclosures",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_core_disclosure_documents_run_id_raw_runs"
        ),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["raw_documents.sha256"],
            name="fk_core_disclosure_documents_sha256_raw_documents",
        ),
        sa.PrimaryKeyConstraint("disclosure_id", "sha256", name="pk_core_disclosure_documents"),
    )
    op.create_index("ix_core_disclosure_documents_sha256", "core_disclosure_documents", ["sha256"])
    op.create_table(
        "core_facts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("reader_version", sa.String(length=32), nullable=False),
        sa.Column("form", sa.String(length=2), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("column", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("amount_wan", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("bbox", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("readers", sa.JSON(), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_core_facts_run_id_raw_runs"
        ),
        sa.ForeignKeyConstraint(
            ["sha256"], ["raw_documents.sha256"], name="fk_core_facts_sha256_raw_documents"
        ),
        sa.PrimaryKeyConstraint(
            "sha256", "reader_version", "form", "side", "row", "column", name="pk_core_facts"
        ),
    )
    op.create_table(
        "core_findings",
        sa.Column("disclosure_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ruleset", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("form", sa.String(length=2), nullable=True),
        sa.Column("stated_wan", sa.BigInteger(), nullable=True),
        sa.Column("computed_wan", sa.BigInteger(), nullable=True),
        sa.Column("difference_wan", sa.BigInteger(), nullable=True),
        sa.Column("tolerance_wan", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("quote", sa.Text(), nullable=True),
        sa.Column("operands", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["disclosure_id"],
            ["core_disclosures.disclosure_id"],
            name="fk_core_findings_disclosure_id_core_disclosures",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_core_findings_run_id_raw_runs"
        ),
        sa.PrimaryKeyConstraint(
            "disclosure_id", "version", "ruleset", "rule", "subject", name="pk_core_findings"
        ),
    )
    op.create_table(
        "core_judgements",
        sa.Column("disclosure_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("ruleset", sa.String(length=32), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.String(length=8), nullable=True),
        sa.Column("grade", sa.String(length=8), nullable=False),
        sa.Column("dimensions", sa.JSON(), nullable=False),
        sa.Column("coverage", sa.String(length=8), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["disclosure_id"],
            ["core_disclosures.disclosure_id"],
            name="fk_core_judgements_disclosure_id_core_disclosures",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_core_judgements_run_id_raw_runs"
        ),
        sa.PrimaryKeyConstraint("disclosure_id", "version", "ruleset", name="pk_core_judgements"),
    )
    op.create_index("ix_core_judgements_judged_at", "core_judgements", ["judged_at"])

    op.create_table(
        "core_performance",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("reader_version", sa.String(length=32), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("table", sa.String(length=12), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("indicator", sa.Text(), nullable=False),
        sa.Column("measure", sa.String(length=24), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_core_performance_run_id_raw_runs"
        ),
        sa.ForeignKeyConstraint(
            ["sha256"], ["raw_documents.sha256"], name="fk_core_performance_sha256_raw_documents"
        ),
        sa.PrimaryKeyConstraint("sha256", "reader_version", "ordinal", name="pk_core_performance"),
    )
    op.create_table(
        "core_statements",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("reader_version", sa.String(length=32), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("measure", sa.String(length=24), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("versus", sa.Text(), nullable=True),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_core_statements_run_id_raw_runs"
        ),
        sa.ForeignKeyConstraint(
            ["sha256"], ["raw_documents.sha256"], name="fk_core_statements_sha256_raw_documents"
        ),
        sa.PrimaryKeyConstraint("sha256", "reader_version", "ordinal", name="pk_core_statements"),
    )
    op.create_table(
        "raw_readings",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("reader_version", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("unit", sa.String(length=8), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("forms", sa.JSON(), nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("readers", sa.JSON(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("statements", sa.Integer(), nullable=False),
        sa.Column("performance", sa.Integer(), nullable=False),
        sa.Column("stated", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name="fk_raw_readings_run_id_raw_runs"
        ),
        sa.ForeignKeyConstraint(
            ["sha256"], ["raw_documents.sha256"], name="fk_raw_readings_sha256_raw_documents"
        ),
        sa.PrimaryKeyConstraint("sha256", "reader_version", name="pk_raw_readings"),
    )
    op.create_index("ix_raw_readings_read_at", "raw_readings", ["read_at"])


def downgrade() -> None:
    for table in (
        "raw_readings",
        "core_statements",
        "core_performance",
        "core_judgements",
        "core_findings",
        "core_facts",
        "core_disclosure_documents",
        "raw_fetches",
        "raw_documents",
        "out_validations",
        "core_disclosures",
        "raw_runs",
    ):
        op.drop_table(table)  # takes its indexes along
