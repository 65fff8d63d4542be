"""Loading what was fetched, and the documents that are there to be read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Engine, Select, or_, select, update

from connectors.records import Fetch, FetchRole
from warehouse import locations
from warehouse.database import transaction
from warehouse.rows import CHUNK, chunks, in_order, insert_missing, key_of, upsert
from warehouse.runs import run_versions
from warehouse.schema import (
    CoreDisclosure,
    CoreDisclosureDocument,
    RawDocument,
    RawFetch,
    RawReading,
    file_of,
)


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


def save_fetches(engine: Engine, run_id: str, fetches: Iterable[Fetch], archive: Archived) -> None:
    """Record requests, the documents that they brought into the archive, and what their URLs have
    become (:mod:`warehouse.locations`).

    Some hundred fetches are one transaction; saving a crawl again, or the rest of one, changes
    nothing of what is there.

    Raises:
        UnknownRun: the run is of another warehouse, or was never recorded.
    """
    with engine.connect() as connection:
        run_versions(connection, run_id)
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
