"""Tables of the warehouse.

``raw_`` holds what was fetched and read, ``core_`` the accounts and their judgement, ``out_``
what people and suites read (marts are plain tables that are rebuilt per batch). Money columns
end in ``_wan`` and are exact: :class:`AmountWan` keeps integers of 10⁻⁸ 万元, because SQLite has
no exact decimal type and a sum must give the same verdict on every database.

Natural keys carry idempotency: loading the same thing twice changes nothing. What was printed
or published is ``Text`` without an index: it has no length that could be promised, and an index
of PostgreSQL refuses values above 2.7 kB.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    Label,
    MetaData,
    String,
    Text,
    func,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from disclosures.amounts import from_ticks, to_ticks


class AmountWan(TypeDecorator[Decimal]):
    """Exact 万元 as ``BIGINT`` ticks of 10⁻⁸ 万元."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else to_ticks(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else from_ticks(value)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes, stored in UTC (SQLite drops the zone, so it is put back on reading)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime given to the warehouse")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RawRun(Base):
    """One run of the job. The only row that a night without news adds besides its fetches."""

    __tablename__ = "raw_runs"

    run_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))  # nightly, rerun, check
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(16))  # running, completed, failed
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    code_version: Mapped[str] = mapped_column(String(32))
    ruleset: Mapped[str] = mapped_column(String(32))
    reader_version: Mapped[str] = mapped_column(String(32))
    flow_run_id: Mapped[str | None] = mapped_column(String(36))
    summary: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class RawFetch(Base):
    """One request and its outcome, refusals and failures included."""

    __tablename__ = "raw_fetches"

    fetch_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"), index=True)
    site: Mapped[str] = mapped_column(String(64), index=True)
    url: Mapped[str] = mapped_column(Text)
    final_url: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(16))  # list, article, document, robots
    # new, changed, unchanged, failed, refused, skipped
    outcome: Mapped[str] = mapped_column(String(16))
    status: Mapped[int | None] = mapped_column(Integer)
    reason: Mapped[str | None] = mapped_column(Text)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    media_type: Mapped[str | None] = mapped_column(Text)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(Text)
    headers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    found_on: Mapped[str | None] = mapped_column(Text)
    link_text: Mapped[str | None] = mapped_column(Text)
    article_title: Mapped[str | None] = mapped_column(Text)
    published_on: Mapped[str | None] = mapped_column(Text)  # YYYY-MM-DD as the portal says
    # what its link was worth and why (connectors.link_scores); NULL for lists and robots.txt
    score: Mapped[int | None] = mapped_column(Integer)
    score_reasons: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # what was asked on the wire: [{url, status, address, started_at, finished_at, tls, error}];
    # the archive's journal also keeps the headers (connectors.evidence)
    hops: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))


class RawLocation(Base):
    """One URL of a site as it stands: what it gave last, and whether it still gives it.

    Every fetch moves its URL's row on; a night looks up here what it knows of a URL.
    """

    __tablename__ = "raw_locations"

    location_id: Mapped[str] = mapped_column(String(64), primary_key=True)  # of site and URL
    site: Mapped[str] = mapped_column(String(64), index=True)
    url: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(String(16))
    # current; withdrawn (404, 410 or no longer listed); replaced (another URL has it now)
    state: Mapped[str] = mapped_column(String(12))
    state_since: Mapped[datetime] = mapped_column(UtcDateTime)
    state_reason: Mapped[str | None] = mapped_column(Text)
    replaced_by: Mapped[str | None] = mapped_column(Text)  # URL
    sha256: Mapped[str] = mapped_column(String(64), index=True)  # the last body
    media_type: Mapped[str | None] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(Text)
    final_url: Mapped[str | None] = mapped_column(Text)
    found_on: Mapped[str | None] = mapped_column(Text)
    link_text: Mapped[str | None] = mapped_column(Text)
    article_title: Mapped[str | None] = mapped_column(Text)
    published_on: Mapped[str | None] = mapped_column(Text)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)  # it gave a body, or 304
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the body itself, no 304
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)  # the last fetch, whatever it gave
    seen_in: Mapped[str] = mapped_column(String(36))  # the last run that came across the URL


class RawVersion(Base):
    """One body that a URL gave, in the order of their first appearance."""

    __tablename__ = "raw_versions"

    location_id: Mapped[str] = mapped_column(
        ForeignKey("raw_locations.location_id"), primary_key=True
    )
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    ordinal: Mapped[int] = mapped_column(Integer)
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class RawDocument(Base):
    """One archived file, known by its content, or a further disclosure within one.

    The latter has ``part_of``, its file's hash, and the file's own columns; its key is made of
    that hash (:func:`disclosures.model.part_key`). It is fetched, read and archived with its file.
    """

    __tablename__ = "raw_documents"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    part_of: Mapped[str | None] = mapped_column(String(64), index=True)
    media_type: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    archived_as: Mapped[str] = mapped_column(Text)  # path below the archive
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    site: Mapped[str | None] = mapped_column(String(64), index=True)
    url: Mapped[str | None] = mapped_column(Text)  # where it was first seen
    file_name: Mapped[str | None] = mapped_column(Text)  # as published, for display only
    # why the archive no longer has the body, until it is fetched again
    damage: Mapped[str | None] = mapped_column(Text)
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class RawReading(Base):
    """What one version of the readers made of one document."""

    __tablename__ = "raw_readings"

    sha256: Mapped[str] = mapped_column(ForeignKey("raw_documents.sha256"), primary_key=True)
    reader_version: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    agency: Mapped[str | None] = mapped_column(Text)
    year: Mapped[int | None] = mapped_column(Integer)
    unit: Mapped[str | None] = mapped_column(String(8))
    title: Mapped[str | None] = mapped_column(Text)
    pages: Mapped[int] = mapped_column(Integer)
    forms: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    sections: Mapped[list[str]] = mapped_column(JSON, default=list)
    # what the narrative speaks of, and its wording that no finished one has: [{kind, text, quote,
    # page}] (see disclosures.reading.remarks); NULL in readings of before they were looked for
    topics: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # the units whose accounts it says that it adds up (see disclosures.reading.units):
    # {names, complete}; NULL where it names none
    units: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    remarks: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    readers: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    notes: Mapped[list[str]] = mapped_column(JSON, default=list)
    statements: Mapped[int] = mapped_column(Integer, default=0)
    performance: Mapped[int] = mapped_column(Integer, default=0)
    # the largest amounts of the narrative in 万元, as decimal strings (see disclosures.assembly)
    stated: Mapped[list[str]] = mapped_column(JSON, default=list)
    # hash of all that was read: a reading that says the same again changes no row
    digest: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float] = mapped_column(default=0.0)
    read_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class CoreDisclosure(Base):
    """One department's accounts for one year on one site."""

    __tablename__ = "core_disclosures"

    disclosure_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    site: Mapped[str | None] = mapped_column(String(64), index=True)
    region: Mapped[str | None] = mapped_column(Text)
    region_code: Mapped[str | None] = mapped_column(String(12), index=True)
    agency: Mapped[str] = mapped_column(Text)
    year: Mapped[int | None] = mapped_column(Integer, index=True)
    published_on: Mapped[str | None] = mapped_column(Text)
    version: Mapped[str] = mapped_column(String(64))  # hash over its documents and reader version
    # False once the documents at hand no longer make this disclosure (a better reading of an
    # agency's name makes another one); its judgements stay
    current: Mapped[bool] = mapped_column(default=True)
    # hash of the other disclosures that it is judged against (see warehouse.neighbours), empty
    # where there are none
    context: Mapped[str] = mapped_column(String(64), default="")
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class CoreDisclosureDocument(Base):
    """Which documents make up a disclosure, and which forms were taken from each."""

    __tablename__ = "core_disclosure_documents"

    disclosure_id: Mapped[str] = mapped_column(
        ForeignKey("core_disclosures.disclosure_id"), primary_key=True
    )
    sha256: Mapped[str] = mapped_column(
        ForeignKey("raw_documents.sha256"), primary_key=True, index=True
    )
    forms: Mapped[list[str]] = mapped_column(JSON, default=list)
    # main, tables, narrative, performance or alternate (see disclosures.assembly.Role)
    role: Mapped[str] = mapped_column(String(16))
    # whether the statements of the narrative are taken from this document (one per disclosure)
    narrative: Mapped[bool] = mapped_column(default=False)
    ordinal: Mapped[int] = mapped_column(Integer, default=0)  # main document first
    reader_version: Mapped[str] = mapped_column(String(32))
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class CoreFact(Base):
    """One cell of a form in one document (see :class:`disclosures.model.Fact`)."""

    __tablename__ = "core_facts"

    sha256: Mapped[str] = mapped_column(ForeignKey("raw_documents.sha256"), primary_key=True)
    reader_version: Mapped[str] = mapped_column(String(32), primary_key=True)
    form: Mapped[str] = mapped_column(String(2), primary_key=True)
    side: Mapped[str] = mapped_column(String(8), primary_key=True, default="")
    row: Mapped[str] = mapped_column(Text, primary_key=True)
    column: Mapped[str] = mapped_column(String(64), primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer)  # printed order within the document
    line: Mapped[str | None] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    amount_wan: Mapped[Decimal | None] = mapped_column(AmountWan)
    text: Mapped[str] = mapped_column(Text)
    decimals: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12))
    unit: Mapped[str] = mapped_column(String(8))
    page: Mapped[int | None] = mapped_column(Integer)
    bbox: Mapped[list[float] | None] = mapped_column(JSON(none_as_null=True))
    readers: Mapped[list[str]] = mapped_column(JSON, default=list)
    agreed: Mapped[bool] = mapped_column(default=True)
    note: Mapped[str | None] = mapped_column(Text)
    # what other readers saw instead: [[reader, text]]; NULL where all agree
    seen: Mapped[list[list[str]] | None] = mapped_column(JSON(none_as_null=True))
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class CoreStatement(Base):
    """One number of the narrative."""

    __tablename__ = "core_statements"

    sha256: Mapped[str] = mapped_column(ForeignKey("raw_documents.sha256"), primary_key=True)
    reader_version: Mapped[str] = mapped_column(String(32), primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    section: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    measure: Mapped[str] = mapped_column(String(24))
    # decimal string in ``unit``; empty where a word (``direction``) stands for the number
    value: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    quote: Mapped[str] = mapped_column(Text)
    page: Mapped[int | None] = mapped_column(Integer)
    direction: Mapped[str | None] = mapped_column(Text)
    versus: Mapped[str | None] = mapped_column(Text)
    agreed: Mapped[bool] = mapped_column(default=True)
    note: Mapped[str | None] = mapped_column(Text)
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class CorePerformance(Base):
    """One figure of a performance self-evaluation form."""

    __tablename__ = "core_performance"

    sha256: Mapped[str] = mapped_column(ForeignKey("raw_documents.sha256"), primary_key=True)
    reader_version: Mapped[str] = mapped_column(String(32), primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    table: Mapped[str] = mapped_column(String(12))
    project: Mapped[str] = mapped_column(Text)
    indicator: Mapped[str] = mapped_column(Text)
    measure: Mapped[str] = mapped_column(String(24))
    value: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    page: Mapped[int | None] = mapped_column(Integer)
    agreed: Mapped[bool] = mapped_column(default=True)
    note: Mapped[str | None] = mapped_column(Text)
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class CoreJudgement(Base):
    """One disclosure judged once: a version of its figures under a version of the rules, beside
    the other disclosures (last year's, its units') that were there then.

    A new version, rule set or neighbour adds a row and never rewrites an old one.
    """

    __tablename__ = "core_judgements"

    disclosure_id: Mapped[str] = mapped_column(
        ForeignKey("core_disclosures.disclosure_id"), primary_key=True
    )
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    ruleset: Mapped[str] = mapped_column(String(32), primary_key=True)
    context: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    judged_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    score: Mapped[str | None] = mapped_column(String(8))  # decimal string, 0-100
    grade: Mapped[str] = mapped_column(String(8))
    # the grade by points alone, and what capped it: {earned, caps: [{best_grade, reason}]}; NULL
    # in judgements of before it was kept
    capped: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    dimensions: Mapped[dict[str, Any]] = mapped_column(JSON)
    coverage: Mapped[str] = mapped_column(String(8))  # decimal string, percent
    checks: Mapped[dict[str, int]] = mapped_column(JSON)  # state -> count, passes included
    digest: Mapped[str] = mapped_column(String(64))  # hash of the judgement with its findings
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class CoreFinding(Base):
    """The verdict of one identity on one subject of one judged disclosure; passes are counted
    in :class:`CoreJudgement`, not listed."""

    __tablename__ = "core_findings"

    disclosure_id: Mapped[str] = mapped_column(
        ForeignKey("core_disclosures.disclosure_id"), primary_key=True
    )
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    ruleset: Mapped[str] = mapped_column(String(32), primary_key=True)
    context: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    rule: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    severity: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(24))
    form: Mapped[str | None] = mapped_column(String(2))
    stated_wan: Mapped[Decimal | None] = mapped_column(AmountWan)
    computed_wan: Mapped[Decimal | None] = mapped_column(AmountWan)
    difference_wan: Mapped[Decimal | None] = mapped_column(AmountWan)
    tolerance_wan: Mapped[Decimal | None] = mapped_column(AmountWan)
    message: Mapped[str] = mapped_column(Text)
    # what may explain it innocently, and is to be looked at first
    innocent: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(String(64))
    page: Mapped[int | None] = mapped_column(Integer)
    quote: Mapped[str | None] = mapped_column(Text)
    # the cells that took part: [{form, side, row, column, name, text, amount_wan, page, sha256}]
    operands: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    cause: Mapped[int | None] = mapped_column(Integer)  # ordinal of the CoreCause that explains it
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class CoreCause(Base):
    """A figure (or one of several) whose change would make violated identities hold again; see
    :class:`disclosures.verdicts.Cause`."""

    __tablename__ = "core_causes"

    disclosure_id: Mapped[str] = mapped_column(
        ForeignKey("core_disclosures.disclosure_id"), primary_key=True
    )
    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    ruleset: Mapped[str] = mapped_column(String(32), primary_key=True)
    context: Mapped[str] = mapped_column(String(64), primary_key=True, default="")
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    option: Mapped[int] = mapped_column(Integer)
    sureness: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(24))
    message: Mapped[str] = mapped_column(Text)
    # [{operand: {…}, repair_wan, low_wan, high_wan, reasons: [text]}], most likely first
    suspects: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    explains: Mapped[list[list[str]]] = mapped_column(JSON, default=list)  # [[rule, subject]]
    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"))


class OutValidation(Base):
    """One Great Expectations validation of one suite on one batch, as its result page shows it."""

    __tablename__ = "out_validations"

    run_id: Mapped[str] = mapped_column(ForeignKey("raw_runs.run_id"), primary_key=True)
    suite: Mapped[str] = mapped_column(String(64), primary_key=True)
    batch: Mapped[str] = mapped_column(String(64), primary_key=True)
    ruleset: Mapped[str] = mapped_column(String(32))
    validated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    success: Mapped[bool] = mapped_column()
    rows: Mapped[int] = mapped_column(Integer)
    # per expectation: rule, column labels, evaluated, unexpected, missing, exception
    results: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


def newest_fetch_first(*partition: InstrumentedAttribute[Any]) -> Label[int]:
    """The place of each row of :class:`RawFetch` in its partition: 1 is the latest."""
    order = (RawFetch.fetched_at.desc(), RawFetch.fetch_id.desc())
    return func.row_number().over(partition_by=partition, order_by=order).label("place")


def file_of() -> ColumnElement[str]:
    """The hash of the file that a row of :class:`RawDocument` stands for."""
    return func.coalesce(RawDocument.part_of, RawDocument.sha256)
