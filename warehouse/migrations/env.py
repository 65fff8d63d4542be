"""Runs the migrations on the connection that :func:`warehouse.database.migrate` hands over."""

from __future__ import annotations

from alembic import context

from warehouse.migrations.comparing import is_ours, plain_type
from warehouse.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_object=is_ours,
    render_item=plain_type,
    render_as_batch=True,  # SQLite cannot alter most of a table in place
    # The engine begins transactions itself, so that SQLite keeps its DDL in them, too: a
    # migration that is killed half-way leaves nothing behind.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
