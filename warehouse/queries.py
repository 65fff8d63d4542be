"""Read models: what the command and the flows show of the warehouse.

Everything is a frozen value with Decimals, Enums' values as text and aware datetimes; nothing
holds a connection. Lists are sorted so that two calls on one warehouse give the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Subquery, case, func, select
from sqlalchemy.engine import Row
from sqlalchemy.orm import aliased

from connectors.records import FetchOutcome
from disclosures.verdicts import Severity, State
from warehouse.rows import CHUNK
from warehouse.schema import (
    CoreDisclosure,
    CoreDisclosureDocument,
    CoreFinding,
    CoreJudgement,
    RawDocument,
    RawFetch,
    RawReading,
    newest_fetch_first,
)


@dataclass(frozen=True, slots=True)
class DisclosureSummary:
    """One row of an overview: a disclosure with the judgement that stands.

    That is the judgement of its present version if there is one, else the latest; ``score``,
    ``grade`` and ``coverage`` are None where there is none at all. ``found`` counts the listed
    findings by severity and state; ``beside_present`` says that the judgement was made beside the
    neighbours that the disclosure has now. ``files`` are the documents' names, main document first.
    """

    disclosure_id: str
    site: str | None
    region: str | None
    region_code: str | None
    agency: str
    year: int | None
    published_on: str | None
    version: str
    sha256: str | None
    files: tuple[str, ...]
    forms: tuple[str, ...]
    ruleset: str | None = None
    judged_version: str | None = None
    beside_present: bool = True
    judged_at: datetime | None = None
    score: Decimal | None = None
    grade: str | None = None
    coverage: Decimal | None = None
    dimensions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checks: Mapping[str, int] = field(default_factory=dict)
    found: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def up_to_date(self) -> bool:
        """Whether the present version has been judged, beside its present neighbours."""
        return self.judged_version == self.version and self.beside_present

    @property
    def errors(self) -> int:
        return self.found.get((Severity.ERROR.value, State.FAIL.value), 0)

    @property
    def warnings(self) -> int:
        return self.found.get((Severity.WARN.value, State.FAIL.value), 0)


@dataclass(frozen=True, slots=True)
class OtherDocument:
    """A document that is part of no current disclosure, with its kind (``unread`` if no version
    of the readers has read it) and the reason."""

    sha256: str
    kind: str
    reason: str | None
    agency: str | None
    year: int | None
    title: str | None
    media_type: str
    archived_as: str
    site: str | None
    url: str | None
    file_name: str | None
    first_seen_at: datetime


def standing_judgements(ruleset: str | None = None) -> Subquery:
    """The judgement that stands for each disclosure, as rows of ``core_judgements`` with
    ``place`` 1: of its present version before others, beside its present neighbours before others,
    then the latest."""
    place = (
        func.row_number()
        .over(
            partition_by=CoreJudgement.disclosure_id,
            order_by=(
                case((CoreJudgement.version == CoreDisclosure.version, 0), else_=1),
                case((CoreJudgement.context == CoreDisclosure.context, 0), else_=1),
                CoreJudgement.judged_at.desc(),
                CoreJudgement.ruleset.desc(),
                CoreJudgement.version,
                CoreJudgement.context,
            ),
        )
        .label("place")
    )
    query = select(CoreJudgement.__table__, place).join(
        CoreDisclosure, CoreDisclosure.disclosure_id == CoreJudgement.disclosure_id
    )
    if ruleset is not None:
        query = query.where(CoreJudgement.ruleset == ruleset)
    return query.subquery("standing")


def disclosure_summaries(
    engine: Engine,
    *,
    disclosure_ids: Collection[str] | None = None,
    sites: Collection[str] | None = None,
    years: Collection[int] | None = None,
    ruleset: str | None = None,
) -> list[DisclosureSummary]:
    """Current disclosures, newest year first, then by region and department.

    Filters combine; None does not filter. ``ruleset`` keeps to judgements under it.
    """
    chosen = None if disclosure_ids is None else sorted(set(disclosure_ids))
    made: list[DisclosureSummary] = []
    with engine.connect() as connection:
        for ids in _chunks_or_all(chosen):
            made += _summaries(connection, ids, sites, years, ruleset)
    made.sort(
        key=lambda d: (-(d.year or 0), d.region_code or "", d.agency, d.site or "", d.disclosure_id)
    )
    return made


def other_documents(engine: Engine, *, sites: Collection[str] | None = None) -> list[OtherDocument]:
    """Documents outside every current disclosure: budgets, notices, what could not be read, and
    what another version of a document has taken the place of (reason ``已被新版本取代``)."""
    latest = select(
        RawReading.__table__,
        func.row_number()
        .over(
            partition_by=RawReading.sha256,
            order_by=(RawReading.read_at.desc(), RawReading.reader_version.desc()),
        )
        .label("place"),
    ).subquery()
    of_file = latest.alias("of_file")
    placed = (
        select(CoreDisclosureDocument.sha256)
        .join(CoreDisclosure, CoreDisclosure.disclosure_id == CoreDisclosureDocument.disclosure_id)
        .where(CoreDisclosure.current, CoreDisclosureDocument.sha256 == RawDocument.sha256)
        .exists()
    )
    query = (
        select(
            RawDocument.__table__,
            latest.c.kind,
            latest.c.reason,
            latest.c.agency,
            latest.c.year,
            latest.c.title,
        )
        .outerjoin(latest, (latest.c.sha256 == RawDocument.sha256) & (latest.c.place == 1))
        .outerjoin(of_file, (of_file.c.sha256 == RawDocument.part_of) & (of_file.c.place == 1))
        .where(~placed)
        # What the latest reading of a file no longer takes for a disclosure of its own.
        .where(
            RawDocument.part_of.is_(None) | (latest.c.reader_version == of_file.c.reader_version)
        )
        .order_by(RawDocument.site, RawDocument.url, RawDocument.sha256)
    )
    if sites is not None:
        query = query.where(RawDocument.site.in_(list(sites)))
    with engine.connect() as connection:
        superseded = _superseded(connection)
        return [
            OtherDocument(
                sha256=row.sha256,
                kind=row.kind or "unread",
                reason=row.reason
                or ("已被新版本取代" if (row.part_of or row.sha256) in superseded else None),
                agency=row.agency,
                year=row.year,
                title=row.title,
                media_type=row.media_type,
                archived_as=row.archived_as,
                site=row.site,
                url=row.url,
                file_name=row.file_name,
                first_seen_at=row.first_seen_at,
            )
            for row in connection.execute(query)
        ]


def documents_starting_with(engine: Engine, start: str, *, limit: int = 2) -> list[str]:
    """Hashes of documents that begin with ``start``, at most ``limit``: two show that it is
    ambiguous."""
    query = (
        select(RawDocument.sha256)
        .where(RawDocument.sha256.startswith(start.strip().lower(), autoescape=True))
        .order_by(RawDocument.sha256)
        .limit(limit)
    )
    with engine.connect() as connection:
        return list(connection.scalars(query))


def packages_with(engine: Engine, sha256: str) -> list[str]:
    """Hashes of the packages (zip and the like) out of which a document was taken."""
    member, package = aliased(RawFetch), aliased(RawFetch)
    query = (
        select(package.sha256)
        .join(
            member,
            (member.run_id == package.run_id)
            & (member.site == package.site)
            & (member.fetched_at == package.fetched_at),
        )
        .where(
            member.sha256 == sha256.lower(),
            package.sha256.is_not(None),
            # Not LIKE: addresses are full of its wildcards.
            func.substr(member.url, 1, func.length(package.url) + 1) == package.url.concat("#"),
        )
        .distinct()
        .order_by(package.sha256)
    )
    with engine.connect() as connection:
        return [found for found in connection.scalars(query) if found is not None]


def brought_nothing() -> ColumnElement[bool]:
    """Rows of ``raw_fetches`` that failed, were refused or blocked, or were skipped without an
    archived body that stands for the answer."""
    ended = (FetchOutcome.FAILED.value, FetchOutcome.REFUSED.value, FetchOutcome.BLOCKED.value)
    skipped = RawFetch.outcome == FetchOutcome.SKIPPED.value
    return RawFetch.outcome.in_(ended) | (skipped & RawFetch.sha256.is_(None))


# From here on: how it is done.


def _chunks_or_all(ids: Sequence[str] | None) -> Iterator[list[str] | None]:
    if ids is None:
        yield None
        return
    for start in range(0, len(ids), CHUNK):
        yield list(ids[start : start + CHUNK])


def _summaries(
    connection: Connection,
    ids: Sequence[str] | None,
    sites: Collection[str] | None,
    years: Collection[int] | None,
    ruleset: str | None,
) -> list[DisclosureSummary]:
    standing = standing_judgements(ruleset)
    chosen = select(CoreDisclosure.disclosure_id).where(CoreDisclosure.current)
    if ids is not None:
        chosen = chosen.where(CoreDisclosure.disclosure_id.in_(ids))
    if sites is not None:
        chosen = chosen.where(CoreDisclosure.site.in_(list(sites)))
    if years is not None:
        chosen = chosen.where(CoreDisclosure.year.in_(list(years)))
    heads = connection.execute(
        select(
            CoreDisclosure.__table__,
            standing.c.ruleset,
            standing.c.version.label("judged_version"),
            standing.c.context.label("judged_context"),
            standing.c.judged_at,
            standing.c.score,
            standing.c.grade,
            standing.c.coverage,
            standing.c.dimensions,
            standing.c.checks,
        )
        .outerjoin(
            standing,
            (standing.c.disclosure_id == CoreDisclosure.disclosure_id) & (standing.c.place == 1),
        )
        .where(CoreDisclosure.disclosure_id.in_(chosen))
    ).all()
    parts: dict[str, list[Row[str, str, list[str], str | None, str | None]]] = defaultdict(list)
    for part in connection.execute(
        select(
            CoreDisclosureDocument.disclosure_id,
            CoreDisclosureDocument.sha256,
            CoreDisclosureDocument.forms,
            RawDocument.file_name,
            RawDocument.url,
        )
        .join(RawDocument, RawDocument.sha256 == CoreDisclosureDocument.sha256)
        .where(CoreDisclosureDocument.disclosure_id.in_(chosen))
        .order_by(CoreDisclosureDocument.ordinal, CoreDisclosureDocument.sha256)
    ):
        parts[part.disclosure_id].append(part)
    found: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for row in connection.execute(
        select(
            CoreFinding.disclosure_id,
            CoreFinding.severity,
            CoreFinding.state,
            func.count().label("found"),
        )
        .join(standing, _of_standing(standing))
        .where(CoreFinding.disclosure_id.in_(chosen))
        .group_by(CoreFinding.disclosure_id, CoreFinding.severity, CoreFinding.state)
        .order_by(CoreFinding.disclosure_id, CoreFinding.severity, CoreFinding.state)
    ):
        found[row.disclosure_id][row.severity, row.state] = row.found
    return [
        DisclosureSummary(
            disclosure_id=head.disclosure_id,
            site=head.site,
            region=head.region,
            region_code=head.region_code,
            agency=head.agency,
            year=head.year,
            published_on=head.published_on,
            version=head.version,
            sha256=next((part.sha256 for part in parts[head.disclosure_id]), None),
            files=tuple(
                part.file_name or part.url or part.sha256 for part in parts[head.disclosure_id]
            ),
            forms=tuple(sorted({f for part in parts[head.disclosure_id] for f in part.forms})),
            ruleset=head.ruleset,
            judged_version=head.judged_version,
            beside_present=head.judged_context in (None, head.context),
            judged_at=head.judged_at,
            score=None if head.score is None else Decimal(head.score),
            grade=head.grade,
            coverage=None if head.coverage is None else Decimal(head.coverage),
            dimensions=head.dimensions or {},
            checks=head.checks or {},
            found=found.get(head.disclosure_id, {}),
        )
        for head in heads
    ]


def _of_standing(standing: Subquery) -> Any:
    return (
        (standing.c.disclosure_id == CoreFinding.disclosure_id)
        & (standing.c.version == CoreFinding.version)
        & (standing.c.ruleset == CoreFinding.ruleset)
        & (standing.c.context == CoreFinding.context)
        & (standing.c.place == 1)
    )


def _superseded(connection: Connection) -> set[str]:
    """Documents whose every address has brought another body since."""
    ranked = (
        select(
            RawFetch.sha256,
            newest_fetch_first(RawFetch.site, RawFetch.url),
        )
        .where(RawFetch.sha256.is_not(None), RawFetch.role == "document")
        .subquery()
    )
    rows = connection.execute(
        select(ranked.c.sha256, func.min(ranked.c.place).label("best")).group_by(ranked.c.sha256)
    )
    # A 304 repeats the hash, so the best place of a body that still stands is the first.
    return {row.sha256 for row in rows if row.best > 1}
