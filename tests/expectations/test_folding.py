"""What could not be checked, by what was missing: said once, with the number of rules."""

from __future__ import annotations

import pytest
from synthetic_accounts import facts_of, reading, sound_cells

from disclosures.forms import forms
from disclosures.verdicts import Finding, Judgement, State
from expectations.catalogue import load_catalogue
from expectations.judge import judge_batch
from expectations.wording import Fold, folded, unjudged
from flows.tables import unjudged as lines_of
from warehouse.batches import Batch

SOUND = facts_of(sound_cells())


def fold(*messages: str) -> tuple[list[Fold[int]], list[int]]:
    return folded(enumerate(messages))


def said(*reasons: str) -> str:
    return unjudged("某条规则", "未能检查", reasons)


def test_missing_forms_are_told_together() -> None:
    three, five = "未读到《支出决算表》", "未读到《一般公共预算财政拨款支出决算表》"
    folds, rest = fold(said(five), said(three, five), said(three), said("没有预算数"))
    assert folds == [Fold("未读到《支出决算表》《一般公共预算财政拨款支出决算表》", (0, 1, 2))]
    assert rest == [3]


def test_a_reason_that_several_rules_share_is_told_once() -> None:
    missing = "没有归档下列所属单位的决算，或有同名的几份：甲中心、乙中心"
    folds, rest = fold(*(said(f"{name}：{missing}") for name in "甲乙丙"), said("没有执行数"))
    assert folds == [Fold(missing, (0, 1, 2))]
    assert rest == [3]


def test_few_are_told_one_by_one() -> None:
    assert fold(said("未读到《支出决算表》"), said("没有预算数")) == ([], [0, 1])
    assert fold("某条规则：不适用。没有。") == ([], [0])


@pytest.fixture(scope="module")
def without_forms() -> Judgement:
    batch = Batch.from_readings({"x": [reading(facts=())], "y": [reading(facts=SOUND)]})
    return judge_batch(batch, load_catalogue()).judgements[0]


def test_a_disclosure_without_forms_says_so_in_one_line(without_forms: Judgement) -> None:
    open_ = [f for f in without_forms.findings if f.state is State.NOT_EVALUABLE]
    assert len(open_) > 40
    folds, rest = folded((f, f.message) for f in open_)
    first = max(folds, key=lambda one: len(one.findings))
    assert all(form.title in first.reason for form in forms().values())
    assert "九张表都没有读到" in first.reason
    assert len(folds) + len(rest) < len(open_) / 4
    told: list[Finding] = [f for one in folds for f in one.findings] + rest
    assert sorted(f.rule for f in told) == sorted(f.rule for f in open_)


def test_the_command_tells_it_in_few_lines(without_forms: Judgement) -> None:
    lines = lines_of(without_forms)
    assert len(lines) <= 8
    count, reason = lines[0]
    assert "未读到" in reason
    assert int(count.split()[0]) > 30
