"""Opening the warehouse: SQLite by default, PostgreSQL when one machine is not enough.

Opening migrates to the newest schema, whoever comes first; processes that open the same
warehouse at the same moment wait for one another.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, make_url, text

#: How long a writer waits for another one (SQLite has one writer at a time).
BUSY_TIMEOUT_S: Final = 60

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
#: Advisory lock that serialises migrations on PostgreSQL; any constant does, if it stays.
_MIGRATION_LOCK: Final = 7_305_001
_WRITING: Final = "juesuan_writing"


class WarehouseError(Exception):
    """The warehouse cannot be used as it is; the message says why."""


def open_engine(url: str) -> Engine:
    """The engine of a warehouse that exists and has the newest schema.

    ``url`` is an SQLAlchemy URL; for SQLite the folder and the file are created. Safe to call
    from several processes at once.

    Raises:
        WarehouseError: the warehouse was made by a newer version of this project.
        sqlalchemy.exc.SQLAlchemyError: it cannot be reached or created.
    """
    engine = connect(url)
    try:
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def connect(url: str) -> Engine:
    """An engine with this project's settings, without touching the schema."""
    parsed = make_url(url)
    options: dict[str, Any] = {"json_serializer": _to_json}
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, **options)
    options["connect_args"] = {"timeout": BUSY_TIMEOUT_S}
    if parsed.database in (None, "", ":memory:"):
        options["poolclass"] = StaticPool  # one connection, or every one sees its own database
        options["connect_args"]["check_same_thread"] = False
    else:
        assert parsed.database is not None
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, **options)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction that will write: all of the block, or nothing of it.

    On SQLite the writer's place is taken at once, because a transaction that has read cannot
    wait for another writer: it fails.
    """
    with engine.connect() as connection:
        connection = connection.execution_options(**{_WRITING: True})
        with connection.begin():
            yield connection


def migration_config() -> Config:
    """Alembic's configuration; the scripts lie in the package."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest revision; does nothing where it is there already."""
    config = migration_config()
    script = ScriptDirectory.from_config(config)
    head = script.get_current_head()
    known = {revision.revision for revision in script.walk_revisions()}

    def revision_of(connection: Connection) -> str | None:
        revision = MigrationContext.configure(connection).get_current_revision()
        if revision is not None and revision not in known:
            raise WarehouseError(
                f"the warehouse has schema {revision}, which this version does not know; "
                "it was made by a newer one"
            )
        return revision

    with engine.connect() as connection:
        if revision_of(connection) == head:
            return
    with _migrating(engine) as connection:
        if revision_of(connection) != head:  # another process may have been faster
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """A transaction in which no other process migrates."""
    if engine.dialect.name != "sqlite":
        with transaction(engine) as connection:
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK}
            )
            yield connection
        return
    # SQLite alters a table by copying and dropping it, which foreign keys to it forbid; they can
    # be switched only outside of a transaction, and are checked as a whole before its end.
    with engine.connect() as connection:
        connection = connection.execution_options(**{_WRITING: True})
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchone()
                if broken is not None:
                    raise WarehouseError(f"migrating would break references of {broken[0]}")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions are ours (see _begin_sqlite): the driver would commit before DDL and would
    # not open a transaction for reading.
    connection.isolation_level = None
    cursor = connection.cursor()
    try:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
        _use_write_ahead_log(cursor)
        # With a write-ahead log this loses nothing when a process is killed.
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def _use_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    # Changing the mode does not honour busy_timeout: two processes that create the same file
    # together collide here, so the second tries again.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode")
            if cursor.fetchone()[0] not in ("wal", "memory"):
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.fetchone()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
