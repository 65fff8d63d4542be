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
from disclosures.amounts import CellState, MoneyUnit
from disclosures.model import Fact, PerformanceFact, Side, Statement
from disclosures.verdicts import Operand, Severity, State
from warehouse.rows import CHUNK
from warehouse.schema import (
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

    def in_state(self, state: State) -> int:
        """Listed findings in a state, of any severity."""
        return sum(count for (_, found), count in self.found.items() if found == state.value)


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """One listed verdict with the figures that took part. Amounts in 万元."""

    disclosure_id: str
    agency: str
    year: int | None
    ruleset: str
    rule: str
    subject: str
    severity: str
    state: str
    form: str | None
    stated_wan: Decimal | None
    computed_wan: Decimal | None
    difference_wan: Decimal | None
    tolerance_wan: Decimal | None
    message: str
    innocent: str | None
    sha256: str | None
    page: int | None
    quote: str | None
    operands: tuple[Operand, ...]
    cause: int | None

    @property
    def is_error(self) -> bool:
        """An identity of severity *error* that is violated: the disclosure is wrong."""
        return self.severity == Severity.ERROR.value and self.state == State.FAIL.value


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A document's part in a disclosure and what was read of it."""

    sha256: str
    role: str
    narrative: bool
    forms: tuple[str, ...]
    reader_version: str
    media_type: str
    size_bytes: int
    archived_as: str
    file_name: str | None
    url: str | None
    first_seen_at: datetime
    kind: str | None
    reason: str | None
    title: str | None
    pages: int
    unit: str | None
    sections: tuple[str, ...]
    readers: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FormRecord:
    """One form as the disclosure shows it, cells in printed order, from one document."""

    form: str
    title: str
    sha256: str
    pages: tuple[int, ...]
    unit: str
    variant: str
    declared_empty: bool
    complete: bool
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class DisclosureRecord:
    """One disclosure with everything that is known of it. Statements come from the one document
    whose narrative counts, performance figures from every document, keyed by its hash."""

    summary: DisclosureSummary
    documents: tuple[DocumentRecord, ...]
    forms: tuple[FormRecord, ...]
    findings: tuple[FindingRecord, ...]
    statements: tuple[Statement, ...]
    performance: Mapping[str, tuple[PerformanceFact, ...]]


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


@dataclass(frozen=True, slots=True)
class FailedFetch:
    """A request that brought nothing, with the reason."""

    site: str
    url: str
    role: str
    outcome: str
    status: int | None
    reason: str | None
    fetched_at: datetime
    found_on: str | None
    link_text: str | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of the job."""

    run_id: str
    kind: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    parameters: Mapping[str, Any]
    code_version: str
    ruleset: str
    reader_version: str
    flow_run_id: str | None
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ValidationRecord:
    """One Great Expectations validation as saved."""

    run_id: str
    suite: str
    batch: str
    ruleset: str
    validated_at: datetime
    success: bool
    rows: int
    results: tuple[Mapping[str, Any], ...]


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


def judged(
    engine: Engine, disclosure_ids: Collection[str], ruleset: str | None = None
) -> tuple[list[DisclosureSummary], list[FindingRecord]]:
    """Overview rows and findings of some disclosures."""
    return (
        disclosure_summaries(engine, disclosure_ids=disclosure_ids, ruleset=ruleset),
        findings(engine, disclosure_ids, ruleset=ruleset),
    )


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


def findings(
    engine: Engine, disclosure_ids: Collection[str], *, ruleset: str | None = None
) -> list[FindingRecord]:
    """Listed findings of the standing judgements: violated errors first, then by department,
    form, rule and subject."""
    made: list[FindingRecord] = []
    with engine.connect() as connection:
        for ids in _chunks_or_all(sorted(set(disclosure_ids))):
            made += _findings(connection, ids, ruleset)
    severities = [severity.value for severity in Severity]
    made.sort(
        key=lambda f: (
            f.state != State.FAIL.value,
            severities.index(f.severity) if f.severity in severities else len(severities),
            f.agency,
            f.year or 0,
            f.disclosure_id,
            f.form or "",
            f.rule,
            f.subject,
        )
    )
    return made


def disclosure(
    engine: Engine, disclosure_id: str, *, ruleset: str | None = None
) -> DisclosureRecord | None:
    """Everything about one current disclosure, or None if there is no such one."""
    with engine.connect() as connection:
        summaries = _summaries(connection, [disclosure_id], None, None, ruleset)
        if not summaries:
            return None
        rows = connection.execute(
            select(
                CoreDisclosureDocument.__table__,
                RawDocument.media_type,
                RawDocument.size_bytes,
                RawDocument.archived_as,
                RawDocument.file_name,
                RawDocument.url,
                RawDocument.first_seen_at,
                RawReading.kind,
                RawReading.reason,
                RawReading.title,
                RawReading.pages,
                RawReading.unit,
                RawReading.sections,
                RawReading.readers,
                RawReading.notes,
                RawReading.forms.label("read_forms"),
            )
            .join(RawDocument, RawDocument.sha256 == CoreDisclosureDocument.sha256)
            .outerjoin(
                RawReading,
                (RawReading.sha256 == CoreDisclosureDocument.sha256)
                & (RawReading.reader_version == CoreDisclosureDocument.reader_version),
            )
            .where(CoreDisclosureDocument.disclosure_id == disclosure_id)
            .order_by(CoreDisclosureDocument.ordinal, CoreDisclosureDocument.sha256)
        ).all()
        forms: list[FormRecord] = []
        statements: tuple[Statement, ...] = ()
        performance: dict[str, tuple[PerformanceFact, ...]] = {}
        for row in rows:
            forms += _forms(connection, row)
            if row.narrative:
                statements = _statements(connection, row.sha256, row.reader_version)
            figures = _performance(connection, row.sha256, row.reader_version)
            if figures:
                performance[row.sha256] = figures
        return DisclosureRecord(
            summary=summaries[0],
            documents=tuple(_document(row) for row in rows),
            forms=tuple(sorted(forms, key=lambda form: form.form)),
            findings=tuple(_findings(connection, [disclosure_id], ruleset)),
            statements=statements,
            performance=performance,
        )


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


def failed_fetches(engine: Engine, run_id: str | None = None) -> list[FailedFetch]:
    """Requests of a run (of the latest nightly one if None) that brought nothing, by site and
    URL."""
    wanted = run_id
    with engine.connect() as connection:
        if wanted is None:
            wanted = connection.scalar(
                select(RawRun.run_id)
                .where(RawRun.kind == "nightly")
                .order_by(RawRun.started_at.desc(), RawRun.run_id)
                .limit(1)
            )
        rows = connection.execute(
            select(
                RawFetch.site,
                RawFetch.url,
                RawFetch.role,
                RawFetch.outcome,
                RawFetch.status,
                RawFetch.reason,
                RawFetch.fetched_at,
                RawFetch.found_on,
                RawFetch.link_text,
            )
            .where(
                RawFetch.run_id == wanted,
                brought_nothing(),
            )
            .order_by(RawFetch.site, RawFetch.url, RawFetch.fetch_id)
        )
        return [FailedFetch(*row) for row in rows]


def runs(engine: Engine, *, limit: int = 50) -> list[RunRecord]:
    """The latest runs, newest first."""
    query = (
        select(
            RawRun.run_id,
            RawRun.kind,
            RawRun.state,
            RawRun.started_at,
            RawRun.finished_at,
            RawRun.parameters,
            RawRun.code_version,
            RawRun.ruleset,
            RawRun.reader_version,
            RawRun.flow_run_id,
            RawRun.summary,
        )
        .order_by(RawRun.started_at.desc(), RawRun.run_id)
        .limit(limit)
    )
    with engine.connect() as connection:
        return [RunRecord(*row) for row in connection.execute(query)]


def validations(engine: Engine, run_id: str) -> list[ValidationRecord]:
    """Validations of a run, by suite and batch."""
    query = (
        select(
            OutValidation.run_id,
            OutValidation.suite,
            OutValidation.batch,
            OutValidation.ruleset,
            OutValidation.validated_at,
            OutValidation.success,
            OutValidation.rows,
            OutValidation.results,
        )
        .where(OutValidation.run_id == run_id)
        .order_by(OutValidation.suite, OutValidation.batch)
    )
    with engine.connect() as connection:
        return [
            ValidationRecord(**{**row._mapping, "results": tuple(row.results)})
            for row in connection.execute(query)
        ]


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


def _findings(
    connection: Connection, ids: Sequence[str] | None, ruleset: str | None
) -> list[FindingRecord]:
    standing = standing_judgements(ruleset)
    query = (
        select(CoreFinding.__table__, CoreDisclosure.agency, CoreDisclosure.year)
        .join(standing, _of_standing(standing))
        .join(CoreDisclosure, CoreDisclosure.disclosure_id == CoreFinding.disclosure_id)
        .order_by(CoreFinding.form, CoreFinding.rule, CoreFinding.subject)
    )
    if ids is not None:
        query = query.where(CoreFinding.disclosure_id.in_(ids))
    return [
        FindingRecord(
            disclosure_id=row.disclosure_id,
            agency=row.agency,
            year=row.year,
            ruleset=row.ruleset,
            rule=row.rule,
            subject=row.subject,
            severity=row.severity,
            state=row.state,
            form=row.form,
            stated_wan=row.stated_wan,
            computed_wan=row.computed_wan,
            difference_wan=row.difference_wan,
            tolerance_wan=row.tolerance_wan,
            message=row.message,
            innocent=row.innocent,
            sha256=row.sha256,
            page=row.page,
            quote=row.quote,
            operands=tuple(_operand(operand) for operand in row.operands),
            cause=row.cause,
        )
        for row in connection.execute(query)
    ]


def _operand(saved: Mapping[str, Any]) -> Operand:
    amount = saved["amount_wan"]
    return Operand(**{**saved, "amount_wan": None if amount is None else Decimal(amount)})


def _document(row: Row[*tuple[Any, ...]]) -> DocumentRecord:
    return DocumentRecord(
        sha256=row.sha256,
        role=row.role,
        narrative=row.narrative,
        forms=tuple(row.forms),
        reader_version=row.reader_version,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        archived_as=row.archived_as,
        file_name=row.file_name,
        url=row.url,
        first_seen_at=row.first_seen_at,
        kind=row.kind,
        reason=row.reason,
        title=row.title,
        pages=row.pages or 0,
        unit=row.unit,
        sections=tuple(row.sections or ()),
        readers=row.readers or {},
        notes=tuple(row.notes or ()),
    )


def _forms(connection: Connection, row: Row[*tuple[Any, ...]]) -> list[FormRecord]:
    """The forms that the disclosure takes from one document."""
    taken = list(row.forms)
    if not taken:
        return []
    facts: dict[str, list[Fact]] = defaultdict(list)
    for cell in connection.execute(
        select(CoreFact.__table__)
        .where(
            CoreFact.sha256 == row.sha256,
            CoreFact.reader_version == row.reader_version,
            CoreFact.form.in_(taken),
        )
        .order_by(CoreFact.ordinal)
    ):
        facts[cell.form].append(_fact(cell))
    read = {form["form"]: form for form in row.read_forms or ()}
    return [
        FormRecord(
            form=key,
            title=read[key]["title"],
            sha256=row.sha256,
            pages=tuple(read[key]["pages"]),
            unit=read[key]["unit"],
            variant=read[key]["variant"],
            declared_empty=read[key]["declared_empty"],
            complete=read[key]["complete"],
            notes=tuple(read[key]["notes"]),
            facts=tuple(facts[key]),
        )
        for key in taken
        if key in read
    ]


def _fact(cell: Row[*tuple[Any, ...]]) -> Fact:
    return Fact(
        form=cell.form,
        side=Side(cell.side) if cell.side else None,
        row=cell.row,
        line=cell.line,
        code=cell.code,
        name=cell.name,
        column=cell.column,
        amount_wan=cell.amount_wan,
        text=cell.text,
        decimals=cell.decimals,
        state=CellState(cell.state),
        unit=MoneyUnit(cell.unit),
        page=cell.page,
        bbox=None
        if cell.bbox is None
        else (cell.bbox[0], cell.bbox[1], cell.bbox[2], cell.bbox[3]),
        readers=tuple(cell.readers),
        agreed=cell.agreed,
        note=cell.note,
        seen=tuple((reader, text) for reader, text in cell.seen or ()),
    )


def _statements(connection: Connection, sha256: str, reader_version: str) -> tuple[Statement, ...]:
    rows = connection.execute(
        select(CoreStatement.__table__)
        .where(CoreStatement.sha256 == sha256, CoreStatement.reader_version == reader_version)
        .order_by(CoreStatement.ordinal)
    )
    return tuple(
        Statement(
            section=row.section,
            subject=row.subject,
            measure=row.measure,
            value=Decimal(row.value) if row.value else None,
            unit=row.unit,
            quote=row.quote,
            page=row.page,
            direction=row.direction,
            versus=row.versus,
            agreed=row.agreed,
            note=row.note,
        )
        for row in rows
    )


def _performance(
    connection: Connection, sha256: str, reader_version: str
) -> tuple[PerformanceFact, ...]:
    rows = connection.execute(
        select(CorePerformance.__table__)
        .where(CorePerformance.sha256 == sha256, CorePerformance.reader_version == reader_version)
        .order_by(CorePerformance.ordinal)
    )
    return tuple(
        PerformanceFact(
            table=row.table,
            project=row.project,
            indicator=row.indicator,
            measure=row.measure,
            value=None if row.value is None else Decimal(row.value),
            unit=row.unit,
            text=row.text,
            page=row.page,
            agreed=row.agreed,
            note=row.note,
        )
        for row in rows
    )


def _superseded(connection: Connection) -> set[str]:
    """Documents whose every address has brought another body since."""
    ranked = (
        select(
            RawFetch.sha256,
            func.row_number()
            .over(
                partition_by=(RawFetch.site, RawFetch.url),
                order_by=(RawFetch.fetched_at.desc(), RawFetch.fetch_id.desc()),
            )
            .label("place"),
        )
        .where(RawFetch.sha256.is_not(None), RawFetch.role == "document")
        .subquery()
    )
    rows = connection.execute(
        select(ranked.c.sha256, func.min(ranked.c.place).label("best")).group_by(ranked.c.sha256)
    )
    # A 304 repeats the hash, so the best place of a body that still stands is the first.
    return {row.sha256 for row in rows if row.best > 1}
