"""``python -m warehouse.migrations "what changes"`` writes the next migration.

It compares the models with what the migrations make of an empty database. Read the result before
committing it; ``tests/warehouse/test_database.py`` holds both to each other.
"""

from __future__ import annotations

import argparse

from alembic import command
from alembic.script import ScriptDirectory

from warehouse.database import migration_config, open_engine


def main() -> None:
    """Write one revision, numbered after the last."""
    parser = argparse.ArgumentParser(prog="python -m warehouse.migrations")
    parser.add_argument("message", help="what changes, as the file's title")
    message = parser.parse_args().message
    config = migration_config()
    script = ScriptDirectory.from_config(config)
    number = len(list(script.walk_revisions())) + 1
    engine = open_engine("sqlite://")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")
    engine.dispose()


if __name__ == "__main__":
    main()
