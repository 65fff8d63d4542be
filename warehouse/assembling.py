"""Documents that make disclosures, and loading these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, delete, func, select, tuple_, update

from connectors.records import FetchOutcome, FetchRole
from disclosures.assembly import Disclosure, DocumentReading, FormSummary
from disclosures.model import DocumentKind
from warehouse import locations
from warehouse.database import transaction
from warehouse.neighbours import neighbours
from warehouse.rows import chunks, in_order, table_of, upsert
from warehouse.schema import (
    CoreDisclosure,
    CoreDisclosureDocument,
    RawDocument,
    RawFetch,
    RawLocation,
    RawReading,
    RawRun,
    file_of,
    newest_fetch_first,
)

_OBTAINED: Final = (
    FetchOutcome.NEW.value,
    FetchOutcome.CHANGED.value,
    FetchOutcome.UNCHANGED.value,
)


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
            newest_fetch_first(RawFetch.site, RawFetch.url),
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
