"""Batches out of the warehouse.

Forms come from the documents, and in the reader versions, that ``core_disclosure_documents`` names
for a disclosure.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import compress, repeat
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Text,
    bindparam,
    cast,
    func,
    select,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from disclosures.model import Remark
from disclosures.reading.readers.ocr_engine import NAME as RECOGNITION
from warehouse.batches import (
    PERFORMANCE_COLUMNS,
    STATEMENT_COLUMNS,
    Batch,
    CellKey,
    EarlierCell,
    disclosure_frame,
    earlier_cell,
    is_doubtful,
    left_out,
    performance_frame,
    said_frame,
)
from warehouse.cells import NO_NUMBER, RAW_FACTS, Cells
from warehouse.neighbours import Earlier, neighbours
from warehouse.rows import CHUNK
from warehouse.schema import (
    CoreDisclosure,
    CoreDisclosureDocument,
    CoreFact,
    CorePerformance,
    CoreStatement,
    RawDocument,
    RawReading,
)


@lru_cache(maxsize=256)
def _names_of(stored: str | None) -> tuple[str, ...]:
    # A few combinations of readers stand beside hundreds of thousands of cells.
    return tuple(json.loads(stored or "[]"))


@lru_cache(maxsize=256)
def _seen_of(stored: str | None) -> tuple[tuple[str, str], ...]:
    return tuple((reader, text) for reader, text in json.loads(stored or "[]"))


def load_batch(engine: Engine, disclosure_ids: Sequence[str] | None = None) -> Batch:
    """The facts of the named disclosures (all when None) as the warehouse holds them, with those
    of the year before and of their units beside them, as far as they are there."""
    with engine.connect() as connection:
        if disclosure_ids is None:
            found = connection.execute(
                select(CoreDisclosure.disclosure_id).order_by(CoreDisclosure.disclosure_id)
            )
            disclosure_ids = [row[0] for row in found]
        beside = neighbours(connection, disclosure_ids)
        batch = _load(connection, disclosure_ids)
        earlier = {
            one: _earlier_cells(connection, several) for one, several in beside.earlier.items()
        }
        previous, units = (
            _load(connection, sorted(others), totals_only=True) if others else None
            for others in (
                set(beside.previous.values()),
                {one for units in beside.units.values() for one in units.found.values()},
            )
        )
    return replace(
        batch,
        previous=previous,
        previous_of=beside.previous,
        unit_accounts=units,
        units_of=beside.units,
        earlier=earlier,
        contexts=beside.contexts,
    )


def _earlier_cells(
    connection: Connection, versions: Sequence[Earlier]
) -> dict[CellKey, EarlierCell]:
    """The cells of earlier documents; of a form that two of them had, the first's."""
    found: dict[CellKey, EarlierCell] = {}
    forms: set[str] = set()
    for one in versions:
        rows = connection.execute(
            select(
                CoreFact.form,
                CoreFact.side,
                CoreFact.row,
                CoreFact.column,
                type_coerce(CoreFact.amount_wan, BigInteger),
                CoreFact.text,
                CoreFact.agreed,
                CoreFact.state,
            ).where(CoreFact.sha256 == one.earlier, CoreFact.reader_version == one.reader_version)
        ).all()
        for form, side, name, column, ticks, text, agreed, state in rows:
            if form not in forms:
                found[form, side, name, column] = earlier_cell(ticks, text, agreed, state)
        forms |= {row[0] for row in rows}
    return found


def _load(
    connection: Connection, disclosure_ids: Sequence[str], *, totals_only: bool = False
) -> Batch:
    """A batch; ``totals_only`` leaves out coded rows, narrative and performance forms."""
    disclosures: list[dict[str, Any]] = []
    cells = Cells()
    said: list[tuple[Any, ...]] = []
    performed: list[tuple[Any, ...]] = []
    for start in range(0, len(disclosure_ids), CHUNK):
        wanted = list(disclosure_ids[start : start + CHUNK])
        heads = connection.execute(
            select(
                CoreDisclosure.disclosure_id,
                CoreDisclosure.agency,
                CoreDisclosure.year,
                CoreDisclosure.published_on,
                CoreDisclosure.site,
                CoreDisclosure.region,
                CoreDisclosure.version,
            ).where(CoreDisclosure.disclosure_id.in_(wanted))
        ).all()
        documents = connection.execute(
            select(
                CoreDisclosureDocument.disclosure_id,
                CoreDisclosureDocument.sha256,
                CoreDisclosureDocument.forms,
                RawDocument.media_type,
                RawDocument.url,
                RawReading.forms.label("read_forms"),
                RawReading.notes,
                RawReading.readers,
                RawReading.statements,
                RawReading.topics,
                RawReading.remarks,
            )
            .join(RawDocument, RawDocument.sha256 == CoreDisclosureDocument.sha256)
            .join(
                RawReading,
                (RawReading.sha256 == CoreDisclosureDocument.sha256)
                & (RawReading.reader_version == CoreDisclosureDocument.reader_version),
                isouter=True,
            )
            .where(CoreDisclosureDocument.disclosure_id.in_(wanted))
            .order_by(CoreDisclosureDocument.disclosure_id, CoreDisclosureDocument.sha256)
        ).all()
        taken = {(d.disclosure_id, d.sha256): frozenset(d.forms or ()) for d in documents}
        by_id: dict[str, dict[str, Any]] = {
            head.disclosure_id: {
                **head._mapping,
                "media_types": (),
                "urls": (),
                "documents": (),
                "forms": {},
                "topics": (),
                "remarks": (),
                "recognised": False,
                "unread": False,
            }
            for head in heads
        }
        for document in documents:
            row = by_id[document.disclosure_id]
            row["documents"] += (document.sha256,)
            row["media_types"] += (document.media_type,)
            row["urls"] += (document.url,) if document.url else ()
            row["topics"] += tuple(document.topics or ())
            row["remarks"] += tuple(Remark(**r) for r in document.remarks or ())
            row["unread"] |= left_out(document.notes or ())
            row["recognised"] |= RECOGNITION in (document.readers or {}) and not document.statements
            for form in document.read_forms or ():
                if form["form"] in taken[document.disclosure_id, document.sha256]:
                    row["forms"][form["form"]] = {
                        "title": form.get("title", ""),
                        "declared_empty": bool(form.get("declared_empty", False)),
                        "complete": bool(form.get("complete", True)),
                        "sha256": document.sha256,
                    }
        disclosures += [by_id[i] for i in wanted if i in by_id]
        only = (CoreFact.code.is_(None),) if totals_only else ()
        _add_stored_facts(connection, cells, wanted, taken, *only)
        if totals_only:
            continue
        said += _stored_statements(connection, wanted)
        notes = {d.sha256: d.notes or () for d in documents}
        performed += _stored_performance(connection, wanted, notes)
    return Batch(
        disclosure_frame(disclosures),
        cells.frame(),
        said_frame(said),
        performance_frame(performed),
    )


def _listed(
    connection: Connection,
    model: type[CoreFact] | type[CoreStatement] | type[CorePerformance],
    stored: Mapping[str, Any],
    wanted: Sequence[str],
    *conditions: ColumnElement[bool] | InstrumentedAttribute[bool],
) -> Iterator[tuple[str, str, dict[str, Sequence[Any]]]]:
    """Disclosure, document and columns of each document of some disclosures, in printed order.

    One row per document with a JSON list per column: a row per cell would cost more than all that
    is done with it, and so would sorting the cells by their documents.
    """
    sqlite = connection.dialect.name == "sqlite"
    listed = func.json_group_array if sqlite else func.json_agg
    together = func.json_array if sqlite else func.json_build_array
    lists = (
        select(together(listed(model.ordinal), *(listed(column) for column in stored.values())))
        .where(
            model.sha256 == CoreDisclosureDocument.sha256,
            model.reader_version == CoreDisclosureDocument.reader_version,
            *conditions,
        )
        .correlate(CoreDisclosureDocument)
        .scalar_subquery()
    )
    query = (
        select(
            CoreDisclosureDocument.disclosure_id, CoreDisclosureDocument.sha256, cast(lists, Text)
        )
        .where(CoreDisclosureDocument.disclosure_id.in_(bindparam("ids", expanding=True)))
        .order_by(
            CoreDisclosureDocument.disclosure_id,
            CoreDisclosureDocument.ordinal,
            CoreDisclosureDocument.sha256,
        )
    )
    for disclosure_id, sha256, text in connection.execute(query, {"ids": list(wanted)}):
        ordinals, *found = json.loads(text)
        if not ordinals:
            continue
        columns: dict[str, Sequence[Any]] = dict(zip(stored, found, strict=True))
        # The lists of a document come in any order, but all in the same.
        if any(map(operator.gt, ordinals, ordinals[1:])):
            order = operator.itemgetter(*sorted(range(len(ordinals)), key=ordinals.__getitem__))
            columns = {name: order(values) for name, values in columns.items()}
        yield disclosure_id, sha256, columns


def _add_stored_facts(
    connection: Connection,
    cells: Cells,
    wanted: Sequence[str],
    taken: Mapping[tuple[str, str], frozenset[str]],
    *conditions: ColumnElement[bool],
) -> None:
    """Take the facts of the forms that some disclosures take from each document."""
    stored = {
        "form": CoreFact.form,
        "side": CoreFact.side,
        "row": CoreFact.row,
        "column": CoreFact.column,
        "code": CoreFact.code,
        "name": CoreFact.name,
        "text": CoreFact.text,
        "amount_ticks": func.coalesce(type_coerce(CoreFact.amount_wan, BigInteger), NO_NUMBER),
        "state": CoreFact.state,
        "agreed": CoreFact.agreed,
        "page": func.coalesce(CoreFact.page, NO_NUMBER),
        "decimals": func.coalesce(CoreFact.decimals, NO_NUMBER),
        "unit": CoreFact.unit,
        "readers": cast(CoreFact.readers, Text),
        "seen": cast(CoreFact.seen, Text),
    }
    columns: dict[str, list[Any]] = {name: [] for name in RAW_FACTS}
    listed = _listed(connection, CoreFact, stored, wanted, *conditions)
    found = sorted(listed, key=operator.itemgetter(0, 1))
    for disclosure_id, sha256, lists in found:
        forms_taken = taken[disclosure_id, sha256]
        if not forms_taken.issuperset(lists["form"]):
            mine = [form in forms_taken for form in lists["form"]]
            lists = {name: list(compress(values, mine)) for name, values in lists.items()}
        size = len(lists["form"])
        columns["disclosure_id"] += [disclosure_id] * size
        columns["sha256"] += [sha256] * size
        for name, values in lists.items():
            columns[name] += values
    columns["readers"] = [_names_of(text) for text in columns["readers"]]
    columns["seen"] = [_seen_of(text) for text in columns["seen"]]
    cells.add(columns)


def _stored_statements(connection: Connection, wanted: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    stored = {name: getattr(CoreStatement, name) for name in STATEMENT_COLUMNS[2:]}
    for disclosure_id, sha256, lists in _listed(
        connection, CoreStatement, stored, wanted, CoreDisclosureDocument.narrative
    ):
        yield from zip(repeat(disclosure_id), repeat(sha256), *lists.values())


def _stored_performance(
    connection: Connection, wanted: Sequence[str], notes: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Any, ...]]:
    """Of every document but those that only repeat another one; ``notes`` by document."""
    stored = {name: getattr(CorePerformance, name) for name in PERFORMANCE_COLUMNS[2:-1]}
    for disclosure_id, sha256, lists in _listed(
        connection, CorePerformance, stored, wanted, CoreDisclosureDocument.role != "alternate"
    ):
        doubtful = {p: is_doubtful(p, notes[sha256]) for p in set(lists["project"])}
        lists["doubtful"] = [doubtful[project] for project in lists["project"]]
        yield from zip(repeat(disclosure_id), repeat(sha256), *lists.values())
