"""Runs of the job: their beginning and their end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, select, update

from warehouse.database import transaction
from warehouse.rows import json_safe, upsert
from warehouse.schema import RawRun


class UnknownRun(ValueError):
    """This warehouse has no such run."""


def start_run(
    engine: Engine,
    *,
    kind: str,
    parameters: Mapping[str, object],
    code_version: str,
    ruleset: str,
    reader_version: str,
    flow_run_id: str | None = None,
    run_id: str | None = None,
) -> str:
    """Begin a run (``nightly``, ``rerun`` or ``check``) and return its id.

    A ``run_id`` that is there already is taken up again: a flow that is retried stays one run.
    """
    identifier = run_id or str(uuid.uuid4())
    row = {
        "run_id": identifier,
        "kind": kind,
        "started_at": datetime.now(UTC),
        "finished_at": None,
        "state": "running",
        "parameters": json_safe(parameters),
        "code_version": code_version,
        "ruleset": ruleset,
        "reader_version": reader_version,
        "flow_run_id": flow_run_id,
        "summary": {},
    }
    with transaction(engine) as connection:
        upsert(connection, RawRun, [row], unchanged=("started_at", "summary"))
    return identifier


def finish_run(
    engine: Engine, run_id: str, *, state: str, summary: Mapping[str, object] | None = None
) -> None:
    """End a run as ``completed`` or ``failed``."""
    with transaction(engine) as connection:
        connection.execute(
            update(RawRun)
            .where(RawRun.run_id == run_id)
            .values(
                state=state, finished_at=datetime.now(UTC), summary=json_safe(dict(summary or {}))
            )
        )


def run_versions(connection: Connection, run_id: str) -> tuple[str, str]:
    """Rule set and version of the readers of a run.

    Raises:
        UnknownRun: this warehouse has no such run.
    """
    row = connection.execute(
        select(RawRun.ruleset, RawRun.reader_version).where(RawRun.run_id == run_id)
    ).one_or_none()
    if row is None:
        raise UnknownRun(f"there is no run {run_id}")
    return row.ruleset, row.reader_version
