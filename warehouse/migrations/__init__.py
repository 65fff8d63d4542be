"""Alembic migrations; :func:`warehouse.database.migrate` runs them."""
