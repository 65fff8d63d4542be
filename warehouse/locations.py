"""URLs as they stand: what each gave last, which versions it gave, and what became of it.

A URL is *current* while it gives a body. One that gave a body before is *withdrawn* when it
answers 404 or 410, or when a crawl that read every list to its end no longer came across it;
it is *replaced* when another URL of the site has published the same since. A list that failed or
was read in part is no evidence of absence. Another body at the same URL is another version of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, func, select, update

from connectors.link_scores import Verdict
from connectors.records import Fetch, FetchOutcome, FetchRole, Known
from disclosures.model import DocumentKind
from disclosures.reading.containers import CONTAINERS
from warehouse.database import transaction
from warehouse.rows import CHUNK, chunks, clean_text, in_order, insert_missing, key_of, upsert
from warehouse.schema import RawLocation, RawReading, RawVersion

CURRENT: Final = "current"
WITHDRAWN: Final = "withdrawn"
REPLACED: Final = "replaced"

_GONE: Final = (404, 410)
#: So many documents and more than half of a site's do not vanish overnight: its lists are out
#: of order, whatever they answer. Those that answer 404 themselves are not counted.
_IMPLAUSIBLE: Final = 10


# What a night knows


def known_urls(engine: Engine, site: str) -> Iterator[Known]:
    """What the archive holds of every URL of a site, one by one, in no particular order.

    A document that has been read comes with what reading said of it. A package says nothing of
    its own: its members do.
    """
    containers = {kind.value for kind in CONTAINERS}
    columns = RawLocation.__table__.columns
    query = select(*columns).where(RawLocation.site == site)
    with engine.connect() as connection:
        # Sorting or joining all of them would take memory as a site grows.
        rows = connection.execution_options(yield_per=CHUNK).execute(query)
        for some in rows.partitions():
            readings = _newest_readings(connection, {row.sha256 for row in some})
            for row in some:
                yield _known(row, readings.get(row.sha256), containers)


def _known(row: Row[Any], read: Row[Any] | None, containers: Collection[str]) -> Known:
    verdict = None
    if (
        read is not None
        and row.role == FetchRole.DOCUMENT.value
        and row.media_type not in containers
    ):
        told = (row.link_text, row.article_title, row.published_on)
        verdict = Verdict(read.kind, read.year, read.reason, row.last_seen_at, told)
    return Known(
        url=row.url,
        sha256=row.sha256,
        media_type=row.media_type,
        etag=row.etag,
        last_modified=row.last_modified,
        final_url=row.final_url,
        verdict=verdict,
        received_at=row.received_at,
        link_text=row.link_text,
    )


def _newest_readings(connection: Connection, sha256s: Collection[str]) -> dict[str, Row[Any]]:
    """What the last reading of each document said of it."""
    found: dict[str, Row[Any]] = {}
    for some in chunks(sorted(sha256s)):
        query = (
            select(
                RawReading.sha256,
                RawReading.kind,
                RawReading.agency,
                RawReading.year,
                RawReading.reason,
            )
            .where(RawReading.sha256.in_(some))
            .order_by(RawReading.read_at, RawReading.reader_version.desc())
        )
        found |= {row.sha256: row for row in connection.execute(query)}
    return found


# What a night brought


def record(connection: Connection, run_id: str, fetches: Sequence[Fetch]) -> None:
    """Move the rows of fetched URLs on. Fetches that are older than what is known of their URL
    change nothing, so that a journal may be loaded late or twice."""
    keys = [key_of(fetch.site, clean_text(fetch.url)) for fetch in fetches]
    before: dict[str, dict[str, Any]] = {}
    for some in chunks(sorted(set(keys))):
        query = select(*RawLocation.__table__.columns).where(RawLocation.location_id.in_(some))
        for row in connection.execute(query):
            before[row.location_id] = dict(row._mapping)
    after = dict(before)
    versions: list[dict[str, Any]] = []
    for key, fetch in zip(keys, fetches, strict=True):
        had = after.get(key)
        now = _moved_on(had, fetch, run_id)
        if now is None:
            continue
        after[key] = now | {"location_id": key}
        if had is None or now["sha256"] != had["sha256"]:
            version = {"location_id": key, "sha256": now["sha256"]}
            versions.append(version | {"first_seen_at": fetch.fetched_at, "run_id": run_id})
    changed = [row for key, row in after.items() if row != before.get(key)]
    upsert(connection, RawLocation, in_order(changed, "location_id"))
    _add_versions(connection, versions)


def _moved_on(had: dict[str, Any] | None, fetch: Fetch, run_id: str) -> dict[str, Any] | None:
    """A URL's row after one more fetch; None for one that never gave anything."""
    gave = fetch.outcome.has_body and fetch.sha256 is not None
    at = fetch.fetched_at
    if had is None and not gave:
        return None
    if had is not None and at < had["checked_at"]:
        return had
    seen = {"checked_at": at, "seen_in": run_id}
    if not gave:
        assert had is not None
        gone = fetch.outcome is FetchOutcome.FAILED and fetch.status in _GONE
        if gone and had["state"] == CURRENT:
            reason = f"网址已失效（HTTP {fetch.status}）"
            seen |= {"state": WITHDRAWN, "state_since": at, "state_reason": reason}
        return had | seen
    stands = had is not None and had["state"] == CURRENT
    same = had is not None and had["sha256"] == fetch.sha256
    validators = {"etag": fetch.etag, "last_modified": fetch.last_modified}
    if had is not None and same and not any(validators.values()):
        # An answer 304 need not repeat them.
        validators = {name: had[name] for name in validators}
    # A page that carries accounts is recorded as the article that it is as well.
    is_document = had is not None and had["role"] == FetchRole.DOCUMENT.value
    return {
        "site": fetch.site,
        "url": fetch.url,
        "role": FetchRole.DOCUMENT.value if is_document else fetch.role.value,
        "state": CURRENT,
        "state_since": had["state_since"] if had is not None and stands else at,
        "state_reason": None,
        "replaced_by": None,
        "sha256": fetch.sha256,
        "media_type": fetch.media_type,
        "final_url": fetch.final_url,
        "found_on": fetch.found_on,
        "link_text": fetch.link_text,
        "article_title": fetch.article_title,
        "published_on": fetch.published_on,
        "first_seen_at": had["first_seen_at"] if had is not None else at,
        "last_seen_at": at,
        "received_at": had["received_at"] if had is not None and fetch.status == 304 else at,
        **validators,
        **seen,
    }


def _add_versions(connection: Connection, versions: list[dict[str, Any]]) -> None:
    places: dict[str, int] = {}
    for some in chunks(sorted({version["location_id"] for version in versions})):
        query = (
            select(RawVersion.location_id, func.count().label("count"))
            .where(RawVersion.location_id.in_(some))
            .group_by(RawVersion.location_id)
        )
        places |= {row.location_id: row.count for row in connection.execute(query)}
    for version in versions:
        key = version["location_id"]
        places[key] = version["ordinal"] = places.get(key, 0) + 1
    insert_missing(connection, RawVersion, in_order(versions, "location_id", "ordinal"))


# What is no longer there


def withdraw_absent(
    engine: Engine, run_id: str, site: str, *, at: datetime, unsettled: Collection[str] = ()
) -> int:
    """Withdraw what a crawl that read every list to its end did not come across; how many
    documents that were.

    ``unsettled`` are the URLs of articles and packages that could not be read: what they led to
    stays as it was.

    Raises:
        ImplausibleAbsence: most of the site would vanish at once.
    """
    here = (RawLocation.site == site, RawLocation.state == CURRENT)
    absent = (
        *here,
        RawLocation.seen_in != run_id,
        RawLocation.role.in_((FetchRole.ARTICLE.value, FetchRole.DOCUMENT.value)),
    )
    columns = (RawLocation.location_id, RawLocation.url, RawLocation.found_on, RawLocation.role)
    documents, last = 0, ""
    with transaction(engine) as connection:
        standing = connection.scalar(
            select(func.count())
            .select_from(RawLocation)
            .where(*here, RawLocation.role == FetchRole.DOCUMENT.value)
        )
        # Some hundred at a time: it may be a whole site.
        query = select(*columns).where(*absent).order_by(RawLocation.location_id).limit(CHUNK)
        while some := connection.execute(query.where(RawLocation.location_id > last)).all():
            last = some[-1].location_id
            hanging = _hanging(connection, absent, site, some, unsettled) if unsettled else ()
            gone = [row for row in some if row.location_id not in hanging]
            documents += sum(str(row.role) == FetchRole.DOCUMENT.value for row in gone)
            connection.execute(
                update(RawLocation)
                .where(RawLocation.location_id.in_([row.location_id for row in gone]))
                .values(state=WITHDRAWN, state_since=at, state_reason="栏目中已不再列出")
            )
        if documents >= _IMPLAUSIBLE and documents * 2 > (standing or 0):
            raise ImplausibleAbsence(  # which undoes the transaction
                f"{standing} 份文件中有 {documents} 份同时不再列出，疑为栏目异常，未记为撤回"
            )
    return documents


class ImplausibleAbsence(Exception):
    """More is missing than a site withdraws; the message (Chinese) says how much."""


def _hanging(
    connection: Connection,
    absent: Sequence[ColumnElement[bool]],
    site: str,
    rows: Sequence[Row[str, str, str | None, str]],
    unsettled: Collection[str],
) -> set[str]:
    """Keys of those rows whose URLs may still be there behind a page that could not be read."""
    found: set[str] = set()
    parents = {row.url: row.found_on for row in rows}
    seen: dict[str, set[str]] = {row.location_id: set() for row in rows}
    here = {row.location_id: row.url for row in rows}
    while here:
        above: dict[str, str] = {}
        for key, url in here.items():
            if url in unsettled:
                found.add(key)
                continue
            package = url.partition("#")[0]
            parent = package if package != url else parents.get(url)
            if parent is not None and parent not in seen[key]:
                seen[key].add(parent)
                above[key] = parent
        keys = {key_of(site, clean_text(url)) for url in above.values() if url not in parents}
        for some in chunks(sorted(keys)):
            query = select(RawLocation.url, RawLocation.found_on)
            for row in connection.execute(query.where(*absent, RawLocation.location_id.in_(some))):
                parents[row.url] = row.found_on
        here = above
    return found


def settle_replacements(engine: Engine, sites: Collection[str]) -> int:
    """Find for withdrawn documents the URL that has taken their place; how many found one.

    Another URL of the site takes the place of one that is gone when it appeared after the other
    was last seen and has the same body, or the same agency, year and kind as read, or, where one
    of them has not been read, the same titles.
    """
    found = 0
    for site in sorted(set(sites)):
        with transaction(engine) as connection:
            gone = _documents(connection, site, RawLocation.state == WITHDRAWN)
            if not gone:
                continue
            oldest = min(row.last_seen_at for row in gone)
            newer = _documents(
                connection,
                site,
                and_(RawLocation.state == CURRENT, RawLocation.first_seen_at > oldest),
            )
            for row in gone:
                successor = _successor(row, newer)
                if successor is None:
                    continue
                connection.execute(
                    update(RawLocation)
                    .where(RawLocation.location_id == row.location_id)
                    .values(
                        state=REPLACED,
                        replaced_by=successor.url,
                        state_reason="同一文件已移至新网址"
                        if successor.sha256 == row.sha256
                        else "已由新文件替换",
                    )
                )
                found += 1
    return found


def _documents(connection: Connection, site: str, condition: Any) -> list[Row[Any]]:
    # Of this site alone: the window would be laid over the readings of all.
    here = select(RawLocation.sha256).where(RawLocation.site == site)
    newest = (
        select(
            RawReading.sha256,
            RawReading.kind,
            RawReading.agency,
            RawReading.year,
            func.row_number()
            .over(
                partition_by=RawReading.sha256,
                order_by=(RawReading.read_at.desc(), RawReading.reader_version),
            )
            .label("place"),
        )
        .where(RawReading.sha256.in_(here))
        .subquery()
    )
    query = (
        select(
            RawLocation.location_id,
            RawLocation.url,
            RawLocation.sha256,
            RawLocation.link_text,
            RawLocation.article_title,
            RawLocation.first_seen_at,
            RawLocation.last_seen_at,
            newest.c.kind,
            newest.c.agency,
            newest.c.year,
        )
        .outerjoin(newest, and_(newest.c.sha256 == RawLocation.sha256, newest.c.place == 1))
        .where(RawLocation.site == site, RawLocation.role == FetchRole.DOCUMENT.value, condition)
        .order_by(RawLocation.first_seen_at, RawLocation.url)
    )
    return list(connection.execute(query))


def _successor(gone: Row[Any], newer: Sequence[Row[Any]]) -> Row[Any] | None:
    later = [row for row in newer if row.first_seen_at > gone.last_seen_at]
    moved = [row for row in later if row.sha256 == gone.sha256]
    same = moved or [row for row in later if _says_the_same(gone, row)]
    return same[0] if same else None


def _says_the_same(one: Row[Any], other: Row[Any]) -> bool:
    read = [
        (row.kind, row.agency, row.year)
        for row in (one, other)
        if row.kind not in (None, DocumentKind.UNREADABLE.value) and row.agency and row.year
    ]
    if len(read) == 2:
        return read[0] == read[1]
    titles = _titles(one)
    # The year tells one year's accounts from the next; a title without one says too little.
    return titles == _titles(other) and bool(re.search(r"20\d\d", "".join(titles)))


def _titles(row: Row[Any]) -> tuple[str, str]:
    article, link = (
        re.sub(r"[\s　（）()《》“”\"]+|\.\w{2,5}$", "", text or "")
        for text in (row.article_title, row.link_text)
    )
    return article, link


# What became of documents


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a document where it was published. ``state`` is ``current``, ``changed``
    (its URL gives another body now), ``withdrawn`` or ``replaced``; ``successor`` is the body that
    stands in its place, ``successor_url`` where."""

    sha256: str
    state: str
    since: datetime
    url: str
    reason: str | None = None
    successor: str | None = None
    successor_url: str | None = None


def standings(connection: Connection, sha256s: Collection[str]) -> dict[str, Standing]:
    """What became of documents, by SHA-256. One that any URL still gives is current; otherwise
    what happened last counts. Documents of no site are left out."""
    found: dict[str, Standing] = {}
    for some in chunks(sorted(set(sha256s))):
        for standing in _standings(connection, some):
            known = found.get(standing.sha256)
            if known is None or _rank(standing) > _rank(known):
                found[standing.sha256] = standing
    return found


def _rank(standing: Standing) -> tuple[bool, datetime, str]:
    return standing.state == CURRENT, standing.since, standing.url


def _standings(connection: Connection, sha256s: list[str]) -> Iterator[Standing]:
    query = (
        select(
            RawVersion.sha256.label("had"),
            RawVersion.ordinal,
            *RawLocation.__table__.columns,
        )
        .join(RawLocation, RawLocation.location_id == RawVersion.location_id)
        .where(RawVersion.sha256.in_(sha256s), RawLocation.role == FetchRole.DOCUMENT.value)
    )
    rows = connection.execute(query).all()
    places = {(row.site, row.replaced_by) for row in rows if row.replaced_by}
    successors = _bodies(connection, places)
    next_seen = _next_versions(connection, [r for r in rows if r.had != r.sha256])
    for row in rows:
        if row.had != row.sha256:
            since = next_seen.get((row.location_id, row.ordinal), row.last_seen_at)
            yield Standing(
                row.had, "changed", since, row.url, "同一网址已换成另一文件", row.sha256, row.url
            )
            continue
        yield Standing(
            row.had,
            row.state,
            row.state_since,
            row.url,
            row.state_reason,
            successors.get((row.site, row.replaced_by)),
            row.replaced_by,
        )


def _bodies(
    connection: Connection, places: Iterable[tuple[str, str]]
) -> dict[tuple[str, str | None], str]:
    keys = {key_of(site, url): (site, url) for site, url in places}
    found: dict[tuple[str, str | None], str] = {}
    for some in chunks(sorted(keys)):
        query = select(RawLocation.location_id, RawLocation.sha256)
        for row in connection.execute(query.where(RawLocation.location_id.in_(some))):
            found[keys[row.location_id]] = row.sha256
    return found


def _next_versions(
    connection: Connection, rows: Sequence[Row[Any]]
) -> dict[tuple[str, int], datetime]:
    """When the version after each was first seen."""
    found: dict[tuple[str, int], datetime] = {}
    for some in chunks(sorted({row.location_id for row in rows})):
        query = select(RawVersion.location_id, RawVersion.ordinal, RawVersion.first_seen_at)
        for row in connection.execute(query.where(RawVersion.location_id.in_(some))):
            found[row.location_id, row.ordinal - 1] = row.first_seen_at
    return found
