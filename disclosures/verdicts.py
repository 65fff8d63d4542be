"""Verdicts on disclosures. They live with the domain because every floor above speaks of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARN = "warn"
    INFO = "info"


class State(StrEnum):
    """Outcome of one identity on one subject. The first two are passes: counted, not listed."""

    EXACT = "exact"
    WITHIN_ROUNDING = "within_rounding"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    NOT_EVALUABLE = "not_evaluable"
    EXTRACTION_SUSPECT = "extraction_suspect"
    ERROR = "error"


class Dimension(StrEnum):
    """The five dimensions by which the Ministry of Finance grades disclosure work."""

    COMPLETENESS = "完整性"
    DETAIL = "细化程度"
    TIMELINESS = "及时性"
    MANNER = "公开方式"
    TRUTHFULNESS = "真实性"


@dataclass(frozen=True, slots=True)
class Operand:
    """A figure that took part in an identity, as printed, with where it stands."""

    form: str | None
    side: str | None
    row: str
    column: str
    name: str
    text: str
    amount_wan: Decimal | None
    page: int | None
    sha256: str | None
    role: str = "addend"  # stated or addend


class Sureness(StrEnum):
    """How sure it is that the figure named first is the wrong one."""

    SOLE = "sole"
    """No other figure repairs as many identities with as few changes."""
    LIKELY = "likely"
    """Others would do as well, but what is printed speaks for this one."""
    OPEN = "open"
    """Several figures are equally possible."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A figure that may be the wrong one, with what would repair it.

    Any amount of ``low_wan … high_wan`` (None: no bound) makes the identities hold;
    ``repair_wan`` fits them best. ``reasons`` (Chinese) say what speaks for it.
    """

    operand: Operand
    repair_wan: Decimal
    low_wan: Decimal | None
    high_wan: Decimal | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """What one wrong figure explains.

    ``suspects`` are the figures that it may be, the best supported first. Where several sets of
    figures are equally small, ``option`` counts them from 0, the first being the one by which
    findings are grouped. ``explains`` names violated identities by rule and subject. ``state`` is
    ``fail``, or ``extraction_suspect`` where a reader saw the repaired figure or readers differ.
    """

    ordinal: int
    option: int
    sureness: Sureness
    state: State
    suspects: tuple[Suspect, ...]
    explains: tuple[tuple[str, str], ...]
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict of one identity on one subject. Amounts in 万元; ``message`` is Chinese."""

    disclosure_id: str
    rule: str
    subject: str
    severity: Severity
    state: State
    message: str
    form: str | None = None
    stated_wan: Decimal | None = None
    computed_wan: Decimal | None = None
    difference_wan: Decimal | None = None
    tolerance_wan: Decimal | None = None
    sha256: str | None = None
    page: int | None = None
    quote: str | None = None
    operands: tuple[Operand, ...] = ()
    cause: int | None = None
    """``ordinal`` of the first cause that explains it."""
    innocent: str | None = None
    """What may explain a violation innocently; auditors look at it first."""


@dataclass(frozen=True, slots=True)
class Capped:
    """The grade that the points alone earn, and the caps that held: the best grade that each
    allows, and why (Chinese)."""

    earned: str
    caps: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """Findings and score of one disclosure under one rule set.

    ``score`` is None when nothing could be scored (no form was read); ``coverage`` is the
    percentage of applicable checks that could be evaluated. ``dimensions`` maps a dimension to
    ``{"score": "95.0", "weight": 70, "evaluated": 120, "passed": 118}``; ``capped`` is None where
    nothing was scored. ``context`` names the other disclosures that stood beside it, if any.
    """

    disclosure_id: str
    ruleset: str
    score: Decimal | None
    grade: str
    dimensions: Mapping[str, Mapping[str, object]]
    coverage: Decimal
    checks: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    causes: tuple[Cause, ...] = ()
    capped: Capped | None = None
    context: str = ""


@dataclass(frozen=True, slots=True)
class ValidationSummary:
    """One Great Expectations validation: a suite on a batch (see ``out_validations``)."""

    suite: str
    batch: str
    success: bool
    rows: int
    results: tuple[Mapping[str, object], ...] = field(default=())
