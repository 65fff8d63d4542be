"""What the pages need, read from the warehouse in few statements and constant memory per chunk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Engine, Row, Select, func, select, type_coerce
from sqlalchemy.orm import Session

from data_docs.layout import FactCell
from disclosures.model import DocumentKind
from warehouse.locations import Standing, standings
from warehouse.queries import brought_nothing, other_documents, standing_judgements
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
    RawReading,
    RawRun,
    file_of,
    newest_fetch_first,
)

_KINDS = frozenset(["unread", *(kind.value for kind in DocumentKind)])

_FACT_COLUMNS = (
    CoreFact.form,
    CoreFact.side,
    CoreFact.row,
    CoreFact.column,
    CoreFact.ordinal,
    CoreFact.line,
    CoreFact.code,
    CoreFact.name,
    CoreFact.text,
    # Whether a figure is zero is all that a table asks of the amount; ticks spare the decimals.
    type_coerce(CoreFact.amount_wan, BigInteger).label("ticks"),
    CoreFact.state,
    CoreFact.unit,
    CoreFact.page,
    CoreFact.agreed,
    CoreFact.note,
    CoreFact.sha256,
    CoreFact.reader_version,
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a document was found, and when its body came from there for the first time."""

    url: str
    fetched_at: datetime
    article_title: str | None
    found_on: str | None


@dataclass(frozen=True, slots=True)
class DocumentPart:
    """One document of a disclosure with its reading; ``forms`` are those taken from it."""

    sha256: str
    reader_version: str
    forms: tuple[str, ...]
    role: str
    narrative: bool
    document: RawDocument
    reading: RawReading | None
    addresses: tuple[Address, ...]
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class DisclosureHeader:
    """A disclosure with its current judgement (None: not judged yet), all judgements and parts."""

    disclosure: CoreDisclosure
    judgement: CoreJudgement | None
    history: tuple[CoreJudgement, ...]
    parts: tuple[DocumentPart, ...]


@dataclass(frozen=True, slots=True)
class DisclosureRecord:
    """All that one page shows. Facts, statements and performance figures are keyed by sha256."""

    header: DisclosureHeader
    findings: tuple[CoreFinding, ...]
    causes: tuple[CoreCause, ...]
    facts: Mapping[str, tuple[FactCell, ...]]
    statements: Mapping[str, tuple[CoreStatement, ...]]
    performance: Mapping[str, tuple[CorePerformance, ...]]


@dataclass(frozen=True, slots=True)
class Tally:
    """Listed findings of one judgement, by what they mean to a reader."""

    errors: int = 0
    warnings: int = 0
    notes: int = 0
    unsure: int = 0


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A document or address that led to no judged disclosure, and why."""

    kind: str
    reason: str
    name: str
    agency: str
    year: int | None
    site: str
    url: str | None
    archived_as: str | None
    seen_at: datetime | None


def current_judgements() -> Select[tuple[str, str, str, str]]:
    """Keys of the judgements that stand, of current disclosures only."""
    standing = standing_judgements()
    return (
        select(standing.c.disclosure_id, standing.c.version, standing.c.ruleset, standing.c.context)
        .join(CoreDisclosure, CoreDisclosure.disclosure_id == standing.c.disclosure_id)
        .where(standing.c.place == 1, CoreDisclosure.current)
    )


def load_headers(session: Session) -> list[DisclosureHeader]:
    """All current disclosures, newest year first, then by region and agency."""
    standing = {
        row.disclosure_id: (row.version, row.ruleset, row.context) for row in _current(session)
    }
    judgements: dict[str, list[CoreJudgement]] = defaultdict(list)
    for judgement in session.scalars(select(CoreJudgement).order_by(CoreJudgement.judged_at)):
        judgements[judgement.disclosure_id].append(judgement)
    parts = _load_parts(session)
    disclosures = session.scalars(select(CoreDisclosure).where(CoreDisclosure.current)).all()
    headers = []
    for disclosure in disclosures:
        history = judgements.get(disclosure.disclosure_id, [])
        key = standing.get(disclosure.disclosure_id)
        headers.append(
            DisclosureHeader(
                disclosure=disclosure,
                judgement=next(
                    (one for one in history if (one.version, one.ruleset, one.context) == key), None
                ),
                history=tuple(history),
                parts=tuple(parts.get(disclosure.disclosure_id, ())),
            )
        )
    headers.sort(
        key=lambda header: (
            -(header.disclosure.year or 0),
            header.disclosure.region_code or "",
            header.disclosure.region or "",
            header.disclosure.agency,
            header.disclosure.disclosure_id,
        )
    )
    return headers


def _current(session: Session) -> Sequence[Row[tuple[str, str, str, str]]]:
    return session.execute(current_judgements()).all()


def _load_parts(session: Session) -> dict[str, list[DocumentPart]]:
    rows = session.execute(
        select(CoreDisclosureDocument, RawDocument, RawReading)
        .join(RawDocument, RawDocument.sha256 == CoreDisclosureDocument.sha256)
        .outerjoin(
            RawReading,
            (RawReading.sha256 == CoreDisclosureDocument.sha256)
            & (RawReading.reader_version == CoreDisclosureDocument.reader_version),
        )
        .order_by(
            CoreDisclosureDocument.disclosure_id,
            CoreDisclosureDocument.ordinal,
            CoreDisclosureDocument.sha256,
        )
    ).all()
    addresses = _load_addresses(session)
    files = {document.part_of or document.sha256 for _, document, _ in rows}
    became = standings(session.connection(), files)
    parts: dict[str, list[DocumentPart]] = defaultdict(list)
    for link, document, reading in rows:
        file = document.part_of or document.sha256
        parts[link.disclosure_id].append(
            DocumentPart(
                sha256=link.sha256,
                reader_version=link.reader_version,
                forms=tuple(link.forms or ()),
                role=link.role,
                narrative=link.narrative,
                document=document,
                reading=reading,
                addresses=tuple(addresses.get(file, ())),
                standing=became.get(file),
            )
        )
    return parts


def _load_addresses(session: Session) -> dict[str, list[Address]]:
    # Nights on which a document was found unchanged say nothing new, and there are many of them.
    rows = session.execute(
        select(
            RawFetch.sha256,
            RawFetch.url,
            RawFetch.fetched_at,
            RawFetch.article_title,
            RawFetch.found_on,
        )
        .where(
            RawFetch.sha256.in_(
                select(file_of()).join(
                    CoreDisclosureDocument, CoreDisclosureDocument.sha256 == RawDocument.sha256
                )
            )
        )
        .where(RawFetch.outcome.in_(("new", "changed")))
        .order_by(RawFetch.fetched_at, RawFetch.url)
    )
    addresses: dict[str, dict[str, Address]] = defaultdict(dict)
    for row in rows:
        addresses[row.sha256].setdefault(row.url, Address(*row[1:]))
    return {sha256: list(found.values()) for sha256, found in addresses.items()}


def load_tallies(session: Session) -> dict[str, Tally]:
    """Counts of the listed findings of each standing judgement."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    current = current_judgements().subquery()
    rows = session.execute(
        select(
            CoreFinding.disclosure_id,
            CoreFinding.severity,
            CoreFinding.state,
            func.count().label("found"),
        )
        .join(
            current,
            (current.c.disclosure_id == CoreFinding.disclosure_id)
            & (current.c.version == CoreFinding.version)
            & (current.c.ruleset == CoreFinding.ruleset)
            & (current.c.context == CoreFinding.context),
        )
        .group_by(CoreFinding.disclosure_id, CoreFinding.severity, CoreFinding.state)
    )
    for row in rows:
        if row.state == "fail":
            field = {"error": "errors", "warn": "warnings"}.get(row.severity, "notes")
        elif row.state in ("not_evaluable", "extraction_suspect", "error"):
            field = "unsure"
        else:
            continue
        counts[row.disclosure_id][field] += row.found
    return {disclosure_id: Tally(**found) for disclosure_id, found in counts.items()}


def load_rule_counts(session: Session) -> dict[str, dict[str, int]]:
    """Per rule: how many listed findings of standing judgements are in each state."""
    current = current_judgements().subquery()
    rows = session.execute(
        select(CoreFinding.rule, CoreFinding.state, func.count().label("found"))
        .join(
            current,
            (current.c.disclosure_id == CoreFinding.disclosure_id)
            & (current.c.version == CoreFinding.version)
            & (current.c.ruleset == CoreFinding.ruleset)
            & (current.c.context == CoreFinding.context),
        )
        .group_by(CoreFinding.rule, CoreFinding.state)
    )
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        counts[row.rule][row.state] = row.found
    return counts


def _judgement_of(row: CoreJudgement | CoreFinding | CoreCause) -> tuple[str, ...]:
    return (row.disclosure_id, row.version, row.ruleset, row.context)


def load_records(session: Session, headers: Sequence[DisclosureHeader]) -> list[DisclosureRecord]:
    """The full records of some disclosures (a chunk), in the order given."""
    shas = {part.sha256 for header in headers for part in header.parts}
    versions = {(part.sha256, part.reader_version) for header in headers for part in header.parts}
    facts: dict[tuple[str, str], list[FactCell]] = defaultdict(list)
    for row in session.execute(select(*_FACT_COLUMNS).where(CoreFact.sha256.in_(shas))):
        *shown, sha256, reader_version = row
        if (sha256, reader_version) in versions:
            shown[9] = shown[9] == 0
            facts[sha256, reader_version].append(FactCell(*shown))
    statements = _by_document(session, CoreStatement, shas)
    performance = _by_document(session, CorePerformance, shas)
    findings: dict[tuple[str, ...], list[CoreFinding]] = defaultdict(list)
    ids = [header.disclosure.disclosure_id for header in headers]
    for finding in session.scalars(select(CoreFinding).where(CoreFinding.disclosure_id.in_(ids))):
        findings[_judgement_of(finding)].append(finding)
    causes: dict[tuple[str, ...], list[CoreCause]] = defaultdict(list)
    for cause in session.scalars(
        select(CoreCause).where(CoreCause.disclosure_id.in_(ids)).order_by(CoreCause.ordinal)
    ):
        causes[_judgement_of(cause)].append(cause)
    records = []
    for header in headers:
        parts = header.parts
        judgement = header.judgement
        key = _judgement_of(judgement) if judgement else ()
        records.append(
            DisclosureRecord(
                header=header,
                findings=tuple(findings.get(key, ())),
                causes=tuple(causes.get(key, ())),
                facts={
                    part.sha256: tuple(facts.get((part.sha256, part.reader_version), ()))
                    for part in parts
                },
                statements={
                    part.sha256: tuple(statements.get((part.sha256, part.reader_version), ()))
                    for part in parts
                },
                performance={
                    part.sha256: tuple(performance.get((part.sha256, part.reader_version), ()))
                    for part in parts
                },
            )
        )
    return records


_OfDocument = TypeVar("_OfDocument", CoreStatement, CorePerformance)


def _by_document(
    session: Session, table: type[_OfDocument], shas: set[str]
) -> dict[tuple[str, str], list[_OfDocument]]:
    found: dict[tuple[str, str], list[_OfDocument]] = defaultdict(list)
    for row in session.scalars(select(table).where(table.sha256.in_(shas)).order_by(table.ordinal)):
        found[row.sha256, row.reader_version].append(row)
    return found


def load_unjudged(session: Session, engine: Engine) -> list[Unjudged]:
    """Documents outside every disclosure, and addresses whose latest request brought nothing."""
    apart = [
        Unjudged(
            kind=document.kind if document.kind in _KINDS else DocumentKind.OTHER.value,
            reason=document.reason or "",
            name=document.file_name or document.title or "",
            agency=document.agency or "",
            year=document.year,
            site=document.site or "",
            url=document.url,
            archived_as=document.archived_as,
            seen_at=document.first_seen_at,
        )
        for document in other_documents(engine)
    ]
    return [*apart, *_failed_addresses(session)]


def _failed_addresses(session: Session) -> Iterator[Unjudged]:
    ranked = select(RawFetch.fetch_id, newest_fetch_first(RawFetch.site, RawFetch.url)).subquery()
    rows = session.scalars(
        select(RawFetch)
        .join(ranked, ranked.c.fetch_id == RawFetch.fetch_id)
        .where(ranked.c.place == 1)
        .where(brought_nothing())
        .order_by(RawFetch.site, RawFetch.url)
    )
    for fetch in rows:
        status = f"HTTP {fetch.status}" if fetch.status and fetch.status >= 400 else ""
        yield Unjudged(
            kind=fetch.outcome,
            reason="；".join(dict.fromkeys(filter(None, (fetch.reason, status)))),
            name=fetch.link_text or fetch.article_title or "",
            agency="",
            year=None,
            site=fetch.site,
            url=fetch.url,
            archived_as=None,
            seen_at=fetch.fetched_at,
        )


def load_runs(session: Session, *, limit: int) -> list[RawRun]:
    """The latest runs, newest first."""
    return list(
        session.scalars(
            select(RawRun).order_by(RawRun.started_at.desc(), RawRun.run_id).limit(limit)
        )
    )


def load_validations(session: Session, *, runs: int) -> tuple[list[OutValidation], int]:
    """Validations of the latest ``runs`` runs that have any, and how many are older than those."""
    latest = list(
        session.scalars(
            select(OutValidation.run_id)
            .group_by(OutValidation.run_id)
            .order_by(func.max(OutValidation.validated_at).desc(), OutValidation.run_id)
            .limit(runs)
        )
    )
    shown = list(
        session.scalars(
            select(OutValidation)
            .where(OutValidation.run_id.in_(latest))
            .order_by(OutValidation.validated_at.desc(), OutValidation.suite, OutValidation.batch)
        )
    )
    total = session.scalar(select(func.count()).select_from(OutValidation)) or 0
    return shown, total - len(shown)


def open_session(engine: Engine) -> Session:
    """A read-only session; rows stay usable after it moves on."""
    return Session(engine, expire_on_commit=False)


def as_mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings in a JSON column that should hold a list of them."""
    return (
        [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
    )
