"""Scores: every point traceable to a rule, coverage beside quality.

A rule earns its weight times the share of its checks that passed; a dimension's score is what its
rules earned of what they could have earned, less a deduction for every rule that failed (one wrong
figure among hundreds of right ones would hardly show otherwise); the total weighs the dimensions
that could be judged at all. What did not apply, could not be evaluated or rests on a doubtful
reading neither earns nor costs points: it shows in the coverage. Weights, deductions, grades and
caps stand in ``scoring.yaml``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from disclosures.verdicts import Capped, Dimension, Severity, State
from expectations.catalogue import Catalogue, Rule

#: Grade of a disclosure of which nothing could be judged.
NO_GRADE = "-"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grade(_Model):
    grade: str = Field(max_length=2)
    from_score: Decimal


class Cap(_Model):
    """The best grade while a condition holds."""

    condition: Literal["error_fail", "coverage_below"]
    at_least: int | None = None
    """``error_fail``: this many failed checks of error level."""
    percent: Decimal | None = None
    """``coverage_below``: less than this much of the applicable checks evaluated."""
    best_grade: str
    reason: str

    @model_validator(mode="after")
    def _has_threshold(self) -> Self:
        needed = self.at_least if self.condition == "error_fail" else self.percent
        if needed is None:
            raise ValueError(f"cap {self.condition} has no threshold")
        return self

    def holds(self, error_fails: int, coverage: Decimal) -> bool:
        if self.condition == "error_fail":
            return error_fails >= (self.at_least or 0)
        return coverage < (self.percent or Decimal(0))


class Scoring(_Model):
    """The scheme; see ``scoring.yaml``."""

    version: int
    dimensions: dict[Dimension, int]
    needed: tuple[Dimension, ...] = ()
    """Dimensions without which nothing is scored."""
    severities: dict[Severity, Decimal]
    deductions: dict[Severity, Decimal]
    """Points of its dimension that a failed rule costs besides its own."""
    grades: tuple[Grade, ...]
    caps: tuple[Cap, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        by_severity = (self.severities, self.deductions)
        if set(self.dimensions) != set(Dimension) or any(
            set(table) != set(Severity) for table in by_severity
        ):
            raise ValueError("every dimension and severity needs a weight")
        names = [g.grade for g in self.grades]
        if [g.from_score for g in self.grades] != sorted(
            (g.from_score for g in self.grades), reverse=True
        ) or any(cap.best_grade not in names for cap in self.caps):
            raise ValueError("grades go from best to worst, and caps name one of them")
        return self


@cache
def load_scoring() -> Scoring:
    """The scheme that is part of the package."""
    text = (files(__package__) / "scoring.yaml").read_text(encoding="utf-8")
    return Scoring.model_validate(yaml.safe_load(text))


@dataclass(frozen=True, slots=True)
class Score:
    """Points of one disclosure. ``score`` is None when nothing could be judged; ``dimensions`` is
    as in :class:`disclosures.verdicts.Judgement`, with the points of every rule in ``rules``."""

    score: Decimal | None
    grade: str
    dimensions: Mapping[str, Mapping[str, object]]
    coverage: Decimal
    capped: Capped | None = None


OPEN = (State.NOT_EVALUABLE, State.EXTRACTION_SUSPECT, State.ERROR)

#: Checks of one disclosure: rule id -> state -> how many.
CountsByRule = Mapping[str, Mapping[State, int]]


def score_disclosure(
    tallies: CountsByRule, catalogue: Catalogue, scoring: Scoring | None = None
) -> Score:
    """Score one disclosure from the outcomes of its checks."""
    scheme = scoring or load_scoring()
    evaluated_all = open_all = error_fails = 0
    shares: dict[Dimension, Decimal] = {}
    dimensions: dict[str, dict[str, Any]] = {}
    by_dimension: dict[Dimension, list[tuple[Rule, Mapping[State, int]]]] = defaultdict(list)
    for rule_id, tally in tallies.items():
        rule = catalogue.by_id[rule_id]
        by_dimension[rule.dimension].append((rule, tally))
    for dimension in Dimension:
        earned = possible = Decimal(0)
        passed = evaluated = unknown = 0
        losers: list[tuple[Rule, Decimal, int, int]] = []
        for rule, tally in by_dimension[dimension]:
            won = tally.get(State.EXACT, 0) + tally.get(State.WITHIN_ROUNDING, 0)
            lost = tally.get(State.FAIL, 0)
            if rule.severity is not Severity.INFO:
                passed += won
                evaluated += won + lost
                for state in OPEN:
                    unknown += tally.get(state, 0)
            if rule.severity is Severity.ERROR:
                error_fails += lost
            weight = rule.weight * scheme.severities[rule.severity]
            if not won + lost or not weight:
                continue
            points = weight * won / (won + lost) if lost else weight
            earned += points
            possible += weight
            if lost:
                losers.append((rule, weight - points, won, won + lost))
        share = None
        rules: list[dict[str, object]] = []
        if possible:
            share = 100 * earned / possible
            for rule, missed, won, checks in losers:
                deduction = scheme.deductions[rule.severity]
                share -= deduction
                rules.append(
                    {
                        "rule": rule.id,
                        "passed": won,
                        "evaluated": checks,
                        "lost_points": str(_points(100 * missed / possible + deduction)),
                    }
                )
            share = max(share, Decimal(0))
            shares[dimension] = share
        evaluated_all += evaluated
        open_all += unknown
        dimensions[dimension.value] = {
            "score": None if share is None else str(_points(share)),
            "weight": scheme.dimensions[dimension],
            "evaluated": evaluated,
            "passed": passed,
            "not_evaluated": unknown,
            "rules": rules,
        }
    applicable = evaluated_all + open_all
    coverage = (
        (Decimal(100) * evaluated_all / applicable).quantize(Decimal("0.1"), ROUND_DOWN)
        if applicable
        else Decimal("0.0")
    )
    weights = sum(scheme.dimensions[d] for d in shares)
    if not weights or any(needed not in shares for needed in scheme.needed):
        return Score(None, NO_GRADE, dimensions, coverage)
    exact = sum((share * scheme.dimensions[d] for d, share in shares.items()), Decimal(0)) / weights
    score = _points(exact)
    names = [g.grade for g in scheme.grades]
    rank = next(
        (n for n, grade in enumerate(scheme.grades) if score >= grade.from_score), len(names) - 1
    )
    caps = [cap for cap in scheme.caps if cap.holds(error_fails, coverage)]
    capped = Capped(names[rank], tuple((cap.best_grade, cap.reason) for cap in caps))
    rank = max([rank, *(names.index(cap.best_grade) for cap in caps)])
    return Score(score, names[rank], dimensions, coverage, capped)


def _points(value: Decimal) -> Decimal:
    """One decimal; 100.0 only when nothing at all was lost."""
    rounded = value.quantize(Decimal("0.1"), ROUND_HALF_UP)
    return Decimal("99.9") if rounded == 100 and value < 100 else rounded
