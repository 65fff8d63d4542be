"""Loading the warehouse. Everything here can be done twice: what is the same changes no row.

Each function is one transaction per document or per call, so a process that is killed leaves
whole rows only, and ``unread_documents`` and ``unjudged_disclosures`` say what is left to do.
``run_id`` on a row names the run that last changed it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from itertools import islice
from typing import Any, Final, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    bindparam,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from connectors.records import Fetch, FetchOutcome, FetchRole
from disclosures.amounts import TICKS_PER_WAN, CellState
from disclosures.assembly import (
    Disclosure,
    DocumentReading,
    FormSummary,
    largest_stated,
    reading_digest,
    summarise_forms,
)
from disclosures.model import DocumentKind, Fact, Reading
from disclosures.verdicts import Cause, Finding, Judgement, ValidationSummary
from warehouse import locations
from warehouse.database import transaction
from warehouse.neighbours import neighbours
from warehouse.rows import (
    CHUNK,
    chunks,
    in_order,
    insert_missing,
    insert_rows,
    json_safe,
    key_of,
    plain,
    table_of,
    upsert,
)
from warehouse.schema import (
    CoreCause,
    CoreDisclosure,
    CoreDisclosureDocument,
    CoreFact,
    CoreFinding,
    CoreJudgement,
    CorePerformance,
    CoreStatement,
    OutValidation,
    RawDocument,
    RawFetch,
    RawLocation,
    RawReading,
    RawRun,
    file_of,
)

_OBTAINED: Final = (
    FetchOutcome.NEW.value,
    FetchOutcome.CHANGED.value,
    FetchOutcome.UNCHANGED.value,
)
_LARGEST_WAN: Final = Decimal(2**63 - 1) / TICKS_PER_WAN
_TICK: Final = Decimal(1) / TICKS_PER_WAN


class Archived(Protocol):
    """What loading needs of :class:`connectors.archive.Archive`."""

    def archived_as(self, sha256: str, media_type: str) -> str: ...

    def size(self, sha256: str) -> int: ...


@dataclass(frozen=True, slots=True)
class LocalDocument:
    """A file of this machine that is checked where it lies. ``archived_as`` leads to it."""

    sha256: str
    media_type: str
    size_bytes: int
    archived_as: str
    file_name: str


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document to be read; ``archived_as`` is its path below the archive."""

    sha256: str
    media_type: str
    archived_as: str
    site: str | None
    file_name: str | None


# Runs


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


def _run(connection: Connection, run_id: str) -> tuple[str, str]:
    row = connection.execute(
        select(RawRun.ruleset, RawRun.reader_version).where(RawRun.run_id == run_id)
    ).one_or_none()
    if row is None:
        raise UnknownRun(f"there is no run {run_id}")
    return row.ruleset, row.reader_version


# What was fetched


def _newest_first(*partition: Any) -> Any:
    """Column ``place``: 1 for the latest fetch of each partition."""
    order = (RawFetch.fetched_at.desc(), RawFetch.fetch_id.desc())
    return func.row_number().over(partition_by=partition, order_by=order).label("place")


def save_fetches(engine: Engine, run_id: str, fetches: Iterable[Fetch], archive: Archived) -> None:
    """Record requests, the documents that they brought into the archive, and what their URLs have
    become (:mod:`warehouse.locations`).

    Some hundred fetches are one transaction; saving a crawl again, or the rest of one, changes
    nothing of what is there.

    Raises:
        UnknownRun: the run is of another warehouse, or was never recorded.
    """
    with engine.connect() as connection:
        _run(connection, run_id)
    several = iter(fetches)
    while some := list(islice(several, CHUNK)):
        rows = {}
        documents = {}
        for fetch in some:
            row = _fetch_row(run_id, fetch)
            rows[row["fetch_id"]] = row
            obtained = fetch.outcome.has_body and fetch.role is FetchRole.DOCUMENT
            if obtained and fetch.sha256 is not None and fetch.sha256 not in documents:
                documents[fetch.sha256] = _document_row(run_id, fetch, archive)
        with transaction(engine) as connection:
            insert_missing(connection, RawDocument, in_order(documents.values(), "sha256"))
            connection.execute(
                update(RawDocument)
                .where(file_of().in_(sorted(documents)), RawDocument.damage.is_not(None))
                .values(damage=None)
            )
            upsert(connection, RawFetch, in_order(rows.values(), "fetch_id"))
            locations.record(connection, run_id, some)


def _fetch_row(run_id: str, fetch: Fetch) -> dict[str, Any]:
    identity = (fetch.url, fetch.role.value, fetch.outcome.value, fetch.fetched_at, fetch.sha256)
    return {
        "fetch_id": key_of(run_id, fetch.site, *identity),
        "run_id": run_id,
        "site": fetch.site,
        "url": fetch.url,
        "final_url": fetch.final_url,
        "role": fetch.role.value,
        "outcome": fetch.outcome.value,
        "status": fetch.status,
        "reason": fetch.reason,
        "fetched_at": fetch.fetched_at,
        "sha256": fetch.sha256,
        "media_type": fetch.media_type,
        "size_bytes": fetch.size_bytes,
        "etag": fetch.etag,
        "last_modified": fetch.last_modified,
        "headers": dict(fetch.headers),
        "found_on": fetch.found_on,
        "link_text": fetch.link_text,
        "article_title": fetch.article_title,
        "published_on": fetch.published_on,
        "score": fetch.score,
        "score_reasons": list(fetch.score_reasons) or None,
        "hops": [hop.summary() for hop in fetch.hops] or None,
    }


def _document_row(run_id: str, fetch: Fetch, archive: Archived) -> dict[str, Any]:
    assert fetch.sha256 is not None
    media_type = fetch.media_type or "application/octet-stream"
    size = fetch.size_bytes
    if size is None:
        try:
            size = archive.size(fetch.sha256)
        except FileNotFoundError:
            size = 0
    return {
        "sha256": fetch.sha256,
        "media_type": media_type,
        "size_bytes": size,
        "archived_as": archive.archived_as(fetch.sha256, media_type),
        "first_seen_at": fetch.fetched_at,
        "site": fetch.site,
        "url": fetch.url,
        "file_name": fetch.file_name,
        "run_id": run_id,
    }


def note_damage(engine: Engine, sha256: str, reason: str) -> None:
    """Say that the archive no longer has a document, until a crawl fetches it again."""
    with transaction(engine) as connection:
        connection.execute(update(RawDocument).where(file_of() == sha256).values(damage=reason))


def save_local_documents(engine: Engine, run_id: str, documents: Iterable[LocalDocument]) -> None:
    """Record local files as documents without a site."""
    now = datetime.now(UTC)
    rows = {
        document.sha256: {
            **asdict(document),
            "first_seen_at": now,
            "site": None,
            "url": None,
            "run_id": run_id,
        }
        for document in documents
    }
    with transaction(engine) as connection:
        insert_missing(connection, RawDocument, in_order(rows.values(), "sha256"))


# What was read


def unread_documents(
    engine: Engine, reader_version: str, *, sites: Collection[str] | None = None
) -> list[StoredDocument]:
    """Documents that this version of the readers has not read, in the order of their hashes."""
    read = (
        select(RawReading.sha256)
        .where(RawReading.sha256 == RawDocument.sha256, RawReading.reader_version == reader_version)
        .exists()
    )
    query = _stored().where(~read)
    if sites is not None:
        query = query.where(_published_by(sites))
    return _stored_documents(engine, query)


def stored_documents(
    engine: Engine,
    *,
    sha256s: Collection[str] | None = None,
    sites: Collection[str] | None = None,
    years: Collection[int] | None = None,
) -> list[StoredDocument]:
    """Files by hash, site and year (as read, by whatever version), to be read again; of a
    disclosure within a file, the file."""
    query = _stored()
    if sha256s is not None:
        wanted = select(file_of()).where(RawDocument.sha256.in_(list(sha256s)))
        query = query.where(RawDocument.sha256.in_(wanted))
    if sites is not None:
        query = query.where(_published_by(sites))
    if years is not None:
        of_year = (
            select(file_of())
            .join(RawReading, RawReading.sha256 == RawDocument.sha256)
            .where(RawReading.year.in_(list(years)))
        )
        query = query.where(RawDocument.sha256.in_(of_year))
    return _stored_documents(engine, query)


def _published_by(sites: Collection[str]) -> ColumnElement[bool]:
    """A document may have been seen first on another site."""
    there = (
        select(RawFetch.sha256)
        .where(RawFetch.sha256 == RawDocument.sha256, RawFetch.site.in_(list(sites)))
        .exists()
    )
    return or_(RawDocument.site.in_(list(sites)), there)


def documents_of_disclosures(engine: Engine) -> list[str]:
    """The files of all current disclosures, by SHA-256."""
    file = file_of()
    query = (
        select(file)
        .join(CoreDisclosureDocument, CoreDisclosureDocument.sha256 == RawDocument.sha256)
        .join(CoreDisclosure, CoreDisclosure.disclosure_id == CoreDisclosureDocument.disclosure_id)
        .where(CoreDisclosure.current)
        .distinct()
        .order_by(file)
    )
    with engine.connect() as connection:
        return list(connection.scalars(query))


def sites_of(engine: Engine, sha256s: Collection[str]) -> list[str]:
    """The sites that published any of these documents."""
    found: set[str] = set()
    with engine.connect() as connection:
        for chunk in chunks(sorted(set(sha256s))):
            query = select(RawFetch.site).where(RawFetch.sha256.in_(chunk)).distinct()
            found.update(connection.scalars(query))
    return sorted(found)


def _stored() -> Select[str, str, str, str | None, str | None]:
    return (
        select(
            RawDocument.sha256,
            RawDocument.media_type,
            RawDocument.archived_as,
            RawDocument.site,
            RawDocument.file_name,
        )
        .where(RawDocument.part_of.is_(None))
        .order_by(RawDocument.sha256)
    )


def _stored_documents(
    engine: Engine, query: Select[str, str, str, str | None, str | None]
) -> list[StoredDocument]:
    with engine.connect() as connection:
        return [StoredDocument(*row) for row in connection.execute(query)]


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
        _, of_run = _run(connection, run_id)
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
            stored = _in_ticks(amount)
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


# Disclosures


def documents_to_assemble(
    engine: Engine,
    reader_version: str,
    *,
    sites: Collection[str],
) -> list[DocumentReading]:
    """The documents that the sites publish now, as read, for
    :func:`disclosures.assembly.assemble`.

    Of every URL the body that was fetched last counts, unless another URL has taken its place.
    A document that ``reader_version`` has not read yet takes part as the latest other version
    read it. Regions are left open: the registry of sites knows them.
    """
    # Two sites may list one URL: what one has replaced the other may still publish.
    replaced = select(RawLocation.site, RawLocation.url).where(
        RawLocation.site.in_(list(sites)), RawLocation.state == locations.REPLACED
    )
    published = (
        select(
            RawFetch.site,
            RawFetch.url,
            RawFetch.sha256,
            RawFetch.found_on,
            RawFetch.published_on,
            RawRun.started_at.label("last_seen"),
            _newest_first(RawFetch.site, RawFetch.url),
        )
        .join(RawRun, RawRun.run_id == RawFetch.run_id)
        .where(
            RawFetch.site.in_(list(sites)),
            RawFetch.role == FetchRole.DOCUMENT.value,
            RawFetch.sha256.is_not(None),
            RawFetch.outcome.in_(_OBTAINED),
            tuple_(RawFetch.site, RawFetch.url).not_in(replaced),
        )
        .subquery()
    )
    latest = (
        select(
            RawReading.sha256,
            RawReading.reader_version,
            func.row_number()
            .over(
                partition_by=RawReading.sha256,
                order_by=(
                    (RawReading.reader_version == reader_version).desc(),
                    RawReading.read_at.desc(),
                    RawReading.reader_version.desc(),
                ),
            )
            .label("place"),
        )
        .where(RawReading.sha256.in_(select(published.c.sha256)))
        .subquery()
    )
    query = (
        select(
            RawReading.sha256,
            RawReading.reader_version,
            RawReading.digest,
            RawReading.kind,
            RawReading.agency,
            RawReading.year,
            RawReading.forms,
            RawReading.statements,
            RawReading.performance,
            RawReading.stated,
            RawDocument.media_type,
            published.c.site,
            published.c.url,
            published.c.found_on,
            published.c.published_on,
            published.c.last_seen,
        )
        .join(RawDocument, RawDocument.sha256 == RawReading.sha256)
        # The disclosures within a file are those that its latest reading found.
        .join(
            latest,
            (latest.c.sha256 == file_of())
            & (latest.c.reader_version == RawReading.reader_version)
            & (latest.c.place == 1),
        )
        .join(published, (published.c.sha256 == file_of()) & (published.c.place == 1))
        .where(
            RawReading.kind.in_((DocumentKind.FINAL_ACCOUNTS.value, DocumentKind.PERFORMANCE.value))
        )
        .order_by(published.c.site, published.c.url)
    )
    with engine.connect() as connection:
        return [
            DocumentReading(
                sha256=row.sha256,
                reader_version=row.reader_version,
                digest=row.digest,
                kind=DocumentKind(row.kind),
                media_type=row.media_type,
                agency=row.agency,
                year=row.year,
                forms=_form_summaries(row.forms),
                statements=row.statements,
                performance=row.performance,
                stated_wan=frozenset(Decimal(amount) for amount in row.stated),
                site=row.site,
                url=row.url,
                found_on=row.found_on,
                published_on=row.published_on,
                last_seen=row.last_seen.isoformat(),
            )
            for row in connection.execute(query)
        ]


def _form_summaries(forms: Iterable[Mapping[str, Any]]) -> tuple[FormSummary, ...]:
    summaries = {
        form["form"]: FormSummary(
            form=form["form"],
            cells=form["cells"],
            suspect=form["suspect"],
            complete=form["complete"],
            declared_empty=form["declared_empty"],
            peak_wan=None if form["peak_wan"] is None else Decimal(form["peak_wan"]),
        )
        for form in forms
    }
    return tuple(summaries[key] for key in sorted(summaries))


def save_disclosures(
    engine: Engine,
    run_id: str,
    disclosures: Sequence[Disclosure],
    *,
    sites: Collection[str] = (),
) -> None:
    """Save disclosures with their documents.

    ``sites`` are those whose disclosures are all given: any other one that they had is no longer
    current. Its judgements stay.
    """
    rows = []
    parts: list[dict[str, Any]] = []
    for disclosure in disclosures:
        rows.append(
            {
                "disclosure_id": disclosure.disclosure_id,
                "site": disclosure.site,
                "region": disclosure.region,
                "region_code": disclosure.region_code,
                "agency": disclosure.agency,
                "year": disclosure.year,
                "published_on": disclosure.published_on,
                "version": disclosure.version,
                "current": True,
                "run_id": run_id,
            }
        )
        parts += [
            {
                "disclosure_id": disclosure.disclosure_id,
                "sha256": document.sha256,
                "forms": list(document.forms),
                "role": document.role.value,
                "narrative": document.narrative,
                "ordinal": ordinal,
                "reader_version": document.reader_version,
                "run_id": run_id,
            }
            for ordinal, document in enumerate(disclosure.documents)
        ]
    identifiers = {disclosure.disclosure_id for disclosure in disclosures}
    wanted = {(part["disclosure_id"], part["sha256"]) for part in parts}
    part_model = CoreDisclosureDocument
    with transaction(engine) as connection:
        upsert(connection, CoreDisclosure, in_order(rows, "disclosure_id"))
        stored: set[tuple[str, str]] = set()
        for chunk in chunks(sorted(identifiers)):
            query = select(part_model.disclosure_id, part_model.sha256)
            found = connection.execute(query.where(part_model.disclosure_id.in_(chunk)))
            stored.update((row.disclosure_id, row.sha256) for row in found)
        for stale in chunks(sorted(stored - wanted)):
            connection.execute(
                delete(part_model).where(
                    tuple_(part_model.disclosure_id, part_model.sha256).in_(stale)
                )
            )
        upsert(connection, part_model, in_order(parts, "disclosure_id", "sha256"))
        if sites:
            had = connection.scalars(
                select(CoreDisclosure.disclosure_id).where(
                    CoreDisclosure.site.in_(list(sites)), CoreDisclosure.current
                )
            )
            for gone in chunks(sorted(set(had) - identifiers)):
                connection.execute(
                    update(CoreDisclosure)
                    .where(CoreDisclosure.disclosure_id.in_(gone))
                    .values(current=False, run_id=run_id)
                )
        _note_contexts(connection, run_id, identifiers, sites)


def _note_contexts(
    connection: Connection, run_id: str, disclosure_ids: Collection[str], sites: Collection[str]
) -> None:
    """Keep for all disclosures of some sites, or for these, what stands beside them now."""
    head = select(CoreDisclosure.disclosure_id, CoreDisclosure.context)
    stored: dict[str, str] = {}
    if sites:
        query = head.where(CoreDisclosure.current, CoreDisclosure.site.in_(list(sites)))
        stored.update((row.disclosure_id, row.context) for row in connection.execute(query))
    for some in chunks(sorted(set(disclosure_ids) - stored.keys())):
        query = head.where(CoreDisclosure.disclosure_id.in_(some))
        stored.update((row.disclosure_id, row.context) for row in connection.execute(query))
    found = neighbours(connection, sorted(stored)).contexts
    changed = [
        {"id": one, "now": context} for one, context in found.items() if stored[one] != context
    ]
    if changed:
        connection.execute(
            update(table_of(CoreDisclosure))
            .where(CoreDisclosure.disclosure_id == bindparam("id"))
            .values(context=bindparam("now"), run_id=run_id),
            changed,
        )


# Judgements


def unjudged_disclosures(
    engine: Engine, ruleset: str, *, sites: Collection[str] | None = None
) -> dict[str, str]:
    """Current disclosures (id to version) that this rule set has not judged in this version, or
    not beside the neighbours that they have now."""
    judged = (
        select(CoreJudgement.disclosure_id)
        .where(
            CoreJudgement.disclosure_id == CoreDisclosure.disclosure_id,
            CoreJudgement.version == CoreDisclosure.version,
            CoreJudgement.ruleset == ruleset,
            CoreJudgement.context == CoreDisclosure.context,
        )
        .exists()
    )
    query = _versions().where(~judged)
    if sites is not None:
        query = query.where(CoreDisclosure.site.in_(list(sites)))
    return _versions_of(engine, query)


def overtaken_disclosures(
    engine: Engine, ruleset: str, *, sites: Collection[str]
) -> dict[str, str]:
    """Current disclosures (id to version) of some sites that this rule set has judged in this
    version, but beside other neighbours than they have now."""
    judged = (
        select(CoreJudgement.disclosure_id)
        .where(
            CoreJudgement.disclosure_id == CoreDisclosure.disclosure_id,
            CoreJudgement.version == CoreDisclosure.version,
            CoreJudgement.ruleset == ruleset,
        )
        .exists()
    )
    waiting = unjudged_disclosures(engine, ruleset, sites=sites)
    query = _versions().where(judged, CoreDisclosure.site.in_(list(sites)))
    return {one: version for one, version in _versions_of(engine, query).items() if one in waiting}


def current_disclosures(
    engine: Engine,
    *,
    sha256s: Collection[str] | None = None,
    sites: Collection[str] | None = None,
    years: Collection[int] | None = None,
) -> dict[str, str]:
    """Current disclosures (id to version) by document, site and year, to be judged again."""
    query = _versions()
    if sha256s is not None:
        part = (
            select(CoreDisclosureDocument.disclosure_id)
            .where(
                CoreDisclosureDocument.disclosure_id == CoreDisclosure.disclosure_id,
                CoreDisclosureDocument.sha256.in_(
                    select(RawDocument.sha256).where(
                        or_(
                            RawDocument.sha256.in_(list(sha256s)),
                            RawDocument.part_of.in_(list(sha256s)),
                        )
                    )
                ),
            )
            .exists()
        )
        query = query.where(part)
    if sites is not None:
        query = query.where(CoreDisclosure.site.in_(list(sites)))
    if years is not None:
        query = query.where(CoreDisclosure.year.in_(list(years)))
    return _versions_of(engine, query)


def _versions() -> Select[str, str]:
    return (
        select(CoreDisclosure.disclosure_id, CoreDisclosure.version)
        .where(CoreDisclosure.current)
        .order_by(CoreDisclosure.disclosure_id)
    )


def _versions_of(engine: Engine, query: Select[str, str]) -> dict[str, str]:
    with engine.connect() as connection:
        return {row.disclosure_id: row.version for row in connection.execute(query)}


def save_judgements(
    engine: Engine,
    run_id: str,
    judgements: Iterable[Judgement],
    validations: Iterable[ValidationSummary],
    versions: Mapping[str, str],
) -> int:
    """Save judgements with their findings, and the validations of this run; return how many
    judgements changed something.

    ``versions`` says which version of each disclosure was judged. A judgement that says the same
    as the one that is there changes no row.
    """
    now = datetime.now(UTC)
    changed = 0
    with transaction(engine) as connection:
        ruleset, _ = _run(connection, run_id)
        for judgement in sorted(judgements, key=lambda j: j.disclosure_id):
            version = versions[judgement.disclosure_id]
            changed += _save_judgement(connection, run_id, judgement, version, now)
        upsert(
            connection,
            OutValidation,
            [
                {
                    "run_id": run_id,
                    "suite": validation.suite,
                    "batch": validation.batch,
                    "ruleset": ruleset,
                    "validated_at": now,
                    "success": validation.success,
                    "rows": validation.rows,
                    "results": json_safe(validation.results),
                }
                for validation in validations
            ],
        )
    return changed


def _save_judgement(
    connection: Connection, run_id: str, judgement: Judgement, version: str, now: datetime
) -> bool:
    key = {
        "disclosure_id": judgement.disclosure_id,
        "version": version,
        "ruleset": judgement.ruleset,
        "context": judgement.context,
    }
    capped = judgement.capped
    row: dict[str, Any] = {
        "score": None if judgement.score is None else _two_decimals(judgement.score),
        "grade": judgement.grade,
        "capped": capped
        and {
            "earned": capped.earned,
            "caps": [{"best_grade": best, "reason": why} for best, why in capped.caps],
        },
        "dimensions": json_safe(judgement.dimensions),
        "coverage": _two_decimals(judgement.coverage),
        "checks": json_safe(judgement.checks),
    }
    findings = _finding_rows(judgement.findings)
    causes = [_cause_row(cause) for cause in judgement.causes]
    digest = key_of(
        json.dumps([row, findings, causes], ensure_ascii=True, sort_keys=True, default=plain)
    )
    stored = connection.scalar(
        select(CoreJudgement.digest).where(
            CoreJudgement.disclosure_id == judgement.disclosure_id,
            CoreJudgement.version == version,
            CoreJudgement.ruleset == judgement.ruleset,
            CoreJudgement.context == judgement.context,
        )
    )
    if stored == digest:
        return False
    # First, because it makes a second process with the same disclosure wait here.
    upsert(
        connection,
        CoreJudgement,
        [{**key, **row, "digest": digest, "judged_at": now, "run_id": run_id}],
    )
    for model, rows in ((CoreFinding, findings), (CoreCause, causes)):
        connection.execute(
            delete(model).where(
                model.disclosure_id == judgement.disclosure_id,
                model.version == version,
                model.ruleset == judgement.ruleset,
                model.context == judgement.context,
            )
        )
        insert_rows(connection, model, [{**key, **one, "run_id": run_id} for one in rows])
    return True


def _cause_row(cause: Cause) -> dict[str, Any]:
    return {
        "ordinal": cause.ordinal,
        "option": cause.option,
        "sureness": cause.sureness.value,
        "state": cause.state.value,
        "message": cause.message,
        "suspects": json_safe([asdict(suspect) for suspect in cause.suspects]),
        "explains": [list(one) for one in cause.explains],
    }


def _finding_rows(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for finding in findings:
        row: dict[str, Any] = {
            "rule": finding.rule,
            "severity": finding.severity.value,
            "state": finding.state.value,
            "form": finding.form,
            "stated_wan": _in_ticks(finding.stated_wan),
            "computed_wan": _in_ticks(finding.computed_wan),
            "difference_wan": _in_ticks(finding.difference_wan),
            "tolerance_wan": _in_ticks(finding.tolerance_wan),
            "message": finding.message,
            "innocent": finding.innocent,
            "sha256": finding.sha256,
            "page": finding.page,
            "quote": finding.quote,
            "operands": json_safe([asdict(operand) for operand in finding.operands]),
            "cause": finding.cause,
        }
        subject, again = finding.subject, 1
        while (finding.rule, subject) in rows:
            known = rows[finding.rule, subject]
            if {**known, "subject": ""} == {**row, "subject": ""}:
                break
            again += 1
            subject = f"{finding.subject} #{again}"
        rows[finding.rule, subject] = {**row, "subject": subject}
    return list(rows.values())


def _in_ticks(amount: Decimal | None) -> Decimal | None:
    """An amount as money columns keep it, or None where they do not reach; a quotient has more
    decimals than they."""
    if amount is None or not amount.is_finite() or abs(amount) > _LARGEST_WAN:
        return None
    return amount.quantize(_TICK, ROUND_HALF_EVEN)


def _two_decimals(percentage: Decimal) -> str:
    """Rounded down: 99.999 never becomes a false 100."""
    return plain(percentage.quantize(Decimal("0.01"), ROUND_DOWN))


# Rows
