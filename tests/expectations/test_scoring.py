"""Scores: traceable, never inflated by what was not checked."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from disclosures.verdicts import Capped, State
from expectations.catalogue import load_catalogue
from expectations.scoring import NO_GRADE, Scoring, load_scoring, score_disclosure

CATALOGUE = load_catalogue()
SUM = "form01.income-sum"  # error, 真实性
SIDES = "form01.both-sides"  # error, 真实性
NAMES = "codes.same-name"  # warn, 真实性
PENSION = "form05-06.pension"  # info
PRESENT = "presentation.form-present"  # error, 完整性


def test_all_passed() -> None:
    score = score_disclosure(
        {SUM: {State.EXACT: 1}, PRESENT: {State.EXACT: 9}, SIDES: {State.WITHIN_ROUNDING: 1}},
        CATALOGUE,
    )
    assert (score.score, score.grade, score.coverage) == (Decimal("100.0"), "A", Decimal("100.0"))


def test_nothing_known() -> None:
    score = score_disclosure({SUM: {State.NOT_EVALUABLE: 1}, SIDES: {}}, CATALOGUE)
    assert score.score is None
    assert score.grade == NO_GRADE
    assert score.coverage == 0


def test_not_applicable_is_no_pass() -> None:
    with_it = score_disclosure({SUM: {State.FAIL: 1}, SIDES: {State.NOT_APPLICABLE: 50}}, CATALOGUE)
    without = score_disclosure({SUM: {State.FAIL: 1}}, CATALOGUE)
    assert with_it.score == without.score == 0
    assert with_it.coverage == 100


def test_an_error_caps_the_grade_and_costs_points() -> None:
    tallies = {r.id: {State.EXACT: 1} for r in CATALOGUE.rules}
    best = score_disclosure(tallies, CATALOGUE)
    tallies[SUM] = {State.FAIL: 1}
    score = score_disclosure(tallies, CATALOGUE)
    assert best.score == 100
    assert score.grade == "C"
    assert best.capped == Capped("A")
    assert score.capped == Capped("A", (("C", "有错误级问题"),))
    assert score.score is not None
    assert score.score < 97
    truth = score.dimensions["真实性"]
    lost = truth["rules"]
    assert isinstance(lost, list)
    # What the rules lost is what the dimension lacks.
    assert sum(Decimal(r["lost_points"]) for r in lost) == 100 - Decimal(str(truth["score"]))


def test_a_warning_does_not_cap() -> None:
    tallies = {r.id: {State.EXACT: 1} for r in CATALOGUE.rules}
    tallies[NAMES] = {State.FAIL: 1, State.EXACT: 40}
    score = score_disclosure(tallies, CATALOGUE)
    assert score.grade == "A"
    assert score.score is not None
    assert score.score < 100


def test_information_is_free() -> None:
    score = score_disclosure({SUM: {State.EXACT: 1}, PENSION: {State.FAIL: 1}}, CATALOGUE)
    assert score.score == 100
    assert score.coverage == 100


def test_what_could_not_be_checked_cannot_be_praised() -> None:
    tallies = {SUM: {State.EXACT: 1}, PRESENT: {State.NOT_EVALUABLE: 9}}
    score = score_disclosure(tallies, CATALOGUE)
    assert score.score == 100
    assert score.coverage == Decimal("10.0")
    assert score.grade == "D"


def test_hundred_means_hundred() -> None:
    tallies = {SUM: {State.EXACT: 1}, NAMES: {State.EXACT: 100_000, State.FAIL: 1}}
    gentle = load_scoring().model_copy(
        update={"deductions": dict.fromkeys(load_scoring().deductions, Decimal(0))}
    )
    assert score_disclosure(tallies, CATALOGUE, gentle).score == Decimal("99.9")
    open_one = {SUM: {State.EXACT: 100_000, State.NOT_EVALUABLE: 1}}
    assert score_disclosure(open_one, CATALOGUE).coverage == Decimal("99.9")


def test_a_scheme_is_whole() -> None:
    scheme = load_scoring().model_dump()
    scheme["dimensions"].popitem()
    with pytest.raises(ValidationError):
        Scoring.model_validate(scheme)
