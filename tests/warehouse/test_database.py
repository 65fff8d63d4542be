"""Opening the warehouse: settings, migrations, several processes at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, Text, bindparam, inspect, select, text
from sqlalchemy.exc import DBAPIError

from warehouse.database import WarehouseError, _migrating, connect, open_engine, transaction
from warehouse.migrations.comparing import is_ours, plain_type
from warehouse.schema import AmountWan, Base, UtcDateTime


def test_the_migrated_schema_is_the_schema_of_the_models(engine: Engine) -> None:
    with engine.begin() as connection:  # a mart is nobody's migration
        connection.execute(text("CREATE TABLE out_mart_disclosure (disclosure_id TEXT, x BIGINT)"))
        connection.execute(text("CREATE INDEX ix_mart ON out_mart_disclosure (x)"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": is_ours,
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, Base.metadata) == []


def test_a_difference_would_be_seen(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE raw_documents DROP COLUMN file_name"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_ours})
        (difference,) = compare_metadata(context, Base.metadata)
    assert difference[0] == "add_column"


def test_opening_again_changes_nothing(warehouse_url: str) -> None:
    for _ in range(2):
        engine = open_engine(warehouse_url)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
        engine.dispose()


def test_a_warehouse_of_a_newer_version_is_left_alone(engine: Engine, warehouse_url: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WarehouseError, match="9999"):
        open_engine(warehouse_url)


def test_processes_that_open_together_wait_for_one_another(warehouse_url: str) -> None:
    code = (
        "import sys; from warehouse.database import open_engine; "
        "sys.stdin.readline(); open_engine(sys.argv[1]).dispose()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, warehouse_url],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(4)
    ]
    try:
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in started:
            _, problem = process.communicate(timeout=60)
            assert process.returncode == 0, problem
    finally:
        for process in started:
            process.kill()
            process.wait()
    engine = open_engine(warehouse_url)
    with engine.connect() as connection:
        assert len(inspect(connection).get_table_names()) == len(Base.metadata.tables) + 1
    engine.dispose()


def test_a_transaction_is_whole_or_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE out_mart_x (n BIGINT)"))

    def fail() -> None:
        with transaction(engine) as connection:
            connection.execute(text("INSERT INTO out_mart_x VALUES (1)"))
            connection.execute(text("INSERT INTO out_mart_y VALUES (1)"))

    with pytest.raises(DBAPIError, match="out_mart_y"):
        fail()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM out_mart_x")) == 0


def test_writers_queue_up(engine: Engine) -> None:
    """Read-then-write in several threads loses no update: no writer fails and none is overtaken."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE out_mart_x (n BIGINT)"))
        connection.execute(text("INSERT INTO out_mart_x VALUES (0)"))
    problems: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(10):
                with transaction(engine) as connection:
                    connection.scalar(text("SELECT n FROM out_mart_x"))
                    connection.execute(text("UPDATE out_mart_x SET n = n + 1"))
        except BaseException as error:  # handed to the test, which fails on it
            problems.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT n FROM out_mart_x")) == 40


def test_sqlite_is_made_with_its_folder_and_settings(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "100% mine" / "warehouse.db"
    engine = open_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        settings = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    engine.dispose()
    assert path.is_file()
    assert settings == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 60_000,
        "synchronous": 1,
    }


def test_a_migration_that_fails_half_way_leaves_nothing(
    warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = connect(warehouse_url)
    with engine.begin() as connection:  # in the way of a table that the migration makes late
        connection.execute(text("CREATE TABLE raw_readings (n BIGINT)"))
    with pytest.raises(Exception, match="raw_readings"):
        open_engine(warehouse_url)
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"raw_readings", "alembic_version"}
    engine.dispose()


def test_a_migration_may_rebuild_a_table_that_others_refer_to(engine: Engine) -> None:
    add = (
        "INSERT INTO raw_runs VALUES "
        "('r', 'check', :now, NULL, 'running', '{}', '', '', '', NULL, '{}')"
    )
    refer = (
        "INSERT INTO raw_documents (sha256, media_type, size_bytes, archived_as, first_seen_at,"
        " run_id) VALUES ('a', 'b', 1, 'c', :now, 'r')"
    )
    with engine.begin() as connection:
        for statement in (add, refer):
            connection.execute(text(statement), {"now": "2024-09-02 12:00:00"})
    with _migrating(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("raw_runs") as batch:
            batch.alter_column("kind", type_=Text(), existing_nullable=False)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT run_id FROM raw_documents")) == "r"
    with pytest.raises(DBAPIError), engine.begin() as connection:  # references count again
        connection.execute(text("DELETE FROM raw_runs"))


def test_a_migration_names_plain_types() -> None:
    assert plain_type("type", AmountWan(), None) == "sa.BigInteger()"
    assert plain_type("type", UtcDateTime(), None) == "sa.DateTime(timezone=True)"
    assert plain_type("type", Text(), None) is False


def test_memory_is_one_database_for_all_connections() -> None:
    engine = open_engine("sqlite://")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM raw_runs")) == 0
    engine.dispose()


def test_money_is_exact_to_the_tick(engine: Engine) -> None:
    for amount in ("0.00000001", "-914.65", "92233720368.54775807"):
        with engine.connect() as connection:
            value = bindparam("v", Decimal(amount), type_=AmountWan)
            assert connection.scalar(select(value)) == Decimal(amount)
