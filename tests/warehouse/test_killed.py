"""Killing the loading process at any moment and starting again gives the same warehouse."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, select, text

from connectors.records import Fetch, FetchOutcome, FetchRole
from disclosures.amounts import MoneyUnit
from disclosures.assembly import assemble
from disclosures.model import DocumentKind, Fact, FormReading, Reading, Statement
from disclosures.verdicts import Finding, Judgement, Severity, State, ValidationSummary
from warehouse import load
from warehouse.database import open_engine
from warehouse.schema import Base

DOCUMENTS, CELLS = 25, 120
#: Who wrote a row and when is the only thing that a kill may change.
WRITTEN = {
    "run_id", "read_at", "seconds", "judged_at", "validated_at", "first_seen_at", "fetched_at",
    "state_since", "last_seen_at", "checked_at", "received_at", "seen_in",
}  # fmt: skip


class Folder:
    def archived_as(self, sha256: str, media_type: str) -> str:
        return sha256

    def size(self, sha256: str) -> int:
        return 1


def sha256_of(number: int) -> str:
    return f"{number:064x}"


def reading(sha256: str) -> Reading:
    number = int(sha256, 16)
    return Reading(
        sha256,
        "application/pdf",
        DocumentKind.FINAL_ACCOUNTS,
        agency=f"山城区第{number}局",
        year=2023,
        forms=(FormReading("05", "支出决算表", (1,), MoneyUnit.WAN, "central"),),
        facts=tuple(
            Fact("05", None, f"{cell}", None, f"{cell}", "支出", "total", Decimal(cell), "", 2)
            for cell in range(CELLS)
        ),
        statements=(Statement("收支", "total", "amount", Decimal(number), "万元", "总计。"),),
    )


def judgement(disclosure_id: str) -> Judgement:
    finding = Finding(disclosure_id, "r", "合计", Severity.ERROR, State.FAIL, "不相等")
    return Judgement(
        disclosure_id, "rules-1", Decimal(60), "D", {}, Decimal(97), {"fail": 1}, (finding,)
    )


def job(url: str) -> None:
    """A nightly run that takes up whatever an earlier one has left."""
    engine = open_engine(url)
    run = load.start_run(
        engine,
        kind="nightly",
        parameters={},
        code_version="0",
        ruleset="rules-1",
        reader_version="r1",
    )
    fetches = [
        Fetch(
            site="hill",
            url=f"http://hill.test/{number}",
            role=FetchRole.DOCUMENT,
            outcome=FetchOutcome.NEW,
            fetched_at=datetime.now(UTC),
            sha256=sha256_of(number),
            size_bytes=1,
        )
        for number in range(DOCUMENTS)
    ]
    load.save_fetches(engine, run, fetches, Folder())
    for document in load.unread_documents(engine, "r1"):
        load.save_readings(engine, run, [reading(document.sha256)])
    made = assemble(load.documents_to_assemble(engine, "r1", sites=["hill"]), alternates="merge")
    load.save_disclosures(engine, run, made, sites=["hill"])
    todo = load.unjudged_disclosures(engine, "rules-1")
    ids = list(todo)
    for start in range(0, len(ids), 5):
        chunk = ids[start : start + 5]
        load.save_judgements(
            engine,
            run,
            [judgement(key) for key in chunk],
            [ValidationSummary("s", f"b{start}", True, len(chunk))],
            todo,
        )
    load.finish_run(engine, run, state="completed", summary={})
    engine.dispose()


def content(engine: Engine) -> Mapping[str, list[Any]]:
    """All rows but those that are a run's own."""
    with engine.connect() as connection:
        return {
            table.name: sorted(
                repr({k: v for k, v in row._mapping.items() if k not in WRITTEN})
                for row in connection.execute(select(table))
            )
            for table in Base.metadata.sorted_tables
            if table.name not in ("raw_runs", "raw_fetches", "out_validations")
        }


@contextmanager
def beside(url: str, tmp_path: Path) -> Iterator[str]:
    """A second empty place for a warehouse on the same kind of database."""
    if url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'undisturbed.db'}"
        return
    parsed = make_url(url)
    schema = parsed.query["options"]
    assert isinstance(schema, str)
    other = f"{schema.removeprefix('-csearch_path=')}_b"
    admin = create_engine(parsed, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f'CREATE SCHEMA "{other}"'))
    try:
        second = parsed.update_query_dict({"options": f"-csearch_path={other}"})
        yield second.render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f'DROP SCHEMA "{other}" CASCADE'))
        admin.dispose()


@pytest.mark.timeout(120)
def test_a_killed_job_is_finished_by_the_next(warehouse_url: str, tmp_path: Path) -> None:
    delays = random.Random(20240902)
    killed = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, __file__, warehouse_url],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        try:
            assert process.stdout is not None
            process.stdout.readline()  # imported: what is killed from here on is the job
            process.wait(timeout=delays.uniform(0.02, 0.5))
        except subprocess.TimeoutExpired:
            killed += 1
        finally:
            process.kill()
            process.communicate()
    assert killed > 0
    job(warehouse_url)
    with beside(warehouse_url, tmp_path) as url:
        job(url)
        disturbed, undisturbed = open_engine(warehouse_url), open_engine(url)
        try:
            assert content(disturbed) == content(undisturbed)
            assert len(content(disturbed)["core_facts"]) == DOCUMENTS * CELLS
            assert len(content(disturbed)["core_judgements"]) == DOCUMENTS
        finally:
            disturbed.dispose()
            undisturbed.dispose()


if __name__ == "__main__":
    print("ready", flush=True)
    job(sys.argv[1])
