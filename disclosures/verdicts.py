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


@dataclass(frozen=True, slots=True)
class Judgement:
    """Findings and score of one disclosure under one rule set.

    ``score`` is None when nothing could be scored (no form was read); ``coverage`` is the
    percentage of applicable checks that could be evaluated. ``dimensions`` maps a dimension to
    ``{"score": "95.0", "weight": 70, "evaluated": 120, "passed": 118}``.
    """

    disclosure_id: str
    ruleset: str
    score: Decimal | None
    grade: str
    dimensions: Mapping[str, Mapping[str, object]]
    coverage: Decimal
    checks: Mapping[str, int]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ValidationSummary:
    """One Great Expectations validation: a suite on a batch (see ``out_validations``)."""

    suite: str
    batch: str
    success: bool
    rows: int
    results: tuple[Mapping[str, object], ...] = field(default=())
