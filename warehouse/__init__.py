"""The warehouse: SQLAlchemy schema, migrations, loading and the marts that suites validate."""
