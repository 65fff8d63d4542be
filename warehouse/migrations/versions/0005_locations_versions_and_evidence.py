"""URLs as they stand, the versions that they gave, and the evidence of fetches"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "raw_locations",
        sa.Column("location_id", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("replaced_by", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("final_url", sa.Text(), nullable=True),
        sa.Column("found_on", sa.Text(), nullable=True),
        sa.Column("link_text", sa.Text(), nullable=True),
        sa.Column("article_title", sa.Text(), nullable=True),
        sa.Column("published_on", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_in", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("location_id", name=op.f("pk_raw_locations")),
    )
    op.create_index(op.f("ix_raw_locations_site"), "raw_locations", ["site"])
    op.create_index(op.f("ix_raw_locations_sha256"), "raw_locations", ["sha256"])
    op.create_table(
        "raw_versions",
        sa.Column("location_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["location_id"],
            ["raw_locations.location_id"],
            name=op.f("fk_raw_versions_location_id_raw_locations"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["raw_runs.run_id"], name=op.f("fk_raw_versions_run_id_raw_runs")
        ),
        sa.PrimaryKeyConstraint("location_id", "sha256", name=op.f("pk_raw_versions")),
    )
    op.create_index(op.f("ix_raw_versions_sha256"), "raw_versions", ["sha256"])
    with op.batch_alter_table("raw_fetches", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hops", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("raw_documents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("damage", sa.Text(), nullable=True))
    _fill()


def _fill() -> None:
    """What earlier nights fetched is where it was; a night must not take it for new."""
    connection = op.get_bind()
    names = (
        "run_id, site, url, role, status, fetched_at, sha256, media_type, etag, last_modified, "
        "final_url, found_on, link_text, article_title, published_on"
    )
    fetches = sa.text(
        f"SELECT {names} FROM raw_fetches WHERE sha256 IS NOT NULL "
        "AND outcome IN ('new', 'changed', 'unchanged') ORDER BY site, url, fetched_at, fetch_id"
    )
    location: dict[str, object] = {}
    versions: list[dict[str, object]] = []
    for row in connection.execute(fetches).mappings().all():
        if (location.get("site"), location.get("url")) != (row["site"], row["url"]):
            _keep(connection, location, versions)
            key = "\x1f".join((row["site"], row["url"])).encode("utf-8", "surrogatepass")
            location = {
                "location_id": hashlib.sha256(key).hexdigest(),
                "state": "current",
                "state_since": row["fetched_at"],
                "first_seen_at": row["fetched_at"],
            }
            versions = []
        validators = {name: row[name] for name in ("etag", "last_modified")}
        if location.get("sha256") == row["sha256"] and not any(validators.values()):
            validators = {name: location[name] for name in validators}
        fetched = dict(row)
        for name in ("run_id", "status", "fetched_at"):
            del fetched[name]
        location |= fetched
        if row["status"] != 304:
            location["received_at"] = row["fetched_at"]
        location |= validators
        location |= {"last_seen_at": row["fetched_at"], "checked_at": row["fetched_at"]}
        location |= {"seen_in": row["run_id"]}
        if row["sha256"] not in [version["sha256"] for version in versions]:
            versions.append(
                {
                    "location_id": location["location_id"],
                    "sha256": row["sha256"],
                    "ordinal": len(versions) + 1,
                    "first_seen_at": row["fetched_at"],
                    "run_id": row["run_id"],
                }
            )
    _keep(connection, location, versions)


def _keep(
    connection: sa.Connection, location: dict[str, object], versions: list[dict[str, object]]
) -> None:
    for table, rows in (("raw_locations", [location]), ("raw_versions", versions)):
        for row in rows:
            if row:
                columns = ", ".join(row)
                values = ", ".join(f":{name}" for name in row)
                connection.execute(
                    sa.text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row
                )


def downgrade() -> None:
    with op.batch_alter_table("raw_documents", schema=None) as batch_op:
        batch_op.drop_column("damage")
    with op.batch_alter_table("raw_fetches", schema=None) as batch_op:
        batch_op.drop_column("hops")
    op.drop_table("raw_versions")
    op.drop_table("raw_locations")
