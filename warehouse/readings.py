"""Loading what was read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, delete, select

from disclosures.amounts import CellState
from disclosures.assembly import largest_stated, reading_digest, summarise_forms
from disclosures.model import Fact, Reading
from warehouse.database import transaction
from warehouse.rows import in_order, in_ticks, insert_missing, insert_rows, plain, upsert
from warehouse.runs import run_versions
from warehouse.schema import CoreFact, CorePerformance, CoreStatement, RawDocument, RawReading


def save_readings(
    engine: Engine,
    run_id: str,
    readings: Iterable[Reading],
    *,
    reader_version: str | None = None,
) -> int:
    """Save readings, one transaction per document, and return how many changed something.

    A reading takes the place of an earlier one by the same version of the readers; when it says
    the same, no row changes. Further disclosures of the same file are saved with it, as documents
    of their own. ``reader_version`` is the run's unless given.
    """
    with engine.connect() as connection:
        _, of_run = run_versions(connection, run_id)
    version = reader_version or of_run
    changed = 0
    for whole in readings:
        saved = False
        with transaction(engine) as connection:
            if whole.further:
                _add_parts(connection, run_id, whole)
            for reading in whole.all():
                digest = reading_digest(reading)
                stored = connection.scalar(
                    select(RawReading.digest).where(
                        RawReading.sha256 == reading.sha256, RawReading.reader_version == version
                    )
                )
                if stored != digest:
                    _save_reading(connection, run_id, version, _storable(reading), digest)
                    saved = True
        changed += saved
    return changed


def _add_parts(connection: Connection, run_id: str, whole: Reading) -> None:
    """Rows of documents for the further disclosures of a file."""
    file = connection.execute(
        select(RawDocument.__table__).where(RawDocument.sha256 == whole.sha256)
    ).one()
    rows = [
        {**file._mapping, "sha256": part.sha256, "part_of": whole.sha256, "run_id": run_id}
        for part in whole.further
    ]
    insert_missing(connection, RawDocument, in_order(rows, "sha256"))


def _save_reading(
    connection: Connection, run_id: str, version: str, reading: Reading, digest: str
) -> None:
    key = {"sha256": reading.sha256, "reader_version": version}
    summaries = {summary.form: summary for summary in summarise_forms(reading)}
    row = {
        **key,
        "kind": reading.kind.value,
        "reason": reading.reason,
        "agency": reading.agency,
        "year": reading.year,
        "unit": reading.unit.value if reading.unit else None,
        "title": reading.title,
        "pages": reading.pages,
        "forms": [
            {**asdict(form), **asdict(summaries[form.form]), "complete": form.complete}
            for form in reading.forms
        ],
        "sections": list(reading.sections),
        "topics": list(reading.topics),
        "units": asdict(reading.units) if reading.units else None,
        "remarks": [asdict(remark) for remark in reading.remarks],
        "readers": dict(reading.readers),
        "notes": list(reading.notes),
        "statements": len(reading.statements),
        "performance": len(reading.performance),
        "stated": sorted(plain(amount) for amount in largest_stated(reading)),
        "digest": digest,
        "seconds": reading.seconds,
        "read_at": datetime.now(UTC),
        "run_id": run_id,
    }
    # First, because it makes a second process with the same document wait here.
    upsert(connection, RawReading, [row])
    for model in (CoreFact, CoreStatement, CorePerformance):
        connection.execute(
            delete(model).where(model.sha256 == reading.sha256, model.reader_version == version)
        )
    insert_rows(
        connection,
        CoreFact,
        [
            {
                **key,
                "form": fact.form,
                "side": fact.side.value if fact.side else "",
                "row": fact.row,
                "column": fact.column,
                "ordinal": ordinal,
                "line": fact.line,
                "code": fact.code,
                "name": fact.name,
                "amount_wan": fact.amount_wan,
                "text": fact.text,
                "decimals": fact.decimals,
                "state": fact.state.value,
                "unit": fact.unit.value,
                "page": fact.page,
                "bbox": list(fact.bbox) if fact.bbox else None,
                "readers": list(fact.readers),
                "agreed": fact.agreed,
                "note": fact.note,
                "seen": [list(one) for one in fact.seen] or None,
                "run_id": run_id,
            }
            for ordinal, fact in enumerate(reading.facts)
        ],
    )
    insert_rows(
        connection,
        CoreStatement,
        [
            {**key, "ordinal": ordinal, **asdict(statement)}
            | {"value": "" if statement.value is None else plain(statement.value)}
            | {"run_id": run_id}
            for ordinal, statement in enumerate(reading.statements)
        ],
    )
    insert_rows(
        connection,
        CorePerformance,
        [
            {**key, "ordinal": ordinal, **asdict(figure)}
            | {"value": None if figure.value is None else plain(figure.value), "run_id": run_id}
            for ordinal, figure in enumerate(reading.performance)
        ],
    )


def _storable(reading: Reading) -> Reading:
    """A reading without what no table could take; what is taken out leaves a note.

    A cell that was read twice with two amounts is suspect, and an amount that no column holds (a
    run of digits of another kind) is unreadable. What is finer than a tick, as a spreadsheet's
    quotients are, is rounded to one.
    """
    facts: dict[tuple[str, str, str, str], Fact] = {}
    notes = list(reading.notes)
    for fact in reading.facts:
        amount = fact.amount_wan
        if amount is not None:
            stored = in_ticks(amount)
            if stored is None:
                note = "数值超出可存储的范围"
                fact = replace(
                    fact, amount_wan=None, state=CellState.UNREADABLE, agreed=False, note=note
                )
            elif stored != amount:
                fact = replace(fact, amount_wan=stored)
        first = facts.get(fact.key)
        if first is None:
            facts[fact.key] = fact
        elif first.amount_wan != fact.amount_wan:
            note = f"同一单元格读出不同数值：{first.text}、{fact.text}"
            facts[fact.key] = replace(first, agreed=False, note=note)
            notes.append(f"{'/'.join(fact.key)}: {note}")
    return replace(reading, facts=tuple(facts.values()), notes=tuple(notes))
